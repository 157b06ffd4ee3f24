//! The two reference jobs in miniature, held against one loop per position.

use ripcord_core::instrument::Side;
use ripcord_core::num::Qty;
use ripcord_core::plan::{PlanSpec, Rounding};
use ripcord_sim::replay::EntryAt;
use ripcord_sim::venue::FillModel;

use crate::random::Random;
use crate::world::{Case, PACES, Prices, stop, target, trailing};

/// One position of a job; levels in basis points of the entry, 0 is none.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    side: Side,
    entry_index: usize,
    sl: i64,
    tp: i64,
    arm: i64,
    trail: i64,
}

/// Position, row, reason, price.
type Line = (u32, u64, &'static str, i64);

/// Two basis points a trade, a gap of 60 once in 10,000, little drift; 1 to 29 ms apart. The
/// reference generator with four times its volatility, because a miniature has fewer rows.
fn walk(rows: usize, seed: u64) -> Prices {
    let mut random = Random::new(seed);
    let mut returns: Vec<f64> = (0..rows)
        .map(|_| {
            let gap = if random.unit() < 1e-4 { random.normal() * 60e-4 } else { 0.0 };
            random.normal() * 2e-4 + gap
        })
        .collect();
    let mean = returns.iter().sum::<f64>() / rows as f64;
    let mut sum = 0.0;
    for step in &mut returns {
        sum += *step - mean * 0.8;
        *step = sum;
    }
    let mut at = 1_735_689_600_000_000_000;
    let ts = (0..rows)
        .map(|_| {
            at += random.within(1, 29) * 1_000_000;
            at
        })
        .collect();
    Prices::ticks(ts, returns.iter().map(|sum| (6_000_000.0 * sum.exp()).round() as i64).collect())
}

/// `price x bps`, half up.
fn part(price: i64, bps: i64) -> i64 {
    (price * bps + 5_000) / 10_000
}

/// Each position walks the prices by itself: stop side at the tick, target at its level, then the extreme.
fn by_hand(price: &[i64], positions: &[Wanted]) -> Vec<Line> {
    let mut lines = Vec::new();
    for (id, p) in positions.iter().enumerate() {
        let (s, e) = (p.side.sign(), price[p.entry_index]);
        let (sl, tp, arm) = (e - s * part(e, p.sl), e + s * part(e, p.tp), e + s * part(e, p.arm));
        let mut best: Option<i64> = None;
        for (row, &now) in price.iter().enumerate().skip(p.entry_index + 1) {
            let trail = best.map(|best| best - s * part(best, p.trail));
            // Several rules at once: their rank names the reason, and the stop outranks the trail.
            let why = if p.sl > 0 && s * (now - sl) <= 0 {
                Some(("STOP_LOSS", now))
            } else if trail.is_some_and(|trail| s * (now - trail) <= 0) {
                Some(("TRAILING_STOP", now))
            } else if p.tp > 0 && s * (now - tp) >= 0 {
                Some(("TAKE_PROFIT", tp))
            } else {
                None
            };
            if let Some((reason, at)) = why {
                lines.push((id as u32, row as u64, reason, at));
                break;
            }
            if p.trail > 0 {
                best = match best {
                    None => (s * (now - arm) >= 0).then_some(now),
                    Some(best) => Some(if s * (now - best) > 0 { now } else { best }),
                };
            }
        }
    }
    lines.sort_unstable();
    lines
}

fn case(prices: Prices, positions: &[Wanted]) -> Case {
    let entry_prices = prices.columns.price.clone();
    let mut case = Case::of_one(prices, FillModel::TAPE);
    for p in positions {
        let mut spec = PlanSpec::empty("job");
        spec.rounding = Rounding::HalfUp;
        spec.stop_loss = stop(p.sl).filter(|_| p.sl > 0);
        spec.ladder = target(p.tp, true).filter(|_| p.tp > 0);
        spec.trailing = trailing(Some(p.arm), p.trail).filter(|_| p.trail > 0);
        let known = case.plans.iter().position(|(_, plan)| *plan == spec);
        let plan = known.map_or_else(|| case.plan(spec), |n| ripcord_core::id::PlanId(n as u32));
        case.open(EntryAt::Index(p.entry_index as u64), p.side, entry_prices[p.entry_index], plan);
    }
    case
}

fn side_of(n: usize) -> Side {
    if n.is_multiple_of(2) { Side::Long } else { Side::Short }
}

/// Positions along the tape are closed as one loop per position closes them.
fn check(rows: usize, seed: u64, positions: &[Wanted], exits_least: usize) {
    let prices = walk(rows, seed);
    let wanted = by_hand(&prices.columns.price, positions);
    assert!(wanted.len() >= exits_least, "only {} exits", wanted.len());
    let case = case(prices, positions);
    for pace in PACES {
        let ran = case.run(pace);
        let mut lines: Vec<Line> = ran.exits().map(|exit| exit.line()).collect();
        lines.sort_unstable();
        for (ours, wanted) in lines.iter().zip(&wanted) {
            assert_eq!(ours, wanted, "{pace:?}, {:?}", positions[wanted.0 as usize]);
        }
        assert_eq!(lines.len(), wanted.len(), "{pace:?}");
        assert_eq!(ran.positions.len(), positions.len() - lines.len(), "{pace:?}: the rest is held");
        assert!(ran.exits().all(|exit| exit.filled.qty == Qty(1_000)), "{pace:?}: everything in one piece");
    }
}

#[test]
fn j1_positions_along_the_tape() {
    let (rows, count) = (300_000, 200);
    let at = |n: usize, sl, tp, arm, trail| Wanted {
        side: side_of(n),
        entry_index: n * rows / count,
        sl,
        tp,
        arm,
        trail,
    };
    let trails: Vec<Wanted> = (0..count).map(|n| at(n, 250, 350, 100, 100)).collect();
    check(rows, 7, &trails, 60);
    let fixed: Vec<Wanted> = (0..count).map(|n| at(n, 250, 350, 0, 0)).collect();
    check(rows, 7, &fixed, 20);
    let tight: Vec<Wanted> = (0..count).map(|n| at(n, 25, 35, 10, 10)).collect();
    check(rows, 8, &tight, 190);
}

#[test]
fn j3_a_thousand_positions_held_throughout() {
    let mut random = Random::new(3);
    for (trails, from, to, exits) in
        [(false, 2_000, 6_000, 0), (true, 2_000, 6_000, 0), (true, 20, 600, 500), (false, 20, 600, 300)]
    {
        let positions: Vec<Wanted> = (0..1_000)
            .map(|n| {
                let (sl, tp) = (random.within(from, to), random.within(from, to));
                let trail = if trails { random.within(from, to) } else { 0 };
                Wanted { side: side_of(n), entry_index: 0, sl, tp, arm: 0, trail }
            })
            .collect();
        check(100_000, 9, &positions, exits);
    }
}
