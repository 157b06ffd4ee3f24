//! `ripcord run --venue`: killed again and again beside a venue that outlives it; and what it refuses.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use ripcord_kill::judge::{Limits, judge};
use ripcord_kill::told::Total;
use ripcord_kill::world::{CLOSED_WITHIN, WorldConfig, live};

const RIPCORD: &str = env!("CARGO_BIN_EXE_ripcord");

fn world(folder: &Path, kills: u32, seed: u64) -> WorldConfig {
    let folder = folder.to_owned();
    let (ripcord, closed_within) = (RIPCORD.into(), CLOSED_WITHIN);
    WorldConfig { ripcord, kills, seed, is_forgetful: false, closed_within, folder }
}

/// Lives through worlds side by side, so that both cores have something to do.
fn lived(kills: u32, seeds: &[u64]) -> Total {
    let mut total = Total::default();
    std::thread::scope(|scope| {
        let worlds = seeds.iter().map(|&seed| {
            scope.spawn(move || {
                let folder = tempfile::tempdir().expect("a folder");
                live(&world(folder.path(), kills, seed)).expect("a world")
            })
        });
        let worlds: Vec<_> = worlds.collect();
        for world in worlds {
            let lived = world.join().expect("a world does not panic");
            let verdict = judge(&lived.account, &Limits::PROMISED);
            total.add(&lived, verdict);
        }
    });
    total
}

#[test]
fn killed_fifty_times_beside_a_venue_that_outlives_it_every_position_ends_once() {
    let total = lived(25, &[7, 8]);
    let text = total.text(&Limits::PROMISED);
    assert!(total.verdict.violations.is_empty(), "cargo xtask kill --kills 25 --seed 7 (or 8)\n{text}");
    let named =
        total.by_name.keys().filter(|name| !name.contains("any moment") && !name.contains("not passed"));
    assert!(total.kills >= 40 && named.count() >= 5, "{text}");
    assert!(total.verdict.closed >= 10 && total.verdict.fills >= 20, "too quiet:\n{text}");
}

/// The control: whoever forgets everything, and can read nothing, must be found out.
#[test]
fn an_engine_that_forgets_its_store_is_found_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let closed_within = Duration::from_secs(14);
    let config = WorldConfig { is_forgetful: true, closed_within, ..world(folder.path(), 6, 7) };
    let lived = live(&config).expect("a world");
    let verdict = judge(&lived.account, &Limits::PROMISED);
    let lost = verdict.violations.iter().filter(|what| what.contains("is open at the end"));
    assert!(lost.count() > 0, "{:?}", verdict.violations);
}

fn ripcord(args: &[&str]) -> Command {
    let mut command = Command::new(RIPCORD);
    command
        .args(args)
        .env("NO_COLOR", "1")
        .env("XDG_RUNTIME_DIR", env!("CARGO_TARGET_TMPDIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn output(args: &[&str]) -> (Option<i32>, String) {
    let Output { status, stdout, stderr } = ripcord(args).output().expect("ripcord starts");
    (status.code(), String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr))
}

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// Starts a process; its output from the line on that holds `word`.
fn running(args: &[&str], word: &str) -> (Running, String, BufReader<std::process::ChildStdout>) {
    let mut child = ripcord(args).spawn().expect("ripcord starts");
    let reader = BufReader::new(child.stdout.take().expect("a pipe"));
    let (mut running, mut reader) = (Running(child), reader);
    let line = until(&mut reader, word);
    match line {
        Some(line) => (running, line, reader),
        None => {
            let mut why = String::new();
            running.0.stderr.take().expect("a pipe").read_to_string(&mut why).expect("text");
            panic!("no {word}: {why}");
        }
    }
}

/// The next line that holds `word`.
fn until(reader: &mut BufReader<std::process::ChildStdout>, word: &str) -> Option<String> {
    let mut line = String::new();
    while reader.read_line(&mut line).expect("text") > 0 {
        if line.contains(word) {
            return Some(line);
        }
        line.clear();
    }
    None
}

#[test]
fn what_cannot_be_meant_is_refused_with_a_way_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let db = folder.path().join("engine.db");
    let db = db.to_str().expect("UTF-8");
    let free =
        TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").to_string();
    for (args, says) in [
        (&["run", "--venue", "127.0.0.1:1"][..], "--db <FILE>"),
        (&["run", "--venue", "nowhere", "--db", db], "such as 127.0.0.1:8007, localhost:8007"),
        (&["run", "--venue", "127.0.0.1:1", "--db", db, "--tape", "x.tape"], "cannot be used with"),
        (&["run", "--venue", "127.0.0.1:1", "--db", db, "--speed", "10"], "cannot be used with"),
        (&["run", "--read-every", "5s"], "--venue <ADDR:PORT>"),
        (&["run", "--shadow"], "--venue <ADDR:PORT>"),
        (&["run", "--order-budget", "50/10s"], "--venue <ADDR:PORT>"),
        (&["run", "--venue", &free, "--db", db, "--order-budget", "50"], "such as 50/10s"),
        (&["run", "--venue", &free, "--db", db, "--order-budget", "1/10s"], "2 to 10000 orders"),
        (&["run", "--venue", &free, "--db", db, "--order-budget", "50/2d"], "at most a day"),
        (&["run", "--venue", "192.0.2.1:8010", "--db", db], "192.0.2.1:8010 is not on this machine"),
        (&["run", "--venue", "192.0.2.1:8010", "--db", db], "say --venue-remote if that is meant"),
        (&["run", "--venue", &free, "--db", db], "start one with `ripcord venue --listen"),
        (&["venue", "--listen", "0.0.0.0:0"], "say --open-to-network if that is meant"),
    ] {
        let (code, text) = output(args);
        assert_eq!(code, Some(2), "{args:?}: {text}");
        assert!(text.contains(says), "{args:?}: {text}");
    }
    assert!(!Path::new(db).exists(), "what is refused leaves no store");
}

/// Somebody who says these lines to whoever connects, and nothing else.
fn says(lines: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut heard = [0; 4_096];
            // Whoever connects speaks first.
            let _hello = stream.read(&mut heard);
            let _said = stream.write_all(lines.as_bytes());
        }
    });
    addr
}

#[test]
fn what_is_no_venue_is_not_traded_at() {
    let folder = tempfile::tempdir().expect("a folder");
    let db = folder.path().join("engine.db");
    let hello =
        |rest: &str| format!(r#"{{"hello":{{"protocol":"ripcord-venue-lines","version":5,{rest}}}}}"#) + "\n";
    let none: &'static str =
        Box::leak(hello(r#""venue":"x","now":1,"accounts":0,"instruments":[]"#).into_boxed_str());
    for (lines, says_what) in [
        ("", "closed the connection without a word"),
        ("HTTP/1.1 400 Bad Request\r\n\r\n", "line 1: the word: "),
        (
            "{\"hello\":{\"protocol\":\"ripcord-venue-lines\",\"version\":9,\"venue\":\"x\",\"now\":1,\"accounts\":1,\"instruments\":[]}}\n",
            "hello.version is 9; this side speaks version 5",
        ),
        ("{\"accepted\":{\"id\":\"x\"}}\n", "its first line is no hello"),
        (none, "hello.accounts is 0; it must be 1 to 1000"),
    ] {
        let addr = says(lines).to_string();
        let (code, text) = output(&["run", "--venue", &addr, "--db", db.to_str().expect("UTF-8")]);
        assert_eq!(code, Some(2), "{text}");
        assert!(text.contains(&addr) && text.contains(says_what), "{text}");
    }
}

#[test]
fn a_venue_that_comes_back_is_read_again_and_another_one_is_not_spoken_to() {
    let folder = tempfile::tempdir().expect("a folder");
    let db = folder.path().join("engine.db");
    let (first, line, _out) =
        running(&["venue", "--listen", "127.0.0.1:0", "--trouble", "none", "--seed", "5"], "venue ");
    let addr =
        line.strip_prefix("venue ").and_then(|rest| rest.split(',').next()).expect("an address").to_owned();
    let args = [
        "run",
        "--venue",
        &addr,
        "--listen",
        "127.0.0.1:0",
        "--db",
        db.to_str().expect("UTF-8"),
        "--for",
        "60s",
    ];
    let (_engine, _, mut said) = running(&args, "the venue is there");
    assert!(until(&mut said, "POSITION_OPENED").is_some());
    drop(first);
    let gone = until(&mut said, "the venue is not there").expect("it is told");
    assert!(gone.contains("ALARM") && gone.contains("what rests there still acts"), "{gone}");
    let other = running(&["venue", "--listen", &addr, "--trouble", "none", "--seed", "6"], "venue ");
    let refused = until(&mut said, "another venue is at").expect("it is told");
    assert!(refused.contains("simulated-6, and it was simulated-5; it is not spoken to"), "{refused}");
    drop(other);
    let _back = running(&["venue", "--listen", &addr, "--trouble", "none", "--seed", "5"], "venue ");
    assert!(until(&mut said, "the venue is there").is_some());
    assert!(until(&mut said, "is read").is_some(), "what it holds is read again");
}

#[test]
fn a_shadow_takes_over_what_it_reads_sends_nothing_and_goes_on_after_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (db, account) = (path("shadow.db"), path("account.jsonl"));
    let venue =
        ["venue", "--listen", "127.0.0.1:0", "--trouble", "none", "--seed", "3", "--account-file", &account];
    let (_venue, line, _out) = running(&venue, "venue ");
    let addr =
        line.strip_prefix("venue ").and_then(|rest| rest.split(',').next()).expect("an address").to_owned();
    let live = ["run", "--venue", &addr, "--listen", "127.0.0.1:0", "--db", &db, "--for", "60s"];
    let shadow = [&live[..], &["--shadow", "--order-budget", "50/10s"]].concat();
    let (engine, first, mut said) = running(&shadow, "BOOTSTRAP");
    assert!(first.contains("in shadow: no order reaches the account, and nothing protects it"), "{first}");
    assert!(until(&mut said, "taken over").is_some(), "what somebody else opened is found");
    assert!(until(&mut said, "EXIT_SENT").is_some(), "on paper it is protected");
    drop(engine);
    let (code, text) = output(&["status", "--db", &db]);
    assert!(code == Some(0) || code == Some(3), "{text}");
    assert!(text.contains("in shadow, at rest") && text.contains("it protects nothing there"), "{text}");
    let (_, text) = output(&["status", "--db", &db, "--json"]);
    let budget = r#""budget":{"orders":50,"pace":"free","reserve_percent":"20.0000000","window_ms":10000}"#;
    assert!(text.contains(budget), "{text}");
    let (code, text) = output(&live);
    assert_eq!(code, Some(2), "what was closed on paper is not told a venue: {text}");
    assert!(text.contains("it was shadow true"), "{text}");
    let (_engine, _, mut said) = running(&shadow, "positions kept from before: ");
    assert!(until(&mut said, "is read").is_some());
    let account = std::fs::read_to_string(&account).expect("its account");
    let is_order = |word: &str| account.contains(&format!("\"{word}\""));
    assert!(is_order("opened") && !is_order("placed") && !is_order("refused"), "{account}");
}
