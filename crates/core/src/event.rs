//! The words spoken at the door: events in; records and actions out.

use serde::{Deserialize, Serialize};

use crate::account::{Management, OutsideClose, Reading};
use crate::cell::CellId;
use crate::gate::Approved;
use crate::id::{AccountId, OrderId, PlanId, PositionKey};
use crate::kill::KillLevel;
use crate::listing::{ForeignId, Listing};
use crate::market::Bar;
use crate::num::{Money, Price, Qty};
use crate::order::{Fill, OrderState};
use crate::pacing::OrderBudget;
use crate::time::Timestamp;

mod prices;
mod reconcile;
mod record;

pub use prices::{ConfirmedBy, Doubt, Judged, Jump, PriceDoubted};
pub use reconcile::{Adopted, Edited, Found, LeftOutside, OrdersListed, Reconciled, Returned, Verdict};
pub use record::{
    Added, AlarmKind, CommandRefused, Concluded, Entry, ExitDecided, Filled, Held, Opened, OrderEnd, Record,
};

/// One price of one cell. 32 bytes of plain fields: it is read, never moved, on the hot path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tick {
    /// The venue's time.
    pub at: Timestamp,
    /// The price; positive.
    pub price: Price,
    /// The traded quantity; zero when unknown.
    pub qty: Qty,
    /// The cell: an instrument's price source.
    pub cell: CellId,
    /// Which watches this price may fire; [`Probe::TICK`] for a real price.
    pub probe: Probe,
}

/// What a price stands for. A real tick may fire everything; a price probed from a candle fires
/// only the classes and sides that its candle policy names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Probe {
    /// Watch classes, see the constants.
    pub classes: u8,
    /// Sides: [`Probe::LONG`], [`Probe::SHORT`].
    pub sides: u8,
    /// At which price an exit that this probe fires is filled.
    pub fill: ProbeFill,
}

/// At which price an exit fired by a probe is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum ProbeFill {
    /// As the market does: market orders at the price, resting limits at their own.
    Market,
    /// At the level that fired: the price moved through it.
    Level,
    /// At the price, resting limits too: the open of a candle, as some backtesters count it.
    Price,
}

impl Probe {
    /// Stop side rules: hard stop, loss guard, stop loss, soft stop, trailing stop.
    pub const STOP: u8 = 1;
    /// Take-profit legs.
    pub const TARGET: u8 = 2;
    /// Extremes, and what they activate.
    pub const EXTREME: u8 = 4;
    /// Time limits.
    pub const TIME: u8 = 8;
    /// Exit signals.
    pub const SIGNAL: u8 = 16;
    /// Every class.
    pub const EVERY_CLASS: u8 = 31;
    /// Long positions.
    pub const LONG: u8 = 1;
    /// Short positions.
    pub const SHORT: u8 = 2;
    /// A real price: everything may fire, at this price.
    pub const TICK: Self =
        Self { classes: Self::EVERY_CLASS, sides: Self::LONG | Self::SHORT, fill: ProbeFill::Market };

    /// Whether watches of `class` may fire for `side`.
    #[must_use]
    pub const fn fires(self, class: u8, side: crate::instrument::Side) -> bool {
        let bit = match side {
            crate::instrument::Side::Long => Self::LONG,
            crate::instrument::Side::Short => Self::SHORT,
        };
        self.classes & class != 0 && self.sides & bit != 0
    }
}

/// What a cell saw since it was last observed, none of which woke anybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Observed {
    /// The cell.
    pub cell: CellId,
    /// Prices seen; never 0.
    pub count: u32,
    /// The last price.
    pub last: Price,
    /// Its time.
    pub at: Timestamp,
    /// The lowest price that counts for extremes; above `max` when none did.
    pub min: Price,
    /// The highest price that counts for extremes.
    pub max: Price,
}

/// What the outside tells the core.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A price; the same as calling `tick`.
    Tick(Tick),
    /// A closed bar from outside.
    Bar(Bar),
    /// A stretch of quiet prices.
    Observed(Observed),
    /// The time that was asked for has come.
    Timer,
    /// The venue spoke.
    Venue(VenueEvent),
    /// Somebody asks for something.
    Command(Command),
    /// A source said nothing for too long. The core finds it by itself; told from outside it is looked
    /// at, and passed over when it is not so.
    Silent(CellId),
    /// Nobody was there for a while: what was due meanwhile is due now, once, however often it would have been.
    Resumed,
}

/// What a venue says of our orders and positions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VenueEvent {
    /// It has the order.
    Accepted(OrderId),
    /// It will not have the order.
    Refused(OrderId, RefusedWhy),
    /// It traded.
    Filled(Box<Fill>),
    /// It took the order away on our word.
    Cancelled(OrderId),
    /// It took the order away by its own rules (a reduce-only order with nothing left to reduce).
    Expired(OrderId),
    /// It cannot cancel.
    CancelRefused(OrderId),
    /// No answer to a submit came in time.
    Silence(OrderId),
    /// It settled funding for a position; positive is paid by us.
    FundingPaid(PositionKey, Box<Money>),
    /// It would liquidate a position at this price.
    LiquidationAt(PositionKey, Price),
    /// It was asked about an order, and has or had it.
    Found(Box<OrderFound>),
    /// It was asked about an order, nobody knows when, and does not know it: journals of before [`Absence`] say so.
    NotFound(OrderId),
    /// What an account holds, or that it could not be read.
    Read(Box<Reading>),
    /// A trade closed (part of) a position, and was not one of our orders'.
    ClosedOutside(Box<OutsideClose>),
    /// What rests in an account, or that it could not be listed.
    Listed(Box<Listing>),
    /// It was asked about an order, and does not know it.
    Absent(Box<Absence>),
    /// It triggered a stop: what it sells comes next, where the venue has another order for that as trades of this.
    Triggered(OrderId),
}

/// What a venue does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absence {
    /// The order.
    pub id: OrderId,
    /// When the question left, by our clock, or any later moment before the venue looked: its word may have waited
    /// since then, on its way or for us.
    pub asked_at: Timestamp,
}

/// What a venue tells of an order that it was asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderFound {
    /// The order.
    pub id: OrderId,
    /// The quantity it was placed with: another than ours is another's order under the same id.
    pub qty: Qty,
    /// When it was placed, by the venue's clock.
    pub placed_at: Timestamp,
    /// Where it stands.
    pub state: OrderState,
    /// What it traded in all so far, at the average price, with every fee.
    pub fill: Option<Fill>,
}

/// Why a venue refuses an order, as far as it matters to what we do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusedWhy {
    /// Nothing (more) to reduce.
    NothingToReduce,
    /// The venue is busy or limits us.
    Busy,
    /// Any other word of the venue.
    Other,
    /// No market orders now: limits only, or only within a band of prices.
    MarketRefused,
    /// The coins are locked by another order, or are not there.
    CoinsMissing,
}

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Take over the exits of a position.
    Open(Box<Opening>),
    /// Close a position now, at the market.
    Close {
        /// The bucket.
        key: PositionKey,
        /// Only so much of it; `None` is all.
        qty: Option<Qty>,
    },
    /// Close everything of an account now, at the market.
    Panic(AccountId),
    /// More of a position was bought (or sold short).
    Add(Box<Addition>),
    /// Another plan holds from now on.
    ChangePlan {
        /// The bucket.
        key: PositionKey,
        /// The plan.
        plan: PlanId,
    },
    /// The strategy wants out; the signal stands for the time to live that the plan gives it.
    Signal {
        /// The bucket.
        key: PositionKey,
        /// When it was given.
        at: Timestamp,
    },
    /// Move the stop; it only tightens, and never through the market.
    MoveStop {
        /// The bucket.
        key: PositionKey,
        /// Where to.
        to: Price,
    },
    /// Set an account's kill level, or release it. A weaker one than it has is refused.
    Kill {
        /// The account.
        account: AccountId,
        /// The level; `None` releases.
        level: Option<KillLevel>,
        /// Whether a person said so twice; K3 needs it.
        confirmed: bool,
    },
    /// Manage this of an account; told again after every start and reconnect, it asks for a read.
    Manage(Box<Management>),
    /// All rules of a position act from now on; one that was let go may be taken over again.
    HandOver {
        /// The bucket.
        key: PositionKey,
    },
    /// Let go of a position: its orders are taken away, and reads leave it alone until it is handed over.
    Release {
        /// The bucket.
        key: PositionKey,
        /// Its stop stays at the venue.
        keeps_stop: bool,
    },
    /// So many orders an account may send; `None` is as many as are decided.
    Budget {
        /// The account.
        account: AccountId,
        /// The budget.
        budget: Option<OrderBudget>,
    },
}

/// A position to take over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// The bucket it lives in.
    pub key: PositionKey,
    /// Its exit plan.
    pub plan: PlanId,
    /// Quantity held; positive.
    pub qty: Qty,
    /// Average entry price; positive.
    pub entry: Price,
    /// Entry fees paid.
    pub entry_fees: Money,
}

/// More of a position that is held already: a fill of an entry order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addition {
    /// The bucket it lives in.
    pub key: PositionKey,
    /// Quantity added; positive.
    pub qty: Qty,
    /// The price of the fill; positive.
    pub price: Price,
    /// Entry fees paid for it.
    pub fees: Money,
}

/// What the core wants done. Records are durable before an action that follows them leaves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Send an order.
    Submit(Approved),
    /// Take an order away.
    Cancel(OrderId),
    /// Ask what became of an order.
    Query(OrderId),
    /// Read what an account holds, unless a read of it is under way; every one is answered, if only by a
    /// failure.
    ReadPositions(AccountId),
    /// List what rests in an account, unless a list of it is under way; every one is answered, if only by a
    /// failure.
    ListOrders(AccountId),
    /// Take an order of others away.
    CancelForeign(AccountId, ForeignId),
}

/// Where one step puts what happened and what it wants done. The caller owns and reuses it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outbox {
    /// Facts, in order.
    pub records: Vec<Entry>,
    /// Effects wanted, in order.
    pub actions: Vec<Action>,
}

impl Outbox {
    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        self.records.clear();
        self.actions.clear();
    }

    /// Whether nothing happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty() && self.actions.is_empty()
    }
}

const _: () = assert!(size_of::<Tick>() == 32, "a tick is copied on the hot path");
const _: () = assert!(size_of::<Event>() <= 72, "larger payloads are boxed");
