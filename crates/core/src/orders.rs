//! Every order in flight or at rest, by position.

use serde::{Deserialize, Serialize};

use crate::id::{EpisodeId, OrderId};
use crate::num::{Price, Qty};
use crate::order::{
    CancelState, ExitOrder, OrderAnswer, OrderKind, OrderLife, OrderState, Trigger, TriggerSource,
};
use crate::position::{AtVenue, Position};
use crate::reason::{ExitType, Reason, Source};

mod awaited;
mod inquiry;
mod told;
mod waiting;

pub(crate) use awaited::Awaited;
pub(crate) use inquiry::Inquiries;
pub(crate) use told::Told;
pub(crate) use waiting::{Waiting, WaitingList};

/// The end of a list of orders.
pub(crate) const NO_ORDER: u32 = u32::MAX;

/// One of our orders. Its parts lie flat, because a million of them are held in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Order {
    next: u32,
    /// Number of the exit it belongs to; 0 for resting legs.
    pub exit: u16,
    /// Try of the same obligation.
    pub attempt: u16,
    /// Ladder leg, from 1; 0 when it is none.
    pub leg: u8,
    /// Slice of the exit.
    pub slice: u8,
    /// Why it was sent.
    pub reason: Reason,
    kind: Kind,
    state: OrderState,
    cancel: CancelState,
    extent: Extent,
    /// The price of its kind; 0 when that has none.
    price: Price,
    /// The level of the rule that sent it.
    pub trigger: Price,
    qty: Qty,
    filled: Qty,
}

/// How much of a position an order is meant to close.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Extent {
    /// Everything.
    All,
    /// Ladder legs (bit n is leg n + 1), or, with none of them, a part named by a person.
    Legs(u8),
    /// Everything, once the venue's trigger trades.
    Bracket,
    /// The same, changed by somebody else: it is left as it is.
    Left,
}

/// An [`OrderKind`] without its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Kind {
    Market,
    MarketableLimit,
    RestingLimit,
    Stop,
    ImmediateLimit,
    MarkStop,
}

impl Order {
    /// How a fill of this order is named.
    #[must_use]
    pub const fn exit_type(&self) -> ExitType {
        match self.kind {
            Kind::Market | Kind::Stop | Kind::MarkStop => ExitType::Market,
            Kind::MarketableLimit | Kind::RestingLimit | Kind::ImmediateLimit => ExitType::Limit,
        }
    }

    /// How it meets the market.
    #[must_use]
    pub const fn kind(&self) -> OrderKind {
        match self.kind {
            Kind::Market => OrderKind::Market,
            Kind::MarketableLimit => OrderKind::MarketableLimit(self.price),
            Kind::RestingLimit => OrderKind::RestingLimit(self.price),
            Kind::Stop => OrderKind::Stop(self.price),
            Kind::ImmediateLimit => OrderKind::ImmediateLimit(self.price),
            Kind::MarkStop => OrderKind::MarkStop(self.price),
        }
    }

    /// Whose price triggers it, when it is a stop.
    #[must_use]
    pub(crate) const fn triggers_on(&self) -> TriggerSource {
        match self.kind {
            Kind::MarkStop => TriggerSource::Mark,
            Kind::Market | Kind::MarketableLimit | Kind::RestingLimit | Kind::Stop | Kind::ImmediateLimit => {
                TriggerSource::Last
            }
        }
    }

    /// Where it triggers, as a stop.
    #[must_use]
    pub(crate) const fn stops_at(&self) -> Trigger {
        Trigger { at: self.trigger, on: self.triggers_on() }
    }

    /// The order as it was sent for `episode`.
    #[must_use]
    pub const fn named(&self, episode: EpisodeId) -> ExitOrder {
        let Self { exit, leg, slice, attempt, .. } = *self;
        let id = OrderId { episode, exit, leg, slice, attempt };
        ExitOrder { id, qty: self.qty, kind: self.kind(), trigger: self.trigger, reason: self.reason }
    }

    /// Where it stands.
    #[must_use]
    pub const fn life(&self) -> OrderLife {
        OrderLife { qty: self.qty, filled: self.filled, state: self.state, cancel: self.cancel }
    }

    /// Takes one answer; returns the newly filled quantity.
    pub(crate) fn hear(&mut self, answer: OrderAnswer) -> Qty {
        let mut life = self.life();
        let new = life.hear(answer);
        OrderLife { qty: self.qty, filled: self.filled, state: self.state, cancel: self.cancel } = life;
        new
    }

    /// The ladder legs that it stands for; bit n is leg n + 1.
    #[must_use]
    pub(crate) const fn legs(&self) -> u8 {
        match self.extent {
            Extent::All | Extent::Bracket | Extent::Left => 0,
            Extent::Legs(legs) => legs,
        }
    }

    /// A cancel is on its way.
    pub(crate) const fn cancel_sent(&mut self) {
        self.cancel = CancelState::Sent;
    }

    /// Somebody changed it at the venue.
    pub(crate) fn edit(&mut self, qty: Qty, kind: OrderKind) {
        self.qty = qty;
        if self.filled == qty && !self.state.is_final() {
            // It traded what is left of it before we heard that it was cut.
            self.state = OrderState::Filled;
        }
        if let (Some(_), Some(Trigger { at, on })) = (self.kind().trigger(), kind.trigger()) {
            self.kind = match on {
                TriggerSource::Last => Kind::Stop,
                TriggerSource::Mark => Kind::MarkStop,
            };
            (self.price, self.trigger) = (at, at);
        } else if let (Kind::RestingLimit, OrderKind::RestingLimit(at)) = (self.kind, kind) {
            self.price = at;
        }
    }

    /// Who sent it.
    #[must_use]
    pub const fn source(&self) -> Source {
        if self.protects() { Source::ExchangeBracket } else { self.reason.source() }
    }

    /// Whether it closes a part only: ladder legs, or what a person named.
    #[must_use]
    pub const fn is_part(&self) -> bool {
        matches!(self.extent, Extent::Legs(_))
    }

    /// Whether the venue has said that it has the order, and we did not take it back.
    #[must_use]
    pub const fn is_confirmed(&self) -> bool {
        self.is_at_venue() && matches!(self.cancel, CancelState::None)
    }

    /// Whether the venue has said that it has the order, and not that it went.
    #[must_use]
    pub const fn is_at_venue(&self) -> bool {
        matches!(self.state, OrderState::Working | OrderState::PartFilled)
    }

    /// Whether it is the stop that rests at the venue.
    #[must_use]
    pub const fn protects(&self) -> bool {
        matches!(self.extent, Extent::Bracket | Extent::Left)
    }

    /// Whether it is a stop that is left as somebody else wants it, until a person says otherwise.
    #[must_use]
    pub(crate) const fn is_left(&self) -> bool {
        matches!(self.extent, Extent::Left)
    }

    /// Leaves a stop to whoever changed it, or takes it back.
    pub(crate) const fn leave(&mut self, is_left: bool) {
        if self.protects() {
            self.extent = if is_left { Extent::Left } else { Extent::Bracket };
        }
    }

    /// Whether it takes what the market gives now.
    #[must_use]
    pub const fn is_urgent(&self) -> bool {
        matches!(self.kind, Kind::Market | Kind::ImmediateLimit)
    }

    /// Whether it is part of a full close.
    #[must_use]
    pub const fn closes_all(&self) -> bool {
        matches!(self.extent, Extent::All)
    }
}

/// The number of the next try for the same, so that no id is given twice: slice and attempt.
pub(crate) fn next_try(newest: Option<(u8, u16)>) -> (u8, u16) {
    newest.map_or((0, 0), |(slice, attempt)| match attempt.checked_add(1) {
        Some(attempt) => (slice, attempt),
        None => (slice.saturating_add(1), 0),
    })
}

/// Dense storage of orders, a list per position.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orders {
    orders: Vec<Order>,
    free: Vec<u32>,
    /// What the venue has not answered.
    pub(crate) awaited: Awaited,
    /// What the venue is asked about.
    pub(crate) inquiries: Inquiries,
    /// What waits for coins that other orders lock.
    pub(crate) waiting: WaitingList,
    /// What was told of orders that may trade more.
    pub(crate) told: Told,
}

impl Orders {
    /// Adds an order to the list that begins at `first`; returns the new beginning.
    pub(crate) fn add(&mut self, first: u32, order: &ExitOrder, extent: Extent) -> u32 {
        let kind = match order.kind {
            OrderKind::Market => Kind::Market,
            OrderKind::MarketableLimit(_) => Kind::MarketableLimit,
            OrderKind::RestingLimit(_) => Kind::RestingLimit,
            OrderKind::Stop(_) => Kind::Stop,
            OrderKind::ImmediateLimit(_) => Kind::ImmediateLimit,
            OrderKind::MarkStop(_) => Kind::MarkStop,
        };
        let price = order.kind.price().unwrap_or_default();
        let OrderLife { qty, filled, state, cancel } = OrderLife::sent(order.qty);
        let order = Order {
            next: first,
            exit: order.id.exit,
            attempt: order.id.attempt,
            leg: order.id.leg,
            slice: order.id.slice,
            reason: order.reason,
            kind,
            state,
            cancel,
            extent,
            price,
            trigger: order.trigger,
            qty,
            filled,
        };
        match self.free.pop() {
            Some(index) => {
                self.orders[index as usize] = order;
                index
            }
            None => {
                self.orders.push(order);
                u32::try_from(self.orders.len() - 1).expect("fewer than 2^32 orders are alive")
            }
        }
    }

    /// The orders of the list that begins at `first`, newest first.
    pub fn list(&self, first: u32) -> impl Iterator<Item = (u32, &Order)> {
        let mut at = first;
        std::iter::from_fn(move || {
            if at == NO_ORDER {
                return None;
            }
            let order = &self.orders[at as usize];
            let here = at;
            at = order.next;
            Some((here, order))
        })
    }

    /// The order with this id, in the list that begins at `first`.
    #[must_use]
    pub fn find(&self, first: u32, id: &OrderId) -> Option<u32> {
        self.list(first)
            .find(|(_, order)| {
                (order.exit, order.leg, order.slice, order.attempt) == (id.exit, id.leg, id.slice, id.attempt)
            })
            .map(|(index, _)| index)
    }

    /// One order.
    #[must_use]
    pub fn get(&self, index: u32) -> &Order {
        &self.orders[index as usize]
    }

    pub(crate) fn get_mut(&mut self, index: u32) -> &mut Order {
        &mut self.orders[index as usize]
    }

    /// Forgets a list.
    pub(crate) fn forget(&mut self, first: u32) {
        let mut at = first;
        while at != NO_ORDER {
            self.free.push(at);
            self.told.forget(at);
            at = self.orders[at as usize].next;
        }
    }

    /// What the venue has of a position's orders.
    pub(crate) fn at_venue(&self, position: &Position) -> AtVenue {
        let first = position.first_order;
        let next = position.legs_out.trailing_ones();
        let parts = self.list(first).map(|(_, order)| order).filter(|order| order.is_part());
        let earlier = parts.filter(|order| u32::from(order.leg) <= next);
        let claimed = earlier.map(|order| order.life().open());
        let claimed = claimed.fold(self.waiting.parts(position.episode), Qty::plus_at_most);
        let (mut close_limit, mut living, mut unknown) = (None, 0, 0);
        for (_, order) in self.list(first).filter(|(_, order)| order.closes_all() && !order.state.is_final())
        {
            if living == 0 && order.kind == Kind::MarketableLimit {
                close_limit = Some(order.price);
            }
            living += 1;
            unknown += usize::from(order.state == OrderState::Unknown);
        }
        let close_is_unknown = living > 0 && unknown == living;
        let close_lives = living > 0 || self.waiting.close(position.episode).is_some();
        let mut brackets =
            self.list(first).map(|(_, order)| order).filter(|order| order.protects()).peekable();
        let follows = |order: &&&Order| order.is_confirmed() && !order.is_left();
        let newest = brackets.peek().filter(follows).map(|order| order.trigger);
        let confirmed = brackets.find(|order| order.is_confirmed()).map(|order| order.stops_at());
        AtVenue {
            claimed,
            trigger: confirmed,
            follows_from: newest,
            close_limit,
            close_is_unknown,
            close_lives,
        }
    }

    /// Forgets the orders of a list that ended without a fill, but for the `kept` newest stops and others
    /// among them and what numbers the next try; returns the list's beginning.
    pub(crate) fn forget_ended(&mut self, first: u32, kept: usize) -> u32 {
        let (mut first, mut last_kept, mut at) = (first, NO_ORDER, first);
        let (mut seen, mut newest_exit) = ([0_usize; 2], 0);
        let mut numbering: Vec<(u16, u8)> = Vec::new();
        while at != NO_ORDER {
            let order = self.orders[at as usize];
            let is_old_exit = order.exit > 0 && order.exit < newest_exit;
            let numbers = !is_old_exit && !numbering.contains(&(order.exit, order.leg));
            newest_exit = newest_exit.max(order.exit);
            if numbers {
                numbering.push((order.exit, order.leg));
            }
            let is_over = order.state.is_final() && order.filled.0 == 0 && !numbers;
            let seen = &mut seen[usize::from(order.protects())];
            *seen += usize::from(is_over);
            if is_over && *seen > kept {
                self.free.push(at);
                match last_kept {
                    NO_ORDER => first = order.next,
                    before => self.orders[before as usize].next = order.next,
                }
            } else {
                last_kept = at;
            }
            at = order.next;
        }
        first
    }

    /// Makes room for `more` orders.
    pub(crate) fn reserve(&mut self, more: usize) {
        self.orders.reserve(more);
    }
}

const _: () =
    assert!(size_of::<Order>() <= 48, "a quiet position costs at most 256 bytes with its orders and watches");
