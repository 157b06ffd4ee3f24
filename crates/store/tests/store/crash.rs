//! Losses of power at every moment: what was acknowledged is there, in order, and nothing else is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ripcord_core::time::Timestamp;
use ripcord_journal::{Journal, JournalEntry};
use ripcord_store::{Opening, Recovery, Store};

use crate::support::{OPENING, Place, entries, fact};
use crate::vfs::{Op, Vfs, image};

/// A run under the file layer: what was written to disk, and what was meant.
struct Run {
    base: BTreeMap<String, Vec<u8>>,
    log: Vec<Op>,
    entries: Vec<JournalEntry>,
    /// The lock file as the last commit left it.
    lock: Vec<u8>,
}

const NAMES: [&str; 2] = ["ripcord.db", "ripcord.db-wal"];

/// Some commits, with the log folded in now and then, and one that is not acknowledged any more.
fn run() -> Run {
    let place = Place::new();
    drop(place.create());
    let vfs = Vfs::register("crash");
    let base = BTreeMap::from([("ripcord.db".to_owned(), std::fs::read(place.file()).expect("a store"))]);
    let opening = Opening { vfs: Some(&vfs.name), ..OPENING };
    let (mut store, _) = Store::open(&place.file(), &opening).expect("a store");
    let acknowledge = |store: &Store| vfs.with(|state| state.log.push(Op::Acknowledged(store.head().seq)));
    acknowledge(&store);
    for commit in 0..14_i64 {
        let facts: Vec<_> = (0..=commit * 5 % 23).map(|number| fact(commit * 100 + number)).collect();
        store.append(Timestamp(commit), &facts).expect("memory");
        store.commit().expect("no fault is asked for");
        acknowledge(&store);
        if commit % 5 == 4 {
            store.tidy().expect("no fault is asked for");
        }
    }
    let lock = std::fs::read(place.folder().join("ripcord.db.lock")).expect("noted");
    let entries = entries(&place.file()).expect("whole");
    let log = vfs.with(|state| state.log.clone());
    Run { base, log, entries, lock }
}

impl Run {
    /// Opens what a crash left behind `done` operations; what it holds must be a prefix of what was
    /// meant, with everything that was acknowledged.
    fn check(&self, files: &BTreeMap<String, Vec<u8>>, done: usize, what: &str) -> (Recovery, usize) {
        let place = Place::new();
        for name in NAMES {
            if let Some(bytes) = files.get(name) {
                std::fs::write(place.folder().join(name), bytes).expect("written");
            }
        }
        let acknowledged = self.acknowledged(done);
        if acknowledged == self.entries.len() {
            std::fs::write(place.folder().join("ripcord.db.lock"), &self.lock).expect("written");
        }
        let opened = Store::open(&place.file(), &OPENING);
        let (store, recovery) = opened.unwrap_or_else(|error| panic!("{what}: {error}"));
        drop(store);
        let mut found = entries(&place.file()).unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(matches!(found.pop(), Some(JournalEntry::Taken(_))), "{what}: opening is written down");
        assert_eq!(recovery.head.seq, found.len() as u64, "{what}");
        assert!(
            found.len() >= acknowledged,
            "{what}: {} of {acknowledged} acknowledged records",
            found.len()
        );
        assert_eq!(found[..], self.entries[..found.len()], "{what}");
        assert!(is_end_of_a_commit(&self.log, found.len()), "{what}: part of a commit: {}", found.len());
        (recovery, found.len())
    }

    fn acknowledged(&self, done: usize) -> usize {
        let last = self.log[..done].iter().rev().find_map(|op| match op {
            Op::Acknowledged(seq) => Some(*seq as usize),
            _ => None,
        });
        last.unwrap_or(2)
    }
}

fn is_end_of_a_commit(log: &[Op], seq: usize) -> bool {
    seq == 2 || log.contains(&Op::Acknowledged(seq as u64))
}

#[test]
fn a_crash_behind_any_write_keeps_what_was_acknowledged() {
    let run = run();
    let mut cuts = 0;
    for done in 0..=run.log.len() {
        let files = image(&run.base, &run.log[..done], |_, _| true);
        let (recovery, found) = run.check(&files, done, &format!("behind operation {done}"));
        let since = run.log[..done].iter().rev().take_while(|op| !matches!(op, Op::Acknowledged(_)));
        let frames = since.filter(|op| is_frame(op)).count();
        if frames > 0 && found == run.acknowledged(done) {
            let cut =
                recovery.cut.unwrap_or_else(|| panic!("{done}: {frames} writes were cut without a word"));
            assert!(cut.pages > 0 && cut.bytes > 0);
            cuts += 1;
        } else if frames == 0 {
            assert_eq!(recovery.cut, None, "{done}: nothing was cut");
        }
    }
    assert!(cuts > 50, "only {cuts} crashes within a commit");
}

/// A page on its way into the write-ahead log.
fn is_frame(op: &Op) -> bool {
    matches!(op, Op::Write { file, at, .. } if file == NAMES[1] && *at >= 32)
}

#[test]
fn a_torn_last_write_keeps_what_was_acknowledged() {
    let run = run();
    for done in 1..=run.log.len() {
        let Op::Write { bytes, .. } = &run.log[done - 1] else { continue };
        for part in [1, bytes.len() / 3, 512, bytes.len() - 1] {
            let mut log = run.log[..done].to_vec();
            if let Some(Op::Write { bytes, .. }) = log.last_mut() {
                bytes.truncate(part);
            }
            let files = image(&run.base, &log, |_, _| true);
            run.check(&files, done - 1, &format!("operation {done} torn behind {part} bytes"));
        }
    }
}

#[test]
fn writes_that_were_not_synced_may_be_lost_in_any_choice() {
    let run = run();
    let mut state = 11_u64;
    let mut draw = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for done in 0..=run.log.len() {
        let log = &run.log[..done];
        let unsynced = unsynced(log);
        // None of them, and three choices with a seed.
        for choice in 0..4 {
            let kept: BTreeSet<usize> =
                unsynced.iter().copied().filter(|_| choice > 0 && draw(2) == 0).collect();
            let files =
                image(&run.base, log, |number, _| !unsynced.contains(&number) || kept.contains(&number));
            run.check(&files, done, &format!("behind operation {done}, without {unsynced:?} but {kept:?}"));
        }
    }
}

/// Operations that no sync of their file followed.
fn unsynced(log: &[Op]) -> BTreeSet<usize> {
    let mut open = BTreeSet::new();
    for (number, op) in log.iter().enumerate() {
        match op {
            Op::Write { .. } | Op::Truncate { .. } => {
                open.insert(number);
            }
            Op::Sync { file } => open.retain(|&number| name(&log[number]) != Some(file)),
            Op::Delete { .. } | Op::Acknowledged(_) => {}
        }
    }
    open
}

fn name(op: &Op) -> Option<&String> {
    match op {
        Op::Write { file, .. } | Op::Truncate { file, .. } | Op::Sync { file } | Op::Delete { file } => {
            Some(file)
        }
        Op::Acknowledged(_) => None,
    }
}

#[test]
fn a_disk_that_lost_what_it_had_synced_is_found_out() {
    let run = run();
    // The last commit is taken from the log's end: the database itself cannot know.
    let ends = |(number, op): (usize, &Op)| matches!(op, Op::Acknowledged(_)).then_some(number);
    let before = run.log.iter().enumerate().filter_map(ends).rev().nth(1).expect("many commits");
    let files = image(&run.base, &run.log, |number, op| number < before || !is_frame(op));
    let place = Place::new();
    for name in NAMES {
        std::fs::write(place.folder().join(name), &files[name]).expect("written");
    }
    std::fs::write(place.folder().join("ripcord.db.lock"), &run.lock).expect("written");
    let error = Store::open(&place.file(), &OPENING).expect_err("records are lost").to_string();
    let acknowledged = run.entries.len();
    assert!(error.contains(&format!("record {acknowledged} was durable")), "{error}");
    assert!(verify(&place.file()).contains(&format!("record {acknowledged} was durable")));
}

fn verify(path: &Path) -> String {
    entries(path).expect_err("records are lost").to_string()
}
