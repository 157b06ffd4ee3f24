//! How long positions were without a stop at the venue that their plans want, and without any stop.

use ripcord_core::coverage::{Coverage, Covered, Known, Wants};
use ripcord_core::event::{Entry, Record};
use ripcord_core::id::{EpisodeId, InstrumentId, PlanId};
use ripcord_core::num::Qty;
use ripcord_core::time::{Span, Timestamp};

use crate::records::Header;

impl Known for Header {
    fn closable(&self, instrument: InstrumentId, qty: Qty) -> Qty {
        self.instrument(instrument).map_or(qty, |entry| entry.rules.closable(qty))
    }

    fn wants(&self, plan: PlanId) -> Wants {
        self.plans.get(plan.0 as usize).map_or_else(Wants::default, |entry| Wants::of_spec(&entry.spec))
    }
}

/// What one position was without, and for how long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Uncovered {
    /// Without a confirmed stop at the venue for everything that could be closed, although its plan wants one.
    pub naked: Span,
    /// The longest stretch of that.
    pub naked_longest: Span,
    /// Without that, and without any rule that bounds the loss or a close on its way.
    pub unprotected: Span,
    /// The longest stretch of that.
    pub unprotected_longest: Span,
}

impl Uncovered {
    fn of(covered: &Covered, now: Timestamp) -> Self {
        Self {
            naked: covered.naked.in_all(now),
            naked_longest: covered.naked.longest(now),
            unprotected: covered.unprotected.in_all(now),
            unprotected_longest: covered.unprotected.longest(now),
        }
    }

    /// Counts another position in.
    pub fn add(&mut self, other: &Self) {
        self.naked = Span(self.naked.0 + other.naked.0);
        self.unprotected = Span(self.unprotected.0 + other.unprotected.0);
        self.naked_longest = self.naked_longest.max(other.naked_longest);
        self.unprotected_longest = self.unprotected_longest.max(other.unprotected_longest);
    }
}

/// Follows records, position by position.
#[derive(Debug, Clone, Default)]
pub struct Uncovering {
    coverage: Coverage,
    over: Vec<(EpisodeId, Uncovered)>,
    last: Timestamp,
}

impl Uncovering {
    /// Takes the next record.
    pub fn take(&mut self, entry: &Entry, known: &impl Known) {
        let at = match &entry.record {
            // Quiet prices are told later than they were seen.
            Record::Observed(observed) => observed.at,
            _ => entry.at,
        };
        self.last = self.last.max(at);
        if let Some((episode, covered)) = self.coverage.take(entry, known) {
            self.over.push((episode, Uncovered::of(&covered, entry.at)));
        }
    }

    /// Every position: those that are over in the order of their ends, then those that are held.
    pub fn all(&self) -> impl Iterator<Item = (EpisodeId, Uncovered)> + '_ {
        let held =
            self.coverage.held().map(|(episode, covered)| (episode, Uncovered::of(covered, self.last)));
        self.over.iter().copied().chain(held)
    }

    /// One position.
    #[must_use]
    pub fn of(&self, episode: EpisodeId) -> Uncovered {
        self.all().find(|(other, _)| *other == episode).map(|(_, of)| of).unwrap_or_default()
    }
}

/// Seconds with what of their decimals counts, such as `0.9 s`.
#[must_use]
pub fn seconds(span: Span) -> String {
    let ms = span.0 / 1_000_000;
    format!("{} s", ripcord_core::num::shortest(i128::from(ms), 3))
}
