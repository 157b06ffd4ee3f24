//! The odd ends of a replay, and what once went wrong there.

use ripcord_core::bars::BarOrigin;
use ripcord_core::event::{CommandRefused, Record};
use ripcord_core::id::{InstrumentId, PlanId};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Qty, Ratio};
use ripcord_core::plan::PlanSpec;
use ripcord_core::time::Timestamp;
use ripcord_sim::candles::{CandleColumns, CandlePolicy};
use ripcord_sim::replay::{EntryAt, Happening, Rank};
use ripcord_sim::venue::FillModel;

use crate::audit;
use crate::world::{Case, Market, Prices, stop, target};

fn ticks(rows: &[(i64, i64)]) -> Case {
    let (ts, price) = rows.iter().copied().unzip();
    Case::of_one(Prices::ticks(ts, price), FillModel::TAPE)
}

fn bracket() -> PlanSpec {
    PlanSpec { stop_loss: stop(500), ladder: target(500, true), ..PlanSpec::empty("5 % both ways") }
}

#[test]
fn a_replay_without_positions_says_nothing() {
    let ran = ticks(&[(1, 100_00), (2, 50_00), (3, 200_00)]).run_all("no positions");
    assert_eq!((ran.told.len(), ran.positions.len()), (0, 0));
}

#[test]
fn a_replay_without_rows_opens_what_there_is() {
    let mut case = ticks(&[]);
    let plan = case.plan(bracket());
    case.open(EntryAt::Index(5), Side::Long, 100_00, plan);
    case.open(EntryAt::Time(Timestamp(7)), Side::Long, 100_00, plan);
    assert_eq!(case.run_all("no rows").positions.len(), 2);
    case.prices.clear();
    assert_eq!(case.run_all("no files").positions.len(), 2);
}

#[test]
fn a_tape_of_one_row() {
    let mut case = ticks(&[(10, 94_00)]);
    let plan = case.plan(bracket());
    case.open(EntryAt::Time(Timestamp(9)), Side::Long, 100_00, plan);
    case.open(EntryAt::Time(Timestamp(10)), Side::Long, 100_00, plan);
    case.open(EntryAt::Index(0), Side::Long, 100_00, plan);
    case.open(EntryAt::Index(99), Side::Short, 94_00, plan);
    let exits: Vec<_> = case.exits().iter().map(|exit| exit.line()).collect();
    assert_eq!(exits, [(0, 0, "STOP_LOSS", 94_00)]);
}

#[test]
fn a_target_that_the_market_has_passed_closes_the_position_as_it_opens() {
    let mut case = ticks(&[(1, 106_00), (2, 106_00)]);
    let plan = case.plan(bracket());
    case.open(EntryAt::Index(0), Side::Long, 100_00, plan);
    case.open(EntryAt::Index(0), Side::Short, 100_00, plan);
    let exits: Vec<_> = case.exits().iter().map(|exit| exit.line()).collect();
    // A stop that is passed at the opening waits for the next price, which may be the same.
    assert_eq!(exits, [(0, 0, "TAKE_PROFIT", 106_00), (1, 1, "STOP_LOSS", 106_00)]);
}

#[test]
fn openings_given_in_any_order_open_in_order_of_time() {
    let mut case = ticks(&[(0, 100_00), (100, 100_00), (200, 100_00)]);
    let plan = case.plan(bracket());
    for at in [150, 120, 180, 130] {
        case.open(EntryAt::Time(Timestamp(at)), Side::Long, 100_00, plan);
    }
    case.open(EntryAt::Index(1), Side::Long, 100_00, plan);
    case.open(EntryAt::Index(0), Side::Long, 100_00, plan);
    let ran = case.run_all("unsorted");
    let opened = ran.told.iter().filter_map(|(_, _, entry)| match &entry.record {
        Record::Opened(opened) => Some((opened.episode.key.account.0, entry.at.0)),
        _ => None,
    });
    let opened: Vec<_> = opened.collect();
    assert_eq!(opened, [(5, 0), (4, 100), (1, 120), (3, 130), (0, 150), (2, 180)]);
}

#[test]
fn funding_between_two_prices_is_paid_by_who_was_there() {
    let mut case = ticks(&[(0, 100_00), (100, 100_00)]);
    let plan = case.plan(bracket());
    case.happenings.push((Timestamp(50), Happening::Funding(InstrumentId(0), Ratio::from_bps(1))));
    for at in [60, 40, 50] {
        case.open(EntryAt::Time(Timestamp(at)), Side::Long, 100_00, plan);
    }
    let ran = case.run_all("funding");
    let paid = ran.records().filter_map(|record| match record {
        Record::FundingPaid { episode, .. } => Some(episode.key.account.0),
        _ => None,
    });
    assert_eq!(paid.collect::<Vec<_>>(), [1]);
}

#[test]
fn a_second_opening_in_a_bucket_is_refused_and_not_booked() {
    let mut case = ticks(&[(1, 100_00), (2, 100_00), (3, 94_00), (4, 94_00), (5, 94_00)]);
    let plan = case.plan(bracket());
    case.open(EntryAt::Index(0), Side::Long, 100_00, plan);
    case.open(EntryAt::Index(1), Side::Long, 100_00, plan);
    case.openings[1].opening.key = case.openings[0].opening.key;
    case.openings[1].opening.qty = Qty(7_000);
    case.open(EntryAt::Index(1), Side::Short, 100_00, PlanId(0));
    case.openings[2].opening.qty = Qty(-5);
    let ran = case.run_all("two in one bucket");
    let refused: Vec<_> =
        ran.records().filter(|record| matches!(record, Record::CommandRefused(_))).collect();
    let (first, short) = (case.openings[0].opening.key, case.openings[2].opening.key);
    assert_eq!(
        refused,
        [
            &Record::CommandRefused(CommandRefused::AlreadyOpen(first)),
            &Record::CommandRefused(CommandRefused::NotPositive(short)),
        ]
    );
    assert_eq!(ran.exits().map(|exit| exit.filled.qty.0).collect::<Vec<_>>(), [1_000]);
    assert_eq!(ran.booked, [(first, Qty(0)), (first, Qty(0)), (short, Qty(0))]);
    audit::holdings(&case, &ran, "two in one bucket");
}

/// Two days of one instrument in two files, given the later one first.
#[test]
fn the_last_price_of_two_files_is_that_of_the_later_row() {
    let mut case = ticks(&[(100, 101_00), (110, 101_00), (120, 101_00), (200, 101_00)]);
    let early = Prices::ticks(vec![10, 20, 30, 115], vec![99_00, 99_00, 99_00, 102_00]);
    case.prices.push(early);
    let plan = case.plan(PlanSpec { ladder: target(100, false), ..PlanSpec::empty("a leg at once") });
    // Everything up to here is quiet and passed in one piece; what is sold at once is sold at 101.00.
    case.plans[0].1.ladder = target(100, true);
    case.open(EntryAt::Index(6), Side::Long, 99_00, plan);
    assert_eq!(case.exits()[0].line(), (0, 6, "TAKE_PROFIT", 101_00));
}

/// Candles and trades of the same price: a candle is walked while trades within it are passed.
#[test]
fn trades_within_a_candle_are_not_passed_before_it() {
    let candles = CandleColumns {
        ts: vec![0, 100],
        open: vec![100_00, 100_00],
        high: vec![100_00, 100_00],
        low: vec![100_00, 100_00],
        close: vec![100_00, 100_00],
    };
    let mut case = Case::of_one(
        Prices::candles(&candles, CandlePolicy::Ohlc, 100),
        FillModel { latency: ripcord_core::time::Span(30), ..FillModel::TAPE },
    );
    case.prices
        .push(Prices::ticks(vec![105, 110, 120, 130, 180], vec![103_00, 94_00, 101_00, 102_00, 104_00]));
    let plan = case.plan(PlanSpec { stop_loss: stop(500), ..PlanSpec::empty("stop 5 %") });
    case.open(EntryAt::Index(0), Side::Long, 100_00, plan);
    // Decided at 110, at the venue at 140, known at 170: the market is at 102.00.
    assert_eq!(case.exits()[0].line(), (0, 5, "STOP_LOSS", 102_00));
}

/// The slot of a cancelled order is given to an order of another instrument, whose price is far away.
#[test]
fn a_cancelled_orders_level_never_fills_an_order_of_another_instrument() {
    let mut case = ticks(&[(0, 100_00), (10, 94_00), (40, 106_00), (50, 106_00)]);
    let other = Instrument::from_decimals("DOGEUSDT", 2, 3);
    case.markets.push(Market { instrument: other, sources: vec![PriceSource::Last], bars: BarOrigin::Ticks });
    case.prices.push(Prices { market: 1, ..Prices::ticks(vec![0, 60], vec![10_00, 10_00]) });
    let one = case.plan(bracket());
    case.plans.push((InstrumentId(1), bracket()));
    case.open(EntryAt::Index(0), Side::Long, 100_00, one);
    case.open(EntryAt::Time(Timestamp(20)), Side::Long, 10_00, PlanId(1));
    let exits: Vec<_> = case.exits().iter().map(|exit| exit.line()).collect();
    assert_eq!(exits, [(0, 2, "STOP_LOSS", 94_00)]);
}

#[test]
fn files_of_one_time_come_by_rank_then_in_their_given_order() {
    let mut case = ticks(&[(5, 100_00), (5, 100_01)]);
    case.prices.push(Prices { rank: Rank::Mark, ..Prices::ticks(vec![5], vec![94_00]) });
    case.prices.push(Prices::ticks(vec![5], vec![93_00]));
    let plan = case.plan(PlanSpec { stop_loss: stop(500), ..PlanSpec::empty("stop 5 %") });
    case.open(EntryAt::Time(Timestamp(4)), Side::Long, 100_00, plan);
    case.open(EntryAt::Index(0), Side::Long, 100_00, plan);
    let exits: Vec<_> = case.exits().iter().map(|exit| exit.line()).collect();
    assert_eq!(exits, [(0, 0, "STOP_LOSS", 94_00), (1, 3, "STOP_LOSS", 93_00)]);
}
