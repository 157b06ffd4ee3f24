//! The stop loss: a price, set at the entry, that only ever tightens.
//!
//! Its distance is the greater of the plan's distance and a minimum, plus a cushion for the spread
//! and a fee. A risk floor bounds what a stop may cost, as a share of the margin.

use crate::planted::planted;
use serde::{Deserialize, Serialize};

use super::level::{Average, LevelRule};
use super::{Distance, ExitStyle};
use crate::indicator::AtrValue;
use crate::instrument::Side;
use crate::market::PriceSource;
use crate::num::{Price, Ratio, Round};
use crate::reason::StopOrigin;

/// The stop loss of a plan. All shares are of the entry, unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopLoss {
    /// Distance from the entry.
    pub distance: Distance,
    /// The distance is at least this.
    #[serde(default)]
    pub minimum: Ratio,
    /// Added for the spread.
    #[serde(default)]
    pub cushion: Ratio,
    /// Added for one fee.
    #[serde(default)]
    pub fee: Ratio,
    /// Most that the stop may cost, as a share of the margin: it is never farther than this over leverage.
    #[serde(default)]
    pub risk_floor: Option<Ratio>,
    /// Where the risk floor allows less than this, the position must not be held at all.
    #[serde(default)]
    pub distance_min: Option<Ratio>,
    /// The price it looks at; `None` is the default of the rule.
    pub source: Option<PriceSource>,
    /// How the exit is sent.
    pub exit: ExitStyle,
}

/// The stop that a position begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InitialStop {
    /// The stop.
    pub price: Price,
    /// What set it: the plan's distance, or the risk floor.
    pub origin: StopOrigin,
    /// The leverage allows no stop that the plan thinks reasonable: close everything at once.
    pub forces_exit: bool,
}

impl StopLoss {
    /// A stop at a distance and nothing else, at the market.
    #[must_use]
    pub const fn at(distance: Distance) -> Self {
        Self {
            distance,
            minimum: Ratio::ZERO,
            cushion: Ratio::ZERO,
            fee: Ratio::ZERO,
            risk_floor: None,
            distance_min: None,
            source: None,
            exit: ExitStyle::Market,
        }
    }

    /// The initial stop of a position at `leverage`.
    #[must_use]
    pub fn initial(
        &self,
        side: Side,
        entry: Average,
        rule: LevelRule,
        atr: Option<AtrValue>,
        leverage: Ratio,
    ) -> InitialStop {
        let wanted = self.by_distance(side, entry, rule, atr);
        let Some(allowed) = self.allowed_move(leverage) else {
            return InitialStop { price: wanted, origin: StopOrigin::Initial, forces_exit: false };
        };
        let floor = rule.stop(side, entry, allowed);
        let floor_wins = side.sign() * floor.0 > side.sign() * wanted.0;
        InitialStop {
            price: if floor_wins { floor } else { wanted },
            origin: if floor_wins { StopOrigin::RiskFloor } else { StopOrigin::Initial },
            forces_exit: self.distance_min.is_some_and(|least| allowed < least),
        }
    }

    /// The farthest the risk floor lets a stop be from the entry, as a share of it.
    #[must_use]
    pub fn allowed_move(&self, leverage: Ratio) -> Option<Ratio> {
        self.risk_floor.map(|floor| risk_floor_move(floor, leverage))
    }

    /// Whether the stop wanted ATR and had to do without.
    #[must_use]
    pub const fn misses_atr(&self, atr: Option<AtrValue>) -> bool {
        matches!(self.distance, Distance::Atr { .. }) && atr.is_none()
    }

    /// The stop as a share of the entry, where the plan alone decides it: `None` for a distance in price
    /// or ATR.
    #[must_use]
    pub fn share(&self, leverage: Ratio) -> Option<Ratio> {
        match self.distance {
            Distance::Share(share) => Some(self.bounded_share(share, leverage)),
            Distance::Price(_) | Distance::Atr { .. } => None,
        }
    }

    /// What a stop `share` of the entry away becomes with minimum, cushion, fee and risk floor.
    #[must_use]
    pub fn bounded_share(&self, share: Ratio, leverage: Ratio) -> Ratio {
        let whole = Ratio(share.max(self.minimum).0 + self.added().0);
        self.allowed_move(leverage).map_or(whole, |allowed| whole.min(allowed))
    }

    /// Cushion and fee.
    const fn added(&self) -> Ratio {
        Ratio(self.cushion.0 + self.fee.0)
    }

    fn by_distance(&self, side: Side, entry: Average, rule: LevelRule, atr: Option<AtrValue>) -> Price {
        let side = if planted(78) { Side::Long } else { side };
        let share = |share: Ratio| rule.stop(side, entry, Ratio(share.max(self.minimum).0 + self.added().0));
        let units = match self.distance {
            Distance::Share(wanted) if planted(80) => return share(Ratio(wanted.0 / 100)),
            Distance::Share(wanted) => return share(wanted),
            Distance::Price(distance) => distance,
            Distance::Atr { multiple, fallback } => match atr {
                // Rounded down as a distance: the level's own rounding then takes the earlier exit.
                Some(atr) => atr.times(multiple, Round::Down),
                None => return share(fallback),
            },
        };
        let one = i128::from(Ratio::ONE.0);
        if i128::from(units) * i128::from(entry.qty) * one < entry.cost * i128::from(self.minimum.0) {
            return share(Ratio::ZERO);
        }
        if self.added() == Ratio::ZERO {
            return rule.offset(side, entry, -units);
        }
        rule.stop_beyond(side, entry, units, self.added())
    }
}

/// The move against a position that costs `floor` of its margin at `leverage`, as a share of the entry,
/// rounded down. Leverage below 1 counts as 1.
#[must_use]
pub fn risk_floor_move(floor: Ratio, leverage: Ratio) -> Ratio {
    let leverage = i128::from(leverage.max(Ratio::ONE).0);
    let share = Round::Down.divide(i128::from(floor.0) * i128::from(Ratio::ONE.0), leverage);
    Ratio(i64::try_from(share).expect("no more than the floor itself"))
}

/// Whether `stop` lies on the losing side of `entry`, as an initial stop must.
#[must_use]
pub const fn is_on_losing_side(side: Side, entry: Price, stop: Price) -> bool {
    match side {
        Side::Long => stop.0 < entry.0,
        Side::Short => stop.0 > entry.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Rounding;

    const MILLS: LevelRule = LevelRule { rounding: Rounding::Directed, tick: 1, decimals: 3 };
    const CENTS: LevelRule = LevelRule { rounding: Rounding::Directed, tick: 1, decimals: 2 };

    fn at(price: i64) -> Average {
        Average { cost: i128::from(price) * 3, qty: 3 }
    }

    fn times(leverage: i64) -> Ratio {
        Ratio(leverage * Ratio::ONE.0)
    }

    #[test]
    fn the_risk_floor_is_a_share_of_margin_over_leverage() {
        let floor = |distance| StopLoss {
            risk_floor: Some(Ratio::from_bps(1_000)),
            distance_min: Some(Ratio::from_bps(20)),
            ..StopLoss::at(distance)
        };
        for (side, entry, leverage, distance, stop, origin) in [
            (Side::Long, 50_000_000, 20, 1_500_000, 49_750_000, StopOrigin::RiskFloor),
            (Side::Long, 50_000_000, 20, 100_000, 49_900_000, StopOrigin::Initial),
            (Side::Long, 138_730, 1, 100_000, 124_857, StopOrigin::RiskFloor),
            (Side::Short, 138_730, 1, 100_000, 152_603, StopOrigin::RiskFloor),
        ] {
            let found =
                floor(Distance::Price(distance)).initial(side, at(entry), MILLS, None, times(leverage));
            assert_eq!(found, InitialStop { price: Price(stop), origin, forces_exit: false });
        }
        assert_eq!(risk_floor_move(Ratio::from_bps(1_000), times(20)), Ratio::from_bps(50));
        let share = Distance::Share(Ratio::from_bps(300));
        // 10 % of the margin at 50x is 0.2 % of the price: just enough. At 51x it is not.
        for (leverage, forces_exit) in [(50, false), (51, true)] {
            let found = floor(share).initial(Side::Long, at(50_000_000), MILLS, None, times(leverage));
            assert_eq!(found.forces_exit, forces_exit, "{leverage}x");
        }
    }

    #[test]
    fn the_initial_stop_is_the_greater_of_distance_and_minimum_plus_cushion_and_fee() {
        let stop = |distance| StopLoss {
            minimum: Ratio::from_bps(120),
            cushion: Ratio::from_bps(15),
            fee: Ratio::from_bps(55),
            ..StopLoss::at(distance)
        };
        for (distance, price) in [
            // 2 % of ATR times 1.8 is 3.6 %: 4.3 % in all. Without ATR 1.2 %: 1.9 % in all.
            (Distance::Share(Ratio::from_bps(360)), 95_70),
            (Distance::Share(Ratio(1)), 98_10),
            (Distance::Price(3_60), 95_70),
            (Distance::Price(1), 98_10),
        ] {
            let found = stop(distance).initial(Side::Long, at(100_00), CENTS, None, Ratio::ONE);
            assert_eq!(found.price, Price(price), "{distance:?}");
            let mirrored = stop(distance).initial(Side::Short, at(100_00), CENTS, None, Ratio::ONE);
            assert_eq!(mirrored.price, Price(200_00 - price), "{distance:?}");
        }
    }

    #[test]
    fn a_stop_lies_on_the_losing_side_of_its_entry() {
        for (side, entry, stop, right) in [
            (Side::Long, 100_00, 98_00, true),
            (Side::Long, 100_00, 102_00, false),
            (Side::Long, 100_00, 100_00, false),
            (Side::Short, 100_00, 102_00, true),
            (Side::Short, 103_15, 99_96, false),
            (Side::Short, 103_15, 106_34, true),
        ] {
            assert_eq!(is_on_losing_side(side, Price(entry), Price(stop)), right, "{side:?} {entry} {stop}");
        }
        let two_percent = StopLoss::at(Distance::Share(Ratio::from_bps(200)));
        let fine = LevelRule { rounding: Rounding::Directed, tick: 1, decimals: 4 };
        let found = two_percent.initial(Side::Short, at(307_0400), fine, None, Ratio::ONE);
        assert_eq!(found.price, Price(313_1808));
        assert_eq!(two_percent.initial(Side::Long, at(100_00), CENTS, None, Ratio::ONE).price, Price(98_00));
    }
}
