//! What the engine's own clocks bring about, whatever the weather: a stop that was triggered and does nothing is
//! not waited for, and of an exit that hangs somebody is told again and again.
//!
//! Times are those of the records: the clocks that were due before an input have rung before it, and those that were
//! due while no process ran ring when one begins.

use ripcord_core::event::{Event, Record};
use ripcord_core::time::{Span, Timestamp};

use super::Oracle;

/// A stop that was triggered has this long; the plans' patience is shorter.
const TRIGGERED_MAX: Span = Span::from_secs(10);
/// Somebody is told of an exit that hangs at least this often.
const TOLD_EVERY: Span = Span::from_secs(80);

impl Oracle<'_> {
    /// A record is durable.
    pub(super) fn on_clock(&mut self, now: Timestamp, at: Timestamp, record: &Record) {
        match record {
            // What was due while nobody was there rings now, one after the other.
            Record::Input(Event::Resumed) => self.resumed_at = Some(at),
            Record::Input(_) if self.resumed_at == Some(at) => {}
            Record::Input(_) => self.check_clocks(now, at),
            record => {
                let life = record.episode().and_then(|episode| self.lives.get_mut(episode));
                let Some(life) = life else { return };
                if matches!(record, Record::BracketTriggered { .. }) {
                    life.triggered_at = Some(at);
                } else if !matches!(record, Record::Deferred { .. } | Record::OrderIntended(_)) {
                    life.triggered_at = None;
                }
                if matches!(record, Record::Alarm { .. } | Record::Filled(_) | Record::ExitDecided(_)) {
                    life.heard_at = Some(at);
                }
            }
        }
    }

    fn check_clocks(&mut self, now: Timestamp, at: Timestamp) {
        for key in self.living.keys() {
            let is_silent = self.is_silent(key.account);
            let life = self.living[key].and_then(|episode| self.lives.get_mut(episode));
            let Some(life) = life else { continue };
            if is_silent {
                (life.heard_at, life.triggered_at) = (Some(at), None);
            }
            let (mut hangs, mut is_forgotten) = (false, false);
            if life.closing.is_some() {
                // Nobody tells while no process runs.
                hangs = at.since((*life.heard_at.get_or_insert(at)).max(self.began)) > TOLD_EVERY;
            } else {
                life.heard_at = None;
                is_forgotten = life.triggered_at.is_some_and(|since| at.since(since) > TRIGGERED_MAX);
            }
            if hangs {
                self.fail(now, Some(key), "L4", "nobody is told again of an exit that hangs");
            }
            if is_forgotten {
                let what = "a stop was triggered, and nobody saw to what came of it";
                self.fail(now, Some(key), "L3", what);
            }
        }
    }
}
