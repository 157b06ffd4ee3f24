//! Where levels are: stops, targets, activations, and whether a price is at one.

use ripcord_core::num::Ratio;
use ripcord_core::plan::trailing::Trail;
use ripcord_core::plan::{Average, LevelRule, Rounding};
use ripcord_core::reason::Reason;
use ripcord_core::watch::TrailDistance;
use serde_json::Value;

use super::profiles;
use crate::area::{Answer, Answered};
use crate::case::{Case, Fields, number_of};
use crate::drive::{Drive, FIRST, fine_instrument};
use crate::number::Number;
use crate::plans;

/// A price at, or just not at, a stop and a target.
pub(crate) fn trigger(case: &Case) -> Result<Answer, String> {
    let input = &case.input;
    let (side, price) = (plans::side_of(input)?, input.number("price")?);
    let (stop, target) = (input.maybe("active_sl")?, input.maybe("tp_price")?);
    let mut spec = plans::empty();
    if let Some(target) = target {
        spec.ladder = Some(plans::target(plans::Target::Price(target))?);
    }
    let mut prices = vec![price];
    prices.extend(stop);
    prices.extend(target);
    let (mut drive, plan) = Drive::with_plan(side, fine_instrument(&prices), &spec)?;
    drive.open(plan, Number::ONE, price)?;
    if let Some(stop) = stop {
        drive.move_stop(stop)?;
    }
    drive.tick(price)?;
    let held =
        |reason| drive.decided().is_some_and(|decided| decided.held.iter().any(|held| held.reason == reason));
    Answered::default()
        .with("sl_triggered", held(Reason::StopLoss))
        .with("tp_triggered", held(Reason::TakeProfit))
        .done()
}

/// A price against a stop and a target that are fractions of the entry.
pub(crate) fn threshold(case: &Case) -> Result<Answer, String> {
    let input = &case.input;
    let (side, entry, price) = (plans::side_of(input)?, input.number("entry")?, input.number("price")?);
    let mut spec = plans::empty();
    if let Some(stop) = input.maybe("sl_pct")? {
        spec.stop_loss = Some(plans::stop(plans::fraction(stop.magnitude())?));
    }
    if let Some(target) = input.maybe("tp_pct")? {
        spec.ladder = Some(plans::target(plans::Target::Fraction(target))?);
    }
    let (mut drive, plan) = Drive::with_plan(side, fine_instrument(&[entry, price]), &spec)?;
    drive.open(plan, Number::ONE, entry)?;
    drive.tick(price)?;
    Answered::default().with("triggered", drive.decided().is_some()).done()
}

/// Targets from multiples of R, legs that are refused, named profiles.
pub(crate) fn tp_profile(case: &Case) -> Result<Answer, String> {
    let input = &case.input;
    if let Some(profile) = input.text("profile") {
        return profiles::named(input, profile);
    }
    if ["symbol", "strategy", "regime"].iter().any(|key| input.has(key)) {
        return profiles::specificity(input);
    }
    if let Some(leg) = input.object("leg") {
        return leg_is_valid(&leg);
    }
    let (side, entry) = (plans::side_of(input)?, input.number("entry")?);
    let mut spec = plans::empty();
    spec.stop_loss = Some(plans::stop(plans::fraction(input.number("sl_distance_pct")?)?));
    spec.ladder = Some(plans::target(plans::Target::R(input.number("r_multiple")?))?);
    let (mut drive, plan) = Drive::with_plan(side, fine_instrument(&[entry]), &spec)?;
    drive.open(plan, Number::ONE, entry)?;
    let target = drive.view().and_then(|view| view.legs.first().map(|leg| leg.target));
    Answered::default().with("tp_price", target.map(|target| drive.shown(target))).done()
}

fn leg_is_valid(leg: &Fields) -> Result<Answer, String> {
    let mut spec = plans::empty();
    spec.stop_loss = Some(plans::stop(plans::fraction(Number::ONE.percent())?));
    let leg = plans::leg(leg.number("fraction")?, plans::Target::R(leg.number("r")?))?;
    spec.ladder = Some(plans::ladder(vec![leg], ripcord_core::plan::spec::LegOfSpec::Remaining));
    let is_refused = spec.resolve(FIRST, &fine_instrument(&[])).is_err();
    Answered::default().with("error", is_refused).done()
}

/// The distance of a trailing stop that tightens with R.
pub(crate) fn trailing_profile(case: &Case) -> Result<Answer, String> {
    let input = &case.input;
    let side = plans::side_of(input)?;
    let entry = input.number_or("entry", Number::whole(100))?;
    // R is a hundredth of the entry, so that any multiple of it is a price.
    let risk = Number::ONE.percent();
    let mut spec = plans::empty();
    spec.stop_loss = Some(plans::stop(plans::fraction(risk)?));
    let base = input.number_or("callback_pct", risk.times(Number::whole(99)))?;
    let activation = input.maybe("activation_r")?.map(|r| r.times(risk));
    let mut trailing = plans::trailing(activation, plans::fraction(base)?)?;
    trailing.curve = plans::curve(&curve_points(input)?)?;
    spec.trailing = Some(trailing);
    let instrument = fine_instrument(&[entry]);
    let plan =
        spec.resolve(FIRST, &instrument).map_err(|faults| format!("the plan is refused: {faults:?}"))?;
    let Some(trailing) = plan.trailing else { return Err("the plan lost its trailing stop".to_owned()) };
    let points = |of: fn(&ripcord_core::plan::trailing::CurvePoint) -> Ratio| -> Vec<Value> {
        let shown = |point| Value::from(Number::ratio(of(point)).to_string());
        trailing.curve.iter().map(shown).collect()
    };
    let answered = Answered::default().with("sorted_thresholds", points(|point| point.r));
    let Some(current) = input.maybe("current_r")? else { return answered.done() };
    let cost = i128::from(entry.price(instrument.price_decimals)?.0);
    let trail = Trail {
        side,
        entry: Average { cost, qty: 1 },
        risk: Some(entry.times(risk).units(instrument.price_decimals)?),
        atr: None,
        rule: LevelRule::new(Rounding::Directed, &instrument),
    };
    let best = plans::moved(side, entry, current.times(risk)).price(instrument.price_decimals)?;
    let distance = match trailing.regime(best, &trail).distance {
        TrailDistance::Share(share) => Number::ratio(Ratio(share)),
        TrailDistance::Price(_) => return Err("the distance is a price; it must be a fraction".to_owned()),
    };
    answered.with("callback_pct", distance.to_string()).done()
}

fn curve_points(input: &Fields) -> Result<Vec<(Number, Number)>, String> {
    let list = input.0.get("tightening_curve").and_then(Value::as_array).cloned().unwrap_or_default();
    let point = |point: &Value| {
        let pair = point.as_array().filter(|pair| pair.len() == 2);
        let numbers = pair.and_then(|pair| Some((number_of(&pair[0])?, number_of(&pair[1])?)));
        numbers.ok_or_else(|| format!("a point of tightening_curve is {point}; it must be [r, fraction]"))
    };
    list.iter().map(point).collect()
}

/// Whether a stop may stand where it is wanted, and where a fraction puts it.
pub(crate) fn sl_direction(case: &Case) -> Result<Answer, String> {
    let input = &case.input;
    let (side, entry) = (plans::side_of(input)?, input.number("entry")?);
    let mut spec = plans::empty();
    if let Some(share) = input.maybe("sl_pct")? {
        spec.stop_loss = Some(plans::stop(plans::fraction(share)?));
    }
    let wanted = input.maybe("stop_loss")?;
    let mut prices = vec![entry];
    prices.extend(wanted);
    let (mut drive, plan) = Drive::with_plan(side, fine_instrument(&prices), &spec)?;
    drive.open(plan, Number::ONE, entry)?;
    let stop = |drive: &Drive| drive.view().and_then(|view| view.stop).map(|(stop, _)| stop);
    let Some(wanted) = wanted else {
        return Answered::default().with("stop_loss", stop(&drive).map(|stop| drive.shown(stop))).done();
    };
    // The market is at the entry: a stop on the wrong side is through it.
    drive.tick(entry)?;
    drive.move_stop(wanted)?;
    let is_set = stop(&drive) == Some(drive.price_of(wanted)?);
    Answered::default().with("valid", is_set).done()
}
