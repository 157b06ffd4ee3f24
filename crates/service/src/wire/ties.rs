//! Which order of ours trades under an id of the venue's: what a stop became when it was triggered.

use ripcord_core::id::OrderId;

use super::newest::Newest;

/// So many triggered stops are remembered: of one that traded whole nothing says that it is over.
const PARENTS_MAX: usize = 4_096;
/// Words of so many orders that nobody knows are remembered.
const STRANGE_MAX: usize = 256;

/// Orders of the venue's that trade in place of stops of ours.
#[derive(Debug, Default)]
pub(super) struct Ties {
    parents: Newest<String, OrderId, PARENTS_MAX>,
    /// Ids that trades or ends were told of and that are not ours, or not yet known to be.
    strange: Newest<String, (), STRANGE_MAX>,
}

impl Ties {
    /// The stop that became the order of this id.
    pub(super) fn parent(&self, became: &str) -> Option<OrderId> {
        self.parents.get(became)
    }

    /// A stop became the order of this id; whether something was told of that before, and was not understood.
    pub(super) fn tie(&mut self, became: String, parent: OrderId) -> bool {
        let was_strange = self.strange.retain(|id, ()| *id != became);
        self.parents.insert(became, parent);
        was_strange
    }

    /// Something was told of an order that nobody knows: it may be tied later.
    pub(super) fn note_strange(&mut self, id: &str) {
        self.strange.insert(id.to_owned(), ());
    }

    /// An order of ours has ended: nothing more is told of what it became.
    pub(super) fn forget(&mut self, parent: &OrderId) {
        self.parents.retain(|_, of| of != parent);
    }
}

#[cfg(test)]
mod tests {
    use ripcord_core::id::{AccountId, EpisodeId, InstrumentId, PositionKey};
    use ripcord_core::instrument::Side;

    use super::*;

    const PARENT: OrderId = OrderId {
        episode: EpisodeId {
            key: PositionKey { account: AccountId(0), instrument: InstrumentId(0), side: Side::Long },
            generation: 1,
        },
        exit: 0,
        leg: 0,
        slice: 0,
        attempt: 0,
    };

    #[test]
    fn what_was_told_before_it_was_tied_is_asked_about() {
        let mut ties = Ties::default();
        ties.note_strange("child");
        assert_eq!(ties.parent("child"), None);
        assert!(ties.tie("child".to_owned(), PARENT));
        assert!(!ties.tie("child".to_owned(), PARENT), "once");
        assert_eq!(ties.parent("child"), Some(PARENT));
        ties.forget(&PARENT);
        assert_eq!(ties.parent("child"), None);
    }
}
