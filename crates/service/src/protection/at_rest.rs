//! The same of a store that nobody runs on: its journal is checked, followed and looked at.

use std::path::Path;

use ripcord_core::coverage::Wants;
use ripcord_core::event::{Entry, Record};
use ripcord_core::time::Timestamp;
use ripcord_journal::{Head, JournalEntry};
use ripcord_store::{Reader, StoreError};

use super::{Guard, Standing, Told};
use crate::names::Names;
use crate::status::Mode;

/// What a store at rest says.
#[derive(Debug)]
pub struct AtRest {
    /// How what it holds is covered, behind its last record.
    pub told: Told,
    /// Some of it is covered by rules of ours only, which act while a process runs.
    pub relies_on_us: bool,
    /// Where its journal ends.
    pub head: Head,
    /// The hash of the configuration in force; none when there was none.
    pub config: Option<String>,
    /// What the orders of its run were.
    pub mode: Mode,
}

/// Reads the store at `path`: every record is checked on the way.
///
/// # Errors
/// No store, or a journal that is damaged or cannot be followed.
pub fn at_rest(path: &Path) -> Result<AtRest, StoreError> {
    let reader = Reader::open(path)?;
    let mut facts: Vec<Entry> = Vec::new();
    let head = reader.entries::<StoreError>(|_, entry| {
        if let JournalEntry::Fact(fact) = entry {
            facts.push(fact);
        }
        Ok(())
    })?;
    let mut config = None;
    reader.records::<StoreError>(head.seq.max(1), None, |sealed| {
        let hash = sealed.envelope.config;
        config = (hash != ripcord_journal::Hash::ZERO).then(|| hash.to_string());
        Ok(())
    })?;
    let (rebuilt, _) = reader.rebuild()?;
    let instruments: Vec<_> = rebuilt.instruments.iter().map(|entry| entry.rules.clone()).collect();
    let wants = rebuilt.plans.iter().map(|entry| Wants::of_spec(&entry.spec)).collect();
    let mut guard = Guard::new(instruments.clone(), wants);
    let mut now = Timestamp(0);
    for fact in &facts {
        // Quiet prices are told later than they were seen.
        let seen = match &fact.record {
            Record::Observed(observed) => observed.at,
            _ => fact.at,
        };
        now = now.max(seen);
        guard.take(fact);
    }
    let plans = rebuilt.plans.iter().map(|entry| entry.spec.name.clone()).collect();
    let names = Names { instruments, plans };
    let (told, relies_on_us) = {
        let (guarded, standing) = (guard.look(&rebuilt.coordinator), Standing::of(&rebuilt.coordinator));
        let relies_on_us = guarded.iter().any(|of| of.now.covered < of.now.closable);
        (Told::of(&guarded, &standing, &names, now), relies_on_us)
    };
    let settings = rebuilt.settings.as_ref().and_then(|of| serde_json::from_str(&of.json).ok());
    let mode = Mode::of_settings(&settings.unwrap_or_default());
    Ok(AtRest { told, relies_on_us, head, config, mode })
}
