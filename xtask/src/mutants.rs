//! `cargo xtask mutants`: how many small faults in the safety core the tests notice.
//!
//! cargo-mutants changes one place at a time and runs the tests; `.cargo/mutants.toml` names the files, the
//! tests and the times. It is installed into `target/tools` when it is missing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::{Outcome, term, tools};

const VERSION: &str = "27.1.0";

pub(crate) fn run(arguments: &[String]) -> Outcome {
    if !tools::has_subcommand("nextest") {
        return Err(
            "cargo-nextest runs the tests of each mutant: cargo install cargo-nextest --locked".to_owned()
        );
    }
    let program = installed()?;
    let root = tools::root();
    let out = root.join("target/mutants");
    // Copies of the tree are made here, and not where other programs' files are.
    let copies = root.join("target/mutants-copies");
    for folder in [&out, &copies] {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let mut command = Command::new(program);
    command.arg("mutants").current_dir(&root).env("TMPDIR", &copies).arg("--output").arg(&out);
    command.args(["--package", "ripcord-core", "--no-shuffle", "--colors=never"]);
    command.args(words(arguments)?);
    // What it ends with is told by the files that it leaves.
    let status = command.status().map_err(|error| format!("cargo-mutants could not be started: {error}"))?;
    let lists = out.join("mutants.out");
    let Some(score) = Score::read(&lists) else {
        return Err(format!("cargo-mutants ended with {status} and left no lists in {}", lists.display()));
    };
    for missed in &score.missed {
        println!("missed: {missed}");
    }
    println!("{}", score.line());
    let is_good = score.missed.is_empty() && score.caught > 0;
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is handed on. cargo-mutants adds a file that is named to those of the configuration; here it is the
/// only one.
fn words(arguments: &[String]) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut given = arguments.iter();
    while let Some(word) = given.next() {
        let value = given.next().ok_or_else(|| format!("`{word}` needs a value; see `cargo xtask help`"))?;
        match word.as_str() {
            "--file" => words.extend(["--re".to_owned(), format!("^{}:", value.replace('.', "[.]"))]),
            // Each shard is a sample of all files.
            "--shard" => {
                words.extend([word.clone(), value.clone(), "--sharding=round-robin".to_owned()]);
            }
            _ => return Err(format!("`{word}` is not known; mutants takes --shard K/N and --file PATH")),
        }
    }
    Ok(words)
}

/// The path of cargo-mutants: the one in the tree's tools, else the one in the path, else a new one.
fn installed() -> Result<PathBuf, String> {
    let tools = tools::root().join("target/tools");
    let own = tools.join("bin").join(format!("cargo-mutants{}", std::env::consts::EXE_SUFFIX));
    if own.is_file() {
        return Ok(own);
    }
    eprintln!(
        "{} cargo-mutants {VERSION} into target/tools; this takes some minutes, once",
        term::bold("installing")
    );
    let status = tools::cargo(&["install", "cargo-mutants", "--version", VERSION, "--locked", "--root"])
        .arg(&tools)
        .status()
        .map_err(|error| tools::not_started(&error))?;
    if status.success() { Ok(own) } else { Err(format!("cargo-mutants was not installed: {status}")) }
}

/// What became of the mutants. One that makes the tests hang counts as caught; one that does not compile is none.
#[derive(Debug, Default, PartialEq, Eq)]
struct Score {
    caught: usize,
    timed_out: usize,
    unviable: usize,
    missed: Vec<String>,
}

impl Score {
    fn read(folder: &Path) -> Option<Self> {
        let list = |name: &str| fs::read_to_string(folder.join(name)).ok();
        let count = |name: &str| list(name).map(|text| text.lines().count());
        Some(Self {
            caught: count("caught.txt")?,
            timed_out: count("timeout.txt")?,
            unviable: count("unviable.txt")?,
            missed: list("missed.txt")?.lines().map(str::to_owned).collect(),
        })
    }

    fn line(&self) -> String {
        let caught = self.caught + self.timed_out;
        let viable = caught + self.missed.len();
        let permille = (caught * 1_000).checked_div(viable).unwrap_or(0);
        format!(
            "{caught} of {viable} viable mutants caught ({}.{} %), {} of them by a time-out; {} did not compile",
            permille / 10,
            permille % 10,
            self.timed_out,
            self.unviable
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_named_is_the_only_one() {
        let words = |text: &str| words(&text.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
        let wanted = Ok(vec!["--re".to_owned(), "^crates/core/src/gate[.]rs:".to_owned()]);
        assert_eq!(words("--file crates/core/src/gate.rs"), wanted);
        let sample = ["--shard", "1/4", "--sharding=round-robin"].map(str::to_owned);
        assert_eq!(words("--shard 1/4"), Ok(sample.to_vec()));
        assert!(words("--in-diff x").is_err() && words("--file").is_err());
    }

    #[test]
    fn the_score_is_of_those_that_compile() {
        let score =
            Score { caught: 9, timed_out: 1, unviable: 5, missed: vec!["a".to_owned(), "b".to_owned()] };
        assert_eq!(
            score.line(),
            "10 of 12 viable mutants caught (83.3 %), 1 of them by a time-out; 5 did not compile"
        );
        assert_eq!(
            Score::default().line(),
            "0 of 0 viable mutants caught (0.0 %), 0 of them by a time-out; 0 did not compile"
        );
    }
}
