//! Stores in folders that vanish.

use std::path::{Path, PathBuf};

use ripcord_core::bars::BarOrigin;
use ripcord_core::cell::CellId;
use ripcord_core::event::{Entry, Observed, Record};
use ripcord_core::instrument::Instrument;
use ripcord_core::market::PriceSource;
use ripcord_core::num::Price;
use ripcord_core::time::Timestamp;
use ripcord_journal::JournalEntry;
use ripcord_journal::entry::{InstallationId, InstrumentEntry};
use ripcord_store::{Opening, Reader, Store, StoreError};
use tempfile::TempDir;

pub(crate) const OPENING: Opening<'static> =
    Opening { now: Timestamp(1_000), program: "ripcord test", vfs: None };
pub(crate) const INSTALLATION: InstallationId = InstallationId([7; 16]);

pub(crate) struct Place {
    folder: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("ripcord.db")
    }

    pub(crate) fn create(&self) -> Store {
        Store::create(&self.file(), 3, INSTALLATION, &OPENING).expect("a new store").0
    }

    pub(crate) fn entries(&self) -> Vec<JournalEntry> {
        entries(&self.file()).expect("a whole journal")
    }
}

/// What a whole journal says.
pub(crate) fn entries(path: &Path) -> Result<Vec<JournalEntry>, StoreError> {
    let mut all = Vec::new();
    Reader::open(path)?.verify(|_, entry| {
        all.push(entry);
        Ok::<(), StoreError>(())
    })?;
    Ok(all)
}

/// A fact that tells itself from others by a number.
pub(crate) fn fact(number: i64) -> JournalEntry {
    let observed = Observed {
        cell: CellId(0),
        count: 1,
        last: Price(number),
        at: Timestamp(number),
        min: Price(number),
        max: Price(number),
    };
    JournalEntry::Fact(Entry { at: Timestamp(number), record: Record::Observed(observed) })
}

pub(crate) fn instrument() -> JournalEntry {
    JournalEntry::Instrument(Box::new(InstrumentEntry {
        rules: Instrument::from_decimals("BTCUSDT", 2, 3),
        sources: vec![PriceSource::Last],
        bars: BarOrigin::Ticks,
    }))
}
