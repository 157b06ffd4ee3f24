//! `--db`: everything that happens goes into a store, as that of a paper run does.
//!
//! No venue waits for what is written here, so records become durable in groups.

use std::path::Path;

use ripcord_core::event::{Entry, Probe, Record};
use ripcord_core::time::Timestamp;
use ripcord_journal::JournalEntry;
use ripcord_journal::entry::{InstallationId, InstrumentEntry, PlanEntry, PositionEntry, Settings};
use ripcord_report::records::Header;
use ripcord_sim::desk::{Desk, Reader as DeskReader};
use ripcord_sim::job::Job;
use ripcord_sim::positions::PositionRow;
use ripcord_sim::replay::{Outcome, ReplayReader};
use ripcord_store::{Opening, Reader, Store, StoreError, ledger};
use serde_json::json;

use crate::db;

/// Records that become durable together.
const COMMITTED_AT_ONCE: usize = 20_000;

/// Refuses a file that holds anything but a store in which nothing happened yet. It is not touched.
pub(super) fn refuse_used(path: &Path) -> Result<(), String> {
    if std::fs::symlink_metadata(path).is_err() {
        return Ok(());
    }
    let used = Reader::open(path).and_then(|reader| used(&reader)).map_err(|error| error.to_string())?;
    if used == 0 {
        return Ok(());
    }
    Err(format!(
        "{}: this store holds {used} records of another run, and a replay begins with an empty one; name another --db",
        path.display()
    ))
}

/// Records beside those of who founded the store and took it over.
fn used(reader: &Reader) -> Result<i64, StoreError> {
    let counted =
        reader.connection().query_row("SELECT count(*) FROM journal WHERE kind > 2", [], |row| row.get(0));
    let doing = "its records cannot be counted";
    counted.map_err(|source| StoreError::Sqlite { path: reader.path().to_owned(), doing, source })
}

/// Reads the records of a replay into its outcome and into a store.
pub(super) struct Keeping {
    outcome: Outcome,
    store: Store,
    positions: Vec<PositionRow>,
    waiting: Vec<JournalEntry>,
    now: Timestamp,
    /// The first time the store refused; the rest is not tried.
    refused: Option<StoreError>,
}

impl Keeping {
    /// Makes the store, with what the records of `job` refer to.
    pub(super) fn create(path: &Path, job: &Job, header: &Header) -> Result<Self, StoreError> {
        let now = db::now();
        let opening = Opening { now, program: db::PROGRAM, vfs: None };
        let (mut store, _) = if path.exists() {
            Store::open(path, &opening)?
        } else {
            Store::create(path, 0, InstallationId(db::random_bits(path)?), &opening)?
        };
        ledger::attach(&mut store)?;
        let settings = json!({ "replay": { "fills": header.fills, "candles": header.candles } });
        let mut entries = vec![JournalEntry::Settings(Settings { json: settings.to_string() })];
        let fed = job.instruments.iter().zip(&job.feeds);
        entries.extend(fed.map(|(rules, feed)| {
            let (rules, sources, bars) = (rules.clone(), feed.sources.clone(), feed.bars);
            JournalEntry::Instrument(Box::new(InstrumentEntry { rules, sources, bars }))
        }));
        entries.extend(job.registered.iter().map(|&(instrument, place)| {
            JournalEntry::Plan(Box::new(PlanEntry { instrument, spec: job.plans[place].clone() }))
        }));
        store.append(now, &entries)?;
        store.commit()?;
        let (outcome, positions) = (Outcome::default(), job.positions.clone());
        Ok(Self { outcome, store, positions, waiting: Vec::new(), now, refused: None })
    }

    /// Writes what the last prices were, and makes all of it durable.
    pub(super) fn finish(mut self, desk: &mut Desk) -> Result<Outcome, StoreError> {
        desk.checkpoint(&mut self);
        self.write();
        match self.refused {
            Some(error) => Err(error),
            None => Ok(self.outcome),
        }
    }

    fn write(&mut self) {
        if self.refused.is_none() {
            let written = self.store.append(self.now, &self.waiting).and_then(|()| self.store.commit());
            self.refused = written.err();
        }
        self.waiting.clear();
    }
}

impl DeskReader for Keeping {
    fn read(&mut self, entry: &Entry) {
        // Between two steps: a journal that ends within one cannot be followed, should this process be killed.
        let begins_step = matches!(entry.record, Record::Observed(_) | Record::Input(_));
        if begins_step && self.waiting.len() >= COMMITTED_AT_ONCE {
            self.write();
        }
        self.outcome.read(entry);
        self.waiting.push(JournalEntry::Fact(entry.clone()));
        if let Record::Opened(opened) = &entry.record {
            let key = opened.episode.key;
            // The account of a replayed position is its place in the file.
            if let Some(row) = self.positions.get(key.account.0 as usize) {
                self.waiting.push(JournalEntry::Position(Box::new(PositionEntry {
                    episode: opened.episode,
                    id: row.id.clone(),
                    symbol: row.symbol.clone(),
                    side: key.side,
                    strategy: row.strategy.clone(),
                    snapshot_id: row.snapshot_id.clone(),
                })));
            }
        }
    }

    /// Nothing more is sent when nothing more is kept.
    fn keep(&mut self) -> bool {
        self.refused.is_none()
    }
}

impl ReplayReader for Keeping {
    #[inline(always)]
    fn at(&mut self, index: u64, probe: Probe) {
        self.outcome.at(index, probe);
    }
}
