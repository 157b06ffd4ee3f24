//! Who wants to be woken, and at which price.
//!
//! Three structures, one rule: the band they give may be too narrow, it is never too wide. An
//! entry may be stale (its position left or changed its mind); a stale entry costs one needless
//! wake, which leaves no trace, and is dropped then.
//!
//! - [`Levels`]: fixed prices, a heap per direction.
//! - [`Extremes`]: the highest price since any earlier moment that asked for it, a monotone stack.
//! - [`TrailGroups`]: trailing stops; positions with the same best price share one group, whose
//!   tightest distance alone matters, and groups merge as new extremes pass them.
//!
//! Prices are *oriented* here: multiplied by the side's sign, so that up is always favourable.

mod extremes;
mod levels;
mod trail;

pub use extremes::{Extremes, Moment};
pub use levels::Levels;
pub use trail::{TrailDistance, TrailGroups};

/// Index of a position in the engine's dense storage. It says where, never who: a slot is reused.
pub type Slot = u32;
