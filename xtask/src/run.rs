//! `cargo xtask run`: the main job, with nothing installed but the toolchain.

use std::process::Command;
#[cfg(not(unix))]
use std::process::ExitCode;

use crate::{Outcome, term, tools};

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let manifest = tools::root().join("Cargo.toml");
    let manifest = manifest.to_str().ok_or("the path of this folder is not UTF-8; move the repository")?;
    let target = ["--release", "--package", "ripcord", "--bin", "ripcord", "--manifest-path", manifest];
    let locked: &[&str] = if tools::is_ci() { &["--locked"] } else { &[] };

    eprintln!("{} ripcord, release; the first build takes some minutes", term::bold("building"));
    let built = tools::cargo(&["build"])
        .args(target)
        .args(locked)
        .status()
        .map_err(|error| tools::not_started(&error))?;
    if !built.success() {
        return Err("ripcord did not build; the compiler's messages above say why".to_owned());
    }

    eprintln!("{} ripcord run {}", term::bold("starting"), arguments.join(" "));
    let mut ripcord = tools::cargo(&["run", "--quiet"]);
    ripcord.args(target).args(locked).args(["--", "run"]).args(arguments);
    become_process(ripcord)
}

/// We turn into the child: signals reach it, and its exit code is ours.
#[cfg(unix)]
fn become_process(mut command: Command) -> Outcome {
    use std::os::unix::process::CommandExt;
    Err(tools::not_started(&command.exec()))
}

/// Ctrl-C goes to every process of the console; we stay alive to pass the child's exit code on.
#[cfg(not(unix))]
fn become_process(mut command: Command) -> Outcome {
    ctrlc::set_handler(|| {}).map_err(|error| format!("Ctrl-C cannot be handed on: {error}"))?;
    let status = command.status().map_err(|error| tools::not_started(&error))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    Ok(ExitCode::from(code))
}
