//! A plan as people write it: decimals and words, no instrument, every fault told at once.
//!
//! Fractions are fractions everywhere: 0.025 is 2.5 %. The same shape is read from TOML, from the
//! cells of a positions file and from programs.

use serde::{Deserialize, Serialize};

use super::level::Rounding;
use super::{ExitStyle, Plan, PriceRules, TOLERANCE_DEFAULT};
use crate::id::InstrumentId;
use crate::instrument::Instrument;
use crate::market::PriceSource;
use crate::num::{Decimal, Ratio};
use check::Check;

mod check;
mod filled;
mod ladder;
mod late;
mod prices;
mod switch;

pub use ladder::{DynamicSpec, LadderSpec, LegOfSpec, LegSpec, OffsetSpec, RatchetSpec};
pub use late::{BracketSpec, LiquidationSpec, OnlyWhenSpec, SignalExitSpec, TimeLimitSpec};
pub use prices::PricesSpec;
pub use switch::Enabled;

/// Version of the plan schema.
pub const PLAN_VERSION: u16 = 1;

/// A plan as written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanSpec {
    /// Schema version; 1.
    pub version: u16,
    /// A name for tables and records.
    #[serde(default)]
    pub name: String,
    /// How levels are put on the tick grid.
    #[serde(default)]
    pub rounding: Rounding,
    /// Leverage for thresholds on margin.
    #[serde(default)]
    pub leverage: Option<Decimal>,
    /// Taker fee that net thresholds charge for the exit.
    #[serde(default)]
    pub taker_fee: Option<Decimal>,
    /// Bars and period of ATR.
    #[serde(default)]
    pub atr: Option<AtrText>,
    /// Emergency stop.
    #[serde(default)]
    pub hard_stop: Option<LossLimitSpec>,
    /// Guard against an extreme loss, once per episode.
    #[serde(default)]
    pub loss_guard: Option<LossLimitSpec>,
    /// The stop.
    #[serde(default)]
    pub stop_loss: Option<StopLossSpec>,
    /// Loss limit of the monitor.
    #[serde(default)]
    pub soft_stop: Option<LossLimitSpec>,
    /// Trailing stop.
    #[serde(default)]
    pub trailing: Option<TrailingSpec>,
    /// Take-profit ladder.
    #[serde(default)]
    pub ladder: Option<LadderSpec>,
    /// Moves the stop after ladder legs.
    #[serde(default)]
    pub ratchet: Option<RatchetSpec>,
    /// Acts on an exit signal.
    #[serde(default)]
    pub signal_exit: Option<SignalExitSpec>,
    /// Acts on what was held too long.
    #[serde(default)]
    pub time_limit: Option<TimeLimitSpec>,
    /// Keeps the stop from liquidation.
    #[serde(default)]
    pub liquidation: Option<LiquidationSpec>,
    /// The stop that rests at the venue.
    #[serde(default)]
    pub bracket: Option<BracketSpec>,
    /// Whether more of the position may loosen its stop.
    #[serde(default)]
    pub rebase: bool,
    /// How near a bracket's level must be for a rule to leave its exit to it; absent is 0.005.
    #[serde(default)]
    pub tolerance: Option<Decimal>,
    /// Which prices it trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices: Option<PricesSpec>,
}

/// Bars and period of ATR as written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AtrText {
    /// Length of the bars in seconds.
    pub bar_secs: u32,
    /// Wilder's period.
    pub period: u16,
}

/// A distance as written: exactly one of the three.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DistanceSpec {
    /// A fraction of the price. Beside `atr` it is what stands in while there is no ATR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fraction: Option<Decimal>,
    /// A distance in the quote currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Decimal>,
    /// A multiple of ATR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub atr: Option<Decimal>,
}

/// A loss limit as written.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossLimitSpec {
    /// Whether it acts.
    #[serde(default)]
    pub enabled: Enabled,
    /// The loss as a positive fraction.
    pub fraction: Decimal,
    /// What the fraction is of.
    #[serde(default)]
    pub basis: BasisSpec,
    /// Whether fees count.
    #[serde(default)]
    pub net: bool,
    /// The price it looks at.
    #[serde(default)]
    pub source: Option<PriceSource>,
    /// How the exit is sent.
    #[serde(default)]
    pub exit: Option<ExitSpec>,
}

/// The basis of a fraction as written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BasisSpec {
    /// The entry price.
    #[default]
    Price,
    /// The margin: price move times leverage.
    Margin,
}

/// How an exit is sent, as written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ExitSpec {
    /// At the market.
    Market,
    /// Through the market by a fraction, at the market after some time.
    Limit {
        /// How far through the price that fired.
        through: Decimal,
        /// Milliseconds until it goes to the market.
        market_after_ms: u32,
    },
}

/// The stop as written.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopLossSpec {
    /// Whether it acts.
    #[serde(default)]
    pub enabled: Enabled,
    /// Distance from the entry.
    pub distance: DistanceSpec,
    /// The distance is at least this fraction of the entry.
    #[serde(default)]
    pub minimum: Option<Decimal>,
    /// Added for the spread, as a fraction of the entry.
    #[serde(default)]
    pub cushion: Option<Decimal>,
    /// Added for one fee, as a fraction of the entry.
    #[serde(default)]
    pub fee: Option<Decimal>,
    /// Most that the stop may cost, as a fraction of the margin.
    #[serde(default)]
    pub risk_floor: Option<Decimal>,
    /// Where the risk floor allows less than this fraction of the entry, everything is closed at once.
    #[serde(default)]
    pub distance_min: Option<Decimal>,
    /// The price it looks at.
    #[serde(default)]
    pub source: Option<PriceSource>,
    /// How the exit is sent.
    #[serde(default)]
    pub exit: Option<ExitSpec>,
}

/// The trailing stop as written.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrailingSpec {
    /// Whether it acts.
    #[serde(default)]
    pub enabled: Enabled,
    /// Profit, as a fraction of the entry, that activates it; absent is active from the opening.
    #[serde(default)]
    pub activation: Option<Decimal>,
    /// Profit as a multiple of R that activates it; needs a stop loss given as a fraction.
    #[serde(default)]
    pub activation_r: Option<Decimal>,
    /// Distance from the best price.
    pub distance: DistanceSpec,
    /// Least distance as a fraction of the best price.
    #[serde(default)]
    pub distance_min: Option<Decimal>,
    /// Greatest distance as a fraction of the best price.
    #[serde(default)]
    pub distance_max: Option<Decimal>,
    /// The stop moves only by at least this much.
    #[serde(default)]
    pub step: Option<DistanceSpec>,
    /// Tighter fractions from multiples of R on.
    #[serde(default)]
    pub curve: Vec<CurvePointSpec>,
    /// How the exit is sent.
    #[serde(default)]
    pub exit: Option<ExitSpec>,
}

/// A point of a tightening curve as written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CurvePointSpec {
    /// Multiple of R.
    pub r: Decimal,
    /// The fraction from there on.
    pub fraction: Decimal,
}

/// What is wrong with a plan: where, what it is, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} is {value}: {must}")]
pub struct PlanFault {
    /// Path of the field.
    pub field: String,
    /// Its value.
    pub value: String,
    /// What it must be, or what to do.
    pub must: String,
}

/// What a plan does not mean quite as written, or should be known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanWarning {
    /// Path of the field.
    pub field: String,
    /// Its value.
    pub value: String,
    /// What was made of it, or what to do.
    pub what: String,
}

impl std::fmt::Display for PlanWarning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is {}: {}", self.field, self.value, self.what)
    }
}

/// A plan in the units of an instrument, and what should be known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// The plan.
    pub plan: Plan,
    /// What it does not mean quite as written.
    pub warnings: Vec<PlanWarning>,
}

impl PlanSpec {
    /// A plan without rules.
    #[must_use]
    pub fn empty(name: &str) -> Self {
        Self {
            version: PLAN_VERSION,
            name: name.to_owned(),
            rounding: Rounding::default(),
            leverage: None,
            taker_fee: None,
            atr: None,
            hard_stop: None,
            loss_guard: None,
            stop_loss: None,
            soft_stop: None,
            trailing: None,
            ladder: None,
            ratchet: None,
            signal_exit: None,
            time_limit: None,
            liquidation: None,
            bracket: None,
            rebase: false,
            tolerance: None,
            prices: None,
        }
    }

    /// Whether the plan closes anything at all.
    #[must_use]
    pub fn has_rules(&self) -> bool {
        let on = |limit: &Option<LossLimitSpec>| limit.as_ref().is_some_and(|rule| rule.enabled.0);
        on(&self.hard_stop)
            || on(&self.loss_guard)
            || on(&self.soft_stop)
            || self.stop_loss.as_ref().is_some_and(|rule| rule.enabled.0)
            || self.trailing.as_ref().is_some_and(|rule| rule.enabled.0)
            || self.ladder.as_ref().is_some_and(|rule| rule.enabled.0)
            || self.signal_exit.as_ref().is_some_and(|rule| rule.enabled.0)
            || self.time_limit.as_ref().is_some_and(|rule| rule.enabled.0)
    }

    /// The plan in the units of an instrument, or every fault it has.
    ///
    /// # Errors
    /// Every fault, each with its field and what to do.
    pub fn resolve(&self, id: InstrumentId, instrument: &Instrument) -> Result<Plan, Vec<PlanFault>> {
        self.resolve_with_warnings(id, instrument).map(|resolved| resolved.plan)
    }

    /// The plan in the units of an instrument with what should be known about it, or every fault it has.
    ///
    /// # Errors
    /// Every fault, each with its field and what to do.
    pub fn resolve_with_warnings(
        &self,
        id: InstrumentId,
        instrument: &Instrument,
    ) -> Result<Resolved, Vec<PlanFault>> {
        let (plan, warnings, mut faults) = self.resolve_parts(id, instrument);
        faults.extend(check::hard_not_wider(&plan));
        if faults.is_empty() { Ok(Resolved { plan, warnings }) } else { Err(faults) }
    }

    /// The plan with warnings and faults; where there are faults its numbers are stand-ins. Whether the
    /// hard stop is wider than the soft stop is left to the caller.
    #[must_use]
    pub fn resolve_parts(
        &self,
        id: InstrumentId,
        instrument: &Instrument,
    ) -> (Plan, Vec<PlanWarning>, Vec<PlanFault>) {
        let mut check = Check::new(instrument);
        if self.version != PLAN_VERSION {
            check.fault("version", self.version, &format!("this program reads version {PLAN_VERSION}"));
        }
        let mut plan = Plan::empty(&self.name, id);
        plan.rounding = self.rounding;
        plan.rebase = self.rebase;
        plan.leverage = self.leverage.map_or(Ratio::ONE, |value| check.leverage(value));
        plan.taker_fee = self.taker_fee.map_or(Ratio::ZERO, |fee| check.fraction("taker_fee", fee, true));
        plan.tolerance =
            self.tolerance.map_or(TOLERANCE_DEFAULT, |share| check.fraction("tolerance", share, true));
        plan.prices = self.prices.as_ref().map_or(PriceRules::DEFAULT, |prices| check.prices(prices));
        plan.atr = self.atr.as_ref().map(|atr| check.atr(atr));
        let mut limit = |field, spec: &Option<LossLimitSpec>, default| {
            let rule = spec.as_ref().map(|rule| (rule.enabled, check.loss_limit(field, rule, default)));
            rule.and_then(|(enabled, rule)| enabled.0.then_some(rule))
        };
        plan.hard_stop = limit("hard_stop", &self.hard_stop, ExitStyle::Market);
        plan.loss_guard = limit("loss_guard", &self.loss_guard, ExitStyle::Market);
        plan.soft_stop = limit("soft_stop", &self.soft_stop, ExitStyle::MARKETABLE);
        self.rules_of_levels(&mut plan, &mut check);
        self.rules_of_time(&mut plan, &mut check);
        if plan.uses_atr() && plan.atr.is_none() {
            check.fault(
                "atr",
                "absent",
                "a distance or target uses ATR; give atr = { bar_secs = 3600, period = 14 }",
            );
        }
        (plan, check.warnings, check.faults)
    }

    /// Stop, trailing stop, ladder, ratchet. Each is checked, and kept if it is on.
    fn rules_of_levels(&self, plan: &mut Plan, check: &mut Check) {
        if let Some(spec) = &self.stop_loss {
            let rule = check.stop_loss(spec);
            plan.stop_loss = spec.enabled.0.then_some(rule);
        }
        let stop = plan.stop_loss;
        if let Some(spec) = &self.trailing {
            let rule = check.trailing(spec, stop.as_ref(), plan.leverage);
            plan.trailing = spec.enabled.0.then_some(rule);
        }
        if let Some(spec) = &self.ladder {
            let rule = check.ladder(spec, stop.is_some(), plan.leverage);
            let on = spec.enabled.0 && !(spec.unless_trailing && plan.trailing.is_some());
            plan.ladder = on.then_some(rule);
        }
        if let Some(spec) = &self.ratchet {
            let rule = check.ratchet(spec, self.ladder.is_some());
            plan.ratchet = (spec.enabled.0 && plan.ladder.is_some()).then_some(rule);
        }
    }

    /// Signal exit, time limit, liquidation.
    fn rules_of_time(&self, plan: &mut Plan, check: &mut Check) {
        if let Some(spec) = &self.signal_exit {
            let rule = check.signal_exit(spec);
            plan.signal_exit = spec.enabled.0.then_some(rule);
        }
        if let Some(spec) = &self.time_limit {
            let rule = check.time_limit(spec);
            plan.time_limit = spec.enabled.0.then_some(rule);
        }
        if let Some(spec) = &self.liquidation {
            let rule = check.liquidation(spec);
            plan.liquidation = spec.enabled.0.then_some(rule);
        }
        if let Some(spec) = &self.bracket {
            let rule = check.bracket(spec, plan.stop_loss.and_then(|stop| stop.source));
            plan.bracket = spec.enabled.0.then_some(rule);
        }
    }
}
