//! Whom a price wakes, and what they are registered for afterwards.
//!
//! A wake takes entries out of the index. What was taken out is put back as the position's new
//! state wants it; what was not taken out is still there and is only added again when it changed.

use super::Engine;
use crate::cell::CellId;
use crate::event::{Probe, Tick};
use crate::id::InstrumentId;
use crate::instrument::Side;
use crate::orders::Orders;
use crate::position::{AtVenue, Terms, Watch};
use crate::watch::{Moment, Slot};

/// Kinds of index entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kinds(u8);

impl Kinds {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const BELOW: Self = Self(1);
    pub(crate) const ABOVE: Self = Self(2);
    pub(crate) const TRAIL: Self = Self(4);
    pub(crate) const ALL: Self = Self(7);

    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether an entry of `kind` is registered again after these were taken out. A gain may have
    /// been the crossover to another trailing distance, which the old entry knows nothing of.
    const fn wants(self, kind: Self, side: Side) -> bool {
        self.has(kind) || (kind.has(Self::TRAIL) && self.has(Self::gain(side)))
    }

    /// Levels on the winning side.
    pub(crate) const fn gain(side: Side) -> Self {
        match side {
            Side::Long => Self::ABOVE,
            Side::Short => Self::BELOW,
        }
    }

    /// Levels on the losing side.
    pub(crate) const fn loss(side: Side) -> Self {
        match side {
            Side::Long => Self::BELOW,
            Side::Short => Self::ABOVE,
        }
    }

    /// The kind of entry that a watch becomes.
    pub(crate) const fn of(watch: Watch, side: Side) -> Self {
        match (watch, side) {
            (Watch::Loss(..), Side::Long) | (Watch::Gain(..), Side::Short) => Self::BELOW,
            (Watch::Gain(..), Side::Long) | (Watch::Loss(..), Side::Short) => Self::ABOVE,
            (Watch::Retrace(..), _) => Self::TRAIL,
        }
    }
}

/// A position that a price wakes, and which of its entries were taken out of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Due {
    pub(crate) slot: Slot,
    pub(crate) popped: Kinds,
    /// Which kinds of its watches its answer changed.
    pub(crate) changed: Kinds,
}

impl Due {
    const fn new(slot: Slot, popped: Kinds) -> Self {
        Self { slot, popped, changed: Kinds::NONE }
    }

    /// In slot order, each position once.
    pub(crate) fn each_once(due: &mut Vec<Self>) {
        if due.len() > 1 {
            due.sort_unstable();
            due.dedup_by(|later, earlier| {
                let same = later.slot == earlier.slot;
                if same {
                    earlier.popped = earlier.popped.and(later.popped);
                }
                same
            });
        }
    }
}

/// Stale entries are swept out when they outnumber the positions this many times.
const STALE_PER_POSITION_MAX: usize = 8;
/// Below this many entries a sweep is not worth its cost.
const ENTRIES_MIN: usize = 1_024;
/// Moments remembered per cell before those that nobody asks for are forgotten.
const EXTREMES_MAX: usize = 65_536;

impl Engine {
    /// Takes a price into a cell and collects whom it wakes, in slot order, each once. New
    /// extremes are not lifted yet: stops are looked at first.
    pub(crate) fn take_waking(&mut self, tick: &Tick, due: &mut Vec<Due>) {
        self.cells[tick.cell.0 as usize].take(tick);
        let price = tick.price.0;
        self.pop_levels(tick, due);
        let book = &mut self.books[tick.cell.0 as usize];
        if tick.probe.classes & Probe::STOP != 0 {
            let [longs, shorts] = &mut book.trails;
            longs.pop_fired(price, |slot| due.push(Due::new(slot, Kinds::TRAIL)));
            shorts.pop_fired(-price, |slot| due.push(Due::new(slot, Kinds::TRAIL)));
        }
        Due::each_once(due);
    }

    /// Takes out the fixed levels that a price reaches.
    pub(crate) fn pop_levels(&mut self, tick: &Tick, due: &mut Vec<Due>) {
        let price = tick.price.0;
        let book = &mut self.books[tick.cell.0 as usize];
        book.below.pop_reached(price, |slot| due.push(Due::new(slot, Kinds::BELOW)));
        book.above.pop_reached(-price, |slot| due.push(Due::new(slot, Kinds::ABOVE)));
    }

    /// Lifts the extremes of a cell's trailing stops.
    pub(crate) fn raise(&mut self, tick: &Tick) {
        if tick.probe.classes & Probe::EXTREME != 0 {
            self.books[tick.cell.0 as usize].raise(tick.price);
        }
    }

    /// Registers again what was taken out at `woken`, and the kinds that changed.
    /// `at_venue` is what the venue has of its orders.
    pub(crate) fn rearm(
        &mut self,
        slot: Slot,
        woken: Option<(CellId, Kinds)>,
        changed: Kinds,
        at_venue: AtVenue,
    ) {
        let position = &self.positions[slot as usize];
        let side = position.side();
        let list = position.arm(&Terms { at_venue, ..self.terms(slot) });
        for watch in list.iter() {
            let cell = watch.cell();
            let kind = Kinds::of(watch, side);
            let taken = woken.is_some_and(|(at, popped)| at == cell && popped.wants(kind, side));
            if taken || changed.has(kind) {
                self.wait(slot, side, watch);
            }
        }
    }

    /// Brings a cell's band in line with its present watches.
    pub(crate) fn restate_band(&mut self, cell: CellId) {
        let index = cell.0 as usize;
        let band = self.books[index].band().joint(self.within_spike(cell));
        self.cells[index].lo = band.lo;
        self.cells[index].hi = band.hi;
    }

    /// Brings the bands of all cells of an instrument in line.
    pub(crate) fn restate_bands(&mut self, instrument: InstrumentId) {
        for at in 0..self.markets[instrument.0 as usize].fed.len() {
            let (_, cell) = self.markets[instrument.0 as usize].fed[at];
            self.restate_band(cell);
        }
    }

    fn wait(&mut self, slot: Slot, side: Side, watch: Watch) {
        let index = watch.cell().0 as usize;
        let (book, cell) = (&mut self.books[index], &mut self.cells[index]);
        // A new watch can only narrow the band.
        match (watch, side) {
            (Watch::Loss(_, level), Side::Long) | (Watch::Gain(_, level), Side::Short) => {
                book.below.arm(level.0, slot);
                cell.lo = cell.lo.max(level.0);
            }
            (Watch::Gain(_, level), Side::Long) | (Watch::Loss(_, level), Side::Short) => {
                book.above.arm(-level.0, slot);
                cell.hi = cell.hi.min(level.0);
            }
            (Watch::Retrace(_, best, distance, rounding), _) => {
                book.trails[usize::from(side == Side::Short)].join(best, distance, rounding, slot);
                let band = book.band();
                cell.lo = cell.lo.max(band.lo);
                cell.hi = cell.hi.min(band.hi);
            }
        }
    }

    /// Sweeps stale entries out of an instrument's cells when there are too many of them.
    pub(crate) fn tidy(&mut self, instrument: InstrumentId, orders: &Orders) {
        let market = &self.markets[instrument.0 as usize];
        let entries =
            market.fed.iter().map(|&(_, cell)| self.books[cell.0 as usize].len()).max().unwrap_or(0);
        let live = self.positions.len() - self.free.len();
        if entries > ENTRIES_MIN + STALE_PER_POSITION_MAX * live {
            self.rebuild(instrument, orders);
        }
        let remembered = market_cells(self, instrument).map(|cell| self.books[cell].extremes_len()).max();
        if remembered.unwrap_or(0) > EXTREMES_MAX + 2 * live {
            self.forget_extremes(instrument);
        }
    }

    /// Builds an instrument's watches anew from its positions.
    pub(crate) fn rebuild(&mut self, instrument: InstrumentId, orders: &Orders) {
        for at in 0..self.markets[instrument.0 as usize].fed.len() {
            let (_, cell) = self.markets[instrument.0 as usize].fed[at];
            self.books[cell.0 as usize].clear();
        }
        for slot in 0..self.positions.len() {
            let position = &self.positions[slot];
            if position.is_held() && position.episode.key.instrument == instrument {
                let at_venue = orders.at_venue(position);
                let slot = Slot::try_from(slot).expect("slots are counted in u32");
                self.rearm(slot, None, Kinds::ALL, at_venue);
            }
        }
        self.markets[instrument.0 as usize].is_exact = true;
        self.restate_bands(instrument);
    }

    fn forget_extremes(&mut self, instrument: InstrumentId) {
        let positions = self.positions.iter().filter(|p| p.is_held() && p.trailing);
        let trailing = positions.filter(|p| p.episode.key.instrument == instrument).map(|p| p.best_since);
        let feeds = self.feeds.iter().filter(|f| f.instrument == instrument).map(|f| f.since);
        // Each cell counts its own moments; the least of all keeps enough everywhere.
        let oldest = trailing.chain(feeds).min().unwrap_or(Moment::NEVER);
        let cells: Vec<usize> = market_cells(self, instrument).collect();
        for cell in cells {
            self.books[cell].forget_before(oldest);
        }
    }
}

fn market_cells(engine: &Engine, instrument: InstrumentId) -> impl Iterator<Item = usize> + '_ {
    engine.markets[instrument.0 as usize].fed.iter().map(|&(_, cell)| cell.0 as usize)
}
