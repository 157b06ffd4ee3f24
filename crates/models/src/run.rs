//! Explores a model, to the end or to the first violation.

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use stateright::{Checker, HasDiscoveries, Model};

use crate::faults::Fault;
use crate::lives::OrderLives;
use crate::model::{Act, Exits};
use crate::setup::Setup;

/// What an exploration came to.
#[derive(Debug, Clone)]
pub struct Outcome<A = Act> {
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
    pub violated: Option<(&'static str, Vec<A>)>,
}

impl<A> Outcome<A> {
    /// Whether everything was explored, and all of it is as it must be.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.is_whole && self.violated.is_none()
    }
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

/// Explores the exits of a setup; `each` hears every second how far it came.
pub fn explore(setup: Setup, way: Way, each: impl FnMut(&Outcome)) -> Outcome {
    explore_any(Exits::new(setup), way, |model| model.healed.load(Ordering::Relaxed), each)
}

/// Explores the lives of orders.
pub fn explore_lives(
    model: OrderLives,
    way: Way,
    each: impl FnMut(&Outcome<crate::lives::Act>),
) -> Outcome<crate::lives::Act> {
    explore_any(model, way, |_| 0, each)
}

fn explore_any<M>(
    model: M,
    way: Way,
    healed: fn(&M) -> u64,
    each: impl FnMut(&Outcome<M::Action>),
) -> Outcome<M::Action>
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + PartialEq + Hash + Send + Sync + 'static,
    M::Action: Clone + Debug + PartialEq + Send + Sync,
{
    let finish = HasDiscoveries::AnyFailures;
    let builder = model.checker().threads(way.threads).finish_when(finish);
    if way.shortest {
        watch(builder.spawn_bfs(), way, healed, each)
    } else {
        watch(builder.spawn_dfs(), way, healed, each)
    }
}

fn watch<M>(
    checker: impl Checker<M>,
    way: Way,
    healed: fn(&M) -> u64,
    mut each: impl FnMut(&Outcome<M::Action>),
) -> Outcome<M::Action>
where
    M: Model,
    M::State: Clone + Debug + PartialEq + Hash,
    M::Action: Clone + Debug + PartialEq,
{
    let (begun, mut told) = (Instant::now(), Instant::now());
    while !checker.is_done() {
        std::thread::sleep(Duration::from_millis(5));
        if told.elapsed() > Duration::from_secs(1) {
            told = Instant::now();
            let outcome = outcome(&checker, begun, healed);
            each(&outcome);
            if outcome.unique > way.states_max {
                return outcome;
            }
        }
    }
    // A panic in a thread of the checker is one here.
    let checker = checker.join();
    Outcome { is_whole: true, ..outcome(&checker, begun, healed) }
}

fn outcome<M>(checker: &impl Checker<M>, begun: Instant, healed: fn(&M) -> u64) -> Outcome<M::Action>
where
    M: Model,
    M::State: Clone + Debug + PartialEq + Hash,
    M::Action: Clone + Debug + PartialEq,
{
    let found = if checker.is_done() { checker.discoveries() } else { Default::default() };
    let found = found.into_iter().map(|(name, path)| (name, path.into_actions()));
    // The shortest way counts, and of equal ones the gravest.
    let rank = |name: &str| Fault::ALL.iter().position(|fault| fault.property() == name);
    Outcome {
        unique: checker.unique_state_count(),
        generated: checker.state_count(),
        depth: checker.max_depth(),
        healed: healed(checker.model()),
        took: begun.elapsed(),
        is_whole: false,
        violated: found.min_by_key(|(name, acts)| (acts.len(), rank(name))),
    }
}
