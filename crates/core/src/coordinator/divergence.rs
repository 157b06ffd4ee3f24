//! Mark and last price that differ: targets, signals and time limits wait until they agree again.
//!
//! They are compared on each mark price, and when such an exit is about to be decided.

use super::{Coordinator, Record, Step};
use crate::event::Tick;
use crate::id::InstrumentId;
use crate::plan::Rule;
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

    /// Whether the exit that a decision asks for waits, because mark and last price differ.
    pub(super) fn is_blocked(&mut self, step: &mut Step<'_>, slot: Slot, decision: &Decision) -> bool {
        let at_leisure =
            decision.legs.is_some() || decision.close.is_some_and(|rule| rule > Rule::TrailingStop);
        let instrument = self.engine.positions[slot as usize].episode.key.instrument;
        // One that differs is told by whoever is held up by it, when no mark price did.
        at_leisure && self.engine.divergence(instrument).is_some_and(|(.., differs)| differs) && {
            self.restate_divergence(step, instrument);
            true
        }
    }

    fn restate_divergence(&mut self, step: &mut Step<'_>, instrument: InstrumentId) {
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
