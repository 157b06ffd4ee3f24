//! Properties over random worlds. Each failure prints the seed that reproduces it.

use std::collections::BTreeMap;

use crate::cases::Case;
use crate::oracle::Oracle;
use crate::random::Random;

const CASES: u64 = 2_000;

#[test]
fn exits_and_stops_are_those_of_the_oracle() {
    let mut exits_seen = 0;
    for seed in 0..CASES {
        let case = Case::random(&mut Random::new(seed), 200);
        let mut world = case.world();
        world.venue.mood.generous = true;
        let exits = case.exits(&mut world);
        let mut oracle = Oracle::new(&case);
        oracle.run();
        let first = exits.iter().zip(&oracle.exits).position(|(a, b)| a != b).unwrap_or(exits.len().min(oracle.exits.len()));
        assert!(
            exits == oracle.exits,
            "seed {seed}: exit {first} differs\n engine {:?}\n oracle {:?}\n{}",
            exits.get(first),
            oracle.exits.get(first),
            crate::properties::story(&case, exits.get(first).or(oracle.exits.get(first)))
        );
        let stops: BTreeMap<_, _> = world
            .core
            .view()
            .positions()
            .map(|view| (view.episode, (view.stop.map(|(stop, _)| stop), view.trailing_stop)))
            .collect();
        assert_eq!(stops, oracle.stops(), "seed {seed}: the stops at the end differ");
        exits_seen += exits.len();
    }
    assert!(exits_seen > CASES as usize * 3, "only {exits_seen} exits: the cases are too quiet");
}

/// What a failure is about: the plan and the opening of the position concerned.
fn story(case: &Case, exit: Option<&crate::cases::Exit>) -> String {
    let Some(exit) = exit else { return String::new() };
    let openings = case.script[..=exit.at].iter().enumerate().filter_map(|(at, (_, what))| match what {
        crate::cases::Move::Open(opening) if opening.key == exit.episode.key => {
            Some(format!("opened by move {at}: {opening:?}\n{:?}\n", case.plans[opening.plan.0 as usize]))
        }
        _ => None,
    });
    let market = &case.markets[exit.episode.key.instrument.0 as usize];
    format!("{market:?}\n{}", openings.collect::<String>())
}
