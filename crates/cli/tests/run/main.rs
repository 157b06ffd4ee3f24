//! `ripcord run` as somebody starts it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

mod config;
mod kept;

fn ripcord(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ripcord"));
    command
        .arg("run")
        .args(args)
        .env("NO_COLOR", "1")
        .env("XDG_RUNTIME_DIR", env!("CARGO_TARGET_TMPDIR"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn output(args: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = ripcord(args).output().expect("ripcord starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (status.code(), text(stdout), text(stderr))
}

/// Reads lines until one holds `word`.
fn wait_for(child: &mut Child, word: &str) -> (String, BufReader<std::process::ChildStdout>) {
    let mut reader = BufReader::new(child.stdout.take().expect("a pipe"));
    let mut seen = String::new();
    while !seen.contains(word) {
        let before = seen.len();
        assert!(reader.read_line(&mut seen).is_ok() && seen.len() > before, "no {word} in\n{seen}");
    }
    (seen, reader)
}

#[test]
fn three_seconds_at_full_speed_print_tags_and_end_well() {
    let (code, out, err) =
        output(&["--for", "3s", "--listen", "127.0.0.1:0", "--seed", "7", "--speed", "max"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.contains("http://127.0.0.1:") && !out.contains("127.0.0.1:0/"), "the bound address is told");
    for tag in [
        "BOOTSTRAP",
        "MARKET",
        "POSITION_OPENED",
        "EXIT_TP_TRIGGER",
        "EXIT_SL_TRIGGER",
        "EXIT_LOSS_GUARD",
        "EXIT_TRAILING",
        "EXIT_RATCHET_SL",
        "EXIT_SENT",
        "EXIT_ORDER",
        "EXIT_SOURCE",
        "POSITION_CLOSED",
        "STOPPING",
        "SUMMARY",
    ] {
        assert!(out.contains(&format!("Z {tag} ")), "no {tag}");
    }
    assert!(out.contains("the time given with --for is up"));
    assert!(!out.contains('\x1b'), "a pipe gets no colours");
}

#[test]
fn json_lines_all_parse() {
    let (code, out, _) =
        output(&["--for", "1", "--listen", "127.0.0.1:0", "--seed", "7", "--speed", "1000", "--json"]);
    assert_eq!(code, Some(0));
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    for line in &lines {
        assert!(line["tag"].is_string() && line["ts"].is_string() && line["text"].is_string(), "{line}");
    }
    let sent = lines.iter().find(|line| line["tag"] == "EXIT_SENT").expect("an exit");
    for field in ["symbol", "side", "episode", "order_id", "close_side", "reason", "qty", "price"] {
        assert!(sent[field].is_string(), "{field}: {sent}");
    }
    assert!(lines.iter().any(|line| line["tag"] == "SUMMARY" && line["reason"] == "all"));
}

#[test]
fn quiet_prints_the_start_and_the_end() {
    let (code, out, _) = output(&["--for", "1", "--listen", "127.0.0.1:0", "--speed", "100", "--quiet"]);
    assert_eq!(code, Some(0));
    let odd: Vec<&str> = out
        .lines()
        .filter(|line| !["BOOTSTRAP", "STOPPING", "SUMMARY"].iter().any(|tag| line.contains(tag)))
        .collect();
    assert!(odd.is_empty(), "{odd:?}");
    assert!(out.contains("SUMMARY"));
}

#[test]
fn a_busy_port_is_named_with_a_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = taken.local_addr().expect("an address").to_string();
    let (code, out, err) = output(&["--for", "1", "--listen", &addr]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    let expected = format!(
        "ripcord: {addr} is in use by another program; stop it, or choose another port with --listen 127.0.0.1:0 (0: any free one)\n"
    );
    assert_eq!(err, expected);
}

#[test]
fn requests_that_contradict_themselves_are_refused() {
    for (args, says) in [
        (&["--speed", "0"][..], "at speed 0 the market stands still; give 1, 10, .. or max"),
        (&["--speed", "fast"], "give a whole number such as 1 or 10, or max"),
        (&["--max-positions", "0"], "0 is not in 1..=10000"),
        (&["--for", "0"], "is no time at all"),
        (&["--for", "0s"], "is no time at all"),
        (&["--venue", "localhost:1", "--db", "x", "--read-every", "0"], "without a pause; give 1s to 5m"),
        (&["--venue", "localhost:1", "--db", "x", "--read-every", "100d"], "too late; give 1s to 5m"),
        (
            &["--venue", "localhost:1", "--db", "x", "--order-budget", "50/0s"],
            "at least 1s and at most a day",
        ),
        (&["--venue", "localhost:1", "--db", "x", "--max-positions", "3"], "cannot be used with"),
        (&["--listen", "here:8007"], "such as 127.0.0.1:8007, localhost:8007 or [::1]:8007"),
        (&["--listen", "localhost:0", "--token-file", "/tmp"], "/tmp is a folder; name the file in it"),
        (&["--for", "5x"], "give seconds, or a number with s, m, h or d"),
        (&["--for", "999999999999d"], "is longer than"),
        (&["--tape", "x.tape", "--regime", "calm"], "cannot be used with"),
        (&["--listen", "127.0.0.1:0", "--tape", "no-such.tape"], "ripcord tape build"),
    ] {
        let (code, _, err) = output(args);
        assert_eq!(code, Some(2), "{args:?}: {err}");
        assert!(err.contains(says), "{args:?}: {err}");
    }
}

/// Whether whoever runs these tests has them live on when its terminal closes.
#[cfg(unix)]
fn hangup_is_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_none_or(|mask| mask & 1 != 0)
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_with_a_summary() {
    let hangup = if hangup_is_ignored() { None } else { Some("-HUP") };
    for signal in ["-INT", "-TERM"].into_iter().chain(hangup) {
        let mut child =
            ripcord(&["--listen", "127.0.0.1:0", "--speed", "50"]).spawn().expect("ripcord starts");
        let (seen, mut reader) = wait_for(&mut child, "POSITION_OPENED");
        let token = seen.split("with the token in ").nth(1).and_then(|rest| rest.lines().next());
        let token = std::path::Path::new(token.expect("its place"));
        assert!(token.exists(), "{token:?}");
        let killed = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill");
        assert!(killed.success());
        let mut rest = String::new();
        reader.read_to_string(&mut rest).expect("the rest");
        let status = child.wait().expect("an end");
        assert_eq!(status.code(), Some(0), "{signal}");
        assert!(rest.contains("STOPPING        stop was asked for"), "{rest}");
        assert!(rest.contains("SUMMARY         all"), "{rest}");
        assert!(!token.exists(), "{token:?} is left");
    }
}

/// `nohup` has it live on when the terminal closes.
#[cfg(target_os = "linux")]
#[test]
fn a_hangup_that_was_to_be_ignored_ends_nothing() {
    let mut child = Command::new("nohup")
        .args([env!("CARGO_BIN_EXE_ripcord"), "run", "--listen", "127.0.0.1:0", "--speed", "50"])
        .env("XDG_RUNTIME_DIR", env!("CARGO_TARGET_TMPDIR"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("nohup starts");
    let (_, mut reader) = wait_for(&mut child, "POSITION_OPENED");
    let kill = |signal: &str| Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(kill("-HUP").expect("kill").success());
    let mut next = String::new();
    for _ in 0..5 {
        assert!(reader.read_line(&mut next).expect("it goes on") > 0 && !next.contains("STOPPING"), "{next}");
    }
    assert!(kill("-TERM").expect("kill").success());
    reader.read_to_string(&mut next).expect("the rest");
    assert_eq!(child.wait().expect("an end").code(), Some(0));
    assert!(next.contains("SUMMARY         all"), "{next}");
}

#[test]
fn a_reader_that_goes_away_ends_the_run() {
    let mut child = ripcord(&["--listen", "127.0.0.1:0", "--speed", "50"]).spawn().expect("ripcord starts");
    let (_, reader) = wait_for(&mut child, "POSITION_OPENED");
    drop(reader);
    let ended = child.wait_with_output().expect("an end");
    assert_eq!((ended.status.code(), ended.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn its_positions_can_be_looked_at_while_it_runs() {
    let mut child = ripcord(&["--listen", "127.0.0.1:0", "--speed", "20", "--for", "30"])
        .spawn()
        .expect("ripcord starts");
    let (seen, reader) = wait_for(&mut child, "POSITION_OPENED");
    let addr = seen.split("http://").nth(1).and_then(|rest| rest.split('/').next()).expect("an address");
    let mut count = 0;
    // The state is published ten times a second.
    for _ in 0..2_000 {
        let mut stream = TcpStream::connect(addr).expect("a connection");
        write!(stream, "GET /positions HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        let body: Value = serde_json::from_str(body).expect("JSON");
        count = body["count"].as_u64().unwrap_or(0);
        if count > 0 {
            break;
        }
    }
    assert!(count > 0, "no position was seen over HTTP");
    child.kill().expect("ours");
    child.wait().expect("an end");
    drop(reader);
}
