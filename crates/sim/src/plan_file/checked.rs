//! Plans and configurations, checked: what is wrong, what is worth knowing, and every level as a price.

use std::collections::BTreeMap;

use ripcord_core::id::InstrumentId;
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::num::Price;
use ripcord_core::plan::stack::ATR_TYPICAL;
use ripcord_core::plan::{Finding, PlanSpec, Sample, Severity, StackRow, check, stack};

use super::config::Config;

/// Decimals of prices and quantities where no instrument is known: finer than those of any market here.
pub const SAMPLE_DECIMALS: u8 = 8;

/// A plan, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What is wrong or worth knowing, faults first.
    pub findings: Vec<Finding>,
    /// The levels of a long.
    pub long: Vec<StackRow>,
    /// The levels of a short.
    pub short: Vec<StackRow>,
}

impl Checked {
    /// Whether the plan is refused.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Fault)
    }

    /// The levels of a side.
    #[must_use]
    pub fn levels(&self, side: Side) -> &[StackRow] {
        match side {
            Side::Long => &self.long,
            Side::Short => &self.short,
        }
    }
}

/// An instrument to show levels with where none is known.
#[must_use]
pub fn sample_instrument() -> Instrument {
    Instrument::from_decimals("SAMPLE", SAMPLE_DECIMALS, SAMPLE_DECIMALS)
}

/// An entry of 100 in units of the sample instrument.
#[must_use]
pub fn sample_entry() -> Price {
    Price(100 * 10_i64.pow(u32::from(SAMPLE_DECIMALS)))
}

/// Checks a plan for both sides of an entry.
#[must_use]
pub fn check_plan(spec: &PlanSpec, instrument: &Instrument, entry: Price) -> Checked {
    let (plan, warnings, faults) = spec.resolve_parts(InstrumentId(0), instrument);
    let mut findings: Vec<Finding> = faults
        .into_iter()
        .map(|fault| Finding {
            code: "BAD_FIELD",
            severity: Severity::Fault,
            field: fault.field,
            value: fault.value,
            limit: String::new(),
            what: fault.must,
        })
        .collect();
    if !findings.is_empty() {
        // What was read wrongly has no levels worth looking at.
        return Checked { findings, long: Vec::new(), short: Vec::new() };
    }
    if !spec.has_rules() {
        findings.push(no_rules());
    }
    findings.extend(warnings.into_iter().map(|warning| Finding {
        code: "ADJUSTED",
        severity: Severity::Warning,
        field: warning.field,
        value: warning.value,
        limit: String::new(),
        what: warning.what,
    }));
    let sample = |side| Sample { side, entry, atr: ATR_TYPICAL };
    for side in [Side::Long, Side::Short] {
        for finding in check(&plan, instrument, &sample(side)) {
            let same = |known: &Finding| known.code == finding.code && known.field == finding.field;
            if !findings.iter().any(same) {
                findings.push(finding);
            }
        }
    }
    findings.sort_by_key(|finding| finding.severity);
    // A level at or below zero belongs to a market with other prices than the sample's.
    let levels = |side| {
        let mut rows = stack(&plan, instrument, &sample(side));
        rows.retain(|row| row.price.0 > 0);
        rows
    };
    Checked { findings, long: levels(Side::Long), short: levels(Side::Short) }
}

fn no_rules() -> Finding {
    Finding {
        code: "NO_RULES",
        severity: Severity::Fault,
        field: "plan".to_owned(),
        value: "without a rule that is on".to_owned(),
        limit: "one".to_owned(),
        what: "it would never close anything; give at least one rule".to_owned(),
    }
}

/// Checks every profile of a configuration, by name.
#[must_use]
pub fn check_config(config: &Config, instrument: &Instrument, entry: Price) -> BTreeMap<String, Checked> {
    let check = |plan: &PlanSpec| check_plan(plan, instrument, entry);
    config.profiles.iter().map(|profile| (profile.name.clone(), check(&profile.plan))).collect()
}
