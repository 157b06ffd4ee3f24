//! The tables of the ledger, one type a table, and the changes that a fact makes to them.
//!
//! Prices, quantities and money are exact; their decimal text is made where they are written.

use std::sync::Arc;

use ripcord_core::coverage::Uncovered;
use ripcord_core::id::{AccountId, EpisodeId, InstrumentId, PlanId};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::order::{ExitOrder, OrderState};
use ripcord_core::reason::{ExitType, Reason, Source};
use ripcord_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fact::{Method, OrderSide, PositionName};
use crate::fifo::Allocation;

/// A row that is new or different; the row of the same key is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// An order, by its id.
    Order(Box<OrderRow>),
    /// A fill, by its order and number. It is a fact: the row never changes once it is there.
    Fill(Box<FillRow>),
    /// An episode, by its id.
    Episode(Box<EpisodeRow>),
    /// A trade record, by its order id.
    Trade(Box<TradeRow>),
    /// All allocations of one sell: those that are not named are gone.
    Allocations {
        /// The sell.
        sell: Arc<str>,
        /// The market they are of.
        market: Arc<Market>,
        /// What it was matched with, in FIFO order.
        rows: Vec<Allocation>,
    },
    /// The exchange's protection of an episode, by the order that opened it.
    Bracket(Box<BracketRow>),
    /// Somebody looked at the venue again: when, and how.
    Reconciled {
        /// The order.
        order_id: String,
        /// When.
        at: Timestamp,
        /// How.
        via: String,
    },
    /// An instrument.
    Instrument {
        /// Its number.
        id: InstrumentId,
        /// What is known of it.
        market: Arc<Market>,
    },
    /// The name of an account.
    Account {
        /// Its number.
        id: AccountId,
        /// Its name.
        name: String,
    },
    /// The name of a plan.
    Plan {
        /// Its number.
        id: PlanId,
        /// Its name.
        name: String,
    },
}

/// An instrument and how its profit is counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Market {
    /// Its scales and steps.
    pub rules: Instrument,
    /// How its profit is counted.
    pub method: Method,
}

/// One order of ours, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderRow {
    /// Its market.
    pub market: Arc<Market>,
    /// What was ordered.
    pub order: ExitOrder,
    /// Who sent it.
    pub source: Source,
    /// How it met the market.
    pub exit_type: ExitType,
    /// Where it stands.
    pub state: OrderState,
    /// The gate let it not pass.
    pub is_blocked: bool,
    /// How much was filled.
    pub filled: Qty,
    /// When it was intended.
    pub intended_at: Timestamp,
    /// When the venue had it.
    pub accepted_at: Option<Timestamp>,
    /// When it first traded.
    pub traded_at: Option<Timestamp>,
    /// When it ended; an order without an answer has not.
    pub ended_at: Option<Timestamp>,
}

/// One trade of one of our orders: a fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FillRow {
    /// Its market.
    pub market: Arc<Market>,
    /// The order.
    pub order_id: Arc<str>,
    /// Its number within the order, from 1.
    pub number: u32,
    /// The episode.
    pub episode: EpisodeId,
    /// When.
    pub at: Timestamp,
    /// How much.
    pub qty: Qty,
    /// At which price.
    pub price: Price,
    /// Its fee.
    pub fee: Money,
    /// Average cost of what it closed, as the core states it.
    pub cost: Money,
    /// Entry fees of what it closed.
    pub entry_fees: Money,
    /// Funding of what it closed; positive is paid.
    pub funding: Money,
    /// What was held afterwards.
    pub remaining: Qty,
    /// Why.
    pub reason: Reason,
    /// Who.
    pub source: Source,
    /// How.
    pub exit_type: ExitType,
}

impl FillRow {
    /// Net by average cost.
    #[must_use]
    pub fn net(&self) -> Money {
        let gross = self.market.rules.notional(self.price, self.qty) - self.cost;
        let gross = if self.episode.key.side == Side::Long { gross } else { -gross };
        gross - self.fee - self.entry_fees - self.funding
    }
}

/// One life of one position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EpisodeRow {
    /// Its market.
    pub market: Arc<Market>,
    /// Which one.
    pub id: EpisodeId,
    /// The plan that holds.
    pub plan: PlanId,
    /// What its owner calls it.
    pub name: Arc<PositionName>,
    /// When it began.
    pub opened_at: Timestamp,
    /// When it ended.
    pub closed_at: Option<Timestamp>,
    /// What was held at first.
    pub initial: Qty,
    /// The most that was held.
    pub largest: Qty,
    /// What was bought (or sold short) in all.
    pub entered: Qty,
    /// Its cost, in price units times quantity units; the average entry is `cost / entered`.
    pub cost: i128,
    /// What was closed.
    pub closed: Qty,
    /// What it was worth; none while a sell of it has no known cost.
    pub worth: Option<Worth>,
    /// The reason of the largest closed quantity; equal parts by rank.
    pub headline: Option<Reason>,
    /// How long it was without a stop, in all; none before it ended.
    pub uncovered: Option<Uncovered>,
}

/// What closed quantities were worth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worth {
    /// Before fees and funding.
    pub gross: Money,
    /// Of the exits and of the entries they closed.
    pub fees: Money,
    /// Positive is paid.
    pub funding: Money,
}

impl Worth {
    /// `gross - fees - funding`: the one number that is called P&L.
    #[must_use]
    pub fn net(&self) -> Money {
        self.gross - self.fees - self.funding
    }

    /// Both together.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            gross: self.gross + other.gross,
            fees: self.fees + other.fees,
            funding: self.funding + other.funding,
        }
    }
}

/// One order that opened or closed, ours or imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TradeRow {
    /// Its market.
    pub market: Arc<Market>,
    /// The order.
    pub order_id: Arc<str>,
    /// The episode, of ours.
    pub episode: Option<EpisodeId>,
    /// What the owner calls the position, of ours.
    pub name: Option<Arc<PositionName>>,
    /// The account.
    pub account: AccountId,
    /// Bought or sold.
    pub side: OrderSide,
    /// The side of the position.
    pub position_side: Side,
    /// When it first traded.
    pub at: Timestamp,
    /// How much it traded.
    pub size: Qty,
    /// Price times quantity, in their units; the average price is `value / size`.
    pub value: i128,
    /// Fees of this order.
    pub fees: Money,
    /// Trades of this order.
    pub fills: u32,
    /// Why it was sent: the one JSON shape.
    pub trigger: String,
    /// The order type.
    pub order_type: String,
    /// Where it stands.
    pub status: &'static str,
    /// Who traded.
    pub source: String,
    /// By which way it came here.
    pub via: String,
    /// What it opened, or what it closed.
    pub effect: Effect,
}

/// What an order did to a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// It opened, and this much of it is not closed yet.
    Opened {
        /// Not closed yet.
        remaining: Qty,
    },
    /// It closed.
    Closed {
        /// The orders that opened what it closed, oldest first.
        parents: Vec<Arc<str>>,
        /// Cost and proceeds; none while the cost is not known.
        money: Option<ClosedMoney>,
        /// Why.
        reason: Reason,
        /// Who.
        source: Source,
        /// How.
        exit_type: ExitType,
    },
}

/// The money of a closing order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClosedMoney {
    /// What was paid for what was sold, its fees included.
    pub cost_basis: Money,
    /// What selling brought.
    pub proceeds: Money,
    /// The same, less its fees.
    pub net_proceeds: Money,
    /// Gross, fees of both ends, funding.
    pub worth: Worth,
}

/// The exchange's protection of a position: the stop that rests, or the last one that did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BracketRow {
    /// Its market.
    pub market: Arc<Market>,
    /// The episode.
    pub episode: EpisodeId,
    /// The order that opened the position.
    pub entry_order_id: String,
    /// The stop leg.
    pub stop_order_id: Option<String>,
    /// The take-profit leg.
    pub tp_order_id: Option<String>,
    /// The stop's trigger.
    pub stop_price: Option<Price>,
    /// The target.
    pub tp_price: Option<Price>,
    /// What was paid, price times quantity, and the quantity: their quotient is the average entry.
    pub entry: (i128, Qty),
    /// When the position was opened.
    pub entry_time: Timestamp,
    /// Where it stands: `pending`, `active`, `unknown`, `refused`, `gone`, `filled` or, with its position,
    /// `closed`.
    pub status: &'static str,
    /// Who acts when it is filled.
    pub source: &'static str,
    /// When the venue last confirmed it.
    pub verified_at: Option<Timestamp>,
}
