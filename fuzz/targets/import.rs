//! Market records of the outside world: CSV, JSON, Feather, Parquet.

use std::path::Path;

use ripcord_sim::import::{self, Candles, ImportOptions, Market};
use ripcord_sim::tape::{Columns, Tape};

use crate::scratch;

/// A file's name says what is in it where the file does not.
const NAMES: [&str; 4] =
    ["BTCUSDT-1m-2024-01.csv", "BTCUSDT-trades-2024-01-01.csv", "BTC_USDT_USDT-5m-futures.csv", "data.csv"];

pub(crate) fn csv(data: &[u8]) {
    let Some((&name, data)) = data.split_first() else { return };
    read(NAMES[usize::from(name) % NAMES.len()], data);
}

pub(crate) fn json(data: &[u8]) {
    let Some((&name, data)) = data.split_first() else { return };
    let name = NAMES[usize::from(name) % NAMES.len()];
    read(&name.replace(".csv", ".json"), data);
}

pub(crate) fn feather(data: &[u8]) {
    read("BTC_USDT_USDT-5m-futures.feather", data);
}

pub(crate) fn parquet(data: &[u8]) {
    read("BTCUSDT-1m.parquet", data);
}

fn read(name: &str, data: &[u8]) {
    let path = scratch::file(name, data);
    let market = import::read(&path, &ImportOptions::default());
    if let Ok(market) = &market {
        look(market, &path);
    }
    scratch::remove(&path);
}

fn look(market: &Market, path: &Path) {
    match market {
        Market::Ticks(ticks) => {
            let tape = Tape::from_columns(ticks.meta.clone(), ticks.columns.clone());
            let tape = tape.unwrap_or_else(|why| panic!("what was read makes no tape: {why}"));
            // The way through little memory ends in the same tape.
            let out = path.with_extension("tape");
            let rows = import::tape_from_file(path, &out, &ImportOptions::default());
            let rows = rows.unwrap_or_else(|why| panic!("read, and then not: {why}"));
            assert_eq!(rows, tape.rows() as u64);
            let written = Tape::open(&out).expect("just written");
            written.verify().expect("just written");
            assert_eq!(columns(&written), ticks.columns);
            drop(written);
            scratch::remove(&out);
        }
        Market::Candles(candles) => bars(candles),
        Market::QuoteBars { bid, ask } => {
            bars(bid);
            bars(ask);
            assert_eq!(bid.columns.ts, ask.columns.ts);
        }
        Market::Funding(funding) => assert!(funding.rates.is_sorted_by_key(|(at, _)| *at)),
    }
}

fn columns(tape: &Tape) -> Columns {
    Columns {
        ts: tape.ts().to_vec(),
        price: tape.price().to_vec(),
        qty: tape.qty().to_vec(),
        source: tape.source().to_vec(),
    }
}

fn bars(candles: &Candles) {
    let columns = &candles.columns;
    assert!(candles.span_ns >= 0);
    assert!(columns.ts.is_sorted());
    for at in 0..columns.ts.len() {
        let (open, high) = (columns.open[at], columns.high[at]);
        let (low, close) = (columns.low[at], columns.close[at]);
        assert!(
            0 < low && low <= open.min(close) && open.max(close) <= high,
            "{at}: {open} {high} {low} {close}"
        );
    }
}
