//! `cargo xtask kill`: engines are killed beside a venue that outlives them, and judged by its account.

use std::process::ExitCode;

use crate::{Outcome, term, tools};

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let is_release = arguments.iter().any(|argument| argument == "--release");
    let rest: Vec<&String> = arguments.iter().filter(|argument| *argument != "--release").collect();
    let root = tools::root();
    eprintln!("{} ripcord and ripcord-kill", term::bold("building"));
    let mut build = tools::cargo(&["build", "--package", "ripcord", "--package", "ripcord-kill"]);
    build.args(["--features", "ripcord/crash-points"]).arg("--manifest-path").arg(root.join("Cargo.toml"));
    if is_release {
        build.arg("--release");
    }
    let built = build.status().map_err(|error| tools::not_started(&error))?;
    if !built.success() {
        return Err("it did not build; the compiler's messages above say why".to_owned());
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    let folder = target.join(if is_release { "release" } else { "debug" });
    let program = folder.join("ripcord-kill");
    let status = std::process::Command::new(&program)
        .arg("--ripcord")
        .arg(folder.join("ripcord"))
        .args(rest)
        .status()
        .map_err(|error| format!("{} could not be started: {error}", program.display()))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(ExitCode::from(code))
}
