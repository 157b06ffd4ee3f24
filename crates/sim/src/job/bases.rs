//! The plans that lie below the cells of the positions: named by a row, given for all, or of a profile.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use ripcord_core::plan::{PlanFault, PlanSpec};

use super::{JobError, JobSpec, PositionRow};
use crate::plan_file::checked::read_checked;
use crate::plan_file::config::{Config, Keys, Profile};
use crate::plan_file::{self, Places, WrittenPlan};
use crate::positions::{self, PlansOfRows};

/// Plans by where they come from.
pub(super) struct Bases<'a> {
    spec: &'a JobSpec,
    /// Those that rows name.
    named: BTreeMap<String, WrittenPlan>,
    /// The one for all positions.
    given: Option<WrittenPlan>,
    config: Option<Config>,
    /// Below cells alone.
    bare: PlanSpec,
}

impl<'a> Bases<'a> {
    /// Reads every plan that the positions need; a configuration is checked, and its warnings are noted.
    pub(super) fn read(
        spec: &'a JobSpec,
        rows: &[PositionRow],
        notes: &mut Vec<String>,
    ) -> Result<Self, JobError> {
        let config = match &spec.config {
            None => None,
            Some(path) => {
                let (config, warnings) = read_checked(path)?;
                notes.extend(warnings.iter().map(ToString::to_string));
                if spec.plan.is_some() {
                    notes.push(format!(
                        "{}: --plan goes before every profile, so none is used",
                        path.display()
                    ));
                }
                Some(config)
            }
        };
        let given = spec.plan.as_ref().map(|path| plan_file::read_plan(path)).transpose()?;
        let named = named(&spec.positions, rows)?;
        let bare = PlanSpec { rounding: spec.cells_rounding, ..PlanSpec::empty("") };
        let bases = Self { spec, named, given, config, bare };
        bases.note_unknown_keys(notes);
        Ok(bases)
    }

    /// The plan of every position: its cells over the plan it names, over the given one, over its profile.
    pub(super) fn plans(&self, rows: &[PositionRow]) -> PlansOfRows {
        positions::intern(rows, |row| Some(self.base(row).0), self.spec.rounding)
    }

    /// A fault of a position's plan, with the place where the value is written.
    pub(super) fn told(&self, row: &PositionRow, plan: &str, fault: &PlanFault) -> String {
        format!("{}: {fault} (plan {plan}, position {})", self.place(row, &fault.field), row.id)
    }

    /// Where a field of a position's plan is written: in its plan, or in its own row.
    pub(super) fn place(&self, row: &PositionRow, field: &str) -> String {
        let own = field == "leverage" && row.leverage.is_some();
        match self.base(row).1.filter(|_| !own) {
            Some(places) => places.of(field).to_string(),
            None => format!("{}:{}", self.spec.positions.display(), row.line),
        }
    }

    /// Whether there is a plan below the cells of a position.
    pub(super) fn has_written(&self, row: &PositionRow) -> bool {
        self.base(row).1.is_some()
    }

    /// Whether it is that of a profile.
    pub(super) fn has_profile(&self, row: &PositionRow) -> bool {
        row.plan.is_none() && self.given.is_none() && self.profile(row).is_some()
    }

    /// What lies below the cells of a position, and where that is written.
    fn base(&self, row: &PositionRow) -> (&PlanSpec, Option<&Places>) {
        let written = match &row.plan {
            Some(name) => self.named.get(name),
            None => self.given.as_ref(),
        };
        if let Some(written) = written {
            return (&written.plan, Some(&written.places));
        }
        match self.profile(row) {
            Some(profile) => (&profile.plan, Some(&profile.places)),
            None => (&self.bare, None),
        }
    }

    fn profile(&self, row: &PositionRow) -> Option<&Profile> {
        self.config.as_ref()?.profile(&Keys {
            venue: self.spec.venue.clone(),
            instrument: Some(row.symbol.clone()),
            strategy: row.strategy.clone(),
            regime: self.spec.regime.clone(),
        })
    }

    /// A venue or regime that no profile names is as good as none, or mistyped.
    fn note_unknown_keys(&self, notes: &mut Vec<String>) {
        let Some(config) = &self.config else { return };
        let asked =
            Keys { venue: self.spec.venue.clone(), regime: self.spec.regime.clone(), ..Keys::default() };
        notes.extend(config.unknown(&asked));
    }
}

/// The plans that rows name: presets, or files beside the positions file unless their path is absolute.
fn named(positions: &Path, rows: &[PositionRow]) -> Result<BTreeMap<String, WrittenPlan>, JobError> {
    let beside = positions.parent().unwrap_or_else(|| Path::new("."));
    let (mut named, mut tried, mut faults) = (BTreeMap::new(), BTreeSet::new(), Vec::new());
    for row in rows {
        let Some(name) = &row.plan else { continue };
        if !tried.insert(name) {
            continue;
        }
        let is_preset = name.starts_with(plan_file::presets::PREFIX);
        let path = if is_preset { PathBuf::from(name) } else { beside.join(name) };
        match plan_file::read_plan(&path) {
            Ok(plan) => {
                named.insert(name.clone(), plan);
            }
            Err(error) => {
                let (file, line) = (positions.display(), row.line);
                let place =
                    if is_preset { "" } else { " (a plan file is looked for beside the positions file)" };
                let told = format!("{file}:{line}: column plan is {name}: {error}{place}");
                faults.push(told);
            }
        }
    }
    if faults.is_empty() { Ok(named) } else { Err(JobError::NoPlan(faults)) }
}
