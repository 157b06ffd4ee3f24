//! A snapshot of the core as bytes, tied to the record that it stands behind.

use ripcord_core::snapshot::{SNAPSHOT_VERSION, Snapshot};

use crate::envelope::Hash;

/// The state behind one record: what a start reads instead of everything before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSnapshot {
    /// The last record that it includes.
    pub seq: u64,
    /// The version of the body, [`SNAPSHOT_VERSION`] of the program that wrote it.
    pub version: u16,
    /// The hash of that record: a snapshot of another journal is not taken for one of this.
    pub record: Hash,
    /// The state.
    pub body: Vec<u8>,
    /// Covers all of it.
    pub hash: Hash,
}

/// Why a snapshot is passed over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotFault {
    /// Its bytes are not those that were written.
    #[error("its hash does not match its content")]
    Hash,
    /// It belongs to another record.
    #[error("it does not belong to record {0} of this journal")]
    Record(u64),
    /// A newer program wrote it.
    #[error("it has version {found}; this program reads up to {SNAPSHOT_VERSION}")]
    Newer {
        /// Its version.
        found: u16,
    },
    /// An older program wrote it. The journal brings back the same state, so its form is not kept.
    #[error("it has version {found}; this program reads {SNAPSHOT_VERSION}, and the journal instead")]
    Older {
        /// Its version.
        found: u16,
    },
    /// It cannot be read or written.
    #[error("{0}")]
    Body(String),
}

impl SealedSnapshot {
    /// The bytes of `state`, which stands behind record `seq` with hash `record`.
    ///
    /// Take it right behind a [checkpoint] whose records are in the journal: then the journal alone
    /// brings back the same state, and a start may fall back to it.
    ///
    /// [checkpoint]: ripcord_core::Coordinator::checkpoint
    ///
    /// # Errors
    /// When the state has no binary form; none that a coordinator gives is such.
    pub fn seal(seq: u64, record: Hash, state: &Snapshot) -> Result<Self, SnapshotFault> {
        let body = postcard::to_stdvec(state).map_err(|why| SnapshotFault::Body(why.to_string()))?;
        let mut sealed = Self { seq, version: SNAPSHOT_VERSION, record, body, hash: Hash::ZERO };
        sealed.hash = sealed.computed();
        Ok(sealed)
    }

    /// The state inside, if all of it is as it was written behind the record with hash `record`.
    ///
    /// # Errors
    /// Why it must be passed over.
    pub fn open(&self, record: Hash) -> Result<Snapshot, SnapshotFault> {
        if self.computed() != self.hash {
            return Err(SnapshotFault::Hash);
        }
        if self.record != record {
            return Err(SnapshotFault::Record(self.seq));
        }
        if self.version > SNAPSHOT_VERSION {
            return Err(SnapshotFault::Newer { found: self.version });
        }
        if self.version < SNAPSHOT_VERSION {
            return Err(SnapshotFault::Older { found: self.version });
        }
        let (state, rest) =
            postcard::take_from_bytes(&self.body).map_err(|why| SnapshotFault::Body(why.to_string()))?;
        if rest.is_empty() { Ok(state) } else { Err(SnapshotFault::Body("it is too long".to_owned())) }
    }

    fn computed(&self) -> Hash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.seq.to_le_bytes());
        hasher.update(&self.version.to_le_bytes());
        hasher.update(&self.record.0);
        hasher.update(&self.body);
        Hash(*hasher.finalize().as_bytes())
    }
}
