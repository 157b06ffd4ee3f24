//! FIFO: which buy a sell closed, as a function of the trades alone.
//!
//! Trades are taken in the order of their times, whenever they arrive: a late one has the matching
//! done again from the start of the book. A buy after a sell is never its parent. Everything is
//! exact: cost and proceeds are products of integers, and fees are cut into slices that sum to the
//! whole. What an episode leaves behind is dust by the venue's lot size: it leaves the book with
//! its cost and is nobody's parent but a later fill's of that episode, or of a sale by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ripcord_core::id::EpisodeId;
use ripcord_core::num::{Money, Qty};
use ripcord_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::money::slice;

/// The version of the matching. A change of its rules makes a new one, beside the old rows.
pub const ALLOCATION_VERSION: u16 = 1;

/// One trade of a book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trade {
    /// The place of its fact in the journal.
    pub seq: u64,
    /// The order.
    pub order: Arc<str>,
    /// Its number within the order.
    pub number: u32,
    /// When.
    pub at: Timestamp,
    /// How much; positive.
    pub qty: Qty,
    /// Price times quantity, as money.
    pub value: Money,
    /// Its fee.
    pub fee: Money,
    /// The episode it belongs to; none is somebody else's.
    pub episode: Option<EpisodeId>,
}

/// What happens to a book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// Coins came.
    Buy(Trade),
    /// Coins went.
    Sell(Trade),
    /// An episode ended and left this much.
    Dust {
        /// When.
        at: Timestamp,
        /// The episode.
        episode: EpisodeId,
        /// How much of it is left.
        qty: Qty,
    },
}

/// A part of a sell, and the buy it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allocation {
    /// The buy; none when no coins were there, and then nothing is known of cost and profit.
    pub buy: Option<Arc<str>>,
    /// How much; positive.
    pub qty: Qty,
    /// What it cost, without fees.
    pub cost: Money,
    /// Fees of the buy for this part.
    pub buy_fees: Money,
    /// What it brought, without fees.
    pub proceeds: Money,
    /// Fees of the sell for this part.
    pub sell_fees: Money,
    /// When it was bought.
    pub buy_at: Option<Timestamp>,
    /// When it was sold; not before it was bought.
    pub sell_at: Timestamp,
    /// The place in the journal of the last fact that it follows from.
    pub batch: u64,
}

impl Allocation {
    /// Proceeds less cost and fees of both ends; none without a buy.
    #[must_use]
    pub fn pnl(&self) -> Option<Money> {
        self.buy.as_ref()?;
        Some(self.proceeds - self.sell_fees - self.cost - self.buy_fees)
    }
}

/// Orders whose rows are different now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched {
    /// Sells with other allocations.
    pub sells: BTreeSet<Arc<str>>,
    /// Buys of which another quantity is left.
    pub buys: BTreeSet<Arc<str>>,
}

/// All trades of one instrument in one account, and how they are matched.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    entries: Vec<Entry>,
    matched: Matched,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Matched {
    lots: Vec<Lot>,
    /// Lots before this one are used up.
    head: usize,
    /// What ended episodes left.
    dust: Vec<Lot>,
    allocations: BTreeMap<Arc<str>, Vec<Allocation>>,
    left: BTreeMap<Arc<str>, Qty>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Lot {
    trade: Trade,
    /// Units from here on are not sold yet.
    used: i64,
}

impl Lot {
    const fn left(&self) -> i64 {
        self.trade.qty.0 - self.used
    }
}

impl Book {
    /// Takes an entry, wherever its time puts it.
    pub fn add(&mut self, entry: Entry) -> Touched {
        let is_last = self.entries.last().is_none_or(|last| last.key() <= entry.key());
        if is_last {
            let touched = self.matched.take(&entry);
            self.entries.push(entry);
            return touched;
        }
        let place = self.entries.partition_point(|other| other.key() <= entry.key());
        self.entries.insert(place, entry);
        let before = std::mem::take(&mut self.matched);
        for entry in &self.entries {
            self.matched.take(entry);
        }
        self.matched.differs(&before)
    }

    /// What a sell was matched with, oldest first.
    #[must_use]
    pub fn allocations(&self, sell: &str) -> &[Allocation] {
        self.matched.allocations.get(sell).map_or(&[], Vec::as_slice)
    }

    /// What is left of a buy, as dust or to be sold.
    #[must_use]
    pub fn left(&self, buy: &str) -> Qty {
        self.matched.left.get(buy).copied().unwrap_or_default()
    }
}

impl Entry {
    /// The order in which a book is read: by time; at the same time coins come before they go.
    fn key(&self) -> (Timestamp, u8, &str, u32) {
        match self {
            Self::Buy(trade) => (trade.at, 0, &trade.order, trade.number),
            Self::Sell(trade) => (trade.at, 1, &trade.order, trade.number),
            Self::Dust { at, episode, .. } => (*at, 2, "", episode.generation),
        }
    }
}

impl Matched {
    fn take(&mut self, entry: &Entry) -> Touched {
        match entry {
            Entry::Buy(trade) => {
                self.left.insert(trade.order.clone(), trade.qty);
                self.lots.push(Lot { trade: trade.clone(), used: 0 });
                Touched { buys: BTreeSet::from([trade.order.clone()]), sells: BTreeSet::new() }
            }
            Entry::Sell(trade) => self.sell(trade),
            Entry::Dust { episode, qty, .. } => {
                self.set_aside(*episode, qty.0);
                Touched::default()
            }
        }
    }

    fn sell(&mut self, sell: &Trade) -> Touched {
        let mut touched = Touched { sells: BTreeSet::from([sell.order.clone()]), buys: BTreeSet::new() };
        let mut sold = 0;
        let rows = self.allocations.entry(sell.order.clone()).or_default();
        // Dust is older than what is held; an episode takes only its own.
        let may_take = |lot: &Lot| sell.episode.is_none() || lot.trade.episode == sell.episode;
        let dust = self.dust.iter_mut().filter(|lot| may_take(lot));
        for lot in dust.chain(&mut self.lots[self.head..]) {
            let take = lot.left().min(sell.qty.0 - sold);
            if take > 0 {
                allot(rows, sell, sold, take, Some(lot));
                lot.used += take;
                sold += take;
                if let Some(left) = self.left.get_mut(&lot.trade.order) {
                    left.0 -= take;
                }
                touched.buys.insert(lot.trade.order.clone());
            }
            if sold == sell.qty.0 {
                break;
            }
        }
        if sold < sell.qty.0 {
            allot(rows, sell, sold, sell.qty.0 - sold, None);
        }
        self.dust.retain(|lot| lot.left() > 0);
        while self.lots.get(self.head).is_some_and(|lot| lot.left() == 0) {
            self.head += 1;
        }
        touched
    }

    /// Puts `qty` of an episode's lots aside, newest first: what was bought first was sold first.
    fn set_aside(&mut self, episode: EpisodeId, mut qty: i64) {
        for lot in self.lots[self.head..].iter_mut().rev() {
            let take = lot.left().min(qty);
            if lot.trade.episode != Some(episode) || take == 0 {
                continue;
            }
            let mut aside = lot.clone();
            aside.used = aside.trade.qty.0 - take;
            self.dust.push(aside);
            // The part that stays keeps its share of value and fee: the lot ends where the dust begins.
            *lot = lot.without_last(take);
            qty -= take;
            if qty == 0 {
                break;
            }
        }
    }

    fn differs(&self, before: &Self) -> Touched {
        let sells =
            self.allocations.iter().filter(|(sell, rows)| before.allocations.get(*sell) != Some(rows));
        let buys = self.left.iter().filter(|(buy, left)| before.left.get(*buy) != Some(left));
        Touched {
            sells: sells.map(|(sell, _)| sell.clone()).collect(),
            buys: buys.map(|(buy, _)| buy.clone()).collect(),
        }
    }
}

impl Lot {
    /// The lot without its last `qty` units.
    fn without_last(&self, qty: i64) -> Self {
        let stays = self.trade.qty.0 - qty;
        let mut trade = self.trade.clone();
        trade.value = slice(trade.value, 0, stays, self.trade.qty.0);
        trade.fee = slice(trade.fee, 0, stays, self.trade.qty.0);
        trade.qty = Qty(stays);
        Self { trade, used: self.used }
    }
}

/// Adds the units `from..from + qty` of a sell to its row for `lot`.
fn allot(rows: &mut Vec<Allocation>, sell: &Trade, from: i64, qty: i64, lot: Option<&Lot>) {
    let (to, of) = (from + qty, sell.qty.0);
    let (cost, buy_fees) = lot.map_or((Money::ZERO, Money::ZERO), |lot| {
        let part = |whole| slice(whole, lot.used, lot.used + qty, lot.trade.qty.0);
        (part(lot.trade.value), part(lot.trade.fee))
    });
    let part = Allocation {
        buy: lot.map(|lot| lot.trade.order.clone()),
        qty: Qty(qty),
        cost,
        buy_fees,
        proceeds: slice(sell.value, from, to, of),
        sell_fees: slice(sell.fee, from, to, of),
        buy_at: lot.map(|lot| lot.trade.at),
        sell_at: sell.at,
        batch: lot.map_or(sell.seq, |lot| lot.trade.seq.max(sell.seq)),
    };
    match rows.iter_mut().find(|row| row.buy == part.buy) {
        // Another fill of the same order.
        Some(row) => {
            row.qty = Qty(row.qty.0 + part.qty.0);
            row.cost += part.cost;
            row.buy_fees += part.buy_fees;
            row.proceeds += part.proceeds;
            row.sell_fees += part.sell_fees;
            row.batch = row.batch.max(part.batch);
        }
        None => rows.push(part),
    }
}

#[cfg(test)]
mod tests;
