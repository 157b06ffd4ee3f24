//! What a replay tells at its end, as text and as JSON.

use std::time::Duration;

use ripcord_core::event::AlarmKind;
use ripcord_report::alarm;
use ripcord_report::exits::ExitRow;
use ripcord_report::open::OpenRow;
use ripcord_report::render::{json, table};
use ripcord_report::summary::{By, Summary};
use ripcord_sim::job::Job;
use ripcord_sim::replay::Outcome;
use serde_json::{Value, json};

use crate::output::plural;

/// Open positions that are listed one by one; `--json` lists all.
const OPEN_LISTED_MAX: usize = 20;

/// The end of a replay.
pub(super) struct Told<'a> {
    pub(super) job: &'a Job,
    pub(super) outcome: &'a Outcome,
    pub(super) rows: &'a [ExitRow],
    pub(super) open: &'a [OpenRow],
    pub(super) notes: &'a [String],
    pub(super) read: Duration,
    pub(super) took: Duration,
}

/// The positions that are still open, at the last price.
pub(super) fn open_rows(job: &Job) -> Vec<OpenRow> {
    let views = job.replay.desk.coordinator.view().positions();
    let rows = views.map(|view| {
        let key = view.episode.key;
        let row = &job.positions[key.account.0 as usize];
        let instrument = &job.instruments[key.instrument.0 as usize];
        OpenRow::of(&view, instrument, &row.id, row.strategy.as_deref())
    });
    rows.collect()
}

impl Told<'_> {
    pub(super) fn json(&self) -> String {
        let summary = Summary::of(self.rows, By::Reason);
        let alarms = self.alarms().into_iter().map(
            |(what, count)| json!({ "what": alarm::code(what), "text": alarm::words(what), "count": count }),
        );
        let value = json!({
            "records": self.job.records,
            "positions": self.job.positions.len(),
            "opened": self.outcome.opened,
            "closed": self.outcome.closed,
            "open": self.open.len(),
            "open_positions": self.open.iter().map(json::open).collect::<Vec<Value>>(),
            "unrealised_pnl": json::unrealised(self.open),
            "net_is_after": self.net_is_after(),
            "read_ms": self.read.as_millis() as u64,
            "replay_us": self.took.as_micros() as u64,
            "notes": self.notes,
            "alarms": alarms.collect::<Vec<Value>>(),
            "by_reason": json::summary(&summary),
            "exits": self.rows.iter().map(json::exit).collect::<Vec<Value>>(),
        });
        format!("{value:#}\n")
    }

    pub(super) fn text(&self, colours: bool) -> String {
        let mut text = if self.rows.is_empty() {
            "no exits\n".to_owned()
        } else {
            let summary = Summary::of(self.rows, By::Reason);
            format!("{}\n{}\n", table::summary(&summary, colours), self.net_words())
        };
        if !self.open.is_empty() {
            text.push('\n');
            text += &table::open(self.open, OPEN_LISTED_MAX, table::WIDTH, colours);
            text += "unrealised is gross, at the last price, and not in the net above\n";
        }
        text.push('\n');
        for (what, count) in self.alarms() {
            let times = if count == 1 { String::new() } else { format!(" ({count} times)") };
            text += &format!("alarm: {}{times}\n", alarm::words(what));
        }
        let positions = self.job.positions.len();
        text += &format!(
            "{} {}, {positions} {}: {} closed, {} still open, {} never opened\nread in {:.3} s, replayed in {:.3} s\n",
            self.job.records,
            plural(self.job.records, "record"),
            plural(positions as u64, "position"),
            self.outcome.closed,
            self.open.len(),
            positions as u64 - self.outcome.opened,
            self.read.as_secs_f64(),
            self.took.as_secs_f64(),
        );
        text
    }

    fn has_entry_fees(&self) -> bool {
        self.job.positions.iter().any(|row| row.entry_fees.is_some())
    }

    fn net_is_after(&self) -> &'static [&'static str] {
        if self.has_entry_fees() {
            &["entry_fees", "exit_fees", "funding"]
        } else {
            &["exit_fees", "funding"]
        }
    }

    fn net_words(&self) -> &'static str {
        if self.has_entry_fees() {
            "net = gross - entry fees (the closed share) - exit fees - funding"
        } else {
            "net = gross - exit fees - funding; entry fees are not in it (positions have no entry_fees)"
        }
    }

    /// Each kind of alarm with its number, in the order of their first.
    fn alarms(&self) -> Vec<(AlarmKind, usize)> {
        let mut counts: Vec<(AlarmKind, usize)> = Vec::new();
        for &(_, _, kind) in &self.outcome.alarms {
            match counts.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, count)) => *count += 1,
                None => counts.push((kind, 1)),
            }
        }
        counts
    }
}
