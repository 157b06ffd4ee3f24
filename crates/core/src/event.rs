//! The words spoken at the door: events in; records and actions out.

use serde::{Deserialize, Serialize};

use crate::cell::CellId;
use crate::gate::{Approved, Blocked};
use crate::id::{AccountId, EpisodeId, InstrumentId, OrderId, PlanId, PositionKey};
use crate::market::Bar;
use crate::num::{Money, Price, Qty};
use crate::order::{ExitOrder, Fill};
use crate::reason::{ExitType, Reason, Source, StopOrigin};
use crate::time::Timestamp;

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Send an order.
    Submit(Approved),
    /// Take an order away.
    Cancel(OrderId),
}

/// A fact. Facts are never edited; corrections are new facts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// Quiet prices before this step, which the step may read.
    Observed(Observed),
    /// The event of this step.
    Input(Event),
    /// An episode began.
    Opened(Box<Opened>),
    /// More of a position came.
    Added(Box<Added>),
    /// Another plan holds.
    PlanChanged {
        /// The episode.
        episode: EpisodeId,
        /// The plan before.
        from: PlanId,
        /// The plan now.
        to: PlanId,
    },
    /// The stop moved; it only ever tightens.
    StopMoved {
        /// The episode.
        episode: EpisodeId,
        /// The stop before; `None` when there was none.
        from: Option<Price>,
        /// The stop now.
        to: Price,
        /// What moved it.
        origin: StopOrigin,
    },
    /// The trailing stop became active; from here on it follows the best price.
    TrailingActivated {
        /// The episode.
        episode: EpisodeId,
        /// The extreme it starts from.
        extreme: Price,
        /// The stop it gives.
        stop: Price,
    },
    /// An exit was decided.
    ExitDecided(Box<ExitDecided>),
    /// An order is intended; it is handed out after this record is durable.
    OrderIntended(Box<ExitOrder>),
    /// The gate let an order not pass.
    GateBlocked {
        /// The order.
        id: OrderId,
        /// Why.
        why: Blocked,
    },
    /// The venue has the order.
    OrderAccepted(OrderId),
    /// An order traded.
    Filled(Box<Filled>),
    /// An order ended without filling the rest.
    OrderEnded {
        /// The order.
        id: OrderId,
        /// How it ended.
        how: OrderEnd,
    },
    /// Funding was settled for an episode; positive is paid.
    FundingPaid {
        /// The episode.
        episode: EpisodeId,
        /// The amount.
        amount: Box<Money>,
    },
    /// An exit signal stands.
    Signalled {
        /// The episode.
        episode: EpisodeId,
        /// Until when, inclusive.
        until: Timestamp,
    },
    /// An exit was given up; the rules hold again.
    ExitConcluded {
        /// The episode.
        episode: EpisodeId,
        /// Number of the exit.
        exit: u16,
        /// Why.
        why: Concluded,
    },
    /// An episode ended flat.
    Closed {
        /// The episode.
        episode: EpisodeId,
    },
    /// A bar closed.
    BarClosed(Box<Bar>),
    /// A command was refused; nothing changed.
    CommandRefused(CommandRefused),
    /// Somebody must look.
    Alarm {
        /// The episode.
        episode: EpisodeId,
        /// What is wrong.
        what: AlarmKind,
    },
}

/// Why an exit of rules 7 to 9 was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Concluded {
    /// The market is past the worst price that its rule accepts.
    PastWorst,
    /// It took as long as its rule allows.
    Expired,
}

/// How an order ended without filling the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderEnd {
    /// The venue refused it.
    Refused,
    /// The venue took it away by its own rules.
    Expired,
    /// It was cancelled on our word.
    Cancelled,
    /// No answer: its state is unknown.
    Unknown,
}

/// What needs a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmKind {
    /// An exit order was refused again and again; it is still being tried.
    ExitRefused,
    /// An exit order got no answer.
    ExitUnknown,
    /// The plan has a rule that needs ATR and there is none yet; its fallback acts.
    AtrMissing,
    /// The position has no stop of any kind.
    NoProtection,
    /// What is left is less than the venue can close.
    Dust,
    /// The venue reports a fill of an order that is not ours, or more than was held.
    FillNotExpected,
}

/// Why a command was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CommandRefused {
    /// The bucket already holds a position.
    AlreadyOpen(PositionKey),
    /// The bucket holds no position.
    NotOpen(PositionKey),
    /// The instrument is not registered.
    UnknownInstrument(InstrumentId),
    /// The plan is not registered for this instrument.
    UnknownPlan(PlanId),
    /// A quantity or price that is not positive.
    NotPositive(PositionKey),
    /// The stop is tighter than that already.
    LoosensStop(PositionKey),
    /// The price is at or beyond that stop already; close the position instead.
    StopThroughMarket(PositionKey),
    /// The quantity is less than the venue can close.
    BelowMinimum(PositionKey),
    /// The position's plan has no signal exit.
    NoSignalRule(PositionKey),
    /// The signal is older than the plan lets it stand.
    StaleSignal(PositionKey),
}

/// An episode began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// The episode.
    pub episode: EpisodeId,
    /// Its plan.
    pub plan: PlanId,
    /// Quantity held.
    pub qty: Qty,
    /// Average entry price.
    pub entry: Price,
    /// Entry fees paid.
    pub entry_fees: Money,
    /// The first stop, if the plan has one.
    pub stop: Option<Price>,
}

/// More of a position came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Added {
    /// The episode.
    pub episode: EpisodeId,
    /// Quantity added.
    pub qty: Qty,
    /// Its price.
    pub price: Price,
    /// Entry fees paid for it.
    pub fees: Money,
    /// Quantity held now.
    pub open: Qty,
    /// Average entry now, half up.
    pub entry: Price,
}

/// An exit was decided: by which rule, at which price, and which other rules held as well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitDecided {
    /// The episode.
    pub episode: EpisodeId,
    /// Number of the exit within the episode, from 1.
    pub exit: u16,
    /// Why.
    pub reason: Reason,
    /// Who.
    pub source: Source,
    /// How.
    pub exit_type: ExitType,
    /// The ladder leg, from 1; 0 when it is none.
    pub leg: u8,
    /// What set the level, when the reason is a stop loss.
    pub origin: Option<StopOrigin>,
    /// How much is to be closed.
    pub qty: Qty,
    /// The level of the rule that acts.
    pub trigger: Price,
    /// The price that fired it.
    pub price: Price,
    /// The best price since the trailing stop became active, if it is.
    pub best: Option<Price>,
    /// Every rule that held, in rank order, with its level and the price it looked at.
    pub held: Vec<Held>,
}

/// A rule that held on a wake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Held {
    /// The rule, by the reason it gives.
    pub reason: Reason,
    /// The ladder leg, from 1; 0 when it is none.
    pub leg: u8,
    /// The level it watches.
    pub level: Price,
    /// The price it looked at.
    pub price: Price,
}

/// An order traded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filled {
    /// The order.
    pub id: OrderId,
    /// Why it was sent.
    pub reason: Reason,
    /// Who sent it.
    pub source: Source,
    /// How it met the market.
    pub exit_type: ExitType,
    /// The level of the rule that sent it.
    pub trigger: Price,
    /// Quantity of this trade.
    pub qty: Qty,
    /// Its price.
    pub price: Price,
    /// Its fee.
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

/// A record and its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When the step happened, by the time the core was told.
    pub at: Timestamp,
    /// What happened.
    pub record: Record,
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
