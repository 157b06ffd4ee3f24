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

/// A tape, a Parquet file: what was cut short or changed is 1, what was never meant is 2.
#[test]
fn what_was_cut_short_is_told_from_what_was_never_meant() {
    let folder = folder();
    let whole = std::fs::read(folder.path().join("m.tape")).expect("a tape");
    std::fs::write(folder.path().join("cut.tape"), &whole[..whole.len() - 9]).expect("written");
    std::fs::write(folder.path().join("x.parquet"), b"PAR1 and no more PAR1").expect("written");
    std::fs::write(folder.path().join("x.feather"), b"ARROW1 and no more").expect("written");
    let base = ["replay", "--positions", "p.csv", "--market"];
    let cases: [(i32, &[&str], &str); 16] = [
        (1, &["tape", "info", "cut.tape"], "cut short"),
        (1, &["tape", "verify", "cut.tape"], "cut short"),
        (1, &["run", "--listen", "127.0.0.1:0", "--tape", "cut.tape"], "cut short"),
        (1, &["tape", "build", "x.parquet", "-o", "x.tape"], "damaged or cut short"),
        (2, &["tape", "info", "nix.tape"], "No such file"),
        (2, &["tape", "verify", "."], "not a tape"),
        (2, &["tape", "verify", "m.csv"], "not a tape"),
        (2, &["tape", "build", "nix"], "nix: cannot read: No such file"),
        (2, &["tape", "build", ".", "-o", "x.tape"], ".: this is a folder"),
        (
            2,
            &["tape", "build", "m.db", "-o", "x.tape"],
            "known are .parquet, .csv, .feather and .json, and .tape",
        ),
        (2, &["run", "--listen", "127.0.0.1:0", "--tape", "nix.tape"], "No such file"),
        (2, &["drill", "exit", "--rule", "panic", "--save", "m.csv"], "--save m.csv: this is a file"),
        (
            2,
            &["venue", "--listen", "localhost:0", "--account-file", "m.csv"],
            "m.csv cannot be made: File exists",
        ),
        (2, &["venue", "--open-to-network", "--listen", "192.0.2.1:1"], "192.0.2.1:1 cannot be listened on"),
        (2, &["storm", "--days", "99999999"], "99999999 is not in 1..=36500"),
        (2, &["storm", "--hours", "4294967295"], "4294967295 is not in 1..=876000"),
    ];
    std::fs::write(folder.path().join("m.db"), "x").expect("written");
    let markets =
        [(1, "cut.tape"), (1, "x.parquet"), (1, "x.feather"), (2, "."), (2, "nix.csv"), (2, "p.csv")];
    let replays = markets.map(|(code, market)| (code, [&base[..], &[market]].concat()));
    for (code, args, told) in cases
        .iter()
        .map(|(code, args, told)| (*code, *args, *told))
        .chain(replays.iter().map(|(code, args)| (*code, args.as_slice(), "")))
    {
        let done = ripcord(folder.path(), args).output().expect("it runs");
        let err = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(code), "{args:?}: {err}");
        assert!(err.contains(told), "{args:?}: {err}");
    }
}

/// What is watched ends when nobody reads it any more, and when it cannot be written: once.
#[test]
fn a_watch_ends_with_its_reader() {
    let folder = folder();
    let replay = ["replay", "--market", "m.csv", "--symbol", "X", "--positions", "p.csv", "--db", "s.db"];
    assert!(ripcord(folder.path(), &replay).stdout(Stdio::null()).status().expect("it runs").success());
    let watch = ["status", "--db", "s.db", "--watch"];
    let mut child = ripcord(folder.path(), &watch).stdout(Stdio::piped()).spawn().expect("it starts");
    drop(child.stdout.take());
    let done = child.wait_with_output().expect("it ends");
    assert_eq!((done.status.code(), done.stderr.as_slice()), (Some(0), &b""[..]));
    let full = File::options().write(true).open("/dev/full").expect("Linux has it");
    let done = ripcord(folder.path(), &watch).stdout(full).output().expect("it runs");
    let told = String::from_utf8_lossy(&done.stderr);
    assert_eq!((done.status.code(), told.lines().count()), (Some(1), 1), "{told}");
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
