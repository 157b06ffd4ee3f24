//! Properties over random worlds. Each failure prints the seed that reproduces it.

use std::collections::BTreeMap;

use crate::cases::Case;
use crate::oracle::Oracle;
use crate::random::Random;

const CASES: u64 = 60_000;

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
            story(&case, exits.get(first).into_iter().chain(oracle.exits.get(first)).min())
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
    let prices = case.script[..=exit.at].iter().enumerate().filter_map(|(at, (now, what))| match what {
        crate::cases::Move::Price(instrument, source, price) if *instrument == exit.episode.key.instrument => {
            Some(format!("{at}: {} {source:?} {}; ", now.0 / 1_000_000_000 % 1_000_000, price.0))
        }
        _ => None,
    });
    format!("{market:?}\n{}{}", openings.collect::<String>(), prices.collect::<String>())
}
#[test]
fn debug_seed() {
    let seed = std::env::var("SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(78);
    let acc: u32 = std::env::var("ACC").ok().and_then(|s| s.parse().ok()).unwrap_or(15);
    let case = Case::random(&mut Random::new(seed), 200);
    let mut world = case.world();
    world.venue.mood.generous = true;
    for at in 0..case.script.len() {
        let before = world.records.len();
        case.play(&mut world, at);
        for e in &world.records[before..] {
            let s = format!("{:?}", e.record);
            if s.contains(&format!("AccountId({acc})")) || s.contains("BarClosed") { println!("{at} {s}"); }
        }
    }
}
