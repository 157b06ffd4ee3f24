//! Whether a position makes sense under its plan: what would be decided before the first price is not asked.

use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::num::{Price, Qty, fixed};
use ripcord_core::plan::check::check_entry;
use ripcord_core::plan::ladder::LegTarget;
use ripcord_core::plan::stack::ATR_TYPICAL;
use ripcord_core::plan::{Average, LevelRule, Plan, Sample, Severity};

use crate::plan_file::checked::finding_text;

/// Why a position makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Senseless {
    /// What is at fault: `qty` or `entry_price`.
    pub field: &'static str,
    /// Why, and what to do.
    pub must: String,
}

/// Looks whether an instrument or the levels of its own plan make a position senseless.
///
/// # Errors
/// The first thing that does.
pub fn sensible(
    plan: &Plan,
    rules: &Instrument,
    side: Side,
    (entry, qty): (Price, Qty),
) -> Result<(), Senseless> {
    let senseless = |field, must| Err(Senseless { field, must });
    if rules.is_too_large(entry, qty) {
        let must = "times its entry price it is beyond what can be computed with (10^16)".to_owned();
        return senseless("qty", must);
    }
    if rules.closable(qty).0 == 0 {
        let must = "less than the instrument's lot size or minimum, so it could never be closed; correct it, or the instrument (--instruments)";
        return senseless("qty", must.to_owned());
    }
    let average = Average { cost: i128::from(entry.0), qty: 1 };
    let rule = LevelRule::new(plan.rounding, rules);
    let stop = plan.stop_loss.map(|stop| stop.initial(side, average, rule, None, plan.leverage).price);
    if stop.is_some_and(|stop| stop.0 <= 0) {
        let must = "the stop of its plan would lie at or below zero; give a nearer one".to_owned();
        return senseless("entry_price", must);
    }
    // What a plan gives as a price could not be judged before there was an entry.
    let found = check_entry(plan, rules, &Sample { side, entry, atr: ATR_TYPICAL });
    if let Some(fault) = found.iter().find(|finding| finding.severity == Severity::Fault) {
        return senseless("entry_price", format!("at it the plan is refused: {}", finding_text(fault)));
    }
    for leg in plan.ladder.iter().flat_map(|ladder| &ladder.legs) {
        let LegTarget::Price(target) = leg.target else { continue };
        if side.sign() * (target.0 - entry.0) <= 0 {
            let target = fixed(i128::from(target.0), rules.price_decimals);
            let must = format!(
                "the ladder of its plan has a target at {target}, which is no gain for a {}; set the target on the winning side",
                side.word()
            );
            return senseless("entry_price", must);
        }
    }
    Ok(())
}
