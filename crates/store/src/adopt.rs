//! Trade records of another program, adopted in place, and given back.
//!
//! The former table is renamed and kept as it is; [`give_back`] puts it in its place again, with
//! its schema to the letter. Its binary floats become the shortest decimal text that means the
//! same float, its triggers the one JSON shape, and each row says in `note` what was done to it.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, params_from_iter};

use crate::connect::{Recognised, recognise};
use crate::error::StoreError;
use crate::ledger::TRADE_RECORDS;
use crate::migrate::TRADE_RECORDS_UP;

mod row;

/// The name of the former table while ours stands in its place.
pub const FORMER: &str = "trade_records_before_ripcord";

/// Where its schema is kept, to the letter.
const SCHEMA: &str = "ripcord_adoption";

/// Why a table cannot be adopted or given back. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// There is nothing to adopt.
    #[error("it has no table trade_records with a column order_id; name the database of the bot")]
    NoTable,
    /// There is nothing to give back.
    #[error("it has no table {FORMER}; nothing was adopted here")]
    NotAdopted,
    /// A row cannot be kept.
    #[error("trade_records, row {row}: {column} is {value}; {must}. Mend the row and try again")]
    Row {
        /// The row, from 1, in the order of the table.
        row: u64,
        /// The column.
        column: &'static str,
        /// Its value.
        value: String,
        /// What it must be.
        must: &'static str,
    },
    /// Rows were lost or made on the way.
    #[error(
        "{former} rows are in the former table and {now} in the new one; rows that came since would be lost"
    )]
    Count {
        /// Rows of the former table.
        former: i64,
        /// Rows of the new table.
        now: i64,
    },
    /// SQLite said no.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

/// What adopting did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Adopted {
    /// Rows, all of them kept.
    pub rows: u64,
    /// Rows with something that is worth a look in their `note`.
    pub noted: u64,
    /// It was adopted before; nothing was done.
    pub was_adopted: bool,
}

/// Whether a file is a database of another program with trade records, adopted or not.
///
/// # Errors
/// There is no such file, or it cannot be read.
pub fn is_adoptable(path: &Path) -> Result<bool, StoreError> {
    let Recognised::Foreign { .. } = recognise(path)? else { return Ok(false) };
    let asked = has_trade_records(path);
    asked.map_err(StoreError::sqlite(path, "it cannot be read"))
}

fn has_trade_records(path: &Path) -> rusqlite::Result<bool> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    has_column(&connection, "trade_records", "order_id")
}

/// Adopts the trade records of the database at `path`. Doing it twice is doing it once.
///
/// # Errors
/// No such table, or a row that cannot be kept; nothing was changed.
pub fn adopt(path: &Path) -> Result<Adopted, AdoptError> {
    let mut connection = open(path)?;
    if has_column(&connection, FORMER, "order_id")? {
        let rows = count(&connection, FORMER)?;
        return Ok(Adopted { rows: rows.unsigned_abs(), noted: 0, was_adopted: true });
    }
    if !has_column(&connection, "trade_records", "order_id")? {
        return Err(AdoptError::NoTable);
    }
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute_batch(&format!(
        "CREATE TABLE {SCHEMA} AS SELECT type, name, sql FROM sqlite_schema WHERE tbl_name = 'trade_records'; \
         ALTER TABLE trade_records RENAME TO {FORMER};"
    ))?;
    tx.execute_batch(TRADE_RECORDS_UP)?;
    let adopted = fill(&tx)?;
    same_count(&tx)?;
    tx.commit()?;
    Ok(adopted)
}

/// Puts the former table in its place again: its rows, its schema, its indexes.
///
/// # Errors
/// Nothing was adopted, or there are rows that the former table does not have; nothing was changed.
pub fn give_back(path: &Path) -> Result<u64, AdoptError> {
    let mut connection = open(path)?;
    if !has_column(&connection, FORMER, "order_id")? {
        return Err(AdoptError::NotAdopted);
    }
    connection.pragma_update(None, "writable_schema", true)?;
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    same_count(&tx)?;
    tx.execute_batch(&format!(
        "DROP VIEW exit_vocabulary; DROP TABLE trade_records; ALTER TABLE {FORMER} RENAME TO trade_records;"
    ))?;
    // Renaming quotes the name in the text of the schema; the text was kept.
    tx.execute(
        &format!(
            "UPDATE sqlite_schema SET sql = (SELECT kept.sql FROM {SCHEMA} AS kept \
             WHERE kept.type = sqlite_schema.type AND kept.name = sqlite_schema.name) \
             WHERE tbl_name = 'trade_records' AND sql IS NOT NULL"
        ),
        [],
    )?;
    tx.execute_batch(&format!("DROP TABLE {SCHEMA}"))?;
    let rows = count(&tx, "trade_records")?;
    tx.commit()?;
    Ok(rows.unsigned_abs())
}

fn open(path: &Path) -> Result<Connection, AdoptError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    // Other tables refer to trade_records by its name; they go on doing so.
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.pragma_update(None, "legacy_alter_table", true)?;
    Ok(connection)
}

fn has_column(connection: &Connection, table: &str, column: &str) -> rusqlite::Result<bool> {
    let sql = "SELECT count(*) FROM pragma_table_info(?1) WHERE name = ?2";
    connection.query_row(sql, [table, column], |row| row.get::<_, i64>(0)).map(|count| count > 0)
}

fn count(connection: &Connection, table: &str) -> rusqlite::Result<i64> {
    connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))
}

fn same_count(tx: &Transaction<'_>) -> Result<(), AdoptError> {
    let (former, now) = (count(tx, FORMER)?, count(tx, "trade_records")?);
    if former == now { Ok(()) } else { Err(AdoptError::Count { former, now }) }
}

fn fill(tx: &Transaction<'_>) -> Result<Adopted, AdoptError> {
    let mut statement = tx.prepare(&format!("SELECT * FROM {FORMER}"))?;
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut insert = tx.prepare(&TRADE_RECORDS.insert())?;
    let mut seconds = tx.prepare("SELECT unixepoch(?1)")?;
    let mut adopted = Adopted::default();
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        adopted.rows += 1;
        let mut former = row::Former::read(adopted.rows, &columns, row)?;
        let mut unix = |text: &str| seconds.query_row([text], |row| row.get::<_, Option<i64>>(0));
        let values = former.values(&mut unix)?;
        adopted.noted += u64::from(former.is_remarkable());
        let done = insert.execute(params_from_iter(values));
        done.map_err(|why| former.refused(why))?;
    }
    Ok(adopted)
}
