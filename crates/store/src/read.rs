//! Reading a store while a writer may be at work.

use std::path::{Path, PathBuf};

use ripcord_journal::entry::InstallationId;
use ripcord_journal::{
    Fault, FaultKind, Head, JournalEntry, Kind, RebuildError, Rebuilder, Rebuilt, Sealed, Verifier,
};
use rusqlite::{Connection, params};

use crate::connect;
use crate::error::StoreError;
use crate::ledger::kind_numbers;
use crate::lock;
use crate::rows;
use crate::snapshots;

/// A store that is only read, as it was when it was opened.
#[derive(Debug)]
pub struct Reader {
    connection: Connection,
    path: PathBuf,
    /// What the lock file remembered before.
    noted: Option<Head>,
}

impl Reader {
    /// Opens `path` for reading.
    ///
    /// # Errors
    /// No such file, no store, or one of another version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        connect::present(path)?;
        Self::open_any(path)
    }

    /// Opens a store of any known version: the journal is in all of them.
    ///
    /// # Errors
    /// No such file, or no store.
    pub fn open_any(path: &Path) -> Result<Self, StoreError> {
        connect::known(path)?;
        let path = connect::canonical(path)?;
        // Noted before the journal is looked at: a writer at work only adds to it.
        let noted = lock::noted(&path);
        let connection = connect::reading(&path)?;
        // One read transaction from the start: every answer is of the same moment.
        connection
            .execute_batch("BEGIN; SELECT head_seq FROM meta")
            .map_err(StoreError::sqlite(&path, "it cannot be read"))?;
        Ok(Self { connection, path, noted })
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) const fn noted(&self) -> Option<Head> {
        self.noted
    }

    /// The state behind the last record, see [`crate::Store::rebuild`].
    ///
    /// # Errors
    /// A journal that cannot be read or followed.
    pub fn rebuild(&self) -> Result<(Rebuilt, Vec<String>), StoreError> {
        rebuild(&self.connection, &self.path)
    }

    /// For queries of one's own.
    #[must_use]
    pub const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Scope and end of the journal, as its last commit says.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn head(&self) -> Result<(u32, Head), StoreError> {
        rows::head(&self.connection).map_err(StoreError::sqlite(&self.path, "its head cannot be read"))
    }

    /// Who writes client order ids now, as the newest founding or restoring says; `None` if nothing does.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn installation(&self) -> Result<Option<InstallationId>, StoreError> {
        installation(&self.connection, &self.path)
    }

    /// Hands out the records from `from` on, unchecked, in their order; only those of `kind` if one is given.
    ///
    /// # Errors
    /// When a row cannot be read, or what `take` returns.
    pub fn records<E: From<StoreError>>(
        &self,
        from: u64,
        kind: Option<Kind>,
        take: impl FnMut(Sealed) -> Result<(), E>,
    ) -> Result<(), E> {
        records(&self.connection, &self.path, from, kind, take)
    }

    /// Checks every record: what is derived from a journal is worth as much as the journal.
    ///
    /// # Errors
    /// The first fault.
    pub fn check(&self) -> Result<Head, StoreError> {
        self.entries(|_, _| Ok(()))
    }

    /// Checks every record and hands out what it says.
    ///
    /// # Errors
    /// The first fault, or what `take` returns.
    pub fn entries<E: From<StoreError>>(
        &self,
        mut take: impl FnMut(u64, JournalEntry) -> Result<(), E>,
    ) -> Result<Head, E> {
        let mut verifier = Verifier::new();
        self.records(1, None, |sealed| {
            let seq = sealed.envelope.seq;
            let entry = verifier.next(&sealed).map_err(|fault| faulty(&self.path, fault))?;
            take(seq, entry)
        })?;
        let (_, head) = self.head()?;
        if verifier.head() != head {
            return Err(ends_elsewhere(&self.path, head, verifier.head()).into());
        }
        Ok(head)
    }
}

/// The state behind the last record, from the newest snapshot that holds; and why others do not.
pub(crate) fn rebuild(connection: &Connection, path: &Path) -> Result<(Rebuilt, Vec<String>), StoreError> {
    let unfollowed = |why: RebuildError| StoreError::Rebuild { path: path.to_owned(), why: Box::new(why) };
    let (found, passed_over) = snapshots::newest(connection, path)?;
    let (mut rebuilder, mut verifier, from) = match found {
        Some((seq, mut rebuilder)) => {
            let verifier = names(connection, path, seq, &mut rebuilder)?;
            (rebuilder, verifier, seq + 1)
        }
        None => (Rebuilder::new(), Verifier::new(), 1),
    };
    records::<StoreError>(connection, path, from, None, |sealed| {
        let seq = sealed.envelope.seq;
        let entry = verifier.next(&sealed).map_err(|fault| faulty(path, fault))?;
        rebuilder.next(seq, entry).map_err(unfollowed)
    })?;
    Ok((rebuilder.finish().map_err(unfollowed)?, passed_over))
}

/// What is written once a start or less often: to read all of it takes no longer with every position.
const FEW: [Kind; 7] =
    [Kind::Founded, Kind::Taken, Kind::Instrument, Kind::Plan, Kind::Account, Kind::Settings, Kind::Restored];

/// Tells `rebuilder` what a snapshot behind record `last` does not hold: who founded the journal, and
/// what people call things. Returns who checks the records behind it.
fn names(
    connection: &Connection,
    path: &Path,
    last: u64,
    rebuilder: &mut Rebuilder,
) -> Result<Verifier, StoreError> {
    let fault = || StoreError::sqlite(path, "its records cannot be read");
    let sql = format!(
        "SELECT {} FROM journal WHERE (kind IN ({}) OR seq = ?1) AND seq <= ?1 ORDER BY seq",
        rows::COLUMNS,
        kind_numbers(&FEW)
    );
    let mut statement = connection.prepare(&sql).map_err(|source| fault()(source))?;
    let mut found = statement.query(params![last]).map_err(|source| fault()(source))?;
    let mut head = Head::default();
    let mut scope = 0;
    while let Some(row) = found.next().map_err(|source| fault()(source))? {
        let Sealed { envelope, hash } = rows::sealed(row).map_err(|source| fault()(source))?;
        let seq = envelope.seq;
        let faulty = |kind| faulty(path, Fault { seq, kind });
        if envelope.hash() != hash {
            return Err(faulty(FaultKind::Hash));
        }
        let entry = envelope.entry().map_err(|why| faulty(FaultKind::Payload(why)))?;
        let unfollowed = |why| StoreError::Rebuild { path: path.to_owned(), why: Box::new(why) };
        rebuilder.next(seq, entry).map_err(unfollowed)?;
        head = Head { seq, epoch: envelope.epoch, hash };
        scope = envelope.scope;
    }
    Ok(Verifier::behind(head, scope))
}

pub(crate) fn faulty(path: &Path, fault: Fault) -> StoreError {
    StoreError::Record { path: path.to_owned(), fault }
}

/// The journal does not end where its last commit said.
pub(crate) fn ends_elsewhere(path: &Path, said: Head, found: Head) -> StoreError {
    StoreError::damaged(
        path,
        format!(
            "the last commit ended with record {} ({}), the journal with record {} ({})",
            said.seq, said.hash, found.seq, found.hash
        ),
    )
}

pub(crate) fn records<E: From<StoreError>>(
    connection: &Connection,
    path: &Path,
    from: u64,
    kind: Option<Kind>,
    mut take: impl FnMut(Sealed) -> Result<(), E>,
) -> Result<(), E> {
    let columns = rows::COLUMNS;
    let fault = || StoreError::sqlite(path, "its records cannot be read");
    let sql = match kind {
        None => format!("SELECT {columns} FROM journal WHERE seq >= ?1 ORDER BY seq"),
        Some(_) => format!("SELECT {columns} FROM journal WHERE kind = ?2 AND seq >= ?1 ORDER BY seq"),
    };
    let mut statement = connection.prepare_cached(&sql).map_err(|source| fault()(source))?;
    let mut rows = match kind {
        None => statement.query(params![from]),
        Some(kind) => statement.query(params![from, kind.number()]),
    }
    .map_err(|source| fault()(source))?;
    while let Some(row) = rows.next().map_err(|source| fault()(source))? {
        take(rows::sealed(row).map_err(|source| fault()(source))?)?;
    }
    Ok(())
}

/// Who writes client order ids now.
pub(crate) fn installation(
    connection: &Connection,
    path: &Path,
) -> Result<Option<InstallationId>, StoreError> {
    let mut newest = None;
    for kind in [Kind::Founded, Kind::Restored] {
        records::<StoreError>(connection, path, 1, Some(kind), |sealed| {
            let seq = sealed.envelope.seq;
            let fault = |why| faulty(path, Fault { seq, kind: FaultKind::Payload(why) });
            newest = match sealed.envelope.entry().map_err(fault)? {
                JournalEntry::Founded(founded) => Some(founded.installation),
                JournalEntry::Restored(restored) => Some(restored.installation),
                _ => newest,
            };
            Ok(())
        })?;
    }
    Ok(newest)
}
