//! The driver: rows, leaps, timers and openings in their one order.

use ripcord_core::event::{Observed, Opening, Probe, Tick};
use ripcord_core::num::{Price, Qty};
use ripcord_core::time::Timestamp;

use super::merge::records;
use super::{Desk, Happening, Pace, Rank, ReplayReader, Stream};
use crate::tape::TapeError;

/// Who is told how far a replay has come.
pub trait Progress {
    /// So many rows of all streams are behind.
    fn rows_done(&mut self, rows: usize);
}

impl Progress for () {
    fn rows_done(&mut self, _: usize) {}
}

/// Rows between two reports of progress.
const REPORT_EVERY: usize = 1 << 20;

/// A row of one stream and where it stands among all.
type Head = (i64, Rank, usize, usize);

/// How far a replay has come.
#[derive(Debug)]
pub(super) struct Place {
    /// Next row of each stream.
    next: Vec<usize>,
    /// Happenings behind.
    happened: usize,
    now: Timestamp,
}

impl Place {
    pub(super) fn start(streams: usize) -> Self {
        Self { next: vec![0; streams], happened: 0, now: Timestamp::MIN }
    }
}

pub(super) struct Driver<'a> {
    desk: &'a mut Desk,
    streams: &'a [Stream],
    all_happenings: &'a [(Timestamp, Happening)],
    /// Those to come.
    happenings: &'a [(Timestamp, Happening)],
    pace: Pace,
    /// Next row of each stream.
    next: Vec<usize>,
    now: Timestamp,
    reported: usize,
    /// Reused between leaps.
    passed: Vec<((Timestamp, Rank, usize), Observed)>,
}

impl<'a> Driver<'a> {
    pub(super) fn new(
        desk: &'a mut Desk,
        streams: &'a [Stream],
        happenings: &'a [(Timestamp, Happening)],
        pace: Pace,
        place: Place,
    ) -> Self {
        let reported = place.next.iter().sum();
        Self {
            desk,
            streams,
            all_happenings: happenings,
            happenings: &happenings[place.happened..],
            pace,
            next: place.next,
            now: place.now,
            reported,
            passed: Vec::new(),
        }
    }

    pub(super) fn into_place(self) -> Place {
        let happened = self.all_happenings.len() - self.happenings.len();
        Place { next: self.next, happened, now: self.now }
    }

    /// Goes on until every stream has reached its limit.
    pub(super) fn run_to(
        &mut self,
        limits: &[usize],
        reader: &mut impl ReplayReader,
        progress: &mut impl super::Progress,
    ) -> Result<(), TapeError> {
        loop {
            let Some(head) = self.first_row(limits) else { return Ok(()) };
            if self.happen_before(head.0, reader) {
                continue;
            }
            match (self.pace, self.streams.len()) {
                (Pace::RowByRow, 1) => self.rows_of_one(limits[0], reader)?,
                (Pace::RowByRow, _) => self.step(head, reader)?,
                (Pace::Scan | Pace::Leap, _) => self.leap(limits, reader)?,
            }
            let done: usize = self.next.iter().sum();
            if done - self.reported >= REPORT_EVERY {
                self.reported = done;
                progress.rows_done(done);
            }
        }
    }

    /// Has the quiet prices so far told.
    pub(super) fn look(&mut self, reader: &mut impl ReplayReader) {
        self.tell(reader, Probe::TICK);
        self.desk.checkpoint(reader);
    }

    pub(super) fn open(&mut self, at: Option<Timestamp>, opening: Opening, reader: &mut impl ReplayReader) {
        let at = at.unwrap_or(self.now).max(self.now);
        // A candle's last probe stands a nanosecond before its end: the bar that closes there counts.
        let over = self.streams.iter().any(|stream| !stream.probes.is_empty())
            && self.first_row(&ends(self.streams)).is_none_or(|(ts, ..)| ts > at.0);
        while self.happen_before(at.0.saturating_add(i64::from(over)), reader) {}
        let at = at.max(self.now);
        self.tell(reader, Probe::TICK);
        self.desk.advance_to(at, reader);
        self.desk.open(at, opening, reader);
        self.now = at;
    }

    /// What is still on its way after the last row arrives: an answer is not lost because the tape ended.
    pub(super) fn finish(&mut self, reader: &mut impl ReplayReader) {
        self.tell(reader, Probe::TICK);
        while self.desk.venue.next_deadline() < Timestamp::NEVER {
            let at = self.desk.venue.next_deadline();
            self.desk.advance_to(at, reader);
        }
    }

    /// The first row, in the merged order, that lies below its stream's limit.
    fn first_row(&self, limits: &[usize]) -> Option<Head> {
        let heads = self.streams.iter().enumerate().filter(|&(n, _)| self.next[n] < limits[n]);
        heads.map(|(n, stream)| (stream.tape.ts()[self.next[n]], stream.rank, n, self.next[n])).min()
    }

    /// Lets one thing happen that comes before prices of time `ts`, if there is one.
    fn happen_before(&mut self, ts: i64, reader: &mut impl ReplayReader) -> bool {
        let Some(&(at, happening)) = self.happenings.first().filter(|(at, _)| at.0 <= ts) else {
            return false;
        };
        self.happenings = &self.happenings[1..];
        self.tell(reader, Probe::TICK);
        self.now = self.now.max(at);
        match happening {
            Happening::Funding(instrument, rate) => self.desk.funding(at, instrument, rate, reader),
            Happening::Bar(bar) => self.desk.bar(at, bar, reader),
        }
        true
    }

    /// Says to which record of the merged stream what follows belongs.
    fn tell(&self, reader: &mut impl ReplayReader, probe: Probe) {
        let begun: usize =
            self.streams.iter().zip(&self.next).map(|(stream, &row)| records(stream, row)).sum();
        reader.at(begun.saturating_sub(1) as u64, probe);
    }

    /// Every row of the only stream, up to the limit or the next happening.
    fn rows_of_one(&mut self, limit: usize, reader: &mut impl ReplayReader) -> Result<(), TapeError> {
        let stream = &self.streams[0];
        let until = self
            .happenings
            .first()
            .map_or(limit, |(at, _)| stream.tape.first_at_or_after(self.next[0], at.0).min(limit));
        let until = until.min(self.next[0] + REPORT_EVERY);
        stream.tape.verify_rows(self.next[0], until)?;
        if stream.probes.is_empty() && stream.tape.sources().len() == 1 {
            self.ticks_of_one(until, reader);
            return Ok(());
        }
        for row in self.next[0]..until {
            let tick = stream.tick(row);
            if !self.desk.take_quiet(&tick) {
                self.waking(row, &tick, reader);
            }
        }
        self.after_rows(until);
        Ok(())
    }

    /// The fastest path: ticks of one source, the columns walked side by side.
    fn ticks_of_one(&mut self, until: usize, reader: &mut impl ReplayReader) {
        let stream = &self.streams[0];
        let from = self.next[0];
        if from == until {
            return;
        }
        let cell = stream.cells[usize::from(stream.tape.source()[from])];
        let (ts, price, qty) = (stream.tape.ts(), stream.tape.price(), stream.tape.qty());
        let rows = ts[from..until].iter().zip(&price[from..until]).zip(&qty[from..until]);
        for (row, ((&at, &price), &qty)) in (from..).zip(rows) {
            let tick =
                Tick { at: Timestamp(at), price: Price(price), qty: Qty(qty), cell, probe: Probe::TICK };
            if !self.desk.take_quiet(&tick) {
                self.waking(row, &tick, reader);
            }
        }
        self.after_rows(until);
    }

    /// A row of the only stream that concerns somebody. What is due before it belongs to the record before.
    #[inline(never)]
    fn waking(&mut self, row: usize, tick: &Tick, reader: &mut impl ReplayReader) {
        if tick.at >= self.desk.next_deadline() {
            self.next[0] = row;
            self.tell(reader, Probe::TICK);
            self.desk.advance_to(tick.at, reader);
        }
        reader.at((row / self.streams[0].rows_per_record()) as u64, tick.probe);
        self.desk.tick(tick, reader);
    }

    fn after_rows(&mut self, until: usize) {
        if until > self.next[0] {
            self.now = self.now.max(Timestamp(self.streams[0].tape.ts()[until - 1]));
        }
        self.next[0] = until;
    }

    /// One row through the door.
    fn step(&mut self, (ts, _, n, row): Head, reader: &mut impl ReplayReader) -> Result<(), TapeError> {
        self.streams[n].tape.verify_rows(row, row + 1)?;
        let tick = self.streams[n].tick(row);
        if Timestamp(ts) >= self.desk.next_deadline() {
            self.tell(reader, Probe::TICK);
            self.desk.advance_to(Timestamp(ts), reader);
        }
        self.next[n] = row + 1;
        self.tell(reader, tick.probe);
        self.now = self.now.max(Timestamp(ts));
        self.desk.tick(&tick, reader);
        Ok(())
    }

    /// To the next row that concerns somebody, and that row; or to the next moment at which something is due.
    fn leap(&mut self, limits: &[usize], reader: &mut impl ReplayReader) -> Result<(), TapeError> {
        let due = self.desk.next_deadline();
        let happens = self.happenings.first().map_or(Timestamp::NEVER, |&(at, _)| at);
        let until = due.min(happens).0;
        if let [stream] = self.streams {
            let hit = self.hit(0, limits[0], until)?;
            self.pass(&[hit.row]);
            if hit.stops {
                let head = (stream.tape.ts()[hit.row], stream.rank, 0, hit.row);
                return self.step(head, reader);
            }
        } else {
            let hits = (0..self.streams.len()).map(|n| self.hit(n, limits[n], until));
            let hits = hits.collect::<Result<Vec<Hit>, TapeError>>()?;
            let stops =
                hits.iter().enumerate().filter(|(_, hit)| hit.stops).map(|(n, hit)| self.head(n, hit.row));
            let (ends, first) = self.ends(&hits, stops.min());
            self.pass(&ends);
            if let Some(head) = first {
                return self.step(head, reader);
            }
        }
        // Nothing concerns anybody before the timer: it runs, unless its time lies beyond these rows.
        if due <= happens
            && let Some((ts, ..)) = self.first_row(limits)
            && due.0 <= ts
        {
            self.tell(reader, Probe::TICK);
            self.desk.advance_to(Timestamp(ts.min(happens.0)), reader);
        }
        Ok(())
    }

    fn head(&self, n: usize, row: usize) -> Head {
        (self.streams[n].tape.ts()[row], self.streams[n].rank, n, row)
    }

    /// The first row of a stream, before `until` and its limit, that concerns somebody; or where it may go to.
    fn hit(&self, n: usize, limit: usize, until: i64) -> Result<Hit, TapeError> {
        let stream = &self.streams[n];
        let from = self.next[n];
        let per_record = stream.rows_per_record();
        let end =
            if until == i64::MAX { limit } else { stream.tape.first_at_or_after(from, until).min(limit) };
        if from >= end {
            return Ok(Hit { row: from, stops: false });
        }
        if !from.is_multiple_of(per_record) {
            return Ok(Hit { row: from, stops: true });
        }
        let bands = stream.bands(self.desk);
        let hit = match self.pace {
            Pace::Scan => {
                stream.tape.verify_rows(from, end)?;
                stream.tape.scan(from, end, &bands)
            }
            Pace::RowByRow | Pace::Leap => stream.tape.leap(from, end, &bands),
        };
        // Candles are passed whole or walked: half a candle has no extremes of its own.
        let whole = hit / per_record * per_record;
        Ok(Hit { row: whole.max(from), stops: hit < end || whole < end })
    }

    /// How far each stream is passed, and the row that comes next then: the first that stops
    /// everybody, or the first of a candle that it falls into and that is walked for it.
    fn ends(&self, hits: &[Hit], mut first: Option<Head>) -> (Vec<usize>, Option<Head>) {
        let mut ends: Vec<usize> = hits.iter().map(|hit| hit.row).collect();
        while let Some(stop) = first {
            for (n, end) in ends.iter_mut().enumerate() {
                *end = self.whole_records_before(n, *end, stop);
            }
            let cut = (0..ends.len()).filter(|&n| ends[n] < hits[n].row).map(|n| self.head(n, ends[n]));
            match cut.min().filter(|&head| head < stop) {
                Some(earlier) => first = Some(earlier),
                None => break,
            }
        }
        (ends, first)
    }

    /// How far a stream can be passed before a row of some stream, at most to `end`.
    fn whole_records_before(&self, n: usize, end: usize, (ts, rank, at, _): Head) -> usize {
        let (stream, from) = (&self.streams[n], self.next[n]);
        let before = if (stream.rank, n) < (rank, at) { ts.saturating_add(1) } else { ts };
        let end = if n == at { end } else { stream.tape.first_at_or_after(from, before).min(end) };
        (end / stream.rows_per_record() * stream.rows_per_record()).max(from)
    }

    /// Passes the quiet rows of every stream up to its end. Where two files give prices of one cell,
    /// the later row is its last.
    fn pass(&mut self, ends: &[usize]) {
        let mut passed = std::mem::take(&mut self.passed);
        for (n, &to) in ends.iter().enumerate() {
            let stream = &self.streams[n];
            passed.extend(stream.observed(self.next[n], to).map(|seen| ((seen.at, stream.rank, n), seen)));
            self.next[n] = to;
        }
        passed.sort_by_key(|&(order, _)| order);
        for (_, observed) in passed.drain(..) {
            self.desk.observe(observed.at, &observed);
            self.now = self.now.max(observed.at);
        }
        self.passed = passed;
    }
}

/// The number of rows of each stream.
pub(super) fn ends(streams: &[Stream]) -> Vec<usize> {
    streams.iter().map(|stream| stream.tape.rows()).collect()
}

/// Where a stream may go to in one piece, and whether the row there concerns somebody.
struct Hit {
    row: usize,
    stops: bool,
}
