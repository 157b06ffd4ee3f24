//! The ratchet: each ladder leg that was filled pulls the stop behind it.

use serde::{Deserialize, Serialize};

use super::level::LevelRule;
use super::net::{NetBasis, Reach};
use crate::num::{Price, Ratio};

/// After leg 1 the stop moves to the entry plus an offset, after leg n to the target of leg n-1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ratchet {
    /// How far beyond the entry the first step lies.
    pub offset: RatchetOffset,
    /// Legs that move the stop; later legs leave it.
    pub legs_max: u8,
}

/// How far beyond the entry break-even lies, on the winning side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RatchetOffset {
    /// A share of the entry.
    Share(Ratio),
    /// A round trip: entry fees paid and one taker fee are earned back.
    Fees,
}

impl Ratchet {
    /// The stop after the first leg.
    #[must_use]
    pub fn break_even(&self, basis: &NetBasis<'_>, rule: LevelRule) -> Price {
        match self.offset {
            RatchetOffset::Share(share) => rule.target(basis.side, basis.entry, share),
            RatchetOffset::Fees => basis.level(Ratio::ZERO, Reach::AtLeast, rule),
        }
    }
}
