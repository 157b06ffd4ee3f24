//! The bank of planted bugs: whether the storm would find what it is there to find.
//!
//! The engine of one thread has one bug at a time. A bug is found by a world that it spoils and that is
//! fair without it. Start reading at [`BUGS`], then [`search`]; the sites are `planted(..)` in the core
//! and the journal.

use std::time::{Duration, Instant};

use ripcord_core::planted::choose;
use ripcord_core::time::Span;

use crate::config::{Config, VenueKind};
use crate::run::{run, tell};
use crate::scenario::Scenario;
use crate::shrink::shrink;

mod catalogue;
mod known;

pub use catalogue::BUGS;
pub use known::{Known, known, written};

/// A bug that is planted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bug {
    /// Its number in the sources.
    pub number: u16,
    /// Its word.
    pub word: &'static str,
    /// What it does wrong.
    pub what: &'static str,
    /// The promise that it breaks, and where it was seen before.
    pub breaks: &'static str,
}

/// The world that showed a bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct World {
    /// The venue, where the seed does not choose it.
    pub venue: Option<VenueKind>,
    /// The seed.
    pub seed: u64,
    /// How long it lasts.
    pub hours: i64,
    /// Whether a random half of the faults is left out.
    pub swarm: bool,
}

impl World {
    /// The `n`th world that a search looks at: all three venues, faults together and by halves.
    #[must_use]
    pub fn nth(n: u64) -> Self {
        let venue = VenueKind::ALL[usize::try_from(n % 3).expect("three venues")];
        Self { venue: Some(venue), seed: n, hours: 1, swarm: n % 2 == 1 }
    }

    fn config(self) -> Config {
        Config::of(self.seed, self.venue, Span::from_secs(self.hours * 3_600), self.swarm)
    }
}

/// What a world says about a bug: the promise that was broken, or nothing.
#[must_use]
pub fn look(bug: u16, world: World) -> Option<(String, String)> {
    choose(bug);
    let outcome = std::panic::catch_unwind(|| run(&world.config()));
    choose(0);
    match outcome {
        Ok(outcome) => outcome.violation.map(|it| (it.invariant.to_owned(), it.what)),
        Err(said) => {
            let said = said.downcast_ref::<String>().cloned();
            Some(("panic".to_owned(), said.unwrap_or_else(|| "the engine stopped".to_owned())))
        }
    }
}

/// The last `lines` of what happened in a world with a bug, and how it ended.
#[must_use]
pub fn story(bug: u16, world: World, lines: usize) -> Vec<String> {
    choose(bug);
    let (outcome, mut told) = tell(&world.config(), lines);
    choose(0);
    told.push(
        outcome
            .violation
            .map_or("nothing was broken".to_owned(), |it| format!("{}: {}", it.invariant, it.what)),
    );
    told
}

/// Whether a world shows a bug: it is spoilt with it, and fair without it.
#[must_use]
pub fn shows(bug: u16, world: World) -> Option<(String, String)> {
    let found = look(bug, world)?;
    look(0, world).is_none().then_some(found)
}

/// What a search came to.
#[derive(Debug, Clone)]
pub struct Found {
    /// The bug.
    pub bug: Bug,
    /// The world that showed it, the promise that was broken, and what was so.
    pub by: Option<(World, String, String)>,
    /// Worlds that were looked at.
    pub worlds: u64,
    /// How long it took.
    pub took: Duration,
}

/// Looks for a bug in world after world until one shows it, or the time is over.
#[must_use]
pub fn search(bug: Bug, most: Duration) -> Found {
    let started = Instant::now();
    let mut worlds = 0;
    while started.elapsed() < most {
        let world = World::nth(worlds);
        worlds += 1;
        if let Some((invariant, what)) = shows(bug.number, world) {
            return Found { bug, by: Some((world, invariant, what)), worlds, took: started.elapsed() };
        }
    }
    Found { bug, by: None, worlds, took: started.elapsed() }
}

/// Looks at the world that is known to show a bug.
#[must_use]
pub fn replay(bug: Bug) -> Found {
    let started = Instant::now();
    let known = known().into_iter().find(|known| known.number == bug.number);
    let by = known.and_then(|known| {
        let (invariant, what) = shows(bug.number, known.world)?;
        Some((known.world, invariant, what))
    });
    Found { bug, by, worlds: 1, took: started.elapsed() }
}

/// How many things happen in the world that is known to show a bug until it does, and in one from which everything
/// was left out that it does without. None where the engine stops, or no world is known.
#[must_use]
pub fn shrunk(bug: Bug, within: Duration) -> Option<(usize, usize)> {
    let known = known().into_iter().find(|known| known.number == bug.number)?;
    choose(bug.number);
    let of = std::panic::catch_unwind(|| {
        let config = known.world.config();
        let violation = run(&config).violation?;
        let drawn = Scenario::drawn(&config);
        let until = drawn.moves.iter().filter(|step| step.at <= violation.at).count();
        Some((until, shrink(&drawn, &violation, within).moves.len()))
    });
    choose(0);
    of.ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_becomes_small_enough_to_read() {
        let bug = BUGS.iter().find(|bug| bug.word == "stop_of_first_size").expect("it is planted");
        let (before, after) = shrunk(*bug, Duration::from_secs(60)).expect("its world shows it");
        assert!(after <= 30 && after < before, "{before} -> {after}");
    }

    #[test]
    fn numbers_and_words_are_unique_and_every_known_world_is_of_a_bug() {
        assert!(BUGS.len() >= 100);
        for (bug, number) in BUGS.iter().zip(1..) {
            assert_eq!(bug.number, number, "{}", bug.word);
            assert!(BUGS.iter().filter(|other| other.word == bug.word).count() == 1, "{}", bug.word);
        }
        assert!(known().iter().all(|known| BUGS.iter().any(|bug| bug.number == known.number)));
        // A build plays what is known: none may drop out of it.
        for bug in BUGS {
            assert!(
                known().iter().any(|known| known.number == bug.number),
                "{}: no world shows it",
                bug.word
            );
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let world = World { venue: Some(VenueKind::Hedge), seed: 7, hours: 1, swarm: true };
        let all = vec![Known { number: 3, world, invariant: "S4".to_owned() }];
        assert_eq!(known::read(&written(&all)), all);
    }

    #[test]
    fn an_engine_without_a_bug_has_none_after_one_with() {
        let world = World::nth(0);
        let before = look(0, world);
        drop(look(119, world));
        assert_eq!(look(0, world), before);
    }
}
