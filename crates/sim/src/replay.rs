//! Replay: recorded prices through the same coordinator that trades, row by row or leaping.
//!
//! Streams of prices are merged by (time, rank, file, row); funding and closed bars come before
//! prices of the same time. Between two rows that concern somebody the driver may leap: it asks
//! both sides for their quiet bands, finds the next row outside them, and reports what it passed.
//! All three paces give the same records, byte for byte.

use ripcord_core::cell::CellId;
use ripcord_core::event::{Observed, Opening, Probe, Tick};
use ripcord_core::id::InstrumentId;
use ripcord_core::market::{Bar, PriceSource};
use ripcord_core::num::{Price, Qty, Ratio};
use ripcord_core::time::Timestamp;

use crate::candles::CandleProbe;
use crate::desk::{Desk, Reader};
use crate::tape::{Bands, Tape, TapeError};

mod drive;
mod merge;
mod outcome;

pub use drive::Progress;
pub use outcome::{ExitFill, Outcome};

/// How the driver moves along the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pace {
    /// Every row through the door.
    RowByRow,
    /// To the next row outside the quiet bands, found by looking at every price.
    Scan,
    /// To the next row outside the quiet bands, found through the tape's pyramid.
    #[default]
    Leap,
}

/// Order of prices of the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Rank {
    /// Mark and index prices.
    Mark,
    /// Quotes.
    Quote,
    /// Trades and candles.
    #[default]
    Trade,
}

/// One file of prices of one instrument.
#[derive(Debug)]
pub struct Stream {
    /// The prices.
    pub tape: Tape,
    /// The cell of each price source that occurs.
    pub cells: [CellId; 5],
    /// Order among streams of the same time; then the order in which streams are given.
    pub rank: Rank,
    /// The probes that make up one record, when the stream is candles; empty for ticks.
    pub probes: &'static [CandleProbe],
}

impl Stream {
    /// Rows of the tape per record of the file: 1 for ticks, the number of probes for candles.
    #[must_use]
    pub const fn rows_per_record(&self) -> usize {
        if self.probes.is_empty() { 1 } else { self.probes.len() }
    }

    #[inline(always)]
    fn tick(&self, row: usize) -> Tick {
        let probe =
            if self.probes.is_empty() { Probe::TICK } else { self.probes[row % self.probes.len()].probe };
        self.tick_with(row, probe)
    }

    #[inline(always)]
    fn tick_with(&self, row: usize, probe: Probe) -> Tick {
        Tick {
            at: Timestamp(self.tape.ts()[row]),
            price: Price(self.tape.price()[row]),
            qty: Qty(self.tape.qty()[row]),
            cell: self.cells[usize::from(self.tape.source()[row])],
            probe,
        }
    }

    fn bands(&self, desk: &Desk) -> Bands {
        let mut bands = Bands { lo: [i64::MIN; 5], hi: [i64::MAX; 5] };
        for source in PriceSource::ALL {
            if self.tape.sources().contains(source) {
                let code = source as usize;
                let band = desk.quiet(self.cells[code]);
                (bands.lo[code], bands.hi[code]) = (band.lo, band.hi);
            }
        }
        bands
    }

    /// What a stretch of rows looks like in one piece, per source.
    fn observed(&self, from: usize, to: usize) -> impl Iterator<Item = Observed> + '_ {
        PriceSource::ALL.into_iter().filter_map(move |source| {
            let span = self.tape.span(from, to, source)?;
            Some(Observed {
                cell: self.cells[source as usize],
                count: u32::try_from(span.count).unwrap_or(u32::MAX),
                last: Price(span.last),
                at: Timestamp(span.last_at),
                min: Price(span.min),
                max: Price(span.max),
            })
        })
    }
}

/// Something that happens at a time, between prices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// A funding settlement.
    Funding(InstrumentId, Ratio),
    /// A bar closed.
    Bar(Bar),
}

/// When a position is taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryAt {
    /// After this record of the merged stream, counted from 0.
    Index(u64),
    /// After all rows up to this time.
    Time(Timestamp),
}

/// A position to take over in the course of a replay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedOpening {
    /// When.
    pub at: EntryAt,
    /// What.
    pub opening: Opening,
}

/// A replay, ready to run.
#[derive(Debug)]
pub struct Replay {
    /// Both sides of the trade.
    pub desk: Desk,
    streams: Vec<Stream>,
    /// By time; funding before bars.
    happenings: Vec<(Timestamp, Happening)>,
    /// Openings and looks in their order, last first.
    openings: Vec<merge::Scheduled>,
    place: drive::Place,
}

/// Who reads the records of a replay, told where in the stream they belong.
pub trait ReplayReader: Reader {
    /// The records that follow belong to this record of the merged stream, and were caused by this probe.
    fn at(&mut self, index: u64, probe: Probe);
}

impl Replay {
    /// A replay of `streams` in their given order. Happenings and openings are put in order of
    /// time; openings of the same moment keep their order.
    #[must_use]
    pub fn new(
        desk: Desk,
        streams: Vec<Stream>,
        mut happenings: Vec<(Timestamp, Happening)>,
        openings: Vec<PlannedOpening>,
    ) -> Self {
        happenings.sort_by_key(|(at, what)| (*at, matches!(what, Happening::Bar(_))));
        let place = drive::Place::start(streams.len());
        let mut openings = merge::schedule(&streams, openings);
        openings.sort_by_key(|planned| std::cmp::Reverse(planned.order));
        Self { desk, streams, happenings, openings, place }
    }

    /// Has the quiet prices told `count` times at most, evenly over the rows: whoever reads the records
    /// then knows when a price was seen, and not only between which two decisions. Exits are the same.
    pub fn look_often(&mut self, count: u64) {
        self.openings.extend(merge::schedule_looks(&self.streams, count));
        self.openings.sort_by_key(|planned| std::cmp::Reverse(planned.order));
    }

    /// Looks at every pyramid once, so that a tape in memory is as ready as one on disk.
    pub fn warm(&self) {
        for stream in &self.streams {
            stream.tape.index();
        }
    }

    /// Rows of all streams.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.streams.iter().map(|stream| stream.tape.rows()).sum()
    }

    /// Runs to the end of the rows. `progress` is told now and then how many rows are behind.
    ///
    /// # Errors
    /// A row that is not what was written, found before it is used.
    pub fn run(
        &mut self,
        pace: Pace,
        reader: &mut impl ReplayReader,
        progress: &mut impl Progress,
    ) -> Result<(), TapeError> {
        self.run_openings(pace, reader, progress)?;
        let ends = drive::ends(&self.streams);
        let mut driver = self.driver(pace);
        driver.run_to(&ends, reader, progress)?;
        driver.finish(reader);
        self.place = driver.into_place();
        Ok(())
    }

    /// Runs up to the last opening, and opens it.
    ///
    /// # Errors
    /// As [`Replay::run`].
    pub fn run_openings(
        &mut self,
        pace: Pace,
        reader: &mut impl ReplayReader,
        progress: &mut impl Progress,
    ) -> Result<(), TapeError> {
        let mut openings = std::mem::take(&mut self.openings);
        let mut driver = self.driver(pace);
        while let Some(planned) = openings.pop() {
            driver.run_to(&planned.limits, reader, progress)?;
            match planned.opening {
                Some(opening) => driver.open(planned.at, opening, reader),
                None => driver.look(reader),
            }
        }
        self.place = driver.into_place();
        Ok(())
    }

    /// Opens everything, then runs up to `rows` rows of the first stream: what a measurement leaves out.
    ///
    /// # Errors
    /// As [`Replay::run`].
    pub fn run_up_to(
        &mut self,
        rows: usize,
        pace: Pace,
        reader: &mut impl ReplayReader,
        progress: &mut impl Progress,
    ) -> Result<(), TapeError> {
        self.run_openings(pace, reader, progress)?;
        let mut ends = drive::ends(&self.streams);
        ends[0] = ends[0].min(rows);
        let mut driver = self.driver(pace);
        driver.run_to(&ends, reader, progress)?;
        self.place = driver.into_place();
        Ok(())
    }

    fn driver(&mut self, pace: Pace) -> drive::Driver<'_> {
        let place = std::mem::replace(&mut self.place, drive::Place::start(0));
        drive::Driver::new(&mut self.desk, &self.streams, &self.happenings, pace, place)
    }
}
