//! Orders that the venue is asked about, because nobody knows what became of them.

use crate::planted::planted;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::id::OrderId;
use crate::time::{Span, Timestamp};

/// A venue that does not know an order is believed only when it has said so for this long, and not before
/// the order was lost sight of: by then a request that was delayed is refused for its age, and a copy that
/// lagged has caught up.
const CONCLUSIVE_AFTER: Span = Span::from_secs(10);
/// Words of a venue that are heard closer together than this were on their way together: only the first tells
/// what it knows by now.
const APART: Span = Span::from_secs(1);

/// One question that is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Inquiry {
    order: OrderId,
    /// When it was lost sight of.
    since: Timestamp,
    /// When the venue first said that it does not know it.
    absent_since: Option<Timestamp>,
    /// When it last said so.
    absent_at: Timestamp,
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
        self.0.entry(order).or_insert(Inquiry {
            order,
            since,
            absent_since: None,
            absent_at: since,
            asked: 0,
        });
        is_new
    }

    /// The order is known of again.
    pub(crate) fn end(&mut self, order: &OrderId) {
        self.0.remove(order);
    }

    /// The venue has the order, and it is asked about still: what it said before counts no more.
    pub(crate) fn seen(&mut self, order: &OrderId, now: Timestamp) {
        if let Some(inquiry) = self.0.get_mut(order) {
            (inquiry.since, inquiry.absent_since) = (now, None);
        }
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

    /// The venue does not know an order; whether that may be believed. Its word may have waited for us as long
    /// as we hung: what counts is when we asked, and we ask again after each word.
    pub(crate) fn absent(&mut self, order: &OrderId, now: Timestamp) -> bool {
        let Some(inquiry) = self.0.get_mut(order) else { return false };
        let first = *inquiry.absent_since.get_or_insert(now);
        let since = if planted(26) { Timestamp::MIN } else { first.max(inquiry.since) };
        let is_apart = now >= inquiry.absent_at.after(APART);
        let is_conclusive = is_apart && inquiry.absent_at >= since.after(CONCLUSIVE_AFTER);
        if is_apart {
            inquiry.absent_at = now;
        }
        planted(25) || is_conclusive
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
    use crate::id::{AccountId, EpisodeId, InstrumentId, PositionKey};
    use crate::instrument::Side;

    #[test]
    fn not_found_is_believed_when_it_was_said_for_long_enough() {
        let key = PositionKey { account: AccountId(1), instrument: InstrumentId(0), side: Side::Long };
        let episode = EpisodeId { key, generation: 1 };
        let order = OrderId { episode, exit: 1, leg: 0, slice: 0, attempt: 0 };
        let at = |secs: i64| Timestamp(0).after(Span::from_secs(secs));
        for (absences, believed) in [
            (&[11][..], false),
            (&[2, 9][..], false),
            (&[9, 10][..], false),
            (&[2, 11][..], false),
            (&[2, 12][..], false),
            (&[2, 12, 12][..], false),
            (&[2, 12, 13][..], true),
            (&[2, 3, 40][..], false),
            (&[2, 3, 40, 41][..], true),
            (&[11, 20, 21][..], false),
            (&[11, 21, 22][..], true),
        ] {
            let mut inquiries = Inquiries::default();
            assert!(inquiries.begin(order, at(0)));
            let mut last = false;
            for &secs in absences {
                last = inquiries.absent(&order, at(secs));
            }
            assert_eq!(last, believed, "{absences:?}");
        }
    }

    #[test]
    fn what_it_said_before_it_had_the_order_counts_no_more() {
        let key = PositionKey { account: AccountId(1), instrument: InstrumentId(0), side: Side::Long };
        let episode = EpisodeId { key, generation: 1 };
        let order = OrderId { episode, exit: 1, leg: 0, slice: 0, attempt: 0 };
        let at = |secs: i64| Timestamp(0).after(Span::from_secs(secs));
        let mut inquiries = Inquiries::default();
        assert!(inquiries.begin(order, at(0)));
        assert!(!inquiries.absent(&order, at(9)) && !inquiries.absent(&order, at(18)));
        inquiries.seen(&order, at(18));
        assert!(!inquiries.absent(&order, at(27)) && !inquiries.absent(&order, at(37)));
        assert!(inquiries.absent(&order, at(38)));
    }

    #[test]
    fn nobody_believes_an_answer_to_a_question_that_was_not_asked() {
        let key = PositionKey { account: AccountId(1), instrument: InstrumentId(0), side: Side::Long };
        let order =
            OrderId { episode: EpisodeId { key, generation: 1 }, exit: 1, leg: 0, slice: 0, attempt: 0 };
        assert!(!Inquiries::default().absent(&order, Timestamp::NEVER));
    }
}
