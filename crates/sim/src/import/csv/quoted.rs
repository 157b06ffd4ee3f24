//! The rare file with quotes among its rows, one record after the other.

use std::fs::File;
use std::io::{BufReader, Seek, SeekFrom};
use std::path::Path;

use super::super::assemble::Assembler;
use super::super::chunk::{Chunk, Lines};
use super::super::error::{Fault, ImportError};
use super::super::{ImportOptions, Progress};
use super::{Head, bad, push_row};

/// Records sent to the assembler at once.
const CHUNK_ROWS: usize = 65_536;

pub(super) fn read(
    path: &Path,
    head: &Head,
    options: &ImportOptions<'_>,
    out: &mut Assembler<'_>,
) -> Result<(), ImportError> {
    let mut file = File::open(path).map_err(ImportError::io(path))?;
    let total = file.metadata().map_err(ImportError::io(path))?.len();
    file.seek(SeekFrom::Start(head.start)).map_err(ImportError::io(path))?;
    let mut records =
        ::csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(BufReader::new(file));
    let mut record = ::csv::ByteRecord::new();
    let mut is_over = false;
    while !is_over {
        let mut chunk = Chunk::for_schema(&head.schema);
        let mut lines = Vec::new();
        let mut refused = None;
        while chunk.ts.len() < CHUNK_ROWS && refused.is_none() {
            is_over = !records.read_byte_record(&mut record).map_err(|error| ImportError::damaged(path, error))?;
            if is_over {
                break;
            }
            lines.push(head.lines + record.position().map_or(0, ::csv::Position::line));
            let row = chunk.ts.len();
            refused = match record.len() == head.fields {
                true => push_row(&mut chunk, &head.schema, |at| record.get(at).unwrap_or_default()).err(),
                false => {
                    let fault = Fault::FieldCount { found: record.len(), expected: head.fields };
                    Some(bad(row, "line", record.as_slice(), fault))
                }
            };
        }
        chunk.lines = Lines::Listed(lines);
        out.accept(chunk.checked(refused, &head.schema))?;
        if let Some(tell) = options.progress {
            tell(Progress { done: head.start + records.position().byte(), total });
        }
    }
    Ok(())
}
