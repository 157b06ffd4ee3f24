//! A tape under construction whose length and scale are not known yet: the rows wait in nameless
//! temporary files beside the target, so that memory does not grow with them.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::format::BLOCK_ROWS;
use super::write::{directory_of, write};
use super::{Columns, SourceSet, TapeError, TapeMeta};

/// Rows on their way to a tape.
pub(crate) struct Spool {
    path: PathBuf,
    ts: BufWriter<File>,
    price: BufWriter<File>,
    qty: BufWriter<File>,
    source: BufWriter<File>,
    /// The rows so far, in order, by the scale they were written with.
    runs: Vec<Run>,
    rows: u64,
    sources: SourceSet,
}

#[derive(Clone, Copy)]
struct Run {
    rows: u64,
    price_decimals: u8,
    qty_decimals: u8,
}

impl Spool {
    /// An empty spool for a tape at `path`.
    ///
    /// # Errors
    /// When its directory takes no files.
    pub(crate) fn beside(path: &Path) -> Result<Self, TapeError> {
        let part = || -> Result<_, TapeError> {
            let file = tempfile::tempfile_in(directory_of(path));
            Ok(BufWriter::with_capacity(1 << 18, file.map_err(TapeError::io(path, "create a file beside"))?))
        };
        Ok(Self {
            path: path.to_owned(),
            ts: part()?,
            price: part()?,
            qty: part()?,
            source: part()?,
            runs: Vec::new(),
            rows: 0,
            sources: SourceSet::EMPTY,
        })
    }

    /// Appends rows in a scale of their own. The rows keep the rules of tapes: the caller has
    /// checked them, with better words than a tape has.
    ///
    /// # Errors
    /// When the disk is full.
    pub(crate) fn push(
        &mut self,
        rows: &Columns,
        price_decimals: u8,
        qty_decimals: u8,
    ) -> Result<(), TapeError> {
        let run = Run { rows: rows.ts.len() as u64, price_decimals, qty_decimals };
        match self.runs.last_mut() {
            Some(last) if (last.price_decimals, last.qty_decimals) == (price_decimals, qty_decimals) => {
                last.rows += run.rows;
            }
            Some(_) | None => self.runs.push(run),
        }
        self.rows += run.rows;
        for source in SourceSet::of_codes(&rows.source).unwrap_or_default().iter() {
            self.sources = self.sources.with(source);
        }
        self.append(rows).map_err(TapeError::io(&self.path, "write a temporary file for"))
    }

    fn append(&mut self, rows: &Columns) -> io::Result<()> {
        self.ts.write_all(bytemuck::cast_slice(&rows.ts))?;
        self.price.write_all(bytemuck::cast_slice(&rows.price))?;
        self.qty.write_all(bytemuck::cast_slice(&rows.qty))?;
        self.source.write_all(&rows.source)
    }

    /// Writes the tape, in the finest scale that occurred; returns its row count.
    ///
    /// # Errors
    /// When the file cannot be written, or a row does not fit 64 bits in the finest scale.
    pub(crate) fn finish(self, symbol: &str) -> Result<u64, TapeError> {
        let finest = |decimals: fn(&Run) -> u8| self.runs.iter().map(decimals).max().unwrap_or(0);
        let meta = TapeMeta {
            symbol: symbol.to_owned(),
            price_decimals: finest(|run| run.price_decimals),
            qty_decimals: finest(|run| run.qty_decimals),
        };
        let (path, rows, sources) = (self.path, self.rows, self.sources);
        let mut left = self.runs;
        left.reverse();
        let mut parts = Parts {
            ts: rewound(self.ts, &path)?,
            price: rewound(self.price, &path)?,
            qty: rewound(self.qty, &path)?,
            source: rewound(self.source, &path)?,
            left,
        };
        write(&path, &meta, sources, rows, |block| parts.fill(block, &meta, &path))?;
        Ok(rows)
    }
}

/// The temporary files, read back from the start.
struct Parts {
    ts: BufReader<File>,
    price: BufReader<File>,
    qty: BufReader<File>,
    source: BufReader<File>,
    /// Runs still to be read, the next one last.
    left: Vec<Run>,
}

impl Parts {
    /// Fills a block with the next rows, in the scale of the tape.
    fn fill(&mut self, block: &mut Columns, meta: &TapeMeta, path: &Path) -> Result<(), TapeError> {
        while let Some(run) = self.left.last_mut() {
            let start = block.ts.len();
            let rows = run.rows.min((BLOCK_ROWS - start) as u64) as usize;
            let (price_steps, qty_steps) =
                (meta.price_decimals - run.price_decimals, meta.qty_decimals - run.qty_decimals);
            run.rows -= rows as u64;
            if run.rows == 0 {
                self.left.pop();
            }
            self.read(block, rows).map_err(TapeError::io(path, "read a temporary file for"))?;
            rescale(&mut block.price[start..], price_steps, "price", path)?;
            rescale(&mut block.qty[start..], qty_steps, "qty", path)?;
            if block.ts.len() == BLOCK_ROWS {
                break;
            }
        }
        Ok(())
    }

    fn read(&mut self, block: &mut Columns, rows: usize) -> io::Result<()> {
        let end = block.ts.len() + rows;
        for (part, column) in [
            (&mut self.ts, &mut block.ts),
            (&mut self.price, &mut block.price),
            (&mut self.qty, &mut block.qty),
        ] {
            column.resize(end, 0);
            part.read_exact(bytemuck::cast_slice_mut(&mut column[end - rows..]))?;
        }
        block.source.resize(end, 0);
        self.source.read_exact(&mut block.source[end - rows..])
    }
}

fn rescale(values: &mut [i64], steps: u8, column: &str, path: &Path) -> Result<(), TapeError> {
    let Some(power) = 10_i64.checked_pow(u32::from(steps)).filter(|&power| power > 1) else { return Ok(()) };
    for value in values {
        *value = value.checked_mul(power).ok_or_else(|| TapeError::Meta {
            path: path.to_owned(),
            what: format!(
                "{column} {value} would need {steps} more decimals, because other rows have them, and does not \
                 fit 64 bits then; check the source for a stray value"
            ),
        })?;
    }
    Ok(())
}

fn rewound(part: BufWriter<File>, path: &Path) -> Result<BufReader<File>, TapeError> {
    let file = part.into_inner().map_err(io::IntoInnerError::into_error);
    let rewind = |mut file: File| file.seek(SeekFrom::Start(0)).map(|_| file);
    let file = file.and_then(rewind).map_err(TapeError::io(path, "read a temporary file for"))?;
    Ok(BufReader::with_capacity(1 << 18, file))
}
