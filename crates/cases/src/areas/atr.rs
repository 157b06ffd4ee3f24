//! Levels and distances in multiples of ATR.

use ripcord_core::plan::spec::LegOfSpec;
use serde_json::{Value, json};

use crate::area::{Answer, Answered};
use crate::case::Case;
use crate::drive::{Drive, fine_instrument};
use crate::number::Number;
use crate::plans;

/// Stop and targets in multiples of ATR; a target is written in R, the distance to that stop.
pub(crate) fn atr_levels(case: &Case) -> Result<Answer, String> {
    let input = &case.input;
    let (side, entry, atr) = (plans::side_of(input)?, input.number("entry")?, input.number("atr")?);
    let multiple = input.number("sl_mult")?;
    let mut spec = plans::empty();
    spec.atr = Some(plans::last_bar());
    spec.stop_loss = Some(plans::stop(plans::atr(multiple, Number::ONE.percent())?));
    let targets = input.numbers("tp_mults")?;
    let share = Number::ONE.over(Number::whole(10));
    let legs = targets.iter().map(|target| plans::leg(share, plans::Target::R(target.over(multiple))));
    spec.ladder = Some(plans::ladder(legs.collect::<Result<_, _>>()?, LegOfSpec::Remaining));
    let (mut drive, plan) = Drive::with_plan(side, fine_instrument(&[entry, atr]), &spec)?;
    drive.atr(entry, atr)?;
    drive.open(plan, Number::ONE, entry)?;
    let Some(view) = drive.view() else { return Err("nothing is held".to_owned()) };
    let targets: Vec<Value> = view.legs.iter().map(|leg| Value::from(drive.shown(leg.target))).collect();
    let stop = view.stop.map(|(stop, _)| drive.shown(stop));
    Answered::default().with("sl", stop).with("tp", targets).done()
}

const FROM_THE_FIRST: &str =
    "the stop exists from the first price in profit on, not from the second check on";

const OF_THE_BEST: &str = "the bounds of the distance are shares of the best price, not of the present one";

/// A trailing stop by ATR within bounds, price by price.
pub(crate) fn trailing_atr(case: &Case) -> Result<Answer, String> {
    let input = &case.input;
    let (entry, share) = (input.number("avg_entry")?, input.number("atr_pct")?);
    let (side, prices) = (plans::side_of(input)?, input.numbers("prices")?);
    let mut spec = plans::empty();
    spec.atr = Some(plans::last_bar());
    let (min, max) = (input.maybe("min_dist")?, input.maybe("max_dist")?);
    let fallback = max.or(min).unwrap_or(Number::ONE.percent());
    let distance = plans::atr(input.number("atr_mult")?, fallback)?;
    let mut trailing = plans::trailing(Some(plans::beyond(Number::ZERO)), distance)?;
    trailing.distance_min = min.map(Number::decimal).transpose()?;
    trailing.distance_max = max.map(Number::decimal).transpose()?;
    // No step: the source lets every new extreme raise the stop, and only those can.
    spec.trailing = Some(trailing);
    let (mut drive, plan) = Drive::with_plan(side, fine_instrument(&prices), &spec)?;
    drive.open(plan, Number::ONE, entry)?;
    let mut checks = Vec::new();
    let mut best = entry;
    for &price in &prices {
        if plans::signed(side, price.minus(best)) > Number::ZERO {
            best = price;
        }
        // The source's ATR is a share: it grows with the best price.
        drive.atr(entry, best.times(share))?;
        let was_held = drive.held().0 > 0;
        drive.tick(price)?;
        let exit = was_held && drive.held().0 == 0;
        let stop = match drive.view() {
            Some(view) if view.qty.0 > 0 => view.trailing_stop,
            _ => drive.decided().map(|decided| decided.trigger),
        };
        checks.push(json!({
            "price": price.to_string(),
            "stop": stop.map(|stop| drive.shown(stop)),
            "exit": exit,
        }));
    }
    let mut answered =
        Answered::default().with("per_check", checks).ruled("per_check[0].stop", None, FROM_THE_FIRST);
    // Until a new best price comes, a second check below the first sets the source's stop lower.
    let gains = |at: usize| plans::signed(side, prices[at].minus(prices[0]));
    for at in (1..prices.len()).take_while(|&at| gains(1) < Number::ZERO && gains(at) <= Number::ZERO) {
        answered = answered.ruled(&format!("per_check[{at}].stop"), None, OF_THE_BEST);
    }
    answered.done()
}
