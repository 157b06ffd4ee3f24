//! Which rule closes a position, and when.

use ripcord_core::event::ExitDecided;
use ripcord_core::num::Qty;
use ripcord_core::plan::spec::{LegOfSpec, OffsetSpec};
use ripcord_core::reason::Reason;
use serde_json::Value;

use super::{profiles, waiting};
use crate::area::{Answer, Answered};
use crate::case::{Case, Fields};
use crate::drive::{Drive, fine_instrument};
use crate::number::Number;
use crate::plans;

const RANK: &str = "both rules hold; Ripcord's order names the higher one, and its record names both";

/// An answer with the reason of an exit. Where the source names a lower rule that held as well, the
/// higher one is right.
pub(crate) fn with_reason(answered: Answered, case: &Case, decided: Option<&ExitDecided>) -> Answered {
    let Some(decided) = decided else { return answered.with("reason", Value::Null).with("exit", false) };
    let word = decided.reason.word();
    let expected = case.expect.get("reason").and_then(Value::as_str);
    let held_too = decided.held.iter().any(|held| Some(held.reason.word()) == expected);
    let answered = answered.with("reason", word).with("exit", true);
    if held_too && expected != Some(word) {
        return answered.ruled("reason", Some(Value::from(word)), RANK);
    }
    answered
}

/// Target, stop and trailing stop of one check; or the levels of an entry; or a merge.
pub(crate) fn exit_monitor(case: &Case) -> Result<Answer, String> {
    let input = &case.input;
    if input.has("tracked") || input.has("exchange") {
        return Ok(waiting::bootstrap());
    }
    if !input.has("price") {
        return monitor_levels(input);
    }
    let (side, entry, price) = (plans::side_of(input)?, input.number("entry")?, input.number("price")?);
    let (target, stop) = (input.maybe("take_profit")?, input.maybe("stop_loss")?);
    let mut spec = plans::empty();
    if let Some(target) = target {
        spec.ladder = Some(plans::target(plans::Target::Price(target))?);
    }
    if let Some(trail) = input.maybe("trail_pct")? {
        // Armed beyond the fraction, not at it.
        let armed = input.maybe("trail_arm_pct")?.map(plans::beyond);
        spec.trailing = Some(plans::trailing(armed, plans::fraction(trail)?)?);
    }
    let mut prices = vec![entry, price];
    prices.extend(target);
    prices.extend(stop);
    let (mut drive, plan) = Drive::with_plan(side, fine_instrument(&prices), &spec)?;
    drive.open(plan, Number::ONE, entry)?;
    if let Some(stop) = stop {
        drive.move_stop(stop)?;
    }
    // Only the favourable extreme says anything, and it is of the past: nothing fires at it.
    let extreme = match side {
        ripcord_core::instrument::Side::Long => input.maybe("highest")?,
        ripcord_core::instrument::Side::Short => input.maybe("lowest")?,
    };
    if let Some(extreme) = extreme.filter(|&extreme| extreme > Number::ZERO) {
        drive.extreme(extreme)?;
    }
    drive.tick(price)?;
    with_reason(Answered::default(), case, drive.decided()).done()
}

/// The levels of the exit monitor's plan.
fn monitor_levels(input: &Fields) -> Result<Answer, String> {
    let (side, entry) = (plans::side_of(input)?, input.number("entry")?);
    let spec = profiles::preset("exit-monitor")?;
    let (mut drive, plan) = Drive::with_plan(side, fine_instrument(&[entry]), &spec)?;
    drive.open(plan, Number::ONE, entry)?;
    let Some(view) = drive.view() else { return Err("nothing is held".to_owned()) };
    let target = view.legs.first().map(|leg| drive.shown(leg.target));
    let stop = view.stop.map(|(stop, _)| drive.shown(stop));
    Answered::default().with("take_profit", target).with("stop_loss", stop).done()
}

/// Everything at once: a crash through the stop after a peak.
pub(crate) fn forced_exit(case: &Case) -> Result<Answer, String> {
    let input = &case.input;
    let (side, entry) = (plans::side_of(input)?, input.number("entry")?);
    let (size, price) = (input.number("size")?, input.number("price")?);
    let mut spec = plans::empty();
    if let Some(stop) = input.maybe("sl_pct")? {
        spec.stop_loss = Some(plans::stop(plans::fraction(stop)?));
    }
    if let Some(target) = input.maybe("tp_pct")? {
        spec.ladder = Some(plans::target(plans::Target::Fraction(target))?);
    }
    if let Some(trail) = input.maybe("trail_pct")? {
        spec.trailing = Some(plans::trailing(None, plans::fraction(trail)?)?);
    }
    let (mut drive, plan) = Drive::with_plan(side, fine_instrument(&[entry, price]), &spec)?;
    drive.open(plan, size, entry)?;
    if let Some(peak) = input.maybe("peak")? {
        drive.extreme(peak)?;
    }
    drive.tick(price)?;
    let Some(decided) = drive.decided() else {
        return Answered::default().with("exit", false).with("quantity", "0").with("reason", "").done();
    };
    // The sources' short words beside ours.
    let short = match decided.reason {
        Reason::StopLoss => "SL",
        Reason::TakeProfit => "TP",
        Reason::TrailingStop => "TRAIL",
        _ => "",
    };
    let words = format!("{short} {}", decided.reason.word());
    Answered::default()
        .with("exit", true)
        .with("quantity", drive.qty_shown(decided.qty))
        .with("reason", words)
        .done()
}

/// A trailing stop of a fraction, price by price.
pub(crate) fn trailing_pct(case: &Case) -> Result<Answer, String> {
    let input = &case.input;
    let (side, entry) = (plans::side_of(input)?, input.number("entry")?);
    let (stop, prices) = (input.maybe("initial_sl")?, input.numbers("prices")?);
    let mut spec = plans::empty();
    let armed = input.maybe("arm_profit_pct")?;
    spec.trailing = Some(plans::trailing(armed, plans::fraction(input.number("trail_pct")?)?)?);
    let (mut drive, plan) = Drive::with_plan(side, fine_instrument(&prices), &spec)?;
    drive.open(plan, Number::ONE, entry)?;
    if let Some(stop) = stop {
        drive.move_stop(stop)?;
    }
    let mut stops = Vec::new();
    let mut exit_at = None;
    for &price in &prices {
        drive.tick(price)?;
        let stop = match drive.decided() {
            Some(decided) => Some(decided.trigger),
            None => drive.view().and_then(|view| view.effective_stop),
        };
        stops.push(Value::from(stop.map(|stop| drive.shown(stop))));
        if drive.decided().is_some() {
            exit_at = Some(price.to_string());
            break;
        }
    }
    Answered::default().with("stops", stops).with("exit_at", exit_at).done()
}

/// A retrace of any series by a share of its best: the trailing stop's own arithmetic.
pub(crate) fn peak_tracking(case: &Case) -> Result<Answer, String> {
    let input = &case.input;
    let (peak, now) = (input.number("peak_roc")?, input.number("current_roc")?);
    let mut spec = plans::empty();
    spec.trailing = Some(plans::trailing(None, plans::fraction(input.number("drop_threshold")?)?)?);
    let side = plans::side_of(input)?;
    let (mut drive, plan) = Drive::with_plan(side, fine_instrument(&[peak, now]), &spec)?;
    drive.open(plan, Number::ONE, peak)?;
    // A series below nothing is below every stop; the least price stands for it.
    let least = Number::scaled(1, drive.instrument.price_decimals);
    drive.tick(now.max(least))?;
    Answered::default().with("exit", drive.decided().is_some()).done()
}

/// Break-even above 1.5 % and a trail above 4 %, as one plan: a leg of the least quantity whose
/// ratchet moves the stop to 0.1 % beyond the entry, and a trailing stop of 1.5 % in steps of 0.1 %.
pub(crate) fn breakeven_trailing_adapter(case: &Case) -> Result<Answer, String> {
    let input = &case.input;
    let (side, entry, price) = (plans::side_of(input)?, input.number("entry")?, input.number("price")?);
    let thousandths = |count| Number::whole(count).over(Number::whole(1000));
    let instrument = fine_instrument(&[entry, price]);
    let least = Number::scaled(1, instrument.qty_decimals);
    let mut spec = plans::empty();
    let mut trailing =
        plans::trailing(Some(plans::beyond(thousandths(40))), plans::fraction(thousandths(15))?)?;
    trailing.step = Some(plans::fraction(thousandths(1))?);
    spec.trailing = Some(trailing);
    let partial = input.object("partial_leg");
    spec.ladder = Some(match &partial {
        None => {
            let breakeven = plans::Target::Fraction(plans::beyond(thousandths(15)));
            let mut ratchet = plans::ratchet(Some(1));
            ratchet.offset = Some(OffsetSpec::Fraction(thousandths(1).decimal()?));
            spec.ratchet = Some(ratchet);
            plans::ladder(vec![plans::leg(least_share(least), breakeven)?], LegOfSpec::Remaining)
        }
        Some(leg) => {
            let target = plans::Target::Price(leg.number("price")?);
            plans::ladder(vec![plans::leg(leg.number("fraction")?, target)?], LegOfSpec::Remaining)
        }
    });
    let (mut drive, plan) = Drive::with_plan(side, instrument, &spec)?;
    drive.open(plan, Number::ONE, entry)?;
    if let Some(stop) = input.maybe("active_sl")? {
        // A stop that trailed there moves on in steps; any other one is where somebody moved it.
        let best = stop.over(Number::ONE.minus(plans::signed(side, thousandths(15))));
        let gain = plans::signed(side, best.minus(entry)).over(entry);
        if gain > thousandths(40) { drive.extreme(best)? } else { drive.move_stop(stop)? }
    }
    let (stop, held) = (effective(&drive), drive.held());
    drive.tick(price)?;
    let closed = Qty(held.0 - drive.held().0);
    let fraction = Number::scaled(i128::from(closed.0), drive.instrument.qty_decimals);
    if fraction > least && partial.is_some() {
        let fraction = fraction.to_string();
        return Answered::default().with("decision", "PARTIAL_CLOSE").with("fraction", fraction).done();
    }
    let now = effective(&drive);
    let answered = Answered::default();
    if now == stop {
        return answered.with("decision", "NO_CHANGE").with("new_sl", Value::Null).done();
    }
    answered.with("decision", "MOVE_SL").with("new_sl", now).done()
}

/// The share of a whole that is the least quantity.
fn least_share(least: Number) -> Number {
    least.max(Number::scaled(1, 9))
}

fn effective(drive: &Drive) -> Option<String> {
    drive.view().and_then(|view| view.effective_stop).map(|stop| drive.shown(stop))
}
