//! Everything around the core that is synchronous: the simulated venue, the market as records, replay.
//!
//! Start with [`desk`] (a coordinator and a venue, wired) and [`replay`] (recorded prices through
//! it); [`job`] puts a replay together from files. [`import`] turns bytes of the outside world into
//! rows, [`tape`] keeps them on disk with a pyramid that answers "where does it leave this band?".

pub mod candles;
pub mod desk;
pub mod generator;
pub mod import;
pub mod instruments;
pub mod job;
pub mod plan_file;
pub mod positions;
pub mod replay;
pub mod sensible;
pub mod shadow;
pub mod tape;
pub mod vectorbt;
pub mod venue;
