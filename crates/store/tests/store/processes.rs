//! Two processes and one store.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

use ripcord_core::time::Timestamp;
use ripcord_store::{Reader, Store, StoreError, maintain};

use crate::support::{OPENING, Place, fact};

const STORE: &str = "RIPCORD_TEST_STORE";

/// The other process: holds the store until its standard input ends.
#[test]
#[ignore = "run by the test below, in a process of its own"]
fn hold_the_store() {
    let path = std::env::var_os(STORE).expect("the parent names the store");
    let (mut store, _) = Store::open(path.as_ref(), &OPENING).expect("nobody else writes yet");
    store.append(Timestamp(1), &[fact(1)]).expect("memory");
    store.commit().expect("durable");
    writeln!(std::io::stderr(), "held").expect("the parent reads it");
    std::io::stdin().read_to_end(&mut Vec::new()).expect("the parent closes it");
}

fn holder(place: &Place) -> Child {
    let arguments = ["processes::hold_the_store", "--exact", "--ignored", "--nocapture"];
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args(arguments)
        .env(STORE, place.file())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("this program runs");
    let said = BufReader::new(child.stderr.take().expect("piped"));
    let held = said.lines().map_while(Result::ok).any(|line| line.contains("held"));
    assert!(held, "the other process could not take the store");
    child
}

#[test]
fn a_second_writer_is_refused_and_readers_are_not() {
    let place = Place::new();
    drop(place.create());
    let mut child = holder(&place);
    let error = Store::open(&place.file(), &OPENING).expect_err("one writes already").to_string();
    let wanted =
        format!("another process writes to this store (process {}); stop that one first", child.id());
    assert!(error.contains(&wanted), "{error}");
    assert_eq!(place.entries().len(), 4, "founded, taken twice, and a fact");
    drop(child.stdin.take());
    assert!(child.wait().expect("it ends").success());
    let (_store, recovery) = Store::open(&place.file(), &OPENING).expect("nobody writes any more");
    assert_eq!(recovery.head.seq, 4);
}

#[test]
fn a_writer_that_is_killed_leaves_what_it_acknowledged() {
    let place = Place::new();
    drop(place.create());
    let mut child = holder(&place);
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    let (_store, recovery) = Store::open(&place.file(), &OPENING).expect("the lock died with it");
    assert_eq!((recovery.head.seq, recovery.head.epoch), (4, 2));
}

#[test]
fn a_reader_sees_one_moment_while_a_writer_goes_on() {
    let place = Place::new();
    let mut store = place.create();
    let reader = Reader::open(&place.file()).expect("a reader");
    store.append(Timestamp(1), &[fact(1)]).expect("memory");
    store.commit().expect("durable");
    store.tidy().expect("a reader does not stop it");
    assert_eq!(reader.head().expect("readable").1.seq, 2);
    assert_eq!(place.entries().len(), 3);
}

/// Each name has a lock and a write-ahead log of its own: two writers would destroy the file.
#[cfg(unix)]
#[test]
fn a_store_with_a_second_name_is_not_written_to() {
    let place = Place::new();
    drop(place.create());
    let other = place.folder().join("other.db");
    std::fs::hard_link(place.file(), &other).expect("a second name");
    for name in [place.file(), other.clone()] {
        let error = Store::open(&name, &OPENING).expect_err("two could write");
        assert!(matches!(error, StoreError::Linked(_)) && error.is_request(), "{error}");
        let error = maintain::rollback(&name, Timestamp(0)).expect_err("two could write");
        assert!(matches!(error, StoreError::Linked(_)), "{error}");
    }
    assert_eq!(Reader::open(&other).and_then(|reader| reader.head()).expect("readable").1.seq, 2);
    std::fs::remove_file(&other).expect("it is there");
    Store::open(&place.file(), &OPENING).expect("one name");
}
