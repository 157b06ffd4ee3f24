//! A seeded market: prices that move, trend, crash and recover, for runs and tests.
//!
//! Everything is integer arithmetic over one documented generator of numbers, so that a seed gives
//! the same bytes in debug, in release and on another processor. It is a stage, not a model: a
//! day's moves happen within a minute, so that somebody who watches sees every rule act.
//!
//! Start at [`Generator`]; it is an iterator that never ends.

use ripcord_core::instrument::Instrument;
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::time::Timestamp;

mod chance;
mod regime;
mod walk;

pub use chance::Chance;
pub use regime::{Regime, Script};

use walk::Walk;

/// One market to generate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MarketSpec {
    /// Its symbol, decimals and steps.
    pub instrument: Instrument,
    /// The price it starts at and is pulled back to; at least [`START_TICKS_MIN`] ticks.
    pub start: Price,
}

/// A market starts at least this many ticks above zero: it may fall to a quarter of its start, and
/// there a tick must still be a small step.
pub const START_TICKS_MIN: i64 = 10_000;
/// A market starts at most this many ticks above zero: its prices are kept in billionths of a tick.
pub const START_TICKS_MAX: i64 = 100_000_000;

/// The best prices of a market, and its last trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Quote {
    /// When.
    pub at: Timestamp,
    /// Which market, in the order they were given.
    pub market: usize,
    /// Best bid; at least one tick.
    pub bid: Price,
    /// Best ask; above the bid.
    pub ask: Price,
    /// The last trade, at the bid or at the ask.
    pub last: Price,
    /// Its quantity; whole lots, at least one.
    pub qty: Qty,
}

/// Generated markets, merged by time; at the same time, in the order they were given.
#[derive(Debug, Clone)]
pub struct Generator {
    walks: Vec<Walk>,
    /// The next quote of each market.
    heads: Vec<Quote>,
}

impl Generator {
    /// Markets that begin after `start`. The same arguments give the same quotes.
    ///
    /// # Panics
    /// Without markets, or when a start price is not between [`START_TICKS_MIN`] and
    /// [`START_TICKS_MAX`] ticks.
    #[must_use]
    pub fn new(seed: u64, script: Script, start: Timestamp, markets: &[MarketSpec]) -> Self {
        assert!(!markets.is_empty(), "a generator needs a market");
        let mut seeds = Chance::new(seed);
        let mut walks: Vec<Walk> = Vec::with_capacity(markets.len());
        for (market, spec) in markets.iter().enumerate() {
            walks.push(Walk::new(market, spec, script, start, Chance::new(seeds.draw())));
        }
        let heads = walks.iter_mut().map(Walk::step).collect();
        Self { walks, heads }
    }

    /// What the market with this number is going through.
    #[must_use]
    pub fn regime(&self, market: usize) -> Regime {
        self.walks[market].regime()
    }

    /// The quote that comes next.
    #[must_use]
    pub fn peek(&self) -> &Quote {
        &self.heads[self.first()]
    }

    fn first(&self) -> usize {
        let mut first = 0;
        for (index, head) in self.heads.iter().enumerate().skip(1) {
            if head.at < self.heads[first].at {
                first = index;
            }
        }
        first
    }
}

impl Iterator for Generator {
    type Item = Quote;

    fn next(&mut self) -> Option<Quote> {
        let first = self.first();
        let next = self.walks[first].step();
        Some(std::mem::replace(&mut self.heads[first], next))
    }
}

/// Three perpetuals with prices, ticks and lots as a large venue has them.
#[must_use]
pub fn demo_markets() -> Vec<MarketSpec> {
    let market = |symbol: &str, decimals: (u8, u8), start: i64| {
        let instrument = Instrument::from_decimals(symbol, decimals.0, decimals.1);
        MarketSpec { instrument: Instrument { notional_min: Money::ZERO, ..instrument }, start: Price(start) }
    };
    vec![
        market("BTCUSDT", (1, 3), 600_000),
        market("ETHUSDT", (2, 3), 300_000),
        market("SOLUSDT", (3, 1), 150_000),
    ]
}

#[cfg(test)]
mod tests;
