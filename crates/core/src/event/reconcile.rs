//! Facts about what a venue says is held.

use serde::{Deserialize, Serialize};

use super::Held;
use crate::id::{AccountId, EpisodeId, OrderId, PositionKey};
use crate::listing::ForeignId;
use crate::num::{Money, Price, Qty};
use crate::order::OrderKind;
use crate::reason::{Reason, Source};
use crate::time::Timestamp;

/// A read of the venue that brought something new, or the first one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciled {
    /// The account.
    pub account: AccountId,
    /// When the venue drew it up.
    pub taken_at: Timestamp,
    /// Every fill up to this moment is in it.
    pub fills_until: Timestamp,
    /// Whether it is the first since the account was given to manage.
    pub is_first: bool,
    /// Positions of ours of which the venue says the same.
    pub same: u32,
    /// All others, in the order of their buckets.
    pub found: Vec<Found>,
}

/// One bucket in which the venue and we differ, or that is none of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The bucket.
    pub key: PositionKey,
    /// What we hold.
    pub ours: Qty,
    /// What the venue says; on spot, of what is granted.
    pub theirs: Qty,
    /// What it means.
    pub verdict: Verdict,
}

/// What a difference to the venue means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It says what we say, again.
    Agrees,
    /// A position that we do not know: it is taken over.
    New,
    /// A position of ours is not there any more, by a second read.
    Gone,
    /// It is smaller, by a second read.
    Smaller,
    /// It is larger, by a second read.
    Larger,
    /// The first read that says so: a second one must agree.
    Unconfirmed,
    /// Seen before, and the second read is still to come.
    Waits,
    /// The read is older than what we know of the bucket.
    Stale,
    /// Not managed: it is never touched.
    NotManaged,
    /// Let go: it is not touched until it is handed over.
    Released,
    /// Less than the venue can close.
    Dust,
    /// Its price is not known: no stop can be measured.
    NoPrice,
}

impl Verdict {
    /// Whether a read that says so is told.
    #[must_use]
    pub const fn is_news(self) -> bool {
        match self {
            Self::Agrees | Self::New | Self::Gone | Self::Smaller | Self::Larger | Self::Unconfirmed => true,
            Self::Waits | Self::Stale | Self::NotManaged | Self::Released | Self::Dust | Self::NoPrice => {
                false
            }
        }
    }

    /// The word used in files, logs and texts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::New => "new",
            Self::Gone => "gone",
            Self::Smaller => "smaller",
            Self::Larger => "larger",
            Self::Unconfirmed => "unconfirmed",
            Self::Waits => "waits",
            Self::Stale => "stale",
            Self::NotManaged => "not_managed",
            Self::Released => "released",
            Self::Dust => "dust",
            Self::NoPrice => "no_price",
        }
    }
}

/// A position found at the venue was taken over; its [`Opened`](super::Opened) stands before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adopted {
    /// The episode.
    pub episode: EpisodeId,
    /// The price of that moment: stop and extremes are measured from it.
    pub seen: Price,
    /// Whether the venue knew the average entry; else the price of the moment stands in.
    pub entry_known: bool,
    /// Where the venue would liquidate, if it says.
    pub liquidation: Option<Price>,
    /// Rules that held already. They do not act until the position is handed over.
    pub held: Vec<Held>,
}

/// A quantity left a position and no order of ours did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOutside {
    /// The episode.
    pub episode: EpisodeId,
    /// Why.
    pub reason: Reason,
    /// Who.
    pub source: Source,
    /// How much.
    pub qty: Qty,
    /// Its price; `None` when nobody told it: then its result is not known either.
    pub price: Option<Price>,
    /// Its fee, as far as told.
    pub fee: Money,
    /// Cost of the closed quantity: average entry price times quantity, in price units times quantity units.
    pub cost: i128,
    /// Entry fees that belong to the closed quantity.
    pub entry_fees: Money,
    /// Funding that belongs to the closed quantity; positive is paid.
    pub funding: Money,
    /// What the position holds afterwards.
    pub remaining: Qty,
}

/// A list of open orders that brought something new; or what the venue said of one that somebody changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrdersListed {
    /// The account.
    pub account: AccountId,
    /// When the venue drew it up.
    pub taken_at: Timestamp,
    /// Orders of ours that should rest there and do not; what became of them is asked.
    pub missing: Vec<OrderId>,
    /// Orders of ours that were missing, and rest there after all.
    pub back: Vec<OrderId>,
    /// Orders of ours that somebody changed.
    pub edited: Vec<Edited>,
    /// Orders with ids of ours that serve no position any more; they are cancelled.
    pub strays: Vec<OrderId>,
    /// Orders of others, all of them, when they are not those of the list before.
    pub foreign: Option<Vec<(ForeignId, Qty)>>,
}

/// An order of ours that somebody changed at the venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edited {
    /// The order.
    pub id: OrderId,
    /// What of it may still trade now.
    pub left: Qty,
    /// How it meets the market now, and where.
    pub kind: OrderKind,
}

/// A quantity that had left unseen is told after all, by a trade of ours or of somebody else: it is back,
/// and the trade that sold it follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {
    /// The episode, which may be over.
    pub episode: EpisodeId,
    /// How much.
    pub qty: Qty,
    /// What the position holds now.
    pub open: Qty,
}
