//! The closing fills of a run, with what the header knows of their positions and the records of their ends.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;

use ripcord_core::event::Record;
use ripcord_core::id::{AccountId, EpisodeId};
use ripcord_core::num::Qty;

use super::{PositionEntry, RecordsError, RecordsReader};
use crate::exits::{Ended, ExitRow};

/// Every closing fill of a run, in order.
///
/// # Errors
/// The first line that is not what was written.
pub fn exits_of<R: BufRead>(records: &mut RecordsReader<R>) -> Result<Vec<ExitRow>, RecordsError> {
    let header = records.header().clone();
    let positions: BTreeMap<AccountId, &PositionEntry> =
        header.positions.iter().map(|position| (position.account, position)).collect();
    let (mut rows, mut of_row) = (Vec::new(), Vec::new());
    let mut ends = Ends::default();
    while let Some(line) = records.next_line()? {
        ends.take(&line.entry.record);
        let Record::Filled(filled) = &line.entry.record else { continue };
        let key = filled.id.episode.key;
        let (Some(position), Some(instrument)) =
            (positions.get(&key.account), header.instrument(key.instrument))
        else {
            let text =
                format!("account {} or instrument {} is not in the header", key.account.0, key.instrument.0);
            return Err(records.damaged(text));
        };
        of_row.push(filled.id.episode);
        rows.push(ExitRow::from_fill(
            filled,
            &instrument.rules,
            &position.id,
            line.index,
            line.entry.at,
            position.strategy.as_deref(),
        ));
    }
    for (row, episode) in rows.iter_mut().zip(of_row) {
        row.ended = ends.of(episode);
    }
    Ok(rows)
}

/// Which episodes are over, and of which a part left at a price that nobody told.
#[derive(Debug, Default)]
struct Ends {
    closed: BTreeSet<EpisodeId>,
    unpriced: BTreeMap<EpisodeId, Qty>,
}

impl Ends {
    fn take(&mut self, record: &Record) {
        match record {
            Record::Closed { episode } => {
                self.closed.insert(*episode);
            }
            Record::LeftOutside(left) if left.price.is_none() => {
                let unpriced = self.unpriced.entry(left.episode).or_default();
                unpriced.0 = unpriced.0.saturating_add(left.qty.0);
            }
            // The trade that follows says what it was worth.
            Record::Returned(returned) => {
                if let Some(unpriced) = self.unpriced.get_mut(&returned.episode) {
                    unpriced.0 = unpriced.0.saturating_sub(returned.qty.0);
                }
            }
            _ => {}
        }
    }

    fn of(&self, episode: EpisodeId) -> Ended {
        match (self.closed.contains(&episode), self.unpriced.get(&episode)) {
            (false, _) => Ended::Open,
            (true, Some(unpriced)) if unpriced.0 > 0 => Ended::Unknown,
            (true, _) => Ended::Closed,
        }
    }
}
