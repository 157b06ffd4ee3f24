//! The pyramid over a tape: for every 64 rows, every 64 x 64 rows, and so on, what each source did.
//!
//! A node is one [`Share`] per source that occurs, in the order of the source codes; its children
//! are 64 nodes of the level below, or 64 rows on level 1. The last node of a level may have fewer.
//! Levels lie one after the other, level 1 first, up to the single node at the top.
//!
//! Gaps across node borders: the pause before a row is counted in the node that holds the row,
//! wherever the source's row before it lies. The first row of a source has no pause.

use rayon::prelude::*;
use ripcord_core::market::PriceSource;

use super::SourceSet;
use super::format::{BLOCK_ROWS, FAN_OUT_BITS, Shape};

/// What one source did in one node: [`MIN`], [`MAX`], [`COUNT`], [`GAP`].
pub(super) type Share = [i64; 4];
/// Lowest price; `i64::MAX` without rows, so that no band is left.
pub(super) const MIN: usize = 0;
/// Highest price; `i64::MIN` without rows.
pub(super) const MAX: usize = 1;
/// Rows.
pub(super) const COUNT: usize = 2;
/// Longest pause before one of these rows, in nanoseconds.
pub(super) const GAP: usize = 3;

/// The share of a source without rows.
pub(super) const NOTHING: Share = [i64::MAX, i64::MIN, 0, 0];

/// Children of a node.
pub(super) const FAN_OUT: usize = 1 << FAN_OUT_BITS;

/// Time of the last row of each source so far, by code; none before its first row.
pub(super) type LastSeen = [Option<i64>; PriceSource::ALL.len()];

/// Rows to summarise: the three columns a pyramid reads, cut to the same rows.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) ts: &'a [i64],
    pub(super) price: &'a [i64],
    pub(super) source: &'a [u8],
}

impl<'a> Rows<'a> {
    pub(super) fn cut(self, from: usize, to: usize) -> Self {
        Self { ts: &self.ts[from..to], price: &self.price[from..to], source: &self.source[from..to] }
    }
}

/// The whole pyramid of a tape.
pub(super) fn build(rows: Rows<'_>, sources: SourceSet) -> Vec<Share> {
    let shape = Shape::of(rows.ts.len() as u64);
    let slots = sources.len();
    let mut shares = vec![NOTHING; shape.nodes() as usize * slots];
    if shares.is_empty() {
        return shares;
    }
    let (ground, _) = shares.split_at_mut(shape.count(1) * slots);
    let before = last_seen_before_blocks(rows, sources);
    ground.par_chunks_mut(BLOCK_ROWS / FAN_OUT * slots).zip(before).enumerate().for_each(
        |(block, (nodes, mut last_seen))| {
            let from = block * BLOCK_ROWS;
            let block_rows = rows.cut(from, (from + BLOCK_ROWS).min(rows.ts.len()));
            summarise(block_rows, sources, &mut last_seen, nodes);
        },
    );
    for level in 2..=shape.levels() {
        let (below, above) = shares.split_at_mut(shape.start(level) * slots);
        let below = &below[shape.start(level - 1) * slots..];
        gather(below, slots, &mut above[..shape.count(level) * slots]);
    }
    shares
}

/// For each block, when each source was last seen before it.
fn last_seen_before_blocks(rows: Rows<'_>, sources: SourceSet) -> Vec<LastSeen> {
    let mut before = Vec::with_capacity(rows.ts.len() / BLOCK_ROWS + 1);
    let mut last_seen = LastSeen::default();
    for from in (0..rows.ts.len()).step_by(BLOCK_ROWS) {
        before.push(last_seen);
        let to = (from + BLOCK_ROWS).min(rows.ts.len());
        for source in sources.iter() {
            let last = match sources.single() {
                Some(_) => Some(to - 1),
                None => memchr::memrchr(source as u8, &rows.source[from..to]).map(|at| from + at),
            };
            if let Some(last) = last {
                last_seen[source as usize] = Some(rows.ts[last]);
            }
        }
    }
    before
}

/// Level-1 nodes of consecutive rows that begin at a node border.
pub(super) fn summarise(rows: Rows<'_>, sources: SourceSet, last_seen: &mut LastSeen, out: &mut [Share]) {
    let slots = sources.len();
    match sources.single() {
        Some(source) => {
            let last_seen = &mut last_seen[source as usize];
            let nodes = rows.ts.chunks(FAN_OUT).zip(rows.price.chunks(FAN_OUT));
            for ((ts, price), share) in nodes.zip(out) {
                *share = summarise_one(ts, price, last_seen.unwrap_or(ts[0]));
                *last_seen = ts.last().copied();
            }
        }
        None => {
            let slot_of = sources.slots();
            for (node, out) in out.chunks_mut(slots).enumerate() {
                let from = node * FAN_OUT;
                let to = (from + FAN_OUT).min(rows.ts.len());
                summarise_mixed(rows.cut(from, to), &slot_of, last_seen, out);
            }
        }
    }
}

/// One node of a tape with one source. Rows of a tape never go back in time, but a file that was
/// not verified may: nothing here may panic on one.
fn summarise_one(ts: &[i64], price: &[i64], before: i64) -> Share {
    let (min, max) = extremes(price);
    let mut gap = ts[0].wrapping_sub(before);
    for (earlier, later) in ts.iter().zip(&ts[1..]) {
        gap = gap.max(later.wrapping_sub(*earlier));
    }
    [min, max, price.len() as i64, gap.max(0)]
}

fn summarise_mixed(rows: Rows<'_>, slot_of: &[u8; 256], last_seen: &mut LastSeen, out: &mut [Share]) {
    out.fill(NOTHING);
    for ((&ts, &price), &code) in rows.ts.iter().zip(rows.price).zip(rows.source) {
        // A code outside the set has no slot; verification reports such a row.
        let Some(share) = out.get_mut(usize::from(slot_of[usize::from(code)])) else { continue };
        let last = &mut last_seen[usize::from(code)];
        let gap = ts.wrapping_sub(last.unwrap_or(ts));
        *last = Some(ts);
        *share = joined(share, &[price, price, 1, gap]);
    }
}

/// Lowest and highest of some prices. Four lanes: a chain of dependent compares waits on itself.
#[inline]
pub(super) fn extremes(price: &[i64]) -> (i64, i64) {
    let (mut min, mut max) = ([i64::MAX; 4], [i64::MIN; 4]);
    let (fours, rest) = price.as_chunks::<4>();
    for four in fours {
        for lane in 0..4 {
            min[lane] = min[lane].min(four[lane]);
            max[lane] = max[lane].max(four[lane]);
        }
    }
    for &price in rest {
        min[0] = min[0].min(price);
        max[0] = max[0].max(price);
    }
    (min[0].min(min[1]).min(min[2].min(min[3])), max[0].max(max[1]).max(max[2].max(max[3])))
}

/// One share for the rows of two.
#[inline]
pub(super) fn joined(a: &Share, b: &Share) -> Share {
    [a[MIN].min(b[MIN]), a[MAX].max(b[MAX]), a[COUNT].wrapping_add(b[COUNT]), a[GAP].max(b[GAP])]
}

/// Nodes of the level above: one for every 64 of `below`.
pub(super) fn gather(below: &[Share], slots: usize, out: &mut [Share]) {
    for (children, out) in below.chunks(FAN_OUT * slots).zip(out.chunks_mut(slots)) {
        out.fill(NOTHING);
        for child in children.chunks(slots) {
            for (share, part) in out.iter_mut().zip(child) {
                *share = joined(share, part);
            }
        }
    }
}
