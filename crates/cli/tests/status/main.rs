//! `ripcord status`: of a service that runs, and of a store at rest.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// Every rule of ours, and a stop at the venue.
const WITH_STOP: &str = "version = 1\nname = \"covered\"\ntaker_fee = 0.0005\n\
    [stop_loss]\ndistance = { fraction = 0.02 }\n[hard_stop]\nfraction = 0.05\n[bracket]\n";
/// Nothing bounds the loss.
const NO_STOP: &str = "version = 1\nname = \"bare\"\n[ladder]\nlegs = [{ close = 0.5, at = 0.5 }]\n";

fn ripcord(args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ripcord"));
    let ran = command.args(args).env("NO_COLOR", "1").output().expect("ripcord starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (ran.status.code(), text(ran.stdout), text(ran.stderr))
}

/// A store that a paper run under `plan` left behind while it held something.
fn store(folder: &Path, plan: &str) -> (PathBuf, PathBuf) {
    let (plan_file, store) = (folder.join("plan.toml"), folder.join("paper.db"));
    std::fs::write(&plan_file, plan).expect("written");
    let args = ["run", "--db", store.to_str().expect("UTF-8"), "--plan", plan_file.to_str().expect("UTF-8")];
    let rest = ["--listen", "127.0.0.1:0", "--speed", "20", "--for", "2s", "--regime", "calm", "--quiet"];
    let (code, out, err) = ripcord(&[&args[..], &rest[..]].concat());
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    (store, plan_file)
}

fn json(args: &[&str]) -> (Option<i32>, Value) {
    let (code, out, err) = ripcord(&[args, &["--json"]].concat());
    (code, serde_json::from_str(&out).unwrap_or_else(|_| panic!("{code:?} {out} {err}")))
}

#[test]
fn a_store_at_rest_tells_what_the_venue_covers() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, _) = store(folder.path(), WITH_STOP);
    let store = store.to_str().expect("UTF-8");
    let (code, told) = json(&["status", "--db", store]);
    assert_eq!(
        (code, &told["state"], &told["health"]),
        (Some(0), &"covered".into(), &"at_rest".into()),
        "{told}"
    );
    assert_eq!(
        (&told["store"]["journal"], &told["totals"]["covered_percent"]),
        (&"sound".into(), &"100.0".into())
    );
    let positions = told["positions"].as_array().expect("a list");
    assert!(!positions.is_empty(), "{told}");
    for position in positions {
        assert_eq!((&position["held"], &position["cover"]), (&position["covered"], &"as_planned".into()));
        assert!(position["stop"]["confirmed_at"].is_string() && position["worst_without_us"].is_string());
        assert!(position["stop"]["seen_at"].is_string() && position["stop"]["seen_ms_ago"].is_i64());
        // From the opening until the venue's answer: the venue is 50 ms away, both ways.
        let naked = position["naked_ms"].as_i64().expect("a time");
        assert!((1..=500).contains(&naked) && position["naked_since"].is_null(), "{position}");
    }
    let (code, out, _) = ripcord(&["status", "--db", store]);
    assert_eq!(code, Some(0));
    for words in
        ["everything held is covered as its plan wants", "100.0 %", "at rest", "each as it was written"]
    {
        assert!(out.contains(words), "no {words}: {out}");
    }
    assert!(!out.contains('\x1b') && out.lines().all(|line| line == line.trim_end()), "{out}");
}

#[test]
fn a_store_that_a_run_holds_is_not_at_rest() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, _) = store(folder.path(), WITH_STOP);
    let opening =
        ripcord_store::Opening { now: ripcord_core::time::Timestamp(1), program: "ripcord test", vfs: None };
    let held = ripcord_store::Store::open(&store, &opening).expect("a store");
    let store = store.to_str().expect("UTF-8");
    let (_, told) = json(&["status", "--db", store]);
    assert_eq!(told["health"], "held_by_a_run", "{told}");
    let (_, out, _) = ripcord(&["status", "--db", store]);
    let who = format!("a run holds this store (process {})", std::process::id());
    assert!(out.contains(&who) && out.contains("`ripcord status` asks the run itself"), "{out}");
    drop(held);
    assert_eq!(json(&["status", "--db", store]).1["health"], "at_rest");
}

#[test]
fn status_report_and_explain_agree_on_the_time_without_a_stop() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, _) = store(folder.path(), WITH_STOP);
    let store = store.to_str().expect("UTF-8");
    let (_, status) = json(&["status", "--db", store]);
    let (code, report) = json(&["report", store, "--unprotected"]);
    assert_eq!((code, &report["unprotected"]["unprotected_ms"]), (Some(0), &0.into()), "{report}");
    let told = report["unprotected"]["positions"].as_array().expect("a list");
    let sum: i64 = told.iter().filter_map(|position| position["naked_ms"].as_i64()).sum();
    assert!(sum > 0 && report["unprotected"]["naked_ms"] == sum, "{report}");
    let held = status["positions"].as_array().expect("a list");
    assert!(!held.is_empty() && held.len() <= told.len(), "{status}\n{report}");
    for position in held {
        let (id, naked) = (position["id"].as_str().expect("a name"), &position["naked_ms"]);
        let (code, story) = json(&["explain", id, "--store", store]);
        assert_eq!((code, &story["naked_ms"]), (Some(0), naked), "{story}");
        let (_, text, _) = ripcord(&["explain", id, "--store", store]);
        assert!(text.contains("without the stop at the venue that its plan wants for 0.1 s"), "{text}");
    }
}

/// A ledger that does not include the journal knows of no episode: that is not "never".
#[test]
fn a_ledger_that_is_behind_is_not_asked_whether_anything_was_unprotected() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, _) = store(folder.path(), NO_STOP);
    let name = store.to_str().expect("UTF-8");
    let told = || {
        let (code, report) = json(&["report", name, "--unprotected"]);
        assert_eq!(code, Some(0), "{report}");
        let of = |field: &str| report["unprotected"][field].as_i64().expect("a time");
        (of("unprotected_ms"), of("unprotected_longest_ms"), of("naked_ms"))
    };
    let by_ledger = told();
    assert!(by_ledger.0 > 0, "{by_ledger:?}");
    let file = ripcord_store::rusqlite::Connection::open(&store).expect("a database");
    file.execute_batch("DELETE FROM episodes; UPDATE ledger_state SET folded_seq = 0").expect("sql");
    drop(file);
    assert_eq!(told(), by_ledger);
}

#[test]
fn bare_money_ends_with_3_and_an_alarm() {
    let folder = tempfile::tempdir().expect("a folder");
    let (store, _) = store(folder.path(), NO_STOP);
    let store = store.to_str().expect("UTF-8");
    let (code, told) = json(&["status", "--db", store]);
    assert_eq!((code, &told["state"]), (Some(3), &"short".into()), "{told}");
    let positions = told["positions"].as_array().expect("a list");
    assert_eq!(
        (&told["totals"]["short"], told["totals"]["unbounded_with_us"].as_u64()),
        (&positions.len().into(), Some(positions.len() as u64))
    );
    assert!(told["alarms"].as_array().expect("a list").iter().all(|alarm| alarm["what"] == "no_protection"));
    let (code, out, _) = ripcord(&["status", "--db", store]);
    assert_eq!(code, Some(3));
    assert!(
        out.contains("NOT COVERED") && out.contains("unbounded") && out.contains("no stop of any kind"),
        "{out}"
    );
}

/// A service under `plan`, and where it listens.
fn service(plan: &Path) -> (Child, String) {
    let plan = plan.to_str().expect("UTF-8");
    let args = ["run", "--plan", plan, "--listen", "127.0.0.1:0", "--speed", "20", "--regime", "calm"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_ripcord"));
    command.env("XDG_RUNTIME_DIR", env!("CARGO_TARGET_TMPDIR"));
    let mut child = command.args(args).stdout(Stdio::piped()).spawn().expect("ripcord starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let (mut url, mut opened) = (None, false);
    while url.is_none() || !opened {
        let line = lines.next().expect("it goes on").expect("text");
        opened |= line.contains("POSITION_OPENED");
        if let Some((_, rest)) = line.split_once("http://") {
            url = url.or_else(|| rest.split_once('/').map(|(host, _)| format!("http://{host}")));
        }
    }
    // Whoever writes must be read.
    std::thread::spawn(move || lines.for_each(drop));
    (child, url.expect("an address"))
}

#[test]
fn a_running_service_says_the_same_until_it_is_gone() {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = folder.path().join("plan.toml");
    std::fs::write(&plan, NO_STOP).expect("written");
    let (mut child, url) = service(&plan);
    let mut told = json(&["status", "--url", &url]);
    // The state is published ten times a second.
    for _ in 0..200 {
        if told.1["positions"].as_array().is_some_and(|positions| !positions.is_empty()) {
            break;
        }
        told = json(&["status", "--url", &url]);
    }
    let (code, out, _) = ripcord(&["status", "--url", &url]);
    child.kill().expect("killed");
    child.wait().expect("gone");
    assert_eq!(
        (told.0, &told.1["state"], &told.1["store"]),
        (Some(3), &"short".into(), &Value::Null),
        "{}",
        told.1
    );
    assert_eq!(code, Some(3));
    assert!(out.contains("kept nowhere") && out.contains("NOT COVERED"), "{out}");
    let (code, out, err) = ripcord(&["status", "--url", &url]);
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert!(err.contains("does not answer") && err.contains("ripcord run"), "{err}");
}

#[test]
fn what_is_no_service_and_no_store_is_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let other = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("asked");
        let mut asked = [0; 1024];
        let _some = stream.read(&mut asked).expect("a request");
        stream.write_all(b"HTTP/1.0 404 Not Found\r\n\r\n").expect("answered");
    });
    let (code, _, err) = ripcord(&["status", "--url", &url]);
    other.join().expect("it answered");
    assert_eq!(code, Some(1));
    assert!(err.contains("is no ripcord service") && err.contains("404"), "{err}");
    let (code, _, err) = ripcord(&["status", "--url", "ftp://here"]);
    assert_eq!(code, Some(2), "{err}");
    let (code, _, err) = ripcord(&["status", "--db", "/nowhere/at-all.db"]);
    assert_eq!(code, Some(2), "{err}");
}
