//! What reads of the venue said of a position: taken over, changed past us, let go.

use ripcord_core::event::{Record, Verdict};
use ripcord_core::id::{EpisodeId, OrderId};
use ripcord_core::time::Timestamp;

use super::{Change, Life};

/// Whether a record that names buckets, not episodes, is about a life.
pub(super) fn is_about(record: &Record, episode: EpisodeId) -> bool {
    match record {
        Record::Reconciled(read) => read.found.iter().any(|found| found.key == episode.key),
        Record::HandedOver(key) => *key == episode.key,
        Record::OrdersListed(listed) => {
            let ours = listed.missing.iter().chain(&listed.back).chain(&listed.strays);
            let mut ours = ours.chain(listed.edited.iter().map(|edited| &edited.id));
            ours.any(|id| id.episode == episode)
        }
        Record::OrdersStale { account, .. } => *account == episode.key.account,
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
            Record::Returned(returned) => {
                self.story.end.remaining = returned.open;
                Change::Returned { qty: returned.qty }
            }
            Record::OrdersListed(listed) => {
                let is_own = |id: &&OrderId| id.episode == self.episode;
                let count = |ids: &[OrderId]| ids.iter().filter(is_own).count();
                let edited = listed.edited.iter().filter(|edited| edited.id.episode == self.episode);
                Change::Listed {
                    missing: count(&listed.missing),
                    back: count(&listed.back),
                    edited: edited.count(),
                    strays: count(&listed.strays),
                }
            }
            Record::OrdersStale { .. } if !self.is_closed => Change::OrdersStale,
            _ => return,
        };
        self.story.changes.push((at, change));
    }
}
