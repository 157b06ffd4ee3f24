//! What the clock alone would do: timers that arm themselves again.

use super::{Coordinator, TimerFor, exits, inquiry, kill, listing};
use crate::time::{Span, Timestamp};

impl Coordinator {
    /// See [`crate::view::View::clock_steps_until`].
    pub(crate) fn clock_steps_until(&self, at: Timestamp) -> u64 {
        let due = self.timers.all().iter().take_while(|&&(due, _)| due <= at);
        let steps = due.filter_map(|&(due, timer)| {
            let period = match timer {
                TimerFor::Bar(feed) => self.engine.feeds.get(feed as usize)?.spec.bar,
                TimerFor::Read(account) => self.accounts.get(account)?.given.read_every?,
                TimerFor::Remind(_) => kill::REMIND_AFTER,
                TimerFor::List(_) => listing::LIST_EVERY,
                TimerFor::Inquire(_) => inquiry::ASK_AGAIN_LATER,
                TimerFor::Hangs(_) => exits::HANGS_AGAIN_AFTER,
                TimerFor::Escalate(..)
                | TimerFor::Retry(_)
                | TimerFor::Expire(..)
                | TimerFor::SignalOver(_)
                | TimerFor::TimeLimit(_)
                | TimerFor::Protect(_)
                | TimerFor::Triggered(_)
                | TimerFor::Cancel(_)
                | TimerFor::Answers
                | TimerFor::Coins(_)
                | TimerFor::Confirm(_)
                | TimerFor::ReadAgain(_)
                | TimerFor::Stale(_)
                | TimerFor::Pace(_) => return None,
            };
            Some(1 + at.since(due).0.unsigned_abs() / period.0.max(1).unsigned_abs())
        });
        steps.fold(0, u64::saturating_add)
    }

    /// When a timer rings, if it does so within a span from `now`.
    pub(super) fn rings_at(&self, now: Timestamp, within: Span, timer: TimerFor) -> Option<Timestamp> {
        self.timers.rings_between(now, now.after(within), timer)
    }

    /// A timer rings after a span, and not before: one that would ring within it is set anew.
    pub(super) fn set_anew(&mut self, now: Timestamp, after: Span, timer: TimerFor) {
        while let Some(at) = self.rings_at(now, after, timer) {
            self.timers.remove((at, timer));
        }
        self.timers.insert((now.after(after), timer));
    }
}
