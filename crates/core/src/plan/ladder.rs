//! The take-profit ladder: up to four legs, each closing a fraction at its target.

use serde::{Deserialize, Serialize};

use super::level::{Average, LevelRule};
use crate::instrument::{Instrument, Side};
use crate::num::{Price, Qty, Ratio, Round};

/// Most legs a ladder may have.
pub const LEGS_MAX: usize = 4;

/// The take-profit ladder of a plan; legs are sorted from the nearest to the farthest target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ladder {
    /// One to [`LEGS_MAX`] legs.
    pub legs: Vec<Leg>,
    /// What a leg's fraction is of.
    pub of: LegOf,
}

/// One take-profit leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// Where it closes.
    pub target: LegTarget,
    /// How much it closes, above 0 and at most 1.
    pub fraction: Ratio,
    /// How it closes.
    pub kind: LegKind,
}

/// Where a leg closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegTarget {
    /// A share of the entry price away.
    Share(Ratio),
    /// A multiple of R away: the distance from the entry to the initial stop.
    R(Ratio),
    /// A price.
    Price(Price),
}

/// How a leg closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegKind {
    /// At the market when the price reaches the target.
    Hard,
    /// By a limit order that rests at the target.
    Soft,
}

/// What the fractions of a ladder are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegOf {
    /// What is left when the leg's turn comes.
    Remaining,
    /// What was held at the start.
    Initial,
}

impl Leg {
    /// The leg's target; `risk` is R in price units. A leg in R of a position without R has no target.
    #[must_use]
    pub fn level(&self, side: Side, entry: Average, risk: Option<i64>, rule: LevelRule) -> Option<Price> {
        match self.target {
            LegTarget::Share(share) => Some(rule.target(side, entry, share)),
            LegTarget::R(multiple) => {
                risk.map(|risk| rule.offset(side, entry, multiple.of(risk, Round::HalfUp)))
            }
            LegTarget::Price(price) => {
                Some(rule.offset(side, Average { cost: i128::from(price.0), qty: 1 }, 0))
            }
        }
    }
}

impl Ladder {
    /// What legs `from..to` close together: computed exactly, floored to the lot once, never more than is open.
    #[must_use]
    pub fn qty(&self, from: usize, to: usize, open: Qty, initial: Qty, instrument: &Instrument) -> Qty {
        let one = i128::from(Ratio::ONE.0);
        let legs = &self.legs[from..to];
        let exact = match self.of {
            LegOf::Remaining => {
                let left =
                    legs.iter().fold(one * one, |left, leg| left * (one - i128::from(leg.fraction.0)) / one);
                // Rounding of the running product is in units of 10^-18: below any lot.
                i128::from(open.0) - ceil_div(i128::from(open.0) * left, one * one)
            }
            LegOf::Initial => {
                let sum: i128 = legs.iter().map(|leg| i128::from(leg.fraction.0)).sum();
                (i128::from(initial.0) * sum / one).min(i128::from(open.0))
            }
        };
        let exact = i64::try_from(exact).expect("a fraction of a quantity is at most the quantity");
        let qty = instrument.closable(Qty(exact));
        let rest = Qty(open.0 - qty.0);
        if instrument.floor_to_lot(rest).0 > 0 && instrument.closable(rest).0 == 0 {
            // Lots that could not be sold at the stop make the leg smaller.
            return instrument.closable(Qty(open.0 - instrument.qty_min.0));
        }
        qty
    }
}

fn ceil_div(numerator: i128, denominator: i128) -> i128 {
    Round::Up.divide(numerator, denominator)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ladder(of: LegOf) -> Ladder {
        let leg = |fraction| Leg {
            target: LegTarget::Share(Ratio::from_bps(100)),
            fraction: Ratio::from_bps(fraction),
            kind: LegKind::Hard,
        };
        Ladder { legs: vec![leg(2_500), leg(2_500), leg(5_000)], of }
    }

    #[test]
    fn quarters_and_a_half_of_the_remaining_leave_28_125_percent() {
        let instrument = Instrument::from_decimals("X", 2, 3);
        let ladder = ladder(LegOf::Remaining);
        assert_eq!(ladder.qty(0, 3, Qty(100_000), Qty(100_000), &instrument), Qty(71_875));
        assert_eq!(ladder.qty(0, 1, Qty(100_000), Qty(100_000), &instrument), Qty(25_000));
        assert_eq!(ladder.qty(1, 2, Qty(75_000), Qty(100_000), &instrument), Qty(18_750));
        assert_eq!(ladder.qty(2, 3, Qty(56_250), Qty(100_000), &instrument), Qty(28_125));
    }

    #[test]
    fn fractions_of_the_initial_quantity_never_close_more_than_is_open() {
        let instrument = Instrument::from_decimals("X", 2, 3);
        let ladder = ladder(LegOf::Initial);
        assert_eq!(ladder.qty(0, 2, Qty(100), Qty(100), &instrument), Qty(50));
        assert_eq!(ladder.qty(2, 3, Qty(30), Qty(100), &instrument), Qty(30));
    }

    #[test]
    fn a_leg_below_the_lot_or_the_minimum_closes_nothing() {
        let mut instrument = Instrument::from_decimals("X", 2, 3);
        instrument.lot_size = Qty(10);
        let ladder = ladder(LegOf::Remaining);
        assert_eq!(ladder.qty(0, 1, Qty(30), Qty(30), &instrument), Qty(0));
        assert_eq!(ladder.qty(0, 2, Qty(30), Qty(30), &instrument), Qty(10));
        instrument.qty_min = Qty(20);
        assert_eq!(ladder.qty(0, 2, Qty(30), Qty(30), &instrument), Qty(0));
    }
}
