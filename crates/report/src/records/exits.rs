//! The closing fills of a run, with what the header knows of their positions.

use std::collections::BTreeMap;
use std::io::BufRead;

use ripcord_core::event::Record;
use ripcord_core::id::AccountId;

use super::{PositionEntry, RecordsError, RecordsReader};
use crate::exits::ExitRow;

/// Every closing fill of a run, in order.
///
/// # Errors
/// The first line that is not what was written.
pub fn exits_of<R: BufRead>(records: &mut RecordsReader<R>) -> Result<Vec<ExitRow>, RecordsError> {
    let header = records.header().clone();
    let positions: BTreeMap<AccountId, &PositionEntry> =
        header.positions.iter().map(|position| (position.account, position)).collect();
    let mut rows = Vec::new();
    while let Some(line) = records.next_line()? {
        let Record::Filled(filled) = &line.entry.record else { continue };
        let key = filled.id.episode.key;
        let (Some(position), Some(instrument)) =
            (positions.get(&key.account), header.instrument(key.instrument))
        else {
            let text =
                format!("account {} or instrument {} is not in the header", key.account.0, key.instrument.0);
            return Err(records.damaged(text));
        };
        rows.push(ExitRow::from_fill(
            filled,
            &instrument.rules,
            &position.id,
            line.index,
            line.entry.at,
            position.strategy.as_deref(),
        ));
    }
    Ok(rows)
}
