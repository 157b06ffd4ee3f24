//! Keeps the journal in one SQLite file: durable when [`Store::commit`] returns, in one piece
//! whatever happens, and never taken for whole when it is not.
//!
//! One process writes, any number read. A store that met an error refuses everything until it is
//! opened again: what is on the disk is the truth, and opening finds out what that is.
//!
//! Start reading at [`Store`], then [`Projection`] (what is written in the same transaction) and
//! [`Reader`].

pub mod adopt;
mod connect;
mod create;
mod error;
mod here;
pub mod ledger;
mod lock;
pub mod maintain;
pub mod migrate;
mod projection;
mod read;
mod recover;
mod rows;
mod snapshots;
mod states;
mod store;
mod verify;
mod wal;

pub use connect::{APPLICATION_ID, Recognised, recognise};
pub use error::StoreError;
pub use lock::writer;
pub use projection::{Projection, ProjectionError};
pub use read::Reader;
pub use recover::{Cut, Recovery};
pub use rusqlite;
pub use states::{NewestState, State};
pub use store::{Opening, Store};
pub use verify::Verified;
