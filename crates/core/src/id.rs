//! Names of things. Ids that we create are computed, never random.

use serde::{Deserialize, Serialize};

use crate::instrument::Side;

/// An instrument of one venue; dense, given by the order of registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InstrumentId(pub u32);

/// An account at a venue; dense, given by the host. In a replay each imported position has one of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(pub u32);

/// A resolved exit plan; dense, given by the order of registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlanId(pub u32);

/// What may hold one position at a time: an account's long or short side of an instrument.
/// The venue is the instrument's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PositionKey {
    /// The account that holds it.
    pub account: AccountId,
    /// The instrument held.
    pub instrument: InstrumentId,
    /// The side bucket.
    pub side: Side,
}

/// One life of one position. Every latch, extreme, leg and order id belongs to it and dies with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EpisodeId {
    /// The bucket the position lives in.
    pub key: PositionKey,
    /// Counts the lives of the bucket, from 1.
    pub generation: u32,
}

/// The identity of an order: a function of what it is for, so that deciding the same thing twice names the same order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OrderId {
    /// The episode it closes (part of).
    pub episode: EpisodeId,
    /// Which obligation of the episode: 0 for the resting legs, then 1, 2, .. for each exit decision.
    pub exit: u16,
    /// Ladder leg, from 1; 0 when the order is not a leg.
    pub leg: u8,
    /// Part of an exit that the venue's maximum order size cuts into slices, from 0.
    pub slice: u8,
    /// Which try of the same obligation, from 0.
    pub attempt: u16,
}

impl PositionKey {
    /// All of it in one number, in the order of its fields: maps compare it once instead of field by field.
    #[inline]
    pub(crate) const fn packed(self) -> u128 {
        (self.account.0 as u128) << 33 | (self.instrument.0 as u128) << 1 | self.side as u128
    }
}

impl Ord for PositionKey {
    #[inline]
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.packed().cmp(&other.packed())
    }
}

impl PartialOrd for PositionKey {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl EpisodeId {
    #[inline]
    const fn packed(self) -> u128 {
        self.key.packed() << 32 | self.generation as u128
    }
}

impl Ord for EpisodeId {
    #[inline]
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.packed().cmp(&other.packed())
    }
}

impl PartialOrd for EpisodeId {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn episodes_are_ordered_by_account_then_instrument_side_and_generation() {
        let numbers = [0, 1, u32::MAX - 1, u32::MAX];
        let mut before: Option<EpisodeId> = None;
        for account in numbers.map(AccountId) {
            for instrument in numbers.map(InstrumentId) {
                for side in [Side::Long, Side::Short] {
                    for generation in numbers {
                        let key = PositionKey { account, instrument, side };
                        let episode = EpisodeId { key, generation };
                        assert_eq!(episode.cmp(&episode), std::cmp::Ordering::Equal);
                        if let Some(before) = before {
                            assert!(before < episode, "{before:?} {episode:?}");
                            assert!(before.key <= episode.key);
                        }
                        before = Some(episode);
                    }
                }
            }
        }
    }
}
