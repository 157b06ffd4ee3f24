//! This program in the place of the compiler: cargo calls it for every crate of the fuzz build
//! (`RUSTC_WRAPPER`), and it calls the compiler, with counters of coverage for the crates that are fuzzed.
//!
//! Flags in `RUSTFLAGS` would reach every library. Most of their code is never run by a target, yet its
//! counters would be looked through after each input: ten times fewer inputs a second.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

/// Set in the environment of a fuzz build.
pub(crate) const MARK: &str = "RIPCORD_FUZZ_BUILD";

/// What cargo-fuzz passes without a sanitizer.
const FLAGS: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg",
    "fuzzing",
];

/// Libraries that read the bytes: what they compare tells the fuzzer what they look for.
const READERS: &[&str] = &["arrow-ipc", "csv", "csv-core", "postcard", "serde_json", "toml", "toml_parser"];

/// Calls the compiler, if this process was started for that.
pub(crate) fn in_its_place() -> Option<ExitCode> {
    std::env::var_os(MARK)?;
    let mut arguments = std::env::args_os().skip(1);
    let rustc = arguments.next()?;
    let arguments: Vec<OsString> = arguments.collect();
    let package = std::env::var("CARGO_PKG_NAME").unwrap_or_default();
    let is_script = arguments.iter().any(|word| word.to_string_lossy().starts_with("build_script_"));
    let flags: &[&str] = if is_fuzzed(&package) && !is_script { FLAGS } else { &[] };
    let status = Command::new(&rustc).args(&arguments).args(flags).status();
    let code = status.ok().and_then(|status| status.code()).and_then(|code| u8::try_from(code).ok());
    Some(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// The store is a database behind the service's parsers, and no target reaches it.
fn is_fuzzed(package: &str) -> bool {
    (package.starts_with("ripcord-") && package != "ripcord-store") || READERS.contains(&package)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_and_the_readers_are_counted_and_nothing_else() {
        for package in ["ripcord-core", "ripcord-fuzz", "toml", "serde_json"] {
            assert!(is_fuzzed(package), "{package}");
        }
        for package in ["ripcord-store", "libfuzzer-sys", "parquet", "tokio", ""] {
            assert!(!is_fuzzed(package), "{package}");
        }
    }
}
