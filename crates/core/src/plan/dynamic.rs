//! Dynamic targets: how far a ladder reaches, and how it splits, by what is known of the position
//! and its market.
//!
//! Each thing known multiplies all targets by a factor; some also set how the legs split the position,
//! the later over the earlier. What is not known changes nothing.

use serde::{Deserialize, Serialize};

use super::level::Average;
use crate::indicator::AtrValue;
use crate::instrument::{Instrument, Side};
use crate::num::{Money, Price, Qty, Ratio, Round};
use crate::time::Timestamp;

/// Legs of a ladder with dynamic targets.
pub const DYNAMIC_LEGS: usize = 3;

/// The nearest a dynamic target may come, if the plan does not say otherwise.
pub const TARGET_MIN_DEFAULT: Ratio = Ratio::from_bps(50);
/// The farthest a dynamic target may reach, if the plan does not say otherwise.
pub const TARGET_MAX_DEFAULT: Ratio = Ratio::from_bps(1_000);

/// The targets that factors are applied to, and their bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dynamic {
    /// Targets before any factor, as shares of the entry.
    pub targets: [Ratio; DYNAMIC_LEGS],
    /// How the legs split the position before any factor.
    pub fractions: [Ratio; DYNAMIC_LEGS],
    /// No target is nearer.
    pub target_min: Ratio,
    /// No target is farther.
    pub target_max: Ratio,
    /// What the plan itself knows.
    pub known: Known,
    /// Whether volatility, profit and value of the position are measured when a bar of the plan's ATR
    /// closes; what is measured goes before what the plan knows.
    #[serde(default)]
    pub follows: bool,
}

/// What is known of a position and its market. `None` is unknown, and changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Known {
    /// Leverage, at least 1.
    pub leverage: Option<Ratio>,
    /// Value of the position in whole units of the quote currency.
    pub notional: Option<i64>,
    /// Volatility as a share of the price, such as ATR over price.
    pub volatility: Option<Ratio>,
    /// What the market is going through.
    pub regime: Option<Regime>,
    /// How sure the strategy was of the entry, 0 to 1.
    pub confidence: Option<Ratio>,
    /// Value traded in 24 hours, in whole units of the quote currency.
    pub liquidity: Option<i64>,
    /// Unrealised profit as a share of the entry; a loss is negative.
    pub profit: Option<Ratio>,
}

/// What closed bars and the position's own numbers tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measured {
    /// Long or short.
    pub side: Side,
    /// Average entry.
    pub entry: Average,
    /// Largest quantity held.
    pub initial: Qty,
    /// When it was taken over.
    pub opened_at: Timestamp,
    /// The average true range after the last closed bar.
    pub atr: Option<AtrValue>,
    /// Price and end of the last closed bar.
    pub closed: Option<(Price, Timestamp)>,
}

impl Measured {
    /// What follows from it; a bar that closed before the position was taken over tells no profit.
    #[must_use]
    pub fn known(&self, instrument: &Instrument) -> Known {
        let one = i128::from(Ratio::ONE.0);
        let share = |numerator: i128, denominator: i128| {
            let share = Round::HalfUp.divide(numerator, denominator.max(1));
            Ratio(i64::try_from(share).unwrap_or(if share < 0 { i64::MIN } else { i64::MAX }))
        };
        let volatility = self.atr.zip(self.closed).map(|(atr, (close, _))| {
            share(Round::HalfUp.divide(atr.bits() * one, AtrValue::UNIT), i128::from(close.0))
        });
        let since = self.closed.filter(|&(_, at)| at > self.opened_at);
        let profit = since.map(|(close, _)| {
            let value = i128::from(close.0) * i128::from(self.entry.qty);
            share(i128::from(self.side.sign()) * (value - self.entry.cost) * one, self.entry.cost)
        });
        let value = instrument.notional(self.entry.rounded(), self.initial).0 / Money::UNIT.0;
        Known {
            volatility,
            profit,
            notional: Some(i64::try_from(value).unwrap_or(i64::MAX)),
            ..Known::default()
        }
    }
}

/// What a market is going through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Regime {
    /// Nothing of note.
    Normal,
    /// Going one way.
    Trending,
    /// Moving far in both directions.
    Volatile,
    /// Between two bounds.
    Range,
}

/// Targets and how the legs split the position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DynamicTargets {
    /// Shares of the entry, nearest first.
    pub targets: [Ratio; DYNAMIC_LEGS],
    /// The fraction that each leg closes.
    pub fractions: [Ratio; DYNAMIC_LEGS],
}

impl Known {
    /// What is known here, else what `other` knows.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            leverage: self.leverage.or(other.leverage),
            notional: self.notional.or(other.notional),
            volatility: self.volatility.or(other.volatility),
            regime: self.regime.or(other.regime),
            confidence: self.confidence.or(other.confidence),
            liquidity: self.liquidity.or(other.liquidity),
            profit: self.profit.or(other.profit),
        }
    }

    /// The factors that apply, in percent, each with the split it brings.
    fn factors(&self) -> [Option<(i64, Option<[i64; DYNAMIC_LEGS]>)>; 7] {
        let bps = Ratio::from_bps;
        let leverage = self.leverage.and_then(|leverage| match leverage {
            _ if leverage.0 >= 15 * Ratio::ONE.0 => Some((70, None)),
            _ if leverage.0 <= 5 * Ratio::ONE.0 => Some((130, None)),
            _ => None,
        });
        let size = self.notional.filter(|&value| value >= 2_000).map(|_| (80, Some([40, 35, 25])));
        let volatility = self.volatility.and_then(|volatility| match volatility {
            _ if volatility >= bps(350) => Some((140, None)),
            _ if volatility <= bps(150) => Some((75, None)),
            _ => None,
        });
        let regime = self.regime.and_then(|regime| match regime {
            Regime::Trending => Some((150, Some([20, 30, 50]))),
            Regime::Volatile | Regime::Range => Some((70, None)),
            Regime::Normal => None,
        });
        let confidence = self.confidence.and_then(|confidence| match confidence {
            _ if confidence >= bps(8_500) => Some((130, None)),
            _ if confidence <= bps(6_000) => Some((75, None)),
            _ => None,
        });
        let thin = self.liquidity.filter(|&value| value < 100_000).map(|_| (80, Some([45, 35, 20])));
        let ahead = self.profit.filter(|&profit| profit >= bps(500)).map(|_| (80, None));
        [leverage, size, volatility, regime, confidence, thin, ahead]
    }
}

impl Dynamic {
    /// Targets of 1.5, 2.5 and 4 % for 30, 30 and 40 % of the position, from 0.5 to 10 %.
    pub const DEFAULT: Self = Self {
        targets: [Ratio::from_bps(150), Ratio::from_bps(250), Ratio::from_bps(400)],
        fractions: [Ratio::from_bps(3_000), Ratio::from_bps(3_000), Ratio::from_bps(4_000)],
        target_min: TARGET_MIN_DEFAULT,
        target_max: TARGET_MAX_DEFAULT,
        known: Known {
            leverage: None,
            notional: None,
            volatility: None,
            regime: None,
            confidence: None,
            liquidity: None,
            profit: None,
        },
        follows: false,
    };

    /// The targets for what is known, and what the plan knows besides.
    #[must_use]
    pub fn targets(&self, known: Known) -> DynamicTargets {
        let (mut numerator, mut denominator, mut fractions) = (1_i128, 1_i128, self.fractions);
        for (percent, split) in known.or(self.known).factors().into_iter().flatten() {
            numerator *= i128::from(percent);
            denominator *= 100;
            fractions = split.map_or(fractions, |split| split.map(|percent| Ratio::from_bps(percent * 100)));
        }
        let moved = |target: Ratio| {
            // Half up, in units of 10^-9 of the entry: below any tick.
            let share = Round::HalfUp.divide(i128::from(target.0) * numerator, denominator);
            let share = Ratio(i64::try_from(share).unwrap_or(i64::MAX));
            share.clamp(self.target_min, self.target_max)
        };
        DynamicTargets { targets: self.targets.map(moved), fractions }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(leverage: i64, notional: i64, volatility: i64, regime: Regime, confidence: i64) -> Known {
        Known {
            leverage: Some(Ratio(leverage * Ratio::ONE.0)),
            notional: Some(notional),
            volatility: Some(Ratio::from_bps(volatility)),
            regime: Some(regime),
            confidence: Some(Ratio::from_bps(confidence)),
            ..Known::default()
        }
    }

    #[test]
    fn factors_multiply_and_the_last_split_holds() {
        for (known, targets, fractions) in [
            (known(20, 1_484, 250, Regime::Normal, 8_500), [13_650, 22_750, 36_400], [30, 30, 40]),
            (known(10, 4_997, 300, Regime::Normal, 9_000), [15_600, 26_000, 41_600], [40, 35, 25]),
            (known(15, 1_800, 450, Regime::Trending, 8_800), [28_665, 47_775, 76_440], [20, 30, 50]),
            (known(20, 1_750, 280, Regime::Normal, 8_200), [10_500, 17_500, 28_000], [30, 30, 40]),
        ] {
            let found = Dynamic::DEFAULT.targets(known);
            // In millionths of the entry.
            assert_eq!(found.targets, targets.map(|share| Ratio(share * 1_000)), "{known:?}");
            assert_eq!(found.fractions, fractions.map(|percent| Ratio::from_bps(percent * 100)), "{known:?}");
        }
    }

    #[test]
    fn what_is_unknown_changes_nothing_and_bounds_hold() {
        let plain = Dynamic::DEFAULT.targets(Known::default());
        assert_eq!(plain.targets, Dynamic::DEFAULT.targets);
        assert_eq!(plain.fractions, Dynamic::DEFAULT.fractions);
        let near =
            Known { profit: Some(Ratio::from_bps(500)), ..known(20, 9_000, 100, Regime::Range, 5_000) };
        assert_eq!(Dynamic::DEFAULT.targets(near).targets[0], TARGET_MIN_DEFAULT);
        let wide = Dynamic { targets: [Ratio::from_bps(800); 3], ..Dynamic::DEFAULT };
        assert_eq!(wide.targets(known(2, 0, 400, Regime::Trending, 9_000)).targets[2], TARGET_MAX_DEFAULT);
    }
}
