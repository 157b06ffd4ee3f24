//! One seed, from its beginning to its verdict.

use std::collections::BTreeMap;

use ripcord_core::time::Span;
use serde::Serialize;

use crate::config::Config;
use crate::fault::FaultKind;
use crate::oracle::Violation;
use crate::script::{self, Move};
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
    let mut world = World::new(config);
    world.tale = Tale::of(lines);
    world.play_all(&script::draw(config));
    let told = std::mem::take(&mut world.tale).lines();
    (outcome(config, world), told)
}

/// Plays a script in the world of a configuration.
pub(crate) fn play(config: &Config, script: &[Move]) -> Outcome {
    let mut world = World::new(config);
    world.play_all(script);
    outcome(config, world)
}

fn outcome(config: &Config, mut world: World<'_>) -> Outcome {
    let lasted = world.lasted();
    let (trace, steps, fired) = (world.trace.digest(), world.steps, std::mem::take(&mut world.fired));
    let (violation, seen) = world.oracle.verdict();
    Outcome { seed: config.seed, violation, trace, steps, lasted, fired, seen }
}
