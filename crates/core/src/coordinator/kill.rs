//! Kill levels: setting one, living under it, and what its release sets right.

use super::protection::is_theirs;
use super::{Coordinator, Kinds, Record, Step, TimerFor};
use crate::event::{CommandRefused, Concluded, Probe};
use crate::id::{AccountId, EpisodeId};
use crate::kill::KillLevel;
use crate::order::OrderKind;
use crate::orders::Order;
use crate::planted::planted;
use crate::position::Phase;
use crate::reason::Reason;
use crate::time::Span;
use crate::watch::Slot;

/// Silence of our own is told again this often.
pub(super) const REMIND_AFTER: Span = Span::from_secs(60);

impl Coordinator {
    /// Somebody sets an account's kill level, or releases it.
    pub(super) fn on_kill(
        &mut self,
        step: &mut Step<'_>,
        account: AccountId,
        level: Option<KillLevel>,
        confirmed: bool,
    ) {
        let before = self.engine.standing.kill_level(account);
        // What somebody stopped is let loose by a release, which says so, and by nothing else.
        if level.is_some() && level < before {
            self.note_refused(step, CommandRefused::StrongerLevel(account));
            return;
        }
        if level == Some(KillLevel::Silent) && !confirmed {
            self.note_refused(step, CommandRefused::NotConfirmed(account));
            return;
        }
        if level == before && level != Some(KillLevel::Flatten) {
            return;
        }
        let held = self.lives_of(account);
        for &slot in &held {
            self.report_quiet(step, self.engine.positions[slot as usize].episode.key.instrument);
        }
        step.begin_anywhere();
        self.engine.standing.set_kill_level(account, level);
        step.write(Record::KillLevel { account, level });
        for &slot in &held {
            let episode = self.engine.positions[slot as usize].episode;
            // Coins are free for something that is still to take them: an exit, or the next stop.
            if level == Some(KillLevel::Silent) && self.locks(slot) && !self.has_ended(episode) {
                self.engine.standing.finish(episode);
            } else {
                self.engine.standing.has_finished(episode);
            }
        }
        if level == Some(KillLevel::Silent) {
            self.set_anew(step.now, REMIND_AFTER, TimerFor::Remind(account));
        }
        // Lives that are over come too: what nobody could cancel meanwhile is cancelled now.
        for slot in self.with_orders(account) {
            self.live_under(step, slot, level);
        }
    }

    /// Nothing is sent, and somebody should know it still.
    pub(super) fn on_remind(&mut self, step: &mut Step<'_>, account: AccountId) {
        let level = self.engine.standing.kill_level(account);
        if level != Some(KillLevel::Silent) {
            return;
        }
        step.begin_anywhere();
        step.write(Record::KillLevel { account, level });
        self.timers.insert((step.now.after(REMIND_AFTER), TimerFor::Remind(account)));
    }

    /// Whether an account's orders are not sent.
    pub(crate) fn is_silent(&self, account: AccountId) -> bool {
        self.engine.standing.kill_level(account) == Some(KillLevel::Silent)
    }

    /// Whether the orders of a position are not sent: what frees coins is ended first, flat or protected.
    pub(crate) fn is_silenced(&self, episode: EpisodeId) -> bool {
        self.is_silent(episode.key.account) && !self.engine.standing.is_finishing(episode)
    }

    /// Whether a stop is to rest at the venue, and none that is large enough does: of what waits to be sold, too.
    fn is_bare(&self, slot: Slot) -> bool {
        let position = &self.engine.positions[slot as usize];
        let mut orders = self.orders.list(position.first_order).map(|(_, order)| order);
        let waits = self.orders.waiting.parts(position.episode).0 > 0 && self.has_bracket(slot);
        let needed = self.to_protect(slot);
        let covers = |order: &Order| order.is_confirmed() && order.life().open() >= needed;
        let is_there = |order: &Order| order.protects() && (covers(order) || is_theirs(order));
        (waits || self.wants_bracket(slot)) && !orders.any(is_there)
    }

    /// What was begun before everything was stopped may have ended by now.
    pub(super) fn end_what_was_begun(&mut self) {
        let ended: Vec<EpisodeId> =
            self.engine.standing.finishing().filter(|&it| self.has_ended(it)).collect();
        for episode in ended {
            self.engine.standing.has_finished(episode);
        }
    }

    /// Whether a position is flat, or open and as protected as it can be.
    fn has_ended(&self, episode: EpisodeId) -> bool {
        let Some(slot) = self.engine.slot(episode) else { return true };
        let position = &self.engine.positions[slot as usize];
        match position.phase {
            Phase::Flat | Phase::Vacant => true,
            Phase::Closing => false,
            // A leg that waits for coins is a choice: it waits on where a stop stands. What is being sold may end
            // unsold, and is to be covered then.
            Phase::Open => {
                let is_sold = |order: &Order| order.is_part() && !order.kind().rests();
                !self.is_bare(slot) && self.claimed(slot, is_sold).0 == 0
            }
        }
    }

    /// One position of an account whose level changed.
    fn live_under(&mut self, step: &mut Step<'_>, slot: Slot, level: Option<KillLevel>) {
        let position = &self.engine.positions[slot as usize];
        let (episode, phase) = (position.episode, position.phase);
        match (phase, level) {
            (Phase::Vacant, _) => {}
            // A signal from before does not act when it is released.
            (_, Some(KillLevel::Silent)) => self.engine.standing.consume_signal(episode),
            // What was left at the venue while nothing was sent.
            (Phase::Flat, _) => {
                let keeps = self.keeps_stop(slot);
                self.cancel_all_but(step, slot, |order| keeps && order.is_left());
            }
            (Phase::Open | Phase::Closing, Some(KillLevel::Flatten)) if planted(91) => {}
            (Phase::Open | Phase::Closing, Some(KillLevel::Flatten)) => {
                self.close_by_command(step, slot, Reason::PanicClose);
            }
            (Phase::Open | Phase::Closing, Some(KillLevel::NoChoice | KillLevel::ProtectOnly)) => {
                self.give_choice_up(step, slot);
                self.go_on(step, slot);
            }
            (Phase::Open | Phase::Closing, None) if planted(89) => {}
            (Phase::Open | Phase::Closing, None) => {
                // What locked its coins may have gone meanwhile: nobody would say so again.
                self.send_waiting(step, slot);
                self.go_on(step, slot);
            }
        }
        if self.engine.slot(episode).is_some() {
            self.rearm(slot, None, Kinds::ALL);
            self.engine.restate_bands(episode.key.instrument);
        }
    }

    /// Exits of choice that are under way are given up.
    fn give_choice_up(&mut self, step: &mut Step<'_>, slot: Slot) {
        let position = &self.engine.positions[slot as usize];
        let episode = position.episode;
        self.engine.standing.consume_signal(episode);
        self.orders.waiting.drop_targets(episode);
        let is_choice = position.closing.is_some_and(Reason::is_choice);
        if position.phase == Phase::Closing && is_choice {
            self.conclude(step, slot, Concluded::Killed);
        }
        let is_leg = |order: &Order| {
            order.is_part() && order.reason == Reason::TakeProfit && order.kind() != OrderKind::Market
        };
        self.cancel_all_but(step, slot, |order| !is_leg(order));
    }

    /// What was held back is done, and the rules are looked at as prices stand.
    fn go_on(&mut self, step: &mut Step<'_>, slot: Slot) {
        let position = &self.engine.positions[slot as usize];
        if position.phase == Phase::Closing {
            // A limit from before has had its time, and may be of an exit that was overtaken meanwhile.
            let episode = position.episode;
            self.push_to_market(step, slot, episode);
            return;
        }
        self.release_dead_legs(slot);
        self.place_soft_legs(step, slot);
        self.drop_replaced(step, slot);
        self.protect(step, slot);
        self.serve(step, slot, Probe::TICK, None);
    }

    /// The slots of an account's positions, in the order of their episodes.
    pub(super) fn lives_of(&self, account: AccountId) -> Vec<Slot> {
        let newest = self.engine.buckets.iter().filter(|(key, _)| key.account == account);
        newest.filter_map(|(_, lives)| lives.slot()).collect()
    }
}
