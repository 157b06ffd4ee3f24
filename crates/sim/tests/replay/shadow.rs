//! A shadow beside an account that somebody else trades.

use ripcord_core::Coordinator;
use ripcord_core::account::{AccountMode, Holding, Managed, Management, Reading};
use ripcord_core::bars::BarOrigin;
use ripcord_core::event::{Command, Entry, Probe, Record, Tick};
use ripcord_core::id::{AccountId, InstrumentId, PlanId, PositionKey};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Price, Qty};
use ripcord_core::reason::Reason;
use ripcord_core::time::{Span, Timestamp};
use ripcord_sim::desk::Desk;
use ripcord_sim::plan_file::parse_plan;
use ripcord_sim::shadow::Shadow;
use ripcord_sim::venue::{FillModel, ReadModel, SimVenue};

const LONG: PositionKey =
    PositionKey { account: AccountId(1), instrument: InstrumentId(0), side: Side::Long };
const PLAN: &str =
    "version = 1\nname = \"p\"\nstop_loss = { distance = { fraction = 0.02 } }\nbracket = {}\n";

struct Beside {
    desk: Desk,
    shadow: Shadow,
    now: Timestamp,
    told: Vec<Entry>,
}

impl Beside {
    fn new() -> Self {
        let (mut coordinator, mut venue) = (Coordinator::new(), SimVenue::new(FillModel::HONEST));
        let instrument = Instrument::from_decimals("X", 2, 3);
        let id = coordinator.add_instrument(instrument.clone(), &[PriceSource::Last], BarOrigin::Ticks);
        let id = id.expect("a sound instrument");
        let cell = coordinator.cell(id, PriceSource::Last);
        venue.add_instrument(id, instrument.clone(), &[(PriceSource::Last, cell)]);
        venue.answer_reads(ReadModel::default());
        let spec = parse_plan(PLAN, "plan").expect("a sound plan");
        coordinator.add_plan(spec.resolve(id, &instrument).expect("it fits")).expect("it is there");
        let (now, told) = (Timestamp(1_760_000_000_000_000_000), Vec::new());
        let mut beside = Self { desk: Desk::new(coordinator, venue), shadow: Shadow::new(), now, told };
        let given = Management {
            account: LONG.account,
            mode: AccountMode::Net,
            instruments: vec![Managed { instrument: LONG.instrument, plan: PlanId(0), grant: None }],
            read_every: Some(Span::from_secs(2)),
            confirm_after: Span::from_secs(1),
        };
        let told = &mut beside.told;
        let mut reader = |entry: &Entry| told.push(entry.clone());
        beside.desk.command(beside.now, Command::Manage(Box::new(given)), &mut reader);
        beside
    }

    fn real(&mut self, qty: Option<i64>) {
        let holding = |qty| Holding {
            instrument: LONG.instrument,
            side: Side::Long,
            qty: Qty(qty),
            entry: Some(Price(100_00)),
            leverage: None,
            liquidation: None,
            mark: None,
        };
        let held = qty.map(|qty| (qty > 0).then(|| holding(qty)).into_iter().collect());
        let real = Reading { account: LONG.account, taken_at: self.now, fills_until: self.now, held };
        let told = &mut self.told;
        self.shadow.follow(&mut self.desk, self.now, &real, &mut |entry: &Entry| told.push(entry.clone()));
    }

    fn pass(&mut self, price: i64) {
        for _ in 0..20 {
            self.now = self.now.after(Span::from_secs(1));
            let told = &mut self.told;
            let mut reader = |entry: &Entry| told.push(entry.clone());
            self.desk.advance_to(self.now, &mut reader);
            let cell = self.desk.coordinator.cell(LONG.instrument, PriceSource::Last);
            let tick = Tick { at: self.now, price: Price(price), qty: Qty(0), cell, probe: Probe::TICK };
            self.desk.tick(&tick, &mut reader);
        }
    }

    fn ours(&self) -> i64 {
        self.desk.coordinator.view().position(LONG).map_or(0, |view| view.qty.0)
    }

    fn opened(&self) -> usize {
        self.told.iter().filter(|entry| matches!(entry.record, Record::Opened(_))).count()
    }
}

#[test]
fn a_virtual_close_holds_until_the_real_size_was_zero() {
    let mut beside = Beside::new();
    beside.pass(100_00);
    beside.real(Some(5_000));
    beside.pass(100_00);
    assert_eq!(beside.ours(), 5_000, "what somebody else opened is taken over");
    // The stop closes it virtually; the account holds it still.
    beside.pass(97_00);
    assert_eq!(beside.ours(), 0);
    let stopped =
        |entry: &Entry| matches!(&entry.record, Record::Filled(it) if it.reason == Reason::StopLoss);
    assert!(beside.told.iter().any(stopped));
    for real in [Some(5_000), None, Some(7_000), Some(2_000)] {
        beside.real(real);
        beside.pass(97_00);
        assert_eq!((beside.ours(), beside.opened()), (0, 1), "{real:?}: it is not taken over again");
    }
    assert_eq!(beside.shadow.real(LONG), Qty(2_000));
    beside.real(Some(0));
    beside.pass(97_00);
    beside.real(Some(1_000));
    beside.pass(97_00);
    assert_eq!((beside.ours(), beside.opened()), (1_000, 2), "another life begins after zero");
}

#[test]
fn what_the_account_sells_by_itself_leaves_the_shadow_too() {
    let mut beside = Beside::new();
    beside.pass(100_00);
    beside.real(Some(5_000));
    beside.pass(100_00);
    beside.real(Some(3_000));
    beside.pass(100_00);
    assert_eq!(beside.ours(), 3_000);
    beside.real(None);
    beside.pass(100_00);
    assert_eq!(beside.ours(), 3_000, "an error is never flat");
    beside.real(Some(0));
    beside.pass(100_00);
    assert_eq!(beside.ours(), 0);
}
