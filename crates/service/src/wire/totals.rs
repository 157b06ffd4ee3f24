//! What orders were said to have traded in all: a trade that is told again is no other trade.

use ripcord_core::id::OrderId;

use super::newest::Newest;

/// Totals of so many orders are remembered: of one that traded whole nothing says that it is over.
const KEPT: usize = 4_096;

/// What orders traded in all, as far as it was heard.
#[derive(Debug, Default)]
pub(super) struct Totals(Newest<OrderId, i64, KEPT>);

impl Totals {
    /// What an order traded, as far as it was heard.
    pub(super) fn known(&self, id: &OrderId) -> i64 {
        self.0.get(id).unwrap_or(0)
    }

    /// An order is said to have traded so much in all; whether that is more than was known.
    pub(super) fn hear(&mut self, id: OrderId, total: i64) -> bool {
        let is_more = total > self.known(&id);
        if is_more {
            self.0.insert(id, total);
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
}
