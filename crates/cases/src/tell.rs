//! The outcome for people and for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::area::{AREAS, Handling};
use crate::run::{Outcome, Ran};

/// How many cases of an area came out which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    passed: usize,
    /// Of those passed: by a decision of Ripcord against the source.
    decided: usize,
    failed: usize,
    waits: usize,
    later: usize,
    never: usize,
}

impl Count {
    fn add(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::Passed(decisions) => {
                self.passed += 1;
                self.decided += usize::from(!decisions.is_empty());
            }
            Outcome::Failed(_) => self.failed += 1,
            Outcome::Waits(_) => self.waits += 1,
            Outcome::Later(_) => self.later += 1,
            Outcome::Never(_) => self.never += 1,
        }
    }

    fn json(self) -> Value {
        json!({
            "passed": self.passed,
            "by_decision": self.decided,
            "failed": self.failed,
            "waits": self.waits,
            "later": self.later,
            "not_applicable": self.never,
        })
    }
}

/// The areas of the results with their counts: first those that are known, in their order.
fn counts(results: &[Ran]) -> Vec<(&str, Count)> {
    let mut counts: Vec<(&str, Count)> = AREAS.iter().map(|area| (area.name, Count::default())).collect();
    for result in results {
        let at = counts.iter().position(|(name, _)| *name == result.area).unwrap_or_else(|| {
            counts.push((&result.area, Count::default()));
            counts.len() - 1
        });
        counts[at].1.add(&result.outcome);
    }
    counts.retain(|(_, count)| *count != Count::default());
    counts
}

fn total(results: &[Ran]) -> Count {
    let mut total = Count::default();
    for result in results {
        total.add(&result.outcome);
    }
    total
}

/// A table of areas, what each waits for, and every failure.
pub(crate) fn table(results: &[Ran]) -> String {
    let mut text = format!(
        "{:<28}{:>7}{:>9}{:>8}{:>7}{:>7}{:>7}\n",
        "area", "passed", "decided", "failed", "waits", "later", "n/a"
    );
    let mut row = |name: &str, count: &Count, note: &str| {
        let Count { passed, decided, failed, waits, later, never } = count;
        let line =
            format!("{name:<28}{passed:>7}{decided:>9}{failed:>8}{waits:>7}{later:>7}{never:>7}  {note}");
        text.push_str(line.trim_end());
        text.push('\n');
    };
    for (name, count) in counts(results) {
        row(name, &count, &note(name, results));
    }
    row("total", &total(results), "");
    text.push_str("\ndecided: passed by a decision of Ripcord against the source, see docs/cases.md\n");
    for result in results {
        if let Outcome::Failed(mismatches) = &result.outcome {
            for found in mismatches {
                let (id, field) = (&result.id, &found.field);
                let told =
                    writeln!(text, "FAILED {id}  {field}: expected {}, got {}", found.expected, found.got);
                told.unwrap_or_default();
            }
        }
    }
    text
}

/// What an area waits for, or why it is not run.
fn note(name: &str, results: &[Ran]) -> String {
    let handling = AREAS.iter().find(|area| area.name == name).map(|area| area.handling);
    match handling {
        Some(Handling::Later(with)) => format!("with {with}"),
        Some(Handling::Never(why)) => why.to_owned(),
        Some(Handling::Runs(_)) => {
            let mut waits: Vec<&str> = results
                .iter()
                .filter(|result| result.area == name)
                .filter_map(|result| match &result.outcome {
                    Outcome::Waits(what) => Some(what.as_str()),
                    _ => None,
                })
                .collect();
            waits.sort_unstable();
            waits.dedup();
            if waits.is_empty() { String::new() } else { format!("waits for {}", waits.join(", ")) }
        }
        None => "unknown area".to_owned(),
    }
}

/// Everything, for programs.
pub(crate) fn json(results: &[Ran]) -> Value {
    let areas: serde_json::Map<String, Value> =
        counts(results).into_iter().map(|(name, count)| (name.to_owned(), count.json())).collect();
    let cases: Vec<Value> = results.iter().map(case_json).collect();
    json!({ "total": total(results).json(), "areas": areas, "cases": cases })
}

fn case_json(result: &Ran) -> Value {
    let (word, more) = match &result.outcome {
        Outcome::Passed(decisions) => ("passed", json!({ "decisions": decisions })),
        Outcome::Failed(mismatches) => {
            let fields = mismatches
                .iter()
                .map(|found| json!({ "field": found.field, "expected": found.expected, "got": found.got }));
            ("failed", json!({ "mismatches": fields.collect::<Vec<Value>>() }))
        }
        Outcome::Waits(what) => ("waits", json!({ "for": what })),
        Outcome::Later(with) => ("later", json!({ "with": with })),
        Outcome::Never(why) => ("not_applicable", json!({ "why": why })),
    };
    json!({
        "id": result.id,
        "area": result.area,
        "conflict": result.has_conflict,
        "outcome": word,
        "detail": more,
    })
}

/// How many cases failed.
pub(crate) fn failures(results: &[Ran]) -> usize {
    total(results).failed
}
