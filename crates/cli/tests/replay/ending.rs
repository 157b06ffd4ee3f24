//! What a replay tells at its end: positions that are still open, what net is, alarms, what was inferred.

use serde_json::{Value, json};

use crate::support::{Folder, HEADER, Ran, market};

const BASE: [&str; 7] = ["replay", "--market", "m.csv", "--symbol", "X", "--positions", "p.csv"];

fn replay(positions: &str, market_text: &str, more: &[&str]) -> Ran {
    let folder = Folder::new();
    folder.write("m.csv", market_text).write("p.csv", positions);
    let ran = folder.run(&[&BASE[..], more].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    ran
}

fn json_of(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).expect("one JSON document")
}

/// One closes at its target, two stay: from 100.00 the market goes to 110.00 and ends at 90.00.
fn three() -> String {
    format!(
        "{HEADER}gone,X,long,0,100.00,2,0.50,0.05,,\nlong,X,long,0,100.00,2,0.50,0.50,,\nshort,X,short,0,100.00,3,0.50,0.50,,\n"
    )
}

#[test]
fn positions_that_stay_open_are_told_with_what_they_are_worth_and_never_in_the_net() {
    let ran = replay(&three(), &market(), &["--fills", "tape"]);
    let lines: Vec<&str> = ran.out.lines().collect();
    let of = |name: &str| -> Vec<&str> {
        let line = lines.iter().find(|line| line.starts_with(name));
        line.unwrap_or_else(|| panic!("no {name} in\n{}", ran.out)).split_whitespace().collect()
    };
    assert_eq!(of("long"), ["long", "X", "long", "2", "100.0", "90.0", "50.0", "-20.00"]);
    assert_eq!(of("short"), ["short", "X", "short", "3", "100.0", "90.0", "150.0", "30.00"]);
    assert!(
        ran.out.contains("unrealised is gross, at the last price, and not in the net above"),
        "{}",
        ran.out
    );
    let totals: Vec<&&str> = lines.iter().filter(|line| line.starts_with("total")).collect();
    assert!(totals[0].contains(" 10.00 "), "realised: {}", totals[0]);
    assert!(totals.last().expect("a total").ends_with(" 10.00"), "unrealised: {totals:?}");
    assert!(ran.out.lines().all(|line| line.chars().count() <= 100), "{}", ran.out);
}

#[test]
fn every_pace_sees_the_same_open_positions() {
    let seen: Vec<Value> = ["--row-by-row", "--scan", "--leap"]
        .map(|pace| json_of(&replay(&three(), &market(), &[pace, "--json"])))
        .to_vec();
    let first = &seen[0];
    assert_eq!(first["open"], 2);
    assert_eq!(first["unrealised_pnl"], "10");
    assert_eq!(
        first["open_positions"][0],
        json!({
            "position_id": "long", "symbol": "X", "strategy": null, "side": "long", "qty": "2",
            "entry_price": "100.0", "last_price": "90.0", "stop": "50.0", "unrealised_pnl": "-20",
        })
    );
    for other in &seen[1..] {
        assert_eq!(other["open_positions"], first["open_positions"]);
        assert_eq!(other["unrealised_pnl"], first["unrealised_pnl"]);
    }
}

#[test]
fn net_says_what_it_contains_and_entry_fees_are_in_it_when_they_are_given() {
    let positions = format!("{HEADER}a,X,long,0,100.00,2,0.50,0.05,,\n");
    let ran = replay(&positions, &market(), &["--fills", "tape"]);
    assert!(ran.out.contains("net = gross - exit fees - funding; entry fees are not in it"), "{}", ran.out);
    let with = "id,side,entry_index,entry_price,qty,target_pct,entry_fees\na,long,0,100.00,2,0.05,0.25\n";
    let ran = replay(with, &market(), &["--fills", "tape"]);
    assert!(
        ran.out.contains("net = gross - entry fees (the closed share) - exit fees - funding"),
        "{}",
        ran.out
    );
    let ran = replay(with, &market(), &["--fills", "tape", "--json"]);
    let value = json_of(&ran);
    assert_eq!(value["net_is_after"], json!(["entry_fees", "exit_fees", "funding"]));
    let total = &value["by_reason"]["total"];
    assert_eq!(
        (&total["gross_pnl"], &total["fees"], &total["net_pnl"]),
        (&json!("10"), &json!("0.25"), &json!("9.75"))
    );
    for (fees, told) in
        [("-1", "entry_fees is -1: must be at least 0"), ("201", "entry_fees is 201: more than")]
    {
        let folder = Folder::new();
        folder.write("m.csv", &market()).write("p.csv", &with.replace("0.25", fees));
        let ran = folder.run(&BASE);
        assert_eq!(ran.code, 2);
        assert!(ran.err.contains(told), "{}", ran.err);
    }
}

#[test]
fn alarms_are_words_for_people_and_codes_for_programs() {
    let folder = Folder::new();
    let plan = "version = 1\nname = \"atr\"\natr = { bar_secs = 3600, period = 14 }\nstop_loss = { distance = { atr = 2, fraction = 0.02 } }\n";
    folder
        .write("m.csv", &market())
        .write("plan.toml", plan)
        .write("p.csv", "id,symbol,side,entry_index,entry_price,qty\na,X,long,0,100.00,1\n");
    let args = [&BASE[..], &["--plan", "plan.toml", "--records", "r.jsonl"]].concat();
    let ran = folder.run(&args);
    assert!(ran.out.contains("alarm: ATR missing: the fallback stop acts\n"), "{}", ran.out);
    let story = folder.run(&["explain", "a", "--records", "r.jsonl"]).out;
    assert!(story.contains("Z: ATR missing: the fallback stop acts\n"), "{story}");
    for text in [&ran.out, &story] {
        assert!(!text.contains("AtrMissing"), "{text}");
    }
    let ran = folder.run(&[&args[..], &["--json"]].concat());
    assert_eq!(
        json_of(&ran)["alarms"],
        json!([{ "what": "atr_missing", "text": "ATR missing: the fallback stop acts", "count": 1 }])
    );
    let told = folder.run(&["explain", "a", "--records", "r.jsonl", "--json"]);
    assert_eq!(json_of(&told)["alarms"][0]["what"], "atr_missing");
}

#[test]
fn a_lot_size_is_inferred_from_digits_that_matter_and_the_note_says_from_where() {
    let positions = format!("{HEADER}a,X,long,0,100.00,2.500,0.50,0.50,,\n");
    let ran = replay(&positions, &market(), &[]);
    let note = "X: tick size 0.1 and lot size 0.1 are inferred from the digits of prices and quantities, closing zeros left out";
    assert!(ran.err.contains(note), "{}", ran.err);
    let candles: String = (0..50_u64)
        .map(|n| format!("{},100.5,101.25,99.5,100.0,7\n", 1_767_225_600_000 + n * 60_000))
        .collect();
    let folder = Folder::new();
    folder
        .write("X-candles-1m.csv", &format!("ts_ms,open,high,low,close,volume\n{candles}"))
        .write("p.csv", &positions);
    let base = ["replay", "--market", "X-candles-1m.csv", "--symbol", "X", "--positions", "p.csv"];
    let ran = folder.run(&base);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for told in [
        "tick size 0.01 is inferred from the digits of the prices",
        "the market has no quantities, so the lot size 0.1 comes from the digits of the positions file",
        "give --instruments FILE with symbol = \"X\", tick_size and lot_size",
    ] {
        assert!(ran.err.contains(told), "no `{told}` in {}", ran.err);
    }
    folder.write(
        "i.toml",
        "version = 1\n[[instruments]]\nsymbol = \"X\"\ntick_size = 0.01\nlot_size = 0.001\n",
    );
    let ran = folder.run(&[&base[..], &["--instruments", "i.toml"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(!ran.err.contains("inferred") && !ran.err.contains("lot size"), "{}", ran.err);
}
