//! `cargo xtask test` (and `ci`): everything a build server checks, in the order of cheapness.
//!
//! Stops at the first failing step; within the test step every test runs, so that one run shows all that fails.

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use crate::tally::{self, Runner, Tally};
use crate::{Outcome, bugs, fuzz, term, tidy, tools};

struct Step {
    name: &'static str,
    /// The cargo component it needs, and how to get it.
    needs: Option<(&'static str, &'static str)>,
    work: Work,
    /// What mends the usual failure.
    hint: &'static str,
}

enum Work {
    /// The checks of [`crate::tidy`], in this process.
    Tidy,
    /// One cargo command, with environment variables of its own.
    Cargo { arguments: &'static [&'static str], environment: &'static [(&'static str, &'static str)] },
    /// Unit, integration and doc tests, counted.
    Tests,
    /// Worlds of a day with an engine that is optimised, and each planted bug in the world that shows it.
    Storm,
    /// Each fuzz target for a while.
    Fuzz,
}

const STEPS: &[Step] = &[
    Step {
        name: "format",
        needs: Some(("fmt", "rustup component add rustfmt")),
        work: Work::Cargo { arguments: &["fmt", "--all", "--check"], environment: &[] },
        hint: "`cargo fmt --all` writes the form that is wanted",
    },
    Step { name: "tidy", needs: None, work: Work::Tidy, hint: "each line above says what to do" },
    Step {
        name: "clippy",
        needs: Some(("clippy", "rustup component add clippy")),
        work: Work::Cargo {
            arguments: &["clippy", "--workspace", "--all-targets", LOCKED, "--", "-D", "warnings"],
            environment: &[],
        },
        hint: "a lint that is wrong here is allowed at its place: #[allow(the_lint, reason = \"..\")]",
    },
    Step {
        name: "docs",
        needs: None,
        work: Work::Cargo {
            arguments: &["doc", "--workspace", "--no-deps", LOCKED],
            environment: &[("RUSTDOCFLAGS", "-D warnings")],
        },
        hint: "most often a link in a doc comment that leads nowhere",
    },
    Step {
        name: "tests",
        needs: None,
        work: Work::Tests,
        hint: "one test alone: `cargo test -p CRATE PART_OF_ITS_NAME`",
    },
    Step {
        name: "storm",
        needs: None,
        work: Work::Storm,
        hint: "a world: `ripcord storm --seed N`; worlds of bugs move when the engine does: `cargo xtask bugs --record`",
    },
    Step {
        name: "fuzz",
        needs: None,
        work: Work::Fuzz,
        hint: "the lines above say how the input is played again",
    },
];

/// Each fuzz target runs for so many seconds.
const FUZZ_SECONDS: u64 = 15;

/// Stands for `--locked` on a build server, and for nothing elsewhere.
const LOCKED: &str = "--locked";

const NEXTEST: &[&str] = &["nextest", "run", "--workspace", "--no-fail-fast", LOCKED];
/// `--tests` leaves the doc tests out: they have a run of their own.
const LIBTEST: &[&str] = &["test", "--workspace", "--tests", "--no-fail-fast", LOCKED];
const DOCTEST: &[&str] = &["test", "--doc", "--workspace", "--no-fail-fast", LOCKED];

pub(crate) fn step_names() -> Vec<&'static str> {
    STEPS.iter().map(|step| step.name).collect()
}

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let steps = choose(arguments)?;
    let started = Instant::now();
    let mut counted = None;
    for (at, step) in steps.iter().enumerate() {
        let number = format!("[{}/{}] {}", at + 1, steps.len(), step.name);
        if let Some((component, remedy)) = step.needs
            && !tools::has_subcommand(component)
        {
            return Err(format!("{number}: cargo {component} is not installed: {remedy}"));
        }
        let step_started = Instant::now();
        match perform(step, &number) {
            Ok(tally) => counted = tally.or(counted),
            Err(why) => {
                eprintln!(
                    "\n{} {why}",
                    term::red(&format!("{number} failed after {}:", took(step_started.elapsed())))
                );
                eprintln!("  try:  {}", step.hint);
                eprintln!("  this step alone:  cargo xtask test {}", step.name);
                return Ok(ExitCode::FAILURE);
            }
        }
        eprintln!("{} {}", term::green(&format!("{number} ok,")), took(step_started.elapsed()));
    }
    eprintln!("\n{} {}", term::green("all steps ok,"), took(started.elapsed()));
    if let Some(tally) = counted {
        println!("{} passed, {} failed", tally.passed, tally.failed);
    }
    Ok(ExitCode::SUCCESS)
}

fn choose(names: &[String]) -> Result<Vec<&'static Step>, String> {
    if let Some(unknown) = names.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        return Err(format!("there is no step `{unknown}`; choose from: {}", step_names().join(", ")));
    }
    Ok(STEPS.iter().filter(|step| names.is_empty() || names.iter().any(|name| name == step.name)).collect())
}

fn perform(step: &Step, number: &str) -> Result<Option<Tally>, String> {
    match step.work {
        Work::Tidy => {
            eprintln!("\n{} cargo xtask tidy", term::bold(number));
            if tidy::report()? { Ok(None) } else { Err("the tree is not tidy".to_owned()) }
        }
        Work::Cargo { arguments, environment } => {
            let (mut command, shown) = prepare(arguments, environment);
            eprintln!("\n{} {shown}", term::bold(number));
            let status = command.status().map_err(|error| tools::not_started(&error))?;
            if status.success() { Ok(None) } else { Err(format!("`{shown}` ended with {status}")) }
        }
        Work::Tests => {
            let (suite, runner) = match tools::has_subcommand("nextest") {
                true => (NEXTEST, Runner::Nextest),
                false => (LIBTEST, Runner::Libtest),
            };
            let mut tally = count(suite, runner, number)?;
            tally.add(count(DOCTEST, Runner::Libtest, number)?);
            if tally.passed == 0 {
                return Err(
                    "no test was counted: none ran, or the runner's summary has a new form".to_owned()
                );
            }
            Ok(Some(tally))
        }
        Work::Fuzz => {
            eprintln!("\n{} cargo xtask fuzz --seconds {FUZZ_SECONDS}", term::bold(number));
            if fuzz::check(FUZZ_SECONDS)? { Ok(None) } else { Err("an input breaks something".to_owned()) }
        }
        Work::Storm => {
            eprintln!("\n{} two hundred worlds of a day", term::bold(number));
            let days = bugs::run(&["--days".to_owned()])?;
            eprintln!("\n{} cargo xtask bugs --replay", term::bold(number));
            let bugs = bugs::run(&["--replay".to_owned()])?;
            match (days == ExitCode::SUCCESS, bugs == ExitCode::SUCCESS) {
                (true, true) => Ok(None),
                (false, _) => Err("a world saw what must not be".to_owned()),
                (_, false) => Err("not every planted bug was found".to_owned()),
            }
        }
    }
}

/// Runs one test command and counts; an error unless every test passed.
fn count(arguments: &[&str], runner: Runner, number: &str) -> Result<Tally, String> {
    let (mut command, shown) = prepare(arguments, &[]);
    eprintln!("\n{} {shown}", term::bold(number));
    let (status, tally) = tally::stream(&mut command, runner).map_err(|error| tools::not_started(&error))?;
    match (status.success(), tally.failed) {
        (true, 0) => Ok(tally),
        (_, 0) => Err(format!("`{shown}` ended with {status}; tests passed: {}", tally.passed)),
        (_, failed) => Err(format!("tests failed: {failed}, passed: {}, in `{shown}`", tally.passed)),
    }
}

/// The command, and the line that would do the same in a shell.
fn prepare(arguments: &[&str], environment: &[(&str, &str)]) -> (Command, String) {
    let arguments: Vec<&str> =
        arguments.iter().copied().filter(|word| *word != LOCKED || tools::is_ci()).collect();
    let mut command = tools::cargo(&arguments);
    command.current_dir(tools::root()).envs(environment.iter().copied());
    // The test runner writes into our pipe and cannot see the terminal behind it.
    if std::env::var_os("CARGO_TERM_COLOR").is_none() {
        command.env("CARGO_TERM_COLOR", if term::has_colour() { "always" } else { "never" });
    }
    if !term::has_colour() {
        // rustfmt colours its diff wherever TERM allows it.
        command.env("TERM", "dumb");
    }
    let mut shown: Vec<String> =
        environment.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
    shown.push(format!("cargo {}", arguments.join(" ")));
    (command, shown.join(" "))
}

fn took(time: Duration) -> String {
    let seconds = time.as_secs();
    if seconds < 60 {
        format!("{seconds}.{} s", time.subsec_millis() / 100)
    } else {
        format!("{} min {} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_run_in_their_own_order_whatever_order_they_are_named_in() {
        let chosen = choose(&["tests".to_owned(), "format".to_owned()]).expect("both exist");
        assert_eq!(chosen.iter().map(|step| step.name).collect::<Vec<_>>(), ["format", "tests"]);
        let all = choose(&[]).expect("no name means all");
        assert_eq!(all.iter().map(|step| step.name).collect::<Vec<_>>(), step_names());
    }

    #[test]
    fn an_unknown_step_lists_what_exists() {
        let text = choose(&["lint".to_owned()]).err().expect("lint does not exist");
        assert!(
            text.contains("lint") && text.contains("format, tidy, clippy, docs, tests, storm, fuzz"),
            "{text}"
        );
    }

    #[test]
    fn times_are_read_at_a_glance() {
        assert_eq!(took(Duration::from_millis(1_260)), "1.2 s");
        assert_eq!(took(Duration::from_secs(125)), "2 min 5 s");
    }
}
