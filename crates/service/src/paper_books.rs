//! What the books of a venue on paper are rebuilt from, beside the positions that the core holds.
//!
//! The core forgets a position that it lets go, and a real venue is asked. One that lives in this process
//! knows after a restart what the journal says.

use ripcord_core::event::Record;
use ripcord_core::id::PositionKey;
use ripcord_core::num::Qty;
use serde::{Deserialize, Serialize};

/// Follows records, bucket by bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaperBooks {
    /// What was let go, and has not traded since: it may still be held.
    let_go: Vec<(PositionKey, Qty)>,
    /// What our orders closed since the bucket was last taken over.
    closed: Vec<(PositionKey, Qty)>,
}

impl PaperBooks {
    /// Takes a record.
    pub fn take(&mut self, record: &Record) {
        match record {
            Record::Released { episode, qty, .. } => {
                forget(&mut self.let_go, episode.key);
                self.let_go.push((episode.key, *qty));
            }
            // Somebody acts on the bucket again.
            Record::Opened(opened) => {
                forget(&mut self.let_go, opened.episode.key);
                forget(&mut self.closed, opened.episode.key);
            }
            Record::Filled(filled) => {
                let key = filled.id.episode.key;
                // The stop that was left.
                if let Some((_, left)) = self.let_go.iter_mut().find(|(of, _)| *of == key) {
                    *left = Qty((left.0 - filled.qty.0).max(0));
                }
                match self.closed.iter_mut().find(|(of, _)| *of == key) {
                    Some((_, closed)) => closed.0 = closed.0.saturating_add(filled.qty.0),
                    None => self.closed.push((key, filled.qty)),
                }
            }
            _ => {}
        }
    }

    /// Every bucket of which something was let go, and how much.
    pub fn let_go(&self) -> impl Iterator<Item = (PositionKey, Qty)> {
        self.let_go.iter().copied()
    }

    /// Every bucket of which something was closed, and how much.
    pub fn closed(&self) -> impl Iterator<Item = (PositionKey, Qty)> {
        self.closed.iter().copied()
    }
}

fn forget(list: &mut Vec<(PositionKey, Qty)>, key: PositionKey) {
    list.retain(|(of, _)| *of != key);
}
