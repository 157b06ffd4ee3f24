//! Numbers that a plan computes once: initial stop, risk floor, target, dynamic targets, warnings, time.

use ripcord_core::instrument::Side;
use ripcord_core::num::{Money, Ratio, Round};
use ripcord_core::plan::check::check;
use ripcord_core::plan::dynamic::{Dynamic, Known, Regime};
use ripcord_core::plan::spec::{StopLossSpec, TimeLimitSpec};
use ripcord_core::plan::stack::{Sample, StackLevel, stack};
use ripcord_core::plan::{Average, LevelRule, Rounding, Rule};
use ripcord_core::time::Span;
use serde_json::Value;

use crate::area::{Answer, Answered};
use crate::case::Case;
use crate::drive::{Drive, FIRST, fine_instrument};
use crate::number::Number;
use crate::plans;

const NINE_DECIMALS: &str = "shares have nine decimals, and are never rounded to a looser stop";

const NOTHING_HELD: &str = "a position that must not be held has no stop: it is closed at once";

/// The stop of a risk floor, and the full exit of a position that cannot have one.
pub(crate) fn risk_floor(case: &Case) -> Result<Answer, String> {
    let input = &case.input;
    let (side, entry) = (plans::side_of(input)?, input.number("entry")?);
    let leverage = input.number_or("leverage", Number::ONE)?.max(Number::ONE);
    let strategic = input.maybe("strategic_sl")?;
    let distance = strategic.map(|stop| plans::signed(side, entry.minus(stop)));
    // Without a stop of its own the plan has one that is never nearer than the floor.
    let distance = match distance.filter(|&distance| distance > Number::ZERO) {
        Some(distance) => plans::price(distance)?,
        None => plans::fraction(Number::ONE.minus(Number::scaled(1, Ratio::DECIMALS)))?,
    };
    let mut spec = plans::empty();
    spec.leverage = Some(leverage.decimal()?);
    spec.stop_loss = Some(StopLossSpec {
        risk_floor: Some(input.number("max_margin_loss_pct")?.decimal()?),
        distance_min: input.maybe("min_stop_distance_pct")?.map(Number::decimal).transpose()?,
        ..plans::stop(distance)
    });
    let mut prices = vec![entry];
    prices.extend(strategic);
    let (mut drive, plan) = Drive::with_plan(side, fine_instrument(&prices), &spec)?;
    let resolved = drive.core.view().plan(plan).clone();
    let allowed = resolved.stop_loss.and_then(|stop| stop.allowed_move(resolved.leverage));
    let allowed = allowed.ok_or("the plan lost its risk floor")?;
    drive.take_over(plan, Number::ONE, entry, Money::ZERO)?;
    drive.tick(entry)?;
    let forced = drive.decided().is_some();
    let stop = drive.view().and_then(|view| view.stop).map(|(stop, _)| stop);
    let rule = LevelRule::new(Rounding::Directed, &drive.instrument);
    let cost = i128::from(drive.price_of(entry)?.0);
    let floor = rule.stop(side, Average { cost, qty: 1 }, allowed);
    let answered = Answered::default()
        .with("allowed_move_pct", Number::ratio(allowed).to_string())
        .with("risk_floor_sl", drive.shown(floor))
        .with("final_sl", stop.map(|stop| drive.shown(stop)))
        .with("force_full_exit", forced);
    let answered = if forced { answered.ruled("final_sl", None, NOTHING_HELD) } else { answered };
    let Some(expected) = case.expect.get("allowed_move_pct").and_then(crate::case::number_of) else {
        return answered.done();
    };
    let cut = expected.down(Ratio::DECIMALS);
    answered.ruled("allowed_move_pct", Some(Value::from(cut.to_string())), NINE_DECIMALS).done()
}

/// The stop and the target that an entry begins with.
pub(crate) fn entry_stop(case: &Case) -> Result<Answer, String> {
    let input = &case.input;
    let (side, entry) = (plans::side_of(input)?, input.number("entry")?);
    let times = |key: &str| input.number_or(key, Number::ONE);
    let fee = input.maybe("fee_pct")?.map(Number::decimal).transpose()?;
    let mut spec = plans::empty();
    let atr = input.maybe("atr_pct")?;
    if atr.is_some() {
        let (multiple, minimum) = (input.number("atr_mult")?, input.number("min_pct")?);
        let scale = times("sl_mult")?;
        spec.atr = Some(plans::last_bar());
        let minimum = minimum.times(scale);
        spec.stop_loss = Some(StopLossSpec {
            minimum: Some(minimum.decimal()?),
            cushion: input.maybe("spread_pct")?.map(Number::decimal).transpose()?,
            fee,
            ..plans::stop(plans::atr(multiple.times(scale), minimum)?)
        });
    }
    if let Some(target) = input.maybe("tp_pct")? {
        let mut ladder = plans::target(plans::Target::Fraction(target.times(times("tp_mult")?)))?;
        ladder.fee = fee;
        spec.ladder = Some(ladder);
    }
    let (mut drive, plan) = Drive::with_plan(side, fine_instrument(&[entry]), &spec)?;
    if let Some(atr) = atr {
        drive.atr(entry, atr.times(entry))?;
    }
    drive.open(plan, Number::ONE, entry)?;
    let Some(view) = drive.view() else { return Err("nothing is held".to_owned()) };
    let mut answered = Answered::default();
    if let Some((stop, _)) = view.stop {
        let away = plans::signed(side, entry.minus(drive.number(stop))).over(entry);
        answered = answered.with("stop_pct", away.to_string()).with("stop_price", drive.shown(stop));
    }
    if let Some(leg) = view.legs.first() {
        answered = answered.with("tp_price", drive.shown(leg.target));
    }
    answered.done()
}

/// Warnings about a plan's numbers.
pub(crate) fn config_check(case: &Case) -> Result<Answer, String> {
    let input = &case.input;
    let mut spec = plans::empty();
    spec.atr = Some(plans::last_bar());
    let minimum = input.number("stop_min_pct")?;
    spec.stop_loss = Some(StopLossSpec {
        minimum: Some(minimum.decimal()?),
        cushion: input.maybe("spread")?.map(Number::decimal).transpose()?,
        fee: input.maybe("taker_fee")?.map(Number::decimal).transpose()?,
        ..plans::stop(plans::atr(input.number("atr_mult")?, minimum)?)
    });
    spec.soft_stop = Some(plans::loss(input.number("max_loss_pct")?, false)?);
    spec.hard_stop = Some(plans::loss(input.number("hard_stop_pct")?, false)?);
    spec.ladder = Some(plans::target(plans::Target::Fraction(input.number("min_profit_pct")?))?);
    let (entry, instrument) = (Number::whole(100), fine_instrument(&[]));
    let (plan, _, faults) = spec.resolve_parts(FIRST, &instrument);
    if let Some(fault) = faults.first() {
        return Err(format!("the plan is refused: {fault}"));
    }
    let sample = Sample {
        side: Side::Long,
        entry: entry.price(instrument.price_decimals)?,
        atr: Ratio(input.number("typical_atr")?.units(Ratio::DECIMALS)?),
    };
    let mut codes: Vec<&str> =
        check(&plan, &instrument, &sample).iter().map(|finding| finding.code).collect();
    let rows = stack(&plan, &instrument, &sample);
    let stop = rows.iter().find(|row| row.what == StackLevel::Loss(Rule::StopLoss));
    let away = stop.map(|row| {
        let price = Number::scaled(i128::from(row.price.0), instrument.price_decimals);
        entry.minus(price).over(entry).to_string()
    });
    // The order of findings says nothing: where all are the same they are told in the case's order.
    if let Some(expected) = case.expect.get("issues").and_then(Value::as_array) {
        let place = |code: &&str| expected.iter().position(|other| other == code).unwrap_or(usize::MAX);
        codes.sort_by_key(place);
    }
    let codes: Vec<Value> = codes.into_iter().map(Value::from).collect();
    Answered::default().with("estimated_stop_pct", away).with("issues", codes).done()
}

/// Targets by leverage, volatility, regime, confidence and size.
pub(crate) fn dynamic_tp(case: &Case) -> Result<Answer, String> {
    let input = &case.input;
    let ratio = |key: &str| -> Result<Option<Ratio>, String> {
        input.maybe(key)?.map(|number| number.units(Ratio::DECIMALS).map(Ratio)).transpose()
    };
    let profit = input.maybe("unrealized_pnl_pct")?.map(|percent| percent.percent().units(Ratio::DECIMALS));
    let regime = match input.text("regime").unwrap_or_default().to_ascii_uppercase().as_str() {
        "NORMAL" => Some(Regime::Normal),
        "TRENDING" => Some(Regime::Trending),
        "VOLATILE" => Some(Regime::Volatile),
        "RANGE" | "RANGE_BOUND" => Some(Regime::Range),
        _ => None,
    };
    let known = Known {
        leverage: ratio("leverage")?,
        notional: input.maybe("notional_usd")?.map(|value| value.down(0).units(0)).transpose()?,
        volatility: ratio("volatility")?,
        regime,
        confidence: ratio("confidence")?,
        liquidity: None,
        profit: profit.transpose()?.map(Ratio),
    };
    let found = Dynamic::DEFAULT.targets(known);
    let shown = |shares: [Ratio; 3]| -> Vec<Value> {
        shares.iter().map(|&share| Value::from(Number::ratio(share).to_string())).collect()
    };
    let plain = Dynamic::DEFAULT;
    Answered::default()
        .with("tp_pcts", shown(found.targets))
        .with("fractions", shown(found.fractions))
        .with("risk_adjusted", (found.targets, found.fractions) != (plain.targets, plain.fractions))
        .done()
}

/// A position held too long.
pub(crate) fn time_exit(case: &Case) -> Result<Answer, String> {
    let hours =
        |key: &str| -> Result<i64, String> { case.input.number(key)?.times(Number::whole(3_600)).units(0) };
    let after = u32::try_from(hours("max_hold_hours")?).map_err(|_| "max_hold_hours is out of range")?;
    let mut spec = plans::empty();
    spec.time_limit = Some(TimeLimitSpec {
        enabled: ripcord_core::plan::spec::Enabled::default(),
        after_secs: after,
        only: None,
        exit: None,
        worst: None,
        expires_secs: None,
    });
    let entry = Number::whole(100);
    let (mut drive, plan) = Drive::with_plan(plans::side_of(&case.input)?, fine_instrument(&[]), &spec)?;
    drive.open(plan, Number::ONE, entry)?;
    drive.tick(entry)?;
    drive.wait(Span::from_secs(hours("held_hours")?));
    drive.tick(entry)?;
    Answered::default().with("exit", drive.decided().is_some()).done()
}

impl Number {
    /// Cut down to so many decimals.
    fn down(self, decimals: u8) -> Self {
        let step = Self::scaled(1, decimals);
        self.minus(self.rest_of(step, Round::Down))
    }
}
