//! `ripcord report` on a store: the ledger is summed where it is.

use std::path::Path;
use std::process::ExitCode;

use ripcord_core::reason::Source;
use ripcord_ledger::vocabulary::{REASONS, SOURCES};
use ripcord_report::exits::Ended;
use ripcord_report::render::{json, table};
use ripcord_report::summary::{Part, Parts, Summary};
use ripcord_store::ledger::{self, LedgerFile, PartEnd, ReportPart};
use serde_json::{Value, json};

use super::{ReportArgs, groupings};
use crate::ledger as command;
use crate::output::{colours, fail, print, refuse_store};

/// What a ledger says of exits.
struct Told {
    since_ns: Option<i64>,
    summaries: Vec<Summary>,
    /// Closing orders of which nobody knows what they made.
    unknown: u64,
}

pub(super) fn run(args: &ReportArgs, path: &Path) -> ExitCode {
    let file = match command::open(path) {
        Ok(file) => file,
        Err(error) => return refuse_store(&error),
    };
    // What a ledger says is worth as much as the journal that it was derived from.
    if let LedgerFile::Store(reader) = &file
        && let Err(error) = reader.check()
    {
        return refuse_store(&error);
    }
    let told = match sum(args, &file) {
        Ok(told) => told,
        Err(error) => return fail(1, &format!("{}: {error}", path.display())),
    };
    let uncovered = match args.unprotected.then(|| super::uncovered::of_ledger(&file)).transpose() {
        Ok(uncovered) => uncovered.flatten(),
        Err(error) => return refuse_store(&error),
    };
    if args.json {
        let fills = told.summaries.first().map_or(0, |summary| summary.total.fills);
        let value = json!({
            "since_ns": told.since_ns,
            "fills": fills,
            "orders_of_unknown_profit": told.unknown,
            "unprotected": uncovered.as_ref().map(super::uncovered::Told::json),
            "summaries": told.summaries.iter().map(json::summary).collect::<Vec<Value>>(),
        });
        return print(&format!("{value:#}\n"));
    }
    let mut text = String::new();
    for summary in &told.summaries {
        text += &table::summary(summary, colours());
        text += "\n";
    }
    text +=
        "Wins, losses and rates count positions, not fills; break-even positions are not in the win rate.\n";
    text += &uncovered.map_or_else(String::new, |told| told.text());
    if told.unknown > 0 {
        text += &format!(
            "{} closing orders are left out: what they closed has no known cost, so their profit is unknown.\n",
            told.unknown
        );
    }
    print(&text)
}

fn sum(args: &ReportArgs, file: &LedgerFile) -> Result<Told, String> {
    let since_ns = command::start(args.since, file).map_err(|error| error.to_string())?;
    let mut parts = Parts::new(&groupings(args));
    let mut faulty = None;
    let unknown = ledger::report_parts(file.connection(), since_ns, |part| match known(&part) {
        Ok(part) => parts.take(&part),
        Err(word) => faulty = Some(word),
    });
    let unknown = unknown.map_err(|error| error.to_string())?;
    if let Some(word) = faulty {
        return Err(format!(
            "trade_records: {word} is no reason or source; `ripcord ledger rebuild` derives the rows again"
        ));
    }
    Ok(Told { since_ns, summaries: parts.finish(), unknown })
}

fn known<'a>(part: &ReportPart<'a>) -> Result<Part<'a>, String> {
    let reason = REASONS.into_iter().find(|reason| reason.word() == part.reason);
    // An adopted record does not say who.
    let said = if part.source.is_empty() { Source::Unknown.word() } else { part.source };
    let source = SOURCES.into_iter().find(|source| source.word() == said);
    Ok(Part {
        reason: reason.ok_or(part.reason)?,
        source: source.ok_or(part.source)?,
        position: part.position,
        symbol: part.symbol,
        strategy: part.strategy,
        fills: part.fills,
        gross: part.gross,
        fees: part.fees,
        funding: part.funding,
        net: part.net(),
        ended: match part.end {
            PartEnd::Open => Ended::Open,
            PartEnd::Closed => Ended::Closed,
            PartEnd::Unknown => Ended::Unknown,
        },
    })
}
