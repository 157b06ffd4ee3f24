//! Records that are not what was written, positions that nobody knows, paces that must agree.

use crate::support::{Folder, HEADER, market};
use crate::{explain, recorded};

fn tape() -> Folder {
    recorded(
        &market(),
        &format!("{HEADER}alpha,X,long,0,100.00,2,0.05,,0.02,0.02\nbeta,X,short,3,100.30,1,0.03,,,\n"),
        &[],
    )
}

#[test]
fn the_three_paces_and_the_tape_record_the_same_bytes() {
    let folder = Folder::new();
    folder.write("m.csv", &market()).write(
        "p.csv",
        &format!("{HEADER}a,X,long,3,100.30,2,0.02,0.05,0.01,0.004\nb,X,short,100,110.00,1,0.03,0.10,,\n"),
    );
    assert_eq!(folder.run(&["tape", "build", "m.csv", "-o", "m.tape", "--symbol", "X"]).code, 0);
    let mut files = Vec::new();
    for market in ["m.csv", "m.tape"] {
        for pace in ["--row-by-row", "--scan", "--leap"] {
            let out = format!("{market}{pace}.jsonl");
            let ran = folder.run(&[
                "replay",
                "--market",
                market,
                "--symbol",
                "X",
                "--positions",
                "p.csv",
                pace,
                "--records",
                &out,
            ]);
            assert_eq!(ran.code, 0, "{market} {pace}: {}", ran.err);
            files.push(folder.read(&out));
        }
    }
    assert!(files[0].lines().count() > 100, "the prices are told now and then");
    assert!(files.iter().all(|file| *file == files[0]));
    assert!(!folder.names().iter().any(|name| name.ends_with(".partial")));
}

#[test]
fn recording_changes_no_exit() {
    let folder = Folder::new();
    folder.write("m.csv", &market()).write(
        "p.csv",
        &format!("{HEADER}a,X,long,3,100.30,2,0.02,0.05,0.01,0.004\nb,X,short,100,110.00,1,0.03,0.10,,\n"),
    );
    let replay = ["replay", "--market", "m.csv", "--symbol", "X", "--positions", "p.csv", "--exits"];
    let run = |more: &[&str]| folder.run(&[&replay, more].concat()).code;
    assert_eq!((run(&["bare.csv"]), run(&["recorded.csv", "--records", "r.jsonl"])), (0, 0));
    assert_eq!(folder.read("bare.csv"), folder.read("recorded.csv"));
}

#[test]
fn an_unknown_position_is_a_fault_of_the_request() {
    let folder = tape();
    let ran = folder.run(&["explain", "alpa", "--records", "r.jsonl"]);
    assert_eq!(ran.code, 2);
    assert_eq!(ran.err, "ripcord: r.jsonl: no position is named alpa; did you mean alpha?\n");
    assert!(explain(&folder, "beta").out.starts_with("beta: X short"));
}

#[test]
fn damaged_cut_short_newer_and_missing_files_are_named() {
    let folder = tape();
    let good = folder.read("r.jsonl");
    let third = good.lines().nth(2).expect("three lines");
    let cut = &good[..good.len() - 30];
    for (code, text, wanted) in [
        (
            1,
            good.replacen(third, &third.replacen("\"index\":0", "\"index\":1", 1), 1),
            "bad.jsonl: line 3: the checksum does not match",
        ),
        (1, good.replacen(third, "not a line", 1), "bad.jsonl: line 3: it does not begin with"),
        (1, cut.to_owned(), "the file ends within this line: it was cut short; write it again"),
        (
            2,
            good.replacen("\"version\":1", "\"version\":9", 1),
            "bad.jsonl: line 1: version is 9; this program reads up to 1",
        ),
        (2, "hello\n".to_owned(), "bad.jsonl: line 1: this is no records file"),
    ] {
        folder.write("bad.jsonl", &text);
        let ran = folder.run(&["explain", "alpha", "--records", "bad.jsonl"]);
        assert_eq!((ran.code, ran.out.as_str()), (code, ""));
        assert!(ran.err.contains(wanted), "{wanted}: {}", ran.err);
        for more in [&[][..], &["--unprotected"]] {
            let ran = folder.run(&[&["report", "--records", "bad.jsonl"], more].concat());
            assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{wanted}: {}", ran.err);
        }
    }
    let ran = folder.run(&["explain", "alpha", "--records", "none.jsonl"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.starts_with("ripcord: none.jsonl: "), "{}", ran.err);
}

#[test]
fn a_place_that_takes_no_file_is_an_error_and_leaves_nothing() {
    let folder = Folder::new();
    folder.write("m.csv", &market()).write("p.csv", &format!("{HEADER}a,X,long,3,100.30,2,0.02,,,\n"));
    let ran = folder.run(&[
        "replay",
        "--market",
        "m.csv",
        "--symbol",
        "X",
        "--positions",
        "p.csv",
        "--records",
        "no/such/folder/r.jsonl",
    ]);
    assert_eq!(ran.code, 2);
    assert!(
        ran.err.contains("--records no/such/folder/r.jsonl: there is no folder no/such/folder"),
        "{}",
        ran.err
    );
    let ran =
        folder.run(&["replay", "--market", "m.csv", "--symbol", "X", "--positions", "p.csv", "--exits", "."]);
    assert!(ran.code == 2 && ran.err.contains("--exits .: this is a folder"), "{}", ran.err);
    assert_eq!(folder.names(), ["m.csv", "p.csv"]);
}
