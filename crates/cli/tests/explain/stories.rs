//! Stories of positions over the market that rises from 100.00 to 110.00 and falls to 90.00.

use serde_json::{Value, json};

use crate::support::{Folder, HEADER, market};
use crate::{explain, explain_json, recorded};

fn positions() -> String {
    format!(
        "{HEADER}trail,X,long,0,100.00,2,0.05,0.20,0.02,0.02\nstop,X,short,0,100.00,1,0.03,0.20,,\nheld,X,long,0,100.00,1,0.50,0.50,,\n"
    )
}

fn tape() -> Folder {
    recorded(&market(), &positions(), &["--fills", "tape"])
}

#[test]
fn a_trailing_stop_from_its_activation_to_its_fill() {
    let told = explain_json(&tape(), "trail");
    let moves: Vec<Value> = told["moves"]
        .as_array()
        .expect("moves")
        .iter()
        .map(|m| json!([m["why"], m["from"], m["to"], m["best"]]))
        .collect();
    // The tick is 0.1: 2 % of 102.0 is 2.0, of 110.0 it is 2.2.
    assert_eq!(moves[0], json!(["trailing_activated", null, "100.0", "102.0"]));
    assert_eq!(moves[1], json!(["trailing_followed", "100.0", "107.8", "110.0"]));
    let decision = &told["decisions"][0];
    assert_eq!(
        json!([
            decision["reason"],
            decision["index"],
            decision["trigger_price"],
            decision["price"],
            decision["best"]
        ]),
        json!(["TRAILING_STOP", 122, "107.8", "107.8", "110.0"])
    );
    let rules: Vec<Value> = decision["rules"]
        .as_array()
        .expect("rules")
        .iter()
        .map(|r| json!([r["reason"], r["level"], r["verdict"], r["distance"]]))
        .collect();
    assert_eq!(
        rules,
        [
            json!(["STOP_LOSS", "95.0", "not_reached", "12.8"]),
            json!(["TRAILING_STOP", "107.8", "acted", null]),
            json!(["TAKE_PROFIT", "120.0", "at_venue", "12.2"]),
        ]
    );
    assert_eq!(
        (&told["net_pnl"], &told["remaining"], &told["open"]),
        (&json!("15.6"), &json!("0"), &Value::Null)
    );
    assert_eq!(told["closed"]["reason"], "TRAILING_STOP");
}

#[test]
fn why_not_earlier_names_the_closest_price_and_its_moment() {
    let told = explain_json(&tape(), "trail");
    let close: Vec<Value> = told["approaches"]
        .as_array()
        .expect("approaches")
        .iter()
        .map(|a| json!([a["reason"], a["level"], a["price"], a["distance"], a["when"]["to"]]))
        .collect();
    assert_eq!(
        close,
        [
            // The first price after the entry; the market only fell below it after the exit.
            json!(["STOP_LOSS", "95.0", "100.1", "5.1", "2026-01-01T00:00:01.000Z"]),
            json!(["TAKE_PROFIT", "120.0", "110.0", "10.0", "2026-01-01T00:01:40.000Z"]),
        ]
    );
    assert_eq!((&told["mfe"]["price"], &told["mfe"]["percent"]), (&json!("110.0"), &json!("10.00")));
    assert_eq!((&told["mae"]["price"], &told["mae"]["move"]), (&json!("100.1"), &json!("0.1")));
}

#[test]
fn a_short_has_its_extremes_the_other_way_round() {
    let told = explain_json(&tape(), "stop");
    assert_eq!(told["decisions"][0]["origin"], "initial");
    assert_eq!((&told["mfe"]["price"], &told["mae"]["price"]), (&json!("100.1"), &json!("103.0")));
    assert_eq!(told["mae"]["percent"], "-3.00");
    assert_eq!(told["fills"][0]["slippage"], "0.0");
}

#[test]
fn an_open_position_says_its_nearest_rule() {
    let folder = tape();
    let told = explain_json(&folder, "held");
    let open = &told["open"];
    assert_eq!((&open["price"], &open["nearest"]["reason"]), (&json!("90.0"), &json!("STOP_LOSS")));
    assert_eq!((&open["nearest"]["distance"], &told["closed"]), (&json!("40.0"), &Value::Null));
    let text = explain(&folder, "held").out;
    let wanted = "still open: 1 left, price 90.0 at 2026-01-01T00:05:00.000Z; nearest rule is STOP_LOSS at 50.0, 40.0 away (44.44%)";
    assert!(text.contains(wanted), "{text}");
}

#[test]
fn the_text_is_plain_and_its_picture_is_72_wide() {
    let text = explain(&tape(), "trail").out;
    assert!(!text.contains('\x1b'), "not a terminal");
    let picture: Vec<&str> = text.lines().filter(|line| line.contains(" |")).collect();
    assert_eq!(picture.len(), 15, "{text}");
    assert!(picture.iter().all(|line| line.chars().count() <= 72), "{text}");
    assert!(picture.iter().any(|line| line.ends_with('X')), "the exit is marked\n{text}");
    for part in [
        "Levels at the opening",
        "Stops that moved",
        "Decision 1",
        "Orders",
        "Fills",
        "Why not earlier",
        "best (MFE)",
    ] {
        assert!(text.contains(part), "{part} is missing:\n{text}");
    }
    assert!(text.lines().all(|line| !line.ends_with(' ')), "{text}");
}

#[test]
fn of_two_stops_that_a_gap_reached_the_lower_ranked_says_who_acted() {
    let plan = "version = 1\nname = \"two\"\n[hard_stop]\nfraction = 0.04\n[stop_loss]\ndistance = { fraction = \"0.02\" }\n";
    let folder = Folder::new();
    let mut market = String::from("ts_ns,price,qty,side\n");
    for (second, price) in ["100.0", "99.0", "98.1", "95.0", "94.0"].iter().enumerate() {
        market += &format!(
            "{},{price},1.000,sell\n",
            1_767_225_600_000_000_000_u64 + second as u64 * 1_000_000_000
        );
    }
    folder
        .write("m.csv", &market)
        .write("plan.toml", plan)
        .write("p.csv", "id,symbol,side,entry_index,entry_price,qty\ngap,X,long,0,100.00,1\n");
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
        "--records",
        "r.jsonl",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let told = explain_json(&folder, "gap");
    let rules = told["decisions"][0]["rules"].as_array().expect("rules");
    assert_eq!((&rules[0]["verdict"], &rules[1]["verdict"]), (&json!("acted"), &json!("outranked")));
    assert_eq!(rules[1]["outranked_by"], "HARD_STOP");
    assert!(explain(&folder, "gap").out.contains("held; HARD_STOP ranks higher and acted"));
    let stop = &told["approaches"][0];
    assert_eq!((&stop["reason"], &stop["outranked_by"]), (&json!("STOP_LOSS"), &json!("HARD_STOP")));
}

#[test]
fn a_ladder_pulls_the_stop_and_each_leg_has_its_fill() {
    let plan = "version = 1\nname = \"ladder\"\n[stop_loss]\ndistance = { fraction = \"0.04\" }\n[ratchet]\n[ladder]\n[[ladder.legs]]\nclose = \"0.5\"\nat = \"0.03\"\n[[ladder.legs]]\nclose = \"0.5\"\nat = \"0.06\"\n";
    let folder = Folder::new();
    folder
        .write("m.csv", &market())
        .write("plan.toml", plan)
        .write("p.csv", "id,symbol,side,entry_index,entry_price,qty\nladder,X,long,0,100.00,4\n");
    let args = [
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
        "--records",
        "r.jsonl",
    ];
    assert_eq!(folder.run(&args).code, 0);
    let told = explain_json(&folder, "ladder");
    let brief: Vec<Value> = told["fills"]
        .as_array()
        .expect("fills")
        .iter()
        .map(|f| json!([f["reason"], f["leg"], f["qty"], f["exit_price"]]))
        .collect();
    assert_eq!(
        brief,
        [
            json!(["TAKE_PROFIT", 1, "2", "103.0"]),
            json!(["TAKE_PROFIT", 2, "1", "106.0"]),
            json!(["STOP_LOSS", null, "1", "103.0"]),
        ]
    );
    let moves: Vec<Value> = told["moves"]
        .as_array()
        .expect("moves")
        .iter()
        .map(|m| json!([m["why"], m["from"], m["to"]]))
        .collect();
    assert_eq!(moves, [json!(["ratchet", "96.0", "100.0"]), json!(["ratchet", "100.0", "103.0"])]);
    assert_eq!(told["closed"]["reason"], "TAKE_PROFIT", "the largest closed quantity");
    assert_eq!(told["decisions"][2]["origin"], "ratchet");
}

#[test]
fn the_tracked_trailing_stop_is_the_one_that_acted() {
    // ATR, steps, bounds and curves: what the story followed must be the level of the decision.
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = Folder::new();
    let plans = root.join("examples/plans");
    let mut rows = String::from("id,symbol,side,entry_index,entry_price,qty,plan\n");
    for (number, plan) in ["atr.toml", "ladder-ratchet.toml", "stop-target-trailing.toml"].iter().enumerate()
    {
        let path = plans.join(plan);
        rows += &format!("l{number},BTCUSDT,long,50,60197.9,0.250,{}\n", path.display());
        rows += &format!("s{number},BTCUSDT,short,2010,63263.4,0.250,{}\n", path.display());
    }
    folder.write("p.csv", &rows);
    let market = root.join("examples/market.csv").display().to_string();
    let args = [
        "replay",
        "--market",
        &market,
        "--symbol",
        "BTCUSDT",
        "--positions",
        "p.csv",
        "--records",
        "r.jsonl",
    ];
    assert_eq!(folder.run(&args).code, 0);
    let mut trailed = 0;
    for id in ["l0", "s0", "l1", "s1", "l2", "s2"] {
        let told = explain_json(&folder, id);
        for decision in told["decisions"].as_array().expect("decisions") {
            if decision["reason"] == "TRAILING_STOP" {
                let last = told["moves"].as_array().and_then(|moves| moves.last()).expect("it moved");
                assert_eq!(last["to"], decision["trigger_price"], "{id}");
                trailed += 1;
            }
        }
    }
    assert!(trailed >= 3, "{trailed}");
}
