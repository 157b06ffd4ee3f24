//! Something for each bucket that may hold a position, found by the bucket's name.

use std::collections::BTreeMap;

use crate::id::PositionKey;

/// A map from buckets to `T`, iterated in the order of the buckets. Buckets are never removed.
///
/// They mostly come in their order, and what is done for one comes in runs (open, accept, fill): so
/// those that came in order lie in a row, and the place of the one used last is remembered.
#[derive(Debug, Clone)]
pub struct Buckets<T> {
    /// Ascending.
    in_order: Vec<(PositionKey, T)>,
    /// Those that came after a greater one.
    late: BTreeMap<PositionKey, T>,
    /// The place in `in_order` that was used last.
    last: usize,
}

impl<T> Default for Buckets<T> {
    fn default() -> Self {
        Self { in_order: Vec::new(), late: BTreeMap::new(), last: 0 }
    }
}

impl<T> Buckets<T> {
    /// What a bucket has.
    #[must_use]
    pub fn get(&self, key: PositionKey) -> Option<&T> {
        match self.place(key) {
            Some(place) => Some(&self.in_order[place].1),
            None => self.late.get(&key),
        }
    }

    /// What a bucket has, to change it.
    pub fn get_mut(&mut self, key: PositionKey) -> Option<&mut T> {
        match self.place(key) {
            Some(place) => {
                self.last = place;
                Some(&mut self.in_order[place].1)
            }
            None => self.late.get_mut(&key),
        }
    }

    /// What a bucket has; `new` if it has nothing yet.
    pub fn get_or_insert(&mut self, key: PositionKey, new: T) -> &mut T {
        let is_next = self.in_order.last().is_none_or(|&(greatest, _)| greatest < key);
        if is_next && self.late.is_empty() {
            self.in_order.push((key, new));
            self.last = self.in_order.len() - 1;
            return &mut self.in_order[self.last].1;
        }
        match self.place(key) {
            Some(place) => {
                self.last = place;
                &mut self.in_order[place].1
            }
            None => self.late.entry(key).or_insert(new),
        }
    }

    /// All buckets that have something, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (PositionKey, &T)> + '_ {
        let mut in_order = self.in_order.iter().map(|(key, entry)| (*key, entry)).peekable();
        let mut late = self.late.iter().map(|(key, entry)| (*key, entry)).peekable();
        std::iter::from_fn(move || match (in_order.peek(), late.peek()) {
            (Some(one), Some(other)) if other.0 < one.0 => late.next(),
            (Some(_), _) => in_order.next(),
            (None, _) => late.next(),
        })
    }

    /// Makes room for `more` buckets.
    pub fn reserve(&mut self, more: usize) {
        self.in_order.reserve(more);
    }

    fn place(&self, key: PositionKey) -> Option<usize> {
        match self.in_order.get(self.last) {
            Some(&(last, _)) if last == key => Some(self.last),
            _ => self.in_order.binary_search_by(|(other, _)| other.cmp(&key)).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{AccountId, InstrumentId};
    use crate::instrument::Side;

    #[test]
    fn buckets_are_found_and_listed_in_order_whatever_was_used_last() {
        let key =
            |account, side| PositionKey { account: AccountId(account), instrument: InstrumentId(0), side };
        let mut buckets = Buckets::default();
        let keys = [key(2, Side::Long), key(1, Side::Short), key(1, Side::Long), key(u32::MAX, Side::Long)];
        for (n, &key) in keys.iter().enumerate() {
            *buckets.get_or_insert(key, 0) += n + 1;
            *buckets.get_or_insert(key, 100) += 10;
        }
        for (n, &key) in keys.iter().enumerate() {
            assert_eq!(buckets.get(key), Some(&(n + 11)));
            assert_eq!(buckets.get_mut(keys[0]), Some(&mut 11));
        }
        assert_eq!(buckets.get(key(3, Side::Long)), None);
        assert_eq!(buckets.get_mut(key(3, Side::Long)), None);
        let listed: Vec<usize> = buckets.iter().map(|(_, &n)| n).collect();
        assert_eq!(listed, [13, 12, 11, 14]);
        assert!(buckets.iter().map(|(key, _)| key).is_sorted());
    }
}
