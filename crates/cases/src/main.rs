//! Known numeric cases of exit behaviour, run through the real core.
//!
//! `cargo xtask cases [DIR] [--json]` starts it. A case is an area, inputs and what must come out;
//! the runner of its area ([`area`]) writes a plan, drives a coordinator with the prices ([`drive`])
//! and reads what the core wrote down. No rule is computed here a second time.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a terminal program talks on the terminal")]

mod area;
mod areas;
mod case;
mod compare;
mod drive;
mod number;
mod plans;
mod run;
mod tell;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use case::Case;

/// Where cases are when nobody says.
const DEFAULT_FOLDER: &str = "../shared/cases";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match start(&arguments) {
        Ok(code) => code,
        Err(text) => {
            eprintln!("error: {text}");
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: &[String]) -> Result<ExitCode, String> {
    let mut folder: Option<PathBuf> = None;
    let mut as_json = false;
    for argument in arguments {
        match argument.as_str() {
            "--json" => as_json = true,
            option if option.starts_with('-') => {
                return Err(format!("there is no option {option}; usage: cases [DIR] [--json]"));
            }
            named if folder.is_none() => folder = Some(PathBuf::from(named)),
            more => return Err(format!("one folder is enough; leave out {more}")),
        }
    }
    let cases = match folder {
        Some(folder) => read_folder(&folder)?,
        None if Path::new(DEFAULT_FOLDER).is_dir() => read_folder(Path::new(DEFAULT_FOLDER))?,
        None => {
            println!("skipped: there is no folder {DEFAULT_FOLDER}; name one with `cargo xtask cases DIR`");
            return Ok(ExitCode::SUCCESS);
        }
    };
    let results = run::all(&cases);
    if as_json {
        println!("{:#}", tell::json(&results));
    } else {
        print!("{}", tell::table(&results));
    }
    Ok(if tell::failures(&results) == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Every case of every `*.json` of a folder, in order of their names.
fn read_folder(folder: &Path) -> Result<Vec<Case>, String> {
    let entries = std::fs::read_dir(folder)
        .map_err(|error| format!("the folder {} cannot be read: {error}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    if files.is_empty() {
        return Err(format!("the folder {} holds no *.json; name one that holds cases", folder.display()));
    }
    let mut cases = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file)
            .map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
        cases.extend(case::read(&text).map_err(|why| format!("{} {why}", file.display()))?);
    }
    Ok(cases)
}
