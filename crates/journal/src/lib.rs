//! The journal of Ripcord: what is written down, in which bytes, and how a reader knows that
//! nothing was changed, lost or moved.
//!
//! A record is an [`Envelope`] around the payload of a [`JournalEntry`], and its hash covers all of
//! it and the hash of the record before. Whoever keeps records (a database, a vector) seals them
//! with a [`Chain`] and checks them with a [`Verifier`]; what they mean is rebuilt by [`Rebuilder`].
//!
//! Never here: files, databases, clocks, chance. Start reading at [`entry`], then [`envelope`].

pub mod chain;
pub mod entry;
pub mod envelope;
pub mod foreign;
pub mod kind;
pub mod memory;
pub mod payload;
pub mod rebuild;
pub mod snapshot;

pub use chain::{Chain, ChainError, Fault, FaultKind, Head, Verifier};
pub use entry::JournalEntry;
pub use envelope::{Envelope, Hash, Sealed};
pub use foreign::Foreign;
pub use kind::Kind;
pub use memory::{Journal, MemoryJournal};
pub use payload::PayloadError;
pub use rebuild::{RebuildError, Rebuilder, Rebuilt};
pub use snapshot::SealedSnapshot;
