//! What is written in the journal's own transaction, so that the two can never differ.

use ripcord_journal::JournalEntry;
use rusqlite::Transaction;

use crate::states::State;

/// Why a projection refuses.
pub type ProjectionError = Box<dyn std::error::Error + Send + Sync>;

/// Turns records into rows of its own tables.
pub trait Projection: Send {
    /// Writes what record `seq` changes. The journal's row is written already; all of it becomes
    /// durable together, or none.
    ///
    /// # Errors
    /// Whatever must not become durable: the commit fails, and the store is poisoned.
    fn apply(&mut self, tx: &Transaction<'_>, seq: u64, entry: &JournalEntry) -> Result<(), ProjectionError>;

    /// What it must remember besides its tables to go on behind the last commit; kept with the core's
    /// snapshots, so that a start need not fold the journal from its first record.
    ///
    /// # Errors
    /// A state without a binary form.
    fn state(&self) -> Result<Option<State>, ProjectionError> {
        Ok(None)
    }

    /// Called once behind the last record of a commit, for what is cheaper to write in one piece.
    ///
    /// # Errors
    /// As above.
    fn flush(&mut self, _tx: &Transaction<'_>) -> Result<(), ProjectionError> {
        Ok(())
    }
}
