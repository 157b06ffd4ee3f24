//! `ripcord explain` on a store: the facts of its journal, told as those of a replay.

use std::collections::BTreeMap;
use std::path::Path;

use ripcord_core::Coordinator;
use ripcord_core::event::{Entry, Record};
use ripcord_core::id::{EpisodeId, InstrumentId};
use ripcord_core::market::PriceSource;
use ripcord_core::num::Ratio;
use ripcord_core::position::SourceCells;
use ripcord_core::time::Span;
use ripcord_journal::JournalEntry;
use ripcord_ledger::text;
use ripcord_report::explain::{ExplainError, Story, Teller, close_names};
use ripcord_report::records::{
    FillEntry, Header, InstrumentEntry, Line, PlanEntry, PositionEntry, RECORDS_FORMAT, RECORDS_VERSION,
};
use ripcord_service::names::Names;
use ripcord_store::{Reader, StoreError};

/// Why a store cannot tell of a position.
#[derive(Debug)]
pub(super) enum Untold {
    /// The store cannot be read; it says its name.
    Store(StoreError),
    /// What it holds is no story of that position.
    Story(String),
}

impl From<StoreError> for Untold {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<ExplainError> for Untold {
    fn from(error: ExplainError) -> Self {
        Self::Story(error.to_string())
    }
}

/// The story of the position that is called `id`; of several, that of the last. Every record of the journal is
/// checked before any is told of.
pub(super) fn story(path: &Path, id: &str) -> Result<Story, Untold> {
    let reader = Reader::open(path)?;
    let mut first = First::default();
    reader.entries(|_, entry| first.take(entry))?;
    let (mut header, known) = first.finish();
    let found = find(&known, &header, id);
    let Some((episode, position)) = found else {
        let names = known.iter().map(|(_, position)| position.id.as_str());
        let close = close_names(id, names);
        return Err(ExplainError::Unknown { id: id.to_owned(), close, known: known.len() }.into());
    };
    header.positions.push(position.clone());
    let mut teller = Teller::new(&header, position);
    reader.records::<Untold>(1, None, |sealed| {
        let seq = sealed.envelope.seq;
        let entry = sealed.envelope.entry().map_err(|why| Untold::Story(format!("record {seq}: {why}")))?;
        let JournalEntry::Fact(entry) = entry else { return Ok(()) };
        if entry.record.episode().is_some_and(|other| other != *episode) {
            return Ok(());
        }
        teller.take(&Line { index: seq, entry }).map_err(|why| Untold::Story(format!("record {seq}: {why}")))
    })?;
    teller.finish().ok_or_else(|| ExplainError::NeverOpened { id: id.to_owned() }.into())
}

/// The last position of this name; else the one whose episode `status` or the ledger calls so.
fn find<'a>(
    known: &'a [(EpisodeId, PositionEntry)],
    header: &Header,
    id: &str,
) -> Option<&'a (EpisodeId, PositionEntry)> {
    let instruments = header.instruments.iter().map(|entry| entry.rules.clone()).collect();
    let names = Names { instruments, plans: Vec::new() };
    let is_known = |episode: EpisodeId| header.instrument(episode.key.instrument).is_some();
    let is_called =
        |episode| text::episode_id(episode) == id || (is_known(episode) && names.episode(episode) == id);
    let named = known.iter().rev().find(|(_, position)| position.id == id);
    named.or_else(|| known.iter().rev().find(|(episode, _)| is_called(*episode)))
}

/// What the facts refer to, as the journal says it.
#[derive(Default)]
struct First {
    coordinator: Coordinator,
    instruments: Vec<InstrumentEntry>,
    plans: Vec<PlanEntry>,
    names: BTreeMap<EpisodeId, ripcord_journal::entry::PositionEntry>,
    opened: Vec<EpisodeId>,
}

impl First {
    fn take(&mut self, entry: JournalEntry) -> Result<(), Untold> {
        match entry {
            JournalEntry::Instrument(entry) => {
                let added = self.coordinator.add_instrument(entry.rules.clone(), &entry.sources, entry.bars);
                let id: InstrumentId = added.map_err(|why| Untold::Story(why.to_string()))?;
                let cells = SourceCells(PriceSource::ALL.map(|source| self.coordinator.cell(id, source)));
                self.instruments.push(InstrumentEntry { rules: entry.rules, cells });
            }
            JournalEntry::Plan(plan) => {
                self.plans.push(PlanEntry { instrument: plan.instrument, spec: plan.spec });
            }
            JournalEntry::Position(name) => {
                self.names.insert(name.episode, *name);
            }
            JournalEntry::Fact(Entry { record: Record::Opened(opened), .. }) => {
                self.opened.push(opened.episode);
            }
            _ => {}
        }
        Ok(())
    }

    /// The header, and every episode in the order of its opening, with the name that its owner gave it or its
    /// own. How a simulated venue filled is not in a journal's header.
    fn finish(mut self) -> (Header, Vec<(EpisodeId, PositionEntry)>) {
        let (latency, none) = (Span::ZERO, Ratio::ZERO);
        let fills = FillEntry {
            latency,
            slippage: none,
            taker_fee: none,
            maker_fee: none,
            filled_when_touched: false,
        };
        let header = Header {
            format: RECORDS_FORMAT.to_owned(),
            version: RECORDS_VERSION,
            instruments: self.instruments,
            plans: self.plans,
            positions: Vec::new(),
            fills,
            candles: String::new(),
        };
        let episodes = self.opened.into_iter().map(|episode| {
            let (key, name) = (episode.key, self.names.remove(&episode));
            let symbol = header
                .instrument(key.instrument)
                .map_or_else(String::new, |entry| entry.rules.symbol.clone());
            let id = name.as_ref().map_or_else(|| text::episode_id(episode), |name| name.id.clone());
            let (strategy, snapshot_id) = name.map_or((None, None), |name| (name.strategy, name.snapshot_id));
            (
                episode,
                PositionEntry { id, symbol, side: key.side, account: key.account, strategy, snapshot_id },
            )
        });
        let episodes = episodes.collect();
        (header, episodes)
    }
}
