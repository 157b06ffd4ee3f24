//! A plan as a plan file: sections in the order of the rules, every number with its digits.

use std::fmt::Write;

use ripcord_core::num::Decimal;
use ripcord_core::plan::PlanSpec;
use serde_json::{Map, Value};

use super::merge::quoted;

/// Rules in the order they are ranked; other fields stand before them.
const SECTIONS: [&str; 12] = [
    "atr",
    "hard_stop",
    "loss_guard",
    "stop_loss",
    "soft_stop",
    "trailing",
    "ladder",
    "ratchet",
    "signal_exit",
    "time_limit",
    "liquidation",
    "prices",
];
/// Fields that are text, whatever they look like.
const TEXTS: [&str; 1] = ["name"];
/// Fields that stand first, in this order.
const FIRST: [&str; 3] = ["version", "name", "enabled"];

/// Fields that only plans have.
pub(super) fn fields() -> impl Iterator<Item = &'static str> {
    SECTIONS.into_iter().chain(["name", "rounding", "leverage", "taker_fee", "tolerance", "rebase"])
}

/// The plan as TOML, which reads back as the same plan.
#[must_use]
pub fn plan_toml(plan: &PlanSpec) -> String {
    let Ok(Value::Object(fields)) = serde_json::to_value(plan) else {
        unreachable!("a plan is a table of texts, numbers and tables")
    };
    let mut text = String::new();
    for (key, value) in in_order(&fields).filter(|(key, _)| !SECTIONS.contains(key)) {
        writeln!(text, "{key} = {}", inline(key, value)).expect("text takes text");
    }
    for section in SECTIONS {
        let Some(Value::Object(fields)) = fields.get(section) else { continue };
        write!(text, "\n[{section}]\n").expect("text takes text");
        for (key, value) in in_order(fields) {
            writeln!(text, "{key} = {}", inline(key, value)).expect("text takes text");
        }
    }
    text
}

/// Fields that are given, the well-known ones first.
fn in_order(fields: &Map<String, Value>) -> impl Iterator<Item = (&str, &Value)> {
    let first = FIRST.iter().filter_map(|&key| fields.get(key).map(|value| (key, value)));
    let rest = fields.iter().map(|(key, value)| (key.as_str(), value));
    let rest = rest.filter(|(key, _)| !FIRST.contains(key));
    first.chain(rest).filter(|(_, value)| !value.is_null())
}

fn inline(key: &str, value: &Value) -> String {
    match value {
        Value::String(text) if !TEXTS.contains(&key) && text.parse::<Decimal>().is_ok() => text.clone(),
        Value::String(text) => quoted(text),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            let items: Vec<String> =
                items.iter().map(|item| format!("    {},\n", inline(key, item))).collect();
            format!("[\n{}]", items.concat())
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| inline(key, item)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(fields) => {
            let fields: Vec<String> =
                in_order(fields).map(|(key, value)| format!("{key} = {}", inline(key, value))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}
