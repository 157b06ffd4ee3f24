//! Searches for planted bugs, or looks again at the worlds that are known to show them.
//!
//! `cargo xtask bugs` builds and starts it.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a terminal program talks on the terminal")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use rayon::prelude::*;
use ripcord_storm::bugs::{
    BUGS, Bug, Found, Known, World, known, look, replay, search, shrunk, story, written,
};

/// So many of a hundred must be found.
const SHARE_MIN: usize = 99;

/// A world of so few moves can be read.
const SMALL: usize = 30;

/// So much of a world is told.
const TOLD: usize = 400;

/// What was asked for.
#[derive(Debug, Default)]
struct Asked {
    only: Vec<u16>,
    seconds: Option<u64>,
    replays: bool,
    /// Known worlds are written to this file.
    record: Option<String>,
    /// What happened in this world, with the bug that was named, is told.
    tell: Option<u64>,
    /// So many worlds are looked at without a bug.
    fair: Option<u64>,
    /// Known worlds are made smaller, for so many seconds each.
    shrink: Option<u64>,
    /// Only bugs of which no world is known.
    unknown: bool,
}

fn asked(mut words: impl Iterator<Item = String>) -> Result<Asked, String> {
    let mut asked = Asked::default();
    while let Some(word) = words.next() {
        let mut number = || words.next().and_then(|it| it.parse::<u64>().ok());
        match word.as_str() {
            "--only" => {
                let only = number().and_then(|it| u16::try_from(it).ok());
                asked.only.push(only.filter(|it| is_planted(*it)).ok_or("--only wants the number of a bug")?);
            }
            "--minutes" => asked.seconds = Some(60 * number().ok_or("--minutes wants a number")?),
            "--seconds" => asked.seconds = Some(number().ok_or("--seconds wants a number")?),
            "--tell" => asked.tell = Some(number().ok_or("--tell wants the number of a world")?),
            "--fair" => asked.fair = Some(number().ok_or("--fair wants a number of worlds")?),
            "--shrink" => asked.shrink = Some(number().ok_or("--shrink wants seconds")?),
            "--replay" => asked.replays = true,
            "--unknown" => asked.unknown = true,
            "--record" => asked.record = Some(words.next().ok_or("--record wants a file")?),
            other => {
                return Err(format!(
                    "`{other}` is not known: [--only N] [--minutes M] [--unknown] [--replay] [--shrink S]"
                ));
            }
        }
    }
    Ok(asked)
}

fn is_planted(number: u16) -> bool {
    BUGS.iter().any(|bug| bug.number == number)
}

fn main() -> ExitCode {
    let asked = match asked(std::env::args().skip(1)) {
        Ok(asked) => asked,
        Err(text) => {
            eprintln!("{text}");
            return ExitCode::FAILURE;
        }
    };
    // What an engine with a bug says when it stops is told in the table.
    std::panic::set_hook(Box::new(|_| {}));
    if let Some(n) = asked.tell {
        let bug = asked.only.first().copied().unwrap_or(0);
        story(bug, World::nth(n), TOLD).iter().for_each(|line| println!("{line}"));
        return ExitCode::SUCCESS;
    }
    if let Some(worlds) = asked.fair {
        return fair(worlds);
    }
    let known = known();
    let wanted = |bug: &&Bug| {
        let is_known = known.iter().any(|it| it.number == bug.number);
        let is_named = asked.only.is_empty() || asked.only.contains(&bug.number);
        let is_wanted = if is_known { !asked.unknown } else { !asked.replays };
        is_named && is_wanted
    };
    let wanted: Vec<Bug> = BUGS.iter().filter(wanted).copied().collect();
    if let Some(seconds) = asked.shrink {
        return shrink_known(&wanted, Duration::from_secs(seconds));
    }
    let most = Duration::from_secs(asked.seconds.unwrap_or(600));
    let started = Instant::now();
    let one = |bug: &Bug| {
        let found = if asked.replays { replay(*bug) } else { search(*bug, most) };
        tell(&found);
        found
    };
    let found: Vec<Found> = wanted.par_iter().with_max_len(1).map(one).collect();
    if let Some(file) = &asked.record
        && let Err(why) = std::fs::write(file, written(&joined(&known, &found)))
    {
        eprintln!("{file} cannot be written: {why}");
        return ExitCode::FAILURE;
    }
    // What is known to be shown is shown, all of it.
    let least = if asked.replays { 100 } else { SHARE_MIN };
    verdict(&found, least, started.elapsed())
}

/// How small the known worlds become.
fn shrink_known(wanted: &[Bug], within: Duration) -> ExitCode {
    let one = |bug: &Bug| {
        let (before, after) = shrunk(*bug, within)?;
        println!("{:>4}  {:<26} {before:>6} -> {after:>5}", bug.number, bug.word);
        Some(after)
    };
    let sizes: Vec<usize> = wanted.par_iter().with_max_len(1).filter_map(one).collect();
    let small = sizes.iter().filter(|&&size| size <= SMALL).count();
    let largest = sizes.iter().max().copied().unwrap_or(0);
    println!("{small} of {} worlds have {SMALL} moves or fewer; the largest has {largest}", sizes.len());
    if sizes.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// What is known now: what was found takes the place of what was known.
fn joined(known: &[Known], found: &[Found]) -> Vec<Known> {
    let is_planted = |known: &&Known| BUGS.iter().any(|bug| bug.number == known.number);
    let mut all: Vec<Known> = known.iter().filter(is_planted).cloned().collect();
    for one in found {
        if let Some((world, invariant, _)) = &one.by {
            all.retain(|it| it.number != one.bug.number);
            all.push(Known { number: one.bug.number, world: *world, invariant: invariant.clone() });
        }
    }
    all.sort_by_key(|it| it.number);
    all
}

/// Worlds that are not fair without a bug say nothing of one: there should be none.
fn fair(worlds: u64) -> ExitCode {
    let unfair = (0..worlds).into_par_iter().filter_map(|n| Some((n, look(0, World::nth(n))?)));
    let unfair: Vec<_> = unfair.collect();
    for (n, (invariant, what)) in &unfair {
        println!("world {n} without a bug: {invariant} {what}");
    }
    println!("{} of {worlds} worlds are not fair without a bug", unfair.len());
    if unfair.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn tell(found: &Found) {
    let Found { bug, by, worlds, took } = found;
    let head = format!("{:>4}  {:<26} {:>7.1} s {worlds:>5}", bug.number, bug.word, took.as_secs_f64());
    match by {
        Some((world, invariant, what)) => {
            let venue = world.venue.map_or("any", ripcord_storm::VenueKind::word);
            let what: String = what.lines().next().unwrap_or_default().chars().take(90).collect();
            println!("{head}  {venue} {:<5} {invariant:<6} {what}", world.seed);
        }
        None => println!("{head}  NOT FOUND: {} ({})", bug.what, bug.breaks),
    }
}

fn verdict(found: &[Found], least: usize, took: Duration) -> ExitCode {
    let missed: Vec<&Found> = found.iter().filter(|one| one.by.is_none()).collect();
    let hits = found.len() - missed.len();
    for one in &missed {
        println!("missed: {} {}: {}", one.bug.number, one.bug.word, one.bug.what);
    }
    println!("{hits} of {} found, {} missed, {:.1} s", found.len(), missed.len(), took.as_secs_f64());
    let is_enough = !found.is_empty() && hits * 100 >= found.len() * least;
    if is_enough { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
