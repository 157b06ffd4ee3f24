//! Stretches of quiet prices, told in one piece by a caller that leapt over them or by a journal.

use super::{Coordinator, Due, Kinds, Tick, Timestamp};
use crate::cell::CellId;
use crate::event::{Entry, Observed, Outbox, Probe, Record};
use crate::num::{Price, Qty};

impl Coordinator {
    /// Takes a stretch of prices that wake nobody. Prices beyond the extremes of trailing stops are
    /// allowed, because lifting an extreme leaves no trace; a stretch that would fire a watch is a
    /// bug of the caller, and panics.
    pub(super) fn observe(&mut self, now: Timestamp, observed: &Observed) {
        assert!(observed.count > 0, "a stretch of prices holds at least one");
        assert!(now < self.next_deadline(), "a timer was due within an observed stretch");
        let index = observed.cell.0 as usize;
        if self.engine.books[index].awaits_first {
            self.start_bars(observed.at, self.engine.owner(observed.cell));
        }
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
    /// down now and then, so that little is lost between two decisions.
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
            if position.is_held() {
                let decision =
                    position.evaluate(Probe::TICK, &engine.terms(woken.slot), |cell| engine.last_price(cell));
                assert!(
                    decision.close.is_none() && decision.legs.is_none() && !decision.activates,
                    "an observed stretch fires a watch of {:?}",
                    position.episode
                );
            }
        }
        for woken in due {
            self.engine.rearm(woken.slot, Some((observed.cell, woken.popped)), Kinds::NONE);
        }
        self.engine.restate_band(observed.cell);
    }

    fn tick_at(&self, observed: &Observed, price: Price) -> Tick {
        Tick { at: observed.at, price, qty: Qty(0), cell: observed.cell, probe: Probe::TICK }
    }
}
