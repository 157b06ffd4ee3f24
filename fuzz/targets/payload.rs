//! Contents of journal records, of every kind: what is read is written as bytes that mean the same.

use ripcord_core::time::Timestamp;
use ripcord_journal::{JournalEntry, Kind, payload};

use crate::bytes::Bytes;

pub(crate) fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let Some(entry) = decode(&mut bytes, data.len()) else { return };
    let written = payload::encode(&entry, Vec::new()).expect("what was read can be written");
    let kind = entry.kind();
    let at = if let JournalEntry::Fact(fact) = &entry { fact.at } else { Timestamp(0) };
    let read = payload::decode(kind.number(), kind.version(), at, &written);
    assert_eq!(read, Ok(entry));
}

/// A kind, a version, a time, and so many bytes of content.
pub(crate) fn decode(bytes: &mut Bytes<'_>, length: usize) -> Option<JournalEntry> {
    let number = bytes.byte();
    let kind = Kind::ALL.get(usize::from(number)).map_or(u16::from(number) << 3, |kind| kind.number());
    let (version, at) = (u16::from(bytes.byte() % 4), Timestamp(bytes.i64()));
    let (content, rest) = bytes.0.split_at(length.min(bytes.0.len()));
    bytes.0 = rest;
    payload::decode(kind, version, at, content).ok()
}
