//! What a quiet position costs: bytes per position, counted by the allocator.
#![allow(unsafe_code, reason = "a counting allocator cannot be written without")]
#![allow(clippy::print_stdout, reason = "the figure is what the test is for")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

use ripcord_core::Coordinator;
use ripcord_core::bars::BarOrigin;
use ripcord_core::event::{Action, Command, Event, Opening, Outbox, Probe, Tick, VenueEvent};
use ripcord_core::id::{AccountId, PositionKey};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Decimal, Money, Price, Qty};
use ripcord_core::plan::PlanSpec;
use ripcord_core::plan::spec::{DistanceSpec, LadderSpec, LegSpec, StopLossSpec, TrailingSpec};
use ripcord_core::time::Timestamp;

struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(layout.size(), Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const POSITIONS: u32 = 100_000;
/// With its resting target, its stop and its trailing stop: 192 for the position and its order, 20
/// for its bucket, the rest for two heap entries.
const BYTES_MAX: usize = 256;

#[test]
fn a_quiet_position_costs_at_most_256_bytes() {
    let mut core = Coordinator::new();
    let instrument = Instrument::from_decimals("BTC", 2, 3);
    let id = core.add_instrument(instrument.clone(), &[PriceSource::Last], BarOrigin::Ticks).expect("sound");
    let decimal = |text: &str| text.parse::<Decimal>().expect("a number");
    let share = |text| DistanceSpec { fraction: Some(decimal(text)), ..DistanceSpec::default() };
    let mut spec = PlanSpec::empty("stop, target, trailing stop");
    spec.stop_loss = Some(StopLossSpec { distance: share("0.05"), ..StopLossSpec::default() });
    spec.trailing = Some(TrailingSpec { distance: share("0.04"), ..TrailingSpec::default() });
    let leg =
        LegSpec { close: decimal("0.5"), at: Some(decimal("0.1")), at_r: None, at_price: None, soft: true };
    spec.ladder = Some(LadderSpec { legs: vec![leg], ..LadderSpec::default() });
    let plan = core.add_plan(spec.resolve(id, &instrument).expect("a sound plan")).expect("registered");
    let mut out = Outbox::default();
    let cell = core.cell(id, PriceSource::Last);
    let tick = |price| Tick { at: Timestamp(1), price: Price(price), qty: Qty(0), cell, probe: Probe::TICK };
    core.tick(Timestamp(1), &tick(100_000), &mut out);

    let before = HELD.load(Ordering::Relaxed);
    core.reserve(POSITIONS as usize);
    let reserved = HELD.load(Ordering::Relaxed) - before;
    let mut outbox = 0;
    for n in 0..POSITIONS {
        let key = PositionKey { account: AccountId(n), instrument: id, side: Side::Long };
        let entry = Price(100_000 + i64::from(n % 500));
        let opening = Opening { key, plan, qty: Qty(1_000), entry, entry_fees: Money::ZERO };
        core.handle(Timestamp(2), Event::Command(Command::Open(Box::new(opening))), &mut out);
        let orders: Vec<_> = out.actions.drain(..).collect();
        // A quiet position's orders are answered.
        for action in orders {
            let Action::Submit(order) = action else { continue };
            let accepted = VenueEvent::Accepted(order.order().id);
            core.handle(Timestamp(2), Event::Venue(accepted), &mut out);
        }
        // The outbox is the caller's.
        outbox = out.actions.capacity() * size_of::<Action>()
            + out.records.capacity() * size_of_val(&out.records[0]);
        out.clear();
    }
    let each = (HELD.load(Ordering::Relaxed) - before).saturating_sub(outbox) / POSITIONS as usize;
    println!(
        "{each} bytes per position with its orders and watches, {} of them reserved",
        reserved / POSITIONS as usize
    );
    assert_eq!(core.view().held(), POSITIONS as usize);
    assert!(each <= BYTES_MAX, "a quiet position costs {each} bytes, at most {BYTES_MAX} were promised");
}
