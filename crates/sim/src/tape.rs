//! Tapes: the recorded price stream of one instrument, in columns, with a pyramid over them.
//!
//! A `*.tape` file is mapped, not read: opening a hundred million rows takes milliseconds, and the
//! rows are there when they are touched. [`Tape::scan`] asks the columns where a price leaves its
//! band; [`Tape::leap`] asks the pyramid and gives the same answer.
//!
//! Rules of every tape: times never decrease, prices are positive, quantities are not negative.
//! [`Tape::from_columns`] refuses other rows. A file is trusted as far as its header and pyramid,
//! whose checksums [`Tape::open`] compares; its rows are compared by [`Tape::verify_rows`] (block
//! by block, once) or [`Tape::verify`] (everything). A damaged file gives errors or wrong rows,
//! never a panic.
//!
//! Candles are not put on tapes: within a bar the order of prices is unknown, and a tape says that
//! it is known.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use memmap2::Mmap;
use ripcord_core::market::PriceSource;

mod error;
mod format;
mod map;
mod pyramid;
mod scan;
mod search;
mod source_set;
mod spool;
mod verify;
mod write;

pub use error::TapeError;
pub(crate) use error::names_the_wrong_file;
pub use scan::Bands;
pub use search::SourceSpan;
pub use source_set::SourceSet;
pub(crate) use spool::Spool;

use format::{DECIMALS_MAX, Header, Layout, SYMBOL_BYTES_MAX, Shape};
use pyramid::{Rows, Share};
use verify::Verified;

/// What the numbers of a tape mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TapeMeta {
    /// The instrument's name, at most 64 bytes.
    pub symbol: String,
    /// Prices are in units of `10^-price_decimals`; at most 18.
    pub price_decimals: u8,
    /// Quantities are in units of `10^-qty_decimals`; at most 18.
    pub qty_decimals: u8,
}

/// The rows of a tape, one vector a column, all of the same length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Columns {
    /// Times in nanoseconds UTC, never decreasing.
    pub ts: Vec<i64>,
    /// Prices in units of `10^-price_decimals`, positive.
    pub price: Vec<i64>,
    /// Quantities in units of `10^-qty_decimals`; 0 when unknown.
    pub qty: Vec<i64>,
    /// Codes of [`PriceSource`].
    pub source: Vec<u8>,
}

/// What a tape records, told by the sources that occur.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Nothing: no rows.
    Empty = 0,
    /// Only last prices.
    Trades = 1,
    /// Only bids and asks.
    Quotes = 2,
    /// Only mark prices.
    Mark = 3,
    /// Only index prices.
    Index = 4,
    /// Something else.
    Mixed = 5,
}

impl Kind {
    /// The kind of a tape with these sources.
    #[must_use]
    pub fn of(sources: SourceSet) -> Self {
        let quotes = SourceSet::EMPTY.with(PriceSource::Bid).with(PriceSource::Ask);
        match sources.single() {
            None if sources.is_empty() => Self::Empty,
            Some(PriceSource::Last) => Self::Trades,
            Some(PriceSource::Mark) => Self::Mark,
            Some(PriceSource::Index) => Self::Index,
            Some(PriceSource::Bid | PriceSource::Ask) => Self::Quotes,
            None if sources == quotes => Self::Quotes,
            None => Self::Mixed,
        }
    }
}

/// A recorded price stream of one instrument, in memory or mapped from a file.
#[derive(Debug)]
pub struct Tape {
    meta: TapeMeta,
    sources: SourceSet,
    single: Option<PriceSource>,
    rows: usize,
    shape: Shape,
    store: Store,
}

#[derive(Debug)]
enum Store {
    /// The pyramid is built when first asked for: a tape that is only scanned never pays for it.
    Owned {
        columns: Columns,
        pyramid: OnceLock<Vec<Share>>,
    },
    Mapped {
        path: PathBuf,
        map: Mmap,
        layout: Layout,
        verified: Verified,
    },
}

impl Tape {
    /// Maps a tape file. Checks header, length, and the checksums of block table and pyramid; the
    /// rows themselves are left to [`Tape::verify_rows`] and [`Tape::verify`].
    ///
    /// # Errors
    /// When the file cannot be read, is no tape, is newer than this program, or is damaged.
    pub fn open(path: &Path) -> Result<Self, TapeError> {
        let file = File::open(path).map_err(TapeError::io(path, "open"))?;
        let about = file.metadata().map_err(TapeError::io(path, "read the length of"))?;
        if !about.is_file() || about.len() == 0 {
            return Err(TapeError::Foreign { path: path.to_owned() });
        }
        let map = map::map(&file).map_err(TapeError::io(path, "map"))?;
        let (header, layout) = Header::decode(&map, path)?;
        let table = &map[layout.table as usize..][..layout.blocks() * 4];
        if crc32c::crc32c(table) != header.table_crc {
            return Err(TapeError::damaged(path, "the block table does not match its checksum"));
        }
        if crc32c::crc32c(&map[layout.pyramid as usize..]) != header.pyramid_crc {
            return Err(TapeError::damaged(path, "the pyramid does not match its checksum"));
        }
        Ok(Self {
            single: header.sources.single(),
            meta: header.meta,
            sources: header.sources,
            rows: layout.rows as usize,
            shape: layout.shape,
            store: Store::Mapped { path: path.to_owned(), map, layout, verified: Verified::of(&layout) },
        })
    }

    /// A tape in memory.
    ///
    /// # Errors
    /// When the columns differ in length or a row breaks a rule of tapes.
    pub fn from_columns(meta: TapeMeta, columns: Columns) -> Result<Self, TapeError> {
        let path = Path::new(IN_MEMORY);
        meta.check(path)?;
        verify::lengths(&columns, path)?;
        let sources = SourceSet::of_codes(&columns.source);
        let rows = columns.ts.len();
        let tape = Self {
            meta,
            sources: sources.unwrap_or_default(),
            single: sources.and_then(SourceSet::single),
            rows,
            shape: Shape::of(rows as u64),
            store: Store::Owned { columns, pyramid: OnceLock::new() },
        };
        verify::rows(&tape, path)?;
        Ok(tape)
    }

    /// How many rows there are.
    #[inline]
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Symbol and scales.
    #[inline]
    #[must_use]
    pub fn meta(&self) -> &TapeMeta {
        &self.meta
    }

    /// The sources that occur.
    #[inline]
    #[must_use]
    pub fn sources(&self) -> SourceSet {
        self.sources
    }

    /// What the tape records.
    #[must_use]
    pub fn kind(&self) -> Kind {
        Kind::of(self.sources)
    }

    /// Times, nanoseconds UTC.
    #[inline]
    #[must_use]
    pub fn ts(&self) -> &[i64] {
        match &self.store {
            Store::Owned { columns, .. } => &columns.ts,
            Store::Mapped { map, layout, .. } => words(map, layout.ts, self.rows),
        }
    }

    /// Prices, in units of `10^-price_decimals`.
    #[inline]
    #[must_use]
    pub fn price(&self) -> &[i64] {
        match &self.store {
            Store::Owned { columns, .. } => &columns.price,
            Store::Mapped { map, layout, .. } => words(map, layout.price, self.rows),
        }
    }

    /// Quantities, in units of `10^-qty_decimals`; 0 when unknown.
    #[inline]
    #[must_use]
    pub fn qty(&self) -> &[i64] {
        match &self.store {
            Store::Owned { columns, .. } => &columns.qty,
            Store::Mapped { map, layout, .. } => words(map, layout.qty, self.rows),
        }
    }

    /// Codes of [`PriceSource`]. On a tape whose [`Tape::sources`] is a single one, every row has
    /// that code, and a reader does better not to touch this column.
    #[inline]
    #[must_use]
    pub fn source(&self) -> &[u8] {
        match &self.store {
            Store::Owned { columns, .. } => &columns.source,
            Store::Mapped { map, layout, .. } => &map[layout.source as usize..][..self.rows],
        }
    }

    /// The columns of a tape in memory; a mapped tape copies them.
    #[must_use]
    pub fn into_columns(self) -> Columns {
        match self.store {
            Store::Owned { columns, .. } => columns,
            Store::Mapped { .. } => Columns {
                ts: self.ts().to_vec(),
                price: self.price().to_vec(),
                qty: self.qty().to_vec(),
                source: self.source().to_vec(),
            },
        }
    }

    /// Builds the pyramid of a tape in memory now rather than at the first question that needs it.
    pub fn index(&self) {
        self.pyramid();
    }

    fn path(&self) -> &Path {
        match &self.store {
            Store::Owned { .. } => Path::new(IN_MEMORY),
            Store::Mapped { path, .. } => path,
        }
    }

    fn columns_for_pyramid(&self) -> Rows<'_> {
        Rows { ts: self.ts(), price: self.price(), source: self.source() }
    }

    /// All shares, level 1 first.
    #[inline]
    fn pyramid(&self) -> &[Share] {
        match &self.store {
            Store::Owned { pyramid, .. } => {
                pyramid.get_or_init(|| pyramid::build(self.columns_for_pyramid(), self.sources))
            }
            Store::Mapped { map, layout, .. } => bytemuck::cast_slice(&map[layout.pyramid as usize..]),
        }
    }
}

impl TapeMeta {
    fn check(&self, path: &Path) -> Result<(), TapeError> {
        let refuse = |what| Err(TapeError::Meta { path: path.to_owned(), what });
        if self.symbol.len() > SYMBOL_BYTES_MAX {
            return refuse(format!(
                "symbol {:?} has {} bytes, more than {SYMBOL_BYTES_MAX}",
                self.symbol,
                self.symbol.len()
            ));
        }
        let most = self.price_decimals.max(self.qty_decimals);
        if most > DECIMALS_MAX {
            return refuse(format!("{most} decimals, more than {DECIMALS_MAX}"));
        }
        Ok(())
    }
}

/// Stands for the path of a tape that has none.
const IN_MEMORY: &str = "(tape in memory)";

/// A column of 64-bit words. Maps begin at a page and columns at a multiple of 64 bytes, so the
/// cast cannot fail; the layout was held against the length of the file.
#[inline]
fn words(map: &Mmap, at: u64, rows: usize) -> &[i64] {
    bytemuck::cast_slice(&map[at as usize..][..rows * 8])
}

#[cfg(target_endian = "big")]
compile_error!("tapes are mapped as little-endian words; a big-endian reader has to be written");
