//! Prices that are not taken as they come: too old, of the future, out of order, or while something waits
//! for a second price.
//!
//! Whether a price is taken into its cell never depends on how narrow the band happens to be: a doubted
//! price that reaches no watch is taken like a quiet one, for it might have been one.

use super::{Coordinator, Due, Kinds, Outbox, Record, Step};
use crate::cell::CellId;
use crate::engine::Engine;
use crate::event::{AlarmKind, Doubt, Event, PriceDoubted, Probe, Tick};
use crate::num::Price;
use crate::plan::Rule;
use crate::time::Timestamp;
use crate::trust::AHEAD_MAX;
use crate::watch::Slot;

impl Engine {
    /// What a rule sees of a cell when a price of `own` sets it off: that price, or the doubted one that is
    /// being looked at. The prices of other cells count with it while they are new.
    pub(super) fn seen(
        &self,
        now: Timestamp,
        own: CellId,
        cell: CellId,
        doubted: Option<&Tick>,
    ) -> Option<Price> {
        match doubted {
            Some(tick) if tick.cell == cell => Some(tick.price),
            Some(_) | None if cell == own => self.trusted_price(cell),
            Some(_) | None => self.fresh(now, cell),
        }
    }
}

impl Coordinator {
    /// Whether nothing is known against a price, and nothing waits for it.
    #[inline]
    pub(super) fn is_plain(&self, now: Timestamp, tick: &Tick) -> bool {
        let index = tick.cell.0 as usize;
        let (cell, asks) = (&self.engine.cells[index], &self.engine.books[index].asks);
        let age = now.since(tick.at);
        !asks.every
            && tick.at.0 >= cell.at
            && age <= asks.stale_after
            && age.0 >= -AHEAD_MAX.0
            && (asks.spike.is_none() || !self.is_jump(tick))
    }

    /// Takes a price that is not plain.
    #[inline(never)]
    pub(super) fn take_doubtful(&mut self, now: Timestamp, tick: &Tick, out: &mut Outbox) {
        self.run_due(now, out);
        match self.doubt(now, tick) {
            Some(why) => self.set_aside(now, tick, why, out),
            None => self.weigh(now, tick, out),
        }
        self.restate_deadline();
    }

    /// What is wrong with the time of a price.
    fn doubt(&self, now: Timestamp, tick: &Tick) -> Option<Doubt> {
        let stale_after = self.engine.books[tick.cell.0 as usize].asks.stale_after;
        if now.since(tick.at).0 < -AHEAD_MAX.0 {
            return Some(Doubt::Future);
        }
        if now.since(tick.at) > stale_after {
            return Some(Doubt::Late);
        }
        self.engine.is_out_of_order(now, tick.cell, tick.at).then_some(Doubt::OutOfOrder)
    }

    /// Sees whether a doubted price would have done anything. If not it is taken like a quiet one; else
    /// it is dropped, and who would have closed on it is told once.
    fn set_aside(&mut self, now: Timestamp, tick: &Tick, why: Doubt, out: &mut Outbox) {
        let (index, instrument) = (tick.cell.0 as usize, self.engine.owner(tick.cell));
        // Whom it would have concerned must not depend on levels that are left over in the index.
        if !self.engine.market(instrument).is_exact {
            self.engine.rebuild(instrument, &self.orders);
        }
        let book = &self.engine.books[index];
        if !book.asks.every && book.band().is_quiet(tick.price.0) && !self.is_jump(tick) {
            self.engine.cells[index].take(tick);
            self.engine.restate_band(tick.cell);
            return;
        }
        self.ignored += 1;
        // It was not taken: the step tells of it as of any event.
        let mut step = Step::event(now, Event::Tick(*tick), out);
        let mut due = Vec::new();
        self.engine.pop_levels(tick, &mut due);
        Due::each_once(&mut due);
        for woken in &due {
            self.tell_doubted(&mut step, woken.slot, tick, why);
        }
        for woken in due {
            self.rearm(woken.slot, Some((tick.cell, woken.popped)), Kinds::ALL);
        }
        self.engine.restate_bands(instrument);
    }

    /// A doubted price would have closed a position.
    fn tell_doubted(&mut self, step: &mut Step<'_>, slot: Slot, tick: &Tick, why: Doubt) {
        let position = &self.engine.positions[slot as usize];
        if !position.is_held() {
            return;
        }
        let terms = self.terms(slot);
        let seen = |cell| self.engine.seen(step.now, tick.cell, cell, Some(tick));
        let decision = position.evaluate(tick.probe, &terms, seen, seen);
        let mut decision = position.set_off_by(tick.cell, decision, &terms);
        let acts_on_stale = terms.plan.prices.act_on_stale && why == Doubt::Late;
        let acted = acts_on_stale && decision.close.is_some_and(|rule| rule <= Rule::StopLoss);
        if acted {
            decision.keep_urgent();
        }
        let Some(rule) = decision.close else { return };
        let (episode, reason) = (position.episode, rule.reason());
        let held = decision.held.iter().find(|held| held.reason == reason);
        let held = *held.expect("the rule that acts is among those that held");
        if self.engine.trust.told.insert((episode, reason)) {
            let (level, price, at) = (held.level, held.price, tick.at);
            let doubted = PriceDoubted { episode, reason, level, price, at, why, acted };
            self.note(step, episode.key.instrument, Record::PriceDoubted(Box::new(doubted)));
            if !acted {
                let what = AlarmKind::PriceDoubted;
                self.note(step, episode.key.instrument, Record::Alarm { episode, what });
            }
        }
        if acted {
            self.close_by_rule(step, slot, rule, decision.held);
        }
    }

    /// Lets the urgent rules answer a price that is not accepted.
    pub(super) fn serve_urgent(&mut self, step: &mut Step<'_>, tick: &Tick) {
        let mut due = Vec::new();
        self.engine.pop_levels(tick, &mut due);
        Due::each_once(&mut due);
        for woken in &mut due {
            woken.changed = self.answer(step, woken.slot, Probe::TICK, Some(tick.cell), Some(tick));
        }
        for woken in due {
            self.rearm(woken.slot, Some((tick.cell, woken.popped)), woken.changed);
        }
        self.engine.restate_bands(self.engine.owner(tick.cell));
    }

    /// A price came that somebody waited for: the first after silence, or one that may confirm or
    /// contradict another.
    pub(super) fn heed(&mut self, step: &mut Step<'_>, tick: &Tick) {
        self.end_silence(step, tick);
        self.compare(step, tick);
        self.judge_suspicions(step, tick, None);
    }
}
