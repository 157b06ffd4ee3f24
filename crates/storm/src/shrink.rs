//! From a world that fails to a small one that fails the same way.

use std::time::{Duration, Instant};

use crate::oracle::Violation;
use crate::scenario::Scenario;
use crate::script::{Move, What};

/// What is tried at once is never more of a script than this many parts.
const PARTS_FIRST: usize = 8;

/// Leaves out whatever is not needed for the same violation, within a time. The result fails.
#[must_use]
pub fn shrink(scenario: &Scenario, violation: &Violation, within: Duration) -> Scenario {
    let mut shrinking =
        Shrinking { best: scenario.clone(), invariant: violation.invariant, started: Instant::now(), within };
    shrinking.leave_out(|step| step.at > violation.at);
    loop {
        let before = shrinking.best.moves.len();
        shrinking.leave_out_kinds(violation);
        shrinking.leave_out_parts();
        if shrinking.is_late() || shrinking.best.moves.len() == before {
            return shrinking.best;
        }
    }
}

struct Shrinking {
    best: Scenario,
    invariant: &'static str,
    started: Instant,
    within: Duration,
}

impl Shrinking {
    fn is_late(&self) -> bool {
        self.started.elapsed() >= self.within
    }

    /// Takes a smaller script if it fails the same way.
    fn try_moves(&mut self, moves: Vec<Move>) -> bool {
        if moves.len() == self.best.moves.len() || self.is_late() {
            return false;
        }
        let tried = Scenario { moves, config: self.best.config.clone() };
        // An engine that stops on what is left fails in another way.
        let outcome = std::panic::catch_unwind(|| tried.play());
        let found = outcome.ok().and_then(|outcome| outcome.violation);
        let fails = found.is_some_and(|found| found.invariant == self.invariant);
        if fails {
            self.best = tried;
        }
        fails
    }

    fn leave_out(&mut self, what: impl Fn(&Move) -> bool) {
        let moves = self.best.moves.iter().filter(|step| !what(step)).cloned().collect();
        self.try_moves(moves);
    }

    /// What is of another market or account than what went wrong, and each kind of fault at once.
    fn leave_out_kinds(&mut self, violation: &Violation) {
        if let Some(key) = violation.key {
            let is_elsewhere = |step: &Move| {
                let (instrument, account, _) = step.what.names();
                instrument.is_some_and(|of| of != key.instrument)
                    || account.is_some_and(|of| of != key.account)
            };
            // A fault may be of the whole venue, whatever bucket it names.
            self.leave_out(is_elsewhere);
            self.leave_out(|step| is_elsewhere(step) && !matches!(step.what, What::Fault(_)));
        }
        let mut kinds = Vec::new();
        for step in &self.best.moves {
            if let What::Fault(fault) = &step.what
                && !kinds.contains(&fault.kind)
            {
                kinds.push(fault.kind);
            }
        }
        for kind in kinds {
            self.leave_out(|step| matches!(&step.what, What::Fault(fault) if fault.kind == kind));
        }
    }

    /// Parts of the script, smaller ones each time.
    fn leave_out_parts(&mut self) {
        let mut part = self.best.moves.len().div_ceil(PARTS_FIRST).max(1);
        loop {
            let (mut from, mut left_out) = (0, false);
            while from < self.best.moves.len() && !self.is_late() {
                let to = (from + part).min(self.best.moves.len());
                let mut moves = self.best.moves.clone();
                moves.drain(from..to);
                if self.try_moves(moves) {
                    left_out = true;
                } else {
                    from = to;
                }
            }
            if self.is_late() || (part == 1 && !left_out) {
                return;
            }
            part = (part / 2).max(1);
        }
    }
}
