//! `ripcord check`: what it refuses, what it tells, what it shows.

use super::support::{Folder, Ran};

fn check(plan: &str, args: &[&str]) -> Ran {
    let folder = Folder::new();
    let text = format!("version = 1\n[[profile]]\nname = \"p\"\n[profile.plan]\n{plan}\n");
    folder.write("c.toml", &text);
    folder.run(&[&["check", "c.toml"], args].concat())
}

/// Soft stop, hard stop and target of a plan whose stop is 1.8 ATR with cushion and fee.
fn three(soft: &str, hard: &str, target: &str) -> String {
    format!(
        "atr = {{ bar_secs = 3600, period = 14 }}\n\
         stop_loss = {{ distance = {{ atr = 1.8, fraction = 0.02 }}, minimum = 0.012, cushion = 0.0015, fee = 0.0055 }}\n\
         soft_stop = {{ fraction = {soft} }}\n\
         hard_stop = {{ fraction = {hard} }}\n\
         ladder = {{ legs = [{{ close = 1, at = {target} }}] }}"
    )
}

#[test]
fn a_clean_configuration_is_aligned_and_its_levels_are_shown() {
    let ran = check(&three("0.045", "0.06", "0.035"), &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let long = "  long\n\
                \x20   ladder leg 1  103.5000  +3.50 %\n\
                \x20   entry         100.0000\n\
                \x20   stop_loss      95.7000  -4.30 %\n\
                \x20   soft_stop      95.5000  -4.50 %\n\
                \x20   hard_stop      94.0000  -6.00 %\n";
    assert!(ran.out.contains(long), "{}", ran.out);
    assert!(ran.out.contains("note: no stop rests at the venue"), "{}", ran.out);
    let kept = check(&format!("{}\nbracket = {{}}", three("0.045", "0.06", "0.035")), &[]);
    assert!(!kept.out.contains("note: no stop rests"), "{}", kept.out);
    assert!(ran.out.ends_with("all systems aligned\n"), "{}", ran.out);
}

#[test]
fn each_rule_of_the_validator_speaks_alone() {
    for (soft, hard, target, code, exit) in [
        ("0.045", "0.045", "0.035", "fault: HARD_NOT_WIDER", 2),
        ("0.045", "0.08", "0.035", "warning: GAP_TOO_LARGE", 0),
        ("0.045", "0.06", "0.02", "warning: RR_POOR", 0),
        ("0.03", "0.045", "0.02", "warning: MAX_LOSS_NOT_ALIGNED", 0),
    ] {
        let ran = check(&three(soft, hard, target), &[]);
        assert_eq!(ran.code, exit, "{ran:?}");
        let told: Vec<&str> =
            ran.out.lines().filter(|line| line.contains("warning: ") || line.contains("fault: ")).collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains(code), "{told:?}");
        for part in [" is ", "limit: "] {
            assert!(told[0].contains(part), "{told:?}");
        }
        assert!(!ran.out.contains("all systems aligned"));
    }
}

#[test]
fn a_rule_that_liquidation_outruns_is_refused() {
    let ran = check("leverage = 20\nloss_guard = { fraction = 0.125 }", &[]);
    assert_eq!(ran.code, 2);
    let told = "fault: BEYOND_LIQUIDATION: loss_guard.fraction is 0.125 (limit: liquidation at 95.4773869";
    assert!(ran.out.contains(told), "{}", ran.out);
    let margin = check("leverage = 20\nloss_guard = { fraction = 0.125, basis = \"margin\" }", &[]);
    assert_eq!(margin.code, 0, "{margin:?}");
}

#[test]
fn all_faults_are_told_at_once() {
    let plan = "soft_stop = { fraction = 1.5 }\ntime_limit = { after_secs = 0 }\ntrailing = { distance = { fraction = 0 } }";
    let ran = check(plan, &[]);
    assert_eq!(ran.code, 2);
    for field in
        ["soft_stop.fraction is 1.5", "time_limit.after_secs is 0", "trailing.distance.fraction is 0"]
    {
        assert!(ran.out.contains(field), "{field}: {}", ran.out);
    }
    assert!(ran.out.ends_with("refused: 3 faults, 0 warnings\n"), "{}", ran.out);
}

#[test]
fn json_says_the_same() {
    let ran = check(&three("0.045", "0.045", "0.035"), &["--json"]);
    assert_eq!(ran.code, 2);
    let value: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(value["aligned"], false);
    let finding = &value["profiles"][0]["findings"][0];
    assert_eq!(finding["code"], "HARD_NOT_WIDER");
    assert_eq!(finding["severity"], "fault");
    assert_eq!(value["profiles"][0]["long"][0]["price"], "103.5");
    let broken = Folder::new();
    broken.write("c.toml", "version = 2");
    let ran = broken.run(&["check", "c.toml", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!((ran.code, &value["faults"][0]["field"]), (2, &"version".into()));
}

#[test]
fn levels_follow_the_entry_that_is_asked_for() {
    let ran = check("stop_loss = { distance = { fraction = 0.02 } }", &["--entry", "50000"]);
    assert!(ran.out.contains("stop_loss  49000.0000  -2.00 %"), "{}", ran.out);
    for entry in ["0", "-1", "x", "0.000000001"] {
        let ran = check("stop_loss = { distance = { fraction = 0.02 } }", &[&format!("--entry={entry}")]);
        assert_eq!(ran.code, 2, "{entry}");
        assert!(ran.err.contains(entry), "{}", ran.err);
    }
}

#[test]
fn a_preset_is_checked_as_a_plan_file_is() {
    let ran = Folder::new().run(&["check", "preset:trend"]);
    assert!(ran.code == 0 && ran.out.contains("profile trend"), "{ran:?}");
    let ran = Folder::new().run(&["check", "preset:tend"]);
    assert!(ran.code == 2 && ran.err.contains("there is no preset tend; known are"), "{ran:?}");
}

#[test]
fn what_to_do_without_profiles_follows_the_command() {
    let folder = Folder::new();
    folder.write("c.toml", "version = 1\n");
    let ran = folder.run(&["check", "c.toml"]);
    assert!(ran.code == 2 && ran.err.contains("A plan by itself has rules"), "{ran:?}");
    assert!(!ran.err.contains("--plan"), "check has no such option: {}", ran.err);
    let ran = folder.run(&["plan", "list", "--config", "c.toml"]);
    assert!(ran.code == 2 && ran.err.contains("is missing; write a [[profile]]"), "{ran:?}");
}

#[test]
fn the_example_is_aligned() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let ran = super::support::run_in(&root, &["check", "examples/config.toml"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.ends_with("all systems aligned\n"), "{}", ran.out);
}
