//! Runs cases: finds the area, checks the keys, asks the core, compares.

use std::collections::BTreeMap;

use crate::area::{self, AREAS, Answer, Handling, Ruling};
use crate::case::Case;
use crate::compare::{Mismatch, compare};

/// How a case came out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// As expected; the reasons of the fields that Ripcord decides otherwise.
    Passed(Vec<String>),
    Failed(Vec<Mismatch>),
    /// The core does not have this yet.
    Waits(String),
    /// Joins with a later part.
    Later(String),
    /// The product decided against it.
    Never(String),
}

/// A case and how it came out.
#[derive(Debug, Clone)]
pub(crate) struct Ran {
    pub(crate) id: String,
    pub(crate) area: String,
    pub(crate) has_conflict: bool,
    pub(crate) outcome: Outcome,
}

/// Runs every case.
pub(crate) fn all(cases: &[Case]) -> Vec<Ran> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut results = Vec::new();
    for case in cases {
        let times = seen.entry(case.id.as_str()).or_default();
        *times += 1;
        let outcome = if *times > 1 {
            failed("id", "an id of its own", "an id that was used before")
        } else {
            one(case)
        };
        results.push(Ran {
            id: case.id.clone(),
            area: case.area.clone(),
            has_conflict: case.has_conflict,
            outcome,
        });
    }
    results
}

fn one(case: &Case) -> Outcome {
    let Some(area) = area::find(&case.area) else {
        let known: Vec<&str> = AREAS.iter().map(|area| area.name).collect();
        return failed("area", &format!("one of {}", known.join(", ")), &case.area);
    };
    let unknown = area.unknown_keys(case);
    if !unknown.is_empty() {
        return Outcome::Failed(
            unknown.iter().map(|key| mismatch(key, "a known key", "an unknown key")).collect(),
        );
    }
    let run = match area.handling {
        Handling::Runs(run) => run,
        Handling::Later(with) => return Outcome::Later(with.to_owned()),
        Handling::Never(why) => return Outcome::Never(why.to_owned()),
    };
    match run(case) {
        Err(why) => failed("case", "an answer", &why),
        Ok(Answer::Waits(what)) => Outcome::Waits(what.to_owned()),
        Ok(Answer::Got(mut answered)) => {
            let mismatches = compare(case, &answered);
            if !mismatches.is_empty() {
                return Outcome::Failed(mismatches);
            }
            let rulings = std::mem::take(&mut answered.rulings);
            Outcome::Passed(decisions(&compare(case, &answered), &rulings))
        }
    }
}

/// The rulings that were needed: a ruling that the source agrees with decides nothing.
fn decisions(differences: &[Mismatch], rulings: &[Ruling]) -> Vec<String> {
    let needed = rulings.iter().filter(|ruling| differences.iter().any(|field| field.field == ruling.path));
    needed.map(|ruling| format!("{}: {}", ruling.path, ruling.why)).collect()
}

fn failed(field: &str, expected: &str, got: &str) -> Outcome {
    Outcome::Failed(vec![mismatch(field, expected, got)])
}

fn mismatch(field: &str, expected: &str, got: &str) -> Mismatch {
    Mismatch { field: field.to_owned(), expected: expected.to_owned(), got: got.to_owned() }
}
