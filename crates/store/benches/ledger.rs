//! The ledger: folding records in memory, keeping it beside the journal, a report over a million
//! trade records, deriving it again.
//!
//! `cargo xtask bench ledger [--trades N] [--runs N]`; N trade records, 1,000,000 by itself.
#![allow(clippy::print_stdout, missing_docs)]

use std::time::{Duration, Instant};

use ripcord_core::bars::BarOrigin;
use ripcord_core::event::Record;
use ripcord_core::market::PriceSource;
use ripcord_core::num::Money;
use ripcord_core::time::Timestamp;
use ripcord_journal::JournalEntry;
use ripcord_journal::entry::{InstallationId, InstrumentEntry};
use ripcord_ledger::fact::Method;
use ripcord_ledger::sample::{Sample, instruments};
use ripcord_ledger::{Fact, Ledger};
use ripcord_store::ledger::{self, Filter};
use ripcord_store::{Opening, Store};

const SEED: u64 = 11;
const PER_DAY: u64 = 10_000;

fn main() {
    let trades = option("--trades").unwrap_or(1_000_000);
    let runs = option("--runs").unwrap_or(5);
    fold(trades.min(300_000), runs);
    let folder = tempfile::tempdir().expect("a folder");
    let opening = Opening { now: Timestamp(1), program: "bench", vfs: None };
    let path = folder.path().join("bench.db");
    let mut store = Store::create(&path, 0, InstallationId([1; 16]), &opening).expect("a new store").0;
    ledger::attach(&mut store).expect("a ledger");
    fill(&mut store, trades);
    report(&store, runs);
    let (took, rebuilt) = timed(|| ledger::rebuild(&mut store).expect("derived again"));
    assert_eq!(rebuilt.changed, 0, "what was kept beside the journal is what the journal says");
    println!("rebuild {:>34} rows {:>10.2} s", rebuilt.rows, took.as_secs_f64());
}

fn option(name: &str) -> Option<usize> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
    arguments
        .next()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is {text}; it must be a number")))
}

fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let done = work();
    (start.elapsed(), done)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn fold(records: usize, runs: usize) {
    for method in [Method::AverageCost, Method::Fifo] {
        let facts = Sample::new(SEED, PER_DAY).facts(records, method);
        let once = |facts: Vec<Fact<'static>>| {
            let (mut ledger, mut changes, mut faults) = (Ledger::new(1), Vec::new(), Vec::new());
            let (took, rows) = timed(|| {
                let mut rows = 0;
                for fact in facts {
                    ledger.apply(fact, &mut changes, &mut faults);
                    rows += changes.drain(..).count();
                }
                rows
            });
            assert!(rows > 0 && faults.is_empty());
            took
        };
        let took = median((0..runs).map(|_| once(facts.clone())).collect());
        let rate = facts.len() as f64 / took.as_secs_f64() / 1e6;
        println!("fold {:>24} {:>9} facts {:>10.2} M facts/s", method.word(), facts.len(), rate);
    }
}

/// Commits of a thousand entries, until there are so many trade records.
fn fill(store: &mut Store, trades: usize) {
    let entry = |rules| InstrumentEntry { rules, sources: vec![PriceSource::Last], bars: BarOrigin::Ticks };
    let mut batch: Vec<JournalEntry> =
        instruments().into_iter().map(|rules| JournalEntry::Instrument(Box::new(entry(rules)))).collect();
    let (mut rows, mut records) = (0, 0);
    let mut sample = Sample::new(SEED, PER_DAY);
    let (took, ()) = timed(|| {
        while rows < trades {
            while batch.len() < 1_000 {
                let entry = sample.next().expect("it never ends");
                rows += usize::from(matches!(
                    entry.record,
                    Record::Opened(_) | Record::Added(_) | Record::OrderAccepted(_)
                ));
                batch.push(entry.into());
            }
            records += batch.len();
            store.append(Timestamp(1), &batch).expect("room");
            store.commit().expect("durable");
            batch.clear();
        }
    });
    let rate = records as f64 / took.as_secs_f64();
    println!("journal and ledger {records:>18} records {rate:>10.0} records/s, durable in commits of 1,000");
}

fn report(store: &Store, runs: usize) {
    let count = "SELECT count(*) FROM trade_records";
    let rows: i64 = store.connection().query_row(count, [], |row| row.get(0)).expect("a count");
    let once = || {
        timed(|| {
            let (mut parts, mut net) = (0_u64, Money::ZERO);
            let unknown = ledger::report_parts(store.connection(), None, |part| {
                parts += 1;
                net += part.net();
            });
            assert_eq!(unknown.expect("readable"), 0);
            parts
        })
    };
    let (times, parts): (Vec<Duration>, Vec<u64>) = (0..runs).map(|_| once()).unzip();
    let took = median(times);
    println!("report {rows:>24} trade records {:>10.3} s, {} closing orders", took.as_secs_f64(), parts[0]);
    let filter = Filter { reason: Some("HARD_STOP".to_owned()), ..Filter::default() };
    let mut found = 0_u64;
    let (took, shown) = timed(|| ledger::trade_records(store.connection(), &filter, |_| found += 1));
    shown.expect("readable");
    println!("show --reason HARD_STOP {found:>13} of them {:>15.3} s", took.as_secs_f64());
}
