//! Sources that say nothing: told once per outage, with the positions that depend on them.
//!
//! Nobody counts the prices that come: a cell is looked at when its last price could be too old, and
//! again when the newest one then could be. These moments are no durable state; the silence is, and it
//! stands in the journal as an event of its own.

use std::collections::{BTreeMap, BTreeSet};

use super::{Coordinator, Event, Outbox, Record, Step};
use crate::cell::CellId;
use crate::event::{AlarmKind, Tick};
use crate::num::Price;
use crate::time::Timestamp;
use crate::watch::Slot;

/// When to look whether a source is silent, each cell at most once.
#[derive(Debug, Clone, Default)]
pub(super) struct Silences {
    looks: BTreeSet<(Timestamp, CellId)>,
    of_cell: BTreeMap<CellId, Timestamp>,
}

impl Silences {
    /// The first look.
    pub(super) fn first(&self) -> Timestamp {
        self.looks.first().map_or(Timestamp::NEVER, |&(at, _)| at)
    }

    /// Looks at a cell at `at`, unless it is looked at before.
    fn look(&mut self, cell: CellId, at: Timestamp) {
        match self.of_cell.get(&cell) {
            Some(&before) if before <= at => return,
            Some(&later) => self.looks.remove(&(later, cell)),
            None => false,
        };
        self.looks.insert((at, cell));
        self.of_cell.insert(cell, at);
    }

    /// Whatever was to be looked at before `now` is looked at then.
    pub(super) fn put_off(&mut self, now: Timestamp) {
        let later = self.looks.split_off(&(now, CellId(0)));
        for (_, cell) in std::mem::replace(&mut self.looks, later) {
            self.looks.insert((now, cell));
            self.of_cell.insert(cell, now);
        }
    }

    /// The cell whose turn it is.
    fn next(&mut self) -> Option<CellId> {
        let (_, cell) = self.looks.pop_first()?;
        self.of_cell.remove(&cell);
        Some(cell)
    }
}

impl Coordinator {
    /// From `now` on the sources that a position's rules look at must not be silent for too long.
    pub(super) fn watch_silence(&mut self, slot: Slot, now: Timestamp) {
        let position = &self.engine.positions[slot as usize];
        let plan = &self.engine.plans[position.plan.0 as usize].plan;
        let Some(silence) = plan.prices.silence.filter(|_| position.is_held()) else { return };
        let market = self.engine.market(position.episode.key.instrument);
        for &(_, cell) in &market.fed {
            let read = position.reads(cell, plan, &market.cells);
            if read && !self.engine.trust.silent.contains(&cell) {
                let since = position.opened_at.0.max(self.engine.cells[cell.0 as usize].at);
                self.silences.look(cell, Timestamp(since).after(silence).max(now));
            }
        }
    }

    /// As [`Coordinator::watch_silence`], for everything that is held.
    pub(crate) fn watch_silences(&mut self) {
        for slot in 0..self.engine.positions.len() {
            self.watch_silence(Slot::try_from(slot).expect("slots are counted in u32"), Timestamp::MIN);
        }
        self.restate_deadline();
    }

    /// Looks at the cell whose turn it is.
    pub(super) fn check_silence(&mut self, at: Timestamp, out: &mut Outbox) {
        let Some(cell) = self.silences.next() else { return };
        let hot = Timestamp(self.engine.cells[cell.0 as usize].at);
        let market = self.engine.market(self.engine.owner(cell));
        let Some(silence) = market.prices.and_then(|prices| prices.silence) else { return };
        // Prices came: no position needs to be looked at.
        if hot.after(silence) > at {
            self.silences.look(cell, hot.after(silence));
            return;
        }
        let due = self.concerned(cell).iter().map(|&(due, _)| due).min();
        match due {
            None => {}
            Some(due) if due > at => self.silences.look(cell, due),
            Some(_) => self.on_silent(&mut Step::event(at, Event::Silent(cell), out), cell),
        }
    }

    /// The positions whose rules look at a cell, and when its silence is too long for each.
    fn concerned(&self, cell: CellId) -> Vec<(Timestamp, Slot)> {
        let (engine, instrument) = (&self.engine, self.engine.owner(cell));
        let market = engine.market(instrument);
        let last = Timestamp(engine.cells[cell.0 as usize].at);
        let all = (0..).zip(&engine.positions).filter(|(_, position)| position.is_held());
        let here = all.filter(|(_, position)| position.episode.key.instrument == instrument);
        let concerned = here.filter_map(|(slot, position)| {
            let plan = &engine.plans[position.plan.0 as usize].plan;
            let silence = plan.prices.silence?;
            let since = position.opened_at.max(last);
            position.reads(cell, plan, &market.cells).then(|| (since.after(silence), slot))
        });
        concerned.collect()
    }

    /// A source is silent. Its rules are blind; what protects at the venue is seen to.
    pub(super) fn on_silent(&mut self, step: &mut Step<'_>, cell: CellId) {
        if cell.0 as usize >= self.engine.cells.len() || self.engine.trust.silent.contains(&cell) {
            return;
        }
        let concerned = self.concerned(cell);
        if !concerned.iter().any(|&(due, _)| due <= step.now) {
            return;
        }
        let (instrument, source) = (self.engine.owner(cell), self.engine.source_of(cell));
        let last: Option<Price> = self.engine.last_price(cell);
        let first = concerned.iter().map(|&(_, slot)| self.engine.positions[slot as usize].opened_at).min();
        let since = match last {
            Some(_) => Timestamp(self.engine.cells[cell.0 as usize].at),
            None => first.expect("somebody is concerned"),
        };
        self.note(step, instrument, Record::PricesStale { instrument, source, last, since });
        self.engine.trust.silent.insert(cell);
        self.engine.restate_asks(instrument);
        for (_, slot) in concerned {
            let episode = self.engine.positions[slot as usize].episode;
            self.note(step, instrument, Record::Alarm { episode, what: AlarmKind::PricesStale });
            self.protect(step, slot);
        }
    }

    /// The first price after a silence: rules look at it as at any other.
    pub(super) fn end_silence(&mut self, step: &mut Step<'_>, tick: &Tick) {
        let (cell, instrument) = (tick.cell, self.engine.owner(tick.cell));
        if !self.engine.trust.silent.contains(&cell) {
            return;
        }
        let (source, price) = (self.engine.source_of(cell), tick.price);
        self.note(step, instrument, Record::PricesBack { instrument, source, price });
        self.engine.trust.silent.remove(&cell);
        self.engine.restate_asks(instrument);
        let silence = self.engine.market(instrument).prices.and_then(|prices| prices.silence);
        if let Some(silence) = silence {
            self.silences.look(cell, tick.at.after(silence));
        }
    }
}
