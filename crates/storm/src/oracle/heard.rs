//! What a process was told, and what it made of it: fills count, whenever they come.

use ripcord_core::event::{AlarmKind, Entry, Event, Record, VenueEvent};
use ripcord_core::order::Fill;
use ripcord_core::time::Timestamp;

use super::Oracle;

/// Where more orders are remembered, those of lives that are over are not.
const HEARD_KEPT: usize = 256;

/// A fill that the exchange tells, and whether it does so by itself.
pub(crate) fn fill_in(event: &Event) -> Option<(Fill, bool)> {
    match event {
        Event::Venue(VenueEvent::Filled(fill)) => Some((**fill, true)),
        Event::Venue(VenueEvent::Found(found)) => found.fill.map(|fill| (fill, false)),
        _ => None,
    }
}

impl Oracle<'_> {
    /// The process was told a fill, and said this to it: what is news is counted, or told that it was not expected.
    /// What it asked for may be about a life that is over by then.
    pub(crate) fn on_heard(&mut self, now: Timestamp, (fill, by_itself): (&Fill, bool), said: &[Entry]) {
        let Some(intent) = self.intents.get(&fill.id) else { return };
        let known = intent.filled.max(intent.told);
        let heard = self.heard.entry(fill.id).or_insert(known);
        let is_news = fill.filled_total.0 > known.max(*heard);
        *heard = fill.filled_total.0.max(*heard);
        let tells = |entry: &Entry| match &entry.record {
            Record::Filled(filled) => filled.id == fill.id,
            Record::Alarm { episode, what: AlarmKind::FillNotExpected } => *episode == fill.id.episode,
            _ => false,
        };
        if is_news && by_itself && self.lives(fill.id.episode) && !said.iter().any(tells) {
            self.fail(now, Some(fill.id.episode.key), "S4", "a fill is told, and does not count");
        }
        if self.heard.len() > HEARD_KEPT {
            self.heard.retain(|id, _| id.episode.key != fill.id.episode.key || id.episode == fill.id.episode);
        }
    }
}
