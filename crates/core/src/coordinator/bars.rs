//! Closed bars: they update ATR, and the stops that follow it.

use super::{Coordinator, Record, Step, TimerFor};
use crate::bars::BarOrigin;
use crate::engine::Kinds;
use crate::id::InstrumentId;
use crate::instrument::Side;
use crate::market::{Bar, PriceSource};
use crate::num::Price;
use crate::position::{level, price, tighter};
use crate::time::Timestamp;
use crate::watch::Slot;

impl Coordinator {
    /// The first price of an instrument starts the clock of its bars.
    pub(super) fn start_bars(&mut self, now: Timestamp, instrument: InstrumentId) {
        for at in 0..self.engine.market(instrument).fed.len() {
            let (_, cell) = self.engine.market(instrument).fed[at];
            self.engine.books[cell.0 as usize].awaits_first = false;
        }
        for (index, feed) in self.engine.feeds.iter().enumerate() {
            let number = u32::try_from(index).expect("feeds are counted in u32");
            let runs = self.timers.all().iter().any(|&(_, timer)| timer == TimerFor::Bar(number));
            if feed.instrument == instrument && feed.origin == BarOrigin::Ticks && !runs {
                self.timers.insert((feed.next_border(now), TimerFor::Bar(number)));
            }
        }
        self.engine.restate_bands(instrument);
    }

    /// A bar that is cut from ticks ends.
    pub(super) fn on_bar_border(&mut self, step: &mut Step<'_>, number: u32) {
        let border = step.now;
        // Written down even when the bar is empty: which prices belong to which bar is durable state.
        let owner = self.engine.feeds[number as usize].instrument;
        self.begin(step, owner);
        let feed = &self.engine.feeds[number as usize];
        let (instrument, span, since) = (feed.instrument, feed.spec.bar, feed.since);
        self.timers.insert((border.after(span), TimerFor::Bar(number)));
        let cell = self.engine.market(instrument).cells.0[PriceSource::Last as usize];
        let hot = &self.engine.cells[cell.0 as usize];
        let book = &self.engine.books[cell.0 as usize];
        let high = book.best_since(Side::Long, since, hot);
        let low = book.best_since(Side::Short, since, hot);
        let last = hot.price();
        if let (Some(high), Some(low), Some(last)) = (high, low, last) {
            let start = Timestamp(border.0 - span.0);
            self.engine.feeds[number as usize].add(start, high, low, last);
        }
        let before = self.stops_on(number);
        let closed = self.engine.feeds[number as usize].close();
        self.after_close(step, number, [closed, None], &before);
        // The next bar begins with the next price: marked after the records, which close segments too.
        self.engine.feeds[number as usize].since = self.engine.mark(cell);
    }

    /// A closed bar came from outside.
    pub(super) fn on_bar(&mut self, step: &mut Step<'_>, bar: &Bar) {
        for index in 0..self.engine.feeds.len() {
            let feed = &self.engine.feeds[index];
            if feed.instrument != bar.instrument || feed.origin != BarOrigin::Bars {
                continue;
            }
            if !feed.is_next(bar) {
                self.ignored += 1;
                continue;
            }
            let number = u32::try_from(index).expect("feeds are counted in u32");
            let before = self.stops_on(number);
            let closed = self.engine.feeds[index].add_bar(bar);
            self.begin(step, bar.instrument);
            self.after_close(step, number, closed, &before);
        }
    }

    /// The trailing stops that follow a feed, as they stand.
    fn stops_on(&mut self, number: u32) -> Vec<(Slot, Option<Price>)> {
        let engine = &mut self.engine;
        let mut users = std::mem::take(&mut engine.feeds[number as usize].users);
        users.sort_unstable();
        users.dedup();
        users.retain(|&slot| {
            let position = &engine.positions[slot as usize];
            position.is_held() && engine.plans[position.plan.0 as usize].feed == Some(number)
        });
        let stops = users
            .iter()
            .map(|&slot| (slot, engine.positions[slot as usize].trailing_stop(&engine.terms(slot))))
            .collect();
        engine.feeds[number as usize].users = users;
        stops
    }

    fn after_close(
        &mut self,
        step: &mut Step<'_>,
        number: u32,
        closed: [Option<Bar>; 2],
        before: &[(Slot, Option<Price>)],
    ) {
        let instrument = self.engine.feeds[number as usize].instrument;
        let mut any = false;
        for bar in closed.into_iter().flatten() {
            any = true;
            self.note(step, instrument, Record::BarClosed(Box::new(bar)));
        }
        if !any {
            return;
        }
        for &(slot, stop) in before {
            // What the old distance had reached stays: a stop only tightens.
            let position = &mut self.engine.positions[slot as usize];
            if let Some(stop) = stop {
                let floor = price(position.trail_floor);
                let kept = floor.map_or(stop, |floor| tighter(position.side(), floor, stop));
                position.trail_floor = level(kept);
            }
            self.follow_targets(step, slot);
            self.protect(step, slot);
            self.rearm(slot, None, Kinds::ALL);
        }
        self.engine.restate_bands(instrument);
        self.engine.tidy(instrument, &self.orders);
    }
}
