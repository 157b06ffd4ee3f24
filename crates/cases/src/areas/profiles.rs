//! Named plans and how they are chosen.

use ripcord_core::plan::PlanSpec;
use ripcord_core::plan::spec::LegSpec;
use ripcord_sim::plan_file::config::Keys;
use ripcord_sim::plan_file::{parse_plan, presets};
use serde_json::{Value, json};

use crate::area::{Answer, Answered};
use crate::case::Fields;
use crate::drive::{Drive, fine_instrument};
use crate::number::Number;
use crate::plans;

/// The plan that is built in under a name.
pub(crate) fn preset(name: &str) -> Result<PlanSpec, String> {
    let preset = presets::preset(name).ok_or_else(|| format!("there is no preset {name}"))?;
    parse_plan(preset.text, name).map_err(|error| error.to_string())
}

/// Legs, trailing stop and what is left of a named profile, at an entry and a stop distance.
pub(crate) fn named(input: &Fields, profile: &str) -> Result<Answer, String> {
    let words = profile.to_ascii_lowercase();
    let name = words.strip_suffix("_default").unwrap_or(&words).replace('_', "-");
    let mut spec = preset(&name)?;
    if let Some(distance) = input.maybe("sl_distance_pct")? {
        spec.stop_loss = Some(plans::stop(plans::fraction(distance)?));
    }
    let (side, entry) = (plans::side_of(input)?, input.number_or("entry", Number::whole(100))?);
    let (mut drive, plan) = Drive::with_plan(side, fine_instrument(&[entry]), &spec)?;
    drive.open(plan, Number::ONE, entry)?;
    let Some(view) = drive.view() else { return Err("nothing is held".to_owned()) };
    let written = spec.ladder.as_ref().map_or(&[][..], |ladder| &ladder.legs);
    let legs: Vec<Value> =
        written.iter().zip(&view.legs).map(|(leg, seen)| leg_shown(leg, &drive.shown(seen.target))).collect();
    let ladder = drive.core.view().plan(plan).ladder.clone();
    let left = ladder.map_or(Number::ONE, |ladder| Number::ratio(ladder.runner()));
    Answered::default()
        .with("legs", legs)
        .with("total_fraction", Number::ONE.minus(left).to_string())
        .with("trailing_leg_fraction", left.to_string())
        .with("trailing", trailing_shown(&spec))
        .done()
}

fn leg_shown(leg: &LegSpec, target: &str) -> Value {
    json!({
        "r": leg.at_r.map(|r| r.to_string()),
        "fraction": leg.close.to_string(),
        "kind": if leg.soft { "SOFT" } else { "HARD" },
        "tp_price": target,
    })
}

fn trailing_shown(spec: &PlanSpec) -> Value {
    let Some(trailing) = &spec.trailing else { return Value::Null };
    let curve: Vec<Value> =
        trailing.curve.iter().map(|point| json!([point.r.to_string(), point.fraction.to_string()])).collect();
    json!({
        "callback_pct": trailing.distance.fraction.map(|fraction| fraction.to_string()),
        "activation_r": trailing.activation_r.map(|r| r.to_string()),
        "curve": curve,
    })
}

/// How specific a choice is; `*` and the normal regime choose nothing.
pub(crate) fn specificity(input: &Fields) -> Result<Answer, String> {
    let named = |key: &str, nothing: &[&str]| {
        input.text(key).filter(|word| *word != "*" && !nothing.contains(word)).map(str::to_owned)
    };
    let keys = Keys {
        venue: None,
        instrument: named("symbol", &[]),
        strategy: named("strategy", &[]),
        regime: named("regime", &["NORMAL"]),
    };
    Answered::default().with("specificity", keys.specificity().score).done()
}
