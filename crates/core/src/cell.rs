//! A cell: one price source of one instrument, and the quiet band around its price.

use serde::{Deserialize, Serialize};

use crate::event::{Observed, Probe, Tick};
use crate::instrument::Side;
use crate::num::Price;
use crate::plan::level::LevelRule;
use crate::time::Timestamp;
use crate::trust::Asks;
use crate::watch::{Extremes, Levels, Moment, TrailGroups};

/// Index of a cell; dense, given by registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CellId(pub u32);

/// The open interval of prices in which nobody wants to be woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Band {
    /// A price at or below this wakes somebody.
    pub lo: i64,
    /// A price at or above this wakes somebody.
    pub hi: i64,
}

impl Band {
    /// Nobody waits for any price; what cannot be a price is outside.
    pub const OPEN: Self = Self { lo: 0, hi: Price::MAX.0 + 1 };
    /// Every price wakes.
    pub const SHUT: Self = Self { lo: i64::MAX, hi: i64::MIN };

    /// Whether a price wakes nobody.
    #[must_use]
    pub const fn is_quiet(self, price: i64) -> bool {
        self.lo < price && price < self.hi
    }

    /// What both bands allow.
    #[must_use]
    pub fn joint(self, other: Self) -> Self {
        Self { lo: self.lo.max(other.lo), hi: self.hi.min(other.hi) }
    }
}

/// The hot half of a cell. One cache line of its own: a neighbour's stores never slow it.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub struct Cell {
    pub(crate) lo: i64,
    pub(crate) hi: i64,
    pub(crate) last: i64,
    pub(crate) at: i64,
    /// Lowest and highest since the last fold, of prices that count for extremes.
    pub(crate) min: i64,
    pub(crate) max: i64,
    /// Prices since the last fold.
    pub(crate) count: u64,
}

impl Cell {
    pub(crate) const NEW: Self = Self {
        lo: Band::OPEN.lo,
        hi: Band::OPEN.hi,
        last: 0,
        at: i64::MIN,
        min: i64::MAX,
        max: i64::MIN,
        count: 0,
    };

    #[inline(always)]
    pub(crate) fn take(&mut self, tick: &Tick) {
        let price = tick.price.0;
        self.last = price;
        self.at = tick.at.0;
        self.count += 1;
        if tick.probe.classes & Probe::EXTREME != 0 {
            self.min = self.min.min(price);
            self.max = self.max.max(price);
        }
    }

    pub(crate) fn price(&self) -> Option<Price> {
        (self.at != i64::MIN).then_some(Price(self.last))
    }
}

/// The cold half of a cell: who waits for what.
#[derive(Debug, Clone)]
pub struct Book {
    /// Levels that fire when the price falls to them.
    pub(crate) below: Levels,
    /// Levels that fire when the price rises to them, negated.
    pub(crate) above: Levels,
    /// Trailing stops of longs, then of shorts.
    pub(crate) trails: [TrailGroups; 2],
    /// Highest prices since marked moments, for longs; lowest, negated, for shorts.
    extremes: [Extremes; 2],
    /// Closed segments not yet reported as observed.
    unreported: Option<Observed>,
    /// Every price wakes until the first one has set the timers of the instrument's bars.
    pub(crate) awaits_first: bool,
    /// What is asked of its prices besides.
    pub(crate) asks: Asks,
}

impl Book {
    pub(crate) fn new(rule: LevelRule) -> Self {
        Self {
            below: Levels::default(),
            above: Levels::default(),
            trails: [TrailGroups::new(Side::Long, rule), TrailGroups::new(Side::Short, rule)],
            extremes: [Extremes::default(), Extremes::default()],
            unreported: None,
            awaits_first: false,
            asks: Asks::NONE,
        }
    }

    /// The band that the present watches allow.
    pub(crate) fn band(&self) -> Band {
        if self.awaits_first || self.asks.every {
            return Band::SHUT;
        }
        let [longs, shorts] = &self.trails;
        let mut band = Band::OPEN;
        if let Some(level) = self.below.nearest() {
            band.lo = band.lo.max(level);
        }
        if let Some(level) = self.above.nearest() {
            band.hi = band.hi.min(-level);
        }
        if let Some(stop) = longs.nearest_stop() {
            band.lo = band.lo.max(stop);
        }
        if let Some(best) = longs.lowest_best() {
            band.hi = band.hi.min(best + 1);
        }
        if let Some(stop) = shorts.nearest_stop() {
            band.hi = band.hi.min(-stop);
        }
        if let Some(best) = shorts.lowest_best() {
            band.lo = band.lo.max(-(best + 1));
        }
        band
    }

    /// Whether a price reaches no level and no stop, so that all it can do is lift extremes.
    pub(crate) fn only_lifts(&self, tick: &Tick) -> bool {
        let price = tick.price.0;
        let [longs, shorts] = &self.trails;
        !self.awaits_first
            && !self.asks.every
            && self.below.nearest().is_none_or(|level| level < price)
            && self.above.nearest().is_none_or(|level| level < -price)
            && longs.nearest_stop().is_none_or(|stop| stop < price)
            && shorts.nearest_stop().is_none_or(|stop| stop < -price)
    }

    /// Entries held, stale ones included.
    pub(crate) fn len(&self) -> usize {
        self.below.len() + self.above.len() + self.trails[0].len() + self.trails[1].len()
    }

    /// Forgets everybody; the extremes stay.
    pub(crate) fn clear(&mut self) {
        self.below.clear();
        self.above.clear();
        self.trails[0].clear();
        self.trails[1].clear();
    }

    /// Lifts the extremes of trailing stops to a price.
    pub(crate) fn raise(&mut self, price: Price) {
        self.trails[0].raise(price.0);
        self.trails[1].raise(-price.0);
    }

    /// Closes the running segment of the hot half into the extremes and the unreported stretch.
    pub(crate) fn fold(&mut self, id: CellId, cell: &mut Cell) -> Moment {
        let seen = cell.min <= cell.max;
        let moment = self.extremes[0].mark(seen.then_some(cell.max));
        let mirrored = self.extremes[1].mark(seen.then_some(-cell.min));
        debug_assert_eq!(moment, mirrored, "both sides are marked together");
        if cell.count > 0 {
            let count = u32::try_from(cell.count).unwrap_or(u32::MAX);
            let stretch = self.unreported.get_or_insert(Observed {
                cell: id,
                count: 0,
                last: Price(cell.last),
                at: Timestamp(cell.at),
                min: Price(i64::MAX),
                max: Price(i64::MIN),
            });
            stretch.count = stretch.count.saturating_add(count);
            stretch.last = Price(cell.last);
            stretch.at = Timestamp(cell.at);
            stretch.min = stretch.min.min(Price(cell.min));
            stretch.max = stretch.max.max(Price(cell.max));
            cell.count = 0;
        }
        cell.min = i64::MAX;
        cell.max = i64::MIN;
        moment
    }

    /// The stretch of quiet prices not yet reported, and forgets it.
    pub(crate) fn take_unreported(&mut self) -> Option<Observed> {
        self.unreported.take()
    }

    /// The stretch of quiet prices not yet reported.
    pub(crate) fn unreported(&self) -> Option<Observed> {
        self.unreported
    }

    pub(crate) fn set_unreported(&mut self, stretch: Option<Observed>) {
        self.unreported = stretch;
    }

    /// The best price for `side` since `moment`, if any price came.
    pub(crate) fn best_since(&self, side: Side, moment: Moment, cell: &Cell) -> Option<Price> {
        let seen = cell.min <= cell.max;
        match side {
            Side::Long => self.extremes[0].since(moment, seen.then_some(cell.max)).map(Price),
            Side::Short => self.extremes[1].since(moment, seen.then_some(-cell.min)).map(|best| Price(-best)),
        }
    }

    /// How much the extremes remember.
    pub(crate) fn extremes_len(&self) -> usize {
        self.extremes[0].len() + self.extremes[1].len()
    }

    pub(crate) fn forget_before(&mut self, oldest: Moment) {
        for extremes in &mut self.extremes {
            extremes.forget_before(oldest);
        }
    }
}
