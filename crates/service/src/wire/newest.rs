//! A memory of the newest: what a venue says must not make us remember without end.

use std::collections::{BTreeMap, VecDeque};

/// At most `KEPT` entries, those that came last.
#[derive(Debug)]
pub(super) struct Newest<K, V, const KEPT: usize> {
    of: BTreeMap<K, V>,
    /// The oldest first.
    order: VecDeque<K>,
}

impl<K: Ord, V, const KEPT: usize> Default for Newest<K, V, KEPT> {
    fn default() -> Self {
        Self { of: BTreeMap::new(), order: VecDeque::new() }
    }
}

impl<K: Ord + Clone, V: Clone, const KEPT: usize> Newest<K, V, KEPT> {
    /// What is remembered of a key.
    pub(super) fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: std::borrow::Borrow<Q>,
    {
        self.of.get(key).cloned()
    }

    /// Remembers; one that is known keeps its age.
    pub(super) fn insert(&mut self, key: K, value: V) {
        if self.of.insert(key.clone(), value).is_some() {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.of.remove(&oldest);
        }
    }

    /// Forgets what does not hold; whether anything went.
    pub(super) fn retain(&mut self, holds: impl Fn(&K, &V) -> bool) -> bool {
        let before = self.of.len();
        self.of.retain(|key, value| holds(key, value));
        if self.of.len() < before {
            let of = &self.of;
            self.order.retain(|key| of.contains_key(key));
        }
        self.of.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_and_what_was_forgotten_may_come_again() {
        let mut newest = Newest::<u32, &str, 2>::default();
        newest.insert(1, "one");
        newest.insert(2, "two");
        newest.insert(1, "again");
        newest.insert(3, "three");
        assert_eq!([1, 2, 3].map(|key| newest.get(&key)), [None, Some("two"), Some("three")]);
        assert!(newest.retain(|key, _| *key != 2) && !newest.retain(|key, _| *key != 2));
        newest.insert(4, "four");
        newest.insert(2, "anew");
        assert_eq!([2, 3, 4].map(|key| newest.get(&key)), [Some("anew"), None, Some("four")]);
        assert_eq!((newest.of.len(), newest.order.len()), (2, 2));
    }
}
