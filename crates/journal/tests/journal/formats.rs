//! Samples that are read for ever: a journal with every kind and every word. A snapshot is read by the
//! version that wrote it only: the journal brings back the same.
//!
//! A new kind or word gets a sample at the end of `samples()`; then the ignored test
//! `write_what_is_new` adds its line. It never changes a line that is there.

use std::fmt::Write as _;
use std::path::PathBuf;

use ripcord_core::snapshot::Snapshot;
use ripcord_core::time::Timestamp;
use ripcord_journal::snapshot::SnapshotFault;
use ripcord_journal::{Chain, Envelope, Hash, Head, Kind, Sealed, SealedSnapshot, Verifier, payload};
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

/// A line of the file.
fn line(sealed: &Sealed) -> String {
    let Sealed { envelope, hash } = sealed;
    let word = Kind::from_number(envelope.kind).expect("our own").word();
    let line = json!({
        "seq": envelope.seq, "scope": envelope.scope, "epoch": envelope.epoch, "at": envelope.at.0,
        "kind": envelope.kind, "word": word, "version": envelope.version,
        "config": envelope.config.to_string(), "previous": envelope.previous.to_string(),
        "payload": hex(&envelope.payload), "hash": hash.to_string(),
    });
    line.to_string()
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
        seen.push((sealed.envelope.kind, sealed.envelope.version));
        let entry = verifier.next(&sealed).unwrap_or_else(|fault| panic!("{fault}"));
        assert_eq!(entry, sample, "record {}", sealed.envelope.seq);
    }
    for kind in Kind::ALL {
        assert!(seen.contains(&(kind.number(), kind.version())), "{} has no sample", kind.word());
    }
}

#[test]
fn the_same_entries_are_written_in_the_same_bytes() {
    let (file, samples) = (file(), samples());
    let lines: Vec<&str> = file.lines().collect();
    assert_eq!(
        lines.len(),
        samples.len(),
        "run the ignored test write_what_is_new, and look at what it adds"
    );
    for (line, sample) in lines.iter().zip(&samples) {
        let (stands, kind) = (read(line).envelope, sample.kind());
        // A plan is text, and may grow; what a later version writes otherwise is read: that is enough.
        if kind != Kind::Plan && stands.version == kind.version() {
            let payload = payload::encode(sample, Vec::new()).expect("sound");
            assert_eq!((stands.kind, hex(&stands.payload)), (kind.number(), hex(&payload)));
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

fn snapshot_of(name: &str) -> (SealedSnapshot, Value) {
    let text = std::fs::read_to_string(path(name)).expect("the sample is in the tree");
    let line: Value = serde_json::from_str(&text).expect("JSON");
    let hash = |name: &str| Hash(bytes(&line[name]).try_into().expect("32 bytes"));
    let sealed = SealedSnapshot {
        seq: line["seq"].as_u64().expect("a number"),
        version: line["version"].as_u64().map_or(1, |version| u16::try_from(version).expect("small")),
        record: hash("record"),
        body: bytes(&line["body"]),
        hash: hash("hash"),
    };
    (sealed, line)
}

#[test]
fn a_snapshot_of_this_version_is_read_and_goes_on_as_it_did() {
    let (sealed, line) = snapshot_of("../v6/snapshot.json");
    let state = sealed.open(sealed.record).expect("the sample is whole");
    let meant: Snapshot = serde_json::from_str(line["state"].as_str().expect("text")).expect("data");
    assert_eq!(state, meant);
    assert_eq!(SealedSnapshot::seal(sealed.seq, sealed.record, &state).expect("data"), sealed);
}

#[test]
fn a_snapshot_of_an_older_version_is_passed_over_by_name() {
    let older = [
        "snapshot.json",
        "../v2/snapshot.json",
        "../v3/snapshot.json",
        "../v4/snapshot.json",
        "../v5/snapshot.json",
    ];
    for (name, found) in older.into_iter().zip(1..) {
        let (sealed, _) = snapshot_of(name);
        let fault = sealed.open(sealed.record).expect_err("its form is not kept");
        assert_eq!(fault, SnapshotFault::Older { found });
    }
}

#[test]
#[ignore = "writes samples that are not in the tree yet"]
fn write_what_is_new() {
    let mut all = std::fs::read_to_string(path("journal.jsonl")).unwrap_or_default();
    let there = all.lines().count();
    let head = all.lines().last().map_or_else(Head::default, |last| {
        let Sealed { envelope, hash } = read(last);
        Head { seq: envelope.seq, epoch: envelope.epoch, hash }
    });
    let mut chain = Chain::new(9, head);
    for (number, entry) in samples().iter().enumerate().skip(there) {
        if number >= 5 {
            chain.set_config(Hash::of(b"a configuration"));
        }
        let sealed = chain.seal(Timestamp(1_000 + number as i64), entry).expect("sound");
        writeln!(all, "{}", line(&sealed)).expect("memory");
    }
    std::fs::write(path("journal.jsonl"), &all).expect("written");
    let snapshot = path("../v6/snapshot.json");
    if snapshot.exists() {
        return;
    }
    let mut world = World::new(7);
    world.play(400);
    let state = world.core.snapshot();
    let sealed = SealedSnapshot::seal(77, Hash::of(b"a record"), &state).expect("data");
    all = json!({
        "seq": 77, "version": sealed.version, "record": sealed.record.to_string(), "body": hex(&sealed.body), "hash": sealed.hash.to_string(),
        "state": serde_json::to_string(&state).expect("data"),
    })
    .to_string();
    std::fs::create_dir_all(path("../v6")).expect("a folder");
    std::fs::write(snapshot, all + "\n").expect("written");
}
