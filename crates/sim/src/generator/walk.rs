//! One market walking: from one quote to the next.

use ripcord_core::num::{Price, Qty, Round, round_to_multiple};
use ripcord_core::time::{Span, Timestamp};

use super::regime::Height;
use super::{Chance, MarketSpec, Quote, Regime, START_TICKS_MAX, START_TICKS_MIN, Script};

/// The middle price is kept in this many parts of a price unit, so that steps below a tick add up.
const FINE: i64 = 1_000_000;
/// Motions are given in parts of a price: 10,000 is one basis point.
const PARTS: i128 = 100_000_000;
/// Milliseconds from one quote to the next, least and most.
const APART_MS: (i64, i64) = (1, 30);
/// A gap takes this much of the price at once, least and most, in parts: 0.4 % to 1.8 %.
const GAP: (i64, i64) = (400_000, 1_800_000);

/// The state of one market.
#[derive(Debug, Clone)]
pub(super) struct Walk {
    market: usize,
    tick: i64,
    lot: i64,
    start: i64,
    script: Script,
    chance: Chance,
    regime: Regime,
    /// When the regime ends.
    until: Timestamp,
    at: Timestamp,
    /// Middle of bid and ask, in `FINE` parts of a price unit.
    middle: i64,
}

impl Walk {
    pub(super) fn new(
        market: usize,
        spec: &MarketSpec,
        script: Script,
        at: Timestamp,
        mut chance: Chance,
    ) -> Self {
        let (tick, lot) = (spec.instrument.tick_size.0, spec.instrument.lot_size.0);
        assert!(
            (START_TICKS_MIN..=START_TICKS_MAX).contains(&(spec.start.0 / tick)),
            "{}: the start price {} is not between {START_TICKS_MIN} and {START_TICKS_MAX} ticks",
            spec.instrument.symbol,
            spec.start.0
        );
        let regime = script.first(&mut chance);
        let until = at.after(Span::from_millis(regime.lasts_ms(&mut chance)));
        let start = spec.start.0;
        Self { market, tick, lot, start, script, chance, regime, until, at, middle: start * FINE }
    }

    pub(super) const fn regime(&self) -> Regime {
        self.regime
    }

    /// The next quote.
    pub(super) fn step(&mut self) -> Quote {
        self.at = self.at.after(Span::from_millis(self.chance.between(APART_MS.0, APART_MS.1)));
        if self.at >= self.until {
            self.regime = self.script.after(self.regime, self.height(), &mut self.chance);
            self.until = self.at.after(Span::from_millis(self.regime.lasts_ms(&mut self.chance)));
        }
        self.shift();
        let (bid, ask) = self.book();
        let last = if self.chance.permille(500) { bid } else { ask };
        // Most trades are small, one of twenty is large.
        let lots_max = if self.chance.permille(50) { 5_000 } else { 200 };
        let qty = Qty(self.chance.between(1, lots_max) * self.lot);
        Quote { at: self.at, market: self.market, bid, ask, last, qty }
    }

    /// Moves the middle by one step; a quarter and four times the start are walls.
    fn shift(&mut self) {
        let motion = self.regime.motion();
        let mut parts = motion.drift + self.chance.bell(motion.deviation);
        if motion.gap_permille > 0 && self.chance.permille(motion.gap_permille) {
            parts -= self.chance.between(GAP.0, GAP.1);
        }
        let moved = i128::from(self.middle) * i128::from(parts) / PARTS;
        let moved = i64::try_from(moved).expect("a step is a small part of a price");
        self.middle = (self.middle + moved).clamp(self.start / 4 * FINE, self.start * 4 * FINE);
    }

    fn book(&self) -> (Price, Price) {
        let half = i128::from(self.middle) * i128::from(self.regime.motion().half_spread) / PARTS;
        let half = i64::try_from(half).expect("a spread is a small part of a price");
        let on_grid = |fine: i64, round| round_to_multiple(fine / FINE, self.tick, round);
        let bid = on_grid(self.middle - half, Round::Down);
        let ask = on_grid(self.middle + half, Round::Up).max(bid + self.tick);
        assert!(bid >= self.tick && bid < ask, "a generated book is positive and not crossed");
        (Price(bid), Price(ask))
    }

    fn height(&self) -> Height {
        // Low is below three quarters of the start, high above four thirds.
        let at = self.middle / FINE;
        if at < self.start / 4 * 3 {
            Height::Low
        } else if at > self.start / 3 * 4 {
            Height::High
        } else {
            Height::Middle
        }
    }
}
