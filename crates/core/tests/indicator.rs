//! [`Atr`] against what TA-Lib says of the same bars (`golden/atr.py` wrote the files).

use ripcord_core::indicator::{Atr, AtrValue};
use ripcord_core::num::{Decimal, Price};

/// Agreement that is asked for, relative to TA-Lib's figure: 10^-9.
const PARTS: i128 = 1_000_000_000;

struct Row {
    bar: [Price; 3],
    /// Average true ranges in ticks as TA-Lib prints them; `None` while it has none.
    averages: [Option<Decimal>; 2],
}

fn rows(golden: &str) -> Vec<Row> {
    let decimal = |text: &str| text.parse::<Decimal>().expect("a decimal number");
    let price = |text: &str| Price(decimal(text).to_scale(0).expect("whole ticks"));
    let lines = golden.lines().filter(|line| !line.starts_with('#')).skip(1);
    lines
        .map(|line| {
            let fields: Vec<_> = line.split(',').collect();
            let [high, low, close, atr14, atr7] = fields[..] else { panic!("five fields: {line}") };
            Row {
                bar: [high, low, close].map(price),
                averages: [atr14, atr7].map(|text| (!text.is_empty()).then(|| decimal(text))),
            }
        })
        .collect()
}

/// Runs ATR(14) and ATR(7) over the golden bars and holds each value to TA-Lib's.
fn check(name: &str, golden: &str, bars: usize) {
    let rows = rows(golden);
    assert_eq!(rows.len(), bars, "{name}");
    let mut atrs = [Atr::new(14), Atr::new(7)];
    for (at, row) in rows.iter().enumerate() {
        for (atr, expected) in atrs.iter_mut().zip(row.averages) {
            let [high, low, close] = row.bar;
            atr.update(high, low, close);
            let case = format!("{name} bar {at} ATR({})", atr.period());
            assert_eq!(atr.value().is_some(), expected.is_some(), "{case}");
            if let (Some(value), Some(expected)) = (atr.value(), expected) {
                agree(&case, value, expected);
            }
        }
    }
}

fn agree(case: &str, value: AtrValue, expected: Decimal) {
    // Both in units of 2^-32 x 10^-decimals of a tick.
    let ours = value.bits() * 10_i128.pow(u32::from(expected.decimals()));
    let theirs = i128::from(expected.mantissa()) << AtrValue::FRACTION_BITS;
    let apart = (ours - theirs).abs();
    assert!(apart <= theirs / PARTS, "{case}: {} x 2^-32 is not {expected}", value.bits());
}

#[test]
fn a_walk_with_gaps_gives_the_averages_of_ta_lib() {
    check("walk", include_str!("golden/atr-walk.csv"), 400);
}

#[test]
fn a_flat_market_gives_zero_and_a_jump_decays_like_ta_lib() {
    check("jump", include_str!("golden/atr-jump.csv"), 200);
}
