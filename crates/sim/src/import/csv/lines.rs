//! Rows of a CSV file: it is cut into stretches, each decoded on its own core.
//!
//! A stretch owns the lines that begin in it, so no stretch waits for another; line and row
//! numbers are added up when the stretches are put together in order. A record is one line: a
//! line break within quotes ends it, and such a line is refused for its count of fields.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use rayon::prelude::*;

use super::super::assemble::Assembler;
use super::super::chunk::{Bad, Chunk, Decoded, Lines};
use super::super::decimal::plain_field;
use super::super::error::{Fault, ImportError};
use super::super::schema::Schema;
use super::super::{ImportOptions, Progress};
use super::{Head, LINE_BYTES_MAX, bad, time};

/// Bytes of a stretch. Four per core are in memory at once, with about as much in columns.
const STRETCH_BYTES: u64 = 1 << 20;

pub(super) fn read(
    path: &Path,
    head: &Head,
    options: &ImportOptions<'_>,
    out: &mut Assembler<'_>,
) -> Result<(), ImportError> {
    let total = std::fs::metadata(path).map_err(ImportError::io(path))?.len();
    let stretches = total.saturating_sub(head.start).div_ceil(STRETCH_BYTES);
    let order = LineOrder::of(head);
    let at_once = 2 * rayon::current_num_threads() as u64;
    let decode = |first: u64| -> Vec<Result<Decoded, ImportError>> {
        let wave = first..(first + at_once).min(stretches);
        wave.into_par_iter().map(|n| stretch(path, head, &order, n)).collect()
    };
    let mut next = decode(0);
    for first in (0..stretches).step_by(at_once as usize) {
        let ready = std::mem::take(&mut next);
        // While one core puts the last stretches together, the others decode the next ones.
        let (sent, decoded) = rayon::join(|| send(ready, out), || decode(first + at_once));
        sent?;
        next = decoded;
        if let Some(tell) = options.progress {
            let done = head.start + (first + at_once) * STRETCH_BYTES;
            tell(Progress { done: done.min(total), total });
        }
    }
    Ok(())
}

fn send(ready: Vec<Result<Decoded, ImportError>>, out: &mut Assembler<'_>) -> Result<(), ImportError> {
    for decoded in ready {
        out.accept(decoded?)?;
    }
    Ok(())
}

/// Reads and decodes the lines that begin in one stretch.
fn stretch(path: &Path, head: &Head, order: &LineOrder, n: u64) -> Result<Decoded, ImportError> {
    let from = head.start + n * STRETCH_BYTES;
    // One byte more in front tells whether a line begins at the border.
    let before = u64::from(n > 0);
    let bytes = read_bytes(path, from - before, before + STRETCH_BYTES + LINE_BYTES_MAX as u64)
        .map_err(ImportError::io(path))?;
    let start = match before {
        0 => 0,
        _ => memchr::memchr(b'\n', &bytes).map_or(bytes.len(), |at| at + 1),
    };
    let owned = (before + STRETCH_BYTES) as usize;
    if start >= owned {
        // A line from an earlier stretch reaches over this one; that stretch refuses it.
        return Ok(Decoded { chunk: Chunk::for_schema(&head.schema), bad: None });
    }
    Ok(rows(&bytes, start, owned, head, order))
}

fn read_bytes(path: &Path, from: u64, length: u64) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::with_capacity(length as usize + 1);
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Decodes the lines that begin in `[start, owned)`.
fn rows(bytes: &[u8], start: usize, owned: usize, head: &Head, order: &LineOrder) -> Decoded {
    let mut chunk = Chunk::for_schema(&head.schema);
    let mut blank_before = Vec::new();
    let mut lines = 0;
    let mut refused = None;
    let mut at = start;
    if let Some(first) = memchr::memchr(b'\n', &bytes[start..]) {
        chunk.reserve((owned - start) / (first + 1) * 9 / 8 + 16);
    }
    while at < owned.min(bytes.len()) {
        let end = memchr::memchr(b'\n', &bytes[at..]).map(|length| at + length);
        let stop = end.unwrap_or(bytes.len());
        let line = bytes[at..stop].strip_suffix(b"\r").unwrap_or(&bytes[at..stop]);
        at = stop + 1;
        lines += 1;
        let row = chunk.ts.len();
        if line.is_empty() {
            blank_before.push(row);
        } else if end.is_none() && line.len() >= LINE_BYTES_MAX {
            refused = Some(bad(row, "line", &line[..64], Fault::LineTooLong));
            break;
        } else if let Err(odd) = order.push(line, &mut chunk, &head.schema) {
            refused = match memchr::memchr(b'"', line) {
                Some(_) => order.push_quoted(line, row, &mut chunk, &head.schema).err(),
                None => Some(odd),
            };
            if refused.is_some() {
                break;
            }
        }
    }
    chunk.lines = Lines::Counted { lines, blank_before };
    chunk.checked(refused, &head.schema)
}

/// The columns that are read, in the order in which a line has them.
struct LineOrder {
    /// Place in the line; the value it is, or none for the time.
    columns: Vec<(usize, Option<usize>)>,
    fields: usize,
    nanos: i64,
}

impl LineOrder {
    fn of(head: &Head) -> Self {
        let values = head.schema.values.iter().enumerate().map(|(n, value)| (value.column.at, Some(n)));
        let mut columns: Vec<_> = values.chain([(head.schema.time.at, None)]).collect();
        columns.sort_unstable();
        Self { columns, fields: head.fields, nanos: head.schema.unit.nanos() }
    }

    /// Appends the row that a line says.
    #[inline]
    fn push(&self, line: &[u8], chunk: &mut Chunk, schema: &Schema) -> Result<(), Bad> {
        let row = chunk.ts.len();
        let mut fields = Fields { rest: Some(line), passed: 0 };
        for &(at, value) in &self.columns {
            while fields.passed < at && fields.next().is_some() {}
            if let Some(n) = value
                && let Some((mantissa, decimals)) = fields.next_plain()
            {
                let scaled = &mut chunk.values[n];
                scaled.push(mantissa, decimals).map_err(|fault| {
                    let text = Fields { rest: Some(line), passed: 0 }.nth(at).unwrap_or_default();
                    bad(row, &schema.values[n].column.name, text, fault)
                })?;
                continue;
            }
            let Some(text) = fields.next() else { return Err(self.field_count(row, line, fields.passed)) };
            self.push_field(text, value, chunk, schema)?;
        }
        while fields.next().is_some() {}
        if fields.passed != self.fields {
            return Err(self.field_count(row, line, fields.passed));
        }
        Ok(())
    }

    /// Appends the row of a line with quotes, which the plain way may have begun to append.
    #[cold]
    fn push_quoted(&self, line: &[u8], row: usize, chunk: &mut Chunk, schema: &Schema) -> Result<(), Bad> {
        chunk.cut_to(row);
        let mut record = ::csv::ByteRecord::new();
        let mut reader =
            ::csv::ReaderBuilder::new().has_headers(false).buffer_capacity(line.len()).from_reader(line);
        // Reading from memory does not fail; what cannot be split leaves too few fields.
        let is_record = reader.read_byte_record(&mut record).unwrap_or(false);
        if !is_record || record.len() != self.fields {
            return Err(self.field_count(row, line, record.len()));
        }
        for &(at, value) in &self.columns {
            let text = record.get(at).unwrap_or_default();
            self.push_field(text, value, chunk, schema)?;
        }
        Ok(())
    }

    #[inline]
    fn push_field(
        &self,
        text: &[u8],
        value: Option<usize>,
        chunk: &mut Chunk,
        schema: &Schema,
    ) -> Result<(), Bad> {
        let (pushed, column) = match value {
            None => (time(text, self.nanos).map(|nanos| chunk.ts.push(nanos)), &schema.time),
            Some(n) => (chunk.values[n].push_text(text), &schema.values[n].column),
        };
        pushed.map_err(|fault| bad(chunk.whole_rows(), &column.name, text, fault))
    }

    #[cold]
    fn field_count(&self, row: usize, line: &[u8], found: usize) -> Bad {
        bad(row, "line", line, Fault::FieldCount { found, expected: self.fields })
    }
}

/// The fields of a line, one after the other.
struct Fields<'a> {
    rest: Option<&'a [u8]>,
    passed: usize,
}

impl<'a> Fields<'a> {
    /// The next field as a number, if it is a plain one; otherwise the field stays where it is.
    #[inline]
    fn next_plain(&mut self) -> Option<(i64, u8)> {
        let rest = self.rest?;
        let (mantissa, decimals, length) = plain_field(rest)?;
        self.rest = rest.get(length + 1..);
        self.passed += 1;
        Some((mantissa, decimals))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        self.passed += 1;
        // Nanoseconds since 1970 have 19 digits until 2286.
        let end = match rest.get(19) {
            Some(b',') if !rest[..19].contains(&b',') => Some(19),
            // Fields are a few bytes long: a plain loop beats a vector search.
            Some(_) | None => rest.iter().position(|&byte| byte == b','),
        };
        match end {
            Some(end) => {
                self.rest = Some(&rest[end + 1..]);
                Some(&rest[..end])
            }
            None => {
                self.rest = None;
                Some(rest)
            }
        }
    }
}
