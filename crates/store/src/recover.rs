//! What opening finds: where the journal ends, and what a crash left behind it.

use std::path::Path;

use ripcord_journal::{Hash, Head, Sealed, Verifier};
use rusqlite::{Connection, OptionalExtension, params};

use crate::error::StoreError;
use crate::lock;
use crate::read;
use crate::rows;

/// Records at the end that opening checks; `ripcord journal verify` checks all.
const TAIL: u64 = 1_024;

/// What opening found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// The last record that was found.
    pub head: Head,
    /// Records at the end whose chain was checked.
    pub checked: u64,
    /// What a crash left behind the last commit; it was never acknowledged, and is dropped.
    pub cut: Option<Cut>,
}

/// The unfinished end of a write-ahead log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Pages of commits that did not finish, whole or torn.
    pub pages: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Checks the end of the journal against itself, its head, and what the lock file remembers.
pub(crate) fn check_tail(
    connection: &Connection,
    path: &Path,
    noted: Option<Head>,
) -> Result<(u32, Head, u64), StoreError> {
    let doing = "its head cannot be read";
    let (scope, head) = rows::head(connection).map_err(StoreError::sqlite(path, doing))?;
    let from = head.seq.saturating_sub(TAIL).max(1);
    let mut verifier = if from == 1 {
        Verifier::new()
    } else {
        let before = record(connection, path, from - 1)?;
        let before =
            before.ok_or_else(|| StoreError::damaged(path, format!("record {} is missing", from - 1)))?;
        let Sealed { envelope, hash } = before;
        Verifier::behind(Head { seq: envelope.seq, epoch: envelope.epoch, hash }, scope)
    };
    let mut checked = 0;
    read::records::<StoreError>(connection, path, from, None, |sealed| {
        verifier.next(&sealed).map_err(|fault| read::faulty(path, fault))?;
        checked += 1;
        Ok(())
    })?;
    if verifier.head() != head {
        return Err(read::ends_elsewhere(path, head, verifier.head()));
    }
    if let Some(noted) = noted {
        check_noted(connection, path, noted, head)?;
    }
    Ok((scope, head, checked))
}

/// Moves what the write-ahead log holds into the database file, with syncs of both. After a sync
/// that failed, the system may show pages that never reached the disk; so they are written anew.
pub(crate) fn settle(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let settled = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    settled.map_err(StoreError::sqlite(path, "the write-ahead log cannot be folded in"))
}

/// What was durable must still be there.
pub(crate) fn check_noted(
    connection: &Connection,
    path: &Path,
    noted: Head,
    head: Head,
) -> Result<(), StoreError> {
    let there = record(connection, path, noted.seq)?.map(|sealed| sealed.hash);
    if noted.seq == 0 || there == Some(noted.hash) {
        return Ok(());
    }
    Err(StoreError::Lost {
        path: path.to_owned(),
        lock: lock::lock_path(path),
        acknowledged: noted.seq,
        found: head.seq,
    })
}

fn record(connection: &Connection, path: &Path, seq: u64) -> Result<Option<Sealed>, StoreError> {
    let sql = format!("SELECT {} FROM journal WHERE seq = ?1", rows::COLUMNS);
    let found = connection.query_row(&sql, params![seq], rows::sealed).optional();
    found.map_err(StoreError::sqlite(path, "its records cannot be read"))
}

/// The hash of one record.
pub(crate) fn hash_of(connection: &Connection, path: &Path, seq: u64) -> Result<Option<Hash>, StoreError> {
    record(connection, path, seq).map(|found| found.map(|sealed| sealed.hash))
}
