//! Hard stop, loss guard, soft stop: a share of loss at which everything is closed.

use serde::{Deserialize, Serialize};

use super::level::{Average, LevelRule};
use super::{ExitStyle, Plan};
use crate::instrument::{Instrument, Side};
use crate::market::PriceSource;
use crate::num::{Money, Price, Ratio, Round};

/// A loss at which everything is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossLimit {
    /// The loss, as a positive share of its basis.
    pub share: Ratio,
    /// What the share is of.
    pub basis: Basis,
    /// Whether fees count.
    pub pnl: Pnl,
    /// The price it looks at; `None` is the default of the rule.
    pub source: Option<PriceSource>,
    /// How the exit is sent.
    pub exit: ExitStyle,
}

/// What a share of profit or loss is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The entry price: 0.02 is a move of 2 %.
    Price,
    /// The margin: 0.02 is a move of 2 % divided by the leverage.
    Margin,
}

/// Whether fees count in a profit or loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pnl {
    /// Price move only.
    Gross,
    /// Minus entry fees paid and one taker fee for the exit.
    Net,
}

impl LossLimit {
    /// The first tick at which the remaining quantity has lost the share; all comparisons are inclusive.
    #[must_use]
    pub fn level(
        &self,
        side: Side,
        entry: Average,
        entry_fees: Money,
        plan: &Plan,
        instrument: &Instrument,
    ) -> Price {
        let rule = LevelRule::new(plan.rounding, instrument);
        let one = i128::from(Ratio::ONE.0);
        // The share of the entry's cost that may be lost, in units of 10^-9.
        let share = match self.basis {
            Basis::Price => i128::from(self.share.0),
            Basis::Margin => i128::from(self.share.0) * one / i128::from(plan.leverage.0),
        };
        let sign = i128::from(side.sign());
        match self.pnl {
            Pnl::Gross => {
                rule.first_tick_at_loss(side, entry.cost * (one - sign * share), one * i128::from(entry.qty))
            }
            // sign (p q - cost) - fees - taker p q <= -share cost, solved for p.
            Pnl::Net => {
                // Rounded down the quotient of whole numbers still is the first tick, for both sides.
                let fees = Round::Down.divide(entry_fees.0 * one, instrument.money_per_unit());
                let numerator = entry.cost * (one - sign * share) + sign * fees;
                let denominator = (one - sign * i128::from(plan.taker_fee.0)) * i128::from(entry.qty);
                rule.first_tick_at_loss(side, numerator, denominator)
            }
        }
    }
}
