use ripcord_core::time::Timestamp;
use ripcord_journal::{Journal, JournalEntry, Kind};
use ripcord_store::{Reader, Store, StoreError};

use crate::support::{INSTALLATION, OPENING, Place, fact, instrument};

#[test]
fn what_was_committed_is_read_back_by_the_next_process() {
    let place = Place::new();
    let mut store = place.create();
    store.append(Timestamp(5), &[instrument(), fact(1), fact(2)]).expect("memory");
    let head = store.commit().expect("durable");
    assert_eq!((head.seq, head.epoch), (5, 1), "founded, taken, and three");
    drop(store);

    let (store, recovery) = Store::open(&place.file(), &OPENING).expect("a store");
    assert_eq!((recovery.head, recovery.checked, recovery.cut), (head, 5, None));
    assert_eq!((store.head().seq, store.head().epoch), (6, 2), "the process that took over is written down");
    drop(store);
    let entries = place.entries();
    assert_eq!(entries[2..5], [instrument(), fact(1), fact(2)]);
    let JournalEntry::Founded(founded) = &entries[0] else { panic!("{:?}", entries[0]) };
    assert_eq!((founded.installation, founded.scope), (INSTALLATION, 3));
}

#[test]
fn what_was_not_committed_is_not_there() {
    let place = Place::new();
    let mut store = place.create();
    store.append(Timestamp(5), &[fact(1)]).expect("memory");
    drop(store);
    assert_eq!(place.entries().len(), 2);
}

#[test]
fn all_records_of_a_kind_are_found_without_the_rest() {
    let place = Place::new();
    let mut store = place.create();
    store.append(Timestamp(5), &[fact(1), instrument(), fact(2)]).expect("memory");
    store.commit().expect("durable");
    let reader = Reader::open(&place.file()).expect("a reader beside the writer");
    let mut seqs = Vec::new();
    let found = reader.records(4, Some(Kind::Observed), |sealed| {
        seqs.push(sealed.envelope.seq);
        Ok::<(), StoreError>(())
    });
    found.expect("readable");
    assert_eq!(seqs, [5]);
}
