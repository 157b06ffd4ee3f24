//! From a world that fails to a small one that fails the same way.

use std::time::{Duration, Instant};

use crate::oracle::Violation;
use crate::scenario::Scenario;

/// What is tried at once is never more of a script than this many parts.
const PARTS_FIRST: usize = 8;

/// Leaves out whatever is not needed for the same violation, within a time. The result fails.
#[must_use]
pub fn shrink(scenario: &Scenario, violation: &Violation, within: Duration) -> Scenario {
    let started = Instant::now();
    let fails = |tried: &Scenario| {
        let found = tried.play().violation;
        found.is_some_and(|found| found.invariant == violation.invariant)
    };
    let mut best = scenario.clone();
    let behind = Scenario {
        moves: best.moves.iter().filter(|step| step.at <= violation.at).cloned().collect(),
        ..best.clone()
    };
    if fails(&behind) {
        best = behind;
    }
    let mut part = best.moves.len().div_ceil(PARTS_FIRST).max(1);
    loop {
        let mut from = 0;
        let mut left_out = false;
        while from < best.moves.len() && started.elapsed() < within {
            let to = (from + part).min(best.moves.len());
            let mut tried = best.clone();
            tried.moves.drain(from..to);
            if fails(&tried) {
                best = tried;
                left_out = true;
            } else {
                from = to;
            }
        }
        if started.elapsed() >= within || (part == 1 && !left_out) {
            return best;
        }
        part = (part / 2).max(1);
    }
}
