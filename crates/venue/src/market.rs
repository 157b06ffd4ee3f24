//! The venue's prices: a seeded walk for each instrument that stays where it began, and at last, when asked
//! to, goes through every level there can be.

use ripcord_sim::generator::Chance;

use crate::line::Traded;

/// From one step to the next, in milliseconds.
pub const STEP_MS: i64 = 20;
/// A step's deviation, in millionths: about one percent in ten seconds.
const DEVIATION: i64 = 450;
/// The walk is turned back this far from where it began, in thousandths.
const FAR: i64 = 60;
/// The sweep goes this far down and up, in thousandths ..
const SWEEP: i64 = 150;
/// .. in so many steps each way.
const SWEEP_STEPS: i64 = 150;

/// One instrument's prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quote {
    /// Best bid.
    pub bid: i64,
    /// Best ask.
    pub ask: i64,
    /// Last trade.
    pub last: i64,
}

#[derive(Debug)]
struct Walk {
    begin: i64,
    now: i64,
    tick: i64,
    /// Steps since the sweep began, and where from.
    sweep: Option<(i64, i64)>,
}

/// All instruments.
#[derive(Debug)]
pub struct Market {
    walks: Vec<Walk>,
    chance: Chance,
}

/// What is traded, and where its price begins.
#[must_use]
pub fn traded() -> Vec<(Traded, i64)> {
    let one = |symbol: &str, (price_decimals, tick), (qty_decimals, lot), begin| {
        (Traded { symbol: symbol.to_owned(), price_decimals, qty_decimals, tick, lot }, begin)
    };
    vec![
        one("BTCUSDT", (1, 1), (3, 1), 600_000),
        one("ETHUSDT", (2, 1), (3, 1), 300_000),
        one("SOLUSDT", (3, 10), (1, 1), 150_000),
    ]
}

impl Market {
    /// Walks from a seed.
    #[must_use]
    pub fn new(seed: u64, traded: &[(Traded, i64)]) -> Self {
        let walk = |(traded, begin): &(Traded, i64)| Walk {
            begin: *begin,
            now: *begin,
            tick: traded.tick,
            sweep: None,
        };
        Self { walks: traded.iter().map(walk).collect(), chance: Chance::new(seed) }
    }

    /// The prices now.
    #[must_use]
    pub fn quote(&self, instrument: usize) -> Quote {
        let Walk { now, tick, .. } = self.walks[instrument];
        let last = now.div_euclid(tick) * tick;
        Quote { bid: last - tick, ask: last + tick, last }
    }

    /// The next prices of all.
    pub fn step(&mut self) {
        for walk in &mut self.walks {
            walk.now = match walk.sweep {
                Some((step, from)) => {
                    walk.sweep = Some((step + 1, from));
                    swept(from, step)
                }
                None => {
                    let far = walk.begin * FAR / 1_000;
                    let home = (walk.begin - walk.now) / 2_000;
                    let moved = walk.now + home + self.chance.bell(walk.now * DEVIATION / 1_000_000);
                    moved.clamp(walk.begin - far, walk.begin + far)
                }
            };
        }
    }

    /// From here on prices go far down, far up, and again: a stop that is measured on the way is passed, too.
    pub fn sweep(&mut self) {
        for walk in &mut self.walks {
            walk.sweep.get_or_insert((1, walk.now));
        }
    }
}

fn swept(from: i64, step: i64) -> i64 {
    let reach = from * SWEEP / 1_000;
    let along = step % (4 * SWEEP_STEPS);
    let away = match along {
        along if along <= SWEEP_STEPS => -along,
        along if along <= 3 * SWEEP_STEPS => along - 2 * SWEEP_STEPS,
        along => 4 * SWEEP_STEPS - along,
    };
    from + reach * away / SWEEP_STEPS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_moves_stays_near_and_sweeps_through_every_level() {
        let traded = traded();
        let mut market = Market::new(7, &traded);
        let (mut low, mut high) = (i64::MAX, 0);
        for _ in 0..50_000 {
            market.step();
            let Quote { bid, ask, last } = market.quote(0);
            assert!(bid < last && last < ask);
            (low, high) = (low.min(last), high.max(last));
        }
        assert!((540_000..598_000).contains(&low) && (602_000..660_000).contains(&high), "{low} {high}");
        let from = market.quote(1).last;
        market.sweep();
        let lasts: Vec<i64> = (0..3 * SWEEP_STEPS + 5)
            .map(|_| {
                market.step();
                market.quote(1).last
            })
            .collect();
        let (low, high) = (lasts.iter().min(), lasts.iter().max());
        assert!(low.is_some_and(|&low| low <= from * 86 / 100), "{low:?} of {from}");
        assert!(high.is_some_and(|&high| high >= from * 114 / 100), "{high:?} of {from}");
    }
}
