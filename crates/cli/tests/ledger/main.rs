//! `ripcord ledger`, and `report`, `explain` and `db` on files with trade records.

#[path = "../replay/support.rs"]
#[allow(dead_code, reason = "shared with the tests of replay, which read files as well")]
mod support;

use std::collections::BTreeSet;
use std::io::BufReader;

use ripcord_core::bars::BarOrigin;
use ripcord_core::event::{Entry, Record};
use ripcord_core::id::EpisodeId;
use ripcord_core::market::PriceSource;
use ripcord_core::time::Timestamp;
use ripcord_journal::JournalEntry;
use ripcord_journal::entry::{InstallationId, InstrumentEntry, PlanEntry, PositionEntry};
use ripcord_ledger::sample::{Sample, instruments};
use ripcord_ledger::text;
use ripcord_report::exits::{ExitRow, write_csv};
use ripcord_report::records::RecordsReader;
use ripcord_store::rusqlite::Connection;
use ripcord_store::{Opening, Store, ledger};
use serde_json::Value;
use support::{Folder, HEADER, market};

/// A store of the name `s.db` with a ledger and these entries.
fn store(folder: &Folder, entries: &[JournalEntry]) {
    let opening = Opening { now: Timestamp(1), program: "test", vfs: None };
    let made = Store::create(&folder.path("s.db"), 0, InstallationId([1; 16]), &opening);
    let mut store = made.expect("a new store").0;
    ledger::attach(&mut store).expect("a ledger");
    store.append(Timestamp(1), entries).expect("room");
    store.commit().expect("durable");
}

fn instrument(rules: ripcord_core::instrument::Instrument) -> JournalEntry {
    let (sources, bars) = (vec![PriceSource::Last], BarOrigin::Ticks);
    JournalEntry::Instrument(Box::new(InstrumentEntry { rules, sources, bars }))
}

/// A store with a sample, and its closing fills as a CSV file that no ledger has seen.
fn sampled() -> Folder {
    filled(Sample::new(21, 1_000).take(3_000).collect())
}

/// The same, without the positions that are still open at the end.
fn sampled_to_the_end() -> Folder {
    let all: Vec<Entry> = Sample::new(21, 1_000).take(3_000).collect();
    let closed: BTreeSet<EpisodeId> = all
        .iter()
        .filter_map(|entry| match entry.record {
            Record::Closed { episode } => Some(episode),
            _ => None,
        })
        .collect();
    let is_over = |entry: &Entry| entry.record.episode().is_none_or(|episode| closed.contains(&episode));
    filled(all.into_iter().filter(is_over).collect())
}

fn filled(sample: Vec<Entry>) -> Folder {
    let folder = Folder::new();
    let mut entries: Vec<JournalEntry> = instruments().map(instrument).to_vec();
    let mut rows = Vec::new();
    for entry in sample {
        if let Record::Filled(fill) = &entry.record {
            let rules = &instruments()[fill.id.episode.key.instrument.0 as usize];
            rows.push(ExitRow::from_fill(fill, rules, &text::episode_id(fill.id.episode), 0, entry.at, None));
        }
        entries.push(entry.into());
    }
    store(&folder, &entries);
    let mut csv = Vec::new();
    write_csv(&mut csv, &rows).expect("memory takes everything");
    folder.write("e.csv", std::str::from_utf8(&csv).expect("text"));
    folder
}

fn json(folder: &Folder, args: &[&str]) -> Value {
    let ran = folder.run(args);
    assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
    serde_json::from_str(&ran.out).expect("one JSON document")
}

#[test]
fn a_report_on_a_store_says_what_one_on_its_fills_says() {
    let folder = sampled_to_the_end();
    let by = ["--json", "--by", "reason", "--by", "source"];
    let of = |file: &str| json(&folder, &[&["report", file][..], &by].concat());
    let (of_store, of_fills) = (of("s.db"), of("e.csv"));
    assert_eq!(of_store["summaries"], of_fills["summaries"]);
    assert_eq!((&of_store["fills"], &of_store["orders_of_unknown_profit"]), (&of_fills["fills"], &0.into()));
    assert!(of_store["fills"].as_u64() > Some(500));
    // The content says what a file is, whatever its name.
    std::fs::rename(folder.path("s.db"), folder.path("looks-like.csv")).expect("renamed");
    assert_eq!(json(&folder, &[&["report", "--exits", "looks-like.csv"][..], &by].concat()), of_store);
    let both = folder.run(&["report", "looks-like.csv", "e.csv"]);
    assert_eq!(both.code, 2);
    assert!(both.err.contains("looks-like.csv is a store: report on it alone"), "{}", both.err);
}

#[test]
fn a_position_that_closed_a_part_and_is_open_is_no_trade_yet() {
    let (all, over) = (sampled(), sampled_to_the_end());
    let total =
        |folder: &Folder| json(folder, &["report", "s.db", "--json"])["summaries"][0]["total"].clone();
    let (all_told, over_told) = (total(&all), total(&over));
    let open = all_told["still_open"].as_u64().expect("a count");
    assert!(open > 0 && over_told["still_open"] == 0, "{all_told}");
    for word in ["positions", "wins", "losses", "break_even", "expectancy"] {
        assert_eq!(all_told[word], over_told[word], "{word}: the others are the same trades");
    }
    assert_ne!(all_told["fills"], over_told["fills"]);
    let text = all.run(&["report", "s.db"]).out;
    assert!(text.contains(&format!("Still open, closed in part: {open} position")), "{text}");
}

#[test]
fn since_leaves_earlier_orders_out() {
    let folder = sampled();
    let all = json(&folder, &["report", "s.db", "--json"]);
    let late = json(&folder, &["report", "s.db", "--json", "--since", "2h"]);
    let fills = |report: &Value| report["fills"].as_u64().expect("a count");
    assert!(fills(&late) > 0 && fills(&late) < fills(&all));
    assert!(late["since_ns"].is_i64());
}

#[test]
fn a_ledger_is_shown_checked_and_derived_again() {
    let folder = sampled();
    let shown =
        folder.run(&["ledger", "show", "s.db", "--symbol", "BTCUSDT", "--reason", "SOFT_STOP", "--json"]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    let lines: Vec<Value> = shown.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(!lines.is_empty());
    for line in &lines {
        assert_eq!((&line["symbol"], &line["exit_reason"]), (&"BTCUSDT".into(), &"SOFT_STOP".into()));
        assert_eq!(line["trigger"]["trigger"], "SOFT_STOP");
    }
    let table = folder.run(&["ledger", "show", "s.db"]).out;
    assert!(table.starts_with("time (UTC)") && table.ends_with("trade records\n"), "{table}");
    let verified = folder.run(&["ledger", "verify", "s.db"]);
    assert_eq!(verified.code, 0, "{}", verified.out);
    assert!(verified.out.ends_with("all as the journal says\n"), "{}", verified.out);

    let connection = Connection::open(folder.path("s.db")).expect("the store");
    connection
        .execute("UPDATE episodes SET headline = 'ADL' WHERE episode = 'rc-0-0-L1'", [])
        .expect("changed");
    drop(connection);
    let verified = folder.run(&["ledger", "verify", "s.db"]);
    assert_eq!(verified.code, 1);
    assert!(
        verified.out.contains("first: episodes rc-0-0-L1: headline is ADL; the journal says "),
        "{}",
        verified.out
    );
    assert_eq!(json(&folder, &["ledger", "rebuild", "s.db", "--json"])["different"], 1);
    assert_eq!(folder.run(&["ledger", "verify", "s.db"]).code, 0);
}

/// Takes every `index` out: a replay counts rows of its market, a journal its own records.
fn without_places(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| !matches!(name.as_str(), "index" | "exit_index" | "candles"));
            members.values_mut().for_each(without_places);
        }
        Value::Array(items) => items.iter_mut().for_each(without_places),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn a_position_is_explained_from_the_journal_as_from_the_records_of_its_replay() {
    let folder = Folder::new();
    let positions = format!(
        "{HEADER}a,X,long,0,100.00,2.000,0.05,0.2,0.02,0.01\nb,X,short,10,101.00,1.000,0.03,0.05,,\n"
    );
    folder.write("m.csv", &market()).write("p.csv", &positions);
    let replay =
        ["replay", "--market", "m.csv", "--symbol", "X", "--positions", "p.csv", "--records", "r.jsonl"];
    assert_eq!(folder.run(&replay).code, 0);
    let file = std::fs::File::open(folder.path("r.jsonl")).expect("the records");
    let mut records = RecordsReader::new("r.jsonl", BufReader::new(file)).expect("a header");
    let header = records.header().clone();
    let mut entries: Vec<JournalEntry> =
        header.instruments.iter().map(|entry| instrument(entry.rules.clone())).collect();
    entries.extend(header.plans.iter().map(|plan| {
        let (instrument, spec) = (plan.instrument, plan.spec.clone());
        JournalEntry::Plan(Box::new(PlanEntry { instrument, spec }))
    }));
    while let Some(line) = records.next_line().expect("whole") {
        let Entry { record, .. } = &line.entry;
        let opened = if let Record::Opened(opened) = record { Some(opened.episode) } else { None };
        entries.push(line.entry.into());
        let Some(episode) = opened else { continue };
        let known = header.positions.iter().find(|position| position.account == episode.key.account);
        let position = known.expect("the header names it").clone();
        entries.push(JournalEntry::Position(Box::new(PositionEntry {
            episode,
            id: position.id,
            symbol: position.symbol,
            side: position.side,
            strategy: position.strategy,
            snapshot_id: position.snapshot_id,
        })));
    }
    store(&folder, &entries);
    for position in ["a", "b"] {
        let told = |file: &str, name: &str| {
            let mut story = json(&folder, &["explain", name, "--records", file, "--json"]);
            without_places(&mut story);
            story
        };
        let of_replay = told("r.jsonl", position);
        assert_eq!(told("s.db", position), of_replay);
        assert!(of_replay["fills"].as_array().is_some_and(|fills| !fills.is_empty()));
    }
    let by_episode = json(&folder, &["explain", "rc-1-0-S1", "--store", "s.db", "--json"]);
    assert_eq!(by_episode["position"]["id"], "b");
    // As `status` says it: symbol, side, account, generation.
    for file in ["s.db", "r.jsonl"] {
        let named = json(&folder, &["explain", "X-S-1-1", "--records", file, "--json"]);
        assert_eq!(named["position"]["id"], "b", "{file}");
        assert_eq!(folder.run(&["explain", "X-S-1-2", "--records", file]).code, 2, "{file}");
    }
    let unknown = folder.run(&["explain", "c", "--store", "s.db"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("no position is named c"), "{}", unknown.err);
}

#[test]
fn a_bots_own_table_is_adopted_reported_on_and_given_back() {
    let folder = Folder::new();
    let bot = Connection::open(folder.path("bot.db")).expect("a database");
    let table = "CREATE TABLE trade_records (order_id TEXT PRIMARY KEY, symbol TEXT, side TEXT, order_time TEXT, \
                 price FLOAT, size FLOAT, pnl_usd FLOAT, trigger TEXT, exit_reason TEXT); \
                 INSERT INTO trade_records VALUES \
                 ('b', 'X', 'buy', '2025-12-01 10:00:00', 10.1, 2.0, NULL, 'limit', NULL), \
                 ('s', 'X', 'sell', '2025-12-01 11:00:00', 10.3, 2.0, 0.1, 'limit', 'TRAILING_STOP (peak)')";
    bot.execute_batch(table).expect("its table");
    let early = folder.run(&["ledger", "verify", "bot.db"]);
    assert_eq!(early.code, 2, "it has no journal");
    let adopted = folder.run(&["db", "migrate", "bot.db"]);
    assert_eq!(adopted.code, 0, "{}", adopted.err);
    assert!(adopted.out.contains("2 trade records adopted"), "{}", adopted.out);
    assert!(folder.run(&["db", "migrate", "bot.db"]).out.contains("nothing to do"));
    let report = json(&folder, &["report", "bot.db", "--json"]);
    let group = &report["summaries"][0]["groups"][0];
    assert_eq!((&group["name"], &group["net_pnl"]), (&"TRAILING_STOP".into(), &"0.1".into()), "{group}");
    assert!(folder.run(&["ledger", "show", "bot.db"]).out.contains("TRAILING_STOP"));
    let back = folder.run(&["db", "rollback", "bot.db"]);
    assert_eq!(back.code, 0, "{}", back.err);
    assert!(back.out.contains("the former table is back with its 2 rows"), "{}", back.out);
    let price: f64 = bot.query_row("SELECT price FROM trade_records", [], |row| row.get(0)).expect("a float");
    assert!((price - 10.1).abs() < f64::EPSILON);
}
