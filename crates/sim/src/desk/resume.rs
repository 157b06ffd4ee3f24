//! A desk that goes on where a journal ended.
//!
//! The simulated venue lives and dies with its process, so its books are what the journal says: it holds
//! what the coordinator holds and what was let go with its stop, and meets every order that had not ended
//! once more, under the same id. A venue behind a wire outlives us and is asked instead.

use ripcord_core::coordinator::Coordinator;
use ripcord_core::event::{Event, ProbeFill};
use ripcord_core::time::Timestamp;

use super::{Desk, Reader, Venue};

impl<V: Venue> Desk<V> {
    /// A desk of a coordinator brought back from its journal and a venue that knows the instruments
    /// only. `now` is the last moment that the journal knows, or later.
    pub fn resume(coordinator: Coordinator, venue: V, now: Timestamp, reader: &mut impl Reader) -> Self {
        let mut desk = Self::new(coordinator, venue);
        for view in desk.coordinator.view().positions() {
            desk.venue.recall_held(view.episode.key, view.qty);
        }
        for (cell, price, at) in desk.coordinator.view().last_prices() {
            desk.venue.recall_price(cell, price, at);
        }
        desk.catch_up(now, reader);
        // The oldest first: that is the order in which the venue got them.
        let mut living: Vec<_> = desk.coordinator.view().living_orders().collect();
        living.reverse();
        for living in &living {
            desk.venue.meet_again(now, living, &mut desk.answers);
        }
        desk.settle_at(now, ProbeFill::Market, reader);
        desk
    }

    /// Nobody was here until `now`: what was due meanwhile is done at once, and not moment by moment.
    pub fn catch_up(&mut self, now: Timestamp, reader: &mut impl Reader) {
        if self.coordinator.next_deadline() < now {
            self.coordinator.handle(now, Event::Resumed, &mut self.out);
            self.settle_at(now, ProbeFill::Market, reader);
        }
    }
}
