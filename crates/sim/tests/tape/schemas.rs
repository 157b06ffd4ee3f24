//! Every schema that is known, from small files.

use arrow_ipc::CompressionType;
use ripcord_core::market::PriceSource;
use ripcord_core::num::Ratio;
use ripcord_sim::import::{FundingRates, ImportOptions, Market, Ticks, read as read_with};
use ripcord_sim::tape::Columns;

use crate::support::{
    Scratch, candles, dates, floats, ints, meta, read, texts, ticks, write_feather, write_parquet,
};

const T: i64 = 1_700_000_000_000_000_000;

fn trades(symbol: &str, prices: &[i64], price_decimals: u8, qty: &[i64], qty_decimals: u8) -> Ticks {
    let ts = (0..prices.len() as i64).map(|row| T + row * 1_000_000).collect();
    let source = vec![0; prices.len()];
    let columns = Columns { ts, price: prices.to_vec(), qty: qty.to_vec(), source };
    Ticks { meta: meta(symbol, price_decimals, qty_decimals), columns }
}

#[test]
fn trades_with_decimal_text_from_parquet_and_csv() {
    let scratch = Scratch::new();
    let path = scratch.path("any-name.parquet");
    let columns = vec![
        ("ts_ns", ints(&[T, T + 1_000_000, T + 2_000_000])),
        ("id", ints(&[1, 2, 3])),
        ("price", texts(&["61800.3", "61800", "0.25"])),
        ("qty", texts(&["0.006", "12", "1.50"])),
        ("side", texts(&["buy", "sell", "buy"])),
    ];
    write_parquet(&path, columns, &[("venue", "binance-usdm"), ("symbol", "BTCUSDT"), ("kind", "trades")]);
    let expected = trades("BTCUSDT", &[6_180_030, 6_180_000, 25], 2, &[6, 12_000, 1_500], 3);
    assert_eq!(ticks(&path), expected);
    let csv = format!(
        "ts_ns,id,price,qty,side\n{T},1,61800.3,0.006,buy\n{},2,61800,12,sell\n{},3,0.25,1.50,buy\n",
        T + 1_000_000,
        T + 2_000_000
    );
    for (name, text) in [
        ("binance-usdm-BTCUSDT-trades-2024.csv", csv.clone()),
        ("BTCUSDT-trades-a.csv", csv.replace('\n', "\r\n")),
        ("BTCUSDT-trades-b.csv", csv.trim_end().to_owned()),
        ("BTCUSDT-trades-c.csv", csv.replace('\n', "\n\n")),
        ("BTCUSDT-trades-d.csv", format!("\u{feff}{csv}")),
        ("BTCUSDT-trades-e.csv", csv.replace(",buy", ",\"buy, a lot\"")),
        ("BTCUSDT-trades-f.csv", csv.replace("61800.3", "\"61800.3\"").replace("qty", "\"qty\"")),
    ] {
        assert_eq!(ticks(&scratch.file(name, text)), expected, "{name}");
    }
}

#[test]
fn benchmark_inputs_count_ticks_of_a_hundredth() {
    let scratch = Scratch::new();
    let path = scratch.path("ticks.parquet");
    let columns = vec![
        ("ts_ns", ints(&[T, T + 1_000_000])),
        ("price_ticks", ints(&[6_000_001, 6_000_090])),
        ("qty_milli", ints(&[745, 1_319])),
    ];
    write_parquet(&path, columns, &[]);
    let expected = trades("ticks", &[6_000_001, 6_000_090], 2, &[745, 1_319], 3);
    assert_eq!(ticks(&path), expected);
    let csv = format!(
        "\"ts_ns\",\"price\",\"qty\",\"side\"\n{T},60000.01,0.745,sell\n{},60000.90,1.319,buy\n",
        T + 1_000_000
    );
    assert_eq!(ticks(&scratch.file("ticks.csv", csv)), expected);

    let path = scratch.path("candles.parquet");
    let column = |value: i64| ints(&[value, value + 1]);
    let bars = vec![
        ("ts_ns", ints(&[T, T + 60_000_000_000])),
        ("open", column(5_997_592)),
        ("high", column(5_999_592)),
        ("low", column(5_988_587)),
        ("close", column(5_994_064)),
    ];
    write_parquet(&path, bars, &[]);
    let from_parquet = candles(&path);
    assert_eq!((from_parquet.span_ns, from_parquet.source), (60_000_000_000, PriceSource::Last));
    assert_eq!((from_parquet.meta.clone(), from_parquet.columns.high[1]), (meta("candles", 2, 0), 5_999_593));
    let csv = format!(
        "ts_ns,open,high,low,close\n{T},59975.92,59995.92,59885.87,59940.64\n{},59975.93,59995.93,59885.88,59940.65\n",
        T + 60_000_000_000
    );
    assert_eq!(candles(&scratch.file("candles.csv", csv)), from_parquet);
}

#[test]
fn a_quote_makes_two_rows_and_a_ticker_three() {
    let scratch = Scratch::new();
    let quotes = format!(
        "ts_ns,update_id,bid_price,bid_qty,ask_price,ask_qty\n{T},1,10.5,3,10.25,0.5\n{},2,11,1,12,2\n",
        T + 5
    );
    let read = ticks(&scratch.file("coinbase-BTC-USD-bbo-20240808.csv", quotes));
    let expected = Columns {
        ts: vec![T, T, T + 5, T + 5],
        price: vec![1_050, 1_025, 1_100, 1_200],
        qty: vec![30, 5, 10, 20],
        source: vec![1, 2, 1, 2],
    };
    assert_eq!(read, Ticks { meta: meta("BTC-USD", 2, 1), columns: expected });
    let ticker = format!("ts_ns,update_id,bid_price,ask_price,last_price\n{T},1,0.7901,0.7911,0.79\n");
    let read = ticks(&scratch.file("coinbase-SKL-USD-ticker-20210417.csv", ticker));
    let expected =
        Columns { ts: vec![T; 3], price: vec![7_901, 7_911, 7_900], qty: vec![0; 3], source: vec![1, 2, 0] };
    assert_eq!(read, Ticks { meta: meta("SKL-USD", 4, 0), columns: expected });
}

#[test]
fn candles_carry_span_and_source_of_their_name() {
    let scratch = Scratch::new();
    let rows = "1700000000000,1.5,2,1,1.75,9\n1700003600000,1.75,1.75,0.5,1,0\n";
    let csv = format!("ts_ms,open,high,low,close,volume\n{rows}");
    let last = candles(&scratch.file("binance-spot-ETHUSDT-candles-1s-2024.csv", &csv));
    assert_eq!((last.span_ns, last.source), (1_000_000_000, PriceSource::Last), "the name says a second");
    assert_eq!((last.meta, last.columns.low), (meta("ETHUSDT", 2, 0), vec![100, 50]));
    assert_eq!(last.columns.ts, [T, T + 3_600_000_000_000]);
    let mark = candles(&scratch.file("binance-usdm-ETHUSDT-mark-1h-2024.csv", &csv));
    assert_eq!((mark.span_ns, mark.source), (3_600_000_000_000, PriceSource::Mark));
    let nameless = candles(&scratch.file("bars.csv", &csv));
    assert_eq!((nameless.span_ns, nameless.meta.symbol.as_str()), (3_600_000_000_000, "bars"));

    let quotes = "ts_ms,bid_open,bid_high,bid_low,bid_close,bid_qty,ask_open,ask_high,ask_low,ask_close,ask_qty\n\
                  1700000000000,1,2,1,2,0.5,1.1,2.1,1.1,2.1,7\n";
    match read(&scratch.file("coinbase-BTC-USD-quotebars-1m-2017.csv", quotes)) {
        Ok(Market::QuoteBars { bid, ask }) => {
            assert_eq!(
                (bid.source, ask.source, bid.span_ns),
                (PriceSource::Bid, PriceSource::Ask, 60_000_000_000)
            );
            assert_eq!((bid.columns.high, ask.columns.high, ask.columns.ts), (vec![20], vec![21], vec![T]));
        }
        other => panic!("quote bars: {other:?}"),
    }
}

#[test]
fn funding_is_kept_to_a_billionth() {
    let scratch = Scratch::new();
    let csv = "ts_ms,funding_rate\n1700000000000,0.0001\n1700028800003,-0.00002813\n1700057600000,0\n";
    let times = [T, T + 28_800_003_000_000, T + 57_600_000_000_000];
    let rates = times.into_iter().zip([100_000, -28_130, 0].map(Ratio)).collect();
    let read = read(&scratch.file("binance-usdm-BTCUSDT-funding-2019.csv", csv)).expect("funding");
    assert_eq!(read, Market::Funding(FundingRates { symbol: "BTCUSDT".to_owned(), rates }));
}

#[test]
fn freqtrade_feather_of_every_compression_and_time_unit() {
    let scratch = Scratch::new();
    for (name, compression) in
        [("none", None), ("zstd", Some(CompressionType::ZSTD)), ("lz4", Some(CompressionType::LZ4_FRAME))]
    {
        let bars = |date| {
            vec![
                ("date", date),
                ("open", floats(&[0.00002436, 2.5e-5])),
                ("high", floats(&[2.6e-5, 2.6e-5])),
                ("low", floats(&[2.4e-5, 2.4e-5])),
                ("close", floats(&[2.5e-5, 2.51e-5])),
                ("volume", floats(&[0.30000000000000004, 1e300])),
            ]
        };
        let path = scratch.path(&format!("{name}-ALGO_BTC-1m.feather"));
        write_feather(&path, bars(dates(&[1_700_000_000_000, 1_700_000_060_000])), compression);
        let read = candles(&path);
        assert_eq!((read.columns.ts[1], read.span_ns), (T + 60_000_000_000, 60_000_000_000));
        assert_eq!((read.columns.open, read.columns.close), (vec![2_436, 2_500], vec![2_500, 2_510]));
        assert_eq!(read.meta, meta("ALGO_BTC", 8, 0));
        write_feather(&path, bars(ints(&[1_700_000_000, 1_700_000_060])), compression);
        assert_eq!(candles(&path).columns.ts[1], T + 60_000_000_000, "whole seconds");
    }
    let path = scratch.path("BTC_USDT_USDT-1h-mark.feather");
    let date = || ("date", dates(&[1_700_000_000_000]));
    let one = |value: f64| floats(&[value]);
    write_feather(
        &path,
        vec![date(), ("open", one(1.0)), ("high", one(1.0)), ("low", one(1.0)), ("close", one(1.0))],
        None,
    );
    assert_eq!(candles(&path).source, PriceSource::Mark);
    let path = scratch.path("BTC_USDT_USDT-1h-funding_rate.feather");
    write_feather(
        &path,
        vec![date(), ("open", one(-1.25e-6)), ("high", one(0.0)), ("low", one(0.0)), ("close", one(0.0))],
        None,
    );
    let rates = FundingRates { symbol: "BTC_USDT_USDT".to_owned(), rates: vec![(T, Ratio(-1_250))] };
    assert_eq!(read(&path).expect("funding"), Market::Funding(rates));
}

#[test]
fn freqtrade_json_and_exchange_klines() {
    let scratch = Scratch::new();
    let json =
        "[[1700000000000,2.436e-05,2.6e-05,2.4e-05,2.5e-05,10.0], [1700000060000, 3, 4, 2, 3, null]]\n";
    let read_back = candles(&scratch.file("ALGO_BTC-1m.json", json));
    assert_eq!(read_back.columns.open, [2_436, 300_000_000]);
    assert_eq!((read_back.meta, read_back.span_ns), (meta("ALGO_BTC", 8, 0), 60_000_000_000));
    let klines =
        "[[1700000000000,\"0.5\",\"0.7\",\"0.4\",\"0.6\",\"9\",1700000059999,\"1\",5,\"1\",\"1\",\"0\"]]";
    assert_eq!(candles(&scratch.file("X-1m.json", klines)).columns.close, [6]);
}

#[test]
fn binance_archive_files_with_and_without_header() {
    let scratch = Scratch::new();
    let expected = trades("BTCUSDT", &[423, 424], 1, &[5, 10], 1);
    let headers = [
        "",
        "id,price,qty,quote_qty,time,is_buyer_maker\n",
        "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\n",
        "a,p,q,f,l,T,m\n",
    ];
    for (header, millis, micros) in [
        (headers[0], "1,42.3,0.50,21,1700000000000,true\n2,42.4,1,42,1700000000001,False\n", None),
        (headers[1], "1,42.3,0.50,21,1700000000000,true\n2,42.4,1,42,1700000000001,false\n", None),
        (headers[2], "1,42.3,0.50,7,8,1700000000000,true\n2,42.4,1,9,9,1700000000001,false\n", None),
        (headers[3], "1,42.3,0.50,7,8,1700000000000,true\n2,42.4,1,9,9,1700000000001,false\n", None),
        (
            headers[0],
            "1,42.3,0.50,21,1700000000000,True,True\n2,42.4,1,42,1700000000001,False,True\n",
            Some("1,42.3,0.50,21,1700000000000000,True,True\n2,42.4,1,42,1700000000001000,False,True\n"),
        ),
        (
            headers[0],
            "1,42.3,0.50,7,8,1700000000000,True,True\n2,42.4,1,9,9,1700000000001,False,True\n",
            Some("1,42.3,0.50,7,8,1700000000000000,True,True\n2,42.4,1,9,9,1700000000001000,False,True\n"),
        ),
        (headers[0], "1,42.3,0.50,7,8,1700000000000,True\n2,42.4,1,9,9,1700000000001,False\n", None),
    ] {
        for rows in [Some(millis), micros].into_iter().flatten() {
            let path = scratch.file("BTCUSDT-aggTrades-2025-01.csv", format!("{header}{rows}"));
            assert_eq!(ticks(&path), expected, "{header}{rows}");
        }
    }
    let header = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore\n";
    for (header, time) in [(header, "1700000000000"), ("", "1700000000000"), ("", "1700000000000000")] {
        let text = format!("{header}{time},1,2,0.5,1.5,9,1700000059999,8,7,6,5,0\n");
        let bars = candles(&scratch.file("BTCUSDT-1m-2025-01.csv", text));
        assert_eq!(
            (bars.columns.ts, bars.columns.low, bars.span_ns),
            (vec![T], vec![5], 60_000_000_000),
            "{header}{time}"
        );
    }
}

#[test]
fn the_symbol_can_be_told() {
    let scratch = Scratch::new();
    let path = scratch.file("ticks.csv", format!("ts_ns,price,qty\n{T},1,1\n"));
    let options = ImportOptions { symbol: Some("ETHUSDT"), progress: None };
    match read_with(&path, &options) {
        Ok(Market::Ticks(ticks)) => assert_eq!(ticks.meta.symbol, "ETHUSDT"),
        other => panic!("ticks: {other:?}"),
    }
}

#[test]
fn a_long_csv_is_read_the_same_in_stretches() {
    let scratch = Scratch::new();
    let (mut csv, mut quoted) =
        (String::from("ts_ns,price,qty,side\n"), String::from("ts_ns,price,qty,side\n"));
    let mut prices = Vec::new();
    // Several stretches of a mebibyte; lines of many lengths, so that borders fall everywhere in them.
    for row in 0..120_000_i64 {
        let price = 1 + row * row % 1_000_003;
        let (ts, half, side) =
            (T + row, if row % 3 == 0 { ".50" } else { "" }, "b".repeat((row % 11) as usize));
        csv += &format!("{ts},{price}{half},1,{side}\n");
        quoted += &match row % 4 {
            0 => format!("{ts},\"{price}{half}\",1,{side}\n"),
            1 => format!("{ts},{price}{half},1,\"{side},\"\n"),
            2 => format!("\"{ts}\",{price}{half},\"1\",\"\"\n"),
            _ => format!("{ts},{price}{half},1,{side}\n"),
        };
        prices.push(price * 10 + if row % 3 == 0 { 5 } else { 0 });
    }
    let read = ticks(&scratch.file("long.csv", &csv));
    assert_eq!(read.meta, meta("long", 1, 0));
    assert!(read.columns.price == prices, "the stretches give other prices");
    assert!(read.columns.ts == (0..120_000).map(|row| T + row).collect::<Vec<_>>());
    let quoted = ticks(&scratch.file("long.csv", quoted));
    assert!(quoted == read, "quotes give other rows");
}
