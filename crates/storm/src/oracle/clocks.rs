//! What the engine's own clocks bring about, whatever the weather: a stop that was triggered and does nothing is
//! not waited for, and of an exit that hangs somebody is told again and again.
//!
//! Times are those of the records: the clocks that were due before an input have rung before it.

use std::collections::BTreeMap;

use ripcord_core::event::Record;
use ripcord_core::id::EpisodeId;
use ripcord_core::time::{Span, Timestamp};

use super::Oracle;

/// A stop that was triggered has this long; the plans' patience is shorter.
const TRIGGERED_MAX: Span = Span::from_secs(10);
/// Somebody is told of an exit that hangs at least this often.
const TOLD_EVERY: Span = Span::from_secs(80);

/// What waits for a clock.
#[derive(Debug, Default)]
pub(super) struct Clocks {
    /// Stops that were triggered, and did nothing since.
    triggered: BTreeMap<EpisodeId, Timestamp>,
    /// When something was last heard of an exit that is under way.
    heard: BTreeMap<EpisodeId, Timestamp>,
}

impl Oracle<'_> {
    /// A record is durable.
    pub(super) fn on_clock(&mut self, now: Timestamp, at: Timestamp, record: &Record) {
        match record {
            Record::Input(_) => self.check_clocks(now, at),
            Record::BracketTriggered { episode, .. } => {
                self.clocks.triggered.insert(*episode, at);
            }
            record => {
                let Some(episode) = record.episode() else { return };
                if !matches!(record, Record::Deferred { .. } | Record::OrderIntended(_)) {
                    self.clocks.triggered.remove(&episode);
                }
                if matches!(record, Record::Alarm { .. } | Record::Filled(_) | Record::ExitDecided(_)) {
                    self.clocks.heard.insert(episode, at);
                }
            }
        }
    }

    fn check_clocks(&mut self, now: Timestamp, at: Timestamp) {
        let living: Vec<EpisodeId> = self.living.values().copied().collect();
        for episode in living {
            let is_closing = self.lives.get(&episode).is_some_and(|life| life.closing.is_some());
            if self.is_silent(episode.key.account) {
                self.clocks.heard.insert(episode, at);
                self.clocks.triggered.remove(&episode);
            }
            if !is_closing {
                self.clocks.heard.remove(&episode);
            } else if at.since(*self.clocks.heard.entry(episode).or_insert(at)) > TOLD_EVERY {
                self.fail(now, Some(episode.key), "L4", "nobody is told again of an exit that hangs");
            }
            let since = self.clocks.triggered.get(&episode).filter(|_| !is_closing);
            if since.is_some_and(|since| at.since(*since) > TRIGGERED_MAX) {
                self.fail(
                    now,
                    Some(episode.key),
                    "L3",
                    "a stop was triggered, and nobody saw to what came of it",
                );
            }
        }
        self.clocks.triggered.retain(|episode, _| self.living.get(&episode.key) == Some(episode));
    }
}
