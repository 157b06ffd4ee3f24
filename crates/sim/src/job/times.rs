//! Whether the times of positions and of prices meet.

use std::collections::BTreeMap;

use ripcord_core::Coordinator;
use ripcord_core::id::InstrumentId;
use ripcord_core::market::PriceSource;
use ripcord_core::time::Span;

use super::{EntryAt, JobError, JobSpec, PlannedOpening, PositionRow, RowEntry, Stream};

/// The year 2200, in nanoseconds: timers behind it still have room.
const TIME_MAX: i64 = 7_258_118_400_000_000_000;

/// A position that opens before the first price by no more than this is not told: tapes are cut at round
/// times, and what is counted in hours from the entry hardly moves.
const EARLY_MAX: Span = Span::from_secs(60);

/// Refuses times that leave no room for timers, and positions that open after the last price. Positions that
/// open long before the first one are noted: what is counted from the entry passed unseen.
pub(super) fn times_in_reach(
    spec: &JobSpec,
    streams: &[Stream],
    rows: &[PositionRow],
    openings: &[PlannedOpening],
    coordinator: &Coordinator,
    notes: &mut Vec<String>,
) -> Result<(), JobError> {
    let last = streams.iter().filter_map(|stream| stream.tape.ts().last()).max().copied();
    if let Some(last) = last.filter(|&last| last > TIME_MAX) {
        let text =
            format!("a market file has a row at {last} ns, which is after the year 2200; correct its times");
        return Err(JobError::Market(text));
    }
    let first_of = |id: InstrumentId| {
        let cells = PriceSource::ALL.map(|source| coordinator.cell(id, source));
        let own = streams.iter().filter(|stream| stream.cells == cells);
        own.filter_map(|stream| stream.tape.ts().first()).min().copied()
    };
    let mut firsts: BTreeMap<InstrumentId, Option<i64>> = BTreeMap::new();
    let mut early: Vec<(&PositionRow, Span)> = Vec::new();
    for (row, planned) in rows.iter().zip(openings) {
        let RowEntry::Time(_) = row.entry else { continue };
        let EntryAt::Time(at) = planned.at else { continue };
        if last.is_some_and(|last| at.0 > last) {
            return Err(JobError::Position {
                file: spec.positions.display().to_string(),
                line: row.line,
                id: row.id.clone(),
                column: "entry_ts",
                value: at.0.to_string(),
                must: format!(
                    "after the last price of the market files ({}); nothing would be replayed",
                    last.unwrap_or(0)
                ),
            });
        }
        let id = planned.opening.key.instrument;
        let first = *firsts.entry(id).or_insert_with(|| first_of(id));
        let before = first.map_or(Span::ZERO, |first| Span(first.saturating_sub(at.0)));
        if before > EARLY_MAX {
            early.push((row, before));
        }
    }
    notes.extend(told(spec, &early));
    Ok(())
}

/// What is told of positions that open before the prices begin: the one with the longest gap.
fn told(spec: &JobSpec, early: &[(&PositionRow, Span)]) -> Option<String> {
    let (row, before) = early.iter().max_by_key(|(_, before)| *before)?;
    let more = match early.len() - 1 {
        0 => String::new(),
        1 => " (1 more position opens before the prices begin)".to_owned(),
        more => format!(" ({more} more positions open before the prices begin)"),
    };
    Some(format!(
        "{}:{}: position {}: entry_ts is {} before the first price of {}: what happened between is not known, and time limits count from the entry; give prices from the entry on, or correct the time{more}",
        spec.positions.display(),
        row.line,
        row.id,
        long(*before),
        row.symbol
    ))
}

/// A span in its two largest units: `577 d 3 h`.
fn long(span: Span) -> String {
    let seconds = span.0 / 1_000_000_000;
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut left = seconds;
    let counts = units.map(|(unit, word)| {
        let count = left / unit;
        left %= unit;
        (count, word)
    });
    let told = counts.iter().skip_while(|(count, _)| *count == 0).take(2).filter(|(count, _)| *count > 0);
    told.map(|(count, word)| format!("{count} {word}")).collect::<Vec<_>>().join(" ")
}
