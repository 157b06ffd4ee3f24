//! The queries of `docs/sql.md`, as they stand there, against figures computed from the records.

use std::collections::BTreeMap;

use ripcord_core::coverage::Coverage;
use ripcord_core::event::Record;
use ripcord_core::id::OrderId;
use ripcord_core::instrument::Side;
use ripcord_core::reason::{Reason, Source};
use ripcord_ledger::sample::{Sample, instruments};
use ripcord_ledger::vocabulary::exit_source_code;
use ripcord_store::rusqlite::Connection;
use ripcord_store::rusqlite::types::Value;

use crate::support::Place;
use crate::uncovered::Nobody as Unplanned;

const SEED: u64 = 2_025;
/// 50,000 closing orders in 30 days.
const CLOSINGS: u64 = 50_000;
const NANO: i128 = 1_000_000_000;
const HOUR_NS: i64 = 3_600_000_000_000;
/// 2025-11-08 00:00 UTC.
const NOV_8_NS: i64 = 1_762_560_000_000_000_000;

/// A closing order, summed from its fills without the ledger.
#[derive(Debug, Clone)]
struct Exit {
    at: i64,
    symbol: String,
    side: Side,
    reason: Reason,
    source: Source,
    /// Units of 10^-18.
    net: i128,
}

/// How many records hold [`CLOSINGS`] closing orders, what these made, and when the last record was.
fn month() -> (usize, Vec<Exit>, i64) {
    let mut sample = Sample::new(SEED, CLOSINGS / 30);
    let mut exits: BTreeMap<OrderId, Exit> = BTreeMap::new();
    let (mut records, mut traded) = (0, 0);
    while sample.closings() < CLOSINGS {
        let entry = sample.next().expect("it never ends");
        records += 1;
        if let Record::Opened(_) | Record::Added(_) = entry.record {
            traded = entry.at.0;
        }
        let Record::Filled(fill) = entry.record else { continue };
        let key = fill.id.episode.key;
        let rules = &instruments()[key.instrument.0 as usize];
        let exit = exits.entry(fill.id).or_insert_with(|| {
            traded = entry.at.0;
            let (symbol, side) = (rules.symbol.clone(), key.side);
            Exit { at: entry.at.0, symbol, side, reason: fill.reason, source: fill.source, net: 0 }
        });
        let gross = (i128::from(fill.price.0) * i128::from(fill.qty.0) - fill.cost) * rules.money_per_unit();
        let sign = i128::from(key.side.sign());
        exit.net += sign * gross - fill.fee.0 - fill.entry_fees.0 - fill.funding.0;
    }
    (records, exits.into_values().collect(), traded)
}

/// Headings and queries, in their order.
fn documented() -> Vec<(String, String)> {
    let text = include_str!("../../../../docs/sql.md");
    let sections = text.split("\n## ").skip(1);
    let query = |section: &str| {
        let (name, rest) = section.split_once('\n').expect("a heading");
        let (_, rest) = rest.split_once("```sql\n").expect("a query below each heading");
        let (sql, rest) = rest.split_once("```").expect("an end of the query");
        assert!(!rest.contains("```sql"), "one query below each heading: {name}");
        (name.to_owned(), sql.to_owned())
    };
    sections.map(query).collect()
}

fn rows(connection: &Connection, sql: &str) -> Vec<Vec<Value>> {
    let mut statement = connection.prepare(sql).unwrap_or_else(|why| panic!("{sql}: {why}"));
    let width = statement.column_count();
    let rows = statement.query_map([], |row| (0..width).map(|at| row.get(at)).collect());
    rows.expect("rows").collect::<Result<_, _>>().expect("values")
}

fn text(value: &Value) -> &str {
    if let Value::Text(text) = value { text } else { panic!("a text, not {value:?}") }
}

fn whole(value: &Value) -> usize {
    if let Value::Integer(value) = value {
        usize::try_from(*value).expect("a count")
    } else {
        panic!("a count, not {value:?}")
    }
}

/// Whether a shown number is `numerator / denominator`, rounded at its second digit (floats may be off by the last).
fn is_near(shown: &Value, numerator: i128, denominator: i128, unit: i128) -> bool {
    match shown {
        Value::Null => denominator == 0,
        Value::Real(shown) => {
            let hundredths = (shown * 100.0).round() as i128;
            let exact = numerator * 100 / (denominator * unit);
            (hundredths - exact).abs() <= 1
        }
        _ => panic!("a number, not {shown:?}"),
    }
}

#[test]
fn the_documented_queries_say_what_a_second_computation_says() {
    let place = Place::new();
    let (records, exits, newest) = month();
    let store = place.filled(SEED, CLOSINGS / 30, records);
    assert!(
        exits.len() as u64 >= CLOSINGS - 12,
        "orders that were accepted and have not traded yet: {}",
        exits.len()
    );
    let mut seen = 0;
    for (name, sql) in documented() {
        let rows = rows(store.connection(), &sql);
        match name.as_str() {
            "Schema check" => {
                let wanted =
                    [Value::Text("exit_reason".into()), Value::Text("TEXT".into()), Value::Integer(0)];
                assert_eq!(rows, [wanted.to_vec()]);
            }
            "New exits of the last hour" => last_hour(&rows, &exits, newest),
            "Distribution by exit reason" => distribution(&rows, &exits),
            "Win rate by exit reason" => win_rate(&rows, &exits),
            "Soft stop check" => soft_stop(&rows, &exits),
            "Reward to risk" => reward_risk(&rows, &exits),
            "Exits that say why" => {
                let hard = exits.iter().filter(|exit| exit.reason == Reason::HardStop).count();
                assert_eq!((whole(&rows[0][0]), whole(&rows[0][1])), (exits.len(), exits.len()));
                assert!(is_near(&rows[0][2], 100 * hard as i128, exits.len() as i128, 1));
            }
            "Time without a stop" => without_a_stop(&rows, records),
            "Who got the position out" => {
                let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
                exits.iter().for_each(|exit| {
                    *counts.entry(exit_source_code(exit.reason, exit.source)).or_default() += 1
                });
                let shown = rows.iter().map(|row| (text(&row[0]), whole(&row[1])));
                assert_eq!(shown.collect::<BTreeMap<_, _>>(), counts);
            }
            other => panic!("docs/sql.md has a query without a check: {other}"),
        }
        seen += 1;
    }
    assert_eq!(seen, 9);
}

/// Symbol by symbol, from the core's own fold over the records. No plan is known, so none wants a stop.
fn without_a_stop(rows: &[Vec<Value>], records: usize) {
    let mut coverage = Coverage::new();
    let mut wanted: BTreeMap<String, (usize, usize, i128, i128)> = BTreeMap::new();
    for entry in Sample::new(SEED, CLOSINGS / 30).take(records) {
        let Some((episode, covered)) = coverage.take(&entry, &Unplanned) else { continue };
        let (of, symbol) =
            (covered.uncovered(entry.at), &instruments()[episode.key.instrument.0 as usize].symbol);
        let (count, bare, sum, longest) = wanted.entry(symbol.clone()).or_default();
        (*count, *bare) = (*count + 1, *bare + usize::from(of.unprotected.0 > 0));
        *sum += i128::from(of.unprotected.0);
        *longest = (*longest).max(i128::from(of.unprotected_longest.0));
    }
    assert_eq!(rows.len(), wanted.len());
    for (row, (symbol, (count, bare, sum, longest))) in rows.iter().zip(wanted) {
        assert_eq!((text(&row[0]), whole(&row[1]), whole(&row[2])), (symbol.as_str(), count, bare));
        assert!(
            bare > 100 && is_near(&row[3], sum, 1, NANO) && is_near(&row[4], longest, 1, NANO),
            "{row:?}"
        );
        assert_eq!(row[5], Value::Real(0.0));
    }
}

fn by_reason<'a>(exits: impl Iterator<Item = &'a Exit>) -> BTreeMap<&'static str, Vec<&'a Exit>> {
    let mut groups: BTreeMap<&str, Vec<&Exit>> = BTreeMap::new();
    exits.for_each(|exit| groups.entry(exit.reason.word()).or_default().push(exit));
    groups
}

fn net<'a>(exits: impl Iterator<Item = &'a Exit>) -> i128 {
    exits.map(|exit| exit.net).sum()
}

fn last_hour(rows: &[Vec<Value>], exits: &[Exit], newest: i64) {
    let recent = exits.iter().filter(|exit| exit.at >= newest - HOUR_NS);
    assert_eq!(rows.len(), recent.count().min(20));
    assert!(rows.len() > 5, "an hour has some: {}", rows.len());
    let last = exits.iter().max_by_key(|exit| exit.at).expect("some");
    let side = if last.side == Side::Long { "sell" } else { "buy" };
    assert_eq!((text(&rows[0][1]), text(&rows[0][2])), (last.symbol.as_str(), side));
    assert_eq!(text(&rows[0][4]), last.reason.word());
    assert_eq!(text(&rows[0][5]), last.reason.word(), "the trigger says the rule");
    assert!(text(&rows[0][6]).contains("level "), "and its level");
}

fn distribution(rows: &[Vec<Value>], exits: &[Exit]) {
    let groups = by_reason(exits.iter().filter(|exit| exit.at >= NOV_8_NS));
    assert_eq!(rows.len(), groups.len());
    assert!(rows.windows(2).all(|pair| whole(&pair[0][1]) >= whole(&pair[1][1])));
    for row in rows {
        let group = &groups[text(&row[0])];
        let sum = net(group.iter().copied());
        assert_eq!(whole(&row[1]), group.len());
        assert!(is_near(&row[2], sum, group.len() as i128, NANO * NANO), "{row:?}");
        assert!(is_near(&row[3], sum, 1, NANO * NANO), "{row:?} {sum}");
    }
}

fn win_rate(rows: &[Vec<Value>], exits: &[Exit]) {
    let groups = by_reason(exits.iter());
    assert_eq!(rows.len(), groups.len());
    let mut break_even = 0;
    for row in rows {
        let group = &groups[text(&row[0])];
        let of = |holds: fn(i128) -> bool| group.iter().copied().filter(move |exit| holds(exit.net));
        let (wins, losses) = (of(|net| net > 0).count(), of(|net| net < 0).count());
        let even = group.len() - wins - losses;
        let counts = [group.len(), wins, losses, even];
        assert_eq!([1, 2, 3, 4].map(|at| whole(&row[at])), counts, "{row:?}");
        assert!(shown_tenth(&row[5], wins, losses), "{row:?}");
        assert!(is_near(&row[6], net(of(|net| net > 0)), wins as i128, NANO * NANO), "{row:?}");
        assert!(is_near(&row[7], net(of(|net| net < 0)), losses as i128, NANO * NANO), "{row:?}");
        break_even += even;
    }
    assert!(break_even > 100, "some break even: {break_even}");
}

/// A percentage shown with one decimal.
fn shown_tenth(shown: &Value, wins: usize, losses: usize) -> bool {
    let Value::Real(shown) = shown else { return wins + losses == 0 };
    let exact = 1_000 * wins / (wins + losses);
    ((shown * 10.0).round() as i128 - exact as i128).abs() <= 1
}

fn soft_stop(rows: &[Vec<Value>], exits: &[Exit]) {
    let bound = -300 * NANO * NANO;
    let soft = exits.iter().filter(|exit| exit.reason == Reason::SoftStop && exit.net < bound);
    let mut soft: Vec<&Exit> = soft.collect();
    soft.sort_by_key(|exit| exit.net);
    assert_eq!(rows.len(), soft.len().min(20));
    assert!(!soft.is_empty());
    for (row, exit) in rows.iter().zip(soft) {
        assert_eq!(text(&row[0]), exit.symbol);
        assert_eq!(text(&row[2]), ripcord_ledger::money::text(ripcord_core::num::Money(exit.net)));
    }
}

fn reward_risk(rows: &[Vec<Value>], exits: &[Exit]) {
    let wins: Vec<&Exit> = exits.iter().filter(|exit| exit.net > 0).collect();
    let losses: Vec<&Exit> = exits.iter().filter(|exit| exit.net < 0).collect();
    let (won, lost) = (net(wins.iter().copied()), -net(losses.iter().copied()));
    let (win_count, loss_count) = (wins.len() as i128, losses.len() as i128);
    assert!(is_near(&rows[0][0], won, win_count, NANO * NANO));
    assert!(is_near(&rows[0][1], lost, loss_count, NANO * NANO));
    assert!(is_near(&rows[0][2], won / win_count, lost / loss_count, 1));
}
