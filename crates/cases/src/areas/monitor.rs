//! The rules of a spot position monitor as one plan: hard and soft stop on net loss, a trailing stop
//! or a target.

use ripcord_core::instrument::Side;
use ripcord_core::num::{Ratio, Round};
use ripcord_core::plan::PlanSpec;
use ripcord_core::plan::spec::{Enabled, SignalExitSpec};

use super::{exits, waiting};
use crate::area::{Answer, Answered};
use crate::case::{Case, Fields};
use crate::drive::{Drive, fine_instrument};
use crate::number::Number;
use crate::plans;

/// What the monitor does at a net profit or loss.
///
/// `peak_tracking_enabled` is a switch that other rules must not notice, and `severe_loss_pct` only
/// chooses how an order is priced.
pub(crate) fn position_monitor(case: &Case) -> Result<Answer, String> {
    let input = &case.input;
    if input.object("bracket").is_some() {
        return Ok(waiting::bracket());
    }
    let entry = input.number_or("entry", Number::whole(100))?;
    let price = match input.maybe("pnl_net_pct")? {
        Some(net) => plans::moved(Side::Long, entry, net),
        None => input.number("price")?,
    };
    let (mut drive, plan) =
        Drive::with_plan(Side::Long, fine_instrument(&[entry, price]), &monitor_plan(input)?)?;
    let qty = Number::ONE.qty(drive.instrument.qty_decimals)?;
    let maker = Ratio(input.number_or("maker_fee", Number::ZERO)?.units(Ratio::DECIMALS)?);
    let fees = drive.instrument.notional(drive.price_of(entry)?, qty).times(maker, Round::Up);
    drive.open_with_fees(plan, Number::ONE, entry, fees)?;
    if input.flag("trailing_active") {
        activate(&mut drive, input, entry, price)?;
    }
    drive.tick(price)?;
    if input.text("signal") == Some("SELL") && drive.decided().is_none() {
        // The price is looked at first: one that activates the trailing stop makes signals wait.
        drive.signal();
        drive.tick(price)?;
    }
    let is_trailing = |drive: &Drive| drive.view().is_some_and(|view| view.trailing_stop.is_some());
    let trails = is_trailing(&drive);
    let without_atr = input.has("atr") && input.maybe("atr")?.is_none();
    if without_atr && trails && drive.decided().is_none() {
        // Without ATR the fallback distance trails: the profit is taken when the price comes back.
        let stop = drive.view().and_then(|view| view.trailing_stop);
        if let Some(stop) = stop {
            drive.probe(stop, ripcord_core::event::Probe::TICK);
        }
    }
    let answered = Answered::default().with("trailing_active", trails);
    exits::with_reason(answered, case, drive.decided()).done()
}

fn monitor_plan(input: &Fields) -> Result<PlanSpec, String> {
    let mut spec = plans::empty();
    if let Some(hard) = input.maybe("hard_stop_pct")? {
        spec.hard_stop = Some(plans::loss(hard, true)?);
    }
    if let Some(soft) = input.maybe("max_loss_pct")? {
        spec.soft_stop = Some(plans::loss(soft, true)?);
    }
    spec.taker_fee = input.maybe("taker_fee")?.map(Number::decimal).transpose()?;
    if input.flag("signal_exit_enabled") || !input.has("signal_exit_enabled") {
        let least = match input.maybe("signal_exit_min_profit_pct")? {
            Some(least) => Some(least),
            None => input.maybe("signal_min_profit_pct")?,
        };
        spec.signal_exit = Some(SignalExitSpec {
            enabled: Enabled::default(),
            ttl_secs: 60,
            profit_min: least.map(Number::decimal).transpose()?,
            while_trailing: Enabled(false),
            exit: None,
            worst: None,
            expires_secs: None,
        });
    }
    if input.flag("trailing_enabled") {
        let whole = Number::whole;
        spec.atr = Some(plans::last_bar());
        let distance = plans::atr(whole(2), whole(2).percent())?;
        let mut trailing = plans::trailing(input.maybe("trailing_activation_pct")?, distance)?;
        trailing.distance_min = Some(whole(1).percent().decimal()?);
        trailing.distance_max = Some(whole(2).percent().decimal()?);
        spec.trailing = Some(trailing);
    } else if let Some(target) = input.maybe("min_profit_pct")? {
        spec.ladder = Some(plans::target(plans::Target::Fraction(target))?);
    }
    Ok(spec)
}

/// Prices of the past that activated the trailing stop: just so far, or far enough that its stop is
/// at the present price.
fn activate(drive: &mut Drive, input: &Fields, entry: Number, price: Number) -> Result<(), String> {
    let level = plans::moved(Side::Long, entry, input.number("trailing_activation_pct")?);
    let best = if input.flag("trailing_stop_hit") {
        level.max(plans::moved(Side::Long, price, Number::whole(3).percent()))
    } else {
        level.max(price)
    };
    drive.extreme(best)
}
