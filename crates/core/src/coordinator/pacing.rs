//! Living within an order budget: exits of choice, and stops that would only follow, wait for room; what
//! protects and what gets out of a risk goes, whatever was used.

use super::{Coordinator, Kinds, Record, Step, TimerFor};
use crate::cell::CellId;
use crate::event::{CommandRefused, Probe};
use crate::id::{AccountId, OrderId};
use crate::pacing::{OrderBudget, Pace};
use crate::position::{Decision, Phase};
use crate::reason::Reason;
use crate::time::Timestamp;
use crate::watch::Slot;

impl Coordinator {
    /// An account's orders are counted from now on, or not any more.
    pub(super) fn on_budget(&mut self, step: &mut Step<'_>, account: AccountId, budget: Option<OrderBudget>) {
        match budget {
            Some(budget) if !budget.is_sound() => {
                self.note_refused(step, CommandRefused::Unmanageable(account));
            }
            Some(budget) => {
                step.begin_anywhere();
                self.pacing.give(account, budget);
                if self.pacing.waits(account) {
                    self.timers.insert((step.now, TimerFor::Pace(account)));
                }
            }
            None => {
                self.report_lives(step, account);
                step.begin_anywhere();
                if self.pacing.take(account).is_some_and(|pace| pace != Pace::Free) {
                    self.let_go_on(step, account);
                }
            }
        }
    }

    /// Until when an order of choice for a position waits; told when it is the first.
    pub(super) fn waits_until(&mut self, step: &mut Step<'_>, slot: Slot) -> Option<Timestamp> {
        let key = self.engine.positions[slot as usize].episode.key;
        let until = self.pacing.room_at(key.account, step.now)?;
        self.tell_pace(step, slot, Pace::ChoiceWaits);
        Some(until)
    }

    /// The same for the next order of a close that a rule of choice decided.
    pub(super) fn close_waits_until(&mut self, step: &mut Step<'_>, slot: Slot) -> Option<Timestamp> {
        let closing = self.engine.positions[slot as usize].closing;
        closing.is_some_and(Reason::is_choice).then(|| self.waits_until(step, slot)).flatten()
    }

    /// Takes exits of choice out of a decision while they wait. Whether one of them would have acted on a
    /// price of `cell`, so that it is told.
    pub(super) fn wait_for_room(
        &self,
        now: Timestamp,
        slot: Slot,
        cell: Option<CellId>,
        decision: &mut Decision,
    ) -> bool {
        let position = &self.engine.positions[slot as usize];
        let account = position.episode.key.account;
        if !decision.is_at_leisure() || self.pacing.room_at(account, now).is_none() {
            return false;
        }
        let is_told = cell.is_none_or(|cell| {
            position.set_off_by(cell, decision.clone(), &self.terms(slot)).is_at_leisure()
        });
        decision.block_profit();
        is_told
    }

    /// An order of a position is sent: it counts, and goes even when nothing is left.
    pub(super) fn count_order(&mut self, step: &mut Step<'_>, slot: Slot) {
        let account = self.engine.positions[slot as usize].episode.key.account;
        if self.pacing.spend(account, step.now) {
            self.tell_pace(step, slot, Pace::Spent);
        }
    }

    /// The venue is too busy for an order of ours: what can wait does.
    pub(super) fn on_busy(&mut self, step: &Step<'_>, id: &OrderId) {
        if self.find_order(id).is_some_and(|(_, at)| !self.orders.get(at).life().state.is_final()) {
            self.pacing.busy(id.episode.key.account, step.now);
        }
    }

    /// Tells that less goes than before, once until everything does again, and sees to it that it will.
    pub(super) fn tell_pace(&mut self, step: &mut Step<'_>, slot: Slot, pace: Pace) {
        let key = self.engine.positions[slot as usize].episode.key;
        let account = key.account;
        let Some(paced) = self.pacing.get_mut(account) else { return };
        if pace <= paced.pace {
            return;
        }
        let is_first = paced.pace == Pace::Free;
        paced.pace = pace;
        let until = paced.room_at(step.now);
        self.note(step, key.instrument, Record::OrdersPaced { account, pace, until });
        if is_first {
            self.timers.insert((until.unwrap_or(step.now), TimerFor::Pace(account)));
        }
    }

    /// There may be room again.
    pub(super) fn on_pace_due(&mut self, step: &mut Step<'_>, account: AccountId) {
        if !self.pacing.waits(account) {
            return;
        }
        if let Some(until) = self.pacing.room_at(account, step.now) {
            self.timers.insert((until, TimerFor::Pace(account)));
            return;
        }
        self.report_lives(step, account);
        step.begin_anywhere();
        self.let_go_on(step, account);
    }

    /// What waited for room is looked at, as prices stand. What finds none waits again.
    fn let_go_on(&mut self, step: &mut Step<'_>, account: AccountId) {
        if let Some(paced) = self.pacing.get_mut(account) {
            paced.pace = Pace::Free;
        }
        step.write(Record::OrdersPaced { account, pace: Pace::Free, until: None });
        // Closes have clocks of their own.
        let mut open = self.lives_of(account);
        open.retain(|&slot| self.engine.positions[slot as usize].phase == Phase::Open);
        // Stops that follow go before targets.
        for &slot in &open {
            self.protect(step, slot);
        }
        for slot in open {
            let episode = self.engine.positions[slot as usize].episode;
            self.place_soft_legs(step, slot);
            self.serve(step, slot, Probe::TICK, None);
            if self.engine.slot(episode) == Some(slot) {
                self.rearm(slot, None, Kinds::ALL);
                self.engine.restate_bands(episode.key.instrument);
            }
        }
    }

    /// From here on rules may rely on more or less: what they saw so far is written down before.
    fn report_lives(&mut self, step: &mut Step<'_>, account: AccountId) {
        for slot in self.lives_of(account) {
            self.report_quiet(step, self.engine.positions[slot as usize].episode.key.instrument);
        }
    }
}
