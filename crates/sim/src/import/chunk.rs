//! A stretch of decoded rows, column by column, and the rules that market records keep.

use ripcord_core::num::shortest;

use super::decimal::{Scaled, power_of_ten};
use super::error::Fault;
use super::schema::{Role, Schema};

/// Some consecutive rows of a file. All columns have the same length.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// Nanoseconds UTC.
    pub(super) ts: Vec<i64>,
    /// In the order of the schema's values.
    pub(super) values: Vec<Scaled>,
    pub(super) lines: Lines,
}

/// Which lines of a text file rows stand on.
#[derive(Debug, Default)]
pub(super) enum Lines {
    /// Not a text file.
    #[default]
    None,
    /// Every line a row, but for blank lines: how many lines, and before which rows the blank ones are.
    Counted { lines: u64, blank_before: Vec<usize> },
}

/// A value that cannot be.
#[derive(Debug)]
pub(super) struct Bad {
    /// Within the chunk, from 0.
    pub(super) row: usize,
    pub(super) column: String,
    pub(super) value: String,
    pub(super) fault: Fault,
}

/// Rows, and the fault that ended them, if one did.
#[derive(Debug)]
pub(super) struct Decoded {
    pub(super) chunk: Chunk,
    pub(super) bad: Option<Bad>,
}

/// No market has seen a price or a quantity above this.
const VALUE_MAX: i64 = 1_000_000_000_000_000;

impl Chunk {
    pub(super) fn for_schema(schema: &Schema) -> Self {
        Self { values: vec![Scaled::default(); schema.values.len()], ..Self::default() }
    }

    pub(super) fn reserve(&mut self, rows: usize) {
        self.ts.reserve_exact(rows);
        self.values.iter_mut().for_each(|column| column.values.reserve_exact(rows));
    }

    /// How many rows every column has.
    pub(super) fn whole_rows(&self) -> usize {
        self.values.iter().map(|column| column.values.len()).fold(self.ts.len(), usize::min)
    }

    pub(super) fn cut_to(&mut self, rows: usize) {
        self.ts.truncate(rows);
        self.values.iter_mut().for_each(|column| column.values.truncate(rows));
    }

    /// Applies the rules to rows that were decoded up to `bad`. Of several faults the first counts.
    pub(super) fn checked(mut self, bad: Option<Bad>, schema: &Schema) -> Decoded {
        self.cut_to(self.whole_rows());
        let broken = self.first_broken(schema);
        if let Some(broken) = &broken {
            self.cut_to(broken.row);
        }
        Decoded { chunk: self, bad: broken.or(bad) }
    }

    fn first_broken(&self, schema: &Schema) -> Option<Bad> {
        let mut broken = vec![self.time_disorder(schema)];
        for (at, value) in schema.values.iter().enumerate() {
            broken.push(self.outside(at, value.role, schema));
        }
        if schema.form.is_bars() {
            for open in (0..self.values.len()).step_by(4) {
                broken.push(self.bar_disorder(open, schema));
            }
        }
        broken.into_iter().flatten().min_by_key(|bad| bad.row)
    }

    fn time_disorder(&self, schema: &Schema) -> Option<Bad> {
        let is_bars = schema.form.is_bars();
        let is_odd = |earlier: i64, later: i64| later < earlier || (is_bars && later == earlier);
        let pairs = self.ts.iter().zip(self.ts.iter().skip(1));
        // First without a question per row: nearly always there is nothing to find.
        if !pairs.clone().fold(false, |odd, (&earlier, &later)| odd | is_odd(earlier, later)) {
            return None;
        }
        let row = pairs.take_while(|&(&earlier, &later)| !is_odd(earlier, later)).count() + 1;
        Some(time_fault(row, self.ts[row - 1], self.ts[row], schema))
    }

    fn outside(&self, at: usize, role: Role, schema: &Schema) -> Option<Bad> {
        let column = &self.values[at];
        let lowest = match role {
            Role::Price => 1,
            Role::Qty => 0,
            Role::Rate => return None,
        };
        let highest =
            power_of_ten(column.decimals).and_then(|power| VALUE_MAX.checked_mul(power)).unwrap_or(i64::MAX);
        let is_odd = |value: i64| value < lowest || value > highest;
        if !column.values.iter().fold(false, |odd, &value| odd | is_odd(value)) {
            return None;
        }
        let row = column.values.iter().position(|&value| is_odd(value))?;
        let fault = match (column.values[row] > highest, role) {
            (true, _) => Fault::Absurd,
            (false, Role::Price | Role::Rate) => Fault::NotPositive,
            (false, Role::Qty) => Fault::Negative,
        };
        Some(self.bad(row, at, fault, schema))
    }

    /// Bars whose high is not their highest or whose low is not their lowest price. `open` is the
    /// column of the open; high, low and close follow.
    fn bar_disorder(&self, open: usize, schema: &Schema) -> Option<Bad> {
        let finest = self.values[open..open + 4].iter().map(|column| column.decimals).max()?;
        // 128 bits: columns may differ in scale, and what does not fit 64 is reported elsewhere.
        let price = |at: usize, row: usize| {
            let column = &self.values[at];
            i128::from(column.values[row]) * 10_i128.pow(u32::from(finest - column.decimals))
        };
        (0..self.ts.len()).find_map(|row| {
            let [open_price, high, low, close] = [0, 1, 2, 3].map(|n| price(open + n, row));
            if low <= open_price.min(close) && open_price.max(close) <= high {
                return None;
            }
            let is_high = high < open_price.max(close).max(low);
            let (at, other) = match (is_high, open_price.max(close).max(low), open_price.min(close)) {
                (true, most, _) => (open + 1, most),
                (false, _, least) => (open + 2, least),
            };
            let other = shortest(other, finest).to_string();
            Some(self.bad(row, at, Fault::BarDisorder { other }, schema))
        })
    }

    /// A fault of a decoded value.
    pub(super) fn bad(&self, row: usize, at: usize, fault: Fault, schema: &Schema) -> Bad {
        let column = &self.values[at];
        let value = shortest(i128::from(column.values[row]), column.decimals).to_string();
        Bad { row, column: schema.values[at].column.name.clone(), value, fault }
    }
}

/// The fault of a row that is earlier than the row before, in the unit of the file.
pub(super) fn time_fault(row: usize, before: i64, time: i64, schema: &Schema) -> Bad {
    let nanos = schema.unit.nanos();
    let before = before / nanos;
    let fault = match schema.form.is_bars() {
        true => Fault::BarRepeated { before },
        false => Fault::TimeBackwards { before },
    };
    Bad { row, column: schema.time.name.clone(), value: (time / nanos).to_string(), fault }
}

impl Lines {
    /// The line of a row, after so many lines before this chunk.
    pub(super) fn of_row(&self, row: usize, lines_before: u64) -> Option<u64> {
        match self {
            Self::None => None,
            Self::Counted { blank_before, .. } => {
                let blank = blank_before.iter().take_while(|&&before| before <= row).count();
                Some(lines_before + (row + blank) as u64 + 1)
            }
        }
    }

    /// Lines of this chunk.
    pub(super) const fn count(&self) -> u64 {
        match self {
            Self::Counted { lines, .. } => *lines,
            Self::None => 0,
        }
    }
}
