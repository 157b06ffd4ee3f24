//! "In the end all is well", as a question about one state: the venue becomes well, everything arrives,
//! everybody answers, the clock runs. What the real core makes of that must be flat, or covered.

use ripcord_core::event::{Event, VenueEvent};
use ripcord_core::order::OrderState;
use ripcord_core::time::{Span, Timestamp};

use crate::owner::Owner;
use crate::setup::{Flaw, Setup};
use crate::venue::Placed;
use crate::world::World;

/// How long a venue that is well may take until all is well.
const HORIZON: Span = Span::from_secs(120);
/// Rounds of words and answers at one moment; more is a conversation without end.
const ROUNDS_MAX: usize = 200;

impl World {
    /// Whether nothing is on its way.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.is_alive && self.late.is_none() && self.requests.is_empty() && self.answers.is_empty()
    }

    /// Whether all is well some time after the venue became well.
    #[must_use]
    pub fn heals(&self, setup: &Setup) -> bool {
        let mut world = self.clone();
        world.heal(setup) && world.is_well(setup)
    }

    /// Lets everything happen that a well venue lets happen; whether that comes to an end.
    pub fn heal(&mut self, setup: &Setup) -> bool {
        let end = self.now.after(HORIZON);
        loop {
            if !self.deliver_all(setup) {
                return false;
            }
            if self.now >= end {
                return true;
            }
            let next = self.owner.core().next_deadline().min(end).max(Timestamp(self.now.0 + 1));
            self.advance(next);
            self.hear(setup, Event::Timer);
            self.tick(setup);
        }
    }

    /// Delivers all that is on its way, and lets trade what can; whether that comes to an end.
    pub fn deliver_all(&mut self, setup: &Setup) -> bool {
        for _ in 0..ROUNDS_MAX {
            if !self.requests.is_empty() {
                let request = self.requests.remove(0);
                self.arrive(setup, request);
            } else if let Some(at) = self.tradable(setup) {
                self.trade(setup, at, i64::MAX);
            } else if !self.answers.is_empty() {
                let word = self.answers.remove(0);
                self.hear_word(setup, &word);
            } else if let Some(id) = self.given_up(setup) {
                self.hear(setup, Event::Venue(VenueEvent::Silence(id)));
            } else {
                return true;
            }
        }
        false
    }

    /// An order that can trade now.
    fn tradable(&self, setup: &Setup) -> Option<usize> {
        let is_some = self.venue.held + setup.spare > 0;
        let can = |order: &Placed| order.trades_at(self.venue.price) && (is_some || !order.is_capped);
        self.venue.orders.iter().position(can)
    }

    /// An order that nobody will answer any more.
    fn given_up(&self, setup: &Setup) -> Option<ripcord_core::id::OrderId> {
        if setup.flaw == Flaw::StartForgetsSent {
            return None;
        }
        self.owner.unanswered().next()
    }

    /// Flat with nothing left at the venue; or covered, and known to be.
    fn is_well(&self, setup: &Setup) -> bool {
        let owner: &Owner = &self.owner;
        let is_unknown =
            owner.living().any(|(_, state)| matches!(state, OrderState::Unknown | OrderState::Sent));
        let rests = self.venue.orders.iter().any(Placed::is_working);
        let held = self.venue.held;
        let is_covered = !owner.is_closing() && (self.venue.covered() >= held || setup.leaves_bare());
        let agrees = owner.open() == held;
        agrees && !is_unknown && if held == 0 { !rests } else { is_covered }
    }
}

impl Setup {
    /// Whether a person may have taken the stop away for good.
    const fn leaves_bare(&self) -> bool {
        self.budget.hand_cancels > 1
    }
}
