//! A desk beside people: the venue is read, and what was done there by hand becomes known.

use ripcord_core::Coordinator;
use ripcord_core::account::{AccountMode, ClosedBy, Managed, Management};
use ripcord_core::bars::BarOrigin;
use ripcord_core::event::{Command, Entry, Event, Opening, Probe, Record, Tick, VenueEvent};
use ripcord_core::id::{AccountId, InstrumentId, PlanId, PositionKey};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::listing::Listed;
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::reason::{Reason, Source};
use ripcord_core::time::{Span, Timestamp};
use ripcord_sim::desk::Desk;
use ripcord_sim::plan_file::parse_plan;
use ripcord_sim::venue::{FillModel, ReadModel, SimVenue};

const START: Timestamp = Timestamp(1_760_000_000_000_000_000);
pub(crate) const LONG: PositionKey =
    PositionKey { account: AccountId(1), instrument: InstrumentId(0), side: Side::Long };
const PLAN: &str =
    "version = 1\nname = \"p\"\nstop_loss = { distance = { fraction = 0.02 } }\nbracket = {}\n";

struct Beside {
    desk: Desk,
    now: Timestamp,
    told: Vec<Entry>,
}

impl Beside {
    fn new(model: ReadModel) -> Self {
        let (mut coordinator, mut venue) = (Coordinator::new(), SimVenue::new(FillModel::HONEST));
        let instrument = Instrument::from_decimals("X", 2, 3);
        let id = coordinator.add_instrument(instrument.clone(), &[PriceSource::Last], BarOrigin::Ticks);
        let id = id.expect("a sound instrument");
        let cell = coordinator.cell(id, PriceSource::Last);
        venue.add_instrument(id, instrument.clone(), &[(PriceSource::Last, cell)]);
        venue.answer_reads(model);
        let spec = parse_plan(PLAN, "plan").expect("a sound plan");
        coordinator.add_plan(spec.resolve(id, &instrument).expect("it fits")).expect("it is there");
        Self { desk: Desk::new(coordinator, venue), now: START, told: Vec::new() }
    }

    fn manage(&mut self) {
        let given = Management {
            account: LONG.account,
            mode: AccountMode::Net,
            instruments: vec![Managed { instrument: LONG.instrument, plan: PlanId(0), grant: None }],
            read_every: Some(Span::from_secs(60)),
            confirm_after: Span::from_secs(5),
        };
        let told = &mut self.told;
        self.desk.command(self.now, Command::Manage(Box::new(given)), &mut |entry: &Entry| {
            told.push(entry.clone());
        });
    }

    fn pass(&mut self, secs: i64) {
        self.now = self.now.after(Span::from_secs(secs));
        let told = &mut self.told;
        self.desk.advance_to(self.now, &mut |entry: &Entry| told.push(entry.clone()));
    }

    fn price(&mut self, price: i64) {
        let cell = self.desk.coordinator.cell(LONG.instrument, PriceSource::Last);
        let tick = Tick { at: self.now, price: Price(price), qty: Qty(0), cell, probe: Probe::TICK };
        let told = &mut self.told;
        self.desk.tick(&tick, &mut |entry: &Entry| told.push(entry.clone()));
    }

    fn by_hand(&mut self, qty: i64, price: i64, is_told: bool) {
        let told = &mut self.told;
        self.desk.trade_by_hand(self.now, LONG, (qty, Price(price)), is_told, &mut |entry: &Entry| {
            told.push(entry.clone());
        });
    }

    fn open(&mut self, qty: i64) {
        let (key, told) = (LONG, &mut self.told);
        let opening =
            Opening { key, plan: PlanId(0), qty: Qty(qty), entry: Price(100_00), entry_fees: Money::ZERO };
        self.desk.open(self.now, opening, &mut |entry: &Entry| told.push(entry.clone()));
    }

    fn held(&self) -> (i64, i64) {
        let view = self.desk.coordinator.view().position(LONG);
        (view.map_or(0, |view| view.qty.0), self.desk.venue.held(LONG).0)
    }

    fn left(&self) -> Vec<(Qty, Option<Price>, Reason, Source)> {
        let left = self.told.iter().filter_map(|entry| match &entry.record {
            Record::LeftOutside(left) => Some((left.qty, left.price, left.reason, left.source)),
            _ => None,
        });
        left.collect()
    }

    fn reads(&self) -> usize {
        let is_read =
            |entry: &&Entry| matches!(entry.record, Record::Input(Event::Venue(VenueEvent::Read(_))));
        self.told.iter().filter(is_read).count()
    }
}

#[test]
fn a_position_that_somebody_opened_is_found_protected_and_stopped_out() {
    let mut beside = Beside::new(ReadModel::default());
    beside.price(100_00);
    beside.by_hand(2_000, 90_00, false);
    beside.pass(1);
    beside.manage();
    beside.pass(1);
    assert_eq!(beside.held(), (2_000, 2_000));
    let view = beside.desk.coordinator.view().position(LONG).expect("found");
    assert_eq!((view.entry, view.effective_stop), (Price(90_00), Some(Price(98_00))));
    beside.price(97_90);
    beside.pass(1);
    assert_eq!(beside.held(), (0, 0));
    let filled = beside.told.iter().find_map(|entry| match &entry.record {
        Record::Filled(filled) => Some((filled.reason, filled.source)),
        _ => None,
    });
    assert_eq!(filled, Some((Reason::StopLoss, Source::ExchangeBracket)));
}

#[test]
fn what_a_person_does_is_believed_after_two_reads_and_not_before() {
    let mut beside = Beside::new(ReadModel::default());
    beside.price(100_00);
    beside.open(2_000);
    beside.manage();
    beside.pass(2);
    beside.by_hand(-1_500, 101_00, false);
    beside.pass(62);
    assert_eq!(beside.held(), (2_000, 500), "one read is none");
    beside.pass(6);
    assert_eq!(beside.held(), (500, 500));
    beside.by_hand(1_500, 104_00, false);
    beside.pass(70);
    assert_eq!(beside.held(), (2_000, 2_000));
    let entry = beside.desk.coordinator.view().position(LONG).expect("held").entry;
    assert_eq!(entry, Price(103_00), "(500 at 100 and 1500 at 104)");
    beside.by_hand(-2_000, 101_00, false);
    beside.pass(70);
    assert_eq!(beside.held(), (0, 0));
    let unknown = |qty| (Qty(qty), None, Reason::Manual, Source::External);
    assert_eq!(beside.left(), [unknown(1_500), unknown(2_000)]);
}

#[test]
fn what_the_venue_tells_is_believed_at_once_with_its_price() {
    let mut beside = Beside::new(ReadModel::default());
    beside.price(100_00);
    beside.open(2_000);
    beside.manage();
    beside.pass(2);
    beside.by_hand(-500, 101_00, true);
    beside.pass(1);
    beside.price(99_00);
    let told = &mut beside.told;
    beside.desk.close_by_venue(beside.now, LONG, Qty(1_500), ClosedBy::Liquidation, &mut |entry: &Entry| {
        told.push(entry.clone());
    });
    beside.pass(1);
    assert_eq!(beside.held(), (0, 0));
    let expected = [
        (Qty(500), Some(Price(101_00)), Reason::Manual, Source::External),
        (Qty(1_500), Some(Price(99_00)), Reason::Liquidation, Source::External),
    ];
    assert_eq!(beside.left(), expected);
}

#[test]
fn reads_that_lag_or_fail_end_nothing_that_lives() {
    let mut beside = Beside::new(ReadModel { lag: Span::from_secs(4), fails_every: 2 });
    beside.price(100_00);
    beside.pass(10);
    beside.manage();
    beside.open(2_000);
    // Reads of before the opening say that there is nothing.
    beside.pass(300);
    assert_eq!(beside.held(), (2_000, 2_000));
    assert_eq!(beside.left(), []);
    // What is gone is found all the same, only later.
    beside.by_hand(-2_000, 100_00, false);
    beside.pass(300);
    assert_eq!(beside.held(), (0, 0));
}

#[test]
fn a_read_that_says_nothing_new_leaves_no_trace() {
    let mut beside = Beside::new(ReadModel::default());
    beside.price(100_00);
    beside.open(2_000);
    beside.manage();
    beside.pass(600);
    assert_eq!(beside.reads(), 1, "only the first read is told");
    let asked = beside.told.iter().filter(|entry| entry.record == Record::Input(Event::Timer)).count();
    assert_eq!(asked, 10 + 60, "each time it is asked for is, and so is each list of what rests");
    let is_list = |entry: &&Entry| matches!(&entry.record, Record::Input(Event::Venue(VenueEvent::Listed(it))) if it.orders == Listed::AsKnown);
    assert_eq!(beside.told.iter().filter(is_list).count(), 60, "in a few bytes");
}
