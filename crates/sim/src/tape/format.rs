//! The bytes of a tape file, version 1. Little-endian; every part starts at a multiple of 64.
//!
//! ```text
//! header   192 bytes, see `Header::encode`
//! ts       rows x i64, nanoseconds UTC
//! price    rows x i64, units of 10^-price_decimals
//! qty      rows x i64, units of 10^-qty_decimals, 0 when unknown
//! source   rows x u8, code of the price source
//! table    one CRC32C (u32) per 65,536 rows: ts, price, qty, source of these rows, in this order
//! pyramid  nodes of 4 x i64 per occurring source, see `super::pyramid`
//! ```
//!
//! Bytes between the parts are zero.

use std::path::Path;

use super::{Kind, SourceSet, TapeError, TapeMeta};

pub(super) const MAGIC: [u8; 8] = *b"RIPTAPE\0";
/// The version that is written, and the latest that is read.
pub(super) const VERSION: u16 = 1;
pub(super) const HEADER_BYTES: usize = 192;
/// Rows under one checksum: 1.6 MB, about 0.2 ms to verify.
pub(super) const BLOCK_ROWS: usize = 65_536;
/// Bytes of the longest symbol.
pub(super) const SYMBOL_BYTES_MAX: usize = 64;
/// The largest scale whose unit step an i64 can hold.
pub(super) const DECIMALS_MAX: u8 = 18;

const ALIGNMENT: u64 = 64;
/// Children of a pyramid node, as a power of two.
pub(super) const FAN_OUT_BITS: u32 = 6;
/// Bytes of one source's share of a node.
const NODE_BYTES: u64 = 32;
/// Levels of the largest possible tape: 64^11 > 2^64.
const LEVELS_MAX: usize = 11;

/// Where each level of a pyramid begins, in nodes, level 1 (64 rows a node) first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    starts: [u64; LEVELS_MAX + 1],
    levels: usize,
}

impl Shape {
    pub(super) fn of(rows: u64) -> Self {
        let mut shape = Self { starts: [0; LEVELS_MAX + 1], levels: 0 };
        let mut below = rows;
        while below > 1 || (shape.levels == 0 && below > 0) {
            below = below.div_ceil(1 << FAN_OUT_BITS);
            shape.starts[shape.levels + 1] = shape.starts[shape.levels] + below;
            shape.levels += 1;
        }
        shape
    }

    pub(super) const fn levels(&self) -> usize {
        self.levels
    }

    /// Nodes of all levels.
    pub(super) fn nodes(&self) -> u64 {
        self.starts[self.levels]
    }

    /// First node of a level; levels count from 1.
    #[inline]
    pub(super) fn start(&self, level: usize) -> usize {
        // Fits: a shape is only used after its bytes were allocated or mapped.
        self.starts[level - 1] as usize
    }

    /// Nodes of a level; levels count from 1.
    pub(super) fn count(&self, level: usize) -> usize {
        (self.starts[level] - self.starts[level - 1]) as usize
    }
}

/// Where the parts of a tape lie, in bytes from its start.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) rows: u64,
    pub(super) ts: u64,
    pub(super) price: u64,
    pub(super) qty: u64,
    pub(super) source: u64,
    pub(super) table: u64,
    pub(super) pyramid: u64,
    pub(super) end: u64,
    pub(super) shape: Shape,
    /// Sources that occur: pyramid shares per node.
    pub(super) slots: u64,
}

impl Layout {
    /// The layout for so many rows; none when it would leave 63 bits.
    pub(super) fn of(rows: u64, sources: SourceSet) -> Option<Self> {
        let words = rows.checked_mul(8)?;
        let ts = HEADER_BYTES as u64;
        let price = part_after(ts, words)?;
        let qty = part_after(price, words)?;
        let source = part_after(qty, words)?;
        let table = part_after(source, rows)?;
        let pyramid = part_after(table, rows.div_ceil(BLOCK_ROWS as u64) * 4)?;
        let shape = Shape::of(rows);
        let slots = sources.len() as u64;
        let end = pyramid.checked_add(shape.nodes().checked_mul(slots * NODE_BYTES)?)?;
        i64::try_from(end).ok()?;
        Some(Self { rows, ts, price, qty, source, table, pyramid, end, shape, slots })
    }

    pub(super) fn blocks(&self) -> usize {
        self.rows.div_ceil(BLOCK_ROWS as u64) as usize
    }

    /// The zero bytes between parts, as byte ranges.
    pub(super) fn gaps(&self) -> [(u64, u64); 5] {
        let words = self.rows * 8;
        [
            (self.ts + words, self.price),
            (self.price + words, self.qty),
            (self.qty + words, self.source),
            (self.source + self.rows, self.table),
            (self.table + self.blocks() as u64 * 4, self.pyramid),
        ]
    }
}

fn part_after(start: u64, bytes: u64) -> Option<u64> {
    start.checked_add(bytes)?.checked_next_multiple_of(ALIGNMENT)
}

/// What the first bytes of a tape say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) meta: TapeMeta,
    pub(super) sources: SourceSet,
    pub(super) rows: u64,
    pub(super) table_crc: u32,
    pub(super) pyramid_crc: u32,
}

const SYMBOL_AT: usize = 89;
const TABLE_CRC_AT: usize = 180;
const PYRAMID_CRC_AT: usize = 184;
const HEADER_CRC_AT: usize = 188;

impl Header {
    /// Offsets: magic 0, version 8 (u16), header bytes 10 (u16), price decimals 12, quantity
    /// decimals 13, kind 14, source set 15 (bit n: code n), rows 16 (u64), rows per block 24 (u32),
    /// fan-out 28 (u32), file bytes 32 (u64), zero 40, symbol length 88 (u8), symbol 89 (64 bytes),
    /// zero 153, CRC32C of the table 180, of the pyramid 184, of the first 188 bytes 188.
    pub(super) fn encode(&self, file_bytes: u64) -> [u8; HEADER_BYTES] {
        let mut out = [0_u8; HEADER_BYTES];
        let mut put = |at: usize, bytes: &[u8]| out[at..at + bytes.len()].copy_from_slice(bytes);
        let symbol = self.meta.symbol.as_bytes();
        put(0, &MAGIC);
        put(8, &VERSION.to_le_bytes());
        put(10, &(HEADER_BYTES as u16).to_le_bytes());
        put(12, &[self.meta.price_decimals, self.meta.qty_decimals]);
        put(14, &[Kind::of(self.sources) as u8, self.sources.bits()]);
        put(16, &self.rows.to_le_bytes());
        put(24, &(BLOCK_ROWS as u32).to_le_bytes());
        put(28, &(1_u32 << FAN_OUT_BITS).to_le_bytes());
        put(32, &file_bytes.to_le_bytes());
        put(88, &[symbol.len() as u8]);
        put(SYMBOL_AT, symbol);
        put(TABLE_CRC_AT, &self.table_crc.to_le_bytes());
        put(PYRAMID_CRC_AT, &self.pyramid_crc.to_le_bytes());
        let crc = crc32c::crc32c(&out[..HEADER_CRC_AT]);
        out[HEADER_CRC_AT..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// Reads a header and holds it against the length of its file.
    pub(super) fn decode(bytes: &[u8], path: &Path) -> Result<(Self, Layout), TapeError> {
        if !bytes.starts_with(&MAGIC) {
            // A tape cut inside its first word is a short tape, not somebody else's file.
            if !bytes.is_empty() && MAGIC.starts_with(bytes) {
                return Err(wrong_length(path, bytes.len(), HEADER_BYTES as u64));
            }
            return Err(TapeError::Foreign { path: path.to_owned() });
        }
        let Some(head) = bytes.first_chunk::<HEADER_BYTES>() else {
            return Err(wrong_length(path, bytes.len(), HEADER_BYTES as u64));
        };
        let version = u16::from_le_bytes([head[8], head[9]]);
        if version > VERSION {
            return Err(TapeError::Newer { path: path.to_owned(), found: version, known: VERSION });
        }
        if crc32c::crc32c(&head[..HEADER_CRC_AT]) != word(head, HEADER_CRC_AT) {
            return Err(TapeError::damaged(path, "the header does not match its checksum"));
        }
        let header = Self::fields(head, path)?;
        let Some(layout) = Layout::of(header.rows, header.sources) else {
            return Err(TapeError::damaged(path, format!("{} rows cannot be", header.rows)));
        };
        if layout.end != bytes.len() as u64 {
            return Err(wrong_length(path, bytes.len(), layout.end));
        }
        // The writer's own arithmetic: catches a header that is whole but false.
        if header.encode(layout.end) != *head {
            return Err(TapeError::damaged(path, "the header contradicts itself"));
        }
        Ok((header, layout))
    }

    fn fields(head: &[u8; HEADER_BYTES], path: &Path) -> Result<Self, TapeError> {
        let symbol = head.get(SYMBOL_AT..SYMBOL_AT + usize::from(head[88]));
        let symbol = symbol.filter(|symbol| symbol.len() <= SYMBOL_BYTES_MAX);
        let Some(symbol) = symbol.and_then(|symbol| std::str::from_utf8(symbol).ok()) else {
            return Err(TapeError::damaged(path, "the symbol is not text"));
        };
        let Some(sources) = SourceSet::from_bits(head[15]) else {
            return Err(TapeError::damaged(path, format!("unknown price sources {:#010b}", head[15])));
        };
        let rows = u64::from_le_bytes(head[16..24].try_into().expect("eight bytes"));
        let meta = TapeMeta { symbol: symbol.to_owned(), price_decimals: head[12], qty_decimals: head[13] };
        meta.check(path)?;
        if (rows == 0) != sources.is_empty() {
            return Err(TapeError::damaged(path, format!("{rows} rows from {} sources", sources.len())));
        }
        let (table_crc, pyramid_crc) = (word(head, TABLE_CRC_AT), word(head, PYRAMID_CRC_AT));
        Ok(Self { meta, sources, rows, table_crc, pyramid_crc })
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn wrong_length(path: &Path, found: usize, expected: u64) -> TapeError {
    TapeError::Length { path: path.to_owned(), found: found as u64, expected }
}
