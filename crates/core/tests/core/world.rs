//! A coordinator and a venue, wired: actions go to the venue, its answers come back as events.

use ripcord_core::Coordinator;
use ripcord_core::account::Managed;
use ripcord_core::cell::CellId;
use ripcord_core::event::{Action, Addition, Command, Entry, Event, Opening, Outbox, Probe, Tick};
use ripcord_core::id::InstrumentId;
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Price, Qty};
use ripcord_core::snapshot::Snapshot;
use ripcord_core::time::{Span, Timestamp};

use crate::random::Random;
use crate::venue::Venue;

/// When a process dies, and how it starts again.
#[derive(Debug, Clone)]
pub(crate) struct Deaths {
    pub(crate) random: Random,
    pub(crate) start_again: fn(&mut World),
}

#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    pub(crate) core: Coordinator,
    pub(crate) venue: Venue,
    pub(crate) now: Timestamp,
    /// Everything that came out, ever.
    pub(crate) records: Vec<Entry>,
    pub(crate) actions: Vec<Action>,
    /// Everything that went in, ever.
    pub(crate) log: Vec<(Timestamp, Event)>,
    /// Orders refused for coins that another of ours locked, though both had the same books.
    pub(crate) overdrawn: usize,
    /// How far the venue's clock is behind ours.
    pub(crate) lag: Span,
    /// When it dies, and how it starts again.
    pub(crate) deaths: Option<Deaths>,
    /// What of an account is managed, for those who start again.
    pub(crate) managed: Vec<Managed>,
    /// Behind each step the process ends, and the next one begins with what was written down.
    pub(crate) ends_with_each_step: bool,
    /// How often it died.
    pub(crate) died: usize,
    /// It died: it hears nothing before it starts again.
    is_dead: bool,
    out: Outbox,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { now: Timestamp(1_760_000_000_000_000_000), ..Self::default() }
    }

    /// A price. Trades reach the venue first: what rests there is filled before we see the price.
    pub(crate) fn price(
        &mut self,
        instrument: InstrumentId,
        source: PriceSource,
        price: Price,
        probe: Probe,
    ) {
        let cell = self.core.cell(instrument, source);
        if source == PriceSource::Last {
            self.venue.trade(instrument, price);
            self.deliver();
        } else if source == PriceSource::Mark && cell != self.core.cell(instrument, PriceSource::Last) {
            self.venue.mark(instrument, price);
            self.deliver();
        }
        self.handle(Event::Tick(self.tick(cell, price, probe)));
    }

    pub(crate) fn tick(&self, cell: CellId, price: Price, probe: Probe) -> Tick {
        Tick { at: Timestamp(self.now.0 - self.lag.0), price, qty: Qty(0), cell, probe }
    }

    pub(crate) fn open(&mut self, opening: Opening) {
        let refused = self.core.view().position(opening.key).is_some();
        if !refused && opening.qty.0 > 0 {
            self.venue.hold(opening.key, opening.qty);
        }
        self.handle(Event::Command(Command::Open(Box::new(opening))));
    }

    /// More of a position is bought.
    pub(crate) fn add(&mut self, addition: Addition) {
        if addition.qty.0 > 0 && addition.price.0 > 0 && self.core.view().position(addition.key).is_some() {
            self.venue.hold_more(addition.key, addition.qty);
        }
        self.handle(Event::Command(Command::Add(Box::new(addition))));
    }

    /// One event, and all answers of the venue that follow from it at once.
    pub(crate) fn handle(&mut self, event: Event) {
        self.venue.pass();
        self.step(event);
        self.deliver();
        if std::mem::take(&mut self.is_dead)
            && let Some(deaths) = self.deaths.take()
        {
            self.died += 1;
            (deaths.start_again)(self);
            self.deaths = Some(deaths);
        }
    }

    pub(crate) fn deliver(&mut self) {
        while let Some(answer) = if self.is_dead { None } else { self.venue.answer() } {
            self.step(Event::Venue(answer));
        }
    }

    /// It dies now and then, where it has something to send: of the actions of the step some are sent.
    fn die(&mut self) {
        let Some(Deaths { random, .. }) =
            self.deaths.as_mut().filter(|_| !self.is_dead && !self.out.actions.is_empty())
        else {
            return;
        };
        if random.one_in(8) {
            let sent = random.within(0, self.out.actions.len() as i64);
            self.out.actions.truncate(sent as usize);
            self.is_dead = true;
        }
    }

    /// The next process: from the state before the step, and the records of the step.
    fn begin_anew(&mut self, before: Snapshot) {
        self.core.checkpoint(self.now, &mut self.out);
        let journal = self.out.records.iter().cloned();
        self.core = Coordinator::restore(before, journal).expect("the journal of a step is followed");
    }

    fn step(&mut self, event: Event) {
        self.log.push((self.now, event.clone()));
        let before = self.ends_with_each_step.then(|| self.core.snapshot());
        self.core.handle(self.now, event, &mut self.out);
        if let Some(before) = before {
            self.begin_anew(before);
        }
        self.venue.now = self.now;
        self.die();
        for action in &self.out.actions {
            self.venue.take(action, self.now);
        }
        for key in std::mem::take(&mut self.venue.overdrawn) {
            let ours = self.core.view().position(key).map(|view| view.qty);
            self.overdrawn += usize::from(ours == Some(self.venue.held(key)));
        }
        self.records.append(&mut self.out.records);
        self.actions.append(&mut self.out.actions);
    }
}
