//! A replay job: files in, a replay that is ready to run out.
//!
//! Everything that can be wrong with the files is found here, before the first row is replayed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use ripcord_core::Coordinator;
use ripcord_core::bars::BarOrigin;
use ripcord_core::engine::RegisterError;
use ripcord_core::event::Opening;
use ripcord_core::id::{AccountId, InstrumentId, PlanId, PositionKey};
use ripcord_core::instrument::Instrument;
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Decimal, MONEY_DECIMALS, Money, Price, Qty};
use ripcord_core::plan::check::check_entry;
use ripcord_core::plan::stack::ATR_TYPICAL;
use ripcord_core::plan::{Finding, Plan, PlanSpec, Rounding, Sample, Severity, check};
use ripcord_core::time::{Span, Timestamp};

use crate::candles::CandlePolicy;
use crate::desk::Desk;
use crate::import::ImportError;
use crate::instruments::{self, InstrumentsError};
use crate::plan_file::ReadPlanError;
use crate::plan_file::checked::{ConfigRefused, finding_text};
use crate::positions::{self, EntryAt as RowEntry, PlansOfRows, PositionRow, PositionsError};
use crate::replay::{EntryAt, PlannedOpening, Replay, Stream};
use crate::sensible::{Senseless, sensible};
use crate::tape::TapeError;
use crate::venue::{FillModel, SimVenue};

mod bases;
mod markets;
mod times;

use bases::Bases;
use markets::Markets;
use times::times_in_reach;

/// What to replay, as a person asks for it.
#[derive(Debug, Clone)]
pub struct JobSpec {
    /// Tapes, Parquet, CSV, feather or JSON files; candles, ticks, marks, funding.
    pub market: Vec<PathBuf>,
    /// The positions file.
    pub positions: PathBuf,
    /// Instrument definitions; without them they are inferred from the digits of the files.
    pub instruments: Option<PathBuf>,
    /// The symbol of market files that do not say one, and of positions without one.
    pub symbol: Option<String>,
    /// The plan of positions that do not name one: a file, or `preset:NAME`.
    pub plan: Option<PathBuf>,
    /// The configuration, whose profiles hold for positions that have no plan otherwise.
    pub config: Option<PathBuf>,
    /// The venue of the positions, for profiles.
    pub venue: Option<String>,
    /// What the market is going through, for profiles.
    pub regime: Option<String>,
    /// How the venue fills.
    pub fills: FillModel,
    /// How levels are rounded, whatever the plans say.
    pub rounding: Option<Rounding>,
    /// How levels are rounded that only cells of the positions file give.
    pub cells_rounding: Rounding,
    /// How candles are read.
    pub candles: CandlePolicy,
}

/// A replay that is ready to run, and what its records refer to.
#[derive(Debug)]
pub struct Job {
    /// The replay.
    pub replay: Replay,
    /// Instruments, by their ids.
    pub instruments: Vec<Instrument>,
    /// What feeds them, by their ids.
    pub feeds: Vec<Feed>,
    /// Positions, by their accounts.
    pub positions: Vec<PositionRow>,
    /// The distinct plans, each once.
    pub plans: Vec<PlanSpec>,
    /// The plan of each position: its place in `plans`.
    pub plan_of: Vec<usize>,
    /// The plans as registered, by their ids: an instrument, and a place in `plans`.
    pub registered: Vec<(InstrumentId, usize)>,
    /// How the venue fills, after what the market files allow.
    pub fills: FillModel,
    /// What was assumed or should be known, for the reader of the results.
    pub notes: Vec<String>,
    /// Records of the market files: ticks, candles.
    pub records: u64,
    /// Whether some of them are candles.
    pub has_candles: bool,
}

/// What feeds an instrument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// The price sources, in the order in which they are registered.
    pub sources: Vec<PriceSource>,
    /// Where its bars come from.
    pub bars: BarOrigin,
}

/// Why a job cannot run.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// A market file is at fault.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// A tape is at fault.
    #[error(transparent)]
    Tape(#[from] TapeError),
    /// The positions file is at fault.
    #[error(transparent)]
    Positions(#[from] PositionsError),
    /// A plan file is at fault.
    #[error(transparent)]
    PlanFile(#[from] ReadPlanError),
    /// The configuration is at fault, or plans of its profiles.
    #[error(transparent)]
    Config(#[from] ConfigRefused),
    /// Rows of the positions file name plans that cannot be had.
    #[error("{}", .0.join("\n"))]
    NoPlan(Vec<String>),
    /// The instruments file is at fault.
    #[error(transparent)]
    Instruments(#[from] InstrumentsError),
    /// An instrument cannot be computed with.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// Plans are at fault for the instruments of their positions: every fault, with its place.
    #[error("{}", .0.join("\n"))]
    Plans(Vec<String>),
    /// A position is at fault.
    #[error("{file}:{line}: position {id}: {column} is {value}: {must}")]
    Position {
        /// The positions file.
        file: String,
        /// Its line, from 1.
        line: u64,
        /// The position.
        id: String,
        /// The column.
        column: &'static str,
        /// The cell.
        value: String,
        /// What it must be, or what to do.
        must: String,
    },
    /// The market files contradict each other or miss something.
    #[error("{0}")]
    Market(String),
}

/// Reads every file of a job and puts the replay together. `progress` is told what is being read.
///
/// # Errors
/// The first file that is at fault, with file, row, column and value.
pub fn prepare(spec: &JobSpec, progress: &dyn Fn(&str)) -> Result<Job, JobError> {
    if let Some(twice) =
        (1..spec.market.len()).find(|&place| spec.market[..place].contains(&spec.market[place]))
    {
        let text =
            format!("--market {} is given twice; its prices would count twice", spec.market[twice].display());
        return Err(JobError::Market(text));
    }
    let mut markets = Markets::read(&spec.market, spec.symbol.as_deref(), spec.candles, progress)?;
    progress(&format!("reading {}", spec.positions.display()));
    let records = markets.records();
    let only = markets.only_symbol();
    let options = positions::Options { default_symbol: spec.symbol.clone().or(only), rows: Some(records) };
    let read = positions::read(&spec.positions, &options)?;
    let mut notes: Vec<String> =
        read.warnings.iter().map(|fault| format!("{}: {fault}", spec.positions.display())).collect();
    let defined = match &spec.instruments {
        Some(path) => instruments::read(path)?,
        None => Vec::new(),
    };
    markets.settle_scales(&defined, &read.rows, spec.instruments.is_some(), &mut notes)?;
    let mut fills = spec.fills;
    let has_candles = markets.has_candles();
    if has_candles && fills.latency > Span::ZERO {
        fills.latency = Span::ZERO;
        notes.push("candles have no time within a bar: orders reach the venue at once".to_owned());
    }
    let mut coordinator = Coordinator::new();
    let mut venue = SimVenue::new(fills);
    let feeds = markets.feeds();
    let ids = markets.register(&mut coordinator, &mut venue, &mut notes)?;
    coordinator.reserve(read.rows.len());
    let bases = Bases::read(spec, &read.rows, &mut notes)?;
    let plans = bases.plans(&read.rows);
    let mut opener = Opener {
        spec,
        ids: &ids,
        bases: &bases,
        plans: &plans,
        registered: BTreeMap::new(),
        refused: BTreeSet::new(),
        notes: Vec::new(),
    };
    let openings = opener.openings(&read.rows, &mut coordinator)?;
    let mut by_id: Vec<_> = opener.registered.iter().map(|(&of, &id)| (id, of)).collect();
    by_id.sort_unstable();
    let registered = by_id.into_iter().map(|(_, of)| of).collect();
    notes.append(&mut opener.notes);
    let wants_bars = plans.plans.iter().any(|plan| plan.atr.is_some());
    let instruments = ids.values().map(|(_, instrument)| instrument.clone()).collect();
    let (streams, happenings) = markets.into_streams(&ids, &coordinator, wants_bars);
    times_in_reach(spec, &streams, &read.rows, &openings, &coordinator, &mut notes)?;
    let replay = Replay::new(Desk::new(coordinator, venue), streams, happenings, openings);
    let PlansOfRows { plans, of_row } = plans;
    Ok(Job {
        replay,
        instruments,
        feeds,
        positions: read.rows,
        plans,
        plan_of: of_row,
        registered,
        fills,
        notes,
        records,
        has_candles,
    })
}

/// Instruments of a job by symbol, in the order of their ids.
pub(crate) type Registered = BTreeMap<String, (InstrumentId, Instrument)>;

/// Turns rows of the positions file into openings; plans that are equal are registered once.
struct Opener<'a> {
    spec: &'a JobSpec,
    ids: &'a Registered,
    bases: &'a Bases<'a>,
    plans: &'a PlansOfRows,
    registered: BTreeMap<(InstrumentId, usize), PlanId>,
    refused: BTreeSet<(InstrumentId, usize)>,
    notes: Vec<String>,
}

impl Opener<'_> {
    /// The openings of all rows. What is wrong with plans is told of all of them at once.
    fn openings(
        &mut self,
        rows: &[PositionRow],
        coordinator: &mut Coordinator,
    ) -> Result<Vec<PlannedOpening>, JobError> {
        let mut openings = Vec::with_capacity(rows.len());
        let mut refused = Vec::new();
        for (number, row) in rows.iter().enumerate() {
            match self.opening(number, row, coordinator) {
                Ok(opening) => openings.push(opening),
                Err(JobError::Plans(mut faults)) => refused.append(&mut faults),
                Err(error) => return Err(error),
            }
        }
        if refused.is_empty() { Ok(openings) } else { Err(JobError::Plans(refused)) }
    }

    fn opening(
        &mut self,
        number: usize,
        row: &PositionRow,
        coordinator: &mut Coordinator,
    ) -> Result<PlannedOpening, JobError> {
        let Some(&(instrument, ref rules)) = self.ids.get(&row.symbol) else {
            let known: Vec<&str> = self.ids.keys().map(String::as_str).collect();
            let must = format!(
                "no market file has this symbol; they have {}. If a file does not say its symbol, give it with --symbol {}",
                known.join(", "),
                row.symbol
            );
            return Err(self.fault(row, "symbol", &row.symbol, must));
        };
        let entry = self.scaled(row, "entry_price", row.entry_price, rules.price_decimals)?;
        let qty = self.scaled(row, "qty", row.qty, rules.qty_decimals)?;
        let of = (instrument, self.plans.of_row[number]);
        let (plan, is_first) = self.register(row, of, rules, coordinator)?;
        let found = coordinator.view().plan(plan);
        self.check(row, rules, (of, is_first), (found, Price(entry)))?;
        sensible(found, rules, row.side, (Price(entry), Qty(qty))).map_err(|Senseless { field, must }| {
            let value = if field == "qty" { row.qty } else { row.entry_price };
            self.fault(row, field, &value.to_string(), must)
        })?;
        let account = AccountId(u32::try_from(number).expect("fewer than 2^32 positions"));
        let key = PositionKey { account, instrument, side: row.side };
        let value = rules.notional(Price(entry), Qty(qty));
        let entry_fees = row.entry_fees.map_or(Money::ZERO, money);
        if entry_fees > value {
            let must = "more than the position cost; it is the amount that was paid, in the quote currency";
            let fees = row.entry_fees.unwrap_or(Decimal::ZERO).to_string();
            return Err(self.fault(row, "entry_fees", &fees, must.to_owned()));
        }
        let opening = Opening { key, plan, qty: Qty(qty), entry: Price(entry), entry_fees };
        let at = match row.entry {
            RowEntry::Index(index) => EntryAt::Index(index),
            RowEntry::Time(at) => EntryAt::Time(Timestamp(at)),
        };
        Ok(PlannedOpening { at, opening })
    }

    /// Registers the plan of a position, once for all that have it. Gives whether it is the first.
    fn register(
        &mut self,
        row: &PositionRow,
        (id, place): (InstrumentId, usize),
        instrument: &Instrument,
        coordinator: &mut Coordinator,
    ) -> Result<(PlanId, bool), JobError> {
        if let Some(&known) = self.registered.get(&(id, place)) {
            return Ok((known, false));
        }
        let spec = &self.plans.plans[place];
        if !spec.has_rules() {
            let must = "the position has no exit rule; give --plan FILE, --config FILE with a profile for it, a plan column, or stop_pct, target_pct, trail_pct";
            return Err(self.fault(row, "plan", row.plan.as_deref().unwrap_or("empty"), must.to_owned()));
        }
        if self.refused.contains(&(id, place)) {
            // Told with its first position.
            return Err(JobError::Plans(Vec::new()));
        }
        let resolved = spec.resolve_with_warnings(id, instrument).map_err(|faults| {
            self.refused.insert((id, place));
            let told = faults.iter().map(|fault| self.bases.told(row, &spec.name, fault));
            JobError::Plans(told.collect())
        })?;
        let told = resolved.warnings.iter().map(|warning| format!("plan {}: {warning}", spec.name));
        for note in told {
            self.note(note);
        }
        let known = coordinator.add_plan(resolved.plan)?;
        self.registered.insert((id, place), known);
        Ok((known, true))
    }

    /// Checks a plan as `ripcord check` does, with the entry, instrument and leverage that it really has.
    /// Every position is asked: a price that is sound at one entry may be none at another. What is worth
    /// knowing is told with the first.
    fn check(
        &mut self,
        row: &PositionRow,
        instrument: &Instrument,
        (of, is_first): ((InstrumentId, usize), bool),
        (plan, entry): (&Plan, Price),
    ) -> Result<(), JobError> {
        if self.refused.contains(&of) {
            return Err(JobError::Plans(Vec::new()));
        }
        let sample = Sample { side: row.side, entry, atr: ATR_TYPICAL };
        let found = check(plan, instrument, &sample);
        if found.is_empty() {
            return Ok(());
        }
        // Those of a configuration are told with their profile, unless only an entry could tell them.
        let news = self.bases.has_profile(row).then(|| check_entry(plan, instrument, &sample));
        let is_news =
            |finding: &Finding| news.as_ref().is_none_or(|news| news.iter().any(|new| new.is_as(finding)));
        let name = &self.plans.plans[of.1].name;
        let (mut faults, mut notes) = (Vec::new(), Vec::new());
        for finding in &found {
            let at = self.bases.place(row, &finding.field);
            let told = finding_text(finding);
            match finding.severity {
                Severity::Fault => {
                    let leverage =
                        row.leverage.map_or_else(String::new, |value| format!("; its leverage is {value}"));
                    faults.push(format!("{at}: {told} (plan {name}, position {}{leverage})", row.id));
                }
                // Cells alone say themselves that there is a stop and no target.
                Severity::Warning if is_first && self.bases.has_written(row) && is_news(finding) => {
                    notes.push(format!("{at}: plan {name}: {told}"));
                }
                Severity::Warning => {}
            }
        }
        for note in notes {
            self.note(note);
        }
        if faults.is_empty() {
            return Ok(());
        }
        self.refused.insert(of);
        Err(JobError::Plans(faults))
    }

    fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    fn scaled(
        &self,
        row: &PositionRow,
        column: &'static str,
        value: Decimal,
        decimals: u8,
    ) -> Result<i64, JobError> {
        value.to_scale(decimals).map_err(|error| {
            self.fault(
                row,
                column,
                &value.to_string(),
                format!("{error}; round it to the instrument's decimals"),
            )
        })
    }

    fn fault(&self, row: &PositionRow, column: &'static str, value: &str, must: String) -> JobError {
        JobError::Position {
            file: self.spec.positions.display().to_string(),
            line: row.line,
            id: row.id.clone(),
            column,
            value: value.to_owned(),
            must,
        }
    }
}

/// An amount of the quote currency.
fn money(amount: Decimal) -> Money {
    let power = u32::from(MONEY_DECIMALS.saturating_sub(amount.decimals()));
    Money(i128::from(amount.mantissa()) * 10_i128.pow(power))
}

/// Where the bars of an instrument come from.
pub(crate) const fn bar_origin(has_candles: bool) -> BarOrigin {
    if has_candles { BarOrigin::Bars } else { BarOrigin::Ticks }
}

/// The sources an instrument is fed by, last price first.
pub(crate) fn in_order(mut sources: Vec<PriceSource>) -> Vec<PriceSource> {
    sources.sort_unstable();
    sources.dedup();
    sources
}
