//! The ledger's tables: written in the journal's own transaction, and derivable again from it.
//!
//! [`attach`] has a store keep its ledger; [`rebuild`] drops and derives it again; [`verify`]
//! derives it beside and compares. A fact that no row can be made of is kept in `ledger_faults`
//! and stops nothing: only SQLite itself can make a commit fail here.

use std::collections::BTreeMap;

use ripcord_journal::{JournalEntry, Kind, payload};
use ripcord_ledger::fact::Method;
use ripcord_ledger::{Change, LEDGER_VERSION, Ledger, LedgerFault};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::projection::{Projection, ProjectionError};
use crate::states::{self, State};
use crate::store::Store;

mod columns;
mod compare;
mod facts;
mod read;
mod uncovered;
mod write;

pub use compare::{Difference, Rebuilt, rebuild, verify};
pub use read::{
    Filter, LedgerFile, PartEnd, ReportPart, TradeRecord, has_trade_records, newest_ns, report_parts,
    trade_records,
};
pub use uncovered::{EpisodeUncovered, first_held, uncovered};

pub(crate) use columns::TRADES as TRADE_RECORDS;
use facts::Facts;

/// Changes that are gathered before they are written, when a whole journal is folded.
const GATHERED_MAX: usize = 50_000;

/// What names a row, so that of many changes only the last is written.
type RowKey = (u8, String, u32);

/// Keeps the tables of the ledger beside the journal.
#[derive(Debug)]
pub struct LedgerTables {
    facts: Facts,
    ledger: Ledger,
    pending: BTreeMap<RowKey, Change>,
    faults: Vec<(u64, LedgerFault)>,
    changes: Vec<Change>,
}

/// The name of the fold's state in the store.
const STATE: &str = "ledger";

/// What the fold remembers besides its tables.
#[derive(Debug, Serialize, Deserialize)]
struct Saved {
    instruments: u32,
    plans: u32,
    ledger: Ledger,
}

/// How a ledger was taken up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attached {
    /// The fold went on behind this record; 0 when it began with the first one.
    pub from: u64,
    /// States that could not be taken, and why.
    pub passed_over: Vec<String>,
}

/// Has `store` keep its ledger from here on. The fold goes on from its newest state that holds, else
/// from the first record; what the tables do not include yet is written now.
///
/// # Errors
/// A journal that cannot be read, or SQLite.
pub fn attach(store: &mut Store) -> Result<Attached, StoreError> {
    let (saved, passed_over) = store.newest_state::<Saved>(STATE, LEDGER_VERSION)?;
    let (tables, from) = store.transact(|tx| {
        let folded: u64 = tx.query_row("SELECT folded_seq FROM ledger_state", [], |row| row.get(0))?;
        let mut tables = LedgerTables::new(methods(tx)?);
        // Behind what the tables include a state would leave rows out.
        let saved = saved.filter(|(seq, saved)| *seq <= folded && saved.ledger.next() == seq + 1);
        let from = saved.map_or(0, |(seq, saved)| {
            tables.facts.go_on(saved.instruments, saved.plans);
            tables.ledger = saved.ledger;
            seq
        });
        tables.fold(tx, tx, from, folded)?;
        Ok((tables, from))
    })?;
    store.project(Box::new(tables));
    Ok(Attached { from, passed_over })
}

/// Writes what the tables do not include yet, from the first record: behind a step of the schema.
pub(crate) fn catch_up(connection: &mut Connection) -> Result<(), ProjectionError> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let folded: u64 = tx.query_row("SELECT folded_seq FROM ledger_state", [], |row| row.get(0))?;
    LedgerTables::new(methods(&tx)?).fold(&tx, &tx, 0, folded)?;
    Ok(tx.commit()?)
}

/// Says how the profit of an instrument is counted from here on; [`rebuild`] counts it again from the start.
///
/// # Errors
/// SQLite.
pub fn set_method(store: &mut Store, symbol: &str, method: Method) -> Result<(), StoreError> {
    store.transact(|tx| {
        let sql = "INSERT INTO ledger_methods (symbol, method) VALUES (?1, ?2) \
                   ON CONFLICT (symbol) DO UPDATE SET method = ?2";
        expect_rows("ledger_methods", 1, tx.execute(sql, params![symbol, method.word()])? as u64)?;
        // They count by the former method.
        Ok(states::forget(tx, STATE)?)
    })
}

fn methods(connection: &Connection) -> rusqlite::Result<BTreeMap<String, Method>> {
    let mut statement = connection.prepare("SELECT symbol, method FROM ledger_methods")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
    rows.map(|row| row.map(|(symbol, word)| (symbol, Method::from_word(&word).unwrap_or_default()))).collect()
}

impl LedgerTables {
    fn new(methods: BTreeMap<String, Method>) -> Self {
        Self {
            facts: Facts::new(methods),
            ledger: Ledger::new(1),
            pending: BTreeMap::new(),
            faults: Vec::new(),
            changes: Vec::new(),
        }
    }

    fn take(&mut self, seq: u64, entry: &JournalEntry) {
        let fact = self.facts.fact(seq, entry);
        self.ledger.pass_to(seq);
        self.ledger.apply(fact, &mut self.changes, &mut self.faults);
        for change in self.changes.drain(..) {
            self.pending.insert(write::key(&change), change);
        }
    }

    /// Folds `journal` behind record `from`; writes to `tables` what comes behind record `folded`.
    fn fold(
        &mut self,
        journal: &Connection,
        tables: &Connection,
        from: u64,
        folded: u64,
    ) -> Result<(), ProjectionError> {
        let mut statement = journal.prepare(&facts::query())?;
        let mut rows = statement.query(params![from])?;
        while let Some(row) = rows.next()? {
            let (seq, kind, version) = (row.get(0)?, row.get(2)?, row.get(3)?);
            let at = ripcord_core::time::Timestamp(row.get(1)?);
            let entry = payload::decode(kind, version, at, row.get_ref(4)?.as_blob()?)
                .map_err(|why| format!("record {seq}: {why}"))?;
            self.take(seq, &entry);
            if seq <= folded {
                self.pending.clear();
                self.faults.clear();
            } else if self.pending.len() >= GATHERED_MAX {
                self.write(tables)?;
            }
        }
        let head = journal.query_row("SELECT head_seq FROM meta WHERE id = 1", [], |row| row.get(0));
        self.ledger.pass_to(head.optional()?.unwrap_or(0_u64) + 1);
        self.write(tables)?;
        Ok(())
    }

    fn write(&mut self, tables: &Connection) -> Result<(), ProjectionError> {
        for change in std::mem::take(&mut self.pending).into_values() {
            write::change(tables, &change)?;
        }
        for (seq, fault) in self.faults.drain(..) {
            let sql = "INSERT OR REPLACE INTO ledger_faults (seq, fault) VALUES (?1, ?2)";
            tables.prepare_cached(sql)?.execute(params![seq, fault.to_string()])?;
        }
        let sql = "UPDATE ledger_state SET folded_seq = ?1";
        let told = tables.prepare_cached(sql)?.execute(params![self.ledger.next() - 1])?;
        expect_rows("ledger_state", 1, told as u64)
    }
}

impl Projection for LedgerTables {
    fn apply(&mut self, _: &Transaction<'_>, seq: u64, entry: &JournalEntry) -> Result<(), ProjectionError> {
        if facts::reads(entry.kind()) {
            self.take(seq, entry);
        } else {
            self.ledger.pass_to(seq + 1);
        }
        Ok(())
    }

    fn flush(&mut self, tx: &Transaction<'_>) -> Result<(), ProjectionError> {
        self.write(tx)
    }

    fn state(&self) -> Result<Option<State>, ProjectionError> {
        let (instruments, plans) = self.facts.counted();
        // What is not written yet would be lost between the state and the tables.
        debug_assert!(self.pending.is_empty(), "a state is taken behind a commit");
        let saved = Saved { instruments, plans, ledger: self.ledger.clone() };
        Ok(Some(State::of(STATE, LEDGER_VERSION, &saved)?))
    }
}

/// Another number of rows than was meant: whatever was done is rolled back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{table}: {expected} rows were to be {done}, and {found} were; nothing was changed")]
pub struct RowCount {
    /// The table.
    pub table: &'static str,
    /// What was done to them.
    pub done: &'static str,
    /// How many were meant.
    pub expected: u64,
    /// How many it were.
    pub found: u64,
}

/// Refuses another number of rows than was meant.
fn expect_rows(table: &'static str, expected: u64, found: u64) -> Result<(), ProjectionError> {
    expect_done(table, "written", expected, found)
}

fn expect_done(
    table: &'static str,
    done: &'static str,
    expected: u64,
    found: u64,
) -> Result<(), ProjectionError> {
    if expected == found { Ok(()) } else { Err(RowCount { table, done, expected, found }.into()) }
}

/// The kinds that the ledger reads, by their numbers.
pub(crate) fn kind_numbers(kinds: &[Kind]) -> String {
    kinds.iter().map(|kind| kind.number().to_string()).collect::<Vec<_>>().join(", ")
}
