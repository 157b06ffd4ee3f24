//! A decision beside all rules of the plan: who held, who acted, and why the others did not.

use ripcord_core::event::ExitDecided;
use ripcord_core::reason::Reason;

use super::levels::{Levels, RuleNow, Watching};
use super::{RuleAt, Verdict};

/// Every rule at a decision, in rank order.
pub(super) fn rules_at(decided: &ExitDecided, levels: &Levels, now: &[RuleNow]) -> Vec<RuleAt> {
    let mut all: Vec<RuleAt> = now.iter().map(|rule| rule_at(decided, levels, rule)).collect();
    // What held without being in the plan as it is known here is a fact all the same.
    for held in &decided.held {
        if !all.iter().any(|rule| (rule.reason, rule.leg) == (held.reason, held.leg)) {
            let verdict = verdict_of_held(decided, held.reason);
            all.push(RuleAt {
                reason: held.reason,
                leg: held.leg,
                level: Some(held.level),
                price: Some(held.price),
                verdict,
            });
        }
    }
    all.sort_by_key(|rule| (rule.reason, rule.leg));
    all
}

fn rule_at(decided: &ExitDecided, levels: &Levels, rule: &RuleNow) -> RuleAt {
    let held = decided.held.iter().find(|held| (held.reason, held.leg) == (rule.reason, rule.leg));
    if let Some(held) = held {
        let verdict = verdict_of_held(decided, rule.reason);
        return RuleAt {
            reason: rule.reason,
            leg: rule.leg,
            level: Some(held.level),
            price: Some(held.price),
            verdict,
        };
    }
    let bit = 1_u8.checked_shl(u32::from(rule.leg)).unwrap_or(0) >> 1;
    let verdict = if levels.legs_done & bit != 0 {
        Verdict::Done
    } else if levels.legs_out & bit != 0 {
        Verdict::AtVenue(rule.gap().unwrap_or(0))
    } else {
        match (rule.watching, rule.gap()) {
            (_, None) => Verdict::Nothing,
            (Watching::Activation, Some(_)) => Verdict::NotActive,
            (_, Some(gap)) if gap > 0 => Verdict::NotReached(gap),
            (_, Some(_)) => Verdict::NotAsked,
        }
    };
    RuleAt { reason: rule.reason, leg: rule.leg, level: rule.level, price: rule.price, verdict }
}

fn verdict_of_held(decided: &ExitDecided, reason: Reason) -> Verdict {
    if reason == decided.reason { Verdict::Acted } else { Verdict::Outranked(decided.reason) }
}
