//! What went wrong elsewhere, as far as tables can prevent it; the table is in `docs/incidents.md`.

use ripcord_store::rusqlite::Connection;
use ripcord_store::{adopt, ledger};

use crate::support::{Place, one};

fn refused(connection: &Connection, sql: &str) -> String {
    connection.execute(sql, []).expect_err("it must be refused").to_string()
}

/// E1: maintenance changed rows that profit was computed from.
#[test]
fn e1_a_fill_cannot_be_changed() {
    let place = Place::new();
    let store = place.filled(1, 1_000, 500);
    let why = refused(store.connection(), "UPDATE fills SET price = '1.00'");
    assert!(why.contains("a fill is a fact and cannot be changed"), "{why}");
}

/// E3: a second column for the same number was wrong up to 1200 times.
#[test]
fn e3_realized_profit_is_the_profit_and_cannot_be_written() {
    let place = Place::new();
    let store = place.filled(1, 1_000, 500);
    let other = "SELECT count(*) FROM trade_records WHERE realized_profit IS NOT pnl_usd";
    assert_eq!(one::<i64>(store.connection(), other), 0);
    let why = refused(store.connection(), "UPDATE trade_records SET realized_profit = '1'");
    assert!(why.contains("realized_profit"), "{why}");
}

/// E5: a maintenance job whose condition stayed true changed thousands of rows again and again.
#[test]
fn e5_adopting_twice_changes_nothing_the_second_time() {
    let place = Place::new();
    let foreign = Connection::open(place.file()).expect("a database");
    let sql = "CREATE TABLE trade_records (order_id TEXT PRIMARY KEY, side TEXT, parent_ids TEXT, pnl_usd REAL); \
               INSERT INTO trade_records VALUES ('a', 'buy', '{}', NULL), ('b', 'sell', NULL, 0.1)";
    foreign.execute_batch(sql).expect("a table");
    assert_eq!(adopt::adopt(&place.file()).expect("adopted").rows, 2);
    let rows = "SELECT group_concat(order_id || parent_ids || coalesce(note, '')) FROM trade_records";
    let before: String = one(&foreign, rows);
    let again = adopt::adopt(&place.file()).expect("adopted before");
    assert!(again.was_adopted && again.rows == 2);
    assert_eq!(one::<String>(&foreign, rows), before);
}

/// E6: triggers in two shapes. The table takes one.
#[test]
fn e6_a_trigger_of_another_shape_is_refused() {
    let place = Place::new();
    let store = place.filled(1, 1_000, 300);
    let other = "SELECT count(*) FROM trade_records WHERE \"trigger\" ->> '$.trigger' IS NULL";
    assert_eq!(one::<i64>(store.connection(), other), 0);
    for text in ["limit", "\"limit\"", "{\"trigger\": 5}", "{}"] {
        refused(store.connection(), &format!("UPDATE trade_records SET \"trigger\" = '{text}'"));
    }
}

/// E7: a report showed a number where nothing was known.
#[test]
fn e7_what_is_not_known_is_counted_apart_and_not_as_nothing() {
    let place = Place::new();
    let store = place.filled(1, 1_000, 500);
    let sql = "UPDATE trade_records SET pnl_usd = NULL, pnl_nano = NULL, pnl_atto = NULL, gross_nano = NULL WHERE order_id = \
               (SELECT min(order_id) FROM trade_records WHERE closes = 1)";
    let known = |connection: &Connection| {
        let mut fills = 0;
        let unknown = ledger::report_parts(connection, None, |part| fills += part.fills).expect("readable");
        (fills, unknown)
    };
    let (before, none) = known(store.connection());
    store.connection().execute(sql, []).expect("forgotten");
    let (after, unknown) = known(store.connection());
    assert_eq!((none, unknown), (0, 1));
    assert!(after < before);
}

/// E9: closing rows without a reason.
#[test]
fn e9_a_closing_row_without_a_reason_is_refused() {
    let place = Place::new();
    let store = place.filled(1, 1_000, 1_000);
    let (none, shorts) = ("closes = 1 AND exit_reason IS NULL", "side = 'buy' AND exit_reason IS NOT NULL");
    let count = |what: &str| -> i64 {
        one(store.connection(), &format!("SELECT count(*) FROM trade_records WHERE {what}"))
    };
    assert_eq!(count(none), 0);
    assert!(count(shorts) > 10, "a buy that closes a short says why");
    refused(store.connection(), "UPDATE trade_records SET exit_reason = NULL WHERE closes = 1");
    refused(store.connection(), "UPDATE trade_records SET exit_reason = 'MANUAL' WHERE closes = 0");
}

/// E12: columns for money that hold floats.
#[test]
fn e12_no_column_holds_a_float() {
    let place = Place::new();
    let store = place.create();
    let sql = "SELECT group_concat(t.name || '.' || c.name) FROM sqlite_schema AS t, pragma_table_info(t.name) AS c \
               WHERE t.type = 'table' AND c.type NOT IN ('TEXT', 'INTEGER', 'BLOB')";
    assert_eq!(one::<Option<String>>(store.connection(), sql), None);
    let loose = "SELECT count(*) FROM pragma_table_list WHERE type = 'table' AND NOT strict AND name NOT LIKE 'sqlite_%'";
    assert_eq!(one::<i64>(store.connection(), loose), 0, "types are enforced");
}

/// E13: prices shown as 0.0000.
#[test]
fn e13_prices_have_the_digits_of_their_tick() {
    let place = Place::new();
    let store = place.filled(1, 1_000, 1_000);
    let sql = "SELECT count(*) FROM fills JOIN episodes USING (episode) \
               WHERE symbol = 'DOGEUSDT' AND length(price) - instr(price, '.') <> 5";
    assert_eq!(one::<i64>(store.connection(), sql), 0);
    let zeros = "SELECT count(*) FROM trade_records WHERE CAST(price AS REAL) = 0";
    assert_eq!(one::<i64>(store.connection(), zeros), 0);
}
