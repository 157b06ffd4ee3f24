//! How fast records are read: `cargo bench -p ripcord-sim --bench read [-- --inputs DIR]`.
//!
//! DIR holds `ticks.parquet` and `ticks.csv` (time, price, quantity, side); without it five million
//! rows of the same form are made. Prints the median of several runs.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::fmt::Write as _;
use std::fs::File;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow_array::{ArrayRef, BooleanArray, Int64Array, RecordBatch};
use parquet::arrow::ArrowWriter;
use ripcord_core::market::PriceSource;
use ripcord_sim::import::{self, ImportOptions, Market, Ticks};
use ripcord_sim::tape::{Bands, Tape};

const RUNS: usize = 7;
const ROWS: i64 = 5_000_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let scratch = tempfile::tempdir()?;
    let mut arguments = std::env::args().skip_while(|argument| argument != "--inputs").skip(1);
    let inputs = match arguments.next() {
        Some(inputs) => PathBuf::from(inputs),
        None => {
            make_inputs(scratch.path())?;
            scratch.path().to_owned()
        }
    };
    let options = ImportOptions::default();
    let ticks = |name: &str| match import::read(&inputs.join(name), &options) {
        Ok(Market::Ticks(ticks)) => ticks,
        other => panic!("{name} holds ticks: {other:?}"),
    };
    let Ticks { meta, columns } = ticks("ticks.parquet");
    let rows = columns.ts.len();
    assert_eq!(
        Ticks { meta: meta.clone(), columns: columns.clone() },
        Ticks { meta: meta.clone(), ..ticks("ticks.csv") }
    );
    println!("{rows} rows, median of {RUNS} runs");
    rate("parquet -> columns", rows, || ticks("ticks.parquet").columns.ts.len());
    rate("csv -> columns", rows, || ticks("ticks.csv").columns.ts.len());

    let copies: Vec<_> = (0..RUNS).map(|_| columns.clone()).collect();
    let mut copies = copies.into_iter();
    let in_memory =
        || Tape::from_columns(meta.clone(), copies.next().unwrap_or_default()).expect("rows keep the rules");
    rate("columns -> tape in memory", rows, in_memory);
    let indexed: Vec<_> = (0..RUNS)
        .map(|_| Tape::from_columns(meta.clone(), columns.clone()).expect("rows keep the rules"))
        .collect();
    let mut fresh = indexed.iter();
    rate("pyramid in memory", rows, || fresh.next().map(Tape::index));

    let path = scratch.path().join("ticks.tape");
    rate("parquet -> tape file", rows, || {
        import::tape_from_file(&inputs.join("ticks.parquet"), &path, &options)
    });
    rate("csv -> tape file", rows, || import::tape_from_file(&inputs.join("ticks.csv"), &path, &options));
    rate("tape open", rows, || Tape::open(&path).expect("a whole tape").rows());
    rate("tape open and verify", rows, || Tape::open(&path).expect("a whole tape").verify());
    let tape = Tape::open(&path)?;
    rate("scan, no hit", rows, || tape.scan(0, rows, &black_box(Bands::OPEN)));
    rate("leap, no hit", rows, || tape.leap(0, rows, &black_box(Bands::OPEN)));
    for bps in [2, 10, 50] {
        let hops = hops(&tape, bps, Tape::scan);
        let what = |how: &str| format!("{how}, a hit every {} rows", rows / hops.max(1));
        rate(&what("scan"), rows, || self::hops(&tape, bps, Tape::scan));
        rate(&what("leap"), rows, || self::hops(&tape, bps, Tape::leap));
    }
    for width in [100, 300, 3_000] {
        let spans =
            || (0..rows - width).step_by(width).filter_map(|at| tape.span(at, at + width, PriceSource::Last));
        rate(&format!("spans of {width} rows"), rows, || spans().map(|span| span.max).sum::<i64>());
    }
    Ok(())
}

/// Moves a band along the tape, anew around each price that leaves it; how often one does.
fn hops(tape: &Tape, bps: i64, next: fn(&Tape, usize, usize, &Bands) -> usize) -> usize {
    let (price, rows) = (tape.price(), tape.rows());
    let (mut row, mut count) = (0, 0);
    while row < rows {
        let reach = price[row] * bps / 10_000;
        let band = Bands::OPEN.with(PriceSource::Last, price[row] - reach, price[row] + reach);
        row = next(tape, row + 1, rows, &band);
        count += 1;
    }
    count
}

fn rate<T>(what: &str, rows: usize, mut work: impl FnMut() -> T) {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            let made = black_box(work());
            let took = start.elapsed();
            drop(made);
            took
        })
        .collect();
    times.sort_unstable();
    let median = times[RUNS / 2].as_secs_f64();
    println!("{what:<34} {:>9.1} M rows/s {:>10.3} ms", rows as f64 / median / 1e6, median * 1e3);
}

/// A seeded walk of half a basis point a step, as `ticks.parquet` and `ticks.csv`.
fn make_inputs(directory: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let mut state = 7_u64;
    let mut draw = move |below: i64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as i64 % below
    };
    let (mut ts, mut price) = (1_735_689_600_000_000_000, 6_000_000);
    let (mut times, mut prices, mut quantities, mut buyers) = (vec![], vec![], vec![], vec![]);
    let mut csv = String::from("ts_ns,price,qty,side\n");
    for _ in 0..ROWS {
        ts += (draw(29) + 1) * 1_000_000;
        // Steps of up to 6.00 either way, and a pull to the middle so that it stays a price.
        price += draw(1_201) - 600 - (price - 6_000_000) / 100_000;
        let (qty, buyer) = (draw(1_990) + 10, draw(2) == 0);
        let side = if buyer { "buy" } else { "sell" };
        writeln!(csv, "{ts},{}.{:02},{}.{:03},{side}", price / 100, price % 100, qty / 1000, qty % 1000)?;
        times.push(ts);
        prices.push(price);
        quantities.push(qty);
        buyers.push(buyer);
    }
    std::fs::write(directory.join("ticks.csv"), csv)?;
    let batch = RecordBatch::try_from_iter([
        ("ts_ns", Arc::new(Int64Array::from(times)) as ArrayRef),
        ("price_ticks", Arc::new(Int64Array::from(prices)) as ArrayRef),
        ("qty_milli", Arc::new(Int64Array::from(quantities)) as ArrayRef),
        ("buyer", Arc::new(BooleanArray::from(buyers)) as ArrayRef),
    ])?;
    let mut writer =
        ArrowWriter::try_new(File::create(directory.join("ticks.parquet"))?, batch.schema(), None)?;
    writer.write(&batch)?;
    writer.close()?;
    Ok(())
}
