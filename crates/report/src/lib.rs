//! What exits were worth, and why they happened: pure functions of records.
//!
//! Start with [`exits::ExitRow`], one closing fill with its money; [`summary`] groups such rows,
//! [`render`] shows both. Nothing here reads or writes files, asks the time, or uses floats:
//! writers go to what the caller hands over, and ratios are scaled integers.

pub mod alarm;
pub mod exits;
pub mod explain;
mod number;
pub mod open;
pub mod prices;
pub mod records;
pub mod render;
pub mod summary;
pub mod uncovered;
