//! Plans from TOML files, with every number exact.
//!
//! A TOML float would pass through a double on its way into a plan; here it keeps its digits: the
//! text that stands in the file becomes the decimal. Start with [`parse_plan`]. What a plan may
//! say is [`PlanSpec`]; whether it makes sense for an instrument is [`PlanSpec::resolve`].

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use ripcord_core::id::InstrumentId;
use ripcord_core::plan::spec::{PlanFault, PlanSpec};
use serde::Deserialize;
use toml::Spanned;
use toml::de::DeTable;

use exact::{Exact, Refusal, Refused};
use merge::{Source, Tree};

pub mod checked;
pub mod config;
mod exact;
mod merge;
mod place;
pub mod presets;
mod show;

pub use place::{Place, Places};
pub use show::plan_toml;

/// The faults that are looked for in one plan: nobody mends more at once.
const FAULTS_MAX: usize = 100;

/// A plan, and where its values are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenPlan {
    /// The plan.
    pub plan: PlanSpec,
    /// The places of its values.
    pub places: Places,
}

/// Why a plan file is refused: every fault, in the order of the file; at least one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct PlanFileError(pub Vec<PlanFileFault>);

/// A fault of a plan file: where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {}{what}", field_shown(.field))]
pub struct PlanFileFault {
    /// The file, as the caller named it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Path of the field, such as `trailing.distance.fraction`; empty when the file is not TOML.
    pub field: String,
    /// What is wrong with it, and what to do.
    pub what: String,
}

/// Reads one plan. `file` is for error texts only.
///
/// # Errors
/// Text that is not TOML; or every field that is unknown, missing or given twice, every value of the wrong
/// kind, every number that no exact decimal holds, and beside them the fields that are not sound.
pub fn parse_plan(text: &str, file: &str) -> Result<PlanSpec, PlanFileError> {
    let fault = |span: Option<Range<usize>>, field: String, what: String| {
        let (line, column) = line_column(text, span.map_or(0, |span| span.start));
        PlanFileFault { file: file.to_owned(), line, column, field, what }
    };
    let table = DeTable::parse(text)
        .map_err(|error| PlanFileError(vec![fault(error.span(), String::new(), not_toml(text, &error))]))?;
    let (read, refusals) = read_on(&table, text);
    let read = match read {
        Some(plan) if refusals.is_empty() => return Ok(plan),
        read => read,
    };
    let mut faults: Vec<PlanFileFault> = refusals
        .iter()
        .map(|refusal| fault(refusal.span.clone(), refusal.field.clone(), refusal.what.clone()))
        .collect();
    if let Some(plan) = read {
        let places = Tree::of(table.get_ref(), &Source::file(text, file)).places(Place::start(file.as_ref()));
        faults.extend(unsound(&plan, &refusals).into_iter().map(|PlanFault { field, value, must }| {
            let Place { line, column, .. } = *places.of(&field);
            PlanFileFault { file: file.to_owned(), line, column, field, what: format!("is {value}: {must}") }
        }));
    }
    faults.sort_by_key(|fault| (fault.line, fault.column));
    Err(PlanFileError(faults))
}

/// Reads on behind each refusal as if what is refused were not there, so that all are told at once. Gives
/// what could be read, if anything.
fn read_on(table: &Spanned<DeTable<'_>>, text: &str) -> (Option<PlanSpec>, Vec<Refusal>) {
    let (mut skipped, mut refusals) = (BTreeSet::new(), Vec::<Refusal>::new());
    for _ in 0..FAULTS_MAX {
        let refusal = match PlanSpec::deserialize(Exact::table(table, text, &skipped)) {
            Ok(plan) => return (Some(plan), refusals),
            Err(refusal) => refusal,
        };
        let field = refusal.field.as_str();
        let around = field.rfind(['.', '[']).map_or("", |end| &field[..end]);
        let skip = match refusal.kind {
            Refused::Unknown => field,
            // Items of a list keep their numbers: a list is read as a whole, or not at all.
            Refused::Value => field.find('[').map_or(field, |end| &field[..end]),
            Refused::Missing => around.find('[').map_or(around, |end| &around[..end]),
        }
        .to_owned();
        // A field that is mistyped, or refused itself, is not missing as well.
        let is_told = refusal.kind == Refused::Missing
            && refusals.iter().any(|told| {
                told.field == field
                    || told.field.strip_prefix(field).is_some_and(|rest| rest.starts_with(['.', '[']))
                    || told.kind == Refused::Unknown
                        && told.field.rsplit_once('.').map_or("", |it| it.0) == around
            });
        if !is_told {
            refusals.push(refusal);
        }
        if skip.is_empty() || !skipped.insert(skip) {
            break;
        }
    }
    (None, refusals)
}

/// The fields of what could be read that are not sound in themselves. What seems to be absent may be what
/// was refused.
fn unsound(plan: &PlanSpec, refusals: &[Refusal]) -> Vec<PlanFault> {
    let (_, _, mut faults) = plan.resolve_parts(InstrumentId(0), &checked::sample_instrument());
    faults.retain(|fault| {
        fault.value != "absent" && !refusals.iter().any(|refusal| refusal.field.starts_with(&fault.field))
    });
    faults
}

/// Reads one plan with the places of its values.
///
/// # Errors
/// As [`parse_plan`].
pub fn parse_written_plan(text: &str, file: &str) -> Result<WrittenPlan, PlanFileError> {
    let plan = parse_plan(text, file)?;
    let table = DeTable::parse(text).expect("read just above");
    let places = Tree::of(table.get_ref(), &Source::file(text, file)).places(Place::start(file.as_ref()));
    Ok(WrittenPlan { plan, places })
}

/// A plan that stands in a file, or is built in and called `preset:NAME`.
///
/// # Errors
/// When there is no such preset, the file cannot be read, and as [`parse_plan`].
pub fn read_plan(reference: &Path) -> Result<WrittenPlan, ReadPlanError> {
    match reference.to_str().and_then(presets::referred) {
        Some(Ok(preset)) => {
            Ok(parse_written_plan(preset.text, &format!("{}{}", presets::PREFIX, preset.name))?)
        }
        Some(Err(what)) => Err(ReadPlanError::NoPreset(what)),
        None => {
            let text = std::fs::read_to_string(reference)
                .map_err(|source| ReadPlanError::Read { path: reference.to_owned(), source })?;
            let mut written = parse_written_plan(&text, &reference.display().to_string())?;
            if written.plan.name.is_empty() {
                // Records and tables call it by something.
                written.plan.name =
                    reference.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            }
            Ok(written)
        }
    }
}

/// Why a plan cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ReadPlanError {
    /// No preset has this name.
    #[error("{0}")]
    NoPreset(String),
    /// The file cannot be read.
    #[error("{}: {source}; a plan is a TOML file, or preset:NAME (`ripcord plan list`)", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The plan is at fault.
    #[error(transparent)]
    Plan(#[from] PlanFileError),
}

/// What a text is not TOML for, and what people who write a percentage want.
fn not_toml(text: &str, fault: &toml::de::Error) -> String {
    let line = fault.span().and_then(|span| text.lines().nth(line_column(text, span.start).0 - 1));
    let hint = if line.is_some_and(|line| line.contains('%')) {
        "; fractions are written as numbers: 2 % is 0.02"
    } else {
        ""
    };
    format!("not TOML: {}{hint}", fault.message())
}

/// Line and column of a byte, both from 1; columns count characters.
pub(crate) fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line_start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    let line = before.iter().filter(|&&byte| byte == b'\n').count() + 1;
    // Bytes that continue a character of UTF-8 begin no column.
    let column = before[line_start..].iter().filter(|&&byte| byte & 0xC0 != 0x80).count() + 1;
    (line, column)
}

fn field_shown(field: &str) -> String {
    if field.is_empty() { String::new() } else { format!("{field} ") }
}
