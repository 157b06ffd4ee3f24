//! Records as rows.

use ripcord_core::time::Timestamp;
use ripcord_journal::{Envelope, Hash, Head, Sealed};
use rusqlite::{Connection, Row, params};

/// The columns of a record, in the order that [`sealed`] reads.
pub(crate) const COLUMNS: &str = "seq, scope, epoch, at_ns, kind, version, config, payload, previous, hash";

const INSERT: &str = "INSERT INTO journal (seq, scope, epoch, at_ns, kind, version, config, payload, previous, hash) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";

pub(crate) fn insert(tx: &Connection, sealed: &Sealed) -> rusqlite::Result<()> {
    let Envelope { seq, scope, epoch, at, kind, version, config, payload, previous } = &sealed.envelope;
    let mut statement = tx.prepare_cached(INSERT)?;
    let row = params![
        seq,
        scope,
        epoch,
        at.0,
        kind,
        version,
        config.0.as_slice(),
        payload,
        previous.0.as_slice(),
        sealed.hash.0.as_slice()
    ];
    statement.execute(row).map(|_| ())
}

pub(crate) fn sealed(row: &Row<'_>) -> rusqlite::Result<Sealed> {
    let envelope = Envelope {
        seq: row.get(0)?,
        scope: row.get(1)?,
        epoch: row.get(2)?,
        at: Timestamp(row.get(3)?),
        kind: row.get(4)?,
        version: row.get(5)?,
        config: Hash(row.get(6)?),
        payload: row.get(7)?,
        previous: Hash(row.get(8)?),
    };
    Ok(Sealed { envelope, hash: Hash(row.get(9)?) })
}

/// Scope and end of the journal, as they were written with its last record.
pub(crate) fn head(connection: &Connection) -> rusqlite::Result<(u32, Head)> {
    connection.query_row("SELECT scope, head_seq, head_epoch, head_hash FROM meta WHERE id = 1", [], |row| {
        Ok((row.get(0)?, Head { seq: row.get(1)?, epoch: row.get(2)?, hash: Hash(row.get(3)?) }))
    })
}

pub(crate) fn set_head(tx: &Connection, scope: u32, head: Head) -> rusqlite::Result<()> {
    let sql = "INSERT INTO meta (id, scope, head_seq, head_epoch, head_hash) VALUES (1, ?1, ?2, ?3, ?4) \
               ON CONFLICT (id) DO UPDATE SET head_seq = ?2, head_epoch = ?3, head_hash = ?4";
    let mut statement = tx.prepare_cached(sql)?;
    statement.execute(params![scope, head.seq, head.epoch, head.hash.0.as_slice()]).map(|_| ())
}
