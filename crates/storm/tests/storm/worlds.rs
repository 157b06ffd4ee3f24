//! Worlds full of faults: nothing that must not be, and everything that must be seen now and then.

use rayon::prelude::*;
use ripcord_core::time::Span;
use ripcord_storm::{Config, Outcome, SOMETIMES, Totals, VenueKind, run};

const HOUR: Span = Span::from_secs(3_600);
/// Whole days are for an engine that is optimised: that which can have bugs and has none.
const WORLDS: (u64, Span) =
    if cfg!(feature = "planted") { (200, Span::from_secs(86_400)) } else { (60, Span::from_secs(6 * 3_600)) };

fn outcomes(seeds: std::ops::Range<u64>, lasts: Span) -> Vec<Outcome> {
    // Every other world lacks half of the faults: they hide each other.
    let world = |seed: u64| run(&Config::of(seed, None, lasts, seed % 2 == 1));
    seeds.into_par_iter().map(world).collect()
}

#[test]
fn worlds_see_nothing_that_must_not_be() {
    let mut totals = Totals::default();
    let mut failed = Vec::new();
    for outcome in outcomes(0..WORLDS.0, WORLDS.1) {
        totals.add(&outcome);
        if let Some(violation) = outcome.violation {
            failed.push((outcome.seed, violation.invariant));
        }
    }
    assert_eq!(failed, []);
    let never: Vec<&&str> = SOMETIMES.iter().filter(|word| !totals.seen.contains_key(**word)).collect();
    assert!(never.is_empty(), "never seen: {never:?}");
    let silent: Vec<_> =
        ripcord_storm::FaultKind::ALL.iter().filter(|kind| !totals.fired.contains_key(kind)).collect();
    assert!(silent.is_empty(), "never happened: {silent:?}");
    let faults: u64 = totals.fired.values().sum();
    assert!(faults > totals.seconds / 60, "{faults} faults in {} minutes", totals.seconds / 60);
}

#[test]
fn the_same_seed_is_the_same_world_on_every_machine() {
    let mut totals = Totals::default();
    for seed in 0..12 {
        let config = Config::of(seed, None, HOUR, false);
        let (first, again) = (run(&config), run(&config));
        assert_eq!(first, again, "seed {seed}");
        totals.add(&first);
    }
    // Whoever changes what the engine does, or the worlds, writes the new number here.
    assert_eq!(format!("{:016x}", totals.trace), include_str!("golden.txt").trim());
}

#[test]
fn each_kind_of_venue_has_its_worlds() {
    for venue in VenueKind::ALL {
        let config = Config::of(7, Some(venue), HOUR, false);
        assert_eq!(config.venue, venue);
        let outcome = run(&config);
        assert_eq!(outcome.violation, None, "{venue:?}");
        assert!(outcome.seen.contains_key("closed"), "{venue:?}: nothing was closed");
    }
}
