//! The levels of a plan and what was found about it, as tables and as JSON.

use ripcord_core::instrument::Instrument;
use ripcord_core::num::{Price, Ratio, Round, fixed, shortest};
use ripcord_core::plan::{Finding, Severity, StackLevel, StackRow};
use ripcord_core::reason::StopOrigin;
use ripcord_sim::plan_file::Places;
use ripcord_sim::plan_file::checked::{SAMPLE_DECIMALS, finding_text};
use serde_json::{Value, json};

/// A row of a table of levels: the entry itself, or a level of the plan.
struct Line {
    what: String,
    price: String,
    away: String,
}

/// The levels of one side as a table, the entry among them, from the highest price to the lowest.
pub(crate) fn table(rows: &[StackRow], entry: Price, instrument: &Instrument) -> String {
    let mut lines: Vec<(i64, Line)> =
        rows.iter().map(|row| (row.price.0, line(row, entry, instrument))).collect();
    let own = Line {
        what: "entry".to_owned(),
        price: shown_in_table(entry, entry, instrument),
        away: String::new(),
    };
    let at = lines.iter().position(|(price, _)| *price <= entry.0).unwrap_or(lines.len());
    lines.insert(at, (entry.0, own));
    let widths =
        |of: fn(&Line) -> &str| lines.iter().map(|(_, line)| of(line).chars().count()).max().unwrap_or(0);
    let (what, price, away) =
        (widths(|line| &line.what), widths(|line| &line.price), widths(|line| &line.away));
    let texts = lines.iter().map(|(_, line)| {
        let text = format!("    {:<what$}  {:>price$}  {:>away$}", line.what, line.price, line.away);
        format!("{}\n", text.trim_end())
    });
    texts.collect()
}

/// The levels of one side as JSON.
pub(crate) fn json(rows: &[StackRow], entry: Price, instrument: &Instrument) -> Value {
    let rows = rows.iter().map(|row| {
        json!({
            "what": row.what.words(),
            "price": shown(row.price, instrument),
            "from_entry": shortest(i128::from(from_entry(row.price, entry).0), Ratio::DECIMALS).to_string(),
            "origin": row.origin.map(origin),
        })
    });
    Value::Array(rows.collect())
}

/// What was found about a plan: a line each, and below it where the plan says it.
pub(crate) fn findings(found: &[Finding], places: &Places) -> String {
    let told = found.iter().map(|finding| {
        let (severity, place) = (word(finding.severity), places.of(&finding.field));
        format!("  {severity}: {}\n    at {place}\n", finding_text(finding))
    });
    told.collect()
}

/// What was found about a plan, as JSON.
pub(crate) fn findings_json(found: &[Finding], places: &Places) -> Value {
    let found = found.iter().map(|finding| {
        let place = places.of(&finding.field);
        json!({
            "file": *place.file,
            "line": place.line,
            "column": place.column,
            "code": finding.code,
            "severity": word(finding.severity),
            "field": finding.field,
            "value": finding.value,
            "limit": finding.limit,
            "what": finding.what,
        })
    });
    Value::Array(found.collect())
}

const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Fault => "fault",
        Severity::Warning => "warning",
    }
}

/// A price with the instrument's digits; exact, and as few as it needs, where no instrument is known.
pub(crate) fn shown(price: Price, instrument: &Instrument) -> String {
    let decimals = instrument.price_decimals;
    if decimals == SAMPLE_DECIMALS {
        return shortest(i128::from(price.0), decimals).to_string();
    }
    fixed(i128::from(price.0), decimals).to_string()
}

/// The same for a table: where no instrument is known, four digits are enough above 1; half up.
fn shown_in_table(price: Price, entry: Price, instrument: &Instrument) -> String {
    const DECIMALS: u8 = 4;
    let whole = 10_i64.pow(u32::from(SAMPLE_DECIMALS));
    if instrument.price_decimals != SAMPLE_DECIMALS || entry.0 < whole {
        return fixed(i128::from(price.0), instrument.price_decimals).to_string();
    }
    let dropped = 10_i128.pow(u32::from(SAMPLE_DECIMALS - DECIMALS));
    fixed(Round::HalfUp.divide(i128::from(price.0), dropped), DECIMALS).to_string()
}

fn line(row: &StackRow, entry: Price, instrument: &Instrument) -> Line {
    let by = match row.origin {
        Some(StopOrigin::Initial) | None => String::new(),
        Some(by) => format!(" ({})", origin(by)),
    };
    // Hundredths of a percent are enough to read; the price is exact.
    let bps = Round::HalfUp.divide(i128::from(from_entry(row.price, entry).0), 100_000);
    let sign = if bps > 0 { "+" } else { "" };
    let away = format!("{sign}{} %", fixed(bps, 2));
    let what = match row.what {
        StackLevel::SignalProfit | StackLevel::TimeLimit => format!("{} (net)", row.what.words()),
        what => what.words(),
    };
    Line { what: format!("{what}{by}"), price: shown_in_table(row.price, entry, instrument), away }
}

/// How far a price is from the entry, as a share of it; half up.
fn from_entry(price: Price, entry: Price) -> Ratio {
    let one = i128::from(Ratio::ONE.0);
    let share = Round::HalfUp.divide(i128::from(price.0 - entry.0) * one, i128::from(entry.0));
    Ratio(i64::try_from(share).unwrap_or(i64::MAX))
}

const fn origin(origin: StopOrigin) -> &'static str {
    match origin {
        StopOrigin::Initial => "initial",
        StopOrigin::Ratchet => "ratchet",
        StopOrigin::RiskFloor => "risk floor",
        StopOrigin::Liquidation => "liquidation",
        StopOrigin::TrailingStep => "trailing step",
        StopOrigin::Moved => "moved",
    }
}
