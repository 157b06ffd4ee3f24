//! The runner itself: wrong expectations and unknown keys are told, right ones pass.

use crate::case;
use crate::run::{self, Outcome};
use crate::tell;

const SMALL: &str = r#"{"schema": "seed_cases/1", "cases": [
  {"id": "right", "area": "trigger",
   "input": {"side": "LONG", "price": "98", "active_sl": "98"}, "expect": {"sl_triggered": true}},
  {"id": "wrong", "area": "sl_direction",
   "input": {"side": "SHORT", "entry": "200", "sl_pct": "0.02"}, "expect": {"stop_loss": "203.99"}},
  {"id": "near", "area": "sl_direction", "tolerance": {"*": "abs 0.01"},
   "input": {"side": "SHORT", "entry": "200", "sl_pct": "0.02"}, "expect": {"stop_loss": "203.99"}},
  {"id": "odd_key", "area": "trigger",
   "input": {"side": "LONG", "price": "98", "colour": "red"}, "expect": {"sl_triggered": false}},
  {"id": "odd_step", "area": "trigger", "steps": [{"tick": "1", "expect": {}}],
   "input": {"side": "LONG", "price": "98"}, "expect": {"sl_triggered": false}},
  {"id": "odd_answer", "area": "trigger",
   "input": {"side": "LONG", "price": "98"}, "expect": {"mood": "good"}},
  {"id": "odd_area", "area": "weather", "input": {}, "expect": {}},
  {"id": "right", "area": "trigger", "input": {"price": "98"}, "expect": {}},
  {"id": "other_engine", "area": "harvest", "input": {"anything": "1"}, "expect": {"action": "X"}},
  {"id": "not_yet", "area": "fifo", "input": {"anything": "1"}, "expect": {"pnl": "1"}}
]}"#;

#[test]
fn wrong_expectations_and_unknown_keys_are_told() {
    let cases = case::read(SMALL).expect("a case file");
    let results = run::all(&cases);
    let fields: Vec<(&str, String)> = results
        .iter()
        .filter_map(|result| match &result.outcome {
            Outcome::Failed(mismatches) => Some((result.id.as_str(), mismatches[0].field.clone())),
            _ => None,
        })
        .collect();
    let told: Vec<(&str, &str)> = fields.iter().map(|(id, field)| (*id, field.as_str())).collect();
    assert_eq!(
        told,
        [
            ("wrong", "stop_loss"),
            ("odd_key", "input.colour"),
            ("odd_step", "steps[0].tick"),
            ("odd_answer", "mood"),
            ("odd_area", "area"),
            ("right", "id"),
        ]
    );
    assert_eq!(tell::failures(&results), 6);
    let table = tell::table(&results);
    assert!(table.contains("FAILED wrong  stop_loss: expected 203.99, got 204"), "{table}");
    assert!(table.contains("FAILED odd_key  input.colour: expected a known key"), "{table}");
    let json = tell::json(&results);
    assert_eq!(json["total"]["passed"], 2);
    assert_eq!(json["areas"]["harvest"]["not_applicable"], 1);
    assert_eq!(json["areas"]["fifo"]["later"], 1);
    assert_eq!(json["cases"][1]["detail"]["mismatches"][0]["got"], "204");
}
