//! A coordinator and a simulated venue, wired: what one says, the other hears.
//!
//! Replay, paper run and tests drive the same desk; it decides nothing and knows no clock.

use ripcord_core::account::ClosedBy;
use ripcord_core::cell::CellId;
use ripcord_core::coordinator::Coordinator;
use ripcord_core::event::{Command, Entry, Event, Observed, Opening, Outbox, ProbeFill, Record, Tick};
use ripcord_core::id::{InstrumentId, PositionKey};
use ripcord_core::market::Bar;
use ripcord_core::num::{Price, Qty, Ratio};
use ripcord_core::time::Timestamp;

use crate::venue::{Answer, SimVenue};

mod port;
mod resume;

pub use port::Venue;

/// Who reads the records of a desk, in order.
pub trait Reader {
    /// One record.
    fn read(&mut self, entry: &Entry);

    /// Actions are about to leave that depend on the records read so far. Whoever keeps records makes
    /// them durable here; `false` holds the actions back, and the desk acts no more.
    fn keep(&mut self) -> bool {
        true
    }
}

impl<F: FnMut(&Entry)> Reader for F {
    fn read(&mut self, entry: &Entry) {
        self(entry);
    }
}

/// One coordinator trading at one venue.
#[derive(Debug)]
pub struct Desk<V = SimVenue> {
    /// The owner of the exits.
    pub coordinator: Coordinator,
    /// The exchange.
    pub venue: V,
    out: Outbox,
    answers: Vec<Answer>,
    /// The buffer that is not in use.
    spare: Vec<Answer>,
    /// Records could not be kept: nothing is sent any more.
    is_halted: bool,
}

impl<V: Venue> Desk<V> {
    /// Both, with nothing between them yet.
    #[must_use]
    pub fn new(coordinator: Coordinator, venue: V) -> Self {
        let (answers, spare) = (Vec::new(), Vec::new());
        Self { coordinator, venue, out: Outbox::default(), answers, spare, is_halted: false }
    }

    /// Whether records could not be kept, so that nothing is sent any more.
    #[must_use]
    pub const fn is_halted(&self) -> bool {
        self.is_halted
    }

    /// Takes one price: the venue first (what rested there trades), then the coordinator.
    #[inline(always)]
    pub fn tick(&mut self, tick: &Tick, reader: &mut impl Reader) {
        self.tick_at(tick.at, tick, reader);
    }

    /// Takes a price that comes later than its own time.
    #[inline(always)]
    pub fn tick_at(&mut self, now: Timestamp, tick: &Tick, reader: &mut impl Reader) {
        if !self.take_quiet_at(now, tick) {
            self.take_waking(now, tick, reader);
        }
    }

    /// Takes a price that concerns neither side; `false` when it would, and nothing changed.
    #[inline(always)]
    pub fn take_quiet(&mut self, tick: &Tick) -> bool {
        self.take_quiet_at(tick.at, tick)
    }

    #[inline(always)]
    fn take_quiet_at(&mut self, now: Timestamp, tick: &Tick) -> bool {
        let quiet = self.coordinator.is_quiet(now, tick) & self.venue.is_quiet(now, tick);
        if quiet {
            self.coordinator.take_quiet(tick);
            self.venue.take_quiet(tick);
        }
        quiet
    }

    #[inline(never)]
    fn take_waking(&mut self, now: Timestamp, tick: &Tick, reader: &mut impl Reader) {
        if now >= self.next_deadline() {
            self.advance_to(now, reader);
        }
        self.venue.tick(now, tick, &mut self.answers);
        if !self.answers.is_empty() {
            self.settle(ProbeFill::Market, reader);
        }
        self.coordinator.tick(now, tick, &mut self.out);
        if !self.out.is_empty() {
            self.settle_at(now, tick.probe.fill, reader);
        }
    }

    /// Takes a stretch of prices that concern neither side.
    pub fn observe(&mut self, now: Timestamp, observed: &Observed) {
        self.venue.observe(observed);
        self.coordinator.handle(now, Event::Observed(*observed), &mut self.out);
        debug_assert!(self.out.is_empty(), "a quiet stretch causes nothing");
    }

    /// Has the quiet prices told that nothing has told yet. Prices may have times of a clock that is ahead of
    /// ours; what is told of them stands at our own time, between the timers before and behind it.
    pub fn checkpoint_at(&mut self, now: Timestamp, reader: &mut impl Reader) {
        self.coordinator.checkpoint(now, &mut self.out);
        for entry in &self.out.records {
            reader.read(entry);
        }
        self.out.clear();
    }

    /// Has the quiet prices told that nothing has told yet, each at the time of its last price.
    pub fn checkpoint(&mut self, reader: &mut impl Reader) {
        self.coordinator.checkpoint(Timestamp::MIN, &mut self.out);
        for entry in &mut self.out.records {
            if let Record::Observed(observed) = &entry.record {
                entry.at = observed.at;
            }
            reader.read(entry);
        }
        self.out.clear();
    }

    /// The next moment at which either side wants to be called.
    #[must_use]
    #[inline(always)]
    pub fn next_deadline(&self) -> Timestamp {
        self.coordinator.next_deadline().min(self.venue.next_deadline())
    }

    /// Lets everything happen that is due up to `now`, moment by moment; at the same moment the
    /// venue's answers come before our timers.
    pub fn advance_to(&mut self, now: Timestamp, reader: &mut impl Reader) {
        self.venue.listen(now);
        loop {
            let at = self.next_deadline();
            if at > now {
                return;
            }
            if self.venue.next_deadline() <= at {
                self.venue.advance(at, &mut self.answers);
                self.settle(ProbeFill::Market, reader);
            } else {
                self.coordinator.handle(at, Event::Timer, &mut self.out);
                self.settle_at(at, ProbeFill::Market, reader);
            }
        }
    }

    /// Lets the coordinator take a position over, and books it at the venue if it does.
    pub fn open(&mut self, now: Timestamp, opening: Opening, reader: &mut impl Reader) {
        self.coordinator.handle(now, Event::Command(Command::Open(Box::new(opening))), &mut self.out);
        // An opening that is refused is nobody's position: what the books hold can be sold by an order.
        if self.out.records.iter().any(|entry| matches!(entry.record, Record::Opened(_))) {
            self.venue.booked(now, opening.key, opening.qty, opening.entry);
        }
        self.settle_at(now, ProbeFill::Market, reader);
    }

    /// Passes a command on.
    pub fn command(&mut self, now: Timestamp, command: Command, reader: &mut impl Reader) {
        self.coordinator.handle(now, Event::Command(command), &mut self.out);
        for entry in &self.out.records {
            if let Record::Added(added) = &entry.record {
                self.venue.booked(now, added.episode.key, added.qty, added.price);
            }
        }
        self.settle_at(now, ProbeFill::Market, reader);
    }

    /// Passes a closed bar on.
    pub fn bar(&mut self, now: Timestamp, bar: Bar, reader: &mut impl Reader) {
        self.advance_to(now, reader);
        self.coordinator.handle(now, Event::Bar(bar), &mut self.out);
        self.settle_at(now, ProbeFill::Market, reader);
    }

    /// The prices of a cell that concern neither side.
    #[must_use]
    pub fn quiet(&self, cell: CellId) -> ripcord_core::cell::Band {
        self.coordinator.quiet(cell).joint(self.venue.quiet(cell))
    }

    /// Passes on what the coordinator said, then the venue's answers, until both are silent.
    #[cold]
    #[inline(never)]
    fn settle_at(&mut self, now: Timestamp, fill: ProbeFill, reader: &mut impl Reader) {
        self.pass_on(now, fill, reader);
        self.settle(fill, reader);
    }

    #[cold]
    #[inline(never)]
    fn settle(&mut self, fill: ProbeFill, reader: &mut impl Reader) {
        while !self.answers.is_empty() {
            let mut answers = std::mem::replace(&mut self.answers, std::mem::take(&mut self.spare));
            for (at, event) in answers.drain(..) {
                self.coordinator.handle(at, Event::Venue(event), &mut self.out);
                self.pass_on(at, fill, reader);
            }
            self.spare = answers;
        }
    }

    fn pass_on(&mut self, now: Timestamp, fill: ProbeFill, reader: &mut impl Reader) {
        for entry in &self.out.records {
            reader.read(entry);
        }
        if !self.out.actions.is_empty() && !self.is_halted {
            self.is_halted = !reader.keep();
        }
        if self.is_halted {
            self.out.actions.clear();
        }
        if !self.out.actions.is_empty() {
            self.venue.act(now, &self.out.actions, fill, &mut self.answers);
        }
        self.out.clear();
    }
}

/// What only a simulated venue does.
impl Desk {
    /// Lets the venue settle funding.
    pub fn funding(
        &mut self,
        now: Timestamp,
        instrument: InstrumentId,
        rate: Ratio,
        reader: &mut impl Reader,
    ) {
        self.advance_to(now, reader);
        self.venue.settle_funding(now, instrument, rate, &mut self.answers);
        self.settle(ProbeFill::Market, reader);
    }

    /// Somebody trades by hand at the venue: `qty` more of a position, or less of it.
    pub fn trade_by_hand(
        &mut self,
        now: Timestamp,
        key: PositionKey,
        trade: (i64, Price),
        is_told: bool,
        reader: &mut impl Reader,
    ) {
        self.advance_to(now, reader);
        self.venue.trade_by_hand(now, key, trade, is_told, &mut self.answers);
        self.settle(ProbeFill::Market, reader);
    }

    /// The venue closes (part of) a position by itself.
    pub fn close_by_venue(
        &mut self,
        now: Timestamp,
        key: PositionKey,
        qty: Qty,
        by: ClosedBy,
        reader: &mut impl Reader,
    ) {
        self.advance_to(now, reader);
        self.venue.close_by_venue(now, key, qty, by, &mut self.answers);
        self.settle(ProbeFill::Market, reader);
    }
}
