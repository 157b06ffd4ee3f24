//! The engine: markets, positions and who is woken by what.
//!
//! It keeps, for each cell, one band in which nobody wants to wake. A price inside it is a few
//! comparisons and stores; a price outside it wakes exactly the positions concerned. It decides
//! nothing: [`crate::position::Position::evaluate`] does.

use crate::planted::planted;
use std::collections::BTreeMap;

use crate::bars::{BarFeed, BarOrigin};
use crate::buckets::Buckets;
use crate::cell::{Band, Book, Cell, CellId};
use crate::id::{EpisodeId, InstrumentId, PlanId, PositionKey};
use crate::instrument::{Instrument, InstrumentError};
use crate::kill::KillLevel;
use crate::market::PriceSource;
use crate::num::Price;
use crate::plan::{LevelRule, Plan, PriceRules, Rounding, Rule};
use crate::position::{AtVenue, Phase, Position, SourceCells, Terms, price, tighter};
use crate::trust::Trust;
use crate::watch::Slot;

mod prices;
mod standing;
mod waking;

pub(crate) use standing::Standing;
pub(crate) use waking::{Due, Kinds};

/// One registered instrument and its cells.
#[derive(Debug, Clone)]
pub struct Market {
    /// The instrument.
    pub instrument: Instrument,
    /// The cell of each price source, stand-ins included.
    pub cells: SourceCells,
    /// The cells of the sources that are fed.
    pub fed: Vec<(PriceSource, CellId)>,
    /// Where bars come from.
    pub bars: BarOrigin,
    /// What its plans ask of its prices, once there is one.
    pub(crate) prices: Option<PriceRules>,
    /// Whether the watch index holds nothing but what its positions want now.
    pub(crate) is_exact: bool,
}

/// A registered plan.
#[derive(Debug, Clone)]
pub(crate) struct PlanEntry {
    pub(crate) plan: Plan,
    pub(crate) feed: Option<u32>,
}

/// Markets, plans, positions, and the watch index over them.
#[derive(Debug, Clone, Default)]
pub struct Engine {
    pub(crate) cells: Vec<Cell>,
    pub(crate) books: Vec<Book>,
    /// The instrument of each cell.
    pub(crate) cell_owner: Vec<InstrumentId>,
    pub(crate) markets: Vec<Market>,
    pub(crate) plans: Vec<PlanEntry>,
    pub(crate) feeds: Vec<BarFeed>,
    pub(crate) positions: Vec<Position>,
    pub(crate) free: Vec<Slot>,
    pub(crate) buckets: Buckets<Lives>,
    /// Earlier lives of buckets that live again, while orders of them are alive at the venue.
    retiring: BTreeMap<EpisodeId, Slot>,
    pub(crate) standing: Standing,
    pub(crate) trust: Trust,
}

/// The newest life of a bucket.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lives {
    /// Its number; 0 before the first.
    pub(crate) generation: u32,
    /// Its slot, until it is over and forgotten; no slot has the greatest number.
    place: Slot,
}

impl Lives {
    const NONE: Self = Self { generation: 0, place: Slot::MAX };

    /// Its slot, until it is over and forgotten.
    pub(crate) fn slot(self) -> Option<Slot> {
        (self.place != Slot::MAX).then_some(self.place)
    }
}

/// Why a plan or an instrument cannot be registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// The instrument's own definition is at fault.
    #[error(transparent)]
    Instrument(#[from] InstrumentError),
    /// No price source is fed.
    #[error("{symbol}: no price source is given; give at least one")]
    NoSource {
        /// The instrument.
        symbol: String,
    },
    /// The plan's instrument is not registered.
    #[error("plan {plan}: its instrument is not registered; register the instrument first")]
    UnknownInstrument {
        /// The plan.
        plan: String,
    },
}

impl Engine {
    /// Adds an instrument that is fed by `sources`; a source that is not fed is stood in for by
    /// the last price, or by the first that is fed.
    pub(crate) fn add_instrument(
        &mut self,
        instrument: Instrument,
        sources: &[PriceSource],
        bars: BarOrigin,
    ) -> Result<InstrumentId, RegisterError> {
        instrument.validate()?;
        let Some(&first) = sources.first() else {
            return Err(RegisterError::NoSource { symbol: instrument.symbol });
        };
        let stand_in = if sources.contains(&PriceSource::Last) { PriceSource::Last } else { first };
        let id = InstrumentId(u32::try_from(self.markets.len()).expect("fewer than 2^32 instruments"));
        let rule = LevelRule::new(Rounding::Directed, &instrument);
        let mut fed = Vec::new();
        for source in PriceSource::ALL {
            if sources.contains(&source) {
                let cell = CellId(u32::try_from(self.cells.len()).expect("fewer than 2^32 cells"));
                self.cells.push(Cell::NEW);
                self.books.push(Book::new(rule));
                self.cell_owner.push(id);
                fed.push((source, cell));
            }
        }
        let find =
            |wanted| fed.iter().find(|entry: &&(PriceSource, CellId)| entry.0 == wanted).map(|entry| entry.1);
        let fallback = find(stand_in).expect("the stand-in is one of the fed sources");
        let cells = SourceCells(PriceSource::ALL.map(|source| find(source).unwrap_or(fallback)));
        self.markets.push(Market { instrument, cells, fed, bars, prices: None, is_exact: false });
        Ok(id)
    }

    /// Adds a plan; plans that read ATR share one feed per instrument, bar length and period.
    pub(crate) fn add_plan(&mut self, plan: Plan) -> Result<PlanId, RegisterError> {
        let Some(market) = self.markets.get(plan.instrument.0 as usize) else {
            return Err(RegisterError::UnknownInstrument { plan: plan.name });
        };
        let origin = market.bars;
        let feed = plan.atr.filter(|_| plan.uses_atr()).map(|spec| {
            let same = |feed: &BarFeed| feed.instrument == plan.instrument && feed.spec == spec;
            let found = self.feeds.iter().position(same).unwrap_or_else(|| {
                self.feeds.push(BarFeed::new(plan.instrument, spec, origin));
                self.feeds.len() - 1
            });
            if origin == BarOrigin::Ticks {
                self.await_first_price(plan.instrument);
            }
            u32::try_from(found).expect("fewer than 2^32 feeds")
        });
        self.ask(plan.instrument, plan.prices);
        self.plans.push(PlanEntry { plan, feed });
        Ok(PlanId(u32::try_from(self.plans.len() - 1).expect("fewer than 2^32 plans")))
    }

    /// Until the next price, which starts the clock of the instrument's bars, every price wakes.
    fn await_first_price(&mut self, instrument: InstrumentId) {
        for &(_, cell) in &self.markets[instrument.0 as usize].fed {
            self.books[cell.0 as usize].awaits_first = true;
            self.cells[cell.0 as usize].lo = Band::SHUT.lo;
            self.cells[cell.0 as usize].hi = Band::SHUT.hi;
        }
    }

    /// The band in which no watch of a cell can fire.
    pub(crate) fn band(&self, cell: CellId) -> Band {
        let cell = &self.cells[cell.0 as usize];
        Band { lo: cell.lo, hi: cell.hi }
    }

    /// The last price of a cell, if any came.
    #[must_use]
    pub fn last_price(&self, cell: CellId) -> Option<Price> {
        self.cells[cell.0 as usize].price()
    }

    /// The instrument of a cell.
    #[must_use]
    pub fn owner(&self, cell: CellId) -> InstrumentId {
        self.cell_owner[cell.0 as usize]
    }

    /// A registered instrument.
    #[must_use]
    pub fn market(&self, instrument: InstrumentId) -> &Market {
        &self.markets[instrument.0 as usize]
    }

    /// The living slot of a bucket.
    #[must_use]
    pub(crate) fn living(&self, key: PositionKey) -> Option<Slot> {
        let slot = self.buckets.get(key)?.slot()?;
        self.positions[slot as usize].is_held().then_some(slot)
    }

    /// The slot of an episode, until it is over and forgotten.
    #[must_use]
    pub(crate) fn slot(&self, episode: EpisodeId) -> Option<Slot> {
        let newest = self.buckets.get(episode.key)?;
        if newest.generation == episode.generation {
            return newest.slot();
        }
        self.retiring.get(&episode).copied()
    }

    /// Lives of a bucket that are over, and of which orders may still be alive at the venue.
    pub(crate) fn earlier_lives(&self, key: PositionKey) -> Vec<Slot> {
        let newest = self.buckets.get(key).and_then(|lives| lives.slot());
        let over = newest.filter(|&slot| !self.positions[slot as usize].is_held());
        self.before_newest(key).chain(over).collect()
    }

    /// The same, without the newest life, whether it is over or not.
    pub(crate) fn before_newest(&self, key: PositionKey) -> impl Iterator<Item = Slot> + '_ {
        let of = |generation| EpisodeId { key, generation };
        self.retiring.range(of(0)..=of(u32::MAX)).map(|(_, &slot)| slot)
    }

    /// The generation that a new life of a bucket gets; `None` while one is held.
    pub(crate) fn next_generation(&mut self, key: PositionKey) -> Option<u32> {
        let newest = *self.buckets.get_or_insert(key, Lives::NONE);
        match newest.slot() {
            Some(slot) if self.positions[slot as usize].is_held() => None,
            Some(_) | None => Some(newest.generation + 1),
        }
    }

    /// Remembers which slot is an episode's; the newest life of a bucket is the one of its name.
    pub(crate) fn register(&mut self, episode: EpisodeId, slot: Slot) {
        let newest = self.buckets.get_or_insert(episode.key, Lives::NONE);
        let before = *newest;
        if episode.generation < before.generation {
            self.retiring.insert(episode, slot);
            return;
        }
        *newest = Lives { generation: episode.generation, place: slot };
        if let Some(earlier) = before.slot() {
            self.retiring.insert(EpisodeId { generation: before.generation, ..episode }, earlier);
        }
    }

    /// Everything a position needs besides its own state.
    pub(crate) fn terms(&self, slot: Slot) -> Terms<'_> {
        self.terms_of(&self.positions[slot as usize])
    }

    pub(crate) fn terms_of(&self, position: &Position) -> Terms<'_> {
        let market = &self.markets[position.episode.key.instrument.0 as usize];
        let entry = &self.plans[position.plan.0 as usize];
        let kill = self.standing.kill_level(position.episode.key.account);
        Terms {
            plan: &entry.plan,
            instrument: &market.instrument,
            atr: entry.feed.and_then(|feed| self.feeds[feed as usize].atr()),
            closed: entry.feed.and_then(|feed| self.feeds[feed as usize].closed()),
            cells: &market.cells,
            best: self.best(position, &entry.plan, &market.cells),
            at_venue: AtVenue::default(),
            is_triggered: self.standing.is_triggered(position.episode),
            is_signalled: entry.plan.signal_exit.is_some() && self.standing.is_signalled(position.episode),
            is_stopped: (kill.is_some()) && !planted(50),
            is_silent: kill == Some(KillLevel::Silent),
            is_overdue: entry.plan.time_limit.is_some() && self.standing.is_overdue(position.episode),
            held_back: self.standing.held_back(position.episode),
        }
    }

    /// The best price since the trailing stop of a position became active.
    fn best(&self, position: &Position, plan: &Plan, cells: &SourceCells) -> Option<Price> {
        if !position.trailing {
            return None;
        }
        let start = price(position.best)?;
        if planted(85) {
            return self.last_price(cells.of_rule(crate::plan::Rule::TrailingStop, position.side(), plan));
        }
        let cell = cells.of_rule(Rule::TrailingStop, position.side(), plan).0 as usize;
        let since = self.books[cell].best_since(position.side(), position.best_since, &self.cells[cell]);
        // The better price is the one that would be the tighter stop.
        Some(since.map_or(start, |since| tighter(position.side(), start, since)))
    }

    /// Remembers that a bucket has lived up to an episode.
    pub(crate) fn ended(&mut self, episode: EpisodeId) {
        let newest = self.buckets.get_or_insert(episode.key, Lives::NONE);
        let before = *newest;
        if episode.generation <= before.generation {
            return;
        }
        *newest = Lives { generation: episode.generation, ..Lives::NONE };
        // An earlier life whose orders are still alive is not the newest one.
        if let Some(slot) = before.slot() {
            self.retiring.insert(EpisodeId { generation: before.generation, ..episode }, slot);
        }
    }

    /// Gives a position a slot.
    pub(crate) fn insert(&mut self, position: Position) -> Slot {
        let episode = position.episode;
        let slot = match self.free.pop() {
            Some(slot) => {
                self.positions[slot as usize] = position;
                slot
            }
            None => {
                self.positions.push(position);
                u32::try_from(self.positions.len() - 1).expect("fewer than 2^32 positions")
            }
        };
        self.register(episode, slot);
        slot
    }

    /// Frees the slot of a flat position whose orders have all ended.
    pub(crate) fn vacate(&mut self, slot: Slot) {
        let position = &mut self.positions[slot as usize];
        assert_eq!(position.phase, Phase::Flat, "only a flat position leaves");
        position.phase = Phase::Vacant;
        let episode = position.episode;
        self.standing.forget(episode);
        let waited = self.trust.forget(episode);
        match self.buckets.get_mut(episode.key) {
            Some(newest) if newest.generation == episode.generation => newest.place = Slot::MAX,
            Some(_) | None => {
                self.retiring.remove(&episode);
            }
        }
        self.free.push(slot);
        if waited {
            self.restate_asks(episode.key.instrument);
        }
    }

    /// Positions stored, free slots included.
    #[must_use]
    pub fn positions(&self) -> &[Position] {
        &self.positions
    }

    /// Marks this moment in a cell's extremes.
    pub(crate) fn mark(&mut self, cell: CellId) -> crate::watch::Moment {
        self.books[cell.0 as usize].fold(cell, &mut self.cells[cell.0 as usize])
    }
}
