//! A desk that goes on where a journal ended.
//!
//! The simulated venue lives and dies with its process, so its books are what the journal says: it holds
//! what the coordinator holds and what was let go with its stop, and meets every order that had not ended
//! once more, under the same id. A real venue outlives us and is asked instead.

use ripcord_core::coordinator::Coordinator;
use ripcord_core::event::{Event, ProbeFill, VenueEvent};
use ripcord_core::order::CancelState;
use ripcord_core::time::Timestamp;

use super::{Desk, Reader};
use crate::venue::SimVenue;

impl Desk {
    /// A desk of a coordinator brought back from its journal and a venue that knows the instruments
    /// only. `now` is the last moment that the journal knows.
    pub fn resume(
        coordinator: Coordinator,
        venue: SimVenue,
        now: Timestamp,
        reader: &mut impl Reader,
    ) -> Self {
        let mut desk = Self::new(coordinator, venue);
        for view in desk.coordinator.view().positions() {
            desk.venue.hold(view.episode.key, view.qty);
        }
        for (cell, price, at) in desk.coordinator.view().last_prices() {
            desk.venue.recall(cell, price, at);
        }
        // The oldest first: that is the order in which the venue got them.
        let mut living: Vec<_> = desk.coordinator.view().living_orders().collect();
        living.reverse();
        for living in living {
            let id = living.order.id;
            if let Some(qty) = living.let_go
                && desk.venue.held(id.episode.key).0 == 0
            {
                // Nobody else told the books of it.
                desk.venue.hold(id.episode.key, qty);
            }
            if !living.is_held && living.let_go.is_none() {
                desk.coordinator.handle(now, Event::Venue(VenueEvent::Expired(id)), &mut desk.out);
                continue;
            }
            desk.venue.meet_again(now, living.order, &mut desk.answers);
            if living.life.cancel == CancelState::Sent {
                desk.venue.cancel(now, id, &mut desk.answers);
            }
        }
        desk.settle_at(now, ProbeFill::Market, reader);
        desk
    }
}
