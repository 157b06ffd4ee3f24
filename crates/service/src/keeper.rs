//! Keeps what a session says: every record goes into the store, and is durable before an action that
//! depends on it leaves. What a run knew when it ended, however it ended, is read back from there.

use std::path::{Path, PathBuf};

use ripcord_core::coordinator::Coordinator;
use ripcord_core::coverage::Coverage;
use ripcord_core::event::{Entry, Record};
use ripcord_core::snapshot::Snapshot;
use ripcord_core::time::Timestamp;
use ripcord_journal::entry::{InstallationId, InstrumentEntry, PlanEntry, PositionEntry, Settings};
use ripcord_journal::{Fault, FaultKind, JournalEntry, Kind};
use ripcord_store::{Opening, Reader, State, Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::crash::{self, Point};
use crate::names::Names;
use crate::paper_books::PaperBooks;
use crate::tags::{MEMORY_VERSION, Memory};

/// The field of the settings that says when the market began.
const BEGAN: &str = "began_ns";

/// The strategy of positions that nobody names otherwise.
const DEMO: &str = "demo";

/// The name of what the service remembers, in the store.
const STATE: &str = "service";

/// Records that may wait for a commit when a step begins.
const WAITING_MAX: usize = 20_000;

/// So many records are read again by a start at most, however long the run was.
const SNAPSHOT_EVERY: u64 = 10_000;

/// What the service remembers behind a record.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Remembered {
    /// The time of the last fact.
    last: Option<Timestamp>,
    memory: Memory,
    /// Since when each position is covered.
    coverage: Coverage,
    paper_books: PaperBooks,
}

/// Why a store cannot be used for this run.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It belongs to another run.
    #[error(
        "{path} belongs to a run with other {what}: it was {kept}, this one is {asked}; give the same, or another --db"
    )]
    OtherRun {
        /// The file.
        path: String,
        /// What differs.
        what: &'static str,
        /// In the store.
        kept: String,
        /// Asked for.
        asked: String,
    },
    /// No random bits for an installation id.
    #[error("the system gives no random bits for an installation id: {0}")]
    Random(String),
}

/// Writes records into a store.
#[derive(Debug)]
pub struct Keeper {
    store: Store,
    error: Option<StoreError>,
    pending: bool,
    /// Records since the last snapshot.
    taken: u64,
    /// The time of the last fact.
    last: Option<Timestamp>,
    durable: u64,
    strategy: &'static str,
}

/// Where everything is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAt {
    /// The file.
    pub path: PathBuf,
    /// The SQLite file layer, by its registered name; `None` is the system's. Tests put faults here.
    pub vfs: Option<String>,
}

/// What a store knew.
#[derive(Debug)]
pub struct Past {
    /// The state behind its last record.
    pub coordinator: Coordinator,
    /// What a narrator remembered behind the newest snapshot.
    pub memory: Memory,
    /// Since when each position was covered, behind it.
    pub coverage: Coverage,
    /// What books on paper are rebuilt from, behind it.
    pub paper_books: PaperBooks,
    /// The facts behind that, in order.
    pub facts: Vec<Entry>,
    /// Snapshots that could not be taken, and why.
    pub passed_over: Vec<String>,
    /// The time of the last of them, or of the last price, whose time may be another clock's.
    pub now: Timestamp,
    /// The time of the last of them, by the clock of this program.
    pub last: Timestamp,
    /// What it was founded with.
    pub founded: Founded,
}

/// Instruments, plans and settings that a store was founded with.
#[derive(Debug, Default)]
pub struct Founded {
    instruments: Vec<InstrumentEntry>,
    plans: Vec<PlanEntry>,
    settings: Option<String>,
}

impl Keeper {
    /// Opens the store and what it knew, or makes a new one.
    ///
    /// # Errors
    /// When it cannot be opened, made, or followed.
    pub fn open(at: &KeptAt, now: Timestamp) -> Result<(Self, Option<Past>), KeeperError> {
        let program = concat!("ripcord ", env!("CARGO_PKG_VERSION"));
        let (path, opening) = (at.path.as_path(), Opening { now, program, vfs: at.vfs.as_deref() });
        if !path.exists() {
            let mut random = [0; 16];
            getrandom::fill(&mut random).map_err(|error| KeeperError::Random(error.to_string()))?;
            let (mut store, _) = Store::create(path, 0, InstallationId(random), &opening)?;
            ripcord_store::ledger::attach(&mut store)?;
            return Ok((Self::of(store), None));
        }
        let (mut store, _) = Store::open(path, &opening)?;
        let attached = ripcord_store::ledger::attach(&mut store)?;
        let (rebuilt, mut passed_over) = store.rebuild()?;
        let mut keeper = Self::of(store);
        keeper.durable = rebuilt.seq;
        if rebuilt.instruments.is_empty() {
            return Ok((keeper, None));
        }
        let (remembered, more) = keeper.store.newest_state::<Remembered>(STATE, MEMORY_VERSION)?;
        passed_over.extend(attached.passed_over.into_iter().chain(more));
        let (seq, remembered) = remembered.unwrap_or_default();
        let facts = facts_behind(&keeper.store, seq)?;
        keeper.taken = facts.len() as u64;
        keeper.last = facts.last().map(|entry| entry.at).or(remembered.last);
        let last = keeper.last.unwrap_or(now);
        let seen = rebuilt.coordinator.view().last_prices().map(|(_, _, at)| at).max();
        let past = Past {
            now: seen.map_or(last, |seen| seen.max(last)),
            last,
            coordinator: rebuilt.coordinator,
            memory: remembered.memory,
            coverage: remembered.coverage,
            paper_books: remembered.paper_books,
            facts,
            passed_over,
            founded: Founded {
                instruments: rebuilt.instruments,
                plans: rebuilt.plans,
                settings: rebuilt.settings.map(|settings| settings.json),
            },
        };
        Ok((keeper, Some(past)))
    }

    const fn of(store: Store) -> Self {
        Self { store, error: None, pending: false, taken: 0, last: None, durable: 0, strategy: DEMO }
    }

    /// Writes down what a new run is made of.
    ///
    /// # Errors
    /// When it does not become durable.
    pub fn found(
        &mut self,
        began: Timestamp,
        mut settings: Value,
        instruments: Vec<InstrumentEntry>,
        plans: Vec<PlanEntry>,
    ) -> Result<(), KeeperError> {
        settings[BEGAN] = began.0.into();
        let mut entries = vec![JournalEntry::Settings(Settings { json: settings.to_string() })];
        entries.extend(instruments.into_iter().map(|entry| JournalEntry::Instrument(Box::new(entry))));
        entries.extend(plans.into_iter().map(|entry| JournalEntry::Plan(Box::new(entry))));
        self.store.append(began, &entries)?;
        self.durable = self.store.commit()?.seq;
        Ok(())
    }

    /// Takes a record; it is durable after the next [`Keeper::keep`]. When many wait, those of the steps before
    /// it are made durable first: a long time in which only bars end has no actions that would do it.
    pub fn take(&mut self, entry: &Entry, names: &Names) {
        let begins_step = matches!(entry.record, Record::Observed(_) | Record::Input(_));
        if begins_step && self.store.waiting() >= WAITING_MAX {
            self.keep();
        }
        if self.error.is_some() {
            return;
        }
        let mut entries = vec![JournalEntry::Fact(entry.clone())];
        if let Record::Opened(opened) = &entry.record {
            let episode = opened.episode;
            entries.push(JournalEntry::Position(Box::new(PositionEntry {
                episode,
                id: names.episode(episode),
                symbol: names.symbol(episode).to_owned(),
                side: episode.key.side,
                strategy: Some(self.strategy.to_owned()),
                snapshot_id: None,
            })));
        }
        self.pending = true;
        self.taken += entries.len() as u64;
        self.last = Some(entry.at);
        if let Err(error) = self.store.append(entry.at, &entries) {
            self.error = Some(error);
        }
    }

    /// Makes durable what was taken; `false` when it cannot, and from then on for ever.
    pub fn keep(&mut self) -> bool {
        if self.pending && self.error.is_none() {
            match self.store.commit() {
                Ok(head) => (self.pending, self.durable) = (false, head.seq),
                Err(error) => self.error = Some(error),
            }
        }
        self.error.is_none()
    }

    /// Whether so much was written since the last snapshot that a start would notice.
    #[must_use]
    pub const fn wants_snapshot(&self) -> bool {
        self.taken >= SNAPSHOT_EVERY && self.error.is_none()
    }

    /// Keeps the state behind the last record: that of the core, and what a narrator remembers. Taken
    /// right behind a checkpoint. `false` when it cannot, and from then on for ever.
    pub fn keep_snapshot(
        &mut self,
        core: &Snapshot,
        memory: Memory,
        coverage: Coverage,
        paper_books: PaperBooks,
    ) -> bool {
        if !self.keep() {
            return false;
        }
        crash::here(Point::Snapshot);
        let remembered = Remembered { last: self.last, memory, coverage, paper_books };
        // What has no bytes is read from the facts again: a start takes longer, and nothing is lost.
        let state = State::of(STATE, MEMORY_VERSION, &remembered).ok();
        match self.store.keep_snapshot(core, state.as_slice()) {
            Ok(_) => self.taken = 0,
            Err(error) => self.error = Some(error),
        }
        self.error.is_none()
    }

    /// Why nothing is kept any more.
    #[must_use]
    pub const fn error(&self) -> Option<&StoreError> {
        self.error.as_ref()
    }

    /// Who writes client order ids.
    ///
    /// # Errors
    /// When the store does not say.
    pub fn installation(&self) -> Result<InstallationId, KeeperError> {
        Ok(self.store.installation()?)
    }

    /// From here on positions are of this strategy.
    pub const fn call_strategy(&mut self, strategy: &'static str) {
        self.strategy = strategy;
    }

    /// The last record that is durable.
    #[must_use]
    pub const fn durable(&self) -> u64 {
        self.durable
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.store.path()
    }
}

impl KeptAt {
    /// A file, as the system has it.
    #[must_use]
    pub const fn file(path: PathBuf) -> Self {
        Self { path, vfs: None }
    }
}

impl KeeperError {
    /// Whether the request was at fault, not the file or the work.
    #[must_use]
    pub fn is_request(&self) -> bool {
        match self {
            Self::Store(error) => error.is_request(),
            Self::OtherRun { .. } => true,
            Self::Random(_) => false,
        }
    }
}

impl Founded {
    /// What stands in the store at `path`, which is not taken and not changed; none when there is no store yet, or
    /// nothing in it.
    ///
    /// # Errors
    /// No store of this version, or one that cannot be read.
    pub fn read(path: &Path) -> Result<Option<Self>, StoreError> {
        if !path.exists() {
            return Ok(None);
        }
        let (reader, mut founded) = (Reader::open(path)?, Self::default());
        for kind in [Kind::Instrument, Kind::Plan, Kind::Settings] {
            reader.records::<StoreError>(1, Some(kind), |sealed| {
                let seq = sealed.envelope.seq;
                let fault =
                    |why| StoreError::Record { path: path.to_owned(), fault: Fault { seq, kind: why } };
                if sealed.envelope.hash() != sealed.hash {
                    return Err(fault(FaultKind::Hash));
                }
                match sealed.envelope.entry().map_err(|why| fault(FaultKind::Payload(why)))? {
                    JournalEntry::Instrument(entry) => founded.instruments.push(*entry),
                    JournalEntry::Plan(entry) => founded.plans.push(*entry),
                    JournalEntry::Settings(settings) => founded.settings = Some(settings.json),
                    _ => {}
                }
                Ok(())
            })?;
        }
        Ok((!founded.instruments.is_empty()).then_some(founded))
    }

    fn settings(&self) -> Value {
        let written = self.settings.as_deref().and_then(|text| serde_json::from_str(text).ok());
        written.unwrap_or(Value::Null)
    }

    /// Holds what is asked for against what the store was founded with.
    ///
    /// # Errors
    /// The first difference.
    pub fn agrees(
        &self,
        path: &Path,
        settings: &Value,
        instruments: &[InstrumentEntry],
        plans: &[PlanEntry],
    ) -> Result<(), KeeperError> {
        let other = |what, kept: String, asked: String| {
            Err(KeeperError::OtherRun { path: path.display().to_string(), what, kept, asked })
        };
        let mut kept = self.settings();
        if let Some(fields) = kept.as_object_mut() {
            fields.remove(BEGAN);
        }
        if kept != *settings {
            return other("settings", told(&kept, settings), told(settings, &kept));
        }
        let symbols = |list: &[InstrumentEntry]| {
            list.iter().map(|entry| entry.rules.symbol.as_str()).collect::<Vec<_>>().join(", ")
        };
        if self.instruments != instruments {
            return other("instruments", symbols(&self.instruments), symbols(instruments));
        }
        let named = |list: &[PlanEntry]| {
            // Each instrument has its own of each.
            let mut names: Vec<&str> = Vec::new();
            for entry in list {
                if !names.contains(&entry.spec.name.as_str()) {
                    names.push(&entry.spec.name);
                }
            }
            names.join(", ")
        };
        let mut pairs = self.plans.iter().zip(plans);
        let differing = pairs.find(|(kept, asked)| !means_same(kept, asked, instruments));
        let are_named_alike = named(&self.plans) == named(plans);
        match differing {
            // The same names tell nobody what differs.
            Some((kept, asked)) if are_named_alike => {
                other("plans", rules_of(kept, asked), rules_of(asked, kept))
            }
            None if are_named_alike => Ok(()),
            _ => other("plans", named(&self.plans), named(plans)),
        }
    }

    /// Plans that were written down before plans said which prices they trust, by their names. They hold as
    /// they were written: without a limit of silence, and without a wait for a second price.
    pub fn plans_of_before(&self) -> impl Iterator<Item = &str> {
        let before = self.plans.iter().filter(|entry| entry.spec.for_live() != entry.spec);
        before.map(|entry| entry.spec.name.as_str())
    }
}

impl Past {
    /// When its market began.
    #[must_use]
    pub fn began(&self) -> Option<Timestamp> {
        self.founded.settings()[BEGAN].as_i64().map(Timestamp)
    }
}

/// What settings say otherwise than others, field by field.
fn told(settings: &Value, others: &Value) -> String {
    if settings["replay"].is_object() {
        return "a replay".to_owned();
    }
    let fields = settings.as_object().into_iter().flatten();
    let differing = fields.filter(|(field, value)| others.get(field) != Some(value));
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let told: Vec<String> = differing.map(|(field, value)| format!("{field} {}", shown(value))).collect();
    if told.is_empty() { "without them".to_owned() } else { told.join(", ") }
}

/// Whether two plans lead to the same rules on their instrument, however they are written.
fn means_same(kept: &PlanEntry, asked: &PlanEntry, instruments: &[InstrumentEntry]) -> bool {
    if kept.instrument != asked.instrument {
        return false;
    }
    if kept.spec == asked.spec {
        return true;
    }
    let Some(of) = instruments.get(asked.instrument.0 as usize) else { return false };
    let rules = |entry: &PlanEntry| entry.spec.for_live().filled().resolve(entry.instrument, &of.rules).ok();
    let (kept, asked) = (rules(kept), rules(asked));
    kept.is_some() && kept == asked
}

/// What one plan says otherwise than another, field by field.
fn rules_of(plan: &PlanEntry, other: &PlanEntry) -> String {
    let written = |entry: &PlanEntry| {
        let value = serde_json::to_value(entry.spec.for_live().filled()).unwrap_or_default();
        value.as_object().cloned().unwrap_or_default()
    };
    let other = written(other);
    let differing = written(plan).into_iter().filter(|(field, value)| other.get(field) != Some(value));
    let told: Vec<String> = differing.map(|(field, value)| format!("{field} {value}")).collect();
    format!("{}: {}", plan.spec.name, told.join(", "))
}

fn facts_behind(store: &Store, seq: u64) -> Result<Vec<Entry>, StoreError> {
    let mut facts = Vec::new();
    store.records_behind(seq, |sealed| {
        if let Ok(JournalEntry::Fact(fact)) = sealed.envelope.entry() {
            facts.push(fact);
        }
        Ok(())
    })?;
    Ok(facts)
}
