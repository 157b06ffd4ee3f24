//! The stop loss: a price, set at the entry, that only ever tightens.

use serde::{Deserialize, Serialize};

use super::level::{Average, LevelRule};
use super::{Distance, ExitStyle};
use crate::indicator::AtrValue;
use crate::instrument::Side;
use crate::market::PriceSource;
use crate::num::{Price, Round};

/// The stop loss of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopLoss {
    /// Distance from the entry.
    pub distance: Distance,
    /// The price it looks at; `None` is the default of the rule.
    pub source: Option<PriceSource>,
    /// How the exit is sent.
    pub exit: ExitStyle,
}

impl StopLoss {
    /// The initial stop.
    #[must_use]
    pub fn initial(&self, side: Side, entry: Average, rule: LevelRule, atr: Option<AtrValue>) -> Price {
        match self.distance {
            Distance::Share(share) => rule.stop(side, entry, share),
            Distance::Price(distance) => rule.offset(side, entry, -distance),
            Distance::Atr { multiple, fallback } => match atr {
                // Rounded up as a distance: the level's own rounding then takes the earlier exit.
                Some(atr) => rule.offset(side, entry, -atr.times(multiple, Round::Down)),
                None => rule.stop(side, entry, fallback),
            },
        }
    }

    /// Whether the stop wanted ATR and had to do without.
    #[must_use]
    pub const fn misses_atr(&self, atr: Option<AtrValue>) -> bool {
        matches!(self.distance, Distance::Atr { .. }) && atr.is_none()
    }
}
