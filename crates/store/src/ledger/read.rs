//! Questions to the ledger: its trade records, and what a report sums.

use std::collections::BTreeMap;
use std::path::Path;

use ripcord_core::num::Money;
use ripcord_ledger::money;
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, OpenFlags, Row, params_from_iter};

use super::facts;
use crate::connect::{Recognised, recognise};
use crate::error::StoreError;
use crate::read::Reader;

/// Which trade records are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only of this instrument.
    pub symbol: Option<String>,
    /// Only from this time on, in nanoseconds since 1970 UTC.
    pub since_ns: Option<i64>,
    /// Only those closed for this reason.
    pub reason: Option<String>,
}

/// A trade record, in the words of its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TradeRecord {
    /// When it first traded, UTC.
    pub order_time: String,
    /// The order.
    pub order_id: String,
    /// The instrument.
    pub symbol: String,
    /// Bought or sold.
    pub side: String,
    /// How much.
    pub size: Option<String>,
    /// At which average price.
    pub price: Option<String>,
    /// Its fees.
    pub fees: Option<String>,
    /// Net of fees and funding, of a record that closed and whose cost is known.
    pub pnl: Option<String>,
    /// What of an opening is not closed.
    pub remaining: Option<String>,
    /// Why it closed.
    pub reason: Option<String>,
    /// Who closed it.
    pub source: Option<String>,
    /// How it was sent.
    pub exit_type: Option<String>,
    /// Why it was sent, as JSON.
    pub trigger: String,
    /// Where it stands.
    pub status: String,
    /// What the owner calls the position.
    pub position_id: Option<String>,
}

/// A closing order, as a report sums it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportPart<'a> {
    /// The position. Parts of one position follow each other.
    pub position: &'a str,
    /// Why.
    pub reason: &'a str,
    /// Who; empty when nobody said.
    pub source: &'a str,
    /// The instrument.
    pub symbol: &'a str,
    /// The strategy that opened the position.
    pub strategy: Option<&'a str>,
    /// Closing fills.
    pub fills: u64,
    /// Before fees and funding.
    pub gross: Money,
    /// Of both ends.
    pub fees: Money,
    /// Positive is paid.
    pub funding: Money,
    /// What became of the position.
    pub end: PartEnd,
}

/// What became of the position of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartEnd {
    /// Something of it is held.
    Open,
    /// It is closed, or its record belongs to no episode.
    Closed,
    /// It is closed, and nobody knows what a part of it was worth.
    Unknown,
}

impl ReportPart<'_> {
    /// `gross - fees - funding`.
    #[must_use]
    pub fn net(&self) -> Money {
        self.gross - self.fees - self.funding
    }
}

/// Whether a database has trade records that say why they closed.
///
/// # Errors
/// When it cannot be read.
pub fn has_trade_records(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT count(*) FROM pragma_table_info('trade_records') WHERE name = 'exit_reason'";
    connection.query_row(sql, [], |row| row.get::<_, i64>(0)).map(|count| count > 0)
}

/// When the newest trade record traded, in nanoseconds since 1970 UTC.
///
/// # Errors
/// When it cannot be read.
pub fn newest_ns(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    connection.query_row("SELECT max(order_time_ns) FROM trade_records", [], |row| row.get(0))
}

/// Hands out trade records, in the order of their times.
///
/// # Errors
/// When they cannot be read.
pub fn trade_records(
    connection: &Connection,
    filter: &Filter,
    mut take: impl FnMut(TradeRecord),
) -> rusqlite::Result<()> {
    let mut wanted = Vec::new();
    let mut values: Vec<Value> = Vec::new();
    let given = [
        ("symbol = ?", filter.symbol.clone().map(Value::from)),
        ("order_time_ns >= ?", filter.since_ns.map(Value::from)),
        ("exit_reason = ?", filter.reason.clone().map(Value::from)),
    ];
    for (condition, value) in given.into_iter().filter_map(|(text, value)| Some((text, value?))) {
        wanted.push(condition);
        values.push(value);
    }
    let wanted = if wanted.is_empty() { "TRUE".to_owned() } else { wanted.join(" AND ") };
    let sql = format!(
        "SELECT order_time, order_id, symbol, side, size, price, total_fees_usd, pnl_usd, remaining_size, \
         exit_reason, exit_source, exit_type, \"trigger\", status, position_id FROM trade_records \
         WHERE {wanted} ORDER BY order_time_ns, order_id"
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    while let Some(row) = rows.next()? {
        take(trade_record(row)?);
    }
    Ok(())
}

fn trade_record(row: &Row<'_>) -> rusqlite::Result<TradeRecord> {
    Ok(TradeRecord {
        order_time: row.get(0)?,
        order_id: row.get(1)?,
        symbol: row.get(2)?,
        side: row.get(3)?,
        size: row.get(4)?,
        price: row.get(5)?,
        fees: row.get(6)?,
        pnl: row.get(7)?,
        remaining: row.get(8)?,
        reason: row.get(9)?,
        source: row.get(10)?,
        exit_type: row.get(11)?,
        trigger: row.get(12)?,
        status: row.get(13)?,
        position_id: row.get(14)?,
    })
}

/// Hands out closing orders, position by position, from `since_ns` on; then the positions that are closed
/// without one, and of which nobody knows what they were worth. Returns how many orders are not among them,
/// because nobody knows what they closed had cost.
///
/// # Errors
/// When they cannot be read.
pub fn report_parts(
    connection: &Connection,
    since_ns: Option<i64>,
    mut take: impl FnMut(ReportPart<'_>),
) -> rusqlite::Result<u64> {
    const FROM: &str = "FROM trade_records INDEXED BY trade_records_report \
        WHERE exit_reason IS NOT NULL AND order_time_ns >= ?1";
    let since = since_ns.unwrap_or(i64::MIN);
    // The order of the index: nothing is sorted. Summing here costs less than asking SQLite to, because most
    // positions have one closing order. A record without an episode is a position by itself; an adopted one
    // knows its net profit only.
    let sql = format!(
        "SELECT fills, coalesce(gross_nano, pnl_nano), coalesce(gross_atto, pnl_atto), coalesce(fees_nano, 0), \
         coalesce(fees_atto, 0), coalesce(funding_nano, 0), coalesce(funding_atto, 0), coalesce(episode, order_id), \
         exit_reason, exit_source, symbol, strategy {FROM} ORDER BY episode"
    );
    let mut unknown = 0;
    let mut odd = odd_episodes(connection)?;
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([since])?;
    while let Some(row) = rows.next()? {
        let odd = row.get_ref(7)?.as_str_or_null()?.and_then(|episode| odd.get_mut(episode));
        match part(row, odd.as_ref().map_or(PartEnd::Closed, |odd| odd.end))? {
            Some(part) => {
                take(part);
                if let Some(odd) = odd {
                    odd.is_told = true;
                }
            }
            None => unknown += 1,
        }
    }
    let without = odd.iter().filter(|(_, odd)| !odd.is_told && odd.end == PartEnd::Unknown);
    for (episode, odd) in without.filter(|(_, odd)| odd.closed_ns.is_some_and(|at| at >= since)) {
        // What closed nothing is no trade.
        let Some(reason) = &odd.headline else { continue };
        take(ReportPart {
            position: episode,
            reason,
            source: "",
            symbol: &odd.symbol,
            strategy: odd.strategy.as_deref(),
            fills: 0,
            gross: Money::ZERO,
            fees: Money::ZERO,
            funding: Money::ZERO,
            end: odd.end,
        });
    }
    Ok(unknown)
}

/// An episode that is still open, or of which nobody knows what it was worth.
struct Odd {
    end: PartEnd,
    closed_ns: Option<i64>,
    headline: Option<String>,
    symbol: String,
    strategy: Option<String>,
    /// Whether a closing order of it was handed out.
    is_told: bool,
}

/// The episodes that are no trades of known result; there are few. An adopted database has none.
fn odd_episodes(connection: &Connection) -> rusqlite::Result<BTreeMap<String, Odd>> {
    let sql = "SELECT count(*) FROM pragma_table_info('episodes') WHERE name = 'net_nano'";
    if connection.query_row(sql, [], |row| row.get::<_, i64>(0))? == 0 {
        return Ok(BTreeMap::new());
    }
    let sql = "SELECT episode, closed_ns, headline, symbol, strategy FROM episodes \
               WHERE closed_ns IS NULL OR net_nano IS NULL";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| {
        let closed_ns: Option<i64> = row.get(1)?;
        let odd = Odd {
            end: if closed_ns.is_some() { PartEnd::Unknown } else { PartEnd::Open },
            closed_ns,
            headline: row.get(2)?,
            symbol: row.get(3)?,
            strategy: row.get(4)?,
            is_told: false,
        };
        Ok((row.get(0)?, odd))
    })?;
    rows.collect()
}

/// A closing order; none when its profit is not known.
fn part<'a>(row: &'a Row<'_>, end: PartEnd) -> rusqlite::Result<Option<ReportPart<'a>>> {
    let amount = |at: usize| -> rusqlite::Result<Money> {
        Ok(money::join(i128::from(row.get::<_, i64>(at)?), i128::from(row.get::<_, i64>(at + 1)?)))
    };
    let text = |at: usize| -> rusqlite::Result<Option<&'a str>> { Ok(row.get_ref(at)?.as_str_or_null()?) };
    if row.get_ref(1)? == ValueRef::Null {
        return Ok(None);
    }
    Ok(Some(ReportPart {
        position: text(7)?.unwrap_or_default(),
        reason: text(8)?.unwrap_or_default(),
        source: text(9)?.unwrap_or_default(),
        symbol: text(10)?.unwrap_or_default(),
        strategy: text(11)?,
        fills: row.get(0)?,
        gross: amount(1)?,
        fees: amount(3)?,
        funding: amount(5)?,
        end,
    }))
}

/// A file with trade records: a store, or the database of a bot that was adopted.
#[derive(Debug)]
pub enum LedgerFile {
    /// A store.
    Store(Reader),
    /// An adopted database.
    Adopted(Connection),
}

impl LedgerFile {
    /// Opens `path` for reading; what it is, its content says.
    ///
    /// # Errors
    /// No such file, no store, one of another version, or a database without adopted trade records.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let Recognised::Foreign { application_id } = recognise(path)? else {
            return Reader::open(path).map(Self::Store);
        };
        let fault = || StoreError::sqlite(path, "it cannot be read");
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY);
        let connection = connection.map_err(|source| fault()(source))?;
        if !has_trade_records(&connection).map_err(|source| fault()(source))? {
            return Err(StoreError::Foreign { path: path.to_owned(), application_id });
        }
        Ok(Self::Adopted(connection))
    }

    /// For queries.
    #[must_use]
    pub const fn connection(&self) -> &Connection {
        match self {
            Self::Store(reader) => reader.connection(),
            Self::Adopted(connection) => connection,
        }
    }

    /// How many records of the journal the ledger does not include.
    ///
    /// # Errors
    /// When they cannot be counted.
    pub fn behind(&self) -> rusqlite::Result<u64> {
        match self {
            Self::Adopted(_) => Ok(0),
            Self::Store(reader) => {
                let kinds = facts::kinds();
                let sql = format!(
                    "SELECT count(*) FROM journal WHERE kind IN ({kinds}) AND seq > (SELECT folded_seq FROM ledger_state)"
                );
                reader.connection().query_row(&sql, [], |row| row.get(0))
            }
        }
    }
}
