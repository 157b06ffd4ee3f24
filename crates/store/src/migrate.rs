//! Steps from one version of the schema to the next, and back.
//!
//! Each step is one transaction, which also moves `user_version`: it happened, or it did not. A step
//! that moves rows names two counts that must agree.

use rusqlite::{Connection, TransactionBehavior};

/// The tables of the ledger, as they began.
const LEDGER_UP: &str = concat!(
    include_str!("../migrations/0002_ledger.up.sql"),
    include_str!("../migrations/0002_trade_records.up.sql")
);

/// The tables of the ledger as they are now, which a refold fills a second time.
pub(crate) const LEDGER_TABLES: &str = concat!(
    include_str!("../migrations/0002_ledger.up.sql"),
    include_str!("../migrations/0002_trade_records.up.sql"),
    include_str!("../migrations/0004_uncovered.up.sql")
);

/// Trade records alone, as a table of another program becomes them.
pub(crate) const TRADE_RECORDS_UP: &str = include_str!("../migrations/0002_trade_records.up.sql");

/// One step.
#[derive(Debug)]
pub struct Migration {
    /// The version that it leads to.
    pub version: u32,
    /// What it brings.
    pub name: &'static str,
    up: &'static str,
    down: &'static str,
    /// Pairs of queries, each giving one number: the first is asked before the step up and the
    /// second behind it; on the way down the other way round.
    moved: &'static [(&'static str, &'static str)],
}

/// All steps, in their order; it only grows.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "journal",
        up: include_str!("../migrations/0001_journal.up.sql"),
        down: include_str!("../migrations/0001_journal.down.sql"),
        moved: &[],
    },
    Migration {
        version: 2,
        name: "ledger",
        up: LEDGER_UP,
        down: include_str!("../migrations/0002_ledger.down.sql"),
        // Going back would lose what no journal has.
        moved: &[
            ("SELECT count(*) FROM journal", "SELECT count(*) FROM journal"),
            ("SELECT 0", "SELECT count(*) FROM trade_records WHERE ingest_via = 'adopted'"),
            ("SELECT 0", "SELECT count(*) FROM ledger_methods WHERE method = 'fifo'"),
        ],
    },
    Migration {
        version: 3,
        name: "states",
        up: include_str!("../migrations/0003_states.up.sql"),
        down: include_str!("../migrations/0003_states.down.sql"),
        moved: &[
            ("SELECT count(*) FROM journal", "SELECT count(*) FROM journal"),
            ("SELECT count(*) FROM trade_records", "SELECT count(*) FROM trade_records"),
            ("SELECT count(*) FROM fills", "SELECT count(*) FROM fills"),
        ],
    },
    Migration {
        version: 4,
        name: "uncovered",
        up: include_str!("../migrations/0004_uncovered.up.sql"),
        down: include_str!("../migrations/0004_uncovered.down.sql"),
        moved: &[
            ("SELECT count(*) FROM journal", "SELECT count(*) FROM journal"),
            ("SELECT count(*) FROM trade_records", "SELECT count(*) FROM trade_records"),
            ("SELECT count(*) FROM episodes", "SELECT count(*) FROM episodes"),
        ],
    },
];

/// Why a step was not taken; the file is as it was before the step.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// Rows were lost or made on the way.
    #[error("step {version} ({name}): {before} rows before and {after} behind it; nothing was changed")]
    Rows {
        /// The step.
        version: u32,
        /// Its name.
        name: &'static str,
        /// Rows before.
        before: i64,
        /// Rows behind.
        after: i64,
    },
    /// SQLite said no.
    #[error("step {version} ({name}): {source}; nothing was changed")]
    Sqlite {
        /// The step.
        version: u32,
        /// Its name.
        name: &'static str,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The version of the file cannot be read.
    #[error("the version of the schema cannot be read: {0}")]
    Version(rusqlite::Error),
    /// There is nothing below the first version but an empty file.
    #[error("version {0} is the first; there is nothing to go back to")]
    First(u32),
}

/// The newest version.
#[must_use]
pub const fn newest() -> u32 {
    MIGRATIONS[MIGRATIONS.len() - 1].version
}

/// The version of the schema.
///
/// # Errors
/// When it cannot be read.
pub fn version(connection: &Connection) -> Result<u32, MigrateError> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(MigrateError::Version)
}

/// Takes the steps that are missing; their names.
///
/// # Errors
/// The first step that cannot be taken; those before it are taken.
pub fn up(connection: &mut Connection) -> Result<Vec<&'static str>, MigrateError> {
    let from = version(connection)?;
    let mut taken = Vec::new();
    for step in MIGRATIONS.iter().filter(|step| step.version > from) {
        let counts = step.moved.iter().copied();
        take(connection, step, step.up, step.version, counts)?;
        taken.push(step.name);
    }
    Ok(taken)
}

/// Goes back by one step; its name.
///
/// # Errors
/// At the first version, or when the step cannot be taken.
pub fn down(connection: &mut Connection) -> Result<&'static str, MigrateError> {
    let from = version(connection)?;
    let step = MIGRATIONS.iter().find(|step| step.version == from && from > 1);
    let step = step.ok_or(MigrateError::First(from))?;
    let counts = step.moved.iter().map(|&(below, above)| (above, below));
    take(connection, step, step.down, step.version - 1, counts)?;
    Ok(step.name)
}

fn take(
    connection: &mut Connection,
    step: &Migration,
    sql: &str,
    to: u32,
    counts: impl Iterator<Item = (&'static str, &'static str)>,
) -> Result<(), MigrateError> {
    let (version, name) = (step.version, step.name);
    let fault = |source| MigrateError::Sqlite { version, name, source };
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fault)?;
    let count = |query: &str| tx.query_row(query, [], |row| row.get::<_, i64>(0)).map_err(fault);
    let expected: Vec<(i64, &str)> =
        counts.map(|(before, after)| count(before).map(|rows| (rows, after))).collect::<Result<_, _>>()?;
    tx.execute_batch(sql).map_err(fault)?;
    for (before, query) in expected {
        let after = count(query)?;
        if before != after {
            return Err(MigrateError::Rows { version, name, before, after });
        }
    }
    tx.pragma_update(None, "user_version", to).map_err(fault)?;
    tx.commit().map_err(fault)
}
