//! `ripcord report` as a user runs it.

#[path = "../replay/support.rs"]
#[allow(dead_code, reason = "shared with the tests of replay, which read files as well")]
mod support;

use serde_json::{Value, json};
use support::{Folder, HEADER, market};

const CSV: &str = "position_id,exit_index,exit_ts,reason,source,exit_type,leg,trigger_price,exit_price,qty,gross_pnl,fees,funding,net_pnl";

/// Exits of one a day, each of a position of its own, with these net amounts.
fn exits(nets: &[&str]) -> String {
    let mut text = format!("{CSV}\n");
    for (day, net) in nets.iter().enumerate() {
        let ts = 1_767_225_600_000_000_000_u64 + day as u64 * 86_400_000_000_000;
        text +=
            &format!("p{day},{day},{ts},STOP_LOSS,POSITION_MONITOR,MARKET,,1.00,1.00,1,{net},0,0,{net}\n");
    }
    text
}

fn report(folder: &Folder, args: &[&str]) -> Value {
    let ran = folder.run(&[&["report", "--json"], args].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    serde_json::from_str(&ran.out).expect("one JSON document")
}

fn total(folder: &Folder, args: &[&str]) -> Value {
    report(folder, args)["summaries"][0]["total"].clone()
}

#[test]
fn break_even_is_shown_and_not_in_the_win_rate() {
    let folder = Folder::new();
    folder.write("e.csv", &exits(&["10", "0", "-5", "0", "20"]));
    let total = total(&folder, &["--exits", "e.csv"]);
    assert_eq!((&total["wins"], &total["losses"], &total["break_even"]), (&json!(2), &json!(1), &json!(2)));
    assert_eq!(total["win_rate"], "0.666666667");
    assert_eq!((&total["average_win"], &total["average_loss"]), (&json!("15"), &json!("5")));
    assert_eq!((&total["reward_risk"], &total["profit_factor"]), (&json!("3"), &json!("6")));
    assert_eq!((&total["expectancy"], &total["net_pnl"]), (&json!("5"), &json!("25")));
    let text = folder.run(&["report", "--exits", "e.csv"]).out;
    assert!(text.contains("66.7%") && text.contains("count positions, not fills"), "{text}");
    assert!(!text.contains('\x1b'), "not a terminal");
}

#[test]
fn sums_are_exact() {
    for (nets, sum) in [(vec!["0.123456"; 1_000], "123.456"), (vec!["50", "-20", "30", "-10", "15"], "65")] {
        let folder = Folder::new();
        folder.write("e.csv", &exits(&nets));
        assert_eq!(total(&folder, &["--exits", "e.csv"])["net_pnl"], sum);
    }
}

#[test]
fn fees_turn_a_break_even_into_a_loss() {
    let folder = Folder::new();
    // Bought and sold at 40,000; sold 2,000 lower; 42,000 to 40,000: gross, fees, net.
    let rows = [("0", "0.80", "-0.8"), ("-2", "0.78", "-2.78"), ("-2", "0.82", "-2.82")];
    let mut text = format!("{CSV}\n");
    for (id, (gross, fees, net)) in rows.iter().enumerate() {
        text += &format!(
            "{id},1,1767225600000000000,MANUAL,OPERATOR,MARKET,,40000.0,40000.0,0.001,{gross},{fees},0,{net}\n"
        );
    }
    folder.write("e.csv", &text);
    let total = total(&folder, &["--exits", "e.csv"]);
    assert_eq!(
        (&total["losses"], &total["break_even"], &total["net_pnl"]),
        (&json!(3), &json!(0), &json!("-6.4"))
    );
    assert_eq!(
        (&total["win_rate"], &total["reward_risk"], &total["average_win"]),
        (&json!("0"), &Value::Null, &Value::Null)
    );
}

#[test]
fn symbols_and_strategies_of_a_file_that_has_them() {
    let folder = Folder::new();
    let mut text = format!("{CSV},symbol,strategy\n");
    for (id, (symbol, net)) in
        [("BTC-USD", "100"), ("ETH-USD", "50"), ("BTC-USD", "-30"), ("SOL-USD", "25"), ("BTC-USD", "20")]
            .iter()
            .enumerate()
    {
        text += &format!(
            "{id},1,1767225600000000000,TAKE_PROFIT,POSITION_MONITOR,LIMIT,1,1.0,1.0,1,{net},0,0,{net},{symbol},\n"
        );
    }
    folder.write("e.csv", &text);
    let value = report(&folder, &["--exits", "e.csv", "--by", "symbol", "--by", "strategy"]);
    let groups = |at: usize| -> Vec<Value> {
        let groups = value["summaries"][at]["groups"].as_array().expect("groups");
        groups.iter().map(|group| json!([group["name"], group["net_pnl"]])).collect()
    };
    assert_eq!(groups(0), [json!(["BTC-USD", "90"]), json!(["ETH-USD", "50"]), json!(["SOL-USD", "25"])]);
    assert_eq!(groups(1), [json!(["-", "165"])]);
    assert_eq!(value["summaries"][0]["total"]["net_pnl"], "165");
}

#[test]
fn since_takes_ages_dates_and_times() {
    let folder = Folder::new();
    // 1 to 5 January 2026, midnight.
    folder.write("e.csv", &exits(&["1", "2", "4", "8", "16"]));
    for (since, net) in [
        ("0s", "16"),
        ("24h", "24"),
        ("2d", "28"),
        ("1w", "31"),
        ("2026-01-04", "24"),
        ("2026-01-03T00:00:00Z", "28"),
        ("2026-01-03T00:00:00.000000001Z", "24"),
        ("2027-01-01", "0"),
    ] {
        assert_eq!(total(&folder, &["--exits", "e.csv", "--since", since])["net_pnl"], net, "{since}");
    }
    let text = folder.run(&["report", "--exits", "e.csv", "--since", "24h"]).out;
    assert!(text.contains("3 earlier fills are left out"), "{text}");
}

#[test]
fn a_ladder_is_one_position_and_files_do_not_mix_their_names() {
    let folder = Folder::new();
    let line = |id: &str, net: &str| {
        format!("{id},1,1767225600000000000,STOP_LOSS,POSITION_MONITOR,MARKET,,1.0,1.0,1,{net},0,0,{net}\n")
    };
    folder.write("a.csv", &format!("{CSV}\n{}{}", line("x", "5"), line("x", "-2")));
    folder.write("b.csv", &format!("{CSV}\n{}", line("x", "-3")));
    let one = total(&folder, &["--exits", "a.csv"]);
    assert_eq!(
        (&one["fills"], &one["positions"], &one["wins"], &one["losses"]),
        (&json!(2), &json!(1), &json!(1), &json!(0))
    );
    let both = total(&folder, &["--exits", "a.csv", "b.csv"]);
    assert_eq!((&both["positions"], &both["wins"], &both["losses"]), (&json!(2), &json!(1), &json!(1)));
    let ran = folder.run(&["report", "--exits", "a.csv", "a.csv"]);
    assert_eq!(
        (ran.code, ran.err.as_str()),
        (2, "ripcord: a.csv is given twice; its exits would count twice\n")
    );
}

#[test]
fn records_say_the_same_as_exits_and_know_the_strategies() {
    let folder = Folder::new();
    let positions = format!(
        "{},strategy\na,X,long,0,100.00,2,0.02,0.05,,,swing\nb,X,short,0,100.00,1,0.03,0.20,,,fade\nc,X,long,10,101.00,1,0.05,,0.02,0.01,swing\n",
        HEADER.trim_end()
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
        "--exits",
        "e.csv",
        "--records",
        "r.jsonl",
    ];
    assert_eq!(folder.run(&args).code, 0);
    assert_eq!(total(&folder, &["--exits", "e.csv"]), total(&folder, &["--records", "r.jsonl"]));
    let value = report(&folder, &["--records", "r.jsonl", "--by", "strategy"]);
    let names: Vec<&Value> =
        value["summaries"][0]["groups"].as_array().expect("groups").iter().map(|g| &g["name"]).collect();
    assert_eq!(names, ["fade", "swing"]);
    assert_eq!(value["summaries"][0]["groups"][0]["profit_factor"], "0", "losses only");
    assert_eq!(value["summaries"][0]["groups"][1]["profit_factor"], Value::Null, "wins only");
    let text = folder.run(&["report", "--records", "r.jsonl", "--by", "strategy"]).out;
    assert!(!text.contains("inf") && !text.contains("NaN"), "{text}");
    let ran = folder.run(&["report", "--exits", "e.csv", "--by", "strategy"]);
    assert!(ran.err.contains("has no strategies"), "{}", ran.err);
}

#[test]
fn no_exits_are_a_table_of_nothing() {
    let folder = Folder::new();
    folder.write("e.csv", &format!("{CSV}\n"));
    let total = total(&folder, &["--exits", "e.csv", "--since", "7d"]);
    for ratio in ["win_rate", "average_win", "average_loss", "reward_risk", "profit_factor", "expectancy"] {
        assert_eq!(total[ratio], Value::Null, "{ratio}");
    }
    assert_eq!(total["net_pnl"], "0");
}

#[test]
fn bad_requests_and_bad_files_are_named() {
    let folder = Folder::new();
    folder.write("e.csv", &exits(&["1"]));
    folder.write("word.csv", &exits(&["1"]).replace("STOP_LOSS", "SL"));
    folder.write("sum.csv", &exits(&["1"]).replace(",1,0,0,1\n", ",1,0,0,2\n"));
    folder.write("short.csv", &format!("{CSV}\na,1\n"));
    for (args, wanted) in [
        (vec!["report"], "required"),
        (vec!["report", "--exits", "none.csv"], "none.csv: "),
        (
            vec!["report", "--exits", "word.csv"],
            "word.csv: line 2: reason is \"SL\": must be one of PANIC_CLOSE",
        ),
        (
            vec!["report", "--exits", "sum.csv"],
            "sum.csv: line 2: net_pnl is \"2\": gross_pnl - fees - funding is 1",
        ),
        (vec!["report", "--exits", "short.csv"], "short.csv: "),
        (vec!["report", "--records", "e.csv"], "e.csv: line 1: this is no records file"),
        (vec!["report", "--exits", "e.csv", "--since", "soon"], "must be a time such as"),
        (
            vec!["report", "--exits", "e.csv", "--by", "colour"],
            "possible values: reason, source, strategy, symbol",
        ),
    ] {
        let ran = folder.run(&args);
        assert_eq!(ran.code, 2, "{args:?}");
        assert!(ran.err.contains(wanted), "{args:?}: {}", ran.err);
    }
}
