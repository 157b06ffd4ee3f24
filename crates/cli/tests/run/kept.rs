//! `ripcord run --db FILE`: killed at any moment and started again.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::output;

fn journal(args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ripcord"));
    let ran = command.args(args).env("NO_COLOR", "1").output().expect("ripcord starts");
    (ran.status.code(), String::from_utf8(ran.stdout).expect("text") + &String::from_utf8_lossy(&ran.stderr))
}

/// Every fact of the journal, in order: its kind and its content.
fn facts(store: &str) -> Vec<(String, Value)> {
    let (code, text) = journal(&["journal", "dump", store, "--json"]);
    assert_eq!(code, Some(0), "{text}");
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines
        .filter_map(|line| {
            let entry = line["entry"].as_object()?.clone();
            let (kind, content) = entry.into_iter().next()?;
            Some((kind, content))
        })
        .collect()
}

#[test]
fn killed_again_and_again_it_closes_each_position_once_and_forgets_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("paper.db");
    let store = store.to_str().expect("UTF-8");
    let args = ["run", "--db", store, "--listen", "127.0.0.1:0", "--speed", "30", "--regime", "crash"];
    for life in 0..6_u64 {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ripcord"))
            .args(args)
            .env("XDG_RUNTIME_DIR", folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("ripcord starts");
        // Not a wait for anything: the moment of death is meant to be arbitrary.
        std::thread::sleep(Duration::from_millis(900 + 173 * life));
        child.kill().expect("killed");
        child.wait().expect("gone");
    }
    let (code, out, err) = output(&[
        "--db",
        store,
        "--listen",
        "127.0.0.1:0",
        "--speed",
        "30",
        "--regime",
        "crash",
        "--for",
        "2s",
    ]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    for check in [["journal", "verify", store], ["journal", "replay", store], ["ledger", "verify", store]] {
        let (code, text) = journal(&check);
        assert_eq!(code, Some(0), "{check:?}: {text}");
    }
    let mut held: BTreeMap<String, i64> = BTreeMap::new();
    let mut fills = 0;
    for (kind, content) in facts(store) {
        match kind.as_str() {
            "opened" => {
                let twice =
                    held.insert(content["episode"].to_string(), content["qty"].as_i64().expect("a quantity"));
                assert_eq!(twice, None, "{content} lives twice");
            }
            "filled" => {
                let left = held.get_mut(&content["id"]["episode"].to_string()).expect("it was opened");
                *left -= content["qty"].as_i64().expect("a quantity");
                assert_eq!(Some(*left), content["remaining"].as_i64(), "{content}");
                assert!(*left >= 0, "{content} closes more than was held");
                fills += 1;
            }
            "closed" => assert_eq!(held[&content["episode"].to_string()], 0, "{content}"),
            _ => {}
        }
    }
    assert!(fills > 5, "only {fills} fills: too quiet");
    assert!(Path::new(store).exists());
}

#[test]
fn a_store_of_another_run_is_refused_by_what_differs() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("paper.db");
    let store = store.to_str().expect("UTF-8");
    let (code, _, err) = output(&["--db", store, "--listen", "127.0.0.1:0", "--for", "1s"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let before = journal(&["journal", "dump", store]);
    let (code, _, err) = output(&["--db", store, "--listen", "127.0.0.1:0", "--for", "1s", "--seed", "8"]);
    assert_eq!(code, Some(2), "{err}");
    assert_eq!(journal(&["journal", "dump", store]), before, "a start that was refused leaves no trace");
    assert!(
        err.contains("other settings: it was seed 7, this one is seed 8; give the same, or another --db"),
        "{err}"
    );
}

#[test]
fn a_start_that_is_refused_makes_no_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = taken.local_addr().expect("an address").to_string();
    std::fs::write(
        path("c.toml"),
        "version = 1\n[[profile]]\nname = \"a\"\ninstrument = \"NONE\"\nplan = \"preset:trend\"\n",
    )
    .expect("a file");
    let (config, token, store) = (path("c.toml"), path("none.token"), path("paper.db"));
    for (more, told) in [
        (&["--listen", &addr][..], "is in use by another program"),
        (&["--listen", "127.0.0.1:0", "--config", &config], "no profile is for an instrument of this market"),
        (&["--listen", "127.0.0.1:0", "--token-file", &token], "none.token cannot be read"),
    ] {
        let (code, _, err) = output(&[&["--db", &store, "--for", "1s"], more].concat());
        assert!(code == Some(2) && err.contains(told), "{more:?}: {err}");
        assert!(!Path::new(&store).exists(), "{more:?}");
    }
}

#[test]
fn a_place_that_cannot_hold_a_store_is_refused_with_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    std::fs::create_dir(path("a-folder.db")).expect("a folder");
    std::fs::write(path("text.db"), "no store, but long enough to be looked at more closely".repeat(4))
        .expect("a file");
    let mut places =
        vec![path("a-folder.db"), path("text.db"), path("no/such/ripcord.db"), path("text.db/ripcord.db")];
    if cfg!(target_os = "linux") {
        // Nobody may write there, not even root.
        places.push("/proc/ripcord.db".to_owned());
    }
    for place in places {
        let (code, out, err) = output(&["--db", &place, "--listen", "127.0.0.1:0", "--for", "1s"]);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{place}: {err}");
        let name = place.trim_end_matches("/ripcord.db");
        assert!(err.contains(name) && !err.contains("panicked"), "{place}: {err}");
    }
}

#[test]
fn a_store_that_is_removed_while_it_is_written_to_ends_the_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("paper.db");
    let mut child = super::ripcord(&[
        "--db",
        store.to_str().expect("UTF-8"),
        "--listen",
        "127.0.0.1:0",
        "--speed",
        "30",
        "--for",
        "60s",
    ])
    .spawn()
    .expect("ripcord starts");
    let (_, reader) = super::wait_for(&mut child, "COMPLETE");
    let drain = std::thread::spawn(move || std::io::Read::bytes(reader).count());
    std::fs::remove_file(&store).expect("it is there");
    let done = child.wait_with_output().expect("it ends by itself");
    drain.join().expect("read to its end");
    let err = String::from_utf8(done.stderr).expect("text");
    assert_eq!(done.status.code(), Some(1), "{err}");
    assert!(
        err.contains("paper.db was removed or replaced") && err.contains("no order was sent since"),
        "{err}"
    );
}
