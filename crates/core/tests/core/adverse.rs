//! Adverse venues over a long time, and answers that cross.
use ripcord_core::bars::BarOrigin;
use ripcord_core::event::{
    Action, Addition, AlarmKind, Event, Opening, OrderFound, Probe, Record, VenueEvent,
};
use ripcord_core::id::{AccountId, OrderId, PositionKey};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::order::{Fill, OrderState};
use ripcord_core::time::Span;

use crate::plan_words::plan_spec;
use crate::world::World;

/// One position of a world.
struct One {
    world: World,
    key: PositionKey,
}

impl One {
    /// A long of `qty` thousandths at 100.00.
    fn long(plan: &str, qty: i64) -> Self {
        let mut world = World::new();
        let instrument = Instrument::from_decimals("X", 2, 3);
        let id = world
            .core
            .add_instrument(instrument.clone(), &[PriceSource::Last], BarOrigin::Ticks)
            .expect("a sound instrument");
        world.venue.list(id, &instrument);
        let spec = plan_spec(plan).expect("a plan in words");
        let plan = world.core.add_plan(spec.resolve(id, &instrument).expect("a sound plan"));
        let plan = plan.expect("its instrument is there");
        let key = PositionKey { account: AccountId(0), instrument: id, side: Side::Long };
        world.open(Opening { key, plan, qty: Qty(qty), entry: Price(100_00), entry_fees: Money::ZERO });
        Self { world, key }
    }

    fn tick(&mut self, price: i64) {
        self.world.price(self.key.instrument, PriceSource::Last, Price(price), Probe::TICK);
    }

    fn time(&mut self, ms: i64) {
        let to = self.world.now.after(Span::from_millis(ms));
        while self.world.core.next_deadline() <= to {
            self.world.now = self.world.core.next_deadline();
            self.world.handle(Event::Timer);
        }
        self.world.now = to;
    }

    fn sent(&self) -> Vec<OrderId> {
        let orders = self.world.actions.iter().filter_map(|action| match action {
            Action::Submit(order) => Some(order.order().id),
            Action::Cancel(_)
            | Action::Query(_)
            | Action::ReadPositions(_)
            | Action::ListOrders(_)
            | Action::CancelForeign(..) => None,
        });
        orders.collect()
    }
}

#[test]
fn a_fill_that_crosses_with_our_cancel_sells_its_leg_once() {
    let mut one = One::long("stop 5%; legs 50%@2%/soft", 4_000);
    let first = one.sent()[0];
    one.tick(100_00);
    let more = Addition { key: one.key, qty: Qty(2), price: Price(100_00), fees: Money::ZERO };
    // The leg is taken away and placed anew; then its fill before the cancel is told.
    one.world.add(more);
    assert_eq!(one.sent().len(), 2);
    let fill = Fill { id: first, filled_total: Qty(2_000), price: Price(102_00), fee: Money::ZERO };
    one.world.handle(Event::Venue(VenueEvent::Filled(Box::new(fill))));
    one.tick(102_00);
    let sold = one.world.records.iter().filter_map(|entry| match &entry.record {
        Record::Filled(filled) if filled.id.leg == 1 => Some(filled.qty.0),
        _ => None,
    });
    assert_eq!(sold.sum::<i64>(), 2_000);
}

#[test]
fn a_venue_that_refuses_for_hours_is_asked_now_and_then_and_the_stop_still_acts() {
    let mut one = One::long("stop 5%; time 10s worst 0.5%", 4_000);
    one.tick(101_00);
    one.time(11_000);
    one.world.venue.mood.refuse = u32::MAX;
    for n in 0..70_000 {
        one.time(100);
        one.tick(101_00 + n % 2);
    }
    assert!(one.sent().len() < 2_000, "{} orders in two hours", one.sent().len());
    assert!(one.world.core.view().orders(one.key).len() < 40, "ended orders are forgotten");
    one.world.venue.mood.refuse = 0;
    one.tick(95_00);
    one.time(10_000);
    assert_eq!(one.world.core.view().position(one.key), None);
}

#[test]
fn a_leg_that_is_refused_for_days_leaves_the_stop_its_numbers() {
    let mut one = One::long("stop 5%; legs 50%@1%", 4_000);
    one.tick(100_00);
    one.world.venue.mood.refuse = u32::MAX;
    for n in 0..70_000 {
        one.time(1_000);
        one.tick(101_00 + n % 2);
    }
    assert!(one.sent().len() < 33_000, "{} orders", one.sent().len());
    assert!(one.world.core.view().orders(one.key).len() < 40, "ended orders are forgotten");
    one.world.venue.mood.refuse = 0;
    one.tick(95_00);
    one.time(10_000);
    assert_eq!(one.world.core.view().position(one.key), None);
}

/// An exit of 4.000 at the market, lost on the way: it is asked about.
fn a_lost_exit() -> (One, OrderId) {
    let mut one = One::long("stop 5%", 4_000);
    one.world.venue.mood.drop = 99;
    one.tick(95_00);
    let exit = *one.sent().last().expect("an exit");
    one.world.handle(Event::Venue(VenueEvent::Silence(exit)));
    (one, exit)
}

impl One {
    fn find(&mut self, id: OrderId, fill: Option<(i64, i64, i128)>) {
        let now = self.world.now;
        let fill = fill.map(|(total, price, fee)| Fill {
            id,
            filled_total: Qty(total),
            price: Price(price),
            fee: Money(fee),
        });
        let found = OrderFound { id, qty: Qty(4_000), placed_at: now, state: OrderState::Filled, fill };
        self.world.handle(Event::Venue(VenueEvent::Found(Box::new(found))));
    }

    fn sold(&self) -> i64 {
        let sold = self.world.records.iter().map(|entry| match &entry.record {
            Record::Filled(filled) => filled.qty.0,
            _ => 0,
        });
        sold.sum()
    }

    fn asked(&self) -> usize {
        self.world.actions.iter().filter(|action| matches!(action, Action::Query(_))).count()
    }
}

#[test]
fn what_is_filled_with_less_than_it_asked_for_is_sent_again_for_the_rest() {
    let (mut one, exit) = a_lost_exit();
    one.find(exit, Some((2_400, 94_90, 0)));
    assert_eq!(one.sold(), 2_400);
    one.time(10_000);
    let again = *one.sent().last().expect("an exit");
    assert_ne!(again, exit, "the rest is still held, and nothing was sent for it");
}

#[test]
fn what_is_filled_and_nobody_says_with_what_is_asked_about_until_somebody_does() {
    let (mut one, exit) = a_lost_exit();
    one.find(exit, None);
    let asked = one.asked();
    one.time(10_000);
    assert!(one.asked() > asked + 1, "nobody asked again");
    assert_eq!((one.sold(), one.sent().len()), (0, 1), "it may have sold everything");
    one.find(exit, Some((4_000, 94_90, 0)));
    assert_eq!(one.sold(), 4_000);
}

#[test]
fn a_fill_of_numbers_that_cannot_be_is_asked_about_and_sells_nothing() {
    for (price, fee) in [(94_90, i128::MAX), (94_90, -i128::MAX), (0, 0), (-5, 0), (i64::MAX, 0)] {
        let (mut one, exit) = a_lost_exit();
        one.find(exit, Some((4_000, price, fee)));
        let fill = Fill { id: exit, filled_total: Qty(4_000), price: Price(price), fee: Money(fee) };
        one.world.handle(Event::Venue(VenueEvent::Filled(Box::new(fill))));
        assert_eq!((one.sold(), one.sent().len()), (0, 1), "{price} {fee}");
        let alarmed = one
            .world
            .records
            .iter()
            .any(|entry| matches!(entry.record, Record::Alarm { what: AlarmKind::FillNotExpected, .. }));
        assert!(alarmed, "{price} {fee}");
        one.find(exit, Some((4_000, 94_90, 7)));
        assert_eq!(one.sold(), 4_000, "{price} {fee}");
    }
}

#[test]
fn an_order_that_the_venue_cut_to_what_is_held_there_is_ours_and_counts() {
    let (mut one, exit) = a_lost_exit();
    let fill = Fill { id: exit, filled_total: Qty(3_000), price: Price(94_90), fee: Money(3) };
    let found = |qty| OrderFound {
        id: exit,
        qty: Qty(qty),
        placed_at: one.world.now,
        state: OrderState::Filled,
        fill: Some(fill),
    };
    let (larger, cut) = (found(5_000), found(3_000));
    one.world.handle(Event::Venue(VenueEvent::Found(Box::new(larger))));
    let collided = one
        .world
        .records
        .iter()
        .any(|entry| matches!(entry.record, Record::Alarm { what: AlarmKind::OrderCollision, .. }));
    assert!(collided, "what is larger than ours is another's");
    assert_eq!(one.sold(), 0);
    one.world.handle(Event::Venue(VenueEvent::Found(Box::new(cut))));
    assert_eq!(one.sold(), 3_000);
    one.time(10_000);
    assert_ne!(*one.sent().last().expect("an exit"), exit, "the rest is still held");
}
