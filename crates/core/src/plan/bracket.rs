//! The bracket: a protective stop that rests at the venue and acts when we cannot.

use serde::{Deserialize, Serialize};

use crate::num::Price;
use crate::num::{Ratio, Round};
use crate::order::TriggerSource;
use crate::time::Span;

/// A stop order at the venue that follows the effective stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Bracket {
    /// It is moved when the effective stop is tighter by at least this share of its price.
    pub band: Ratio,
    /// How long its trigger may have traded without the fill before we get out ourselves.
    pub patience: Span,
    /// Whose price triggers it.
    pub trigger: TriggerSource,
}

impl Bracket {
    /// Moved at a tenth of a percent, trusted for 1.5 seconds, on the last price.
    pub const DEFAULT: Self =
        Self { band: Ratio::from_bps(10), patience: Span::from_millis(1_500), trigger: TriggerSource::Last };

    /// How much tighter than a stop at `at` the effective stop must be, in price units; at least 1.
    #[must_use]
    pub fn band_at(&self, at: Price) -> i64 {
        self.band.of(at.0, Round::Up).max(1)
    }
}
