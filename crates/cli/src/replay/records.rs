//! `--records`: everything that happens goes to a file beside its target, renamed when whole.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use ripcord_core::event::{Entry, Probe};
use ripcord_core::id::{AccountId, InstrumentId};
use ripcord_core::market::PriceSource;
use ripcord_core::position::SourceCells;
use ripcord_report::records::{
    FillEntry, Header, InstrumentEntry, PlanEntry, PositionEntry, RECORDS_FORMAT, RECORDS_VERSION,
    RecordsWriter,
};
use ripcord_sim::desk::{Desk, Reader};
use ripcord_sim::job::Job;
use ripcord_sim::replay::{Outcome, Replay, ReplayReader};
use ripcord_sim::venue::RestingFill;

use crate::output::WholeFile;

/// How often the prices are told while nothing happens: a picture of any position has this many
/// points over the whole market, and a file grows by this many lines and price source at most.
const LOOKS: u64 = 4_096;

/// What the records of a job refer to.
pub(super) fn header(job: &Job, candles: &str) -> Header {
    let coordinator = &job.replay.desk.coordinator;
    let numbered = |number: usize| u32::try_from(number).expect("ids are counted in u32");
    let instruments = job.instruments.iter().enumerate().map(|(number, rules)| {
        let id = InstrumentId(numbered(number));
        let cells = SourceCells(PriceSource::ALL.map(|source| coordinator.cell(id, source)));
        InstrumentEntry { rules: rules.clone(), cells }
    });
    let plans = job
        .registered
        .iter()
        .map(|&(instrument, place)| PlanEntry { instrument, spec: job.plans[place].clone() });
    let positions = job.positions.iter().enumerate().map(|(number, row)| PositionEntry {
        id: row.id.clone(),
        symbol: row.symbol.clone(),
        side: row.side,
        account: AccountId(numbered(number)),
        strategy: row.strategy.clone(),
        snapshot_id: row.snapshot_id.clone(),
    });
    Header {
        format: RECORDS_FORMAT.to_owned(),
        version: RECORDS_VERSION,
        instruments: instruments.collect(),
        plans: plans.collect(),
        positions: positions.collect(),
        fills: FillEntry {
            latency: job.fills.latency,
            slippage: job.fills.slippage,
            taker_fee: job.fills.taker_fee,
            maker_fee: job.fills.maker_fee,
            filled_when_touched: job.fills.resting == RestingFill::Touched,
        },
        candles: candles.to_owned(),
    }
}

/// Reads the records of a replay into its outcome and into a file.
pub(super) struct Recorder {
    outcome: Outcome,
    whole: WholeFile,
    /// None once the file was finished.
    out: Option<RecordsWriter<BufWriter<File>>>,
    /// The first time the file refused; the rest is not tried.
    refused: Option<io::Error>,
}

impl Recorder {
    pub(super) fn create(target: &Path, header: &Header, replay: &mut Replay) -> io::Result<Self> {
        replay.look_often(LOOKS);
        let (whole, file) = WholeFile::create(target)?;
        let out = Some(RecordsWriter::new(file, header)?);
        Ok(Self { outcome: Outcome::default(), whole, out, refused: None })
    }

    /// Writes what the last prices were, ends the file and gives it its name.
    pub(super) fn finish(mut self, desk: &mut Desk) -> io::Result<Outcome> {
        desk.checkpoint(&mut self);
        if let Some(error) = self.refused.take() {
            return Err(error);
        }
        if let Some(out) = self.out.take() {
            out.finish()?.flush()?;
        }
        self.whole.keep()?;
        Ok(self.outcome)
    }

    fn write(&mut self, entry: &Entry) {
        let (Some(out), None) = (&mut self.out, &self.refused) else { return };
        if let Err(error) = out.write(self.outcome.index(), entry) {
            self.refused = Some(error);
        }
    }
}

impl Reader for Recorder {
    fn read(&mut self, entry: &Entry) {
        self.outcome.read(entry);
        self.write(entry);
    }
}

impl ReplayReader for Recorder {
    #[inline(always)]
    fn at(&mut self, index: u64, probe: Probe) {
        self.outcome.at(index, probe);
    }
}
