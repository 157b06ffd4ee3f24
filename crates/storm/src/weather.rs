//! Which faults are on, and until when.

use ripcord_core::time::{Span, Timestamp};

use crate::fault::{Fault, FaultKind};

/// Nobody believes "not found" before ten seconds: a venue that knows nothing for longer is not promised.
const BLIND_MAX: Span = Span::from_secs(8);
/// .. nor one that is blind again at once.
const BLIND_APART: Span = Span::from_secs(20);
/// A feed that stood still leaps when it moves again, and a leap is believed with the second price at the latest.
const TWO_PRICES: Span = Span::from_secs(30);

/// A fault that lasts.
#[derive(Debug, Clone, Copy)]
struct On {
    until: Timestamp,
    amount: i64,
}

/// The faults that are on.
#[derive(Debug, Clone)]
pub(crate) struct Weather {
    /// In the order of the kinds.
    on: [Option<On>; FaultKind::ALL.len()],
    /// The last moment at which anything was wrong.
    worst_until: Timestamp,
}

impl Default for Weather {
    fn default() -> Self {
        Self { on: [None; FaultKind::ALL.len()], worst_until: Timestamp::default() }
    }
}

impl Weather {
    /// A fault begins.
    pub(crate) fn begin(&mut self, now: Timestamp, fault: &Fault) {
        let mut lasts = fault.lasts;
        if fault.kind == FaultKind::Blind {
            let was_lately = self.on[fault.kind as usize].is_some_and(|on| now < on.until.after(BLIND_APART));
            if was_lately {
                return;
            }
            lasts = lasts.min(BLIND_MAX);
        }
        let until = now.after(lasts);
        self.on[fault.kind as usize] = Some(On { until, amount: fault.amount });
        let heals = if fault.kind == FaultKind::FrozenFeed { TWO_PRICES } else { Span::ZERO };
        self.worst_until = self.worst_until.max(until.after(heals));
    }

    /// Something was wrong until then.
    pub(crate) fn was_bad_until(&mut self, until: Timestamp) {
        self.worst_until = self.worst_until.max(until);
    }

    /// Everything ends.
    pub(crate) fn clear(&mut self, now: Timestamp) {
        self.on.fill(None);
        self.worst_until = self.worst_until.min(now.after(TWO_PRICES));
    }

    /// Since when nothing is wrong; later than `now` while something is.
    pub(crate) const fn fair_since(&self) -> Timestamp {
        self.worst_until
    }

    /// Whether a fault is on.
    pub(crate) fn is(&self, now: Timestamp, kind: FaultKind) -> bool {
        self.amount(now, kind).is_some()
    }

    /// How much of a fault is on.
    pub(crate) fn amount(&self, now: Timestamp, kind: FaultKind) -> Option<i64> {
        self.on[kind as usize].filter(|on| now < on.until).map(|on| on.amount)
    }
}
