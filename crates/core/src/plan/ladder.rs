//! The take-profit ladder: up to four legs, each closing a fraction at its target.

use crate::planted::planted;
use serde::{Deserialize, Serialize};

use super::dynamic::{Dynamic, Known};
use super::level::{Average, LevelRule};
use crate::instrument::{Instrument, Side};
use crate::num::{Price, Qty, Ratio, Round};
use crate::time::Span;

/// Most legs a ladder may have.
pub const LEGS_MAX: usize = 4;

/// The take-profit ladder of a plan; legs are sorted from the nearest to the farthest target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ladder {
    /// One to [`LEGS_MAX`] legs.
    pub legs: Vec<Leg>,
    /// What a leg's fraction is of.
    pub of: LegOf,
    /// What happens when the price passes several targets at once.
    #[serde(default)]
    pub gap_policy: GapPolicy,
    /// What happens when the last leg is less than can be closed.
    #[serde(default)]
    pub single_lot: SingleLot,
    /// Closes everything where a leg would leave a remainder that could not be closed at its stop;
    /// otherwise the leg is made smaller.
    #[serde(default)]
    pub sweep: bool,
    /// Targets that follow leverage, size, volatility and regime.
    #[serde(default)]
    pub dynamic: Option<Dynamic>,
    /// How far through its target a leg may be closed, as a share of it.
    #[serde(default)]
    pub worst: Option<Ratio>,
    /// How long a leg that went out as an order may take.
    #[serde(default)]
    pub expires_after: Option<Span>,
}

/// What happens when the price passes several targets at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GapPolicy {
    /// All legs passed close in one order.
    #[default]
    All,
    /// The nearest leg closes; the next one waits until it has concluded.
    One,
}

/// What happens when the last leg is less than can be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SingleLot {
    /// It closes nothing; stop and trailing stop go on.
    #[default]
    Hold,
    /// It closes everything.
    Close,
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
            LegTarget::Share(share) if planted(79) => Some(rule.target(Side::Long, entry, share)),
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
    /// A ladder with every choice at its default.
    #[must_use]
    pub const fn new(legs: Vec<Leg>, of: LegOf) -> Self {
        Self {
            legs,
            of,
            gap_policy: GapPolicy::All,
            single_lot: SingleLot::Hold,
            sweep: false,
            dynamic: None,
            worst: None,
            expires_after: None,
        }
    }

    /// What all legs together leave, as a fraction of the initial quantity: 25 %, 25 % and 50 % of the
    /// remaining leave 28.125 %. Lots aside; half up to 10^-9.
    #[must_use]
    pub fn runner(&self) -> Ratio {
        let one = i128::from(Ratio::ONE.0);
        let left = match self.of {
            LegOf::Remaining => self
                .legs
                .iter()
                .fold(one, |left, leg| Round::HalfUp.divide(left * (one - i128::from(leg.fraction.0)), one)),
            LegOf::Initial => one - self.legs.iter().map(|leg| i128::from(leg.fraction.0)).sum::<i128>(),
        };
        Ratio(i64::try_from(left.max(0)).expect("at most the whole"))
    }

    /// The ladder with the targets and fractions that `known` gives; leg n stays leg n. A ladder without
    /// dynamic targets stays as it is.
    #[must_use]
    pub fn retargeted(&self, known: Known) -> Self {
        let mut ladder = self.clone();
        let Some(dynamic) = self.dynamic else { return ladder };
        let found = dynamic.targets(known);
        for (leg, (target, fraction)) in
            ladder.legs.iter_mut().zip(found.targets.into_iter().zip(found.fractions))
        {
            leg.target = LegTarget::Share(target);
            leg.fraction = fraction;
        }
        ladder
    }

    /// Whether its targets follow the plan's bars.
    #[must_use]
    pub fn follows(&self) -> bool {
        self.dynamic.is_some_and(|dynamic| dynamic.follows)
    }

    /// What legs `from..to` close together: computed exactly, floored to the lot once, never more than is open.
    #[must_use]
    pub fn qty(&self, from: usize, to: usize, open: Qty, initial: Qty, instrument: &Instrument) -> Qty {
        let one = i128::from(Ratio::ONE.0);
        let legs = &self.legs[from..to];
        let exact = match self.of {
            LegOf::Remaining => {
                let open = if planted(83) { initial } else { open };
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
        if qty.0 == 0 && from < to && to == self.legs.len() && self.single_lot == SingleLot::Close {
            return instrument.closable(open);
        }
        let rest = Qty(open.0 - qty.0);
        if qty.0 > 0 && instrument.floor_to_lot(rest).0 > 0 && instrument.closable(rest).0 == 0 {
            if self.sweep {
                return instrument.closable(open);
            }
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
        Ladder::new(vec![leg(2_500), leg(2_500), leg(5_000)], of)
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
    fn what_the_legs_leave_is_the_runner() {
        assert_eq!(ladder(LegOf::Remaining).runner(), Ratio(281_250_000));
        assert_eq!(ladder(LegOf::Initial).runner(), Ratio::ZERO);
        let mut quarters = ladder(LegOf::Remaining);
        quarters.legs[2].fraction = Ratio::from_bps(2_500);
        assert_eq!(quarters.runner(), Ratio(421_875_000));
        quarters.of = LegOf::Initial;
        assert_eq!(quarters.runner(), Ratio(250_000_000));
    }

    #[test]
    fn a_last_leg_of_less_than_a_lot_holds_or_closes_everything() {
        let mut instrument = Instrument::from_decimals("X", 2, 3);
        instrument.lot_size = Qty(10);
        let mut ladder = ladder(LegOf::Remaining);
        assert_eq!(ladder.qty(0, 3, Qty(10), Qty(10), &instrument), Qty(0));
        ladder.single_lot = SingleLot::Close;
        assert_eq!(ladder.qty(0, 3, Qty(10), Qty(10), &instrument), Qty(10));
        assert_eq!(ladder.qty(0, 2, Qty(10), Qty(10), &instrument), Qty(0), "not before the last leg");
    }

    #[test]
    fn a_remainder_that_cannot_be_closed_makes_the_leg_smaller_or_is_swept() {
        let mut instrument = Instrument::from_decimals("X", 2, 3);
        (instrument.lot_size, instrument.qty_min) = (Qty(1), Qty(40));
        let mut ladder = ladder(LegOf::Initial);
        ladder.legs[0].fraction = Ratio::from_bps(7_000);
        assert_eq!(ladder.qty(0, 1, Qty(100), Qty(100), &instrument), Qty(60));
        ladder.sweep = true;
        assert_eq!(ladder.qty(0, 1, Qty(100), Qty(100), &instrument), Qty(100));
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
