//! What reads of the venue said of a position: taken over, changed past us, let go.

use ripcord_core::event::{Record, Verdict};
use ripcord_core::id::EpisodeId;
use ripcord_core::time::Timestamp;

use super::{Change, Life};

/// Whether a record that names buckets, not episodes, is about a life.
pub(super) fn is_about(record: &Record, episode: EpisodeId) -> bool {
    match record {
        Record::Reconciled(read) => read.found.iter().any(|found| found.key == episode.key),
        Record::HandedOver(key) => *key == episode.key,
        _ => false,
    }
}

impl Life {
    pub(super) fn on_reconciled(&mut self, record: &Record, at: Timestamp, index: u64) {
        let change = match record {
            Record::Adopted(adopted) => {
                let held_back = u32::try_from(adopted.held.len()).unwrap_or(u32::MAX);
                Change::Adopted { seen: adopted.seen, held_back }
            }
            Record::LeftOutside(left) => {
                self.story.end.remaining = left.remaining;
                let (qty, price, reason) = (left.qty, left.price, left.reason);
                Change::LeftOutside { qty, price, reason, remaining: left.remaining }
            }
            Record::Released { keeps_stop, .. } => {
                self.is_closed = true;
                self.story.end.closed = Some((at, index));
                Change::Released { keeps_stop: *keeps_stop }
            }
            Record::Reconciled(read) if !self.is_closed => {
                let unconfirmed = read
                    .found
                    .iter()
                    .find(|found| found.key == self.episode.key && found.verdict == Verdict::Unconfirmed);
                let Some(found) = unconfirmed else { return };
                Change::Differs { theirs: found.theirs, ours: found.ours }
            }
            Record::HandedOver(_) if !self.is_closed => Change::HandedOver,
            _ => return,
        };
        self.story.changes.push((at, change));
    }
}
