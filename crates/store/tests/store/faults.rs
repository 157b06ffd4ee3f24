//! Disks that fail: an error is never taken for success, and ends the store until it is opened again.

use ripcord_core::time::Timestamp;
use ripcord_journal::{Journal, JournalEntry};
use ripcord_store::{Opening, Store, StoreError};

use crate::support::{OPENING, Place, entries, fact};
use crate::vfs::{Failure, Vfs};

/// What a run under faults came to.
struct Ended {
    /// The last record that was acknowledged.
    acknowledged: usize,
    /// Everything that was handed over, acknowledged or not.
    meant: Vec<JournalEntry>,
    failed: bool,
}

/// Commits until an error; behind it, nothing may be acknowledged.
fn work(place: &Place, vfs: &Vfs) -> Ended {
    let mut meant = place.entries();
    let mut ended = Ended { acknowledged: meant.len(), meant: Vec::new(), failed: true };
    let opening = Opening { vfs: Some(&vfs.name), ..OPENING };
    let Ok((mut store, _)) = Store::open(&place.file(), &opening) else {
        // The takeover may be on the disk all the same.
        ended.meant = meant;
        return ended;
    };
    meant.push(taken(&store));
    ended.acknowledged = meant.len();
    for commit in 0..8_i64 {
        let facts: Vec<_> = (0..commit * 7 % 11).map(|number| fact(commit * 100 + number)).collect();
        meant.extend(facts.iter().cloned());
        store.append(Timestamp(commit), &facts).expect("memory does not fail");
        let done =
            if commit == 5 { store.commit().and_then(|_| store.tidy()) } else { store.commit().map(drop) };
        if let Err(error) = done {
            refuses_everything(&mut store, &error);
            ended.meant = meant;
            return ended;
        }
        ended.acknowledged = meant.len();
    }
    ended.failed = false;
    ended.meant = meant;
    ended
}

fn taken(store: &Store) -> JournalEntry {
    let sql = "SELECT payload FROM journal ORDER BY seq DESC LIMIT 1";
    let payload: Vec<u8> = store.connection().query_row(sql, [], |row| row.get(0)).expect("a record");
    ripcord_journal::payload::decode(2, 1, Timestamp(0), &payload).expect("it took over")
}

fn refuses_everything(store: &mut Store, error: &StoreError) {
    let before = store.head();
    for refused in [
        store.append(Timestamp(9), &[fact(9)]).expect_err("poisoned"),
        store.commit().expect_err("poisoned"),
        store.tidy().expect_err("poisoned"),
    ] {
        assert!(
            matches!(&refused, StoreError::Poisoned { why, .. } if *why == error.to_string()),
            "{refused}"
        );
    }
    assert_eq!(store.head(), before, "nothing more is acknowledged");
}

fn every_operation(failure: Failure, lasting: bool) {
    let vfs = Vfs::register(&format!("faults {failure:?} {lasting}"));
    let (mut failures, mut number) = (0, 1);
    loop {
        let place = Place::new();
        drop(place.create());
        vfs.with(|state| (state.count, state.fail) = (0, Some((number, failure, lasting))));
        let ended = work(&place, &vfs);
        let reached = vfs.with(|state| {
            state.fail = None;
            state.count >= number
        });
        let what = format!("{failure:?} of operation {number}");
        // A fault may also fall into closing the file: nothing was asked of the store any more.
        failures += usize::from(ended.failed);
        let reopened = Store::open(&place.file(), &OPENING);
        drop(reopened.unwrap_or_else(|error| panic!("{what}: {error}")));
        let mut found = entries(&place.file()).unwrap_or_else(|error| panic!("{what}: {error}"));
        found.pop();
        let both = found.len().min(ended.meant.len());
        assert!(found.len() >= ended.acknowledged, "{what}: {} of {}", found.len(), ended.acknowledged);
        assert_eq!(found[..both], ended.meant[..both], "{what}");
        let takeovers = found[both..].iter().all(|entry| matches!(entry, JournalEntry::Taken(_)));
        assert!(takeovers && found.len() <= both + 1, "{what}: more than was handed over");
        if !reached {
            break;
        }
        number += 1;
    }
    assert!(failures > 30, "only {failures} runs failed");
}

#[test]
fn an_error_of_any_write_sync_or_truncation_ends_the_store_and_loses_nothing() {
    every_operation(Failure::Error, false);
}

#[test]
fn a_device_that_fails_from_some_operation_on_loses_nothing() {
    every_operation(Failure::Error, true);
}

#[test]
fn a_disk_that_is_full_loses_nothing() {
    every_operation(Failure::Full, true);
}

#[test]
fn a_torn_write_loses_nothing() {
    every_operation(Failure::Torn, false);
}

#[test]
fn an_operation_that_is_reported_as_failed_but_was_done_loses_nothing() {
    every_operation(Failure::Lied, false);
}
