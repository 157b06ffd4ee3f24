//! Properties over random worlds. Each failure prints the seed that reproduces it.

use std::collections::BTreeMap;

use ripcord_core::Coordinator;
use ripcord_core::cell::CellId;
use ripcord_core::event::{Action, Command, Entry, Event, Observed, Outbox, Probe, Record};
use ripcord_core::id::{AccountId, EpisodeId, InstrumentId, PositionKey};
use ripcord_core::instrument::MarketKind;
use ripcord_core::market::PriceSource;
use ripcord_core::num::Price;
use ripcord_core::order::OrderState;
use ripcord_core::reason::Reason;
use ripcord_core::snapshot::Snapshot;
use ripcord_core::time::{Span, Timestamp};

use crate::cases::{Case, Move};
use crate::oracle::Oracle;
use crate::random::Random;
use crate::venue::Mood;
use crate::world::World;

const CASES: u64 = 4_000;

#[test]
fn exits_and_stops_are_those_of_the_oracle() {
    let seen = agree_with_the_oracle(|random| Case::random(random, 200));
    for reason in [
        Reason::HardStop,
        Reason::LossGuard,
        Reason::StopLoss,
        Reason::SoftStop,
        Reason::TrailingStop,
        Reason::TakeProfit,
    ] {
        assert!(seen.get(&reason) >= Some(&50), "too few exits by {reason:?}: {seen:?}");
    }
}

#[test]
fn signals_time_limits_and_every_ladder_are_those_of_the_oracle() {
    let seen = agree_with_the_oracle(|random| Case::standing(random, 200));
    for reason in [Reason::SignalExit, Reason::TimeLimit, Reason::Manual, Reason::TakeProfit] {
        assert!(seen.get(&reason) >= Some(&50), "too few exits by {reason:?}: {seen:?}");
    }
}

/// How many exits there were by each reason.
fn agree_with_the_oracle(case: impl Fn(&mut Random) -> Case) -> BTreeMap<Reason, usize> {
    let mut seen = BTreeMap::new();
    for seed in 0..CASES {
        let case = case(&mut Random::new(seed));
        let mut world = case.world();
        world.venue.mood.generous = true;
        let exits = case.exits(&mut world);
        let mut oracle = Oracle::new(&case);
        oracle.run();
        let first = exits
            .iter()
            .zip(&oracle.exits)
            .position(|(a, b)| a != b)
            .unwrap_or(exits.len().min(oracle.exits.len()));
        assert!(
            exits == oracle.exits,
            "seed {seed}: exit {first} differs\n engine {:?}\n oracle {:?}\n{}",
            exits.get(first),
            oracle.exits.get(first),
            story(&case, exits.get(first).into_iter().chain(oracle.exits.get(first)).min())
        );
        let stops: BTreeMap<_, _> = world
            .core
            .view()
            .positions()
            .map(|view| (view.episode, (view.stop.map(|(stop, _)| stop), view.trailing_stop)))
            .collect();
        assert_eq!(stops, oracle.stops(), "seed {seed}: the stops at the end differ");
        for exit in exits {
            *seen.entry(exit.reason).or_default() += 1;
        }
    }
    seen
}

/// What a failure is about: the plan and the opening of the position concerned.
fn story(case: &Case, exit: Option<&crate::cases::Exit>) -> String {
    let Some(exit) = exit else { return String::new() };
    let openings = case.script[..=exit.at].iter().enumerate().filter_map(|(at, (_, what))| match what {
        crate::cases::Move::Open(opening) if opening.key == exit.episode.key => {
            Some(format!("opened by move {at}: {opening:?}\n{:?}\n", case.plans[opening.plan.0 as usize]))
        }
        _ => None,
    });
    let market = &case.markets[exit.episode.key.instrument.0 as usize];
    let prices = case.script[..=exit.at].iter().enumerate().filter_map(|(at, (now, what))| match what {
        crate::cases::Move::Price(instrument, source, price)
            if *instrument == exit.episode.key.instrument =>
        {
            Some(format!("{at}: {} {source:?} {}; ", now.0 / 1_000_000_000 % 1_000_000, price.0))
        }
        _ => None,
    });
    format!("{market:?}\n{}{}", openings.collect::<String>(), prices.collect::<String>())
}

/// What one event brought.
pub(crate) type Told = (Vec<Entry>, Vec<Action>);

/// A world that was played to its end: what went in, and what each event brought.
pub(crate) struct Played {
    case: Case,
    pub(crate) start: Coordinator,
    pub(crate) log: Vec<(Timestamp, Event)>,
    pub(crate) told: Vec<Told>,
}

impl Played {
    fn wild(seed: u64) -> Self {
        Self::of(Case::wild(&mut Random::new(seed), 150))
    }

    pub(crate) fn of(case: Case) -> Self {
        let mut world = case.world();
        let start = world.core.clone();
        for at in 0..case.script.len() {
            case.play(&mut world, at);
        }
        let mut core = start.clone();
        let told = world.log.iter().map(|(now, event)| tell(&mut core, *now, event)).collect();
        Self { case, start, log: world.log, told }
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = &Entry> {
        self.told.iter().flat_map(|(records, _)| records)
    }
}

pub(crate) fn tell(core: &mut Coordinator, now: Timestamp, event: &Event) -> Told {
    let mut out = Outbox::default();
    core.handle(now, event.clone(), &mut out);
    (out.records, out.actions)
}

pub(crate) fn through_text(core: &Coordinator) -> Coordinator {
    let text = serde_json::to_string(&core.snapshot()).expect("a snapshot is data");
    let snapshot: Snapshot = serde_json::from_str(&text).expect("what was written can be read");
    Coordinator::restore(snapshot, []).expect("our own version")
}

#[test]
fn two_runs_give_the_same_bytes() {
    for seed in 0..50 {
        let [one, two] = [Played::wild(seed), Played::wild(seed)];
        let bytes = |played: &Played| serde_json::to_string(&played.told).expect("records are data");
        assert_eq!(bytes(&one), bytes(&two), "seed {seed}");
    }
}

#[test]
fn a_restart_at_every_event_changes_nothing_later() {
    for seed in 0..30 {
        let played = Played::wild(seed);
        let mut core = played.start.clone();
        for (at, (now, event)) in played.log.iter().enumerate() {
            core = through_text(&core);
            assert_eq!(tell(&mut core, *now, event), played.told[at], "seed {seed}: event {at} {event:?}");
        }
    }
}

#[test]
fn a_restart_now_and_then_changes_nothing_later() {
    for seed in 1_000..1_300 {
        let played = Played::wild(seed);
        let mut random = Random::new(seed);
        let mut core = played.start.clone();
        for (at, (now, event)) in played.log.iter().enumerate() {
            if random.one_in(40) {
                core = through_text(&core);
            }
            assert_eq!(tell(&mut core, *now, event), played.told[at], "seed {seed}: event {at} {event:?}");
        }
    }
}

/// Leaps over quiet prices and tells of them in one piece, each cell for itself.
#[test]
fn leaping_over_quiet_prices_is_row_by_row() {
    let mut leapt = 0;
    for seed in 0..800 {
        let played = Played::wild(seed);
        let mut core = played.start.clone();
        let mut random = Random::new(seed);
        let mut quiet: BTreeMap<CellId, Observed> = BTreeMap::new();
        let mut last = Timestamp::MIN;
        for (at, (now, event)) in played.log.iter().enumerate() {
            if let Event::Tick(tick) = event
                && core.quiet(tick.cell).is_quiet(tick.price.0)
                && *now < core.next_deadline()
            {
                let (cell, price) = (tick.cell, tick.price);
                let stretch = quiet.entry(cell).or_insert(Observed {
                    cell,
                    count: 0,
                    last: price,
                    at: tick.at,
                    min: price,
                    max: price,
                });
                *stretch = Observed {
                    cell,
                    count: stretch.count + 1,
                    last: price,
                    at: tick.at,
                    min: stretch.min.min(price),
                    max: stretch.max.max(price),
                };
                last = *now;
                leapt += 1;
                assert_eq!(
                    played.told[at],
                    (Vec::new(), Vec::new()),
                    "seed {seed}: a quiet price said something"
                );
                if random.one_in(30) {
                    flush(&mut core, last, &mut quiet);
                }
                continue;
            }
            flush(&mut core, last, &mut quiet);
            assert_eq!(tell(&mut core, *now, event), played.told[at], "seed {seed}: event {at} {event:?}");
        }
    }
    assert!(leapt > 25_000, "only {leapt} prices were quiet");
}

pub(crate) fn flush(core: &mut Coordinator, last: Timestamp, quiet: &mut BTreeMap<CellId, Observed>) {
    for observed in std::mem::take(quiet).into_values() {
        let told = tell(core, last, &Event::Observed(observed));
        assert_eq!(told, (Vec::new(), Vec::new()), "a quiet stretch said something");
    }
}

#[test]
fn the_journal_alone_brings_the_same_records_and_actions() {
    for seed in 0..800 {
        let played = Played::wild(seed);
        let mut core = through_text(&played.start);
        let mut out = Outbox::default();
        for entry in played.records() {
            core.replay(entry.clone(), &mut out);
        }
        let written: Vec<_> = played.records().cloned().collect();
        let acted: Vec<_> = played.told.iter().flat_map(|(_, actions)| actions.clone()).collect();
        let first = out.records.iter().zip(&written).position(|(a, b)| a != b);
        assert!(
            out.records == written && out.actions == acted,
            "seed {seed}: record {first:?} of {} and {}\n journal {:?}\n replay  {:?}",
            written.len(),
            out.records.len(),
            first.map(|at| &written[at.saturating_sub(3)..=at]),
            first.map(|at| &out.records[at.saturating_sub(3)..=at])
        );
    }
}

#[test]
fn snapshot_and_journal_bring_back_the_state_of_a_crash() {
    for seed in 0..300 {
        let played = Played::wild(seed);
        let mut random = Random::new(seed);
        let mut core = played.start.clone();
        let (mut saved, mut journal) = (core.snapshot(), Vec::new());
        for (now, event) in &played.log {
            journal.extend(tell(&mut core, *now, event).0);
            if random.one_in(60) {
                let mut out = Outbox::default();
                core.checkpoint(*now, &mut out);
                core.handle(*now, Event::Timer, &mut out);
                journal.extend(out.records);
                let mut restored = Coordinator::restore(saved, journal).expect("our own version");
                restored.handle(*now, Event::Timer, &mut Outbox::default());
                let value =
                    |core: &Coordinator| serde_json::to_value(core.snapshot()).expect("a snapshot is data");
                let (was, is) = (value(&core), value(&restored));
                for (field, was) in was.as_object().expect("fields") {
                    let parts =
                        was.as_array().into_iter().flatten().zip(is[field].as_array().into_iter().flatten());
                    for (was, is) in parts {
                        assert_eq!(was, is, "seed {seed}: {field} after {event:?}");
                    }
                    assert_eq!(*was, is[field], "seed {seed}: {field} after {event:?}");
                }
                (saved, journal) = (core.snapshot(), Vec::new());
            }
        }
    }
}

#[test]
fn fills_never_exceed_what_was_held_and_stops_never_loosen() {
    for seed in 0..1_500 {
        let played = Played::wild(seed);
        let mut core = played.start.clone();
        let mut stops: BTreeMap<EpisodeId, Price> = BTreeMap::new();
        let mut held: BTreeMap<EpisodeId, i64> = BTreeMap::new();
        for (now, event) in &played.log {
            for entry in tell(&mut core, *now, event).0 {
                match entry.record {
                    Record::Opened(opened) => assert_eq!(held.insert(opened.episode, opened.qty.0), None),
                    Record::Added(added) => {
                        let now = held.get_mut(&added.episode).expect("it was opened");
                        *now += added.qty.0;
                        assert_eq!(*now, added.open.0, "seed {seed}: {added:?}");
                    }
                    Record::Filled(filled) => {
                        let left = held.get_mut(&filled.id.episode).expect("it was opened");
                        *left -= filled.qty.0;
                        assert!(
                            filled.qty.0 > 0 && *left >= 0,
                            "seed {seed}: {filled:?} closes more than is held"
                        );
                        assert_eq!(*left, filled.remaining.0, "seed {seed}: {filled:?}");
                    }
                    Record::Returned(back) => {
                        let left = held.get_mut(&back.episode).expect("it was opened");
                        *left += back.qty.0;
                        assert_eq!(*left, back.open.0, "seed {seed}: {back:?}");
                    }
                    Record::LeftOutside(gone) => {
                        let left = held.get_mut(&gone.episode).expect("it was opened");
                        *left -= gone.qty.0;
                        assert!(gone.qty.0 > 0 && *left >= 0, "seed {seed}: {gone:?}");
                        assert_eq!(*left, gone.remaining.0, "seed {seed}: {gone:?}");
                    }
                    Record::StopMoved { episode, from, to, .. } => {
                        let sign = episode.key.side.sign();
                        if rebases(&core, episode) {
                            stops.remove(&episode);
                            continue;
                        }
                        let tighter = from.is_none_or(|from| sign * to.0 > sign * from.0);
                        assert!(tighter, "seed {seed}: {episode:?} {from:?} {to:?}");
                    }
                    Record::OrderIntended(order) => {
                        assert!(
                            order.qty.0 <= held[&order.id.episode],
                            "seed {seed}: {order:?} is for more than is held"
                        );
                    }
                    _ => {}
                }
            }
            for view in core.view().positions() {
                let Some(stop) = view.effective_stop else { continue };
                if let Some(before) = stops.insert(view.episode, stop) {
                    let sign = view.side.sign();
                    assert!(
                        sign * stop.0 >= sign * before.0,
                        "seed {seed}: {before:?} -> {stop:?} {event:?} {view:?}"
                    );
                }
            }
        }
    }
}

/// Whether the plan of a position lets more of it loosen the stop.
fn rebases(core: &Coordinator, episode: EpisodeId) -> bool {
    let view = core.view().position(episode.key);
    view.is_some_and(|view| core.view().plan(view.plan).rebase)
}

#[test]
fn a_wake_that_changes_nothing_leaves_no_record() {
    for seed in 0..800 {
        let played = Played::wild(seed);
        let mut firsts = vec![true; played.case.markets.len() * 5];
        for (told, (_, event)) in played.told.iter().zip(&played.log) {
            let Event::Tick(tick) = event else { continue };
            // The first price of an instrument sets the clock of its bars.
            let first = std::mem::take(&mut firsts[tick.cell.0 as usize]);
            let is_input = |entry: &Entry| matches!(entry.record, Record::Input(_) | Record::Observed(_));
            let is_idle = !told.0.is_empty() && told.0.iter().all(is_input);
            let timers = told.0.iter().any(|entry| entry.record == Record::Input(Event::Timer));
            let acts = !told.1.is_empty();
            assert!(!is_idle || acts || first || timers, "seed {seed}: {event:?} left {:?}", told.0);
        }
    }
}

#[test]
fn well_behaved_venues_end_flat_or_held_alike() {
    for seed in 0..500 {
        let case = Case::random(&mut Random::new(seed), 150);
        let mut world = case.world();
        world.venue.mood.generous = true;
        case.exits(&mut world);
        assert!(world.venue.is_quiet(), "seed {seed}: every answer was told");
        for view in world.core.view().positions() {
            assert_eq!(world.venue.held(view.episode.key), view.qty, "seed {seed}: {view:?}");
        }
        for order in world.venue.working() {
            let held = world
                .core
                .view()
                .position(order.id.episode.key)
                .is_some_and(|view| view.episode == order.id.episode);
            assert!(held, "seed {seed}: {order:?} outlived its position");
        }
    }
}

#[test]
fn coins_that_an_order_locks_are_never_offered_by_another() {
    let (mut spot, mut sold) = (0, 0);
    for seed in 0..1_500 {
        let mut case = Case::wild(&mut Random::new(seed), 150);
        for (_, what) in &mut case.script {
            // A venue that denies an order which it has for longer than it may is not to be outwitted, nor is
            // one that never tells of a fill: there the lock itself is what keeps the coins.
            if let Move::Mood(mood, _) = what {
                (mood.blind, mood.drop) = (false, 0);
            }
        }
        // What a person sells besides is not there for us.
        case.script.retain(|(_, what)| !matches!(what, Move::Outside(..)));
        let mut world = case.world();
        for at in 0..case.script.len() {
            case.play(&mut world, at);
            assert_eq!(world.overdrawn, 0, "seed {seed}: move {at} {:?}", case.script[at]);
        }
        let is_spot = |key: PositionKey| case.markets[key.instrument.0 as usize].0.kind == MarketKind::Spot;
        spot += case.markets.iter().filter(|(rules, _)| rules.kind == MarketKind::Spot).count();
        sold += world
            .records
            .iter()
            .filter(|entry| matches!(&entry.record, Record::Filled(filled) if is_spot(filled.id.episode.key)))
            .count();
    }
    assert!(spot > 500 && sold > 2_000, "{sold} fills in {spot} markets");
}

/// Safety under every mood, then liveness: once the venue answers again, what was decided is done.
#[test]
fn when_the_venue_is_well_again_every_close_ends_and_every_stop_stands() {
    let (mut closes, mut stops) = (0, 0);
    for seed in 0..1_500 {
        let mut case = Case::wild(&mut Random::new(seed), 150);
        for (_, what) in &mut case.script {
            // An order that the venue denied for longer than it may locks its coins for ever.
            if let Move::Mood(mood, _) = what {
                mood.blind = false;
            }
        }
        let mut world = case.world();
        for at in 0..case.script.len() {
            case.play(&mut world, at);
        }
        world.venue.mood = Mood::default();
        world.lag = Span::ZERO;
        let closing =
            |world: &World| world.core.view().positions().filter(|view| view.closing.is_some()).count();
        closes += closing(&world);
        for account in (0..16).map(AccountId) {
            let release = Command::Kill { account, level: None, confirmed: false };
            world.handle(Event::Command(release));
        }
        let cells = (0_u32..).map(InstrumentId).take(case.markets.len());
        let cells: Vec<_> = cells.map(|id| (id, world.core.cell(id, PriceSource::Last))).collect();
        let prices: BTreeMap<_, _> =
            world.core.view().last_prices().map(|(cell, price, _)| (cell, price)).collect();
        // First what nobody answers is given its time.
        for secs in std::iter::once(700).chain([1; 120]) {
            let to = world.now.after(Span::from_secs(secs));
            while world.core.next_deadline() <= to {
                world.now = world.core.next_deadline();
                world.handle(Event::Timer);
            }
            world.now = to;
            for (instrument, cell) in &cells {
                world.price(*instrument, PriceSource::Last, prices[cell], Probe::TICK);
            }
        }
        for view in world.core.view().positions() {
            let plan = world.core.view().plan(view.plan);
            // One with a worst price or a time may end and begin again.
            let may_wait = view.closing.is_some_and(|reason| plan.exit_bounds(reason).worst.is_some());
            let orders = world.core.view().orders(view.episode.key);
            let waiting = world.core.view().waiting(view.episode);
            // A fill that was never told is found by a read of what is held.
            if world.venue.held(view.episode.key) != view.qty {
                continue;
            }
            assert!(
                view.closing.is_none() || may_wait,
                "seed {seed}: {view:?} is closing still, {waiting} waiting, {orders:?}"
            );
            let lost = orders.iter().find(|order| order.life().state == OrderState::Unknown);
            assert_eq!(lost, None, "seed {seed}: {view:?} has an order that nobody knows of");
            let wants = plan.bracket.is_some() && view.effective_stop.is_some() && view.closing.is_none();
            if wants {
                stops += 1;
            }
        }
    }
    assert!(closes > 100 && stops > 100, "{closes} closes under way, {stops} stops");
}
