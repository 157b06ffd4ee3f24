//! Each model holds at its small bound, and is as large as it was; each broken one is found.

use ripcord_models::lives::OrderLives;
use ripcord_models::run::{Way, explore, explore_lives};
use ripcord_models::setup::{broken, full, small};

const WAY: Way = Way { threads: 1, shortest: false, states_max: usize::MAX };

/// A model that explores less than it did would hold as well.
#[track_caller]
fn holds(name: &str, unique: usize) {
    let setup = small().into_iter().find(|setup| setup.name == name).expect("a model of that name");
    let outcome = explore(setup, WAY, |_| {});
    assert!(outcome.holds(), "{name}: {:?}", outcome.violated);
    assert_eq!(outcome.unique, unique, "{name}: other states than before; say why, and count again");
    assert!(outcome.healed > 0, "{name}: no quiet state was healed");
}

#[test]
fn an_exit_overrides_the_stop_on_futures() {
    holds("futures", 40_005);
}

#[test]
fn an_exit_overrides_the_stop_on_coins() {
    holds("spot", 28_942);
}

#[test]
fn a_target_and_a_stop_share_lots_on_futures() {
    holds("oco", 620_694);
}

#[test]
fn a_target_and_a_stop_share_coins() {
    holds("oco-spot", 89_205);
}

#[test]
fn a_stop_follows_the_price_the_new_one_first() {
    holds("moves", 4_020);
}

#[test]
fn two_owners_of_futures_overlap() {
    holds("lease", 185_776);
}

#[test]
fn two_owners_of_coins_overlap() {
    holds("lease-spot", 19_405);
}

#[test]
fn it_dies_between_any_two_words_on_futures() {
    holds("recovery", 88_794);
}

#[test]
fn it_dies_between_any_two_words_on_coins() {
    holds("recovery-spot", 7_744);
}

#[test]
fn answers_in_any_order_make_the_same_of_orders() {
    let outcome = explore_lives(OrderLives::SMALL, WAY, |_| {});
    assert!(outcome.holds(), "{:?}", outcome.violated);
    assert_eq!(outcome.unique, 206_370);
}

#[test]
fn what_is_broken_is_found() {
    let way = Way { shortest: true, ..WAY };
    for control in broken() {
        let outcome = explore(control.setup, way, |_| {});
        assert!(control.is_found(&outcome), "{}: {:?}", control.what, outcome.violated);
    }
}

#[test]
fn the_full_bounds_hold_for_every_model_of_the_small_ones() {
    let (small, full) = (small(), full());
    for setup in &small {
        assert!(full.iter().any(|other| other.name == setup.name), "{} has no full bound", setup.name);
    }
    for setup in &full {
        assert!(small.iter().any(|other| other.name == setup.name), "{} has no small bound", setup.name);
    }
}
