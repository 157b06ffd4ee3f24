//! Kills engines beside a venue that outlives them, and judges them by the venue's own account.
//!
//! [`world`] starts a venue, then starts and kills engines, and lets the market pass every level at the end.
//! [`judge`] reads what the venue wrote, and nothing of the engine's. [`told`] says what came of it.

pub mod judge;
pub mod told;
pub mod world;
