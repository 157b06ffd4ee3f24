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
use ripcord_journal::{JournalEntry, Kind};
use ripcord_ledger::text;
use ripcord_report::explain::{ExplainError, Story, Teller, close_names};
use ripcord_report::records::{
    FillEntry, Header, InstrumentEntry, Line, PlanEntry, PositionEntry, RECORDS_FORMAT, RECORDS_VERSION,
};
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

/// The story of the position that is called `id`; of several, that of the last.
pub(super) fn story(path: &Path, id: &str) -> Result<Story, Untold> {
    let reader = Reader::open(path)?;
    let mut header = header(&reader)?;
    let known = episodes(&reader, &header)?;
    let named =
        known.iter().rev().find(|(episode, named)| named.id == id || text::episode_id(*episode) == id);
    let Some((episode, position)) = named else {
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

/// What the facts refer to. How a simulated venue filled is not in a journal's header.
fn header(reader: &Reader) -> Result<Header, Untold> {
    let (mut instruments, mut plans) = (Vec::new(), Vec::new());
    let mut coordinator = Coordinator::new();
    of_kind(reader, Kind::Instrument, |entry| {
        let JournalEntry::Instrument(entry) = entry else { return Ok(()) };
        let added = coordinator.add_instrument(entry.rules.clone(), &entry.sources, entry.bars);
        let id: InstrumentId = added.map_err(|why| Untold::Story(why.to_string()))?;
        let cells = SourceCells(PriceSource::ALL.map(|source| coordinator.cell(id, source)));
        instruments.push(InstrumentEntry { rules: entry.rules, cells });
        Ok(())
    })?;
    of_kind(reader, Kind::Plan, |entry| {
        if let JournalEntry::Plan(plan) = entry {
            plans.push(PlanEntry { instrument: plan.instrument, spec: plan.spec });
        }
        Ok(())
    })?;
    let (latency, none) = (Span::ZERO, Ratio::ZERO);
    let fills =
        FillEntry { latency, slippage: none, taker_fee: none, maker_fee: none, filled_when_touched: false };
    Ok(Header {
        format: RECORDS_FORMAT.to_owned(),
        version: RECORDS_VERSION,
        instruments,
        plans,
        positions: Vec::new(),
        fills,
        candles: String::new(),
    })
}

/// Every episode in the order of its opening, with the name that its owner gave it or its own.
fn episodes(reader: &Reader, header: &Header) -> Result<Vec<(EpisodeId, PositionEntry)>, Untold> {
    let mut names = BTreeMap::new();
    of_kind(reader, Kind::Position, |entry| {
        if let JournalEntry::Position(name) = entry {
            names.insert(name.episode, name);
        }
        Ok(())
    })?;
    let mut episodes = Vec::new();
    of_kind(reader, Kind::Opened, |entry| {
        let JournalEntry::Fact(Entry { record: Record::Opened(opened), .. }) = entry else { return Ok(()) };
        let (episode, key) = (opened.episode, opened.episode.key);
        let name = names.remove(&episode);
        let symbol =
            header.instrument(key.instrument).map_or_else(String::new, |entry| entry.rules.symbol.clone());
        let id = name.as_ref().map_or_else(|| text::episode_id(episode), |name| name.id.clone());
        let (strategy, snapshot_id) = name.map_or((None, None), |name| (name.strategy, name.snapshot_id));
        let position =
            PositionEntry { id, symbol, side: key.side, account: key.account, strategy, snapshot_id };
        episodes.push((episode, position));
        Ok(())
    })?;
    Ok(episodes)
}

fn of_kind(
    reader: &Reader,
    kind: Kind,
    mut take: impl FnMut(JournalEntry) -> Result<(), Untold>,
) -> Result<(), Untold> {
    reader.records::<Untold>(1, Some(kind), |sealed| {
        let seq = sealed.envelope.seq;
        take(sealed.envelope.entry().map_err(|why| Untold::Story(format!("record {seq}: {why}")))?)
    })
}
