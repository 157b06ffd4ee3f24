//! JSON candles: an array of `[time, open, high, low, close, ..]`, as freqtrade and exchanges'
//! candle endpoints write it. Read as text, so that the digits stay those of the file.

use std::path::Path;

use super::assemble::Assembler;
use super::chunk::{Bad, Chunk};
use super::decimal::whole;
use super::error::{Fault, ImportError};
use super::name::FileName;
use super::schema::Schema;
use super::{ImportOptions, Progress};

/// Rows sent to the assembler at once.
const CHUNK_ROWS: usize = 65_536;

/// Fields of the longest row: Binance's candles have twelve.
const FIELDS_MAX: usize = 16;

/// Sends the rows to the assembler. The file names no symbol.
pub(super) fn read(
    path: &Path,
    name: &FileName,
    options: &ImportOptions<'_>,
    out: &mut Assembler<'_>,
) -> Result<Option<String>, ImportError> {
    let bytes = std::fs::read(path).map_err(ImportError::io(path))?;
    let bars = Schema::of_json_candles();
    let schema = if name.about.is_funding { bars.into_funding() } else { bars };
    let schema = out.begin(schema, name.about, 0)?.clone();
    let mut rest = Rest { bytes: &bytes, at: 0 };
    let broken = |rest: &Rest<'_>| {
        let what = format!("not an array of [time, open, high, low, close, ..] at byte {}", rest.at + 1);
        ImportError::Damaged { path: path.to_owned(), what }
    };
    rest.take(b'[').ok_or_else(|| broken(&rest))?;
    let mut is_last = rest.take(b']').is_some();
    while !is_last {
        let mut chunk = Chunk::for_schema(&schema);
        let mut bad = None;
        while chunk.ts.len() < CHUNK_ROWS && !is_last && bad.is_none() {
            let mut fields = [&[][..]; FIELDS_MAX];
            let count = rest.row(&mut fields).ok_or_else(|| broken(&rest))?;
            bad = push_row(&mut chunk, &fields[..count], &schema).err();
            is_last = rest.take(b']').is_some();
            if !is_last {
                rest.take(b',').ok_or_else(|| broken(&rest))?;
            }
        }
        out.accept(chunk.checked(bad, &schema))?;
        if let Some(tell) = options.progress {
            tell(Progress { done: rest.at as u64, total: bytes.len() as u64 });
        }
    }
    rest.skip_space();
    if rest.at < bytes.len() {
        return Err(broken(&rest));
    }
    Ok(None)
}

fn push_row(chunk: &mut Chunk, fields: &[&[u8]], schema: &Schema) -> Result<(), Bad> {
    let row = chunk.ts.len();
    let bad = |column: &str, text: &[u8], fault| {
        let value = String::from_utf8_lossy(text).into_owned();
        Bad { row, column: column.to_owned(), value, fault }
    };
    for (value, scaled) in schema.values.iter().zip(&mut chunk.values) {
        let text = fields.get(value.column.at).copied().unwrap_or_default();
        let pushed = if text == b"null" { Err(Fault::Missing) } else { scaled.push_text(text) };
        pushed.map_err(|fault| bad(&value.column.name, text, fault))?;
    }
    let text = fields.first().copied().unwrap_or_default();
    let time = whole(text).ok_or_else(|| bad(&schema.time.name, text, Fault::NotATime))?;
    let nanos = time.checked_mul(schema.unit.nanos());
    chunk.ts.push(nanos.ok_or_else(|| bad(&schema.time.name, text, Fault::TimeOutOfRange))?);
    Ok(())
}

/// What is left of the text.
struct Rest<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Rest<'a> {
    fn skip_space(&mut self) {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    /// Passes one sign, with the space before it.
    fn take(&mut self, sign: u8) -> Option<()> {
        self.skip_space();
        if *self.bytes.get(self.at)? != sign {
            return None;
        }
        self.at += 1;
        Some(())
    }

    /// The fields of one row, from `[` to `]`.
    fn row(&mut self, fields: &mut [&'a [u8]; FIELDS_MAX]) -> Option<usize> {
        self.take(b'[')?;
        for count in 1..=FIELDS_MAX {
            fields[count - 1] = self.field()?;
            if self.take(b']').is_some() {
                return Some(count);
            }
            self.take(b',')?;
        }
        None
    }

    /// A number, a word, or the inside of a text without escapes.
    fn field(&mut self) -> Option<&'a [u8]> {
        self.skip_space();
        let rest = &self.bytes[self.at..];
        if let Some(text) = rest.strip_prefix(b"\"") {
            let length = memchr::memchr2(b'"', b'\\', text).filter(|&end| text[end] == b'"')?;
            self.at += length + 2;
            return Some(&text[..length]);
        }
        let is_end = |byte: &u8| b",]".contains(byte) || byte.is_ascii_whitespace();
        let length = rest.iter().position(is_end).filter(|&length| length > 0)?;
        // A row within a row, or a table of named fields.
        if b"[{".contains(&rest[0]) {
            return None;
        }
        self.at += length;
        Some(&rest[..length])
    }
}
