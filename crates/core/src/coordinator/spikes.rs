//! Jumps: a price farther from the last accepted one than the plan's spike waits for a second price
//! before soft stop, trailing stop and targets may act on it, or an extreme move. Until then it is not
//! in its cell at all; hard stop, loss guard and stop loss see it at once.

use super::{Coordinator, Outbox, Record, Step};
use crate::event::{ConfirmedBy, Event, Judged, Jump, Probe, Tick};
use crate::num::{Price, Qty};
use crate::time::Timestamp;
use crate::trust::{AHEAD_MAX, SPIKE_APART, SPIKE_TOGETHER, Spike};

impl Coordinator {
    /// Whether a price is a jump from the last accepted one. Prices of a candle are none: what lies
    /// between them was not told.
    pub(super) fn is_jump(&self, tick: &Tick) -> bool {
        let index = tick.cell.0 as usize;
        let last = self.engine.cells[index].price();
        let asks = &self.engine.books[index].asks;
        tick.probe == Probe::TICK && last.is_some_and(|last| asks.is_jump(last.0, tick.price.0))
    }

    /// Takes a price of a sound time: a jump waits, unless something confirms it.
    pub(super) fn weigh(&mut self, now: Timestamp, tick: &Tick, out: &mut Outbox) {
        let cell = tick.cell;
        let spike = self.engine.trust.spikes.get(&cell).copied();
        if !self.is_jump(tick) {
            let jump = spike.map(|spike| {
                self.end_spike(cell);
                self.jump(tick, spike.price, Judged::Contradicted)
            });
            self.look(now, tick, jump, out);
            self.confirm_others(now, tick, out);
            return;
        }
        let last = self.engine.cells[cell.0 as usize].last;
        // A suspicion of long ago says where the market is by now only if this price says the same.
        let asks = self.engine.books[cell.0 as usize].asks;
        let agrees = |spike: &Spike| {
            tick.at.since(spike.since) <= SPIKE_TOGETHER || !asks.is_jump(spike.price.0, tick.price.0)
        };
        let goes_on = |spike: &Spike| (spike.price.0 > last) == (tick.price.0 > last) && agrees(spike);
        let nearer = match spike.filter(goes_on) {
            // Both prices went at least this far.
            Some(spike) if (spike.price.0 - last).abs() < (tick.price.0 - last).abs() => spike.price,
            Some(_) | None => tick.price,
        };
        let by_time = spike.filter(goes_on).filter(|spike| tick.at.since(spike.since) >= SPIKE_APART);
        let by_source = self.engine.agreeing(now, cell, last, nearer.0);
        let by = by_source.map(ConfirmedBy::Source).or_else(|| by_time.map(|_| ConfirmedBy::SecondPrice));
        let Some(by) = by else {
            let since = spike.filter(goes_on).map_or(tick.at, |spike| spike.since);
            self.suspend(now, tick, Spike { price: nearer, since }, out);
            return;
        };
        if self.engine.books[cell.0 as usize].asks.is_jump(nearer.0, tick.price.0) {
            // What both agree on is accepted; how much farther the second one went is a jump of its own.
            self.weigh(now, &Tick { price: nearer, ..*tick }, out);
            self.weigh(now, tick, out);
            return;
        }
        let jump = self.jump(tick, tick.price, Judged::Confirmed(by));
        self.end_spike(cell);
        self.look(now, tick, Some(jump), out);
        self.confirm_others(now, tick, out);
    }

    /// A jump waits for a second price; the urgent rules look at it now.
    fn suspend(&mut self, now: Timestamp, tick: &Tick, spike: Spike, out: &mut Outbox) {
        let instrument = self.engine.owner(tick.cell);
        // It is not in its cell: the step tells of it as of any event.
        let mut step = Step::event(now, Event::Tick(*tick), out);
        let before = self.engine.trust.spikes.insert(tick.cell, spike);
        if before != Some(spike) {
            let jump = self.jump(tick, spike.price, Judged::Suspected);
            self.note(&mut step, instrument, Record::Jump(Box::new(jump)));
            self.engine.restate_asks(instrument);
        }
        self.judge_suspicions(&mut step, tick, Some(tick));
        self.serve_urgent(&mut step, tick);
    }

    /// A price that was taken may be the second source that a jump of another waits for.
    fn confirm_others(&mut self, now: Timestamp, tick: &Tick, out: &mut Outbox) {
        // In a journal the price that is accepted by it stands as an event of its own.
        if self.is_replaying || self.engine.trust.spikes.is_empty() {
            return;
        }
        let instrument = self.engine.owner(tick.cell);
        for at in 0..self.engine.market(instrument).fed.len() {
            let (_, cell) = self.engine.market(instrument).fed[at];
            let Some(spike) = self.engine.trust.spikes.get(&cell).copied() else { continue };
            let hot = self.engine.cells[cell.0 as usize];
            if self.engine.agreeing(now, cell, hot.last, spike.price.0).is_some() {
                let later = if Timestamp(hot.at) <= now.after(AHEAD_MAX) { hot.at } else { tick.at.0 };
                let at = Timestamp(tick.at.0.max(later));
                self.weigh(now, &Tick { at, price: spike.price, qty: Qty(0), cell, probe: Probe::TICK }, out);
            }
        }
    }

    fn end_spike(&mut self, cell: crate::cell::CellId) {
        if self.engine.trust.spikes.remove(&cell).is_some() {
            self.engine.restate_asks(self.engine.owner(cell));
        }
    }

    fn jump(&self, tick: &Tick, to: Price, judged: Judged) -> Jump {
        let (instrument, source) = (self.engine.owner(tick.cell), self.engine.source_of(tick.cell));
        let from = Price(self.engine.cells[tick.cell.0 as usize].last);
        Jump { instrument, source, from, to, judged }
    }
}
