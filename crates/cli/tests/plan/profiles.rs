//! Profiles and presets in `replay`: which plan a position gets.

use super::support::{Folder, HEADER, market};

fn folder(rows: &str) -> Folder {
    let folder = Folder::new();
    folder.write("market.csv", &market()).write("positions.csv", &format!("{HEADER}{rows}"));
    folder
}

fn reasons(folder: &Folder, args: &[&str]) -> Vec<String> {
    let base = [
        "replay",
        "--market",
        "market.csv",
        "--positions",
        "positions.csv",
        "--symbol",
        "X",
        "--fills",
        "tape",
    ];
    let ran = folder.run(&[&base, args, &["--json"]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    let value: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    let exits = value["exits"].as_array().expect("exits");
    exits.iter().map(|exit| exit["reason"].as_str().expect("a reason").to_owned()).collect()
}

const CONFIG: &str = "version = 1\n[[profile]]\nname = \"x\"\ninstrument = \"X\"\n[profile.plan]\nladder = { legs = [{ close = 1, at = 0.02 }] }\nstop_loss = { distance = { fraction = 0.05 } }\n";

#[test]
fn cells_go_before_the_plan_and_the_plan_before_the_profile() {
    let bare = folder("p,X,long,0,100.00,1,,,,\n");
    bare.write("c.toml", CONFIG);
    bare.write("stop.toml", "version = 1\nstop_loss = { distance = { fraction = 0.05 } }\n");
    // The market rises to 110 and falls to 90.
    assert_eq!(reasons(&bare, &["--config", "c.toml"]), ["TAKE_PROFIT"]);
    assert_eq!(reasons(&bare, &["--config", "c.toml", "--plan", "stop.toml"]), ["STOP_LOSS"]);
    let cells = folder("p,X,long,0,100.00,1,,0.50,,\n");
    cells.write("c.toml", CONFIG);
    assert_eq!(reasons(&cells, &["--config", "c.toml"]), ["STOP_LOSS"]);
}

#[test]
fn a_preset_stands_wherever_a_plan_file_may() {
    let bare = folder("p,X,long,0,100.00,100,,,,\n");
    assert_eq!(reasons(&bare, &["--plan", "preset:range"]).len(), 3);
    let column = Folder::new();
    column.write("market.csv", &market()).write(
        "positions.csv",
        "id,symbol,side,entry_index,entry_price,qty,plan\np,X,long,0,100.00,1,preset:exit-monitor\n",
    );
    assert_eq!(reasons(&column, &[]), ["TAKE_PROFIT"]);
    let ran = bare.run(&[
        "replay",
        "--market",
        "market.csv",
        "--positions",
        "positions.csv",
        "--symbol",
        "X",
        "--plan",
        "preset:no",
    ]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("there is no preset no; known are bottrader"), "{}", ran.err);
}

#[test]
fn a_configuration_at_fault_stops_the_replay_and_its_warnings_are_notes() {
    let bare = folder("p,X,long,0,100.00,1,,,,\n");
    bare.write("bad.toml", "version = 1\n[[profile]]\nname = \"other\"\ninstrument = \"Y\"\n[profile.plan]\nsoft_stop = { fraction = 0.05 }\nhard_stop = { fraction = 0.05 }\n");
    let base =
        ["replay", "--market", "market.csv", "--positions", "positions.csv", "--symbol", "X", "--config"];
    let ran = bare.run(&[&base[..], &["bad.toml"]].concat());
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.err.contains("bad.toml:7:26: profile other: HARD_NOT_WIDER"), "{}", ran.err);
    bare.write("warn.toml", "version = 1\n[[profile]]\nname = \"w\"\nplan = \"preset:range\"\n");
    let ran = bare.run(&[&base[..], &["warn.toml"]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("note: warn.toml:4:8: profile w: RR_POOR"), "{}", ran.err);
}

#[test]
fn the_leverage_of_a_row_may_put_a_rule_behind_liquidation() {
    let folder = Folder::new();
    folder.write("market.csv", &market()).write(
        "positions.csv",
        "id,symbol,side,entry_index,entry_price,qty,leverage\np,X,long,0,100.00,1,20\n",
    );
    folder.write("c.toml", "version = 1\n[[profile]]\nname = \"brain\"\nplan = \"preset:exit-brain\"\n");
    let ran = folder.run(&[
        "replay",
        "--market",
        "market.csv",
        "--positions",
        "positions.csv",
        "--config",
        "c.toml",
        "--symbol",
        "X",
    ]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.err.contains("its leverage is 20") && ran.err.contains("c.toml:4:8: BEYOND_LIQUIDATION"),
        "{}",
        ran.err
    );
}
