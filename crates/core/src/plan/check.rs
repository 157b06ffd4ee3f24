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
mod written;

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
    let rows = stack(plan, instrument, sample);
    Look { plan, instrument, sample, rows, is_example: false }.findings()
}

/// What [`check`] finds at any entry. Levels that a plan gives as prices are left out: only an entry of its
/// own market can judge them, and `sample` is a made-up one.
#[must_use]
pub fn check_anywhere(plan: &Plan, instrument: &Instrument, sample: &Sample) -> Vec<Finding> {
    let mut rows = stack(plan, instrument, sample);
    rows.retain(|row| !written::is_price(plan, row.what));
    Look { plan, instrument, sample, rows, is_example: true }.findings()
}

/// What [`check`] finds at this entry and [`check_anywhere`] leaves to it; nothing of a plan without prices.
#[must_use]
pub fn check_entry(plan: &Plan, instrument: &Instrument, sample: &Sample) -> Vec<Finding> {
    if !written::has_prices(plan) {
        return Vec::new();
    }
    let anywhere = check_anywhere(plan, instrument, sample);
    let mut findings = check(plan, instrument, sample);
    findings.retain(|found| !anywhere.iter().any(|known| known.is_as(found)));
    findings
}

impl Finding {
    /// Whether another one says the same of the same field.
    #[must_use]
    pub fn is_as(&self, other: &Self) -> bool {
        self.code == other.code && self.field == other.field
    }
}

struct Look<'a> {
    plan: &'a Plan,
    instrument: &'a Instrument,
    sample: &'a Sample,
    rows: Vec<StackRow>,
    /// Whether the entry of the sample is made up, so that no price of the plan can be held against it.
    is_example: bool,
}

impl Look<'_> {
    fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        findings.extend(self.hard_not_wider());
        findings.extend(self.beyond_liquidation());
        findings.extend(self.not_aligned());
        findings.extend(self.gap_too_large());
        findings.extend(self.reward_poor());
        findings.extend(self.no_loss_rule());
        findings.extend(self.floor_forces_exit());
        findings.extend(self.ratchet_beyond_target());
        findings.extend(self.below_zero());
        findings.extend(self.out_of_reach());
        findings.extend(self.prices());
        findings.sort_by_key(|finding| finding.severity);
        findings
    }

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
            (Rule::StopLoss, "stop_loss.distance", self.stop_written()),
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
            Distance::Price(_) if self.is_example => return None,
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

    fn not_aligned(&self) -> Option<Finding> {
        let soft = price_share(self.plan.soft_stop?, self.plan);
        let stop = self.stop_share()?;
        let apart = Ratio((soft.0 - stop.0).abs());
        (apart > ALIGNED_WITHIN).then(|| Finding {
            code: "MAX_LOSS_NOT_ALIGNED",
            severity: Severity::Warning,
            field: "soft_stop.fraction".to_owned(),
            value: loss_shown(self.plan.soft_stop),
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
            value: loss_shown(self.plan.hard_stop),
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
            let (severity, field, value) = match row.what {
                StackLevel::Loss(Rule::StopLoss) => {
                    (Severity::Fault, "stop_loss.distance".to_owned(), self.stop_written())
                }
                StackLevel::Loss(Rule::TrailingStop) | StackLevel::TrailingStop => {
                    (Severity::Fault, "trailing.distance".to_owned(), self.trailing_written())
                }
                StackLevel::Leg(number) => {
                    let index = usize::from(number) - 1;
                    (Severity::Warning, format!("ladder.legs[{index}]"), self.leg_written(index))
                }
                _ => return None,
            };
            Some(Finding {
                code: "BELOW_ZERO",
                severity,
                field,
                value,
                limit: "a level above 0".to_owned(),
                what: format!(
                    "at an entry of {} its level is {}: no price reaches it; bring it nearer",
                    self.shown(self.sample.entry),
                    self.shown(row.price)
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
mod tests;
