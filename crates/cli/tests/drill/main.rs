//! `ripcord drill exit`: every rule of every plan, forced and proven.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

const EVERYTHING: &str = "version = 1\nname = \"everything\"\ntaker_fee = 0.0005\n\
    [hard_stop]\nfraction = 0.06\n[loss_guard]\nfraction = 0.05\n\
    [stop_loss]\ndistance = { fraction = 0.02 }\n[soft_stop]\nfraction = 0.018\n\
    [trailing]\nactivation = 0.03\ndistance = { fraction = 0.01 }\n\
    [ladder]\nlegs = [{ close = 0.25, at = 0.01 }, { close = 0.25, at = 0.02, soft = true }]\n[ratchet]\n\
    [signal_exit]\nttl_secs = 60\nprofit_min = 0.005\n[time_limit]\nafter_secs = 600\n[bracket]\n";

fn ripcord(args: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ripcord"));
    let ran = command.args(args).env("NO_COLOR", "1").output().expect("ripcord starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (ran.status.code(), text(ran.stdout), text(ran.stderr))
}

fn drill(args: &[&str]) -> (Option<i32>, String, String) {
    ripcord(&[&["drill", "exit"], args].concat())
}

fn plan(folder: &Path, text: &str) -> String {
    let path = folder.join("plan.toml");
    std::fs::write(&path, text).expect("written");
    path.to_str().expect("UTF-8").to_owned()
}

#[test]
fn every_rule_of_every_preset_acts_alone_and_is_proven() {
    let presets = [
        "bottrader",
        "exit-brain",
        "exit-monitor",
        "trend",
        "range",
        "volatile",
        "chop",
        "normal",
        "challenge-100",
    ];
    for preset in presets {
        for side in ["--long", "--short"] {
            let (code, out, err) = drill(&["--preset", preset, side]);
            assert_eq!((code, err.as_str()), (Some(0), ""), "{preset} {side}: {out}");
        }
    }
}

#[test]
fn a_plan_with_every_rule_and_a_stop_at_the_venue_is_proven_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = plan(folder.path(), EVERYTHING);
    for (side, seed) in [("--long", "1"), ("--short", "2")] {
        let (code, out, err) = drill(&["--plan", &plan, side, "--seed", seed, "--json"]);
        assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
        let told: Value = serde_json::from_str(&out).expect("JSON");
        let drills = told["drills"].as_array().expect("a list");
        let rules: Vec<&str> = drills.iter().filter_map(|drill| drill["rule"].as_str()).collect();
        let wanted = [
            "hard_stop",
            "loss_guard",
            "stop_loss",
            "soft_stop",
            "trailing_stop",
            "take_profit:1",
            "take_profit:2",
            "signal_exit",
            "time_limit",
            "bracket",
            "protection_failed",
            "panic",
        ];
        assert_eq!(rules, wanted);
        for drill in drills {
            let proofs = drill["proofs"].as_array().expect("a list");
            assert!(proofs.len() == 8 && proofs.iter().all(|proof| proof["holds"] == true), "{drill}");
            let by_the_venue = drill["rule"] == "bracket";
            assert_eq!(drill["trigger_to_durable_us"].is_null(), by_the_venue, "{drill}");
            // The venue is 50 ms away: an intent is filled after a way there and back at the earliest.
            let rests = by_the_venue || drill["rule"] == "take_profit:2";
            assert_eq!(drill["intent_to_fill_ms"].as_i64().is_none_or(|ms| ms < 100), rests, "{drill}");
        }
    }
}

#[test]
fn the_same_seed_is_the_same_drill() {
    let folder = tempfile::tempdir().expect("a folder");
    let records = |name: &str, seed: &str| {
        let place = folder.path().join(name);
        let (code, out, _) =
            drill(&["--rule", "trailing_stop", "--seed", seed, "--save", place.to_str().expect("UTF-8")]);
        assert_eq!(code, Some(0), "{out}");
        std::fs::read_to_string(place.join("trailing_stop/records.jsonl")).expect("saved")
    };
    assert_eq!(records("a", "7"), records("b", "7"));
    assert_ne!(records("c", "8"), records("a2", "7"), "chance has no say");
}

#[test]
fn what_is_saved_can_be_checked_by_the_other_commands() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("drills");
    let place = place.to_str().expect("UTF-8");
    let (code, out, _) = drill(&["--rule", "hard_stop", "--save", place]);
    assert_eq!(code, Some(0), "{out}");
    for words in ["PASSED", "exactly one closing decision", "trigger to durable intent", "saved in"] {
        assert!(out.contains(words), "no {words}: {out}");
    }
    let store = format!("{place}/hard_stop/drill.db");
    for check in [["journal", "verify"], ["journal", "replay"], ["ledger", "verify"]] {
        let (code, out, err) = ripcord(&[check[0], check[1], &store]);
        assert_eq!(code, Some(0), "{check:?}: {out}{err}");
    }
    let rows = std::fs::read_to_string(format!("{place}/hard_stop/ledger.jsonl")).expect("saved");
    let rows: Vec<Value> = rows.lines().map(|row| serde_json::from_str(row).expect("JSON")).collect();
    assert!(
        rows.iter().any(|row| row["exit_reason"] == "HARD_STOP" && row["exit_source"] == "EMERGENCY_STOP")
    );
    let (code, _, err) = drill(&["--rule", "hard_stop", "--save", place]);
    assert_eq!(code, Some(2));
    assert!(err.contains("is there already"), "{err}");
}

#[test]
fn a_target_of_a_short_lies_below() {
    for (side, goes) in [("--long", "the market climbs"), ("--short", "the market falls")] {
        let (code, out, _) = drill(&["--preset", "exit-monitor", "--rule", "take_profit", side]);
        assert!(code == Some(0) && out.contains(goes), "{side}: {out}");
    }
}

#[test]
fn a_word_that_is_no_rule_is_quoted_with_those_that_are() {
    for word in ["nix", "", "take_profit:x"] {
        let (code, out, err) = drill(&["--rule", word]);
        assert_eq!((code, out.as_str()), (Some(2), ""));
        assert!(err.contains(&format!("{word:?} is no rule; rules are hard_stop, loss_guard")), "{err}");
    }
}

#[test]
fn what_a_plan_does_not_have_or_can_never_do_is_told() {
    let (code, out, err) = drill(&["--rule", "loss_guard"]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(err.contains("bottrader has no loss_guard; it has hard_stop, stop_loss"), "{err}");
    let folder = tempfile::tempdir().expect("a folder");
    // The hard stop lies nearer than the guard, and ranks higher: the guard never acts.
    let text =
        "version = 1\nname = \"shadowed\"\n[hard_stop]\nfraction = 0.03\n[loss_guard]\nfraction = 0.05\n";
    let plan = plan(folder.path(), text);
    let (code, out, _) = drill(&["--plan", &plan]);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("FAIL  loss_guard") && out.contains("hard_stop ranks higher"), "{out}");
    assert!(out.contains("pass  hard_stop") && out.contains("NOT PROVEN"), "{out}");
}
