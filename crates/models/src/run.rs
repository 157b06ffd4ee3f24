//! Exploring.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use stateright::{Checker, HasDiscoveries, Model};

use crate::faults::Fault;
use crate::model::{Act, Exits};
use crate::setup::Setup;

/// What an exploration came to.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Different states.
    pub unique: usize,
    /// States generated.
    pub generated: usize,
    /// The longest path.
    pub depth: usize,
    /// States from which it was tried that all ends well.
    pub healed: u64,
    /// How long it took.
    pub took: Duration,
    /// Whether nothing is left to explore.
    pub is_whole: bool,
    /// What was violated, and the way there.
    pub violated: Option<(&'static str, Vec<Act>)>,
}

/// How an exploration is done.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    /// Threads.
    pub threads: usize,
    /// The nearest states first: a violation comes with its shortest path. Takes more memory.
    pub shortest: bool,
    /// States after which it is given up.
    pub states_max: usize,
}

/// Explores a setup to the end, or to the first violation; `each` hears every second how far it came.
pub fn explore(setup: Setup, way: Way, each: impl FnMut(&Outcome)) -> Outcome {
    let begun = Instant::now();
    let finish = HasDiscoveries::AnyFailures;
    let builder = Exits::new(setup).checker().threads(way.threads).finish_when(finish);
    if way.shortest {
        watch(builder.spawn_bfs(), way, begun, each)
    } else {
        watch(builder.spawn_dfs(), way, begun, each)
    }
}

fn watch(checker: impl Checker<Exits>, way: Way, begun: Instant, mut each: impl FnMut(&Outcome)) -> Outcome {
    let mut told = Instant::now();
    while !checker.is_done() {
        std::thread::sleep(Duration::from_millis(5));
        if told.elapsed() > Duration::from_secs(1) {
            told = Instant::now();
            let outcome = outcome(&checker, begun);
            each(&outcome);
            if outcome.unique > way.states_max {
                return outcome;
            }
        }
    }
    Outcome { is_whole: true, ..outcome(&checker, begun) }
}

fn outcome(checker: &impl Checker<Exits>, begun: Instant) -> Outcome {
    let found = if checker.is_done() { checker.discoveries() } else { Default::default() };
    let found = found.into_iter().map(|(name, path)| (name, path.into_actions()));
    // The shortest way counts, and of equal ones the gravest.
    let rank = |name: &str| Fault::ALL.iter().position(|fault| fault.property() == name);
    let violated = found.min_by_key(|(name, acts)| (acts.len(), rank(name)));
    Outcome {
        unique: checker.unique_state_count(),
        generated: checker.state_count(),
        depth: checker.max_depth(),
        healed: checker.model().healed.load(Ordering::Relaxed),
        took: begun.elapsed(),
        is_whole: false,
        violated,
    }
}
