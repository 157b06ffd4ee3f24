//! Positions files: what is read, what is refused, and what plans come of them.

use std::path::Path;

use ripcord_core::id::InstrumentId;
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::num::{Decimal, Ratio};
use ripcord_core::plan::Rounding;
use ripcord_core::plan::spec::PlanSpec;
use ripcord_sim::plan_file::parse_plan;
use ripcord_sim::positions::{
    Cells, EntryAt, Options, PositionRow, Positions, ROWS_TOLD_MAX, intern, parse, plan_for, read,
};

const GENERATED: &str = "id,side,entry_index,entry_price,qty,sl_bps,tp_bps,arm_bps,trail_bps";
const OWN: &str = "id,side,entry_index,entry_price,qty,stop_pct,target_pct,trail_arm_pct,trail_pct";

fn btc() -> Options {
    Options { default_symbol: Some("BTCUSDT".to_owned()), rows: None }
}

fn taken(text: &str, options: &Options) -> Positions {
    parse(text.as_bytes(), Path::new("p.csv"), options).unwrap_or_else(|error| panic!("{error}"))
}

fn told(text: &str, options: &Options) -> Vec<String> {
    let error = parse(text.as_bytes(), Path::new("p.csv"), options).expect_err("refused");
    error.to_string().lines().map(str::to_owned).collect()
}

/// What is told about one row under the project's own columns.
fn told_of(row: &str) -> String {
    told(&format!("{OWN}\n{row}\n"), &btc()).join(" | ")
}

fn dec(text: &str) -> Decimal {
    text.parse().expect("a decimal")
}

#[test]
fn the_generators_columns_are_read() {
    let file = format!(
        "{GENERATED}\n0,long,0,60000.00,0.010,250,350,100,100\n1,short,5000,60001.25,0.010,250,0,0,0\n"
    );
    let Positions { rows, warnings, .. } = taken(&file, &btc());
    assert!(warnings.is_empty());
    assert_eq!(
        rows[0],
        PositionRow {
            id: "0".to_owned(),
            symbol: "BTCUSDT".to_owned(),
            side: Side::Long,
            entry: EntryAt::Index(0),
            entry_price: dec("60000"),
            qty: dec("0.01"),
            entry_fees: None,
            leverage: None,
            plan: None,
            strategy: None,
            snapshot_id: None,
            cells: Cells {
                stop: Some(Ratio::from_bps(250)),
                target: Some(Ratio::from_bps(350)),
                trail_arm: Some(Ratio::from_bps(100)),
                trail: Some(Ratio::from_bps(100)),
            },
            line: 2,
        }
    );
    assert_eq!((rows[1].side, rows[1].entry, rows[1].line), (Side::Short, EntryAt::Index(5_000), 3));
    assert_eq!(rows[1].cells, Cells { stop: Some(Ratio::from_bps(250)), ..Cells::default() });
}

#[test]
fn every_column_and_every_form_of_time() {
    let file = "\u{feff}symbol, id ,side,entry_ts,entry_price,qty,leverage,plan,strategy,snapshot_id,stop_pct\r\n\
        ETHUSDT,\"a,\"\"1\"\"\",LONG,2025-01-01T00:00:00Z,1e2, 3 ,10,swing,trend,s-7,0.024999999999999998\r\n\
        \r\n\
        ETHUSDT,b,short,1735689600000,100,3,,,,,\r\n";
    let rows = taken(file, &Options::default()).rows;
    let at = EntryAt::Time(1_735_689_600_000_000_000);
    assert_eq!((rows[0].id.as_str(), rows[0].symbol.as_str(), rows[0].entry), ("a,\"1\"", "ETHUSDT", at));
    assert_eq!((rows[0].entry_price, rows[0].qty, rows[0].leverage), (dec("100"), dec("3"), Some(dec("10"))));
    let words =
        [&rows[0].plan, &rows[0].strategy, &rows[0].snapshot_id].map(|word| word.as_deref().unwrap_or(""));
    assert_eq!(words, ["swing", "trend", "s-7"]);
    assert_eq!(rows[0].cells.stop, Some(Ratio::from_bps(250)), "a double's noise rounds away, as in plans");
    assert_eq!((rows[1].entry, rows[1].leverage, rows[1].plan.as_deref()), (at, None, None));
    assert_eq!((rows[0].line, rows[1].line), (2, 4), "blank lines count");
}

#[test]
fn faults_name_line_column_value_and_remedy() {
    for (row, wanted) in [
        ("1,long,0,nan,1,,,,", "p.csv:2: entry_price is nan: must be a decimal number such as 58800.10"),
        ("1,long,0,inf,1,,,,", "p.csv:2: entry_price is inf: must be a decimal number such as 58800.10"),
        ("1,long,0,0,1,,,,", "p.csv:2: entry_price is 0: must be above 0"),
        (
            "1,long,0,100,-1,,,,",
            "p.csv:2: qty is -1: must be above 0; a short has side short, not a negative quantity",
        ),
        ("1,buy,0,100,1,,,,", "p.csv:2: side is buy: must be long or short"),
        (",long,0,100,1,,,,", "p.csv:2: id: is empty; every position needs it"),
        (
            "1,long,-1,100,1,,,,",
            "p.csv:2: entry_index is -1: must be a whole number, the row of the tape from 0",
        ),
        ("1,long,,100,1,,,,", "p.csv:2: entry_index: is empty; every position needs its entry"),
        (
            "1,long,0,100,1,2.5,,,",
            "p.csv:2: stop_pct is 2.5: must be below 1, the whole price; it is a fraction: 2.5 % is stop_pct 0.025 or sl_bps 250",
        ),
        (
            "1,long,0,100,1,,,,1",
            "p.csv:2: trail_pct is 1: must be below 1, the whole price; it is a fraction: 2.5 % is stop_pct 0.025 or sl_bps 250",
        ),
        ("1,long,0,100,1,0,,,", "p.csv:2: stop_pct is 0: must be above 0; leave it empty for none"),
        ("1,long,0,100,1,,-0.1,,", "p.csv:2: target_pct is -0.1: must be above 0; leave it empty for none"),
        (
            "1,long,0,100,1,,,0.01,",
            "p.csv:2: trail_arm_pct is 0.01: arms a trailing stop, and there is none; give trail_pct or trail_bps, or leave it empty",
        ),
        (
            "1,short,0,100,1,,1,,",
            "p.csv:2: target_pct is 1: must be below 1 for a short: its price cannot fall below 0; it is a fraction, 2.5 % is 0.025",
        ),
        (
            "1,long,0,100,1,,1001,,",
            "p.csv:2: target_pct is 1001: must be at most 1000, a gain of 100,000 %; it is a fraction, 2.5 % is 0.025",
        ),
        ("1,long,0,100,1,,", "p.csv:2: has 7 cells, and the header has 9"),
        (
            "1,log,0,-5,1,9,,,",
            "p.csv:2: side is log: must be long or short | p.csv:2: entry_price is -5: must be above 0 | p.csv:2: stop_pct is 9: must be below 1, the whole price; it is a fraction: 2.5 % is stop_pct 0.025 or sl_bps 250",
        ),
    ] {
        assert_eq!(told_of(row), wanted, "{row}");
    }
}

#[test]
fn faults_between_rows_columns_and_tape() {
    let file =
        format!("{GENERATED}\n7,long,0,100,1,0,0,0,0\n8,long,0,100,1,0,0,0,0\n7,short,1,100,1,0,0,0,0\n");
    assert_eq!(told(&file, &btc()), ["p.csv:4: id is 7: must be unique; line 2 has it already"]);
    let file = file.replace("8,long", "8,log");
    assert_eq!(told(&file, &btc()).len(), 2, "told together with the faults of rows");
    let options = Options { rows: Some(1_000), ..btc() };
    let file = format!("{GENERATED}\n1,long,999,100,1,0,0,0,0\n2,long,1000,100,1,0,0,0,0\n");
    assert_eq!(
        told(&file, &options),
        ["p.csv:3: entry_index is 1000: must be below 1000, the rows of the tape"]
    );
    let file = "id,side,entry_index,entry_price,qty,stop_pct,sl_bps\n1,long,0,100,1,0.02,0\n2,long,0,100,1,0.02,200\n";
    assert_eq!(
        told(file, &btc()),
        ["p.csv:3: stop_pct is 0.02: sl_bps is given as well; leave one of them empty"]
    );
    let file = "id,side,entry_index,entry_ts,entry_price,qty,leverage\n1,long,0,1,100,1,\n2,long,,1,100,1,0.5\n3,long,,noon,100,1,\n";
    assert_eq!(
        told(file, &btc()),
        [
            "p.csv:2: entry_index is 0: entry_ts is given as well; leave one of them empty",
            "p.csv:3: leverage is 0.5: must be at least 1; leave it empty for none",
            "p.csv:4: entry_ts is noon: must be a whole number since 1970 (s, ms, us or ns) or a time such as 2025-01-31T09:30:00Z",
        ]
    );
}

#[test]
fn a_header_is_told_everything_at_once() {
    let lines = told("id,side,qty,qty,size\n", &Options::default());
    assert_eq!(lines[0], "p.csv:1: qty: is there twice; remove one");
    assert!(
        lines[1].starts_with("p.csv:1: size: is not a known column; known are id, symbol, side,"),
        "{}",
        lines[1]
    );
    assert_eq!(
        lines[2..],
        [
            "p.csv:1: entry_price: is missing; every position needs it",
            "p.csv:1: symbol: is missing; add it, or name one symbol for all rows",
            "p.csv:1: entry_index: is missing, and so is entry_ts; add one of them",
        ]
    );
}

#[test]
fn many_faulty_rows_are_told_and_then_counted() {
    let mut file = format!("{OWN}\n");
    for id in 0..50 {
        file.push_str(&format!("{id},long,0,-1,0,,,,\n"));
    }
    let lines = told(&file, &btc());
    assert_eq!(lines.len(), 2 * ROWS_TOLD_MAX + 1);
    assert_eq!(lines[2 * ROWS_TOLD_MAX], "p.csv: 30 more rows are faulty");
}

#[test]
fn empty_files_and_other_encodings() {
    assert_eq!(
        told("", &btc()),
        ["p.csv: empty; it needs a header such as id,side,entry_index,entry_price,qty"]
    );
    let Positions { rows, warnings, .. } = taken(&format!("{OWN}\n"), &btc());
    assert!(rows.is_empty());
    assert_eq!(warnings[0].to_string(), "1: there is a header and no row, so there are no positions");
    let mut latin = format!("{OWN}\n1,long,0,100,1,,,,\nx,").into_bytes();
    latin.push(0xE9);
    let error = parse(&latin, Path::new("p.csv"), &btc()).expect_err("Latin 1");
    assert_eq!(error.to_string(), "p.csv:3: cell 2 is not UTF-8; save the file as UTF-8");
    let error = read(Path::new("no/such.csv"), &btc()).expect_err("no file");
    assert!(error.to_string().starts_with("no/such.csv: cannot read: "), "{error}");
}

#[test]
fn a_target_of_the_whole_price_is_a_warning_for_longs() {
    let Positions { rows, warnings, .. } = taken(&format!("{OWN}\n1,long,0,100,1,,1.5,,\n"), &btc());
    assert_eq!(rows[0].cells.target, Some(Ratio::from_bps(15_000)));
    assert_eq!(
        warnings[0].to_string(),
        "2: target_pct is 1.5: is a gain of 100 % or more; it is a fraction, 2.5 % is 0.025"
    );
}

#[test]
fn cells_become_a_plan_and_override_one() {
    let file = format!(
        "{GENERATED}\n0,long,0,100,1,250,350,100,100\n1,long,0,100,1,0,0,0,200\n2,long,0,100,1,0,0,0,0\n"
    );
    let rows = taken(&file, &btc()).rows;
    let written = r#"
        version = 1
        name = "stop 2.5%, target 3.5%, trail 1% after 1%"
        stop_loss = { distance = { fraction = 0.025 } }
        ladder = { legs = [{ close = 1, at = 0.035, soft = true }] }
        trailing = { activation = 0.01, distance = { fraction = 0.01 } }
    "#;
    let written = parse_plan(written, "w").expect("a plan");
    assert_eq!(plan_for(&rows[0], None, None), written);
    assert!(written.resolve(InstrumentId(0), &Instrument::from_decimals("X", 2, 3)).is_ok());
    let trailed = plan_for(&rows[1], Some(&written), Some(Rounding::HalfUp));
    assert_eq!(trailed.name, "stop 2.5%, target 3.5%, trail 1% after 1%: trail 2%");
    assert_eq!((trailed.stop_loss, trailed.ladder), (written.stop_loss.clone(), written.ladder.clone()));
    assert_eq!(trailed.trailing.expect("a trailing stop").activation, None, "armed from the opening");
    assert_eq!(trailed.rounding, Rounding::HalfUp);
    assert_eq!(plan_for(&rows[2], Some(&written), None), written);
    assert_eq!(plan_for(&rows[2], None, None), PlanSpec::empty("no exits"));
}

#[test]
fn rows_that_want_the_same_share_a_plan() {
    let mut file = "id,side,entry_index,entry_price,qty,leverage,plan,sl_bps\n".to_owned();
    for (id, rest) in ["1,a,250", "1,a,250", "2,a,250", "1,b,250", "1.0,a,250", "1,c,250"].iter().enumerate()
    {
        file.push_str(&format!("{id},long,0,100,1,{rest}\n"));
    }
    let rows = taken(&file, &btc()).rows;
    let plans = [PlanSpec::empty("a"), PlanSpec::empty("b"), PlanSpec::empty("a")];
    let named = |row: &PositionRow| match row.plan.as_deref() {
        Some("a") => Some(&plans[0]),
        Some("b") => Some(&plans[1]),
        _ => Some(&plans[2]),
    };
    let found = intern(&rows, named, None);
    assert_eq!(found.of_row, [0, 0, 1, 2, 0, 0], "plans are compared by what they say");
    let names: Vec<&str> = found.plans.iter().map(|plan| plan.name.as_str()).collect();
    assert_eq!(names, ["a: stop 2.5%, 1x", "a: stop 2.5%, 2x", "b: stop 2.5%, 1x"]);
}
