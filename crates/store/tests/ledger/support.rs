//! Stores whose journals hold a seeded run of trades.

use std::path::PathBuf;

use ripcord_core::bars::BarOrigin;
use ripcord_core::event::{Entry, Record};
use ripcord_core::market::PriceSource;
use ripcord_core::time::Timestamp;
use ripcord_journal::JournalEntry;
use ripcord_journal::entry::{InstallationId, InstrumentEntry, PositionEntry};
use ripcord_ledger::sample::{Sample, instruments};
use ripcord_store::rusqlite::Connection;
use ripcord_store::{Opening, Reader, Store, ledger};
use tempfile::TempDir;

pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("ripcord.db")
    }

    pub(crate) fn create(&self) -> Store {
        let opening = Opening { now: Timestamp(1_000), program: "ripcord test", vfs: None };
        Store::create(&self.file(), 3, InstallationId([7; 16]), &opening).expect("a new store").0
    }

    pub(crate) fn open(&self) -> Store {
        let opening = Opening { now: Timestamp(2_000), program: "ripcord test", vfs: None };
        Store::open(&self.file(), &opening).expect("the store").0
    }

    /// A store with its ledger, and `records` records of a sample.
    pub(crate) fn filled(&self, seed: u64, closings_per_day: u64, records: usize) -> Store {
        let mut store = self.create();
        ledger::attach(&mut store).expect("a ledger");
        append(&mut store, &names());
        for entries in entries(Sample::new(seed, closings_per_day).take(records)).chunks(20_000) {
            append(&mut store, entries);
        }
        store
    }

    pub(crate) fn verified(&self) -> ledger::Rebuilt {
        ledger::verify(&Reader::open(&self.file()).expect("the store")).expect("readable")
    }
}

pub(crate) fn append(store: &mut Store, entries: &[JournalEntry]) {
    store.append(Timestamp(5), entries).expect("room");
    store.commit().expect("durable");
}

/// The instruments of a sample.
pub(crate) fn names() -> Vec<JournalEntry> {
    let entry = |rules| InstrumentEntry { rules, sources: vec![PriceSource::Last], bars: BarOrigin::Ticks };
    instruments().into_iter().map(|rules| JournalEntry::Instrument(Box::new(entry(rules)))).collect()
}

/// Records as the journal has them: each opening is followed by its name.
pub(crate) fn entries(records: impl Iterator<Item = Entry>) -> Vec<JournalEntry> {
    let mut entries = Vec::new();
    for entry in records {
        let opened = if let Record::Opened(opened) = &entry.record { Some(opened.episode) } else { None };
        entries.push(JournalEntry::Fact(entry));
        let Some(episode) = opened else { continue };
        let name = Sample::name(episode);
        let symbol = instruments()[episode.key.instrument.0 as usize].symbol.clone();
        entries.push(JournalEntry::Position(Box::new(PositionEntry {
            episode,
            id: name.id.unwrap_or_default(),
            symbol,
            side: episode.key.side,
            strategy: name.strategy,
            snapshot_id: name.snapshot_id,
        })));
    }
    entries
}

/// The only value of a query.
pub(crate) fn one<T: ripcord_store::rusqlite::types::FromSql>(connection: &Connection, sql: &str) -> T {
    connection.query_row(sql, [], |row| row.get(0)).unwrap_or_else(|why| panic!("{sql}: {why}"))
}
