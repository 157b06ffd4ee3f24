//! What must hold whatever the rules say: once, never more than held, never refused, nothing left over.

use ripcord_core::num::{Money, Qty};
use ripcord_core::plan::spec::BasisSpec;
use ripcord_core::reason::Reason;
use ripcord_core::time::Span;
use serde_json::Value;

use super::ladder;
use crate::area::{Answer, Answered};
use crate::case::Case;
use crate::drive::{Drive, fine_instrument};
use crate::number::Number;
use crate::plans;

/// The guard against an extreme loss: at its threshold, once.
pub(crate) fn loss_guard(case: &Case) -> Result<Answer, String> {
    let input = &case.input;
    let (side, entry) = (plans::side_of(input)?, input.number("entry")?);
    let leverage = input.number_or("leverage", Number::ONE)?;
    let is_margin = match input.text("pnl_basis").unwrap_or("notional") {
        "notional" | "price" => false,
        "margin" => true,
        other => return Err(format!("input pnl_basis is {other}; notional or margin")),
    };
    let mut spec = plans::empty();
    spec.leverage = Some(leverage.decimal()?);
    let mut threshold = input.number("threshold_pct")?.percent();
    let mut guard = plans::loss(threshold, false)?;
    if is_margin {
        threshold = threshold.over(leverage);
        guard.basis = BasisSpec::Margin;
    }
    spec.loss_guard = Some(guard);
    // The percent that the source was given decides; the price is its rounded picture.
    let price = match input.maybe("unrealized_pnl_pct")? {
        Some(percent) if is_margin => plans::moved(side, entry, percent.percent().over(leverage)),
        Some(percent) => plans::moved(side, entry, percent.percent()),
        None => input.number("price")?,
    };
    let size = input.number_or("size", Number::ONE)?;
    if size == Number::ZERO {
        // Nothing is held, and nothing can be opened: nobody is guarded.
        return Answered::default().with("triggered", false).done();
    }
    let (mut drive, plan) = Drive::with_plan(side, fine_instrument(&[entry]), &spec)?;
    drive.open(plan, size, entry)?;
    if input.flag("already_triggered") {
        // The venue says nothing: the close is under way and the position still there.
        drive.fills = false;
        drive.tick(plans::moved(side, entry, Number::ZERO.minus(threshold)))?;
    }
    let from = drive.records.len();
    // A loss of everything and more has no price; the least one stands for it.
    drive.tick(price.max(Number::scaled(1, drive.instrument.price_decimals)))?;
    let fired = drive.decided_since(from).any(|decided| decided.reason == Reason::LossGuard);
    Answered::default().with("triggered", fired).done()
}

/// An order to close more than is held.
pub(crate) fn safety(case: &Case) -> Result<Answer, String> {
    let (position, wanted) = (case.input.number("position")?, case.input.number("close_qty")?);
    let entry = Number::whole(100);
    let spec = plans::empty();
    let (mut drive, plan) = Drive::with_plan(plans::side_of(&case.input)?, fine_instrument(&[]), &spec)?;
    drive.open(plan, position, entry)?;
    drive.tick(entry)?;
    let qty = wanted.qty(drive.instrument.qty_decimals)?;
    drive.close(Some(qty));
    let sent: i64 = drive.sent.iter().map(|order| order.qty.0).sum();
    Answered::default().with("sent_qty", drive.qty_shown(Qty(sent))).done()
}

const OPENS_NOTHING: &str = "Ripcord opens nothing: it has exits only";

/// A command to close, while the last price is old.
pub(crate) fn staleness(case: &Case) -> Result<Answer, String> {
    let age = case.input.number("snapshot_age_sec")?.units(9)?;
    let entry = Number::whole(100);
    let (mut drive, plan) =
        Drive::with_plan(plans::side_of(&case.input)?, fine_instrument(&[]), &plans::empty())?;
    drive.open(plan, Number::ONE, entry)?;
    drive.tick(entry)?;
    drive.wait(Span(age));
    drive.close(None);
    Answered::default()
        .with("exit_allowed", !drive.sent.is_empty() && drive.held().0 == 0)
        .with("entry_allowed", false)
        .ruled("entry_allowed", Some(Value::from(false)), OPENS_NOTHING)
        .done()
}

/// Quantities too small: to trade at all, or to be worth the venue's minimum.
pub(crate) fn dust(case: &Case) -> Result<Answer, String> {
    if case.input.has("min_notional") { small_value(case) } else { small_leg(case) }
}

/// An exit worth less than the venue's minimum is sent as it is: it reduces.
fn small_value(case: &Case) -> Result<Answer, String> {
    let input = &case.input;
    let (qty, price) = (input.number("qty")?, input.number("price")?);
    let mut instrument = fine_instrument(&[price]);
    instrument.notional_min = Money(i128::from(input.number("min_notional")?.units(9)?) * 1_000_000_000);
    let (mut drive, plan) = Drive::with_plan(plans::side_of(input)?, instrument, &plans::empty())?;
    drive.open(plan, qty, price)?;
    drive.tick(price)?;
    drive.close(None);
    let sent: i64 = drive.sent.iter().map(|order| order.qty.0).sum();
    let held = qty.qty(drive.instrument.qty_decimals)?;
    let (is_sent, is_within) = (!drive.sent.is_empty(), sent <= held.0);
    Answered::default().with("rejected_locally", !is_sent).with("reduce_only", is_sent && is_within).done()
}

/// A leg that rounds to nothing closes nothing, and not everything.
fn small_leg(case: &Case) -> Result<Answer, String> {
    let input = &case.input;
    let (side, entry) = (plans::side_of(input)?, Number::whole(100));
    let (remaining, step) = (input.number("remaining")?, input.number("step")?);
    let (spec, target) = ladder::one_leg(side, entry, input.number("fraction")?)?;
    let mut instrument = fine_instrument(&[]);
    instrument.lot_size = step.qty(instrument.qty_decimals)?;
    let (mut drive, plan) = Drive::with_plan(side, instrument, &spec)?;
    drive.open(plan, remaining, entry)?;
    let before = drive.held();
    drive.tick(target)?;
    let closed = Qty(before.0 - drive.held().0);
    Answered::default()
        .with("closed_qty", drive.qty_shown(closed))
        .with("full_close_by_accident", closed == before)
        .done()
}

/// The extreme of one life of a bucket says nothing about the next.
pub(crate) fn state(case: &Case) -> Result<Answer, String> {
    let input = &case.input;
    let (high, entry) = (input.number("first_trade_high")?, input.number("second_trade_entry")?);
    let side = plans::side_of(input)?;
    let closed_by = Reason::from_text(input.text("closed_by").unwrap_or_default());
    let half = Number::ONE.over(Number::whole(2));
    let mut spec = plans::empty();
    spec.trailing = Some(plans::trailing(None, plans::fraction(Number::whole(9).over(Number::whole(10)))?)?);
    match closed_by {
        Reason::HardStop => spec.hard_stop = Some(plans::loss(half, false)?),
        Reason::LossGuard => spec.loss_guard = Some(plans::loss(half, false)?),
        Reason::SoftStop => spec.soft_stop = Some(plans::loss(half, false)?),
        Reason::StopLoss => spec.stop_loss = Some(plans::stop(plans::fraction(half)?)),
        _ => {}
    }
    let (mut drive, plan) = Drive::with_plan(side, fine_instrument(&[high, entry]), &spec)?;
    drive.open(plan, Number::ONE, entry)?;
    drive.tick(high)?;
    let from = drive.records.len();
    match closed_by {
        Reason::HardStop | Reason::LossGuard | Reason::SoftStop | Reason::StopLoss => {
            drive.tick(plans::moved(side, entry, Number::ZERO.minus(half)))?;
        }
        Reason::TrailingStop => drive.tick(plans::moved(side, high, Number::whole(-95).percent()))?,
        _ => drive.close(None),
    }
    if drive.held().0 != 0 || drive.decided_since(from).next().is_none() {
        return Err("the first trade could not be closed".to_owned());
    }
    drive.open(plan, Number::ONE, entry)?;
    let extreme = drive.records.iter().rev().find_map(|record| match record {
        ripcord_core::Record::TrailingActivated { extreme, .. } => Some(*extreme),
        _ => None,
    });
    Answered::default().with("initial_high_second_trade", extreme.map(|extreme| drive.shown(extreme))).done()
}
