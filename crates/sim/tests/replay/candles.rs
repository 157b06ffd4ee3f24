//! What each candle policy makes of a candle: tables worked out by hand.
//!
//! A position is taken over at 100 after candle 0; candles are open, high, low, close.

use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::plan::PlanSpec;
use ripcord_sim::candles::CandleColumns;
use ripcord_sim::candles::CandlePolicy::{self, Ohlc, Olhc, Pessimistic, Vectorbt};
use ripcord_sim::replay::EntryAt;
use ripcord_sim::venue::FillModel;

use crate::world::{Case, Prices, stop, target, trailing};

const SPAN: i64 = 60_000_000_000;
const EVERY: [CandlePolicy; 4] = [Pessimistic, Ohlc, Olhc, Vectorbt];

/// Held to the end.
const HELD: &str = "";

fn story(policy: CandlePolicy, side: Side, plan: &PlanSpec, candles: &[[i64; 4]]) -> String {
    let mut columns = CandleColumns::default();
    for (n, &[open, high, low, close]) in std::iter::once(&[100; 4]).chain(candles).enumerate() {
        columns.ts.push(n as i64 * SPAN);
        columns.open.push(open);
        columns.high.push(high);
        columns.low.push(low);
        columns.close.push(close);
    }
    let mut case = Case::of_one(Prices::candles(&columns, policy, SPAN), FillModel::TAPE);
    case.markets[0].instrument = Instrument::from_decimals("BTCUSDT", 0, 3);
    let plan = case.plan(plan.clone());
    case.open(EntryAt::Index(0), side, 100, plan);
    let exits = case.exits();
    let lines = exits
        .iter()
        .map(|exit| format!("candle {} {} {}", exit.index, exit.filled.reason.word(), exit.filled.price.0));
    lines.collect::<Vec<_>>().join("; ")
}

fn check(side: Side, plan: &PlanSpec, candles: &[[i64; 4]], expected: &[(&[CandlePolicy], &str)]) {
    for &(policies, told) in expected {
        for &policy in policies {
            assert_eq!(
                story(policy, side, plan, candles),
                told,
                "{policy:?} {side:?} {candles:?} {}",
                plan.name
            );
        }
    }
    let named: usize = expected.iter().map(|(policies, _)| policies.len()).sum();
    assert_eq!(named, EVERY.len(), "every policy is told of once");
}

/// Stop 5 % away, target 10 % away.
fn bracket(soft: bool) -> PlanSpec {
    let name = if soft { "resting target" } else { "target at the market" };
    PlanSpec { stop_loss: stop(500), ladder: target(1_000, soft), ..PlanSpec::empty(name) }
}

#[test]
fn stop_and_target_in_one_candle() {
    let both = [[100, 111, 89, 100]];
    for soft in [true, false] {
        check(
            Side::Long,
            &bracket(soft),
            &both,
            &[
                (&[Pessimistic, Olhc, Vectorbt], "candle 1 STOP_LOSS 95"),
                (&[Ohlc], "candle 1 TAKE_PROFIT 110"),
            ],
        );
        check(
            Side::Short,
            &bracket(soft),
            &both,
            &[
                (&[Pessimistic, Ohlc, Vectorbt], "candle 1 STOP_LOSS 105"),
                (&[Olhc], "candle 1 TAKE_PROFIT 90"),
            ],
        );
    }
}

#[test]
fn stop_or_target_alone_and_neither() {
    for soft in [true, false] {
        let plan = &bracket(soft);
        check(Side::Long, plan, &[[100, 109, 96, 100]], &[(&EVERY, HELD)]);
        check(Side::Short, plan, &[[100, 104, 91, 100]], &[(&EVERY, HELD)]);
        check(Side::Long, plan, &[[100, 101, 95, 96]], &[(&EVERY, "candle 1 STOP_LOSS 95")]);
        check(Side::Short, plan, &[[100, 105, 99, 104]], &[(&EVERY, "candle 1 STOP_LOSS 105")]);
        check(Side::Long, plan, &[[100, 110, 99, 109]], &[(&EVERY, "candle 1 TAKE_PROFIT 110")]);
        check(Side::Short, plan, &[[100, 101, 90, 91]], &[(&EVERY, "candle 1 TAKE_PROFIT 90")]);
    }
}

#[test]
fn a_gap_through_the_stop_is_filled_at_the_open() {
    for soft in [true, false] {
        let plan = &bracket(soft);
        check(Side::Long, plan, &[[93, 111, 92, 98]], &[(&EVERY, "candle 1 STOP_LOSS 93")]);
        check(Side::Short, plan, &[[107, 108, 89, 102]], &[(&EVERY, "candle 1 STOP_LOSS 107")]);
    }
}

#[test]
fn a_gap_through_the_target_gives_a_resting_limit_its_limit_but_vectorbt_the_open() {
    check(
        Side::Long,
        &bracket(true),
        &[[112, 113, 94, 112]],
        &[
            (&[Pessimistic, Ohlc, Olhc], "candle 1 TAKE_PROFIT 110"),
            // Vectorbt asks for the stop in the whole candle before it asks for the target.
            (&[Vectorbt], "candle 1 STOP_LOSS 95"),
        ],
    );
    check(
        Side::Long,
        &bracket(true),
        &[[112, 113, 111, 112]],
        &[
            (&[Pessimistic, Ohlc, Olhc], "candle 1 TAKE_PROFIT 110"),
            (&[Vectorbt], "candle 1 TAKE_PROFIT 112"),
        ],
    );
    check(
        Side::Short,
        &bracket(true),
        &[[88, 89, 87, 88]],
        &[(&[Pessimistic, Ohlc, Olhc], "candle 1 TAKE_PROFIT 90"), (&[Vectorbt], "candle 1 TAKE_PROFIT 88")],
    );
    check(Side::Long, &bracket(false), &[[112, 113, 111, 112]], &[(&EVERY, "candle 1 TAKE_PROFIT 112")]);
    check(Side::Short, &bracket(false), &[[88, 89, 87, 88]], &[(&EVERY, "candle 1 TAKE_PROFIT 88")]);
}

#[test]
fn a_trailing_stop_after_a_new_extreme_meets_the_rest_of_the_candle() {
    let plan = PlanSpec { trailing: trailing(None, 1_000), ..PlanSpec::empty("trail 10 %") };
    check(
        Side::Long,
        &plan,
        &[[100, 120, 100, 105], [106, 107, 90, 90]],
        &[
            (&[Pessimistic, Ohlc, Olhc], "candle 1 TRAILING_STOP 108"),
            // Its extreme counts from the next candle on, which opens beyond the stop.
            (&[Vectorbt], "candle 2 TRAILING_STOP 106"),
        ],
    );
    check(
        Side::Short,
        &plan,
        &[[100, 100, 80, 95], [94, 95, 93, 94]],
        &[
            (&[Pessimistic, Ohlc, Olhc], "candle 1 TRAILING_STOP 88"),
            (&[Vectorbt], "candle 2 TRAILING_STOP 94"),
        ],
    );
    // The close stays inside: only a path that comes back through the low meets the stop.
    check(
        Side::Long,
        &plan,
        &[[100, 120, 100, 119], [118, 119, 107, 110]],
        &[
            (&[Ohlc], "candle 1 TRAILING_STOP 108"),
            (&[Pessimistic, Olhc, Vectorbt], "candle 2 TRAILING_STOP 108"),
        ],
    );
    check(
        Side::Short,
        &plan,
        &[[100, 100, 80, 81], [82, 88, 81, 85]],
        &[
            (&[Olhc], "candle 1 TRAILING_STOP 88"),
            (&[Pessimistic, Ohlc, Vectorbt], "candle 2 TRAILING_STOP 88"),
        ],
    );
}

#[test]
fn activation_and_stop_in_one_candle() {
    let plan = PlanSpec { trailing: trailing(Some(1_000), 500), ..PlanSpec::empty("trail 5 % from 10 %") };
    check(
        Side::Long,
        &plan,
        &[[100, 120, 98, 112], [112, 113, 111, 112]],
        &[
            (&[Pessimistic, Ohlc, Olhc], "candle 1 TRAILING_STOP 114"),
            (&[Vectorbt], "candle 2 TRAILING_STOP 112"),
        ],
    );
    check(
        Side::Short,
        &plan,
        &[[100, 102, 80, 88], [88, 89, 87, 88]],
        &[
            (&[Pessimistic, Ohlc, Olhc], "candle 1 TRAILING_STOP 84"),
            (&[Vectorbt], "candle 2 TRAILING_STOP 88"),
        ],
    );
    // Reached exactly, and held after.
    check(
        Side::Long,
        &plan,
        &[[105, 110, 105, 110], [110, 110, 105, 105]],
        &[
            (&[Ohlc], "candle 1 TRAILING_STOP 105"),
            // 104.5 is rounded to the earlier exit.
            (&[Pessimistic, Olhc, Vectorbt], "candle 2 TRAILING_STOP 105"),
        ],
    );
    check(Side::Long, &plan, &[[100, 109, 90, 95], [95, 109, 80, 85]], &[(&EVERY, HELD)]);
}

#[test]
fn the_candle_of_the_entry_is_over_for_the_position() {
    let mut columns = CandleColumns {
        ts: vec![0, SPAN],
        open: vec![100, 100],
        high: vec![150, 101],
        low: vec![50, 99],
        close: vec![100, 100],
    };
    for policy in EVERY {
        for side in [Side::Long, Side::Short] {
            let mut case = Case::of_one(Prices::candles(&columns, policy, SPAN), FillModel::TAPE);
            let plan = case.plan(bracket(true));
            case.open(EntryAt::Index(0), side, 100, plan);
            // A time within the candle is after it as well: what of it came later is unknown.
            case.open(EntryAt::Time(ripcord_core::time::Timestamp(SPAN / 2)), side, 100, plan);
            assert_eq!(case.exits(), [], "{policy:?} {side:?}");
        }
    }
    columns.low[1] = 1;
    let mut case = Case::of_one(Prices::candles(&columns, Pessimistic, SPAN), FillModel::TAPE);
    let plan = case.plan(bracket(true));
    case.open(EntryAt::Time(ripcord_core::time::Timestamp(SPAN / 2)), Side::Long, 100, plan);
    assert_eq!(case.exits()[0].line(), (0, 1, "STOP_LOSS", 95));
}
