//! What is expected against what came out.

use serde_json::{Map, Value};

use crate::area::{Answered, Ruling};
use crate::case::{Case, number_of};

/// A field that is not as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mismatch {
    pub(crate) field: String,
    pub(crate) expected: String,
    pub(crate) got: String,
}

/// Compares an answer with everything that the case expects.
pub(crate) fn compare(case: &Case, answered: &Answered) -> Vec<Mismatch> {
    let mut found = Found { case, rulings: &answered.rulings, mismatches: Vec::new() };
    found.object("", &case.expect, &answered.got);
    for (at, step) in case.steps.iter().enumerate() {
        let empty = Map::new();
        let got = answered.steps.get(at).unwrap_or(&empty);
        found.object(&format!("steps[{at}]."), &step.expect, got);
    }
    found.mismatches
}

struct Found<'a> {
    case: &'a Case,
    rulings: &'a [Ruling],
    mismatches: Vec<Mismatch>,
}

impl Found<'_> {
    fn object(&mut self, prefix: &str, expected: &Map<String, Value>, got: &Map<String, Value>) {
        for (key, expected) in expected {
            let path = format!("{prefix}{key}");
            if let Some(ruling) = self.rulings.iter().find(|ruling| ruling.path == path) {
                if let Some(is) = ruling.is.clone() {
                    self.field(&path, key, &is, got);
                }
            } else {
                self.field(&path, key, expected, got);
            }
        }
    }

    /// `x_in` is one of several for `x`, `x_contains` a part of it, `or_x` another way to be right.
    fn field(&mut self, path: &str, key: &str, expected: &Value, got: &Map<String, Value>) {
        if let Some(answer) = got.get(key) {
            self.value(path, expected, answer);
        } else if let Some(answer) = key.strip_suffix("_in").and_then(|key| got.get(key)) {
            let is_one = expected.as_array().is_some_and(|list| list.contains(answer));
            self.check(is_one, path, expected, answer);
        } else if let Some(answer) = key.strip_suffix("_contains").and_then(|key| got.get(key)) {
            let part = expected.as_str().unwrap_or_default();
            self.check(answer.as_str().is_some_and(|text| text.contains(part)), path, expected, answer);
        } else if !key.starts_with("or_") {
            self.check(false, path, expected, &Value::from("no answer: the area does not know this field"));
        }
    }

    fn value(&mut self, path: &str, expected: &Value, got: &Value) {
        match (expected, got) {
            (Value::Object(expected), Value::Object(got)) => self.object(&format!("{path}."), expected, got),
            (Value::Array(list), Value::Array(answers)) if list.len() == answers.len() => {
                for (at, (expected, got)) in list.iter().zip(answers).enumerate() {
                    let path = format!("{path}[{at}]");
                    if let Some(ruling) = self.rulings.iter().find(|ruling| ruling.path == path) {
                        if let Some(is) = ruling.is.clone() {
                            self.value(&path, &is, got);
                        }
                    } else {
                        self.value(&path, expected, got);
                    }
                }
            }
            _ => {
                let is_same = match (number_of(expected), number_of(got)) {
                    (Some(expected), Some(got)) => self.case.tolerance_of(path).allows(expected, got),
                    _ => expected == got,
                };
                self.check(is_same, path, expected, got);
            }
        }
    }

    fn check(&mut self, is_right: bool, path: &str, expected: &Value, got: &Value) {
        if !is_right {
            let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            self.mismatches.push(Mismatch {
                field: path.to_owned(),
                expected: shown(expected),
                got: shown(got),
            });
        }
    }
}
