//! What orders were said to have traded in all: a trade that is told again is no other trade.

use std::collections::{BTreeMap, VecDeque};

use ripcord_core::id::OrderId;

/// Totals of so many orders are remembered, the newest ones.
const KEPT: usize = 4_096;

/// What orders traded in all, as far as it was heard.
#[derive(Debug, Default)]
pub(super) struct Totals {
    of: BTreeMap<OrderId, i64>,
    /// The oldest first.
    order: VecDeque<OrderId>,
}

impl Totals {
    /// What an order traded, as far as it was heard.
    pub(super) fn known(&self, id: &OrderId) -> i64 {
        self.of.get(id).copied().unwrap_or(0)
    }

    /// An order is said to have traded so much in all; whether that is more than was known.
    pub(super) fn hear(&mut self, id: OrderId, total: i64) -> bool {
        let known = self.of.entry(id).or_insert_with(|| {
            self.order.push_back(id);
            0
        });
        let is_more = total > *known;
        *known = total.max(*known);
        if self.order.len() > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.of.remove(&oldest);
        }
        is_more
    }
}

#[cfg(test)]
mod tests {
    use ripcord_core::id::{AccountId, EpisodeId, InstrumentId, PositionKey};
    use ripcord_core::instrument::Side;

    use super::*;

    fn order(generation: u32) -> OrderId {
        let key = PositionKey { account: AccountId(0), instrument: InstrumentId(0), side: Side::Long };
        OrderId { episode: EpisodeId { key, generation }, exit: 0, leg: 0, slice: 0, attempt: 0 }
    }

    #[test]
    fn what_is_told_again_is_not_more() {
        let mut totals = Totals::default();
        assert!(totals.hear(order(1), 5));
        assert!(!totals.hear(order(1), 5) && !totals.hear(order(1), 3));
        assert!(totals.hear(order(1), 6));
        assert_eq!(totals.known(&order(1)), 6);
    }

    #[test]
    fn orders_of_long_ago_are_forgotten() {
        let mut totals = Totals::default();
        for generation in 0..10 * u32::try_from(KEPT).expect("a small number") {
            totals.hear(order(generation), 1);
        }
        assert_eq!((totals.of.len(), totals.order.len()), (KEPT, KEPT));
        assert_eq!(totals.known(&order(0)), 0);
    }
}
