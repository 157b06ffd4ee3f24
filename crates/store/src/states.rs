//! What folds besides the core remember behind a record, in the journal's file.
//!
//! A state is a short cut and never the truth: whoever finds none that holds folds the journal from
//! its start. So only the version that this program writes is read, and no older one.

use std::path::Path;

use ripcord_journal::Hash;
use rusqlite::{Connection, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::StoreError;
use crate::recover;

/// States of each name that are kept: the newest, and two to fall back to.
const KEPT: u32 = 3;

/// What a fold remembers, as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    name: &'static str,
    version: u16,
    body: Vec<u8>,
}

impl State {
    /// The bytes of `value`; `version` is raised with every change of its shape.
    ///
    /// # Errors
    /// A value without a binary form.
    pub fn of(name: &'static str, version: u16, value: &impl Serialize) -> Result<Self, String> {
        let body = postcard::to_stdvec(value).map_err(|why| format!("the state of the {name}: {why}"))?;
        Ok(Self { name, version, body })
    }

    /// The bytes.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

/// A state as it is stored, tied to the record that it stands behind.
struct Sealed {
    name: String,
    seq: u64,
    version: u16,
    record: Hash,
    body: Vec<u8>,
    hash: Hash,
}

impl Sealed {
    /// Covers all of it.
    fn computed(&self) -> Hash {
        let mut bytes = Vec::with_capacity(self.name.len() + self.body.len() + 50);
        bytes.extend_from_slice(&(self.name.len() as u64).to_le_bytes());
        bytes.extend_from_slice(self.name.as_bytes());
        bytes.extend_from_slice(&self.seq.to_le_bytes());
        bytes.extend_from_slice(&self.version.to_le_bytes());
        bytes.extend_from_slice(&self.record.0);
        bytes.extend_from_slice(&self.body);
        Hash::of(&bytes)
    }

    /// Why it must be passed over, if it must.
    fn check(&self, record: Option<Hash>) -> Result<(), &'static str> {
        if self.computed() != self.hash {
            return Err("its hash does not match its content");
        }
        if Some(self.record) != record {
            return Err("it does not belong to this record of this journal");
        }
        Ok(())
    }

    /// What it holds, if all of it is as it was written behind the record with hash `record`.
    fn open<T: DeserializeOwned>(&self, version: u16, record: Option<Hash>) -> Result<T, String> {
        self.check(record)?;
        if self.version != version {
            return Err(format!("it has version {}; this program reads {version}", self.version));
        }
        match postcard::take_from_bytes(&self.body) {
            Ok((value, [])) => Ok(value),
            Ok(_) => Err("it is too long".to_owned()),
            Err(why) => Err(why.to_string()),
        }
    }

    fn passed_over(&self, why: &str) -> String {
        format!("the state of the {} behind record {}: {why}", self.name, self.seq)
    }
}

/// Puts a state in, behind record `seq` with hash `record`, and lets the oldest go.
pub(crate) fn insert(tx: &Connection, seq: u64, record: Hash, state: &State) -> rusqlite::Result<()> {
    let State { name, version, body } = state.clone();
    let mut sealed = Sealed { name: name.to_owned(), seq, version, record, body, hash: Hash::ZERO };
    sealed.hash = sealed.computed();
    tx.execute(
        "INSERT OR REPLACE INTO states (name, seq, version, record, body, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![name, seq, version, record.0.as_slice(), sealed.body, sealed.hash.0.as_slice()],
    )?;
    let older = "DELETE FROM states WHERE name = ?1 AND seq NOT IN \
                 (SELECT seq FROM states WHERE name = ?1 ORDER BY seq DESC LIMIT ?2)";
    tx.execute(older, params![name, KEPT]).map(|_| ())
}

/// Forgets all states of a name: what they were folded by holds no longer.
pub(crate) fn forget(tx: &Connection, name: &str) -> rusqlite::Result<()> {
    tx.execute("DELETE FROM states WHERE name = ?1", params![name]).map(|_| ())
}

/// The newest state that can be taken, with its record, and why newer ones are passed over.
pub type NewestState<T> = (Option<(u64, T)>, Vec<String>);

/// The newest state of `name`, not behind record `last`, that is whole and belongs to this journal.
pub(crate) fn newest<T: DeserializeOwned>(
    connection: &Connection,
    path: &Path,
    (name, version): (&str, u16),
    last: u64,
) -> Result<NewestState<T>, StoreError> {
    let mut passed_over = Vec::new();
    for sealed in all(connection, path, Some(name))?.into_iter().filter(|sealed| sealed.seq <= last) {
        let record = recover::hash_of(connection, path, sealed.seq)?;
        match sealed.open(version, record) {
            Ok(value) => return Ok((Some((sealed.seq, value)), passed_over)),
            Err(why) => passed_over.push(sealed.passed_over(&why)),
        }
    }
    Ok((None, passed_over))
}

/// How many states hold, and why others do not.
pub(crate) fn check(connection: &Connection, path: &Path) -> Result<(usize, Vec<String>), StoreError> {
    let (mut sound, mut passed_over) = (0, Vec::new());
    for sealed in all(connection, path, None)? {
        let record = recover::hash_of(connection, path, sealed.seq)?;
        match sealed.check(record) {
            Ok(()) => sound += 1,
            Err(why) => passed_over.push(sealed.passed_over(why)),
        }
    }
    Ok((sound, passed_over))
}

/// All states, or those of one name, the newest first.
fn all(connection: &Connection, path: &Path, name: Option<&str>) -> Result<Vec<Sealed>, StoreError> {
    let read = || {
        let mut statement = connection.prepare(
            "SELECT name, seq, version, record, body, hash FROM states WHERE ?1 IS NULL OR name = ?1 \
             ORDER BY seq DESC, name",
        )?;
        let rows = statement.query_map(params![name], |row| {
            Ok(Sealed {
                name: row.get(0)?,
                seq: row.get(1)?,
                version: row.get(2)?,
                record: Hash(row.get(3)?),
                body: row.get(4)?,
                hash: Hash(row.get(5)?),
            })
        })?;
        rows.collect::<rusqlite::Result<Vec<_>>>()
    };
    read().map_err(StoreError::sqlite(path, "its states cannot be read"))
}
