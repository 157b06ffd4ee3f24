//! The plans of a run: the demo's own, or the profiles of a configuration. Either way they are checked first.

use std::path::{Path, PathBuf};

use ripcord_core::plan::{PlanSpec, Severity};
use ripcord_core::time::Timestamp;
use ripcord_sim::plan_file::checked::{
    ConfigRefused, Found, check_written, finding_text, listed, read_checked, refuse_faults,
};
use ripcord_sim::plan_file::config::{Config, Keys};
use ripcord_sim::plan_file::{Places, PlanFileError, ReadPlanError, WrittenPlan, read_plan};

use crate::demo;
use crate::line::{Line, Tag, Tone};

/// Plans that are sound, and which of them may hold in which instrument.
#[derive(Debug)]
pub struct RunPlans {
    /// Each plan once.
    pub(crate) plans: Vec<RunPlan>,
    /// What `ripcord check` says about them and does not refuse.
    pub warnings: Vec<Found>,
    /// The profiles; without a configuration every plan holds everywhere.
    config: Option<(PathBuf, Config)>,
}

/// A plan, and where its values are written.
#[derive(Debug)]
pub(crate) struct RunPlan {
    pub(crate) spec: PlanSpec,
    pub(crate) places: Places,
}

/// Why a run has no plans.
#[derive(Debug, thiserror::Error)]
pub enum PlansError {
    /// The configuration cannot be read, or its plans are refused.
    #[error(transparent)]
    Config(#[from] ConfigRefused),
    /// A plan of the demo cannot be read.
    #[error(transparent)]
    PlanFile(#[from] PlanFileError),
    /// The plan that was given cannot be had.
    #[error(transparent)]
    Given(#[from] ReadPlanError),
    /// Plans are refused: every fault.
    #[error("{}", listed(.0))]
    Refused(Vec<Found>),
}

impl RunPlans {
    /// The plans of the demo.
    ///
    /// # Errors
    /// Never, unless a plan in this crate is broken; a test reads them all.
    pub fn demo() -> Result<Self, PlansError> {
        Self::everywhere(demo::plans()?)
    }

    /// One plan for all positions: a file, or `preset:NAME`.
    ///
    /// # Errors
    /// When it cannot be had, or every fault that `ripcord check` finds in it.
    pub fn given(reference: &Path) -> Result<Self, PlansError> {
        Self::everywhere(vec![read_plan(reference)?])
    }

    /// Plans that hold in every instrument.
    fn everywhere(plans: Vec<WrittenPlan>) -> Result<Self, PlansError> {
        let found = plans.iter().flat_map(|WrittenPlan { plan, places }| {
            check_written(plan, places, &format!("plan {}", plan.name))
        });
        let warnings = refuse_faults(found.collect()).map_err(PlansError::Refused)?;
        let plans = plans.into_iter().map(|written| RunPlan { spec: written.plan, places: written.places });
        Ok(Self { plans: plans.collect(), warnings, config: None })
    }

    /// The profiles of a configuration file.
    ///
    /// # Errors
    /// Every fault of the file, or every fault that `ripcord check` finds in its plans.
    pub fn configured(path: &Path) -> Result<Self, PlansError> {
        let (config, warnings) = read_checked(path)?;
        let plans = config
            .profiles
            .iter()
            .map(|profile| RunPlan { spec: profile.plan.clone(), places: profile.places.clone() })
            .collect();
        Ok(Self { plans, warnings, config: Some((path.to_owned(), config)) })
    }

    /// The plans that a position in this instrument may have, by their places. A demo position has the venue,
    /// strategy and regime that a profile asks for; the most specific profile for it holds, as for any position.
    pub(crate) fn of_symbol(&self, symbol: &str) -> Vec<usize> {
        let Some((_, config)) = &self.config else { return (0..self.plans.len()).collect() };
        let mut found: Vec<usize> = Vec::new();
        for profile in &config.profiles {
            if profile.matches.instrument.as_deref().is_some_and(|asked| asked != symbol) {
                continue;
            }
            let position = Keys { instrument: Some(symbol.to_owned()), ..profile.matches.clone() };
            let holds = config.profile(&position).expect("at least the profile that was asked matches");
            let place = config.profiles.iter().position(|other| other.name == holds.name);
            found.extend(place.filter(|place| !found.contains(place)));
        }
        found
    }

    /// What the check said, for the log: warnings, profiles that no position can have, and the verdict.
    pub(crate) fn lines(&self, at: Timestamp, symbols: &[&str]) -> Vec<Line> {
        let mut lines: Vec<Line> = self.warnings.iter().map(|found| warning_line(at, found)).collect();
        lines.extend(self.idle(symbols).into_iter().map(|text| Line::new(Tag::Bootstrap, at, text)));
        let (plans, warnings) = (self.plans.len(), self.warnings.len());
        let plans_text = if plans == 1 { "1 plan".to_owned() } else { format!("{plans} plans") };
        let of = self.config.as_ref().map_or_else(String::new, |(path, _)| format!(" of {}", path.display()));
        let text = match warnings {
            0 => format!("all systems aligned | {plans_text}{of} checked"),
            1 => format!("accepted, 1 warning | {plans_text}{of} checked"),
            more => format!("accepted, {more} warnings | {plans_text}{of} checked"),
        };
        let verdict = Line::new(Tag::Bootstrap, at, text).with("aligned", warnings == 0);
        lines.push(verdict.with("plans_checked", plans).with("warnings", warnings));
        lines
    }

    /// Profiles and instruments that do not meet.
    fn idle(&self, symbols: &[&str]) -> Vec<String> {
        let Some((_, config)) = &self.config else { return Vec::new() };
        let used: Vec<usize> = symbols.iter().flat_map(|symbol| self.of_symbol(symbol)).collect();
        let profiles = config.profiles.iter().enumerate().filter(|(place, _)| !used.contains(place));
        let told = profiles.map(|(_, profile)| {
            let (name, keys) = (&profile.name, profile.matches.words());
            format!(
                "profile {name} is for {keys}: this market has no such position, nothing is opened under it"
            )
        });
        let bare = symbols.iter().filter(|symbol| self.of_symbol(symbol).is_empty());
        told.chain(bare.map(|symbol| format!("{symbol}: no profile is for it, nothing is opened in it")))
            .collect()
    }
}

fn warning_line(at: Timestamp, found: &Found) -> Line {
    let Found { plan, place, finding } = found;
    let severity = match finding.severity {
        Severity::Fault => "fault",
        Severity::Warning => "warning",
    };
    Line::new(Tag::Bootstrap, at, format!("{severity}: {place}: {plan}: {}", finding_text(finding)))
        .toned(Tone::Alarm)
        .with("severity", severity)
        .with("code", finding.code)
        .with("field", finding.field.as_str())
        .with("value", finding.value.as_str())
        .with("limit", finding.limit.as_str())
        .with("what", finding.what.as_str())
        .with("file", &*place.file)
        .with("line", place.line)
}
