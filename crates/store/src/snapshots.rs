//! Snapshots of the core, in the journal's file.

use std::path::Path;

use ripcord_core::snapshot::Snapshot;
use ripcord_journal::snapshot::SnapshotFault;
use ripcord_journal::{Hash, Rebuilder, SealedSnapshot};
use rusqlite::{Connection, params};

use crate::error::StoreError;
use crate::recover;

/// Snapshots that are kept: the newest, and two to fall back to.
const KEPT: u32 = 3;

pub(crate) fn insert(tx: &Connection, sealed: &SealedSnapshot) -> rusqlite::Result<()> {
    let SealedSnapshot { seq, version, record, body, hash } = sealed;
    tx.execute(
        "INSERT OR REPLACE INTO snapshots (seq, version, record, body, hash) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![seq, version, record.0.as_slice(), body, hash.0.as_slice()],
    )?;
    let older =
        "DELETE FROM snapshots WHERE seq NOT IN (SELECT seq FROM snapshots ORDER BY seq DESC LIMIT ?1)";
    tx.execute(older, params![KEPT]).map(|_| ())
}

/// All snapshots, the newest first.
pub(crate) fn all(connection: &Connection, path: &Path) -> Result<Vec<SealedSnapshot>, StoreError> {
    let read = || {
        let mut statement =
            connection.prepare("SELECT seq, version, record, body, hash FROM snapshots ORDER BY seq DESC")?;
        let rows = statement.query_map([], |row| {
            Ok(SealedSnapshot {
                seq: row.get(0)?,
                version: row.get(1)?,
                record: Hash(row.get(2)?),
                body: row.get(3)?,
                hash: Hash(row.get(4)?),
            })
        })?;
        rows.collect::<rusqlite::Result<Vec<_>>>()
    };
    read().map_err(StoreError::sqlite(path, "its snapshots cannot be read"))
}

/// The state inside, if it stands behind `record`. Without such a record nothing vouches for it.
pub(crate) fn open(sealed: &SealedSnapshot, record: Option<Hash>) -> Result<Snapshot, SnapshotFault> {
    sealed.open(record.ok_or(SnapshotFault::Record(sealed.seq))?)
}

/// The newest snapshot that is whole and belongs to this journal.
type Newest = Option<(u64, Rebuilder)>;

/// The newest snapshot that can be taken, and why newer ones are passed over.
pub(crate) fn newest(connection: &Connection, path: &Path) -> Result<(Newest, Vec<String>), StoreError> {
    let mut passed_over = Vec::new();
    for sealed in all(connection, path)? {
        let seq = sealed.seq;
        let record = recover::hash_of(connection, path, seq)?;
        let taken = open(&sealed, record).map_err(|why| format!("the snapshot behind record {seq}: {why}"));
        let taken =
            taken.and_then(|state| Rebuilder::from_snapshot(seq, state).map_err(|why| why.to_string()));
        match taken {
            Ok(rebuilder) => return Ok((Some((seq, rebuilder)), passed_over)),
            Err(why) => passed_over.push(why),
        }
    }
    Ok((None, passed_over))
}
