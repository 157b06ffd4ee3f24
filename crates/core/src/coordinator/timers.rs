//! What the core does when a moment has come that it asked for.

use serde::{Deserialize, Serialize};

use super::{Coordinator, Step};
use crate::event::{Event, Outbox};
use crate::id::{AccountId, EpisodeId, OrderId};
use crate::planted::planted;
use crate::time::Timestamp;

/// What a timer is for; the order is that in which timers of the same moment run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) enum TimerFor {
    /// A bar of a feed ends.
    Bar(u32),
    /// An exit that waits as a limit goes to the market.
    Escalate(EpisodeId, u16),
    /// An exit that was refused is tried again.
    Retry(EpisodeId),
    /// An exit may not take longer.
    Expire(EpisodeId, u16),
    /// An exit signal may stand no longer.
    SignalOver(EpisodeId),
    /// A position may be held no longer.
    TimeLimit(EpisodeId),
    /// A bracket that was refused is placed again.
    Protect(EpisodeId),
    /// A bracket whose trigger traded was waited for.
    Triggered(EpisodeId),
    /// A cancel was not answered.
    Cancel(EpisodeId),
    /// Orders are to be answered by now.
    Answers,
    /// An order that was lost sight of is asked about again.
    Inquire(OrderId),
    /// An order waits for coins that another locks.
    Coins(EpisodeId),
    /// Somebody is told again that nothing is sent.
    Remind(AccountId),
    /// An emergency rule waited long enough for a second price.
    Confirm(EpisodeId),
    /// It is time to read the venue.
    Read(AccountId),
    /// A second read is to agree with the first.
    ReadAgain(AccountId),
    /// It is time to list what rests at the venue.
    List(AccountId),
    /// The last list is as old as may be.
    Stale(AccountId),
    /// An exit that the venue has should be filled by now.
    Hangs(EpisodeId),
    /// There is room for orders of choice again.
    Pace(AccountId),
}

impl TimerFor {
    /// The position whose orders it may touch.
    const fn episode(self) -> Option<EpisodeId> {
        match self {
            Self::Escalate(episode, _)
            | Self::Retry(episode)
            | Self::Expire(episode, _)
            | Self::Protect(episode)
            | Self::Triggered(episode)
            | Self::Cancel(episode)
            | Self::Coins(episode)
            | Self::Hangs(episode) => Some(episode),
            Self::Inquire(id) => Some(id.episode),
            // They do it themselves.
            Self::Bar(_)
            | Self::SignalOver(_)
            | Self::TimeLimit(_)
            | Self::Answers
            | Self::Remind(_)
            | Self::Confirm(_)
            | Self::Read(_)
            | Self::ReadAgain(_)
            | Self::List(_)
            | Self::Stale(_)
            | Self::Pace(_) => None,
        }
    }
}

impl Coordinator {
    /// Runs every timer that is due at `now`, in order, each as a step of its own moment.
    pub(super) fn run_due(&mut self, now: Timestamp, out: &mut Outbox) {
        let before = out.records.len();
        // In a journal each timer that left a trace is an entry of its own: once one did here, it is not that journal.
        while !(self.is_replaying && out.records.len() > before) {
            let silence =
                if self.is_replaying && !planted(122) { Timestamp::NEVER } else { self.silences.first() };
            if silence <= now && silence < self.timers.deadline() {
                self.check_silence(silence, out);
            } else if !self.run_first_due(now, out) {
                return;
            }
        }
    }

    /// What was due before `now` is due then: questions and lists that nobody could send are sent once. Bars end
    /// when they end.
    pub(super) fn put_off(&mut self, now: Timestamp) {
        self.timers.put_off(now, |timer| matches!(timer, TimerFor::Bar(_)));
        self.silences.put_off(now);
    }

    /// Says anew when something is due.
    pub(super) fn restate_deadline(&mut self) {
        self.deadline = self.timers.deadline().min(self.silences.first());
    }

    /// Runs the first timer, if it is due.
    pub(super) fn run_first_due(&mut self, now: Timestamp, out: &mut Outbox) -> bool {
        let Some((at, timer)) = self.timers.take_due(now) else { return false };
        let mut step = Step::event(at, Event::Timer, out);
        match timer {
            TimerFor::Bar(feed) => self.on_bar_border(&mut step, feed),
            TimerFor::Escalate(episode, exit) => self.on_escalate(&mut step, episode, exit),
            TimerFor::Cancel(episode) => self.on_cancel_unanswered(&mut step, episode),
            TimerFor::Retry(episode) => self.on_retry(&mut step, episode),
            TimerFor::Expire(episode, exit) => self.on_expire(&mut step, episode, exit),
            TimerFor::SignalOver(episode) => self.on_signal_over(&mut step, episode),
            TimerFor::TimeLimit(episode) => self.on_time_limit(&mut step, episode),
            TimerFor::Protect(episode) => self.on_protect(&mut step, episode),
            TimerFor::Triggered(episode) => self.on_triggered_too_long(&mut step, episode),
            TimerFor::Answers => self.on_answers_due(&mut step),
            TimerFor::Inquire(id) => self.on_inquire(&mut step, id),
            TimerFor::Coins(episode) => self.on_coins_due(&mut step, episode),
            TimerFor::Remind(account) => self.on_remind(&mut step, account),
            TimerFor::Confirm(episode) => self.on_confirm(&mut step, episode),
            TimerFor::Read(account) => self.on_read_due(&mut step, account),
            TimerFor::ReadAgain(account) => self.on_read_again_due(&mut step, account),
            TimerFor::List(account) => self.on_list_due(&mut step, account),
            TimerFor::Stale(account) => self.on_stale_due(&mut step, account),
            TimerFor::Hangs(episode) => self.on_hangs(&mut step, episode),
            TimerFor::Pace(account) => self.on_pace_due(&mut step, account),
        }
        if let Some(episode) = timer.episode() {
            self.refresh(episode);
        }
        // In a journal each timer is a step of its own.
        self.end_what_was_begun();
        true
    }
}
