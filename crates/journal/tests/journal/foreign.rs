//! Journals that are whole as chains and were written by nobody's core: never a panic, always a place.

use std::sync::Once;

use proptest::prelude::*;
use ripcord_core::Coordinator;
use ripcord_core::bars::BarOrigin;
use ripcord_core::cell::CellId;
use ripcord_core::event::{
    Command, Entry, Event, Observed, Opening, Outbox, Probe, Record, Tick, VenueEvent,
};
use ripcord_core::id::{AccountId, InstrumentId, PlanId, PositionKey};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::order::Fill;
use ripcord_core::plan::PlanSpec;
use ripcord_core::time::Timestamp;
use ripcord_journal::entry::{InstrumentEntry, PlanEntry};
use ripcord_journal::{Chain, Head, JournalEntry, RebuildError, Rebuilder, Verifier, foreign};

use crate::samples::samples;
use crate::world::World;

/// Seals the entries, checks the chain, and has them followed as they are read.
fn follow(entries: &[JournalEntry]) -> Result<(), RebuildError> {
    let (mut chain, mut verifier) = (Chain::new(9, Head::default()), Verifier::new());
    let mut rebuilder = Rebuilder::new();
    let founded = samples().swap_remove(0);
    for entry in std::iter::once(&founded).chain(entries) {
        let Ok(sealed) = chain.seal(Timestamp(1), entry) else { continue };
        let Ok(entry) = verifier.next(&sealed) else { return Ok(()) };
        rebuilder.next(sealed.envelope.seq, entry)?;
    }
    rebuilder.finish().map(|_| ())
}

fn told(entries: &[JournalEntry]) -> String {
    quiet();
    follow(entries).expect_err("no core wrote this").to_string()
}

/// Panics that are caught are not printed.
fn quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !foreign::is_following() {
                usual(panic);
            }
        }));
    });
}

fn played() -> Vec<JournalEntry> {
    let mut world = World::new(3);
    world.play(200);
    world.checkpoint();
    world.journal
}

/// Behind all of the world's prices, but not by much.
const LATE: i64 = 3_600_000_000_000;

fn fact(at: i64, record: Record) -> JournalEntry {
    JournalEntry::Fact(Entry { at: Timestamp(at), record })
}

fn input(event: Event) -> JournalEntry {
    fact(LATE, Record::Input(event))
}

/// A sound journal, and `entry` behind it.
fn behind(entry: JournalEntry) -> (String, usize) {
    let mut journal = played();
    journal.push(entry);
    (told(&journal), journal.len() + 1)
}

fn stretch(cell: u32, count: u32, last: i64) -> Observed {
    let (min, max) = (Price(last), Price(last));
    Observed { cell: CellId(cell), count, last: Price(last), at: Timestamp(LATE), min, max }
}

#[test]
fn what_was_never_registered_is_named_with_its_record() {
    let tick = played().iter().find_map(|entry| match entry {
        JournalEntry::Fact(Entry { record: Record::Input(Event::Tick(tick)), .. }) => Some(*tick),
        _ => None,
    });
    let mut tick = tick.expect("the world has prices");
    tick.cell = CellId(77);
    let (error, seq) = behind(input(Event::Tick(tick)));
    assert!(
        error.starts_with(&format!("record {seq}: it names cell 77; the instruments before it have ")),
        "{error}"
    );

    let (error, _) = behind(fact(9, Record::Observed(stretch(5_000, 1, 10))));
    assert!(error.contains("it names cell 5000"), "{error}");

    let bars = samples().into_iter().find_map(|entry| match entry {
        JournalEntry::Fact(Entry { record: Record::Input(Event::Bar(bar)), .. }) => Some(bar),
        _ => None,
    });
    let mut bar = bars.expect("a sample");
    bar.instrument = InstrumentId(9);
    let (error, _) = behind(input(Event::Bar(bar)));
    assert!(error.contains("it names instrument 9; 2 stand before it"), "{error}");

    let (error, _) = behind(input(Event::Observed(stretch(0, 1, 10))));
    assert!(error.contains("written as records of their own"), "{error}");
}

#[test]
fn commands_about_what_nobody_holds_are_answered_by_the_core_and_compared() {
    let key = PositionKey { account: AccountId(900), instrument: InstrumentId(40), side: Side::Long };
    let opening = Opening { key, plan: PlanId(70), qty: Qty(1), entry: Price(1), entry_fees: Money(0) };
    let order = samples().into_iter().find_map(|entry| match entry {
        JournalEntry::Fact(Entry { record: Record::OrderAccepted(id), .. }) => Some(id),
        _ => None,
    });
    let fill = Fill { id: order.expect("a sample"), filled_total: Qty(1), price: Price(1), fee: Money(0) };
    for event in [
        Event::Command(Command::Open(Box::new(opening))),
        Event::Command(Command::ChangePlan { key, plan: PlanId(70) }),
        Event::Command(Command::Close { key, qty: None }),
        Event::Venue(VenueEvent::Filled(Box::new(fill))),
        Event::Venue(VenueEvent::LiquidationAt(key, Price(1))),
    ] {
        let (error, seq) = behind(input(event.clone()));
        assert!(
            error.starts_with(&format!("record {seq}")) || error.starts_with(&format!("record {}", seq + 1)),
            "{event:?}: {error}"
        );
    }
}

#[test]
fn a_time_that_too_many_bars_would_have_to_be_counted_to_is_named() {
    // How many it counts depends on what is under way besides the bars, which end every minute.
    for (at, least) in [(i64::MAX, 150_000_000), (LATE + 200_000 * 60_000_000_000, 200_000)] {
        let (error, seq) = behind(fact(at, Record::Input(Event::Timer)));
        let steps = error.strip_prefix(&format!("record {seq}: before it the clock made "));
        let steps = steps.and_then(|rest| rest.split_once(' ')?.0.parse::<u64>().ok());
        assert!(steps >= Some(least), "{error}");
        assert!(error.contains("each leaves a record, and there is none; at most 100000"), "{error}");
    }
}

const MONTH_NS: i64 = 31 * 86_400 * 1_000_000_000;

/// Two instruments; bars of a second are cut from the ticks of the second one.
fn of_seconds(bars: BarOrigin) -> (Coordinator, Vec<JournalEntry>) {
    let (mut core, mut journal) = (Coordinator::new(), Vec::new());
    for (number, symbol) in ["BTCUSDT", "ETHUSDT"].into_iter().enumerate() {
        let rules = Instrument::from_decimals(symbol, 2, 3);
        let (sources, id) = (vec![PriceSource::Last], InstrumentId(number as u32));
        core.add_instrument(rules.clone(), &sources, bars).expect("an instrument");
        let plan = r#"{"version":1,"name":"atr","atr":{"bar_secs":1,"period":3},
            "stop_loss":{"distance":{"atr":"3","fraction":"0.03"}}}"#;
        let spec: PlanSpec = serde_json::from_str(plan).expect("a plan");
        journal.push(JournalEntry::Instrument(Box::new(InstrumentEntry {
            rules: rules.clone(),
            sources,
            bars,
        })));
        if number == 1 {
            core.add_plan(spec.resolve(id, &rules).expect("sound")).expect("known");
            journal.push(JournalEntry::Plan(Box::new(PlanEntry { instrument: id, spec })));
        }
    }
    (core, journal)
}

fn tick(cell: u32, at: i64) -> Event {
    let (at, price, qty) = (Timestamp(at), Price(10_000), Qty(1));
    Event::Tick(Tick { at, price, qty, cell: CellId(cell), probe: Probe::TICK })
}

fn hear(core: &mut Coordinator, journal: &mut Vec<JournalEntry>, at: i64, event: Event) {
    let mut out = Outbox::default();
    core.handle(Timestamp(at), event, &mut out);
    journal.extend(out.records.drain(..).map(JournalEntry::Fact));
}

fn open(instrument: u32) -> Event {
    let key = PositionKey { account: AccountId(0), instrument: InstrumentId(instrument), side: Side::Long };
    let (plan, qty, entry, entry_fees) = (PlanId(0), Qty(1_000), Price(10_000), Money(0));
    Event::Command(Command::Open(Box::new(Opening { key, plan, qty, entry, entry_fees })))
}

/// 2.7 million seconds: before the first price no bar runs, and of given bars none is missing.
#[test]
fn a_month_in_which_no_bar_runs_is_no_gap() {
    for (bars, first) in [(BarOrigin::Ticks, 0), (BarOrigin::Bars, 1)] {
        let (mut core, mut journal) = of_seconds(bars);
        hear(&mut core, &mut journal, 1, tick(first, 1));
        hear(&mut core, &mut journal, 2, open(1));
        hear(&mut core, &mut journal, MONTH_NS, tick(1, MONTH_NS));
        hear(&mut core, &mut journal, MONTH_NS + 1, open(1));
        follow(&journal).expect("the core wrote this");
    }
}

/// Nobody trades for a month of bars of a second. The driver hands over each end, and each is a record.
#[test]
fn a_month_of_empty_bars_is_followed_record_by_record() {
    let (mut core, mut journal) = of_seconds(BarOrigin::Ticks);
    hear(&mut core, &mut journal, 1, tick(1, 1));
    hear(&mut core, &mut journal, 2, open(1));
    let (mut rebuilder, registered) = (Rebuilder::new(), journal[..3].to_vec());
    for (seq, entry) in (1..).zip(journal.drain(..)) {
        rebuilder.next(seq, entry).expect("the core wrote this");
    }
    let (mut out, mut seq) = (Outbox::default(), 100);
    while core.next_deadline().0 < MONTH_NS {
        core.handle(core.next_deadline(), Event::Timer, &mut out);
        for entry in out.records.drain(..) {
            seq += 1;
            rebuilder.next(seq, JournalEntry::Fact(entry)).expect("the core wrote this");
        }
    }
    assert!(seq > 2_600_000, "{seq}");
    // A snapshot here has prices that are a month old, and no bar is missing behind it.
    let mut behind = Rebuilder::from_snapshot(seq, core.snapshot()).expect("our own");
    for (seq, entry) in (1..).zip(registered) {
        behind.next(seq, entry).expect("what a snapshot does not hold");
    }
    hear(&mut core, &mut journal, MONTH_NS + 5, tick(1, MONTH_NS + 5));
    hear(&mut core, &mut journal, MONTH_NS + 6, open(0));
    core.checkpoint(Timestamp(MONTH_NS + 7), &mut out);
    journal.extend(out.records.drain(..).map(JournalEntry::Fact));
    for entry in journal {
        seq += 1;
        rebuilder.next(seq, entry.clone()).expect("the core wrote this");
        if let JournalEntry::Fact(_) = entry {
            behind.next(seq, entry).expect("the core wrote this");
        }
    }
    let rebuilt = rebuilder.finish().expect("whole");
    assert_eq!(rebuilt.coordinator.snapshot(), core.snapshot());
}

#[test]
fn a_stretch_that_would_have_fired_a_rule_is_no_panic() {
    let (error, seq) = behind(fact(9, Record::Observed(stretch(0, 0, 10))));
    assert!(error.starts_with(&format!("record {seq}: the core cannot take it")), "{error}");
    assert!(error.contains("no journal of a run"), "{error}");
}

/// A small change at a random place: what is wrong with a journal that was made by hand.
fn bend(journal: &mut Vec<JournalEntry>, place: usize, how: u8, with: u64, words: &[JournalEntry]) {
    let place = place % journal.len();
    let other = with as usize % journal.len();
    match how % 6 {
        0 => journal.insert(place, words[with as usize % words.len()].clone()),
        1 => drop(journal.remove(place)),
        2 => journal.swap(place, other),
        3 => journal[place] = journal[other].clone(),
        4 => {
            if let JournalEntry::Fact(fact) = &mut journal[place] {
                fact.at = Timestamp(with.cast_signed());
            }
        }
        _ => change(&mut journal[place], with),
    }
}

/// Changes a number inside.
fn change(entry: &mut JournalEntry, with: u64) {
    let JournalEntry::Fact(Entry { record, .. }) = entry else { return };
    let number = with.cast_signed();
    match record {
        Record::Input(Event::Tick(tick)) => match with % 3 {
            0 => tick.price = Price(number),
            1 => tick.cell = CellId(with as u32 % 6),
            _ => tick.at = Timestamp(number),
        },
        Record::Input(Event::Venue(VenueEvent::Filled(fill))) => match with % 3 {
            0 => fill.filled_total = Qty(number),
            1 => fill.price = Price(number),
            _ => fill.fee = Money(i128::from(number) << 60),
        },
        Record::Input(Event::Command(Command::Open(opening))) => match with % 4 {
            0 => opening.qty = Qty(number),
            1 => opening.entry = Price(number),
            2 => opening.entry_fees = Money(i128::from(number) << 60),
            _ => opening.key.instrument = InstrumentId(with as u32 % 4),
        },
        Record::Observed(observed) => match with % 4 {
            0 => observed.count = with as u32 % 3,
            1 => observed.last = Price(number),
            2 => observed.min = Price(number),
            _ => observed.at = Timestamp(number),
        },
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_journal_with_a_whole_chain_makes_a_panic(
        bends in proptest::collection::vec((any::<usize>(), any::<u8>(), any::<u64>()), 1..12),
        seed in 0_u64..8,
    ) {
        quiet();
        let mut world = World::new(seed);
        world.play(120);
        world.checkpoint();
        let (mut journal, words) = (world.journal, samples());
        for (place, how, with) in bends {
            if journal.is_empty() { break; }
            bend(&mut journal, place, how, with, &words);
        }
        // Any answer is good but a panic, and an error has a place.
        if let Err(error) = follow(&journal) {
            prop_assert!(error.to_string().starts_with("record "), "{error}");
        }
    }
}
