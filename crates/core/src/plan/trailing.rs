//! The trailing stop: how far behind the best price, and from when on.
//!
//! A distance may be bounded by shares of the best price (a clamp) and may tighten as the best
//! price passes multiples of R (a curve). Both are piecewise: between two crossover prices the
//! distance is one plain [`TrailDistance`], so a position belongs to one group until it crosses.

use serde::{Deserialize, Serialize};

use super::level::{Average, LevelRule};
use super::{Distance, ExitStyle};
use crate::indicator::AtrValue;
use crate::instrument::Side;
use crate::num::{Price, Ratio, Round};
use crate::watch::TrailDistance;

/// The trailing stop of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trailing {
    /// Profit, as a share of the entry, that activates it; `None` is active from the opening.
    pub activation: Option<Ratio>,
    /// Distance from the best price.
    pub distance: Distance,
    /// Least distance, as a share of the best price.
    pub distance_min: Option<Ratio>,
    /// Greatest distance, as a share of the best price.
    pub distance_max: Option<Ratio>,
    /// The stop moves only by at least this much; `None` moves with every new extreme.
    pub step: Option<Distance>,
    /// Tighter shares from given multiples of R on, ascending; only for a distance that is a share.
    pub curve: Vec<CurvePoint>,
    /// How the exit is sent.
    pub exit: ExitStyle,
}

/// A tighter distance once the best price is `r` times R beyond the entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Multiple of R.
    pub r: Ratio,
    /// The share from there on.
    pub share: Ratio,
}

/// The distance that holds at a best price, and the next best price at which another one holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Regime {
    /// The distance.
    pub distance: TrailDistance,
    /// The first best price beyond this regime, if there is one.
    pub until: Option<Price>,
}

/// What a position brings to its trailing stop.
#[derive(Debug, Clone, Copy)]
pub struct Trail {
    /// Its side.
    pub side: Side,
    /// Its average entry.
    pub entry: Average,
    /// R in price units, if it has one.
    pub risk: Option<i64>,
    /// The plan's ATR now.
    pub atr: Option<AtrValue>,
    /// How levels are rounded.
    pub rule: LevelRule,
}

impl Trailing {
    /// The price that activates the stop.
    #[must_use]
    pub fn activation_level(&self, trail: &Trail) -> Option<Price> {
        self.activation.map(|share| trail.rule.target(trail.side, trail.entry, share))
    }

    /// The regime at `best`.
    #[must_use]
    pub fn regime(&self, best: Price, trail: &Trail) -> Regime {
        match self.distance {
            Distance::Share(share) => self.curved(best, share, trail),
            Distance::Price(distance) => self.clamped(best, distance, trail.side),
            Distance::Atr { multiple, fallback } => match trail.atr {
                Some(atr) => self.clamped(best, atr.times(multiple, Round::Down), trail.side),
                None => self.curved(best, fallback, trail),
            },
        }
    }

    /// The stop that `best` gives.
    #[must_use]
    pub fn stop(&self, best: Price, trail: &Trail) -> Price {
        self.regime(best, trail).distance.stop(trail.side, best, trail.rule)
    }

    /// The least improvement of the stop, in price units.
    #[must_use]
    pub fn step_size(&self, best: Price, atr: Option<AtrValue>) -> Option<i64> {
        self.step.map(|step| match step {
            Distance::Share(share) => share.of(best.0, Round::Up),
            Distance::Price(distance) => distance,
            Distance::Atr { multiple, fallback } => match atr {
                Some(atr) => atr.times(multiple, Round::Up),
                None => fallback.of(best.0, Round::Up),
            },
        })
    }

    /// The first best price, from `best` on, whose stop is at or beyond `wanted`. The stop never
    /// falls as the best price improves, so the answer is found by halving.
    #[must_use]
    pub fn best_for_stop(&self, wanted: Price, best: Price, trail: &Trail) -> Option<Price> {
        let sign = trail.side.sign();
        let reaches = |steps: i64| {
            let candidate = Price(best.0.checked_add(sign * steps)?);
            (candidate.0 > 0).then(|| sign * self.stop(candidate, trail).0 >= sign * wanted.0)
        };
        let mut far = 1;
        while !reaches(far)? {
            far = far.checked_mul(2)?;
        }
        let mut near = far / 2;
        while far - near > 1 {
            let middle = near + (far - near) / 2;
            if reaches(middle)? { far = middle } else { near = middle }
        }
        if reaches(0)? { Some(best) } else { Some(Price(best.0 + sign * far)) }
    }

    /// Whether the stop moves in steps instead of following every extreme.
    #[must_use]
    pub const fn is_stepped(&self) -> bool {
        self.step.is_some()
    }

    /// Whether the distance depends on bars.
    #[must_use]
    pub const fn uses_atr(&self) -> bool {
        matches!(self.distance, Distance::Atr { .. }) || matches!(self.step, Some(Distance::Atr { .. }))
    }

    fn curved(&self, best: Price, base: Ratio, trail: &Trail) -> Regime {
        let Some(risk) = trail.risk else { return share_regime(base, None) };
        let sign = trail.side.sign();
        let point_price =
            |point: &CurvePoint| trail.rule.offset(trail.side, trail.entry, point.r.of(risk, Round::HalfUp));
        let passed =
            self.curve.iter().take_while(|point| sign * best.0 >= sign * point_price(point).0).count();
        let share = passed.checked_sub(1).map_or(base, |last| self.curve[last].share);
        share_regime(share, self.curve.get(passed).map(point_price))
    }

    /// Between its bounds the distance is a price; a bound that takes hold makes it a share.
    fn clamped(&self, best: Price, distance: i64, side: Side) -> Regime {
        // floor(price x min) >= distance from `min_from` on; floor(price x max) <= distance below `max_below`.
        let min_from = self.distance_min.map(|min| (min, first_product_at(distance, min)));
        let max_below = self.distance_max.map(|max| (max, first_product_at(distance + 1, max)));
        let price_regime = |until| Regime { distance: TrailDistance::Price(distance), until };
        if let Some((min, from)) = min_from
            && best.0 >= from
        {
            return share_regime(min, (side == Side::Short).then_some(Price(from - 1)));
        }
        if let Some((max, below)) = max_below
            && best.0 < below
        {
            return share_regime(max, (side == Side::Long).then_some(Price(below)));
        }
        price_regime(match side {
            Side::Long => min_from.map(|(_, from)| Price(from)),
            Side::Short => max_below.map(|(_, below)| Price(below - 1)),
        })
    }
}

/// The first price whose product with `share`, rounded down, reaches `distance`.
fn first_product_at(distance: i64, share: Ratio) -> i64 {
    let wide = Round::Up.divide(i128::from(distance) * i128::from(Ratio::ONE.0), i128::from(share.0));
    i64::try_from(wide).unwrap_or(i64::MAX)
}

fn share_regime(share: Ratio, until: Option<Price>) -> Regime {
    Regime { distance: TrailDistance::Share(share.0), until }
}
