//! Kills engines beside a venue that outlives them: `ripcord-kill --ripcord FILE [--kills N] [--seed S] [--jobs J]`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a terminal program talks on the terminal")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use ripcord_kill::judge::{Limits, judge};
use ripcord_kill::told::Total;
use ripcord_kill::world::{CLOSED_WITHIN, WorldConfig, live};

/// Kills of one world; then another one begins, with a new venue and an empty store.
const WORLD: u32 = 100;

struct Options {
    ripcord: PathBuf,
    kills: u32,
    seed: u64,
    jobs: u32,
    kills_of_world: u32,
    /// Files of every world are kept.
    keeps: bool,
}

fn main() -> ExitCode {
    match options().and_then(|options| run(&options)) {
        Ok(code) => code,
        Err(why) => {
            eprintln!("ripcord-kill: {why}");
            ExitCode::from(2)
        }
    }
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        ripcord: PathBuf::new(),
        kills: 200,
        seed: 7,
        jobs: 2,
        kills_of_world: WORLD,
        keeps: false,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        let number = || value.parse::<u32>().map_err(|_| format!("{name} is {value}; give a whole number"));
        match name.as_str() {
            "--ripcord" => options.ripcord = PathBuf::from(&value),
            "--kills" => options.kills = number()?.max(1),
            "--seed" => options.seed = u64::from(number()?),
            "--jobs" => options.jobs = number()?.clamp(1, 64),
            "--keep" => options.keeps = number()? > 0,
            "--world" => options.kills_of_world = number()?.max(1),
            _ => {
                return Err(format!(
                    "{name} is unknown; there are --ripcord, --kills, --seed, --jobs, --world, --keep"
                ));
            }
        }
    }
    if options.ripcord.as_os_str().is_empty() {
        return Err("give --ripcord FILE, or use `cargo xtask kill`".to_owned());
    }
    Ok(options)
}

fn run(options: &Options) -> Result<ExitCode, String> {
    let worlds = options.kills.div_ceil(options.kills_of_world);
    let (next, total, began) = (AtomicU32::new(0), Mutex::new(Total::default()), Instant::now());
    let faults: Mutex<Vec<String>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.min(worlds) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= worlds {
                        return;
                    }
                    if let Err(why) = one(options, number, &total) {
                        faults.lock().expect("no thread panics with it").push(why);
                        return;
                    }
                    let kills = total.lock().expect("no thread panics with it").kills;
                    eprint!("\r{kills} of {} kills, {} s ", options.kills, began.elapsed().as_secs());
                }
            });
        }
    });
    let total = total.into_inner().expect("no thread panics with it");
    let (seed, took) = (options.seed, began.elapsed().as_secs_f64());
    println!("\nseed {seed}, {worlds} worlds, {took:.0} s, {:.2} kills a second", total.kills as f64 / took);
    print!("{}", total.text(&Limits::PROMISED));
    let faults = faults.into_inner().expect("no thread panics with it");
    if !faults.is_empty() {
        return Err(faults.join("\n"));
    }
    let is_sound = total.verdict.violations.is_empty();
    Ok(if is_sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One world; the files of one in which something is wrong are kept.
fn one(options: &Options, number: u32, total: &Mutex<Total>) -> Result<(), String> {
    let folder =
        tempfile::Builder::new().prefix("ripcord-kill-").tempdir().map_err(|error| error.to_string())?;
    let left = options.kills - number * options.kills_of_world;
    let config = WorldConfig {
        ripcord: options.ripcord.clone(),
        kills: left.min(options.kills_of_world),
        // Worlds of one run have seeds of their own; `--kills 100 --seed S` repeats one of them.
        seed: options.seed + u64::from(number),
        is_forgetful: false,
        closed_within: CLOSED_WITHIN,
        folder: folder.path().to_owned(),
    };
    let lived = live(&config)?;
    let verdict = judge(&lived.account, &Limits::PROMISED);
    if options.keeps || !verdict.violations.is_empty() || !lived.faults.is_empty() {
        eprintln!("\nseed {}: kept in {}", lived.seed, folder.keep().display());
    }
    total.lock().expect("no thread panics with it").add(&lived, verdict);
    Ok(())
}
