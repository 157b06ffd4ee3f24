//! The chain: each record carries the hash of the one before, so that a changed, lost, added or
//! moved record is found at its place.

use ripcord_core::event::Entry;
use ripcord_core::time::Timestamp;

use crate::entry::JournalEntry;
use crate::envelope::{Envelope, Hash, PAYLOAD_BYTES_MAX, Sealed};
use crate::kind::Kind;
use crate::payload::{self, PayloadError};

/// Most payloads are no longer: they are written in one piece of memory.
const PAYLOAD_BYTES_MOSTLY: usize = 64;

/// Where a journal ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    /// The last record; 0 in an empty journal.
    pub seq: u64,
    /// Its epoch.
    pub epoch: u64,
    /// Its hash.
    pub hash: Hash,
}

/// Seals records, one after the other.
#[derive(Debug, Clone)]
pub struct Chain {
    head: Head,
    scope: u32,
    config: Hash,
}

/// Why an entry cannot become a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// The content has no binary form.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// The payload is longer than a record may be.
    #[error("a {word} takes {bytes} bytes; a record may have {PAYLOAD_BYTES_MAX}")]
    TooLong {
        /// The kind's word.
        word: &'static str,
        /// Its length.
        bytes: usize,
    },
    /// An epoch that does not rise.
    #[error("epoch {epoch} was to follow epoch {last}; epochs only rise")]
    EpochFell {
        /// The epoch asked for.
        epoch: u64,
        /// The last one.
        last: u64,
    },
}

impl Chain {
    /// Goes on behind `head`; an empty journal has [`Head::default`].
    #[must_use]
    pub const fn new(scope: u32, head: Head) -> Self {
        Self { head, scope, config: Hash::ZERO }
    }

    /// Where it ends now.
    #[must_use]
    pub const fn head(&self) -> Head {
        self.head
    }

    /// The hash of the configuration that is in force for the records to come.
    pub const fn set_config(&mut self, config: Hash) {
        self.config = config;
    }

    /// Seals the next record. `now` is its time, unless it is a fact: that carries its own. A
    /// `Taken` begins its epoch.
    ///
    /// # Errors
    /// An entry without a binary form, one that is too long, or an epoch that does not rise. The
    /// chain is then as it was.
    pub fn seal(&mut self, now: Timestamp, entry: &JournalEntry) -> Result<Sealed, ChainError> {
        let mut epoch = self.head.epoch;
        if let JournalEntry::Taken(taken) = entry {
            if taken.epoch <= epoch {
                return Err(ChainError::EpochFell { epoch: taken.epoch, last: epoch });
            }
            epoch = taken.epoch;
        }
        let at = if let JournalEntry::Fact(fact) = entry { fact.at } else { now };
        let payload = payload::encode(entry, Vec::with_capacity(PAYLOAD_BYTES_MOSTLY))?;
        self.seal_payload(epoch, at, entry.kind(), payload)
    }

    /// Seals a fact as the next record, as [`Chain::seal`] does.
    ///
    /// # Errors
    /// A fact without a binary form, or one that is too long. The chain is then as it was.
    pub fn seal_fact(&mut self, fact: &Entry) -> Result<Sealed, ChainError> {
        let payload = payload::encode_fact(&fact.record, Vec::with_capacity(PAYLOAD_BYTES_MOSTLY))?;
        self.seal_payload(self.head.epoch, fact.at, Kind::of(&fact.record), payload)
    }

    fn seal_payload(
        &mut self,
        epoch: u64,
        at: Timestamp,
        kind: Kind,
        payload: Vec<u8>,
    ) -> Result<Sealed, ChainError> {
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(ChainError::TooLong { word: kind.word(), bytes: payload.len() });
        }
        let envelope = Envelope {
            seq: self.head.seq + 1,
            scope: self.scope,
            epoch,
            at,
            kind: kind.number(),
            version: kind.version(),
            config: self.config,
            payload,
            previous: self.head.hash,
        };
        let hash = envelope.hash();
        self.head = Head { seq: envelope.seq, epoch, hash };
        Ok(Sealed { envelope, hash })
    }
}

/// The first thing that is wrong with a journal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {seq}: {kind}")]
pub struct Fault {
    /// The record, by the number it ought to have.
    pub seq: u64,
    /// What is wrong with it.
    pub kind: FaultKind,
}

/// What is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// Its number is not the next one.
    #[error("its number is {found}: records are missing or were added")]
    Gap {
        /// The number found.
        found: u64,
    },
    /// Its content is not what was sealed.
    #[error("its hash does not match its content: it was changed")]
    Hash,
    /// It does not follow the record before.
    #[error("it does not carry the hash of the record before: one of the two was replaced")]
    Previous,
    /// It belongs to another journal.
    #[error("it is of scope {found}, the journal of scope {scope}")]
    Scope {
        /// The scope found.
        found: u32,
        /// The journal's.
        scope: u32,
    },
    /// Its epoch is below that of the record before.
    #[error("its epoch is {found} behind epoch {last}: two processes wrote")]
    EpochFell {
        /// The epoch found.
        found: u64,
        /// That of the record before.
        last: u64,
    },
    /// The epoch rose without a record that says who took over, or the other way round.
    #[error(
        "its epoch is {found} behind epoch {last}: an epoch begins with the record of who took over, and only there"
    )]
    EpochUntold {
        /// The epoch found.
        found: u64,
        /// That of the record before.
        last: u64,
    },
    /// The journal does not begin where it must, or begins again.
    #[error("the first record, and no other, says who founded the journal")]
    Founding,
    /// Its content cannot be read.
    #[error(transparent)]
    Payload(#[from] PayloadError),
}

/// Checks records in their order.
#[derive(Debug, Clone)]
pub struct Verifier {
    head: Head,
    scope: Option<u32>,
}

impl Verifier {
    /// From the first record on.
    #[must_use]
    pub fn new() -> Self {
        Self { head: Head::default(), scope: None }
    }

    /// From the record behind `head` on.
    #[must_use]
    pub const fn behind(head: Head, scope: u32) -> Self {
        Self { head, scope: Some(scope) }
    }

    /// Where the checked part ends.
    #[must_use]
    pub const fn head(&self) -> Head {
        self.head
    }

    /// Checks the next record, and returns what it says.
    ///
    /// # Errors
    /// What is wrong with it; nothing behind it can be trusted.
    pub fn next(&mut self, sealed: &Sealed) -> Result<JournalEntry, Fault> {
        let seq = self.head.seq + 1;
        self.check(sealed).map_err(|kind| Fault { seq, kind })
    }

    fn check(&mut self, sealed: &Sealed) -> Result<JournalEntry, FaultKind> {
        let Sealed { envelope, hash } = sealed;
        let last = self.head;
        if envelope.seq != last.seq + 1 {
            return Err(FaultKind::Gap { found: envelope.seq });
        }
        if envelope.hash() != *hash {
            return Err(FaultKind::Hash);
        }
        if envelope.previous != last.hash {
            return Err(FaultKind::Previous);
        }
        let scope = self.scope.unwrap_or(envelope.scope);
        if envelope.scope != scope {
            return Err(FaultKind::Scope { found: envelope.scope, scope });
        }
        if envelope.epoch < last.epoch {
            return Err(FaultKind::EpochFell { found: envelope.epoch, last: last.epoch });
        }
        let entry = envelope.entry()?;
        let founded = if let JournalEntry::Founded(founded) = &entry { Some(founded.scope) } else { None };
        if founded != (envelope.seq == 1).then_some(scope) {
            return Err(FaultKind::Founding);
        }
        let taken = matches!(&entry, JournalEntry::Taken(taken) if taken.epoch == envelope.epoch);
        let is_taking = matches!(&entry, JournalEntry::Taken(_));
        if (envelope.epoch > last.epoch) != is_taking || is_taking != taken {
            return Err(FaultKind::EpochUntold { found: envelope.epoch, last: last.epoch });
        }
        self.scope = Some(scope);
        self.head = Head { seq: envelope.seq, epoch: envelope.epoch, hash: *hash };
        Ok(entry)
    }
}

impl Default for Verifier {
    fn default() -> Self {
        Self::new()
    }
}
