//! One seed, from its beginning to its verdict.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ripcord_core::time::Span;
use serde::Serialize;

use crate::config::Config;
use crate::fault::FaultKind;
use crate::oracle::Violation;
use crate::script::{self, Move, START};
use crate::tale::Tale;
use crate::world::World;

/// What became of a world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// The first thing that must not be, and was.
    pub violation: Option<Violation>,
    /// Everything that happened, in one number.
    pub trace: u64,
    /// Steps of anything.
    pub steps: u64,
    /// How long the world lasted.
    pub lasted: Span,
    /// How often each fault happened.
    pub fired: BTreeMap<FaultKind, u64>,
    /// What was seen, and how often.
    pub seen: BTreeMap<&'static str, u64>,
}

/// Plays the world of a configuration.
#[must_use]
pub fn run(config: &Config) -> Outcome {
    play(config, &script::draw(config))
}

/// Plays it, and tells the last `lines` of what happened.
#[must_use]
pub fn tell(config: &Config, lines: usize) -> (Outcome, Vec<String>) {
    play_and_tell(config, &script::draw(config), lines)
}

/// Plays a script, and tells the last `lines` of what happened.
pub(crate) fn play_and_tell(config: &Config, script: &[Move], lines: usize) -> (Outcome, Vec<String>) {
    let mut world = World::new(config);
    world.tale = Tale::of(lines);
    world.play_all(script);
    let told = std::mem::take(&mut world.tale).lines();
    (outcome(config, world), told)
}

/// Plays a script in the world of a configuration.
pub(crate) fn play(config: &Config, script: &[Move]) -> Outcome {
    let played = catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(config);
        world.play_all(script);
        outcome(config, world)
    }));
    played.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let what = text.unwrap_or_else(|| "it panicked".to_owned());
        let at = script.last().map_or(START, |step| step.at);
        Outcome {
            seed: config.seed,
            violation: Some(Violation { at, key: None, invariant: "PANIC", what }),
            trace: 0,
            steps: 0,
            lasted: Span::ZERO,
            fired: BTreeMap::new(),
            seen: BTreeMap::new(),
        }
    })
}

fn outcome(config: &Config, mut world: World<'_>) -> Outcome {
    let lasted = world.lasted();
    let (trace, steps, fired) = (world.trace.digest(), world.steps, std::mem::take(&mut world.fired));
    let (violation, seen) = world.oracle.verdict();
    Outcome { seed: config.seed, violation, trace, steps, lasted, fired, seen }
}

/// What many worlds saw together.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Totals {
    /// Worlds.
    pub worlds: u64,
    /// Steps of anything.
    pub steps: u64,
    /// How long they lasted together, in seconds.
    pub seconds: u64,
    /// How often each fault happened.
    pub fired: BTreeMap<FaultKind, u64>,
    /// What was seen, and how often.
    pub seen: BTreeMap<&'static str, u64>,
    /// All traces, in the order of the worlds, in one number.
    pub trace: u64,
}

impl Totals {
    /// One world more, in their order.
    pub fn add(&mut self, outcome: &Outcome) {
        self.worlds += 1;
        self.steps += outcome.steps;
        self.seconds += outcome.lasted.0.unsigned_abs() / 1_000_000_000;
        for (kind, times) in &outcome.fired {
            *self.fired.entry(*kind).or_default() += times;
        }
        for (word, times) in &outcome.seen {
            *self.seen.entry(word).or_default() += times;
        }
        self.trace = (self.trace ^ outcome.trace).wrapping_mul(0x0000_0100_0000_01B3).rotate_left(23);
    }
}
