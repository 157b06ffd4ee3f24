//! Records files: everything that happened in a run, one JSON document a line.
//!
//! The first line is the [`Header`]: what the records refer to. A line per record follows, and a
//! last line says how many there were, so that a file that was cut short is not taken for a quiet
//! run. Each line carries the checksum of everything before it and itself: a changed or lost line
//! is found at its place. Writer and reader hold one line at a time.

use ripcord_core::event::{Entry, Record};
use ripcord_core::id::{AccountId, InstrumentId};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::num::Ratio;
use ripcord_core::plan::{Plan, PlanFault, PlanSpec};
use ripcord_core::position::SourceCells;
use ripcord_core::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

mod exits;
mod read;
mod sound;
mod write;

pub use exits::exits_of;
pub use read::{RecordsError, RecordsReader};
pub use write::RecordsWriter;

/// The name of the format, in the header.
pub const RECORDS_FORMAT: &str = "ripcord-records";
/// The version that is written; older ones are read.
pub const RECORDS_VERSION: u16 = 1;

/// The first line: what the records refer to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// [`RECORDS_FORMAT`].
    pub format: String,
    /// The version of the file.
    pub version: u16,
    /// Instruments, by their ids.
    pub instruments: Vec<InstrumentEntry>,
    /// Plans, by their ids.
    pub plans: Vec<PlanEntry>,
    /// Positions; each has an account of its own.
    pub positions: Vec<PositionEntry>,
    /// How the simulated venue filled.
    pub fills: FillEntry,
    /// How candles were read.
    pub candles: String,
}

/// An instrument, and the cells of its price sources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstrumentEntry {
    /// Its rules; the decimals are the scales of all prices and quantities of it.
    pub rules: Instrument,
    /// The cell of last, bid, ask, mark and index price; sources that are not fed share a stand-in's.
    pub cells: SourceCells,
}

impl PositionEntry {
    /// The id of its episode, as `ripcord status` says it. A position of a replay has an account of its own, and
    /// is opened there once: it is of the first generation.
    fn episode(&self) -> String {
        let side = match self.side {
            Side::Long => 'L',
            Side::Short => 'S',
        };
        format!("{}-{side}-{}-1", self.symbol, self.account.0)
    }
}

/// A plan as written, and the instrument in whose units it was resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanEntry {
    /// The instrument.
    pub instrument: InstrumentId,
    /// The plan.
    pub spec: PlanSpec,
}

/// A position of the positions file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionEntry {
    /// Its name.
    pub id: String,
    /// Its instrument.
    pub symbol: String,
    /// Long or short.
    pub side: Side,
    /// Its account in this run.
    pub account: AccountId,
    /// The strategy that opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<String>,
    /// The snapshot its entry was decided on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_id: Option<String>,
}

/// How the simulated venue filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FillEntry {
    /// Each way, in nanoseconds.
    pub latency: Span,
    /// Of market orders, in units of 10^-9 of the price.
    pub slippage: Ratio,
    /// Fee of orders that take liquidity, in units of 10^-9.
    pub taker_fee: Ratio,
    /// Fee of orders that rested, in units of 10^-9.
    pub maker_fee: Ratio,
    /// Whether a resting limit is filled when touched; otherwise when traded through.
    pub filled_when_touched: bool,
}

/// A record, its time and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Record of the merged market stream at which it happened.
    pub index: u64,
    /// When and what.
    pub entry: Entry,
}

/// A line as it stands in the file, without its checksum.
#[derive(Debug, Serialize)]
struct Written<'a> {
    index: u64,
    at: Timestamp,
    record: &'a Record,
}

/// The last line.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct End {
    /// Lines between the first and this one.
    entries: u64,
}

impl Header {
    /// The position with this name; else the one whose episode has this id.
    #[must_use]
    pub fn position(&self, id: &str) -> Option<&PositionEntry> {
        let named = self.positions.iter().find(|position| position.id == id);
        named.or_else(|| self.positions.iter().find(|position| position.episode() == id))
    }

    /// An instrument.
    #[must_use]
    pub fn instrument(&self, id: InstrumentId) -> Option<&InstrumentEntry> {
        self.instruments.get(id.0 as usize)
    }

    /// A plan in the units of its instrument.
    ///
    /// # Errors
    /// What is wrong with it; a file that this program wrote has no such plan.
    pub fn plan(&self, id: ripcord_core::id::PlanId) -> Result<Plan, Vec<PlanFault>> {
        let fault = |value: u32, must: &str| {
            vec![PlanFault { field: "plan".to_owned(), value: value.to_string(), must: must.to_owned() }]
        };
        let entry =
            self.plans.get(id.0 as usize).ok_or_else(|| fault(id.0, "the header has no such plan"))?;
        let instrument = self
            .instrument(entry.instrument)
            .ok_or_else(|| fault(entry.instrument.0, "the header has no such instrument"))?;
        entry.spec.resolve(entry.instrument, &instrument.rules)
    }
}

/// `{"crc":"01234567",` in front of a line.
const CRC_BYTES: usize = r#"{"crc":"01234567","#.len();

/// The checksum of a line: of everything before it, and of its own text without the checksum.
fn chained(before: u32, body: &[u8]) -> u32 {
    crc32c::crc32c_append(before, body)
}
