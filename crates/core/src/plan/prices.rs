//! Which prices a plan trusts: how old one may be, when silence is told, what counts as a spike, and what
//! must be confirmed.

use serde::{Deserialize, Serialize};

use super::{Plan, Rule};
use crate::market::PriceSource;
use crate::num::Ratio;
use crate::time::Span;

/// What must be known of a price before rules act on it. Age, silence, spikes and divergence belong to
/// prices, so the strictest of an instrument's plans holds for the instrument; the rest is each plan's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceRules {
    /// A price may be this old when it comes; above zero.
    pub stale_after: Span,
    /// A source that said nothing for this long is stale; `None` is never.
    pub silence: Option<Span>,
    /// A jump by more than this share of the last accepted price needs confirmation; `None` is none.
    pub spike: Option<Ratio>,
    /// Mark and last price may differ by this share of the last; `None` is any.
    pub divergence: Option<Ratio>,
    /// How long a hard stop or loss guard on bid, ask or last waits for confirmation; `None` acts at once.
    pub confirm: Option<Span>,
    /// Whether hard stop, loss guard and stop loss act on a price that is too old.
    pub act_on_stale: bool,
}

impl PriceRules {
    /// What holds when a plan says nothing: old prices are not acted on, and nothing else is asked.
    pub const DEFAULT: Self = Self {
        stale_after: Span::from_secs(10),
        silence: None,
        spike: None,
        divergence: None,
        confirm: None,
        act_on_stale: false,
    };

    /// How long a running engine waits for a price before it tells.
    pub const SILENCE_LIVE: Span = Span::from_secs(30);
    /// How long a running engine waits for a second price before an emergency rule acts on one.
    pub const CONFIRM_LIVE: Span = Span::from_millis(300);

    /// What both ask for of an instrument's prices.
    #[must_use]
    pub fn strictest(self, other: Self) -> Self {
        Self {
            stale_after: self.stale_after.min(other.stale_after),
            silence: least(self.silence, other.silence),
            spike: least(self.spike, other.spike),
            divergence: least(self.divergence, other.divergence),
            ..self
        }
    }
}

impl Default for PriceRules {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The lesser of two bounds, either of which may be absent.
fn least<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

impl Plan {
    /// The source of an emergency rule whose single price is not enough to act on, and how long a
    /// second one is waited for. Mark and index are averages of many prices and act at once.
    #[must_use]
    pub fn confirms(&self, rule: Rule) -> Option<(PriceSource, Span)> {
        let limit = match rule {
            Rule::HardStop => self.hard_stop?,
            Rule::LossGuard => self.loss_guard?,
            Rule::StopLoss
            | Rule::SoftStop
            | Rule::TrailingStop
            | Rule::TakeProfit
            | Rule::SignalExit
            | Rule::TimeLimit => return None,
        };
        match limit.source? {
            source @ (PriceSource::Last | PriceSource::Bid | PriceSource::Ask) => {
                Some((source, self.prices.confirm?))
            }
            PriceSource::Mark | PriceSource::Index => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NARROW: PriceRules = PriceRules {
        stale_after: Span::from_secs(2),
        silence: Some(Span::from_secs(20)),
        spike: Some(Ratio::from_bps(100)),
        divergence: Some(Ratio::from_bps(200)),
        ..PriceRules::DEFAULT
    };

    #[test]
    fn of_two_plans_each_bound_is_the_narrower_whoever_asks_first() {
        let wide = PriceRules {
            stale_after: Span::from_secs(5),
            silence: Some(Span::from_secs(60)),
            spike: Some(Ratio::from_bps(300)),
            divergence: Some(Ratio::from_bps(400)),
            ..PriceRules::DEFAULT
        };
        for other in [wide, PriceRules::DEFAULT] {
            assert_eq!(NARROW.strictest(other), NARROW);
            assert_eq!(other.strictest(NARROW), NARROW);
        }
    }
}
