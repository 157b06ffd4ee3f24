//! The time limit: held long enough.

use serde::{Deserialize, Serialize};

use super::ExitStyle;
use crate::num::Ratio;
use crate::time::Span;

/// Rule 9: closes everything that was held longer than allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeLimit {
    /// How long it may be held, from its opening.
    pub after: Span,
    /// Acts only while its net profit or loss is on one side of a share; `None` always acts.
    pub only: Option<OnlyWhen>,
    /// How the exit is sent.
    pub exit: ExitStyle,
    /// How far through the price that fired the exit may go, as a share of it.
    pub worst: Option<Ratio>,
    /// How long the exit may take.
    pub expires_after: Option<Span>,
}

/// A side of net profit or loss, as a share of the entry's cost; a loss is negative. Inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnlyWhen {
    /// At or below the share.
    Below(Ratio),
    /// At or above the share.
    Above(Ratio),
}
