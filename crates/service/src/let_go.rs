//! What was let go and may still be held at the venue: the books of a venue on paper are rebuilt from it.
//!
//! The core forgets a position that it lets go, and a real venue is asked. One that lives in this process
//! knows after a restart what the journal says.

use ripcord_core::event::Record;
use ripcord_core::id::PositionKey;
use ripcord_core::num::Qty;
use serde::{Deserialize, Serialize};

/// Follows records: how much of each bucket was let go and has not traded since.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LetGo(Vec<(PositionKey, Qty)>);

impl LetGo {
    /// Takes a record.
    pub fn take(&mut self, record: &Record) {
        match record {
            Record::Released { episode, qty, .. } => {
                self.forget(episode.key);
                self.0.push((episode.key, *qty));
            }
            // Somebody acts on the bucket again.
            Record::Opened(opened) => self.forget(opened.episode.key),
            // The stop that was left.
            Record::Filled(filled) => {
                let left = self.0.iter_mut().find(|(key, _)| *key == filled.id.episode.key);
                if let Some((_, left)) = left {
                    *left = Qty((left.0 - filled.qty.0).max(0));
                }
            }
            _ => {}
        }
    }

    /// Every bucket, and how much.
    pub fn iter(&self) -> impl Iterator<Item = (PositionKey, Qty)> {
        self.0.iter().copied()
    }

    fn forget(&mut self, key: PositionKey) {
        self.0.retain(|(of, _)| *of != key);
    }
}
