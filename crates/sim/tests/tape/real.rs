//! The shared market records, where they are at hand.

use std::path::{Path, PathBuf};

use ripcord_core::market::PriceSource;
use ripcord_core::num::Ratio;
use ripcord_sim::import::{ImportOptions, Market, tape_from_file};
use ripcord_sim::tape::Tape;

use crate::support::{Scratch, candles, read, ticks};

/// The records; none, said so, on a machine without them.
#[allow(clippy::print_stderr, reason = "a skipped test says that it is skipped")]
fn records() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if path.is_dir() {
        return Some(path);
    }
    eprintln!("skipped: no market records at {}", path.display());
    None
}

#[test]
fn every_record_is_read_whole() {
    let Some(records) = records() else { return };
    let mut read_files = 0;
    for entry in std::fs::read_dir(&records)
        .expect("the records")
        .chain(std::fs::read_dir(records.join("csv")).expect("the csv records"))
    {
        let path = entry.expect("an entry").path();
        let extension = path.extension().unwrap_or_default();
        if extension != "parquet" && extension != "csv" {
            continue;
        }
        read(&path).unwrap_or_else(|refused| panic!("{refused}"));
        read_files += 1;
    }
    assert!(read_files >= 40, "only {read_files} records");
}

#[test]
fn rows_are_as_many_as_the_readme_says() {
    let Some(records) = records() else { return };
    let file = |name: &str| records.join(format!("{name}.parquet"));
    for (name, rows, rows_per_record) in [
        ("binance-spot-BTCUSDT-trades-20240808-20240809", 19_904, 1),
        ("binance-usdm-BTCUSDT-trades-20240808", 21_313, 1),
        ("binance-usdm-APEUSDT-aggtrades-20241018", 45_342, 1),
        ("binance-spot-ATOMUSDT-aggtrades-20251010", 71, 1),
        ("coinbase-SKL-USD-trades-20210417", 52, 1),
        ("binance-spot-BTCUSDT-bbo-20240808-20240809", 73_174, 2),
        ("binance-usdm-BTCUSDT-bbo-20240808-20240809", 66_089, 2),
        ("coinbase-SKL-USD-ticker-20210417", 53, 3),
    ] {
        assert_eq!(ticks(&file(name)).columns.ts.len(), rows * rows_per_record, "{name}");
    }
    for (name, rows, minutes) in [
        ("binance-spot-ALGOBTC-candles-1m-20200207-20200315", 52_719, 1),
        ("binance-spot-BTCUSDT-candles-1m-20210420-20210520", 42_914, 1),
        ("binance-spot-BTCUSDT-candles-5m-20191115-20200312", 33_958, 5),
        ("binance-usdm-BTCUSDT-candles-5m-20230101-20240514", 143_899, 5),
        ("binance-usdm-BTCUSDT-mark-1h-20191223-20260517", 56_083, 60),
        ("binance-usdm-DOGEUSDT-mark-1h-20250501-20260519", 9_197, 60),
    ] {
        let bars = candles(&file(name));
        assert_eq!((bars.columns.ts.len(), bars.span_ns), (rows, minutes * 60_000_000_000), "{name}");
        let is_mark = name.contains("mark");
        assert_eq!(bars.source == PriceSource::Mark, is_mark, "{name}");
    }
    match read(&file("binance-usdm-BTCUSDT-funding-20190910-20260517")) {
        Ok(Market::Funding(funding)) => {
            assert_eq!((funding.symbol.as_str(), funding.rates.len()), ("BTCUSDT", 7_323));
            let rates = || funding.rates.iter().map(|&(_, rate)| rate);
            assert_eq!((rates().min(), rates().max()), (Some(Ratio(-3_000_000)), Some(Ratio(3_000_000))));
        }
        other => panic!("funding: {other:?}"),
    }
    match read(&file("coinbase-BTC-USD-quotebars-1m-20171217")) {
        Ok(Market::QuoteBars { bid, ask }) => {
            assert_eq!((bid.columns.ts.len(), ask.columns.ts.len()), (1_439, 1_439));
            assert_eq!((bid.meta.symbol.as_str(), bid.meta.price_decimals), ("BTC-USD", 2));
            assert_eq!(
                (bid.columns.low.iter().min(), ask.columns.high.iter().max()),
                (Some(&1_903_000), Some(&1_989_199))
            );
        }
        other => panic!("quote bars: {other:?}"),
    }
}

#[test]
fn prices_are_those_of_the_readme() {
    let Some(records) = records() else { return };
    let algo = candles(&records.join("binance-spot-ALGOBTC-candles-1m-20200207-20200315.parquet"));
    assert_eq!((algo.meta.symbol.as_str(), algo.meta.price_decimals), ("ALGOBTC", 8));
    assert_eq!((algo.columns.low.iter().min(), algo.columns.high.iter().max()), (Some(&2_436), Some(&5_180)));
    let trades = ticks(&records.join("binance-usdm-BTCUSDT-trades-20240808.parquet"));
    let text = ticks(&records.join("csv/binance-usdm-BTCUSDT-trades-20240808.csv"));
    assert_eq!(trades, text, "Parquet and CSV say the same");
    assert_eq!(trades.meta.price_decimals, 1);
    assert_eq!(
        (trades.columns.price.iter().min(), trades.columns.price.iter().max()),
        (Some(&615_903), Some(&618_399))
    );
}

#[test]
fn a_tape_of_real_quotes_answers_like_its_rows() {
    let Some(records) = records() else { return };
    let scratch = Scratch::new();
    let source = records.join("binance-usdm-BTCUSDT-bbo-20240808-20240809.parquet");
    let out = scratch.path("bbo.tape");
    let rows = tape_from_file(&source, &out, &ImportOptions::default()).expect("a tape");
    assert_eq!(rows, 2 * 66_089);
    let tape = Tape::open(&out).expect("the tape is whole");
    tape.verify().expect("the tape is true");
    let all = tape.span(0, tape.rows(), PriceSource::Ask).expect("asks");
    assert_eq!((all.max, all.count), (618_399, 66_089));
    assert_eq!(tape.meta().symbol, "BTCUSDT");
}
