//! The store: one writer, entries in, durable records out.

use std::path::{Path, PathBuf};

use ripcord_core::snapshot::Snapshot;
use ripcord_core::time::Timestamp;
use ripcord_journal::entry::{Founded, InstallationId, Taken};
use ripcord_journal::{Chain, Hash, Head, Journal, JournalEntry, Rebuilt, Sealed, SealedSnapshot};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use serde::de::DeserializeOwned;

use crate::error::StoreError;
use crate::here::Files;
use crate::lock::WriteLock;
use crate::projection::{Projection, ProjectionError};
use crate::recover::{self, Recovery};
use crate::states::{self, NewestState, State};
use crate::{connect, create, read, rows, snapshots};

/// Records that may wait for a commit.
const BUFFERED_MAX: usize = 1 << 20;

/// How a store is opened for writing.
#[derive(Debug, Clone)]
pub struct Opening<'a> {
    /// The time, for the record that says who took over.
    pub now: Timestamp,
    /// The program that takes over, with its version.
    pub program: &'a str,
    /// The SQLite file layer, by its registered name; `None` is the system's. Tests put faults here.
    pub vfs: Option<&'a str>,
}

/// The journal in a file, held by the one process that may write.
pub struct Store {
    connection: Connection,
    lock: WriteLock,
    path: PathBuf,
    chain: Chain,
    scope: u32,
    durable: Head,
    buffered: Vec<(Sealed, JournalEntry)>,
    projections: Vec<Box<dyn Projection>>,
    /// The error that ended it.
    poisoned: Option<String>,
    /// Its files, once something was written.
    files: Option<Files>,
    /// Commits and records in the write-ahead log.
    logged: (usize, usize),
}

/// The write-ahead log is moved into the database file behind so many commits or records: reading
/// stays fast, and the file beside stays small.
const LOGGED_MAX: (usize, usize) = (1_000, 50_000);

impl Store {
    /// Makes a new store at `path` and takes it over. `installation` is 128 random bits.
    ///
    /// # Errors
    /// Something is there already, or the file cannot be made.
    pub fn create(
        path: &Path,
        scope: u32,
        installation: InstallationId,
        opening: &Opening<'_>,
    ) -> Result<(Self, Recovery), StoreError> {
        let founded = Founded { installation, scope, program: opening.program.to_owned() };
        let lock = create::create(path, founded, opening)?;
        Self::take_over(connect::canonical(path)?, lock, opening)
    }

    /// Opens the store at `path` and takes it over: checks its end, begins an epoch, and returns
    /// when that is durable.
    ///
    /// # Errors
    /// No such file, no store, another version, another writer, or a journal that is not whole.
    pub fn open(path: &Path, opening: &Opening<'_>) -> Result<(Self, Recovery), StoreError> {
        connect::known(path)?;
        let path = connect::canonical(path)?;
        let lock = WriteLock::take(&path)?;
        // Looked at again under the lock: a migration may have ended in between.
        connect::present(&path)?;
        connect::alone(&path)?;
        Self::take_over(path, lock, opening)
    }

    fn take_over(
        path: PathBuf,
        mut lock: WriteLock,
        opening: &Opening<'_>,
    ) -> Result<(Self, Recovery), StoreError> {
        let cut = crate::wal::unfinished(&path)?;
        let connection = connect::writing(&path, opening.vfs)?;
        let (scope, head, checked) = recover::check_tail(&connection, &path, lock.noted())?;
        recover::settle(&connection, &path)?;
        let mut store = Self {
            connection,
            lock,
            path,
            chain: Chain::new(scope, head),
            scope,
            durable: head,
            buffered: Vec::new(),
            projections: Vec::new(),
            poisoned: None,
            files: None,
            logged: (0, 0),
        };
        let taken = Taken { epoch: head.epoch + 1, program: opening.program.to_owned() };
        store.append(opening.now, &[JournalEntry::Taken(taken)])?;
        store.commit()?;
        store.files = Some(Files::of(&store.path)?);
        Ok((store, Recovery { head, checked, cut }))
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Records that were added and wait for a commit.
    #[must_use]
    pub const fn waiting(&self) -> usize {
        self.buffered.len()
    }

    /// For queries; what is buffered is not in them.
    #[must_use]
    pub const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The hash of the configuration that is in force for what is appended from here on.
    pub const fn set_config(&mut self, config: Hash) {
        self.chain.set_config(config);
    }

    /// Has `projection` see every record from here on, in the journal's own transaction.
    pub fn project(&mut self, projection: Box<dyn Projection>) {
        self.projections.push(projection);
    }

    /// Does `work` in one durable transaction, beside the journal: rebuilding a projection.
    ///
    /// # Errors
    /// What `work` returns, or SQLite; the store is then poisoned.
    pub fn transact<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, ProjectionError>,
    ) -> Result<T, StoreError> {
        self.guarded(|store| {
            let seq = store.durable.seq;
            let fault =
                |source| StoreError::Sqlite { path: store.path.clone(), doing: "a transaction", source };
            let tx = store.connection.transaction_with_behavior(TransactionBehavior::Immediate);
            let tx = tx.map_err(fault)?;
            let done = work(&tx).map_err(|why| StoreError::Projection { seq, why })?;
            tx.commit().map_err(fault)?;
            Ok(done)
        })
    }

    /// Adds entries at the end, in memory. `now` is the time of those that are no facts.
    ///
    /// # Errors
    /// An entry that cannot become a record, or too many that wait; the store is then poisoned.
    pub fn append(&mut self, now: Timestamp, entries: &[JournalEntry]) -> Result<(), StoreError> {
        self.guarded(|store| {
            let count = store.buffered.len() + entries.len();
            if count > BUFFERED_MAX {
                return Err(StoreError::TooMany { path: store.path.clone(), count, limit: BUFFERED_MAX });
            }
            store.buffered.reserve(entries.len());
            for entry in entries {
                let sealed = store.chain.seal(now, entry)?;
                store.buffered.push((sealed, entry.clone()));
            }
            Ok(())
        })
    }

    /// Makes everything that was added durable, with what the projections make of it, in one
    /// transaction. When it returns, the records outlive a loss of power.
    ///
    /// # Errors
    /// SQLite, the disk or a projection; the store is then poisoned. What was added may be on the
    /// disk all the same: opening the store again says.
    pub fn commit(&mut self) -> Result<Head, StoreError> {
        self.guarded(|store| {
            if store.buffered.is_empty() {
                return Ok(store.durable);
            }
            let head = store.chain.head();
            store.write(head)?;
            // Before anybody acts on it: what was written must be where it is looked for.
            store.files.as_ref().map_or(Ok(()), Files::check)?;
            store.logged = (store.logged.0 + 1, store.logged.1 + store.buffered.len());
            store.buffered.clear();
            store.lock.note(head)?;
            store.durable = head;
            if store.logged.0 >= LOGGED_MAX.0 || store.logged.1 >= LOGGED_MAX.1 {
                store.fold_log()?;
            }
            Ok(head)
        })
    }

    /// For quiet moments: moves what the last commits left in the write-ahead log into the database
    /// file, so that no commit has to. Takes some milliseconds.
    ///
    /// # Errors
    /// SQLite or the disk; the store is then poisoned.
    pub fn tidy(&mut self) -> Result<(), StoreError> {
        self.guarded(|store| if store.logged.0 == 0 { Ok(()) } else { store.fold_log() })
    }

    /// A reader that stands on older records delays part of it: the next time has it.
    fn fold_log(&mut self) -> Result<(), StoreError> {
        self.logged = (0, 0);
        let folded = self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        folded.map_err(StoreError::sqlite(&self.path, "the write-ahead log cannot be folded in"))
    }

    /// The one place where the journal and its projections meet a transaction.
    fn write(&mut self, head: Head) -> Result<(), StoreError> {
        let path = &self.path;
        let fault = |source| StoreError::Sqlite { path: path.clone(), doing: "a commit failed", source };
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fault)?;
        for (sealed, entry) in &self.buffered {
            let seq = sealed.envelope.seq;
            rows::insert(&tx, sealed).map_err(fault)?;
            for projection in &mut self.projections {
                projection.apply(&tx, seq, entry).map_err(|why| StoreError::Projection { seq, why })?;
            }
        }
        for projection in &mut self.projections {
            projection.flush(&tx).map_err(|why| StoreError::Projection { seq: head.seq, why })?;
        }
        rows::set_head(&tx, self.scope, head).map_err(fault)?;
        tx.commit().map_err(fault)
    }

    /// Commits, and keeps the core's state behind the last record, with what the projections and
    /// `others` remember there. Take `state` right behind a checkpoint whose records were appended, see
    /// [`SealedSnapshot::seal`].
    ///
    /// # Errors
    /// As a commit.
    pub fn keep_snapshot(&mut self, state: &Snapshot, others: &[State]) -> Result<u64, StoreError> {
        let head = self.commit()?;
        self.guarded(|store| {
            let sealed = SealedSnapshot::seal(head.seq, head.hash, state)
                .map_err(|why| StoreError::damaged(&store.path, why.to_string()))?;
            let fault = |source| StoreError::Sqlite { path: store.path.clone(), doing: "a snapshot", source };
            let tx = store.connection.transaction_with_behavior(TransactionBehavior::Immediate);
            let tx = tx.map_err(fault)?;
            snapshots::insert(&tx, &sealed).map_err(fault)?;
            for projection in &store.projections {
                let state = projection.state();
                let state = state.map_err(|why| StoreError::Projection { seq: head.seq, why })?;
                state
                    .map_or(Ok(()), |state| states::insert(&tx, head.seq, head.hash, &state))
                    .map_err(fault)?;
            }
            for state in others {
                states::insert(&tx, head.seq, head.hash, state).map_err(fault)?;
            }
            tx.commit().map_err(fault)?;
            Ok(head.seq)
        })
    }

    /// The state behind the last durable record: from the newest snapshot that is whole and the
    /// records behind it, else from all records.
    ///
    /// # Errors
    /// A journal that cannot be read or followed.
    pub fn rebuild(&self) -> Result<(Rebuilt, Vec<String>), StoreError> {
        read::rebuild(&self.connection, &self.path)
    }

    /// Who writes client order ids now, as the newest founding or restoring says.
    ///
    /// # Errors
    /// When it cannot be read, or nothing says it.
    pub fn installation(&self) -> Result<InstallationId, StoreError> {
        let known = read::installation(&self.connection, &self.path)?;
        known.ok_or_else(|| StoreError::damaged(&self.path, "it does not say who founded it"))
    }

    /// What was kept under `name` in `version` with the newest snapshot that holds, behind which record,
    /// and why newer ones are passed over.
    ///
    /// # Errors
    /// When the states cannot be read.
    pub fn newest_state<T: DeserializeOwned>(
        &self,
        name: &str,
        version: u16,
    ) -> Result<NewestState<T>, StoreError> {
        states::newest(&self.connection, &self.path, (name, version), self.durable.seq)
    }

    /// Hands out the records behind record `seq`, unchecked, in their order.
    ///
    /// # Errors
    /// When a row cannot be read, or what `take` returns.
    pub fn records_behind(
        &self,
        seq: u64,
        take: impl FnMut(Sealed) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        read::records(&self.connection, &self.path, seq + 1, None, take)
    }

    /// Runs `work`, unless an error came before; an error of `work` is the last thing it does.
    fn guarded<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, StoreError>) -> Result<T, StoreError> {
        if let Some(why) = &self.poisoned {
            return Err(StoreError::Poisoned { path: self.path.clone(), why: why.clone() });
        }
        let done = work(self);
        if let Err(error) = &done {
            self.poisoned = Some(error.to_string());
            self.buffered.clear();
        }
        done
    }
}

impl Journal for Store {
    type Error = StoreError;

    fn append(&mut self, now: Timestamp, entries: &[JournalEntry]) -> Result<(), StoreError> {
        Self::append(self, now, entries)
    }

    fn commit(&mut self) -> Result<Head, StoreError> {
        Self::commit(self)
    }

    fn head(&self) -> Head {
        self.durable
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("path", &self.path)
            .field("durable", &self.durable)
            .finish_non_exhaustive()
    }
}
