//! The configuration: which plan holds for which position.
//!
//! A profile matches by venue, instrument, strategy and regime; what it does not name matches
//! anything. The most specific profile that matches wins. Two that are equally specific are a fault
//! of the file, found when it is read.

use std::path::Path;

use ripcord_core::plan::{Finding, PlanSpec, Severity};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::checked::{Found, check_written};
use super::merge::{Source, Tree, quoted};
use super::place::{Place, Places};
use super::{
    PlanFileFault, ReadPlanError, WrittenPlan, line_column, not_toml, parse_plan, presets, read_plan, show,
};

/// Version of the configuration file.
pub const CONFIG_VERSION: i64 = 1;

/// A configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Profiles in the order of the file; at least one.
    pub profiles: Vec<Profile>,
}

/// A plan, and the positions it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Unique in its file.
    pub name: String,
    /// What a position must be.
    pub matches: Keys,
    /// The plan, with the file's defaults under it and the profile's overrides over it.
    pub plan: PlanSpec,
    /// Where the values of the plan are written.
    pub places: Places,
    /// Where it stands, from 1.
    pub line: usize,
}

/// What a position is known by, or what a profile asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Keys {
    /// The venue.
    pub venue: Option<String>,
    /// The venue's symbol.
    pub instrument: Option<String>,
    /// The strategy that opened it.
    pub strategy: Option<String>,
    /// What the market is going through.
    pub regime: Option<String>,
}

/// How specific a profile is: 100 for an instrument, 10 for a strategy, 1 for a regime; among equals the
/// one that names a venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Specificity {
    /// The sum over instrument, strategy and regime.
    pub score: u16,
    /// Whether it names a venue.
    pub has_venue: bool,
}

/// A fault of a configuration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {}{what}", shown(.field))]
pub struct ConfigFault {
    /// The file, as the caller named it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Path of the field; empty when the file is not TOML.
    pub field: String,
    /// What is wrong, and what to do.
    pub what: String,
}

/// Every fault of a configuration.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ConfigFaults(pub Vec<ConfigFault>);

fn shown(field: &str) -> String {
    if field.is_empty() { String::new() } else { format!("{field} ") }
}

impl From<PlanFileFault> for ConfigFault {
    fn from(fault: PlanFileFault) -> Self {
        let PlanFileFault { file, line, field, what, .. } = fault;
        Self { file, line, field, what }
    }
}

impl Keys {
    /// The four, each with its name.
    #[must_use]
    pub fn named(&self) -> [(&'static str, Option<&str>); 4] {
        [
            ("venue", self.venue.as_deref()),
            ("instrument", self.instrument.as_deref()),
            ("strategy", self.strategy.as_deref()),
            ("regime", self.regime.as_deref()),
        ]
    }

    /// Whether a position known by `position` is what these keys ask for.
    #[must_use]
    pub fn matches(&self, position: &Self) -> bool {
        let asked = self.named().into_iter().zip(position.named());
        asked.into_iter().all(|((_, asked), (_, known))| asked.is_none() || asked == known)
    }

    /// How specific they are.
    #[must_use]
    pub fn specificity(&self) -> Specificity {
        let worth = [(&self.instrument, 100), (&self.strategy, 10), (&self.regime, 1)];
        let score = worth.into_iter().filter(|(key, _)| key.is_some()).map(|(_, worth)| worth).sum();
        Specificity { score, has_venue: self.venue.is_some() }
    }

    /// The keys that are given, as text: `instrument BTCUSDT, strategy momentum`.
    #[must_use]
    pub fn words(&self) -> String {
        let given = self.named().into_iter().filter_map(|(name, key)| Some(format!("{name} {}", key?)));
        let given: Vec<String> = given.collect();
        if given.is_empty() { "any position".to_owned() } else { given.join(", ") }
    }
}

impl Config {
    /// The profile for a position.
    #[must_use]
    pub fn profile(&self, position: &Keys) -> Option<&Profile> {
        let found = self.profiles.iter().filter(|profile| profile.matches.matches(position));
        found.max_by_key(|profile| profile.matches.specificity())
    }

    /// Keys of a position that no profile names, a text each: they change nothing, or are mistyped.
    pub fn unknown(&self, position: &Keys) -> Vec<String> {
        let mut told = Vec::new();
        for (place, (key, value)) in position.named().into_iter().enumerate() {
            let Some(value) = value else { continue };
            let mut known: Vec<&str> =
                self.profiles.iter().filter_map(|profile| profile.matches.named()[place].1).collect();
            known.sort_unstable();
            known.dedup();
            if !known.contains(&value) {
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                told.push(format!("no profile names the {key} {value}; those that are named: {known}"));
            }
        }
        told
    }
}

/// Reads a configuration file; plans it names are files beside it.
///
/// # Errors
/// Every fault of the file and of the plans it names.
pub fn read(path: &Path) -> Result<Config, ConfigFaults> {
    read_with(path, "A plan by itself is given with --plan")
}

/// Reads a configuration file; `no_profile` is what to do where only profiles are missing.
fn read_with(path: &Path, no_profile: &'static str) -> Result<Config, ConfigFaults> {
    let file = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        ConfigFaults(vec![ConfigFault {
            file: file.clone(),
            line: 1,
            field: String::new(),
            what: format!("cannot be read: {error}"),
        }])
    })?;
    parse_with(&text, &file, path.parent().unwrap_or_else(|| Path::new(".")), no_profile)
}

/// Reads a configuration, or a plan (a file, or `preset:NAME`) as if one profile had it for any position.
///
/// # Errors
/// Every fault of a configuration or of a plan file.
pub fn read_or_plan(path: &Path) -> Result<Config, ConfigFaults> {
    let is_preset = path.to_str().is_some_and(|name| name.starts_with(presets::PREFIX));
    let is_plan_file = || {
        std::fs::read_to_string(path).is_ok_and(|text| {
            let table = DeTable::parse(&text);
            table.is_ok_and(|table| {
                let table = table.get_ref();
                let has = |key| table.contains_key(key);
                !has("profile") && !has("defaults") && show::fields().any(has)
            })
        })
    };
    if !is_preset && !is_plan_file() {
        return read_with(path, "A plan by itself has rules beside its version, such as [stop_loss]");
    }
    let WrittenPlan { plan, places } = read_plan(path).map_err(|error| {
        let whole = |error: ReadPlanError| ConfigFault {
            file: path.display().to_string(),
            line: 1,
            field: String::new(),
            what: error.to_string(),
        };
        ConfigFaults(match error {
            ReadPlanError::Plan(error) => error.0.into_iter().map(ConfigFault::from).collect(),
            other => vec![whole(other)],
        })
    })?;
    Ok(Config {
        profiles: vec![Profile { name: plan.name.clone(), matches: Keys::default(), plan, places, line: 1 }],
    })
}

/// Reads the text of a configuration. `file` is for error texts, `beside` is where its plan files are.
///
/// # Errors
/// Every fault of the text and of the plans it names.
pub fn parse(text: &str, file: &str, beside: &Path) -> Result<Config, ConfigFaults> {
    parse_with(text, file, beside, "A plan by itself is given with --plan")
}

fn parse_with(
    text: &str,
    file: &str,
    beside: &Path,
    no_profile: &'static str,
) -> Result<Config, ConfigFaults> {
    let mut reader = Reader { text, file, beside, no_profile, faults: Vec::new() };
    let profiles = reader.config();
    if reader.faults.is_empty() {
        return Ok(Config { profiles });
    }
    // What is wrong with the plans that could be read is told beside it.
    reader.faults.extend(profiles.iter().flat_map(faults_of));
    reader.faults.sort_by_key(|fault| fault.line);
    Err(ConfigFaults(reader.faults))
}

/// The faults that the check finds in the plan of a profile.
fn faults_of(profile: &Profile) -> Vec<ConfigFault> {
    let found = check_written(&profile.plan, &profile.places, &profile.name).into_iter();
    let faults = found.filter(|found| found.finding.severity == Severity::Fault);
    let told = faults.map(|Found { plan, place, finding }| {
        let Finding { code, field, value, limit, what, .. } = finding;
        let limit = if limit.is_empty() { String::new() } else { format!(" (limit: {limit})") };
        let what = format!("is {value}{limit}: {what} ({code}, profile {plan})");
        ConfigFault { file: place.file.to_string(), line: place.line, field, what }
    });
    told.collect()
}

struct Reader<'a> {
    text: &'a str,
    file: &'a str,
    beside: &'a Path,
    /// What to do where only profiles are missing.
    no_profile: &'static str,
    faults: Vec<ConfigFault>,
}

impl Reader<'_> {
    fn source(&self) -> Source<'_> {
        Source::file(self.text, self.file)
    }

    fn line(&self, offset: usize) -> usize {
        line_column(self.text, offset).0
    }

    fn fault(&mut self, offset: usize, field: &str, what: impl Into<String>) {
        let line = self.line(offset);
        let (file, field) = (self.file.to_owned(), field.to_owned());
        self.faults.push(ConfigFault { file, line, field, what: what.into() });
    }

    fn config(&mut self) -> Vec<Profile> {
        let table = match DeTable::parse(self.text) {
            Ok(table) => table,
            Err(fault) => {
                let at = fault.span().map_or(0, |span| span.start);
                self.fault(at, "", not_toml(self.text, &fault));
                return Vec::new();
            }
        };
        let table = table.get_ref();
        for (key, _) in table.iter() {
            let name = key.get_ref().as_ref();
            if !["version", "defaults", "profile"].contains(&name) {
                self.fault(key.span().start, name, "is not known; known here are version, defaults, profile");
            }
        }
        match table.get("version").map(|value| (value.span().start, value.get_ref())) {
            Some((_, DeValue::Integer(version))) if version.as_str() == CONFIG_VERSION.to_string() => {}
            Some((at, _)) => self.fault(at, "version", format!("must be {CONFIG_VERSION}")),
            None => self.fault(0, "version", format!("is missing; write version = {CONFIG_VERSION}")),
        }
        let defaults = match table.get("defaults").map(|value| (value.span().start, value.get_ref())) {
            None => Tree::default(),
            Some((_, DeValue::Table(defaults))) => Tree::of(defaults, &self.source()),
            Some((at, _)) => {
                self.fault(at, "defaults", "must be a table of plan fields");
                Tree::default()
            }
        };
        let profiles = match table.get("profile").map(|value| (value.span().start, value.get_ref())) {
            Some((at, DeValue::Array(profiles))) if profiles.is_empty() => {
                self.fault(at, "profile", "is empty, so no position would have a plan; write a [[profile]]");
                Vec::new()
            }
            Some((_, DeValue::Array(profiles))) => self.profiles(profiles, &defaults),
            Some((at, _)) => {
                self.fault(at, "profile", "must be a list of tables; write [[profile]]");
                Vec::new()
            }
            None => {
                let what = format!("is missing; write a [[profile]] with name and plan. {}", self.no_profile);
                self.fault(0, "profile", what);
                Vec::new()
            }
        };
        self.refuse_twins(&profiles);
        profiles
    }

    fn profiles(&mut self, profiles: &DeArray<'_>, defaults: &Tree) -> Vec<Profile> {
        let mut read = Vec::new();
        for (index, profile) in profiles.iter().enumerate() {
            match profile.get_ref() {
                DeValue::Table(table) => {
                    read.extend(self.profile(index, profile.span().start, table, defaults));
                }
                _ => self.fault(profile.span().start, &format!("profile[{index}]"), "must be a table"),
            }
        }
        read
    }

    fn profile(&mut self, index: usize, at: usize, table: &DeTable<'_>, defaults: &Tree) -> Option<Profile> {
        const KNOWN: [&str; 7] = ["name", "venue", "instrument", "strategy", "regime", "plan", "overrides"];
        let place = format!("profile[{index}]");
        for (key, _) in table.iter().filter(|(key, _)| !KNOWN.contains(&key.get_ref().as_ref())) {
            let what = format!("is not known; known here are {}", KNOWN.join(", "));
            self.fault(key.span().start, &format!("{place}.{}", key.get_ref()), what);
        }
        let name = self.word(&place, table, "name");
        if name.is_none() && !table.contains_key("name") {
            self.fault(at, &format!("{place}.name"), "is missing; every profile has a name");
        }
        let matches = Keys {
            venue: self.word(&place, table, "venue"),
            instrument: self.word(&place, table, "instrument"),
            strategy: self.word(&place, table, "strategy"),
            regime: self.word(&place, table, "regime"),
        };
        let name = name?;
        let Some(plan) = table.get("plan") else {
            self.fault(
                at,
                &format!("{place}.plan"),
                format!("is missing in profile {name}; give a table, a file or preset:NAME"),
            );
            return None;
        };
        let overrides = match table.get("overrides").map(|value| (value.span().start, value.get_ref())) {
            None => Tree::default(),
            Some((_, DeValue::Table(over))) => Tree::of(over, &self.source()),
            Some((at, _)) => {
                self.fault(at, &format!("{place}.overrides"), "must be a table of plan fields");
                return None;
            }
        };
        let base = self.base(&place, plan)?;
        let mut merged = defaults.clone().under(&base).under(&overrides);
        if !merged.has("version") {
            merged = merged.with("version", "1");
        }
        merged = merged.with("name", &quoted(&name));
        let places = merged.places(self.source().place(plan.span().start));
        match parse_plan(&merged.text(), self.file) {
            Ok(plan) => Some(Profile { name, matches, plan, places, line: self.line(at) }),
            Err(error) => {
                let placed = error.0.into_iter().map(|fault| {
                    let Place { file, line, .. } = places.of(&fault.field);
                    ConfigFault {
                        file: file.to_string(),
                        line: *line,
                        field: format!("{place}.plan.{}", fault.field),
                        what: format!("{} (profile {name}, with defaults and overrides)", fault.what),
                    }
                });
                self.faults.extend(placed);
                None
            }
        }
    }

    /// The plan of a profile: its own table, or what its text refers to.
    fn base(&mut self, place: &str, plan: &Spanned<DeValue<'_>>) -> Option<Tree> {
        let at = plan.span().start;
        let field = format!("{place}.plan");
        let reference = match plan.get_ref() {
            DeValue::Table(table) => return Some(Tree::of(table, &self.source())),
            DeValue::String(reference) => reference.as_ref(),
            _ => {
                self.fault(at, &field, "must be a table, a file in quotes, or \"preset:NAME\"");
                return None;
            }
        };
        let (text, file) = match presets::referred(reference) {
            Some(Ok(preset)) => {
                let table = DeTable::parse(preset.text).expect("presets are TOML; a test reads them all");
                // Nobody can open a preset at a line: its values stand where it is named.
                let source = Source::built_in(preset.text, self.source().place(at));
                return Some(Tree::of(table.get_ref(), &source));
            }
            Some(Err(what)) => {
                self.fault(at, &field, format!("is {reference}: {what}"));
                return None;
            }
            None => {
                let path = self.beside.join(reference);
                match std::fs::read_to_string(&path) {
                    Ok(text) => (text, path.display().to_string()),
                    Err(error) => {
                        let what = format!(
                            "is {reference}: {}: {error}; a plan file is looked for beside the configuration, a preset is written \"preset:{reference}\"",
                            path.display()
                        );
                        self.fault(at, &field, what);
                        return None;
                    }
                }
            }
        };
        // By itself first: its faults are told with their own place.
        if let Err(error) = parse_plan(&text, &file) {
            for fault in error.0 {
                self.fault(at, &field, format!("is {reference}: {fault}"));
            }
            return None;
        }
        let table = DeTable::parse(&text).expect("read just above");
        Some(Tree::of(table.get_ref(), &Source::file(&text, &file)))
    }

    /// A key that is text; `"*"` is as good as nothing.
    fn word(&mut self, place: &str, table: &DeTable<'_>, key: &str) -> Option<String> {
        let value = table.get(key)?;
        match value.get_ref() {
            DeValue::String(text) if text.as_ref() == "*" && key != "name" => None,
            DeValue::String(text) if !text.trim().is_empty() => Some(text.to_string()),
            _ => {
                self.fault(
                    value.span().start,
                    &format!("{place}.{key}"),
                    "must be text in quotes, not empty",
                );
                None
            }
        }
    }

    /// Profiles with the same name, or that ask for the same: neither could be called the more specific.
    fn refuse_twins(&mut self, profiles: &[Profile]) {
        for (index, profile) in profiles.iter().enumerate() {
            for before in &profiles[..index] {
                let what = if before.name == profile.name {
                    format!(
                        "is {}, as in line {}; give each profile a name of its own",
                        profile.name, before.line
                    )
                } else if before.matches == profile.matches {
                    format!(
                        "{} and {} (line {}) are equally specific: both are for {}; let one ask for more, or drop one",
                        profile.name,
                        before.name,
                        before.line,
                        profile.matches.words()
                    )
                } else {
                    continue;
                };
                let (file, line) = (self.file.to_owned(), profile.line);
                self.faults.push(ConfigFault { file, line, field: "profile.name".to_owned(), what });
            }
        }
    }
}
