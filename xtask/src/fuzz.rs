//! `cargo xtask fuzz`: builds the fuzz targets and lets each run for a while.
//!
//! The flags are those of cargo-fuzz without a sanitizer, which the stable compiler takes; [`compiler`] gives
//! them to our crates and to those that read bytes, and leaves every other library as it is. What is found new
//! goes to `target/fuzz`; what stands in `fuzz/corpus` is written by hand.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::{Outcome, term, tools};

pub(crate) mod compiler;

const SECONDS: u64 = 15;
/// What libFuzzer draws from in `cargo xtask test`: two builds of the same code try the same inputs first.
const CHECK_SEED: u32 = 1;
/// An input that takes longer hangs.
const INPUT_SECONDS: u64 = 10;
/// What the process may hold with its corpus; each input has a limit of its own, see `fuzz/targets/memory.rs`.
const RSS_MB: u64 = 1_024;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    seconds: u64,
    only: Option<String>,
    input: Option<PathBuf>,
    /// Another one each time without it.
    seed: Option<u32>,
}

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let wanted = wanted(arguments)?;
    let all = targets()?;
    let chosen: Vec<&String> =
        all.iter().filter(|name| wanted.only.as_ref().is_none_or(|only| only == *name)).collect();
    if chosen.is_empty() {
        let only = wanted.only.unwrap_or_default();
        return Err(format!("there is no fuzz target `{only}`; choose one of: {}", all.join(", ")));
    }
    build()?;
    if let Some(input) = wanted.input {
        return reproduce(chosen[0], &input);
    }
    Ok(if fuzz(&chosen, wanted.seconds, wanted.seed)? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds, and runs every target for so long. Whether nothing was found; without a C++ compiler nothing is looked at,
/// and that is said; a build server must have one.
pub(crate) fn check(seconds: u64) -> Result<bool, String> {
    if let (Err(why), false) = (needs_cxx(), tools::is_ci()) {
        eprintln!("{} {why}", term::red("skipped:"));
        return Ok(true);
    }
    build()?;
    let all = targets()?;
    fuzz(&all.iter().collect::<Vec<_>>(), seconds, Some(CHECK_SEED))
}

fn wanted(arguments: &[String]) -> Result<Wanted, String> {
    let mut wanted = Wanted { seconds: SECONDS, only: None, input: None, seed: None };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("`{word}` needs a value; see `cargo xtask help`"))?;
        match word.as_str() {
            "--seconds" => {
                wanted.seconds =
                    value.parse().map_err(|_| format!("--seconds is `{value}`; it is a whole number"))?;
            }
            "--seed" => {
                let seed = value.parse().ok().filter(|&seed| seed > 0);
                wanted.seed =
                    Some(seed.ok_or_else(|| format!("--seed is `{value}`; it is a whole number from 1"))?);
            }
            "--only" => wanted.only = Some(value.clone()),
            "--input" => wanted.input = Some(PathBuf::from(value)),
            _ => {
                return Err(format!(
                    "`{word}` is not known; fuzz takes --seconds N, --only NAME, --input FILE, --seed N"
                ));
            }
        }
    }
    if wanted.input.is_some() && wanted.only.is_none() {
        return Err("--input needs --only NAME: which target is it for?".to_owned());
    }
    Ok(wanted)
}

/// The targets, by their folders of inputs.
fn targets() -> Result<Vec<String>, String> {
    let folder = tools::root().join("fuzz/corpus");
    let entries = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

fn program() -> PathBuf {
    tools::root().join("target/fuzz/release/ripcord-fuzz")
}

fn build() -> Result<(), String> {
    if !cfg!(unix) {
        return Err("the fuzz targets are built on Linux and macOS only".to_owned());
    }
    needs_cxx()?;
    let started = Instant::now();
    eprintln!("{} the fuzz targets; the first time takes some minutes", term::bold("building"));
    let root = tools::root();
    let this = std::env::current_exe().map_err(|error| format!("where this program is: {error}"))?;
    let status = tools::cargo(&["build", "--release", "--locked", "--manifest-path"])
        .arg(root.join("fuzz/Cargo.toml"))
        .arg("--target-dir")
        .arg(root.join("target/fuzz"))
        .env("RUSTC_WRAPPER", this)
        .env(compiler::MARK, "1")
        // Flags of other builds would be in the way of ours.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()
        .map_err(|error| tools::not_started(&error))?;
    if !status.success() {
        return Err("the fuzz targets did not build; the compiler's messages above say why".to_owned());
    }
    eprintln!("{} in {} s", term::green("built"), started.elapsed().as_secs());
    Ok(())
}

/// libFuzzer is C++ that is compiled with the targets.
fn needs_cxx() -> Result<(), String> {
    let chosen = std::env::var("CXX").ok();
    let names: Vec<&str> = chosen.as_deref().map_or_else(|| vec!["c++", "g++", "clang++"], |name| vec![name]);
    let answers = |name: &&str| {
        let asked = Command::new(name).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    };
    if names.iter().any(answers) {
        return Ok(());
    }
    Err(format!(
        "fuzzing needs a C++ compiler, and none of {} is there: install g++ (Debian, Ubuntu: apt install g++; Fedora: dnf install gcc-c++) or, on macOS, `xcode-select --install`",
        names.join(", ")
    ))
}

/// How a target went.
struct Told {
    name: String,
    /// Whether the process ended well.
    is_well: bool,
    took: Duration,
    runs: u64,
    inputs: u64,
    coverage: u64,
    log: PathBuf,
}

fn fuzz(names: &[&String], seconds: u64, seed: Option<u32>) -> Result<bool, String> {
    let jobs = std::thread::available_parallelism().map_or(1, usize::from).min(names.len());
    let waiting = Mutex::new(names.iter());
    let told = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().map_or(None, |mut waiting| waiting.next());
                    let Some(name) = next else { break };
                    let one = one(name, seconds, seed);
                    if let Ok(mut told) = told.lock() {
                        told.push(one);
                    }
                }
            });
        }
    });
    let told = told.into_inner().map_err(|_| "a fuzz target could not be watched".to_owned())?;
    let mut told: Vec<Told> = told.into_iter().collect::<Result<_, _>>()?;
    told.sort_by(|one, other| one.name.cmp(&other.name));
    println!("{:<16}{:>10}{:>8}{:>10}{:>9}  result", "target", "runs", "inputs", "coverage", "seconds");
    for one in &told {
        let Told { name, runs, inputs, coverage, .. } = one;
        let result = if one.is_well { "nothing found" } else { "FAILED" };
        println!("{name:<16}{runs:>10}{inputs:>8}{coverage:>10}{:>9}  {result}", one.took.as_secs());
    }
    let failed: Vec<&Told> = told.iter().filter(|one| !one.is_well).collect();
    for one in &failed {
        explain(one);
    }
    let runs: u64 = told.iter().map(|one| one.runs).sum();
    println!("{} targets, {runs} runs, {} failed", told.len(), failed.len());
    Ok(failed.is_empty())
}

/// Runs one target in a process of its own.
fn one(name: &str, seconds: u64, seed: Option<u32>) -> Result<Told, String> {
    let root = tools::root();
    let grown = root.join("target/fuzz/corpus").join(name);
    let found = root.join("target/fuzz/found");
    let log = root.join("target/fuzz/logs").join(format!("{name}.log"));
    let logs = log.parent().unwrap_or(&root);
    for folder in [&grown, &found, logs] {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let file = fs::File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
    let mut command = Command::new(program());
    command.current_dir(&root).env("RIPCORD_FUZZ_TARGET", name);
    command.args([format!("-timeout={INPUT_SECONDS}"), format!("-rss_limit_mb={RSS_MB}")]);
    command.arg(format!("-artifact_prefix={}/{name}-", found.display()));
    command.arg("-print_final_stats=1");
    // Zero is libFuzzer's word for a seed of its own.
    command.arg(format!("-seed={}", seed.unwrap_or(0)));
    let dictionary = root.join("fuzz/dictionaries").join(format!("{name}.dict"));
    if dictionary.is_file() {
        command.arg(format!("-dict={}", dictionary.display()));
    }
    let committed = root.join("fuzz/corpus").join(name);
    if seconds == 0 {
        command.args(["-runs=0"]).arg(&committed);
    } else {
        command.arg(format!("-max_total_time={seconds}")).args([&grown, &committed]);
    }
    let started = Instant::now();
    let status = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::from(file))
        .status()
        .map_err(|error| format!("{}: {error}", program().display()))?;
    let text = String::from_utf8_lossy(&fs::read(&log).unwrap_or_default()).into_owned();
    let (runs, coverage, inputs) = figures(&text);
    Ok(Told {
        name: name.to_owned(),
        is_well: status.success(),
        took: started.elapsed(),
        runs,
        inputs,
        coverage,
        log,
    })
}

/// Runs, coverage and inputs, from the last line of libFuzzer that tells them.
fn figures(log: &str) -> (u64, u64, u64) {
    let line = log.lines().rev().find(|line| line.starts_with('#') && line.contains(" cov: "));
    let Some(line) = line else { return (0, 0, 0) };
    let number = |text: &str| {
        let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or(0)
    };
    let after = |word: &str| line.split_once(word).map_or(0, |(_, rest)| number(rest.trim_start()));
    (number(&line[1..]), after(" cov:"), after(" corp:"))
}

/// What was found, and how to see it again.
fn explain(told: &Told) {
    let text = String::from_utf8_lossy(&fs::read(&told.log).unwrap_or_default()).into_owned();
    eprintln!("\n{} the end of {}:", term::red(&told.name), told.log.display());
    let lines: Vec<&str> = text.lines().collect();
    for line in &lines[lines.len().saturating_sub(40)..] {
        eprintln!("  {line}");
    }
    let input = text.lines().rev().find_map(|line| line.split_once("Test unit written to "));
    match input {
        Some((_, input)) => {
            let input = Path::new(input.trim());
            let input = input.strip_prefix(tools::root()).unwrap_or(input);
            eprintln!("  the input:     {}", input.display());
            eprintln!("  to see it:     cargo xtask fuzz --only {} --input {}", told.name, input.display());
        }
        None => eprintln!("  no input was written; the whole log says what happened"),
    }
}

/// Runs one input, with everything that it says.
fn reproduce(name: &str, input: &Path) -> Outcome {
    let status = Command::new(program())
        .env("RIPCORD_FUZZ_TARGET", name)
        .env("RUST_BACKTRACE", "1")
        .arg(format!("-timeout={INPUT_SECONDS}"))
        .arg(input)
        .status()
        .map_err(|error| format!("{}: {error}", program().display()))?;
    if status.success() {
        println!("{}: nothing wrong with {}", name, input.display());
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn what_is_asked_for_is_understood_or_told() {
        let all = Wanted { seconds: SECONDS, only: None, input: None, seed: None };
        assert_eq!(wanted(&[]), Ok(all));
        let one = Wanted { seconds: 3, only: Some("plan".to_owned()), input: None, seed: None };
        assert_eq!(wanted(&words("--only plan --seconds 3")), Ok(one));
        for (text, says) in [
            ("--seconds", "needs a value"),
            ("--seconds soon", "whole number"),
            ("--for 3", "not known"),
            ("--input x", "needs --only"),
        ] {
            let error = wanted(&words(text)).expect_err(text);
            assert!(error.contains(says), "{error}");
        }
    }

    #[test]
    fn every_target_has_inputs_of_its_own() {
        let source =
            fs::read_to_string(tools::root().join("fuzz/targets/main.rs")).expect("the list of targets");
        let mut listed: Vec<&str> = source
            .lines()
            .filter_map(|line| line.trim().strip_prefix("(\"")?.split_once("\", ").map(|(name, _)| name))
            .collect();
        listed.sort_unstable();
        assert!(listed.len() >= 16, "{listed:?}");
        assert_eq!(targets().expect("the folders"), listed);
    }

    #[test]
    fn the_figures_are_those_of_the_last_line() {
        let log = "INFO: seed\n#2\tINITED cov: 7 ft: 8 corp: 1/1b exec/s: 0 rss: 40Mb\n#512\tDONE   cov: 95 ft: 210 corp: 31/84b lim: 4 exec/s: 256 rss: 44Mb\nstat::x: 1\n";
        assert_eq!(figures(log), (512, 95, 31));
        assert_eq!(figures("a panic"), (0, 0, 0));
    }
}
