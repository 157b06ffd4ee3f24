//! The envelope of a record, and the bytes that its hash covers.

use ripcord_core::time::Timestamp;

use crate::entry::JournalEntry;
use crate::payload::{self, PayloadError};

/// Bytes of the envelope in front of the payload, see [`Envelope::hashed_bytes`].
pub const HEAD_BYTES: usize = 100;

/// The longest payload, in bytes: what a record may make a reader hold at once.
pub const PAYLOAD_BYTES_MAX: usize = 16 << 20;

/// A BLAKE3 hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hash(pub [u8; 32]);

/// A record without its hash. `kind` and `version` are the raw numbers: a record of a newer program
/// can be carried and checked without being understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// Place in the journal, from 1, without gaps.
    pub seq: u64,
    /// What the journal is of: an account, or a shard of one.
    pub scope: u32,
    /// The process that wrote it, counted; never falls.
    pub epoch: u64,
    /// When it happened.
    pub at: Timestamp,
    /// What the payload holds, see [`crate::Kind`].
    pub kind: u16,
    /// The version of the payload.
    pub version: u16,
    /// Hash of the configuration that was in force; zeros when there was none.
    pub config: Hash,
    /// The content.
    pub payload: Vec<u8>,
    /// The hash of the record before; zeros for the first.
    pub previous: Hash,
}

/// A record and its hash, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The record.
    pub envelope: Envelope,
    /// The hash that was stored with it.
    pub hash: Hash,
}

impl Envelope {
    /// The first 100 of the bytes that are hashed; the payload follows them. Little-endian, in the
    /// order that `docs/formats.md` gives; it never changes.
    #[must_use]
    pub fn hashed_bytes(&self) -> [u8; HEAD_BYTES] {
        let mut head = [0; HEAD_BYTES];
        let length = u32::try_from(self.payload.len()).expect("payloads are bounded when they are made");
        head[0..8].copy_from_slice(&self.seq.to_le_bytes());
        head[8..12].copy_from_slice(&self.scope.to_le_bytes());
        head[12..20].copy_from_slice(&self.epoch.to_le_bytes());
        head[20..28].copy_from_slice(&self.at.0.to_le_bytes());
        head[28..30].copy_from_slice(&self.kind.to_le_bytes());
        head[30..32].copy_from_slice(&self.version.to_le_bytes());
        head[32..64].copy_from_slice(&self.config.0);
        head[64..96].copy_from_slice(&self.previous.0);
        head[96..100].copy_from_slice(&length.to_le_bytes());
        head
    }

    /// The hash of all of it.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.hashed_bytes());
        hasher.update(&self.payload);
        Hash(*hasher.finalize().as_bytes())
    }

    /// What the payload says.
    ///
    /// # Errors
    /// An unknown kind, a newer version, or bytes that are no such content.
    pub fn entry(&self) -> Result<JournalEntry, PayloadError> {
        payload::decode(self.kind, self.version, self.at, &self.payload)
    }
}

impl Hash {
    /// The hash before the first record.
    pub const ZERO: Self = Self([0; 32]);

    /// The hash of some bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }
}

impl std::fmt::Display for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
