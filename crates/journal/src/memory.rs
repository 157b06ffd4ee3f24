//! What appends to a journal, and a journal in memory.

use ripcord_core::time::Timestamp;

use crate::chain::{Chain, ChainError, Head};
use crate::entry::{Founded, InstallationId, JournalEntry};
use crate::envelope::Sealed;

/// Where a journal is written: a file, or memory.
pub trait Journal {
    /// Why it cannot be written.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Adds entries at the end, not yet durable. `now` is the time of those that are no facts.
    ///
    /// # Errors
    /// What the place refuses; nothing more is then taken.
    fn append(&mut self, now: Timestamp, entries: &[JournalEntry]) -> Result<(), Self::Error>;

    /// Makes everything that was added durable, all of it or nothing, and says where it ends.
    ///
    /// # Errors
    /// What the place refuses; nothing may be done then that depends on what was added.
    fn commit(&mut self) -> Result<Head, Self::Error>;

    /// The end of what is durable.
    fn head(&self) -> Head;
}

/// A journal that ends with the process: the simulator's.
#[derive(Debug, Clone)]
pub struct MemoryJournal {
    records: Vec<Sealed>,
    chain: Chain,
    durable: Head,
}

impl MemoryJournal {
    /// A journal that was founded at `now`.
    #[must_use]
    pub fn found(scope: u32, installation: InstallationId, now: Timestamp) -> Self {
        let mut journal =
            Self { records: Vec::new(), chain: Chain::new(scope, Head::default()), durable: Head::default() };
        let program = concat!("ripcord ", env!("CARGO_PKG_VERSION")).to_owned();
        let founded = JournalEntry::Founded(Founded { installation, scope, program });
        journal.append(now, &[founded]).expect("a short record has a binary form");
        journal.durable = journal.chain.head();
        journal
    }

    /// All records, those that are not yet durable included.
    #[must_use]
    pub fn records(&self) -> &[Sealed] {
        &self.records
    }
}

impl Journal for MemoryJournal {
    type Error = ChainError;

    fn append(&mut self, now: Timestamp, entries: &[JournalEntry]) -> Result<(), ChainError> {
        self.records.reserve(entries.len());
        for entry in entries {
            self.records.push(self.chain.seal(now, entry)?);
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<Head, ChainError> {
        self.durable = self.chain.head();
        Ok(self.durable)
    }

    fn head(&self) -> Head {
        self.durable
    }
}
