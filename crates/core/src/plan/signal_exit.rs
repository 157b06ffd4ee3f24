//! The signal exit: the strategy says out, and the position can afford it.

use serde::{Deserialize, Serialize};

use super::ExitStyle;
use crate::num::Ratio;
use crate::time::Span;

/// Rule 8: closes everything while an exit signal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalExit {
    /// How long a signal stands; an older one does nothing.
    pub ttl: Span,
    /// Least net profit, as a share of the entry's cost; negative allows a loss.
    pub profit_min: Ratio,
    /// Whether a signal still acts once the trailing stop is active.
    pub while_trailing: bool,
    /// How the exit is sent.
    pub exit: ExitStyle,
    /// How far through the price that fired the exit may go, as a share of it.
    pub worst: Option<Ratio>,
    /// How long the exit may take.
    pub expires_after: Option<Span>,
}
