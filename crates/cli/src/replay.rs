//! `ripcord replay`: recorded prices over open positions.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};
use ripcord_core::num::{Decimal, Ratio};
use ripcord_core::plan::Rounding;
use ripcord_core::time::Span;
use ripcord_report::exits::{ExitPrice, ExitRow, write_csv};
use ripcord_sim::candles::CandlePolicy;
use ripcord_sim::job::{self, Job, JobError, JobSpec};
use ripcord_sim::replay::{Outcome, Pace, Progress};
use ripcord_sim::vectorbt;
use ripcord_sim::venue::FillModel;
use ripcord_store::StoreError;

use crate::output::{
    BAD_REQUEST, FAILED, WholeFile, colours, fail, note, overwrites, print, progress, takes_no_file,
};

mod kept;
mod records;
mod told;

use kept::Keeping;
use records::Recorder;
use told::Told;

/// All of the price: no fee and no slippage is as large.
const BPS_END: i64 = 10_000;
/// An hour: an order that takes longer is no order that anybody waits for.
const LATENCY_MS_MAX: i64 = 3_600_000;

/// Options of `replay`.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// Tapes, Parquet, CSV, feather or JSON files: trades, quotes, candles, marks, funding
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    market: Vec<PathBuf>,
    /// The positions (CSV)
    #[arg(long, value_name = "FILE")]
    positions: PathBuf,
    /// Tick sizes, lot sizes and minimums (TOML, or Binance's exchangeInfo JSON)
    #[arg(long, value_name = "FILE")]
    instruments: Option<PathBuf>,
    /// The symbol of market files that do not say one, and of positions without one
    #[arg(long, value_name = "S", value_parser = NonEmptyStringValueParser::new())]
    symbol: Option<String>,
    /// The plan of positions that do not name one: a file (TOML), or preset:NAME (see `ripcord plan list`)
    #[arg(long, value_name = "PLAN")]
    plan: Option<PathBuf>,
    /// Profiles (TOML): the plans of positions that have none otherwise
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The venue of the positions, for profiles
    #[arg(long, value_name = "V", requires = "config", value_parser = NonEmptyStringValueParser::new())]
    venue: Option<String>,
    /// What the market is going through, for profiles
    #[arg(long, value_name = "R", requires = "config", value_parser = NonEmptyStringValueParser::new())]
    regime: Option<String>,
    /// How orders are filled
    #[arg(long, value_enum, default_value_t = Fills::Honest, value_name = "MODEL")]
    fills: Fills,
    /// Latency of each way in milliseconds, in place of the model's
    #[arg(long, value_name = "MS", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(..=LATENCY_MS_MAX))]
    latency_ms: Option<u32>,
    /// Slippage of market orders in basis points, in place of the model's
    #[arg(long, value_name = "BPS", value_parser = bps, allow_negative_numbers = true)]
    slippage_bps: Option<Ratio>,
    /// Taker fee in basis points, in place of the model's
    #[arg(long, value_name = "BPS", value_parser = bps, allow_negative_numbers = true)]
    taker_bps: Option<Ratio>,
    /// Maker fee in basis points, in place of the model's
    #[arg(long, value_name = "BPS", value_parser = bps, allow_negative_numbers = true)]
    maker_bps: Option<Ratio>,
    /// What a candle may have been [default: pessimistic]
    #[arg(long, value_enum, value_name = "POLICY")]
    candles: Option<Candles>,
    /// How levels are rounded, whatever the plans say [cells without a plan: directed; with --fills tape half-up]
    #[arg(long, value_enum)]
    rounding: Option<Levels>,
    /// Write a row per closing fill (CSV)
    #[arg(long, value_name = "FILE")]
    exits: Option<PathBuf>,
    /// Write everything that happened, for `ripcord explain` and `ripcord report`
    #[arg(long, value_name = "FILE")]
    records: Option<PathBuf>,
    /// Write everything that happened into a new store, for `report`, `explain`, `ledger` and `journal`; records become durable in groups
    #[arg(long, value_name = "FILE", conflicts_with = "records")]
    db: Option<PathBuf>,
    /// Hand every price over
    #[arg(long, conflicts_with_all = ["scan", "leap"])]
    row_by_row: bool,
    /// Find the next price that concerns somebody by looking at every one
    #[arg(long, conflicts_with = "leap")]
    scan: bool,
    /// Find it through the tape's pyramid (default)
    #[arg(long)]
    leap: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Fills {
    /// Latency, fees and slippage; limits filled when traded through
    Honest,
    /// No latency, no costs: a market exit at the price that fired it, a target at its level
    Tape,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Candles {
    /// Stops before targets
    Pessimistic,
    /// Open, high, low, close
    Ohlc,
    /// Open, low, high, close
    Olhc,
    /// Vectorbt's rule exactly
    Vectorbt,
}

impl Candles {
    const fn word(self) -> &'static str {
        match self {
            Self::Pessimistic => "pessimistic",
            Self::Ohlc => "ohlc",
            Self::Olhc => "olhc",
            Self::Vectorbt => "vectorbt",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Levels {
    /// A stop to the earlier exit, a target away from the entry
    Directed,
    /// Distances half up to whole ticks
    HalfUp,
    /// As double-precision products
    Double,
}

/// Basis points, whole or with a fraction.
fn bps(text: &str) -> Result<Ratio, String> {
    /// A basis point is 10^5 units of a ratio: what is finer has none.
    const DECIMALS: u8 = 5;
    let must =
        || format!("must be 0 or more, and below {BPS_END} basis points, with {DECIMALS} decimals at most");
    let units = text.parse::<Decimal>().ok().and_then(|value| value.to_scale(DECIMALS).ok());
    let end = Ratio::from_bps(BPS_END);
    units.map(Ratio).filter(|ratio| ratio.0 >= 0 && *ratio < end).ok_or_else(must)
}

fn writes_over_an_input(args: &ReplayArgs) -> Option<String> {
    let inputs = || {
        let named = [&args.instruments, &args.plan, &args.config].into_iter().flatten();
        args.market.iter().chain([&args.positions]).chain(named).map(PathBuf::as_path)
    };
    let mut outputs = [&args.exits, &args.records, &args.db].into_iter().flatten();
    if args.exits.is_some() && args.exits == args.records {
        return Some("--exits and --records name the same file; one would destroy the other".to_owned());
    }
    outputs.find_map(|output| overwrites(output, inputs()))
}

pub(crate) fn run(args: &ReplayArgs) -> ExitCode {
    let started = Instant::now();
    if let Some(fault) = writes_over_an_input(args) {
        return fail(BAD_REQUEST, &fault);
    }
    if let Some(Err(used)) = args.db.as_deref().map(kept::refuse_used) {
        return fail(BAD_REQUEST, &used);
    }
    // Before anything is read: whoever waited for a long replay wants its output.
    let mut outputs =
        [("--exits", &args.exits), ("--records", &args.records), ("--db", &args.db)].into_iter();
    if let Some(fault) = outputs.find_map(|(option, path)| takes_no_file(option, path.as_deref()?)) {
        return fail(BAD_REQUEST, &fault);
    }
    let bar = progress(0, "rows");
    let prepared = job::prepare(&spec(args), &|what| bar.set_message(what.to_owned()));
    let mut job = match prepared {
        Ok(job) => job,
        Err(error) => {
            bar.finish_and_clear();
            return fail(code_of(&error), &error);
        }
    };
    let read = started.elapsed();
    bar.set_length(job.replay.rows() as u64);
    bar.set_message("replaying");
    let outcome = replay(args, &mut job, &bar);
    bar.finish_and_clear();
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => return fail(FAILED, &error),
    };
    let took = started.elapsed() - read;
    let rows = exit_rows(&job, &outcome, candles(args));
    if let Some(path) = &args.exits
        && let Err(error) = write_whole(path, &rows)
    {
        return fail(FAILED, &format!("{}: {error}", path.display()));
    }
    let mut notes = job.notes.clone();
    notes.extend(idle_options(args, &job));
    let open = told::open_rows(&job);
    let told = Told { job: &job, outcome: &outcome, rows: &rows, open: &open, notes: &notes, read, took };
    if args.json {
        return print(&told.json());
    }
    for text in &notes {
        note(text);
    }
    print(&told.text(colours()))
}

/// The exit code of files that are at fault: they were cut short or changed, or others were meant.
fn code_of(error: &JobError) -> u8 {
    let is_request = match error {
        JobError::Import(error) => error.is_request(),
        JobError::Tape(error) => error.is_request(),
        _ => true,
    };
    if is_request { BAD_REQUEST } else { FAILED }
}

/// Options that are given and change nothing.
fn idle_options(args: &ReplayArgs, job: &Job) -> Option<String> {
    let has_effect = args.candles.is_none() || job.has_candles;
    (!has_effect).then(|| "the market has no candles, so --candles changes nothing".to_owned())
}

/// Runs the job, and writes its records on the way if they are wanted.
fn replay(args: &ReplayArgs, job: &mut Job, bar: &indicatif::ProgressBar) -> Result<Outcome, String> {
    if let Some(path) = &args.db {
        return keep(args, path, job, bar);
    }
    let Some(path) = &args.records else {
        let mut outcome = Outcome::default();
        job.replay.run(pace(args), &mut outcome, &mut Bar(bar)).map_err(|error| error.to_string())?;
        return Ok(outcome);
    };
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let header = records::header(job, candles(args).word());
    let mut recorder = Recorder::create(path, &header, &mut job.replay).map_err(failed)?;
    job.replay.run(pace(args), &mut recorder, &mut Bar(bar)).map_err(|error| error.to_string())?;
    recorder.finish(&mut job.replay.desk).map_err(failed)
}

/// Runs the job with its records going into a store; a store that this run made and could not fill is removed.
fn keep(
    args: &ReplayArgs,
    path: &Path,
    job: &mut Job,
    bar: &indicatif::ProgressBar,
) -> Result<Outcome, String> {
    let is_new = !path.exists();
    let header = records::header(job, candles(args).word());
    let mut keeping = Keeping::create(path, job, &header).map_err(|error| {
        // What another process made in the meantime is not ours to remove.
        let is_ours = !matches!(error, StoreError::Exists(_) | StoreError::Locked { .. });
        if is_new && is_ours {
            remove_store(path);
        }
        error.to_string()
    })?;
    let ran = job.replay.run(pace(args), &mut keeping, &mut Bar(bar));
    let kept = ran.map_err(|error| error.to_string());
    let kept = kept.and_then(|()| keeping.finish(&mut job.replay.desk).map_err(|error| error.to_string()));
    if kept.is_err() && is_new {
        remove_store(path);
    }
    kept
}

fn remove_store(path: &Path) {
    for end in ["", "-wal", "-shm", ".lock"] {
        let mut file = path.as_os_str().to_owned();
        file.push(end);
        // What was never made cannot be removed.
        let _gone = std::fs::remove_file(file);
    }
}

fn spec(args: &ReplayArgs) -> JobSpec {
    let mut fills = match args.fills {
        Fills::Honest => FillModel::HONEST,
        Fills::Tape => FillModel::TAPE,
    };
    if let Some(ms) = args.latency_ms {
        fills.latency = Span::from_millis(i64::from(ms));
    }
    fills.slippage = args.slippage_bps.unwrap_or(fills.slippage);
    fills.taker_fee = args.taker_bps.unwrap_or(fills.taker_fee);
    fills.maker_fee = args.maker_bps.unwrap_or(fills.maker_fee);
    let cells_rounding = match (candles(args), args.fills) {
        (Candles::Vectorbt, _) => Rounding::Double,
        (_, Fills::Tape) => Rounding::HalfUp,
        (_, Fills::Honest) => Rounding::Directed,
    };
    JobSpec {
        market: args.market.clone(),
        positions: args.positions.clone(),
        instruments: args.instruments.clone(),
        symbol: args.symbol.clone(),
        plan: args.plan.clone(),
        config: args.config.clone(),
        venue: args.venue.clone(),
        regime: args.regime.clone(),
        fills,
        rounding: args.rounding.map(|choice| match choice {
            Levels::Directed => Rounding::Directed,
            Levels::HalfUp => Rounding::HalfUp,
            Levels::Double => Rounding::Double,
        }),
        cells_rounding,
        candles: match candles(args) {
            Candles::Pessimistic => CandlePolicy::Pessimistic,
            Candles::Ohlc => CandlePolicy::Ohlc,
            Candles::Olhc => CandlePolicy::Olhc,
            Candles::Vectorbt => CandlePolicy::Vectorbt,
        },
    }
}

fn candles(args: &ReplayArgs) -> Candles {
    args.candles.unwrap_or(Candles::Pessimistic)
}

fn pace(args: &ReplayArgs) -> Pace {
    match (args.row_by_row, args.scan) {
        (true, _) => Pace::RowByRow,
        (false, true) => Pace::Scan,
        (false, false) => Pace::Leap,
    }
}

struct Bar<'a>(&'a indicatif::ProgressBar);

impl Progress for Bar<'_> {
    fn rows_done(&mut self, rows: usize) {
        self.0.set_position(rows as u64);
    }
}

fn exit_rows(job: &Job, outcome: &Outcome, candles: Candles) -> Vec<ExitRow> {
    let rows = outcome.exits.iter().map(|exit| {
        let key = exit.filled.id.episode.key;
        let number = key.account.0 as usize;
        let (position, plan) = (&job.positions[number], &job.plans[job.plan_of[number]]);
        let instrument = &job.instruments[key.instrument.0 as usize];
        let mut row = ExitRow::from_fill(
            &exit.filled,
            instrument,
            &position.id,
            exit.index,
            exit.at,
            position.strategy.as_deref(),
        );
        if candles == Candles::Vectorbt
            && let Ok(entry) = position.entry_price.to_scale(instrument.price_decimals)
            && let Some(price) =
                vectorbt::exit_price(exit, plan, ripcord_core::num::Price(entry), instrument.price_decimals)
        {
            row.price = ExitPrice::Text(price);
        }
        row
    });
    rows.collect()
}

/// A failed run leaves nothing half written.
fn write_whole(path: &Path, rows: &[ExitRow]) -> std::io::Result<()> {
    let (whole, mut file) = WholeFile::create(path)?;
    write_csv(&mut file, rows).and_then(|()| file.flush())?;
    drop(file);
    whole.keep()
}
