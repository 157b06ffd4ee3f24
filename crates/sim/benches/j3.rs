//! J3: one million trades over 1,000 / 10,000 / 100,000 positions that are held throughout, with
//! fixed stop and target, and with a trailing stop besides. Timed after the last opening, in two
//! parts: the first tenth of the tape, in which trailing stops become active, and the rest. `stops`: each
//! position has one at the venue besides, which follows its effective stop.
//!
//! `cargo xtask bench j3 [--inputs DIR] [--runs N]`; DIR holds the reference generator's files.
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

use ripcord_sim::replay::{Outcome, Pace};
use support::{
    JobPosition, Layers, Random, ceiling, median, option, prices, read_inputs, read_positions, replay, tape,
    timed,
};

fn main() {
    let runs: usize = option("--runs").map_or(5, |text| text.parse().expect("--runs is a number"));
    let inputs = option("--inputs");
    let (ts, price) = match &inputs {
        Some(dir) => {
            let (ts, price, _) = read_inputs(dir, "ticks_1m.csv", "positions_j3_1kf.csv");
            (ts, price)
        }
        None => prices(1_000_000, 7),
    };
    let rows = price.len() as f64;
    println!("J3: {} ticks", price.len());
    let limit = median((0..runs).map(|_| ceiling(&price)).collect());
    println!(
        "{:34} {:8.3} ms {:8.1} M ticks/s",
        "ceiling: one opaque call per price",
        limit * 1e3,
        rows / limit / 1e6
    );
    for trailing in [false, true] {
        for (name, count) in [("1k", 1_000), ("10k", 10_000), ("100k", 100_000)] {
            let kind = if trailing { "t" } else { "f" };
            let positions = match &inputs {
                Some(dir) => read_positions(&format!("{dir}/positions_j3_{name}{kind}.csv")),
                None => held(&price, count, trailing),
            };
            for (pace, layers) in [
                (Pace::RowByRow, Layers::Monitor),
                (Pace::Scan, Layers::Monitor),
                (Pace::Leap, Layers::Monitor),
                (Pace::RowByRow, Layers::Bracket),
            ] {
                // Ten thousand stops that follow take seconds, a hundred thousand minutes.
                if layers == Layers::Bracket && trailing && count > 10_000 {
                    continue;
                }
                let stops = if layers == Layers::Bracket { " stops" } else { "" };
                let name = format!("{name}{kind} {pace:?}{stops}");
                measure(&ts, &price, &positions, (pace, layers), runs, &name);
            }
        }
    }
}

fn measure(
    ts: &[i64],
    price: &[i64],
    positions: &[JobPosition],
    (pace, layers): (Pace, Layers),
    runs: usize,
    name: &str,
) {
    let first = price.len() / 10;
    let (mut opening, mut activating, mut holding, mut exits) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for _ in 0..runs {
        let mut job = replay(tape(ts.to_vec(), price.to_vec()), positions, layers);
        job.warm();
        let mut outcome = Outcome::default();
        let (seconds, done) = timed(|| job.run_openings(pace, &mut outcome, &mut ()));
        done.expect("a tape in memory has no damaged rows");
        opening.push(seconds);
        let (seconds, done) = timed(|| job.run_up_to(first, pace, &mut outcome, &mut ()));
        done.expect("a tape in memory has no damaged rows");
        activating.push(seconds);
        let (seconds, done) = timed(|| job.run(pace, &mut outcome, &mut ()));
        done.expect("a tape in memory has no damaged rows");
        holding.push(seconds);
        exits = outcome.exits.len();
    }
    let (open, active, hold) = (median(opening), median(activating), median(holding));
    println!(
        "{name:20} held {:9.3} ms {:8.1} M ticks/s  first tenth {:9.3} ms  opening {:5.0} ns a position  {exits} exits",
        hold * 1e3,
        (price.len() - first) as f64 / hold / 1e6,
        active * 1e3,
        open / positions.len() as f64 * 1e9
    );
}

/// Positions with levels 20 to 60 % away, so that they stay open.
fn held(price: &[i64], count: u64, trailing: bool) -> Vec<JobPosition> {
    let mut random = Random::new(11);
    let mut away = move || 2_000 + random.below(4_000) as i64;
    (0..count)
        .map(|id| JobPosition {
            id,
            side: if id % 2 == 0 { 1 } else { -1 },
            entry_index: 0,
            entry: price[0],
            sl: away(),
            tp: away(),
            arm: 0,
            trail: if trailing { away() } else { 0 },
        })
        .collect()
}
