//! The venue of the models: the truth about what is held and what rests. It shares no code with the core.

use ripcord_core::instrument::MarketKind;
use ripcord_core::num::Price;
use ripcord_core::order::{ExitOrder, OrderKind, OrderState};
use ripcord_core::time::{Span, Timestamp};

use crate::setup::{Flaw, Setup};

/// A request older than this is refused for its age.
pub const TAKES_REQUESTS_FOR: Span = Span::from_secs(5);

/// Where an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// The venue has not seen it.
    OnTheWay,
    /// It rests, or trades as soon as somebody trades with it.
    Working {
        /// A stop whose trigger traded.
        is_triggered: bool,
    },
    /// Nothing more comes of it.
    Ended(OrderState),
}

/// An order that somebody of ours sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Placed {
    /// As it was sent.
    pub order: ExitOrder,
    /// Where it is.
    pub place: Place,
    /// When the venue got it.
    pub placed_at: Timestamp,
    /// What it traded.
    pub filled: i64,
    /// What it traded when the venue had taken its id before.
    pub filled_before: i64,
    /// What we were told that it traded.
    pub told: i64,
    /// Whether it can only reduce.
    pub is_capped: bool,
}

impl Placed {
    pub(crate) const fn new(order: ExitOrder) -> Self {
        Self {
            order,
            place: Place::OnTheWay,
            placed_at: Timestamp(0),
            filled: 0,
            filled_before: 0,
            told: 0,
            is_capped: true,
        }
    }

    /// Whether it may still trade.
    #[must_use]
    pub const fn is_working(&self) -> bool {
        matches!(self.place, Place::Working { .. })
    }

    /// What may still trade of it.
    #[must_use]
    pub const fn left(&self) -> i64 {
        if self.is_working() { self.order.qty.0 - self.filled } else { 0 }
    }

    /// Whether it is a stop.
    #[must_use]
    pub const fn is_stop(&self) -> bool {
        self.order.kind.trigger().is_some()
    }

    /// Whether somebody could trade with it at `price`. Positions are long: our orders sell.
    #[must_use]
    pub fn trades_at(&self, price: Price) -> bool {
        let Place::Working { is_triggered } = self.place else { return false };
        match self.order.kind {
            OrderKind::Market => true,
            OrderKind::MarketableLimit(limit)
            | OrderKind::RestingLimit(limit)
            | OrderKind::ImmediateLimit(limit) => price >= limit,
            OrderKind::Stop(_) | OrderKind::MarkStop(_) => is_triggered,
        }
    }

    /// The price came to `price`: a stop is triggered for good.
    pub fn see(&mut self, price: Price) {
        if let (Place::Working { .. }, Some(trigger)) = (self.place, self.order.kind.trigger())
            && price <= trigger.at
        {
            self.place = Place::Working { is_triggered: true };
        }
    }
}

/// What is held, what rests, and at which price the market is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Venue {
    /// What is held of ours; below zero it is the other way round, or what is not ours is sold.
    pub held: i64,
    /// The price.
    pub price: Price,
    /// Every order that was ever sent.
    pub orders: Vec<Placed>,
}

/// What the venue made of a new order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It works on it.
    Works,
    /// It has an order with that id.
    Known,
    /// There is nothing to reduce.
    NothingToReduce,
    /// Others lock the coins.
    CoinsMissing,
}

impl Venue {
    /// What working orders lock.
    #[must_use]
    pub fn locked(&self) -> i64 {
        self.orders.iter().map(Placed::left).sum()
    }

    /// A new order, or one that came twice, arrives.
    pub fn take(&mut self, setup: &Setup, at: usize, now: Timestamp) -> Taken {
        let id = self.orders[at].order.id;
        let is_same = |other: &Placed| other.order.id == id;
        let has_it = |other: &Placed| match other.place {
            Place::OnTheWay => false,
            Place::Working { .. } => true,
            Place::Ended(_) => !setup.takes_ids_again,
        };
        if self.orders.iter().any(|other| is_same(other) && has_it(other)) {
            return Taken::Known;
        }
        let free = self.held + setup.spare - self.locked();
        let order = &mut self.orders[at];
        order.filled_before += std::mem::take(&mut order.filled);
        order.placed_at = now;
        if setup.market == MarketKind::Spot && order.order.qty.0 > free {
            order.place = Place::Ended(OrderState::Refused);
            return Taken::CoinsMissing;
        }
        if order.is_capped && self.held + setup.spare <= 0 && setup.flaw != Flaw::VenueIgnoresReduceOnly {
            order.place = Place::Ended(OrderState::Refused);
            return Taken::NothingToReduce;
        }
        order.place = Place::Working { is_triggered: false };
        order.see(self.price);
        Taken::Works
    }

    /// An order trades `most` at most; how much it did.
    pub fn trade(&mut self, setup: &Setup, at: usize, most: i64) -> i64 {
        let order = &mut self.orders[at];
        let mut qty = order.left().min(most);
        if order.is_capped && setup.flaw != Flaw::VenueIgnoresReduceOnly {
            qty = qty.min(self.held + setup.spare);
        }
        order.filled += qty;
        self.held -= qty;
        if order.filled == order.order.qty.0 {
            order.place = Place::Ended(OrderState::Filled);
        }
        qty
    }

    /// Where nothing is held, nothing is left to reduce: which orders the venue takes away.
    pub fn sweep(&mut self, setup: &Setup, mut each: impl FnMut(usize, i64)) {
        if setup.market == MarketKind::Spot || self.held != 0 || setup.flaw == Flaw::VenueIgnoresReduceOnly {
            return;
        }
        let swept = |order: &Placed| order.is_working() && order.is_capped;
        for (at, order) in self.orders.iter_mut().enumerate().filter(|(_, order)| swept(order)) {
            order.place = Place::Ended(OrderState::Expired);
            each(at, order.filled);
        }
    }

    /// What traded and we were not told of.
    #[must_use]
    pub fn untold(&self) -> i64 {
        self.orders.iter().map(|order| order.filled + order.filled_before - order.told).sum()
    }

    /// What stops may still close.
    #[must_use]
    pub fn covered(&self) -> i64 {
        self.orders.iter().filter(|order| order.is_stop()).map(Placed::left).max().unwrap_or(0)
    }

    /// What a person cannot sell because our orders lock it.
    pub(crate) fn locked_here(&self, setup: &Setup) -> i64 {
        match setup.market {
            MarketKind::Futures => 0,
            MarketKind::Spot => self.locked(),
        }
    }
}
