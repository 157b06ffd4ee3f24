//! Bytes of the outside world become rows.
//!
//! [`read`] takes a market record in any known format (Parquet, CSV, feather, JSON; see
//! [`KNOWN_SCHEMAS`]) and returns exact integers; [`tape_from_file`] builds a tape from a trade or
//! quote record of any length in little memory. Numbers go from their decimal text to scaled
//! integers without floats in between; the scale is the finest the file needs.
//!
//! Nothing is repaired. A value that cannot be (no number, no price, time running backwards, a
//! low above its high) is an [`ImportError`] that names file, row, column, value and remedy.
//!
//! Start reading at `schema` (what is known), then `chunk` (what is checked), then the readers.

use std::path::Path;

use ripcord_core::market::PriceSource;
use ripcord_core::num::Ratio;

use crate::candles::CandleColumns;
use crate::tape::{Columns, Spool, TapeMeta};

mod arrays;
mod assemble;
mod chunk;
mod csv;
mod decimal;
mod error;
mod feather;
mod json;
mod name;
mod parquet;
mod schema;

pub use error::{Fault, ImportError, Place};
pub use schema::KNOWN_SCHEMAS;

use assemble::{Assembler, Target};
use name::FileName;

/// How to read a file.
#[derive(Clone, Copy, Default)]
pub struct ImportOptions<'a> {
    /// The symbol, when the file's own metadata or name should not say it.
    pub symbol: Option<&'a str>,
    /// Told now and then how far the reader is.
    pub progress: Option<&'a (dyn Fn(Progress) + Sync)>,
}

impl std::fmt::Debug for ImportOptions<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ImportOptions").field("symbol", &self.symbol).finish_non_exhaustive()
    }
}

/// How far a reader is: bytes of a text file, rows of a binary one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Read so far.
    pub done: u64,
    /// To be read altogether.
    pub total: u64,
}

/// A market record in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Market {
    /// Single prices in their true order.
    Ticks(Ticks),
    /// Bars of one price.
    Candles(Candles),
    /// Bars of the best bid and of the best ask, over the same times.
    QuoteBars {
        /// Bars of the best bid.
        bid: Candles,
        /// Bars of the best ask.
        ask: Candles,
    },
    /// Funding settlements.
    Funding(FundingRates),
}

/// Single prices; [`crate::tape::Tape::from_columns`] takes both parts as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticks {
    /// Symbol and scales.
    pub meta: TapeMeta,
    /// The rows. A quote makes two of them (bid, ask), a ticker three (bid, ask, last).
    pub columns: Columns,
}

/// Bars of one price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candles {
    /// Symbol and price scale; bars carry no quantities here, so `qty_decimals` is 0.
    pub meta: TapeMeta,
    /// The bars.
    pub columns: CandleColumns,
    /// Length of a bar in nanoseconds: from the file's name or metadata, else the most common
    /// distance of two bars; 0 when neither says.
    pub span_ns: i64,
    /// Which price the bars are of.
    pub source: PriceSource,
}

/// Funding settlements of a perpetual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FundingRates {
    /// The instrument's name.
    pub symbol: String,
    /// Time of the settlement (nanoseconds UTC, never decreasing) and rate (positive: longs pay).
    pub rates: Vec<(i64, Ratio)>,
}

/// Reads a market record into memory.
///
/// # Errors
/// See [`ImportError`]; the first fault in file order.
pub fn read(path: &Path, options: &ImportOptions<'_>) -> Result<Market, ImportError> {
    let mut assembler = Assembler::new(path, Target::memory());
    let symbol = decode(path, options, &mut assembler)?;
    assembler.into_market(symbol)
}

/// Builds a tape from a trade or quote record; memory does not grow with the file. Returns the
/// tape's row count.
///
/// # Errors
/// See [`ImportError`]. Candles and funding are refused: they are not streams of single prices.
/// After an error there is no file at `out` that was not there before.
pub fn tape_from_file(path: &Path, out: &Path, options: &ImportOptions<'_>) -> Result<u64, ImportError> {
    let spool = Spool::beside(out)?;
    let mut assembler = Assembler::new(path, Target::Tape(spool));
    let symbol = decode(path, options, &mut assembler)?;
    assembler.into_tape(&symbol)
}

/// Sends a file's rows to the assembler; returns its symbol.
fn decode(path: &Path, options: &ImportOptions<'_>, out: &mut Assembler<'_>) -> Result<String, ImportError> {
    if std::fs::metadata(path).map_err(ImportError::io(path))?.is_dir() {
        return Err(ImportError::Folder { path: path.to_owned() });
    }
    let name = FileName::of(path);
    let reader = match name.extension.as_str() {
        "parquet" | "pq" => parquet::read,
        "csv" | "txt" => csv::read,
        "feather" | "arrow" | "ipc" => feather::read,
        "json" => json::read,
        _ => return Err(ImportError::UnknownType { path: path.to_owned() }),
    };
    let own_symbol = reader(path, &name, options, out)?;
    Ok(options.symbol.map(str::to_owned).or(own_symbol).unwrap_or(name.symbol))
}
