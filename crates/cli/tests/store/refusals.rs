//! What is no store, or none any more: each command says so in the same words and with the same exit code.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ripcord_core::time::Timestamp;
use ripcord_journal::JournalEntry;
use ripcord_journal::entry::Settings;
use ripcord_store::rusqlite::Connection;
use ripcord_store::{Opening, Store};

use crate::{on, ripcord, stopped_out};

const COMMANDS: [&[&str]; 11] = [
    &["db", "status"],
    &["db", "migrate"],
    &["db", "rollback"],
    &["journal", "dump"],
    &["journal", "verify"],
    &["journal", "replay"],
    &["ledger", "show"],
    &["ledger", "verify"],
    &["ledger", "rebuild"],
    &["status", "--db"],
    &["run", "--listen", "127.0.0.1:0", "--for", "1s", "--db"],
];

/// What a command says of a file, and how it ends.
fn said(command: &[&str], file: &Path) -> (i32, String) {
    let said = ripcord(&[command, &[file.to_str().expect("text")]].concat());
    assert!(said.out.is_empty(), "{command:?}: {}", said.out);
    assert_eq!(said.err.lines().count(), 1, "{command:?}: {}", said.err);
    (said.code, said.err)
}

#[test]
fn what_is_no_store_is_refused_by_every_command_in_the_same_words() {
    let (folder, store) = stopped_out();
    let file = |name: &str| folder.path().join(name);
    std::fs::create_dir(file("folder.db")).expect("a folder");
    std::fs::write(file("empty.db"), "").expect("a file");
    std::fs::write(file("text.db"), "no store\n").expect("a file");
    Connection::open(file("foreign.db"))
        .and_then(|other| other.execute_batch("CREATE TABLE x (y)"))
        .expect("SQLite");
    std::fs::copy(&store, file("newer.db")).expect("a copy");
    Connection::open(file("newer.db"))
        .and_then(|newer| newer.pragma_update(None, "user_version", 99))
        .expect("SQLite");
    for (name, told) in [
        ("missing.db", "there is no such file"),
        ("folder.db", "this is no plain file"),
        ("empty.db", "this is no SQLite file"),
        ("text.db", "this is no SQLite file"),
        ("foreign.db", "a SQLite file of another program"),
        ("newer.db", "its schema has version 99"),
    ] {
        for command in COMMANDS {
            // A run makes the store that is not there.
            if command[0] == "run" && name == "missing.db" {
                continue;
            }
            let (code, err) = said(command, &file(name));
            assert!(code == 2 && err.contains(told), "{command:?} {name}: {code} {err}");
            assert_eq!(err.matches(name).count(), 1, "{command:?}: its name once: {err}");
        }
        let explained = ripcord(&["explain", "x", "--records", file(name).to_str().expect("text")]);
        assert_eq!((explained.code, explained.err.matches(name).count()), (2, 1), "{}", explained.err);
    }
}

#[test]
fn a_store_that_was_cut_short_is_told_with_what_to_do() {
    let (folder, store) = stopped_out();
    let cut = folder.path().join("cut.db");
    let whole = std::fs::read(&store).expect("a store");
    std::fs::write(&cut, &whole[..whole.len() / 2]).expect("a file");
    for command in COMMANDS {
        let (code, err) = said(command, &cut);
        assert!(code == 1 && err.contains("`ripcord db restore` for a backup"), "{command:?}: {code} {err}");
    }
    let restored = on("db", "restore", &store, &["--from", cut.to_str().expect("text")]);
    assert!(restored.code == 1 && restored.err.contains("cut.db"), "{}", restored.err);
}

#[test]
fn a_folder_that_is_not_there_is_the_fault_of_the_request() {
    let (folder, store) = stopped_out();
    let nowhere: PathBuf = folder.path().join("no/such/copy.db");
    let said = on("db", "backup", &store, &[nowhere.to_str().expect("text")]);
    assert!(
        said.code == 2 && said.err.contains("no/such: there is no such folder; make it first"),
        "{}",
        said.err
    );
}

#[test]
fn an_instrument_that_the_journal_does_not_have_is_refused_by_name() {
    let (_folder, store) = stopped_out();
    let said = on("ledger", "rebuild", &store, &["--fifo", "BTCUSD"]);
    assert!(
        said.code == 2 && said.err.contains("no instrument is named BTCUSD; the journal has BTCUSDT"),
        "{}",
        said.err
    );
    let said = on("ledger", "rebuild", &store, &["--fifo", "BTCUSDT", "--average-cost", "BTCUSDT"]);
    assert!(said.code == 2 && said.err.contains("profit is counted one way"), "{}", said.err);
    let said = on("ledger", "show", &store, &["--reason", "SOFTSTOP"]);
    assert!(said.code == 2 && said.err.contains("SOFT_STOP"), "{}", said.err);
}

/// A script that reads an exit code of 0 believes what it reads to be whole.
#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let (_folder, store) = stopped_out();
    let store = store.to_str().expect("text");
    for command in [
        &["journal", "dump", store][..],
        &["journal", "verify", store],
        &["journal", "replay", store, "--json"],
        &["ledger", "verify", store],
        &["ledger", "show", store],
        &["ledger", "rebuild", store],
        &["report", store],
        &["db", "status", store],
    ] {
        let full = std::fs::File::options().write(true).open("/dev/full").expect("a full device");
        let ended = Command::new(env!("CARGO_BIN_EXE_ripcord"))
            .args(command)
            .stdout(Stdio::from(full))
            .output()
            .expect("ripcord starts");
        let err = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(
            ended.status.code() == Some(1) && err.contains("standard output cannot be written"),
            "{command:?}: {err}"
        );
    }
}

/// Whoever reads an error reads it once, however much was to be printed.
#[cfg(target_os = "linux")]
#[test]
fn a_long_dump_into_a_full_output_says_so_once() {
    let (_folder, path) = stopped_out();
    let opening = Opening { now: Timestamp(9), program: "ripcord test", vfs: None };
    let (mut store, _) = Store::open(&path, &opening).expect("a store");
    let notes: Vec<JournalEntry> =
        (0..1_000).map(|_| JournalEntry::Settings(Settings { json: "x".repeat(200) })).collect();
    store.append(Timestamp(9), &notes).expect("memory");
    store.commit().expect("durable");
    drop(store);
    let full = std::fs::File::options().write(true).open("/dev/full").expect("a full device");
    let dump = ["journal", "dump", path.to_str().expect("text")];
    let ended = Command::new(env!("CARGO_BIN_EXE_ripcord")).args(dump).stdout(full).output();
    let err = String::from_utf8(ended.expect("ripcord starts").stderr).expect("text");
    assert_eq!(err.lines().count(), 1, "{err}");
}
