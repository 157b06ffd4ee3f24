//! What came of a replay: every closing fill, and where in the stream it happened.

use std::collections::BTreeMap;

use ripcord_core::event::{AlarmKind, Entry, ExitDecided, Filled, Probe, Record};
use ripcord_core::id::EpisodeId;
use ripcord_core::time::Timestamp;

use super::ReplayReader;
use crate::desk::Reader;

/// One closing fill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExitFill {
    /// Record of the merged stream at which it happened.
    pub index: u64,
    /// When.
    pub at: Timestamp,
    /// The fill, with reason and source.
    pub filled: Filled,
    /// The decision behind it; a leg that rested needed none.
    pub decided: Option<Box<ExitDecided>>,
    /// The probe that caused it.
    pub probe: Probe,
}

/// Everything that a replay's summary and its exits file need.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Closing fills in order.
    pub exits: Vec<ExitFill>,
    /// Positions taken over.
    pub opened: u64,
    /// Positions that ended flat.
    pub closed: u64,
    /// Alarms, in order.
    pub alarms: Vec<(Timestamp, EpisodeId, AlarmKind)>,
    /// Records of any kind.
    pub records: u64,
    index: u64,
    probe: Probe,
    /// Decisions of positions that are still held, by episode and exit number.
    decisions: BTreeMap<(EpisodeId, u16), Box<ExitDecided>>,
}

impl Default for Outcome {
    fn default() -> Self {
        Self {
            exits: Vec::new(),
            opened: 0,
            closed: 0,
            alarms: Vec::new(),
            records: 0,
            index: 0,
            probe: Probe::TICK,
            decisions: BTreeMap::new(),
        }
    }
}

impl Outcome {
    /// Where the next record happens.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.index
    }

    fn on_fill(&mut self, entry: &Entry, filled: &Filled) {
        let decided = self.decisions.get(&(filled.id.episode, filled.id.exit)).cloned();
        self.exits.push(ExitFill {
            index: self.index,
            at: entry.at,
            filled: filled.clone(),
            decided,
            probe: self.probe,
        });
    }
}

impl ReplayReader for Outcome {
    #[inline(always)]
    fn at(&mut self, index: u64, probe: Probe) {
        self.index = index;
        self.probe = probe;
    }
}

impl Reader for Outcome {
    fn read(&mut self, entry: &Entry) {
        self.records += 1;
        match &entry.record {
            Record::Opened(_) => self.opened += 1,
            Record::ExitDecided(decided) => {
                self.decisions.insert((decided.episode, decided.exit), decided.clone());
            }
            Record::Filled(filled) => self.on_fill(entry, filled),
            Record::Closed { episode } => {
                self.closed += 1;
                let over: Vec<_> =
                    self.decisions.range((*episode, 0)..=(*episode, u16::MAX)).map(|(&key, _)| key).collect();
                for key in over {
                    self.decisions.remove(&key);
                }
            }
            Record::Alarm { episode, what } => self.alarms.push((entry.at, *episode, *what)),
            Record::Managed(_)
            | Record::ReadFailed { .. }
            | Record::Reconciled(_)
            | Record::Adopted(_)
            | Record::LeftOutside(_)
            | Record::Released { .. }
            | Record::HandedOver(_)
            | Record::OrdersListed(_)
            | Record::Returned(_)
            | Record::OrdersStale { .. }
            | Record::OrdersPaced { .. }
            | Record::Observed(_)
            | Record::Input(_)
            | Record::Added(_)
            | Record::PlanChanged { .. }
            | Record::Signalled { .. }
            | Record::Deferred { .. }
            | Record::BracketTriggered { .. }
            | Record::KillLevel { .. }
            | Record::Suspected { .. }
            | Record::Confirmed { .. }
            | Record::Contradicted { .. }
            | Record::PriceDoubted(_)
            | Record::PricesStale { .. }
            | Record::PricesBack { .. }
            | Record::Jump(_)
            | Record::Diverged { .. }
            | Record::Converged { .. }
            | Record::ExitConcluded { .. }
            | Record::StopMoved { .. }
            | Record::TrailingActivated { .. }
            | Record::OrderIntended(_)
            | Record::GateBlocked { .. }
            | Record::OrderAccepted(_)
            | Record::OrderEnded { .. }
            | Record::FundingPaid { .. }
            | Record::BarClosed(_)
            | Record::CommandRefused(_) => {}
        }
    }
}
