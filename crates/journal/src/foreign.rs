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
    /// Steps of the clock before it that no record tells of; so many would fill the memory.
    #[error(
        "before it the clock made {missing} steps (bars that ended, reads of the venue), each leaves a record, and \
         there is none; at most {STEPS_MAX} are caught up with"
    )]
    StepsMissing {
        /// How many.
        missing: u64,
    },
    /// A stretch of prices as an event.
    #[error("it is an input of observed prices; those are written as records of their own")]
    StretchAsInput,
    /// The core's own assertions.
    #[error("the core cannot take it: {0}")]
    Impossible(String),
}

/// Steps of the clock that may stand in no record. Each leaves one, even a bar that nobody traded in, so a
/// journal that the core wrote lacks none, however long nothing happened and however short its bars are.
/// So many records of bars are 14 MB; ten times as many were found to be more than a reader should hold.
const STEPS_MAX: u64 = 100_000;

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
}

impl Known {
    /// One more instrument, which `core` has.
    pub(crate) fn add_instrument(&mut self, core: &Coordinator, instrument: InstrumentId) {
        self.instruments += 1;
        let cells = PriceSource::ALL.map(|source| core.cell(instrument, source).0 + 1);
        self.cells = cells.into_iter().fold(self.cells, u32::max);
    }

    /// Refuses prices and bars of what was never registered. Commands and the venue's words need not
    /// be looked up: the core answers for instruments, plans, positions and orders that it does not know.
    pub(crate) fn check(&self, core: &Coordinator, at: Timestamp, record: &Record) -> Result<(), Foreign> {
        let missing = core.view().clock_steps_until(at);
        if missing > STEPS_MAX {
            return Err(Foreign::StepsMissing { missing });
        }
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
            Event::Timer | Event::Venue(_) | Event::Command(_) | Event::Resumed => Ok(()),
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
