//! What stands until something else happens: exit signals, time limits, exits that may not take for ever.

use super::{Coordinator, Kinds, Record, Step, TimerFor};
use crate::event::{CommandRefused, Concluded, Probe};
use crate::id::{EpisodeId, PositionKey};
use crate::num::Price;
use crate::orders::Order;
use crate::planted::planted;
use crate::position::{Phase, price, tighter};
use crate::reason::{Reason, StopOrigin};
use crate::time::{Span, Timestamp};
use crate::watch::Slot;

/// A time limit whose exit was given up is looked at again after this long.
const TIME_LIMIT_AGAIN_AFTER: Span = Span::from_secs(60);

impl Coordinator {
    /// The strategy wants out. The signal stands for its time to live, until the position can afford it.
    pub(super) fn on_signal(&mut self, step: &mut Step<'_>, key: PositionKey, given: Timestamp) {
        let Some(slot) = self.engine.living(key) else {
            self.note_refused(step, CommandRefused::NotOpen(key));
            return;
        };
        let position = &self.engine.positions[slot as usize];
        let plan = &self.engine.plans[position.plan.0 as usize].plan;
        let Some(rule) = plan.signal_exit else {
            self.note_refused(step, CommandRefused::NoSignalRule(key));
            return;
        };
        if self.engine.standing.kill_level(key.account).is_some() {
            self.note_refused(step, CommandRefused::Killed(key));
            return;
        }
        let until = given.after(rule.ttl);
        if until < step.now && !planted(49) {
            self.note_refused(step, CommandRefused::StaleSignal(key));
            return;
        }
        let (episode, phase) = (position.episode, position.phase);
        self.note(step, key.instrument, Record::Signalled { episode, until });
        let until = if planted(49) { until.max(step.now) } else { until };
        let until = self.engine.standing.signal(episode, until);
        self.timers.insert((until.after(Span(1)), TimerFor::SignalOver(episode)));
        if phase == Phase::Open {
            self.serve(step, slot, Probe::TICK, None);
        }
        self.rearm(slot, None, Kinds::ALL);
        self.engine.restate_bands(key.instrument);
    }

    /// A signal is older than its time to live.
    pub(super) fn on_signal_over(&mut self, step: &mut Step<'_>, episode: EpisodeId) {
        if self.engine.standing.is_over(episode, step.now) {
            self.begin(step, episode.key.instrument);
            self.engine.standing.consume_signal(episode);
        }
    }

    /// Sets the clock of a position's time limit, or finds that it is over already.
    pub(super) fn start_time_limit(&mut self, step: &Step<'_>, slot: Slot) {
        let position = &self.engine.positions[slot as usize];
        let (episode, opened_at) = (position.episode, position.opened_at);
        let Some(rule) = self.engine.plans[position.plan.0 as usize].plan.time_limit else {
            self.engine.standing.not_overdue(episode);
            return;
        };
        let after = if planted(51) { Span(rule.after.0 / 2) } else { rule.after };
        let at = opened_at.after(after);
        if at <= step.now {
            self.engine.standing.set_overdue(episode);
        } else {
            self.engine.standing.not_overdue(episode);
            self.timers.insert((at, TimerFor::TimeLimit(episode)));
        }
    }

    /// A position was held as long as its plan allows: from here on its prices are looked at.
    pub(super) fn on_time_limit(&mut self, step: &mut Step<'_>, episode: EpisodeId) {
        let Some(slot) = self.engine.slot(episode) else { return };
        let position = &self.engine.positions[slot as usize];
        let rule = self.engine.plans[position.plan.0 as usize].plan.time_limit;
        // Another plan may have come since the clock was set.
        let due = rule.is_some_and(|rule| planted(51) || position.opened_at.after(rule.after) <= step.now);
        if !due || !position.is_held() {
            return;
        }
        self.begin(step, episode.key.instrument);
        self.engine.standing.set_overdue(episode);
        self.rearm(slot, None, Kinds::ALL);
        self.engine.restate_bands(episode.key.instrument);
    }

    /// An exit took as long as its rule allows.
    pub(super) fn on_expire(&mut self, step: &mut Step<'_>, episode: EpisodeId, exit: u16) {
        let Some(slot) = self.engine.slot(episode) else { return };
        let position = &self.engine.positions[slot as usize];
        if position.phase == Phase::Closing && position.exits == exit && !self.is_at_market(slot) {
            self.conclude(step, slot, Concluded::Expired);
            return;
        }
        let first = position.first_order;
        let is_leg = |order: &Order| order.exit == exit && order.leg > 0 && !order.life().state.is_final();
        if position.phase == Phase::Open && self.orders.list(first).any(|(_, order)| is_leg(order)) {
            self.begin(step, episode.key.instrument);
            self.cancel_all_but(step, slot, |order| !is_leg(order));
        }
    }

    /// Gives a close up that is past its worst price or its time: protection holds again, and all rules
    /// are looked at again.
    pub(super) fn conclude(&mut self, step: &mut Step<'_>, slot: Slot, why: Concluded) {
        let position = &mut self.engine.positions[slot as usize];
        let (episode, exit) = (position.episode, position.exits);
        let reason = position.closing.take();
        position.phase = Phase::Open;
        self.note(step, episode.key.instrument, Record::ExitConcluded { episode, exit, why });
        self.orders.waiting.drop_close(episode);
        if reason == Some(Reason::SignalExit) {
            self.engine.standing.consume_signal(episode);
        }
        if reason == Some(Reason::TimeLimit) {
            self.engine.standing.not_overdue(episode);
            self.timers.insert((step.now.after(TIME_LIMIT_AGAIN_AFTER), TimerFor::TimeLimit(episode)));
        }
        self.cancel_all_but(step, slot, |order| !order.closes_all());
        self.release_dead_legs(slot);
        self.place_soft_legs(step, slot);
        self.protect(step, slot);
        self.rearm(slot, None, Kinds::ALL);
        self.engine.restate_bands(episode.key.instrument);
    }

    /// The venue says where it would liquidate a position.
    pub(super) fn on_liquidation_at(&mut self, step: &mut Step<'_>, key: PositionKey, at: Price) {
        if !at.is_sound() {
            self.ignored += 1;
            return;
        }
        let Some(slot) = self.engine.living(key) else { return };
        let Some(safe) = self.safe_stop(slot, Some(at)) else { return };
        self.keep_safe(step, slot, safe);
        self.protect(step, slot);
        self.rearm(slot, None, Kinds::ALL);
        self.engine.restate_bands(key.instrument);
    }

    /// The farthest stop on the safe side of liquidation: told by the venue, else estimated.
    pub(super) fn safe_stop(&self, slot: Slot, told: Option<Price>) -> Option<Price> {
        let position = &self.engine.positions[slot as usize];
        let terms = self.engine.terms(slot);
        let rule = terms.plan.liquidation?;
        let (side, entry) = (position.side(), position.entry());
        let at = told.or_else(|| rule.price(side, entry, terms.plan.leverage))?;
        Some(rule.safe_stop(side, entry, at, terms.level_rule()))
    }

    /// Tightens a stop that lies beyond the safe one.
    pub(super) fn keep_safe(&mut self, step: &mut Step<'_>, slot: Slot, safe: Price) {
        let position = &self.engine.positions[slot as usize];
        let (side, stop) = (position.side(), price(position.stop));
        if stop.is_none_or(|stop| tighter(side, stop, safe) != stop) {
            self.move_stop(step, slot, safe, StopOrigin::Liquidation);
        }
    }
}
