//! Writes a records file, line by line.

use std::io::{self, Write};

use ripcord_core::event::Entry;
use serde::Serialize;

use super::{End, Header, Written, chained};

/// Writes the lines of a records file. `out` should be buffered.
#[derive(Debug)]
pub struct RecordsWriter<W: Write> {
    out: W,
    crc: u32,
    entries: u64,
    line: Vec<u8>,
}

impl<W: Write> RecordsWriter<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// When `out` refuses.
    pub fn new(mut out: W, header: &Header) -> io::Result<Self> {
        let mut line = serde_json::to_vec(header)?;
        let crc = chained(0, &line);
        line.push(b'\n');
        out.write_all(&line)?;
        Ok(Self { out, crc, entries: 0, line })
    }

    /// Writes a record that happened at record `index` of the market stream.
    ///
    /// # Errors
    /// When `out` refuses.
    pub fn write(&mut self, index: u64, entry: &Entry) -> io::Result<()> {
        self.entries += 1;
        self.write_line(&Written { index, at: entry.at, record: &entry.record })
    }

    /// Writes the last line, and gives `out` back.
    ///
    /// # Errors
    /// When `out` refuses.
    pub fn finish(mut self) -> io::Result<W> {
        #[derive(Serialize)]
        struct Last {
            end: End,
        }
        self.write_line(&Last { end: End { entries: self.entries } })?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn write_line(&mut self, line: &impl Serialize) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, line)?;
        self.crc = chained(self.crc, &self.line);
        write!(self.out, "{{\"crc\":\"{:08x}\",", self.crc)?;
        self.line.push(b'\n');
        // The brace that opens the line stands before the checksum already.
        self.out.write_all(&self.line[1..])
    }
}
