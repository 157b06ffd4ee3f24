//! Everything that can be checked of a store: the database, each record, the head, the snapshots.

use ripcord_journal::{Head, JournalEntry};

use crate::error::StoreError;
use crate::read::Reader;
use crate::{recover, snapshots, states};

/// Faults that SQLite's own check lists at most.
const LISTED_MAX: u32 = 5;

/// What was checked and found whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Where the journal ends.
    pub head: Head,
    /// Snapshots that hold.
    pub snapshots: usize,
    /// States of the folds beside them that hold.
    pub states: usize,
    /// Snapshots and states that do not, and why; a start passes them over.
    pub passed_over: Vec<String>,
}

impl Reader {
    /// Checks all of it, and hands out what each record says, in order.
    ///
    /// # Errors
    /// The first record that is not as it was written, or what else is damaged; or what `take` returns.
    pub fn verify<E: From<StoreError>>(
        &self,
        take: impl FnMut(u64, JournalEntry) -> Result<(), E>,
    ) -> Result<Verified, E> {
        // The records first: a fault has a place then.
        let head = self.entries(take)?;
        if let Some(noted) = self.noted() {
            recover::check_noted(self.connection(), self.path(), noted, head)?;
        }
        self.check_database()?;
        let mut verified = Verified { head, snapshots: 0, states: 0, passed_over: Vec::new() };
        for sealed in snapshots::all(self.connection(), self.path())? {
            let record = recover::hash_of(self.connection(), self.path(), sealed.seq)?;
            match snapshots::open(&sealed, record) {
                Ok(_) => verified.snapshots += 1,
                Err(why) => {
                    verified.passed_over.push(format!("the snapshot behind record {}: {why}", sealed.seq));
                }
            }
        }
        if self.has_states()? {
            let (sound, passed_over) = states::check(self.connection(), self.path())?;
            verified.states = sound;
            verified.passed_over.extend(passed_over);
        }
        Ok(verified)
    }

    /// A store of an older schema has none.
    fn has_states(&self) -> Result<bool, StoreError> {
        let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'states'";
        let found = self.connection().query_row(sql, [], |row| row.get::<_, i64>(0));
        found.map(|found| found > 0).map_err(StoreError::sqlite(self.path(), "its schema cannot be read"))
    }

    /// SQLite's own check of pages, indexes and constraints.
    fn check_database(&self) -> Result<(), StoreError> {
        let check = || {
            let mut statement =
                self.connection().prepare(&format!("PRAGMA integrity_check({LISTED_MAX})"))?;
            let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
            lines.collect::<rusqlite::Result<Vec<_>>>()
        };
        let lines = check().map_err(StoreError::sqlite(self.path(), "SQLite's own check"))?;
        if lines == ["ok"] {
            return Ok(());
        }
        Err(StoreError::damaged(self.path(), format!("SQLite's own check says: {}", lines.join("; "))))
    }
}
