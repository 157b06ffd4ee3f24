//! Fixed prices to be woken at: a heap whose top is the nearest level.

use std::collections::BinaryHeap;

use super::Slot;

/// Levels below the price that fire when the price falls to them. For levels above, negate
/// levels and prices.
#[derive(Debug, Clone, Default)]
pub struct Levels {
    heap: BinaryHeap<(i64, Slot)>,
}

impl Levels {
    /// Adds a level. The same one may be added again; waking twice is waking once.
    pub fn arm(&mut self, level: i64, slot: Slot) {
        self.heap.push((level, slot));
    }

    /// The nearest level: the price must stay above it.
    #[must_use]
    pub fn nearest(&self) -> Option<i64> {
        self.heap.peek().map(|top| top.0)
    }

    /// Takes out all levels at or above `price` and hands their slots to `wake`.
    pub fn pop_reached(&mut self, price: i64, mut wake: impl FnMut(Slot)) {
        while let Some(&(level, slot)) = self.heap.peek() {
            if level < price {
                return;
            }
            self.heap.pop();
            wake(slot);
        }
    }

    /// Entries held, stale ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// Forgets everybody.
    pub fn clear(&mut self) {
        self.heap.clear();
    }

    /// Makes room for `more` entries.
    pub fn reserve(&mut self, more: usize) {
        self.heap.reserve(more);
    }
}
