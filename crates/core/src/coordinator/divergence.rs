//! Mark and last price that differ: targets, signals and time limits wait until they agree again.
//!
//! They are compared on each mark price, and when such an exit is about to be decided.

use super::{Coordinator, Kinds, Record, Step};
use crate::cell::CellId;
use crate::event::{Probe, Tick};
use crate::id::InstrumentId;
use crate::position::Decision;
use crate::watch::Slot;

impl Coordinator {
    /// Compares mark and last price, if this is a mark price and a plan wants it.
    pub(super) fn compare(&mut self, step: &mut Step<'_>, tick: &Tick) {
        let instrument = self.engine.owner(tick.cell);
        if self.engine.compared(instrument).is_some_and(|(mark, _)| mark == tick.cell) {
            self.restate_divergence(step, instrument);
        }
    }

    /// Takes targets, signal and time limit out of a decision while mark and last price differ. Whether
    /// one of them would have acted on a price of `cell`, so that it is told.
    pub(super) fn hold_up(&self, slot: Slot, cell: Option<CellId>, decision: &mut Decision) -> bool {
        let position = &self.engine.positions[slot as usize];
        let differs = || self.engine.divergence(position.episode.key.instrument);
        if !decision.is_at_leisure() || !differs().is_some_and(|(.., differs)| differs) {
            return false;
        }
        let is_told = match cell {
            Some(cell) => position.set_off_by(cell, decision.clone(), &self.terms(slot)).is_at_leisure(),
            None => true,
        };
        decision.block_profit();
        is_told
    }

    /// Mark and last price agree again: what waited for it acts on the prices as they stand.
    pub(super) fn serve_held_up(&mut self, step: &mut Step<'_>, instrument: InstrumentId) {
        let newest = self.engine.buckets.iter().filter(|(key, _)| key.instrument == instrument);
        let slots: Vec<Slot> = newest.filter_map(|(_, lives)| lives.slot()).collect();
        for slot in slots {
            let changed = self.serve(step, slot, Probe::TICK, None);
            if changed != Kinds::NONE {
                self.rearm(slot, None, changed);
            }
        }
        self.engine.restate_bands(instrument);
    }

    /// Tells when mark and last price begin to differ too much, and when they agree again.
    pub(super) fn restate_divergence(&mut self, step: &mut Step<'_>, instrument: InstrumentId) {
        let Some((mark, last, differs)) = self.engine.divergence(instrument) else { return };
        let was = self.engine.trust.diverged.contains(&instrument);
        if differs && !was {
            self.note(step, instrument, Record::Diverged { instrument, mark, last });
            self.engine.trust.diverged.insert(instrument);
        } else if was && !differs {
            self.note(step, instrument, Record::Converged { instrument, mark, last });
            self.engine.trust.diverged.remove(&instrument);
        }
    }
}
