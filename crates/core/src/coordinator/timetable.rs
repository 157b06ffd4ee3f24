//! Which timers ring when: looked up by their moment, and by what they are for.

use std::collections::BTreeSet;

use super::TimerFor;
use crate::time::Timestamp;

/// Timers in the order in which they ring. One may be set for several moments.
#[derive(Debug, Clone)]
pub(crate) struct Timetable {
    by_moment: BTreeSet<(Timestamp, TimerFor)>,
    by_timer: BTreeSet<(TimerFor, Timestamp)>,
}

impl From<BTreeSet<(Timestamp, TimerFor)>> for Timetable {
    fn from(by_moment: BTreeSet<(Timestamp, TimerFor)>) -> Self {
        Self { by_timer: by_moment.iter().map(|&(at, timer)| (timer, at)).collect(), by_moment }
    }
}

impl Timetable {
    /// Every timer and its moment, the first one first.
    pub(crate) const fn all(&self) -> &BTreeSet<(Timestamp, TimerFor)> {
        &self.by_moment
    }

    /// When the first timer rings.
    pub(super) fn deadline(&self) -> Timestamp {
        self.by_moment.first().map_or(Timestamp::NEVER, |&(at, _)| at)
    }

    /// When a timer rings first, if that is from one moment to another, both included.
    pub(super) fn rings_between(
        &self,
        from: Timestamp,
        until: Timestamp,
        timer: TimerFor,
    ) -> Option<Timestamp> {
        // A clock that is at its end leaves no span.
        let span = (from <= until).then_some((timer, from)..=(timer, until))?;
        self.by_timer.range(span).next().map(|&(_, at)| at)
    }

    pub(super) fn insert(&mut self, (at, timer): (Timestamp, TimerFor)) {
        self.by_moment.insert((at, timer));
        self.by_timer.insert((timer, at));
    }

    pub(super) fn remove(&mut self, (at, timer): (Timestamp, TimerFor)) {
        self.by_moment.remove(&(at, timer));
        self.by_timer.remove(&(timer, at));
    }

    /// Takes the first timer, if it rings by `now`.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<(Timestamp, TimerFor)> {
        let due = *self.by_moment.first().filter(|&&(at, _)| at <= now)?;
        self.remove(due);
        Some(due)
    }

    pub(super) fn retain(&mut self, stays: impl Fn(TimerFor) -> bool) {
        self.by_moment.retain(|&(_, timer)| stays(timer));
        self.by_timer.retain(|&(timer, _)| stays(timer));
    }

    /// What rings before `now`, and may be put off, rings then.
    pub(super) fn put_off(&mut self, now: Timestamp, stays: impl Fn(TimerFor) -> bool) {
        let before = self.by_moment.iter().take_while(|&&(at, _)| at < now);
        let late: Vec<_> = before.filter(|&&(_, timer)| !stays(timer)).copied().collect();
        for (at, timer) in late {
            self.remove((at, timer));
            self.insert((now, timer));
        }
    }
}
