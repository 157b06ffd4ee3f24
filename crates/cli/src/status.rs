//! `ripcord status`: how much of what is held is covered, by what, and the worst that can happen.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use ripcord_service::protection::at_rest;
use serde_json::{Value, json};

use crate::http;
use crate::output::{BAD_REQUEST, FAILED, colours, fail, print, print_and_end};

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
    /// Read a store at rest in place of asking a service
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
    let Some(seconds) = args.watch else { return once(args) };
    loop {
        if colours() && !args.json {
            // Home, and nothing below: what is shown next takes the place of what was.
            print("\x1b[H\x1b[J");
        }
        let code = once(args);
        if code == ExitCode::from(BAD_REQUEST) {
            return code;
        }
        std::thread::sleep(Duration::from_secs(seconds));
    }
}

fn once(args: &StatusArgs) -> ExitCode {
    let told = match &args.db {
        Some(path) => of_store(path),
        None => http::get(&args.url, "/v1/protection").map_err(|error| {
            let hint = if error.is_silence() { ", --db FILE reads a store" } else { "" };
            (error.code(), format!("{error}{hint}"))
        }),
    };
    let told = match told {
        Ok(told) => told,
        Err((code, error)) => return fail(code, &error),
    };
    let Some(state) = told["state"].as_str() else {
        return fail(FAILED, &format!("{}: its answer says nothing of protection", args.url));
    };
    let code = if state == "covered" { ExitCode::SUCCESS } else { ExitCode::from(SHORT) };
    let text = if args.json { format!("{told}\n") } else { table::text(&told, colours()) };
    print_and_end(&text, code)
}

fn of_store(path: &std::path::Path) -> Result<Value, (u8, String)> {
    let rest = at_rest(path).map_err(|error| {
        let code = if error.is_request() { BAD_REQUEST } else { FAILED };
        (code, error.to_string())
    })?;
    let mut told = serde_json::to_value(&rest.told).map_err(|error| (FAILED, error.to_string()))?;
    told["mode"] = rest.mode.word().into();
    told["version"] = env!("CARGO_PKG_VERSION").into();
    told["health"] = "at_rest".into();
    told["reasons"] = json!([]);
    told["store"] = json!({
        "path": path.display().to_string(), "records": rest.head.seq, "epoch": rest.head.epoch,
        "journal": "sound", "hash": rest.head.hash.to_string(), "config_hash": rest.config,
    });
    Ok(told)
}
