//! How each rule is set off: the market, the command or the time that makes it act, and no other.

use ripcord_core::event::{Command, Record};
use ripcord_core::instrument::Side;
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Price, Qty, Ratio};
use ripcord_core::plan::stack::{Sample, StackLevel, stack};
use ripcord_core::plan::{Average, OnlyWhen, Rule};
use ripcord_core::position::{at_gain, at_loss};
use ripcord_core::time::Span;

use super::scene::Scene;
use super::{DrillError, ENTRY, Forced, SetOff, Subject, instrument};
use crate::names::price_text;

/// Rules that close on loss, by rank.
const STOPS: [Rule; 5] =
    [Rule::HardStop, Rule::LossGuard, Rule::StopLoss, Rule::SoftStop, Rule::TrailingStop];
/// A climbing market moves by this share of the entry, in basis points ..
const STEP_BPS: i64 = 5;
/// .. at most so often.
const STEPS_MAX: i64 = 4_000;
/// Between two steps: the venue's answers arrive.
const STEP_PACE: Span = Span::from_millis(250);

pub(super) fn set_off(scene: &mut Scene, subject: &Subject, forced: Forced) -> Result<SetOff, DrillError> {
    if !must_come_early(scene, subject, forced) {
        scene.calm_down();
    }
    match forced {
        Forced::Rule(Rule::TrailingStop) => trailing(scene, subject),
        Forced::Rule(rule @ (Rule::HardStop | Rule::LossGuard | Rule::StopLoss | Rule::SoftStop)) => {
            jump(scene, subject, rule)
        }
        Forced::Rule(Rule::SignalExit) => signal(scene, subject),
        Forced::Rule(Rule::TimeLimit) => time_limit(scene, subject),
        Forced::Rule(Rule::TakeProfit) => leg(scene, subject, 1),
        Forced::Leg(number) => leg(scene, subject, number),
        Forced::Panic => Ok(panic(scene)),
        Forced::Bracket | Forced::ProtectionFailed => venue_stop(scene, subject, forced),
    }
}

fn outranked(forced: Forced, why: String) -> DrillError {
    DrillError::Outranked { asked: forced.word(), why }
}

fn shown(price: Price) -> String {
    price_text(&instrument(), price)
}

/// A rule that leaves its exit to a confirmed stop at the venue acts itself only before that is confirmed.
fn must_come_early(scene: &Scene, subject: &Subject, forced: Forced) -> bool {
    let leaves = matches!(forced, Forced::Rule(Rule::StopLoss | Rule::SoftStop));
    leaves && subject.plan.bracket.is_some() && scene.position().is_some()
}

/// The level of a rule that closes on loss.
fn level(scene: &Scene, subject: &Subject, rule: Rule) -> Option<Price> {
    let view = scene.position()?;
    let plan = &subject.plan;
    let limit = match rule {
        Rule::HardStop => plan.hard_stop,
        Rule::LossGuard => plan.loss_guard,
        Rule::SoftStop => plan.soft_stop,
        Rule::StopLoss => return view.stop.map(|(stop, _)| stop),
        Rule::TrailingStop => return view.trailing_stop,
        Rule::TakeProfit | Rule::SignalExit | Rule::TimeLimit => None,
    };
    let rules = instrument();
    let average = Average { cost: i128::from(view.entry.0) * i128::from(view.qty.0), qty: view.qty.0 };
    let fees = rules.notional(ENTRY.0, view.qty).times(plan.taker_fee, ripcord_core::num::Round::Up);
    limit.map(|limit| limit.level(subject.side, average, fees, plan, &rules))
}

/// One price, from calm to the rule's level. What else lies on the way of its source is passed at once.
fn jump(scene: &mut Scene, subject: &Subject, rule: Rule) -> Result<SetOff, DrillError> {
    let forced = Forced::Rule(rule);
    let nowhere = || outranked(forced, "it has no level here".to_owned());
    let to = level(scene, subject, rule).filter(|to| to.is_sound()).ok_or_else(nowhere)?;
    let source = scene.source_of(rule, subject);
    let higher = || STOPS.into_iter().filter(|other| *other < rule);
    let reached = |scene: &Scene, other: Rule| {
        level(scene, subject, other).is_some_and(|at| at_loss(subject.side, to, at))
    };
    if let Some(first) =
        higher().find(|&other| scene.source_of(other, subject) == source && reached(scene, other))
    {
        let name = Forced::Rule(first).word();
        let why =
            format!("{name} ranks higher, looks at the same price and is reached at {} already", shown(to));
        return Err(outranked(forced, why));
    }
    let follows = subject.plan.bracket.is_none() && !higher().any(|other| reached(scene, other));
    scene.watch();
    scene.price(source, to);
    let others = [PriceSource::Last, PriceSource::Bid, PriceSource::Ask, PriceSource::Mark];
    let others = others.into_iter().filter(|&other| other != source);
    // A stop at the venue watches the last price: where that stays, the rule is what gets out.
    let text = if follows {
        others.for_each(|other| scene.price(other, to));
        format!("the market falls away to {} in one step", shown(to))
    } else {
        format!("the {} price jumps to {}, the others stay", source_word(source), shown(to))
    };
    Ok(SetOff { text, level: Some(to) })
}

const fn source_word(source: PriceSource) -> &'static str {
    match source {
        PriceSource::Last => "last",
        PriceSource::Bid => "bid",
        PriceSource::Ask => "ask",
        PriceSource::Mark => "mark",
        PriceSource::Index => "index",
    }
}

/// The market goes our way, step by step, until `is_there`; whether it got there.
fn climb(scene: &mut Scene, subject: &Subject, is_there: impl Fn(&Scene) -> bool) -> bool {
    let tick = instrument().tick_size.0;
    let step = ENTRY.0.0 * STEP_BPS / 10_000 / tick * tick;
    for n in 0..STEPS_MAX {
        if is_there(scene) {
            return true;
        }
        let price = Price(ENTRY.0.0 + subject.side.sign() * step * n);
        if scene.position().is_none() || !price.is_sound() {
            return false;
        }
        scene.all(price);
        scene.wait(STEP_PACE);
    }
    false
}

fn trailing(scene: &mut Scene, subject: &Subject) -> Result<SetOff, DrillError> {
    let forced = Forced::Rule(Rule::TrailingStop);
    let is_nearest = |scene: &Scene| {
        let Some(trail) = level(scene, subject, Rule::TrailingStop) else { return false };
        let higher = STOPS.into_iter().filter(|rule| *rule < Rule::TrailingStop);
        higher.filter_map(|rule| level(scene, subject, rule)).all(|at| !at_loss(subject.side, trail, at))
    };
    if !climb(scene, subject, is_nearest) {
        return Err(outranked(
            forced,
            "something else closes everything before it is the nearest stop".to_owned(),
        ));
    }
    let Some(to) = level(scene, subject, Rule::TrailingStop) else {
        return Err(outranked(forced, "it is not active".to_owned()));
    };
    let source = scene.source_of(Rule::TrailingStop, subject);
    let best = scene.last(source);
    scene.watch();
    scene.price(source, to);
    let text = format!(
        "the market goes to {}, then the {} price comes back to {}",
        shown(best),
        source_word(source),
        shown(to)
    );
    Ok(SetOff { text, level: Some(to) })
}

/// The quantity that a leg has sold so far.
fn sold(scene: &Scene, number: u8) -> Qty {
    let fills = scene.entries().iter().filter_map(|entry| match &entry.record {
        Record::Filled(filled) if filled.id.leg == number => Some(filled.qty.0),
        _ => None,
    });
    Qty(fills.sum())
}

fn leg(scene: &mut Scene, subject: &Subject, number: u8) -> Result<SetOff, DrillError> {
    let forced = Forced::Leg(number);
    let target = |scene: &Scene| {
        let view = scene.position()?;
        view.legs.get(usize::from(number) - 1).map(|leg| leg.target)
    };
    let at = target(scene);
    // The step before the one that reaches it is not measured: it is where the measuring begins.
    let near = |scene: &Scene| {
        let step = ENTRY.0.0 * STEP_BPS / 10_000;
        let next = Price(scene.last(PriceSource::Bid).0 + 2 * subject.side.sign() * step);
        target(scene).is_some_and(|target| at_gain(subject.side, next, target))
    };
    if climb(scene, subject, near) {
        scene.watch();
    }
    if !climb_on(scene, subject, |scene| sold(scene, number).0 > 0) {
        return Err(outranked(
            forced,
            "everything is closed before it, or it closes nothing by itself".to_owned(),
        ));
    }
    scene.wait(STEP_PACE);
    // What is left is closed by hand: the drill ends flat.
    scene.command(Command::Close { key: scene.key, qty: None });
    let at_text = at.map_or_else(|| "its target".to_owned(), shown);
    let goes = match subject.side {
        Side::Long => "climbs",
        Side::Short => "falls",
    };
    let text = format!("the market {goes} step by step through {at_text}; the rest is closed by hand");
    Ok(SetOff { text, level: at })
}

/// Goes on climbing from where the market is.
fn climb_on(scene: &mut Scene, subject: &Subject, is_there: impl Fn(&Scene) -> bool) -> bool {
    let tick = instrument().tick_size.0;
    let step = ENTRY.0.0 * STEP_BPS / 10_000 / tick * tick;
    for _ in 0..STEPS_MAX {
        if is_there(scene) {
            return true;
        }
        let price = Price(scene.last(PriceSource::Bid).0 + subject.side.sign() * step);
        if scene.position().is_none() || !price.is_sound() {
            return is_there(scene);
        }
        scene.all(price);
        scene.wait(STEP_PACE);
    }
    false
}

/// A level of the plan that a price must reach, and from which side.
fn condition(subject: &Subject, what: StackLevel) -> Option<Price> {
    let sample = Sample { side: subject.side, entry: ENTRY.0, atr: Ratio::from_bps(100) };
    stack(&subject.plan, &instrument(), &sample).into_iter().find(|row| row.what == what).map(|row| row.price)
}

fn signal(scene: &mut Scene, subject: &Subject) -> Result<SetOff, DrillError> {
    let forced = Forced::Rule(Rule::SignalExit);
    let from = condition(subject, StackLevel::SignalProfit);
    let source = scene.source_of(Rule::SignalExit, subject);
    let is_there = |scene: &Scene| from.is_none_or(|from| at_gain(subject.side, scene.last(source), from));
    if !climb(scene, subject, is_there) {
        return Err(outranked(forced, "everything is closed before its profit is reached".to_owned()));
    }
    scene.watch();
    scene.command(Command::Signal { key: scene.key, at: scene.now() });
    let at = shown(scene.last(source));
    Ok(SetOff { text: format!("the strategy signals an exit at {at}"), level: from })
}

fn time_limit(scene: &mut Scene, subject: &Subject) -> Result<SetOff, DrillError> {
    const PARTS: i64 = 64;
    let forced = Forced::Rule(Rule::TimeLimit);
    let Some(rule) = subject.plan.time_limit else {
        return Err(outranked(forced, "there is none".to_owned()));
    };
    let at = condition(subject, StackLevel::TimeLimit);
    let source = scene.source_of(Rule::TimeLimit, subject);
    let is_met = |price| match (rule.only, at) {
        (Some(OnlyWhen::Below(_)), Some(at)) => at_loss(subject.side, price, at),
        (Some(OnlyWhen::Above(_)), Some(at)) => at_gain(subject.side, price, at),
        (None, _) | (_, None) => true,
    };
    if let Some(at) = at.filter(|_| !is_met(scene.last(source))) {
        scene.price(source, at);
    }
    let price = scene.last(source);
    let until = scene.position().map_or(scene.now(), |view| view.opened_at).after(rule.after);
    let step = Span((until.since(scene.now()).0 / PARTS).max(1));
    while until.since(scene.now()).0 > 2 * step.0 && scene.position().is_some() {
        scene.wait(step);
        scene.price(source, price);
    }
    scene.watch();
    scene.wait(Span(until.since(scene.now()).0.max(0)));
    scene.price(source, price);
    let decided = scene.entries().iter().any(|entry| {
        matches!(&entry.record, Record::ExitDecided(decided) if decided.reason == Rule::TimeLimit.reason())
    });
    if !decided {
        return Err(outranked(forced, "something else closes everything before the time is over".to_owned()));
    }
    let secs = rule.after.0 / 1_000_000_000;
    Ok(SetOff { text: format!("{secs} s pass with the price at {}", shown(price)), level: at })
}

fn panic(scene: &mut Scene) -> SetOff {
    scene.watch();
    scene.command(Command::Panic(scene.key.account));
    SetOff { text: "somebody asks for everything to be closed".to_owned(), level: None }
}

/// The last price comes to the stop at the venue.
fn venue_stop(scene: &mut Scene, subject: &Subject, forced: Forced) -> Result<SetOff, DrillError> {
    let stop = scene.protection().and_then(|of| of.stop);
    let Some(stop) = stop else {
        return Err(outranked(forced, "the venue has confirmed no stop".to_owned()));
    };
    let source = match forced {
        Forced::ProtectionFailed => scene.source_of(Rule::StopLoss, subject),
        _ => PriceSource::Last,
    };
    scene.watch();
    scene.price(source, stop.trigger);
    let acts = if forced == Forced::Bracket { "" } else { ", and the venue's stop does not act" };
    let text = format!("the {} price comes to {}{acts}", source_word(source), shown(stop.trigger));
    Ok(SetOff { text, level: Some(stop.trigger) })
}
