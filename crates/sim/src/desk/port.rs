//! What a desk asks of a venue: the simulated one in this process, or one behind a wire.

use std::fmt::Debug;

use ripcord_core::cell::{Band, CellId};
use ripcord_core::event::{Action, Observed, ProbeFill, Tick, VenueEvent};
use ripcord_core::id::{InstrumentId, PositionKey};
use ripcord_core::instrument::Instrument;
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Price, Qty};
use ripcord_core::order::CancelState;
use ripcord_core::time::Timestamp;
use ripcord_core::view::LivingOrder;

use crate::venue::{Answer, SimVenue};

/// A venue that a desk trades at. What is decided never depends on which one it is.
pub trait Venue: Debug + Send {
    /// Knows an instrument under the id and cells that the engine gave it.
    fn add_instrument(&mut self, id: InstrumentId, instrument: Instrument, fed: &[(PriceSource, CellId)]);

    /// Does what a step of the core wants done, in its order. What was caused at once goes to `out`.
    fn act(&mut self, now: Timestamp, actions: &[Action], fill: ProbeFill, out: &mut Vec<Answer>);

    /// When the next answer arrives, or something was waited for long enough.
    fn next_deadline(&self) -> Timestamp;

    /// Everything that is due at `now`.
    fn advance(&mut self, now: Timestamp, out: &mut Vec<Answer>);

    /// Hears what came over a wire until `now`.
    fn listen(&mut self, _now: Timestamp) {}

    /// An order that was under way when the process before this one ended.
    fn meet_again(&mut self, now: Timestamp, living: &LivingOrder, out: &mut Vec<Answer>);

    /// What was held, and the last prices, when the process before this one ended. A venue with books of its
    /// own knows better.
    fn recall_held(&mut self, _key: PositionKey, _qty: Qty) {}

    /// What was closed of a bucket since it was taken over, when the process before this one ended: books that
    /// follow a real account are without it.
    fn recall_closed(&mut self, _key: PositionKey, _qty: Qty) {}

    /// See [`Venue::recall_held`].
    fn recall_price(&mut self, _cell: CellId, _price: Price, _at: Timestamp) {}

    /// A position was taken over on somebody's word; a venue with books of its own had it before.
    fn booked(&mut self, _now: Timestamp, _key: PositionKey, _qty: Qty, _price: Price) {}

    /// Whether a price concerns nothing that rests here, and nothing arrives before it.
    fn is_quiet(&self, now: Timestamp, _tick: &Tick) -> bool {
        now < self.next_deadline()
    }

    /// Takes a price of which [`Venue::is_quiet`] said that it concerns nobody.
    fn take_quiet(&mut self, _tick: &Tick) {}

    /// Takes a price.
    fn tick(&mut self, now: Timestamp, _tick: &Tick, out: &mut Vec<Answer>) {
        self.advance(now, out);
    }

    /// Takes a stretch of prices that concern nothing that rests here.
    fn observe(&mut self, _observed: &Observed) {}

    /// The prices of a cell that concern nothing that rests here.
    fn quiet(&self, _cell: CellId) -> Band {
        Band { lo: i64::MIN, hi: i64::MAX }
    }

    /// The books, where they are in this process.
    fn books(&self) -> Option<&SimVenue> {
        None
    }
}

impl Venue for SimVenue {
    fn add_instrument(&mut self, id: InstrumentId, instrument: Instrument, fed: &[(PriceSource, CellId)]) {
        Self::add_instrument(self, id, instrument, fed);
    }

    fn act(&mut self, now: Timestamp, actions: &[Action], fill: ProbeFill, out: &mut Vec<Answer>) {
        for action in actions {
            match action {
                Action::Submit(order) => self.submit(now, order, fill, out),
                Action::Cancel(id) => self.cancel(now, *id, out),
                Action::Query(id) => self.query(now, *id, out),
                Action::ReadPositions(account) => self.read(now, *account, out),
                Action::ListOrders(account) => self.list_orders(now, *account, out),
                // Nobody else trades at the simulated venue.
                Action::CancelForeign(..) => {}
            }
        }
    }

    #[inline(always)]
    fn next_deadline(&self) -> Timestamp {
        Self::next_deadline(self)
    }

    fn advance(&mut self, now: Timestamp, out: &mut Vec<Answer>) {
        Self::advance(self, now, out);
    }

    /// It lives and dies with its process: it meets every order that had not ended once more, as if it
    /// came now. What serves nobody any more had expired there.
    fn meet_again(&mut self, now: Timestamp, living: &LivingOrder, out: &mut Vec<Answer>) {
        let id = living.order.id;
        if let Some(qty) = living.let_go.filter(|_| self.held(id.episode.key).0 == 0) {
            // Nobody else told the books of it.
            self.hold(id.episode.key, qty);
        }
        if !living.is_held && living.let_go.is_none() {
            out.push((now, VenueEvent::Expired(id)));
            return;
        }
        self.take_again(now, living.order, out);
        if living.life.cancel == CancelState::Sent {
            self.cancel(now, id, out);
        }
    }

    fn recall_held(&mut self, key: PositionKey, qty: Qty) {
        self.hold(key, qty);
    }

    fn recall_price(&mut self, cell: CellId, price: Price, at: Timestamp) {
        self.recall(cell, price, at);
    }

    fn booked(&mut self, now: Timestamp, key: PositionKey, qty: Qty, price: Price) {
        self.hold_at(now, key, qty, price);
    }

    #[inline(always)]
    fn is_quiet(&self, now: Timestamp, tick: &Tick) -> bool {
        Self::is_quiet(self, now, tick)
    }

    #[inline(always)]
    fn take_quiet(&mut self, tick: &Tick) {
        Self::take_quiet(self, tick);
    }

    #[inline(always)]
    fn tick(&mut self, now: Timestamp, tick: &Tick, out: &mut Vec<Answer>) {
        Self::tick(self, now, tick, out);
    }

    fn observe(&mut self, observed: &Observed) {
        Self::observe(self, observed);
    }

    fn quiet(&self, cell: CellId) -> Band {
        Self::quiet(self, cell)
    }

    fn books(&self) -> Option<&SimVenue> {
        Some(self)
    }
}

impl<V: Venue + ?Sized> Venue for Box<V> {
    fn add_instrument(&mut self, id: InstrumentId, instrument: Instrument, fed: &[(PriceSource, CellId)]) {
        (**self).add_instrument(id, instrument, fed);
    }

    fn act(&mut self, now: Timestamp, actions: &[Action], fill: ProbeFill, out: &mut Vec<Answer>) {
        (**self).act(now, actions, fill, out);
    }

    fn next_deadline(&self) -> Timestamp {
        (**self).next_deadline()
    }

    fn advance(&mut self, now: Timestamp, out: &mut Vec<Answer>) {
        (**self).advance(now, out);
    }

    fn listen(&mut self, now: Timestamp) {
        (**self).listen(now);
    }

    fn meet_again(&mut self, now: Timestamp, living: &LivingOrder, out: &mut Vec<Answer>) {
        (**self).meet_again(now, living, out);
    }

    fn recall_held(&mut self, key: PositionKey, qty: Qty) {
        (**self).recall_held(key, qty);
    }

    fn recall_closed(&mut self, key: PositionKey, qty: Qty) {
        (**self).recall_closed(key, qty);
    }

    fn recall_price(&mut self, cell: CellId, price: Price, at: Timestamp) {
        (**self).recall_price(cell, price, at);
    }

    fn booked(&mut self, now: Timestamp, key: PositionKey, qty: Qty, price: Price) {
        (**self).booked(now, key, qty, price);
    }

    fn is_quiet(&self, now: Timestamp, tick: &Tick) -> bool {
        (**self).is_quiet(now, tick)
    }

    fn take_quiet(&mut self, tick: &Tick) {
        (**self).take_quiet(tick);
    }

    fn tick(&mut self, now: Timestamp, tick: &Tick, out: &mut Vec<Answer>) {
        (**self).tick(now, tick, out);
    }

    fn observe(&mut self, observed: &Observed) {
        (**self).observe(observed);
    }

    fn quiet(&self, cell: CellId) -> Band {
        (**self).quiet(cell)
    }

    fn books(&self) -> Option<&SimVenue> {
        (**self).books()
    }
}
