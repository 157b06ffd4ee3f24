//! What the market says besides ticks: bars, funding, and where a price comes from.

use serde::{Deserialize, Serialize};

use crate::id::InstrumentId;
use crate::num::{Price, Ratio};
use crate::time::{Span, Timestamp};

/// Where a price comes from. The numbers are those of the tape's source column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum PriceSource {
    /// The last trade.
    Last = 0,
    /// The best bid.
    Bid = 1,
    /// The best ask.
    Ask = 2,
    /// The venue's mark price.
    Mark = 3,
    /// The index price.
    Index = 4,
}

impl PriceSource {
    /// All sources, in the order of their numbers.
    pub const ALL: [Self; 5] = [Self::Last, Self::Bid, Self::Ask, Self::Mark, Self::Index];

    /// The source with this number.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Last),
            1 => Some(Self::Bid),
            2 => Some(Self::Ask),
            3 => Some(Self::Mark),
            4 => Some(Self::Index),
            _ => None,
        }
    }
}

/// One closed bar of one instrument. It has no open: nothing here reads one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Bar {
    /// The instrument.
    pub instrument: InstrumentId,
    /// Length of the bar.
    pub span: Span,
    /// Start of the bar; it closes at `start + span`.
    pub start: Timestamp,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
}

impl Bar {
    /// Whether it can be a bar at all: a length, sound prices, the close between low and high.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        let (high, low, close) = (self.high.0, self.low.0, self.close.0);
        self.span.0 > 0 && self.low.is_sound() && self.high.is_sound() && low <= close && close <= high
    }
}

/// A funding settlement of a perpetual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Funding {
    /// The instrument.
    pub instrument: InstrumentId,
    /// Share of the position's notional that longs pay to shorts (negative: shorts pay).
    pub rate: Ratio,
}
