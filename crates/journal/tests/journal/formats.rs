//! Samples of version 1, read for ever: a journal with every kind and every word, and a snapshot.
//!
//! A new kind or word gets a sample at the end of `samples()`; then the ignored test
//! `write_what_is_new` adds its line. It never changes a line that is there.

use std::fmt::Write as _;
use std::path::PathBuf;

use ripcord_core::snapshot::Snapshot;
use ripcord_core::time::Timestamp;
use ripcord_journal::{Chain, Envelope, Hash, Head, Kind, Sealed, SealedSnapshot, Verifier};
use serde_json::{Value, json};

use crate::samples::samples;
use crate::world::World;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/formats/v1").join(name)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("memory");
        text
    })
}

fn bytes(value: &Value) -> Vec<u8> {
    let text = value.as_str().expect("hex digits");
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex digits");
    (0..text.len()).step_by(2).map(byte).collect()
}

/// What this program writes for the samples.
fn written() -> Vec<String> {
    let mut chain = Chain::new(9, Head::default());
    let mut lines = Vec::new();
    for (number, entry) in samples().iter().enumerate() {
        if number == 5 {
            chain.set_config(Hash::of(b"a configuration"));
        }
        let Sealed { envelope, hash } = chain.seal(Timestamp(1_000 + number as i64), entry).expect("sound");
        let word = Kind::from_number(envelope.kind).expect("our own").word();
        let line = json!({
            "seq": envelope.seq, "scope": envelope.scope, "epoch": envelope.epoch, "at": envelope.at.0,
            "kind": envelope.kind, "word": word, "version": envelope.version,
            "config": envelope.config.to_string(), "previous": envelope.previous.to_string(),
            "payload": hex(&envelope.payload), "hash": hash.to_string(),
        });
        lines.push(line.to_string());
    }
    lines
}

/// A record of the file.
fn read(line: &str) -> Sealed {
    let line: Value = serde_json::from_str(line).expect("a line of JSON");
    let number = |name: &str| line[name].as_u64().expect("a number");
    let small = |name: &str| u16::try_from(number(name)).expect("a small number");
    let hash = |name: &str| Hash(bytes(&line[name]).try_into().expect("32 bytes"));
    let envelope = Envelope {
        seq: number("seq"),
        scope: u32::from(small("scope")),
        epoch: number("epoch"),
        at: Timestamp(line["at"].as_i64().expect("a number")),
        kind: small("kind"),
        version: small("version"),
        config: hash("config"),
        payload: bytes(&line["payload"]),
        previous: hash("previous"),
    };
    Sealed { envelope, hash: hash("hash") }
}

fn file() -> String {
    std::fs::read_to_string(path("journal.jsonl")).expect("the sample is in the tree")
}

#[test]
fn version_1_of_every_kind_is_read_and_means_what_it_meant() {
    let mut verifier = Verifier::new();
    let mut seen = Vec::new();
    for (line, sample) in file().lines().zip(samples()) {
        let sealed = read(line);
        seen.push(sealed.envelope.kind);
        let entry = verifier.next(&sealed).unwrap_or_else(|fault| panic!("{fault}"));
        assert_eq!(entry, sample, "record {}", sealed.envelope.seq);
    }
    for kind in Kind::ALL {
        assert!(seen.contains(&kind.number()), "{} has no sample", kind.word());
    }
}

#[test]
fn the_same_entries_are_written_in_the_same_bytes() {
    let file = file();
    let (file, written): (Vec<&str>, Vec<String>) = (file.lines().collect(), written());
    assert_eq!(file.len(), written.len(), "run the ignored test write_what_is_new, and look at what it adds");
    for (stands, now) in file.iter().zip(&written) {
        let (stands, now) = (read(stands).envelope, read(now).envelope);
        // A plan is text, and may grow: that it is read is enough.
        if stands.kind != Kind::Plan.number() {
            assert_eq!((stands.kind, hex(&stands.payload)), (now.kind, hex(&now.payload)));
        }
    }
}

#[test]
fn the_numbers_and_words_of_kinds_are_told_apart() {
    for kind in Kind::ALL {
        assert_eq!(Kind::from_number(kind.number()), Some(*kind));
        assert_eq!(Kind::from_word(kind.word()), Some(*kind));
    }
    assert_eq!((Kind::from_number(0), Kind::from_word("order")), (None, None));
}

#[test]
fn version_1_of_snapshots_is_read_and_goes_on_as_it_did() {
    let text = std::fs::read_to_string(path("snapshot.json")).expect("the sample is in the tree");
    let line: Value = serde_json::from_str(&text).expect("JSON");
    let hash = |name: &str| Hash(bytes(&line[name]).try_into().expect("32 bytes"));
    let sealed = SealedSnapshot {
        seq: line["seq"].as_u64().expect("a number"),
        version: 1,
        record: hash("record"),
        body: bytes(&line["body"]),
        hash: hash("hash"),
    };
    let state = sealed.open(sealed.record).expect("the sample is whole");
    let meant: Snapshot = serde_json::from_str(line["state"].as_str().expect("text")).expect("data");
    assert_eq!(state, meant);
    assert_eq!(SealedSnapshot::seal(sealed.seq, sealed.record, &state).expect("data"), sealed);
}

#[test]
#[ignore = "writes samples that are not in the tree yet"]
fn write_what_is_new() {
    let there = std::fs::read_to_string(path("journal.jsonl")).unwrap_or_default();
    let mut all = written().join("\n") + "\n";
    assert!(all.starts_with(&there), "a sample that was released may not change: add its line by hand");
    std::fs::write(path("journal.jsonl"), &all).expect("written");
    if path("snapshot.json").exists() {
        return;
    }
    let mut world = World::new(7);
    world.play(400);
    let state = world.core.snapshot();
    let sealed = SealedSnapshot::seal(77, Hash::of(b"a record"), &state).expect("data");
    all = json!({
        "seq": 77, "record": sealed.record.to_string(), "body": hex(&sealed.body), "hash": sealed.hash.to_string(),
        "state": serde_json::to_string(&state).expect("data"),
    })
    .to_string();
    std::fs::write(path("snapshot.json"), all + "\n").expect("written");
}
