//! Orders that the venue is asked about, because nobody knows what became of them.

use crate::planted::planted;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::event::Absence;
use crate::id::{AccountId, OrderId};
use crate::time::{Span, Timestamp};

/// A venue that does not know an order is believed when it looked at least so long after it first did not know it,
/// and after the order was lost sight of: by then a request that was delayed is refused for its age, and a copy
/// that lagged has caught up.
const CONCLUSIVE_AFTER: Span = Span::from_secs(10);
/// .. and was heard to in between: of what it knew while nobody heard it for longer, nothing is known.
const HEARD_WITHIN: Span = Span::from_secs(12);

/// One question that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Inquiry {
    order: OrderId,
    /// When it was lost sight of.
    since: Timestamp,
    /// When the venue was first asked, and last, and did not know it any time between.
    absent: Option<(Timestamp, Timestamp)>,
    /// Times that the venue was asked.
    asked: u32,
}

/// The questions that are open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Vec<Inquiry>", into = "Vec<Inquiry>")]
pub(crate) struct Inquiries(BTreeMap<OrderId, Inquiry>);

impl Inquiries {
    /// Begins to ask about an order; whether that is new.
    pub(crate) fn begin(&mut self, order: OrderId, since: Timestamp) -> bool {
        let is_new = !self.0.contains_key(&order);
        self.0.entry(order).or_insert(Inquiry { order, since, absent: None, asked: 0 });
        is_new
    }

    /// The order is known of again.
    pub(crate) fn end(&mut self, order: &OrderId) {
        self.0.remove(order);
    }

    /// The venue had the order at `at`, and it is asked about still: what it said before counts no more.
    pub(crate) fn seen(&mut self, order: &OrderId, at: Timestamp) {
        if let Some(inquiry) = self.0.get_mut(order) {
            inquiry.since = inquiry.since.max(at);
            inquiry.absent = inquiry.absent.filter(|&(first, _)| first > at);
        }
    }

    /// The orders of an account that are asked about.
    pub(crate) fn of(&self, account: AccountId) -> Vec<OrderId> {
        self.0.keys().filter(|order| order.episode.key.account == account).copied().collect()
    }

    /// Whether an order is asked about.
    pub(crate) fn is_open(&self, order: &OrderId) -> bool {
        self.0.contains_key(order)
    }

    /// An order is asked about once more; how often it was by now.
    pub(crate) fn ask(&mut self, order: &OrderId) -> u32 {
        self.0.get_mut(order).map_or(0, |inquiry| {
            inquiry.asked = inquiry.asked.saturating_add(1);
            inquiry.asked
        })
    }

    /// The venue does not know an order; whether that may be believed. Its words come late and out of order: what
    /// counts is when it was asked.
    pub(crate) fn absent(&mut self, absence: &Absence) -> bool {
        let Some(inquiry) = self.0.get_mut(&absence.id) else { return false };
        let asked_at = absence.asked_at;
        let (first, last) = match inquiry.absent {
            Some((_, last)) if last.after(HEARD_WITHIN) < asked_at => (asked_at, asked_at),
            Some((first, _)) if asked_at.after(HEARD_WITHIN) < first => return false,
            Some((first, last)) => (first.min(asked_at), last.max(asked_at)),
            None => (asked_at, asked_at),
        };
        inquiry.absent = Some((first, last));
        let since = if planted(26) { Timestamp::MIN } else { first.max(inquiry.since) };
        planted(25) || asked_at >= since.after(CONCLUSIVE_AFTER)
    }
}

impl From<Vec<Inquiry>> for Inquiries {
    fn from(list: Vec<Inquiry>) -> Self {
        Self(list.into_iter().map(|inquiry| (inquiry.order, inquiry)).collect())
    }
}

impl From<Inquiries> for Vec<Inquiry> {
    fn from(inquiries: Inquiries) -> Self {
        inquiries.0.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{EpisodeId, InstrumentId, PositionKey};
    use crate::instrument::Side;

    fn order() -> OrderId {
        let key = PositionKey { account: AccountId(1), instrument: InstrumentId(0), side: Side::Long };
        OrderId { episode: EpisodeId { key, generation: 1 }, exit: 1, leg: 0, slice: 0, attempt: 0 }
    }

    fn at(secs: i64) -> Timestamp {
        Timestamp(0).after(Span::from_secs(secs))
    }

    /// It was asked then, and did not know the order.
    fn absent(inquiries: &mut Inquiries, secs: i64) -> bool {
        inquiries.absent(&Absence { id: order(), asked_at: at(secs) })
    }

    #[test]
    fn not_found_is_believed_when_it_looked_long_enough_after() {
        for (asked, believed) in [
            (&[11][..], false),
            (&[2, 9][..], false),
            (&[2, 11][..], false),
            (&[2, 12][..], true),
            (&[2, 2, 3][..], false),
            // What was asked before the order was lost sight of is no word about it.
            (&[-20, 9][..], false),
            (&[-2, 10][..], true),
            // What it knew while it was not heard for longer nobody knows.
            (&[-20, 10][..], false),
            (&[2, 30][..], false),
            (&[2, 30, 41][..], true),
            (&[30, 2, 41][..], true),
            (&[2, 8, 14][..], true),
            // Words come in any order.
            (&[12, 2][..], false),
            (&[12, 2, 12][..], true),
        ] {
            let mut inquiries = Inquiries::default();
            assert!(inquiries.begin(order(), at(0)));
            let said: Vec<bool> = asked.iter().map(|&secs| absent(&mut inquiries, secs)).collect();
            assert_eq!(said.last(), Some(&believed), "{asked:?}");
        }
    }

    #[test]
    fn what_it_said_before_it_had_the_order_counts_no_more() {
        let mut inquiries = Inquiries::default();
        assert!(inquiries.begin(order(), at(0)));
        assert!(!absent(&mut inquiries, 9) && !absent(&mut inquiries, 18));
        inquiries.seen(&order(), at(18));
        assert!(!absent(&mut inquiries, 27) && !absent(&mut inquiries, 36));
        assert!(absent(&mut inquiries, 37));
    }

    #[test]
    fn what_was_seen_before_it_was_first_not_known_takes_nothing_back() {
        let mut inquiries = Inquiries::default();
        assert!(inquiries.begin(order(), at(0)));
        assert!(!absent(&mut inquiries, 9));
        inquiries.seen(&order(), at(8));
        assert!(absent(&mut inquiries, 19));
    }

    #[test]
    fn nobody_believes_an_answer_to_a_question_that_was_not_asked() {
        assert!(!absent(&mut Inquiries::default(), 1_000_000));
    }
}
