//! Reads a records file, line by line, and says where it is not what was written.

use std::io::{self, BufRead, Read};

use ripcord_core::event::{Entry, Record};
use ripcord_core::time::Timestamp;
use serde::Deserialize;

use super::sound::impossible;
use super::{CRC_BYTES, End, Header, Line, RECORDS_FORMAT, RECORDS_VERSION, chained};

/// The longest line after the header. A record is some hundred bytes.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// The longest header: it names every position.
const HEADER_BYTES_MAX: u64 = 1 << 30;

/// Why a records file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordsError {
    /// The system.
    #[error("{file}: {source}; records are what `ripcord replay --records FILE` wrote")]
    Read {
        /// The file.
        file: String,
        /// What it said.
        source: io::Error,
    },
    /// Another kind of file.
    #[error(
        "{file}: line 1: this is no records file ({why}); write one with `ripcord replay --records FILE`"
    )]
    Other {
        /// The file.
        file: String,
        /// How that is known.
        why: String,
    },
    /// Written by a newer version of this program.
    #[error(
        "{file}: line 1: version is {found}; this program reads up to {RECORDS_VERSION}, use a newer one"
    )]
    Newer {
        /// The file.
        file: String,
        /// Its version.
        found: u64,
    },
    /// A line is not what was written.
    #[error("{file}: line {line}: {why}")]
    Damaged {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
        /// What is wrong, and what to do.
        why: String,
    },
}

/// Reads the lines of a records file.
#[derive(Debug)]
pub struct RecordsReader<R: BufRead> {
    file: String,
    input: R,
    header: Header,
    crc: u32,
    line: u64,
    entries: u64,
    is_over: bool,
    buffer: Vec<u8>,
}

/// The part of every header that tells which reader it needs.
#[derive(Deserialize)]
struct Version {
    format: String,
    version: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AnyLine {
    index: Option<u64>,
    at: Option<Timestamp>,
    record: Option<Record>,
    end: Option<End>,
}

impl<R: BufRead> RecordsReader<R> {
    /// Reads the header. `file` is the name that errors say.
    ///
    /// # Errors
    /// Another kind of file, a newer version, a damaged header.
    pub fn new(file: &str, mut input: R) -> Result<Self, RecordsError> {
        let mut buffer = Vec::new();
        let read = input.by_ref().take(HEADER_BYTES_MAX).read_until(b'\n', &mut buffer);
        read.map_err(|source| RecordsError::Read { file: file.to_owned(), source })?;
        let other = |why: String| RecordsError::Other { file: file.to_owned(), why };
        let is_whole = buffer.pop_if(|last| *last == b'\n').is_some();
        let version: Version =
            serde_json::from_slice(&buffer).map_err(|error| other(format!("its header: {error}")))?;
        if version.format != RECORDS_FORMAT {
            return Err(other(format!("its format is {:?}", version.format)));
        }
        if version.version > u64::from(RECORDS_VERSION) {
            return Err(RecordsError::Newer { file: file.to_owned(), found: version.version });
        }
        let damaged = |why: String| RecordsError::Damaged { file: file.to_owned(), line: 1, why };
        let header: Header =
            serde_json::from_slice(&buffer).map_err(|error| damaged(format!("the header: {error}")))?;
        if !is_whole {
            return Err(damaged("the file ends within its header; write it again".to_owned()));
        }
        for entry in &header.instruments {
            entry.rules.validate().map_err(|error| damaged(format!("the header: {error}")))?;
        }
        let crc = chained(0, &buffer);
        Ok(Self { file: file.to_owned(), input, header, crc, line: 1, entries: 0, is_over: false, buffer })
    }

    /// What the records refer to.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The next record; none after the last.
    ///
    /// # Errors
    /// The first line that is not what was written, or that is missing.
    pub fn next_line(&mut self) -> Result<Option<Line>, RecordsError> {
        if self.is_over {
            return Ok(None);
        }
        self.buffer.clear();
        self.line += 1;
        let read = self.input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut self.buffer);
        read.map_err(|source| RecordsError::Read { file: self.file.clone(), source })?;
        if self.buffer.pop_if(|last| *last == b'\n').is_none() {
            let why = match self.buffer.len() as u64 {
                0 => {
                    "the file ends here, before its last line: the run did not end, or the file was cut short"
                }
                LINE_BYTES_MAX => "the line is longer than any record",
                _ => "the file ends within this line: it was cut short",
            };
            return Err(self.damaged(format!("{why}; write it again")));
        }
        let line = self.checked()?;
        match line {
            AnyLine { index: Some(index), at: Some(at), record: Some(record), end: None } => {
                if let Some(field) = impossible(&record) {
                    return Err(self.damaged(format!("its {field} is a number that no run writes")));
                }
                self.entries += 1;
                Ok(Some(Line { index, entry: Entry { at, record } }))
            }
            AnyLine { end: Some(end), record: None, .. } => self.end(end).map(|()| None),
            _ => Err(self.damaged("it has neither index, at and record, nor end".to_owned())),
        }
    }

    /// The line's content, if its checksum is right.
    fn checked(&mut self) -> Result<AnyLine, RecordsError> {
        let head = self.buffer.get(..CRC_BYTES).and_then(|head| std::str::from_utf8(head).ok());
        let stated = head
            .and_then(|head| head.strip_prefix("{\"crc\":\"")?.strip_suffix("\","))
            .and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let Some(stated) = stated else {
            return Err(self.damaged("it does not begin with {\"crc\":\"8 digits\",".to_owned()));
        };
        let start = CRC_BYTES - 1;
        self.buffer[start] = b'{';
        let crc = chained(self.crc, &self.buffer[start..]);
        if crc != stated {
            let text = "the checksum does not match: this line was changed, or lines before it are missing; write the file again";
            return Err(self.damaged(text.to_owned()));
        }
        self.crc = crc;
        serde_json::from_slice(&self.buffer[start..]).map_err(|error| self.damaged(error.to_string()))
    }

    fn end(&mut self, end: End) -> Result<(), RecordsError> {
        if end.entries != self.entries {
            let text = format!("it says {} records, and {} stand before it", end.entries, self.entries);
            return Err(self.damaged(text));
        }
        self.is_over = true;
        let mut rest = [0; 1];
        match self.input.read(&mut rest) {
            Ok(0) => Ok(()),
            Ok(_) => {
                self.line += 1;
                Err(self.damaged("something stands behind the last line".to_owned()))
            }
            Err(source) => Err(RecordsError::Read { file: self.file.clone(), source }),
        }
    }

    /// An error about the line that was read last.
    pub fn damaged(&self, why: String) -> RecordsError {
        RecordsError::Damaged { file: self.file.clone(), line: self.line, why }
    }
}
