//! CSV files: the first lines are understood here, the rows are read in parallel by [`lines`].

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::ImportOptions;
use super::assemble::Assembler;
use super::chunk::Bad;
use super::decimal::whole;
use super::error::{Fault, ImportError};
use super::name::FileName;
use super::schema::{Container, Schema, TimeUnit};

mod lines;

/// How a CSV file is laid out.
struct Head {
    schema: Schema,
    /// Byte at which the data begins.
    start: u64,
    /// Lines before it.
    lines: u64,
    /// Fields of each line.
    fields: usize,
}

/// Bytes in which header and first row must lie, and the longest line.
const LINE_BYTES_MAX: usize = 1 << 16;

/// Sends the rows to the assembler. The file names no symbol.
pub(super) fn read(
    path: &Path,
    name: &FileName,
    options: &ImportOptions<'_>,
    out: &mut Assembler<'_>,
) -> Result<Option<String>, ImportError> {
    let mut head = head(path)?;
    head.schema = out.begin(head.schema, name.about, head.lines)?.clone();
    lines::read(path, &head, options, out)?;
    Ok(None)
}

/// Reads the first lines.
fn head(path: &Path) -> Result<Head, ImportError> {
    let mut text = Vec::new();
    let file = File::open(path).map_err(ImportError::io(path))?;
    file.take(2 * LINE_BYTES_MAX as u64).read_to_end(&mut text).map_err(ImportError::io(path))?;
    let mark = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let mut first_lines = text[mark..].split_inclusive(|&byte| byte == b'\n');
    let Some(first) = first_lines.next() else {
        return Err(ImportError::Empty { path: path.to_owned() });
    };
    let names = fields(first, path)?;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let is_data = names.first().is_some_and(|name| whole(name.as_bytes()).is_some());
    let known =
        if is_data { Schema::of_headerless(&names) } else { Schema::of_names(&names, Container::Text) };
    let Some(mut schema) = known else {
        let found = names.iter().map(|name| (*name).to_owned());
        let found =
            if is_data { vec![format!("no header and {} columns", names.len())] } else { found.collect() };
        return Err(ImportError::UnknownColumns { path: path.to_owned(), found });
    };
    if schema.unit == TimeUnit::BySize {
        let is_blank = |line: &&[u8]| line.trim_ascii().is_empty();
        let row = if is_data { Some(first) } else { first_lines.find(|line| !is_blank(line)) };
        let row = row.map(|row| fields(row, path)).transpose()?.unwrap_or_default();
        let time = row.get(schema.time.at).and_then(|time| whole(time.as_bytes()));
        // Without a time the first row is refused anyway.
        schema.unit = time.map_or(TimeUnit::Millis, TimeUnit::by_size_of);
    }
    let header = if is_data { 0 } else { first.len() };
    Ok(Head { schema, start: (mark + header) as u64, lines: u64::from(!is_data), fields: names.len() })
}

/// The fields of one line, without quotes.
fn fields(line: &[u8], path: &Path) -> Result<Vec<String>, ImportError> {
    let mut reader = ::csv::ReaderBuilder::new().has_headers(false).from_reader(line);
    let mut record = ::csv::StringRecord::new();
    reader.read_record(&mut record).map_err(|refused| {
        let source = io::Error::new(io::ErrorKind::InvalidData, refused.to_string());
        ImportError::Io { path: path.to_owned(), source }
    })?;
    Ok(record.iter().map(|field| field.trim().to_owned()).collect())
}

#[cold]
fn bad(row: usize, column: &str, text: &[u8], fault: Fault) -> Bad {
    const BYTES_MAX: usize = 64;
    let fault = if std::str::from_utf8(text).is_err() { Fault::NotUtf8 } else { fault };
    let shown = text.get(..BYTES_MAX).unwrap_or(text);
    Bad { row, column: column.to_owned(), value: String::from_utf8_lossy(shown).into_owned(), fault }
}

/// A time in nanoseconds.
#[inline]
fn time(text: &[u8], nanos: i64) -> Result<i64, Fault> {
    match whole(text) {
        Some(time) => time.checked_mul(nanos).ok_or(Fault::TimeOutOfRange),
        None if text.is_empty() => Err(Fault::Missing),
        None => Err(Fault::NotATime),
    }
}
