//! Trade records of another program, adopted in place, and given back.
//!
//! The former table is renamed and kept as it is; [`give_back`] puts it in its place again, with
//! its schema to the letter. Its binary floats become the shortest decimal text that means the
//! same float, its triggers the one JSON shape, and each row says in `note` what was done to it.

use std::path::Path;

use ripcord_journal::Hash;
use rusqlite::types::{Value, ValueRef};
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
    /// A row of the new table is not what adopting made of the former one.
    #[error(
        "trade_records, order {order_id}: {column} was {was} when it was adopted and is {now}; giving back would lose \
         that. Put {was} back, or write {now} into {FORMER} and adopt anew"
    )]
    Changed {
        /// The order.
        order_id: String,
        /// The column.
        column: &'static str,
        /// What adopting made of it.
        was: String,
        /// What it is now.
        now: String,
    },
    /// An order of the former table has no row in the new one.
    #[error(
        "trade_records: order {order_id} of the former table is not in the new one; giving back would hide that"
    )]
    Gone {
        /// The order.
        order_id: String,
    },
    /// The rows that are given back are not those that were adopted.
    #[error(
        "the former table had {before} rows and has {after}, or one of them is another; nothing was changed"
    )]
    Altered {
        /// Rows before.
        before: u64,
        /// Rows behind.
        after: u64,
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
/// Nothing was adopted, rows were added, removed or changed since, or a row would come back other than it
/// was; nothing was changed.
pub fn give_back(path: &Path) -> Result<u64, AdoptError> {
    let mut connection = open(path)?;
    if !has_column(&connection, FORMER, "order_id")? {
        return Err(AdoptError::NotAdopted);
    }
    connection.pragma_update(None, "writable_schema", true)?;
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    same_count(&tx)?;
    same_rows(&tx)?;
    let before = Owned::of(&tx, FORMER)?;
    tx.execute_batch(&format!(
        "DROP VIEW exit_vocabulary; DROP TABLE trade_records; ALTER TABLE {FORMER} RENAME TO trade_records;"
    ))?;
    // Renaming quotes the name in the text of the schema; the text was kept.
    tx.execute(
        &format!(
            "UPDATE sqlite_schema SET sql = kept.sql FROM {SCHEMA} AS kept WHERE kept.type = sqlite_schema.type \
             AND kept.name = sqlite_schema.name AND sqlite_schema.tbl_name = 'trade_records' \
             AND sqlite_schema.sql IS NOT NULL"
        ),
        [],
    )?;
    tx.execute_batch(&format!("DROP TABLE {SCHEMA}"))?;
    let after = Owned::of(&tx, "trade_records")?;
    if before != after {
        return Err(AdoptError::Altered { before: before.rows, after: after.rows });
    }
    tx.commit()?;
    Ok(after.rows)
}

/// All rows of the former table: how many, and a hash over every value of every column, with its type.
#[derive(Debug, PartialEq, Eq)]
struct Owned {
    rows: u64,
    hash: Hash,
}

impl Owned {
    fn of(tx: &Transaction<'_>, table: &str) -> rusqlite::Result<Self> {
        let mut statement = tx.prepare(&format!("SELECT * FROM {table}"))?;
        let width = statement.column_count();
        let mut owned = Self { rows: 0, hash: Hash::ZERO };
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let mut bytes = owned.hash.0.to_vec();
            for column in 0..width {
                write_value(&mut bytes, row.get_ref(column)?);
            }
            owned = Self { rows: owned.rows + 1, hash: Hash::of(&bytes) };
        }
        Ok(owned)
    }
}

fn write_value(bytes: &mut Vec<u8>, value: ValueRef<'_>) {
    let (kind, content) = match value {
        ValueRef::Null => (0, Vec::new()),
        ValueRef::Integer(value) => (1, value.to_le_bytes().to_vec()),
        ValueRef::Real(value) => (2, value.to_bits().to_le_bytes().to_vec()),
        ValueRef::Text(text) => (3, text.to_vec()),
        ValueRef::Blob(blob) => (4, blob.to_vec()),
    };
    bytes.push(kind);
    bytes.extend_from_slice(&(content.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&content);
}

/// Refuses a new table that says otherwise than adopting the former one would: somebody wrote to it since.
fn same_rows(tx: &Transaction<'_>) -> Result<(), AdoptError> {
    let select = format!("SELECT {} FROM trade_records WHERE order_id = ?1", TRADE_RECORDS.list());
    let mut present = tx.prepare(&select)?;
    each_row(tx, |_, values| {
        let at = TRADE_RECORDS.columns.iter().position(|column| *column == "order_id").unwrap_or_default();
        let order_id = if let Value::Text(id) = &values[at] { id.clone() } else { shown(&values[at]) };
        let mut rows = present.query([&values[at]])?;
        let Some(row) = rows.next()? else { return Err(AdoptError::Gone { order_id }) };
        for (place, was) in values.iter().enumerate() {
            let now: Value = row.get(place)?;
            if now != *was {
                let column = TRADE_RECORDS.columns[place];
                return Err(AdoptError::Changed { order_id, column, was: shown(was), now: shown(&now) });
            }
        }
        Ok(())
    })
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Integer(value) => value.to_string(),
        Value::Real(value) => value.to_string(),
        Value::Text(text) => format!("{text:?}"),
        Value::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
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
    let mut insert = tx.prepare(&TRADE_RECORDS.insert())?;
    let mut adopted = Adopted::default();
    each_row(tx, |former, values| {
        adopted.rows += 1;
        adopted.noted += u64::from(former.is_remarkable());
        let done = insert.execute(params_from_iter(values));
        done.map(|_| ()).map_err(|why| former.refused(why))
    })?;
    Ok(adopted)
}

/// Hands out each row of the former table, and what our table's columns hold of it.
fn each_row(
    tx: &Transaction<'_>,
    mut take: impl FnMut(&row::Former, Vec<Value>) -> Result<(), AdoptError>,
) -> Result<(), AdoptError> {
    let mut statement = tx.prepare(&format!("SELECT * FROM {FORMER}"))?;
    let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let mut seconds = tx.prepare("SELECT unixepoch(?1)")?;
    let mut unix = |text: &str| seconds.query_row([text], |row| row.get::<_, Option<i64>>(0));
    let mut rows = statement.query([])?;
    let mut number = 0;
    while let Some(row) = rows.next()? {
        number += 1;
        let mut former = row::Former::read(number, &columns, row)?;
        let values = former.values(&mut unix)?;
        take(&former, values)?;
    }
    Ok(())
}
