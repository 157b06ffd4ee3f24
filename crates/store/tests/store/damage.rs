//! Files that changed by themselves: damage has a name, or there is none.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;

use ripcord_core::time::Timestamp;
use ripcord_journal::JournalEntry;
use ripcord_store::rusqlite::Connection;
use ripcord_store::{Reader, Store, StoreError};

use crate::support::{OPENING, Place, entries, fact, instrument};

/// A store in one small file, without a log or a lock file beside it.
fn small(place: &Place) -> Vec<JournalEntry> {
    let mut store = place.create();
    store.append(Timestamp(5), &[instrument(), fact(1), fact(2), fact(3)]).expect("memory");
    store.commit().expect("durable");
    drop(store);
    let entries = place.entries();
    let file = Connection::open(place.file()).expect("a database");
    // The journal is what is covered; the ledger is derived from it, and `ledger::verify` looks after that.
    file.execute_batch(include_str!("../../migrations/0002_ledger.down.sql")).expect("no ledger");
    file.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA page_size = 512; VACUUM").expect("smaller");
    drop(file);
    std::fs::remove_file(place.folder().join("ripcord.db.lock")).expect("it was there");
    entries
}

#[test]
fn every_single_bit_of_the_file_is_covered() {
    let place = Place::new();
    let whole = small(&place);
    let bytes = std::fs::read(place.file()).expect("a file");
    assert!(bytes.len() < 10_000, "{} bytes: every bit takes a while", bytes.len());
    let file = OpenOptions::new().write(true).open(place.file()).expect("a file");
    let mut found = 0;
    for (at, &byte) in bytes.iter().enumerate() {
        for bit in 0..8 {
            file.write_all_at(&[byte ^ 1 << bit], at as u64).expect("written");
            match entries(&place.file()) {
                Ok(read) => assert_eq!(read, whole, "bit {bit} of byte {at} changed what is read"),
                Err(error) => {
                    found += 1;
                    assert!(error.to_string().contains("ripcord.db"), "{error}");
                }
            }
        }
        file.write_all_at(&[byte], at as u64).expect("written");
    }
    assert!(found > 10_000, "only {found} flips were named: most bytes hold records");
    assert_eq!(entries(&place.file()).expect("whole again"), whole);
}

#[test]
fn a_record_that_was_edited_is_named_by_verify_and_by_opening() {
    for (sql, wanted) in [
        ("UPDATE journal SET at_ns = at_ns + 1 WHERE seq = 4", "record 4: its hash does not match"),
        ("UPDATE journal SET hash = previous WHERE seq = 6", "record 6: its hash does not match"),
        ("DELETE FROM journal WHERE seq = 3", "record 3: its number is 4"),
        ("DELETE FROM journal WHERE seq = 6", "the last commit ended with record 6"),
        ("UPDATE meta SET head_seq = 5", "the last commit ended with record 5"),
        ("UPDATE journal SET epoch = 0 WHERE seq = 5", "record 5: its hash does not match"),
    ] {
        let place = Place::new();
        small(&place);
        edit(&place.file(), sql);
        let error = entries(&place.file()).expect_err(sql).to_string();
        assert!(error.contains(wanted), "{sql}: {error}");
        let error = Store::open(&place.file(), &OPENING).expect_err(sql).to_string();
        assert!(error.contains(wanted), "{sql}: {error}");
    }
}

fn edit(path: &Path, sql: &str) {
    let changed = Connection::open(path).and_then(|file| file.execute(sql, []));
    assert_eq!(changed, Ok(1), "{sql}");
}

#[test]
fn what_is_no_store_is_refused_by_name() {
    let place = Place::new();
    let path = place.file();
    let refused = |wanted: &str| {
        for error in [
            Reader::open(&path).map(drop).expect_err(wanted),
            Store::open(&path, &OPENING).map(drop).expect_err(wanted),
        ] {
            assert!(error.to_string().contains(wanted), "{error}");
        }
    };
    refused("ripcord.db: there is no such file");
    std::fs::create_dir(&path).expect("a folder");
    refused("this is no plain file");
    std::fs::remove_dir(&path).expect("a folder");
    for content in ["", "id,symbol\n", "SQLite format 3\0 cut short"] {
        std::fs::write(&path, content).expect("written");
        refused("this is no SQLite file");
    }
    std::fs::remove_file(&path).expect("it is there");
    let other = Connection::open(&path).expect("a database");
    other.execute_batch("PRAGMA application_id = 77; CREATE TABLE t (a)").expect("tables");
    drop(other);
    refused("of another program (application id 77)");
}

#[test]
fn stores_of_other_versions_are_refused_by_number() {
    let place = Place::new();
    small(&place);
    let set = |version: u32| {
        let file = Connection::open(place.file()).expect("a database");
        file.pragma_update(None, "user_version", version).expect("set");
    };
    set(99);
    let error = Store::open(&place.file(), &OPENING).expect_err("newer").to_string();
    assert!(error.contains("has version 99; this program knows up to"), "{error}");
    set(0);
    let error = Store::open(&place.file(), &OPENING).expect_err("older").to_string();
    assert!(error.contains("`ripcord db migrate"), "{error}");
}

#[test]
fn a_new_store_takes_nobodys_place() {
    let place = Place::new();
    drop(place.create());
    let before = std::fs::read(place.file()).expect("a store");
    let error =
        Store::create(&place.file(), 1, crate::support::INSTALLATION, &OPENING).expect_err("there is one");
    assert!(matches!(error, StoreError::Exists(_)), "{error}");
    assert_eq!(std::fs::read(place.file()).expect("a store"), before);
}
