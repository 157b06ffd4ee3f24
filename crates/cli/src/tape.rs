//! `ripcord tape`: recorded prices on disk.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use ripcord_core::market::PriceSource;
use ripcord_core::num::fixed;
use ripcord_sim::import::{self, ImportOptions};
use ripcord_sim::tape::Tape;
use serde_json::{Value, json};

use crate::output::{BAD_REQUEST, FAILED, fail, is_file_or_new, overwrites, plural, print, progress};

/// What to do with tapes.
#[derive(Debug, Subcommand)]
pub(crate) enum TapeCommand {
    /// Build a tape from trades or quotes (Parquet, CSV, feather, JSON)
    Build(BuildArgs),
    /// Say what a tape holds
    Info(FileArgs),
    /// Check every block, the pyramid, and that times and prices are sound
    Verify(FileArgs),
}

/// Options of `tape build`.
#[derive(Debug, Args)]
pub(crate) struct BuildArgs {
    /// The file to read
    input: PathBuf,
    /// The tape to write; by default the input's name with `.tape`
    #[arg(short, long)]
    out: Option<PathBuf>,
    /// The symbol, when the file does not say it
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    symbol: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Options of `tape info` and `tape verify`.
#[derive(Debug, Args)]
pub(crate) struct FileArgs {
    /// The tape
    tape: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(command: &TapeCommand) -> ExitCode {
    match command {
        TapeCommand::Build(args) => build(args),
        TapeCommand::Info(args) => info(args),
        TapeCommand::Verify(args) => verify(args),
    }
}

fn build(args: &BuildArgs) -> ExitCode {
    let out = args.out.clone().unwrap_or_else(|| args.input.with_extension("tape"));
    if let Some(fault) = overwrites(&out, std::iter::once(args.input.as_path())) {
        return fail(BAD_REQUEST, &fault);
    }
    if !is_file_or_new(&out) {
        let text = format!("{} is no plain file; a tape is read in any order, so name a file", out.display());
        return fail(BAD_REQUEST, &text);
    }
    let bar = progress(0, "read");
    bar.set_message(format!("building {}", out.display()));
    let report = |progress: import::Progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    };
    let options = ImportOptions { symbol: args.symbol.as_deref(), progress: Some(&report) };
    let built = import::tape_from_file(&args.input, &out, &options);
    bar.finish_and_clear();
    match built {
        Ok(rows) if args.json => {
            print(&format!("{}\n", json!({"tape": out.display().to_string(), "rows": rows})))
        }
        Ok(rows) => print(&format!("{}: {rows} {}\n", out.display(), plural(rows, "row"))),
        Err(error) => fail(code(error.is_request()), &error),
    }
}

fn info(args: &FileArgs) -> ExitCode {
    let tape = match Tape::open(&args.tape) {
        Ok(tape) => tape,
        Err(error) => return fail(code(error.is_request()), &error),
    };
    let about = describe(&tape);
    if args.json {
        print(&format!("{about}\n"))
    } else {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let lines = about.as_object().into_iter().flatten().filter(|(_, value)| !value.is_object());
        let mut shown: String = lines.map(|(key, value)| format!("{key:16} {}\n", text(value))).collect();
        for (source, span) in about["sources"].as_object().into_iter().flatten() {
            let (min, max, count) = (text(&span["min"]), text(&span["max"]), text(&span["rows"]));
            shown += &format!("{source:16} {count} rows, {min} .. {max}\n");
        }
        print(&shown)
    }
}

fn describe(tape: &Tape) -> Value {
    let meta = tape.meta();
    let names = [
        (PriceSource::Last, "last"),
        (PriceSource::Bid, "bid"),
        (PriceSource::Ask, "ask"),
        (PriceSource::Mark, "mark"),
        (PriceSource::Index, "index"),
    ];
    let spans = names.into_iter().filter_map(|(source, name)| {
        let span = tape.span(0, tape.rows(), source)?;
        let price = |value: i64| fixed(i128::from(value), meta.price_decimals).to_string();
        let about = json!({"rows": span.count, "min": price(span.min), "max": price(span.max), "last": price(span.last)});
        Some((name.to_owned(), about))
    });
    json!({
        "symbol": meta.symbol,
        "kind": format!("{:?}", tape.kind()).to_lowercase(),
        "rows": tape.rows(),
        "price_decimals": meta.price_decimals,
        "qty_decimals": meta.qty_decimals,
        "first_ts_ns": tape.ts().first(),
        "last_ts_ns": tape.ts().last(),
        "sources": Value::Object(spans.collect()),
    })
}

fn verify(args: &FileArgs) -> ExitCode {
    let checked = Tape::open(&args.tape).and_then(|tape| tape.verify().map(|()| tape.rows()));
    match checked {
        Ok(rows) if args.json => print(&format!(
            "{}\n",
            json!({"tape": args.tape.display().to_string(), "rows": rows, "sound": true})
        )),
        Ok(rows) => {
            let (name, word) = (args.tape.display(), plural(rows as u64, "row"));
            print(&format!("{name}: {rows} {word}, every block and the pyramid are sound\n"))
        }
        Err(error) => fail(code(error.is_request()), &error),
    }
}

/// The exit code of a fault: another file was meant, or this one was cut short or changed.
const fn code(is_request: bool) -> u8 {
    if is_request { BAD_REQUEST } else { FAILED }
}
