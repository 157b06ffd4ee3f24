//! Unprotected seconds: how long positions were without the stop that their plans want, and without any.

use std::collections::BTreeMap;
use std::path::Path;

use ripcord_core::coverage::{Known, Wants};
use ripcord_core::id::{InstrumentId, PlanId};
use ripcord_core::instrument::Instrument;
use ripcord_core::num::Qty;
use ripcord_journal::{JournalEntry, Kind, Sealed};
use ripcord_ledger::text::episode_id;
use ripcord_report::records::RecordsError;
use ripcord_report::uncovered::{Uncovered, Uncovering, seconds};
use ripcord_store::ledger::{self, LedgerFile};
use ripcord_store::{Reader, StoreError};
use serde_json::{Value, json};

use crate::explain;

/// Positions that are listed by name.
const LISTED_MAX: usize = 5;

/// What is told of all positions.
pub(super) struct Told {
    all: Uncovered,
    /// Each that was without something, the longest first.
    worst: Vec<(String, Uncovered)>,
}

/// What a journal says of instruments and plans, as it comes.
#[derive(Default)]
struct Registered {
    instruments: Vec<Instrument>,
    wants: Vec<Wants>,
}

impl Known for Registered {
    fn closable(&self, instrument: InstrumentId, qty: Qty) -> Qty {
        self.instruments.get(instrument.0 as usize).map_or(qty, |rules| rules.closable(qty))
    }

    fn wants(&self, plan: PlanId) -> Wants {
        self.wants.get(plan.0 as usize).copied().unwrap_or_default()
    }
}

/// Of records files; none without any.
pub(super) fn of_records(files: &[&Path]) -> Result<Option<Told>, RecordsError> {
    if files.is_empty() {
        return Ok(None);
    }
    let mut named = Vec::new();
    for &path in files {
        let mut records = explain::open(path)?;
        let header = records.header().clone();
        let mut uncovering = Uncovering::default();
        while let Some(line) = records.next_line()? {
            uncovering.take(&line.entry, &header);
        }
        named.extend(uncovering.all().map(|(episode, of)| {
            let position = header.positions.iter().find(|position| position.account == episode.key.account);
            (position.map_or_else(|| episode_id(episode), |position| position.id.clone()), of)
        }));
    }
    Ok(Some(Told::of(named)))
}

/// Of a ledger, and of the journal beside it what is held; none of a bot's database, which has no journal.
/// A ledger that is behind its journal is not asked: what it does not include was not "never".
pub(super) fn of_ledger(file: &LedgerFile) -> Result<Option<Told>, StoreError> {
    let LedgerFile::Store(reader) = file else { return Ok(None) };
    let failed = |source| StoreError::Sqlite { path: reader.path().to_owned(), doing: "its ledger", source };
    if file.behind().map_err(failed)? > 0 {
        let all = followed(reader, 1)?;
        return Ok(Some(Told::of(all.all().map(|(episode, of)| (episode_id(episode), of)).collect())));
    }
    let held: BTreeMap<String, Uncovered> = match ledger::first_held(reader.connection()).map_err(failed)? {
        Some(from) => followed(reader, from)?.held().map(|(episode, of)| (episode_id(episode), of)).collect(),
        None => BTreeMap::new(),
    };
    let episodes = ledger::uncovered(reader.connection()).map_err(failed)?;
    let named = episodes.into_iter().filter_map(|row| {
        let of = row.uncovered.or_else(|| held.get(&row.episode).copied())?;
        Some((row.position_id.unwrap_or(row.episode), of))
    });
    Ok(Some(Told::of(named.collect())))
}

/// What the journal says from record `from` on.
fn followed(reader: &Reader, from: u64) -> Result<Uncovering, StoreError> {
    let (mut uncovering, mut known) = (Uncovering::default(), Registered::default());
    for kind in [Kind::Instrument, Kind::Plan] {
        reader.records::<StoreError>(1, Some(kind), |sealed| {
            match entry(reader, &sealed)? {
                JournalEntry::Instrument(entry) => known.instruments.push(entry.rules.clone()),
                JournalEntry::Plan(entry) => known.wants.push(Wants::of_spec(&entry.spec)),
                _ => {}
            }
            Ok(())
        })?;
    }
    reader.records::<StoreError>(from, None, |sealed| {
        if let JournalEntry::Fact(fact) = entry(reader, &sealed)? {
            uncovering.take(&fact, &known);
        }
        Ok(())
    })?;
    Ok(uncovering)
}

/// What a record says; one that cannot be read would leave a gap that nobody sees.
fn entry(reader: &Reader, sealed: &Sealed) -> Result<JournalEntry, StoreError> {
    let seq = sealed.envelope.seq;
    let told = sealed.envelope.entry();
    told.map_err(|why| StoreError::Damaged {
        path: reader.path().to_owned(),
        what: format!("record {seq}: {why}"),
    })
}

impl Told {
    fn of(named: Vec<(String, Uncovered)>) -> Self {
        let mut all = Uncovered::default();
        named.iter().for_each(|(_, of)| all.add(of));
        let mut worst: Vec<_> =
            named.into_iter().filter(|(_, of)| of.naked.0 > 0 || of.unprotected.0 > 0).collect();
        worst.sort_by_key(|(_, of)| std::cmp::Reverse((of.unprotected, of.naked)));
        Self { all, worst }
    }

    pub(super) fn text(&self) -> String {
        let of = &self.all;
        if self.worst.is_empty() {
            return "Unprotected: never.\n".to_owned();
        }
        let mut text = format!(
            "Unprotected: {} in all, longest {}; without a stop at the venue that the plan wants: {} in all, longest {}.\n",
            seconds(of.unprotected),
            seconds(of.unprotected_longest),
            seconds(of.naked),
            seconds(of.naked_longest)
        );
        for (name, of) in self.worst.iter().take(LISTED_MAX) {
            text += &format!(
                "  {name}: unprotected {}, without a stop at the venue {}\n",
                seconds(of.unprotected),
                seconds(of.naked)
            );
        }
        if self.worst.len() > LISTED_MAX {
            text += &format!("  and {} more positions\n", self.worst.len() - LISTED_MAX);
        }
        text
    }

    pub(super) fn json(&self) -> Value {
        let ms = |span: ripcord_core::time::Span| span.0 / 1_000_000;
        let value = |of: &Uncovered| {
            json!({
                "unprotected_ms": ms(of.unprotected), "unprotected_longest_ms": ms(of.unprotected_longest),
                "naked_ms": ms(of.naked), "naked_longest_ms": ms(of.naked_longest),
            })
        };
        let mut all = value(&self.all);
        let positions = self.worst.iter().map(|(name, of)| {
            let mut value = value(of);
            value["position"] = name.as_str().into();
            value
        });
        all["positions"] = positions.collect();
        all
    }
}
