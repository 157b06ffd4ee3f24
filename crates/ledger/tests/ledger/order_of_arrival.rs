//! The rows are a function of the facts: not of when they came, how often, or who was restarted.

use proptest::prelude::*;
use ripcord_core::id::InstrumentId;
use ripcord_core::num::{Money, Qty};
use ripcord_ledger::fact::{Fee, Imported, Method};
use ripcord_ledger::rows::Change;
use ripcord_ledger::sample::Sample;
use ripcord_ledger::{Body, Fact, LEDGER_VERSION, Ledger, LedgerFault, WAITING_MAX};

use crate::tables::{Tables, World, imported};

const METHODS: [Method; 2] = [Method::AverageCost, Method::Fifo];

/// A permutation drawn from a seed.
fn shuffled<T: Clone>(items: &[T], mut seed: u64) -> Vec<T> {
    let mut items = items.to_vec();
    for last in (1..items.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        items.swap(last, (seed >> 33) as usize % (last + 1));
    }
    items
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_order_of_arrival_gives_the_same_rows(seed in any::<u64>(), order in any::<u64>()) {
        for method in METHODS {
            let facts = Sample::new(seed, 1_000).facts(120, method);
            let (in_order, any_order) = (World::fold(&facts), World::fold(&shuffled(&facts, order)));
            prop_assert_eq!(&any_order.tables, &in_order.tables);
            prop_assert_eq!(&any_order.ledger, &in_order.ledger);
            prop_assert!(in_order.faults.is_empty(), "{:?}", in_order.faults);
        }
    }

    #[test]
    fn facts_that_come_twice_count_once(seed in any::<u64>(), order in any::<u64>()) {
        for method in METHODS {
            let facts = Sample::new(seed, 1_000).facts(100, method);
            let twice: Vec<Fact<'static>> = facts.iter().chain(&facts).cloned().collect();
            prop_assert_eq!(World::fold(&shuffled(&twice, order)).tables, World::fold(&facts).tables);
        }
    }

    /// Trades of others come in whatever order their venue lists them.
    #[test]
    fn imports_in_any_order_are_matched_by_their_times(
        trades in proptest::collection::vec((any::<bool>(), 0_i64..20, 1_i64..50, 1_i64..500), 1..24),
        order in any::<u64>(),
    ) {
        let trades: Vec<Imported> = trades
            .into_iter()
            .enumerate()
            .map(|(number, (closes, second, qty, price))| imported(&format!("t{number:02}"), closes, second, qty, price))
            .collect();
        let told = |trades: &[Imported]| {
            let mut world = World::with(Method::Fifo);
            for trade in trades {
                world.say(100, Body::Imported(Box::new(trade.clone())));
            }
            for part in world.tables.allocations.values_mut().flatten() {
                // Which fact came last does depend on the order in which they came.
                part.batch = 0;
            }
            world.tables
        };
        prop_assert_eq!(told(&shuffled(&trades, order)), told(&trades));
    }
}

#[test]
fn a_restart_at_any_place_goes_on_with_the_same_rows() {
    for method in METHODS {
        let facts = Sample::new(7, 1_000).facts(160, method);
        let whole = World::fold(&facts);
        let mut incremental = World::new();
        for split in 0..=facts.len() {
            let refolded = World::fold(&facts[..split]);
            assert_eq!(refolded.tables, incremental.tables, "before fact {split}");
            // The tables stay; the ledger is folded again from the journal.
            let mut after = World { ledger: refolded.ledger, ..incremental.clone() };
            facts[split..].iter().for_each(|fact| after.take(fact));
            assert_eq!(after.tables, whole.tables, "restarted before fact {split}");
            facts.get(split).into_iter().for_each(|fact| incremental.take(fact));
        }
    }
}

/// What an import in base coin or a fee in a third coin leaves in the fold, too.
fn with_imports(mut facts: Vec<Fact<'static>>, method: Method) -> Vec<Fact<'static>> {
    let trades = [("b1", false), ("b2", false), ("s1", true)];
    for (number, (id, closes)) in trades.into_iter().enumerate() {
        let seq = facts.len() as u64 + 1;
        let mut trade = imported(id, closes, 1_761_955_200 + number as i64, 500, 90_000_00);
        trade.fee = if number == 1 { Fee::Base(Qty(3)) } else { Fee::Quote(Money(77)) };
        trade.instrument = InstrumentId(u32::from(method == Method::Fifo));
        facts.push(Fact { seq, at: Default::default(), body: Body::Imported(Box::new(trade)) });
    }
    facts
}

#[test]
fn bytes_of_a_ledger_at_any_place_go_on_as_the_ledger_does() {
    for method in METHODS {
        let facts = with_imports(Sample::new(11, 1_000).facts(400, method), method);
        let whole = World::fold(&facts);
        let mut world = World::new();
        for (place, fact) in facts.iter().enumerate() {
            let bytes = postcard::to_stdvec(&world.ledger).expect("a ledger is data");
            let read: Ledger = postcard::from_bytes(&bytes).expect("our own bytes");
            assert_eq!(read, world.ledger, "before fact {place}");
            if place % 40 == 0 {
                let mut after = World { ledger: read, ..world.clone() };
                facts[place..].iter().for_each(|fact| after.take(fact));
                assert_eq!((&after.tables, &after.ledger), (&whole.tables, &whole.ledger), "from {place}");
            }
            world.take(fact);
        }
    }
}

/// Whoever changes the fields of the fold raises [`LEDGER_VERSION`], then the sum here: a store that
/// holds the former bytes must pass them over.
#[test]
fn the_version_of_a_ledgers_bytes_belongs_to_their_shape() {
    let facts = with_imports(Sample::new(5, 1_000).facts(300, Method::Fifo), Method::Fifo);
    let bytes = postcard::to_stdvec(&World::fold(&facts).ledger).expect("a ledger is data");
    // FNV-1a.
    let sum = bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |sum, &byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    assert_eq!((LEDGER_VERSION, sum), (4, 13_001_185_966_922_666_445));
}

#[test]
fn futures_leave_memory_when_they_are_over() {
    let facts = Sample::new(3, 1_000).facts(20_000, Method::AverageCost);
    let world = World::fold(&facts);
    assert!(world.tables.episodes.len() > 1_000);
    assert!(world.ledger.held() <= 12, "a lane holds one position at a time: {}", world.ledger.held());
}

#[test]
fn a_fact_that_never_comes_is_told_and_costs_bounded_memory() {
    let mut ledger = Ledger::new(1);
    let (mut changes, mut faults): (Vec<Change>, Vec<(u64, LedgerFault)>) = (Vec::new(), Vec::new());
    for seq in 2..WAITING_MAX as u64 + 4 {
        let fact = Fact { seq, at: Default::default(), body: Body::Other };
        ledger.apply(fact, &mut changes, &mut faults);
    }
    assert_eq!(faults.len(), 2);
    assert_eq!(
        faults[0].1.to_string(),
        "fact 1 never came and 65536 wait behind it; refold from the journal"
    );
    assert_eq!((ledger.next(), Tables::default()), (1, Tables::default()));
}
