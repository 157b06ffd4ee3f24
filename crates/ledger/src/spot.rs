//! Spot books of all accounts, and whose orders they match.

use std::collections::BTreeMap;
use std::sync::Arc;

use ripcord_core::id::{AccountId, EpisodeId, InstrumentId, OrderId};
use serde::{Deserialize, Serialize};

use crate::fifo::{Allocation, Book, Entry, Touched};

/// Whose order it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Owner {
    /// An opening of an episode, by its place.
    Opening(EpisodeId, usize),
    /// An exit order.
    Exit(OrderId),
    /// An imported order.
    Import,
}

/// A book's name: coins of one instrument in one account are alike.
pub(crate) type BookKey = (AccountId, InstrumentId);

/// All spot books. They are kept whole, because a trade that comes late may change any match.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Spot {
    books: BTreeMap<BookKey, Book>,
    owners: BTreeMap<Arc<str>, Owner>,
}

impl Spot {
    pub(crate) const fn new() -> Self {
        Self { books: BTreeMap::new(), owners: BTreeMap::new() }
    }

    /// Takes an entry, and says whose orders have other rows now.
    pub(crate) fn add(&mut self, key: BookKey, entry: Entry, owner: Option<Owner>) -> Touched {
        if let (Some(owner), Entry::Buy(trade) | Entry::Sell(trade)) = (owner, &entry) {
            self.owners.insert(trade.order.clone(), owner);
        }
        self.books.entry(key).or_default().add(entry)
    }

    pub(crate) fn owner(&self, order: &str) -> Option<Owner> {
        self.owners.get(order).copied()
    }

    pub(crate) fn book(&self, key: BookKey) -> Option<&Book> {
        self.books.get(&key)
    }

    /// What a sell was matched with.
    pub(crate) fn allocations(&self, key: BookKey, sell: &str) -> &[Allocation] {
        self.book(key).map_or(&[], |book| book.allocations(sell))
    }
}

/// The buys of a sell, oldest first.
pub(crate) fn parents(allocations: &[Allocation]) -> Vec<Arc<str>> {
    allocations.iter().filter_map(|part| part.buy.clone()).collect()
}
