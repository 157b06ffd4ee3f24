//! One row of the former table, column by column.

use ripcord_core::num::{MONEY_DECIMALS, Money};
use ripcord_core::reason::Reason;
use ripcord_core::time::Timestamp;
use ripcord_ledger::{money, text, trigger};
use rusqlite::types::Value;
use rusqlite::{ErrorCode, Row};

use super::AdoptError;
use crate::ledger::TRADE_RECORDS;

/// Said of every row with a float.
const FLOATS: &str = "amounts were binary floats";

/// A row of the former table.
pub(super) struct Former {
    number: u64,
    values: Vec<(String, Value)>,
    notes: Vec<String>,
    had_floats: bool,
}

impl Former {
    pub(super) fn read(number: u64, columns: &[String], row: &Row<'_>) -> rusqlite::Result<Self> {
        let values = (0..columns.len()).map(|at| Ok((columns[at].clone(), row.get(at)?)));
        let values = values.collect::<rusqlite::Result<_>>()?;
        Ok(Self { number, values, notes: Vec::new(), had_floats: false })
    }

    /// Whether its note says more than that it had floats.
    pub(super) const fn is_remarkable(&self) -> bool {
        !self.notes.is_empty()
    }

    /// What SQLite refused, in words of the row.
    pub(super) fn refused(&self, why: rusqlite::Error) -> AdoptError {
        let is_twice = why.sqlite_error_code() == Some(ErrorCode::ConstraintViolation);
        if !is_twice {
            return why.into();
        }
        self.fault("order_id", "it must be there once and keep the table's rules")
    }

    fn value(&self, column: &str) -> &Value {
        self.values.iter().find(|(name, _)| name == column).map_or(&Value::Null, |(_, value)| value)
    }

    fn fault(&self, column: &'static str, must: &'static str) -> AdoptError {
        let value = self.word(column);
        let value = if value.is_empty() { "nothing".to_owned() } else { value };
        AdoptError::Row { row: self.number, column, value, must }
    }

    /// A value as text; nothing is the empty one.
    fn word(&self, column: &str) -> String {
        match self.value(column) {
            Value::Null => String::new(),
            Value::Integer(value) => value.to_string(),
            Value::Real(value) => value.to_string(),
            Value::Text(value) => value.clone(),
            Value::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        }
    }

    fn maybe_word(&self, column: &str) -> Option<String> {
        Some(self.word(column)).filter(|word| !word.is_empty())
    }

    /// An amount as decimal text: of a float the shortest that is read as the same float.
    fn amount(&mut self, column: &str) -> Option<String> {
        let (told, is_float) = match self.value(column) {
            Value::Null => return None,
            Value::Integer(value) => (value.to_string(), false),
            Value::Real(value) => (value.to_string(), true),
            Value::Text(value) => (value.trim().to_owned(), false),
            Value::Blob(_) => (String::new(), false),
        };
        self.had_floats |= is_float;
        let told = if told == "-0" { "0".to_owned() } else { told };
        if parts(&told).is_none() {
            self.notes.push(format!("{column} was {told}, which is no amount"));
            return None;
        }
        Some(told)
    }

    /// All columns of our table.
    pub(super) fn values(
        &mut self,
        unix: &mut dyn FnMut(&str) -> rusqlite::Result<Option<i64>>,
    ) -> Result<Vec<Value>, AdoptError> {
        let order_id =
            self.maybe_word("order_id").ok_or_else(|| self.fault("order_id", "each row needs one"))?;
        let side = self.word("side").trim().to_ascii_lowercase();
        if side != "buy" && side != "sell" {
            return Err(self.fault("side", "it must be buy or sell"));
        }
        let closes = side == "sell";
        let (order_time, order_time_ns) = self.time(unix)?;
        let pnl = self.amount("pnl_usd");
        let realized = self.amount("realized_profit");
        if realized.is_some() && realized.as_deref().and_then(parse) != pnl.as_deref().and_then(parse) {
            // One source per number: the other one was wrong by any factor.
            self.notes.push(format!("realized_profit was {}", realized.unwrap_or_default()));
        }
        let (nano, atto) = pnl.as_deref().and_then(parse).and_then(money::split).unzip();
        let reason = self.maybe_word("exit_reason").filter(|_| closes);
        let known = reason.as_deref().map(Reason::from_text);
        if let (Some(said), Some(known)) = (&reason, known)
            && said != known.word()
        {
            self.notes.push(format!("exit_reason was {said}"));
        }
        let trigger = self.trigger();
        let parents = self.parents();
        let given = |text: Option<String>| Value::from(text);
        let mut values = Vec::with_capacity(TRADE_RECORDS.columns.len());
        for column in TRADE_RECORDS.columns {
            values.push(match *column {
                "order_id" => order_id.clone().into(),
                "side" => side.clone().into(),
                "position_side" => "long".to_owned().into(),
                "order_time" => order_time.clone().into(),
                "order_time_ns" => order_time_ns.into(),
                "pnl_usd" => given(pnl.clone()),
                "pnl_nano" => nano.into(),
                "pnl_atto" => atto.into(),
                "trigger" => trigger.clone().into(),
                "parent_ids" => parents.clone().into(),
                "ingest_via" => "adopted".to_owned().into(),
                "exit_reason" => given(known.map(|reason| reason.word().to_owned())),
                "exit_source" => given(known.map(|_| "UNKNOWN".to_owned())),
                "closes" => closes.into(),
                "fills" => 1.into(),
                "price"
                | "size"
                | "total_fees_usd"
                | "cost_basis_usd"
                | "sale_proceeds_usd"
                | "net_sale_proceeds_usd"
                | "remaining_size" => given(self.amount(column)),
                "symbol" | "order_type" | "status" | "source" => self.word(column).into(),
                "parent_id" | "last_reconciled_at" | "last_reconciled_via" => given(self.maybe_word(column)),
                // Behind all others, so that it knows what was done to them.
                "note" => given(self.note()),
                _ => Value::Null,
            });
        }
        Ok(values)
    }

    fn note(&self) -> Option<String> {
        let floats = self.had_floats.then_some(FLOATS);
        let notes: Vec<&str> = floats.into_iter().chain(self.notes.iter().map(String::as_str)).collect();
        (!notes.is_empty()).then(|| notes.join("; "))
    }

    fn trigger(&mut self) -> String {
        let word = self.word("trigger");
        trigger::from_foreign(&word).unwrap_or_else(|why| {
            self.notes.push(format!("{why}; it stands in the former table"));
            trigger::shape("", None)
        })
    }

    /// A JSON array of texts, from an array in JSON or in PostgreSQL's `{a,b}`, or one text.
    fn parents(&self) -> String {
        let word = self.word("parent_ids");
        if let Ok(serde_json::Value::Array(ids)) = serde_json::from_str(&word) {
            return serde_json::Value::Array(ids).to_string();
        }
        let list = word.strip_prefix('{').and_then(|word| word.strip_suffix('}')).unwrap_or(&word);
        let ids: Vec<&str> =
            list.split(',').map(|id| id.trim().trim_matches('"')).filter(|id| !id.is_empty()).collect();
        serde_json::Value::from(ids).to_string()
    }

    /// The time in UTC and in nanoseconds: text as SQLite reads it, or a count since 1970.
    fn time(
        &mut self,
        unix: &mut dyn FnMut(&str) -> rusqlite::Result<Option<i64>>,
    ) -> Result<(String, i64), AdoptError> {
        let word = self.word("order_time");
        let seconds = if let Value::Integer(count) = self.value("order_time") {
            return Ok(counted(*count).map_or((word, 0), |at| (text::utc(Timestamp(at)), at)));
        } else {
            unix(&word)?
        };
        let at = seconds.and_then(|seconds| seconds.checked_mul(1_000_000_000)?.checked_add(fraction(&word)));
        match at {
            Some(at) => Ok((text::utc(Timestamp(at)), at)),
            None => {
                self.notes.push("order_time is no time".to_owned());
                Ok((word, 0))
            }
        }
    }
}

/// Nanoseconds of a count since 1970 whose size tells its unit, as in positions files.
fn counted(count: i64) -> Option<i64> {
    let unit = match count {
        i64::MIN..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        100_000_000_000_000_000.. => 1,
    };
    count.checked_mul(unit)
}

/// The nanoseconds behind the point of a time.
fn fraction(time: &str) -> i64 {
    let digits = time.split_once('.').map_or("", |(_, rest)| rest);
    let digits: String = digits.chars().take_while(char::is_ascii_digit).take(9).collect();
    format!("{digits:0<9}").parse().unwrap_or(0)
}

/// Sign, whole part and decimals of decimal text.
fn parts(told: &str) -> Option<(i128, &str, &str)> {
    let (sign, digits) = told.strip_prefix('-').map_or((1, told), |digits| (-1, digits));
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    (!whole.is_empty() && is_number(whole) && is_number(decimals)).then_some((sign, whole, decimals))
}

/// Decimal text as money, none when it is too large; digits beyond its last are rounded half to even.
fn parse(told: &str) -> Option<Money> {
    let (sign, whole, decimals) = parts(told)?;
    let places = usize::from(MONEY_DECIMALS);
    let (kept, rest) = decimals.split_at(decimals.len().min(places));
    let units: i128 = format!("{whole}{kept:0<places$}").parse().ok()?;
    let half = rest.as_bytes().first().map_or(std::cmp::Ordering::Less, |first| {
        first.cmp(&b'5').then_with(|| rest[1..].bytes().any(|byte| byte > b'0').cmp(&false))
    });
    let up = half.is_gt() || (half.is_eq() && units % 2 != 0);
    Some(Money(sign * (units + i128::from(up))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_from_their_digits() {
        for (told, units) in [
            ("0.1", Some(10_i128.pow(17))),
            ("-12.5", Some(-125 * 10_i128.pow(17))),
            ("0.0000000000000000005", Some(0)),
            ("0.0000000000000000015", Some(2)),
            ("0.00000000000000000050001", Some(1)),
            ("inf", None),
            ("NaN", None),
            ("", None),
            ("1e5", None),
        ] {
            assert_eq!(parse(told).map(|money| money.0), units, "{told}");
        }
    }

    #[test]
    fn fractions_of_a_second_are_read_from_their_digits() {
        for (time, nanos) in [
            ("2025-12-01 10:00:00.25+00:00", 250_000_000),
            ("2025-12-01T10:00:00Z", 0),
            ("2025-12-01 10:00:00.1234567891", 123_456_789),
        ] {
            assert_eq!(fraction(time), nanos, "{time}");
        }
    }
}
