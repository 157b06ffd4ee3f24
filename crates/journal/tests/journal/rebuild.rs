//! A journal says the same again; one that was bent does not, and the place is told.

use ripcord_core::event::{Entry, Record};
use ripcord_core::num::Qty;
use ripcord_journal::{JournalEntry, RebuildError, Rebuilder, Rebuilt};

use crate::world::{World, count};

fn rebuild(journal: &[JournalEntry]) -> Result<Rebuilt, RebuildError> {
    follow(Rebuilder::new(), 0, journal)
}

fn follow(mut rebuilder: Rebuilder, before: u64, journal: &[JournalEntry]) -> Result<Rebuilt, RebuildError> {
    for (seq, entry) in (before + 1..).zip(journal) {
        rebuilder.next(seq, entry.clone())?;
    }
    rebuilder.finish()
}

fn state(core: &ripcord_core::Coordinator) -> String {
    serde_json::to_string(&core.snapshot()).expect("a snapshot is data")
}

#[test]
fn the_journal_alone_brings_back_records_orders_and_state() {
    let mut orders = 0;
    for seed in 0..60 {
        let mut world = World::new(seed);
        for _ in 0..4 {
            world.play(200);
            world.checkpoint();
        }
        let rebuilt = rebuild(&world.journal).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let facts = world.journal.len() as u64 - 4;
        let stretches = count(&world.journal, |record| matches!(record, Record::Observed(_))) as u64;
        let intended = count(&world.journal, |record| matches!(record, Record::OrderIntended(_))) as u64;
        assert_eq!(rebuilt.facts_equal, facts - stretches, "seed {seed}");
        assert_eq!(rebuilt.orders_equal, intended, "seed {seed}");
        assert_eq!(state(&rebuilt.coordinator), state(&world.core), "seed {seed}");
        orders += intended;
    }
    assert!(orders > 1_000, "only {orders} orders: the worlds are too quiet");
}

#[test]
fn a_snapshot_and_what_follows_are_the_whole_journal() {
    for seed in 0..60 {
        let mut world = World::new(seed);
        world.play(300);
        world.checkpoint();
        let (at, snapshot) = (world.journal.len(), world.core.snapshot());
        world.play(300);
        world.checkpoint();
        let mut rebuilder = Rebuilder::from_snapshot(at as u64, snapshot).expect("our own version");
        for (seq, entry) in (1..).zip(&world.journal[..at]) {
            rebuilder.next(seq, entry.clone()).expect("facts up to the snapshot are passed over");
        }
        let rebuilt = follow(rebuilder, at as u64, &world.journal[at..]);
        let rebuilt = rebuilt.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let whole = rebuild(&world.journal).expect("the journal is whole");
        assert_eq!(state(&rebuilt.coordinator), state(&whole.coordinator), "seed {seed}");
        assert_eq!((rebuilt.instruments, rebuilt.plans), (whole.instruments, whole.plans));
    }
}

fn played() -> Vec<JournalEntry> {
    let mut world = World::new(5);
    world.play(600);
    world.checkpoint();
    world.journal
}

fn find(journal: &[JournalEntry], wanted: fn(&Record) -> bool) -> usize {
    let is =
        |entry: &JournalEntry| matches!(entry, JournalEntry::Fact(Entry { record, .. }) if wanted(record));
    journal.iter().position(is).expect("the world is not that quiet")
}

#[test]
fn the_first_difference_is_told_with_its_record_and_both_sides() {
    let mut journal = played();
    let at = find(&journal, |record| matches!(record, Record::OrderIntended(_)));
    if let JournalEntry::Fact(Entry { record: Record::OrderIntended(order), .. }) = &mut journal[at] {
        order.qty = Qty(order.qty.0 + 1);
    }
    let RebuildError::Differs { seq, recorded: Some(recorded), replayed: Some(replayed) } =
        rebuild(&journal).expect_err("it was bent")
    else {
        panic!("both sides are told")
    };
    assert_eq!(seq, at as u64 + 1);
    let (Record::OrderIntended(recorded), Record::OrderIntended(replayed)) =
        (recorded.record, replayed.record)
    else {
        panic!("both are intents")
    };
    assert_eq!(recorded.qty.0, replayed.qty.0 + 1);
}

#[test]
fn a_record_that_the_core_does_not_say_is_told() {
    let mut journal = played();
    let at = find(&journal, |record| matches!(record, Record::ExitDecided(_)));
    journal.insert(at, journal[at].clone());
    let error = rebuild(&journal).expect_err("it was bent");
    assert!(matches!(error, RebuildError::Differs { seq, .. } if seq == at as u64 + 2), "{error}");
}

#[test]
fn a_journal_that_ends_within_a_step_is_told() {
    let journal = played();
    let at = find(&journal, |record| matches!(record, Record::OrderIntended(_)));
    let error = rebuild(&journal[..at]).expect_err("the step goes on");
    let RebuildError::Differs { seq, recorded: None, replayed: Some(replayed) } = error else {
        panic!("{error}")
    };
    assert_eq!(seq, at as u64 + 1);
    assert!(matches!(replayed.record, Record::OrderIntended(_)));
}

#[test]
fn a_plan_without_its_instrument_is_told() {
    let journal = played();
    let error = rebuild(&journal[1..]).expect_err("the instrument is missing").to_string();
    assert_eq!(error, "record 1: plan \"swing\": no instrument 0 stands before it");
}
