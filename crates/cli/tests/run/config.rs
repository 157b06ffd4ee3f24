//! `ripcord run --config`: whose plans hold, and what refuses to start.

use std::path::PathBuf;

use serde_json::Value;

use super::output;

struct Config(tempfile::TempDir);

impl Config {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("c.toml"), format!("version = 1\n{text}")).expect("written");
        Self(folder)
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("c.toml")
    }

    /// A second of market time and more, under this configuration; code, standard output and error.
    fn run(&self, more: &[&str]) -> (Option<i32>, String, String) {
        let path = self.path();
        let base = ["--for", "1", "--listen", "127.0.0.1:0", "--speed", "50", "--config"];
        output(&[&base[..], &[path.to_str().expect("text")], more].concat())
    }
}

/// Lines of a tag, as JSON.
fn tagged(out: &str, tag: &str) -> Vec<Value> {
    let lines = out.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
    lines.filter(|line| line["tag"] == tag).collect()
}

fn words<'a>(lines: &'a [Value], field: &str) -> Vec<&'a str> {
    let mut words: Vec<&str> = lines.iter().filter_map(|line| line[field].as_str()).collect();
    words.sort_unstable();
    words.dedup();
    words
}

#[test]
fn positions_are_opened_under_the_profiles_and_closed_by_their_rules() {
    let config = Config::new(
        "[[profile]]\nname = \"rest\"\n[profile.plan]\nstop_loss = { distance = { fraction = 0.001 } }\ntime_limit = { after_secs = 3 }\n[[profile]]\nname = \"btc\"\ninstrument = \"BTCUSDT\"\n[profile.plan]\nloss_guard = { fraction = 0.001 }\ntime_limit = { after_secs = 3 }\n[[profile]]\nname = \"scalp\"\nstrategy = \"scalp\"\n[profile.plan]\nstop_loss = { distance = { fraction = 0.002 } }\ntime_limit = { after_secs = 2 }\n",
    );
    let (code, out, err) = config.run(&["--json"]);
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let opened = tagged(&out, "POSITION_OPENED");
    assert_eq!(words(&opened, "plan"), ["btc", "rest", "scalp"]);
    for line in &opened {
        assert_eq!(line["plan"] == "btc", line["symbol"] == "BTCUSDT", "the most specific holds: {line}");
    }
    let closed = tagged(&out, "POSITION_CLOSED");
    let reasons = words(&closed, "reason");
    assert!(!reasons.is_empty());
    assert!(
        reasons.iter().all(|reason| ["STOP_LOSS", "LOSS_GUARD", "TIME_LIMIT"].contains(reason)),
        "only rules of the profiles: {reasons:?}"
    );
}

#[test]
fn every_fault_refuses_to_start() {
    let config = Config::new(
        "[[profile]]\nname = \"a\"\n[profile.plan]\nsoft_stop = { fraction = 0.05 }\nhard_stop = { fraction = 0.05 }\n[[profile]]\nname = \"b\"\nstrategy = \"b\"\n[profile.plan]\nleverage = 100\nstop_loss = { distance = { fraction = 0.03 } }\n",
    );
    let (code, out, err) = config.run(&[]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    let file = config.path().display().to_string();
    for told in [
        format!("{file}:6:26: profile a: HARD_NOT_WIDER: hard_stop.fraction is 0.05"),
        format!("{file}:12:15: profile b: BEYOND_LIQUIDATION: stop_loss"),
    ] {
        assert!(err.contains(&told), "no `{told}` in\n{err}");
    }
    let missing = Config::new("[[profile]]\nname = \"a\"\nplan = \"nobody.toml\"\nodd = 1\n");
    let (code, out, err) = missing.run(&[]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(err.contains("nobody.toml") && err.contains("profile[0].odd is not known"), "{err}");
}

#[test]
fn warnings_are_lines_and_a_clean_configuration_is_aligned() {
    let warned = Config::new("[[profile]]\nname = \"w\"\nplan = \"preset:range\"\n");
    let (code, out, _) = warned.run(&["--quiet"]);
    assert_eq!(code, Some(0));
    assert!(
        out.contains("BOOTSTRAP       warning: ") && out.contains("c.toml:4:8: profile w: RR_POOR: "),
        "{out}"
    );
    assert!(out.contains("accepted, 1 warning | 1 plan of "), "{out}");
    assert!(!out.contains("all systems aligned"), "{out}");
    let clean = Config::new("[[profile]]\nname = \"c\"\nplan = \"preset:bottrader\"\n");
    let (_, out, _) = clean.run(&["--quiet"]);
    assert!(out.contains("all systems aligned | 1 plan of ") && !out.contains("warning"), "{out}");
    let (code, out, _) = output(&["--for", "1", "--listen", "127.0.0.1:0", "--quiet"]);
    assert_eq!(code, Some(0));
    assert!(out.contains("all systems aligned | 4 plans checked"), "the demo's own: {out}");
}

#[test]
fn profiles_that_meet_no_instrument_are_told() {
    let text = |symbol| {
        format!("[[profile]]\nname = \"a\"\ninstrument = \"{symbol}\"\nplan = \"preset:bottrader\"\n")
    };
    let (code, out, err) = Config::new(&text("DOGEUSDT")).run(&[]);
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(err.contains("no profile is for an instrument of this market (BTCUSDT"), "{err}");
    let more = format!(
        "{}[[profile]]\nname = \"b\"\ninstrument = \"BTCUSDT\"\nplan = \"preset:bottrader\"\n",
        text("DOGEUSDT")
    );
    let (code, out, _) = Config::new(&more).run(&[]);
    assert_eq!(code, Some(0));
    assert!(out.contains("profile a is for instrument DOGEUSDT: this market has no such position"), "{out}");
    assert!(out.contains("ETHUSDT: no profile is for it, nothing is opened in it"), "{out}");
    assert!(!out.contains("POSITION_OPENED ETHUSDT"), "{out}");
}

#[test]
fn a_plan_that_does_not_fit_an_instrument_is_refused_and_a_senseless_position_is_not_opened() {
    let fine =
        Config::new("[[profile]]\nname = \"a\"\n[profile.plan.stop_loss]\ndistance = { price = 0.000001 }\n");
    let (code, _, err) = fine.run(&[]);
    assert_eq!(code, Some(2));
    assert!(
        err.contains("c.toml:5:22: plan a does not fit BTCUSDT: stop_loss.distance.price is 0.000001"),
        "{err}"
    );
    let wrong = Config::new(
        "[[profile]]\nname = \"a\"\n[profile.plan]\nstop_loss = { distance = { fraction = 0.01 } }\nladder = { legs = [{ close = 1, at_price = 0.1 }] }\n",
    );
    let (code, out, _) = wrong.run(&[]);
    assert_eq!(code, Some(0));
    assert!(out.contains("is not opened: plan a: the ladder of its plan has a target at 0.1"), "{out}");
    assert!(!out.lines().any(|line| line.contains("POSITION_OPENED") && line.contains(" LONG")), "{out}");
}

#[test]
fn one_plan_for_all_positions_is_checked_as_well() {
    let base = ["--for", "1", "--listen", "127.0.0.1:0", "--speed", "50", "--json", "--plan"];
    let (code, out, err) = output(&[&base[..], &["preset:bottrader"]].concat());
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert_eq!(words(&tagged(&out, "POSITION_OPENED"), "plan"), ["bottrader"]);
    let bad = Config::new("leverage = 100\n[stop_loss]\ndistance = { fraction = 0.03 }\n");
    let path = bad.path().display().to_string();
    let (code, out, err) = output(&[&base[..], &[&path]].concat());
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(err.contains(&format!("{path}:4:1: plan c: BEYOND_LIQUIDATION: stop_loss")), "{err}");
    // A distance in price is judged at the entry of each position, not before there is one.
    let priced = Config::new("[stop_loss]\ndistance = { price = 1200 }\n");
    let path = priced.path().display().to_string();
    let (code, _, err) = output(&[&base[..], &[&path]].concat());
    assert_eq!((code, err.as_str()), (Some(0), ""));
    let (code, _, err) = output(&[&base[..], &["preset:range", "--config", "c.toml"]].concat());
    assert_eq!(code, Some(2));
    assert!(err.contains("cannot be used with"), "{err}");
}

#[test]
fn an_address_that_others_can_reach_is_warned_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    std::fs::write(&file, "chosen-by-somebody-0123456789abcdef\n").expect("written");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("ours");
    }
    let token = file.to_str().expect("UTF-8");
    for (address, warned) in [("0.0.0.0:0", true), ("127.0.0.1:0", false)] {
        let (code, out, _) = output(&["--for", "1", "--listen", address, "--quiet", "--token-file", token]);
        assert_eq!(code, Some(0));
        let told =
            out.contains("WARNING: 0.0.0.0:") && out.contains("can read every position without a password");
        assert_eq!(told, warned, "{address}: {out}");
    }
}
