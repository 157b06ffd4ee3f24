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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PositionKey {
    /// The account that holds it.
    pub account: AccountId,
    /// The instrument held.
    pub instrument: InstrumentId,
    /// The side bucket.
    pub side: Side,
}

/// One life of one position. Every latch, extreme, leg and order id belongs to it and dies with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
