//! How positions are covered, in random worlds and at every step: against what is held, against the
//! venue's own books, and the state against the records.

use std::collections::BTreeMap;

use ripcord_core::coverage::Coverage;
use ripcord_core::kill::KillLevel;
use ripcord_core::num::Qty;
use ripcord_core::position::Phase;
use ripcord_core::reason::Reason;
use ripcord_core::view::{Cover, Protection, Totals, WorstCase};

use crate::cases::{Case, Move};
use crate::random::Random;
use crate::scenario::cover::Registered;
use crate::world::World;

/// Plays wild worlds and looks at each position behind every move.
fn look(worlds: std::ops::Range<u64>, mut at: impl FnMut(u64, &World, &Protection)) {
    for seed in worlds {
        let case = Case::wild(&mut Random::new(seed), 150);
        let mut world = case.world();
        for step in 0..case.script.len() {
            case.play(&mut world, step);
            for of in world.core.view().protections() {
                at(seed, &world, &of);
            }
        }
    }
}

#[test]
fn covered_and_armed_and_naked_are_what_is_held() {
    let mut seen: BTreeMap<Cover, u32> = BTreeMap::new();
    look(0..300, |seed, world, of| {
        assert_eq!(of.covered.0 + of.armed_only.0 + of.naked.0, of.held.0, "seed {seed}: {of:?}");
        assert!(of.covered.0 >= 0 && of.armed_only.0 >= 0 && of.naked.0 >= 0, "seed {seed}: {of:?}");
        let view = world.core.view().position(of.episode.key).expect("it is held");
        assert_eq!((view.episode, view.qty), (of.episode, of.held), "seed {seed}");
        let is_stopped = world
            .core
            .view()
            .kill_levels()
            .any(|(account, level)| account == of.episode.key.account && level == KillLevel::Silent);
        let acts = of.rule.is_some() || (of.closing.is_some() && !is_stopped);
        assert_eq!(of.naked.0 > 0, of.covered < of.held && !acts, "seed {seed}: {of:?}");
        assert!(!is_stopped || of.rule.is_none(), "seed {seed}: {of:?}");
        *seen.entry(of.cover).or_default() += 1;
    });
    for cover in [Cover::AsPlanned, Cover::Dust, Cover::Closing, Cover::StopMissing, Cover::Naked] {
        assert!(seen.get(&cover) >= Some(&50), "{cover:?} is too rare: {seen:?}");
    }
}

/// Where every answer has arrived, the venue itself says whether it holds a stop.
#[test]
fn what_is_said_to_be_covered_rests_in_the_books_of_the_venue() {
    let (mut compared, mut covered) = (0, 0);
    for seed in 0..300 {
        let mut case = Case::wild(&mut Random::new(seed), 150);
        // Answers that never come leave both sides with different books for ever.
        for (_, what) in &mut case.script {
            if let Move::Mood(mood, _) = what {
                mood.drop = 0;
            }
        }
        let mut world = case.world();
        for step in 0..case.script.len() {
            case.play(&mut world, step);
            if !world.venue.is_quiet() {
                continue;
            }
            for of in world.core.view().protections() {
                let resting = world.venue.stops(of.episode).max().unwrap_or(0);
                assert!(of.covered.0 <= resting, "seed {seed} move {step}: {resting} rest, {of:?}");
                let failed = of.closing == Some(Reason::ProtectionFailed);
                if !failed {
                    assert_eq!(of.covered.0, resting.min(of.held.0), "seed {seed} move {step}: {of:?}");
                }
                compared += 1;
                covered += i32::from(of.covered.0 > 0);
            }
        }
    }
    assert!(compared > 20_000 && covered > 4_000, "{covered} of {compared} were covered");
}

#[test]
fn the_records_say_the_same_as_the_state() {
    let (mut naked, mut covered) = (0, 0);
    for seed in 200..500 {
        let case = Case::wild(&mut Random::new(seed), 150);
        let (mut world, mut coverage, mut read) = (case.world(), Coverage::default(), 0);
        for step in 0..case.script.len() {
            case.play(&mut world, step);
            for entry in &world.records[read..] {
                coverage.take(entry, &Registered(world.core.view()));
            }
            read = world.records.len();
            let held: Vec<Protection> = world.core.view().protections().collect();
            assert_eq!(coverage.held().count(), held.len(), "seed {seed} move {step}");
            for of in held {
                let told = coverage.of(of.episode).expect("it was opened");
                let is_bare = of.closable.0 > 0 && of.covered < of.closable;
                assert_eq!(
                    told.naked.since().is_some(),
                    is_bare && of.wants_stop,
                    "seed {seed} move {step}: {of:?}\n{told:?}"
                );
                assert_eq!(told.confirmed_at.is_some(), of.closable.0 > 0 && !is_bare, "seed {seed}: {of:?}");
                assert_eq!(
                    told.unprotected.since().is_some(),
                    is_bare && of.naked.0 > 0,
                    "seed {seed} move {step}: {of:?}\n{told:?}"
                );
                if of.closing.is_some() {
                    assert_eq!(told.decided.map(|(_, reason)| reason), of.closing, "seed {seed}: {of:?}");
                }
                naked += i32::from(told.naked.since().is_some());
                covered += i32::from(told.confirmed_at.is_some());
            }
        }
    }
    assert!(naked > 1_000 && covered > 4_000, "{naked} naked, {covered} covered");
}

#[test]
fn with_us_it_is_never_worse_than_without_us() {
    let mut bounded = 0;
    look(0..200, |seed, _, of| {
        let money = |worst: WorstCase| worst.bounded().map_or(i128::MIN, |money| money.0);
        assert!(money(of.worst_with_us) >= money(of.worst_without_us), "seed {seed}: {of:?}");
        let is_whole = of.covered >= of.closable && of.closable.0 > 0;
        assert_eq!(of.worst_without_us.bounded().is_some(), is_whole, "seed {seed}: {of:?}");
        bounded += i32::from(is_whole);
    });
    assert!(bounded > 2_500, "only {bounded} were bounded");
}

#[test]
fn sums_are_those_of_the_positions_and_of_the_accounts() {
    for seed in 0..60 {
        let case = Case::wild(&mut Random::new(seed), 150);
        let mut world = case.world();
        for step in 0..case.script.len() {
            case.play(&mut world, step);
            let all: Vec<Protection> = world.core.view().protections().collect();
            let total = Totals::of(&all);
            assert_eq!(total.positions as usize, world.core.view().held());
            let is_closing = |of: &&Protection| {
                let view = world.core.view().position(of.episode.key);
                view.is_some_and(|view| view.phase == Phase::Closing)
            };
            assert_eq!(total.closing as usize, all.iter().filter(is_closing).count(), "seed {seed}");
            let accounts = Totals::by_account(&all);
            let positions: u32 = accounts.values().map(|of| of.positions).sum();
            let value: i128 = accounts.values().map(|of| of.value.0).sum();
            let short: u32 = accounts.values().map(|of| of.short).sum();
            assert_eq!((positions, value, short), (total.positions, total.value.0, total.short));
            assert!(
                total.value_covered <= total.value && all.iter().all(|of| of.covered <= of.held.max(Qty(0)))
            );
        }
    }
}
