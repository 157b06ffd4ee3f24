//! Whether each rule of a plan can act at all, beside the others.

use super::{Finding, Look, Severity, is_farther, loss_shown, shown};
use crate::instrument::Side;
use crate::num::{Price, Ratio};
use crate::plan::stack::StackLevel;
use crate::plan::{LegOf, LevelRule, Rule, SignalExit};

impl Look<'_> {
    /// Everything that keeps a rule from ever acting.
    pub(super) fn out_of_reach(&self) -> Vec<Finding> {
        let mut findings = self.behind_the_hard_stop();
        findings.extend(self.liquidation_forces_exit());
        findings.extend(self.legs_out_of_reach());
        findings.extend(self.beyond_the_last_leg());
        findings.extend(self.signal_never_acts());
        findings
    }

    fn warning(&self, code: &'static str, field: &str, value: String, limit: String, what: &str) -> Finding {
        let (field, what) = (field.to_owned(), what.to_owned());
        Finding { code, severity: Severity::Warning, field, value, limit, what }
    }

    /// A loss rule whose level lies behind the hard stop comes too late.
    fn behind_the_hard_stop(&self) -> Vec<Finding> {
        let Some(hard) = self.level(Rule::HardStop) else { return Vec::new() };
        let rules = [
            (Rule::LossGuard, "loss_guard.fraction", loss_shown(self.plan.loss_guard)),
            (Rule::StopLoss, "stop_loss.distance", self.stop_written()),
        ];
        let behind = rules.into_iter().filter_map(|(rule, field, value)| {
            let level = self.level(rule)?;
            is_farther(self.sample.side, hard, level).then(|| {
                self.warning(
                    "BEHIND_HARD_STOP",
                    field,
                    value,
                    format!("hard stop at {}", self.shown(hard)),
                    &format!(
                        "its level {} comes after it: the hard stop acts before it ever does; make it tighter, or the hard stop wider",
                        self.shown(level)
                    ),
                )
            })
        });
        behind.collect()
    }

    /// A buffer that leaves no room between entry and liquidation sells at once.
    fn liquidation_forces_exit(&self) -> Option<Finding> {
        let (rule, side) = (self.plan.liquidation?, self.sample.side);
        let entry = self.sample.average();
        let at = rule.price(side, entry, self.plan.leverage)?;
        let levels = LevelRule::new(self.plan.rounding, self.instrument);
        let safe = rule.safe_stop(side, entry, at, levels);
        let through = safe == self.sample.entry || is_farther(side, safe, self.sample.entry);
        through.then(|| Finding {
            code: "LIQUIDATION_FORCES_EXIT",
            severity: Severity::Fault,
            field: "liquidation.buffer".to_owned(),
            value: shown(rule.buffer),
            limit: format!("liquidation at {}", self.shown(at)),
            what: format!(
                "the stop would be kept at {}, so that every position is sold at once; make the buffer smaller, or lower the leverage",
                self.shown(safe)
            ),
        })
    }

    fn leg_price(&self, index: usize) -> Option<Price> {
        let number = u8::try_from(index + 1).ok()?;
        self.rows.iter().find(|row| row.what == StackLevel::Leg(number)).map(|row| row.price)
    }

    /// Legs that stand behind others, behind the entry, or behind a leg that leaves nothing.
    fn legs_out_of_reach(&self) -> Vec<Finding> {
        let Some(ladder) = &self.plan.ladder else { return Vec::new() };
        let side = self.sample.side;
        let mut findings = Vec::new();
        let mut left = i128::from(Ratio::ONE.0);
        for (index, leg) in ladder.legs.iter().enumerate() {
            let field = format!("ladder.legs[{index}]");
            let price = self.leg_price(index);
            let before = index.checked_sub(1).and_then(|before| self.leg_price(before));
            if let (Some(price), Some(before)) = (price, before)
                && is_farther(side, before, price)
            {
                let limit = format!("the leg before it, with its target at {}", self.shown(before));
                let what = format!(
                    "its target {} is nearer, but legs fire in their order, so it waits for the one before it; sort them by price",
                    self.shown(price)
                );
                findings.push(self.warning(
                    "LEG_OUT_OF_ORDER",
                    &field,
                    self.leg_written(index),
                    limit,
                    &what,
                ));
            }
            if let Some(price) = price.filter(|&price| is_farther(side, self.sample.entry, price)) {
                let limit = format!("an entry of {}", self.shown(self.sample.entry));
                let what = format!(
                    "its target {} is reached by the first price; a target lies on the winning side of the entry",
                    self.shown(price)
                );
                let value = self.leg_written(index);
                findings.push(self.warning("TARGET_BEHIND_ENTRY", &field, value, limit, &what));
            }
            if left <= 0 {
                let limit = "the legs before it close everything".to_owned();
                let what = "nothing is left for it to close; drop it, or close less before it";
                findings.push(self.warning("LEG_NEVER_CLOSES", &field, shown(leg.fraction), limit, what));
            }
            let one = i128::from(Ratio::ONE.0);
            left = match ladder.of {
                LegOf::Remaining => left * (one - i128::from(leg.fraction.0)) / one,
                LegOf::Initial => left - i128::from(leg.fraction.0),
            };
        }
        findings
    }

    /// The price at which the ladder has closed everything, if it ever does.
    fn all_closed_at(&self) -> Option<Price> {
        let ladder = self.plan.ladder.as_ref()?;
        let mut left = i128::from(Ratio::ONE.0);
        ladder.legs.iter().enumerate().find_map(|(index, leg)| {
            let one = i128::from(Ratio::ONE.0);
            left = match ladder.of {
                LegOf::Remaining => left * (one - i128::from(leg.fraction.0)) / one,
                LegOf::Initial => left - i128::from(leg.fraction.0),
            };
            (left <= 0).then(|| self.leg_price(index)).flatten()
        })
    }

    /// What becomes possible only where the ladder has closed everything already.
    fn beyond_the_last_leg(&self) -> Vec<Finding> {
        let Some(last) = self.all_closed_at() else { return Vec::new() };
        let activation = self.plan.trailing.as_ref().and_then(|trailing| trailing.activation);
        let levels = [
            (StackLevel::TrailingActivation, "trailing.activation", activation),
            (
                StackLevel::SignalProfit,
                "signal_exit.profit_min",
                self.plan.signal_exit.map(|exit| exit.profit_min),
            ),
        ];
        let beyond = levels.into_iter().filter_map(|(what, field, share)| {
            let price = self.rows.iter().find(|row| row.what == what)?.price;
            let is_beyond = match self.sample.side {
                Side::Long => price >= last,
                Side::Short => price <= last,
            };
            is_beyond.then(|| {
                self.warning(
                    "BEYOND_LAST_LEG",
                    field,
                    share.map_or_else(String::new, shown),
                    format!("everything is closed at {}", self.shown(last)),
                    &format!(
                        "it begins at {}, where nothing is held any more; bring it nearer, or close less",
                        self.shown(price)
                    ),
                )
            })
        });
        beyond.collect()
    }

    /// A signal that may not act while trailing, beside a trailing stop that always trails.
    fn signal_never_acts(&self) -> Option<Finding> {
        let SignalExit { while_trailing, .. } = self.plan.signal_exit?;
        let always = self.plan.trailing.as_ref().is_some_and(|trailing| trailing.activation.is_none());
        (always && !while_trailing).then(|| {
            self.warning(
                "SIGNAL_NEVER_ACTS",
                "signal_exit.while_trailing",
                "false".to_owned(),
                "a trailing stop that is active from the opening".to_owned(),
                "no signal can ever act; give the trailing stop an activation, or allow signals while trailing",
            )
        })
    }
}
