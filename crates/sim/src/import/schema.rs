//! The tables that are known, by the names of their columns.

use ripcord_core::market::PriceSource;

/// What one row of a table says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// price, quantity
    Trades,
    /// bid price, bid quantity, ask price, ask quantity
    Quotes,
    /// bid, ask, last price
    Ticker,
    /// open, high, low, close
    Bars,
    /// open, high, low, close of the bid, then of the ask
    QuoteBars,
    /// rate
    Funding,
}

impl Form {
    /// Whether rows are bars, whose times rise strictly.
    pub(super) const fn is_bars(self) -> bool {
        matches!(self, Self::Bars | Self::QuoteBars)
    }

    /// What a file of this form holds, for errors.
    pub(super) const fn holds(self) -> &'static str {
        match self {
            Self::Trades => "trades",
            Self::Quotes | Self::Ticker => "quotes",
            Self::Bars => "candles",
            Self::QuoteBars => "quote bars",
            Self::Funding => "funding rates",
        }
    }
}

/// What a number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Price,
    Qty,
    Rate,
}

/// What a time counts since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeUnit {
    Nanos,
    Micros,
    Millis,
    Seconds,
    /// Told by the size of the first time: Binance's spot files count milliseconds up to 2024 and
    /// microseconds from 2025 on, under the same name.
    BySize,
}

impl TimeUnit {
    /// Nanoseconds of one unit.
    pub(super) const fn nanos(self) -> i64 {
        match self {
            Self::Nanos | Self::BySize => 1,
            Self::Micros => 1_000,
            Self::Millis => 1_000_000,
            Self::Seconds => 1_000_000_000,
        }
    }

    /// The unit in which this time lies between 1973 and 5138.
    pub(super) const fn by_size_of(time: i64) -> Self {
        match time {
            i64::MIN..100_000_000_000 => Self::Seconds,
            100_000_000_000..100_000_000_000_000 => Self::Millis,
            100_000_000_000_000..100_000_000_000_000_000 => Self::Micros,
            100_000_000_000_000_000.. => Self::Nanos,
        }
    }
}

/// A column that is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    /// Place in the file, from 0.
    pub(super) at: usize,
    pub(super) name: String,
}

/// A column of numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) column: Column,
    pub(super) role: Role,
    /// Integers of a binary file are in units of `10^-integer_decimals`.
    pub(super) integer_decimals: u8,
}

/// How to read the rows of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Schema {
    pub(super) form: Form,
    /// Which price bars are of.
    pub(super) source: PriceSource,
    pub(super) time: Column,
    pub(super) unit: TimeUnit,
    /// In the order that the form says.
    pub(super) values: Vec<Value>,
}

/// The known columns, for the error that lists them.
pub const KNOWN_SCHEMAS: &str = "  trades:     ts_ns or ts_ms, price, qty\n  \
  trades:     ts_ns, price_ticks (0.01), qty_milli (0.001)  [Parquet integers]\n  \
  trades:     time, price, qty  [Binance]\n  \
  aggtrades:  transact_time, price, quantity  or  T, p, q  [Binance]\n  \
  bbo:        ts_ns, bid_price, bid_qty, ask_price, ask_qty\n  \
  ticker:     ts_ns, bid_price, ask_price, last_price\n  \
  candles:    ts_ms or ts_ns, open, high, low, close\n  \
  candles:    open_time, open, high, low, close  [Binance klines]\n  \
  candles:    date, open, high, low, close  [freqtrade feather]\n  \
  quotebars:  ts_ms, bid_open, bid_high, bid_low, bid_close, ask_open, ask_high, ask_low, ask_close\n  \
  funding:    ts_ms, funding_rate\n  \
  without a header: Binance trades (6 or 7 columns), aggTrades (7 or 8), klines (12)\n\
other columns may stand beside them; their order is free";

struct Known {
    form: Form,
    time: &'static str,
    unit: TimeUnit,
    values: &'static [&'static str],
    integer_decimals: &'static [u8],
    /// Known in binary files only: the unit is in the type.
    binary: bool,
}

const BARS: &[&str] = &["open", "high", "low", "close"];

const fn known(form: Form, time: &'static str, unit: TimeUnit, values: &'static [&'static str]) -> Known {
    Known { form, time, unit, values, integer_decimals: &[0; 8], binary: false }
}

const KNOWN: &[Known] = &[
    known(Form::Quotes, "ts_ns", TimeUnit::Nanos, &["bid_price", "bid_qty", "ask_price", "ask_qty"]),
    known(Form::Ticker, "ts_ns", TimeUnit::Nanos, &["bid_price", "ask_price", "last_price"]),
    known(Form::Trades, "ts_ns", TimeUnit::Nanos, &["price", "qty"]),
    Known {
        integer_decimals: &[2, 3],
        binary: true,
        ..known(Form::Trades, "ts_ns", TimeUnit::Nanos, &["price_ticks", "qty_milli"])
    },
    known(Form::Trades, "ts_ms", TimeUnit::Millis, &["price", "qty"]),
    known(Form::Trades, "time", TimeUnit::BySize, &["price", "qty"]),
    known(Form::Trades, "transact_time", TimeUnit::BySize, &["price", "quantity"]),
    known(Form::Trades, "T", TimeUnit::BySize, &["p", "q"]),
    known(Form::Bars, "ts_ms", TimeUnit::Millis, BARS),
    Known { integer_decimals: &[2; 4], ..known(Form::Bars, "ts_ns", TimeUnit::Nanos, BARS) },
    known(Form::Bars, "open_time", TimeUnit::BySize, BARS),
    known(Form::Bars, "date", TimeUnit::BySize, BARS),
    known(
        Form::QuoteBars,
        "ts_ms",
        TimeUnit::Millis,
        &["bid_open", "bid_high", "bid_low", "bid_close", "ask_open", "ask_high", "ask_low", "ask_close"],
    ),
    known(Form::Funding, "ts_ms", TimeUnit::Millis, &["funding_rate"]),
];

/// Whether a file's bytes carry types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    Text,
    Binary,
}

impl Schema {
    /// The schema with these column names, if it is known. Columns may stand in any order, and
    /// others may stand between them.
    pub(super) fn of_names(names: &[&str], container: Container) -> Option<Self> {
        let find = |name: &str| {
            let at = names.iter().position(|found| found.trim() == name)?;
            Some(Column { at, name: name.to_owned() })
        };
        KNOWN.iter().filter(|known| !known.binary || container == Container::Binary).find_map(|known| {
            let values: Option<Vec<Column>> = known.values.iter().map(|name| find(name)).collect();
            Some(Self::new(known.form, find(known.time)?, known.unit, values?, known.integer_decimals))
        })
    }

    /// The schema of a Binance file without header, told by the number of columns and by which of
    /// them is a yes or no.
    pub(super) fn of_headerless(fields: &[&str]) -> Option<Self> {
        let is_flag = |at: usize| {
            fields.get(at).is_some_and(|field| ["true", "false"].contains(&field.to_lowercase().as_str()))
        };
        let place = |at: usize, name: &str| Column { at, name: name.to_owned() };
        let trades = |time, price: usize, qty: usize| {
            let values = vec![place(price, "price"), place(qty, "qty")];
            Some(Self::new(Form::Trades, place(time, "time"), TimeUnit::BySize, values, &[0; 2]))
        };
        match fields.len() {
            6 | 7 if is_flag(5) => trades(4, 1, 2),
            7 | 8 if is_flag(6) => trades(5, 1, 2),
            12 => {
                let values = BARS.iter().enumerate().map(|(n, name)| place(n + 1, name)).collect();
                Some(Self::new(Form::Bars, place(0, "open_time"), TimeUnit::BySize, values, &[0; 4]))
            }
            _ => None,
        }
    }

    /// freqtrade's JSON candles: `[time in milliseconds, open, high, low, close, volume]`.
    pub(super) fn of_json_candles() -> Self {
        let place = |(at, name): (usize, &&str)| Column { at: at + 1, name: (*name).to_owned() };
        let values = BARS.iter().enumerate().map(place).collect();
        let time = Column { at: 0, name: "date".to_owned() };
        Self::new(Form::Bars, time, TimeUnit::Millis, values, &[0; 4])
    }

    fn new(form: Form, time: Column, unit: TimeUnit, columns: Vec<Column>, integer_decimals: &[u8]) -> Self {
        let values = columns.into_iter().enumerate().map(|(n, column)| Value {
            role: role(form, n),
            integer_decimals: integer_decimals[n],
            column,
        });
        Self { form, source: PriceSource::Last, time, unit, values: values.collect() }
    }

    /// Bars read as funding rates: freqtrade keeps a rate in the `open` of a bar.
    pub(super) fn into_funding(mut self) -> Self {
        self.values.truncate(1);
        self.values[0].role = Role::Rate;
        self.form = Form::Funding;
        self
    }
}

const fn role(form: Form, value: usize) -> Role {
    match form {
        Form::Trades | Form::Quotes if value % 2 == 1 => Role::Qty,
        Form::Funding => Role::Rate,
        Form::Trades | Form::Quotes | Form::Ticker | Form::Bars | Form::QuoteBars => Role::Price,
    }
}
