//! A shadow beside an account that somebody else trades.

use std::sync::{Arc, Mutex};

use ripcord_core::Coordinator;
use ripcord_core::account::{AccountMode, Holding, Managed, Management, Reading};
use ripcord_core::bars::BarOrigin;
use ripcord_core::cell::CellId;
use ripcord_core::event::{Action, Command, Entry, Probe, ProbeFill, Record, Tick, VenueEvent};
use ripcord_core::id::{InstrumentId, PlanId, PositionKey};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Price, Qty};
use ripcord_core::reason::Reason;
use ripcord_core::time::{Span, Timestamp};
use ripcord_core::view::LivingOrder;
use ripcord_sim::desk::{Desk, Venue};
use ripcord_sim::plan_file::parse_plan;
use ripcord_sim::shadow::Shadow;
use ripcord_sim::venue::Answer;

use crate::reads::LONG;

const START: Timestamp = Timestamp(1_760_000_000_000_000_000);
const PLAN: &str =
    "version = 1\nname = \"p\"\nstop_loss = { distance = { fraction = 0.02 } }\nbracket = {}\n";

/// The real account: so much is held; `None` when it cannot be read.
#[derive(Debug, Clone)]
struct Account {
    held: Arc<Mutex<Option<i64>>>,
    /// Whatever is asked of it that is no read.
    touched: Arc<Mutex<usize>>,
}

impl Venue for Account {
    fn add_instrument(&mut self, _: InstrumentId, _: Instrument, _: &[(PriceSource, CellId)]) {}

    fn act(&mut self, now: Timestamp, actions: &[Action], _: ProbeFill, out: &mut Vec<Answer>) {
        for action in actions {
            let Action::ReadPositions(account) = *action else {
                *self.touched.lock().expect("whole") += 1;
                continue;
            };
            let holding = |qty| Holding {
                instrument: LONG.instrument,
                side: Side::Long,
                qty: Qty(qty),
                entry: Some(Price(100_00)),
                leverage: None,
                liquidation: None,
                mark: None,
            };
            let held = *self.held.lock().expect("whole");
            let held = held.map(|qty| (qty > 0).then(|| holding(qty)).into_iter().collect());
            let reading = Reading { account, taken_at: now, fills_until: now, held };
            out.push((now, VenueEvent::Read(Box::new(reading))));
        }
    }

    fn next_deadline(&self) -> Timestamp {
        Timestamp::NEVER
    }

    fn advance(&mut self, _: Timestamp, _: &mut Vec<Answer>) {}

    fn meet_again(&mut self, _: Timestamp, _: &LivingOrder, _: &mut Vec<Answer>) {}
}

struct Shadowed {
    desk: Desk<Shadow<Account>>,
    account: Account,
    now: Timestamp,
    told: Vec<Entry>,
}

impl Shadowed {
    fn new() -> Self {
        let (held, touched) = (Arc::new(Mutex::new(Some(0))), Arc::default());
        Self::going_on(Account { held, touched }, START, None)
    }

    /// At its beginning, or behind what a coordinator knew and had closed of its last life.
    fn going_on(account: Account, now: Timestamp, past: Option<(Coordinator, i64)>) -> Self {
        let mut venue = Shadow::beside(account.clone());
        let instrument = Instrument::from_decimals("X", 2, 3);
        let sources = [PriceSource::Last];
        let (coordinator, closed) = past.map_or_else(
            || {
                let mut coordinator = Coordinator::new();
                let id = coordinator.add_instrument(instrument.clone(), &sources, BarOrigin::Ticks);
                let spec = parse_plan(PLAN, "plan").expect("a sound plan");
                let plan = spec.resolve(id.expect("sound"), &instrument).expect("it fits");
                coordinator.add_plan(plan).expect("it is there");
                (coordinator, None)
            },
            |(coordinator, closed)| (coordinator, Some(closed)),
        );
        let fed = [(PriceSource::Last, coordinator.cell(LONG.instrument, PriceSource::Last))];
        venue.add_instrument(LONG.instrument, instrument, &fed);
        let mut told = Vec::new();
        let desk = match closed {
            None => Desk::new(coordinator, venue),
            Some(closed) => {
                venue.recall_closed(LONG, Qty(closed));
                Desk::resume(coordinator, venue, now, &mut |entry: &Entry| told.push(entry.clone()))
            }
        };
        let mut shadowed = Self { desk, account, now, told };
        let given = Management {
            account: LONG.account,
            mode: AccountMode::Net,
            instruments: vec![Managed { instrument: LONG.instrument, plan: PlanId(0), grant: None }],
            read_every: Some(Span::from_secs(2)),
            confirm_after: Span::from_secs(1),
        };
        let Self { desk, now, told, .. } = &mut shadowed;
        desk.command(*now, Command::Manage(Box::new(given)), &mut |entry: &Entry| told.push(entry.clone()));
        shadowed
    }

    /// The process ends; another one goes on from what the journal knows.
    fn restarted(self) -> Self {
        let sold = |entry: &Entry| match &entry.record {
            Record::Filled(filled) => filled.qty.0,
            _ => 0,
        };
        let opened = self.told.iter().rposition(|entry| matches!(entry.record, Record::Opened(_)));
        let closed = self.told[opened.unwrap_or(0)..].iter().map(sold).sum();
        let mut next = Self::going_on(self.account, self.now, Some((self.desk.coordinator, closed)));
        next.told.splice(0..0, self.told);
        next
    }

    fn real(&self, qty: Option<i64>) {
        *self.account.held.lock().expect("whole") = qty;
    }

    fn pass(&mut self, price: i64) {
        for _ in 0..20 {
            self.now = self.now.after(Span::from_secs(1));
            let Self { desk, now, told, .. } = self;
            let mut reader = |entry: &Entry| told.push(entry.clone());
            desk.advance_to(*now, &mut reader);
            let cell = desk.coordinator.cell(LONG.instrument, PriceSource::Last);
            let tick = Tick { at: *now, price: Price(price), qty: Qty(0), cell, probe: Probe::TICK };
            desk.tick(&tick, &mut reader);
        }
    }

    fn ours(&self) -> i64 {
        let key: PositionKey = LONG;
        self.desk.coordinator.view().position(key).map_or(0, |view| view.qty.0)
    }

    fn opened(&self) -> usize {
        self.told.iter().filter(|entry| matches!(entry.record, Record::Opened(_))).count()
    }
}

#[test]
fn a_virtual_close_holds_until_the_real_size_was_zero() {
    let mut shadowed = Shadowed::new();
    shadowed.pass(100_00);
    shadowed.real(Some(5_000));
    shadowed.pass(100_00);
    assert_eq!(shadowed.ours(), 5_000, "what somebody else opened is taken over");
    // The stop closes it virtually; the account holds it still.
    shadowed.pass(97_00);
    assert_eq!(shadowed.ours(), 0);
    let stopped =
        |entry: &Entry| matches!(&entry.record, Record::Filled(it) if it.reason == Reason::StopLoss);
    assert!(shadowed.told.iter().any(stopped));
    for real in [Some(5_000), None, Some(7_000), Some(2_000)] {
        shadowed.real(real);
        shadowed.pass(97_00);
        assert_eq!((shadowed.ours(), shadowed.opened()), (0, 1), "{real:?}: it is not taken over again");
    }
    shadowed.real(Some(0));
    shadowed.pass(97_00);
    shadowed.real(Some(1_000));
    shadowed.pass(97_00);
    assert_eq!((shadowed.ours(), shadowed.opened()), (1_000, 2), "another life begins after zero");
    assert_eq!(*shadowed.account.touched.lock().expect("whole"), 0, "the account was only read");
}

#[test]
fn what_the_account_sells_by_itself_leaves_the_shadow_too() {
    let mut shadowed = Shadowed::new();
    shadowed.pass(100_00);
    shadowed.real(Some(5_000));
    shadowed.pass(100_00);
    shadowed.real(Some(3_000));
    shadowed.pass(100_00);
    assert_eq!(shadowed.ours(), 3_000);
    shadowed.real(None);
    shadowed.pass(100_00);
    assert_eq!(shadowed.ours(), 3_000, "an error is never flat");
    shadowed.real(Some(0));
    shadowed.pass(100_00);
    assert_eq!(shadowed.ours(), 0);
}

#[test]
fn a_virtual_close_outlives_the_process() {
    let mut shadowed = Shadowed::new();
    shadowed.real(Some(5_000));
    shadowed.pass(100_00);
    shadowed = shadowed.restarted();
    shadowed.pass(100_00);
    assert_eq!((shadowed.ours(), shadowed.opened()), (5_000, 1), "a restart takes nothing over twice");
    shadowed.pass(97_00);
    assert_eq!(shadowed.ours(), 0);
    shadowed = shadowed.restarted();
    shadowed.pass(97_00);
    assert_eq!((shadowed.ours(), shadowed.opened()), (0, 1), "the account holds it still");
    shadowed.real(Some(0));
    shadowed.pass(97_00);
    shadowed.real(Some(1_000));
    shadowed.pass(97_00);
    assert_eq!((shadowed.ours(), shadowed.opened()), (1_000, 2));
}
