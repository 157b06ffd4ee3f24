//! Plans and configurations, checked: what is wrong, what is worth knowing, and every level as a price.

use std::path::Path;

use ripcord_core::id::InstrumentId;
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::num::Price;
use ripcord_core::plan::check::{check_anywhere, check_entry};
use ripcord_core::plan::stack::ATR_TYPICAL;
use ripcord_core::plan::{Finding, Plan, PlanSpec, Sample, Severity, StackRow, stack};

use super::config::{self, Config, ConfigFaults};
use super::place::{Place, Places};

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

/// How an entry is known for which a plan is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// It is that of a position, or what somebody asks for.
    Given,
    /// It is the sample's: prices that the plan gives may be right in its own market.
    Example,
    /// There is none yet; prices are judged when there is.
    NotYet,
}

/// Checks a plan for both sides of an entry. At the entry of the sample no price that the plan gives is a
/// fault: it is told as worth knowing.
#[must_use]
pub fn check_plan(spec: &PlanSpec, instrument: &Instrument, entry: Price) -> Checked {
    let is_example = *instrument == sample_instrument() && entry == sample_entry();
    check_known(spec, instrument, entry, if is_example { Known::Example } else { Known::Given })
}

fn check_known(spec: &PlanSpec, instrument: &Instrument, entry: Price, known: Known) -> Checked {
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
        for finding in at_entry(&plan, instrument, &sample(side), known) {
            if !findings.iter().any(|known| known.is_as(&finding)) {
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

/// What is found at an entry, as far as it is known.
fn at_entry(plan: &Plan, instrument: &Instrument, sample: &Sample, known: Known) -> Vec<Finding> {
    let mut found = check_anywhere(plan, instrument, sample);
    if known == Known::NotYet {
        return found;
    }
    found.extend(check_entry(plan, instrument, sample).into_iter().map(|finding| {
        if known == Known::Given {
            return finding;
        }
        let what = format!(
            "{}; this entry is an example, a position is judged at its own: check with --entry PRICE of the market",
            finding.what
        );
        Finding { severity: Severity::Warning, what, ..finding }
    }));
    found
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

/// Something that was found about a plan, and where the plan says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What the plan is, such as `profile swing`.
    pub plan: String,
    /// Where the field is written.
    pub place: Place,
    /// What was found.
    pub finding: Finding,
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}: {}", self.place, self.plan, finding_text(&self.finding))
    }
}

/// Why a configuration is refused.
#[derive(Debug, thiserror::Error)]
pub enum ConfigRefused {
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(#[from] ConfigFaults),
    /// Plans of it have faults: all of them.
    #[error("{}", listed(.0))]
    Faulty(Vec<Found>),
}

/// What was found, a line each.
#[must_use]
pub fn listed(found: &[Found]) -> String {
    found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Checks a plan before there is an entry, and places what it finds. `called` is what the plan is told as.
/// Prices that it gives are judged at the entry of each position ([`crate::sensible`]).
#[must_use]
pub fn check_written(plan: &PlanSpec, places: &Places, called: &str) -> Vec<Found> {
    let findings = check_known(plan, &sample_instrument(), sample_entry(), Known::NotYet).findings;
    let placed = findings.into_iter().map(|finding| {
        let place = places.of(&finding.field).clone();
        Found { plan: called.to_owned(), place, finding }
    });
    placed.collect()
}

/// Refuses faults, all of them at once; what is left are warnings.
///
/// # Errors
/// When there is a fault.
pub fn refuse_faults(found: Vec<Found>) -> Result<Vec<Found>, Vec<Found>> {
    let is_fault = |found: &Found| found.finding.severity == Severity::Fault;
    let (faults, warnings): (Vec<Found>, Vec<Found>) = found.into_iter().partition(is_fault);
    if faults.is_empty() { Ok(warnings) } else { Err(faults) }
}

/// Reads a configuration and checks the plan of each profile as `ripcord check` does. Gives its warnings.
///
/// # Errors
/// Every fault of the file, or every fault of its plans.
pub fn read_checked(path: &Path) -> Result<(Config, Vec<Found>), ConfigRefused> {
    let config = config::read(path)?;
    let found = config.profiles.iter().flat_map(|profile| {
        check_written(&profile.plan, &profile.places, &format!("profile {}", profile.name))
    });
    let warnings = refuse_faults(found.collect()).map_err(ConfigRefused::Faulty)?;
    Ok((config, warnings))
}

/// A finding in one line: its code, field, value, limit, and what to do.
#[must_use]
pub fn finding_text(finding: &Finding) -> String {
    let Finding { code, field, value, limit, what, .. } = finding;
    let limit = if limit.is_empty() { String::new() } else { format!(" (limit: {limit})") };
    format!("{code}: {field} is {value}{limit}: {what}")
}
