//! Positions from a CSV file: what was held, since when, and (if the file says so) its exits.
//!
//! Start with [`read`]. A file is taken whole or not at all: every faulty row is told, up to
//! [`ROWS_TOLD_MAX`], then a count. Columns are described in `docs/formats.md`; nothing here knows
//! tapes or instruments, so prices and quantities stay decimals.

use std::path::{Path, PathBuf};

use csv::ByteRecord;
use ripcord_core::instrument::Side;
use ripcord_core::num::{Decimal, Ratio};

use columns::Layout;
use row::Row;

mod columns;
mod faults;
mod plans;
mod row;
mod time;

pub use faults::{PositionsError, RowFault};
pub use plans::{PlansOfRows, intern, plan_for};
pub use time::parse as parse_time;

/// Rows whose faults are told one by one, before the rest is counted.
pub const ROWS_TOLD_MAX: usize = 20;

/// What the caller knows about a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// The symbol of rows that name none.
    pub default_symbol: Option<String>,
    /// Rows of the tape; an entry beyond them is a fault.
    pub rows: Option<u64>,
}

/// The positions of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Positions {
    /// In file order.
    pub rows: Vec<PositionRow>,
    /// What is allowed and yet worth a look, at most [`ROWS_TOLD_MAX`].
    pub warnings: Vec<RowFault>,
    /// Warnings beyond those.
    pub warnings_more: u64,
}

/// One position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PositionRow {
    /// Unique within the file.
    pub id: String,
    /// The venue's own symbol.
    pub symbol: String,
    /// Which way it gains.
    pub side: Side,
    /// When it was opened.
    pub entry: EntryAt,
    /// Average entry price; above 0.
    pub entry_price: Decimal,
    /// Quantity held; above 0.
    pub qty: Decimal,
    /// Fees paid for the entry, in the quote currency; at least 0.
    pub entry_fees: Option<Decimal>,
    /// Leverage; at least 1.
    pub leverage: Option<Decimal>,
    /// Name of its plan.
    pub plan: Option<String>,
    /// Name of the strategy that opened it.
    pub strategy: Option<String>,
    /// What the entry decision was based on.
    pub snapshot_id: Option<String>,
    /// Exits told by the row itself.
    pub cells: Cells,
    /// Line of the file, from 1.
    pub line: u64,
}

/// When a position was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryAt {
    /// At this row of the tape, from 0.
    Index(u64),
    /// At this time, nanoseconds since 1970 UTC.
    Time(i64),
}

/// Exits told by the cells of a row; they override its plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cells {
    /// Stop loss: fraction of the entry; above 0, below 1.
    pub stop: Option<Ratio>,
    /// Target: fraction of the entry; above 0.
    pub target: Option<Ratio>,
    /// Profit that arms the trailing stop, as a fraction of the entry; `None` arms it at the opening.
    pub trail_arm: Option<Ratio>,
    /// Trailing stop: fraction of the best price; above 0, below 1.
    pub trail: Option<Ratio>,
}

/// Reads a positions file.
///
/// # Errors
/// When the file cannot be read, and as [`parse`].
pub fn read(path: &Path, options: &Options) -> Result<Positions, PositionsError> {
    let bytes = std::fs::read(path).map_err(|source| PositionsError::Io { path: path.to_owned(), source })?;
    parse(&bytes, path, options)
}

/// Reads the bytes of a positions file. `path` is for error texts only.
///
/// # Errors
/// When it is empty, not UTF-8, lacks a column, has one that is unknown, or has faulty rows.
pub fn parse(bytes: &[u8], path: &Path, options: &Options) -> Result<Positions, PositionsError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    faults::check_utf8(bytes, path)?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(1 << 16)
        .from_reader(bytes);
    let mut record = ByteRecord::new();
    let damaged =
        |error: csv::Error| PositionsError::Damaged { path: path.to_owned(), what: error.to_string() };
    if !reader.read_byte_record(&mut record).map_err(damaged)? {
        return Err(PositionsError::Empty { path: path.to_owned() });
    }
    let layout = Layout::of_header(&record, options.default_symbol.is_some())
        .map_err(|faults| PositionsError::Header { path: path.to_owned(), faults })?;
    let mut book = Book::new(path, options, layout);
    let lines = LineCount { bytes, at: 0, line: 1 };
    book.read_rows(&mut reader, &mut record, lines).map_err(damaged)?;
    book.finish()
}

/// The rows of a file while it is read.
struct Book<'a> {
    path: &'a Path,
    options: &'a Options,
    layout: Layout,
    positions: Positions,
    faults: Vec<RowFault>,
    rows_faulty: u64,
}

impl<'a> Book<'a> {
    fn new(path: &'a Path, options: &'a Options, layout: Layout) -> Self {
        Self { path, options, layout, positions: Positions::default(), faults: Vec::new(), rows_faulty: 0 }
    }

    fn read_rows(
        &mut self,
        reader: &mut csv::Reader<&[u8]>,
        record: &mut ByteRecord,
        mut lines: LineCount<'_>,
    ) -> Result<(), csv::Error> {
        while reader.read_byte_record(record)? {
            let at = record.position().map_or(0, csv::Position::byte);
            let line = lines.line_of(usize::try_from(at).unwrap_or(usize::MAX));
            let mut row = Row::new(record, &self.layout, line);
            let position = row.position(self.options);
            let Row { faults, warnings, .. } = row;
            self.warn(warnings);
            match position {
                Some(position) if faults.is_empty() => self.positions.rows.push(position),
                Some(_) | None => self.refuse(faults),
            }
        }
        Ok(())
    }

    fn refuse(&mut self, faults: Vec<RowFault>) {
        self.rows_faulty += 1;
        if self.rows_faulty <= ROWS_TOLD_MAX as u64 {
            self.faults.extend(faults);
        }
    }

    fn warn(&mut self, warnings: Vec<RowFault>) {
        for warning in warnings {
            if self.positions.warnings.len() < ROWS_TOLD_MAX {
                self.positions.warnings.push(warning);
            } else {
                self.positions.warnings_more += 1;
            }
        }
    }

    fn refuse_twins(&mut self) {
        let mut ids: Vec<(&str, u64)> =
            self.positions.rows.iter().map(|row| (row.id.as_str(), row.line)).collect();
        ids.sort_unstable();
        let twins = ids.chunk_by(|a, b| a.0 == b.0).filter(|twins| twins.len() > 1);
        let faults: Vec<RowFault> = twins
            .flat_map(|twins| {
                let must = format!("must be unique; line {} has it already", twins[0].1);
                twins[1..].iter().map(move |(id, line)| RowFault::new(*line, "id", id, must.clone()))
            })
            .collect();
        for fault in faults {
            self.refuse(vec![fault]);
        }
    }

    fn finish(mut self) -> Result<Positions, PositionsError> {
        self.refuse_twins();
        if self.rows_faulty > 0 {
            self.faults.sort_by_key(|fault| fault.line);
            let rows_more = self.rows_faulty.saturating_sub(ROWS_TOLD_MAX as u64);
            let path: PathBuf = self.path.to_owned();
            return Err(PositionsError::Rows { path, faults: self.faults, rows_more });
        }
        if self.positions.rows.is_empty() {
            let must = "there is a header and no row, so there are no positions".to_owned();
            self.positions.warnings.push(RowFault::new(1, "", "", must));
        }
        Ok(self.positions)
    }
}

/// Counts lines up to a byte. The `csv` library counts records that way, but not past blank lines.
struct LineCount<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u64,
}

impl LineCount<'_> {
    /// The line on which the first byte of a row at or after `at` stands.
    fn line_of(&mut self, at: usize) -> u64 {
        let blank = |byte: &&u8| matches!(byte, b'\n' | b'\r');
        let start = at.min(self.bytes.len());
        let start = start + self.bytes[start..].iter().take_while(blank).count();
        let passed = &self.bytes[self.at..start.max(self.at)];
        self.line += passed.iter().filter(|&&byte| byte == b'\n').count() as u64;
        self.at = start.max(self.at);
        self.line
    }
}
