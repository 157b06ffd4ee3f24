//! Is a tape what was written, and does it keep the rules of tapes?

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::format::{BLOCK_ROWS, Layout};
use super::pyramid::{self, LastSeen, NOTHING};
use super::{Columns, SourceSet, Store, Tape, TapeError};

/// Which blocks were compared with their checksums and found whole: one bit each.
#[derive(Debug)]
pub(super) struct Verified(Vec<AtomicU64>);

impl Verified {
    pub(super) fn of(layout: &Layout) -> Self {
        Self((0..layout.blocks().div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    // Two readers may compare the same block at once; both find the same, so no order is needed.
    #[inline]
    fn has(&self, block: usize) -> bool {
        self.0[block / 64].load(Ordering::Relaxed) & (1 << (block % 64)) != 0
    }

    fn mark(&self, block: usize) {
        self.0[block / 64].fetch_or(1 << (block % 64), Ordering::Relaxed);
    }
}

impl Tape {
    /// Compares the rows `[from, to)` with their checksums, by blocks of 65,536 rows, each block
    /// once in the life of this tape. A reader that asks before it reads never sees a damaged row.
    ///
    /// # Errors
    /// Names the first block that is not what was written.
    #[inline]
    pub fn verify_rows(&self, from: usize, to: usize) -> Result<(), TapeError> {
        let Store::Mapped { verified, .. } = &self.store else { return Ok(()) };
        let end = to.min(self.rows);
        if from >= end {
            return Ok(());
        }
        for block in from / BLOCK_ROWS..=(end - 1) / BLOCK_ROWS {
            if !verified.has(block) {
                self.verify_block(block)?;
            }
        }
        Ok(())
    }

    /// Checks everything: all blocks, the bytes between the parts, every rule of tapes row by row,
    /// and the pyramid against one built anew. A file with any bit changed does not pass.
    ///
    /// # Errors
    /// Names the first thing that is wrong.
    pub fn verify(&self) -> Result<(), TapeError> {
        if let Store::Mapped { map, layout, path, .. } = &self.store {
            for (from, to) in layout.gaps() {
                if map[from as usize..to as usize].iter().any(|&byte| byte != 0) {
                    return Err(TapeError::damaged(path, format!("bytes {from} to {to} should be zero")));
                }
            }
        }
        self.verify_rows(0, self.rows)?;
        rows(self, self.path())?;
        let found = SourceSet::of_codes(self.source());
        if found != Some(self.sources) {
            return Err(TapeError::damaged(self.path(), "its rows have other price sources than its header"));
        }
        self.verify_pyramid()
    }

    #[cold]
    fn verify_block(&self, block: usize) -> Result<(), TapeError> {
        let Store::Mapped { path, map, layout, verified } = &self.store else { return Ok(()) };
        let rows = block * BLOCK_ROWS..((block + 1) * BLOCK_ROWS).min(self.rows);
        let at = layout.table as usize + block * 4;
        let stored = u32::from_le_bytes(map[at..at + 4].try_into().expect("four bytes"));
        let found = block_crc([
            bytemuck::cast_slice(&self.ts()[rows.clone()]),
            bytemuck::cast_slice(&self.price()[rows.clone()]),
            bytemuck::cast_slice(&self.qty()[rows.clone()]),
            &self.source()[rows.clone()],
        ]);
        if found != stored {
            return Err(TapeError::damaged(
                path,
                format!(
                    "rows {} to {} have checksum {found:08x} and should have {stored:08x}",
                    rows.start + 1,
                    rows.end
                ),
            ));
        }
        verified.mark(block);
        Ok(())
    }

    /// Block by block, so that a long tape is verified in little memory.
    fn verify_pyramid(&self) -> Result<(), TapeError> {
        let (slots, shares) = (self.sources.len(), self.pyramid());
        let wrong = |level| TapeError::damaged(self.path(), format!("level {level} of the pyramid is false"));
        let mut last_seen = LastSeen::default();
        let mut expected = Vec::new();
        for (block, from) in (0..self.rows).step_by(BLOCK_ROWS).enumerate() {
            let rows = self.columns_for_pyramid().cut(from, (from + BLOCK_ROWS).min(self.rows));
            expected.resize(rows.ts.len().div_ceil(pyramid::FAN_OUT) * slots, NOTHING);
            pyramid::summarise(rows, self.sources, &mut last_seen, &mut expected);
            let at = block * BLOCK_ROWS / pyramid::FAN_OUT * slots;
            if shares[at..at + expected.len()] != expected {
                return Err(wrong(1));
            }
        }
        for level in 2..=self.shape.levels() {
            let nodes = |level| self.shape.start(level) * slots..self.shape.start(level + 1) * slots;
            let (below, above) = (&shares[nodes(level - 1)], &shares[nodes(level)]);
            expected.resize(above.len(), NOTHING);
            pyramid::gather(below, slots, &mut expected);
            if above != expected {
                return Err(wrong(level));
            }
        }
        Ok(())
    }
}

/// The checksum of one block: its parts of the four columns, in file order.
pub(super) fn block_crc(columns: [&[u8]; 4]) -> u32 {
    columns.into_iter().fold(0, crc32c::crc32c_append)
}

pub(super) fn lengths(columns: &Columns, path: &Path) -> Result<(), TapeError> {
    let expected = columns.ts.len();
    for (column, found) in
        [("price", columns.price.len()), ("qty", columns.qty.len()), ("source", columns.source.len())]
    {
        if found != expected {
            return Err(TapeError::Ragged { path: path.to_owned(), column, found, expected });
        }
    }
    Ok(())
}

/// The rules of tapes, row by row. Whole runs are asked at once; only an odd run is searched.
pub(super) fn rows(tape: &Tape, path: &Path) -> Result<(), TapeError> {
    let (ts, price, qty, source) = (tape.ts(), tape.price(), tape.qty(), tape.source());
    for from in (0..tape.rows).step_by(RUN) {
        let run = from..(from + RUN).min(tape.rows);
        let with_row_before = run.start.saturating_sub(1)..run.end;
        let refuse = |column, row: usize, value, rule| {
            Err(TapeError::Row { path: path.to_owned(), row: row + 1, column, value, rule })
        };
        if let Some(row) = first(run.clone(), &price[run.clone()], |price| price <= 0) {
            return refuse("price", row, price[row], "a price is positive");
        }
        if let Some(row) = first(run.clone(), &qty[run.clone()], |qty| qty < 0) {
            return refuse("qty", row, qty[row], "a quantity is not negative");
        }
        if !ts[with_row_before.clone()].is_sorted() {
            let row = with_row_before.start
                + ts[with_row_before].windows(2).take_while(|w| w[0] <= w[1]).count()
                + 1;
            return refuse("ts", row, ts[row], "time does not run backwards");
        }
        // On a set of known codes nothing is left to ask row by row.
        if SourceSet::of_codes(&source[run.clone()]).is_none() {
            let row = run.start
                + source[run].iter().take_while(|&&code| SourceSet::of_codes(&[code]).is_some()).count();
            return refuse("source", row, i64::from(source[row]), "a source is one of 0 to 4");
        }
    }
    Ok(())
}

/// Rows asked at once.
const RUN: usize = 4096;

fn first(run: Range<usize>, values: &[i64], is_odd: impl Fn(i64) -> bool) -> Option<usize> {
    if values.iter().fold(false, |odd, &value| odd | is_odd(value)) {
        return values.iter().position(|&value| is_odd(value)).map(|at| run.start + at);
    }
    None
}
