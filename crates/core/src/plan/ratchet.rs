//! The ratchet: each ladder leg that was filled pulls the stop behind it.

use serde::{Deserialize, Serialize};

use crate::num::Ratio;

/// After leg 1 the stop moves to the entry plus an offset, after leg n to the target of leg n-1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ratchet {
    /// Offset of the first step from the entry, on the winning side, as a share of the entry.
    pub offset: Ratio,
    /// Legs that move the stop; later legs leave it.
    pub legs_max: u8,
}
