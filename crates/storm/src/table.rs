//! Something for each bucket of a world, found by the numbers in its name.

use std::ops::{Index, IndexMut};

use ripcord_core::id::{AccountId, InstrumentId, PositionKey};
use ripcord_core::instrument::Side;

use crate::config::Config;

/// A row for each bucket: accounts and instruments of a world are few, and numbered from 0.
#[derive(Debug, Clone)]
pub(crate) struct Table<T> {
    accounts: u32,
    instruments: u32,
    rows: Vec<T>,
}

impl<T: Default> Table<T> {
    /// A table for the buckets of a world, in which everything is as it begins.
    pub(crate) fn of(config: &Config) -> Self {
        let instruments = u32::try_from(config.markets.len()).expect("few instruments");
        let mut rows = Vec::new();
        rows.resize_with(config.accounts as usize * config.markets.len() * 2, T::default);
        Self { accounts: config.accounts, instruments, rows }
    }

    /// Everything is again as it began.
    pub(crate) fn clear(&mut self) {
        self.rows.fill_with(T::default);
    }
}

impl<T> Table<T> {
    /// All rows, in the order of their buckets.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (PositionKey, &T)> + '_ {
        self.keys().zip(&self.rows)
    }

    /// All buckets, in their order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = PositionKey> + use<T> {
        let instruments = self.instruments;
        (0..self.accounts * instruments)
            .flat_map(move |pair| both_sides(pair / instruments, InstrumentId(pair % instruments)))
    }

    /// The buckets of an instrument, in their order.
    pub(crate) fn keys_of(&self, instrument: InstrumentId) -> impl Iterator<Item = PositionKey> + use<T> {
        (0..self.accounts).flat_map(move |account| both_sides(account, instrument))
    }

    const fn place(&self, key: PositionKey) -> usize {
        ((key.account.0 * self.instruments + key.instrument.0) * 2 + key.side as u32) as usize
    }
}

impl<T> Index<PositionKey> for Table<T> {
    type Output = T;

    fn index(&self, key: PositionKey) -> &T {
        &self.rows[self.place(key)]
    }
}

impl<T> IndexMut<PositionKey> for Table<T> {
    fn index_mut(&mut self, key: PositionKey) -> &mut T {
        let place = self.place(key);
        &mut self.rows[place]
    }
}

fn both_sides(account: u32, instrument: InstrumentId) -> [PositionKey; 2] {
    [Side::Long, Side::Short].map(|side| PositionKey { account: AccountId(account), instrument, side })
}
