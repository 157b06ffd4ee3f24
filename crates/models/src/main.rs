//! `cargo xtask models [--full] [--only NAME] [--budget NAME=N,..]` starts it: see the library.

#![allow(clippy::print_stderr, reason = "a terminal program talks on the terminal")]

use std::process::ExitCode;

use ripcord_models::cli;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    cli::start(&arguments).unwrap_or_else(|text| {
        eprintln!("error: {text}");
        ExitCode::FAILURE
    })
}
