//! Chains: a whole one passes; one in which anything was changed, dropped, doubled or swapped does not.

use ripcord_core::time::Timestamp;
use ripcord_journal::entry::InstallationId;
use ripcord_journal::{Envelope, Hash, Head, Journal, JournalEntry, MemoryJournal, Sealed, Verifier};

use crate::bytes::Bytes;
use crate::payload;

pub(crate) fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let how = bytes.byte();
    if how & 1 == 0 {
        foreign(&mut bytes);
        return;
    }
    let mut journal = MemoryJournal::found(3, InstallationId(*b"0123456789abcdef"), Timestamp(5));
    while !bytes.is_empty() && journal.records().len() < 12 {
        let length = usize::from(bytes.byte());
        let Some(entry) = payload::decode(&mut bytes, length) else { continue };
        if !matches!(entry, JournalEntry::Founded(_)) {
            // An epoch that does not rise is refused, and leaves the chain as it was.
            drop(journal.append(Timestamp(9), &[entry]));
        }
    }
    let mut records = journal.records().to_vec();
    let whole = records.clone();
    follow(&records).unwrap_or_else(|why| panic!("our own chain: {why}"));
    let mut bytes = Bytes(&data[1..]);
    bend(&mut bytes, &mut records);
    let shorter = whole.starts_with(&records);
    assert!(follow(&records).is_err() || shorter, "it was changed, and nobody saw it: {records:?}");
}

fn follow(records: &[Sealed]) -> Result<Head, String> {
    let mut verifier = Verifier::new();
    for sealed in records {
        verifier.next(sealed).map_err(|fault| fault.to_string())?;
    }
    Ok(verifier.head())
}

/// One change behind the seal.
fn bend(bytes: &mut Bytes<'_>, records: &mut Vec<Sealed>) {
    let at = usize::from(bytes.byte()) % records.len();
    let other = usize::from(bytes.byte()) % records.len();
    let what = bytes.byte();
    let bit = 1 << (what >> 5);
    let Sealed { envelope, hash } = &mut records[at];
    match what % 13 {
        0 => envelope.seq ^= bit,
        1 => envelope.scope ^= bit as u32,
        2 => envelope.epoch ^= bit,
        3 => envelope.at.0 ^= bit as i64,
        4 => envelope.kind ^= bit as u16,
        5 => envelope.version ^= bit as u16,
        6 => envelope.config.0[7] ^= bit as u8,
        7 => envelope.previous.0[31] ^= bit as u8,
        8 => hash.0[0] ^= bit as u8,
        9 => match envelope.payload.first_mut() {
            Some(byte) => *byte ^= bit as u8,
            None => envelope.payload.push(0),
        },
        10 => drop(records.remove(at)),
        11 => records.swap(at, other),
        _ => records.insert(other, records[at].clone()),
    }
}

/// Envelopes that nobody sealed, with hashes that are right.
fn foreign(bytes: &mut Bytes<'_>) {
    let (mut verifier, mut previous) = (Verifier::new(), Hash::ZERO);
    for place in 1..8 {
        let odd = bytes.byte();
        let length = usize::from(bytes.byte());
        let (content, rest) = bytes.0.split_at(length.min(bytes.0.len()));
        let envelope = Envelope {
            seq: place + u64::from(odd & 1),
            scope: u32::from(odd & 2),
            epoch: u64::from(odd >> 6),
            at: Timestamp(0),
            kind: u16::from(odd >> 2),
            version: 1,
            config: Hash::ZERO,
            payload: content.to_vec(),
            previous: if odd & 32 == 0 { previous } else { Hash([odd; 32]) },
        };
        bytes.0 = rest;
        previous = envelope.hash();
        let head = verifier.head();
        let sealed = Sealed { envelope, hash: previous };
        match verifier.next(&sealed) {
            Ok(_) => assert_eq!((verifier.head().seq, verifier.head().hash), (head.seq + 1, sealed.hash)),
            Err(fault) => {
                assert_eq!((fault.seq, verifier.head()), (head.seq + 1, head));
                return;
            }
        }
    }
}
