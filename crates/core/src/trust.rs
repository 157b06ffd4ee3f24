//! What is known against prices: sources that are silent, jumps and emergency prices that wait for a
//! second one, mark and last price that differ. Durable, and mostly empty.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::cell::CellId;
use crate::id::{EpisodeId, InstrumentId};
use crate::num::{Price, Ratio};
use crate::reason::Reason;
use crate::time::{Span, Timestamp};

/// A price may be this far ahead of our clock: clocks differ a little.
pub(crate) const AHEAD_MAX: Span = Span::from_secs(1);
/// A second price of the same source confirms a jump from this long after the first.
pub(crate) const SPIKE_APART: Span = Span::from_millis(150);
/// .. and, where the two are a jump from each other, at most this much.
pub(crate) const SPIKE_TOGETHER: Span = Span::from_secs(10);

/// A price that an emergency rule may not act on alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Suspicion {
    /// The source of the rule.
    pub(crate) cell: CellId,
    /// The price that reached the level.
    pub(crate) price: Price,
    /// From then on the rule acts, unless a price contradicted it.
    pub(crate) until: Timestamp,
}

/// A price that jumped and was not accepted yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Spike {
    /// The price that every price since then went as far as.
    pub(crate) price: Price,
    /// When the first of them came.
    pub(crate) since: Timestamp,
}

/// What is known against prices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Trust {
    /// Emergency rules that wait for a second price, as a list: JSON has no other keys than texts.
    #[serde(with = "pairs")]
    pub(crate) suspicions: BTreeMap<(EpisodeId, Reason), Suspicion>,
    /// Rules that a doubted price would have fired, each told once.
    pub(crate) told: BTreeSet<(EpisodeId, Reason)>,
    /// Sources that have been silent for too long.
    pub(crate) silent: BTreeSet<CellId>,
    /// Jumps that wait for a second price.
    #[serde(with = "pairs")]
    pub(crate) spikes: BTreeMap<CellId, Spike>,
    /// Instruments whose mark and last price differ too much.
    pub(crate) diverged: BTreeSet<InstrumentId>,
}

impl Trust {
    /// Whether an emergency rule of a position waits for a second price.
    pub(crate) fn suspects(&self, episode: EpisodeId, reason: Reason) -> bool {
        self.suspicions.contains_key(&(episode, reason))
    }

    /// Whether any position of an instrument waits for a second price.
    pub(crate) fn suspects_any(&self, instrument: InstrumentId) -> bool {
        self.suspicions.keys().any(|(episode, _)| episode.key.instrument == instrument)
    }

    /// An episode is over. Whether anything of it waited for a second price.
    pub(crate) fn forget(&mut self, episode: EpisodeId) -> bool {
        // The usual case costs two looks at something empty.
        if !self.told.is_empty() {
            self.told.retain(|(told, _)| *told != episode);
        }
        let before = self.suspicions.len();
        if before > 0 {
            self.suspicions.retain(|(waiting, _), _| *waiting != episode);
        }
        self.suspicions.len() < before
    }
}

/// What a cell asks of its prices, besides its watches.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asks {
    /// A price may be this old.
    pub(crate) stale_after: Span,
    /// A jump by more than this share waits for a second price.
    pub(crate) spike: Option<Ratio>,
    /// Every price wakes: something waits for a second one, or for the first after silence.
    pub(crate) every: bool,
}

impl Asks {
    pub(crate) const NONE: Self = Self { stale_after: Span(i64::MAX), spike: None, every: false };

    /// Whether `price` is more than a spike away from the last accepted one.
    pub(crate) fn is_jump(&self, last: i64, price: i64) -> bool {
        self.spike.is_some_and(|share| exceeds(share, last, price))
    }

    /// How far a price may go from `last`, both ways, so that no two prices between the ends are a jump
    /// from each other; 0 when every price must be looked at.
    pub(crate) fn reach(&self, last: i64) -> Option<i64> {
        let share = i128::from(self.spike?.0);
        // Twice the reach is at most the share of the lowest price within it.
        let reach = share * i128::from(last) / (2 * i128::from(Ratio::ONE.0) + share);
        Some(i64::try_from(reach).expect("a part of a price"))
    }
}

/// Whether two prices differ by more than a share of the first.
pub(crate) fn exceeds(share: Ratio, base: i64, price: i64) -> bool {
    let apart = i128::from(price) - i128::from(base);
    apart.abs() * i128::from(Ratio::ONE.0) > i128::from(share.0) * i128::from(base)
}

mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(map)
    }

    pub(super) fn deserialize<'de, K, V, D>(from: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(from)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_prices_within_reach_are_a_jump_from_each_other() {
        for bps in [1, 7, 50, 200, 1_000, 9_999] {
            let asks = Asks { spike: Some(Ratio::from_bps(bps)), ..Asks::NONE };
            for last in [1, 2, 3, 99, 100, 101, 9_999, 123_457, 1 << 50] {
                let reach = asks.reach(last).expect("a spike is given");
                // The band is open: the outermost prices within it.
                let (low, high) = (last - reach + 1, last + reach - 1);
                if low <= high {
                    assert!(!asks.is_jump(low, high) && !asks.is_jump(high, low), "{bps} {last}");
                }
                assert!(asks.is_jump(last, last + last / 10_000 * bps + last % 10_000 + 1), "{bps} {last}");
            }
        }
    }

    #[test]
    fn a_jump_is_more_than_the_share() {
        let asks = Asks { spike: Some(Ratio::from_bps(200)), ..Asks::NONE };
        assert!(!asks.is_jump(10_000, 10_200) && asks.is_jump(10_000, 10_201));
        assert!(!asks.is_jump(10_000, 9_800) && asks.is_jump(10_000, 9_799));
        assert!(!Asks::NONE.is_jump(10_000, 1));
    }
}
