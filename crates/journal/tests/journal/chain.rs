//! A journal that was changed is found out, at the place and by what was done to it.

use ripcord_core::time::Timestamp;
use ripcord_journal::entry::{Founded, InstallationId, Settings, Taken};
use ripcord_journal::{
    Chain, ChainError, Envelope, Fault, FaultKind, Hash, Head, Journal, JournalEntry, MemoryJournal,
    PayloadError, Sealed, Verifier,
};

use crate::samples::samples;

fn records() -> Vec<Sealed> {
    let mut chain = Chain::new(9, Head::default());
    samples().iter().map(|entry| chain.seal(Timestamp(1), entry).expect("sound")).collect()
}

fn verify(records: &[Sealed]) -> Result<Head, Fault> {
    let mut verifier = Verifier::new();
    for sealed in records {
        verifier.next(sealed)?;
    }
    Ok(verifier.head())
}

/// Seals a record again after a change: the work of a forger who knows the format.
fn reseal(records: &mut [Sealed], at: usize, change: impl FnOnce(&mut Envelope)) {
    change(&mut records[at].envelope);
    records[at].hash = records[at].envelope.hash();
}

#[test]
fn every_single_bit_of_a_record_is_covered_by_its_hash() {
    let records = records();
    let sealed = &records[2];
    let (envelope, flip) =
        (&sealed.envelope, |bytes: &mut [u8], bit: usize| bytes[bit / 8] ^= 1 << (bit % 8));
    let mut changed = Vec::new();
    for bit in 0..64 {
        changed.push(Envelope { seq: envelope.seq ^ 1 << bit, ..envelope.clone() });
        changed.push(Envelope { epoch: envelope.epoch ^ 1 << bit, ..envelope.clone() });
        changed.push(Envelope { at: Timestamp(envelope.at.0 ^ 1 << bit), ..envelope.clone() });
    }
    changed.extend((0..32).map(|bit| Envelope { scope: envelope.scope ^ 1 << bit, ..envelope.clone() }));
    for bit in 0..16 {
        changed.push(Envelope { kind: envelope.kind ^ 1 << bit, ..envelope.clone() });
        changed.push(Envelope { version: envelope.version ^ 1 << bit, ..envelope.clone() });
    }
    for bit in 0..256 {
        let mut other = envelope.clone();
        flip(&mut other.config.0, bit);
        changed.push(other);
        let mut other = envelope.clone();
        flip(&mut other.previous.0, bit);
        changed.push(other);
    }
    for bit in 0..envelope.payload.len() * 8 {
        let mut other = envelope.clone();
        flip(&mut other.payload, bit);
        changed.push(other);
    }
    assert!(changed.len() > 900);
    for envelope in changed {
        let mut broken = records.clone();
        let gap = envelope.seq != broken[2].envelope.seq;
        broken[2].envelope = envelope;
        let fault = verify(&broken).expect_err("a bit was changed");
        assert_eq!(fault.seq, 3);
        assert!(matches!(fault.kind, FaultKind::Gap { .. }) == gap, "{fault}");
        assert!(gap || fault.kind == FaultKind::Hash, "{fault}");
    }
    for bit in 0..256 {
        let mut broken = records.clone();
        let last = broken.len() - 1;
        flip(&mut broken[last].hash.0, bit);
        assert_eq!(verify(&broken), Err(Fault { seq: last as u64 + 1, kind: FaultKind::Hash }));
    }
}

#[test]
fn lost_added_and_moved_records_are_found() {
    let records = records();
    let lost: Vec<Sealed> = [&records[..4], &records[5..]].concat();
    assert_eq!(verify(&lost), Err(Fault { seq: 5, kind: FaultKind::Gap { found: 6 } }));
    let twice: Vec<Sealed> = [&records[..5], &records[4..]].concat();
    assert_eq!(verify(&twice), Err(Fault { seq: 6, kind: FaultKind::Gap { found: 5 } }));
    let mut moved = records.clone();
    moved.swap(4, 5);
    assert_eq!(verify(&moved), Err(Fault { seq: 5, kind: FaultKind::Gap { found: 6 } }));
    assert_eq!(
        verify(&records[1..]),
        Err(Fault { seq: 1, kind: FaultKind::Gap { found: 2 } }),
        "a lost beginning"
    );
}

#[test]
fn a_record_that_was_replaced_and_sealed_again_breaks_the_next_one() {
    let mut records = records();
    reseal(&mut records, 5, |envelope| envelope.at = Timestamp(2));
    assert_eq!(verify(&records), Err(Fault { seq: 7, kind: FaultKind::Previous }));
}

#[test]
fn what_no_writer_may_write_is_refused_even_with_a_sound_hash() {
    let last = records().iter().rposition(|sealed| sealed.envelope.kind == 120).expect("an alarm");
    let check = |at: usize, change: fn(&mut Envelope), wanted: FaultKind| {
        let mut records = records();
        reseal(&mut records, at, change);
        records.truncate(at + 1);
        assert_eq!(verify(&records), Err(Fault { seq: at as u64 + 1, kind: wanted }));
    };
    check(last, |envelope| envelope.epoch = 299, FaultKind::EpochFell { found: 299, last: 300 });
    check(last, |envelope| envelope.epoch = 301, FaultKind::EpochUntold { found: 301, last: 300 });
    check(last, |envelope| envelope.scope = 8, FaultKind::Scope { found: 8, scope: 9 });
    check(0, |envelope| envelope.scope = 8, FaultKind::Founding);
    check(last, |envelope| envelope.kind = 9_999, PayloadError::UnknownKind(9_999).into());
    let newer = PayloadError::Newer { kind: 120, version: 2, known: 1 };
    check(last, |envelope| envelope.version = 2, newer.into());
    let mut records = records();
    reseal(&mut records, last, |envelope| envelope.payload.push(0));
    let text = verify(&records).expect_err("left over").to_string();
    assert!(text.ends_with("is no alarm (kind 120): 1 of its 7 bytes are left over"), "{text}");
}

#[test]
fn a_journal_begins_with_its_founding_and_only_once() {
    let (founded, taken) = (samples().remove(0), samples().remove(1));
    for entries in [vec![taken], vec![founded.clone(), founded]] {
        let mut chain = Chain::new(9, Head::default());
        let sealed: Vec<_> = entries.iter().map(|e| chain.seal(Timestamp(1), e).expect("sound")).collect();
        let seq = sealed.len() as u64;
        assert_eq!(verify(&sealed), Err(Fault { seq, kind: FaultKind::Founding }));
    }
}

#[test]
fn an_epoch_that_does_not_rise_is_not_written() {
    let mut chain = Chain::new(9, Head { seq: 5, epoch: 3, hash: Hash::ZERO });
    let taken = JournalEntry::Taken(Taken { epoch: 3, program: String::new() });
    assert_eq!(chain.seal(Timestamp(1), &taken), Err(ChainError::EpochFell { epoch: 3, last: 3 }));
    assert_eq!(chain.head().seq, 5);
}

#[test]
fn a_payload_beyond_the_limit_is_not_written() {
    let mut chain = Chain::new(9, Head::default());
    let settings = JournalEntry::Settings(Settings { json: " ".repeat(16 << 20) });
    let error = chain.seal(Timestamp(1), &settings).expect_err("too long").to_string();
    assert_eq!(error, "a settings takes 16777220 bytes; a record may have 16777216");
}

#[test]
fn a_journal_in_memory_is_the_same_journal() {
    let mut journal = MemoryJournal::found(9, InstallationId([1; 16]), Timestamp(1));
    journal.append(Timestamp(2), &samples()[1..]).expect("memory");
    let before = journal.head();
    assert_eq!(before.seq, 1, "nothing is durable before the commit");
    let head = journal.commit().expect("memory");
    assert_eq!(verify(journal.records()), Ok(head));
    let JournalEntry::Founded(Founded { scope, .. }) = journal.records()[0].envelope.entry().expect("sound")
    else {
        panic!("a journal begins with its founding")
    };
    assert_eq!(scope, 9);
}
