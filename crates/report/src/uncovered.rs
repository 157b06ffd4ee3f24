//! How long positions were without a stop at the venue that their plans want, and without any stop.

pub use ripcord_core::coverage::Uncovered;
use ripcord_core::coverage::{Coverage, Known, Wants};
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
            self.over.push((episode, covered.uncovered(entry.at)));
        }
    }

    /// Every position: those that are over in the order of their ends, then those that are held.
    pub fn all(&self) -> impl Iterator<Item = (EpisodeId, Uncovered)> + '_ {
        self.over.iter().copied().chain(self.held())
    }

    /// Those that are held, up to the last record.
    pub fn held(&self) -> impl Iterator<Item = (EpisodeId, Uncovered)> + '_ {
        self.coverage.held().map(|(episode, covered)| (episode, covered.uncovered(self.last)))
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
