//! Runs that succeed: what a trader reads at the end.

use std::path::Path;

use crate::support::{Folder, HEADER, market, run_in};

fn exits(text: &str) -> Vec<Vec<String>> {
    text.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

#[test]
fn each_position_leaves_by_its_own_rule_at_its_own_price() {
    let folder = Folder::new();
    let positions = format!(
        "{HEADER}target,X,long,0,100.00,2,0.02,0.05,,\nstop,X,short,0,100.00,1,0.03,0.20,,\ntrail,X,long,10,101.00,1,0.05,,0.02,0.01\nheld,X,long,0,100.00,1,0.50,0.50,,\n"
    );
    folder.write("m.csv", &market()).write("p.csv", &positions);
    let args = [
        "replay",
        "--market",
        "m.csv",
        "--symbol",
        "X",
        "--positions",
        "p.csv",
        "--fills",
        "tape",
        "--exits",
        "e.csv",
    ];
    let ran = folder.run(&args);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let text = folder.read("e.csv");
    assert_eq!(
        text.lines().next(),
        Some(
            "position_id,exit_index,exit_ts,reason,source,exit_type,leg,trigger_price,exit_price,qty,gross_pnl,fees,funding,net_pnl"
        )
    );
    let mut rows = exits(&text);
    rows.sort();
    let brief: Vec<(&str, &str, &str, &str, &str, &str)> = rows
        .iter()
        .map(|r| (r[0].as_str(), r[1].as_str(), r[3].as_str(), r[4].as_str(), r[8].as_str(), r[13].as_str()))
        .collect();
    assert_eq!(
        brief,
        [
            ("stop", "30", "STOP_LOSS", "POSITION_MONITOR", "103.0", "-3"),
            ("target", "50", "TAKE_PROFIT", "POSITION_MONITOR", "105.0", "10"),
            // The best price is 110.00; one percent of it is 1.10.
            ("trail", "111", "TRAILING_STOP", "POSITION_MONITOR", "108.9", "7.9"),
        ]
    );
    for word in ["STOP_LOSS", "TAKE_PROFIT", "TRAILING_STOP"] {
        assert!(ran.out.contains(word), "the summary names {word}:\n{}", ran.out);
    }
    assert!(ran.out.contains("still open") || ran.out.contains("1 open"), "{}", ran.out);
}

#[test]
fn the_three_paces_and_the_tape_write_the_same_bytes() {
    let folder = Folder::new();
    let positions =
        format!("{HEADER}a,X,long,3,100.30,2,0.02,0.05,0.01,0.004\nb,X,short,100,110.00,1,0.03,0.10,,\n");
    folder.write("m.csv", &market()).write("p.csv", &positions);
    assert_eq!(folder.run(&["tape", "build", "m.csv", "-o", "m.tape", "--symbol", "X"]).code, 0);
    let mut files = Vec::new();
    for market in ["m.csv", "m.tape"] {
        for pace in ["--row-by-row", "--scan", "--leap"] {
            let out = format!("{market}{pace}.csv");
            let ran = folder.run(&[
                "replay",
                "--market",
                market,
                "--symbol",
                "X",
                "--positions",
                "p.csv",
                pace,
                "--exits",
                &out,
            ]);
            assert_eq!(ran.code, 0, "{market} {pace}: {}", ran.err);
            files.push(folder.read(&out));
        }
    }
    assert!(files[0].lines().count() > 1, "something closed");
    assert!(files.iter().all(|file| *file == files[0]));
}

#[test]
fn json_is_one_document_a_program_can_read() {
    let folder = Folder::new();
    folder.write("m.csv", &market()).write("p.csv", &format!("{HEADER}a,X,long,0,100.00,2,0.02,0.05,,\n"));
    let ran = folder.run(&["replay", "--market", "m.csv", "--symbol", "X", "--positions", "p.csv", "--json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let value: serde_json::Value = serde_json::from_str(&ran.out).expect("one JSON document");
    assert!(value.to_string().contains("TAKE_PROFIT"), "{value}");
}

#[test]
fn the_readme_example_runs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let ran = run_in(
        &root,
        &[
            "replay",
            "--market",
            "examples/market.csv",
            "--symbol",
            "BTCUSDT",
            "--positions",
            "examples/positions.csv",
        ],
    );
    assert_eq!(ran.code, 0, "{}", ran.err);
    for word in ["STOP_LOSS", "TRAILING_STOP", "TAKE_PROFIT"] {
        assert!(ran.out.contains(word), "{word} is missing:\n{}", ran.out);
    }
}

#[test]
fn a_plan_file_rules_positions_without_cells() {
    let folder = Folder::new();
    let plan = "version = 1\nname = \"guard\"\n[hard_stop]\nfraction = 0.04\n[soft_stop]\nfraction = 0.02\nexit = \"market\"\n";
    folder
        .write("m.csv", &market())
        .write("plan.toml", plan)
        .write("p.csv", "id,symbol,side,entry_index,entry_price,qty\na,X,short,0,100.00,1\n");
    let ran = folder.run(&[
        "replay",
        "--market",
        "m.csv",
        "--symbol",
        "X",
        "--positions",
        "p.csv",
        "--plan",
        "plan.toml",
        "--fills",
        "tape",
        "--exits",
        "e.csv",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let rows = exits(&folder.read("e.csv"));
    assert_eq!((rows[0][3].as_str(), rows[0][8].as_str()), ("SOFT_STOP", "102.0"));
}
