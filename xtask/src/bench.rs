//! `cargo xtask bench`: the speed figures of the README, each with its own printed table.

use std::process::ExitCode;

use crate::{Outcome, term, tools};

/// The benches, by name; [`package`] knows where each is.
pub(crate) const NAMES: &[&str] = &["j1", "j3", "read", "journal", "ledger", "recover"];

/// The package whose `benches` folder holds a bench.
fn package(name: &str) -> &'static str {
    match name {
        "journal" | "ledger" => "ripcord-store",
        "recover" => "ripcord-service",
        _ => "ripcord-sim",
    }
}

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let (names, rest) = choose(arguments)?;
    let manifest = tools::root().join("Cargo.toml");
    for name in names {
        eprintln!("{} {name}", term::bold("bench"));
        let status = tools::cargo(&["bench", "--package", package(name), "--bench", name, "--manifest-path"])
            .arg(&manifest)
            .arg("--")
            .args(rest)
            .status()
            .map_err(|error| tools::not_started(&error))?;
        if !status.success() {
            return Err(format!("bench {name} failed ({status}); its message is above"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Which benches to run, and what to hand to them. A first word that is an option belongs to all.
fn choose(arguments: &[String]) -> Result<(&[&'static str], &[String]), String> {
    let Some((first, rest)) = arguments.split_first() else { return Ok((NAMES, arguments)) };
    if first.starts_with('-') {
        return Ok((NAMES, arguments));
    }
    match NAMES.iter().position(|name| name == first) {
        Some(at) => Ok((&NAMES[at..=at], rest)),
        None => Err(format!("there is no bench `{first}`; choose one of: {}", NAMES.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn a_name_chooses_one_bench_and_keeps_its_arguments() {
        let arguments = words("j3 --ticks 1000");
        assert_eq!(choose(&arguments), Ok((&["j3"][..], &words("--ticks 1000")[..])));
    }

    #[test]
    fn no_name_means_all_benches() {
        assert_eq!(choose(&[]), Ok((NAMES, &[][..])));
        let arguments = words("--quick");
        assert_eq!(choose(&arguments), Ok((NAMES, &arguments[..])));
    }

    #[test]
    fn an_unknown_name_lists_what_exists() {
        let text = choose(&words("j9")).expect_err("j9 does not exist");
        assert!(text.contains("j9") && text.contains("j1, j3, read, journal, ledger"), "{text}");
    }
}
