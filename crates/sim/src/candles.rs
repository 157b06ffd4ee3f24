//! Candle policies: what a candle may have been, as an ordered list of probes.
//!
//! A candle says four prices and hides their order. A policy is data: each probe names a region
//! of the candle, the classes of watches that may fire there, and the price of the fill. The same
//! engine runs on the probes as on ticks.

use ripcord_core::event::{Probe, ProbeFill};

/// A stretch of prices of one source as candles; all vectors have the same length.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CandleColumns {
    /// Start of each bar, nanoseconds; strictly rising.
    pub ts: Vec<i64>,
    /// First price, scaled.
    pub open: Vec<i64>,
    /// Highest price, scaled.
    pub high: Vec<i64>,
    /// Lowest price, scaled.
    pub low: Vec<i64>,
    /// Last price, scaled.
    pub close: Vec<i64>,
}

/// How a candle is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CandlePolicy {
    /// Stops before targets, then a new extreme, then the close against the stop that followed it.
    #[default]
    Pessimistic,
    /// The path open, high, low, close.
    Ohlc,
    /// The path open, low, high, close.
    Olhc,
    /// Vectorbt's rule: stop at the open, stop in the bar, target at the open, target in the bar,
    /// then the extreme; nothing more at the close.
    Vectorbt,
}

/// A part of a candle, as a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Region {
    /// The first price.
    Open,
    /// The highest price.
    High,
    /// The lowest price.
    Low,
    /// The last price.
    Close,
}

/// One probe of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CandleProbe {
    /// Where in the candle.
    pub region: Region,
    /// What may fire there, for whom, and at which price.
    pub probe: Probe,
}

const BOTH: u8 = Probe::LONG | Probe::SHORT;
const AT_CLOSE: u8 = Probe::TIME | Probe::SIGNAL;

const fn at(region: Region, classes: u8, sides: u8, fill: ProbeFill) -> CandleProbe {
    CandleProbe { region, probe: Probe { classes, sides, fill } }
}

/// Adverse is the low for longs and the high for shorts; favourable is the other one.
const PESSIMISTIC: [CandleProbe; 6] = [
    at(Region::Open, Probe::STOP | Probe::TARGET, BOTH, ProbeFill::Market),
    at(Region::Low, Probe::STOP, Probe::LONG, ProbeFill::Level),
    at(Region::High, Probe::STOP, Probe::SHORT, ProbeFill::Level),
    at(Region::High, Probe::TARGET | Probe::EXTREME, Probe::LONG, ProbeFill::Level),
    at(Region::Low, Probe::TARGET | Probe::EXTREME, Probe::SHORT, ProbeFill::Level),
    at(Region::Close, Probe::STOP | AT_CLOSE, BOTH, ProbeFill::Level),
];

const OHLC: [CandleProbe; 4] = path([Region::Open, Region::High, Region::Low, Region::Close]);
const OLHC: [CandleProbe; 4] = path([Region::Open, Region::Low, Region::High, Region::Close]);

/// The close fires no stop and no target: it is what the market is when the candle is over.
const VECTORBT: [CandleProbe; 7] = [
    at(Region::Open, Probe::STOP, BOTH, ProbeFill::Price),
    at(Region::Low, Probe::STOP, Probe::LONG, ProbeFill::Level),
    at(Region::High, Probe::STOP, Probe::SHORT, ProbeFill::Level),
    at(Region::Open, Probe::TARGET, BOTH, ProbeFill::Price),
    at(Region::High, Probe::TARGET | Probe::EXTREME, Probe::LONG, ProbeFill::Level),
    at(Region::Low, Probe::TARGET | Probe::EXTREME, Probe::SHORT, ProbeFill::Level),
    at(Region::Close, AT_CLOSE, BOTH, ProbeFill::Level),
];

/// Between two points of a path the price passes every level; only the open may be a gap.
const fn path(regions: [Region; 4]) -> [CandleProbe; 4] {
    let every = Probe::STOP | Probe::TARGET | Probe::EXTREME;
    [
        at(regions[0], every, BOTH, ProbeFill::Market),
        at(regions[1], every, BOTH, ProbeFill::Level),
        at(regions[2], every, BOTH, ProbeFill::Level),
        at(regions[3], every | AT_CLOSE, BOTH, ProbeFill::Level),
    ]
}

impl CandlePolicy {
    /// Its probes, in order.
    #[must_use]
    pub const fn probes(self) -> &'static [CandleProbe] {
        match self {
            Self::Pessimistic => &PESSIMISTIC,
            Self::Ohlc => &OHLC,
            Self::Olhc => &OLHC,
            Self::Vectorbt => &VECTORBT,
        }
    }
}

impl CandleColumns {
    /// Number of bars.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.ts.len()
    }

    /// Whether there is no bar.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ts.is_empty()
    }

    /// The price of a region of bar `index`.
    #[must_use]
    pub fn price(&self, index: usize, region: Region) -> i64 {
        match region {
            Region::Open => self.open[index],
            Region::High => self.high[index],
            Region::Low => self.low[index],
            Region::Close => self.close[index],
        }
    }

    /// The bars as a row of probes each: times and prices. The open stands at the bar's start, all
    /// other probes one nanosecond before its end, because their time within the bar is unknown.
    #[must_use]
    pub fn probe_rows(&self, policy: CandlePolicy, span_ns: i64) -> (Vec<i64>, Vec<i64>) {
        let probes = policy.probes();
        let rows = self.len() * probes.len();
        let (mut ts, mut prices) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
        for index in 0..self.len() {
            let (start, last) = (self.ts[index], self.ts[index] + span_ns - 1);
            let mut moment = start;
            for probe in probes {
                if probe.region != Region::Open {
                    moment = last;
                }
                ts.push(moment);
                prices.push(self.price(index, probe.region));
            }
        }
        (ts, prices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_never_run_backwards_within_a_candle() {
        let candles = CandleColumns {
            ts: vec![0, 60],
            open: vec![5, 6],
            high: vec![9, 9],
            low: vec![1, 2],
            close: vec![6, 3],
        };
        for policy in
            [CandlePolicy::Pessimistic, CandlePolicy::Ohlc, CandlePolicy::Olhc, CandlePolicy::Vectorbt]
        {
            let (ts, prices) = candles.probe_rows(policy, 60);
            assert_eq!(ts.len(), prices.len());
            assert!(ts.is_sorted(), "{policy:?}");
            assert_eq!((ts[0], prices[0]), (0, 5), "{policy:?} begins at the open");
            assert_eq!(prices.last(), Some(&3), "{policy:?} leaves the market at the close");
        }
    }

    #[test]
    fn every_policy_counts_the_high_and_the_low_as_extremes() {
        for policy in
            [CandlePolicy::Pessimistic, CandlePolicy::Ohlc, CandlePolicy::Olhc, CandlePolicy::Vectorbt]
        {
            for region in [Region::High, Region::Low] {
                let mut probes = policy.probes().iter();
                assert!(
                    probes.any(|p| p.region == region && p.probe.classes & Probe::EXTREME != 0),
                    "{policy:?}"
                );
            }
        }
    }
}
