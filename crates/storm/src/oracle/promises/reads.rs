//! What lists and reads of the venue are taken for.

use ripcord_core::event::{Event, OrdersListed, Reconciled, VenueEvent, Verdict};
use ripcord_core::id::{OrderId, PositionKey};
use ripcord_core::listing::Listed;
use ripcord_core::time::{Span, Timestamp};

use super::Oracle;
use crate::config::CONFIRM_AFTER;

/// So long an order that nobody answered may have done what a read shows.
const ANSWER_WITHIN: Span = Span::from_secs(60);

impl Oracle<'_> {
    /// Whether an order of the life in a bucket was sent, and nothing was heard of it.
    fn waits_for_answers(&self, key: PositionKey) -> bool {
        let of_it = self.open[key].iter().filter(|id| self.lives(id.episode));
        let mut intents = of_it.filter_map(|id| self.intents.get(id));
        intents.any(|it| !it.is_accepted && !it.is_ended && it.filled.max(it.told) == 0)
    }

    /// What a list does not show was there when it was drawn up, and a list that failed shows nothing.
    pub(super) fn check_list(&mut self, now: Timestamp, listed: &OrdersListed) {
        if let Some(Event::Venue(VenueEvent::Listed(listing))) = &self.promises.input
            && listing.orders == Listed::Failed
        {
            self.fail(now, None, "S9", "a list that failed is taken for one of nothing");
        }
        let is_stop = |id: &OrderId| self.intents.get(id).is_some_and(|it| it.order.kind.trigger().is_some());
        let accepted = |id: &&OrderId| {
            is_stop(id) && self.promises.accepted_at.get(id).is_some_and(|at| *at > listed.taken_at)
        };
        if let Some(id) = listed.missing.iter().find(accepted) {
            let key = id.episode.key;
            self.break_promise(now, key, "S9", "an order is missing in a list that is older than it");
        }
        for edited in &listed.edited {
            let now_is = (edited.left.0, edited.kind);
            if self.promises.edited.insert(edited.id, now_is) == Some(now_is) {
                self.break_promise(
                    now,
                    edited.id.episode.key,
                    "A22",
                    "a changed order is found changed again",
                );
            }
        }
        if !self.is_silent(listed.account) {
            self.promises.strays.extend(&listed.strays);
            self.promises.strays_at = now;
        }
    }

    /// A read that differs is believed when a later one says the same, and none that is older than a fill.
    pub(super) fn check_read(&mut self, now: Timestamp, reconciled: &Reconciled) {
        for found in &reconciled.found {
            let (key, theirs) = (found.key, found.theirs.0);
            let before = self.promises.doubted[key];
            let is_news = matches!(
                found.verdict,
                Verdict::Unconfirmed | Verdict::Waits | Verdict::Gone | Verdict::Smaller | Verdict::Larger
            );
            let moved_at = self.promises.moved_at[key];
            if is_news && moved_at.is_some_and(|moved| reconciled.fills_until < moved) {
                self.break_promise(now, key, "S3", "a read counts that is older than a fill");
            }
            let is_believed = matches!(found.verdict, Verdict::Gone | Verdict::Smaller | Verdict::Larger);
            let agrees = before
                .is_some_and(|(qty, at)| qty == theirs && reconciled.fills_until.since(at) >= CONFIRM_AFTER);
            if is_believed && !agrees {
                self.break_promise(now, key, "S9", "one read is believed that nobody else agrees with");
            }
            let waited = before.map_or(Span::ZERO, |(_, at)| reconciled.fills_until.since(at));
            if is_believed && waited < ANSWER_WITHIN && self.waits_for_answers(key) {
                let what = "what our own order may have sold is put down to others before it is answered";
                self.break_promise(now, key, "S4", what);
            }
            match found.verdict {
                Verdict::Unconfirmed => {
                    self.promises.doubted[key] = Some((theirs, reconciled.fills_until));
                }
                Verdict::Agrees => {
                    self.promises.doubted[key] = None;
                }
                _ => {}
            }
        }
    }
}
