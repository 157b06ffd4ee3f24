//! The venue's filters for a replay: from `--instruments FILE`, or inferred from a tape's digits.
//!
//! Three forms are read ([`parse`] tells them apart by content): TOML with `[[instruments]]`, JSON
//! with the same fields, and what Binance answers to `exchangeInfo`. Numbers keep the digits of
//! the file. Fields are listed in `docs/plans.md`, beside the plans that are resolved with them.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use ripcord_core::instrument::{Instrument, MarketKind};
use ripcord_core::num::{Decimal, MONEY_DECIMALS, Money, Price, Qty};

use crate::plan_file::line_column;
use cells::{Cell, Cells};

mod cells;
mod exchange_info;
mod json;
mod toml;

/// Why an instruments file is refused.
#[derive(Debug, thiserror::Error)]
pub enum InstrumentsError {
    /// The operating system refused, or the text is not UTF-8.
    #[error("{}: cannot read: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Everything that is wrong with it.
    #[error("{}", listed(file, faults))]
    Faults {
        /// The file, as the caller named it.
        file: String,
        /// In file order.
        faults: Vec<InstrumentFault>,
    },
}

/// One thing that is wrong with an instruments file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstrumentFault {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong, with the instrument, the field and its value, and what to do.
    pub what: String,
}

impl fmt::Display for InstrumentFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.what)
    }
}

fn listed(file: &str, faults: &[InstrumentFault]) -> String {
    let lines: Vec<String> = faults.iter().map(|fault| format!("{file}:{fault}")).collect();
    lines.join("\n")
}

/// Reads an instruments file.
///
/// # Errors
/// When the file cannot be read, and as [`parse`].
pub fn read(path: &Path) -> Result<Vec<Instrument>, InstrumentsError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| InstrumentsError::Io { path: path.to_owned(), source })?;
    parse(&text, &path.display().to_string())
}

/// Reads the text of an instruments file, in file order. `file` is for error texts only.
///
/// # Errors
/// Every fault of the file at once.
pub fn parse(text: &str, file: &str) -> Result<Vec<Instrument>, InstrumentsError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut faults = Faults { text, list: Vec::new() };
    let rows = match text.trim_start().as_bytes().first() {
        // No TOML document begins with a brace; `[` begins a table there and a list here.
        Some(b'{') => json::rows(text, &mut faults),
        Some(b'[') if !text.trim_start().starts_with("[[") && json::is_list(text) => {
            json::rows(text, &mut faults)
        }
        Some(_) | None => toml::rows(text, &mut faults),
    };
    let mut first_line: BTreeMap<String, usize> = BTreeMap::new();
    let mut instruments = Vec::with_capacity(rows.len());
    for row in &rows {
        let Some(instrument) = instrument(row, &mut faults) else { continue };
        let line = line_column(text, row.at).0;
        match first_line.get(&instrument.symbol) {
            Some(first) => {
                let what = format!("{}: given again; it stands at line {first} already", instrument.symbol);
                faults.add(row.at, what);
            }
            None => {
                first_line.insert(instrument.symbol.clone(), line);
                instruments.push(instrument);
            }
        }
    }
    if rows.is_empty() && faults.list.is_empty() {
        faults.add(0, "no instruments; give [[instruments]] with symbol, tick_size and lot_size".to_owned());
    }
    if faults.list.is_empty() {
        return Ok(instruments);
    }
    faults.list.sort_by_key(|fault| (fault.line, fault.column));
    Err(InstrumentsError::Faults { file: file.to_owned(), faults: faults.list })
}

/// An instrument as far as the digits of a tape tell: tick and lot are one unit of its decimals,
/// and there are no minimums. Whoever uses it says so to the user.
#[must_use]
pub fn infer(symbol: &str, price_decimals: u8, qty_decimals: u8) -> Instrument {
    Instrument::from_decimals(symbol, price_decimals, qty_decimals)
}

/// The same instrument in units that also hold prices and quantities of so many decimals (a mark
/// price has more digits than the tick). Tick, lot and minimums keep their values. `None` when
/// products of price and quantity would not be exact.
#[must_use]
pub fn widen(instrument: &Instrument, price_decimals: u8, qty_decimals: u8) -> Option<Instrument> {
    let mut wide = instrument.clone();
    wide.price_decimals = wide.price_decimals.max(price_decimals);
    wide.qty_decimals = wide.qty_decimals.max(qty_decimals);
    let price_factor = 10_i64.checked_pow(u32::from(wide.price_decimals - instrument.price_decimals))?;
    let qty_factor = 10_i64.checked_pow(u32::from(wide.qty_decimals - instrument.qty_decimals))?;
    wide.tick_size = Price(instrument.tick_size.0.checked_mul(price_factor)?);
    wide.lot_size = Qty(instrument.lot_size.0.checked_mul(qty_factor)?);
    wide.qty_min = Qty(instrument.qty_min.0.checked_mul(qty_factor)?);
    wide.validate().is_ok().then_some(wide)
}

/// Faults in the order in which they are met.
struct Faults<'a> {
    text: &'a str,
    list: Vec<InstrumentFault>,
}

impl Faults<'_> {
    fn add(&mut self, at: usize, what: String) {
        let (line, column) = line_column(self.text, at);
        self.list.push(InstrumentFault { line, column, what });
    }
}

/// Reads the fields of one instrument; every fault is told before it is given up.
fn instrument(row: &Cells, faults: &mut Faults<'_>) -> Option<Instrument> {
    let before = faults.list.len();
    let symbol = match row.get("symbol") {
        Some(cell) if cell.is_text && !cell.text.is_empty() => cell.text.clone(),
        Some(cell) => {
            faults.add(cell.at, format!("symbol is {}: must be text in quotes", cell.text));
            String::new()
        }
        None => {
            faults
                .add(row.at, "symbol is missing; give the venue's own symbol, as the tape has it".to_owned());
            String::new()
        }
    };
    let mut fields = Fields { symbol: &symbol, row, faults };
    let tick = fields.step("tick_size");
    let lot = fields.step("lot_size").map(|lot| fields.coarser(lot));
    let qty_min = fields.at_least_zero("qty_min").max(fields.at_least_zero("market_qty_min"));
    let notional_min = fields.at_least_zero("notional_min");
    let market_qty_max = fields.at_least_zero("market_qty_max");
    let kind = fields.kind();
    let price_decimals = fields.decimals("price_decimals", tick.map(Decimal::decimals), "tick_size");
    let qty_needed = lot.map(|lot| lot.decimals().max(qty_min.decimals()));
    let qty_decimals = fields.decimals("qty_decimals", qty_needed, "lot_size and qty_min");
    let (tick, lot, price_decimals, qty_decimals) = (tick?, lot?, price_decimals?, qty_decimals?);
    let mut scaled = |field: &str, value: Decimal, decimals: u8| {
        value.to_scale(decimals).unwrap_or_else(|error| {
            faults.add(row.at_of(field), format!("{symbol}: {field} is {value}: {error}"));
            1
        })
    };
    let instrument = Instrument {
        symbol: symbol.clone(),
        version: 1,
        price_decimals,
        qty_decimals,
        tick_size: Price(scaled("tick_size", tick, price_decimals)),
        lot_size: Qty(scaled("lot_size", lot, qty_decimals)),
        qty_min: Qty(scaled("qty_min", qty_min, qty_decimals)),
        notional_min: money(notional_min),
        kind,
        market_qty_max: Qty(scaled("market_qty_max", market_qty_max, qty_decimals)),
    };
    if let Err(error) = instrument.validate() {
        faults.add(row.at, error.to_string());
    }
    (faults.list.len() == before).then_some(instrument)
}

/// A decimal as money; every decimal fits.
fn money(value: Decimal) -> Money {
    Money(i128::from(value.mantissa()) * 10_i128.pow(u32::from(MONEY_DECIMALS - value.decimals())))
}

/// The fields of one instrument, and where its faults go.
struct Fields<'a, 'b, 'c> {
    symbol: &'a str,
    row: &'a Cells,
    faults: &'b mut Faults<'c>,
}

impl Fields<'_, '_, '_> {
    fn refuse(&mut self, cell: &Cell, field: &str, must: &str) {
        self.faults.add(cell.at, format!("{}: {field} is {}: {must}", self.symbol, cell.text));
    }

    fn kind(&mut self) -> MarketKind {
        match self.row.get("kind").map(|cell| (cell.text.as_str(), cell)) {
            None | Some(("futures", _)) => MarketKind::Futures,
            Some(("spot", _)) => MarketKind::Spot,
            Some((_, cell)) => {
                self.refuse(&cell.clone(), "kind", "must be \"futures\" or \"spot\"");
                MarketKind::Futures
            }
        }
    }

    fn number(&mut self, field: &str) -> Option<Decimal> {
        let row = self.row;
        let cell = row.get(field)?;
        match Decimal::parse(cell.text.as_bytes()) {
            Ok(value) => Some(value),
            Err(error) => {
                self.refuse(cell, field, &error.to_string());
                None
            }
        }
    }

    /// A required number above 0.
    fn step(&mut self, field: &str) -> Option<Decimal> {
        let row = self.row;
        let Some(cell) = row.get(field) else {
            let what = format!("{}: {field} is missing; give it as the venue states it", self.symbol);
            self.faults.add(row.at, what);
            return None;
        };
        let value = self.number(field)?;
        if value <= Decimal::ZERO {
            self.refuse(cell, field, "must be above 0; a zero switches the filter off at the venue, so write the smallest step that it accepts");
            return None;
        }
        Some(value)
    }

    fn at_least_zero(&mut self, field: &str) -> Decimal {
        let row = self.row;
        match (row.get(field), self.number(field)) {
            (Some(cell), Some(value)) if value < Decimal::ZERO => {
                self.refuse(cell, field, "must be at least 0");
                Decimal::ZERO
            }
            (_, value) => value.unwrap_or(Decimal::ZERO),
        }
    }

    /// A market order may have a coarser step than other orders; exits use the one that fits both.
    fn coarser(&mut self, lot: Decimal) -> Decimal {
        let row = self.row;
        let Some(cell) = row.get("market_lot_size") else { return lot };
        let Some(market) = self.number("market_lot_size").filter(|market| *market > Decimal::ZERO) else {
            return lot;
        };
        let decimals = lot.decimals().max(market.decimals());
        let common = lot
            .to_scale(decimals)
            .and_then(|lot| Ok((lot, market.to_scale(decimals)?)))
            .ok()
            .and_then(|(a, b)| (a / gcd(a, b)).checked_mul(b))
            .and_then(|multiple| Decimal::new(multiple, decimals).ok());
        common.unwrap_or_else(|| {
            self.refuse(cell, "market_lot_size", "has no common multiple with lot_size");
            lot
        })
    }

    /// Stated decimals, which must cover what is `needed`, or else what is needed.
    fn decimals(&mut self, field: &str, needed: Option<u8>, of: &str) -> Option<u8> {
        let row = self.row;
        let Some(cell) = row.get(field) else { return needed };
        match cell.text.parse::<u8>() {
            Ok(given) if given > MONEY_DECIMALS => {
                self.refuse(cell, field, "must be at most 18");
                None
            }
            Ok(given) if needed.is_some_and(|needed| given < needed) => {
                let must = format!("must be at least {}, the decimals of {of}", needed.unwrap_or_default());
                self.refuse(cell, field, &must);
                None
            }
            Ok(given) => Some(given),
            Err(_) => {
                self.refuse(cell, field, "must be a whole number from 0 to 18");
                None
            }
        }
    }
}

/// The greatest common divisor of two positive numbers.
fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
