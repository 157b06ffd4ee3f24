//! A ledger goes on from what it remembers, or from the first record; the rows are the same.

use ripcord_core::Coordinator;
use ripcord_core::id::{AccountId, InstrumentId};
use ripcord_core::instrument::Side;
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::time::Timestamp;
use ripcord_journal::JournalEntry;
use ripcord_journal::entry::{FeePaid, ImportedTrade};
use ripcord_ledger::fact::Method;
use ripcord_ledger::sample::Sample;
use ripcord_store::ledger::{self, Attached};
use ripcord_store::rusqlite::Connection;
use ripcord_store::rusqlite::types::Value;
use ripcord_store::{Reader, Store, maintain};

use crate::support::{Place, append, entries, names, one};

fn snapshot(store: &mut Store) -> u64 {
    store.keep_snapshot(&Coordinator::new().snapshot(), &[]).expect("durable")
}

fn attached(place: &Place) -> (Store, Attached) {
    let mut store = place.open();
    let attached = ledger::attach(&mut store).expect("a ledger");
    (store, attached)
}

/// A store with a sample, spot in one instrument, and three snapshots on the way.
fn filled(place: &Place) -> Vec<u64> {
    let mut store = place.create();
    ledger::set_method(&mut store, "ETHUSDT", Method::Fifo).expect("durable");
    ledger::attach(&mut store).expect("a ledger");
    append(&mut store, &names());
    let all = entries(Sample::new(4, 2_000).take(2_400));
    let mut kept = Vec::new();
    for part in all.chunks(600) {
        append(&mut store, part);
        kept.push(snapshot(&mut store));
    }
    kept
}

#[test]
fn from_any_record_on_a_state_and_what_follows_are_the_whole_fold() {
    let all = entries(Sample::new(9, 2_000).take(260));
    for cut in (0..all.len()).step_by(7) {
        let place = Place::new();
        let mut store = place.create();
        ledger::set_method(&mut store, "ETHUSDT", Method::Fifo).expect("durable");
        ledger::attach(&mut store).expect("a ledger");
        append(&mut store, &names());
        append(&mut store, &all[..cut]);
        let kept = snapshot(&mut store);
        append(&mut store, &all[cut..all.len() * 3 / 4 + cut / 4]);
        drop(store);
        let (mut store, how) = attached(&place);
        assert_eq!(how, Attached { from: kept, passed_over: Vec::new() }, "cut before {cut}");
        append(&mut store, &all[all.len() * 3 / 4 + cut / 4..]);
        let verified = place.verified();
        assert_eq!((verified.changed, verified.first), (0, None), "cut before {cut}");
    }
}

#[test]
fn a_state_that_does_not_hold_is_passed_over_and_said_so() {
    for (damage, told) in [
        ("body = zeroblob(length(body))", "its hash does not match"),
        ("version = version + 1", "its hash does not match"),
        ("record = zeroblob(32)", "its hash does not match"),
        ("seq = seq - 1", "its hash does not match"),
    ] {
        let place = Place::new();
        let kept = filled(&place);
        let file = Connection::open(place.file()).expect("a database");
        file.execute(&format!("UPDATE states SET {damage} WHERE seq = {}", kept[kept.len() - 1]), [])
            .expect(damage);
        drop(file);
        let (mut store, how) = attached(&place);
        assert_eq!((how.from, how.passed_over.len()), (kept[kept.len() - 2], 1), "{damage}: {how:?}");
        let why = &how.passed_over[0];
        assert!(why.starts_with("the state of the ledger behind record ") && why.contains(told), "{why}");
        append(&mut store, &entries(Sample::new(77, 2_000).take(1)));
        assert_eq!(place.verified().changed, 0, "{damage}");
        let verified = Reader::open(&place.file())
            .expect("a store")
            .verify(|_, _| Ok::<_, ripcord_store::StoreError>(()));
        assert_eq!(verified.expect("whole").passed_over.len(), 1, "{damage}");
    }
}

#[test]
fn without_a_state_the_fold_begins_with_the_first_record() {
    let place = Place::new();
    filled(&place);
    Connection::open(place.file()).expect("a database").execute("DELETE FROM states", []).expect("sql");
    let (_, how) = attached(&place);
    assert_eq!(how, Attached::default());
    assert_eq!(place.verified().changed, 0);
}

/// A state of another journal is whole, and has no place in this one.
#[test]
fn a_state_of_another_journal_is_passed_over() {
    let (place, other) = (Place::new(), Place::new());
    let kept = filled(&place);
    let mut store = other.create();
    ledger::attach(&mut store).expect("a ledger");
    append(&mut store, &names());
    append(&mut store, &entries(Sample::new(1, 2_000).take(900)));
    snapshot(&mut store);
    drop(store);
    let file = Connection::open(place.file()).expect("a database");
    let take = format!(
        "ATTACH '{}' AS other; DELETE FROM main.states; INSERT INTO main.states SELECT * FROM other.states",
        other.file().display()
    );
    file.execute_batch(&take).expect("sql");
    drop(file);
    let (_, how) = attached(&place);
    assert_eq!((how.from, how.passed_over.len()), (0, 1), "{how:?} {kept:?}");
    assert!(how.passed_over[0].contains("does not belong to this record"), "{how:?}");
    assert_eq!(place.verified().changed, 0);
}

#[test]
fn another_method_and_a_rebuild_take_no_former_state() {
    let place = Place::new();
    filled(&place);
    let (mut store, _) = attached(&place);
    ledger::set_method(&mut store, "DOGEUSDT", Method::Fifo).expect("durable");
    assert_eq!(one::<i64>(store.connection(), "SELECT count(*) FROM states WHERE name = 'ledger'"), 0);
    assert!(ledger::rebuild(&mut store).expect("a rebuild").changed > 0, "counted by another method");
    drop(store);
    let (mut store, how) = attached(&place);
    assert_eq!(how.from, 0);
    snapshot(&mut store);
    assert_eq!(ledger::rebuild(&mut store).expect("a rebuild").changed, 0);
    assert_eq!(one::<i64>(store.connection(), "SELECT count(*) FROM states WHERE name = 'ledger'"), 0);
}

/// Incident E5: a loop of maintenance touched 2,926 rows two hundred times.
#[test]
fn e5_a_rebuild_touches_the_rows_that_it_counted_or_none() {
    let place = Place::new();
    filled(&place);
    let (mut store, _) = attached(&place);
    let before = store.connection().changes();
    for _ in 0..3 {
        assert_eq!(ledger::rebuild(&mut store).expect("a rebuild").changed, 0);
    }
    assert!(store.connection().changes() <= before.max(4), "nothing was different, nothing was written");

    let edit = "UPDATE trade_records SET status = 'odd' \
                WHERE order_id = (SELECT min(order_id) FROM trade_records)";
    store.connection().execute(edit, []).expect("sql");
    let stuck = "CREATE TRIGGER stuck BEFORE DELETE ON trade_records WHEN old.side = 'buy' \
                 BEGIN SELECT RAISE(IGNORE); END";
    store.connection().execute_batch(stuck).expect("sql");
    let rows = |store: &Store| one::<i64>(store.connection(), "SELECT count(*) FROM trade_records");
    let meant = rows(&store);
    let error = ledger::rebuild(&mut store).expect_err("rows that stay").to_string();
    assert!(error.contains(&format!("trade_records: {meant} rows were to be removed, and ")), "{error}");
    assert!(error.contains("nothing was changed"), "{error}");
    assert_eq!(rows(&store), meant);
    let odd = "SELECT count(*) FROM trade_records WHERE status = 'odd'";
    assert_eq!(one::<i64>(store.connection(), odd), 1, "as it was before");
}

fn imported(order_id: &str, closes: bool, qty: i64, fee: FeePaid) -> JournalEntry {
    JournalEntry::Imported(Box::new(ImportedTrade {
        seen_at: Timestamp(1_764_900_000_000_000_000),
        order_id: order_id.to_owned(),
        account: AccountId(9),
        instrument: InstrumentId(1),
        side: Side::Long,
        closes,
        at: Timestamp(1_764_842_400_000_000_000 + i64::from(closes)),
        qty: Qty(qty),
        price: Price(300_000),
        fee,
        trigger: "limit".to_owned(),
        order_type: "limit".to_owned(),
        source: "websocket".to_owned(),
        reason: closes.then(|| "SOFT_STOP".to_owned()),
        via: "import".to_owned(),
    }))
}

/// Every column of every trade record that the fold has no part in.
fn rows(connection: &Connection, which: &str) -> Vec<Vec<Value>> {
    let sql = format!("SELECT * FROM trade_records WHERE {which} ORDER BY order_id");
    let mut statement = connection.prepare(&sql).expect("sql");
    let width = statement.column_count();
    let mut rows = statement.query([]).expect("rows");
    let mut all = Vec::new();
    while let Some(row) = rows.next().expect("a row") {
        all.push((0..width).map(|at| row.get(at).expect("a value")).collect());
    }
    all
}

#[test]
fn adopted_rows_and_imported_trades_outlive_every_rebuild() {
    let place = Place::new();
    filled(&place);
    let (mut store, _) = attached(&place);
    crate::adopt::adopt_into(store.connection());
    let adopted = rows(store.connection(), "ingest_via = 'adopted'");
    assert_eq!(adopted.len(), 4);
    // One of the orders that were adopted comes by the journal, too: its adopted row stays.
    append(
        &mut store,
        &[
            imported("x1", false, 2_000, FeePaid::Base(Qty(2))),
            imported("s1", true, 1_000, FeePaid::Quote(Money(7))),
            imported(
                "x2",
                true,
                998,
                FeePaid::Other { coin: "BNB".to_owned(), amount: Money(5), price: Money(9) },
            ),
        ],
    );
    assert_eq!(rows(store.connection(), "ingest_via = 'adopted'"), adopted);
    let ours = rows(store.connection(), "ingest_via = 'import'");
    assert_eq!(ours.len(), 2);
    let left = "SELECT remaining_size FROM trade_records WHERE order_id = 'x1'";
    assert_eq!(one::<String>(store.connection(), left), "0.000", "1.998 came, 1.000 and 0.998 went");
    assert_eq!(place.verified().changed, 0);

    store
        .connection()
        .execute("UPDATE trade_records SET note = 'odd' WHERE order_id = 'x2'", [])
        .expect("sql");
    assert_eq!(ledger::rebuild(&mut store).expect("a rebuild").changed, 1);
    assert_eq!(rows(store.connection(), "ingest_via = 'adopted'"), adopted);
    assert_eq!(rows(store.connection(), "ingest_via = 'import'"), ours);
}

#[test]
fn going_back_behind_the_ledger_is_refused_while_it_holds_adopted_rows() {
    let place = Place::new();
    filled(&place);
    let store = place.open();
    crate::adopt::adopt_into(store.connection());
    drop(store);
    let now = Timestamp(0);
    assert_eq!(maintain::rollback(&place.file(), now).expect("columns are derived").to, 3);
    assert_eq!(maintain::rollback(&place.file(), now).expect("states are derived").to, 2);
    let error = maintain::rollback(&place.file(), now).expect_err("they stand nowhere else").to_string();
    assert!(error.contains("4 rows before and 0 behind it; nothing was changed"), "{error}");
    assert_eq!(maintain::migrate(&place.file(), now).expect("forward").to, 4);
    assert_eq!(rows(place.open().connection(), "ingest_via = 'adopted'").len(), 4);
}

/// How an instrument is counted stands in no record: going back would count it otherwise, and say nothing.
#[test]
fn going_back_behind_the_ledger_is_refused_while_an_instrument_is_counted_by_fifo() {
    let place = Place::new();
    filled(&place);
    let now = Timestamp(0);
    while maintain::rollback(&place.file(), now).is_ok() {}
    let error = maintain::rollback(&place.file(), now).expect_err("it stands nowhere else").to_string();
    assert!(error.contains("step 2 (ledger): 1 rows before and 0 behind it; nothing was changed"), "{error}");
    maintain::migrate(&place.file(), now).expect("forward");
    assert_eq!(place.verified().changed, 0);
}
