//! One row per closing fill: why, who, where, and what it was worth. CSV out.

use std::io::{self, Write};

use ripcord_core::event::Filled;
use ripcord_core::instrument::Instrument;
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::reason::{ExitType, Reason, Source};
use ripcord_core::time::Timestamp;

use crate::number::{fixed, push_fixed, push_money, push_whole};

mod read;

pub use read::{ExitsError, read_csv};

/// The header of an exits file.
pub const CSV_HEADER: &str = "position_id,exit_index,exit_ts,reason,source,exit_type,leg,trigger_price,exit_price,qty,gross_pnl,fees,funding,net_pnl";

/// Bytes that are gathered before they are written.
const BUFFER_BYTES: usize = 1 << 16;

/// A closing fill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExitRow {
    /// The position, by the name its owner gave it.
    pub position_id: String,
    /// Row of the market's records at which it happened.
    pub exit_index: u64,
    /// When.
    pub exit_ts: Timestamp,
    /// Why.
    pub reason: Reason,
    /// Who.
    pub source: Source,
    /// How the order was sent.
    pub exit_type: ExitType,
    /// The ladder leg, from 1; 0 when it is none.
    pub leg: u8,
    /// The level of the rule that acted.
    pub trigger: Price,
    /// What the fill paid.
    pub price: ExitPrice,
    /// Quantity closed.
    pub qty: Qty,
    /// Price difference to the average entry, times quantity.
    pub gross: Money,
    /// Fee of the exit, and the closed share of the entry's fees.
    pub fees: Money,
    /// Funding of the closed share; positive is paid.
    pub funding: Money,
    /// `gross - fees - funding`.
    pub net: Money,
    /// The instrument.
    pub symbol: String,
    /// The strategy that opened the position.
    pub strategy: Option<String>,
    /// Decimals of prices.
    pub price_decimals: u8,
    /// Decimals of quantities.
    pub qty_decimals: u8,
    /// What became of the position with this fill.
    pub ended: Ended,
}

/// What became of a position, as far as somebody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ended {
    /// Something of it is held: it is no trade yet.
    Open,
    /// It is closed, and its result is the sum of its fills. An exits file does not say what is left:
    /// there every position is taken for closed.
    Closed,
    /// It is closed, and nobody told the price of a part of it: its result is not known.
    Unknown,
}

/// The price of a fill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExitPrice {
    /// In the instrument's units.
    Scaled(Price),
    /// As another program would print it; for comparisons with that program.
    Text(String),
}

impl ExitRow {
    /// The row of a fill. `exit_index` and `exit_ts` say where it happened.
    #[must_use]
    pub fn from_fill(
        filled: &Filled,
        instrument: &Instrument,
        position_id: &str,
        exit_index: u64,
        exit_ts: Timestamp,
        strategy: Option<&str>,
    ) -> Self {
        let side = i128::from(filled.id.episode.key.side.sign());
        let proceeds = i128::from(filled.price.0) * i128::from(filled.qty.0);
        let gross = Money(side * (proceeds - filled.cost) * instrument.money_per_unit());
        let fees = filled.fee + filled.entry_fees;
        Self {
            position_id: position_id.to_owned(),
            exit_index,
            exit_ts,
            reason: filled.reason,
            source: filled.source,
            exit_type: filled.exit_type,
            leg: filled.id.leg,
            trigger: filled.trigger,
            price: ExitPrice::Scaled(filled.price),
            qty: filled.qty,
            gross,
            fees,
            funding: filled.funding,
            net: gross - fees - filled.funding,
            symbol: instrument.symbol.clone(),
            strategy: strategy.map(str::to_owned),
            price_decimals: instrument.price_decimals,
            qty_decimals: instrument.qty_decimals,
            // Less than the venue can close is let go.
            ended: if instrument.closable(filled.remaining).0 == 0 { Ended::Closed } else { Ended::Open },
        }
    }

    /// The price of the fill as text.
    #[must_use]
    pub fn price_text(&self) -> String {
        match &self.price {
            ExitPrice::Scaled(price) => fixed(price.0, self.price_decimals),
            ExitPrice::Text(text) => text.clone(),
        }
    }

    /// The level of the rule that acted, as text.
    #[must_use]
    pub fn trigger_text(&self) -> String {
        fixed(self.trigger.0, self.price_decimals)
    }

    /// The quantity as text.
    #[must_use]
    pub fn qty_text(&self) -> String {
        fixed(self.qty.0, self.qty_decimals)
    }

    /// The ladder leg, if it was one.
    #[must_use]
    pub const fn leg_number(&self) -> Option<u8> {
        if self.leg == 0 { None } else { Some(self.leg) }
    }
}

/// Writes a header and a line per row. Writes in large pieces, so `out` needs no buffer.
///
/// # Errors
/// When `out` refuses.
pub fn write_csv(out: &mut impl Write, rows: &[ExitRow]) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(BUFFER_BYTES + 1_024);
    buffer.extend_from_slice(CSV_HEADER.as_bytes());
    buffer.push(b'\n');
    for row in rows {
        push_line(&mut buffer, row);
        if buffer.len() >= BUFFER_BYTES {
            out.write_all(&buffer)?;
            buffer.clear();
        }
    }
    out.write_all(&buffer)
}

fn push_line(out: &mut Vec<u8>, row: &ExitRow) {
    push_text(out, &row.position_id);
    out.push(b',');
    // An index counts rows of a file: far below 2^63.
    push_whole(out, row.exit_index as i64);
    out.push(b',');
    push_whole(out, row.exit_ts.0);
    for word in [row.reason.word(), row.source.word(), row.exit_type.word()] {
        out.push(b',');
        out.extend_from_slice(word.as_bytes());
    }
    out.push(b',');
    if let Some(leg) = row.leg_number() {
        push_whole(out, i64::from(leg));
    }
    out.push(b',');
    push_fixed(out, row.trigger.0, row.price_decimals);
    out.push(b',');
    match &row.price {
        ExitPrice::Scaled(price) => push_fixed(out, price.0, row.price_decimals),
        ExitPrice::Text(text) => push_text(out, text),
    }
    out.push(b',');
    push_fixed(out, row.qty.0, row.qty_decimals);
    for money in [row.gross, row.fees, row.funding, row.net] {
        out.push(b',');
        push_money(out, money);
    }
    out.push(b'\n');
}

/// Appends text, quoted when it needs to be (RFC 4180).
fn push_text(out: &mut Vec<u8>, text: &str) {
    if !text.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')) {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    out.push(b'"');
    for byte in text.bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}

#[cfg(test)]
pub(crate) mod tests {
    use ripcord_core::id::{AccountId, EpisodeId, InstrumentId, OrderId, PositionKey};
    use ripcord_core::instrument::Side;

    use super::*;

    /// A fill of `qty` at `price` (cents, thousandths) of a position that was opened at 10_000.
    pub(crate) fn fill(side: Side, reason: Reason, price: i64, qty: i64) -> Filled {
        let key = PositionKey { account: AccountId(0), instrument: InstrumentId(0), side };
        let episode = EpisodeId { key, generation: 1 };
        let leg = if reason == Reason::TakeProfit { 2 } else { 0 };
        Filled {
            id: OrderId { episode, exit: 1, leg, slice: 0, attempt: 0 },
            reason,
            source: reason.source(),
            exit_type: ExitType::Market,
            trigger: Price(price),
            qty: Qty(qty),
            price: Price(price),
            fee: Money::ZERO,
            cost: 10_000 * i128::from(qty),
            entry_fees: Money::ZERO,
            funding: Money::ZERO,
            remaining: Qty(0),
        }
    }

    pub(crate) fn row(position: &str, filled: &Filled) -> ExitRow {
        let instrument = Instrument::from_decimals("BTCUSDT", 2, 3);
        ExitRow::from_fill(filled, &instrument, position, 17, Timestamp(1_735_689_600_000_000_000), None)
    }

    fn csv(rows: &[ExitRow]) -> String {
        let mut out = Vec::new();
        write_csv(&mut out, rows).expect("memory takes everything");
        String::from_utf8(out).expect("text")
    }

    const HUNDREDTH: i128 = 10_i128.pow(16);

    #[test]
    fn a_long_that_lost_and_a_short_that_won() {
        let mut filled = fill(Side::Long, Reason::StopLoss, 9_750, 2_000);
        filled.fee = Money(10 * HUNDREDTH);
        filled.entry_fees = Money(8 * HUNDREDTH);
        filled.funding = Money(-3 * HUNDREDTH);
        let long = row("a", &filled);
        // 2 x (97.50 - 100.00) = -5.00; less fees of 0.18, plus funding of 0.03 received: -5.15.
        assert_eq!((long.gross, long.fees), (Money(-500 * HUNDREDTH), Money(18 * HUNDREDTH)));
        assert_eq!(long.net, Money(-515 * HUNDREDTH));
        let short = row("b", &fill(Side::Short, Reason::TakeProfit, 9_750, 2_000));
        assert_eq!((short.gross, short.net), (Money(500 * HUNDREDTH), Money(500 * HUNDREDTH)));
    }

    #[test]
    fn an_average_entry_between_two_prices_is_exact() {
        let mut filled = fill(Side::Long, Reason::StopLoss, 10_000, 3);
        // Bought 0.001 at 100.00 and 0.002 at 100.01: no price in cents is their average.
        filled.cost = 10_000 + 2 * 10_001;
        assert_eq!(row("a", &filled).gross, Money(-2 * 10_i128.pow(18 - 5)));
    }

    #[test]
    fn the_file_is_what_a_trader_would_read() {
        let mut filled = fill(Side::Long, Reason::StopLoss, 9_750, 2_000);
        filled.fee = Money(10 * HUNDREDTH);
        let mut target =
            row("with \"quotes\", and\nlines", &fill(Side::Short, Reason::TakeProfit, 9_650, 10));
        target.price = ExitPrice::Text("96.50000000000001".to_owned());
        target.exit_type = ExitType::Limit;
        target.source = Source::ExchangeBracket;
        assert_eq!(
            csv(&[row("7", &filled), target]),
            "position_id,exit_index,exit_ts,reason,source,exit_type,leg,trigger_price,exit_price,qty,gross_pnl,fees,funding,net_pnl\n\
             7,17,1735689600000000000,STOP_LOSS,POSITION_MONITOR,MARKET,,97.50,97.50,2.000,-5,0.1,0,-5.1\n\
             \"with \"\"quotes\"\", and\nlines\",17,1735689600000000000,TAKE_PROFIT,EXCHANGE_BRACKET,LIMIT,2,96.50,96.50000000000001,0.010,0.035,0,0,0.035\n"
        );
        assert_eq!(csv(&[]), format!("{CSV_HEADER}\n"));
    }

    #[test]
    fn many_rows_pass_the_buffer_whole() {
        let rows: Vec<ExitRow> =
            (0..5_000).map(|id| row(&id.to_string(), &fill(Side::Long, Reason::StopLoss, 1, 1))).collect();
        let text = csv(&rows);
        assert!(text.len() > 4 * BUFFER_BYTES);
        assert_eq!(text.lines().count(), 5_001);
        assert!(text.lines().skip(1).enumerate().all(|(id, line)| line.starts_with(&format!("{id},17,"))));
    }
}
