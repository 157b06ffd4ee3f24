//! What the ledger is told: the core's records, what names things, and trades of others.

use std::borrow::Cow;

use ripcord_core::coverage::Wants;
use ripcord_core::event::Record;
use ripcord_core::id::{AccountId, EpisodeId, InstrumentId, PlanId};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::time::Timestamp;
use serde::{Deserialize, Serialize};

/// One fact, at its place in the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact<'a> {
    /// Its place: every number once, without gaps.
    pub seq: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What it says.
    pub body: Body<'a>,
}

/// What a fact says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body<'a> {
    /// A record of the core.
    Record(Cow<'a, Record>),
    /// The rules of an instrument; they hold for positions that are opened later.
    Instrument {
        /// The instrument.
        id: InstrumentId,
        /// Its scales and steps.
        rules: Box<Instrument>,
        /// How its profit is counted.
        method: Method,
    },
    /// The name of an account.
    Account {
        /// The account.
        id: AccountId,
        /// Its name.
        name: String,
    },
    /// The name of a plan.
    Plan {
        /// The plan.
        id: PlanId,
        /// Its name.
        name: String,
        /// What of it decides whether a position is covered.
        wants: Wants,
    },
    /// What the owner calls a position that was opened before.
    Position {
        /// The episode.
        episode: EpisodeId,
        /// Its names.
        name: PositionName,
    },
    /// A trade that was not ours, or more that is known of one.
    Imported(Box<Imported>),
    /// Nothing for the ledger: only its place counts.
    Other,
}

/// How profit is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum Method {
    /// Against the average cost, as the core's fills state it: futures.
    #[default]
    AverageCost,
    /// First in, first out, over all trades of the account: spot.
    Fifo,
}

impl Method {
    /// The word used in tables.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::AverageCost => "average_cost",
            Self::Fifo => "fifo",
        }
    }

    /// The method with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::AverageCost, Self::Fifo].into_iter().find(|method| method.word() == word)
    }
}

/// What the owner of a position calls it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionName {
    /// The id that was given; none is the episode's own.
    pub id: Option<String>,
    /// The strategy that opened it.
    pub strategy: Option<String>,
    /// The snapshot its entry was decided on.
    pub snapshot_id: Option<String>,
}

/// Whether an order bought or sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OrderSide {
    /// Bought.
    Buy,
    /// Sold.
    Sell,
}

impl OrderSide {
    /// The word used in tables.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }

    /// The side that opens a position of `side`.
    #[must_use]
    pub const fn opening(side: Side) -> Self {
        match side {
            Side::Long => Self::Buy,
            Side::Short => Self::Sell,
        }
    }

    /// The side that closes a position of `side`.
    #[must_use]
    pub const fn closing(side: Side) -> Self {
        match side {
            Side::Long => Self::Sell,
            Side::Short => Self::Buy,
        }
    }
}

/// An order of somebody else that traded, or what a later look at the venue says of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// The venue's or the other program's id.
    pub order_id: String,
    /// The account.
    pub account: AccountId,
    /// The instrument.
    pub instrument: InstrumentId,
    /// The side of the position that it opened or closed.
    pub side: Side,
    /// Whether it closed.
    pub closes: bool,
    /// When it traded.
    pub at: Timestamp,
    /// How much; positive.
    pub qty: Qty,
    /// Average price; positive.
    pub price: Price,
    /// Fees in all.
    pub fee: Fee,
    /// Why it was sent, in whatever shape it came.
    pub trigger: String,
    /// The order type as it came.
    pub order_type: String,
    /// Who traded, as it came; may be empty.
    pub source: String,
    /// Why it closed, as it came; a text without one of our words means by hand.
    pub reason: Option<String>,
    /// By which way it came here.
    pub via: String,
}

/// What a trade cost, in the coin in which it was paid. A rebate is negative.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fee {
    /// In the quote currency.
    Quote(Money),
    /// In the coin that was traded: a buy leaves that much less to hold, a sale takes that much more.
    Base(Qty),
    /// In another coin.
    Other {
        /// The coin.
        coin: String,
        /// How much of it.
        amount: Money,
        /// What one of it was worth in the quote currency when the trade was filled.
        price: Money,
    },
}

impl Fact<'_> {
    /// The same fact, owning its parts.
    #[must_use]
    pub fn into_owned(self) -> Fact<'static> {
        let body = match self.body {
            Body::Record(record) => Body::Record(Cow::Owned(record.into_owned())),
            Body::Instrument { id, rules, method } => Body::Instrument { id, rules, method },
            Body::Account { id, name } => Body::Account { id, name },
            Body::Plan { id, name, wants } => Body::Plan { id, name, wants },
            Body::Position { episode, name } => Body::Position { episode, name },
            Body::Imported(trade) => Body::Imported(trade),
            Body::Other => Body::Other,
        };
        Fact { seq: self.seq, at: self.at, body }
    }
}
