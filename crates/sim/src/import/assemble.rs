//! Chunks put together in file order: in memory as a [`Market`], or on a tape.

use std::path::Path;

use ripcord_core::market::PriceSource;
use ripcord_core::num::Ratio;

use super::chunk::{Bad, Chunk, Decoded, time_fault};
use super::decimal::{Misfit, Scaled};
use super::error::{Fault, ImportError, Place};
use super::name::About;
use super::schema::{Form, Role, Schema};
use super::{Candles, FundingRates, Market, Ticks};
use crate::candles::CandleColumns;
use crate::tape::{Columns, Spool, TapeMeta};

/// Where rows go.
pub(super) enum Target {
    Memory(Chunk),
    Tape(Spool),
}

impl Target {
    pub(super) fn memory() -> Self {
        Self::Memory(Chunk::default())
    }
}

/// Rows of one file on their way to the target.
pub(super) struct Assembler<'a> {
    path: &'a Path,
    target: Target,
    plan: Option<Plan>,
    rows: u64,
    lines: u64,
    last_ts: Option<i64>,
}

struct Plan {
    schema: Schema,
    span_ns: Option<i64>,
}

impl<'a> Assembler<'a> {
    pub(super) fn new(path: &'a Path, target: Target) -> Self {
        Self { path, target, plan: None, rows: 0, lines: 0, last_ts: None }
    }

    /// Tells how the rows to come are read. `header_lines` is 0 for binary files.
    pub(super) fn begin(
        &mut self,
        mut schema: Schema,
        about: About,
        header_lines: u64,
    ) -> Result<&Schema, ImportError> {
        if let (Some(source), Form::Bars) = (about.source, schema.form) {
            schema.source = source;
        }
        match &mut self.target {
            Target::Memory(all) => *all = Chunk::for_schema(&schema),
            Target::Tape(_) => match schema.form {
                Form::Trades | Form::Quotes | Form::Ticker => {}
                Form::Bars | Form::QuoteBars | Form::Funding => {
                    return Err(ImportError::NotTicks {
                        path: self.path.to_owned(),
                        holds: schema.form.holds(),
                    });
                }
            },
        }
        self.lines = header_lines;
        Ok(&self.plan.insert(Plan { schema, span_ns: about.span_ns }).schema)
    }

    /// Makes room for so many rows in memory. A hint: it is bounded, because a damaged file may
    /// claim anything.
    pub(super) fn expect(&mut self, rows: u64) {
        const ROWS_MAX: u64 = 1 << 26;
        if let Target::Memory(all) = &mut self.target {
            all.reserve(rows.min(ROWS_MAX) as usize);
        }
    }

    /// Takes the next rows of the file.
    pub(super) fn accept(&mut self, decoded: Decoded) -> Result<(), ImportError> {
        let Decoded { mut chunk, bad } = decoded;
        let plan = self.plan.as_ref().expect("a reader begins before it sends rows");
        let schema = &plan.schema;
        if let (Some(before), Some(&first)) = (self.last_ts, chunk.ts.first())
            && (first < before || (schema.form.is_bars() && first == before))
        {
            return Err(self.refuse(&chunk, time_fault(0, before, first, schema)));
        }
        if let Some(bad) = bad {
            return Err(self.refuse(&chunk, bad));
        }
        self.last_ts = chunk.ts.last().copied().or(self.last_ts);
        let (rows, lines) = (chunk.ts.len() as u64, chunk.lines.count());
        let misfit = match &mut self.target {
            Target::Memory(all) => append(all, &mut chunk, schema, self.rows),
            Target::Tape(spool) => match columns(chunk, schema) {
                Ok((columns, price_decimals, qty_decimals)) => {
                    spool.push(&columns, price_decimals, qty_decimals)?;
                    None
                }
                Err(bad) => Some((self.rows, bad)),
            },
        };
        if let Some((rows_before, bad)) = misfit {
            return Err(self.value_error(rows_before + bad.row as u64 + 1, None, bad));
        }
        self.rows += rows;
        self.lines += lines;
        Ok(())
    }

    /// The rows in memory as what they are.
    pub(super) fn into_market(mut self, symbol: String) -> Result<Market, ImportError> {
        let Target::Memory(all) = std::mem::replace(&mut self.target, Target::memory()) else {
            unreachable!("`read` assembles in memory");
        };
        let Some(plan) = self.plan.take().filter(|_| self.rows > 0) else {
            return Err(ImportError::Empty { path: self.path.to_owned() });
        };
        let refuse = |bad: Bad| self.value_error(bad.row as u64 + 1, None, bad);
        let schema = &plan.schema;
        match schema.form {
            Form::Trades | Form::Quotes | Form::Ticker => {
                let (columns, price_decimals, qty_decimals) = columns(all, schema).map_err(refuse)?;
                Ok(Market::Ticks(Ticks { meta: TapeMeta { symbol, price_decimals, qty_decimals }, columns }))
            }
            Form::Bars => candles(all, &plan, symbol).map(|[bars, _]| Market::Candles(bars)).map_err(refuse),
            Form::QuoteBars => {
                candles(all, &plan, symbol).map(|[bid, ask]| Market::QuoteBars { bid, ask }).map_err(refuse)
            }
            Form::Funding => funding(all, schema, symbol).map(Market::Funding).map_err(refuse),
        }
    }

    /// Finishes the tape; returns its row count.
    pub(super) fn into_tape(self, symbol: &str) -> Result<u64, ImportError> {
        match self.target {
            Target::Tape(_) if self.rows == 0 => Err(ImportError::Empty { path: self.path.to_owned() }),
            Target::Tape(spool) => Ok(spool.finish(symbol)?),
            Target::Memory(_) => unreachable!("`tape_from_file` assembles on a tape"),
        }
    }

    fn refuse(&self, chunk: &Chunk, bad: Bad) -> ImportError {
        let line = chunk.lines.of_row(bad.row, self.lines);
        self.value_error(self.rows + bad.row as u64 + 1, line, bad)
    }

    fn value_error(&self, row: u64, line: Option<u64>, bad: Bad) -> ImportError {
        let Bad { column, value, fault, .. } = bad;
        ImportError::Value { place: Place { path: self.path.to_owned(), row, line, column, value }, fault }
    }
}

/// Appends a chunk to what is in memory; the value that fits no common scale, with the rows
/// before its chunk.
fn append(all: &mut Chunk, chunk: &mut Chunk, schema: &Schema, rows_before: u64) -> Option<(u64, Bad)> {
    for (at, column) in chunk.values.iter_mut().enumerate() {
        let more = std::mem::take(column);
        let Err((misfit, decimals)) = all.values[at].append(more) else { continue };
        let (rows_before, row, value) = match misfit {
            Misfit::Earlier { row, value } => (0, row, value),
            Misfit::New { row, value } => (rows_before, row, value),
        };
        let column = schema.values[at].column.name.clone();
        return Some((rows_before, Bad { row, column, value, fault: Fault::BeyondScale { decimals } }));
    }
    all.ts.extend_from_slice(&chunk.ts);
    None
}

/// Brings all columns of one role to one scale, as coarse as it can be; returns its decimals.
fn in_one_scale(chunk: &mut Chunk, schema: &Schema, role: Role) -> Result<u8, Bad> {
    let of_role =
        || schema.values.iter().enumerate().filter(|(_, value)| value.role == role).map(|(at, _)| at);
    of_role().for_each(|at| chunk.values[at].shorten());
    let decimals = of_role().map(|at| chunk.values[at].decimals).max().unwrap_or(0);
    for at in of_role() {
        chunk.values[at]
            .rescale(decimals)
            .map_err(|row| chunk.bad(row, at, Fault::BeyondScale { decimals }, schema))?;
    }
    Ok(decimals)
}

/// Single prices as rows of a tape, with their decimals of price and quantity.
fn columns(mut chunk: Chunk, schema: &Schema) -> Result<(Columns, u8, u8), Bad> {
    let price_decimals = in_one_scale(&mut chunk, schema, Role::Price)?;
    let qty_decimals = in_one_scale(&mut chunk, schema, Role::Qty)?;
    let mut values = chunk.values.into_iter().map(|column| column.values);
    let mut next = || values.next().unwrap_or_default();
    let ts = chunk.ts;
    let rows = ts.len();
    let columns = match schema.form {
        Form::Quotes => {
            let (bid, bid_qty, ask, ask_qty) = (next(), next(), next(), next());
            Columns {
                ts: interleaved([&ts, &ts]),
                price: interleaved([&bid, &ask]),
                qty: interleaved([&bid_qty, &ask_qty]),
                source: [PriceSource::Bid as u8, PriceSource::Ask as u8].repeat(rows),
            }
        }
        Form::Ticker => {
            let (bid, ask, last) = (next(), next(), next());
            let order = [PriceSource::Bid as u8, PriceSource::Ask as u8, PriceSource::Last as u8];
            Columns {
                ts: interleaved([&ts, &ts, &ts]),
                price: interleaved([&bid, &ask, &last]),
                qty: vec![0; rows * 3],
                source: order.repeat(rows),
            }
        }
        Form::Trades | Form::Bars | Form::QuoteBars | Form::Funding => {
            Columns { ts, price: next(), qty: next(), source: vec![PriceSource::Last as u8; rows] }
        }
    };
    Ok((columns, price_decimals, qty_decimals))
}

/// The first of each column, then the second of each, and so on.
fn interleaved<const N: usize>(columns: [&[i64]; N]) -> Vec<i64> {
    (0..columns[0].len()).flat_map(|row| columns.map(|column| column[row])).collect()
}

/// Bars: the first four columns, and the next four (empty bars when there are none).
fn candles(mut chunk: Chunk, plan: &Plan, symbol: String) -> Result<[Candles; 2], Bad> {
    let price_decimals = in_one_scale(&mut chunk, &plan.schema, Role::Price)?;
    let span_ns = plan.span_ns.unwrap_or_else(|| most_common_distance(&chunk.ts));
    let is_quotes = plan.schema.form == Form::QuoteBars;
    let second_ts = if is_quotes { chunk.ts.clone() } else { Vec::new() };
    let mut values = chunk.values.into_iter().map(|column: Scaled| column.values);
    let mut bars = |ts, source| {
        let mut next = || values.next().unwrap_or_default();
        let columns = CandleColumns { ts, open: next(), high: next(), low: next(), close: next() };
        let meta = TapeMeta { symbol: symbol.clone(), price_decimals, qty_decimals: 0 };
        Candles { meta, columns, span_ns, source }
    };
    let first_source = if is_quotes { PriceSource::Bid } else { plan.schema.source };
    Ok([bars(chunk.ts, first_source), bars(second_ts, PriceSource::Ask)])
}

/// Of several equally common distances the shortest; 0 for a single bar.
fn most_common_distance(ts: &[i64]) -> i64 {
    let mut distances: Vec<i64> =
        ts.iter().zip(ts.iter().skip(1)).map(|(a, b)| b.saturating_sub(*a)).collect();
    distances.sort_unstable();
    let runs = distances.chunk_by(|a, b| a == b);
    runs.rev().max_by_key(|run| run.len()).map_or(0, |run| run[0])
}

fn funding(chunk: Chunk, schema: &Schema, symbol: String) -> Result<FundingRates, Bad> {
    let mut chunk = chunk;
    chunk.values[0].shorten();
    if chunk.values[0].decimals > Ratio::DECIMALS {
        let power = 10_i64.pow(u32::from(chunk.values[0].decimals - Ratio::DECIMALS));
        let row = chunk.values[0].values.iter().position(|rate| rate % power != 0).unwrap_or(0);
        return Err(chunk.bad(row, 0, Fault::RateTooFine, schema));
    }
    chunk.values[0].rescale(Ratio::DECIMALS).map_err(|row| chunk.bad(row, 0, Fault::Absurd, schema))?;
    let rates = chunk.ts.into_iter().zip(chunk.values[0].values.iter().map(|&rate| Ratio(rate)));
    Ok(FundingRates { symbol, rates: rates.collect() })
}
