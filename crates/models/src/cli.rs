//! The command: explores what it is asked for, and prints a table.

#![allow(clippy::print_stdout, reason = "a terminal program talks on the terminal")]

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use crate::lives::OrderLives;
use crate::run::{Outcome, Way, explore, explore_lives};
use crate::setup::{Broken, Setup, broken, full, small};
use crate::story::tell;

/// Words after the command.
#[derive(Debug, Default)]
struct Wanted {
    is_full: bool,
    only: Option<String>,
    budget: Option<String>,
    threads: usize,
    states_max: usize,
}

/// States after which an exploration is given up: their fingerprints fill the memory.
const STATES_MAX: usize = 250_000_000;

/// Does what `arguments` ask for.
///
/// # Errors
///
/// When they ask for something that does not exist.
pub fn start(arguments: &[String]) -> Result<ExitCode, String> {
    let wanted = read(arguments)?;
    let models = if wanted.is_full { full() } else { small() };
    let controls = broken();
    let names: Vec<&str> = [LIVES]
        .into_iter()
        .chain(models.iter().map(|one| one.name))
        .chain(controls.iter().map(|one| one.setup.name))
        .collect();
    if let Some(only) = wanted.only.as_deref().filter(|only| !names.contains(only)) {
        return Err(format!("there is no model `{only}`; choose one of: {}", names.join(", ")));
    }
    let is_wanted = |name: &str| wanted.only.as_deref().is_none_or(|only| only == name);
    let mut is_good = true;
    let mut total = (0, 0, 0.0);
    println!(
        "{:<19} {:>11} {:>12} {:>5} {:>9} {:>7}  outcome, bound",
        "model", "unique", "generated", "depth", "healed", "seconds"
    );
    for mut setup in models.into_iter().filter(|one| is_wanted(one.name)) {
        if let Some(budget) = &wanted.budget {
            read_budget(&mut setup, budget)?;
        }
        let outcome =
            watched(setup, Way { threads: wanted.threads, shortest: false, states_max: wanted.states_max });
        row(setup.name, &setup.bound(), &outcome, &said(&outcome));
        is_good &= outcome.holds();
        total.0 += outcome.unique;
        total.1 += outcome.generated;
        total.2 += outcome.took.as_secs_f64();
        if outcome.violated.is_some() {
            story(setup);
        }
    }
    println!("{:<19} {:>11} {:>12} {:>5} {:>9} {:>7.1}", "coordinators", total.0, total.1, "", "", total.2);
    if is_wanted(LIVES) {
        let mut lives = if wanted.is_full { OrderLives::FULL } else { OrderLives::SMALL };
        if let Some(budget) = &wanted.budget {
            read_lives(&mut lives, budget)?;
        }
        is_good &= explored_lives(lives, wanted.threads);
    }
    for control in controls.into_iter().filter(|one| is_wanted(one.setup.name)) {
        is_good &= show(&control, wanted.only.is_some());
    }
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The name of the model of small values.
const LIVES: &str = "lives";

fn explored_lives(model: OrderLives, threads: usize) -> bool {
    let way = Way { threads, shortest: false, states_max: STATES_MAX };
    let outcome = explore_lives(model, way, |so_far| progress(LIVES, so_far));
    end_progress();
    row(LIVES, &model.bound(), &outcome, &said(&outcome));
    if let Some((_, acts)) = &outcome.violated {
        for (number, act) in acts.iter().enumerate() {
            println!("  {:>3}. {act:?}", number + 1);
        }
    }
    outcome.holds()
}

fn read(arguments: &[String]) -> Result<Wanted, String> {
    let mut wanted = Wanted { threads: 2, states_max: STATES_MAX, ..Wanted::default() };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().cloned().ok_or_else(|| format!("{word} needs a value"));
        match word.as_str() {
            "--full" => wanted.is_full = true,
            "--only" => wanted.only = Some(value()?),
            "--budget" => wanted.budget = Some(value()?),
            "--threads" => {
                wanted.threads = value()?.parse().map_err(|_| "--threads needs a number".to_owned())?;
            }
            "--states" => {
                wanted.states_max = value()?.parse().map_err(|_| "--states needs a number".to_owned())?;
            }
            _ => {
                return Err(format!(
                    "there is no option `{word}`; there are --full, --only NAME, --budget NAME=N,.., --threads N and --states N"
                ));
            }
        }
    }
    Ok(wanted)
}

/// Another bound of the small values: `lots=3,orders=2,repeats=1,losses=1`.
fn read_lives(model: &mut OrderLives, text: &str) -> Result<(), String> {
    for part in text.split(',') {
        let wrong = || format!("`{part}` is not one of lots, orders, repeats, losses, and =N");
        let (name, number) = part.split_once('=').ok_or_else(wrong)?;
        let number: u8 = number.parse().map_err(|_| wrong())?;
        match name {
            "lots" => model.qty = i64::from(number),
            "orders" => model.orders = usize::from(number).min(crate::lives::ORDERS_MAX),
            "repeats" => model.repeats = number,
            "losses" => model.losses = number,
            _ => return Err(wrong()),
        }
    }
    Ok(())
}

/// Another bound than the model's own: `losses=1,timers=2`.
fn read_budget(setup: &mut Setup, text: &str) -> Result<(), String> {
    setup.budget = crate::setup::Budget::default();
    for part in text.split(',') {
        let (name, number) = part.split_once('=').ok_or_else(|| format!("`{part}` is not NAME=N"))?;
        let number: u8 = number.parse().map_err(|_| format!("`{part}` is not NAME=N"))?;
        match name {
            "prices" => setup.prices = &setup.prices[..usize::from(number).min(setup.prices.len())],
            _ => {
                *setup.budget.named(name).ok_or_else(|| format!("there is no budget `{name}`"))? = number;
            }
        }
    }
    Ok(())
}

/// Explores, and says how far it is where somebody looks.
fn watched(setup: Setup, way: Way) -> Outcome {
    let outcome = explore(setup, way, |so_far| progress(setup.name, so_far));
    end_progress();
    outcome
}

fn progress<A>(name: &str, so_far: &Outcome<A>) {
    let mut screen = std::io::stderr();
    if screen.is_terminal() {
        let rate = so_far.unique as f64 / so_far.took.as_secs_f64();
        // A terminal that is gone is no reason to stop.
        write!(screen, "\r\x1b[K{name} {} states, {rate:.0}/s", so_far.unique).ok();
        screen.flush().ok();
    }
}

fn end_progress() {
    let mut screen = std::io::stderr();
    if screen.is_terminal() {
        write!(screen, "\r\x1b[K").ok();
    }
}

fn row<A>(name: &str, bound: &str, outcome: &Outcome<A>, said: &str) {
    println!(
        "{name:<19} {:>11} {:>12} {:>5} {:>9} {:>7.1}  {said}; {bound}",
        outcome.unique,
        outcome.generated,
        outcome.depth,
        outcome.healed,
        outcome.took.as_secs_f64(),
    );
}

fn said<A>(outcome: &Outcome<A>) -> String {
    match &outcome.violated {
        Some((property, _)) => format!("VIOLATED: {property}"),
        None if outcome.is_whole => "holds".to_owned(),
        None => "GIVEN UP, not explored to the end".to_owned(),
    }
}

/// The shortest way to what a model shows.
fn story(setup: Setup) {
    let way = Way { threads: 1, shortest: true, states_max: 3_000_000 };
    match watched(setup, way).violated {
        Some((_, acts)) => print_story(setup, &acts),
        None => println!("  its shortest path is beyond the memory; bounds that are smaller may show it"),
    }
}

fn print_story(setup: Setup, acts: &[crate::model::Act]) {
    for line in tell(&crate::model::Exits::new(setup), acts) {
        println!("  {line}");
    }
}

/// A negative control: it must be found.
fn show(control: &Broken, tells: bool) -> bool {
    let outcome = watched(control.setup, Way { threads: 1, shortest: true, states_max: 3_000_000 });
    let is_found = control.is_found(&outcome);
    let said = match (is_found, &outcome.violated) {
        (true, Some((property, acts))) => format!("found in {} steps: not \"{property}\"", acts.len()),
        _ => format!("NOT FOUND: {}", control.violates.property()),
    };
    row(control.setup.name, &control.setup.bound(), &outcome, &format!("{}: {said}", control.what));
    if let (true, Some((_, acts))) = (tells, &outcome.violated) {
        print_story(control.setup, acts);
    }
    is_found
}
