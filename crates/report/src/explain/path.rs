//! Where the price went: stretches for a picture, and the extremes since the entry.

use ripcord_core::num::Price;

use super::approach::{Seen, When};

/// Stretches that are kept; beyond that, neighbours become one.
const STRETCHES_MAX: usize = 4_096;

/// The way of the price since the entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Path {
    /// In order of time.
    pub stretches: Vec<Stretch>,
}

/// Prices that the records hold in one piece, and the stop that stood behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// From when to when.
    pub when: When,
    /// Lowest price.
    pub low: Price,
    /// Highest price.
    pub high: Price,
    /// The effective stop at its end.
    pub stop: Option<Price>,
}

/// How far the price went for and against a position since its entry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Excursion {
    /// The best price (MFE) and when; none before the first price.
    pub best: Option<(Price, When)>,
    /// The worst price (MAE) and when.
    pub worst: Option<(Price, When)>,
}

impl Path {
    pub(super) fn add(&mut self, stretch: Stretch) {
        self.stretches.push(stretch);
        if self.stretches.len() > STRETCHES_MAX {
            self.stretches = self.stretches.chunks(2).map(joined).collect();
        }
    }
}

fn joined(pair: &[Stretch]) -> Stretch {
    let (first, last) = (pair[0], pair[pair.len() - 1]);
    Stretch {
        when: When { from: first.when.from, to: last.when.to },
        low: first.low.min(last.low),
        high: first.high.max(last.high),
        stop: last.stop,
    }
}

impl Excursion {
    /// Takes prices of a position of side `sign`; the first of equal extremes counts.
    pub(super) fn add(&mut self, seen: Seen, sign: i64) {
        let (best, worst) = if sign > 0 { (seen.high, seen.low) } else { (seen.low, seen.high) };
        if self.best.is_none_or(|(known, _)| sign * best.0 > sign * known.0) {
            self.best = Some((best, seen.when));
        }
        if self.worst.is_none_or(|(known, _)| sign * worst.0 < sign * known.0) {
            self.worst = Some((worst, seen.when));
        }
    }
}

#[cfg(test)]
mod tests {
    use ripcord_core::time::Timestamp;

    use super::*;

    #[test]
    fn extremes_are_those_of_the_side() {
        for (sign, best, worst) in [(1, 110, 95), (-1, 95, 110)] {
            let mut excursion = Excursion::default();
            for (at, (low, high)) in [(100, 101), (97, 110), (95, 110), (99, 99)].into_iter().enumerate() {
                let when = When::at(Timestamp(at as i64));
                excursion.add(Seen { low: Price(low), high: Price(high), when }, sign);
            }
            assert_eq!(excursion.best.map(|(price, _)| price.0), Some(best));
            assert_eq!(excursion.worst.map(|(price, _)| price.0), Some(worst));
            let high = if sign > 0 { excursion.best } else { excursion.worst };
            assert_eq!(high.map(|(_, when)| when.to.0), Some(1), "the first of equals");
        }
    }

    #[test]
    fn a_long_path_stays_small_and_keeps_its_extremes() {
        let mut path = Path::default();
        for at in 0..20_000 {
            let price = Price(if at == 7_777 { 5 } else { 100 });
            let when = When::at(Timestamp(at));
            path.add(Stretch { when, low: price, high: price, stop: None });
        }
        assert!(path.stretches.len() <= STRETCHES_MAX);
        assert_eq!(path.stretches.iter().map(|stretch| stretch.low.0).min(), Some(5));
        assert_eq!(path.stretches[0].when.from.0, 0);
        assert_eq!(path.stretches.last().map(|last| last.when.to.0), Some(19_999));
    }
}
