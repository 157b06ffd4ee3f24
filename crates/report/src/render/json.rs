//! JSON: words as in CSV, amounts and ratios as decimal text, `null` for what there is none of.

use std::io::{self, Write};

use ripcord_core::num::{Price, Ratio, shortest};
use serde::Serialize;
use serde_json::{Value, json};

use crate::exits::ExitRow;
use crate::number::money;
use crate::open::{self, OpenRow};
use crate::summary::{Group, Multiple, Summary};

/// A closing fill; the names are those of the columns of the CSV.
#[derive(Serialize)]
struct Exit<'a> {
    position_id: &'a str,
    symbol: &'a str,
    strategy: Option<&'a str>,
    exit_index: u64,
    exit_ts: i64,
    reason: &'static str,
    source: &'static str,
    exit_type: &'static str,
    leg: Option<u8>,
    trigger_price: String,
    exit_price: String,
    qty: String,
    gross_pnl: String,
    fees: String,
    funding: String,
    net_pnl: String,
}

impl<'a> From<&'a ExitRow> for Exit<'a> {
    fn from(row: &'a ExitRow) -> Self {
        Self {
            position_id: &row.position_id,
            symbol: &row.symbol,
            strategy: row.strategy.as_deref(),
            exit_index: row.exit_index,
            exit_ts: row.exit_ts.0,
            reason: row.reason.word(),
            source: row.source.word(),
            exit_type: row.exit_type.word(),
            leg: row.leg_number(),
            trigger_price: row.trigger_text(),
            exit_price: row.price_text(),
            qty: row.qty_text(),
            gross_pnl: money(row.gross),
            fees: money(row.fees),
            funding: money(row.funding),
            net_pnl: money(row.net),
        }
    }
}

/// A closing fill.
///
/// # Panics
/// Never: text and whole numbers are JSON.
#[must_use]
pub fn exit(row: &ExitRow) -> Value {
    serde_json::to_value(Exit::from(row)).expect("text and whole numbers are JSON")
}

/// A position that is still open.
#[must_use]
pub fn open(row: &OpenRow) -> Value {
    let price = |price: Option<Price>| price.map(|price| row.price_text(price));
    json!({
        "position_id": row.position_id,
        "symbol": row.symbol,
        "strategy": row.strategy,
        "side": row.side.word(),
        "qty": row.qty_text(),
        "entry_price": row.price_text(row.entry),
        "last_price": price(row.price),
        "stop": price(row.stop),
        "unrealised_pnl": row.unrealised.map(money),
    })
}

/// The sum of what open positions are worth.
#[must_use]
pub fn unrealised(rows: &[OpenRow]) -> Value {
    Value::String(money(open::unrealised(rows)))
}

/// Writes one object per line and row. `out` should be buffered.
///
/// # Errors
/// When `out` refuses.
pub fn write_exit_lines(out: &mut impl Write, rows: &[ExitRow]) -> io::Result<()> {
    for row in rows {
        serde_json::to_writer(&mut *out, &Exit::from(row))?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// Groups and total.
#[must_use]
pub fn summary(summary: &Summary) -> Value {
    let groups: Vec<Value> = summary.groups.iter().map(group).collect();
    json!({ "by": summary.by.word(), "groups": groups, "total": group(&summary.total) })
}

fn group(group: &Group) -> Value {
    json!({
        "name": group.name,
        "fills": group.fills,
        "positions": group.positions,
        "wins": group.wins,
        "losses": group.losses,
        "break_even": group.break_even,
        "unknown": group.unknown,
        "still_open": group.open,
        "win_rate": group.win_rate().map(ratio),
        "average_win": group.average_win().map(money),
        "average_loss": group.average_loss().map(money),
        "reward_risk": group.reward_risk().map(multiple),
        "profit_factor": group.profit_factor().map(multiple),
        "expectancy": group.expectancy().map(money),
        "gross_pnl": money(group.gross),
        "fees": money(group.fees),
        "funding": money(group.funding),
        "net_pnl": money(group.net),
    })
}

fn ratio(value: Ratio) -> String {
    shortest(i128::from(value.0), Ratio::DECIMALS).to_string()
}

fn multiple(value: Multiple) -> String {
    shortest(value.0, Ratio::DECIMALS).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::By;
    use crate::summary::tests::rows;

    #[test]
    fn a_summary_has_text_for_amounts_and_null_for_nothing() {
        let value = summary(&Summary::of(&rows(), By::Reason));
        assert_eq!(value["by"], "reason");
        assert_eq!(
            value["total"],
            json!({
                "name": "total", "fills": 6, "positions": 4, "wins": 2, "losses": 1, "break_even": 1, "unknown": 0, "still_open": 0,
                "win_rate": "0.666666667", "average_win": "4.5", "average_loss": "4", "reward_risk": "1.125",
                "profit_factor": "2.25", "expectancy": "1.25",
                "gross_pnl": "5", "fees": "0", "funding": "0", "net_pnl": "5",
            })
        );
        assert_eq!(value["groups"][1]["name"], "TRAILING_STOP");
        assert_eq!(value["groups"][1]["profit_factor"], Value::Null);
    }

    #[test]
    fn a_line_has_the_columns_of_the_csv() {
        let mut out = Vec::new();
        write_exit_lines(&mut out, &rows()[..2]).expect("memory takes everything");
        let text = String::from_utf8(out).expect("text");
        assert_eq!(
            text.lines().next(),
            Some(
                r#"{"position_id":"a","symbol":"BTCUSDT","strategy":null,"exit_index":17,"exit_ts":1735689600000000000,"reason":"TAKE_PROFIT","source":"POSITION_MONITOR","exit_type":"MARKET","leg":2,"trigger_price":"102.00","exit_price":"102.00","qty":"1.000","gross_pnl":"2","fees":"0","funding":"0","net_pnl":"2"}"#
            )
        );
        let object = exit(&rows()[2]);
        assert_eq!((&object["leg"], &object["net_pnl"]), (&Value::Null, &json!("-1")));
        let columns = crate::exits::CSV_HEADER.split(',');
        assert!(columns.into_iter().all(|column| object.get(column).is_some()));
    }
}
