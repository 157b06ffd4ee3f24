//! Where in the merged stream a position opens: how far each stream is read before it.

use ripcord_core::event::Opening;
use ripcord_core::time::Timestamp;

use super::{EntryAt, PlannedOpening, Rank, Stream};

/// An opening, or a look at the prices so far, and the rows of every stream that come before it.
#[derive(Debug)]
pub(super) struct Scheduled {
    /// What opens; none when it is a look.
    pub(super) opening: Option<Opening>,
    pub(super) limits: Vec<usize>,
    /// When it opens, if a time was given.
    pub(super) at: Option<Timestamp>,
    /// Rows before it in all streams, then its time, then its place in the file.
    pub(super) order: (usize, Option<Timestamp>, usize),
}

/// Places every opening in the merged stream.
pub(super) fn schedule(streams: &[Stream], openings: Vec<PlannedOpening>) -> Vec<Scheduled> {
    let place = |(number, planned): (usize, PlannedOpening)| {
        let (limits, at) = match planned.at {
            EntryAt::Index(index) => (after_record(streams, index), None),
            EntryAt::Time(at) => (after_time(streams, at), Some(at)),
        };
        let order = (limits.iter().sum(), at, number);
        Scheduled { opening: Some(planned.opening), limits, at, order }
    };
    openings.into_iter().enumerate().map(place).collect()
}

/// At most `count` looks, evenly over the merged stream.
pub(super) fn schedule_looks(streams: &[Stream], count: u64) -> Vec<Scheduled> {
    let all: u64 = streams.iter().map(|stream| records(stream, stream.tape.rows()) as u64).sum();
    let every = all.div_ceil(count.max(1)).max(1);
    let look = |number: u64| {
        let limits = after_record(streams, number * every - 1);
        let order = (limits.iter().sum(), None, 0);
        Scheduled { opening: None, limits, at: None, order }
    };
    (1..=all / every).map(look).collect()
}

/// Whole records that begin up to `at`.
fn after_time(streams: &[Stream], at: Timestamp) -> Vec<usize> {
    streams
        .iter()
        .map(|stream| whole_records(stream, stream.tape.first_at_or_after(0, at.0.saturating_add(1))))
        .collect()
}

/// Whole records up to and including record `index` of the merged stream.
fn after_record(streams: &[Stream], index: u64) -> Vec<usize> {
    let wanted = usize::try_from(index).unwrap_or(usize::MAX).saturating_add(1);
    if let [stream] = streams {
        return vec![wanted.saturating_mul(stream.rows_per_record()).min(stream.tape.rows())];
    }
    // The record lies at the last moment before which fewer than `wanted` records begin.
    let begun =
        |at: i64| -> usize { streams.iter().map(|s| records(s, s.tape.first_at_or_after(0, at))).sum() };
    let times = streams.iter().filter(|s| s.tape.rows() > 0);
    let (first, last) = times.fold((i64::MAX, i64::MIN), |(first, last), s| {
        let ts = s.tape.ts();
        (first.min(ts[0]), last.max(ts[ts.len() - 1]))
    });
    if first > last || begun(last.saturating_add(1)) <= wanted {
        return streams.iter().map(|s| s.tape.rows()).collect();
    }
    let (mut low, mut high) = (first, last.saturating_add(1));
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if begun(middle) < wanted { low = middle } else { high = middle }
    }
    // All records that begin before `low` come first; those that begin at `low` follow in rank and file order.
    let mut limits: Vec<usize> = streams.iter().map(|s| s.tape.first_at_or_after(0, low)).collect();
    let mut missing = wanted - streams.iter().zip(&limits).map(|(s, &row)| records(s, row)).sum::<usize>();
    let mut order: Vec<(Rank, usize)> = streams.iter().enumerate().map(|(n, s)| (s.rank, n)).collect();
    order.sort_unstable();
    for (_, n) in order {
        let stream = &streams[n];
        let end = stream.tape.first_at_or_after(limits[n], low + 1);
        let here = (records(stream, end) - records(stream, limits[n])).min(missing);
        limits[n] = (records(stream, limits[n]) + here).saturating_mul(stream.rows_per_record());
        missing -= here;
    }
    limits.iter().zip(streams).map(|(&row, stream)| whole_records(stream, row)).collect()
}

/// Records that have begun before `row`.
pub(super) fn records(stream: &Stream, row: usize) -> usize {
    row.div_ceil(stream.rows_per_record())
}

fn whole_records(stream: &Stream, row: usize) -> usize {
    records(stream, row).saturating_mul(stream.rows_per_record()).min(stream.tape.rows())
}
