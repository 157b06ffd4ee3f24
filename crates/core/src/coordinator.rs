//! The coordinator: one owner of all exit orders of its scope, and the door to it.
//!
//! It routes and orders, it computes nothing: the engine says who is woken, the position says
//! which rules hold, the gate says what may be sent. Every wake that changes nothing leaves no
//! trace; every change is a record, and the step that caused it is told before it.
//!
//! Start at [`Coordinator::tick`] and [`Coordinator::handle`].

use crate::planted::planted;
use std::collections::BTreeSet;

use crate::account::Accounts;
use crate::bars::BarOrigin;
use crate::cell::{Band, Cell, CellId};
use crate::engine::{Due, Engine, Kinds, RegisterError};
use crate::event::{
    Concluded, Entry, Event, Jump, Observed, Outbox, Probe, ProbeFill, Record, RefusedWhy, Tick, VenueEvent,
};
use crate::id::{EpisodeId, InstrumentId, PlanId};
use crate::instrument::Instrument;
use crate::market::PriceSource;
use crate::num::Price;
use crate::orders::Orders;
use crate::pacing::{Pace, Pacing};
use crate::plan::Plan;
use crate::position::{Decision, Position, Terms};
use crate::time::Timestamp;
use crate::watch::Slot;

mod bars;
mod changes;
mod clock;
mod commands;
mod confirm;
mod divergence;
mod doubt;
mod exits;
mod fills;
mod inquiry;
mod kill;
mod legs;
mod listing;
mod locks;
mod observe;
mod pacing;
mod protection;
mod reconcile;
mod silence;
mod spikes;
mod standing;
mod timers;
mod timetable;

use commands::Wanted;
use fills::Heard;
pub(crate) use listing::FRESH_FOR;
use silence::Silences;
pub(crate) use timers::TimerFor;
use timetable::Timetable;

/// The state machine that owns the exits of its scope.
#[derive(Debug, Clone)]
pub struct Coordinator {
    pub(crate) engine: Engine,
    pub(crate) orders: Orders,
    pub(crate) accounts: Accounts,
    pub(crate) pacing: Pacing,
    pub(crate) timers: Timetable,
    /// The first timer's moment, so that a price need not look into the set.
    deadline: Timestamp,
    /// When to look whether a source is silent.
    silences: Silences,
    /// A journal is replayed: what the core finds by itself stands in it as an event.
    is_replaying: bool,
    /// Prices, bars and levels that cannot be.
    pub(crate) ignored: u64,
    /// Reused between wakes.
    due: Vec<Due>,
}

/// One step: the event that is being handled, and where its outcome goes. The event is written
/// down before the first record it causes, and not at all when it causes none.
struct Step<'a> {
    now: Timestamp,
    out: &'a mut Outbox,
    input: Option<Input>,
    /// Why the venue refuses the order that the step is about, where it says so itself.
    refused: Option<RefusedWhy>,
}

enum Input {
    /// A tick, with its cell as it was before.
    Tick(Tick, Cell),
    Event(Event),
}

impl Coordinator {
    /// An empty coordinator.
    #[must_use]
    pub fn new() -> Self {
        Self::from_parts(Engine::default(), Orders::default(), Accounts::default(), BTreeSet::new())
    }

    pub(crate) fn from_parts(
        engine: Engine,
        orders: Orders,
        accounts: Accounts,
        timers: BTreeSet<(Timestamp, TimerFor)>,
    ) -> Self {
        let timers = Timetable::from(timers);
        let deadline = timers.deadline();
        let silences = Silences::default();
        Self {
            engine,
            orders,
            accounts,
            pacing: Pacing::default(),
            timers,
            deadline,
            silences,
            is_replaying: false,
            ignored: 0,
            due: Vec::new(),
        }
    }

    /// Adds an instrument fed by `sources`; a source that is not fed is stood in for by the last price.
    pub fn add_instrument(
        &mut self,
        instrument: Instrument,
        sources: &[PriceSource],
        bars: BarOrigin,
    ) -> Result<InstrumentId, RegisterError> {
        self.engine.add_instrument(instrument, sources, bars)
    }

    /// Adds a resolved plan. Plans that read ATR must be added before the prices that warm it up.
    pub fn add_plan(&mut self, plan: Plan) -> Result<PlanId, RegisterError> {
        self.engine.add_plan(plan)
    }

    /// Makes room for `more` positions, so that opening them does not move the others.
    pub fn reserve(&mut self, more: usize) {
        self.engine.positions.reserve(more);
        self.engine.buckets.reserve(more);
        self.orders.reserve(more);
    }

    /// Takes a price. Inside the quiet band this is a few comparisons and stores.
    #[inline(always)]
    pub fn tick(&mut self, now: Timestamp, tick: &Tick, out: &mut Outbox) {
        if self.is_quiet(now, tick) {
            self.take_quiet(tick);
        } else {
            self.wake(now, tick, out);
        }
    }

    /// Whether a price would wake nobody, and no timer is due.
    #[inline(always)]
    #[must_use]
    pub fn is_quiet(&self, now: Timestamp, tick: &Tick) -> bool {
        let cell = &self.engine.cells[tick.cell.0 as usize];
        (now < self.deadline) & (cell.lo < tick.price.0) & (tick.price.0 < cell.hi)
    }

    /// Takes a price of which [`Coordinator::is_quiet`] said that it wakes nobody.
    #[inline(always)]
    pub fn take_quiet(&mut self, tick: &Tick) {
        self.engine.cells[tick.cell.0 as usize].take(tick);
    }

    /// Takes any event; the only other way in.
    pub fn handle(&mut self, now: Timestamp, event: Event, out: &mut Outbox) {
        self.dispatch(now, event, out);
        self.restate_deadline();
    }

    /// Takes an entry of a journal; what it causes is the rest of that journal. Facts are skipped.
    pub fn replay(&mut self, entry: Entry, out: &mut Outbox) {
        let (at, before) = (entry.at, out.records.len());
        self.is_replaying = true;
        match entry.record {
            // A timer that left no trace is not in the journal: those before the stretch's step run now.
            Record::Observed(observed) => {
                self.run_due(Timestamp(at.0.saturating_sub(1)), out);
                self.observe(&observed);
            }
            // Each timer that left a trace is an entry of its own, behind the prices that it may read.
            Record::Input(Event::Timer) => {
                while !planted(121) && out.records.len() == before && self.run_first_due(at, out) {}
            }
            Record::Input(event) => self.dispatch(at, event, out),
            _ => {}
        }
        self.is_replaying = false;
        self.restate_deadline();
    }

    fn dispatch(&mut self, now: Timestamp, event: Event, out: &mut Outbox) {
        match event {
            Event::Tick(tick) => return self.tick(now, &tick, out),
            Event::Observed(observed) => {
                assert!(now < self.next_deadline(), "a timer was due within an observed stretch");
                self.observe(&observed);
            }
            Event::Timer => self.run_due(now, out),
            Event::Bar(bar) if !bar.is_sound() => self.ignored += 1,
            Event::Bar(bar) => {
                self.run_due(now, out);
                self.on_bar(&mut Step::event(now, event, out), &bar);
            }
            Event::Venue(ref venue) => {
                self.run_due(now, out);
                let heard = Heard::of(now, venue);
                self.on_venue(&mut Step::event(now, event, out), &heard);
            }
            Event::Command(ref command) => {
                self.run_due(now, out);
                let wanted = Wanted::of(command);
                self.on_command(&mut Step::event(now, event, out), &wanted);
            }
            Event::Silent(cell) => {
                self.run_due(now, out);
                self.on_silent(&mut Step::event(now, event, out), cell);
            }
            Event::Resumed => {
                self.put_off(now);
                Step::event(now, event, out).begin_anywhere();
                // In a journal what was due then follows as entries of its own.
                if !self.is_replaying {
                    self.run_due(now, out);
                }
            }
        }
        self.end_what_was_begun();
    }

    /// The prices of a cell that wake nobody. With [`Coordinator::next_deadline`] it tells a caller
    /// how far it may leap, reporting what it passed through [`Event::Observed`].
    #[must_use]
    #[inline]
    pub fn quiet(&self, cell: CellId) -> Band {
        self.engine.band(cell)
    }

    /// When the caller must come back with [`Event::Timer`] if nothing happens before. May be early, never late.
    #[must_use]
    #[inline]
    pub const fn next_deadline(&self) -> Timestamp {
        self.deadline
    }

    /// The cell of an instrument's price source, its stand-in if it is not fed.
    #[must_use]
    pub fn cell(&self, instrument: InstrumentId, source: PriceSource) -> CellId {
        self.engine.market(instrument).cells.0[source as usize]
    }

    #[cold]
    #[inline(never)]
    fn wake(&mut self, now: Timestamp, tick: &Tick, out: &mut Outbox) {
        let index = tick.cell.0 as usize;
        if !tick.price.is_sound() && !planted(115) {
            // Every band ends before such a price, so it always comes here.
            self.ignored += 1;
            return;
        }
        if !self.is_plain(now, tick) {
            self.take_doubtful(now, tick, out);
            self.end_what_was_begun();
            return;
        }
        if now < self.deadline && self.engine.books[index].only_lifts(tick) {
            // The most frequent wake by far: a new best price for trailing stops, and nobody to ask.
            self.engine.cells[index].take(tick);
            self.engine.raise(tick);
            self.engine.restate_band(tick.cell);
            return;
        }
        self.run_due(now, out);
        self.look(now, tick, None, out);
        self.end_what_was_begun();
    }

    /// Takes an accepted price, and lets those that it wakes answer; `jump` is what was made of it.
    fn look(&mut self, now: Timestamp, tick: &Tick, jump: Option<Jump>, out: &mut Outbox) {
        if planted(138) && now.0 / 1_000_000_000 % 30 > 1 {
            return;
        }
        let index = tick.cell.0 as usize;
        let instrument = self.engine.owner(tick.cell);
        let before = self.engine.cells[index];
        let is_first = self.engine.books[index].awaits_first;
        let mut due = std::mem::take(&mut self.due);
        self.engine.take_waking(tick, &mut due);
        let mut changed_any = false;
        let mut step = Step { now, out, input: Some(Input::Tick(*tick, before)), refused: None };
        if is_first {
            // It sets the clock of the bars: durable state, so it is written down.
            self.start_bars(now, instrument);
            self.begin(&mut step, instrument);
        }
        if let Some(jump) = jump {
            self.note(&mut step, instrument, Record::Jump(Box::new(jump)));
        }
        let differed = self.engine.trust.diverged.contains(&instrument);
        if self.engine.books[index].asks.every {
            self.heed(&mut step, tick);
        }
        let agrees = differed && !self.engine.trust.diverged.contains(&instrument);
        if due.is_empty() {
            self.engine.raise(tick);
        } else {
            for woken in &mut due {
                let changed = self.serve(&mut step, woken.slot, tick.probe, Some(tick.cell));
                changed_any |= changed != Kinds::NONE;
                woken.changed = changed;
            }
            self.engine.raise(tick);
            for woken in &due {
                self.rearm(woken.slot, Some((tick.cell, woken.popped)), woken.changed);
            }
        }
        due.clear();
        self.due = due;
        if agrees {
            self.serve_held_up(&mut step, instrument);
        }
        if changed_any {
            self.engine.restate_bands(instrument);
        } else {
            self.engine.restate_band(tick.cell);
        }
        self.engine.tidy(instrument, &self.orders);
        self.restate_deadline();
    }

    /// Lets a woken position answer a price of `cell`, or, without one, the prices as they stand,
    /// and does what it says. Returns what of its watches changed.
    fn serve(&mut self, step: &mut Step<'_>, slot: Slot, probe: Probe, cell: Option<CellId>) -> Kinds {
        self.answer(step, slot, probe, cell, None)
    }

    /// Lets a position answer. A doubted price is seen by the urgent rules only, and by nobody later.
    fn answer(
        &mut self,
        step: &mut Step<'_>,
        slot: Slot,
        probe: Probe,
        cell: Option<CellId>,
        doubted: Option<&Tick>,
    ) -> Kinds {
        let engine = &self.engine;
        let position = &engine.positions[slot as usize];
        if !position.is_held() {
            return Kinds::NONE;
        }
        let terms = self.terms(slot);
        let mut decision = match cell {
            Some(cell) => {
                let seen = |other| engine.seen(step.now, cell, other, doubted);
                Self::at_price(position, probe, &terms, seen, doubted.is_some())
            }
            None => self.as_prices_stand(step.now, position, probe, &terms),
        };
        let waiting = self.await_second(slot, probe, doubted, &mut decision);
        let is_held_up = self.hold_up(slot, cell, &mut decision);
        let waits = self.wait_for_room(step.now, slot, cell, &mut decision);
        if planted(139) && self.lost(slot, |_| true) > 0 {
            decision.close = None;
        }
        let instrument = position.episode.key.instrument;
        if let Some(cell) = cell {
            decision = position.set_off_by(cell, decision, &terms);
            if probe.fill == ProbeFill::Level {
                decision.close = position.first_passed(cell, &decision, &terms);
            }
        }
        let mut changed = self.suspect(step, slot, cell, waiting);
        if is_held_up {
            self.restate_divergence(step, instrument);
        }
        if waits {
            self.tell_pace(step, slot, Pace::ChoiceWaits);
        }
        if let Some(seen) = decision.triggered {
            self.on_bracket_triggered(step, slot, seen);
            changed = Kinds::ALL;
        }
        if decision.past_worst {
            self.conclude(step, slot, Concluded::PastWorst);
            return Kinds::ALL;
        }
        if let Some(rule) = decision.close {
            let closes = self.close_or_defer(step, slot, rule, decision);
            return if closes { Kinds::ALL } else { changed };
        }
        if let Some((from, to)) = decision.legs {
            self.fire_legs(step, slot, from, to, decision.held, probe.fill);
            changed = Kinds::ALL;
        }
        if decision.activates {
            changed = changed.and(self.activate_trailing(step, slot));
        }
        if let Some(stop) = decision.steps_to {
            changed = changed.and(self.step_trailing(step, slot, stop));
        }
        if changed != Kinds::NONE || decision.moves_bracket {
            self.protect(step, slot);
            changed = Kinds::ALL;
        }
        changed
    }

    /// What a position says to a price.
    fn at_price(
        position: &Position,
        probe: Probe,
        terms: &Terms<'_>,
        seen: impl Fn(CellId) -> Option<Price> + Copy,
        is_doubted: bool,
    ) -> Decision {
        let mut decision = position.evaluate(probe, terms, seen, seen);
        if is_doubted {
            decision.keep_urgent();
        }
        decision
    }

    /// What a position says when no price sets it off.
    fn as_prices_stand(
        &self,
        now: Timestamp,
        position: &Position,
        probe: Probe,
        terms: &Terms<'_>,
    ) -> Decision {
        let fresh = |cell| self.engine.fresh(now, cell);
        // A price from before it was opened says less than what was paid for it.
        let own = |cell| fresh(cell).filter(|_| self.engine.told_at(cell) >= position.opened_at);
        position.evaluate(probe, terms, own, fresh)
    }

    /// Everything that a decision about a position needs besides its own state.
    fn terms(&self, slot: Slot) -> Terms<'_> {
        let at_venue = self.orders.at_venue(&self.engine.positions[slot as usize]);
        Terms { at_venue, ..self.engine.terms(slot) }
    }

    /// Registers again what was taken out of the index at `woken`, and the kinds that changed.
    fn rearm(&mut self, slot: Slot, woken: Option<(CellId, Kinds)>, changed: Kinds) {
        let at_venue = self.orders.at_venue(&self.engine.positions[slot as usize]);
        self.engine.rearm(slot, woken, changed, at_venue);
    }

    /// Registers again what a position asks for: its orders may stand otherwise than before.
    fn refresh(&mut self, episode: EpisodeId) {
        let slot = self.engine.slot(episode);
        if let Some(slot) = slot.filter(|&slot| self.engine.positions[slot as usize].is_held()) {
            self.rearm(slot, None, Kinds::ALL);
            self.engine.restate_bands(episode.key.instrument);
        }
    }

    /// Writes a record; the step's own event, and the quiet prices before it, are written first.
    fn note(&mut self, step: &mut Step<'_>, instrument: InstrumentId, record: Record) {
        self.begin(step, instrument);
        step.write(record);
    }

    /// Writes the step's event, unless it is written.
    fn begin(&mut self, step: &mut Step<'_>, instrument: InstrumentId) {
        self.engine.markets[instrument.0 as usize].is_exact = false;
        let Some(input) = step.input.take() else { return };
        let event = match input {
            Input::Tick(tick, before) => {
                self.report_before(&tick, before);
                Event::Tick(tick)
            }
            Input::Event(event) => event,
        };
        self.report_quiet(step, instrument);
        step.write(Record::Input(event));
        if planted(125) && step.out.records.len() > 1 {
            let last = step.out.records.len() - 1;
            step.out.records.swap(last, last - 1);
        }
    }

    /// Sets the cell's running segment back to what it was before the tick, closes it, and begins
    /// the next one with the tick, which is written down by itself.
    fn report_before(&mut self, tick: &Tick, before: Cell) {
        let index = tick.cell.0 as usize;
        let engine = &mut self.engine;
        let now = engine.cells[index];
        let mut earlier = before;
        engine.books[index].fold(tick.cell, &mut earlier);
        let counts = tick.probe.classes & Probe::EXTREME != 0;
        let cell = &mut engine.cells[index];
        *cell = Cell { count: 0, ..now };
        (cell.min, cell.max) = if counts { (tick.price.0, tick.price.0) } else { (i64::MAX, i64::MIN) };
    }

    fn report_quiet(&mut self, step: &mut Step<'_>, instrument: InstrumentId) {
        for at in 0..self.engine.market(instrument).fed.len() {
            let (_, cell) = self.engine.market(instrument).fed[at];
            if let Some(observed) = self.take_observed(cell) {
                step.write(Record::Observed(observed));
            }
        }
    }

    fn take_observed(&mut self, cell: CellId) -> Option<Observed> {
        let engine = &mut self.engine;
        engine.books[cell.0 as usize].fold(cell, &mut engine.cells[cell.0 as usize]);
        engine.books[cell.0 as usize].take_unreported()
    }
}

impl Default for Coordinator {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Step<'a> {
    fn event(now: Timestamp, event: Event, out: &'a mut Outbox) -> Self {
        let refused = match &event {
            Event::Venue(VenueEvent::Refused(_, why)) => Some(*why),
            _ => None,
        };
        Self { now, out, input: Some(Input::Event(event)), refused }
    }

    /// Writes the step's event, unless it is written; for steps that read no prices.
    fn begin_anywhere(&mut self) {
        if let Some(Input::Event(event)) = self.input.take() {
            self.write(Record::Input(event));
        }
    }

    fn write(&mut self, record: Record) {
        self.out.records.push(Entry { at: self.now, record });
    }
}
