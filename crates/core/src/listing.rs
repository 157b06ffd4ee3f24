//! Open orders as a venue lists them, and how lately ours were seen there.
//!
//! A list is complete or it is none: an order that is missing in a list that failed is not missing.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::id::{AccountId, EpisodeId, InstrumentId, OrderId, PositionKey};
use crate::instrument::Side;
use crate::num::Qty;
use crate::order::OrderKind;
use crate::time::Timestamp;

/// What a venue says that rests in an account, all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// The account.
    pub account: AccountId,
    /// When the venue drew it up, by the clock of the events.
    pub taken_at: Timestamp,
    /// The orders.
    pub orders: Listed,
}

/// The orders of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Listed {
    /// They could not be listed, or not completely.
    Failed,
    /// Each of ours rests as we know it, and no other: a list that brought nothing new is kept like this.
    AsKnown,
    /// All that can only close something; orders that could open are not told.
    All(Vec<OpenOrder>),
}

/// One open order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenOrder {
    /// Whose it is.
    pub whose: Whose,
    /// The quantity it was placed with, or changed to; positive.
    pub qty: Qty,
    /// What of it traded.
    pub filled: Qty,
    /// How it meets the market, and where.
    pub kind: OrderKind,
}

/// Whose an open order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whose {
    /// It has an id of ours.
    Ours(OrderId),
    /// A person's or another program's.
    Foreign(ForeignId),
}

/// An order that is not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ForeignId {
    /// The instrument.
    pub instrument: InstrumentId,
    /// The side of the position that it would reduce.
    pub side: Side,
    /// A number that the host gave to the venue's id; the same as long as the order rests.
    pub number: u64,
}

impl ForeignId {
    /// The bucket that it would reduce.
    #[must_use]
    pub const fn key(self, account: AccountId) -> PositionKey {
        PositionKey { account, instrument: self.instrument, side: self.side }
    }
}

/// What lists have shown of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Listings {
    /// When the last one was drawn up.
    pub(crate) last: Option<Timestamp>,
    /// The last one is too old to rely on.
    pub(crate) is_stale: bool,
    /// Lists in a row that failed.
    pub(crate) failed: u32,
    /// Stops that the venue confirmed since, and when.
    #[serde(with = "crate::pairs")]
    pub(crate) fresh: BTreeMap<OrderId, Timestamp>,
    /// Orders of ours that should rest, and were not there.
    pub(crate) missing: BTreeSet<OrderId>,
    /// Orders of others, and what of them may still trade.
    #[serde(with = "crate::pairs")]
    pub(crate) foreign: BTreeMap<ForeignId, Qty>,
}

impl Listings {
    /// The account is given to manage, for the first time or again.
    pub(crate) fn begin(&mut self) {
        self.is_stale |= self.last.is_none();
        self.failed = 0;
    }

    /// What orders of others lock of a bucket.
    pub(crate) fn foreign_of(&self, key: PositionKey) -> Qty {
        let of = |number| ForeignId { instrument: key.instrument, side: key.side, number };
        let locked = self.foreign.range(of(0)..=of(u64::MAX)).map(|(_, qty)| *qty);
        locked.fold(Qty(0), Qty::plus_at_most)
    }

    /// When an order was last seen at the venue; none when it was not, or is missing.
    pub(crate) fn seen_at(&self, id: &OrderId) -> Option<Timestamp> {
        if self.missing.contains(id) {
            return None;
        }
        self.fresh.get(id).copied().max(self.last)
    }

    /// An episode is over.
    pub(crate) fn forget(&mut self, episode: EpisodeId) {
        self.fresh.retain(|id, _| id.episode != episode);
        self.missing.retain(|id| id.episode != episode);
    }
}
