//! J1: five million trades, a thousand positions along them, each with stop, target and an armed
//! trailing stop, through coordinator and simulated venue, tape in memory, one core.
//!
//! `cargo xtask bench j1 [--inputs DIR] [--runs N]`; DIR holds the reference generator's files.
#![allow(
    clippy::print_stdout,
    missing_docs,
    dead_code,
    unreachable_pub,
    missing_debug_implementations,
    clippy::should_implement_trait
)]

#[path = "support/jobs.rs"]
mod support;

use ripcord_sim::replay::Pace;
use support::{
    JobPosition, Layers, ceiling, exits_of, guard_band, median, option, prices, read_inputs, reference,
    replay, run, tape,
};

fn main() {
    let runs: usize = option("--runs").map_or(7, |text| text.parse().expect("--runs is a number"));
    let (ts, price, positions) = match option("--inputs") {
        Some(dir) => read_inputs(&dir, "ticks.csv", "positions_j1.csv"),
        None => {
            let rows = 5_000_000;
            let (ts, price) = prices(rows, 7);
            let at = |k: usize| k * rows / 1_000;
            let positions = (0..1_000).map(|k| JobPosition {
                id: k as u64,
                side: if k % 2 == 0 { 1 } else { -1 },
                entry_index: at(k),
                entry: price[at(k)],
                sl: 250,
                tp: 350,
                arm: 100,
                trail: 100,
            });
            let positions = positions.collect();
            (ts, price, positions)
        }
    };
    let rows = price.len() as f64;
    let expected = reference(&price, &positions);
    println!(
        "J1: {} ticks, {} positions, {} exits by the reference",
        price.len(),
        positions.len(),
        expected.len()
    );
    let mut figures: Vec<(&str, Vec<f64>, usize)> = vec![
        ("ceiling: one opaque call per price", Vec::new(), 0),
        ("guard band over all levels", Vec::new(), 0),
        ("ripcord, row by row", Vec::new(), 0),
        ("ripcord, scan", Vec::new(), 0),
        ("ripcord, leap", Vec::new(), 0),
        ("ripcord, row by row, stops at the venue", Vec::new(), 0),
        ("ripcord, scan, stops at the venue", Vec::new(), 0),
    ];
    for _ in 0..runs {
        figures[0].1.push(ceiling(&price));
        let (seconds, exits) = guard_band(&price, &positions);
        figures[1].1.push(seconds);
        figures[1].2 = same(&exits, &expected);
        let rows = [
            (2, Pace::RowByRow, Layers::Monitor),
            (3, Pace::Scan, Layers::Monitor),
            (4, Pace::Leap, Layers::Monitor),
            (5, Pace::RowByRow, Layers::Bracket),
            (6, Pace::Scan, Layers::Bracket),
        ];
        for (n, pace, layers) in rows {
            let mut job = replay(tape(ts.clone(), price.clone()), &positions, layers);
            // A tape on disk has its pyramid; building it is not part of a replay.
            job.warm();
            let (seconds, outcome) = run(&mut job, pace);
            figures[n].1.push(seconds);
            figures[n].2 = same(&exits_of(&outcome), &expected);
        }
    }
    for (name, seconds, equal) in figures {
        let m = median(seconds);
        println!(
            "{name:42} {:8.3} ms  {:8.1} M ticks/s  exits equal {equal} of {}",
            m * 1e3,
            rows / m / 1e6,
            expected.len()
        );
    }
}

fn same(a: &[support::Exit], b: &[support::Exit]) -> usize {
    if a == b { b.len() } else { a.iter().filter(|exit| b.binary_search(exit).is_ok()).count() }
}
