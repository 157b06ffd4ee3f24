//! Signal exit, time limit, liquidation and bracket as written.

use serde::{Deserialize, Serialize};

use super::{Enabled, ExitSpec};
use crate::num::Decimal;
use crate::order::TriggerSource;

/// The signal exit as written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalExitSpec {
    /// Whether it acts.
    #[serde(default)]
    pub enabled: Enabled,
    /// Seconds that a signal stands.
    pub ttl_secs: u32,
    /// Least net profit as a fraction of the entry's cost; absent is 0, negative allows a loss.
    #[serde(default)]
    pub profit_min: Option<Decimal>,
    /// Whether a signal acts while the trailing stop is active; absent is yes.
    #[serde(default)]
    pub while_trailing: Enabled,
    /// How the exit is sent.
    #[serde(default)]
    pub exit: Option<ExitSpec>,
    /// How far through the price that fired the exit may go.
    #[serde(default)]
    pub worst: Option<Decimal>,
    /// Seconds the exit may take.
    #[serde(default)]
    pub expires_secs: Option<u32>,
}

/// The time limit as written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeLimitSpec {
    /// Whether it acts.
    #[serde(default)]
    pub enabled: Enabled,
    /// Seconds that the position may be held.
    pub after_secs: u32,
    /// Acts only below or above a net profit.
    #[serde(default)]
    pub only: Option<OnlyWhenSpec>,
    /// How the exit is sent.
    #[serde(default)]
    pub exit: Option<ExitSpec>,
    /// How far through the price that fired the exit may go.
    #[serde(default)]
    pub worst: Option<Decimal>,
    /// Seconds the exit may take.
    #[serde(default)]
    pub expires_secs: Option<u32>,
}

/// A side of net profit or loss as written: a fraction of the entry's cost, a loss negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnlyWhenSpec {
    /// At or below.
    Below(Decimal),
    /// At or above.
    Above(Decimal),
}

/// What keeps the stop from liquidation, as written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LiquidationSpec {
    /// Whether it acts.
    #[serde(default)]
    pub enabled: Enabled,
    /// Maintenance margin as a fraction of the position's value.
    pub maintenance: Decimal,
    /// Least distance of the stop from liquidation as a fraction of the entry; absent is 0.
    #[serde(default)]
    pub buffer: Option<Decimal>,
}

/// The stop that rests at the venue, as written.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BracketSpec {
    /// Whether it is placed.
    #[serde(default)]
    pub enabled: Enabled,
    /// How much tighter the effective stop must be before it is moved, as a fraction of its price;
    /// absent is 0.001.
    #[serde(default)]
    pub band: Option<Decimal>,
    /// Milliseconds that its trigger may have traded without the fill; absent is 1500.
    #[serde(default)]
    pub patience_ms: Option<u32>,
    /// Whose price triggers it, last or mark; absent is that of the stop loss, if it names one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<TriggerSource>,
}
