//! A plan as people write it: decimals and words, no instrument, every fault told at once.
//!
//! Fractions are fractions everywhere: 0.025 is 2.5 %. The same shape is read from TOML, from the
//! cells of a positions file and from programs.

use serde::{Deserialize, Serialize};

use super::level::Rounding;
use super::{ExitStyle, Plan};
use crate::id::InstrumentId;
use crate::instrument::Instrument;
use crate::market::PriceSource;
use crate::num::{Decimal, Ratio};
use check::Check;

mod check;

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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossLimitSpec {
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
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StopLossSpec {
    /// Distance from the entry.
    pub distance: DistanceSpec,
    /// The price it looks at.
    #[serde(default)]
    pub source: Option<PriceSource>,
    /// How the exit is sent.
    #[serde(default)]
    pub exit: Option<ExitSpec>,
}

/// The trailing stop as written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrailingSpec {
    /// Profit, as a fraction of the entry, that activates it; absent is active from the opening.
    #[serde(default)]
    pub activation: Option<Decimal>,
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

/// The ladder as written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LadderSpec {
    /// One to four legs, nearest first.
    pub legs: Vec<LegSpec>,
    /// What fractions are of.
    #[serde(default)]
    pub of: LegOfSpec,
}

/// What the fractions of a ladder are of, as written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegOfSpec {
    /// What is left when the leg's turn comes.
    #[default]
    Remaining,
    /// What was held at the start.
    Initial,
}

/// A leg as written: a fraction of the position, and exactly one target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegSpec {
    /// How much it closes.
    pub close: Decimal,
    /// Target as a fraction of the entry.
    #[serde(default)]
    pub at: Option<Decimal>,
    /// Target as a multiple of R.
    #[serde(default)]
    pub at_r: Option<Decimal>,
    /// Target as a price.
    #[serde(default)]
    pub at_price: Option<Decimal>,
    /// Whether it rests at the venue as a limit.
    #[serde(default)]
    pub soft: bool,
}

/// The ratchet as written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RatchetSpec {
    /// Offset of break-even, as a fraction of the entry.
    #[serde(default)]
    pub offset: Option<Decimal>,
    /// Legs that move the stop; absent is all.
    #[serde(default)]
    pub legs_max: Option<u8>,
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
        }
    }

    /// Whether the plan closes anything at all.
    #[must_use]
    pub const fn has_rules(&self) -> bool {
        self.hard_stop.is_some()
            || self.loss_guard.is_some()
            || self.stop_loss.is_some()
            || self.soft_stop.is_some()
            || self.trailing.is_some()
            || self.ladder.is_some()
    }

    /// The plan in the units of an instrument, or every fault it has.
    pub fn resolve(&self, id: InstrumentId, instrument: &Instrument) -> Result<Plan, Vec<PlanFault>> {
        let mut check = Check::new(instrument);
        if self.version != PLAN_VERSION {
            check.fault("version", self.version, &format!("this program reads version {PLAN_VERSION}"));
        }
        let atr = self.atr.as_ref().map(|atr| check.atr(atr));
        let plan = Plan {
            name: self.name.clone(),
            instrument: id,
            rounding: self.rounding,
            leverage: self.leverage.map_or(Ratio::ONE, |value| check.leverage(value)),
            taker_fee: self.taker_fee.map_or(Ratio::ZERO, |fee| check.fraction("taker_fee", fee, true)),
            atr,
            hard_stop: self
                .hard_stop
                .as_ref()
                .map(|rule| check.loss_limit("hard_stop", rule, ExitStyle::Market)),
            loss_guard: self
                .loss_guard
                .as_ref()
                .map(|rule| check.loss_limit("loss_guard", rule, ExitStyle::Market)),
            stop_loss: self.stop_loss.as_ref().map(|rule| check.stop_loss(rule)),
            soft_stop: self
                .soft_stop
                .as_ref()
                .map(|rule| check.loss_limit("soft_stop", rule, ExitStyle::MARKETABLE)),
            trailing: self.trailing.as_ref().map(|rule| check.trailing(rule, self.stop_loss.is_some())),
            ladder: self.ladder.as_ref().map(|rule| check.ladder(rule, self.stop_loss.is_some())),
            ratchet: self.ratchet.as_ref().map(|rule| check.ratchet(rule, self.ladder.is_some())),
        };
        if plan.uses_atr() && plan.atr.is_none() {
            check.fault("atr", "absent", "a distance uses ATR; give atr = { bar_secs = 3600, period = 14 }");
        }
        check.not_wider(&plan);
        if check.faults.is_empty() { Ok(plan) } else { Err(check.faults) }
    }
}
