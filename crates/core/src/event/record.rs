//! Facts: what a step writes down.

use serde::{Deserialize, Serialize};

use super::reconcile::{Adopted, LeftOutside, OrdersListed, Reconciled, Returned};
use super::{ConfirmedBy, Event, Jump, Observed, PriceDoubted};
use crate::account::Management;
use crate::gate::Blocked;
use crate::id::{AccountId, EpisodeId, InstrumentId, OrderId, PlanId, PositionKey};
use crate::kill::KillLevel;
use crate::market::{Bar, PriceSource};
use crate::num::{Money, Price, Qty};
use crate::order::ExitOrder;
use crate::pacing::Pace;
use crate::reason::{ExitType, Reason, Source, StopOrigin};
use crate::time::Timestamp;

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
    /// A rule that holds leaves its exit to the stop at the venue.
    Deferred {
        /// The episode.
        episode: EpisodeId,
        /// The rule's reason.
        reason: Reason,
        /// The trigger of the stop at the venue.
        bracket: Price,
        /// Every rule that held, with its level and the price it saw, in rank order.
        held: Vec<Held>,
    },
    /// The trigger of the stop at the venue traded; its fill is waited for.
    BracketTriggered {
        /// The episode.
        episode: EpisodeId,
        /// The trigger.
        trigger: Price,
        /// The price that passed it.
        price: Price,
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
    /// An account's kill level was set or released, or silence is told again.
    KillLevel {
        /// The account.
        account: AccountId,
        /// The level now.
        level: Option<KillLevel>,
    },
    /// A price reached the level of an emergency rule, which waits for a second one.
    Suspected {
        /// The episode.
        episode: EpisodeId,
        /// The rule, by the reason it gives.
        reason: Reason,
        /// The level.
        level: Price,
        /// The price that reached it.
        price: Price,
        /// From then on the rule acts, unless a price contradicts.
        until: Timestamp,
    },
    /// The price that an emergency rule waited with is confirmed: it acts.
    Confirmed {
        /// The episode.
        episode: EpisodeId,
        /// The rule, by the reason it gives.
        reason: Reason,
        /// What confirmed it.
        by: ConfirmedBy,
        /// The price that did, or the last one.
        price: Price,
    },
    /// The price that an emergency rule waited with is contradicted: it goes on watching.
    Contradicted {
        /// The episode.
        episode: EpisodeId,
        /// The rule, by the reason it gives.
        reason: Reason,
        /// The source of the price on the safe side.
        source: PriceSource,
        /// That price.
        price: Price,
    },
    /// A price reached the level of a rule, and is not to be trusted.
    PriceDoubted(Box<PriceDoubted>),
    /// A source said nothing for too long; rules on it are blind.
    PricesStale {
        /// The instrument.
        instrument: InstrumentId,
        /// The source.
        source: PriceSource,
        /// Its last price; `None` when it never had one.
        last: Option<Price>,
        /// The time of that price, or since when one is waited for.
        since: Timestamp,
    },
    /// A source that was silent speaks again.
    PricesBack {
        /// The instrument.
        instrument: InstrumentId,
        /// The source.
        source: PriceSource,
        /// The first price after the silence.
        price: Price,
    },
    /// A price jumped, or what was made of one that did.
    Jump(Box<Jump>),
    /// Mark and last price differ by more than the plan allows: targets, signals and time limits wait.
    Diverged {
        /// The instrument.
        instrument: InstrumentId,
        /// The mark price.
        mark: Price,
        /// The last price.
        last: Price,
    },
    /// Mark and last price agree again.
    Converged {
        /// The instrument.
        instrument: InstrumentId,
        /// The mark price.
        mark: Price,
        /// The last price.
        last: Price,
    },
    /// What is managed of an account from now on.
    Managed(Box<Management>),
    /// The venue could not be read; nothing changed.
    ReadFailed {
        /// The account.
        account: AccountId,
        /// How often in a row.
        in_a_row: u32,
    },
    /// What a read of the venue brought.
    Reconciled(Box<Reconciled>),
    /// A position found at the venue was taken over.
    Adopted(Box<Adopted>),
    /// A quantity left a position and no order of ours did it.
    LeftOutside(Box<LeftOutside>),
    /// A position was let go; what is left of it is nobody's here any more.
    Released {
        /// The episode, which ends.
        episode: EpisodeId,
        /// What it held.
        qty: Qty,
        /// Whether its stop stays at the venue.
        keeps_stop: bool,
    },
    /// A position was handed over: all its rules act from now on, and reads may take it over.
    HandedOver(PositionKey),
    /// A list of open orders brought something new.
    OrdersListed(Box<OrdersListed>),
    /// Open orders were not listed for too long: until they are, rules do not rely on stops at the venue.
    OrdersStale {
        /// The account.
        account: AccountId,
        /// When they were last listed; `None` is never.
        since: Option<Timestamp>,
    },
    /// A quantity that had left unseen is told after all: its trade follows.
    Returned(Box<Returned>),
    /// The orders of an account go otherwise than before, for its budget or a venue that is busy.
    OrdersPaced {
        /// The account.
        account: AccountId,
        /// How they go.
        pace: Pace,
        /// When there is room for exits of choice again.
        until: Option<Timestamp>,
    },
}

impl Record {
    /// The episode that it is about; `None` when it is about a market, an account, or the step itself.
    #[must_use]
    pub fn episode(&self) -> Option<EpisodeId> {
        match self {
            Self::StopMoved { episode, .. }
            | Self::TrailingActivated { episode, .. }
            | Self::FundingPaid { episode, .. }
            | Self::PlanChanged { episode, .. }
            | Self::Signalled { episode, .. }
            | Self::Deferred { episode, .. }
            | Self::BracketTriggered { episode, .. }
            | Self::Suspected { episode, .. }
            | Self::Confirmed { episode, .. }
            | Self::Contradicted { episode, .. }
            | Self::ExitConcluded { episode, .. }
            | Self::Closed { episode }
            | Self::Released { episode, .. }
            | Self::Alarm { episode, .. } => Some(*episode),
            Self::GateBlocked { id, .. } | Self::OrderAccepted(id) | Self::OrderEnded { id, .. } => {
                Some(id.episode)
            }
            Self::Opened(opened) => Some(opened.episode),
            Self::Added(added) => Some(added.episode),
            Self::ExitDecided(decided) => Some(decided.episode),
            Self::OrderIntended(order) => Some(order.id.episode),
            Self::Filled(filled) => Some(filled.id.episode),
            Self::PriceDoubted(doubted) => Some(doubted.episode),
            Self::Adopted(adopted) => Some(adopted.episode),
            Self::LeftOutside(left) => Some(left.episode),
            Self::Returned(returned) => Some(returned.episode),
            Self::Observed(_)
            | Self::Input(_)
            | Self::BarClosed(_)
            | Self::CommandRefused(_)
            | Self::KillLevel { .. }
            | Self::PricesStale { .. }
            | Self::PricesBack { .. }
            | Self::Jump(_)
            | Self::Diverged { .. }
            | Self::Converged { .. }
            | Self::Managed(_)
            | Self::ReadFailed { .. }
            | Self::Reconciled(_)
            | Self::HandedOver(_)
            | Self::OrdersListed(_)
            | Self::OrdersStale { .. }
            | Self::OrdersPaced { .. } => None,
        }
    }
}

/// Why an exit of rules 7 to 9 was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Concluded {
    /// The market is past the worst price that its rule accepts.
    PastWorst,
    /// It took as long as its rule allows.
    Expired,
    /// A more urgent exit took its place.
    Overtaken,
    /// Somebody stopped exits of its kind.
    Killed,
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
    /// The venue was asked and does not know it, beyond doubt: it never arrived, or is gone.
    NotFound,
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
    /// The venue will not have the stop; it is being tried again.
    ProtectionRefused,
    /// Somebody else took the stop away from the venue.
    ProtectionLost,
    /// The venue has another order under one of our ids.
    OrderCollision,
    /// An exit waits for coins that another order locks.
    CoinsLocked,
    /// A source of prices that the position's rules look at is silent.
    PricesStale,
    /// A price that would have closed the position is not to be trusted.
    PriceDoubted,
    /// The plan's stop was out of reach when the position was taken over: a nearer one was set.
    StopTightened,
    /// The venue closed it: liquidation, auto-deleveraging or settlement.
    ClosedByVenue,
    /// It was closed, and the trades that did it are not seen yet.
    ClosedUnseen,
    /// Somebody changed the stop at the venue for the worse.
    ProtectionEdited,
    /// An exit was decided long ago and is not done; it is still being tried.
    ExitHangs,
    /// The venue says another leverage than the plan counts with: levels on margin are those of the plan.
    OtherLeverage,
}

impl AlarmKind {
    /// Whether a position is not what its plan makes of it as long as the alarm stands: something that should
    /// be done is not, or may not be. The others tell of what was done.
    #[must_use]
    pub const fn is_urgent(self) -> bool {
        match self {
            Self::ExitRefused
            | Self::ExitUnknown
            | Self::NoProtection
            | Self::ProtectionRefused
            | Self::ProtectionLost
            | Self::CoinsLocked
            | Self::PricesStale
            | Self::PriceDoubted
            | Self::ExitHangs => true,
            Self::AtrMissing
            | Self::Dust
            | Self::FillNotExpected
            | Self::OrderCollision
            | Self::StopTightened
            | Self::OtherLeverage
            | Self::ClosedByVenue
            | Self::ClosedUnseen
            | Self::ProtectionEdited => false,
        }
    }
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
    /// Its value is beyond what can be computed with.
    TooLarge(PositionKey),
    /// The position's plan has no signal exit.
    NoSignalRule(PositionKey),
    /// The signal is older than the plan lets it stand.
    StaleSignal(PositionKey),
    /// The account's kill level forbids it.
    Killed(PositionKey),
    /// Silence must be asked for twice.
    NotConfirmed(AccountId),
    /// What is to be managed of an account cannot be meant.
    Unmanageable(AccountId),
    /// The account has a stronger kill level, which only a release takes back.
    StrongerLevel(AccountId),
    /// It was let go: nothing here acts on the bucket before it is handed over.
    Released(PositionKey),
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
