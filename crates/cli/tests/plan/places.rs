//! Faults of values are told at the place where the value is written, all of them at once.

use super::support::{Folder, Ran, market};

const POSITIONS: &str = "id,symbol,side,entry_index,entry_price,qty,plan,leverage\n";

fn folder(rows: &str) -> Folder {
    let folder = Folder::new();
    folder.write("m.csv", &market()).write("p.csv", &format!("{POSITIONS}{rows}"));
    folder
}

fn replay(folder: &Folder, more: &[&str]) -> Ran {
    let base = ["replay", "--market", "m.csv", "--symbol", "X", "--positions", "p.csv"];
    folder.run(&[&base[..], more].concat())
}

#[track_caller]
fn refused(ran: &Ran, lines: &[&str]) {
    assert_eq!(ran.code, 2, "{ran:?}");
    for line in lines {
        assert!(ran.err.contains(line), "no `{line}` in\n{}", ran.err);
    }
}

#[test]
fn a_value_of_a_plan_file_is_told_at_its_line_and_column() {
    let folder = folder("a,X,long,0,100.00,1,,\nb,X,long,0,100.00,1,other.toml,\nc,X,long,1,100.00,1,,\n");
    folder
        .write("plan.toml", "version = 1\nname = \"swing\"\n\n[stop_loss]\ndistance = { fraction = 1.2 }\n\n[time_limit]\nafter_secs = 0\n")
        .write("other.toml", "version = 1\n[[ladder.legs]]\nclose = 1\nat = 0.02\n[[ladder.legs]]\nclose = 3\nat = 0.03\n");
    let ran = replay(&folder, &["--plan", "plan.toml"]);
    refused(
        &ran,
        &[
            "plan.toml:5:25: stop_loss.distance.fraction is 1.2: must be above 0 and below 1",
            "plan.toml:8:14: time_limit.after_secs is 0: must be at least 1 second (plan swing, position a)",
            "other.toml:6:9: ladder.legs[1].close is 3: must be at most 1",
        ],
    );
    assert_eq!(ran.err.matches("plan.toml:5:25").count(), 1, "told once for a plan, not for each position");
}

#[test]
fn a_value_of_a_configuration_is_told_where_it_was_put() {
    let folder = folder("a,X,long,0,100.00,1,,\n");
    folder.write("base.toml", "version = 1\n[soft_stop]\nfraction = 0.05\n").write(
        "c.toml",
        "version = 1\n[defaults]\nhard_stop = { fraction = 2 }\n[[profile]]\nname = \"one\"\nplan = \"base.toml\"\n[[profile]]\nname = \"two\"\nstrategy = \"s\"\nplan = \"preset:exit-monitor\"\n[profile.overrides]\nhard_stop.fraction = 0.05\nleverage = 200\n",
    );
    let lines = [
        "c.toml:3:26: profile one: BAD_FIELD: hard_stop.fraction is 2: must be",
        "c.toml:10:8: profile two: BEYOND_LIQUIDATION: stop_loss",
    ];
    refused(&replay(&folder, &["--config", "c.toml"]), &lines);
    folder.write("c.toml", "version = 1\n[[profile]]\nname = \"one\"\nplan = \"base.toml\"\n[profile.overrides]\nhard_stop.fraction = 0.05\n");
    refused(
        &replay(&folder, &["--config", "c.toml"]),
        &["c.toml:6:22: profile one: HARD_NOT_WIDER: hard_stop.fraction is 0.05"],
    );
    let ran = folder.run(&["check", "c.toml"]);
    assert!(ran.out.contains("    at c.toml:6:22\n"), "{}", ran.out);
    let ran = folder.run(&["check", "c.toml", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    let finding = &value["profiles"][0]["findings"][0];
    assert_eq!(
        (&finding["file"], &finding["line"], &finding["column"]),
        (&"c.toml".into(), &6.into(), &22.into())
    );
}

#[test]
fn a_field_of_an_override_that_cannot_be_read_is_told_at_its_own_line() {
    let folder = Folder::new();
    folder.write("c.toml", "version = 1\n[[profile]]\nname = \"a\"\nplan = \"preset:range\"\n\n[profile.overrides]\nleverage = 5\nstop_loss.distanse = 1\n");
    let ran = folder.run(&["check", "c.toml"]);
    refused(&ran, &["c.toml:8: profile[0].plan.stop_loss.distanse is not known"]);
}

#[test]
fn the_leverage_of_a_row_is_told_at_its_row() {
    let folder = folder("a,X,long,0,100.00,1,preset:exit-monitor,0.5\n");
    let ran = replay(&folder, &[]);
    refused(&ran, &["p.csv:2: leverage is 0.5"]);
}

#[test]
fn a_given_plan_is_checked_with_the_entry_and_the_leverage_of_its_positions() {
    let folder = folder("a,X,long,0,100.00,1,,\nb,X,long,0,100.00,1,,40\n");
    folder.write("plan.toml", "version = 1\n[stop_loss]\ndistance = { price = 3 }\n");
    let ran = replay(&folder, &["--plan", "plan.toml"]);
    let told = "plan.toml:3:1: BEYOND_LIQUIDATION: stop_loss.distance is ";
    refused(&ran, &[told, "(plan plan: 40x, position b; its leverage is 40)"]);
    assert_eq!(ran.err.lines().count(), 1, "without leverage nothing is liquidated: {}", ran.err);
    folder.write("plan.toml", "version = 1\n[[ladder.legs]]\nclose = 1\nat = 0.02\n");
    let ran = replay(&folder, &["--plan", "plan.toml"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.err.contains("note: plan.toml:1:1: plan plan: NO_LOSS_RULE"), "{}", ran.err);
}

#[test]
fn a_plan_that_a_row_names_and_nobody_has_is_told_with_row_column_and_place() {
    let folder = folder("a,X,long,0,100.00,1,swing.toml,\nb,X,long,0,100.00,1,preset:swing,\n");
    let ran = replay(&folder, &[]);
    refused(
        &ran,
        &[
            "p.csv:2: column plan is swing.toml: swing.toml: No such file or directory",
            "looked for beside the positions file",
            "p.csv:3: column plan is preset:swing: there is no preset swing; known are bottrader",
        ],
    );
    let folder = Folder::new();
    std::fs::create_dir(folder.path("sub")).expect("a folder");
    folder
        .write("m.csv", &market())
        .write("sub/p.csv", &format!("{POSITIONS}a,X,long,0,100.00,1,bad.toml,\n"))
        .write("sub/bad.toml", "version = 1\nstop = 2\n");
    let ran = folder.run(&["replay", "--market", "m.csv", "--symbol", "X", "--positions", "sub/p.csv"]);
    refused(&ran, &["sub/p.csv:2: column plan is bad.toml: sub/bad.toml:2:1: stop is not known"]);
}
