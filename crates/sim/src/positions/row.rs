//! One row: its cells as values, and everything that is wrong with them.

use csv::ByteRecord;
use ripcord_core::instrument::Side;
use ripcord_core::num::{Decimal, DecimalError, Ratio, Round};

use super::columns::{Column, Layout};
use super::faults::RowFault;
use super::{Cells, EntryAt, Options, PositionRow, time};

/// The greatest gain; plans have the same bound.
const GAIN_MAX: Ratio = Ratio(1_000 * Ratio::ONE.0);

/// A row while it is read.
pub(super) struct Row<'a> {
    record: &'a ByteRecord,
    layout: &'a Layout,
    line: u64,
    pub(super) faults: Vec<RowFault>,
    pub(super) warnings: Vec<RowFault>,
}

impl<'a> Row<'a> {
    pub(super) const fn new(record: &'a ByteRecord, layout: &'a Layout, line: u64) -> Self {
        Self { record, layout, line, faults: Vec::new(), warnings: Vec::new() }
    }

    /// The position, if all its parts could be read. There may be faults beside it.
    pub(super) fn position(&mut self, options: &Options) -> Option<PositionRow> {
        if self.record.len() != self.layout.width {
            let must = format!("has {} cells, and the header has {}", self.record.len(), self.layout.width);
            self.refuse("", "", must);
            return None;
        }
        let id = self.required(Column::Id).map(str::to_owned);
        let symbol = self.text(Column::Symbol).or_else(|| options.default_symbol.clone());
        if symbol.is_none() {
            self.refuse("symbol", "", "is empty; name the instrument".to_owned());
        }
        let side = self.side();
        let entry = self.entry(options.rows);
        let entry_price = self.above_zero(Column::EntryPrice);
        let qty = self.above_zero(Column::Qty);
        let entry_fees = self.entry_fees();
        let leverage = self.leverage();
        let cells = self.cells(side);
        Some(PositionRow {
            id: id?,
            symbol: symbol?,
            side: side?,
            entry: entry?,
            entry_price: entry_price?,
            qty: qty?,
            entry_fees,
            leverage,
            plan: self.text(Column::Plan),
            strategy: self.text(Column::Strategy),
            snapshot_id: self.text(Column::SnapshotId),
            cells,
            line: self.line,
        })
    }

    #[cold]
    pub(super) fn refuse(&mut self, column: &str, value: &str, must: String) {
        self.faults.push(self.fault(column, value, must));
    }

    fn fault(&self, column: &str, value: &str, must: String) -> RowFault {
        RowFault::new(self.line, column, value, must)
    }

    /// The cell without spaces around it; `None` when there is no such column or it is empty.
    fn get(&self, column: Column) -> Option<&'a str> {
        let cell = self.record.get(self.layout.place(column)?)?.trim_ascii();
        let text = std::str::from_utf8(cell).expect("the file was checked to be UTF-8");
        (!text.is_empty()).then_some(text)
    }

    fn text(&self, column: Column) -> Option<String> {
        self.get(column).map(str::to_owned)
    }

    fn required(&mut self, column: Column) -> Option<&'a str> {
        let cell = self.get(column);
        if cell.is_none() {
            self.refuse(column.name(), "", "is empty; every position needs it".to_owned());
        }
        cell
    }

    fn decimal(&mut self, column: Column, text: &str) -> Option<Decimal> {
        match Decimal::parse(text.as_bytes()) {
            Ok(value) => Some(value),
            Err(error) => {
                let must = match error {
                    DecimalError::NotANumber { .. } => "must be a decimal number such as 58800.10".to_owned(),
                    other => other.to_string(),
                };
                self.refuse(column.name(), text, must);
                None
            }
        }
    }

    fn above_zero(&mut self, column: Column) -> Option<Decimal> {
        let text = self.required(column)?;
        let value = self.decimal(column, text)?;
        if value <= Decimal::ZERO {
            let must = if column == Column::Qty {
                "must be above 0; a short has side short, not a negative quantity"
            } else {
                "must be above 0"
            };
            self.refuse(column.name(), text, must.to_owned());
            return None;
        }
        Some(value)
    }

    fn side(&mut self) -> Option<Side> {
        let text = self.required(Column::Side)?;
        if text.eq_ignore_ascii_case("long") {
            return Some(Side::Long);
        }
        if text.eq_ignore_ascii_case("short") {
            return Some(Side::Short);
        }
        self.refuse("side", text, "must be long or short".to_owned());
        None
    }

    fn entry(&mut self, rows: Option<u64>) -> Option<EntryAt> {
        match (self.get(Column::EntryIndex), self.get(Column::EntryTs)) {
            (Some(text), None) => self.entry_index(text, rows),
            (None, Some(text)) => match time::parse(text) {
                Ok(at) => Some(EntryAt::Time(at)),
                Err(must) => {
                    self.refuse("entry_ts", text, must.to_owned());
                    None
                }
            },
            (Some(text), Some(_)) => {
                self.refuse(
                    "entry_index",
                    text,
                    "entry_ts is given as well; leave one of them empty".to_owned(),
                );
                None
            }
            (None, None) => {
                let present = self.layout.place(Column::EntryIndex).map_or("entry_ts", |_| "entry_index");
                self.refuse(present, "", "is empty; every position needs its entry".to_owned());
                None
            }
        }
    }

    fn entry_index(&mut self, text: &str, rows: Option<u64>) -> Option<EntryAt> {
        // `parse` would take a plus sign.
        let index =
            text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
        let Some(index) = index else {
            self.refuse("entry_index", text, "must be a whole number, the row of the tape from 0".to_owned());
            return None;
        };
        if let Some(rows) = rows.filter(|&rows| index >= rows) {
            self.refuse("entry_index", text, format!("must be below {rows}, the rows of the tape"));
            return None;
        }
        if rows == Some(index + 1) {
            let must = "the last record: no price follows it, so nothing can happen to this position";
            self.warnings.push(self.fault("entry_index", text, must.to_owned()));
        }
        Some(EntryAt::Index(index))
    }

    fn entry_fees(&mut self) -> Option<Decimal> {
        let text = self.get(Column::EntryFees)?;
        let value = self.decimal(Column::EntryFees, text)?;
        if value < Decimal::ZERO {
            let must = "must be at least 0; it is an amount of the quote currency";
            self.refuse("entry_fees", text, must.to_owned());
            return None;
        }
        Some(value)
    }

    fn leverage(&mut self) -> Option<Decimal> {
        let text = self.get(Column::Leverage)?;
        let value = self.decimal(Column::Leverage, text)?;
        if value < Decimal::new(1, 0).expect("one is a decimal") {
            self.refuse("leverage", text, "must be at least 1; leave it empty for none".to_owned());
            return None;
        }
        Some(value)
    }

    fn cells(&mut self, side: Option<Side>) -> Cells {
        let stop = self.fraction(Column::StopPct, Column::SlBps);
        let target = self.fraction(Column::TargetPct, Column::TpBps);
        let trail_arm = self.fraction(Column::TrailArmPct, Column::ArmBps);
        let trail = self.fraction(Column::TrailPct, Column::TrailBps);
        for given in [&stop, &trail].into_iter().flatten() {
            if given.ratio >= Ratio::ONE {
                let must = "must be below 1, the whole price; it is a fraction: 2.5 % is stop_pct 0.025 or sl_bps 250";
                self.refuse(given.column, given.text, must.to_owned());
            }
        }
        for given in [&target, &trail_arm].into_iter().flatten() {
            match side {
                Some(Side::Short) if given.ratio >= Ratio::ONE => {
                    let must = "must be below 1 for a short: its price cannot fall below 0; it is a fraction, 2.5 % is 0.025";
                    self.refuse(given.column, given.text, must.to_owned());
                }
                Some(Side::Long) if (Ratio::ONE..=GAIN_MAX).contains(&given.ratio) => {
                    let must = "is a gain of 100 % or more; it is a fraction, 2.5 % is 0.025".to_owned();
                    self.warnings.push(self.fault(given.column, given.text, must));
                }
                Some(Side::Long | Side::Short) | None => {}
            }
            if given.ratio > GAIN_MAX {
                let must = "must be at most 1000, a gain of 100,000 %; it is a fraction, 2.5 % is 0.025";
                self.refuse(given.column, given.text, must.to_owned());
            }
        }
        if let (Some(arm), None) = (&trail_arm, &trail) {
            let must =
                "arms a trailing stop, and there is none; give trail_pct or trail_bps, or leave it empty";
            self.refuse(arm.column, arm.text, must.to_owned());
        }
        let ratio = |given: Option<Given<'_>>| given.map(|given| given.ratio);
        Cells { stop: ratio(stop), target: ratio(target), trail_arm: ratio(trail_arm), trail: ratio(trail) }
    }

    /// A fraction given directly or in basis points; 0 basis points mean absent.
    fn fraction(&mut self, pct: Column, bps: Column) -> Option<Given<'a>> {
        // A ratio counts 10^-9: a fraction has nine decimals there, a basis point five.
        let direct = self.scaled(pct, Ratio::DECIMALS);
        let points = self.scaled(bps, Ratio::DECIMALS - 4).filter(|given| given.ratio != Ratio::ZERO);
        let given = match (direct, points) {
            (Some(given), Some(_)) => {
                let must = format!("{} is given as well; leave one of them empty", bps.name());
                self.refuse(given.column, given.text, must);
                return None;
            }
            (Some(given), None) | (None, Some(given)) => given,
            (None, None) => return None,
        };
        let zero_means_something = pct == Column::TrailArmPct;
        if given.ratio < Ratio::ZERO || (given.ratio == Ratio::ZERO && !zero_means_something) {
            self.refuse(given.column, given.text, "must be above 0; leave it empty for none".to_owned());
            return None;
        }
        Some(given)
    }

    /// More digits than a ratio keeps are rounded half up, as in plans.
    fn scaled(&mut self, column: Column, decimals: u8) -> Option<Given<'a>> {
        let text = self.get(column)?;
        let value = self.decimal(column, text)?;
        match value.to_scale_rounded(decimals, Round::HalfUp) {
            Ok(units) => Some(Given { column: column.name(), text, ratio: Ratio(units) }),
            Err(error) => {
                self.refuse(column.name(), text, error.to_string());
                None
            }
        }
    }
}

/// A fraction, and where it was given.
struct Given<'a> {
    column: &'static str,
    text: &'a str,
    ratio: Ratio,
}
