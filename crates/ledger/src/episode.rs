//! One life of one position: its openings, its orders, its fills, and what they were worth by
//! average cost.

use std::collections::BTreeMap;
use std::sync::Arc;

use ripcord_core::coverage::Uncovered;
use ripcord_core::event::{Added, Filled, LeftOutside, Opened, OrderEnd, Returned};
use ripcord_core::id::{EpisodeId, OrderId, PlanId};
use ripcord_core::instrument::Side;
use ripcord_core::num::{Money, Qty};
use ripcord_core::order::{ExitOrder, OrderAnswer, OrderKind, OrderLife, OrderState};
use ripcord_core::reason::{ExitType, Reason, Source};
use ripcord_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fact::{Method, PositionName};
use crate::rows::{EpisodeRow, FillRow, Market, OrderRow, Worth};
use crate::text;

/// An episode while something can still happen to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Life {
    pub(crate) id: EpisodeId,
    pub(crate) market: Arc<Market>,
    pub(crate) name: Arc<PositionName>,
    pub(crate) plan: PlanId,
    opened_at: Timestamp,
    closed_at: Option<Timestamp>,
    initial: Qty,
    largest: Qty,
    open: Qty,
    entered: Qty,
    cost: i128,
    closed: Qty,
    /// By average cost.
    worth: Worth,
    /// Closed past us, no order of ours.
    outside: Qty,
    /// Part of it at a price that nobody told.
    unpriced: Qty,
    /// How long it was without a stop; none before it ended.
    uncovered: Option<Uncovered>,
    /// Closed quantity by reason, in the order of the first fill.
    by_reason: Vec<(Reason, i64)>,
    pub(crate) openings: Vec<OpeningOrder>,
    pub(crate) orders: BTreeMap<OrderId, Sent>,
}

/// What opened a position, or added to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OpeningOrder {
    pub(crate) order_id: Arc<str>,
    pub(crate) at: Timestamp,
    /// Price times quantity.
    pub(crate) value: i128,
    pub(crate) qty: Qty,
    pub(crate) fees: Money,
    /// How much of it was closed, the first bought first.
    pub(crate) closed: Qty,
}

/// An exit order and what its fills sum to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sent {
    pub(crate) order_id: Arc<str>,
    pub(crate) order: ExitOrder,
    pub(crate) source: Source,
    pub(crate) exit_type: ExitType,
    life: OrderLife,
    is_blocked: bool,
    intended_at: Timestamp,
    accepted_at: Option<Timestamp>,
    pub(crate) traded_at: Option<Timestamp>,
    ended_at: Option<Timestamp>,
    pub(crate) fills: u32,
    pub(crate) value: i128,
    pub(crate) fee: Money,
    /// Average cost, entry fees and funding of what it closed.
    pub(crate) cost: Money,
    pub(crate) entry_fees: Money,
    pub(crate) funding: Money,
    /// Openings that it closed, by their places.
    pub(crate) parents: Vec<usize>,
}

impl Life {
    pub(crate) fn new(opened: &Opened, at: Timestamp, market: Arc<Market>) -> Self {
        let mut life = Self {
            id: opened.episode,
            market,
            name: Arc::default(),
            plan: opened.plan,
            opened_at: at,
            closed_at: None,
            initial: opened.qty,
            largest: Qty(0),
            open: Qty(0),
            entered: Qty(0),
            cost: 0,
            closed: Qty(0),
            worth: Worth::default(),
            outside: Qty(0),
            unpriced: Qty(0),
            uncovered: None,
            by_reason: Vec::new(),
            openings: Vec::new(),
            orders: BTreeMap::new(),
        };
        life.enter(at, opened.qty, opened.entry.0, opened.entry_fees);
        life
    }

    pub(crate) fn add(&mut self, added: &Added, at: Timestamp) {
        self.enter(at, added.qty, added.price.0, added.fees);
    }

    fn enter(&mut self, at: Timestamp, qty: Qty, price: i64, fees: Money) {
        let number = u32::try_from(self.openings.len()).expect("fewer than 2^32 additions");
        let value = i128::from(price) * i128::from(qty.0);
        let order_id = text::opening_id(self.id, number).into();
        self.openings.push(OpeningOrder { order_id, at, value, qty, fees, closed: Qty(0) });
        self.cost += value;
        self.entered.0 += qty.0;
        self.open.0 += qty.0;
        self.largest = self.largest.max(self.open);
    }

    pub(crate) fn intend(&mut self, order: &ExitOrder, at: Timestamp) -> &Sent {
        // The only stops that are sent are those that protect from the venue's side.
        let source = match order.kind {
            OrderKind::Stop(_) | OrderKind::MarkStop(_) => Source::ExchangeBracket,
            OrderKind::Market
            | OrderKind::MarketableLimit(_)
            | OrderKind::RestingLimit(_)
            | OrderKind::ImmediateLimit(_) => order.reason.source(),
        };
        let sent = Sent::new(order, source, exit_type(order), at);
        self.orders.entry(order.id).or_insert(sent)
    }

    /// An order of ours; none when it was never intended.
    pub(crate) fn order(&mut self, id: &OrderId) -> Option<&mut Sent> {
        self.orders.get_mut(id)
    }

    /// Counts a fill. None when its order was never intended.
    pub(crate) fn fill(&mut self, filled: &Filled, at: Timestamp) -> Option<FillRow> {
        let sent = self.orders.get_mut(&filled.id)?;
        let rules = &self.market.rules;
        let cost = Money(filled.cost * rules.money_per_unit());
        let row = sent.fill(filled, at, cost, &self.market);
        let gross = rules.notional(filled.price, filled.qty) - cost;
        self.worth = self.worth.and(&Worth {
            gross: if self.id.key.side == Side::Long { gross } else { -gross },
            fees: filled.fee + filled.entry_fees,
            funding: filled.funding,
        });
        self.open.0 -= filled.qty.0;
        self.closed.0 += filled.qty.0;
        match self.by_reason.iter_mut().find(|(reason, _)| *reason == filled.reason) {
            Some((_, qty)) => *qty += filled.qty.0,
            None => self.by_reason.push((filled.reason, filled.qty.0)),
        }
        let parents = close_openings(&mut self.openings, filled.qty.0);
        if let Some(sent) = self.orders.get_mut(&filled.id) {
            let new: Vec<usize> = parents.into_iter().filter(|place| !sent.parents.contains(place)).collect();
            sent.parents.extend(new);
        }
        Some(row)
    }

    /// A quantity left past us. What nobody told the price of has no worth that anybody knows.
    pub(crate) fn leave(&mut self, left: &LeftOutside) {
        self.open.0 -= left.qty.0;
        self.closed.0 += left.qty.0;
        self.outside.0 += left.qty.0;
        match self.by_reason.iter_mut().find(|(reason, _)| *reason == left.reason) {
            Some((_, qty)) => *qty += left.qty.0,
            None => self.by_reason.push((left.reason, left.qty.0)),
        }
        close_openings(&mut self.openings, left.qty.0);
        let Some(price) = left.price else {
            self.unpriced.0 += left.qty.0;
            return;
        };
        let rules = &self.market.rules;
        let gross = rules.notional(price, left.qty) - Money(left.cost * rules.money_per_unit());
        self.worth = self.worth.and(&Worth {
            gross: if self.id.key.side == Side::Long { gross } else { -gross },
            fees: left.fee + left.entry_fees,
            funding: left.funding,
        });
    }

    /// What was paid in all, price times quantity, and for how much.
    pub(crate) const fn entered_for(&self) -> (i128, Qty) {
        (self.cost, self.entered)
    }

    pub(crate) const fn is_closed(&self) -> bool {
        self.closed_at.is_some()
    }

    /// What had left unseen is back: an order of ours sold it.
    pub(crate) fn take_back(&mut self, returned: &Returned) {
        let qty = returned.qty.0;
        self.open.0 += qty;
        self.closed.0 -= qty;
        self.outside.0 -= qty;
        self.unpriced.0 -= qty;
        if let Some((_, unknown)) = self.by_reason.iter_mut().find(|(reason, _)| *reason == Reason::Unknown) {
            *unknown -= qty;
        }
        self.by_reason.retain(|&(_, qty)| qty > 0);
        reopen(&mut self.openings, qty);
    }

    /// Whether something of it was closed past us.
    pub(crate) const fn left_outside(&self) -> bool {
        self.outside.0 > 0
    }

    /// It ended; what no order of ours closed is none of its book's any more.
    pub(crate) fn close(&mut self, at: Timestamp, uncovered: Option<Uncovered>) -> Qty {
        self.closed_at = Some(at);
        self.uncovered = uncovered;
        Qty(self.open.0 + self.outside.0)
    }

    /// Whether nothing can happen to it any more.
    pub(crate) fn is_over(&self) -> bool {
        self.closed_at.is_some() && self.orders.values().all(Sent::is_over)
    }

    /// Whether its profit is counted by FIFO. Spot cannot be sold short.
    pub(crate) fn is_fifo(&self) -> bool {
        self.market.method == Method::Fifo && self.id.key.side == Side::Long
    }

    /// The row; `worth` is what its closed quantity was worth, if another count than average cost holds.
    pub(crate) fn row(&self, worth: Option<Worth>) -> EpisodeRow {
        // The first of the largest: ranks are in order, and an equal part later in rank does not win.
        let mut parts = self.by_reason.clone();
        parts.sort_by_key(|&(reason, qty)| (std::cmp::Reverse(qty), reason));
        EpisodeRow {
            market: self.market.clone(),
            id: self.id,
            plan: self.plan,
            name: self.name.clone(),
            opened_at: self.opened_at,
            closed_at: self.closed_at,
            initial: self.initial,
            largest: self.largest,
            entered: self.entered,
            cost: self.cost,
            closed: self.closed,
            worth,
            headline: parts.first().map(|&(reason, _)| reason),
            uncovered: self.uncovered,
        }
    }

    /// What was closed, by average cost; none when the price of a part is not known.
    pub(crate) fn by_average(&self) -> Option<Worth> {
        (self.unpriced.0 == 0).then_some(self.worth)
    }
}

impl Sent {
    fn new(order: &ExitOrder, source: Source, exit_type: ExitType, at: Timestamp) -> Self {
        Self {
            order_id: text::order_id(&order.id).into(),
            order: *order,
            source,
            exit_type,
            life: OrderLife::sent(order.qty),
            is_blocked: false,
            intended_at: at,
            accepted_at: None,
            traded_at: None,
            ended_at: None,
            fills: 0,
            value: 0,
            fee: Money::ZERO,
            cost: Money::ZERO,
            entry_fees: Money::ZERO,
            funding: Money::ZERO,
            parents: Vec::new(),
        }
    }

    pub(crate) fn accept(&mut self, at: Timestamp) {
        self.life.hear(OrderAnswer::Accepted);
        self.accepted_at.get_or_insert(at);
    }

    pub(crate) fn block(&mut self, at: Timestamp) {
        self.is_blocked = true;
        self.ended_at.get_or_insert(at);
    }

    pub(crate) const fn state(&self) -> OrderState {
        self.life.state
    }

    /// When the venue said that it has the order.
    pub(crate) const fn accepted(&self) -> Option<Timestamp> {
        self.accepted_at
    }

    pub(crate) fn end(&mut self, how: OrderEnd, at: Timestamp) {
        let answer = match how {
            OrderEnd::Refused => OrderAnswer::Refused,
            OrderEnd::Expired | OrderEnd::NotFound => OrderAnswer::Expired,
            OrderEnd::Cancelled => OrderAnswer::Cancelled,
            OrderEnd::Unknown => OrderAnswer::Silence,
        };
        self.life.hear(answer);
        if self.life.state.is_final() {
            self.ended_at.get_or_insert(at);
        }
    }

    fn fill(&mut self, filled: &Filled, at: Timestamp, cost: Money, market: &Arc<Market>) -> FillRow {
        self.life.hear(OrderAnswer::Filled(Qty(self.life.filled.0 + filled.qty.0)));
        if self.life.state == OrderState::Filled {
            self.ended_at.get_or_insert(at);
        }
        self.traded_at.get_or_insert(at);
        // The fill says how its order was sent; that holds for the whole of it.
        (self.source, self.exit_type) = (filled.source, filled.exit_type);
        self.fills += 1;
        self.value += i128::from(filled.price.0) * i128::from(filled.qty.0);
        self.fee += filled.fee;
        self.cost += cost;
        self.entry_fees += filled.entry_fees;
        self.funding += filled.funding;
        FillRow {
            market: market.clone(),
            order_id: self.order_id.clone(),
            number: self.fills,
            episode: filled.id.episode,
            at,
            qty: filled.qty,
            price: filled.price,
            fee: filled.fee,
            cost,
            entry_fees: filled.entry_fees,
            funding: filled.funding,
            remaining: filled.remaining,
            reason: filled.reason,
            source: filled.source,
            exit_type: filled.exit_type,
        }
    }

    /// How much of it was filled.
    pub(crate) const fn filled(&self) -> Qty {
        self.life.filled
    }

    /// Where it stands, in a word.
    pub(crate) const fn state_word(&self) -> &'static str {
        if self.is_blocked { "blocked" } else { state_word(self.life.state) }
    }

    fn is_over(&self) -> bool {
        self.is_blocked || self.life.state.is_final()
    }

    pub(crate) fn row(&self, market: &Arc<Market>) -> OrderRow {
        OrderRow {
            market: market.clone(),
            order: self.order,
            source: self.source,
            exit_type: self.exit_type,
            state: self.life.state,
            is_blocked: self.is_blocked,
            filled: self.life.filled,
            intended_at: self.intended_at,
            accepted_at: self.accepted_at,
            traded_at: self.traded_at,
            ended_at: self.ended_at,
        }
    }
}

/// Closes the openings that have something left, the first first; says which by their places.
fn close_openings(openings: &mut [OpeningOrder], mut qty: i64) -> Vec<usize> {
    let mut closed = Vec::new();
    for (place, opening) in openings.iter_mut().enumerate() {
        let take = qty.min(opening.qty.0 - opening.closed.0);
        if take == 0 {
            continue;
        }
        opening.closed.0 += take;
        qty -= take;
        closed.push(place);
        if qty == 0 {
            break;
        }
    }
    closed
}

/// Takes back what `close_openings` did, the last first.
fn reopen(openings: &mut [OpeningOrder], mut qty: i64) {
    for opening in openings.iter_mut().rev() {
        let back = qty.min(opening.closed.0);
        opening.closed.0 -= back;
        qty -= back;
    }
}

/// The word of an order's state in tables.
#[must_use]
pub const fn state_word(state: OrderState) -> &'static str {
    match state {
        OrderState::Sent => "sent",
        OrderState::Working => "working",
        OrderState::PartFilled => "part_filled",
        OrderState::Filled => "filled",
        OrderState::Refused => "refused",
        OrderState::Expired => "expired",
        OrderState::Cancelled => "cancelled",
        OrderState::Unknown => "unknown",
    }
}

/// How an order is going to meet the market, before its first fill says how it did.
const fn exit_type(order: &ExitOrder) -> ExitType {
    match order.kind {
        OrderKind::Market | OrderKind::Stop(_) | OrderKind::MarkStop(_) => ExitType::Market,
        OrderKind::MarketableLimit(_) | OrderKind::RestingLimit(_) | OrderKind::ImmediateLimit(_) => {
            ExitType::Limit
        }
    }
}
