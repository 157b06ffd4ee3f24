//! Which column of a file is which.

use csv::ByteRecord;

use super::faults::RowFault;

/// A column that a positions file may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Id,
    Symbol,
    Side,
    EntryIndex,
    EntryTs,
    EntryPrice,
    Qty,
    EntryFees,
    Leverage,
    Plan,
    Strategy,
    SnapshotId,
    StopPct,
    TargetPct,
    TrailArmPct,
    TrailPct,
    SlBps,
    TpBps,
    ArmBps,
    TrailBps,
}

/// Every column, at its own number.
const NAMES: [(Column, &str); 20] = [
    (Column::Id, "id"),
    (Column::Symbol, "symbol"),
    (Column::Side, "side"),
    (Column::EntryIndex, "entry_index"),
    (Column::EntryTs, "entry_ts"),
    (Column::EntryPrice, "entry_price"),
    (Column::Qty, "qty"),
    (Column::EntryFees, "entry_fees"),
    (Column::Leverage, "leverage"),
    (Column::Plan, "plan"),
    (Column::Strategy, "strategy"),
    (Column::SnapshotId, "snapshot_id"),
    (Column::StopPct, "stop_pct"),
    (Column::TargetPct, "target_pct"),
    (Column::TrailArmPct, "trail_arm_pct"),
    (Column::TrailPct, "trail_pct"),
    (Column::SlBps, "sl_bps"),
    (Column::TpBps, "tp_bps"),
    (Column::ArmBps, "arm_bps"),
    (Column::TrailBps, "trail_bps"),
];

impl Column {
    pub(super) const fn name(self) -> &'static str {
        NAMES[self as usize].1
    }
}

/// The place of each column in a file.
#[derive(Debug)]
pub(super) struct Layout {
    places: [Option<usize>; NAMES.len()],
    /// Cells of a row.
    pub(super) width: usize,
}

impl Layout {
    /// Reads a header, or tells everything that is wrong with it.
    pub(super) fn of_header(header: &ByteRecord, has_symbol: bool) -> Result<Self, Vec<RowFault>> {
        let mut layout = Self { places: [None; NAMES.len()], width: header.len() };
        let mut faults = Vec::new();
        let mut refuse = |column: &str, must: String| {
            faults.push(RowFault::new(1, column, "", must));
        };
        for (at, name) in header.iter().enumerate() {
            let name = String::from_utf8_lossy(name.trim_ascii()).into_owned();
            match NAMES.iter().find(|(_, known)| *known == name) {
                Some((column, _)) if layout.places[*column as usize].is_some() => {
                    refuse(&name, "is there twice; remove one".to_owned());
                }
                Some((column, _)) => layout.places[*column as usize] = Some(at),
                None => {
                    let known = NAMES.map(|(_, known)| known).join(", ");
                    refuse(&name, format!("is not a known column; known are {known}"));
                }
            }
        }
        for column in [Column::Id, Column::Side, Column::EntryPrice, Column::Qty] {
            if layout.place(column).is_none() {
                refuse(column.name(), "is missing; every position needs it".to_owned());
            }
        }
        if layout.place(Column::Symbol).is_none() && !has_symbol {
            refuse("symbol", "is missing; add it, or name one symbol for all rows".to_owned());
        }
        if layout.place(Column::EntryIndex).is_none() && layout.place(Column::EntryTs).is_none() {
            refuse("entry_index", "is missing, and so is entry_ts; add one of them".to_owned());
        }
        if faults.is_empty() { Ok(layout) } else { Err(faults) }
    }

    pub(super) const fn place(&self, column: Column) -> Option<usize> {
        self.places[column as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_stands_at_its_own_number() {
        for (at, (column, name)) in NAMES.iter().enumerate() {
            assert_eq!((*column as usize, column.name()), (at, *name));
        }
    }
}
