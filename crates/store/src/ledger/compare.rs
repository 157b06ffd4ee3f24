//! Deriving the ledger again: to compare it, or to put it in the place of what stands there.

use std::cmp::Ordering;

use rusqlite::types::Value;
use rusqlite::{Connection, Rows, params_from_iter};

use super::columns::{TABLES, Table};
use super::{LedgerTables, STATE, expect_done, expect_rows, methods};
use crate::error::StoreError;
use crate::migrate::LEDGER_TABLES;
use crate::projection::ProjectionError;
use crate::read::Reader;
use crate::states;
use crate::store::Store;

/// A row that is not what the journal says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The table.
    pub table: &'static str,
    /// The row.
    pub key: String,
    /// The column; none when the row is missing or one too many.
    pub column: Option<&'static str>,
    /// What stands there.
    pub found: String,
    /// What the journal says.
    pub wanted: String,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { table, key, found, wanted, .. } = self;
        match self.column {
            Some(column) => write!(f, "{table} {key}: {column} is {found}; the journal says {wanted}"),
            None => write!(f, "{table} {key}: {found}; the journal says {wanted}"),
        }
    }
}

/// What comparing or rebuilding found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Rows that the journal makes.
    pub rows: u64,
    /// Rows that were not what it says: other, missing, or one too many.
    pub changed: u64,
    /// The first of them.
    pub first: Option<Difference>,
}

/// Compares the ledger with what the journal says, row by row. Nothing is changed.
///
/// # Errors
/// A journal or a ledger that cannot be read.
pub fn verify(reader: &Reader) -> Result<Rebuilt, StoreError> {
    let tables = reader.connection();
    let compared = refolded(tables).and_then(|wanted| compare(tables, &wanted));
    compared.map_err(|why| StoreError::Projection { seq: 0, why })
}

/// Derives the ledger from the journal again, in one transaction, and says what was different.
/// Adopted rows of another program stay: no journal has them.
///
/// # Errors
/// A journal that cannot be read, or SQLite; the ledger is then as it was.
pub fn rebuild(store: &mut Store) -> Result<Rebuilt, StoreError> {
    store.transact(|tx| {
        let wanted = refolded(tx)?;
        let mut rebuilt = Rebuilt::default();
        for table in TABLES {
            let before = rebuilt.changed;
            let counted = compare_table(tx, &wanted, table, &mut rebuilt)?;
            if rebuilt.changed != before {
                replace(tx, &wanted, table, counted)?;
            }
        }
        let told = tx.execute("UPDATE ledger_state SET folded_seq = (SELECT head_seq FROM meta)", [])?;
        expect_rows("ledger_state", 1, told as u64)?;
        // Whoever derives all of it again trusts no short cut.
        states::forget(tx, STATE)?;
        Ok(rebuilt)
    })
}

/// How many rows of a table stood there, and how many the journal makes.
#[derive(Debug, Clone, Copy, Default)]
struct Counted {
    found: u64,
    wanted: u64,
}

/// Puts the rows that the journal makes in the place of those that stand there; the numbers of both
/// were counted before, and any other number rolls everything back.
fn replace(
    tx: &Connection,
    wanted: &Connection,
    table: &'static Table,
    counted: Counted,
) -> Result<(), ProjectionError> {
    let count = |what: &str| {
        let sql = format!("SELECT count(*) FROM {} WHERE {what}", table.name);
        tx.query_row(&sql, [], |row| row.get::<_, u64>(0))
    };
    let others = count(&format!("NOT ({})", table.owned))?;
    let deleted = tx.execute(&format!("DELETE FROM {} WHERE {}", table.name, table.owned), [])?;
    expect_done(table.name, "removed", counted.found, deleted as u64)?;
    expect_done(table.name, "put in", counted.wanted, copy(wanted, tx, table)?)?;
    expect_done(table.name, "there in the end", counted.wanted + others, count("TRUE")?)
}

/// The ledger of a journal, in a database of its own that vanishes with it.
fn refolded(journal: &Connection) -> Result<Connection, ProjectionError> {
    // A name of nothing is a file that SQLite removes by itself.
    let beside = Connection::open("")?;
    beside.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")?;
    beside.execute_batch(LEDGER_TABLES)?;
    // Only keys are asked for here.
    beside.execute_batch(
        "DROP INDEX trade_records_report; DROP INDEX trade_records_symbol; DROP INDEX trade_records_exit_reason; \
         DROP INDEX orders_episode; DROP INDEX fills_episode; DROP INDEX fifo_allocations_buy",
    )?;
    let mut tables = LedgerTables::new(methods(journal)?);
    beside.execute_batch("BEGIN")?;
    tables.fold(journal, &beside, 0, 0)?;
    leave_out_adopted(journal, &beside)?;
    beside.execute_batch("COMMIT")?;
    Ok(beside)
}

/// An order that was adopted and is in the journal, too, has its adopted row: the fold has none of it.
fn leave_out_adopted(tables: &Connection, beside: &Connection) -> Result<(), ProjectionError> {
    let mut adopted = tables.prepare("SELECT order_id FROM trade_records WHERE ingest_via = 'adopted'")?;
    let mut leave_out = beside.prepare("DELETE FROM trade_records WHERE order_id = ?1")?;
    let mut ids = adopted.query([])?;
    while let Some(id) = ids.next()? {
        let left_out = leave_out.execute([id.get::<_, String>(0)?])?;
        expect_done("trade_records", "left out", left_out.min(1) as u64, left_out as u64)?;
    }
    Ok(())
}

fn select(table: &Table) -> String {
    format!("SELECT {} FROM {} WHERE {} ORDER BY {}", table.list(), table.name, table.owned, table.key_list())
}

/// How many rows were put in.
fn copy(from: &Connection, to: &Connection, table: &Table) -> rusqlite::Result<u64> {
    let mut statement = from.prepare(&select(table))?;
    let mut rows = statement.query([])?;
    let mut insert = to.prepare(&table.insert())?;
    let mut copied = 0;
    while let Some(row) = values(&mut rows, table)? {
        copied += insert.execute(params_from_iter(row))? as u64;
    }
    Ok(copied)
}

fn values(rows: &mut Rows<'_>, table: &Table) -> rusqlite::Result<Option<Vec<Value>>> {
    let Some(row) = rows.next()? else { return Ok(None) };
    (0..table.columns.len()).map(|column| row.get(column)).collect::<rusqlite::Result<_>>().map(Some)
}

fn compare(found: &Connection, wanted: &Connection) -> Result<Rebuilt, ProjectionError> {
    let mut rebuilt = Rebuilt::default();
    for table in TABLES {
        compare_table(found, wanted, table, &mut rebuilt)?;
    }
    Ok(rebuilt)
}

fn compare_table(
    found: &Connection,
    wanted: &Connection,
    table: &'static Table,
    rebuilt: &mut Rebuilt,
) -> rusqlite::Result<Counted> {
    let mut counted = Counted::default();
    let (mut found, mut wanted) = (found.prepare(&select(table))?, wanted.prepare(&select(table))?);
    let (mut found, mut wanted) = (found.query([])?, wanted.query([])?);
    let (mut left, mut right) = (values(&mut found, table)?, values(&mut wanted, table)?);
    while left.is_some() || right.is_some() {
        let order = match (&left, &right) {
            (Some(left), Some(right)) => by_key(table, left, right),
            (Some(_), None) => Ordering::Less,
            (None, _) => Ordering::Greater,
        };
        rebuilt.rows += u64::from(order != Ordering::Less);
        counted.found += u64::from(order != Ordering::Greater);
        counted.wanted += u64::from(order != Ordering::Less);
        let difference = match (order, &left, &right) {
            (Ordering::Equal, Some(left), Some(right)) => first_other(table, left, right),
            (Ordering::Less, Some(left), _) => Some(whole(table, left, "is there", "there is none")),
            (_, _, Some(right)) => Some(whole(table, right, "is missing", "there is one")),
            (_, _, None) => None,
        };
        if let Some(difference) = difference {
            rebuilt.changed += 1;
            rebuilt.first.get_or_insert(difference);
        }
        if order != Ordering::Greater {
            left = values(&mut found, table)?;
        }
        if order != Ordering::Less {
            right = values(&mut wanted, table)?;
        }
    }
    Ok(counted)
}

fn place(table: &Table, column: &str) -> usize {
    table.columns.iter().position(|name| *name == column).unwrap_or_default()
}

fn by_key(table: &Table, left: &[Value], right: &[Value]) -> Ordering {
    let keys = table.key.iter().map(|column| place(table, column));
    keys.map(|at| match (&left[at], &right[at]) {
        (Value::Integer(left), Value::Integer(right)) => left.cmp(right),
        (Value::Text(left), Value::Text(right)) => left.as_bytes().cmp(right.as_bytes()),
        _ => Ordering::Equal,
    })
    .find(|order| order.is_ne())
    .unwrap_or(Ordering::Equal)
}

fn first_other(table: &'static Table, left: &[Value], right: &[Value]) -> Option<Difference> {
    let at = left.iter().zip(right).position(|(left, right)| left != right)?;
    let (found, wanted) = (shown(&left[at]), shown(&right[at]));
    Some(Difference {
        table: table.name,
        key: key(table, left),
        column: Some(table.columns[at]),
        found,
        wanted,
    })
}

fn whole(table: &'static Table, row: &[Value], found: &str, wanted: &str) -> Difference {
    let (found, wanted) = (found.to_owned(), wanted.to_owned());
    Difference { table: table.name, key: key(table, row), column: None, found, wanted }
}

fn key(table: &Table, row: &[Value]) -> String {
    table.key.iter().map(|column| shown(&row[place(table, column)])).collect::<Vec<_>>().join(" ")
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Integer(value) => value.to_string(),
        Value::Real(value) => value.to_string(),
        Value::Text(value) => value.clone(),
        Value::Blob(value) => format!("{} bytes", value.len()),
    }
}
