//! Honest fills: never better than the market, never a touch taken for a trade, never more than is held.

use ripcord_core::instrument::Side;
use ripcord_core::num::{Price, Qty, Ratio};
use ripcord_core::plan::PlanSpec;
use ripcord_core::time::{Span, Timestamp};
use ripcord_sim::replay::EntryAt;
use ripcord_sim::venue::{FillModel, RestingFill};

use crate::audit::{self, Seen, Tape, fee};
use crate::cases::Records;
use crate::random::Random;
use crate::world::{Case, Prices, stop, target, trailing};

const CASES: u64 = 2_500;
const MS: i64 = 1_000_000;

#[test]
fn every_fill_is_what_the_rows_and_the_model_give() {
    let mut seen = Seen::default();
    for seed in 0..CASES {
        let mut random = Random::new(0xF111 ^ seed << 20);
        let mut case = Case::random(&mut random, Records::Ticks);
        if seed % 3 == 0 {
            case.fills = FillModel::HONEST;
        }
        let what = format!("seed {seed}");
        let ran = case.run(ripcord_sim::replay::Pace::Leap);
        audit::holdings(&case, &ran, &what);
        Tape::of(&case).audit(&ran, &what, &mut seen);
    }
    let least = CASES as usize / 4;
    let Seen { at_market, at_limit, rested, waits } = seen;
    assert!(at_market.min(at_limit).min(rested).min(waits) > least, "the cases are too quiet: {seen:?}");
}

/// One long of 1.000 at 100.00 opened after the first price; prices 100 ms apart.
fn exits(prices: &[i64], plan: PlanSpec, fills: FillModel) -> Vec<(u64, i64, &'static str, i64)> {
    let ts = (0..prices.len() as i64).map(|n| n * 100 * MS).collect();
    let mut case = Case::of_one(Prices::ticks(ts, prices.to_vec()), fills);
    let plan = case.plan(plan);
    case.open(EntryAt::Index(0), Side::Long, 100_00, plan);
    let line = |exit: &crate::world::Exit| {
        (exit.index, exit.at.0 / MS, exit.filled.reason.word(), exit.filled.price.0)
    };
    case.exits().iter().map(line).collect()
}

#[test]
fn a_gap_through_the_stop_fills_where_the_market_landed() {
    let plan = PlanSpec { stop_loss: stop(200), ..PlanSpec::empty("stop 2 %") };
    let prices = [100_00, 99_00, 90_00, 80_00];
    assert_eq!(exits(&prices, plan.clone(), FillModel::TAPE), [(2, 200, "STOP_LOSS", 90_00)]);
    // The order arrives after 50 ms, when 90.00 still stands; a basis point is 0.009, a tick is 0.01.
    assert_eq!(exits(&prices, plan.clone(), FillModel::HONEST), [(2, 300, "STOP_LOSS", 89_99)]);
    // On a slower line it meets the market after the next price.
    let slow = FillModel { latency: Span(101 * MS), ..FillModel::HONEST };
    assert_eq!(exits(&prices, plan, slow), [(3, 402, "STOP_LOSS", 79_99)]);
}

#[test]
fn a_resting_target_waits_until_the_price_trades_through() {
    let plan = PlanSpec { ladder: target(500, true), ..PlanSpec::empty("target 5 %") };
    let prices = [100_00, 105_00, 104_00, 105_00, 105_01, 106_00];
    assert_eq!(exits(&prices, plan.clone(), FillModel::TAPE), [(1, 100, "TAKE_PROFIT", 105_00)]);
    assert_eq!(exits(&prices, plan.clone(), FillModel::HONEST), [(4, 450, "TAKE_PROFIT", 105_00)]);
    assert_eq!(exits(&prices[..4], plan, FillModel::HONEST), []);
}

#[test]
fn a_limit_exit_that_is_left_behind_goes_to_the_market_in_time() {
    // The trailing stop is sent as a limit 0.1 % through the market, at the market after 2 s.
    let plan = PlanSpec { trailing: trailing(None, 100), ..PlanSpec::empty("trail 1 %") };
    let mut prices = vec![100_00, 98_50];
    prices.extend([97_00; 22]);
    let late = FillModel { latency: Span(101 * MS), ..FillModel::TAPE };
    // Decided at 100 ms, escalated at 2,100 ms, there at 2,201 ms, known at 2,302 ms.
    assert_eq!(exits(&prices, plan.clone(), late), [(23, 2_302, "TRAILING_STOP", 97_00)]);
    // The market comes back first: the limit at 98.40 is filled when it is traded through.
    prices[10] = 98_41;
    let honest = FillModel { resting: RestingFill::TradedThrough, ..late };
    assert_eq!(exits(&prices, plan, honest), [(11, 1_101, "TRAILING_STOP", 98_40)]);
}

#[test]
fn two_exits_at_once_close_what_is_held_once() {
    // A resting target is filled while the stop's order is on its way: the venue refuses the second.
    let plan =
        PlanSpec { stop_loss: stop(200), ladder: target(500, true), ..PlanSpec::empty("stop and target") };
    let ts = [0, 100, 120, 400, 900].map(|ms| ms * MS).to_vec();
    let mut case =
        Case::of_one(Prices::ticks(ts, vec![100_00, 97_00, 106_00, 100_00, 100_00]), FillModel::HONEST);
    let plan = case.plan(plan);
    case.open(EntryAt::Time(Timestamp(-100 * MS)), Side::Long, 100_00, plan);
    let ran = case.run_all("two exits at once");
    audit::holdings(&case, &ran, "two exits at once");
    let exits: Vec<_> = ran.exits().collect();
    assert_eq!(exits.len(), 1, "{exits:?}");
    assert_eq!(exits[0].line(), (0, 2, "TAKE_PROFIT", 105_00));
    assert_eq!(exits[0].filled.qty, Qty(1_000));
}

#[test]
fn fees_are_rounded_against_us() {
    let plan = PlanSpec { stop_loss: stop(200), ..PlanSpec::empty("stop 2 %") };
    let odd = FillModel { taker_fee: Ratio(333_333), ..FillModel::TAPE };
    let mut case = Case::of_one(Prices::ticks(vec![0, 1], vec![100_00, 97_77]), odd);
    // Six price and twelve quantity decimals leave no spare digit of money.
    case.markets[0].instrument.price_decimals = 6;
    case.markets[0].instrument.qty_decimals = 12;
    let plan = case.plan(plan);
    case.open(EntryAt::Index(0), Side::Long, 100_00, plan);
    let [exit] = &case.exits()[..] else { panic!("one exit") };
    // 9,777 x 1,000 x 0.000333333 is 3,258.99..
    assert_eq!(exit.filled.fee, ripcord_core::num::Money(3_259));
    assert_eq!(fee(&case.markets[0].instrument, &exit.filled, odd.taker_fee), exit.filled.fee);
    assert_eq!(exit.filled.price, Price(97_77));
}

#[test]
fn a_quote_is_what_an_exit_trades_against() {
    use ripcord_core::market::PriceSource::{Ask, Bid, Last};
    let plan = PlanSpec { stop_loss: stop(200), ..PlanSpec::empty("stop 2 %") };
    let mut case = Case::of_one(
        Prices::ticks(vec![0, 0, 0, 5, 6], vec![99_90, 100_10, 100_00, 97_00, 97_99]),
        FillModel::TAPE,
    );
    case.prices[0].columns.source = [Bid, Ask, Last, Bid, Last].map(|source| source as u8).to_vec();
    case.markets[0].sources = vec![Last, Bid, Ask];
    let plan = case.plan(plan);
    case.open(EntryAt::Index(2), Side::Long, 100_00, plan);
    // The stop looks at the last price; the market order meets the bid.
    assert_eq!(case.exits()[0].line(), (0, 4, "STOP_LOSS", 97_00));
}
