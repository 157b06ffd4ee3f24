//! Reads exits files, those of older versions and of other programs with the same columns too.

use std::io::Read;

use ripcord_core::num::{Decimal, MONEY_DECIMALS, Money, Price, Qty};
use ripcord_core::reason::{ExitType, Reason, Source};
use ripcord_core::time::Timestamp;

use super::{Ended, ExitPrice, ExitRow};

/// Columns that every exits file has; `symbol` and `strategy` may be there as well.
const NEEDED: [&str; 14] = [
    "position_id",
    "exit_index",
    "exit_ts",
    "reason",
    "source",
    "exit_type",
    "leg",
    "trigger_price",
    "exit_price",
    "qty",
    "gross_pnl",
    "fees",
    "funding",
    "net_pnl",
];

const REASONS: [Reason; 15] = [
    Reason::PanicClose,
    Reason::Manual,
    Reason::HardStop,
    Reason::LossGuard,
    Reason::StopLoss,
    Reason::SoftStop,
    Reason::TrailingStop,
    Reason::TakeProfit,
    Reason::SignalExit,
    Reason::TimeLimit,
    Reason::ProtectionFailed,
    Reason::Liquidation,
    Reason::Adl,
    Reason::Settlement,
    Reason::Unknown,
];

const SOURCES: [Source; 6] = [
    Source::ExchangeBracket,
    Source::EmergencyStop,
    Source::PositionMonitor,
    Source::Operator,
    Source::External,
    Source::Unknown,
];

/// What is wrong with an exits file.
#[derive(Debug, thiserror::Error)]
pub enum ExitsError {
    /// It cannot be read, or is no CSV.
    #[error("{file}: {why}")]
    File {
        /// The file.
        file: String,
        /// What is wrong, and what to do.
        why: String,
    },
    /// A cell is not what it must be.
    #[error("{file}: line {line}: {column} is {value:?}: {must}")]
    Cell {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
        /// The column.
        column: &'static str,
        /// The cell.
        value: String,
        /// What it must be.
        must: String,
    },
}

/// All rows of an exits file. `file` is the name that errors say.
///
/// # Errors
/// The first row that is not what it must be.
pub fn read_csv(file: &str, input: impl Read) -> Result<Vec<ExitRow>, ExitsError> {
    let faulty = |why: String| ExitsError::File { file: file.to_owned(), why };
    let mut reader = csv::Reader::from_reader(input);
    let header = reader.headers().map_err(|error| faulty(error.to_string()))?.clone();
    let place = |name: &str| header.iter().position(|column| column == name);
    let missing: Vec<&str> = NEEDED.into_iter().filter(|name| place(name).is_none()).collect();
    if !missing.is_empty() {
        let text = format!(
            "line 1: this is no exits file, it has no column {}; write one with `ripcord replay --exits FILE`",
            missing.join(", ")
        );
        return Err(faulty(text));
    }
    let places = NEEDED.map(|name| place(name).unwrap_or(usize::MAX));
    let optional = [place("symbol"), place("strategy")];
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| faulty(error.to_string()))?;
        let line = record.position().map_or(0, csv::Position::line);
        rows.push(Cells { file, line, record: &record, places }.row(optional)?);
    }
    Ok(rows)
}

/// One line.
struct Cells<'a> {
    file: &'a str,
    line: u64,
    record: &'a csv::StringRecord,
    places: [usize; NEEDED.len()],
}

impl Cells<'_> {
    fn row(&self, [symbol, strategy]: [Option<usize>; 2]) -> Result<ExitRow, ExitsError> {
        let text = |place: Option<usize>| {
            place.and_then(|place| self.record.get(place)).filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let (trigger, decimals) = self.decimal(7)?;
        let (qty, qty_decimals) = self.decimal(9)?;
        let (price, price_decimals) = self.decimal(8)?;
        // A price with other digits than the trigger's is another program's: it is kept as it stands.
        let price = if price_decimals == decimals {
            ExitPrice::Scaled(Price(price))
        } else {
            ExitPrice::Text(self.text(8).to_owned())
        };
        let row = ExitRow {
            position_id: self.text(0).to_owned(),
            exit_index: self.whole(1)?,
            exit_ts: Timestamp(self.whole(2)?),
            reason: self.word(3, REASONS, Reason::word)?,
            source: self.word(4, SOURCES, Source::word)?,
            exit_type: self.word(5, [ExitType::Market, ExitType::Limit], ExitType::word)?,
            leg: if self.text(6).is_empty() { 0 } else { self.whole(6)? },
            trigger: Price(trigger),
            price,
            qty: Qty(qty),
            gross: self.money(10)?,
            fees: self.money(11)?,
            funding: self.money(12)?,
            net: self.money(13)?,
            symbol: text(symbol).unwrap_or_else(|| "-".to_owned()),
            strategy: text(strategy),
            price_decimals: decimals,
            qty_decimals,
            ended: Ended::Closed,
        };
        let net = row.gross - row.fees - row.funding;
        if net != row.net {
            let must = format!(
                "gross_pnl - fees - funding is {}; the row contradicts itself",
                crate::number::money(net)
            );
            return Err(self.fault(13, must));
        }
        Ok(row)
    }

    fn text(&self, at: usize) -> &str {
        self.record.get(self.places[at]).unwrap_or("")
    }

    fn fault(&self, at: usize, must: String) -> ExitsError {
        ExitsError::Cell {
            file: self.file.to_owned(),
            line: self.line,
            column: NEEDED[at],
            value: self.text(at).to_owned(),
            must,
        }
    }

    fn whole<T: std::str::FromStr>(&self, at: usize) -> Result<T, ExitsError> {
        self.text(at).parse().map_err(|_| self.fault(at, "must be a whole number in its range".to_owned()))
    }

    /// A decimal number in units of its last written digit, and how many decimals were written.
    fn decimal(&self, at: usize) -> Result<(i64, u8), ExitsError> {
        let text = self.text(at);
        let written = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        let units = Decimal::parse(text.as_bytes()).and_then(|value| {
            let decimals = u8::try_from(written).unwrap_or(u8::MAX);
            Ok((value.to_scale(decimals)?, decimals))
        });
        units.map_err(|error| self.fault(at, error.to_string()))
    }

    fn money(&self, at: usize) -> Result<Money, ExitsError> {
        parse_money(self.text(at))
            .ok_or_else(|| self.fault(at, "must be a decimal amount with at most 18 decimals".to_owned()))
    }

    fn word<T: Copy, const N: usize>(
        &self,
        at: usize,
        known: [T; N],
        word: impl Fn(T) -> &'static str,
    ) -> Result<T, ExitsError> {
        let text = self.text(at);
        known.into_iter().find(|&value| word(value) == text).ok_or_else(|| {
            let words: Vec<&str> = known.into_iter().map(word).collect();
            self.fault(at, format!("must be one of {}", words.join(", ")))
        })
    }
}

/// Money from its decimal text, exactly.
fn parse_money(text: &str) -> Option<Money> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |digits| (-1, digits));
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty()
        || !is_number(whole)
        || !is_number(decimals)
        || decimals.len() > usize::from(MONEY_DECIMALS)
    {
        return None;
    }
    let value: i128 =
        format!("{whole}{decimals:0<width$}", width = usize::from(MONEY_DECIMALS)).parse().ok()?;
    // Sums of rows must fit as well.
    (value < i128::MAX / (1 << 30)).then_some(Money(sign * value))
}

#[cfg(test)]
mod tests {
    use ripcord_core::instrument::Side;

    use super::*;
    use crate::exits::tests::{fill, row};
    use crate::exits::write_csv;

    #[test]
    fn what_was_written_is_read() {
        let mut rows = vec![
            row("a, \"b\"", &fill(Side::Long, Reason::StopLoss, 9_750, 2_000)),
            row("c", &fill(Side::Short, Reason::TakeProfit, 9_650, 10)),
        ];
        rows[0].fees = Money(1);
        rows[0].net = rows[0].gross - Money(1);
        let mut text = Vec::new();
        write_csv(&mut text, &rows).expect("memory takes everything");
        let read = read_csv("e.csv", text.as_slice()).expect("it was written by us");
        for row in &mut rows {
            row.symbol = "-".to_owned();
        }
        assert_eq!(read, rows);
    }

    #[test]
    fn amounts_are_exact() {
        for (text, units) in [
            ("0", Some(0)),
            ("-0.000000000000000001", Some(-1)),
            ("0.123456", Some(123_456 * 10_i128.pow(12))),
            ("12345678901.123456789012345678", Some(12_345_678_901_123_456_789_012_345_678)),
            ("1.0000000000000000001", None),
            ("", None),
            (".5", None),
            ("1e3", None),
            ("+1", None),
            ("NaN", None),
            ("99999999999999999999999999999999999999999", None),
        ] {
            assert_eq!(parse_money(text).map(|money| money.0), units, "{text}");
        }
    }

    #[test]
    fn a_wrong_cell_is_named_with_its_line() {
        let header = super::super::CSV_HEADER;
        let good = "a,1,2,STOP_LOSS,POSITION_MONITOR,MARKET,,1.0,1.0,1,5,1,0,4";
        for (row, wanted) in [
            (
                good.replace("STOP_LOSS", "BRACKET_STOP"),
                "e.csv: line 3: reason is \"BRACKET_STOP\": must be one of PANIC_CLOSE, ",
            ),
            (
                good.replace(",5,1,0,4", ",5,1,0,3"),
                "e.csv: line 3: net_pnl is \"3\": gross_pnl - fees - funding is 4; the row contradicts itself",
            ),
            (
                good.replace(",5,1,", ",5.5.5,1,"),
                "e.csv: line 3: gross_pnl is \"5.5.5\": must be a decimal amount",
            ),
            (good.replace("a,1,2", "a,-1,2"), "e.csv: line 3: exit_index is \"-1\": must be a whole number"),
            (good.replace(",1.0,1.0", ",x,1.0"), "e.csv: line 3: trigger_price is \"x\": "),
        ] {
            let text = format!("{header}\n{good}\n{row}\n");
            let error = read_csv("e.csv", text.as_bytes()).expect_err("a wrong cell").to_string();
            assert!(error.starts_with(wanted), "{error}");
        }
        let error = read_csv("p.csv", "id,symbol\n1,X\n".as_bytes()).expect_err("another file").to_string();
        assert!(
            error.starts_with("p.csv: line 1: this is no exits file, it has no column position_id, "),
            "{error}"
        );
    }
}
