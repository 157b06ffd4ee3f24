//! The pure core of Ripcord: it decides, and touches nothing.
//!
//! One door: [`Coordinator::tick`] for prices, [`Coordinator::handle`] for everything else. In go
//! events and the time, out come records (what happened) and actions (what to do), into a buffer
//! that the caller owns. Live, paper, shadow, replay and simulation are different callers of this
//! door; there is no second implementation of any rule.
//!
//! Never here: I/O, a clock, chance, threads, async, floats, unordered maps, logging.
//!
//! Start reading at [`coordinator`], then [`engine`] (who is woken), [`position`] (what it
//! answers) and [`plan`] (the rules).

pub mod account;
pub mod bars;
pub mod buckets;
pub mod cell;
pub mod coordinator;
pub mod coverage;
pub mod engine;
pub mod event;
mod fingerprint;
pub mod gate;
pub mod id;
pub mod indicator;
pub mod instrument;
pub mod kill;
pub mod listing;
pub mod market;
pub mod num;
pub mod order;
pub mod orders;
pub mod pacing;
mod pairs;
pub mod plan;
pub mod planted;
pub mod position;
pub mod reason;
pub mod snapshot;
pub mod time;
mod trust;
pub mod view;
pub mod watch;

pub use coordinator::Coordinator;
pub use event::{Action, Event, Outbox, Record, Tick};
