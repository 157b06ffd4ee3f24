//! `cargo xtask models`: every order of what may happen, through the real core.

use std::process::ExitCode;

use crate::{Outcome, tools};

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let manifest = tools::root().join("Cargo.toml");
    let status =
        tools::cargo(&["run", "--release", "--quiet", "--package", "ripcord-models", "--manifest-path"])
            .arg(&manifest)
            .arg("--")
            .args(arguments)
            .status()
            .map_err(|error| tools::not_started(&error))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(ExitCode::from(code))
}
