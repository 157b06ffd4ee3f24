//! An exit that ended and closed nothing, or hangs, is tried again, each time a little later.

use super::{RETRY_AFTER, WALK_STEPS};
use crate::coordinator::{Coordinator, Kinds, Record, Step, TimerFor};
use crate::event::{AlarmKind, Concluded, Probe};
use crate::id::{EpisodeId, OrderId};
use crate::num::Price;
use crate::order::{CancelState, OrderKind, OrderState};
use crate::orders::Order;
use crate::planted::planted;
use crate::position::{EXITS_FOR_PATIENT, Phase};
use crate::reason::Reason;
use crate::time::Span;
use crate::watch::Slot;

/// A refused exit is never tried later than this.
const RETRY_AFTER_MAX: Span = Span::from_secs(5);
/// From this many refusals on somebody is alarmed; trying goes on.
const REFUSALS_ALARM: u16 = 3;
/// The same for the tries of a leg.
const LEG_VAIN_ALARM: usize = 3;
/// Times that an exit which the venue took away is sent again without a pause.
const TRIES_AT_ONCE: u16 = 3;
/// A ladder leg that was refused is looked at again after this long.
const LEG_RETRY_AFTER: Span = Span::from_secs(1);
/// .. each time twice as long, so often.
const LEG_RETRY_DOUBLES: u32 = 5;
/// .. which comes to this at most.
pub(in crate::coordinator) const LEG_WAIT_MAX: Span = Span(LEG_RETRY_AFTER.0 << LEG_RETRY_DOUBLES);
/// An exit that hangs is told again this often.
pub(in crate::coordinator) const HANGS_AGAIN_AFTER: Span = Span::from_secs(60);
/// A ladder leg that took too long is looked at again after this long.
const LEG_AGAIN_AFTER: Span = Span::from_secs(10);

impl Coordinator {
    /// An exit order ended and left something open: what now?
    pub(in crate::coordinator) fn after_end(&mut self, step: &mut Step<'_>, slot: Slot, index: u32) {
        let order = *self.orders.get(index);
        let position = &self.engine.positions[slot as usize];
        let (episode, phase) = (position.episode, position.phase);
        if phase == Phase::Open && order.closes_all() {
            // A close that was given up; the rules hold again.
            return;
        }
        let is_in_vain = order.life().filled.0 == 0 || order.life().cancel == CancelState::None;
        if phase == Phase::Open && order.leg == 0 && order.is_part() && is_in_vain {
            let alarm = Record::Alarm { episode, what: AlarmKind::ExitRefused };
            self.note(step, episode.key.instrument, alarm);
            return;
        }
        if phase == Phase::Open && order.is_part() && order.life().filled.0 == 0 {
            self.after_leg_in_vain(step, slot, &order);
            return;
        }
        if phase != Phase::Closing || !order.closes_all() || self.close_is_working(slot) {
            return;
        }
        if self.is_past_worst(slot) {
            self.conclude(step, slot, Concluded::PastWorst);
            return;
        }
        let (refusals, tries) = self.refusals(slot, order.exit);
        // Of tries in slices only the last ones are remembered.
        let is_third =
            if refusals == tries { tries == REFUSALS_ALARM } else { order.attempt + 1 == REFUSALS_ALARM };
        if is_third {
            let alarm = Record::Alarm { episode, what: AlarmKind::ExitRefused };
            self.note(step, episode.key.instrument, alarm);
        }
        if planted(136) && self.engine.positions[slot as usize].closing == Some(Reason::PanicClose) {
            self.conclude(step, slot, Concluded::Expired);
            return;
        }
        if planted(14) && refusals >= REFUSALS_ALARM {
            return;
        }
        let walks = self.engine.standing.walks(episode);
        if planted(18) && walks.is_some() {
            return;
        }
        let is_first = walks == Some(0) && order.kind() == OrderKind::Market;
        let was_taken_away = order.life().state != OrderState::Refused && walks.is_none();
        if is_first || (was_taken_away && order.attempt < TRIES_AT_ONCE) {
            self.push_to_market(step, slot, episode);
            return;
        }
        if walks.is_some_and(|walked| walked < WALK_STEPS) {
            self.set_anew(step.now, RETRY_AFTER, TimerFor::Retry(episode));
            return;
        }
        let wait = Span((RETRY_AFTER.0 * i64::from(refusals.max(1))).min(RETRY_AFTER_MAX.0));
        let wait = if planted(13) { Span::from_millis(20) } else { wait };
        self.set_anew(step.now, wait, TimerFor::Retry(episode));
    }

    /// A leg came to nothing: it is looked at again, each time later.
    fn after_leg_in_vain(&mut self, step: &mut Step<'_>, slot: Slot, order: &Order) {
        let position = &self.engine.positions[slot as usize];
        let (episode, exits) = (position.episode, position.exits);
        let is_used_up = exits > EXITS_FOR_PATIENT;
        if is_used_up || self.in_vain(slot, order) == LEG_VAIN_ALARM {
            let alarm = Record::Alarm { episode, what: AlarmKind::ExitRefused };
            self.note(step, episode.key.instrument, alarm);
        }
        if is_used_up {
            return;
        }
        let took_too_long = order.life().cancel != CancelState::None;
        let wait = if took_too_long { LEG_AGAIN_AFTER } else { self.leg_wait(slot, order) };
        // All legs are tried again together: the one that waits longest says when.
        let pending = self.rings_at(step.now, LEG_WAIT_MAX, TimerFor::Retry(episode));
        let is_later = pending.is_none_or(|at| at < step.now.after(wait));
        if is_later && !planted(32) {
            self.set_anew(step.now, wait, TimerFor::Retry(episode));
        }
    }

    /// How long a leg that was refused waits: on spot its next try takes the stop away first.
    fn leg_wait(&self, slot: Slot, order: &Order) -> Span {
        let doubles = u32::try_from(self.in_vain(slot, order)).unwrap_or(u32::MAX).saturating_sub(1);
        Span(LEG_RETRY_AFTER.0 << doubles.min(LEG_RETRY_DOUBLES))
    }

    /// An exit should be done by now: what the venue has of it is asked about, and somebody is told.
    pub(in crate::coordinator) fn on_hangs(&mut self, step: &mut Step<'_>, episode: EpisodeId) {
        let Some(slot) = self.engine.slot(episode) else { return };
        if self.engine.positions[slot as usize].phase != Phase::Closing {
            self.on_part_hangs(step, slot);
            return;
        }
        if !planted(110) {
            self.timers.insert((step.now.after(HANGS_AGAIN_AFTER), TimerFor::Hangs(episode)));
        }
        // Where nothing is sent that is told already; one with a worst price may wait at it.
        if self.is_silenced(episode) || self.worst_limit(slot).is_some() {
            return;
        }
        let alarm = Record::Alarm { episode, what: AlarmKind::ExitHangs };
        self.note(step, episode.key.instrument, alarm);
        let is_there = |order: &Order| {
            let state = order.life().state;
            order.closes_all() && matches!(state, OrderState::Working | OrderState::PartFilled)
        };
        let first = self.engine.positions[slot as usize].first_order;
        let there = self.orders.list(first).filter(|(_, order)| is_there(order));
        let there: Vec<OrderId> = there.map(|(_, order)| order.named(episode).id).collect();
        for id in there {
            self.inquire(step, id);
        }
    }

    /// A part that was to be sold at once should be sold by now, too.
    fn on_part_hangs(&mut self, step: &mut Step<'_>, slot: Slot) {
        let position = &self.engine.positions[slot as usize];
        let episode = position.episode;
        let hangs =
            |order: &Order| order.is_part() && !order.kind().rests() && !order.life().state.is_final();
        let of_it = self.orders.list(position.first_order).filter(|(_, order)| hangs(order));
        let of_it: Vec<OrderId> = of_it.map(|(_, order)| order.named(episode).id).collect();
        if of_it.is_empty() || self.is_silenced(episode) {
            return;
        }
        self.timers.insert((step.now.after(HANGS_AGAIN_AFTER), TimerFor::Hangs(episode)));
        let alarm = Record::Alarm { episode, what: AlarmKind::ExitHangs };
        self.note(step, episode.key.instrument, alarm);
        for id in of_it {
            self.inquire(step, id);
        }
    }

    /// How many orders of an exit the venue refused, or took away without filling them, and of how many tries
    /// they were slices.
    fn refusals(&self, slot: Slot, exit: u16) -> (u16, u16) {
        let first = self.engine.positions[slot as usize].first_order;
        let ended = self.orders.list(first).map(|(_, order)| order).filter(|order| {
            let life = order.life();
            order.exit == exit && life.state.is_final() && life.filled.0 == 0
        });
        let mut tries: Vec<u16> = ended.map(|order| order.attempt).collect();
        let orders = tries.len();
        tries.dedup();
        let count = |all: usize| u16::try_from(all).unwrap_or(u16::MAX);
        (count(orders), count(tries.len()))
    }

    /// How many tries of a leg came to nothing.
    fn in_vain(&self, slot: Slot, order: &Order) -> usize {
        let first = self.engine.positions[slot as usize].first_order;
        let refused = self.orders.list(first).filter(|(_, other)| {
            let is_vain = matches!(other.life().state, OrderState::Refused | OrderState::Expired);
            other.legs() & order.legs() != 0 && is_vain && other.life().filled.0 == 0
        });
        refused.count()
    }

    /// Tries again what was refused.
    pub(in crate::coordinator) fn on_retry(&mut self, step: &mut Step<'_>, episode: EpisodeId) {
        let Some(slot) = self.engine.slot(episode) else { return };
        match self.engine.positions[slot as usize].phase {
            Phase::Closing if !self.close_is_working(slot) && !planted(31) => {
                self.push_to_market(step, slot, episode);
                // The new order has a worst price to be watched again.
                self.rearm(slot, None, Kinds::ALL);
                self.engine.restate_bands(episode.key.instrument);
            }
            Phase::Closing | Phase::Flat | Phase::Vacant => {}
            Phase::Open => {
                if !self.release_dead_legs(slot) {
                    return;
                }
                self.begin(step, episode.key.instrument);
                let changed = self.serve(step, slot, Probe::TICK, None);
                self.rearm(slot, None, changed.and(Kinds::ALL));
                self.engine.restate_bands(episode.key.instrument);
            }
        }
    }

    /// Legs whose order ended without any fill are looked at again. Whether there are any.
    pub(in crate::coordinator) fn release_dead_legs(&mut self, slot: Slot) -> bool {
        let position = &self.engine.positions[slot as usize];
        let mut claimed = position.legs_done | self.orders.waiting.legs(position.episode);
        for (_, order) in self.orders.list(position.first_order) {
            if order.is_part()
                && (!order.life().state.is_final() || (order.life().filled.0 > 0 && !planted(33)))
            {
                claimed |= order.legs();
            }
        }
        let position = &mut self.engine.positions[slot as usize];
        let released = position.legs_out & !claimed != 0;
        position.legs_out &= claimed;
        released
    }

    pub(super) fn close_is_working(&self, slot: Slot) -> bool {
        let position = &self.engine.positions[slot as usize];
        self.orders.waiting.close(position.episode).is_some()
            || self.orders.list(position.first_order).any(|(_, order)| {
                let life = order.life();
                // What we took back, or never heard of again, gets nobody out.
                let counts = life.cancel == CancelState::None && life.state != OrderState::Unknown;
                order.closes_all() && !life.state.is_final() && counts
            })
    }

    pub(super) fn last_close_trigger(&self, slot: Slot) -> Price {
        let position = &self.engine.positions[slot as usize];
        let close = self.orders.list(position.first_order).find(|(_, order)| order.closes_all());
        close.map_or_else(|| position.entry().rounded(), |(_, order)| order.trigger)
    }
}
