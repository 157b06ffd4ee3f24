//! The levels of a plan for one entry: what stands where, as prices.
//!
//! For people, before a position exists: the running engine asks its positions.

use super::level::{Average, LevelRule};
use super::net::{NetBasis, Reach};
use super::{Distance, OnlyWhen, Plan, Rule, StopLoss, liquidation_price};
use crate::instrument::{Instrument, Side};
use crate::num::{Money, Price, Qty, Ratio, Round};
use crate::reason::StopOrigin;

/// ATR as a share of the price, where a plan uses ATR and none is known.
pub const ATR_TYPICAL: Ratio = Ratio::from_bps(200);
/// Maintenance margin of a plan with leverage that does not tell its own.
pub const MAINTENANCE_TYPICAL: Ratio = Ratio::from_bps(50);

/// An entry to show a plan's levels for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Long or short.
    pub side: Side,
    /// Its price; positive.
    pub entry: Price,
    /// ATR as a share of the price.
    pub atr: Ratio,
}

/// What a level of a stack is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StackLevel {
    /// Where the venue would liquidate.
    Liquidation,
    /// Where a rule that closes on loss fires.
    Loss(Rule),
    /// Where the trailing stop becomes active.
    TrailingActivation,
    /// Where the trailing stop stands when it becomes active.
    TrailingStop,
    /// The target of a leg, from 1.
    Leg(u8),
    /// The least profit for the signal exit.
    SignalProfit,
    /// The profit or loss that the time limit asks for.
    TimeLimit,
}

/// One level of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StackRow {
    /// What it is.
    pub what: StackLevel,
    /// Where it is.
    pub price: Price,
    /// What set it, for a stop.
    pub origin: Option<StopOrigin>,
}

impl Sample {
    /// The entry as an average.
    #[must_use]
    pub fn average(&self) -> Average {
        Average { cost: i128::from(self.entry.0), qty: 1 }
    }
}

/// The levels of `plan` for an entry, from the highest price to the lowest.
#[must_use]
pub fn stack(plan: &Plan, instrument: &Instrument, sample: &Sample) -> Vec<StackRow> {
    let mut rows = Vec::new();
    let mut add = |what, price: Option<Price>, origin| {
        rows.extend(price.map(|price| StackRow { what, price, origin }));
    };
    let Sample { side, .. } = *sample;
    let rule = LevelRule::new(plan.rounding, instrument);
    let basis = net_basis(plan, instrument, sample);
    add(StackLevel::Liquidation, liquidation_of(plan, sample), None);
    for (what, limit) in [
        (Rule::HardStop, plan.hard_stop),
        (Rule::LossGuard, plan.loss_guard),
        (Rule::SoftStop, plan.soft_stop),
    ] {
        let price = limit.map(|limit| limit.level(side, basis.entry, basis.costs, plan, instrument));
        add(StackLevel::Loss(what), price, None);
    }
    let stop = plan.stop_loss.map(|stop| {
        with_typical_atr(stop, sample.atr).initial(side, sample.average(), rule, None, plan.leverage)
    });
    add(StackLevel::Loss(Rule::StopLoss), stop.map(|stop| stop.price), stop.map(|stop| stop.origin));
    let risk = stop.map(|stop| side.sign() * (sample.entry.0 - stop.price.0)).filter(|&risk| risk > 0);
    if let Some(trailing) = &plan.trailing {
        let from = trailing.activation.map_or(sample.entry, |at| rule.target(side, sample.average(), at));
        let share = match trailing.distance {
            Distance::Atr { multiple, .. } => Distance::Share(Ratio(multiple.of(sample.atr.0, Round::Down))),
            other => other,
        };
        let distance = match share {
            Distance::Share(share) => share.of(from.0, Round::Down),
            Distance::Price(distance) => distance,
            Distance::Atr { .. } => unreachable!("made a share above"),
        };
        let least = trailing.distance_min.map_or(0, |min| min.of(from.0, Round::Down));
        let most = trailing.distance_max.map_or(i64::MAX, |max| max.of(from.0, Round::Down));
        add(StackLevel::TrailingActivation, trailing.activation.map(|_| from), None);
        let stop = rule.trailing_distance(side, from, distance.clamp(least, most.max(least)));
        add(StackLevel::TrailingStop, Some(stop), None);
    }
    for (index, leg) in plan.ladder.iter().flat_map(|ladder| ladder.legs.iter().enumerate()) {
        let number = u8::try_from(index + 1).expect("a ladder has at most four legs");
        add(StackLevel::Leg(number), leg.level(side, sample.average(), risk, rule), None);
    }
    let profit = plan.signal_exit.map(|exit| basis.level(exit.profit_min, Reach::AtLeast, rule));
    add(StackLevel::SignalProfit, profit, None);
    let held = plan.time_limit.and_then(|limit| limit.only).map(|only| match only {
        OnlyWhen::Below(share) => basis.level(share, Reach::AtMost, rule),
        OnlyWhen::Above(share) => basis.level(share, Reach::AtLeast, rule),
    });
    add(StackLevel::TimeLimit, held, None);
    rows.sort_by_key(|row| (std::cmp::Reverse(row.price), row.what));
    rows
}

/// The estimated liquidation price of a plan's position: with its own maintenance margin, or a typical
/// one where it has leverage.
#[must_use]
pub fn liquidation_of(plan: &Plan, sample: &Sample) -> Option<Price> {
    let maintenance = match plan.liquidation {
        Some(table) => table.maintenance,
        None if plan.leverage > Ratio::ONE => MAINTENANCE_TYPICAL,
        None => return None,
    };
    liquidation_price(sample.side, sample.average(), plan.leverage, maintenance)
}

/// The stop as it would be at an ATR of `atr` of the price.
pub(super) fn with_typical_atr(stop: StopLoss, atr: Ratio) -> StopLoss {
    let distance = match stop.distance {
        Distance::Atr { multiple, .. } => Distance::Share(Ratio(multiple.of(atr.0, Round::Down))),
        distance @ (Distance::Share(_) | Distance::Price(_)) => distance,
    };
    StopLoss { distance, ..stop }
}

/// One whole unit of the base currency, bought at the taker fee.
pub(super) fn net_basis<'a>(plan: &Plan, instrument: &'a Instrument, sample: &Sample) -> NetBasis<'a> {
    let unit = Qty(10_i64.pow(u32::from(instrument.qty_decimals)));
    let costs: Money = instrument.notional(sample.entry, unit).times(plan.taker_fee, Round::Up);
    let entry = Average { cost: i128::from(sample.entry.0) * i128::from(unit.0), qty: unit.0 };
    NetBasis { side: sample.side, entry, costs, taker_fee: plan.taker_fee, instrument }
}

impl StackLevel {
    /// What it is, in words of the plan file.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Liquidation => "liquidation (estimated)".to_owned(),
            Self::Loss(rule) => match rule {
                Rule::HardStop => "hard_stop".to_owned(),
                Rule::LossGuard => "loss_guard".to_owned(),
                Rule::StopLoss => "stop_loss".to_owned(),
                Rule::SoftStop => "soft_stop".to_owned(),
                Rule::TrailingStop => "trailing".to_owned(),
                Rule::TakeProfit => "ladder".to_owned(),
                Rule::SignalExit => "signal_exit".to_owned(),
                Rule::TimeLimit => "time_limit".to_owned(),
            },
            Self::TrailingActivation => "trailing activates".to_owned(),
            Self::TrailingStop => "trailing stop then".to_owned(),
            Self::Leg(number) => format!("ladder leg {number}"),
            Self::SignalProfit => "signal_exit from".to_owned(),
            Self::TimeLimit => "time_limit from".to_owned(),
        }
    }
}
