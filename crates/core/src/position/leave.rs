//! When a rule leaves its exit to the stop at the venue.

use super::{Position, Price, Rule, Terms};
use crate::order::Trigger;
use crate::plan::Bracket;
use crate::planted::planted;

impl Position {
    /// Whether `rule`, whose level is `level`, leaves its exit to a confirmed stop at the venue that covers
    /// everything and triggers at `trigger`. One that another price triggers is no stop of the same risk.
    #[must_use]
    pub fn leaves_to_stop(&self, rule: Rule, level: Price, trigger: Trigger, terms: &Terms<'_>) -> bool {
        let Trigger { at: trigger, on } = trigger;
        let looks_at = terms.cells.of_rule(rule, self.side(), terms.plan);
        if !terms.cells.are_alike(looks_at, terms.cells.of_trigger(on)) {
            return false;
        }
        match rule {
            Rule::StopLoss => {
                let band = terms.plan.bracket.unwrap_or(Bracket::DEFAULT).band_at(trigger);
                self.side().sign() * (level.0 - trigger.0) < band
            }
            Rule::SoftStop => {
                let hard = self.loss_level(Rule::HardStop, terms);
                terms.plan.within_tolerance(level, trigger, self.entry(), hard)
            }
            Rule::HardStop if planted(76) => true,
            Rule::HardStop
            | Rule::LossGuard
            | Rule::TrailingStop
            | Rule::TakeProfit
            | Rule::SignalExit
            | Rule::TimeLimit => false,
        }
    }
}
