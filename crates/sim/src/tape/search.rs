//! Questions answered through the pyramid: leap to the next row outside, summarise a range.

use std::ops::Range;

use ripcord_core::market::PriceSource;

use super::format::FAN_OUT_BITS;
use super::pyramid::{self, COUNT, FAN_OUT, GAP, MAX, MIN, NOTHING, Share};
use super::{Bands, Tape};

/// What one source did in a range of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceSpan {
    /// Lowest price, in units of `10^-price_decimals`.
    pub min: i64,
    /// Highest price.
    pub max: i64,
    /// Last price.
    pub last: i64,
    /// Time of the last price, nanoseconds UTC.
    pub last_at: i64,
    /// Rows of this source.
    pub count: usize,
}

impl Tape {
    /// The same answer as [`Tape::scan`], through the pyramid: the time grows with the logarithm
    /// of the distance.
    #[must_use]
    pub fn leap(&self, from: usize, to: usize, bands: &Bands) -> usize {
        let end = to.min(self.rows);
        let mut row = from;
        while row < end {
            let next = match self.node_at(row, end) {
                None => {
                    let stop = ((row / FAN_OUT + 1) * FAN_OUT).min(end);
                    Leaf { outside: self.scan(row, stop, bands), stop }
                }
                Some(NodeAt { level: 1, index }) => self.along_the_ground(index, end, bands),
                Some(node) => self.descend(node, bands),
            };
            if next.outside < next.stop {
                return next.outside;
            }
            row = next.stop;
        }
        to
    }

    /// What one source did in `[from, to)`; none when it has no row there.
    #[must_use]
    pub fn span(&self, from: usize, to: usize, source: PriceSource) -> Option<SourceSpan> {
        let slot = self.sources.slot(source)?;
        let last = self.last_row_of(source, from..to.min(self.rows))?;
        let price = self.price();
        let share = self.gathered(from..last + 1, slot, |rows| self.share_of_rows(rows, source));
        Some(SourceSpan {
            min: share[MIN],
            max: share[MAX],
            last: price[last],
            last_at: self.ts()[last],
            count: usize::try_from(share[COUNT]).unwrap_or(0),
        })
    }

    /// The longest pause of one source, in nanoseconds, that ended with a row in `[from, to)`,
    /// counted from the source's row before it wherever that lies; none when it has no row there.
    /// The first row of a source has no pause.
    #[must_use]
    pub fn longest_gap(&self, from: usize, to: usize, source: PriceSource) -> Option<i64> {
        let slot = self.sources.slot(source)?;
        let last = self.last_row_of(source, from..to.min(self.rows))?;
        let share = self.gathered(from..last + 1, slot, |rows| self.gap_of_rows(rows, source));
        Some(share[GAP])
    }

    /// The last row of a source in a range.
    #[must_use]
    pub fn last_row_of(&self, source: PriceSource, rows: Range<usize>) -> Option<usize> {
        let end = rows.end.min(self.rows);
        if rows.start >= end {
            return None;
        }
        match self.single {
            Some(only) => (only == source).then_some(end - 1),
            None => memchr::memrchr(source as u8, &self.source()[rows.start..end]).map(|at| rows.start + at),
        }
    }

    /// The first row from `from` on whose time is `ts` or later; the row count when there is none.
    /// Gallops, so that near answers are cheap.
    #[must_use]
    pub fn first_at_or_after(&self, from: usize, ts: i64) -> usize {
        let times = self.ts();
        let Some(ahead) = times.get(from..) else { return self.rows };
        let mut step = 1;
        let mut known_before = 0;
        while let Some(&time) = ahead.get(step - 1) {
            if time >= ts {
                break;
            }
            known_before = step;
            step *= 2;
        }
        let unknown = &ahead[known_before..step.min(ahead.len())];
        from + known_before + unknown.partition_point(|&time| time < ts)
    }

    /// The largest node that begins at `row` and ends at or before `end`.
    #[inline]
    fn node_at(&self, row: usize, end: usize) -> Option<NodeAt> {
        let mut best = None;
        for level in 1..=self.shape.levels() {
            let bits = FAN_OUT_BITS * level as u32;
            let size = 1_usize.checked_shl(bits).unwrap_or(0);
            // The last node of a level may stand for fewer rows than its size.
            if row & size.wrapping_sub(1) != 0 || row.saturating_add(size).min(self.rows) > end {
                break;
            }
            best = Some(NodeAt { level, index: row.checked_shr(bits).unwrap_or(0) });
        }
        best
    }

    /// Passes level-1 nodes, up to the next border of level 2 or the end.
    fn along_the_ground(&self, index: usize, end: usize, bands: &Bands) -> Leaf {
        let last = (end / FAN_OUT).min((index / FAN_OUT + 1) * FAN_OUT).max(index + 1);
        let found = match self.single {
            Some(source) => self.pyramid()[index..last].iter().position(|share| leaves(share, bands, source)),
            None => (index..last).position(|index| self.may_leave(1, index, bands)),
        };
        match found {
            Some(at) => self.descend(NodeAt { level: 1, index: index + at }, bands),
            None => Leaf::nothing_up_to(self.end_of(1, last - 1)),
        }
    }

    /// Follows the first node outside down to the row.
    fn descend(&self, node: NodeAt, bands: &Bands) -> Leaf {
        let NodeAt { mut level, mut index } = node;
        while self.may_leave(level, index, bands) {
            if level == 1 {
                let stop = self.end_of(level, index);
                return Leaf { outside: self.scan(index * FAN_OUT, stop, bands), stop };
            }
            level -= 1;
            index *= FAN_OUT;
        }
        // Its siblings are asked next: the row behind it begins one of them.
        Leaf::nothing_up_to(self.end_of(level, index))
    }

    /// The row behind the last one of a node.
    #[inline]
    fn end_of(&self, level: usize, index: usize) -> usize {
        let bits = FAN_OUT_BITS * level as u32;
        1_usize.checked_shl(bits).map_or(self.rows, |size| ((index + 1) * size).min(self.rows))
    }

    /// Whether some row of the node may be outside its band.
    #[inline]
    fn may_leave(&self, level: usize, index: usize, bands: &Bands) -> bool {
        let shares = self.pyramid();
        let at = self.shape.start(level) + index;
        match self.single {
            Some(source) => leaves(&shares[at], bands, source),
            None => {
                let node = &shares[at * self.sources.len()..];
                self.sources.iter().zip(node).any(|(source, share)| leaves(share, bands, source))
            }
        }
    }

    /// One source's share of a range: from nodes where they fit, from rows at the two ends.
    #[inline]
    fn gathered(&self, rows: Range<usize>, slot: usize, of_rows: impl Fn(Range<usize>) -> Share) -> Share {
        // Below two nodes the pyramid saves nothing, and a tape without one need not build it.
        if rows.len() < 2 * FAN_OUT {
            return of_rows(rows);
        }
        let (shares, slots) = (self.pyramid(), self.sources.len());
        let mut all = NOTHING;
        let mut row = rows.start;
        while row < rows.end {
            let share = match self.node_at(row, rows.end) {
                Some(NodeAt { level, index }) => {
                    row = self.end_of(level, index);
                    shares[(self.shape.start(level) + index) * slots + slot]
                }
                None => {
                    let stop = ((row / FAN_OUT + 1) * FAN_OUT).min(rows.end);
                    let share = of_rows(row..stop);
                    row = stop;
                    share
                }
            };
            all = pyramid::joined(&all, &share);
        }
        all
    }

    /// Extremes and count of some rows; the gap is left out.
    #[inline]
    fn share_of_rows(&self, rows: Range<usize>, source: PriceSource) -> Share {
        let price = &self.price()[rows.clone()];
        if self.single.is_some() {
            let (min, max) = pyramid::extremes(price);
            return [min, max, price.len() as i64, 0];
        }
        let mut share = NOTHING;
        for (&price, &code) in price.iter().zip(&self.source()[rows]) {
            if code == source as u8 {
                share = [share[MIN].min(price), share[MAX].max(price), share[COUNT] + 1, 0];
            }
        }
        share
    }

    /// The longest pause before some rows; extremes and count are left out.
    fn gap_of_rows(&self, rows: Range<usize>, source: PriceSource) -> Share {
        let ts = self.ts();
        let mut before = self.last_row_of(source, 0..rows.start);
        let mut gap = 0;
        for row in rows {
            if self.single.is_none() && self.source()[row] != source as u8 {
                continue;
            }
            gap = gap.max(before.map_or(0, |before| ts[row].wrapping_sub(ts[before])));
            before = Some(row);
        }
        [i64::MAX, i64::MIN, 0, gap]
    }
}

#[derive(Debug, Clone, Copy)]
struct NodeAt {
    level: usize,
    index: usize,
}

/// A stretch that was looked at: the first row outside, or `stop`.
struct Leaf {
    outside: usize,
    stop: usize,
}

impl Leaf {
    const fn nothing_up_to(stop: usize) -> Self {
        Self { outside: stop, stop }
    }
}

#[inline]
fn leaves(share: &Share, bands: &Bands, source: PriceSource) -> bool {
    share[MIN] <= bands.lo[source as usize] || share[MAX] >= bands.hi[source as usize]
}
