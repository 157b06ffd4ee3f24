//! What is written with the journal is what the journal says, whoever restarted when.

use std::collections::BTreeMap;

use ripcord_core::num::Money;
use ripcord_ledger::fact::Method;
use ripcord_ledger::money;
use ripcord_ledger::sample::Sample;
use ripcord_ledger::vocabulary::{REASONS, SOURCES, exit_code, exit_source_code, log_reason};
use ripcord_store::ledger::PartEnd;
use ripcord_store::rusqlite::{Connection, params};
use ripcord_store::{Reader, ledger};

use crate::support::{Place, append, entries, names, one};

#[test]
fn what_is_written_with_the_journal_is_what_the_journal_says() {
    let place = Place::new();
    drop(place.filled(1, 1_000, 3_000));
    let verified = place.verified();
    assert_eq!((verified.changed, &verified.first), (0, &None));
    assert!(verified.rows > 2_000, "{}", verified.rows);
}

#[test]
fn a_ledger_goes_on_behind_a_restart_and_catches_up_with_what_it_missed() {
    let place = Place::new();
    let mut store = place.create();
    append(&mut store, &names());
    let all = entries(Sample::new(4, 1_000).take(2_000));
    // The first part without a ledger, the others with one, restarted in the middle of episodes.
    append(&mut store, &all[..301]);
    for part in [301..700, 700..1_333, 1_333..all.len()] {
        drop(store);
        store = place.open();
        ledger::attach(&mut store).expect("a ledger");
        for some in all[part].chunks(37) {
            append(&mut store, some);
        }
    }
    drop(store);
    assert_eq!(place.verified().changed, 0);
}

#[test]
fn a_row_that_was_changed_by_hand_is_found_and_made_right() {
    let place = Place::new();
    let store = place.filled(2, 1_000, 1_000);
    let order: String = one(store.connection(), "SELECT min(order_id) FROM trade_records WHERE closes = 1");
    let sql = "UPDATE trade_records SET pnl_usd = '1000000' WHERE order_id = ?1";
    store.connection().execute(sql, [&order]).expect("changed");
    store.connection().execute("DELETE FROM episodes WHERE episode = 'rc-0-0-L1'", []).expect("deleted");
    drop(store);
    let verified = place.verified();
    assert_eq!(verified.changed, 2);
    let first = verified.first.expect("the first").to_string();
    assert_eq!(first, "episodes rc-0-0-L1: is missing; the journal says there is one");
    let rebuilt = ledger::rebuild(&mut place.open()).expect("rebuilt");
    assert_eq!((rebuilt.changed, rebuilt.rows), (2, verified.rows));
    assert_eq!(place.verified().changed, 0);
    assert_eq!(ledger::rebuild(&mut place.open()).expect("rebuilt").changed, 0, "twice is once");
}

#[test]
fn spot_is_counted_by_fifo_once_it_is_said() {
    let place = Place::new();
    let mut store = place.filled(3, 1_000, 2_000);
    let total = |connection: &Connection| -> i64 {
        one(connection, "SELECT sum(pnl_nano) FROM trade_records WHERE symbol = 'BTCUSDT'")
    };
    let by_average = total(store.connection());
    ledger::set_method(&mut store, "BTCUSDT", Method::Fifo).expect("said");
    assert!(ledger::rebuild(&mut store).expect("rebuilt").changed > 0);
    assert_ne!(total(store.connection()), by_average);
    let parts: i64 = one(store.connection(), "SELECT count(*) FROM fifo_allocations");
    assert!(parts > 30, "{parts}");
    let other = "SELECT count(*) FROM trade_records AS t WHERE EXISTS (SELECT 1 FROM fifo_allocations AS f \
                 WHERE f.sell_order_id = t.order_id) AND t.parent_id IS NULL";
    assert_eq!(one::<i64>(store.connection(), other), 0);
    drop(store);
    assert_eq!(place.verified().changed, 0);
}

#[test]
fn text_and_integers_say_the_same() {
    let place = Place::new();
    let store = place.filled(5, 1_000, 2_000);
    let sql = "SELECT pnl_usd, pnl_nano, pnl_atto FROM trade_records WHERE pnl_usd IS NOT NULL \
               UNION ALL SELECT net_pnl, net_nano, net_atto FROM episodes";
    let mut statement = store.connection().prepare(sql).expect("columns");
    let mut rows = statement.query([]).expect("rows");
    let mut count = 0;
    while let Some(row) = rows.next().expect("a row") {
        let (text, nano, atto) = (row.get::<_, String>(0), row.get::<_, i64>(1), row.get::<_, i64>(2));
        let sum = money::join(nano.expect("nanos").into(), atto.expect("attos").into());
        assert_eq!(text.expect("text"), money::text(sum));
        count += 1;
    }
    assert!(count > 500);
}

#[test]
fn trade_records_and_episodes_sum_to_the_same() {
    let place = Place::new();
    let store = place.filled(6, 1_000, 4_000);
    let sum = |columns: &str, table: &str| -> Money {
        let sql = format!("SELECT {columns} FROM {table}");
        let pair =
            store.connection().query_row(&sql, [], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)));
        let (nanos, attos) = pair.expect("sums");
        money::join(nanos.into(), attos.into())
    };
    let trades = sum("sum(pnl_nano), sum(pnl_atto)", "trade_records");
    assert_eq!(trades, sum("sum(net_nano), sum(net_atto)", "episodes"));
    let mut parts = Money::ZERO;
    let unknown = ledger::report_parts(store.connection(), None, |part| {
        parts += part.net();
    });
    assert_eq!((unknown.expect("readable"), parts), (0, trades));
}

#[test]
fn the_view_says_what_the_vocabulary_says() {
    let place = Place::new();
    let store = place.create();
    for (number, (reason, source)) in
        REASONS.iter().flat_map(|reason| SOURCES.map(|source| (*reason, source))).enumerate()
    {
        let sql = "INSERT INTO trade_records (order_id, parent_ids, symbol, side, position_side, order_time, \
            order_time_ns, price, size, \"trigger\", order_type, status, source, ingest_via, exit_reason, \
            exit_source, exit_type, closes, fills) VALUES (?1, '[]', 'X', 'sell', 'long', '', 0, '1', '1', \
            '{\"trigger\":\"\"}', '', '', '', '', ?2, ?3, 'MARKET', 1, 1)";
        let id = number.to_string();
        store.connection().execute(sql, params![id, reason.word(), source.word()]).expect("a row");
        let words = store.connection().query_row(
            "SELECT exit_code, log_reason, exit_source_code FROM exit_vocabulary WHERE order_id = ?1",
            [id],
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?)),
        );
        let (code, log, report) = words.expect("a row of the view");
        assert_eq!((code.as_str(), log.as_str()), (exit_code(reason), log_reason(reason, source)));
        assert_eq!(report, exit_source_code(reason, source), "{reason:?} {source:?}");
    }
}

#[test]
fn a_fact_without_a_row_is_kept_and_stops_nothing() {
    let place = Place::new();
    let mut store = place.create();
    ledger::attach(&mut store).expect("a ledger");
    // No instrument was registered.
    append(&mut store, &entries(Sample::new(8, 1_000).take(20)));
    let fault: String = one(store.connection(), "SELECT fault FROM ledger_faults ORDER BY seq LIMIT 1");
    assert!(fault.starts_with("instrument ") && fault.contains("is not registered"), "{fault}");
    drop(store);
    assert_eq!(place.verified().changed, 0);
}

#[test]
fn filters_choose_records() {
    let place = Place::new();
    drop(place.filled(9, 1_000, 1_000));
    let reader = Reader::open(&place.file()).expect("the store");
    let all = |filter: &ledger::Filter| {
        let mut rows = Vec::new();
        ledger::trade_records(reader.connection(), filter, |row| rows.push(row)).expect("readable");
        rows
    };
    let everything = all(&ledger::Filter::default());
    assert!(everything.is_sorted_by(|a, b| (&a.order_time, &a.order_id) <= (&b.order_time, &b.order_id)));
    let chosen = all(&ledger::Filter {
        symbol: Some("ETHUSDT".to_owned()),
        reason: Some("SOFT_STOP".to_owned()),
        since_ns: Some(1_761_955_300_000_000_000),
    });
    let wanted = everything.iter().filter(|row| {
        row.symbol == "ETHUSDT"
            && row.reason.as_deref() == Some("SOFT_STOP")
            && row.order_time.as_str() >= "2025-11-01 00:01:40"
    });
    assert_eq!(chosen.len(), wanted.count());
    assert!(!chosen.is_empty() && chosen.len() < everything.len());
}

#[test]
fn a_report_is_told_what_became_of_each_position() {
    let place = Place::new();
    let store = place.filled(6, 1_000, 4_000);
    let connection = store.connection();
    let told = || -> BTreeMap<String, (PartEnd, u64)> {
        let mut told = BTreeMap::new();
        ledger::report_parts(connection, None, |part| {
            let of: &mut (PartEnd, u64) = told.entry(part.position.to_owned()).or_insert((part.end, 0));
            assert_eq!(of.0, part.end, "the same in every part");
            of.1 += part.fills;
        })
        .expect("readable");
        told
    };
    let count = |end: PartEnd| told().values().filter(|of| of.0 == end).count();
    let open = "SELECT count(DISTINCT episode) FROM trade_records JOIN episodes USING (episode) \
                WHERE trade_records.exit_reason IS NOT NULL AND closed_ns IS NULL";
    let open = usize::try_from(one::<i64>(connection, open)).expect("a count");
    assert!(open > 0);
    assert_eq!((count(PartEnd::Open), count(PartEnd::Unknown)), (open, 0));
    // Nobody told the price of a part; then of the whole, which no order of ours closed.
    let (episode, _) = told().into_iter().find(|(_, of)| of.0 == PartEnd::Closed).expect("a trade");
    let forget = "UPDATE episodes SET net_pnl = NULL, net_nano = NULL, net_atto = NULL WHERE episode = ?1";
    connection.execute(forget, [&episode]).expect("forgotten");
    assert!(told()[&episode].0 == PartEnd::Unknown && told()[&episode].1 > 0);
    connection.execute("DELETE FROM trade_records WHERE episode = ?1", [&episode]).expect("deleted");
    assert_eq!(told()[&episode], (PartEnd::Unknown, 0), "it counts all the same");
}
