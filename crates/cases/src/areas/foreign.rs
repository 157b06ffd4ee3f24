//! Foreign words, units and grids.

use ripcord_core::instrument::Instrument;
use ripcord_core::num::{Price, Qty, Round};
use ripcord_core::plan::PlanSpec;
use ripcord_core::reason::Reason;
use serde_json::Value;

use crate::area::{Answer, Answered};
use crate::case::Case;
use crate::drive::{FIRST, fine_instrument};
use crate::number::Number;
use crate::plans;

/// A price on the tick grid, a quantity on the lot grid.
pub(crate) fn precision(case: &Case) -> Result<Answer, String> {
    let input = &case.input;
    let numbers = ["price", "tick", "qty", "step", "min_qty"].map(|key| input.maybe(key));
    let numbers: Vec<Option<Number>> = numbers.into_iter().collect::<Result<_, _>>()?;
    let [price, tick, qty, step, min_qty] = numbers[..] else { return Err("five numbers".to_owned()) };
    let mut instrument = Instrument::from_decimals("CASE", 9, 9);
    let fine = [price, tick].into_iter().flatten().any(|number| number.places() > 9);
    if fine {
        instrument = Instrument::from_decimals("CASE", 12, 6);
    }
    let mut answered = Answered::default();
    if let (Some(price), Some(tick)) = (price, tick) {
        instrument.tick_size = Price(tick.units(instrument.price_decimals)?);
        instrument.validate().map_err(|error| error.to_string())?;
        let rounded = instrument.round_to_tick(price.price(instrument.price_decimals)?, rounding(case)?);
        let shown = Number::scaled(i128::from(rounded.0), instrument.price_decimals);
        answered = answered.with("price", shown.to_string());
    }
    if let (Some(qty), Some(step)) = (qty, step) {
        instrument.lot_size = Qty(step.units(instrument.qty_decimals)?);
        instrument.qty_min = Qty(min_qty.unwrap_or(Number::ZERO).units(instrument.qty_decimals)?);
        instrument.validate().map_err(|error| error.to_string())?;
        let closable = instrument.closable(qty.qty(instrument.qty_decimals)?);
        let shown = Number::scaled(i128::from(closable.0), instrument.qty_decimals);
        answered = answered.with("qty", shown.to_string());
    }
    answered.done()
}

fn rounding(case: &Case) -> Result<Round, String> {
    match case.input.text("rounding").unwrap_or("down") {
        "down" | "floor" => Ok(Round::Down),
        "up" | "ceil" => Ok(Round::Up),
        "nearest" | "half_up" => Ok(Round::HalfUp),
        other => Err(format!("input rounding is {other}; down, up or half_up")),
    }
}

const OWN_WORD: &str = "a word of Ripcord's own keeps its meaning; only foreign words are MANUAL";

/// The reason that a foreign text means.
pub(crate) fn exit_reason(case: &Case) -> Result<Answer, String> {
    let text = case.input.text("reason_text").ok_or("input reason_text is absent")?;
    let reason = Reason::from_text(text);
    let answered = Answered::default().with("code", reason.word());
    let expects_manual = case.expect.get("code").and_then(Value::as_str) == Some("MANUAL");
    // The source knows five words; the others are foreign to it and our own to us.
    let is_known_there = matches!(
        reason,
        Reason::HardStop | Reason::SoftStop | Reason::SignalExit | Reason::TrailingStop | Reason::TakeProfit
    );
    if expects_manual && !is_known_there && reason != Reason::Manual {
        return answered.ruled("code", Some(Value::from(reason.word())), OWN_WORD).done();
    }
    answered.done()
}

/// A distance that says it is a fraction, and may be a price.
pub(crate) fn units(case: &Case) -> Result<Answer, String> {
    let input = &case.input;
    let value = input.number("atr_value")?;
    let mut spec: PlanSpec = plans::empty();
    let distance = match input.text("declared_unit").unwrap_or("fraction") {
        "fraction" => plans::fraction(value)?,
        "percent" => plans::fraction(value.percent())?,
        "price" | "absolute" => plans::price(value)?,
        other => return Err(format!("input declared_unit is {other}; fraction, percent or price")),
    };
    spec.stop_loss = Some(plans::stop(distance));
    let instrument = fine_instrument(&[value]);
    Answered::default().with("accepted", spec.resolve(FIRST, &instrument).is_ok()).done()
}
