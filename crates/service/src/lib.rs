//! The paper run: a market that moves, demo positions, exits as they happen, and a look from outside.
//!
//! Everything that knows the wall clock, a socket or a signal is here, and only here; what happens
//! to positions is decided by the desk, as in every other driver.
//!
//! Start at [`run()`] (the wiring), then [`session`] (market, demo and desk without a clock),
//! [`host`] (the thread that gives it time), [`tags`] (records become lines) and [`api`]. What somebody
//! outside asks for goes [`access`], [`command`], [`host`], [`session`], and its answer the same way back.

pub mod access;
pub mod answers;
pub mod api;
pub mod clock;
pub mod command;
pub mod crash;
pub mod demo;
pub mod drill;
pub mod health;
pub mod host;
pub mod keeper;
pub mod line;
pub mod names;
pub mod paper_books;
pub mod plans;
pub mod printer;
pub mod protection;
pub mod run;
pub mod session;
pub mod source;
pub mod status;
pub mod tags;
pub mod tally;
pub mod wire;

pub use run::{RunConfig, RunError, run};
