//! The chores of this repository, written in Rust so that they need nothing but the toolchain.
//!
//! `cargo xtask help` lists them. A command is one row in [`COMMANDS`] and one file beside this one.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a terminal program talks on the terminal")]

mod bench;
mod bugs;
mod cases;
mod ci;
mod fuzz;
mod kill;
mod models;
mod mutants;
mod run;
mod tally;
mod term;
mod tidy;
mod tools;

use std::process::ExitCode;

/// What a command ends with: an exit code, or a text that says what is wrong and what to do.
type Outcome = Result<ExitCode, String>;

struct Command {
    name: &'static str,
    arguments: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Outcome,
}

const COMMANDS: &[Command] = &[
    Command {
        name: "run",
        arguments: "[ARGS..]",
        about: "build ripcord (release) and start `ripcord run ARGS`; Ctrl-C stops it",
        run: run::run,
    },
    Command {
        name: "test",
        arguments: "[STEP..]",
        about: "everything CI checks: format, tidy, clippy, docs, tests; or only the steps named",
        run: ci::run,
    },
    Command { name: "ci", arguments: "[STEP..]", about: "the same as test", run: ci::run },
    Command {
        name: "bench",
        arguments: "[NAME] [ARGS..]",
        about: "the speed figures of the README: j1, j3, read, journal; without a name, all of them",
        run: bench::run,
    },
    Command {
        name: "cases",
        arguments: "[DIR] [--json]",
        about: "known numeric cases of exit behaviour (*.json of DIR) through the real core",
        run: cases::run,
    },
    Command {
        name: "kill",
        arguments: "[--kills N] [--seed S] [--jobs J] [--release]",
        about: "kill engines beside a venue that outlives them, and judge them by its account",
        run: kill::run,
    },
    Command {
        name: "models",
        arguments: "[--full] [--only NAME]",
        about: "every order of what may happen between the core and a venue, to the end; broken ones must be found",
        run: models::run,
    },
    Command {
        name: "fuzz",
        arguments: "[--seconds N] [--seed N] [--only NAME] [--input FILE]",
        about: "every fuzz target for 15 s (0: what is committed, once), or one input of one",
        run: fuzz::run,
    },
    Command {
        name: "mutants",
        arguments: "[--shard K/N] [--file PATH]",
        about: "mutation testing of the safety core, and its score",
        run: mutants::run,
    },
    Command {
        name: "bugs",
        arguments: "[--replay] [..]",
        about: "bugs planted in the engine, and whether the storm finds each; --only N, --minutes M, --unknown, --record, --fair N",
        run: bugs::run,
    },
    Command {
        name: "tidy",
        arguments: "",
        about: "sizes, banned words, links, white space: what no compiler checks",
        run: tidy::run,
    },
    Command { name: "help", arguments: "", about: "this list", run: help },
];

fn main() -> ExitCode {
    if let Some(code) = fuzz::compiler::in_its_place() {
        return code;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (name, rest) = match arguments.split_first() {
        None => ("help", &[][..]),
        Some((first, _)) if first == "-h" || first == "--help" => ("help", &[][..]),
        Some((first, rest)) => (first.as_str(), rest),
    };
    let outcome = match COMMANDS.iter().find(|command| command.name == name) {
        Some(command) if command.arguments.is_empty() && !rest.is_empty() => {
            Err(format!("`{name}` takes no arguments; leave out: {}", rest.join(" ")))
        }
        Some(command) => (command.run)(rest),
        None => Err(format!("there is no command `{name}`; choose one of: {}", command_names().join(", "))),
    };
    outcome.unwrap_or_else(|text| {
        eprintln!("{} {text}", term::red("error:"));
        ExitCode::FAILURE
    })
}

/// Every name that may follow `cargo xtask`.
fn command_names() -> Vec<&'static str> {
    COMMANDS.iter().map(|command| command.name).collect()
}

fn help(_: &[String]) -> Outcome {
    println!("cargo xtask COMMAND\n");
    for command in COMMANDS {
        let head = format!("{} {}", command.name, command.arguments);
        println!("  {head:<22}{}", command.about);
    }
    println!("\nbench: {}", bench::NAMES.join(", "));
    println!("steps of test: {}", ci::step_names().join(", "));
    println!("NO_COLOR=1 turns colours off; CI=true holds Cargo.lock fixed.");
    Ok(ExitCode::SUCCESS)
}
