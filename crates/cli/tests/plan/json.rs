//! `--json` of every command that looks: one document, with keys that programs may rely on.

use serde_json::Value;

use super::support::{Folder, market};

const CONFIG: &str = "version = 1\n[[profile]]\nname = \"a\"\nplan = \"preset:range\"\n";

/// The keys of a value, those of the first of a list below it as `list[].key`.
fn keys(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                found.push(path.clone());
                keys(value, &path, found);
            }
        }
        Value::Array(items) => {
            if let Some(first) = items.first() {
                keys(first, &format!("{path}[]"), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[track_caller]
fn has_keys(folder: &Folder, args: &[&str], wanted: &str) -> Value {
    let ran = folder.run(&[args, &["--json"]].concat());
    let value: Value =
        serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{args:?}: {error}: {ran:?}"));
    let mut found = Vec::new();
    keys(&value, "", &mut found);
    for key in wanted.split_whitespace() {
        assert!(found.iter().any(|known| known == key), "{args:?}: no {key} in {found:#?}");
    }
    assert!(!ran.out.contains('\x1b'));
    value
}

fn folder() -> Folder {
    let folder = Folder::new();
    folder
        .write("m.csv", &market())
        .write("c.toml", CONFIG)
        .write("p.csv", "id,side,entry_index,entry_price,qty,stop_pct,target_pct\na,long,0,100.00,2,0.02,0.05\nb,long,0,100.00,2,0.5,0.5\n");
    let made = folder.run(&[
        "replay",
        "--market",
        "m.csv",
        "--symbol",
        "X",
        "--positions",
        "p.csv",
        "--records",
        "r.jsonl",
        "--exits",
        "e.csv",
    ]);
    assert_eq!(made.code, 0, "{}", made.err);
    folder
}

#[test]
fn plans_and_checks_have_their_keys() {
    let folder = folder();
    let keys = "presets[].name presets[].about profiles[].name profiles[].line profiles[].for";
    has_keys(&folder, &["plan", "list", "--config", "c.toml"], keys);
    let keys = "version name hard_stop.fraction stop_loss.distance.atr atr.period";
    has_keys(&folder, &["plan", "show", "bottrader"], keys);
    let keys = "plan why side entry levels[].what levels[].price levels[].from_entry levels[].origin runner \
        findings[].code findings[].severity findings[].field findings[].value findings[].limit \
        findings[].what findings[].file findings[].line findings[].column";
    has_keys(&folder, &["plan", "resolve", "--symbol", "X", "--config", "c.toml"], keys);
    let keys = "aligned faults profiles[].name profiles[].line profiles[].for profiles[].entry \
        profiles[].findings[].code profiles[].long[].price profiles[].short[].what";
    has_keys(&folder, &["check", "c.toml"], keys);
}

#[test]
fn results_have_their_keys() {
    let folder = folder();
    let keys = "position levels moves decisions orders fills funding alarms mfe mae net_pnl remaining \
        closed.reason open";
    has_keys(&folder, &["explain", "a", "--records", "r.jsonl"], keys);
    let keys = "since_ns fills fills_left_out summaries[].by summaries[].groups[].name \
        summaries[].groups[].net_pnl summaries[].total.win_rate summaries[].total.expectancy";
    has_keys(&folder, &["report", "--records", "r.jsonl"], keys);
    let keys = "records opened closed open open_positions[].unrealised_pnl unrealised_pnl net_is_after notes \
        alarms by_reason.total.net_pnl exits[].reason";
    has_keys(&folder, &["replay", "--market", "m.csv", "--symbol", "X", "--positions", "p.csv"], keys);
}

#[test]
fn a_refused_check_is_a_document_too() {
    let folder = folder();
    folder.write("c.toml", "version = 1\nodd = 1\n");
    let keys = "aligned faults[].file faults[].line faults[].field faults[].what profiles";
    let value = has_keys(&folder, &["check", "c.toml"], keys);
    assert_eq!(value["aligned"], false);
}

#[test]
fn tables_fit_a_hundred_columns() {
    let folder = folder();
    for args in [
        &["plan", "list", "--config", "c.toml"][..],
        &["plan", "resolve", "--symbol", "X", "--plan", "preset:exit-brain"],
        &["report", "--records", "r.jsonl", "--by", "source"],
        &["replay", "--market", "m.csv", "--symbol", "X", "--positions", "p.csv"],
    ] {
        let ran = folder.run(args);
        let wide: Vec<&str> = ran.out.lines().filter(|line| line.chars().count() > 100).collect();
        assert!(wide.is_empty(), "{args:?}: {wide:#?}");
    }
    let story = folder.run(&["explain", "a", "--records", "r.jsonl"]).out;
    let rules: Vec<&str> = story.lines().filter(|line| line.starts_with("---")).collect();
    assert!(!rules.is_empty() && rules.iter().all(|rule| rule.len() <= 100), "{story}");
}
