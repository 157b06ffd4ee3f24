//! A simulated venue as a process of its own, so that an engine can die beside it.
//!
//! It shares no rule with the engine and none of its ids: orders are texts to it, positions are numbers.
//! What it filled stands in an account of its own, which it only appends to. Nothing here decides an exit.
//!
//! Start at [`mod@line`] (the words on the wire), then [`books`] (what is held and rests), [`market`] (prices),
//! [`trouble`] (how it misbehaves) and [`serve`] (the process).

pub mod account;
pub mod books;
pub mod line;
pub mod market;
pub mod refused;
pub mod serve;
pub mod trouble;
