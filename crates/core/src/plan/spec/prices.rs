//! Which prices are trusted, as written.

use serde::{Deserialize, Serialize};

use super::PlanSpec;
use super::check::Check;
use crate::num::Decimal;
use crate::plan::PriceRules;
use crate::time::Span;

/// Which prices are trusted, as written. What is absent is as if the plan said nothing of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PricesSpec {
    /// Milliseconds that a price may be old when it comes; absent is 10000.
    #[serde(default)]
    pub stale_after_ms: Option<u32>,
    /// Seconds without a price after which a source is stale; 0 is never. Absent is never, and 30 in
    /// `ripcord run`.
    #[serde(default)]
    pub silence_secs: Option<u32>,
    /// A jump by more than this fraction of the last price waits for a second one; absent is none.
    #[serde(default)]
    pub spike: Option<Decimal>,
    /// Mark and last price may differ by this fraction before targets wait; absent is any.
    #[serde(default)]
    pub divergence: Option<Decimal>,
    /// Milliseconds that a hard stop or loss guard on bid, ask or last waits for a second price; 0 acts at
    /// once. Absent is at once, and 300 in `ripcord run`.
    #[serde(default)]
    pub confirm_ms: Option<u32>,
    /// Whether hard stop, loss guard and stop loss act on prices that are too old.
    #[serde(default)]
    pub act_on_stale: bool,
}

/// The longest wait for a second price: beyond it an emergency rule is none.
const CONFIRM_MS_MAX: u32 = 5_000;

impl PlanSpec {
    /// The plan as a running engine holds it: where it says nothing of silence and confirmation, the
    /// defaults of live prices are written out. A recording has neither late prices nor a feed to lose.
    #[must_use]
    pub fn for_live(&self) -> Self {
        let mut plan = self.clone();
        let prices = plan.prices.get_or_insert_with(PricesSpec::default);
        let whole = |span: Span, unit: i64| u32::try_from(span.0 / unit).expect("a short time");
        prices.silence_secs.get_or_insert(whole(PriceRules::SILENCE_LIVE, 1_000_000_000));
        prices.confirm_ms.get_or_insert(whole(PriceRules::CONFIRM_LIVE, 1_000_000));
        plan
    }
}

impl Check {
    pub(super) fn prices(&mut self, spec: &PricesSpec) -> PriceRules {
        let none = PriceRules::DEFAULT;
        let stale_after = match spec.stale_after_ms {
            None => none.stale_after,
            Some(ms @ 1..) => Span::from_millis(i64::from(ms)),
            Some(ms) => {
                self.fault("prices.stale_after_ms", ms, "must be at least 1: every price has some age");
                none.stale_after
            }
        };
        let silence = spec.silence_secs.filter(|&secs| secs > 0).map(|secs| Span::from_secs(i64::from(secs)));
        let confirm = spec.confirm_ms.filter(|&ms| ms > 0);
        if let Some(ms) = confirm.filter(|&ms| ms > CONFIRM_MS_MAX) {
            let must = format!("must be at most {CONFIRM_MS_MAX}: an emergency stop cannot wait longer");
            self.fault("prices.confirm_ms", ms, &must);
        }
        if let Some(silence) = silence.filter(|&silence| silence < stale_after) {
            let must = "must not be shorter than stale_after_ms: a price that is still good is not missed";
            self.fault("prices.silence_secs", silence.0 / 1_000_000_000, must);
        }
        let mut share = |field: &str, value: Option<Decimal>| {
            value.map(|value| self.fraction(&format!("prices.{field}"), value, false))
        };
        PriceRules {
            stale_after,
            silence,
            spike: share("spike", spec.spike),
            divergence: share("divergence", spec.divergence),
            confirm: confirm.map(|ms| Span::from_millis(i64::from(ms))),
            act_on_stale: spec.act_on_stale,
        }
    }
}
