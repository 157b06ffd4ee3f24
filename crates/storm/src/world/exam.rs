//! What must be so after a calm, and at the end of the world.

use ripcord_core::num::Price;
use ripcord_core::time::Span;

use super::World;
use crate::script::{Move, What};

/// Prices of the last exam move by this much at a time, ..
const SWEEP_BPS: i64 = 150;
/// .. so often down, and three times as often up.
const SWEEP_STEPS: i64 = 20;

impl World<'_> {
    /// What must be so after a calm is looked at.
    pub(super) fn examine(&mut self) {
        if let Some(core) = &self.host.core {
            self.oracle.examine(self.now, core, &self.exchange);
        } else {
            self.oracle.fail(self.now, None, "L8", "no process lives after a calm");
        }
    }

    /// Plays a script to its end, and the exam behind it.
    pub(crate) fn play_all(&mut self, script: &[Move]) {
        self.play(script);
        if !self.oracle.is_done() {
            self.last_exam();
        }
    }

    /// The end: prices go down far, then up far, calmly. Whatever has a stop is flat then.
    fn last_exam(&mut self) {
        self.play_calm(&[What::Heal], Span::from_secs(5));
        self.play_calm(&[What::Settle], Span::from_secs(60));
        self.sweep(-1, SWEEP_STEPS);
        self.sweep(1, SWEEP_STEPS * 3);
        self.examine();
        if let Some(core) = &self.host.core {
            self.oracle.examine_flat(self.now, core, &self.exchange);
        }
    }

    fn sweep(&mut self, direction: i64, steps: i64) {
        for _ in 0..steps {
            let mut moves = Vec::new();
            for instrument in (0..self.config.markets.len()).map(super::ask::instrument) {
                let Some(price) = self.exchange.price(instrument) else { continue };
                let tick = self.config.markets[instrument.0 as usize].rules.tick_size.0;
                let step = (price * SWEEP_BPS / 10_000).max(tick);
                let to = price + direction * ((step + tick - 1) / tick * tick);
                moves.push(What::Price(instrument, Price(to.max(tick))));
            }
            // Each price is told twice: a jump that nobody confirms is not believed.
            self.play_calm(&moves, Span::from_secs(1));
            self.play_calm(&moves, Span::from_secs(4));
        }
        self.play_calm(&[], Span::from_secs(60));
    }

    fn play_calm(&mut self, moves: &[What], then: Span) {
        for what in moves {
            if self.oracle.is_done() {
                return;
            }
            self.steps += 1;
            self.happen(what);
        }
        let until = self.now.after(then);
        self.run_until(until);
        self.now = self.now.max(until);
    }
}
