//! The programs that the chores call: cargo and its components.

use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The folder of the workspace.
pub(crate) fn root() -> PathBuf {
    let xtask = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    xtask.parent().map_or_else(|| xtask.clone(), PathBuf::from)
}

/// The cargo that started us, so that `cargo +toolchain xtask` stays on one toolchain.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

/// Whether cargo has this subcommand; it is asked for its version and nothing is printed.
pub(crate) fn has_subcommand(name: &str) -> bool {
    let answer =
        cargo(&[name, "--version"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    answer.is_ok_and(|status| status.success())
}

/// Whether this runs on a build server, where Cargo.lock must not change by itself.
pub(crate) fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

/// The text of an error for a program that could not be started.
pub(crate) fn not_started(error: &std::io::Error) -> String {
    format!(
        "cargo could not be started: {error}; install Rust from https://rustup.rs and open a new terminal"
    )
}
