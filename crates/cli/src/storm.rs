//! `ripcord storm`: worlds full of faults, from seeds, and what the judge found.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use rayon::prelude::*;
use ripcord_core::time::Span;
use ripcord_storm::{
    Config, FaultKind, Outcome, SOMETIMES, Scenario, Totals, VenueKind, Violation, shrink, tell,
};
use serde_json::{Value, json};

use crate::output::{BAD_REQUEST, FAILED, fail, note, plural, print_and_end, progress};

/// A failing world is made smaller for at most this long.
const SHRINK_WITHIN: Duration = Duration::from_secs(120);
/// Worlds are asked to have seen everything only when they last this many days together.
const SOMETIMES_DAYS: u64 = 40;

/// A world lasts a hundred years at most: its clock counts nanoseconds, and has no more than 292 of them.
const DAYS_MAX: i64 = 36_500;

/// Options of `storm`.
#[derive(Debug, Args)]
pub(crate) struct StormArgs {
    /// The first seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many seeds, one world each
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// How many days each world lasts
    #[arg(long, value_name = "D", default_value_t = 1, conflicts_with = "hours", value_parser = clap::value_parser!(u32).range(1..=DAYS_MAX))]
    days: u32,
    /// .. or how many hours
    #[arg(long, value_name = "H", value_parser = clap::value_parser!(u32).range(1..=24 * DAYS_MAX))]
    hours: Option<u32>,
    /// Only venues of this kind; without it each seed draws one
    #[arg(long, value_enum)]
    venue: Option<Venue>,
    /// Each world lacks a random half of the faults, so that they do not hide each other
    #[arg(long)]
    swarm: bool,
    /// Play a scenario file instead of seeds
    #[arg(long, value_name = "FILE", conflicts_with_all = ["seed", "seeds", "days", "hours", "venue", "swarm"])]
    scenario: Option<PathBuf>,
    /// Tell the last N lines of what happened in the first world, or in the scenario
    #[arg(long, value_name = "N")]
    tell: Option<usize>,
    /// Where the shortest world that fails is written
    #[arg(long, value_name = "FILE", default_value = "failing.storm")]
    keep: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Kinds of venues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Venue {
    /// Coins, which orders lock
    Spot,
    /// Futures, one position an instrument
    Futures,
    /// Futures, long and short beside each other
    Hedge,
}

impl From<Venue> for VenueKind {
    fn from(venue: Venue) -> Self {
        match venue {
            Venue::Spot => Self::Spot,
            Venue::Futures => Self::Futures,
            Venue::Hedge => Self::Hedge,
        }
    }
}

pub(crate) fn run(args: &StormArgs) -> ExitCode {
    if let Some(path) = &args.scenario {
        return run_scenario(args, path);
    }
    let lasts = i64::from(args.hours.unwrap_or_else(|| args.days.saturating_mul(24)));
    let venue = args.venue.map(VenueKind::from);
    let config_of = |seed: u64| Config::of(seed, venue, Span::from_secs(lasts * 3_600), args.swarm);
    if let Some(lines) = args.tell {
        return tell_one(args, tell(&config_of(args.seed), lines));
    }
    let started = Instant::now();
    let progress = progress(args.seeds, "worlds");
    let seeds = args.seed..args.seed.saturating_add(args.seeds);
    let (totals, failed) = worlds(seeds, &config_of, &progress);
    progress.finish_and_clear();
    let took = started.elapsed();
    let kept = failed.iter().next().map(|(seed, violation)| keep(args, &config_of(*seed), violation));
    told(args, &totals, &failed, took, kept)
}

/// Plays worlds side by side and adds them up in the order of their seeds.
fn worlds(
    seeds: std::ops::Range<u64>,
    config_of: &(impl Fn(u64) -> Config + Sync),
    progress: &indicatif::ProgressBar,
) -> (Totals, BTreeMap<u64, Violation>) {
    let done: Mutex<(Totals, BTreeMap<u64, Violation>)> = Mutex::default();
    // Some at a time: what they saw is added up in order, and not kept.
    for from in seeds.clone().step_by(256) {
        let to = seeds.end.min(from + 256);
        let outcomes: Vec<Outcome> = (from..to)
            .into_par_iter()
            .map(|seed| {
                let outcome = ripcord_storm::run(&config_of(seed));
                if let Some(violation) = &outcome.violation {
                    // At once: a long run is not waited for, and may be stopped.
                    progress.suspend(|| note(&format!("seed {seed}: {}", shown(violation))));
                }
                progress.inc(1);
                outcome
            })
            .collect();
        let mut done = done.lock().expect("nobody panics with it");
        for outcome in outcomes {
            done.0.add(&outcome);
            if let Some(violation) = outcome.violation {
                done.1.insert(outcome.seed, violation);
            }
        }
    }
    done.into_inner().expect("nobody panics with it")
}

fn tell_one(args: &StormArgs, (outcome, told): (Outcome, Vec<String>)) -> ExitCode {
    let mut text = told.join("\n");
    text.push('\n');
    text.push_str(&verdict(outcome.seed, outcome.violation.as_ref()));
    let failed = outcome.violation.is_some();
    let text = if args.json { format!("{:#}\n", json!({ "outcome": outcome, "lines": told })) } else { text };
    print_and_end(&text, ExitCode::from(if failed { FAILED } else { 0 }))
}

fn run_scenario(args: &StormArgs, path: &Path) -> ExitCode {
    let shown = path.display();
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            let what = format!("{shown}: {error}; name a file that `ripcord storm --keep FILE` wrote");
            return fail(BAD_REQUEST, &what);
        }
    };
    let scenario = match Scenario::parse(&text) {
        Ok(scenario) => scenario,
        Err(error) => return fail(BAD_REQUEST, &format!("{shown}: {error}")),
    };
    if let Some(lines) = args.tell {
        return tell_one(args, scenario.tell(lines));
    }
    let outcome = scenario.play();
    let code = ExitCode::from(if outcome.violation.is_some() { FAILED } else { 0 });
    if args.json {
        return print_and_end(&format!("{:#}\n", json!({ "outcome": outcome })), code);
    }
    print_and_end(&verdict(outcome.seed, outcome.violation.as_ref()), code)
}

fn verdict(seed: u64, violation: Option<&Violation>) -> String {
    violation.map_or_else(
        || format!("seed {seed}: nothing that must not be\n"),
        |violation| format!("seed {seed}: {}\n", shown(violation)),
    )
}

/// A violation in one line.
fn shown(violation: &Violation) -> String {
    let place = violation.key.map_or_else(String::new, |key| {
        format!(" account {} market {} {}", key.account.0, key.instrument.0, key.side.word())
    });
    let secs = ripcord_storm::seconds(violation.at);
    format!("{} at {secs} s{place}: {}", violation.invariant, violation.what)
}

/// Makes a failing world small and writes it to a file; what was written, or why not.
fn keep(args: &StormArgs, config: &Config, violation: &Violation) -> String {
    note("a world failed; it is made smaller");
    let small = shrink(&Scenario::drawn(config), violation, SHRINK_WITHIN);
    let path = args.keep.display();
    match std::fs::write(&args.keep, small.text()) {
        Ok(()) => format!(
            "{path}: {} events; `ripcord storm --scenario {path}` plays them again",
            small.moves.len()
        ),
        Err(error) => format!("{path}: {error}"),
    }
}

fn told(
    args: &StormArgs,
    totals: &Totals,
    failed: &BTreeMap<u64, Violation>,
    took: Duration,
    kept: Option<String>,
) -> ExitCode {
    let missed = missed(args, totals);
    let code = ExitCode::from(if failed.is_empty() && missed.is_empty() { 0 } else { FAILED });
    if args.json {
        let value: Value = json!({
            "totals": totals, "seconds": took.as_secs_f64(), "violations": failed, "never_seen": missed, "kept": kept,
        });
        return print_and_end(&format!("{value:#}\n"), code);
    }
    let days = totals.seconds / 86_400;
    let faults: u64 = totals.fired.values().sum();
    let per_hour = totals.seconds as f64 / 31_536_000.0 / took.as_secs_f64().max(0.001) * 3_600.0;
    let mut text = format!(
        "{} {}, {} {} {:02}:{:02} h in all, {} steps, {faults} faults in {:.1} s: {per_hour:.1} simulated years an hour\n",
        totals.worlds,
        plural(totals.worlds, "world"),
        days,
        plural(days, "day"),
        totals.seconds / 3_600 % 24,
        totals.seconds / 60 % 60,
        totals.steps,
        took.as_secs_f64()
    );
    text.push_str(&format!("trace {:016x}\n\n", totals.trace));
    text.push_str(&matrix(totals));
    if !missed.is_empty() {
        text.push_str(&format!("\nnever seen, and should have been: {}\n", missed.join(", ")));
    }
    text.push('\n');
    for (seed, violation) in failed {
        text.push_str(&format!("seed {seed}: {}\n", shown(violation)));
    }
    if let Some(kept) = kept {
        text.push_str(&format!("{kept}\n"));
    }
    let bad = failed.len();
    text.push_str(&if bad == 0 {
        "nothing that must not be\n".to_owned()
    } else {
        format!("{bad} of {} {} failed\n", totals.worlds, plural(totals.worlds, "world"))
    });
    print_and_end(&text, code)
}

/// What a storm over all venues, with all faults, must have seen and has not.
fn missed(args: &StormArgs, totals: &Totals) -> Vec<&'static str> {
    let is_large = args.venue.is_none() && !args.swarm && totals.seconds / 86_400 >= SOMETIMES_DAYS;
    let all = if is_large { SOMETIMES } else { &[] };
    all.iter().copied().filter(|word| !totals.seen.contains_key(word)).collect()
}

/// How often each fault happened.
fn matrix(totals: &Totals) -> String {
    let mut text = String::from("fault                 times  model        what\n");
    for kind in FaultKind::ALL {
        let times = totals.fired.get(kind).copied().unwrap_or(0);
        text.push_str(&format!("{:<20} {times:>6}  {:<12} {}\n", kind.word(), kind.model(), kind.what()));
    }
    text
}
