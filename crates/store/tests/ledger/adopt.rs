//! A table of another program, adopted in place and given back.

use ripcord_store::adopt::{AdoptError, adopt, give_back, is_adoptable};
use ripcord_store::rusqlite::Connection;
use ripcord_store::rusqlite::types::Value;

use crate::support::{Place, one};

const FORMER: &str = "
CREATE TABLE trade_records (
  order_id VARCHAR PRIMARY KEY, parent_id VARCHAR, parent_ids TEXT, symbol VARCHAR, side VARCHAR,
  order_time DATETIME, price FLOAT, size FLOAT, pnl_usd FLOAT, total_fees_usd FLOAT, trigger JSON, order_type VARCHAR,
  status VARCHAR, source VARCHAR, cost_basis_usd FLOAT, sale_proceeds_usd FLOAT, net_sale_proceeds_usd FLOAT,
  remaining_size FLOAT, realized_profit FLOAT, ingest_via VARCHAR, last_reconciled_at DATETIME, last_reconciled_via VARCHAR );
CREATE INDEX  idx_symbol_time ON trade_records (symbol,order_time);
CREATE TABLE trade_strategy_link (id INTEGER PRIMARY KEY, order_id TEXT REFERENCES trade_records(order_id));
INSERT INTO trade_records (order_id, symbol, side, order_time, price, size, pnl_usd, realized_profit, trigger, source,
  parent_ids, remaining_size) VALUES
  ('b1', 'RECALL-USD', 'buy', '2025-12-04 10:00:00.25', 0.1373, 226.27, NULL, NULL, 'limit', 'webhook', NULL, 0.1),
  ('s1', 'RECALL-USD', 'sell', '2025-12-04T11:00:00+00:00', 0.1357, 226.25, -0.30000000000000004, -360.5,
    '{\"trigger\":\"TP\",\"trigger_note\":\"x\"}', 'websocket', '{b1,b0}', NULL),
  ('s2', 'BTC-USD', 'SELL', 1764842400, 1e-7, 1e22, 5, 5, 'it''s \"odd\"\n{', '', '[\"b9\"]', NULL),
  ('s3', 'X', 'sell', 'yesterday', 'much', NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO trade_strategy_link VALUES (1, 'b1');";

fn foreign(place: &Place) -> Connection {
    let connection = Connection::open(place.file()).expect("a database");
    connection.execute_batch(FORMER).expect("its tables");
    connection
}

/// Everything in a database: the schema to the letter, and each value with its type.
fn dump(connection: &Connection) -> Vec<Vec<Value>> {
    let mut all = Vec::new();
    for sql in [
        "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name",
        "SELECT rowid, * FROM trade_records ORDER BY rowid",
        "SELECT rowid, * FROM trade_strategy_link ORDER BY rowid",
    ] {
        let mut statement = connection.prepare(sql).expect("a table");
        let width = statement.column_count();
        let mut rows = statement.query([]).expect("rows");
        while let Some(row) = rows.next().expect("a row") {
            all.push((0..width).map(|at| row.get(at).expect("a value")).collect());
        }
    }
    all
}

#[test]
fn every_row_is_kept_with_exact_text_and_one_shape_of_trigger() {
    let place = Place::new();
    let connection = foreign(&place);
    assert!(is_adoptable(&place.file()).expect("readable"));
    let adopted = adopt(&place.file()).expect("adopted");
    assert_eq!((adopted.rows, adopted.was_adopted), (4, false));
    let row = |id: &str, columns: &str| -> String {
        one(
            &connection,
            &format!("SELECT concat_ws('|', {columns}) FROM trade_records WHERE order_id = '{id}'"),
        )
    };
    let amounts = "price, size, pnl_usd, realized_profit, pnl_nano, pnl_atto, remaining_size";
    assert_eq!(row("b1", amounts), "0.1373|226.27|0.1");
    assert_eq!(
        row("s1", amounts),
        "0.1357|226.25|-0.30000000000000004|-0.30000000000000004|-300000001|999999960",
        "the shortest text that means the same float; one profit"
    );
    assert_eq!(row("s2", amounts), "0.0000001|10000000000000000000000|5|5|5000000000|0");
    assert_eq!(row("b1", "order_time, order_time_ns"), "2025-12-04 10:00:00.250000000|1764842400250000000");
    assert_eq!(row("s2", "order_time, side, closes"), "2025-12-04 10:00:00.000000000|sell|1");
    assert_eq!(
        row("s1", "\"trigger\", parent_ids"),
        "{\"trigger\":\"TP\",\"trigger_note\":\"x\"}|[\"b1\",\"b0\"]"
    );
    assert_eq!(row("b1", "\"trigger\", parent_ids"), "{\"trigger\":\"limit\",\"trigger_note\":null}|[]");
    assert_eq!(row("s1", "note"), "amounts were binary floats; realized_profit was -360.5");
    assert_eq!(row("s3", "note"), "order_time is no time; price was much, which is no amount");
    let count = "SELECT count(*) FROM trade_records WHERE exit_reason IS NULL AND json_valid(\"trigger\")";
    assert_eq!(one::<i64>(&connection, count), 4, "rows from before the column have no reason");
}

#[test]
fn the_former_table_comes_back_to_the_letter() {
    let place = Place::new();
    let connection = foreign(&place);
    let before = dump(&connection);
    adopt(&place.file()).expect("adopted");
    let left = "SELECT count(*) FROM sqlite_schema WHERE name IN ('exit_vocabulary', 'ripcord_adoption')";
    assert_eq!(one::<i64>(&connection, left), 2);
    assert_eq!(give_back(&place.file()).expect("given back"), 4);
    assert_eq!(dump(&connection), before);
    assert_eq!(one::<String>(&connection, "PRAGMA integrity_check"), "ok");
    // And once more, from the start.
    adopt(&place.file()).expect("adopted again");
    give_back(&place.file()).expect("given back again");
    assert_eq!(dump(&connection), before);
}

#[test]
fn a_row_that_cannot_be_kept_leaves_everything_as_it_was() {
    for (sql, told) in [
        (
            "UPDATE trade_records SET side = 'hold' WHERE order_id = 's1'",
            "trade_records, row 2: side is hold; it must be buy or sell",
        ),
        (
            "UPDATE trade_records SET order_id = NULL WHERE order_id = 's1'",
            "trade_records, row 2: order_id is nothing; each row needs one",
        ),
    ] {
        let place = Place::new();
        let connection = foreign(&place);
        connection.execute(sql, []).expect("broken");
        let before = dump(&connection);
        let why = adopt(&place.file()).expect_err("refused").to_string();
        assert!(why.starts_with(told), "{why}");
        assert_eq!(dump(&connection), before);
    }
}

#[test]
fn rows_that_came_since_are_not_lost_by_giving_back() {
    let place = Place::new();
    let connection = foreign(&place);
    adopt(&place.file()).expect("adopted");
    let sql = "INSERT INTO trade_records (order_id, parent_ids, symbol, side, position_side, order_time, order_time_ns, \
               \"trigger\", order_type, status, source, ingest_via, closes, fills) \
               VALUES ('new', '[]', 'X', 'buy', 'long', '', 0, '{\"trigger\":\"\"}', '', '', '', 'adopted', 0, 1)";
    connection.execute(sql, []).expect("one more");
    let why = give_back(&place.file()).expect_err("refused");
    assert!(matches!(why, AdoptError::Count { former: 4, now: 5 }), "{why}");
}

/// As many rows as before say nothing: one may have gone and another come, or one may say otherwise.
#[test]
fn what_was_changed_in_the_new_table_is_not_lost_by_giving_back() {
    for (sql, told) in [
        (
            "UPDATE trade_records SET status = 'canceled' WHERE order_id = 's1'",
            "order s1: status was \"\" when it was adopted and is \"canceled\"; giving back would lose that",
        ),
        (
            "UPDATE trade_records SET pnl_usd = '-0.4' WHERE order_id = 's1'",
            "order s1: pnl_usd was \"-0.30000000000000004\" when it was adopted and is \"-0.4\"",
        ),
        (
            "UPDATE trade_records SET order_id = 'new' WHERE order_id = 'b1'",
            "order b1 of the former table is not in",
        ),
        (
            "UPDATE trade_records_before_ripcord SET price = 7 WHERE order_id = 'b1'",
            "order b1: price was \"7\"",
        ),
    ] {
        let place = Place::new();
        let connection = foreign(&place);
        adopt(&place.file()).expect("adopted");
        connection.pragma_update(None, "foreign_keys", false).expect("as a bot has it");
        connection.execute(sql, []).expect(sql);
        let before = rows_of(&connection);
        let why = give_back(&place.file()).expect_err(sql).to_string();
        assert!(why.contains(told), "{sql}: {why}");
        assert_eq!(rows_of(&connection), before, "{sql}: nothing was changed");
    }
}

fn rows_of(connection: &Connection) -> (i64, i64, String) {
    let count = |table: &str| one::<i64>(connection, &format!("SELECT count(*) FROM {table}"));
    let shapes = "SELECT group_concat(name || coalesce(sql, ''), ';') FROM sqlite_schema";
    (count("trade_records"), count("trade_records_before_ripcord"), one(connection, shapes))
}

/// An index that the bot made since has no text that was kept.
#[test]
fn an_index_that_was_made_since_comes_along() {
    let place = Place::new();
    let connection = foreign(&place);
    adopt(&place.file()).expect("adopted");
    connection
        .execute_batch("CREATE INDEX since ON trade_records_before_ripcord (status)")
        .expect("an index");
    give_back(&place.file()).expect("given back");
    let connection = Connection::open(place.file()).expect("a database that can be read");
    assert_eq!(one::<String>(&connection, "PRAGMA integrity_check"), "ok");
    let sql: String = one(&connection, "SELECT sql FROM sqlite_schema WHERE name = 'since'");
    assert!(sql.contains("trade_records") && !sql.contains("before_ripcord"), "{sql}");
    assert_eq!(one::<i64>(&connection, "SELECT count(*) FROM trade_records"), 4);
}

#[test]
fn what_is_no_trade_table_is_said() {
    let place = Place::new();
    Connection::open(place.file()).expect("a database").execute_batch("CREATE TABLE x (y)").expect("a table");
    assert!(!is_adoptable(&place.file()).expect("readable"));
    assert!(matches!(adopt(&place.file()), Err(AdoptError::NoTable)));
    assert!(matches!(give_back(&place.file()), Err(AdoptError::NotAdopted)));
}

#[test]
fn a_trigger_of_ten_megabytes_stays_in_the_former_table() {
    let place = Place::new();
    let connection = foreign(&place);
    let sql = "UPDATE trade_records SET trigger = printf('%.*c', 10485760, 'x') WHERE order_id = 's1'";
    connection.execute(sql, []).expect("long");
    adopt(&place.file()).expect("adopted");
    let note: String = one(&connection, "SELECT note FROM trade_records WHERE order_id = 's1'");
    assert!(
        note.contains("trigger is 10485760 bytes; give at most 65536; it stands in the former table"),
        "{note}"
    );
}

/// Puts the rows of an adopted table beside those of a store.
pub(crate) fn adopt_into(store: &Connection) {
    let place = Place::new();
    drop(foreign(&place));
    adopt(&place.file()).expect("adopted");
    let columns: Vec<String> = {
        let sql = "SELECT name FROM pragma_table_info('trade_records')";
        let mut statement = store.prepare(sql).expect("sql");
        let names = statement.query_map([], |row| row.get::<_, String>(0)).expect("rows");
        names.map(|name| format!("\"{}\"", name.expect("a name"))).collect()
    };
    let columns = columns.join(", ");
    let take = format!(
        "ATTACH '{}' AS bot; INSERT INTO main.trade_records ({columns}) SELECT {columns} FROM bot.trade_records; \
         DETACH bot",
        place.file().display()
    );
    store.execute_batch(&take).expect("the same columns");
}
