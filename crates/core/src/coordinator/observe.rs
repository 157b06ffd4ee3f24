//! Stretches of quiet prices, told in one piece by a caller that leapt over them or by a journal.

use super::{Coordinator, Due, Kinds, Tick, Timestamp};
use crate::cell::CellId;
use crate::event::{Entry, Observed, Outbox, Probe, Record};
use crate::num::{Price, Qty};
use crate::position::Phase;

impl Coordinator {
    /// Takes a stretch of prices that wake nobody. Prices beyond the extremes of trailing stops are
    /// allowed, because lifting an extreme leaves no trace; a stretch that would fire a watch is a
    /// bug of the caller, and panics.
    pub(super) fn observe(&mut self, observed: &Observed) {
        assert!(observed.count > 0, "a stretch of prices holds at least one");
        let index = observed.cell.0 as usize;
        assert!(
            !self.engine.books[index].awaits_first,
            "the price that sets the clock of the bars is a tick"
        );
        let cell = &mut self.engine.cells[index];
        cell.last = observed.last.0;
        cell.at = observed.at.0;
        cell.count += u64::from(observed.count);
        cell.min = cell.min.min(observed.min.0);
        cell.max = cell.max.max(observed.max.0);
        let quiet_low = observed.min > observed.max || cell.lo < observed.min.0;
        let quiet_high = observed.min > observed.max || observed.max.0 < cell.hi;
        if !(quiet_low && quiet_high && cell.lo < observed.last.0 && observed.last.0 < cell.hi) {
            self.lift(observed);
        }
    }

    /// The cells that saw prices since they were last observed, as records: what a host writes
    /// down now and then, so that little is lost between two decisions. Timers that are due run before:
    /// a journal is read in the order of its entries.
    pub fn checkpoint(&mut self, now: Timestamp, out: &mut Outbox) {
        for index in 0..self.engine.cells.len() {
            let cell = CellId(u32::try_from(index).expect("cells are counted in u32"));
            if let Some(observed) = self.take_observed(cell) {
                out.records.push(Entry { at: now, record: Record::Observed(observed) });
            }
        }
    }

    /// Lifts extremes to the stretch's prices and moves positions that crossed into another regime.
    fn lift(&mut self, observed: &Observed) {
        let mut due: Vec<Due> = Vec::new();
        for extreme in [observed.max, observed.min] {
            if observed.min > observed.max {
                break;
            }
            let tick = self.tick_at(observed, extreme);
            self.engine.pop_levels(&tick, &mut due);
            self.engine.raise(&tick);
        }
        for woken in &due {
            let engine = &self.engine;
            let position = &engine.positions[woken.slot as usize];
            // A close under way only ever gets more urgent, and that leaves a trace once.
            if position.phase == Phase::Open {
                let terms = self.terms(woken.slot);
                let seen = |cell| engine.seen(observed.at, observed.cell, cell, None);
                let mut decision = position.evaluate(Probe::TICK, &terms, seen, seen);
                self.await_second(woken.slot, Probe::TICK, None, &mut decision);
                if engine.trust.diverged.contains(&position.episode.key.instrument) {
                    decision.block_profit();
                }
                if self.pacing.waits(position.episode.key.account) {
                    // A stop that would only follow waited too.
                    decision.block_profit();
                    decision.moves_bracket = false;
                }
                // A stop that should follow and could not, for want of coins or of an answer, left no trace
                // either. Had it followed, its price would be an entry of its own, not a part of a stretch.
                decision.moves_bracket &= !self.is_replaying;
                let decision = position.set_off_by(observed.cell, decision, &terms);
                // A rule that left its exit to the stop hid what ranks below it; the price of another
                // source on which it held may be told later.
                let hides = engine.standing.deferred_first(position.episode);
                let is_hidden = |rule| {
                    let hides = hides.filter(|&hides| rule > hides);
                    hides.is_some_and(|hides| self.acts_below(woken.slot, hides, &decision).is_none())
                };
                let leaves_a_trace = match decision.close {
                    Some(rule) if is_hidden(rule) => false,
                    Some(rule) => {
                        let told = engine.standing.has_deferred(position.episode, rule.reason());
                        let acts_below = self.acts_below(woken.slot, rule, &decision);
                        !told || acts_below.is_some() || !self.defers(woken.slot, rule, &decision.held)
                    }
                    None if hides.is_some() => false,
                    None => decision.legs.is_some() || decision.activates || decision.moves_bracket,
                };
                assert!(
                    !leaves_a_trace && decision.triggered.is_none(),
                    "an observed stretch fires a watch of {:?}",
                    position.episode
                );
            }
        }
        for woken in due {
            self.rearm(woken.slot, Some((observed.cell, woken.popped)), Kinds::NONE);
        }
        self.engine.restate_band(observed.cell);
    }

    fn tick_at(&self, observed: &Observed, price: Price) -> Tick {
        Tick { at: observed.at, price, qty: Qty(0), cell: observed.cell, probe: Probe::TICK }
    }
}
