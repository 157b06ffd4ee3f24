//! The ledger in a store: written with the journal, derived again, asked, adopted.

mod adopt;
mod incidents;
mod queries;
mod states;
mod support;
mod tables;
mod uncovered;
