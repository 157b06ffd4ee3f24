//! A plan as people write it: decimals and words, no instrument, every fault told at once.
//!
//! Fractions are fractions everywhere: 0.025 is 2.5 %. The same shape is read from TOML, from the
//! cells of a positions file and from programs.

use serde::{Deserialize, Serialize};

use super::ladder::{LEGS_MAX, Ladder, Leg, LegKind, LegOf, LegTarget};
use super::level::Rounding;
use super::loss_limit::{Basis, LossLimit, Pnl};
use super::ratchet::Ratchet;
use super::stop_loss::StopLoss;
use super::trailing::{CurvePoint, Trailing};
use super::{AtrSpec, Distance, ExitStyle, Plan};
use crate::id::InstrumentId;
use crate::instrument::Instrument;
use crate::market::PriceSource;
use crate::num::{Decimal, Price, Ratio, Round};
use crate::time::Span;

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

    /// The plan in the units of an instrument, or every fault it has.
    pub fn resolve(&self, id: InstrumentId, instrument: &Instrument) -> Result<Plan, Vec<PlanFault>> {
        let mut check = Check { faults: Vec::new(), decimals: instrument.price_decimals };
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

/// Turns what is written into numbers, and remembers every fault on the way.
struct Check {
    faults: Vec<PlanFault>,
    decimals: u8,
}

impl Check {
    fn fault(&mut self, field: &str, value: impl std::fmt::Display, must: &str) {
        let (field, value) = (field.to_owned(), value.to_string());
        self.faults.push(PlanFault { field, value, must: must.to_owned() });
    }

    /// A number in units of 10^-9; more digits are rounded half up.
    fn ratio(&mut self, field: &str, value: Decimal) -> Ratio {
        match value.to_scale_rounded(Ratio::DECIMALS, Round::HalfUp) {
            Ok(units) => Ratio(units),
            Err(error) => {
                self.fault(field, value, &error.to_string());
                Ratio::ONE
            }
        }
    }

    /// A loss, stop or distance: above 0 (or from 0, if allowed) and below 1.
    fn fraction(&mut self, field: &str, value: Decimal, zero_allowed: bool) -> Ratio {
        let ratio = self.ratio(field, value);
        if ratio.0 < 0 || (ratio.0 == 0 && !zero_allowed) || ratio.0 >= Ratio::ONE.0 {
            let least = if zero_allowed { "at least 0" } else { "above 0" };
            self.fault(
                field,
                value,
                &format!("must be {least} and below 1; it is a fraction, 2.5 % is 0.025"),
            );
        }
        ratio
    }

    fn positive(&mut self, field: &str, value: Decimal) -> Ratio {
        let ratio = self.ratio(field, value);
        if ratio.0 <= 0 {
            self.fault(field, value, "must be above 0");
        }
        ratio
    }

    fn leverage(&mut self, value: Decimal) -> Ratio {
        let ratio = self.ratio("leverage", value);
        if ratio < Ratio::ONE {
            self.fault("leverage", value, "must be at least 1");
            return Ratio::ONE;
        }
        ratio
    }

    fn price(&mut self, field: &str, value: Decimal) -> Price {
        match value.to_scale(self.decimals) {
            Ok(units) if units > 0 => Price(units),
            Ok(_) => {
                self.fault(field, value, "must be above 0");
                Price(1)
            }
            Err(error) => {
                self.fault(field, value, &format!("{error}; round it to the instrument's decimals"));
                Price(1)
            }
        }
    }

    fn atr(&mut self, atr: &AtrText) -> AtrSpec {
        if atr.bar_secs == 0 {
            self.fault("atr.bar_secs", atr.bar_secs, "must be at least 1 second");
        }
        if atr.period == 0 {
            self.fault("atr.period", atr.period, "must be at least 1 bar");
        }
        AtrSpec { bar: Span::from_secs(i64::from(atr.bar_secs.max(1))), period: atr.period.max(1) }
    }

    fn distance(&mut self, field: &str, spec: &DistanceSpec) -> Distance {
        match (spec.fraction, spec.price, spec.atr) {
            (Some(share), None, None) => {
                Distance::Share(self.fraction(&format!("{field}.fraction"), share, false))
            }
            (None, Some(price), None) => Distance::Price(self.price(&format!("{field}.price"), price).0),
            (Some(fallback), None, Some(multiple)) => Distance::Atr {
                multiple: self.positive(&format!("{field}.atr"), multiple),
                fallback: self.fraction(&format!("{field}.fraction"), fallback, false),
            },
            (None, None, Some(multiple)) => {
                self.fault(
                    field,
                    format!("atr {multiple} alone"),
                    "add `fraction`: it stands in while there is no ATR",
                );
                Distance::Share(Ratio::from_bps(1))
            }
            _ => {
                self.fault(field, "not one distance", "give one of fraction, price, or atr with fraction");
                Distance::Share(Ratio::from_bps(1))
            }
        }
    }

    fn exit(&mut self, field: &str, spec: Option<&ExitSpec>, default: ExitStyle) -> ExitStyle {
        match spec {
            None => default,
            Some(ExitSpec::Market) => ExitStyle::Market,
            Some(ExitSpec::Limit { through, market_after_ms }) => ExitStyle::MarketableLimit {
                offset: self.fraction(&format!("{field}.exit.limit.through"), *through, true),
                market_after: Span::from_millis(i64::from(*market_after_ms)),
            },
        }
    }

    fn loss_limit(&mut self, field: &str, spec: &LossLimitSpec, default: ExitStyle) -> LossLimit {
        LossLimit {
            share: self.fraction(&format!("{field}.fraction"), spec.fraction, false),
            basis: match spec.basis {
                BasisSpec::Price => Basis::Price,
                BasisSpec::Margin => Basis::Margin,
            },
            pnl: if spec.net { Pnl::Net } else { Pnl::Gross },
            source: spec.source,
            exit: self.exit(field, spec.exit.as_ref(), default),
        }
    }

    fn stop_loss(&mut self, spec: &StopLossSpec) -> StopLoss {
        StopLoss {
            distance: self.distance("stop_loss.distance", &spec.distance),
            source: spec.source,
            exit: self.exit("stop_loss", spec.exit.as_ref(), ExitStyle::Market),
        }
    }

    fn trailing(&mut self, spec: &TrailingSpec, has_stop: bool) -> Trailing {
        let distance = self.distance("trailing.distance", &spec.distance);
        let min = spec.distance_min.map(|min| self.fraction("trailing.distance_min", min, false));
        let max = spec.distance_max.map(|max| self.fraction("trailing.distance_max", max, false));
        if let (Some(least), Some(most)) = (min, max)
            && least > most
        {
            let value = spec.distance_min.map_or_else(String::new, |min| min.to_string());
            self.fault("trailing.distance_min", value, "must not be above distance_max");
        }
        if matches!(distance, Distance::Share(_)) && (min.is_some() || max.is_some()) {
            self.fault(
                "trailing.distance_min",
                "given",
                "bounds need a distance in price or atr; a fraction needs none",
            );
        }
        let curve: Vec<CurvePoint> = spec.curve.iter().map(|point| self.curve_point(point)).collect();
        if !curve.is_empty() && matches!(distance, Distance::Price(_)) {
            self.fault("trailing.curve", "given", "a curve needs a distance that is a fraction");
        }
        if !curve.is_empty() && !has_stop {
            self.fault("trailing.curve", "given", "a curve in R needs a stop_loss: R is the distance to it");
        }
        if !curve.is_sorted_by(|a, b| a.r < b.r && a.share >= b.share) {
            self.fault(
                "trailing.curve",
                "not a tightening curve",
                "sort by r, and let each fraction be no wider",
            );
        }
        Trailing {
            // An activation of zero is the first price at or beyond the entry; it is not "always active".
            activation: spec.activation.map(|at| self.activation(at)),
            distance,
            distance_min: min,
            distance_max: max,
            step: spec.step.as_ref().map(|step| self.distance("trailing.step", step)),
            curve,
            exit: self.exit("trailing", spec.exit.as_ref(), ExitStyle::MARKETABLE),
        }
    }

    fn activation(&mut self, at: Decimal) -> Ratio {
        let ratio = self.ratio("trailing.activation", at);
        if ratio.0 < 0 {
            self.fault("trailing.activation", at, "must be at least 0");
        }
        ratio
    }

    fn curve_point(&mut self, point: &CurvePointSpec) -> CurvePoint {
        CurvePoint {
            r: self.positive("trailing.curve.r", point.r),
            share: self.fraction("trailing.curve.fraction", point.fraction, false),
        }
    }

    fn ladder(&mut self, spec: &LadderSpec, has_stop: bool) -> Ladder {
        if spec.legs.is_empty() || spec.legs.len() > LEGS_MAX {
            self.fault("ladder.legs", format!("{} legs", spec.legs.len()), "give one to four legs");
        }
        let mut legs: Vec<Leg> =
            spec.legs.iter().enumerate().map(|(index, leg)| self.leg(index, leg, has_stop)).collect();
        legs.truncate(LEGS_MAX);
        Ladder {
            legs,
            of: match spec.of {
                LegOfSpec::Remaining => LegOf::Remaining,
                LegOfSpec::Initial => LegOf::Initial,
            },
        }
    }

    fn leg(&mut self, index: usize, spec: &LegSpec, has_stop: bool) -> Leg {
        let field = format!("ladder.legs[{index}]");
        let fraction = self.positive(&format!("{field}.close"), spec.close);
        if fraction > Ratio::ONE {
            self.fault(&format!("{field}.close"), spec.close, "must be at most 1");
        }
        let target = match (spec.at, spec.at_r, spec.at_price) {
            (Some(at), None, None) => LegTarget::Share(self.positive(&format!("{field}.at"), at)),
            (None, Some(r), None) => {
                if !has_stop {
                    self.fault(&format!("{field}.at_r"), r, "needs a stop_loss: R is the distance to it");
                }
                LegTarget::R(self.positive(&format!("{field}.at_r"), r))
            }
            (None, None, Some(price)) => LegTarget::Price(self.price(&format!("{field}.at_price"), price)),
            _ => {
                self.fault(&field, "not one target", "give one of at, at_r, at_price");
                LegTarget::Share(Ratio::ONE)
            }
        };
        Leg { target, fraction, kind: if spec.soft { LegKind::Soft } else { LegKind::Hard } }
    }

    fn ratchet(&mut self, spec: &RatchetSpec, has_ladder: bool) -> Ratchet {
        if !has_ladder {
            self.fault("ratchet", "given", "needs a ladder: its legs move the stop");
        }
        Ratchet {
            offset: spec.offset.map_or(Ratio::ZERO, |offset| self.fraction("ratchet.offset", offset, true)),
            legs_max: spec.legs_max.unwrap_or(u8::try_from(LEGS_MAX).unwrap_or(u8::MAX)),
        }
    }

    /// The emergency stop stands behind the soft stop, or it would be the only one to act.
    fn not_wider(&mut self, plan: &Plan) {
        let (Some(hard), Some(soft)) = (plan.hard_stop, plan.soft_stop) else { return };
        if hard.basis == soft.basis && hard.share <= soft.share {
            let value = crate::num::shortest(i128::from(hard.share.0), Ratio::DECIMALS).to_string();
            self.fault("hard_stop.fraction", value, "must be wider than soft_stop.fraction");
        }
    }
}
