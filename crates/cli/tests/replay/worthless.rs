//! Inputs that would be accepted and mean nothing: refused, or told.

use crate::support::{Folder, HEADER, Ran, market};

const ROW: &str = "a,X,long,0,100.00,2,0.50,0.50,,\n";
const BASE: [&str; 7] = ["replay", "--market", "m.csv", "--symbol", "X", "--positions", "p.csv"];

fn folder(rows: &str) -> Folder {
    let folder = Folder::new();
    folder.write("m.csv", &market()).write("p.csv", &format!("{HEADER}{rows}"));
    folder.write("c.toml", "version = 1\n[[profile]]\nname = \"a\"\nplan = \"preset:bottrader\"\n[[profile]]\nname = \"b\"\nregime = \"trend\"\nplan = \"preset:trend\"\n");
    folder
}

fn replay(rows: &str, more: &[&str]) -> Ran {
    folder(rows).run(&[&BASE[..], more].concat())
}

#[test]
fn options_that_cannot_be_meant_are_refused() {
    for (more, told) in [
        (&["--market", "m.csv"][..], "--market m.csv is given twice"),
        (&["--slippage-bps", "10000"], "below 10000 basis points"),
        (&["--taker-bps", "65535"], "below 10000 basis points"),
        (&["--maker-bps", "-1"], "must be 0 or more"),
        (&["--taker-bps", "0.000001"], "with 5 decimals at most"),
        (&["--latency-ms", "-1"], "-1 is not in"),
        (&["--latency-ms", "4000000000"], "4000000000 is not in"),
        (&["--exits", "x", "--records", "x"], "--exits and --records name the same file"),
        (&["--config", "c.toml", "--regime", ""], "--regime <R>"),
    ] {
        let ran = replay(ROW, more);
        assert_eq!(ran.code, 2, "{more:?}: {}", ran.err);
        assert!(ran.err.contains(told), "{more:?}: {}", ran.err);
    }
    let folder = folder(ROW);
    folder.write("empty.toml", "version = 1\nprofile = []\n");
    for args in [&["check", "empty.toml"][..], &["plan", "list", "--config", "empty.toml"]] {
        let ran = folder.run(args);
        assert_eq!(ran.code, 2, "{args:?}: {}", ran.out);
        assert!(ran.err.contains("empty.toml:2: profile is empty"), "{args:?}: {}", ran.err);
    }
}

#[test]
fn options_that_change_nothing_are_told() {
    for (more, told) in [
        (&["--candles", "ohlc"][..], "note: the market has no candles, so --candles changes nothing"),
        (
            &["--config", "c.toml", "--venue", "binance"],
            "note: no profile names the venue binance; those that are named: none",
        ),
        (
            &["--config", "c.toml", "--regime", "tend"],
            "note: no profile names the regime tend; those that are named: trend",
        ),
        (
            &["--config", "c.toml", "--plan", "preset:range"],
            "note: c.toml: --plan goes before every profile, so none is used",
        ),
    ] {
        let ran = replay(ROW, more);
        assert_eq!(ran.code, 0, "{more:?}: {}", ran.err);
        assert!(ran.err.contains(told), "{more:?}: {}", ran.err);
    }
    let ran = replay(ROW, &["--config", "c.toml", "--regime", "trend"]);
    assert!(!ran.err.contains("no profile names") && !ran.err.contains("changes nothing"), "{}", ran.err);
}

#[test]
fn no_positions_and_positions_without_a_future_are_told() {
    let ran = replay("", &[]);
    assert_eq!(ran.code, 0);
    assert!(ran.err.contains("there is a header and no row, so there are no positions"), "{}", ran.err);
    assert!(ran.out.starts_with("no exits\n") && !ran.out.contains("---"), "{}", ran.out);
    let ran = replay("a,X,long,300,100.00,2,0.50,0.50,,\n", &[]);
    assert_eq!(ran.code, 0);
    assert!(ran.err.contains("p.csv:2") || ran.err.contains("p.csv: 2"), "{}", ran.err);
    assert!(ran.err.contains("entry_index is 300: the last record: no price follows it"), "{}", ran.err);
    let ran = replay("a,X,long,299,100.00,2,0.50,0.50,,\n", &[]);
    assert!(!ran.err.contains("last record"), "{}", ran.err);
}

#[test]
fn a_report_that_leaves_everything_out_says_so() {
    let folder = folder("a,X,long,0,100.00,2,0.50,0.05,,\n");
    assert_eq!(folder.run(&[&BASE[..], &["--exits", "e.csv"]].concat()).code, 0);
    let ran = folder.run(&["report", "--exits", "e.csv", "--since", "2030-01-01"]);
    assert_eq!(ran.code, 0);
    assert!(ran.out.starts_with("no exits\n"), "{}", ran.out);
    let told =
        "note: --since 2030-01-01T00:00:00.000Z leaves nothing of 1 fill; the newest is at 2026-01-01T00:00:";
    assert!(ran.err.contains(told), "{}", ran.err);
    let twice = folder.run(&["report", "--exits", "e.csv", "--by", "reason", "--by", "reason"]);
    assert_eq!(twice.out, folder.run(&["report", "--exits", "e.csv"]).out);
    assert!(twice.err.is_empty(), "{}", twice.err);
}
