//! How fast facts become durable: `cargo xtask bench journal [--dir DIR] [--commits N] [--records N]`.
//!
//! The store lies in DIR, by default where temporary files go: a disk, or the figures say nothing.
//! Beside each figure stands the bare cost of the same bytes: a file that is appended to and synced.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ripcord_core::Coordinator;
use ripcord_core::bars::BarOrigin;
use ripcord_core::cell::CellId;
use ripcord_core::event::{Action, Command, Event, Opening, Outbox, Probe, Tick};
use ripcord_core::id::{AccountId, InstrumentId, PlanId, PositionKey};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::plan::PlanSpec;
use ripcord_core::time::Timestamp;
use ripcord_journal::JournalEntry;
use ripcord_journal::entry::{InstallationId, InstrumentEntry, PlanEntry};
use ripcord_store::{Opening as StoreOpening, Reader, Store, StoreError};

const PLAN: &str = r#"{"version":1,"name":"stop","stop_loss":{"distance":{"price":"0.50"}}}"#;
/// Records of a grouped commit.
const GROUP: usize = 5_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let number = |name: &str, otherwise: usize| {
        option(name).map_or(otherwise, |text| text.parse().expect("a number follows the option"))
    };
    let (commits, records) = (number("--commits", 2_000), number("--records", 1_000_000));
    let folder = option("--dir").map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::tempdir_in(folder)?;
    println!("{} in {}", env!("CARGO_PKG_NAME"), folder.path().display());
    bare(folder.path(), commits)?;
    let told = single(folder.path(), commits)?;
    grouped(folder.path(), records, &told)
}

fn option(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}

fn new_store(path: &Path) -> Result<Store, StoreError> {
    let opening = StoreOpening { now: Timestamp(0), program: "bench", vfs: None };
    Store::create(path, 0, InstallationId([0; 16]), &opening).map(|(store, _)| store)
}

/// The disk's own part: two pages appended to a file, and a sync.
fn bare(folder: &Path, commits: usize) -> std::io::Result<()> {
    let mut file = File::create(folder.join("bare"))?;
    let mut times = Vec::with_capacity(commits);
    for _ in 0..commits {
        let start = Instant::now();
        file.write_all(&[1; 8_192])?;
        file.sync_data()?;
        times.push(start.elapsed());
    }
    print_times("bare: 8 KiB appended and synced", times);
    Ok(())
}

/// A price goes through a stop; the time until the order's intent is durable. Returns all entries.
fn single(folder: &Path, commits: usize) -> Result<Vec<JournalEntry>, Box<dyn std::error::Error>> {
    let mut store = new_store(&folder.join("single.db"))?;
    let (mut core, mut out) = (Coordinator::new(), Outbox::default());
    let mut told = registered(&mut core);
    let (cell, instrument) = (CellId(0), InstrumentId(0));
    let mut price = 100_000_000;
    let tick =
        |price, at| Tick { at: Timestamp(at), price: Price(price), qty: Qty(1), cell, probe: Probe::TICK };
    core.tick(Timestamp(0), &tick(price, 0), &mut out);
    for number in 0..commits {
        let key = PositionKey { account: AccountId(u32::try_from(number)?), instrument, side: Side::Long };
        let entry = Price(price - 100 * i64::try_from(number)?);
        let opening = Opening { key, plan: PlanId(0), qty: Qty(1_000), entry, entry_fees: Money(0) };
        core.handle(Timestamp(1), Event::Command(Command::Open(Box::new(opening))), &mut out);
    }
    told.extend(out.records.drain(..).map(JournalEntry::Fact));
    out.clear();
    store.append(Timestamp(1), &told)?;
    store.commit()?;
    let mut times = Vec::with_capacity(commits);
    for at in 2..i64::try_from(commits)? + 2 {
        price -= 100;
        let tick = tick(price, at);
        let start = Instant::now();
        core.tick(Timestamp(at), &tick, &mut out);
        let entries: Vec<_> = out.records.drain(..).map(JournalEntry::Fact).collect();
        store.append(Timestamp(at), &entries)?;
        store.commit()?;
        times.push(start.elapsed());
        assert!(matches!(out.actions[..], [Action::Submit(_)]), "each price goes through one stop");
        out.clear();
        told.extend(entries);
    }
    print_times("trigger to durable intent", times);
    Ok(told)
}

fn registered(core: &mut Coordinator) -> Vec<JournalEntry> {
    let rules = Instrument::from_decimals("BTCUSDT", 2, 3);
    let (sources, bars, instrument) = (vec![PriceSource::Last], BarOrigin::Ticks, InstrumentId(0));
    core.add_instrument(rules.clone(), &sources, bars).expect("an instrument");
    let spec: PlanSpec = serde_json::from_str(PLAN).expect("a plan");
    core.add_plan(spec.resolve(instrument, &rules).expect("sound")).expect("its instrument is known");
    vec![
        JournalEntry::Instrument(Box::new(InstrumentEntry { rules, sources, bars })),
        JournalEntry::Plan(Box::new(PlanEntry { instrument, spec })),
    ]
}

/// The same facts over and over, many a commit; then all of it is verified.
fn grouped(folder: &Path, records: usize, told: &[JournalEntry]) -> Result<(), Box<dyn std::error::Error>> {
    let path = folder.join("grouped.db");
    let mut store = new_store(&path)?;
    let facts: Vec<_> = told.iter().filter(|entry| matches!(entry, JournalEntry::Fact(_))).cloned().collect();
    let groups: Vec<Vec<JournalEntry>> = (0..records / GROUP)
        .map(|group| (0..GROUP).map(|n| facts[(group * GROUP + n) % facts.len()].clone()).collect())
        .collect();
    let start = Instant::now();
    for group in &groups {
        store.append(Timestamp(0), group)?;
        store.commit()?;
    }
    let written = groups.len() * GROUP;
    print_rate(&format!("append, {GROUP} records a commit"), written, start.elapsed());
    drop(store);
    let bytes = std::fs::metadata(&path)?.len();
    println!("{:<36} {:>9} bytes", "a record in the file", bytes / written as u64);
    let start = Instant::now();
    let mut count = 0;
    Reader::open(&path)?.verify(|_, _| {
        count += 1;
        Ok::<(), StoreError>(())
    })?;
    print_rate("verify, all of it", count, start.elapsed());
    Ok(())
}

fn print_times(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 1_000].as_secs_f64() * 1e3;
    let (p50, p99, p999) = (at(500), at(990), at(999));
    println!(
        "{what:<36} p50 {p50:>7.3} ms  p99 {p99:>7.3} ms  p99.9 {p999:>7.3} ms  ({} times)",
        times.len()
    );
}

fn print_rate(what: &str, records: usize, took: Duration) {
    let rate = records as f64 / took.as_secs_f64();
    println!("{what:<36} {rate:>9.0} records/s  ({records} in {:.2} s)", took.as_secs_f64());
}
