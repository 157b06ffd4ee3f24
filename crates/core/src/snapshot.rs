//! The whole durable state as a value: restore is snapshot plus the journal's later events.
//!
//! The watch index is not part of it: it is built anew from the positions. A rebuilt band may be
//! wider or narrower than the one before; neither can be seen from outside.

use crate::planted::planted;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::account::Accounts;
use crate::bars::{BarFeed, BarOrigin};
use crate::cell::{Cell, CellId};
use crate::coordinator::{Coordinator, TimerFor};
use crate::engine::{Engine, RegisterError, Standing};
use crate::event::{Entry, Observed, Outbox, Record};
use crate::id::{EpisodeId, PositionKey};
use crate::instrument::{Instrument, Side};
use crate::market::PriceSource;
use crate::num::Price;
use crate::orders::Orders;
use crate::pacing::Pacing;
use crate::plan::Plan;
use crate::position::{Phase, Position, level};
use crate::time::Timestamp;
use crate::trust::Trust;
use crate::watch::{Moment, Slot};

/// Version of the snapshot's shape.
pub const SNAPSHOT_VERSION: u16 = 6;

/// The durable state of a coordinator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    version: u16,
    markets: Vec<(Instrument, Vec<PriceSource>, BarOrigin)>,
    plans: Vec<Plan>,
    feeds: Vec<BarFeed>,
    cells: Vec<CellState>,
    positions: Vec<Position>,
    /// Free slots, the next to be used last: who gets which slot is seen in the order of records.
    free: Vec<Slot>,
    generations: Vec<(PositionKey, u32)>,
    orders: Orders,
    timers: BTreeSet<(Timestamp, TimerFor)>,
    standing: Standing,
    /// What is known against prices.
    trust: Trust,
    accounts: Accounts,
    pacing: Pacing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct CellState {
    last: Price,
    at: Timestamp,
    unreported: Option<Observed>,
    awaits_first: bool,
}

/// Why a snapshot cannot be restored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// Written by a newer version of this program.
    #[error("the snapshot has version {found}; this program reads up to {SNAPSHOT_VERSION}")]
    Newer {
        /// Its version.
        found: u16,
    },
    /// Its parts contradict each other.
    #[error(transparent)]
    Register(#[from] RegisterError),
}

impl Coordinator {
    /// The durable state now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        // Closing the running segments changes nothing that can be seen; it is done on a copy.
        let mut engine = self.engine.clone();
        for index in 0..engine.feeds.len() {
            let border = self.timers.all().iter().find(|(_, timer)| *timer == TimerFor::Bar(number(index)));
            settle_feed(&mut engine, index, border.map(|&(at, _)| at));
        }
        let positions = engine.positions.iter().map(|position| settled(&engine, position)).collect();
        let cells = (0..engine.cells.len()).map(|index| settle_cell(&mut engine, index)).collect();
        let markets = engine.markets.iter().map(|market| {
            let sources = market.fed.iter().map(|&(source, _)| source).collect();
            (market.instrument.clone(), sources, market.bars)
        });
        Snapshot {
            version: SNAPSHOT_VERSION,
            markets: markets.collect(),
            plans: engine.plans.iter().map(|entry| entry.plan.clone()).collect(),
            feeds: engine.feeds.clone(),
            cells,
            positions,
            free: engine.free.clone(),
            generations: engine
                .buckets
                .iter()
                .map(|(key, lives)| (key, if planted(58) { 0 } else { lives.generation }))
                .collect(),
            orders: if planted(53) { Orders::default() } else { self.orders.clone() },
            timers: if planted(52) { BTreeSet::new() } else { self.timers.all().clone() },
            standing: if planted(54) { Standing::default() } else { self.engine.standing.clone() },
            trust: if planted(57) { Trust::default() } else { self.engine.trust.clone() },
            accounts: if planted(56) { Accounts::default() } else { self.accounts.clone() },
            pacing: self.pacing.clone(),
        }
    }

    /// The state of `snapshot`, brought forward by the events that `journal` holds.
    pub fn restore(
        snapshot: Snapshot,
        journal: impl IntoIterator<Item = Entry>,
    ) -> Result<Self, RestoreError> {
        if snapshot.version > SNAPSHOT_VERSION {
            return Err(RestoreError::Newer { found: snapshot.version });
        }
        let mut coordinator = Self::from_snapshot(snapshot)?;
        let mut out = Outbox::default();
        for entry in journal {
            coordinator.recover(entry, &mut out);
            out.clear();
        }
        Ok(coordinator)
    }

    /// Takes an entry of a journal, like [`Coordinator::replay`]; but a stretch of quiet prices that
    /// it holds is told and done with. So a journal may hold stretches between two steps (those of
    /// [`Coordinator::checkpoint`]), and what a step replays to begins with its event.
    pub fn recover(&mut self, entry: Entry, out: &mut Outbox) {
        let written = match entry.record {
            Record::Observed(observed) => Some(observed.cell),
            _ => None,
        };
        self.replay(entry, out);
        if let Some(cell) = written.filter(|_| !planted(59)) {
            self.forget_unreported(cell);
        }
    }

    fn from_snapshot(snapshot: Snapshot) -> Result<Self, RestoreError> {
        let mut engine = Engine::default();
        for (instrument, sources, bars) in snapshot.markets {
            engine.add_instrument(instrument, &sources, bars)?;
        }
        for plan in snapshot.plans {
            engine.add_plan(plan)?;
        }
        engine.feeds = snapshot.feeds;
        engine.feeds.iter_mut().for_each(|feed| feed.users.clear());
        engine.standing = snapshot.standing;
        engine.trust = snapshot.trust;
        for (index, state) in snapshot.cells.iter().enumerate() {
            engine.cells[index] = Cell { last: state.last.0, at: state.at.0, ..Cell::NEW };
            engine.books[index].set_unreported(state.unreported);
            engine.books[index].awaits_first = state.awaits_first;
        }
        for (slot, position) in snapshot.positions.into_iter().enumerate() {
            let slot = Slot::try_from(slot).expect("slots are counted in u32");
            if position.phase != Phase::Vacant {
                engine.register(position.episode, slot);
                if let Some(feed) = engine.plans[position.plan.0 as usize].feed {
                    engine.feeds[feed as usize].users.push(slot);
                }
            }
            engine.positions.push(position);
        }
        engine.free = snapshot.free;
        for (key, generation) in snapshot.generations {
            engine.ended(EpisodeId { key, generation });
        }
        for index in 0..engine.markets.len() {
            let instrument =
                crate::id::InstrumentId(u32::try_from(index).expect("instruments are counted in u32"));
            engine.restate_asks(instrument);
            engine.rebuild(instrument, &snapshot.orders);
        }
        let mut coordinator = Self::from_parts(engine, snapshot.orders, snapshot.accounts, snapshot.timers);
        coordinator.pacing = snapshot.pacing;
        coordinator.watch_silences();
        Ok(coordinator)
    }

    /// A journal's stretch is written down already.
    fn forget_unreported(&mut self, cell: CellId) {
        let engine = &mut self.engine;
        engine.books[cell.0 as usize].fold(cell, &mut engine.cells[cell.0 as usize]);
        engine.books[cell.0 as usize].set_unreported(None);
    }
}

fn number(index: usize) -> u32 {
    u32::try_from(index).expect("feeds are counted in u32")
}

/// The running bar of a feed, which ends at `border`, as numbers instead of a moment.
fn settle_feed(engine: &mut Engine, index: usize, border: Option<Timestamp>) {
    let feed = &engine.feeds[index];
    let Some(border) = border else { return };
    let start = Timestamp(border.0 - feed.spec.bar.0);
    let cell = engine.market(feed.instrument).cells.0[PriceSource::Last as usize].0 as usize;
    let (book, hot) = (&engine.books[cell], &engine.cells[cell]);
    let high = book.best_since(Side::Long, feed.since, hot);
    let low = book.best_since(Side::Short, feed.since, hot);
    if let (Some(high), Some(low), Some(last)) = (high, low, hot.price()) {
        engine.feeds[index].add(start, high, low, last);
    }
    engine.feeds[index].since = Moment::default();
    engine.feeds[index].users.clear();
}

/// A position whose best price is a number instead of a moment.
fn settled(engine: &Engine, position: &Position) -> Position {
    let mut settled = position.clone();
    settled.best = if position.is_held() && !planted(55) {
        engine.terms_of(position).best.and_then(level)
    } else {
        None
    };
    settled.best_since = Moment::default();
    if planted(53) {
        settled.first_order = crate::orders::NO_ORDER;
    }
    settled
}

fn settle_cell(engine: &mut Engine, index: usize) -> CellState {
    let id = CellId(u32::try_from(index).expect("cells are counted in u32"));
    engine.books[index].fold(id, &mut engine.cells[index]);
    let cell = &engine.cells[index];
    CellState {
        last: Price(cell.last),
        at: Timestamp(cell.at),
        unreported: engine.books[index].unreported(),
        awaits_first: engine.books[index].awaits_first,
    }
}
