//! The ledger: what became of every order, and what it was worth.
//!
//! A pure fold. [`Ledger::apply`] takes facts in the order of the journal (those that come ahead
//! wait, those that come twice change nothing) and says which rows of which table are new or
//! different. Fills are facts and never change; profit is derived from them and can be derived
//! again: futures by average cost, as the core's own fills state it, spot by FIFO ([`fifo`]).
//!
//! Nothing here reads a file, a clock or a float, and nothing here decides: a fault of the ledger
//! is told, and never stops an exit.
//!
//! Start at [`Ledger`]; then [`episode`] (one life of one position), [`rows`] (the tables).

mod bracket;
pub mod episode;
pub mod fact;
pub mod fifo;
mod imports;
mod ledger;
pub mod money;
pub mod provenance;
pub mod rows;
pub mod sample;
mod spot;
pub mod text;
pub mod trades;
pub mod trigger;
pub mod vocabulary;

pub use fact::{Body, Fact};
pub use ledger::{ADOPTED, LEDGER_VERSION, Ledger, LedgerFault, WAITING_MAX};
pub use rows::Change;
