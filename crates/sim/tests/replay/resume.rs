//! A desk that goes on where its journal was cut: the same exits, none twice, none lost.

use std::collections::BTreeMap;

use ripcord_core::Coordinator;
use ripcord_core::bars::BarOrigin;
use ripcord_core::cell::CellId;
use ripcord_core::event::{Command, Entry, Opening, Outbox, Probe, Record, Tick};
use ripcord_core::id::{AccountId, EpisodeId, InstrumentId, PlanId, PositionKey};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::reason::Reason;
use ripcord_core::time::{Span, Timestamp};
use ripcord_sim::desk::{Desk, Reader};
use ripcord_sim::generator::{Generator, Quote, Script, demo_markets};
use ripcord_sim::plan_file::parse_plan;
use ripcord_sim::venue::{FillModel, SimVenue};

const START: Timestamp = Timestamp(1_760_000_000_000_000_000);
const ROWS: usize = 4_000;
/// A position is opened every so many rows.
const OPEN_EVERY: usize = 40;

const PLANS: [&str; 3] = [
    "version = 1\nname = \"ladder\"\nstop_loss = { distance = { fraction = 0.006 } }\nratchet = { offset = 0 }\n\
     [ladder]\nlegs = [{ close = 0.25, at = 0.003 }, { close = 0.25, at = 0.006, soft = true }, { close = 0.5, at = 0.009, soft = true }]\n",
    "version = 1\nname = \"trail\"\natr = { bar_secs = 2, period = 3 }\nhard_stop = { fraction = 0.02 }\n\
     soft_stop = { fraction = 0.008 }\n[trailing]\nactivation = 0.002\ndistance = { atr = 2, fraction = 0.003 }\n",
    "version = 1\nname = \"late\"\nloss_guard = { fraction = 0.01 }\ntime_limit = { after_secs = 20 }\n\
     [trailing]\nactivation = 0.001\ndistance = { fraction = 0.002 }\nstep = { fraction = 0.0005 }\n",
];

/// Records as they were kept, and how many of them were durable at each row's end.
#[derive(Default)]
struct Kept {
    entries: Vec<Entry>,
}

impl Reader for Kept {
    fn read(&mut self, entry: &Entry) {
        self.entries.push(entry.clone());
    }
}

struct World {
    quotes: Vec<Quote>,
    fills: FillModel,
}

impl World {
    fn new(seed: u64, fills: FillModel) -> Self {
        let quotes = Generator::new(seed, Script::Mixed, START, &demo_markets()).take(ROWS).collect();
        Self { quotes, fills }
    }

    fn empty(&self) -> (Coordinator, SimVenue) {
        let (mut coordinator, mut venue) = (Coordinator::new(), SimVenue::new(self.fills));
        let sources = [PriceSource::Last, PriceSource::Bid, PriceSource::Ask];
        for market in demo_markets() {
            let id = coordinator
                .add_instrument(market.instrument.clone(), &sources, BarOrigin::Ticks)
                .expect("a sound instrument");
            let fed: Vec<(PriceSource, CellId)> =
                sources.iter().map(|&source| (source, coordinator.cell(id, source))).collect();
            venue.add_instrument(id, market.instrument.clone(), &fed);
            for text in PLANS {
                let spec = parse_plan(text, "plan").expect("a sound plan");
                let plan = spec.resolve(id, &market.instrument).expect("it fits");
                coordinator.add_plan(plan).expect("its instrument is there");
            }
        }
        (coordinator, venue)
    }

    /// The rows `from..to`, and the openings among them.
    fn play(&self, desk: &mut Desk, rows: std::ops::Range<usize>, kept: &mut Kept) {
        self.play_ahead(desk, rows, Span::ZERO, kept);
    }

    /// The same, with prices whose times are of a clock that is so far ahead of ours.
    fn play_ahead(&self, desk: &mut Desk, rows: std::ops::Range<usize>, ahead: Span, kept: &mut Kept) {
        for row in rows {
            let quote = self.quotes[row];
            let now = Timestamp(quote.at.0 - ahead.0);
            let id = InstrumentId(u32::try_from(quote.market).expect("few markets"));
            for (source, price) in [
                (PriceSource::Bid, quote.bid),
                (PriceSource::Ask, quote.ask),
                (PriceSource::Last, quote.last),
            ] {
                let cell = desk.coordinator.cell(id, source);
                let tick = Tick { at: quote.at, price, qty: Qty(0), cell, probe: Probe::TICK };
                desk.tick_at(now, &tick, kept);
            }
            if ahead != Span::ZERO && row % 17 == 0 {
                desk.advance_to(now, kept);
                desk.checkpoint_at(now, kept);
            }
            if row % OPEN_EVERY == OPEN_EVERY - 1 {
                let nth = u32::try_from(row / OPEN_EVERY).expect("few openings");
                let side = if nth % 2 == 0 { Side::Long } else { Side::Short };
                // Buckets are used again, so that lives follow one another.
                let key = PositionKey { account: AccountId(nth % 30), instrument: id, side };
                let plan = PlanId(id.0 * 3 + nth % 3);
                let lots = desk.coordinator.view().instrument(key).lot_size.0;
                let opening =
                    Opening { key, plan, qty: Qty(lots * 97), entry: quote.last, entry_fees: Money::ZERO };
                desk.advance_to(now, kept);
                desk.open(now, opening, kept);
            }
        }
    }

    fn whole(&self) -> Vec<Entry> {
        let (coordinator, venue) = self.empty();
        let (mut desk, mut kept) = (Desk::new(coordinator, venue), Kept::default());
        self.play(&mut desk, 0..ROWS, &mut kept);
        desk.advance_to(self.quotes[ROWS - 1].at.after(Span::from_secs(2)), &mut kept);
        kept.entries
    }

    /// The process dies after `cut` rows and another one goes on from the journal.
    fn cut_after(&self, cut: usize) -> Vec<Entry> {
        let (coordinator, venue) = self.empty();
        let (mut desk, mut kept) = (Desk::new(coordinator, venue), Kept::default());
        self.play(&mut desk, 0..cut, &mut kept);
        desk.checkpoint(&mut kept);
        drop(desk);
        let now = self.quotes[cut - 1].at;
        let (mut coordinator, venue) = self.empty();
        let mut again = Outbox::default();
        for entry in &kept.entries {
            coordinator.replay(entry.clone(), &mut again);
        }
        let facts = |entries: &[Entry]| -> Vec<Entry> {
            entries.iter().filter(|entry| !matches!(entry.record, Record::Observed(_))).cloned().collect()
        };
        assert_eq!(facts(&again.records), facts(&kept.entries), "the journal brings itself back");
        let mut desk = Desk::resume(coordinator, venue, now, &mut kept);
        self.play(&mut desk, cut..ROWS, &mut kept);
        // What is on its way arrives.
        desk.advance_to(self.quotes[ROWS - 1].at.after(Span::from_secs(2)), &mut kept);
        for planned in desk.coordinator.view().positions() {
            assert_eq!(desk.venue.held(planned.episode.key), planned.qty, "cut {cut}: {planned:?}");
        }
        kept.entries
    }
}

#[test]
fn with_an_instant_venue_a_death_after_any_row_changes_nothing() {
    let world = World::new(3, FillModel::TAPE);
    let told = |entries: Vec<Entry>| -> Vec<Entry> {
        entries.into_iter().filter(|entry| !matches!(entry.record, Record::Observed(_))).collect()
    };
    let whole = told(world.whole());
    let fills = whole.iter().filter(|entry| matches!(entry.record, Record::Filled(_))).count();
    assert!(fills > 60, "only {fills} fills: too quiet");
    for cut in (1..ROWS).step_by(61) {
        let cut_short = told(world.cut_after(cut));
        let first = whole.iter().zip(&cut_short).position(|(a, b)| a != b);
        assert!(
            first.is_none() && whole.len() == cut_short.len(),
            "cut {cut}: record {first:?}\n whole {:?}\n cut   {:?}",
            first.map(|at| &whole[at]),
            first.map(|at| &cut_short[at])
        );
    }
}

#[test]
fn orders_under_way_at_a_death_are_finished_and_nothing_is_closed_twice() {
    let world = World::new(4, FillModel { latency: Span::from_millis(200), ..FillModel::HONEST });
    let mut under_way = 0;
    for cut in (1..ROWS).step_by(37) {
        let entries = world.cut_after(cut);
        let mut held: BTreeMap<EpisodeId, i64> = BTreeMap::new();
        let mut closing: BTreeMap<EpisodeId, Reason> = BTreeMap::new();
        for entry in &entries {
            match &entry.record {
                Record::Opened(opened) => {
                    assert_eq!(held.insert(opened.episode, opened.qty.0), None, "cut {cut}: lives twice");
                }
                Record::ExitDecided(decided) if decided.leg == 0 => {
                    let twice = closing.insert(decided.episode, decided.reason);
                    assert_eq!(twice, None, "cut {cut}: {:?} is decided twice", decided.episode);
                }
                Record::Filled(filled) => {
                    let left = held.get_mut(&filled.id.episode).expect("it was opened");
                    *left -= filled.qty.0;
                    assert_eq!(*left, filled.remaining.0, "cut {cut}: {filled:?}");
                }
                Record::Closed { episode } => assert!(closing.contains_key(episode) || held[episode] == 0),
                _ => {}
            }
        }
        let moment = world.quotes[cut - 1].at;
        let decided_before = entries.iter().filter(|entry| entry.at <= moment);
        let late = decided_before.filter(|entry| match &entry.record {
            Record::ExitDecided(decided) if decided.leg == 0 => {
                let episode = decided.episode;
                let closed = entries.iter().find(|entry| entry.record == Record::Closed { episode });
                let closed = closed.unwrap_or_else(|| panic!("cut {cut}: {episode:?} was never finished"));
                closed.at > moment
            }
            _ => false,
        });
        under_way += late.count();
    }
    assert!(under_way > 10, "only {under_way} exits were under way: too quiet");
}

/// Quiet prices were written down at the venue's time, behind timers of ours that had not run yet.
#[test]
fn a_journal_is_read_again_though_the_clock_of_its_prices_is_ahead_or_behind() {
    for (seed, ahead_ms) in [(5, 150), (6, 900), (7, -400), (8, 1)] {
        let world = World::new(seed, FillModel { latency: Span::from_millis(40), ..FillModel::HONEST });
        let (coordinator, venue) = world.empty();
        let (mut desk, mut kept) = (Desk::new(coordinator, venue), Kept::default());
        world.play_ahead(&mut desk, 0..ROWS, Span::from_millis(ahead_ms), &mut kept);
        let (mut again, _) = world.empty();
        let mut out = Outbox::default();
        for entry in &kept.entries {
            again.replay(entry.clone(), &mut out);
        }
        let facts = |entries: &[Entry]| -> Vec<Entry> {
            entries.iter().filter(|entry| !matches!(entry.record, Record::Observed(_))).cloned().collect()
        };
        let (told, read) = (facts(&kept.entries), facts(&out.records));
        let first = told.iter().zip(&read).position(|(a, b)| a != b);
        assert!(
            first.is_none() && told.len() == read.len(),
            "{ahead_ms} ms ahead: record {first:?} of {}\n journal {:?}\n replay  {:?}",
            told.len(),
            first.map(|at| &told[at]),
            first.map(|at| &read[at])
        );
        assert!(told.len() > 500, "only {} facts: too quiet", told.len());
    }
}

/// A desk of its own, with one position under a stop at the venue that is let go with it.
fn let_go(kept: &mut Kept) -> (Coordinator, PositionKey) {
    let (coordinator, venue) = one_market();
    let mut desk = Desk::new(coordinator, venue);
    let key = PositionKey { account: AccountId(1), instrument: InstrumentId(0), side: Side::Long };
    desk.tick(&price_at(0, 10_000), kept);
    let (qty, entry) = (Qty(200), Price(10_000));
    let opening = Opening { key, plan: PlanId(0), qty, entry, entry_fees: Money::ZERO };
    desk.open(START, opening, kept);
    desk.command(START, Command::Release { key, keeps_stop: true }, kept);
    assert_eq!(desk.coordinator.view().position(key), None);
    let (mut coordinator, _) = one_market();
    let mut out = Outbox::default();
    for entry in &kept.entries {
        coordinator.replay(entry.clone(), &mut out);
    }
    (coordinator, key)
}

fn one_market() -> (Coordinator, SimVenue) {
    let (mut coordinator, mut venue) = (Coordinator::new(), SimVenue::new(FillModel::TAPE));
    let rules = Instrument::from_decimals("BTC", 2, 2);
    let sources = [PriceSource::Last];
    let id = coordinator.add_instrument(rules.clone(), &sources, BarOrigin::Ticks).expect("sound");
    venue.add_instrument(id, rules.clone(), &[(PriceSource::Last, coordinator.cell(id, PriceSource::Last))]);
    let text = "version = 1\nstop_loss = { distance = { fraction = 0.02 } }\nbracket = {}\n";
    let plan = parse_plan(text, "plan").expect("sound").resolve(id, &rules).expect("it fits");
    coordinator.add_plan(plan).expect("its instrument is there");
    (coordinator, venue)
}

fn price_at(after_secs: i64, price: i64) -> Tick {
    let at = START.after(Span::from_secs(after_secs));
    Tick { at, price: Price(price), qty: Qty(0), cell: CellId(0), probe: Probe::TICK }
}

#[test]
fn a_stop_that_was_kept_when_its_position_was_let_go_rests_after_a_restart() {
    let mut kept = Kept::default();
    // The host may have told the books already what was let go.
    for told in [Qty(0), Qty(200)] {
        kept.entries.clear();
        let (coordinator, key) = let_go(&mut kept);
        let stop: Vec<_> = coordinator.view().living_orders().collect();
        assert_eq!((stop.len(), stop[0].let_go, stop[0].is_held), (1, Some(Qty(200)), false));
        let (_, mut venue) = one_market();
        venue.hold(key, told);
        let mut desk = Desk::resume(coordinator, venue, START, &mut kept);
        assert_eq!(desk.venue.held(key), Qty(200));
        desk.tick(&price_at(1, 9_801), &mut kept);
        assert_eq!(desk.venue.held(key), Qty(200), "above its trigger");
        desk.tick(&price_at(2, 9_800), &mut kept);
        assert_eq!(desk.venue.held(key), Qty(0));
        let filled = kept.entries.iter().filter(|entry| matches!(entry.record, Record::Filled(_)));
        assert_eq!(filled.count(), 1);
        assert_eq!(desk.coordinator.view().living_orders().count(), 0);
    }
}
