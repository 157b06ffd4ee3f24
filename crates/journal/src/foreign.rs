//! What a record may speak of: a chain can be whole and tell of things that were never registered.
//!
//! The core trusts its driver, and a journal is a driver that anybody can write. What it names is
//! looked up here before the core is told; what cannot be looked up (a stretch of prices that would
//! have fired a rule, numbers beyond any market) ends in the core's own assertions, which are caught.

use std::cell::Cell as Flag;
use std::panic::{AssertUnwindSafe, catch_unwind};

use ripcord_core::cell::CellId;
use ripcord_core::coordinator::Coordinator;
use ripcord_core::event::{Event, Record};
use ripcord_core::id::InstrumentId;
use ripcord_core::market::PriceSource;
use ripcord_core::plan::PlanSpec;
use ripcord_core::time::Timestamp;

/// Why a record is none that the core wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Foreign {
    /// A price of a cell that no instrument has.
    #[error("it names cell {}; the instruments before it have {known} cells", cell.0)]
    Cell {
        /// The cell.
        cell: CellId,
        /// How many there are.
        known: u32,
    },
    /// An instrument that was not registered.
    #[error("it names instrument {}; {known} stand before it", instrument.0)]
    Instrument {
        /// The instrument.
        instrument: InstrumentId,
        /// How many there are.
        known: usize,
    },
    /// A time so far ahead that the bars on the way would fill the memory.
    #[error("its time is {seconds} s behind the record before, more than {BARS_MAX} bars of {bar_secs} s")]
    FarAhead {
        /// How far.
        seconds: i64,
        /// The shortest bar.
        bar_secs: u32,
    },
    /// A stretch of prices as an event.
    #[error("it is an input of observed prices; those are written as records of their own")]
    StretchAsInput,
    /// The core's own assertions.
    #[error("the core cannot take it: {0}")]
    Impossible(String),
}

/// Bars that may end between two records: each is a step of the core, and a record.
const BARS_MAX: i64 = 1_000_000;

thread_local! {
    static FOLLOWING: Flag<bool> = const { Flag::new(false) };
}

/// Whether this thread is having the core follow a record: a panic then is caught and told as an
/// error, so that a panic hook need not print it.
#[must_use]
pub fn is_following() -> bool {
    FOLLOWING.get()
}

/// What records may name.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Known {
    instruments: usize,
    cells: u32,
    /// The shortest bar of any plan.
    bar_secs: Option<u32>,
    /// The newest moment that was told.
    last: Option<Timestamp>,
}

impl Known {
    /// One more instrument, which `core` has.
    pub(crate) fn add_instrument(&mut self, core: &Coordinator, instrument: InstrumentId) {
        self.instruments += 1;
        let cells = PriceSource::ALL.map(|source| core.cell(instrument, source).0 + 1);
        self.cells = cells.into_iter().fold(self.cells, u32::max);
    }

    pub(crate) fn add_plan(&mut self, spec: &PlanSpec) {
        let bar_secs = spec.atr.as_ref().map(|atr| atr.bar_secs.max(1));
        self.bar_secs = self.bar_secs.into_iter().chain(bar_secs).min();
    }

    /// What is told from here on comes behind the prices that `core` knows.
    pub(crate) fn go_on(&mut self, core: &Coordinator) {
        self.last = core.view().last_prices().map(|(_, _, at)| at).max();
    }

    /// Refuses prices and bars of what was never registered. Commands and the venue's words need not
    /// be looked up: the core answers for instruments, plans, positions and orders that it does not know.
    pub(crate) fn check(&mut self, at: Timestamp, record: &Record) -> Result<(), Foreign> {
        self.time(at)?;
        let event = match record {
            Record::Observed(observed) => return self.cell(observed.cell),
            Record::Input(event) => event,
            _ => return Ok(()),
        };
        match event {
            Event::Tick(tick) => self.cell(tick.cell),
            Event::Silent(cell) => self.cell(*cell),
            Event::Bar(bar) => self.instrument(bar.instrument),
            Event::Observed(_) => Err(Foreign::StretchAsInput),
            Event::Timer | Event::Venue(_) | Event::Command(_) => Ok(()),
        }
    }

    fn time(&mut self, at: Timestamp) -> Result<(), Foreign> {
        let last = *self.last.get_or_insert(at);
        let seconds = at.since(last).0 / 1_000_000_000;
        match self.bar_secs {
            Some(bar_secs) if seconds / i64::from(bar_secs) > BARS_MAX => {
                Err(Foreign::FarAhead { seconds, bar_secs })
            }
            _ => {
                self.last = Some(last.max(at));
                Ok(())
            }
        }
    }

    fn cell(&self, cell: CellId) -> Result<(), Foreign> {
        if cell.0 < self.cells { Ok(()) } else { Err(Foreign::Cell { cell, known: self.cells }) }
    }

    fn instrument(&self, instrument: InstrumentId) -> Result<(), Foreign> {
        let known = self.instruments;
        if (instrument.0 as usize) < known { Ok(()) } else { Err(Foreign::Instrument { instrument, known }) }
    }
}

/// Has the core do what a record asks for. After an error the core is of no use any more.
pub(crate) fn follow<T>(work: impl FnOnce() -> T) -> Result<T, Foreign> {
    FOLLOWING.set(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    FOLLOWING.set(false);
    done.map_err(|panic| {
        let told = panic.downcast_ref::<String>().map(String::as_str);
        let told = told.or_else(|| panic.downcast_ref::<&str>().copied());
        Foreign::Impossible(told.unwrap_or("it panicked").to_owned())
    })
}
