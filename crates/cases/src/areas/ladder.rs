//! Take-profit ladder and the ratchet behind it.

use ripcord_core::event::{Addition, Command, Record};
use ripcord_core::instrument::Side;
use ripcord_core::num::{Money, Price, Qty, Ratio};
use ripcord_core::plan::PlanSpec;
use ripcord_core::plan::ladder::GapPolicy;
use ripcord_core::plan::spec::{LadderSpec, LegOfSpec};
use ripcord_core::reason::{Reason, StopOrigin};
use serde_json::{Map, Value, json};

use crate::area::{Answer, Answered};
use crate::case::{Case, Fields};
use crate::drive::{Drive, FIRST, fine_instrument};
use crate::number::Number;
use crate::plans;

/// The ratchet of the sources stops after the second leg.
const RATCHET_LEGS: u8 = 2;

/// The partial closes, the remainder and the stop along a ladder.
pub(crate) fn tp_ladder(case: &Case) -> Result<Answer, String> {
    let input = &case.input;
    let levels = input.numbers("tp_levels")?;
    let fractions = input.numbers("tp_fractions")?;
    let of = match input.text("fraction_basis").unwrap_or("remaining") {
        "remaining" => LegOfSpec::Remaining,
        "original" | "initial" => LegOfSpec::Initial,
        other => return Err(format!("input fraction_basis is {other}; remaining or original")),
    };
    let mut spec = plans::empty();
    // The sources look once per price, and close one leg each time.
    let ladder = plans::price_ladder(&levels, &fractions, of)?;
    spec.ladder = Some(LadderSpec { gap_policy: GapPolicy::One, ..ladder });
    spec.ratchet = Some(plans::ratchet(Some(RATCHET_LEGS)));
    let mut drive = opened(input, &mut spec, "initial_sl", input.number("size")?)?;
    if input.has("set_remaining_sequence") {
        return remaining_sequence(&mut drive, &input.numbers("set_remaining_sequence")?);
    }
    let mut walk = Walk::new(drive);
    let mut answered = Answered::default();
    for step in &case.steps {
        answered.steps.push(walk.step(step.input.number("tick_price")?)?);
    }
    let mut cycles = Vec::new();
    if input.has("prices_per_cycle") {
        for price in input.numbers("prices_per_cycle")? {
            cycles.push(walk.step(price)?);
        }
    }
    let column = |key: &str| -> Vec<Value> {
        cycles.iter().map(|told| told.get(key).cloned().unwrap_or_default()).collect()
    };
    let (closed_each, left_each) = (column("closed_qty"), column("remaining_size"));
    let stop_each = column("active_sl");
    let left = walk.drive.held();
    let closed = Qty(walk.opened.0 - left.0);
    answered.got = walk.after;
    answered
        .with("final_remaining", walk.drive.qty_shown(left))
        .with("total_closed", walk.drive.qty_shown(closed))
        .with("runner", left.0 > 0)
        .with("closed_per_cycle", closed_each)
        .with("remaining_after_each", left_each)
        .with("active_sl_after_each", stop_each)
        .done()
}

/// An open position with its stop at the price that the field names: by the plan where it is a
/// loss, moved there where it is not.
fn opened(input: &Fields, spec: &mut PlanSpec, stop: &str, size: Number) -> Result<Drive, String> {
    let (side, entry) = (plans::side_of(input)?, input.number("entry")?);
    let stop = input.maybe(stop)?;
    let distance = stop.map(|stop| plans::signed(side, entry.minus(stop)));
    let is_loss = distance.is_some_and(|distance| distance > Number::ZERO);
    if let Some(distance) = distance.filter(|_| is_loss) {
        spec.stop_loss = Some(plans::stop(plans::price(distance)?));
    }
    let mut prices = vec![entry];
    prices.extend(stop);
    let (mut drive, plan) = Drive::with_plan(side, fine_instrument(&prices), spec)?;
    drive.open(plan, size, entry)?;
    if let Some(stop) = stop.filter(|_| !is_loss) {
        drive.move_stop(stop)?;
    }
    Ok(drive)
}

/// Parts closed or added elsewhere: what is held is what was told, whatever the ladder did.
fn remaining_sequence(drive: &mut Drive, sequence: &[Number]) -> Result<Answer, String> {
    let mut reported = Vec::new();
    let entry = drive.view().map_or(Price(0), |view| view.entry);
    drive.probe(entry, ripcord_core::event::Probe::TICK);
    for &wanted in sequence {
        let wanted = wanted.qty(drive.instrument.qty_decimals)?;
        let held = drive.held();
        if wanted < held {
            drive.close(Some(Qty(held.0 - wanted.0)));
        } else if wanted > held {
            let qty = Qty(wanted.0 - held.0);
            let addition = Addition { key: drive.key, qty, price: entry, fees: Money::ZERO };
            drive.command(Command::Add(Box::new(addition)));
        }
        reported.push(Value::from(drive.qty_shown(drive.held())));
    }
    Answered::default().with("reported_remaining", reported).done()
}

/// A ladder on its way.
struct Walk {
    drive: Drive,
    opened: Qty,
    hits: u64,
    /// The last stop that was seen.
    stop: Option<Price>,
    /// What held after each leg.
    after: Map<String, Value>,
}

impl Walk {
    fn new(drive: Drive) -> Self {
        let stop = drive.view().and_then(|view| view.stop).map(|(stop, _)| stop);
        Self { opened: drive.held(), hits: 0, stop, after: Map::new(), drive }
    }

    /// One price.
    fn step(&mut self, price: Number) -> Result<Map<String, Value>, String> {
        let (before, from) = (self.drive.held(), self.drive.records.len());
        self.drive.tick(price)?;
        let legs: Vec<u8> = self
            .drive
            .decided_since(from)
            .filter(|decided| decided.reason == Reason::TakeProfit)
            .map(|decided| decided.leg)
            .collect();
        self.hits += u64::try_from(legs.len()).unwrap_or(0);
        let ratcheted = self.drive.records[from..].iter().find_map(|record| match record {
            Record::StopMoved { origin: StopOrigin::Ratchet, .. } => Some(ratchet_words(self.hits)),
            _ => None,
        });
        if let Some((stop, _)) = self.drive.view().and_then(|view| view.stop) {
            self.stop = Some(stop);
        }
        let left = self.drive.held();
        let active_sl = self.stop.map(|stop| self.drive.shown(stop));
        let told = json!({
            "leg": legs.first().map(|leg| leg - 1),
            "closed_qty": self.drive.qty_shown(Qty(before.0 - left.0)),
            "remaining_size": self.drive.qty_shown(left),
            "tp_hits_count": self.hits,
            "active_sl": active_sl,
            "ratchet_reason": ratcheted,
        });
        let Value::Object(told) = told else { return Ok(Map::new()) };
        if !legs.is_empty() {
            self.after.insert(format!("after_tp{}", self.hits), Value::Object(told.clone()));
        }
        Ok(told)
    }
}

/// The sources' words for what the ratchet did after a leg.
fn ratchet_words(hits: u64) -> String {
    match hits {
        0 | 1 => "breakeven after TP1".to_owned(),
        more => format!("TP{} price after TP{more} hit", more - 1),
    }
}

const REAL_RUNNER: &str = "the runner is what the legs really leave: fractions of the remaining quantity leave more than one minus their sum";

/// The fractions of a ladder as its plan holds them, and what they leave.
pub(crate) fn tp_fractions(case: &Case) -> Result<Answer, String> {
    let fractions = case.input.numbers("tp_fractions")?;
    let levels = match case.input.has("tp_levels") {
        true => case.input.numbers("tp_levels")?,
        false => (1..).map(Number::whole).take(fractions.len()).collect(),
    };
    let mut spec = plans::empty();
    spec.ladder = Some(plans::price_ladder(&levels, &fractions, LegOfSpec::Remaining)?);
    let resolved = spec
        .resolve_with_warnings(FIRST, &fine_instrument(&levels))
        .map_err(|faults| format!("the plan is refused: {faults:?}"))?;
    let Some(ladder) = resolved.plan.ladder else { return Err("the plan lost its ladder".to_owned()) };
    let shares: Vec<Number> = ladder.legs.iter().map(|leg| Number::ratio(leg.fraction)).collect();
    let percent = |share: Number| Value::from(share.times(Number::whole(100)).to_string());
    // What the design expects: each leg leaves the rest of what the legs before it left.
    let expected = shares.iter().fold(Number::ONE, |left, &share| left.times(Number::ONE.minus(share)));
    let shown: Vec<Value> = shares.iter().map(|share| Value::from(share.to_string())).collect();
    Answered::default()
        .with("normalised", shown)
        .with("sum", sum(&shares).to_string())
        .with("warning", resolved.warnings.iter().any(|warning| warning.field.starts_with("ladder")))
        .with("info_log", ladder.runner() != Ratio::ZERO)
        .with("runner_pct", percent(Number::ratio(ladder.runner())))
        .ruled("runner_pct", Some(percent(expected)), REAL_RUNNER)
        .done()
}

/// The stop after a number of legs.
pub(crate) fn sl_ratchet(case: &Case) -> Result<Answer, String> {
    let input = &case.input;
    let levels = input.numbers("tp_levels")?;
    let mut spec = plans::empty();
    let quarter = Number::ONE.over(Number::whole(4));
    spec.ladder = Some(plans::price_ladder(&levels, &vec![quarter; levels.len()], LegOfSpec::Remaining)?);
    if input.flag("ratchet_enabled") {
        spec.ratchet = Some(plans::ratchet(Some(RATCHET_LEGS)));
    }
    let hits = input.number("tp_hits_count")?.units(0)?;
    let size = input.number_or("remaining_size", Number::ONE)?.plus(Number::ONE);
    let mut drive = opened(input, &mut spec, "active_sl", size)?;
    let mut walk_to = levels;
    walk_to.truncate(usize::try_from(hits).unwrap_or(0));
    let mut stop = drive.view().and_then(|view| view.stop).map(|(stop, _)| stop);
    let nothing_left = input.maybe("remaining_size")? == Some(Number::ZERO);
    for (at, &level) in walk_to.iter().enumerate() {
        if nothing_left && at + 1 == walk_to.len() {
            drive.close(None);
        }
        drive.tick(level)?;
        if let Some((now, _)) = drive.view().and_then(|view| view.stop) {
            stop = Some(now);
        }
    }
    Answered::default().with("active_sl", stop.map(|stop| drive.shown(stop))).done()
}

fn sum(numbers: &[Number]) -> Number {
    numbers.iter().fold(Number::ZERO, |sum, &number| sum.plus(number))
}

/// A plan of one leg of a share, for quantities that may not come out even.
pub(crate) fn one_leg(side: Side, entry: Number, close: Number) -> Result<(PlanSpec, Number), String> {
    let gain = Number::ONE.percent();
    let mut spec = plans::empty();
    spec.ladder =
        Some(plans::ladder(vec![plans::leg(close, plans::Target::Fraction(gain))?], LegOfSpec::Remaining));
    Ok((spec, plans::moved(side, entry, gain)))
}
