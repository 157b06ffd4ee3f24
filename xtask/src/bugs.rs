//! `cargo xtask bugs`: whether the fault simulator finds the bugs that are planted in the engine.
//!
//! The engine with bugs is built in a folder of its own, so that nothing of it gets into any other build.

use std::process::ExitCode;

use crate::{Outcome, tools};

/// Where the engine with bugs is built, and nothing else.
const FOLDER: &str = "target/planted";
/// Where the worlds are written that are known to show a bug.
const KNOWN: &str = "crates/storm/src/bugs/known.txt";

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let root = tools::root();
    // The tests of the worlds, with the engine that can have bugs and has none.
    for (word, tests) in [("--test", &["--lib"][..]), ("--days", &["--lib", "--test", "storm"])] {
        if arguments.iter().any(|argument| argument == word) {
            let tested = tools::cargo(&build("test")).args(tests).current_dir(&root).status();
            return ended(tested);
        }
    }
    let mut cargo = tools::cargo(&build("run"));
    cargo.args(["--quiet", "--bin", "bugs", "--"]).current_dir(&root);
    for argument in arguments {
        cargo.arg(argument);
        if argument == "--record" {
            cargo.arg(KNOWN);
        }
    }
    ended(cargo.status())
}

/// The words of a cargo command on the engine with bugs.
fn build(command: &'static str) -> [&'static str; 9] {
    let features = ["--package", "ripcord-storm", "--features", "planted", "--profile", "planted"];
    let [package, storm, with, planted, profile, fast] = features;
    [command, package, storm, with, planted, profile, fast, "--target-dir", FOLDER]
}

fn ended(status: std::io::Result<std::process::ExitStatus>) -> Outcome {
    let status = status.map_err(|error| tools::not_started(&error))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(ExitCode::from(code))
}
