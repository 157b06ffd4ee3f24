//! Single combinations of a sweep, equal to vectorbt's rule in double precision to the last bit.

use ripcord_core::event::ProbeFill;
use ripcord_core::instrument::Side;
use ripcord_core::num::Price;
use ripcord_core::plan::{PlanSpec, Rounding};
use ripcord_sim::candles::{CandleColumns, CandlePolicy};
use ripcord_sim::replay::{EntryAt, ExitFill, Outcome, Pace};
use ripcord_sim::vectorbt::exit_price;
use ripcord_sim::venue::FillModel;

use crate::random::Random;
use crate::world::{Case, Prices, stop, target, trailing};

const MINUTE: i64 = 60_000_000_000;
const EVERY: usize = 60;

/// One combination: stop and target in basis points.
#[derive(Debug, Clone, Copy)]
struct Combination {
    sl: i64,
    tp: i64,
    trails: bool,
    side: Side,
}

/// Entry candle, exit candle, reason, price.
type Trade = (usize, u64, &'static str, f64);

/// A walk of twelve steps a minute.
fn candles(count: usize, seed: u64) -> CandleColumns {
    let mut random = Random::new(seed);
    let mut sum = 0.0;
    let path = std::iter::repeat_with(|| {
        sum += random.normal() * (8e-4 / 12_f64.sqrt());
        (60_000_00.0 * f64::exp(sum)).round() as i64
    });
    let path: Vec<i64> = path.take(count * 12).collect();
    columns(path.chunks(12))
}

/// A walk on round prices: many levels land exactly on a high, a low or an open.
fn round_candles(count: usize, seed: u64, grid: i64) -> CandleColumns {
    let mut random = Random::new(seed);
    let mut price = 400 * grid;
    let path: Vec<i64> = (0..count * 5)
        .map(|_| {
            price = (price + random.within(-2, 2) * grid).max(100 * grid);
            price
        })
        .collect();
    columns(path.chunks(5))
}

fn columns<'a>(minutes: impl Iterator<Item = &'a [i64]>) -> CandleColumns {
    let mut candles = CandleColumns::default();
    for (n, minute) in minutes.enumerate() {
        candles.ts.push(1_735_689_600_000_000_000 + n as i64 * MINUTE);
        candles.open.push(minute[0]);
        candles.high.push(*minute.iter().max().expect("steps"));
        candles.low.push(*minute.iter().min().expect("steps"));
        candles.close.push(minute[minute.len() - 1]);
    }
    candles
}

/// The sweep by hand: `numba_sweep.py`, and its mirror for shorts.
fn by_hand(candles: &CandleColumns, combination: Combination) -> (Vec<Trade>, usize) {
    let price = |ticks: i64| ticks as f64 / 100.0;
    let (sl, tp) = (combination.sl as f64 / 10_000.0, combination.tp as f64 / 10_000.0);
    let (long, mut ties) = (combination.side == Side::Long, 0);
    let (mut trades, mut held): (Vec<Trade>, Option<(usize, f64, f64)>) = (Vec::new(), None);
    for n in 0..candles.len() {
        let [open, high, low] = [candles.open[n], candles.high[n], candles.low[n]].map(price);
        let Some((entered, entry, peak)) = held else {
            if n % EVERY == 0 {
                let close = price(candles.close[n]);
                held = Some((n, close, close));
            }
            continue;
        };
        let (stop, target) = if long {
            (peak * (1.0 - sl), entry * (1.0 + tp))
        } else {
            (peak * (1.0 + sl), entry * (1.0 - tp))
        };
        let stopped = if long { open <= stop } else { open >= stop };
        let gained = if long { target <= open } else { target >= open };
        let inside = |level: f64| low <= level && level <= high;
        ties += [open, high, low].iter().filter(|&&p| p == stop || p == target).count();
        let why = if combination.trails { "TRAILING_STOP" } else { "STOP_LOSS" };
        let exit = if stopped {
            Some((why, open))
        } else if inside(stop) {
            Some((why, stop))
        } else if gained {
            Some(("TAKE_PROFIT", open))
        } else if inside(target) {
            Some(("TAKE_PROFIT", target))
        } else {
            None
        };
        if let Some((why, at)) = exit {
            trades.push((entered, n as u64, why, at));
            held = None;
        } else if combination.trails {
            held = Some((entered, entry, if long { peak.max(high) } else { peak.min(low) }));
        }
    }
    // What is still open at the end has no trade, but it was opened.
    trades.extend(held.map(|(entered, ..)| (entered, u64::MAX, "", 0.0)));
    (trades, ties)
}

fn plan(combination: Combination, soft: bool) -> PlanSpec {
    let mut spec = PlanSpec::empty("combination");
    spec.rounding = Rounding::Double;
    spec.ladder = target(combination.tp, soft);
    if combination.trails {
        spec.trailing = trailing(None, combination.sl);
    } else {
        spec.stop_loss = stop(combination.sl);
    }
    spec
}

fn price_of(exit: &ExitFill, spec: &PlanSpec, entry: i64) -> f64 {
    match exit_price(exit, spec, Price(entry), 2) {
        Some(text) => text.parse().expect("a number"),
        None => {
            assert_eq!(exit.probe.fill, ProbeFill::Price, "only an open is a price of the candle");
            exit.filled.price.0 as f64 / 100.0
        }
    }
}

/// Replays the reference's entries; every exit is the reference's. Returns trades and exact ties.
fn check(candles: &CandleColumns, combination: Combination, pace: Pace, soft: bool) -> (usize, usize) {
    let (trades, ties) = by_hand(candles, combination);
    let mut case = Case::of_one(Prices::candles(candles, CandlePolicy::Vectorbt, MINUTE), FillModel::TAPE);
    let spec = plan(combination, soft);
    let plan = case.plan(spec.clone());
    for &(entered, ..) in &trades {
        case.open(EntryAt::Index(entered as u64), combination.side, candles.close[entered], plan);
    }
    let mut outcome = Outcome::default();
    case.replay().run(pace, &mut outcome, &mut ()).expect("a tape in memory has no damaged rows");
    let mut exits: Vec<(usize, &ExitFill)> =
        outcome.exits.iter().map(|exit| (exit.filled.id.episode.key.account.0 as usize, exit)).collect();
    exits.sort_by_key(|&(account, _)| account);
    let wanted: Vec<&Trade> = trades.iter().filter(|trade| trade.1 != u64::MAX).collect();
    for (&(account, exit), &&(entered, at, why, price)) in exits.iter().zip(&wanted) {
        let ours = price_of(exit, &spec, candles.close[trades[account].0]);
        let told = (trades[account].0, exit.index, exit.filled.reason.word());
        assert_eq!(told, (entered, at, why), "{combination:?} {pace:?}");
        assert!(ours.to_bits() == price.to_bits(), "{combination:?}: {told:?}: {ours} is not {price}");
    }
    assert_eq!(exits.len(), wanted.len(), "{combination:?} {pace:?}");
    (wanted.len(), ties)
}

#[test]
fn every_exit_of_a_combination_is_that_of_the_sweep_by_hand() {
    let candles = candles(60_000, 2);
    let mut trades = 0;
    for (n, (sl, tp)) in
        [(50, 50), (100, 50), (150, 250), (200, 1_250), (350, 350), (500, 100), (650, 900), (1_000, 1_250)]
            .into_iter()
            .enumerate()
    {
        for trails in [false, true] {
            for side in [Side::Long, Side::Short] {
                let soft = n % 2 == 0;
                let pace = if n == 1 { Pace::RowByRow } else { Pace::Leap };
                trades += check(&candles, Combination { sl, tp, trails, side }, pace, soft).0;
            }
        }
    }
    assert!(trades > 3_000, "only {trades} trades");
}

#[test]
fn levels_that_land_exactly_on_a_price_are_decided_as_doubles_decide_them() {
    let (mut trades, mut ties) = (0, 0);
    for (seed, grid) in [(1, 20), (2, 25), (3, 100), (4, 1)] {
        let candles = round_candles(3_000, seed, grid);
        for sl in (50..=1_000).step_by(50) {
            for tp in [50, 250, 500, 1_000, 1_250] {
                for trails in [false, true] {
                    let side = if (sl / 50 + tp / 50) % 2 == 0 { Side::Long } else { Side::Short };
                    let (more, tied) =
                        check(&candles, Combination { sl, tp, trails, side }, Pace::Leap, sl % 100 == 0);
                    trades += more;
                    ties += tied;
                }
            }
        }
    }
    assert!(trades > 3_000 && ties > 300, "only {trades} trades and {ties} ties");
}

/// 5 % of 100.00 is 95.00, but 0.95 is no double: the product decides, not the decimal.
#[test]
fn a_tie_worked_out_by_hand() {
    let candles = |low: i64| CandleColumns {
        ts: vec![0, MINUTE],
        open: vec![100_00, 100_00],
        high: vec![100_00, 100_00],
        low: vec![100_00, low],
        close: vec![100_00, 100_00],
    };
    for (sl, low) in [(500, 95_00), (1_000, 90_00), (300, 97_00), (700, 93_00), (50, 99_50)] {
        let level = 100.0 * (1.0 - sl as f64 / 10_000.0);
        for low in [low - 1, low, low + 1] {
            let touches = low as f64 / 100.0 <= level;
            let combination = Combination { sl, tp: 5_000, trails: false, side: Side::Long };
            let (trades, _) = check(&candles(low), combination, Pace::RowByRow, true);
            assert_eq!(trades, usize::from(touches), "{sl} {low}: the level is {level:?}");
        }
    }
}
