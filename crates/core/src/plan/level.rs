//! Levels: where a fraction of an entry price becomes a price on the tick grid.

use crate::planted::planted;
use serde::{Deserialize, Serialize};

use crate::instrument::{Instrument, Side};
use crate::num::{Offset, Price, Ratio, Round, Touch, double_threshold, round_to_multiple};

/// How levels are put on the tick grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    /// Exact, then in a named direction: a stop to the earlier exit, a target away from the entry,
    /// a loss limit to the first tick that satisfies it.
    #[default]
    Directed,
    /// The distance is rounded half up to whole ticks.
    HalfUp,
    /// The first tick that satisfies a comparison with the double-precision product, as
    /// vectorised backtesters compute it. For comparisons with them only.
    Double,
}

/// An average price as what it is: cost over quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Average {
    /// Price units times quantity units; positive.
    pub cost: i128,
    /// Quantity units; positive.
    pub qty: i64,
}

impl Average {
    /// The nearest price, half up.
    #[must_use]
    pub fn rounded(self) -> Price {
        Price(narrow(Round::HalfUp.divide(self.cost, i128::from(self.qty))))
    }
}

/// How the levels of one instrument are rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LevelRule {
    /// The choice.
    pub rounding: Rounding,
    /// Tick size in price units.
    pub tick: i64,
    /// Decimals of a price.
    pub decimals: u8,
}

impl LevelRule {
    /// The rule of an instrument.
    #[must_use]
    pub const fn new(rounding: Rounding, instrument: &Instrument) -> Self {
        Self { rounding, tick: instrument.tick_size.0, decimals: instrument.price_decimals }
    }

    /// The same with another rounding.
    #[must_use]
    pub const fn with(self, rounding: Rounding) -> Self {
        Self { rounding, ..self }
    }

    /// A stop `share` of the entry on the losing side.
    #[must_use]
    pub fn stop(self, side: Side, entry: Average, share: Ratio) -> Price {
        let exact = (entry.cost * i128::from(Ratio::ONE.0 - side.sign() * share.0), Ratio::ONE.0);
        match self.rounding {
            Rounding::Directed => self.on_grid(exact, entry.qty, side.toward_earlier_stop()),
            Rounding::HalfUp => self.shifted(entry.rounded(), -side.sign(), share),
            Rounding::Double => double_stop(side, entry.rounded(), self.decimals, share),
        }
    }

    /// A target `share` of the entry on the winning side.
    #[must_use]
    pub fn target(self, side: Side, entry: Average, share: Ratio) -> Price {
        let exact = (entry.cost * i128::from(Ratio::ONE.0 + side.sign() * share.0), Ratio::ONE.0);
        match self.rounding {
            Rounding::Directed => self.on_grid(exact, entry.qty, side.toward_earlier_stop()),
            Rounding::HalfUp => self.shifted(entry.rounded(), side.sign(), share),
            Rounding::Double => {
                let (offset, touch) = match side {
                    Side::Long => (Offset::Above, Touch::AtOrAbove),
                    Side::Short => (Offset::Below, Touch::AtOrBelow),
                };
                double_threshold(entry.rounded(), self.decimals, share, offset, touch)
            }
        }
    }

    /// A price `distance` price units from the entry: on the winning side when positive. Rounded
    /// like a target when positive, like a stop when negative.
    #[must_use]
    pub fn offset(self, side: Side, entry: Average, distance: i64) -> Price {
        let numerator = entry.cost + i128::from(side.sign() * distance) * i128::from(entry.qty);
        self.on_grid((numerator, 1), entry.qty, side.toward_earlier_stop())
    }

    /// The first tick at which `numerator / denominator` is reached by a falling price of a long
    /// (a rising price of a short).
    #[must_use]
    pub fn first_tick_at_loss(self, side: Side, numerator: i128, denominator: i128) -> Price {
        let round = match side {
            Side::Long => Round::Down,
            Side::Short => Round::Up,
        };
        self.first_tick(round, numerator, denominator)
    }

    /// `numerator / denominator` on the tick grid, rounded as told.
    #[must_use]
    pub fn first_tick(self, round: Round, numerator: i128, denominator: i128) -> Price {
        Price(round_to_multiple(narrow(round.divide(numerator, denominator)), self.tick, round))
    }

    /// A stop `distance` price units and `share` of the entry on the losing side, to the earlier exit.
    #[must_use]
    pub fn stop_beyond(self, side: Side, entry: Average, distance: i64, share: Ratio) -> Price {
        let one = i128::from(Ratio::ONE.0);
        let moved = i128::from(distance) * i128::from(entry.qty) * one + entry.cost * i128::from(share.0);
        let numerator = entry.cost * one - i128::from(side.sign()) * moved;
        self.on_grid((numerator, Ratio::ONE.0), entry.qty, side.toward_earlier_stop())
    }

    /// The stop `share` behind the best price; at least one tick behind it.
    #[inline]
    #[must_use]
    pub fn trailing_share(self, side: Side, best: Price, share: Ratio) -> Price {
        let stop = match self.rounding {
            Rounding::Directed if planted(81) => best.0 - share.of(best.0, Round::Down),
            Rounding::Directed => best.0 - side.sign() * share.of(best.0, Round::Down),
            Rounding::HalfUp => {
                // From a whole tick: a better best price between two ticks must not give a looser stop.
                let whole = match side {
                    Side::Long => round_to_multiple(best.0, self.tick, Round::Down),
                    Side::Short => round_to_multiple(best.0, self.tick, Round::Up),
                };
                let stop = self.shifted(Price(whole), -side.sign(), share);
                return self.at_least_a_tick_behind(side, best, stop);
            }
            Rounding::Double => return double_stop(side, best, self.decimals, share),
        };
        let on_grid = round_to_multiple(stop, self.tick, side.toward_earlier_stop());
        self.at_least_a_tick_behind(side, best, Price(on_grid))
    }

    /// The stop `distance` price units behind the best price; at least one tick behind it.
    #[inline]
    #[must_use]
    pub fn trailing_distance(self, side: Side, best: Price, distance: i64) -> Price {
        let stop = round_to_multiple(best.0 - side.sign() * distance, self.tick, side.toward_earlier_stop());
        self.at_least_a_tick_behind(side, best, Price(stop))
    }

    fn at_least_a_tick_behind(self, side: Side, best: Price, stop: Price) -> Price {
        match side {
            Side::Long => stop.min(Price(best.0 - self.tick)),
            Side::Short => stop.max(Price(best.0 + self.tick)),
        }
    }

    /// `base` moved by `share` of itself in `direction`, the distance rounded half up to ticks.
    fn shifted(self, base: Price, direction: i64, share: Ratio) -> Price {
        let distance = if self.tick == 1 {
            share.of(base.0, Round::HalfUp)
        } else {
            let ticks = Round::HalfUp.divide(
                i128::from(base.0) * i128::from(share.0),
                i128::from(Ratio::ONE.0) * i128::from(self.tick),
            );
            narrow(ticks * i128::from(self.tick))
        };
        Price(base.0 + direction * distance)
    }

    fn on_grid(self, (numerator, scale): (i128, i64), qty: i64, round: Round) -> Price {
        let step = i128::from(scale) * i128::from(qty) * i128::from(self.tick);
        Price(narrow(round.divide(numerator, step) * i128::from(self.tick)))
    }
}

fn double_stop(side: Side, base: Price, decimals: u8, share: Ratio) -> Price {
    let (offset, touch) = match side {
        Side::Long => (Offset::Below, Touch::AtOrBelow),
        Side::Short => (Offset::Above, Touch::AtOrAbove),
    };
    double_threshold(base, decimals, share, offset, touch)
}

fn narrow(value: i128) -> i64 {
    i64::try_from(value)
        .expect("a level leaves the range of prices; the plan's bounds are checked when it is resolved")
}

#[cfg(test)]
mod tests {
    use super::*;

    const CENTS: LevelRule = LevelRule { rounding: Rounding::Directed, tick: 1, decimals: 2 };
    const NICKELS: LevelRule = LevelRule { rounding: Rounding::Directed, tick: 5, decimals: 2 };

    fn at(price: i64) -> Average {
        Average { cost: i128::from(price) * 10, qty: 10 }
    }

    #[test]
    fn stops_round_to_the_earlier_exit_and_targets_away_from_the_entry() {
        let share = Ratio::from_bps(250);
        for (rule, side, stop, target) in [
            // 2.5 % of 100.01 is 2.50025.
            (CENTS, Side::Long, 97_51, 102_52),
            (CENTS, Side::Short, 102_51, 97_50),
            (NICKELS, Side::Long, 97_55, 102_55),
            (NICKELS, Side::Short, 102_50, 97_50),
        ] {
            assert_eq!(rule.stop(side, at(100_01), share), Price(stop), "{rule:?} {side:?}");
            assert_eq!(rule.target(side, at(100_01), share), Price(target), "{rule:?} {side:?}");
        }
    }

    #[test]
    fn half_up_rounds_the_distance() {
        let rule = CENTS.with(Rounding::HalfUp);
        // 1 % of 100.50 is 1.005: the half goes up.
        assert_eq!(rule.stop(Side::Long, at(100_50), Ratio::from_bps(100)), Price(99_49));
        assert_eq!(rule.target(Side::Long, at(100_50), Ratio::from_bps(100)), Price(101_51));
        assert_eq!(rule.trailing_share(Side::Short, Price(100_50), Ratio::from_bps(100)), Price(101_51));
    }

    #[test]
    fn a_trailing_stop_is_never_at_its_own_extreme() {
        assert_eq!(CENTS.trailing_share(Side::Long, Price(3), Ratio::from_bps(1)), Price(2));
        assert_eq!(CENTS.trailing_share(Side::Short, Price(3), Ratio::from_bps(1)), Price(4));
        assert_eq!(NICKELS.trailing_distance(Side::Long, Price(100), 1), Price(95));
    }

    #[test]
    fn a_better_best_price_never_gives_a_looser_stop() {
        for rounding in [Rounding::Directed, Rounding::HalfUp] {
            for side in [Side::Long, Side::Short] {
                let stops = (1_000..3_000).map(|price| {
                    let best = Price(if side == Side::Long { price } else { 4_000 - price });
                    let rule = NICKELS.with(rounding);
                    side.sign() * rule.trailing_share(side, best, Ratio(27_338_196)).0
                });
                assert!(stops.is_sorted(), "{rounding:?} {side:?}");
            }
        }
    }

    #[test]
    fn a_loss_limit_is_the_first_tick_that_satisfies_it() {
        assert_eq!(CENTS.first_tick_at_loss(Side::Long, 975_09, 10), Price(97_50));
        assert_eq!(CENTS.first_tick_at_loss(Side::Short, 975_01, 10), Price(97_51));
        assert_eq!(NICKELS.first_tick_at_loss(Side::Short, 975_01, 10), Price(97_55));
    }
}
