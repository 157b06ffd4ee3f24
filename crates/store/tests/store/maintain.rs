//! Copies, other versions, and going back: nothing is lost, and what failed changed nothing.

use ripcord_core::time::Timestamp;
use ripcord_journal::entry::InstallationId;
use ripcord_journal::{Journal, JournalEntry};
use ripcord_store::rusqlite::Connection;
use ripcord_store::{Reader, Store, StoreError, maintain, migrate};

use crate::support::{INSTALLATION, OPENING, Place, entries, fact};

const NEW: InstallationId = InstallationId([9; 16]);
/// 2026-01-02 03:04:05 UTC.
const NOW: Timestamp = Timestamp(1_767_323_045_000_000_000);

fn with_facts(place: &Place, facts: i64) -> Store {
    let mut store = place.create();
    let facts: Vec<_> = (0..facts).map(fact).collect();
    store.append(Timestamp(5), &facts).expect("memory");
    store.commit().expect("durable");
    store
}

#[test]
fn a_backup_beside_a_writer_is_whole() {
    let place = Place::new();
    let store = with_facts(&place, 50);
    let to = place.folder().join("copy.db");
    let verified = maintain::backup(&place.file(), &to).expect("a copy");
    assert_eq!(verified.head, store.head());
    assert_eq!(entries(&to).expect("whole"), place.entries());
    let error = maintain::backup(&place.file(), &to).expect_err("it is there");
    assert!(matches!(error, StoreError::Exists(_)), "{error}");
    drop(store);
}

#[test]
fn a_damaged_store_gives_no_backup() {
    let place = Place::new();
    drop(with_facts(&place, 5));
    let file = Connection::open(place.file()).expect("a database");
    file.execute("UPDATE journal SET at_ns = 77 WHERE seq = 4", []).expect("sql");
    drop(file);
    let to = place.folder().join("copy.db");
    let error = maintain::backup(&place.file(), &to).expect_err("damaged").to_string();
    assert!(error.contains("record 4: its hash does not match"), "{error}");
    let left = std::fs::read_dir(place.folder()).expect("a folder");
    let names: Vec<_> = left.map(|entry| entry.expect("an entry").file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().starts_with("copy.db")), "{names:?}");
}

#[test]
fn a_restored_store_goes_on_as_another_installation_and_keeps_the_former_file() {
    let place = Place::new();
    let store = with_facts(&place, 5);
    let copy = place.folder().join("copy.db");
    maintain::backup(&place.file(), &copy).expect("a copy");
    drop(store);
    let (mut store, _) = Store::open(&place.file(), &OPENING).expect("a store");
    store.append(Timestamp(6), &[fact(100)]).expect("memory");
    store.commit().expect("durable");
    let refused =
        maintain::restore(&place.file(), &copy, NEW, "ripcord test", NOW).expect_err("it is written to");
    assert!(matches!(refused, StoreError::Locked { .. }), "{refused}");
    drop(store);
    let before = place.entries();

    let done = maintain::restore(&place.file(), &copy, NEW, "ripcord test", NOW).expect("restored");
    assert_eq!(done.former, Some(INSTALLATION));
    let replaced = done.replaced.expect("there was a file");
    assert!(replaced.ends_with("ripcord.db.20260102T030405Z.replaced"), "{}", replaced.display());
    assert_eq!(entries(&replaced).expect("kept"), before);
    let now = place.entries();
    assert_eq!(now[..now.len() - 1], entries(&copy).expect("whole")[..]);
    let Some(JournalEntry::Restored(restored)) = now.last() else { panic!("{:?}", now.last()) };
    assert_eq!((restored.installation, restored.former), (NEW, INSTALLATION));
    let reader = Reader::open(&place.file()).expect("a store");
    assert_eq!(reader.installation().expect("readable"), Some(NEW));
    drop(reader);
    let (_, recovery) = Store::open(&place.file(), &OPENING).expect("it goes on");
    assert_eq!(recovery.head, done.head);
}

#[test]
fn a_store_that_is_gone_or_damaged_is_restored_and_a_damaged_backup_replaces_nothing() {
    let place = Place::new();
    drop(with_facts(&place, 5));
    let (copy, bad) = (place.folder().join("copy.db"), place.folder().join("bad.db"));
    maintain::backup(&place.file(), &copy).expect("a copy");
    std::fs::copy(&copy, &bad).expect("a copy");
    let file = Connection::open(&bad).expect("a database");
    file.execute("DELETE FROM journal WHERE seq = 4", []).expect("sql");
    drop(file);
    let before = std::fs::read(place.file()).expect("a store");
    let error =
        maintain::restore(&place.file(), &bad, NEW, "ripcord test", NOW).expect_err("damaged").to_string();
    assert!(error.contains("record 4"), "{error}");
    assert_eq!(std::fs::read(place.file()).expect("untouched"), before);

    std::fs::write(place.file(), "no database at all").expect("written");
    std::fs::write(place.folder().join("ripcord.db-wal"), "nor a log").expect("written");
    maintain::restore(&place.file(), &copy, NEW, "ripcord test", NOW).expect("restored");
    assert_eq!(place.entries().len(), 8);
    std::fs::remove_file(place.file()).expect("it is there");
    let done = maintain::restore(&place.file(), &copy, NEW, "ripcord test", NOW).expect("restored");
    assert_eq!(done.replaced, None);
    let error =
        maintain::restore(&place.file(), &place.file(), NEW, "ripcord test", NOW).expect_err("itself");
    assert!(matches!(error, StoreError::Itself(_)), "{error}");
}

#[test]
fn a_file_replaced_by_hand_is_found_out() {
    let place = Place::new();
    let store = with_facts(&place, 5);
    let copy = place.folder().join("copy.db");
    maintain::backup(&place.file(), &copy).expect("a copy");
    drop(store);
    let (store, _) = Store::open(&place.file(), &OPENING).expect("a store");
    drop(store);
    std::fs::copy(&copy, place.file()).expect("by hand");
    let error =
        Store::open(&place.file(), &OPENING).expect_err("it would use client order ids again").to_string();
    assert!(error.contains("record 8 was durable, and the journal ends with record 7"), "{error}");
}

#[test]
fn the_newest_version_is_left_alone_and_the_first_has_nothing_below() {
    let place = Place::new();
    drop(with_facts(&place, 5));
    let done = maintain::migrate(&place.file(), NOW).expect("nothing to do");
    assert_eq!((done.from, done.to, done.backup), (migrate::newest(), migrate::newest(), None));
    let (mut below, whole) = (done.to, place.entries());
    while below > 1 {
        let done = maintain::rollback(&place.file(), NOW).expect("one step");
        below = done.to;
        let backup = done.backup.expect("made before");
        if done.from == migrate::newest() {
            assert_eq!(entries(&backup).expect("of the present version"), whole);
        }
    }
    let before = std::fs::read(place.file()).expect("a store");
    let error = maintain::rollback(&place.file(), NOW).expect_err("the first").to_string();
    assert!(error.contains("version 1 is the first"), "{error}");
    assert_eq!(std::fs::read(place.file()).expect("untouched"), before);
    let done = maintain::migrate(&place.file(), NOW).expect("up again");
    assert_eq!(done.to, migrate::newest());
    assert_eq!(place.entries(), whole);
}

#[test]
fn the_steps_of_the_schema_go_up_and_down_and_up_to_the_same() {
    let mut file = Connection::open_in_memory().expect("memory");
    let schema = |file: &Connection| {
        let mut statement =
            file.prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY 1, 2").expect("sql");
        let rows = statement.query_map([], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, Option<String>>(2)?))
        });
        rows.expect("rows").collect::<Result<Vec<_>, _>>().expect("rows")
    };
    migrate::up(&mut file).expect("all steps");
    let meant = schema(&file);
    assert_eq!(migrate::up(&mut file).expect("none are missing"), [""; 0]);
    while migrate::version(&file).expect("a number") > 1 {
        migrate::down(&mut file).expect("a step");
    }
    migrate::up(&mut file).expect("all steps");
    assert_eq!(schema(&file), meant);
}
