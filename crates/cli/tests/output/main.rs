//! What happens when standard output is full, or its reader goes away.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// Every command that prints, with what it reads; `run.jsonl` and `exits.csv` are made first.
const PRINTING: [&[&str]; 16] = [
    &["replay", "--market", "m.csv", "--symbol", "X", "--positions", "p.csv"],
    &["replay", "--market", "m.csv", "--symbol", "X", "--positions", "p.csv", "--json"],
    &["report", "--exits", "exits.csv"],
    &["report", "--records", "run.jsonl", "--json"],
    &["explain", "a", "--records", "run.jsonl"],
    &["explain", "a", "--records", "run.jsonl", "--json"],
    &["plan", "list"],
    &["plan", "list", "--json"],
    &["plan", "show", "bottrader"],
    &["plan", "resolve", "--symbol", "X", "--plan", "preset:bottrader"],
    &["check", "c.toml"],
    &["check", "c.toml", "--json"],
    &["tape", "info", "m.tape"],
    &["tape", "verify", "m.tape"],
    &["run", "--for", "1", "--listen", "127.0.0.1:0", "--quiet"],
    &["--help"],
];

fn ripcord(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ripcord"));
    command.args(args).current_dir(folder).stderr(Stdio::piped());
    command
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
    let ticks = (0..200_u64)
        .map(|n| format!("{},{}.00,1.0,buy\n", 1_767_225_600_000_000_000 + n * 1_000_000_000, 100 + n % 9));
    write("m.csv", &format!("ts_ns,price,qty,side\n{}", ticks.collect::<String>()));
    write(
        "p.csv",
        "id,symbol,side,entry_index,entry_price,qty,stop_pct,target_pct\na,X,long,0,100.00,2,0.02,0.05\n",
    );
    write("c.toml", "version = 1\n[[profile]]\nname = \"a\"\nplan = \"preset:exit-monitor\"\n");
    for args in [
        &[
            "replay",
            "--market",
            "m.csv",
            "--symbol",
            "X",
            "--positions",
            "p.csv",
            "--exits",
            "exits.csv",
            "--records",
            "run.jsonl",
        ][..],
        &["tape", "build", "m.csv", "-o", "m.tape", "--symbol", "X"],
    ] {
        let done = ripcord(folder.path(), args).stdout(Stdio::null()).output().expect("it runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
    folder
}

#[test]
fn a_full_output_is_a_failure_that_is_told() {
    let folder = folder();
    for args in PRINTING {
        let full = File::options().write(true).open("/dev/full").expect("Linux has it");
        let done = ripcord(folder.path(), args).stdout(full).output().expect("it runs");
        let told = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(1), "{args:?}: {told}");
        assert!(told.contains("cannot be written: No space left"), "{args:?}: {told}");
    }
}

#[test]
fn a_reader_that_has_read_enough_is_no_failure() {
    let folder = folder();
    for args in PRINTING {
        let mut child = ripcord(folder.path(), args).stdout(Stdio::piped()).spawn().expect("it starts");
        // Gone before the first line comes, as `| head -0` is.
        drop(child.stdout.take());
        let done = child.wait_with_output().expect("it ends");
        let told = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(0), "{args:?}: {told}");
        assert!(!told.contains("ripcord:"), "{args:?}: {told}");
    }
    let mut child = ripcord(folder.path(), PRINTING[0]).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut first = String::new();
    BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut first).expect("a line");
    assert!(first.starts_with("reason"), "{first}");
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn what_is_no_plain_file_is_written_into_and_never_replaced() {
    let folder = folder();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink("/dev/full", &link).expect("a link");
    let base = ["replay", "--market", "m.csv", "--symbol", "X", "--positions", "p.csv"];
    for option in ["--records", "--exits"] {
        let done =
            ripcord(folder.path(), &[&base[..], &[option, "link"]].concat()).output().expect("it runs");
        let told = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(1), "{option}: {told}");
        assert!(told.contains("link: No space left"), "{option}: {told}");
        assert_eq!(std::fs::read_link(&link).expect("still a link"), Path::new("/dev/full"));
    }
    let done = ripcord(folder.path(), &["tape", "build", "m.csv", "-o", "link"]).output().expect("it runs");
    assert_eq!(done.status.code(), Some(2));
    assert_eq!(std::fs::read_link(&link).expect("still a link"), Path::new("/dev/full"));
}
