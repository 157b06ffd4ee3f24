//! The validator: whether the rules of a plan fit each other, and whether each can fire at all.
//!
//! Faults are refused: a plan with one promises protection that it does not give. Warnings are worth
//! knowing. All are found at once.

use super::level::LevelRule;
use super::ratchet::RatchetOffset;
use super::stack::{Sample, StackLevel, StackRow, liquidation_of, net_basis, stack, with_typical_atr};
use super::{Basis, Distance, LossLimit, Plan, Rule};
use crate::instrument::{Instrument, Side};
use crate::num::{Price, Ratio, Round, shortest};
use crate::plan::ladder::LegTarget;

mod prices;
mod reach;

/// The soft stop may be this far from the stop before they contradict each other.
pub const ALIGNED_WITHIN: Ratio = Ratio::from_bps(50);
/// The widest gap between soft stop and hard stop that is not told.
pub const GAP_MAX: Ratio = Ratio::from_bps(250);
/// The least reward for a risk of one that is not told.
pub const REWARD_MIN: Ratio = Ratio::from_bps(5_000);

/// Something that is wrong with a plan, or worth knowing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// A word for programs.
    pub code: &'static str,
    /// Whether the plan is refused.
    pub severity: Severity,
    /// Path of the field.
    pub field: String,
    /// Its value.
    pub value: String,
    /// What it was held against.
    pub limit: String,
    /// What to do.
    pub what: String,
}

/// Whether a plan is refused for a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It is.
    Fault,
    /// It is not.
    Warning,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} is {} (limit {}): {}", self.code, self.field, self.value, self.limit, self.what)
    }
}

/// Everything that is wrong with a plan or worth knowing, faults first; empty if all its systems are
/// aligned. `sample` is an entry to compute its levels for.
#[must_use]
pub fn check(plan: &Plan, instrument: &Instrument, sample: &Sample) -> Vec<Finding> {
    let look = Look { plan, instrument, sample, rows: stack(plan, instrument, sample) };
    let mut findings = Vec::new();
    findings.extend(look.hard_not_wider());
    findings.extend(look.beyond_liquidation());
    findings.extend(look.not_aligned());
    findings.extend(look.gap_too_large());
    findings.extend(look.reward_poor());
    findings.extend(look.no_loss_rule());
    findings.extend(look.floor_forces_exit());
    findings.extend(look.ratchet_beyond_target());
    findings.extend(look.below_zero());
    findings.extend(look.out_of_reach());
    findings.extend(look.prices());
    findings.sort_by_key(|finding| finding.severity);
    findings
}

struct Look<'a> {
    plan: &'a Plan,
    instrument: &'a Instrument,
    sample: &'a Sample,
    rows: Vec<StackRow>,
}

impl Look<'_> {
    fn level(&self, rule: Rule) -> Option<Price> {
        let row = self.rows.iter().find(|row| row.what == StackLevel::Loss(rule));
        row.map(|row| row.price)
    }

    fn shown(&self, price: Price) -> String {
        shortest(i128::from(price.0), self.instrument.price_decimals).to_string()
    }

    fn hard_not_wider(&self) -> Option<Finding> {
        let (hard, soft) = (self.level(Rule::HardStop)?, self.level(Rule::SoftStop)?);
        let wider = is_farther(self.sample.side, soft, hard);
        (!wider).then(|| Finding {
            code: "HARD_NOT_WIDER",
            severity: Severity::Fault,
            field: "hard_stop.fraction".to_owned(),
            value: loss_shown(self.plan.hard_stop),
            limit: format!("soft_stop.fraction {}", loss_shown(self.plan.soft_stop)),
            what: format!(
                "the hard stop at {} does not stand behind the soft stop at {}; make it wider",
                self.shown(hard),
                self.shown(soft)
            ),
        })
    }

    /// Rules whose level lies at or beyond liquidation never fire.
    fn beyond_liquidation(&self) -> Vec<Finding> {
        let Some(liquidation) = liquidation_of(self.plan, self.sample) else { return Vec::new() };
        let rules = [
            (Rule::HardStop, "hard_stop.fraction", loss_shown(self.plan.hard_stop)),
            (Rule::LossGuard, "loss_guard.fraction", loss_shown(self.plan.loss_guard)),
            (Rule::StopLoss, "stop_loss.distance", self.stop_shown()),
            (Rule::SoftStop, "soft_stop.fraction", loss_shown(self.plan.soft_stop)),
        ];
        let leverage = shortest(i128::from(self.plan.leverage.0), Ratio::DECIMALS);
        let found = rules.into_iter().filter_map(|(rule, field, value)| {
            let level = self.level(rule)?;
            let fires = is_farther(self.sample.side, level, liquidation);
            (!fires).then(|| Finding {
                code: "BEYOND_LIQUIDATION",
                severity: Severity::Fault,
                field: field.to_owned(),
                value,
                limit: format!("liquidation at {} with leverage {leverage}", self.shown(liquidation)),
                what: format!(
                    "its level {} is never reached: the venue liquidates first; make it tighter, use basis = \"margin\", or lower the leverage",
                    self.shown(level)
                ),
            })
        });
        found.collect()
    }

    /// The stop as a share of the entry, at the sample's ATR.
    fn stop_share(&self) -> Option<Ratio> {
        let stop = with_typical_atr(self.plan.stop_loss?, self.sample.atr);
        let share = match stop.distance {
            Distance::Price(distance) => {
                let one = i128::from(Ratio::ONE.0);
                let share = Round::HalfUp.divide(i128::from(distance) * one, i128::from(self.sample.entry.0));
                // A distance of more than the price belongs to another market than the sample's.
                i64::try_from(share).ok().map(Ratio).filter(|&share| share < Ratio::ONE)?
            }
            Distance::Share(share) | Distance::Atr { fallback: share, .. } => share,
        };
        Some(stop.bounded_share(share, self.plan.leverage))
    }

    fn stop_shown(&self) -> String {
        self.stop_share().map_or_else(String::new, shown)
    }

    fn not_aligned(&self) -> Option<Finding> {
        let soft = price_share(self.plan.soft_stop?, self.plan);
        let stop = self.stop_share()?;
        let apart = Ratio((soft.0 - stop.0).abs());
        (apart > ALIGNED_WITHIN).then(|| Finding {
            code: "MAX_LOSS_NOT_ALIGNED",
            severity: Severity::Warning,
            field: "soft_stop.fraction".to_owned(),
            value: shown(soft),
            limit: format!("within {} of the estimated stop, {}", shown(ALIGNED_WITHIN), shown(stop)),
            what: "stop and soft stop will act at different prices; bring them together, or drop one"
                .to_owned(),
        })
    }

    fn gap_too_large(&self) -> Option<Finding> {
        let hard = price_share(self.plan.hard_stop?, self.plan);
        let soft = price_share(self.plan.soft_stop?, self.plan);
        let gap = Ratio(hard.0 - soft.0);
        (gap > GAP_MAX).then(|| Finding {
            code: "GAP_TOO_LARGE",
            severity: Severity::Warning,
            field: "hard_stop.fraction".to_owned(),
            value: shown(hard),
            limit: format!("soft stop {} plus {}", shown(soft), shown(GAP_MAX)),
            what: format!(
                "between the two {} may be lost before the emergency stop acts; tighten it",
                shown(gap)
            ),
        })
    }

    /// The average target of the ladder's legs, weighted by what they close, as a share of the entry.
    fn reward(&self) -> Option<Ratio> {
        let ladder = self.plan.ladder.as_ref()?;
        let stop = self.stop_share();
        let mut weights = 0_i128;
        let mut sum = 0_i128;
        for leg in &ladder.legs {
            let target = match leg.target {
                LegTarget::Share(share) => share,
                LegTarget::R(multiple) => Ratio(multiple.of(stop?.0, Round::HalfUp)),
                LegTarget::Price(_) => return None,
            };
            weights += i128::from(leg.fraction.0);
            sum += i128::from(leg.fraction.0) * i128::from(target.0);
        }
        i64::try_from(Round::HalfUp.divide(sum, weights.max(1))).ok().map(Ratio)
    }

    fn reward_poor(&self) -> Option<Finding> {
        let soft = self.plan.soft_stop.map(|soft| price_share(soft, self.plan));
        let (reward, risk) = (self.reward()?, soft.or_else(|| self.stop_share())?);
        let one = i128::from(Ratio::ONE.0);
        let poor = i128::from(reward.0) * one < i128::from(risk.0) * i128::from(REWARD_MIN.0);
        poor.then(|| Finding {
            code: "RR_POOR",
            severity: Severity::Warning,
            field: "ladder.legs".to_owned(),
            value: format!("{} gained on average", shown(reward)),
            limit: format!("{} of the {} risked", shown(REWARD_MIN), shown(risk)),
            what: "a win pays less than half a loss; take profit farther away, or risk less".to_owned(),
        })
    }

    /// Levels that no price reaches: a stop below zero is no protection, a target below zero never comes.
    fn below_zero(&self) -> Vec<Finding> {
        let unreachable = self.rows.iter().filter(|row| !row.price.is_sound());
        let told = unreachable.filter_map(|row| {
            let (severity, field) = match row.what {
                StackLevel::Loss(Rule::StopLoss) => (Severity::Fault, "stop_loss.distance"),
                StackLevel::Loss(Rule::TrailingStop) | StackLevel::TrailingStop => {
                    (Severity::Fault, "trailing.distance")
                }
                StackLevel::Leg(_) => (Severity::Warning, "ladder.legs"),
                _ => return None,
            };
            Some(Finding {
                code: "BELOW_ZERO",
                severity,
                field: field.to_owned(),
                value: self.shown(row.price),
                limit: "a price above 0".to_owned(),
                what: format!(
                    "at an entry of {} no price reaches it; bring it nearer",
                    self.shown(self.sample.entry)
                ),
            })
        });
        told.collect()
    }

    /// A break-even at or beyond the first target sells what the first leg left at the next price.
    fn ratchet_beyond_target(&self) -> Option<Finding> {
        let ratchet = self.plan.ratchet.filter(|ratchet| ratchet.legs_max > 0)?;
        let rule = LevelRule::new(self.plan.rounding, self.instrument);
        let stop = ratchet.break_even(&net_basis(self.plan, self.instrument, self.sample), rule);
        let first = self.rows.iter().find(|row| row.what == StackLevel::Leg(1))?.price;
        let side = self.sample.side;
        (stop == first || is_farther(side, stop, first)).then(|| Finding {
            code: "RATCHET_BEYOND_TARGET",
            severity: Severity::Warning,
            field: "ratchet.offset".to_owned(),
            value: match ratchet.offset {
                RatchetOffset::Share(share) => shown(share),
                RatchetOffset::Fees => "fees".to_owned(),
            },
            limit: format!("the target of the first leg at {}", self.shown(first)),
            what: format!(
                "after the first leg the stop stands at {}, where the price is already: the rest is sold at once; bring the offset nearer",
                self.shown(stop)
            ),
        })
    }

    fn no_loss_rule(&self) -> Option<Finding> {
        let Plan { hard_stop, loss_guard, stop_loss, soft_stop, trailing, .. } = self.plan;
        let limited =
            hard_stop.is_some() || loss_guard.is_some() || stop_loss.is_some() || soft_stop.is_some();
        let trails = trailing.as_ref().is_some_and(|rule| rule.activation.is_none());
        (!limited && !trails).then(|| Finding {
            code: "NO_LOSS_RULE",
            severity: Severity::Warning,
            field: "stop_loss".to_owned(),
            value: "absent".to_owned(),
            limit: "one rule that limits a loss".to_owned(),
            what: "nothing limits a loss; give stop_loss, soft_stop or hard_stop".to_owned(),
        })
    }

    fn floor_forces_exit(&self) -> Option<Finding> {
        let stop = self.plan.stop_loss?;
        let (allowed, least) = (stop.allowed_move(self.plan.leverage)?, stop.distance_min?);
        (allowed < least).then(|| Finding {
            code: "FLOOR_FORCES_EXIT",
            severity: Severity::Warning,
            field: "stop_loss.risk_floor".to_owned(),
            value: format!("a move of {}", shown(allowed)),
            limit: format!("stop_loss.distance_min {}", shown(least)),
            what: "at this leverage every position is closed at once; lower the leverage, or raise the floor"
                .to_owned(),
        })
    }
}

/// Whether `far` is strictly beyond `near` on the losing side.
const fn is_farther(side: Side, near: Price, far: Price) -> bool {
    match side {
        Side::Long => far.0 < near.0,
        Side::Short => far.0 > near.0,
    }
}

/// A loss limit as a share of the price.
fn price_share(limit: LossLimit, plan: &Plan) -> Ratio {
    match limit.basis {
        Basis::Price => limit.share,
        Basis::Margin => super::stop_loss::risk_floor_move(limit.share, plan.leverage),
    }
}

fn loss_shown(limit: Option<LossLimit>) -> String {
    limit.map_or_else(String::new, |limit| match limit.basis {
        Basis::Price => shown(limit.share),
        Basis::Margin => format!("{} of the margin", shown(limit.share)),
    })
}

fn shown(share: Ratio) -> String {
    shortest(i128::from(share.0), Ratio::DECIMALS).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::InstrumentId;
    use crate::plan::spec::{DistanceSpec, LadderSpec, LegSpec, LossLimitSpec, PlanSpec, StopLossSpec};
    use crate::plan::stack::ATR_TYPICAL;

    fn spec(soft: &str, hard: &str, target: &str) -> PlanSpec {
        let number = |text: &str| text.parse().expect("a number");
        let limit = |fraction| Some(LossLimitSpec { fraction: number(fraction), ..LossLimitSpec::default() });
        let mut spec = PlanSpec::empty("p");
        spec.atr = Some(crate::plan::spec::AtrText { bar_secs: 3_600, period: 14 });
        spec.hard_stop = limit(hard);
        spec.soft_stop = limit(soft);
        spec.stop_loss = Some(StopLossSpec {
            distance: DistanceSpec {
                atr: Some(number("1.8")),
                fraction: Some(number("0.012")),
                ..DistanceSpec::default()
            },
            minimum: Some(number("0.012")),
            cushion: Some(number("0.0015")),
            fee: Some(number("0.0055")),
            ..StopLossSpec::default()
        });
        let leg =
            LegSpec { close: number("1"), at: Some(number(target)), at_r: None, at_price: None, soft: true };
        spec.ladder = Some(LadderSpec { legs: vec![leg], ..LadderSpec::default() });
        spec
    }

    fn codes(spec: &PlanSpec) -> Vec<&'static str> {
        let instrument = Instrument::from_decimals("X", 6, 3);
        let plan = spec.resolve_parts(InstrumentId(0), &instrument).0;
        let mut codes = Vec::new();
        for side in [Side::Long, Side::Short] {
            let sample = Sample { side, entry: Price(100_000_000), atr: ATR_TYPICAL };
            codes = check(&plan, &instrument, &sample).iter().map(|finding| finding.code).collect();
        }
        codes
    }

    #[test]
    fn soft_stop_hard_stop_and_target_are_held_against_each_other() {
        for (soft, hard, target, found) in [
            ("0.045", "0.045", "0.035", &["HARD_NOT_WIDER"][..]),
            ("0.045", "0.08", "0.035", &["GAP_TOO_LARGE"]),
            ("0.045", "0.06", "0.02", &["RR_POOR"]),
            ("0.03", "0.045", "0.02", &["MAX_LOSS_NOT_ALIGNED"]),
            ("0.045", "0.06", "0.035", &[]),
            // The estimate is 4.3 %: half a point away is aligned, a hair more is not.
            ("0.048", "0.06", "0.035", &[]),
            ("0.0480001", "0.06", "0.035", &["MAX_LOSS_NOT_ALIGNED"]),
            ("0.045", "0.07", "0.035", &[]),
            ("0.045", "0.0700001", "0.035", &["GAP_TOO_LARGE"]),
            ("0.045", "0.06", "0.0225", &[]),
            ("0.045", "0.06", "0.0224", &["RR_POOR"]),
        ] {
            assert_eq!(codes(&spec(soft, hard, target)), found, "{soft} {hard} {target}");
        }
    }

    #[test]
    fn a_rule_behind_liquidation_is_refused() {
        let mut spec = spec("0.045", "0.06", "0.035");
        spec.leverage = "20".parse().ok();
        // Liquidation is 4.5 % away: the soft stop's 4.5 % is a little nearer for a short only.
        let found = codes(&spec);
        assert!(found.contains(&"BEYOND_LIQUIDATION"), "{found:?}");
        let mut margin = PlanSpec::empty("m");
        margin.leverage = "20".parse().ok();
        let mut guard =
            LossLimitSpec { fraction: "0.125".parse().expect("a number"), ..LossLimitSpec::default() };
        margin.loss_guard = Some(guard.clone());
        assert_eq!(codes(&margin), ["BEYOND_LIQUIDATION"]);
        guard.basis = crate::plan::spec::BasisSpec::Margin;
        margin.loss_guard = Some(guard);
        assert_eq!(codes(&margin), [""; 0]);
    }

    #[test]
    fn a_plan_without_a_limit_of_loss_is_told() {
        let mut spec = spec("0.045", "0.06", "0.035");
        (spec.stop_loss, spec.soft_stop, spec.hard_stop) = (None, None, None);
        assert_eq!(codes(&spec), ["NO_LOSS_RULE"]);
    }

    #[test]
    fn rules_that_can_never_act_are_told() {
        let number = |text: &str| text.parse().expect("a number");
        let leg = |close: &str, at: Option<&str>, at_r: Option<&str>| LegSpec {
            close: number(close),
            at: at.map(number),
            at_r: at_r.map(number),
            at_price: None,
            soft: false,
        };
        let limit = |fraction| Some(LossLimitSpec { fraction: number(fraction), ..LossLimitSpec::default() });
        let mut all = PlanSpec::empty("p");
        all.soft_stop = limit("0.02");
        let legs = vec![leg("1", Some("0.02"), None), leg("1", Some("0.03"), None)];
        all.ladder = Some(LadderSpec { legs, ..LadderSpec::default() });
        all.trailing = Some(crate::plan::spec::TrailingSpec {
            activation: Some(number("0.05")),
            distance: DistanceSpec { fraction: Some(number("0.01")), ..DistanceSpec::default() },
            ..Default::default()
        });
        assert_eq!(codes(&all), ["LEG_NEVER_CLOSES", "BEYOND_LAST_LEG"]);
        let mut mixed = PlanSpec::empty("p");
        mixed.stop_loss = Some(StopLossSpec {
            distance: DistanceSpec { fraction: Some(number("0.05")), ..DistanceSpec::default() },
            ..StopLossSpec::default()
        });
        let legs = vec![leg("0.25", None, Some("2")), leg("0.5", Some("0.01"), None)];
        mixed.ladder = Some(LadderSpec { legs, ..LadderSpec::default() });
        assert!(codes(&mixed).contains(&"LEG_OUT_OF_ORDER"), "{:?}", codes(&mixed));
        let mut behind = PlanSpec::empty("p");
        (behind.hard_stop, behind.loss_guard) = (limit("0.05"), limit("0.1"));
        assert_eq!(codes(&behind), ["BEHIND_HARD_STOP"]);
        let mut margin = PlanSpec::empty("p");
        margin.leverage = "20".parse().ok();
        margin.soft_stop = limit("0.01");
        margin.liquidation = Some(crate::plan::spec::LiquidationSpec {
            enabled: crate::plan::spec::Enabled(true),
            maintenance: number("0.005"),
            buffer: Some(number("0.5")),
        });
        assert_eq!(codes(&margin), ["LIQUIDATION_FORCES_EXIT"]);
    }

    #[test]
    fn a_level_below_zero_is_told() {
        let number = |text: &str| text.parse().expect("a number");
        let mut stop = PlanSpec::empty("p");
        stop.stop_loss = Some(StopLossSpec {
            distance: DistanceSpec { price: Some(number("150")), ..DistanceSpec::default() },
            ..StopLossSpec::default()
        });
        let instrument = Instrument::from_decimals("X", 6, 3);
        let plan = stop.resolve_parts(InstrumentId(0), &instrument).0;
        let sample = Sample { side: Side::Long, entry: Price(100_000_000), atr: ATR_TYPICAL };
        let found = check(&plan, &instrument, &sample);
        assert!(found.iter().any(|f| f.code == "BELOW_ZERO" && f.severity == Severity::Fault), "{found:?}");
    }

    #[test]
    fn a_break_even_beyond_the_first_target_is_told() {
        for (offset, found) in [("0.034", &[][..]), ("0.035", &["RATCHET_BEYOND_TARGET"])] {
            let mut spec = spec("0.045", "0.06", "0.035");
            spec.ratchet = Some(crate::plan::spec::RatchetSpec {
                offset: Some(crate::plan::spec::OffsetSpec::Fraction(offset.parse().expect("a number"))),
                ..Default::default()
            });
            assert_eq!(codes(&spec), found, "{offset}");
        }
    }

    #[test]
    fn a_floor_that_allows_no_stop_is_told() {
        let mut spec = PlanSpec::empty("p");
        spec.leverage = "60".parse().ok();
        spec.stop_loss = Some(StopLossSpec {
            distance: DistanceSpec { fraction: "0.02".parse().ok(), ..DistanceSpec::default() },
            risk_floor: "0.1".parse().ok(),
            distance_min: "0.002".parse().ok(),
            ..StopLossSpec::default()
        });
        assert_eq!(codes(&spec), ["FLOOR_FORCES_EXIT"]);
    }
}
