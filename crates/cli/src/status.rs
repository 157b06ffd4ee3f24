//! `ripcord status`: how much of what is held is covered, by what, and the worst that can happen.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use ripcord_service::protection::at_rest;
use ripcord_store::writer;
use serde_json::{Value, json};

use crate::http;
use crate::output::{BAD_REQUEST, FAILED, colours, ended, fail, print_and_end, write};

mod table;

/// Something held is not covered as its plan wants.
const SHORT: u8 = 3;

/// Options of `status`.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 everything held is covered as its plan wants; 3 something is not; \
                        1 no answer, or a damaged store; 2 the request was at fault.")]
pub(crate) struct StatusArgs {
    /// Ask the service that listens there
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8007")]
    url: String,
    /// Read a store in place of asking a service; one that a run holds says so
    #[arg(long, value_name = "FILE", conflicts_with = "url")]
    db: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Look again every so many seconds, until Ctrl-C
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "1",
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    watch: Option<u64>,
}

pub(crate) fn run(args: &StatusArgs) -> ExitCode {
    let Some(seconds) = args.watch else {
        let (text, code) = match told(args) {
            Ok(told) => told,
            Err((code, error)) => return fail(code, &error),
        };
        return print_and_end(&text, code);
    };
    loop {
        // Home, and nothing below: what is shown next takes the place of what was.
        let first = if colours() && !args.json { "\x1b[H\x1b[J" } else { "" };
        let (text, failed) = match told(args) {
            Ok((text, _)) => (text, None),
            Err(failed) => (String::new(), Some(failed)),
        };
        if let Err(error) = write(&format!("{first}{text}")) {
            // Nobody reads any more, or nobody can.
            return ended(Err(error), ExitCode::SUCCESS);
        }
        if let Some((code, error)) = failed {
            let code_told = fail(code, &error);
            if code == BAD_REQUEST {
                return code_told;
            }
        }
        std::thread::sleep(Duration::from_secs(seconds));
    }
}

/// What is shown, and the exit code; or the exit code and why there is nothing.
fn told(args: &StatusArgs) -> Result<(String, ExitCode), (u8, String)> {
    let told = match &args.db {
        Some(path) => of_store(path)?,
        None => http::get(&args.url, "/v1/protection").map_err(|error| {
            let hint = if error.is_silence() { ", --db FILE reads a store" } else { "" };
            (error.code(), format!("{error}{hint}"))
        })?,
    };
    let Some(state) = told["state"].as_str() else {
        return Err((FAILED, format!("{}: its answer says nothing of protection", args.url)));
    };
    let code = if state == "covered" { ExitCode::SUCCESS } else { ExitCode::from(SHORT) };
    let text = if args.json { format!("{told}\n") } else { table::text(&told, colours()) };
    Ok((text, code))
}

/// What is shown is what a run had written down, and not what it knows.
fn held(process: Option<u32>) -> String {
    let who = process.map_or_else(String::new, |process| format!(" (process {process})"));
    format!(
        "a run holds this store{who}: this is what it has written down; `ripcord status` asks the run itself, --url \
         says where it listens"
    )
}

fn of_store(path: &std::path::Path) -> Result<Value, (u8, String)> {
    let rest = at_rest(path).map_err(|error| {
        let code = if error.is_request() { BAD_REQUEST } else { FAILED };
        (code, error.to_string())
    })?;
    let writer = writer(path);
    // Of rules that no process runs none acts: only a stop at the venue does.
    let is_unwatched = writer.is_none() && rest.relies_on_us;
    let told = if is_unwatched { rest.told.unwatched() } else { rest.told };
    let mut told = serde_json::to_value(&told).map_err(|error| (FAILED, error.to_string()))?;
    told["mode"] = rest.mode.word().into();
    told["version"] = env!("CARGO_PKG_VERSION").into();
    let (health, reasons) = match writer {
        None => ("at_rest", json!([])),
        Some(process) => ("held_by_a_run", json!([held(process)])),
    };
    told["health"] = health.into();
    told["reasons"] = reasons;
    told["store"] = json!({
        "path": path.display().to_string(), "records": rest.head.seq, "epoch": rest.head.epoch,
        "journal": "sound", "hash": rest.head.hash.to_string(), "config_hash": rest.config,
    });
    Ok(told)
}
