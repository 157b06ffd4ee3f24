//! Snapshots with a hash that is right, and a journal behind them: taken, or refused, never a panic.

use ripcord_core::event::{Entry, Event, Record};
use ripcord_core::snapshot::SNAPSHOT_VERSION;
use ripcord_core::time::Timestamp;
use ripcord_journal::{Hash, JournalEntry, Rebuilder, SealedSnapshot};

pub(crate) fn run(data: &[u8]) {
    let sealed = sealed(data.to_vec());
    let Ok(state) = sealed.open(Hash::ZERO) else { return };
    assert_eq!(
        SealedSnapshot::seal(7, Hash::ZERO, &state).expect("it was read").open(Hash::ZERO),
        Ok(state.clone())
    );
    let Ok(mut rebuilder) = Rebuilder::from_snapshot(7, state) else { return };
    for (seq, at) in [(8, 0), (9, 1_000_000_000), (10, 60_000_000_000)] {
        let fact = Entry { at: Timestamp(at), record: Record::Input(Event::Timer) };
        if rebuilder.next(seq, JournalEntry::Fact(fact)).is_err() {
            return;
        }
    }
    drop(rebuilder.finish());
}

/// As the journal keeps it: the hash covers number, version, record and body.
fn sealed(body: Vec<u8>) -> SealedSnapshot {
    let mut bytes = 7_u64.to_le_bytes().to_vec();
    bytes.extend(SNAPSHOT_VERSION.to_le_bytes());
    bytes.extend(Hash::ZERO.0);
    bytes.extend(&body);
    SealedSnapshot { seq: 7, version: SNAPSHOT_VERSION, record: Hash::ZERO, body, hash: Hash::of(&bytes) }
}
