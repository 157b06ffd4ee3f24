//! Facts about prices that were not acted on at once.

use serde::{Deserialize, Serialize};

use crate::id::{EpisodeId, InstrumentId};
use crate::market::PriceSource;
use crate::num::Price;
use crate::reason::Reason;
use crate::time::Timestamp;

/// What confirmed a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfirmedBy {
    /// A second price of the same source.
    SecondPrice,
    /// A price of another source.
    Source(PriceSource),
    /// Nothing contradicted it in time.
    Silence,
}

/// What is wrong with a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// It was too old when it came.
    Late,
    /// It is of a time that has not come.
    Future,
    /// It is older than the last one of its source.
    OutOfOrder,
}

/// A price reached the level of a rule, and is not to be trusted; told once per rule and episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PriceDoubted {
    /// The episode.
    pub episode: EpisodeId,
    /// The rule, by the reason it gives.
    pub reason: Reason,
    /// The level it watches.
    pub level: Price,
    /// The price that reached it.
    pub price: Price,
    /// The time of that price.
    pub at: Timestamp,
    /// What is wrong with it.
    pub why: Doubt,
    /// Whether the plan lets the rule act on it all the same.
    pub acted: bool,
}

/// A jump of a price, and what was made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Jump {
    /// The instrument.
    pub instrument: InstrumentId,
    /// The source.
    pub source: PriceSource,
    /// The last accepted price.
    pub from: Price,
    /// The price that jumped.
    pub to: Price,
    /// What was made of it.
    pub judged: Judged,
}

/// What was made of a jump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judged {
    /// It waits for a second price.
    Suspected,
    /// It is accepted.
    Confirmed(ConfirmedBy),
    /// A price near the last accepted one came.
    Contradicted,
}
