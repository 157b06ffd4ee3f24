//! A coordinator with two instruments and plans, prices from a seed, and a venue that answers at once.

use ripcord_core::Coordinator;
use ripcord_core::bars::BarOrigin;
use ripcord_core::event::{
    Action, Command, Entry, Event, Opening, Outbox, Probe, Record, RefusedWhy, Tick, VenueEvent,
};
use ripcord_core::id::{AccountId, InstrumentId, PlanId, PositionKey};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::order::{ExitOrder, Fill};
use ripcord_core::plan::PlanSpec;
use ripcord_core::time::Timestamp;
use ripcord_journal::JournalEntry;
use ripcord_journal::entry::{InstrumentEntry, PlanEntry};

const PLANS: [&str; 2] = [
    r#"{"version":1,"name":"swing","stop_loss":{"distance":{"fraction":"0.02"}},
        "trailing":{"distance":{"fraction":"0.01"},"activation":"0.005"},"time_limit":{"after_secs":900}}"#,
    r#"{"version":1,"name":"atr","atr":{"bar_secs":60,"period":3},
        "stop_loss":{"distance":{"atr":"3","fraction":"0.03"}},
        "ladder":{"legs":[{"at":"0.01","close":"0.5"}]}}"#,
];

pub(crate) struct World {
    pub(crate) core: Coordinator,
    /// Everything written down so far.
    pub(crate) journal: Vec<JournalEntry>,
    out: Outbox,
    state: u64,
    now: Timestamp,
    prices: [i64; 2],
    /// Orders whose answers are still to come.
    pending: Vec<ExitOrder>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let (mut core, mut journal) = (Coordinator::new(), Vec::new());
        for (number, text) in PLANS.iter().enumerate() {
            let id = InstrumentId(number as u32);
            let rules = Instrument::from_decimals(["BTCUSDT", "ETHUSDT"][number], 2, 3);
            let sources = vec![PriceSource::Last];
            let bars = BarOrigin::Ticks;
            core.add_instrument(rules.clone(), &sources, bars).expect("an instrument");
            let spec: PlanSpec = serde_json::from_str(text).expect("a plan");
            core.add_plan(spec.resolve(id, &rules).expect("sound")).expect("its instrument is known");
            journal.push(JournalEntry::Instrument(Box::new(InstrumentEntry { rules, sources, bars })));
            journal.push(JournalEntry::Plan(Box::new(PlanEntry { instrument: id, spec })));
        }
        let state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
        let (now, prices) = (Timestamp(1_000_000_000), [6_000_000, 250_000]);
        Self { core, journal, out: Outbox::default(), state, now, prices, pending: Vec::new() }
    }

    /// So many prices, with openings, answers and funding between them.
    pub(crate) fn play(&mut self, steps: usize) {
        for _ in 0..steps {
            self.now = Timestamp(self.now.0 + 1 + self.draw(4_000_000_000));
            let which = self.draw(2) as usize;
            let reach = self.prices[which] / 400;
            self.prices[which] += self.draw(2 * reach + 1) - reach;
            let cell = self.core.cell(InstrumentId(which as u32), PriceSource::Last);
            let price = Price(self.prices[which]);
            let tick = Tick { at: self.now, price, qty: Qty(1), cell, probe: Probe::TICK };
            self.step(Event::Tick(tick));
            match self.draw(12) {
                0 => self.open(which),
                1 if self.core.next_deadline() <= self.now => self.step(Event::Timer),
                2..=7 => self.answer(),
                _ => {}
            }
        }
    }

    /// Tells the quiet prices since the last step: then the journal alone holds all of the state.
    pub(crate) fn checkpoint(&mut self) {
        self.core.checkpoint(self.now, &mut self.out);
        self.write();
    }

    fn open(&mut self, which: usize) {
        let side = if self.draw(2) == 0 { Side::Long } else { Side::Short };
        let key = PositionKey {
            account: AccountId(self.draw(3) as u32),
            instrument: InstrumentId(which as u32),
            side,
        };
        let qty = Qty(1 + self.draw(5_000));
        let (plan, entry, entry_fees) = (PlanId(which as u32), Price(self.prices[which]), Money(10));
        let opening = Opening { key, plan, qty, entry, entry_fees };
        self.step(Event::Command(Command::Open(Box::new(opening))));
    }

    fn answer(&mut self) {
        let Some(order) = self.pending.pop() else { return };
        let price = Price(self.prices[order.id.episode.key.instrument.0 as usize]);
        let event = match self.draw(6) {
            0 => VenueEvent::Refused(order.id, RefusedWhy::Busy),
            1 => VenueEvent::Accepted(order.id),
            _ => VenueEvent::Filled(Box::new(Fill {
                id: order.id,
                filled_total: order.qty,
                price,
                fee: Money(3),
            })),
        };
        if matches!(event, VenueEvent::Accepted(_)) {
            self.pending.insert(0, order);
        }
        self.step(Event::Venue(event));
    }

    fn step(&mut self, event: Event) {
        self.core.handle(self.now, event, &mut self.out);
        self.write();
    }

    fn write(&mut self) {
        for action in self.out.actions.drain(..) {
            match action {
                Action::Submit(approved) => self.pending.push(*approved.order()),
                Action::Cancel(id) => self.pending.retain(|order| order.id != id),
                Action::Query(_)
                | Action::ReadPositions(_)
                | Action::ListOrders(_)
                | Action::CancelForeign(..) => {}
            }
        }
        self.journal.extend(self.out.records.drain(..).map(JournalEntry::Fact));
    }

    fn draw(&mut self, below: i64) -> i64 {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) as i64 % below
    }
}

/// How many facts of some sort a journal holds.
pub(crate) fn count(journal: &[JournalEntry], wanted: fn(&Record) -> bool) -> usize {
    let is =
        |entry: &&JournalEntry| matches!(entry, JournalEntry::Fact(Entry { record, .. }) if wanted(record));
    journal.iter().filter(is).count()
}
