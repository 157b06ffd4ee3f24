//! The door never fails: what cannot be is refused or ignored, and the positions do not notice.

use std::collections::BTreeSet;

use ripcord_core::Coordinator;
use ripcord_core::account::{ClosedBy, Holding, OutsideClose, Reading};
use ripcord_core::bars::BarOrigin;
use ripcord_core::cell::CellId;
use ripcord_core::event::{
    Action, Addition, Command, Entry, Event, Opening, OrderFound, Outbox, Probe, Record, RefusedWhy, Tick,
    VenueEvent,
};
use ripcord_core::id::{AccountId, EpisodeId, InstrumentId, OrderId, PlanId, PositionKey};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::listing::{ForeignId, Listed, Listing, OpenOrder, Whose};
use ripcord_core::market::{Bar, PriceSource};
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::order::{Fill, OrderKind, OrderState};
use ripcord_core::time::{Span, Timestamp};

use crate::cases::{Case, Move};
use crate::plan_words::plan_spec;
use crate::random::Random;
use crate::world::World;

const EXTREME: [i64; 10] =
    [i64::MIN, i64::MIN + 1, -1, 0, 1, 1 << 31, 1 << 55, (1 << 56) + 1, i64::MAX - 1, i64::MAX];
/// None of these is a price.
const NO_PRICE: [i64; 6] = [i64::MIN, -1, 0, (1 << 56) + 1, i64::MAX - 1, i64::MAX];

#[test]
fn whatever_is_told_nothing_panics() {
    for seed in 0..600 {
        let mut random = Random::new(seed);
        let mut case = Case::wild(&mut random, 120);
        for (rules, _) in &mut case.markets {
            // What is told may be a billion times what an order may be for.
            rules.market_qty_max = Qty(0);
        }
        let mut world = case.world();
        for at in 0..case.script.len() {
            case.play(&mut world, at);
            if random.one_in(3) {
                let event = garbage(&mut random, &case, at);
                world.core.handle(world.now, event, &mut Outbox::default());
            }
        }
        let snapshot = serde_json::to_string(&world.core.snapshot()).expect("a snapshot is data");
        assert!(!snapshot.is_empty(), "seed {seed}");
    }
}

#[test]
fn what_cannot_be_a_price_wakes_nobody_and_moves_nothing() {
    for seed in 0..100 {
        let mut random = Random::new(seed);
        let case = Case::random(&mut random, 120);
        let mut world = case.world();
        let mut told = 0;
        for at in 0..case.script.len() {
            case.play(&mut world, at);
            let cell = CellId(random.within(0, case.markets[0].1.len() as i64 - 1) as u32);
            let tick = world.tick(cell, Price(random.pick(&NO_PRICE)), Probe::TICK);
            let before = serde_json::to_value(world.core.snapshot()).expect("data");
            let mut out = Outbox::default();
            world.core.handle(world.now, Event::Tick(tick), &mut out);
            told += 1;
            assert!(out.is_empty(), "seed {seed}: {tick:?} {out:?}");
            assert_eq!(before, serde_json::to_value(world.core.snapshot()).expect("data"), "seed {seed}");
        }
        assert_eq!(world.core.view().ignored(), told);
    }
}

#[test]
fn commands_with_impossible_numbers_are_refused_by_name() {
    let case = Case::random(&mut Random::new(1), 10);
    let mut world = case.world();
    let key = PositionKey { account: AccountId(0), instrument: case.plans[0].instrument, side: Side::Long };
    let sound =
        Opening { key, plan: PlanId(0), qty: Qty(10_000), entry: Price(10_000), entry_fees: Money(0) };
    for (qty, entry, fees) in [
        (0, 10_000, 0),
        (-1, 10_000, 0),
        (10_000, 0, 0),
        (10_000, i64::MAX, 0),
        (i64::MAX, i64::MAX, 0),
        (i64::MAX, 10_000, 0),
        (10_000, 10_000, i128::MAX),
        (10_000, 10_000, i128::MIN),
    ] {
        let opening = Opening { qty: Qty(qty), entry: Price(entry), entry_fees: Money(fees), ..sound };
        let mut out = Outbox::default();
        world.core.handle(world.now, Event::Command(Command::Open(Box::new(opening))), &mut out);
        let refused = out.records.iter().any(|entry| matches!(entry.record, Record::CommandRefused(_)));
        assert!(refused && out.actions.is_empty(), "{opening:?}: {out:?}");
    }
}

/// A world with one position at 100 units of price under a stop, in a market of so many decimals.
fn holding(symbol: &str, decimals: u8, qty: Qty) -> (World, PositionKey) {
    let mut world = World::new();
    let instrument = Instrument::from_decimals(symbol, decimals, decimals);
    let id = world.core.add_instrument(instrument.clone(), &[PriceSource::Last], BarOrigin::Ticks);
    let id = id.expect("a sound instrument");
    let plan = plan_spec("stop 50%").expect("a plan in words").resolve(id, &instrument).expect("sound");
    let plan = world.core.add_plan(plan).expect("its instrument is there");
    let key = PositionKey { account: AccountId(0), instrument: id, side: Side::Long };
    let opening = Opening { key, plan, qty, entry: Price(100), entry_fees: Money(0) };
    let open = Event::Command(Command::Open(Box::new(opening)));
    world.core.handle(world.now, open, &mut Outbox::default());
    (world, key)
}

/// Of coins that cost next to nothing somebody may hold as many as there are numbers.
#[test]
fn as_many_as_there_are_numbers_are_closed_by_one_order() {
    let qty = Qty(i64::MAX);
    let (mut world, key) = holding("DUST", 9, qty);
    let mut out = Outbox::default();
    world.core.handle(world.now, Event::Command(Command::Close { key, qty: None }), &mut out);
    let sent = out.actions.iter().filter_map(|action| match action {
        Action::Submit(approved) => Some(approved.order().qty),
        _ => None,
    });
    assert_eq!(sent.collect::<Vec<_>>(), [qty], "{out:?}");
}

/// A part may be closed more often than exits have numbers; no order has the id of another.
#[test]
fn no_id_is_given_twice_when_the_numbers_of_exits_are_used_up() {
    let (mut world, key) = holding("PARTS", 0, Qty(10));
    let mut out = Outbox::default();
    let mut ids = BTreeSet::new();
    for at in 0..=u32::from(u16::MAX) + 9 {
        out.clear();
        let qty = (at < u32::from(u16::MAX) + 9).then_some(Qty(1));
        world.core.handle(world.now, Event::Command(Command::Close { key, qty }), &mut out);
        let sent = out.actions.iter().find_map(|action| match action {
            Action::Submit(approved) => Some(*approved.order()),
            _ => None,
        });
        let order = sent.unwrap_or_else(|| panic!("part {at}: {out:?}"));
        assert!(ids.insert(order.id), "part {at}: {:?} again", order.id);
        // What was refused is forgotten one day; what was sold never is, and is looked through each time.
        let answer = if at <= u32::from(u16::MAX) {
            VenueEvent::Refused(order.id, RefusedWhy::Other)
        } else {
            let price = Price(100);
            VenueEvent::Filled(Box::new(Fill { id: order.id, filled_total: order.qty, price, fee: Money(0) }))
        };
        world.core.handle(world.now, Event::Venue(answer), &mut out);
    }
    assert_eq!(world.core.view().positions().count(), 0, "{out:?}");
}

/// A journal that somebody made up: thirty days in which an order is asked about, and no record tells of it.
#[test]
fn a_replay_ends_where_the_journal_is_silent() {
    let (mut world, key) = holding("LEAP", 0, Qty(10));
    let mut out = Outbox::default();
    world.core.handle(world.now, Event::Command(Command::Close { key, qty: None }), &mut out);
    let at = world.now.after(Span::from_secs(30 * 86_400));
    let mut living = world.core.clone();
    out.clear();
    living.handle(at, Event::Timer, &mut out);
    assert!(out.records.len() > 10_000, "{} records of thirty days", out.records.len());
    out.clear();
    let record = Record::Input(Event::Command(Command::Close { key, qty: None }));
    world.core.replay(Entry { at, record }, &mut out);
    assert!(out.records.len() < 10, "{} records", out.records.len());
}

/// A snapshot that somebody made up: a bar of a feed that is not there.
#[test]
fn a_bar_of_no_feed_takes_no_steps() {
    let core = World::new().core;
    let mut snapshot = serde_json::to_value(core.snapshot()).expect("data");
    snapshot["timers"].as_array_mut().expect("timers").push(serde_json::json!([1, { "Bar": 7 }]));
    let snapshot = serde_json::from_value(snapshot).expect("a snapshot");
    if let Ok(core) = Coordinator::restore(snapshot, []) {
        assert_eq!(core.view().clock_steps_until(Timestamp(1_000_000_000_000)), 0);
    }
}

fn garbage(random: &mut Random, case: &Case, at: usize) -> Event {
    let keys: Vec<PositionKey> = case.script[..=at]
        .iter()
        .filter_map(|(_, what)| match what {
            Move::Open(opening) => Some(opening.key),
            _ => None,
        })
        .collect();
    let nobody = PositionKey {
        account: AccountId(u32::MAX),
        instrument: InstrumentId(random.pick(&[0, 0, u32::MAX])),
        side: random.pick(&[Side::Long, Side::Short]),
    };
    let key = if keys.is_empty() || random.one_in(4) { nobody } else { random.pick(&keys) };
    let number = |random: &mut Random| random.pick(&EXTREME);
    let money = |random: &mut Random| Money(random.pick(&[i128::MIN, -1, 0, 1, 1 << 90, i128::MAX]));
    let id = OrderId {
        episode: EpisodeId { key, generation: random.pick(&[0, 1, 2, u32::MAX]) },
        exit: random.pick(&[0, 1, 2, u16::MAX]),
        leg: random.pick(&[0, 1, 4, u8::MAX]),
        slice: 0,
        attempt: random.pick(&[0, 1, u16::MAX]),
    };
    match random.within(0, 18) {
        0 | 1 => Event::Tick(Tick {
            at: Timestamp(number(random)),
            price: Price(number(random)),
            qty: Qty(number(random)),
            cell: CellId(0),
            probe: Probe::TICK,
        }),
        2 => Event::Bar(Bar {
            instrument: InstrumentId(random.pick(&[0, u32::MAX])),
            span: Span(number(random)),
            start: Timestamp(number(random)),
            high: Price(number(random)),
            low: Price(number(random)),
            close: Price(number(random)),
        }),
        3 => Event::Venue(VenueEvent::LiquidationAt(key, Price(number(random)))),
        4 => Event::Venue(VenueEvent::FundingPaid(key, Box::new(money(random)))),
        5 => Event::Venue(VenueEvent::Filled(Box::new(Fill {
            id,
            filled_total: Qty(number(random)),
            price: Price(number(random)),
            fee: money(random),
        }))),
        6 => Event::Venue(VenueEvent::Refused(id, RefusedWhy::Other)),
        7 => Event::Venue(match random.within(0, 3) {
            0 => VenueEvent::Accepted(id),
            1 => VenueEvent::Cancelled(id),
            2 => VenueEvent::Expired(id),
            _ => VenueEvent::Silence(id),
        }),
        8 => Event::Command(Command::Add(Box::new(Addition {
            key,
            qty: Qty(number(random)),
            price: Price(number(random)),
            fees: money(random),
        }))),
        9 => Event::Command(Command::Close { key, qty: Some(Qty(number(random))) }),
        10 => Event::Command(Command::MoveStop { key, to: Price(number(random)) }),
        11 => Event::Command(Command::ChangePlan { key, plan: PlanId(random.pick(&[0, u32::MAX])) }),
        12 => Event::Command(Command::Signal { key, at: Timestamp(number(random)) }),
        13..=18 => garbage_past_us(random, case, key),
        _ => Event::Command(Command::Panic(AccountId(u32::MAX))),
    }
}

/// What a venue may say of positions that we know nothing of, and what may be asked about them.
fn garbage_past_us(random: &mut Random, case: &Case, key: PositionKey) -> Event {
    let number = |random: &mut Random| random.pick(&EXTREME);
    let maybe = |random: &mut Random| random.one_in(2).then(|| Price(number(random)));
    match random.within(0, 8) {
        6 => Event::Venue(VenueEvent::Listed(Box::new(garbage_list(random, key)))),
        7 => {
            let (id, qty) = (first_stop(random, key), Qty(number(random)));
            let state = random.pick(&[OrderState::Working, OrderState::Filled, OrderState::Expired]);
            let fill = Fill { id, filled_total: Qty(number(random)), price: Price(1), fee: Money::ZERO };
            let fill = random.one_in(2).then_some(fill);
            let placed_at = Timestamp(i64::MAX);
            Event::Venue(VenueEvent::Found(Box::new(OrderFound { id, qty, placed_at, state, fill })))
        }
        0 => Event::Venue(VenueEvent::ClosedOutside(Box::new(OutsideClose {
            key,
            trade: random.pick(&[0, 1, 2, u64::MAX]),
            qty: Qty(number(random)),
            price: maybe(random),
            fee: Money(random.pick(&[i128::MIN, -1, 0, 1, i128::MAX])),
            by: random.pick(&[ClosedBy::Liquidation, ClosedBy::Hand, ClosedBy::Unseen]),
        }))),
        1 | 2 => Event::Venue(VenueEvent::Read(Box::new(Reading {
            account: key.account,
            taken_at: Timestamp(number(random)),
            fills_until: Timestamp(number(random)),
            held: random.one_in(2).then(|| {
                vec![Holding {
                    instrument: key.instrument,
                    side: key.side,
                    qty: Qty(number(random)),
                    entry: maybe(random),
                    leverage: None,
                    liquidation: maybe(random),
                    mark: maybe(random),
                }]
            }),
        }))),
        3 => match case.manage(random, key.account) {
            Move::Event(event) => event,
            other => panic!("a command, not {other:?}"),
        },
        4 => Event::Command(Command::HandOver { key }),
        _ => Event::Command(Command::Release { key, keeps_stop: random.one_in(2) }),
    }
}

/// The first stop of a life, which most often is there.
fn first_stop(random: &mut Random, key: PositionKey) -> OrderId {
    let generation = random.pick(&[1, 1, 2, u32::MAX]);
    OrderId { episode: EpisodeId { key, generation }, exit: 0, leg: 0, slice: 0, attempt: 0 }
}

/// A list of orders of ours and of others, of any size; only a sound one is looked at.
fn garbage_list(random: &mut Random, key: PositionKey) -> Listing {
    let numbers = [1, 1 << 55, i64::MAX - 1, i64::MAX];
    let orders = (0..random.within(0, 4)).map(|number| {
        let foreign = ForeignId { instrument: key.instrument, side: key.side, number: number as u64 };
        OpenOrder {
            whose: match number {
                0 => Whose::Ours(first_stop(random, key)),
                _ => Whose::Foreign(foreign),
            },
            qty: Qty(random.pick(&numbers)),
            filled: Qty(0),
            kind: random.pick(&[
                OrderKind::Market,
                OrderKind::Stop(Price(1)),
                OrderKind::MarkStop(Price(1)),
                OrderKind::Stop(Price(1 << 40)),
            ]),
        }
    });
    let orders = orders.collect();
    Listing { account: key.account, taken_at: Timestamp(i64::MAX), orders: Listed::All(orders) }
}
