//! `ripcord report`: what exits were worth, by reason, source, strategy or symbol.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use ripcord_core::time::{Span, Timestamp};
use ripcord_report::exits::{ExitRow, read_csv};
use ripcord_report::records::{RecordsError, exits_of};
use ripcord_report::render::{json, table};
use ripcord_report::summary::{By, Summary};
use ripcord_service::names::rfc3339;
use ripcord_sim::positions::parse_time;
use serde_json::{Value, json};

use crate::content::{Content, content};
use crate::explain;
use crate::output::{BAD_REQUEST, colours, fail, note, plural, print};

mod store;
mod uncovered;

/// Options of `report`.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("input").required(true).multiple(true).args(["files", "exits", "records"])))]
pub(crate) struct ReportArgs {
    /// A store, a bot's database whose trade records were adopted, or exits and records files: the content says which
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Exits files, written by `ripcord replay --exits FILE`
    #[arg(long, num_args = 1.., value_name = "FILE")]
    exits: Vec<PathBuf>,
    /// Records files, written by `ripcord replay --records FILE`; they know symbols and strategies
    #[arg(long, num_args = 1.., value_name = "FILE")]
    records: Vec<PathBuf>,
    /// What exits are grouped by; may be given several times
    #[arg(long, value_enum, default_value = "reason")]
    by: Vec<Grouping>,
    /// Leave earlier exits out: a time (RFC 3339), a date, or an age before the newest exit such as 7d or 24h
    #[arg(long, value_name = "WHEN", value_parser = parse_since, allow_hyphen_values = true)]
    since: Option<Since>,
    /// Also say how long positions were without a stop, as the ledger of a store or every record of records files says
    #[arg(long)]
    unprotected: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Grouping {
    /// Why the quantity was closed
    Reason,
    /// Who closed it
    Source,
    /// The strategy that opened the position
    Strategy,
    /// The instrument
    Symbol,
}

/// From when on exits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Since {
    At(Timestamp),
    /// Before the newest exit: a report has no clock.
    Age(Span),
}

pub(crate) fn run(args: &ReportArgs) -> ExitCode {
    match sort_out(args) {
        Ok(Input::Files { exits, records }) => of_files(args, &exits, &records),
        Ok(Input::Store(path)) => store::run(args, path),
        Err(error) => fail(BAD_REQUEST, &error),
    }
}

/// What there is to report on.
enum Input<'a> {
    /// Every closing fill.
    Files { exits: Vec<&'a Path>, records: Vec<&'a Path> },
    /// A ledger, which can be summed where it is.
    Store(&'a Path),
}

/// Sorts what was given by what it holds.
fn sort_out(args: &ReportArgs) -> Result<Input<'_>, String> {
    let all: Vec<&Path> =
        args.files.iter().chain(&args.exits).chain(&args.records).map(PathBuf::as_path).collect();
    let mut exits: Vec<&Path> = args.exits.iter().map(PathBuf::as_path).collect();
    let mut records: Vec<&Path> = args.records.iter().map(PathBuf::as_path).collect();
    for &path in &all {
        let content = content(path)?;
        match content {
            Content::Sqlite if all.len() > 1 => {
                return Err(format!("{} is a store: report on it alone", path.display()));
            }
            Content::Sqlite => return Ok(Input::Store(path)),
            Content::Records if args.files.iter().any(|file| file == path) => records.push(path),
            Content::Text if args.files.iter().any(|file| file == path) => exits.push(path),
            // An option says what its file must be; its reader says when it is not.
            Content::Records | Content::Text => {}
        }
    }
    Ok(Input::Files { exits, records })
}

fn of_files(args: &ReportArgs, exits: &[&Path], records: &[&Path]) -> ExitCode {
    let rows = match read_all(args, exits, records) {
        Ok(rows) => rows,
        Err(unread) => return unread.told(),
    };
    let read = rows.len();
    let from = args.since.and_then(|since| start(since, &rows));
    let newest = rows.iter().map(|row| row.exit_ts).max();
    let rows: Vec<ExitRow> =
        rows.into_iter().filter(|row| from.is_none_or(|from| row.exit_ts >= from)).collect();
    let left_out = read - rows.len();
    if rows.is_empty() {
        note(&nothing_left(from, newest, left_out));
    }
    let summaries: Vec<Summary> = groupings(args).into_iter().map(|by| Summary::of(&rows, by)).collect();
    let uncovered = match uncovered::of_records(if args.unprotected { records } else { &[] }) {
        Ok(uncovered) => uncovered,
        Err(error) => return Unread::from(error).told(),
    };
    if args.json {
        let value = json!({
            "since_ns": from.map(|from| from.0),
            "fills": rows.len(),
            "unprotected": uncovered.as_ref().map(uncovered::Told::json),
            "fills_left_out": left_out,
            "summaries": summaries.iter().map(json::summary).collect::<Vec<Value>>(),
        });
        return print(&format!("{value:#}\n"));
    }
    let mut text = String::new();
    if rows.is_empty() {
        text += "no exits\n";
    } else {
        for summary in &summaries {
            text += &table::summary(summary, colours());
            text += "\n";
        }
        text += "net = gross - fees - funding; fees are those of exits and the closed share of entry fees.\n";
        text +=
            "Wins, losses and rates count positions, not fills; break-even ones are not in the win rate.\n";
    }
    text += &uncovered.map_or_else(String::new, |told| told.text());
    if left_out > 0 {
        text +=
            &format!("{left_out} earlier fills are left out; a position counts with its later fills only.\n");
    }
    print(&text)
}

/// Why there is nothing to report.
fn nothing_left(from: Option<Timestamp>, newest: Option<Timestamp>, left_out: usize) -> String {
    match (from, newest) {
        (Some(from), Some(newest)) if left_out > 0 => {
            let (from, newest) = (rfc3339(from), rfc3339(newest));
            let fills = plural(left_out as u64, "fill");
            format!("--since {from} leaves nothing of {left_out} {fills}; the newest is at {newest}")
        }
        _ => "there are no exits in the files: no position was closed".to_owned(),
    }
}

/// What is asked for, each once.
fn groupings(args: &ReportArgs) -> Vec<By> {
    let mut asked: Vec<Grouping> = Vec::new();
    for &by in &args.by {
        if !asked.contains(&by) {
            asked.push(by);
        }
    }
    let by = asked.iter().map(|by| match by {
        Grouping::Reason => By::Reason,
        Grouping::Source => By::Source,
        Grouping::Strategy => By::Strategy,
        Grouping::Symbol => By::Symbol,
    });
    by.collect()
}

/// Why a file gives no rows, and the exit code.
struct Unread {
    code: u8,
    why: String,
}

impl Unread {
    fn told(&self) -> ExitCode {
        fail(self.code, &self.why)
    }
}

impl From<String> for Unread {
    fn from(why: String) -> Self {
        Self { code: BAD_REQUEST, why }
    }
}

impl From<RecordsError> for Unread {
    fn from(error: RecordsError) -> Self {
        Self { code: explain::code_of(&error), why: error.to_string() }
    }
}

/// The rows of all files. A name of a position means one position within one file.
fn read_all(args: &ReportArgs, exits: &[&Path], records: &[&Path]) -> Result<Vec<ExitRow>, Unread> {
    let files: Vec<&Path> = exits.iter().chain(records).copied().collect();
    for (number, file) in files.iter().enumerate() {
        if files[..number].contains(file) {
            return Err(format!("{} is given twice; its exits would count twice", file.display()).into());
        }
    }
    let mut all = Vec::new();
    for &path in exits {
        let rows = read_exits(path)?;
        if args.by.contains(&Grouping::Strategy) && rows.iter().all(|row| row.strategy.is_none()) {
            note(&format!(
                "{}: has no strategies; --records FILE has those of the positions file",
                path.display()
            ));
        }
        if args.by.contains(&Grouping::Symbol)
            && rows.iter().all(|row| row.symbol.is_empty() || row.symbol == "-")
        {
            note(&format!("{}: has no symbols; --records FILE has them", path.display()));
        }
        add(&mut all, path, rows, files.len());
    }
    for &path in records {
        let rows = explain::open(path).and_then(|mut records| exits_of(&mut records));
        add(&mut all, path, rows?, files.len());
    }
    Ok(all)
}

fn read_exits(path: &Path) -> Result<Vec<ExitRow>, String> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| format!("{name}: {error}"))?;
    read_csv(&name, BufReader::new(file)).map_err(|error| error.to_string())
}

fn add(all: &mut Vec<ExitRow>, path: &Path, rows: Vec<ExitRow>, files: usize) {
    all.extend(rows.into_iter().map(|mut row| {
        if files > 1 {
            row.position_id = format!("{}: {}", path.display(), row.position_id);
        }
        row
    }));
}

fn start(since: Since, rows: &[ExitRow]) -> Option<Timestamp> {
    match since {
        Since::At(at) => Some(at),
        Since::Age(age) => {
            let newest = rows.iter().map(|row| row.exit_ts).max()?;
            Some(Timestamp(newest.0.saturating_sub(age.0)))
        }
    }
}

/// An age, a date, or a time.
pub(crate) fn parse_since(text: &str) -> Result<Since, String> {
    const MUST: &str = "must be a time such as 2026-01-31T09:30:00Z, a date such as 2026-01-31, or an age such as 7d, 24h, 30m";
    let unit_ns = match text.as_bytes().last() {
        Some(b'w') => Some(7 * 86_400_000_000_000),
        Some(b'd') => Some(86_400_000_000_000),
        Some(b'h') => Some(3_600_000_000_000),
        Some(b'm') => Some(60_000_000_000),
        Some(b's') => Some(1_000_000_000_i64),
        _ => None,
    };
    if let Some(unit) = unit_ns {
        let count = &text[..text.len() - 1];
        let is_number = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
        let count: i64 = is_number.then(|| count.parse().ok()).flatten().ok_or(MUST)?;
        let age = count.checked_mul(unit).ok_or("is longer than nanoseconds can count, 292 years")?;
        return Ok(Since::Age(Span(age)));
    }
    let time =
        if text.len() == 10 && text.contains('-') { format!("{text}T00:00:00Z") } else { text.to_owned() };
    let at = parse_time(&time).map_err(|_| MUST)?;
    Ok(Since::At(Timestamp(at)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_is_a_time_a_date_or_an_age() {
        let day = 86_400_000_000_000;
        for (text, wanted) in [
            ("7d", Some(Since::Age(Span(7 * day)))),
            ("24h", Some(Since::Age(Span(day)))),
            ("0s", Some(Since::Age(Span(0)))),
            ("2w", Some(Since::Age(Span(14 * day)))),
            ("1970-01-02", Some(Since::At(Timestamp(day)))),
            ("1970-01-02T00:00:00Z", Some(Since::At(Timestamp(day)))),
            ("d", None),
            ("-1d", None),
            ("1.5h", None),
            ("yesterday", None),
            ("2026-02-30", None),
            ("", None),
            ("999999999999d", None),
        ] {
            assert_eq!(parse_since(text).ok(), wanted, "{text}");
        }
    }
}
