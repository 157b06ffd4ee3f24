//! The process dies between any two of its words: everything that was decided is written down, some of
//! it was sent, and nobody heard the answers. It starts again from what was written.

use std::collections::BTreeMap;

use ripcord_core::account::{AccountMode, Managed, Management};
use ripcord_core::event::{Command, Event, Probe, Record, VenueEvent};
use ripcord_core::id::{AccountId, EpisodeId, InstrumentId, PlanId};
use ripcord_core::instrument::MarketKind;
use ripcord_core::market::PriceSource;
use ripcord_core::order::OrderState;
use ripcord_core::position::Phase;
use ripcord_core::time::Span;

use crate::cases::{Case, Move};
use crate::properties::through_text;
use crate::random::Random;
use crate::venue::Mood;
use crate::world::{Deaths, World};

/// Accounts of random worlds are numbered from 0.
const ACCOUNTS: u32 = 16;

/// A world of futures in which others have no hand.
fn case(seed: u64) -> Case {
    let mut case = Case::wild(&mut Random::new(seed), 150);
    for (rules, _) in &mut case.markets {
        rules.kind = MarketKind::Futures;
    }
    case.script.retain(|(_, what)| {
        let is_theirs = |command: &Command| {
            matches!(command, Command::Manage(_) | Command::Release { .. } | Command::HandOver { .. })
        };
        !matches!(what, Move::Event(Event::Command(command)) if is_theirs(command))
            && !matches!(what, Move::Event(Event::Venue(VenueEvent::Read(_))))
    });
    for (_, what) in &mut case.script {
        if let Move::Mood(mood, _) = what {
            mood.blind = false;
        }
    }
    case
}

/// Every instrument, each under the first of its plans.
fn managed(case: &Case) -> Vec<Managed> {
    let instruments = (0_u32..).map(InstrumentId).take(case.markets.len());
    let managed = instruments.filter_map(|instrument| {
        let plan = case.plans.iter().position(|plan| plan.instrument == instrument)?;
        let plan = PlanId(u32::try_from(plan).expect("few plans"));
        Some(Managed { instrument, plan, grant: None })
    });
    managed.collect()
}

/// What a host does when it starts: what was sent and not answered is silence, and the venue is read.
fn start_again(world: &mut World) {
    world.core = through_text(&world.core);
    world.venue.lose_answers();
    let sent: Vec<_> = world
        .core
        .view()
        .living_orders()
        .filter(|living| living.life.state == OrderState::Sent)
        .map(|living| living.order.id)
        .collect();
    for id in sent {
        world.handle(Event::Venue(VenueEvent::Silence(id)));
    }
    manage_all(world);
}

fn manage_all(world: &mut World) {
    let instruments = world.managed.clone();
    for account in (0..ACCOUNTS).map(AccountId) {
        let given = Management {
            account,
            mode: AccountMode::Hedge,
            instruments: instruments.clone(),
            read_every: Some(Span::from_secs(30)),
            confirm_after: Span::from_secs(2),
        };
        world.handle(Event::Command(Command::Manage(Box::new(given))));
    }
}

/// The venue answers again, levels are released, and everything has its time.
fn calm(world: &mut World, markets: usize) {
    world.deaths = None;
    world.venue.mood = Mood::default();
    world.lag = Span::ZERO;
    for account in (0..ACCOUNTS).map(AccountId) {
        world.handle(Event::Command(Command::Kill { account, level: None, confirmed: false }));
    }
    let prices: BTreeMap<_, _> =
        world.core.view().last_prices().map(|(cell, price, _)| (cell, price)).collect();
    for secs in std::iter::once(700).chain([1; 150]) {
        let to = world.now.after(Span::from_secs(secs));
        while world.core.next_deadline() <= to {
            world.now = world.core.next_deadline();
            world.handle(Event::Timer);
        }
        world.now = to;
        for instrument in (0_u32..).map(InstrumentId).take(markets) {
            let cell = world.core.cell(instrument, PriceSource::Last);
            if let Some(&price) = prices.get(&cell) {
                world.price(instrument, PriceSource::Last, price, Probe::TICK);
            }
        }
    }
}

#[test]
fn killed_between_any_two_words_it_finishes_what_it_began_and_nothing_else() {
    let (mut deaths, mut decided, mut stops) = (0, 0, 0);
    for seed in 0..200 {
        let case = case(seed);
        let markets = case.markets.len();
        let mut world = case.world();
        world.venue.is_read = true;
        world.managed = managed(&case);
        manage_all(&mut world);
        world.deaths = Some(Deaths { random: Random::new(seed ^ 0xDEAD), start_again });
        for at in 0..case.script.len() {
            case.play(&mut world, at);
        }
        deaths += world.died;
        calm(&mut world, markets);
        let mut held: BTreeMap<EpisodeId, i64> = BTreeMap::new();
        for entry in &world.records {
            match &entry.record {
                Record::Opened(opened) => *held.entry(opened.episode).or_default() += opened.qty.0,
                Record::Added(added) => *held.entry(added.episode).or_default() += added.qty.0,
                Record::Filled(filled) => *held.entry(filled.id.episode).or_default() -= filled.qty.0,
                Record::Returned(back) => *held.entry(back.episode).or_default() += back.qty.0,
                Record::LeftOutside(left) => *held.entry(left.episode).or_default() -= left.qty.0,
                Record::ExitDecided(_) => decided += 1,
                _ => {}
            }
        }
        assert!(held.values().all(|&left| left >= 0), "seed {seed}: more was sold than was held");
        let view = world.core.view();
        for position in view.positions() {
            let (key, plan) = (position.episode.key, view.plan(position.plan));
            assert_eq!(position.qty, world.venue.held(key), "seed {seed}: {key:?}");
            let may_wait = position.closing.is_some_and(|reason| plan.exit_bounds(reason).worst.is_some());
            assert!(position.phase == Phase::Open || may_wait, "seed {seed}: {position:?} is closing still");
            let orders = view.orders(key);
            let lost = orders.iter().find(|order| order.life().state == OrderState::Unknown);
            assert_eq!(lost, None, "seed {seed}: nobody knows of it");
        }
        for cover in view.protections() {
            let rests: i64 = world.venue.stops(cover.episode).sum();
            if cover.wants_stop && cover.stop.is_some() {
                assert!(rests >= cover.covered.0, "seed {seed}: {rests} rests of {cover:?}");
                stops += 1;
            }
        }
        let alive: Vec<EpisodeId> = view.positions().map(|position| position.episode).collect();
        let stray = world.venue.working().find(|order| !alive.contains(&order.id.episode));
        assert_eq!(stray, None, "seed {seed}: it rests and serves nobody");
    }
    assert!(deaths > 700 && decided > 700 && stops > 60, "{deaths} deaths, {decided} exits, {stops} stops");
}
