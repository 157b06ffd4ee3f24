//! `ripcord replay --records` and `ripcord explain` as a user runs them.

mod faults;
mod stories;
#[path = "../replay/support.rs"]
mod support;

use serde_json::Value;
use support::{Folder, Ran};

/// A folder with the records of a replay of `positions` over `market`.
fn recorded(market: &str, positions: &str, more: &[&str]) -> Folder {
    let folder = Folder::new();
    folder.write("m.csv", market).write("p.csv", positions);
    let mut args =
        vec!["replay", "--market", "m.csv", "--symbol", "X", "--positions", "p.csv", "--records", "r.jsonl"];
    args.extend(more);
    let ran = folder.run(&args);
    assert_eq!(ran.code, 0, "{}", ran.err);
    folder
}

fn explain(folder: &Folder, position: &str) -> Ran {
    let ran = folder.run(&["explain", position, "--records", "r.jsonl"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    ran
}

fn explain_json(folder: &Folder, position: &str) -> Value {
    let ran = folder.run(&["explain", position, "--records", "r.jsonl", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    serde_json::from_str(&ran.out).expect("one JSON document")
}
