//! `ripcord run`: placeholder until the service crate is wired.
use std::process::ExitCode;

#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {}

pub(crate) fn run(_args: RunArgs) -> ExitCode {
    ExitCode::from(1)
}
