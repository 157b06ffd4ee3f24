//! How long positions were without a stop, and what left past us: kept, rebuilt, and brought from older stores.

use std::collections::BTreeMap;

use ripcord_core::Coordinator;
use ripcord_core::coverage::{Coverage, Known, Wants};
use ripcord_core::event::{Entry, ExitDecided, Filled, LeftOutside, Opened, OrderEnd, Record};
use ripcord_core::id::{AccountId, EpisodeId, InstrumentId, OrderId, PlanId, PositionKey};
use ripcord_core::instrument::Side;
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::order::{ExitOrder, OrderKind};
use ripcord_core::plan::PlanSpec;
use ripcord_core::reason::{ExitType, Reason, Source};
use ripcord_core::time::Timestamp;
use ripcord_journal::JournalEntry;
use ripcord_journal::entry::PlanEntry;
use ripcord_ledger::sample::{Sample, instruments};
use ripcord_ledger::text::episode_id;
use ripcord_store::{Store, ledger, maintain};

use crate::support::{Place, append, names, one};

/// A stop at the venue, and a hard stop that is switched off.
const PLAN: &str = r#"{"version":1,"name":"bracket","bracket":{},
    "stop_loss":{"distance":{"fraction":"0.02"}},"hard_stop":{"enabled":false,"fraction":"0.05"}}"#;

fn episode(account: u32) -> EpisodeId {
    let key = PositionKey { account: AccountId(account), instrument: InstrumentId(0), side: Side::Long };
    EpisodeId { key, generation: 1 }
}

fn order(account: u32, exit: u16) -> OrderId {
    OrderId { episode: episode(account), exit, leg: 0, slice: 0, attempt: 0 }
}

fn at(second: i64, record: Record) -> JournalEntry {
    JournalEntry::Fact(Entry { at: Timestamp(second * 1_000_000_000), record })
}

fn opened(account: u32) -> Record {
    let (qty, entry, entry_fees) = (Qty(1_000), Price(10_000), Money(0));
    Record::Opened(Box::new(Opened {
        episode: episode(account),
        plan: PlanId(0),
        qty,
        entry,
        entry_fees,
        stop: None,
    }))
}

fn intended(id: OrderId, kind: OrderKind) -> Record {
    let (qty, trigger, reason) = (Qty(1_000), Price(9_800), Reason::StopLoss);
    Record::OrderIntended(Box::new(ExitOrder { id, qty, kind, trigger, reason }))
}

/// Naked from 10 to 13 and from 20 to 26; unprotected from 10 to 13 and from 20 to 25.
fn story() -> Vec<JournalEntry> {
    let (stop, exit) = (order(0, 0), order(0, 1));
    let decided = ExitDecided {
        episode: episode(0),
        exit: 1,
        reason: Reason::StopLoss,
        source: Source::PositionMonitor,
        exit_type: ExitType::Market,
        leg: 0,
        origin: None,
        qty: Qty(1_000),
        trigger: Price(9_800),
        price: Price(9_790),
        best: None,
        held: Vec::new(),
    };
    let filled = Filled {
        id: exit,
        reason: Reason::StopLoss,
        source: Source::PositionMonitor,
        exit_type: ExitType::Market,
        trigger: Price(9_800),
        qty: Qty(1_000),
        price: Price(9_790),
        fee: Money(0),
        cost: 10_000_000,
        entry_fees: Money::ZERO,
        funding: Money::ZERO,
        remaining: Qty(0),
    };
    vec![
        at(10, opened(0)),
        at(12, intended(stop, OrderKind::Stop(Price(9_800)))),
        at(13, Record::OrderAccepted(stop)),
        at(20, Record::OrderEnded { id: stop, how: OrderEnd::Cancelled }),
        at(25, Record::ExitDecided(Box::new(decided))),
        at(25, intended(exit, OrderKind::Market)),
        at(26, Record::Filled(Box::new(filled))),
        at(27, Record::Closed { episode: episode(0) }),
    ]
}

fn with_plan(place: &Place) -> Store {
    let mut store = place.create();
    ledger::attach(&mut store).expect("a ledger");
    append(&mut store, &names());
    let spec: PlanSpec = serde_json::from_str(PLAN).expect("a plan");
    append(&mut store, &[JournalEntry::Plan(Box::new(PlanEntry { instrument: InstrumentId(0), spec }))]);
    store
}

const ROW: &str = "SELECT concat_ws(' ', unprotected_ns, unprotected_longest_ns, naked_ns, naked_longest_ns) \
                   FROM episodes WHERE episode = 'rc-0-0-L1'";

#[test]
fn an_episode_that_ended_says_how_long_it_was_without_a_stop_whoever_restarted_when() {
    for cut in 0..=story().len() {
        let place = Place::new();
        let mut store = with_plan(&place);
        append(&mut store, &story()[..cut]);
        store.keep_snapshot(&Coordinator::new().snapshot(), &[]).expect("durable");
        drop(store);
        let mut store = place.open();
        let attached = ledger::attach(&mut store).expect("a ledger");
        assert!(attached.from > 0 && attached.passed_over.is_empty(), "{attached:?}");
        if (1..story().len()).contains(&cut) {
            assert_eq!(one::<String>(store.connection(), ROW), "", "it is held: nothing is said yet");
        }
        append(&mut store, &story()[cut..]);
        let told: String = one(store.connection(), ROW);
        assert_eq!(told, "8000000000 5000000000 9000000000 6000000000", "cut before {cut}");
        assert_eq!(place.verified().changed, 0);
        store.connection().execute("UPDATE episodes SET naked_ns = 10000000000", []).expect("sql");
        assert_eq!(ledger::rebuild(&mut store).expect("a rebuild").changed, 1);
        assert_eq!(one::<String>(store.connection(), ROW), told);
    }
}

/// The stop at the exchange as a row, wherever a start interrupts it.
#[test]
fn a_bracket_is_a_row_that_says_where_it_stands() {
    let row = "SELECT concat_ws(' ', entry_order_id, stop_order_id, stop_price, entry_price, side, status, source, \
               verified_ns) FROM brackets WHERE episode = 'rc-0-0-L1'";
    let confirmed = "EXCHANGE_BRACKET 13000000000";
    let stands = [
        (2, "pending", "EXCHANGE_BRACKET"),
        (3, "active", confirmed),
        (4, "gone", confirmed),
        (7, "gone", confirmed),
        (8, "closed", confirmed),
    ];
    let place = Place::new();
    let mut store = with_plan(&place);
    let mut told = 0;
    for (records, status, rest) in stands {
        append(&mut store, &story()[told..records]);
        told = records;
        let expected = format!("rc-0-0-L1-open-0 rc-0-0-L1-0-0-0-0 98.00 100.00 long {status} {rest}");
        assert_eq!(one::<String>(store.connection(), row), expected, "behind {records} records");
    }
    assert_eq!(one::<i64>(store.connection(), "SELECT count(*) FROM brackets"), 1);
    assert_eq!(place.verified().changed, 0);
    store.connection().execute("DELETE FROM brackets", []).expect("sql");
    assert_eq!(ledger::rebuild(&mut store).expect("a rebuild").changed, 1);
}

#[test]
fn a_record_of_an_earlier_moment_takes_nothing_back_and_stops_no_commit() {
    let place = Place::new();
    let mut store = with_plan(&place);
    append(&mut store, &[at(10, opened(0)), at(-5, Record::Closed { episode: episode(0) })]);
    assert_eq!(one::<String>(store.connection(), ROW), "0 0 0 0");
    append(&mut store, &[at(i64::MIN / 1_000_000_000, opened(1))]);
    append(&mut store, &[at(i64::MAX / 1_000_000_000, Record::Closed { episode: episode(1) })]);
    assert_eq!(place.verified().changed, 0);
}

/// What no order of ours closed ends an episode all the same, and its quantity is not held any more.
#[test]
fn what_left_past_us_and_what_was_let_go_is_in_the_ledger() {
    let place = Place::new();
    let mut store = with_plan(&place);
    let left = LeftOutside {
        episode: episode(0),
        reason: Reason::Manual,
        source: Source::External,
        qty: Qty(1_000),
        price: Some(Price(10_100)),
        fee: Money(0),
        cost: 10_000_000,
        entry_fees: Money(0),
        funding: Money(0),
        remaining: Qty(0),
    };
    append(
        &mut store,
        &[
            at(1, opened(0)),
            at(2, Record::LeftOutside(Box::new(left))),
            at(3, Record::Closed { episode: episode(0) }),
            at(4, opened(1)),
            at(5, Record::Released { episode: episode(1), qty: Qty(1_000), keeps_stop: false }),
        ],
    );
    let row = "SELECT concat_ws(' ', closed_qty, gross, headline, closed_ns) FROM episodes WHERE episode = ";
    assert_eq!(one::<String>(store.connection(), &format!("{row}'rc-0-0-L1'")), "1.000 1 MANUAL 3000000000");
    assert_eq!(one::<String>(store.connection(), &format!("{row}'rc-1-0-L1'")), "0.000 0 5000000000");
    assert_eq!(place.verified().changed, 0);
}

/// Knows the instruments of a sample, and no plan.
pub(crate) struct Nobody;

impl Known for Nobody {
    fn closable(&self, instrument: InstrumentId, qty: Qty) -> Qty {
        instruments()[instrument.0 as usize].closable(qty)
    }

    fn wants(&self, _: PlanId) -> Wants {
        Wants::default()
    }
}

#[test]
fn the_ledger_says_what_the_fold_over_all_records_says() {
    let place = Place::new();
    let store = place.filled(6, 2_000, 3_000);
    let (mut coverage, mut over) = (Coverage::new(), BTreeMap::new());
    for entry in Sample::new(6, 2_000).take(3_000) {
        if let Some((episode, covered)) = coverage.take(&entry, &Nobody) {
            over.insert(episode_id(episode), covered.uncovered(entry.at));
        }
    }
    let rows = ledger::uncovered(store.connection()).expect("rows");
    let told = rows.into_iter().filter_map(|row| Some((row.episode, row.uncovered?)));
    let told: BTreeMap<_, _> = told.collect();
    assert!(told.len() > 200 && told.values().any(|of| of.unprotected.0 > 0), "{}", told.len());
    assert_eq!(told, over);
}

/// A store of the version before knows nothing of it: its rows are filled by the step of the schema.
#[test]
fn an_older_store_is_filled_by_its_migration_and_goes_back() {
    let place = Place::new();
    let mut store = with_plan(&place);
    append(&mut store, &story());
    let count =
        |store: &Store, table: &str| one::<i64>(store.connection(), &format!("SELECT count(*) FROM {table}"));
    let tables = ["journal", "episodes", "fills", "orders", "trade_records"];
    let before: Vec<i64> = tables.iter().map(|table| count(&store, table)).collect();
    drop(store);
    let down = maintain::rollback(&place.file(), Timestamp(0)).expect("one step");
    assert_eq!((down.from, down.to, down.steps), (4, 3, vec!["uncovered"]));
    let up = maintain::migrate(&place.file(), Timestamp(1)).expect("one step");
    assert_eq!((up.from, up.to), (3, 4));
    assert_eq!(place.verified().changed, 0, "nobody has to rebuild it");
    let store = place.open();
    assert_eq!(one::<String>(store.connection(), ROW), "8000000000 5000000000 9000000000 6000000000");
    let after: Vec<i64> = tables.iter().map(|table| count(&store, table)).collect();
    assert_eq!(after[1..], before[1..]);
    assert_eq!(after[0], before[0] + 1, "that it was taken over");
}
