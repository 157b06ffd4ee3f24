//! Instrument files in their three forms.

use ripcord_core::instrument::{Instrument, MarketKind};
use ripcord_core::num::{Money, Price, Qty};
use ripcord_sim::instruments::{infer, parse, widen};

const FIVE: Money = Money(5_000_000_000_000_000_000);

fn btc() -> Instrument {
    Instrument {
        symbol: "BTCUSDT".to_owned(),
        version: 1,
        price_decimals: 1,
        qty_decimals: 3,
        tick_size: Price(1),
        lot_size: Qty(1),
        qty_min: Qty(2),
        notional_min: FIVE,
        kind: MarketKind::Futures,
        market_qty_max: Qty(0),
    }
}

fn read(text: &str) -> Vec<Instrument> {
    parse(text, "i").unwrap_or_else(|error| panic!("{error}"))
}

fn told(text: &str) -> String {
    parse(text, "i").expect_err("refused").to_string()
}

#[test]
fn toml_and_json_say_the_same() {
    let toml = r#"
        version = 1
        [[instruments]]
        symbol = "BTCUSDT"
        tick_size = 0.10
        lot_size = "0.001"
        qty_min = 0.002
        notional_min = 5
    "#;
    let fields =
        r#"{"symbol":"BTCUSDT","tick_size":0.10,"lot_size":"0.001","qty_min":2e-3,"notional_min":5}"#;
    assert_eq!(read(toml), [btc()]);
    assert_eq!(read(&format!("[{fields}]")), [btc()]);
    assert_eq!(read(&format!("{{\"version\":1,\"instruments\":[\n{fields}\n]}}")), [btc()]);
}

#[test]
fn decimals_cover_tick_and_lot_and_may_be_wider() {
    let row =
        "[[instruments]]\nsymbol = \"X\"\ntick_size = 0.25\nlot_size = 10\nqty_min = 0.5\nprice_decimals = 4";
    let [x] = &read(row)[..] else { panic!("one instrument") };
    assert_eq!((x.price_decimals, x.tick_size), (4, Price(2_500)));
    assert_eq!((x.qty_decimals, x.lot_size, x.qty_min), (1, Qty(100), Qty(5)));
}

#[test]
fn the_kind_of_market_and_its_largest_order_are_read() {
    let row = "[[instruments]]\nsymbol = \"X\"\ntick_size = 0.1\nlot_size = 0.1\nkind = \"spot\"\nmarket_qty_max = 12";
    let [x] = &read(row)[..] else { panic!("one instrument") };
    assert_eq!((x.kind, x.market_qty_max), (MarketKind::Spot, Qty(120)));
    let told = told("[[instruments]]\nsymbol = \"X\"\ntick_size = 0.1\nlot_size = 0.1\nkind = \"margin\"");
    assert!(told.contains("X: kind is margin: must be \"futures\" or \"spot\""), "{told}");
}

#[test]
fn what_binance_answers_is_read() {
    let futures = r#"{"timezone":"UTC","serverTime":1,"symbols":[{"symbol":"BTCUSDT","pricePrecision":2,"filters":[
        {"filterType":"PRICE_FILTER","minPrice":"556.80","maxPrice":"4529764","tickSize":"0.10"},
        {"filterType":"LOT_SIZE","stepSize":"0.001","maxQty":"1000","minQty":"0.001"},
        {"filterType":"MARKET_LOT_SIZE","stepSize":"0.001","maxQty":"120","minQty":"0.002"},
        {"filterType":"MAX_NUM_ORDERS","limit":200},
        {"filterType":"MIN_NOTIONAL","notional":"5"}]}]}"#;
    assert_eq!(read(futures), [Instrument { market_qty_max: Qty(120_000), ..btc() }]);
    let spot = r#"{"symbols":[{"symbol":"BTCUSDT","isSpotTradingAllowed":true,"filters":[
        {"filterType":"PRICE_FILTER","tickSize":"0.10000000"},
        {"filterType":"LOT_SIZE","minQty":"0.00200000","stepSize":"0.00100000"},
        {"filterType":"MARKET_LOT_SIZE","minQty":"0.00000000","stepSize":"0.00000000"},
        {"filterType":"NOTIONAL","minNotional":"5.00000000","applyMinToMarket":true}]}]}"#;
    assert_eq!(read(spot), [Instrument { kind: MarketKind::Spot, ..btc() }]);
}

#[test]
fn a_coarser_step_of_market_orders_counts() {
    let text = |market: &str| {
        format!(
            r#"{{"symbols":[{{"symbol":"X","filters":[{{"filterType":"PRICE_FILTER","tickSize":"1"}},
            {{"filterType":"LOT_SIZE","stepSize":"0.4","minQty":"0"}},
            {{"filterType":"MARKET_LOT_SIZE","stepSize":"{market}","minQty":"0"}}]}}]}}"#
        )
    };
    assert_eq!(read(&text("0.8"))[0].lot_size, Qty(8));
    assert_eq!(read(&text("0.6"))[0].lot_size, Qty(12));
    assert_eq!(read(&text("0.05"))[0].lot_size, Qty(4));
}

#[test]
fn all_faults_are_told_at_once_with_their_places() {
    let text = r#"version = 2
[[instruments]]
symbol = "A"
tick_size = 0
lot = 1
[[instruments]]
symbol = "B"
tick_size = 0.01
lot_size = nan
qty_min = -1
price_decimals = 1
[[instruments]]
symbol = "C"
tick_size = 0.0000000001
lot_size = 0.0000000001
[[instruments]]
symbol = "D"
tick_size = 1
lot_size = 1
[[instruments]]
symbol = "D"
tick_size = 1
lot_size = 1
"#;
    assert_eq!(
        told(text).lines().collect::<Vec<_>>(),
        [
            "i:1:11: version must be 1",
            "i:2:1: A: lot_size is missing; give it as the venue states it",
            "i:4:13: A: tick_size is 0: must be above 0; a zero switches the filter off at the venue, so write the smallest step that it accepts",
            "i:5:1: lot is not known; known here are symbol, tick_size, lot_size, qty_min, notional_min, price_decimals, qty_decimals, kind, market_qty_max",
            "i:9:12: B: lot_size is nan: `nan` is not a decimal number like 58800.10 or 1e-05",
            "i:10:11: B: qty_min is -1: must be at least 0",
            "i:11:18: B: price_decimals is 1: must be at least 2, the decimals of tick_size",
            "i:12:1: C: price_decimals 10 plus qty_decimals 10 is more than 18; give fewer decimals",
            "i:20:1: D: given again; it stands at line 16 already",
        ]
    );
}

#[test]
fn json_faults_have_places_too() {
    assert_eq!(
        told(
            "{\"instruments\":[\n  {\"symbol\":\"A\",\"tick_size\":[],\n   \"lot_size\":1,\"lot_size\":2}]}"
        )
        .lines()
        .collect::<Vec<_>>(),
        [
            "i:2:3: A: tick_size is missing; give it as the venue states it",
            "i:2:29: tick_size is []; it must be a number or text",
            "i:3:28: lot_size is given twice",
        ]
    );
    let cut = told("{\"instruments\":[\n{\"symbol\":}]}");
    assert!(cut.starts_with("i:2:1") && cut.contains("not JSON"), "{cut}");
    assert!(told("").contains("no instruments"));
    assert!(told("tick 1").contains("neither TOML nor JSON"));
    assert!(told("{\"symbols\":[{\"symbol\":\"A\"}]}").contains("no list of filters"));
}

#[test]
fn a_tape_without_a_file_has_steps_of_one_unit() {
    let x = infer("X", 2, 3);
    assert_eq!((x.tick_size, x.lot_size, x.qty_min, x.notional_min), (Price(1), Qty(1), Qty(0), Money::ZERO));
}

#[test]
fn wider_units_keep_the_values() {
    let wide = widen(&btc(), 8, 4).expect("12 decimals are exact");
    assert_eq!((wide.price_decimals, wide.tick_size), (8, Price(10_000_000)));
    assert_eq!((wide.qty_decimals, wide.lot_size, wide.qty_min), (4, Qty(10), Qty(20)));
    assert_eq!(widen(&btc(), 0, 0), Some(btc()));
    assert_eq!(widen(&btc(), 16, 3), None);
}
