//! Changes as rows: decimal text, integers beside it, times in both forms.

use std::sync::OnceLock;

use ripcord_core::instrument::Instrument;
use ripcord_core::num::{Money, Price, Qty, fixed};
use ripcord_core::time::Timestamp;
use ripcord_ledger::episode::state_word;
use ripcord_ledger::fifo::{ALLOCATION_VERSION, Allocation};
use ripcord_ledger::rows::{BracketRow, Change, Effect, EpisodeRow, FillRow, Market, OrderRow, TradeRow};
use ripcord_ledger::trades::kind_word;
use ripcord_ledger::{money, text};
use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

use super::columns::{self, Table};
use super::{RowKey, expect_rows};
use crate::projection::ProjectionError;

/// What names the row of a change; later changes of the same row take its place.
pub(super) fn key(change: &Change) -> RowKey {
    match change {
        Change::Instrument { id, .. } => (0, String::new(), id.0),
        Change::Account { id, .. } => (1, String::new(), id.0),
        Change::Plan { id, .. } => (2, String::new(), id.0),
        Change::Order(row) => (3, text::order_id(&row.order.id), 0),
        Change::Fill(row) => (4, row.order_id.to_string(), row.number),
        Change::Episode(row) => (5, text::episode_id(row.id), 0),
        Change::Trade(row) => (6, row.order_id.to_string(), 0),
        Change::Allocations { sell, .. } => (7, sell.to_string(), 0),
        // Behind the trade record that it is about.
        Change::Reconciled { order_id, .. } => (8, order_id.clone(), 0),
        Change::Bracket(row) => (9, row.entry_order_id.clone(), 0),
    }
}

/// Writes a change.
pub(super) fn change(tables: &Connection, change: &Change) -> Result<(), ProjectionError> {
    match change {
        Change::Instrument { id, market } => upsert(tables, &columns::INSTRUMENTS, instrument(id.0, market)),
        Change::Account { id, name } => {
            upsert(tables, &columns::ACCOUNTS, vec![id.0.into(), name.clone().into()])
        }
        Change::Plan { id, name } => upsert(tables, &columns::PLANS, vec![id.0.into(), name.clone().into()]),
        Change::Order(row) => upsert(tables, &columns::ORDERS, order(row)),
        Change::Fill(row) => upsert(tables, &columns::FILLS, fill(row)),
        Change::Episode(row) => upsert(tables, &columns::EPISODES, episode(row)),
        Change::Trade(row) => upsert(tables, &columns::TRADES, trade(row)),
        Change::Bracket(row) => upsert(tables, &columns::BRACKETS, bracket(row)),
        Change::Allocations { sell, market, rows } => allocations(tables, sell, market, rows),
        Change::Reconciled { order_id, at, via } => {
            let sql = "UPDATE trade_records SET last_reconciled_at = ?2, last_reconciled_via = ?3 WHERE order_id = ?1";
            let looked_at = tables.prepare_cached(sql)?.execute(params![order_id, text::utc(*at), via])?;
            // Of an order that nobody knows there is no row to tell it of.
            expect_rows(columns::TRADES.name, looked_at.min(1) as u64, looked_at as u64)
        }
    }
}

fn upsert(tables: &Connection, table: &'static Table, row: Vec<Value>) -> Result<(), ProjectionError> {
    static SQL: OnceLock<Vec<(&'static str, String)>> = OnceLock::new();
    let known = SQL.get_or_init(|| columns::TABLES.map(|table| (table.name, table.upsert())).to_vec());
    assert_eq!(row.len(), table.columns.len(), "{}: a value for each column", table.name);
    let sql = known.iter().find(|(name, _)| *name == table.name).map_or("", |(_, sql)| sql.as_str());
    let written = tables.prepare_cached(sql)?.execute(params_from_iter(row))?;
    // Trade records that were adopted are not the fold's to write.
    let expected = if table.name == columns::TRADES.name { written.min(1) } else { 1 };
    expect_rows(table.name, expected as u64, written as u64)
}

fn price(price: Price, rules: &Instrument) -> Value {
    fixed(i128::from(price.0), rules.price_decimals).to_string().into()
}

fn qty(qty: Qty, rules: &Instrument) -> Value {
    fixed(i128::from(qty.0), rules.qty_decimals).to_string().into()
}

fn amount(amount: Money) -> Value {
    money::text(amount).into()
}

fn maybe(amount: Option<Money>) -> Value {
    amount.map(money::text).into()
}

fn integers(amount: Option<Money>) -> [Value; 2] {
    let (nanos, attos) = amount.and_then(money::split).unzip();
    [nanos.into(), attos.into()]
}

fn utc(at: Timestamp) -> Value {
    text::utc(at).into()
}

fn nanos(at: Option<Timestamp>) -> Value {
    at.map(|at| at.0).into()
}

fn word(word: &str) -> Value {
    word.to_owned().into()
}

/// The average price of `size`: as the venue writes prices when it is one, else with the digits it needs.
fn average(value: i128, size: Qty, rules: &Instrument) -> Value {
    if size.0 <= 0 {
        return Value::Null;
    }
    if value % i128::from(size.0) == 0 {
        return fixed(value / i128::from(size.0), rules.price_decimals).to_string().into();
    }
    maybe(money::per_unit(Money(value * rules.money_per_unit()), size.0, rules.qty_decimals))
}

fn instrument(id: u32, market: &Market) -> Vec<Value> {
    let rules = &market.rules;
    vec![
        id.into(),
        rules.symbol.clone().into(),
        rules.version.into(),
        rules.price_decimals.into(),
        rules.qty_decimals.into(),
        price(rules.tick_size, rules),
        qty(rules.lot_size, rules),
        word(market.method.word()),
    ]
}

fn order(row: &OrderRow) -> Vec<Value> {
    let (order, rules) = (&row.order, &row.market.rules);
    let limit = order.kind.price().map_or(Value::Null, |limit| price(limit, rules));
    vec![
        text::order_id(&order.id).into(),
        text::episode_id(order.id.episode).into(),
        order.id.exit.into(),
        order.id.leg.into(),
        order.id.slice.into(),
        order.id.attempt.into(),
        word(kind_word(order.kind)),
        qty(order.qty, rules),
        qty(row.filled, rules),
        limit,
        price(order.trigger, rules),
        word(order.reason.word()),
        word(row.source.word()),
        word(row.exit_type.word()),
        word(if row.is_blocked { "blocked" } else { state_word(row.state) }),
        row.intended_at.0.into(),
        utc(row.intended_at),
        nanos(row.accepted_at),
        nanos(row.traded_at),
        nanos(row.ended_at),
    ]
}

fn fill(row: &FillRow) -> Vec<Value> {
    let rules = &row.market.rules;
    vec![
        word(&row.order_id),
        row.number.into(),
        text::episode_id(row.episode).into(),
        row.at.0.into(),
        utc(row.at),
        qty(row.qty, rules),
        price(row.price, rules),
        amount(row.fee),
        amount(row.cost),
        amount(row.entry_fees),
        amount(row.funding),
        qty(row.remaining, rules),
        word(row.reason.word()),
        word(row.source.word()),
        word(row.exit_type.word()),
    ]
}

fn episode(row: &EpisodeRow) -> Vec<Value> {
    let rules = &row.market.rules;
    let [net_nano, net_atto] = integers(row.worth.map(|worth| worth.net()));
    vec![
        text::episode_id(row.id).into(),
        row.id.key.account.0.into(),
        rules.symbol.clone().into(),
        word(row.id.key.side.word()),
        row.id.generation.into(),
        row.plan.0.into(),
        row.name.id.clone().into(),
        row.name.strategy.clone().into(),
        row.name.snapshot_id.clone().into(),
        row.opened_at.0.into(),
        utc(row.opened_at),
        nanos(row.closed_at),
        row.closed_at.map(text::utc).into(),
        qty(row.initial, rules),
        qty(row.largest, rules),
        qty(row.entered, rules),
        amount(Money(row.cost * rules.money_per_unit())),
        average(row.cost, row.entered, rules),
        qty(row.closed, rules),
        maybe(row.worth.map(|worth| worth.gross)),
        maybe(row.worth.map(|worth| worth.fees)),
        maybe(row.worth.map(|worth| worth.funding)),
        maybe(row.worth.map(|worth| worth.net())),
        net_nano,
        net_atto,
        row.headline.map(|reason| reason.word().to_owned()).into(),
        row.uncovered.map(|uncovered| uncovered.unprotected.0).into(),
        row.uncovered.map(|uncovered| uncovered.unprotected_longest.0).into(),
        row.uncovered.map(|uncovered| uncovered.naked.0).into(),
        row.uncovered.map(|uncovered| uncovered.naked_longest.0).into(),
    ]
}

fn bracket(row: &BracketRow) -> Vec<Value> {
    let rules = &row.market.rules;
    let (paid, entered) = row.entry;
    vec![
        row.entry_order_id.clone().into(),
        text::episode_id(row.episode).into(),
        row.stop_order_id.clone().into(),
        row.tp_order_id.clone().into(),
        row.stop_price.map_or(Value::Null, |at| price(at, rules)),
        row.tp_price.map_or(Value::Null, |at| price(at, rules)),
        average(paid, entered, rules),
        row.entry_time.0.into(),
        utc(row.entry_time),
        word(row.episode.key.side.word()),
        word(row.status),
        word(row.source),
        nanos(row.verified_at),
        row.verified_at.map(text::utc).into(),
    ]
}

fn trade(row: &TradeRow) -> Vec<Value> {
    let rules = &row.market.rules;
    let (parents, closed, left, why) = match &row.effect {
        Effect::Opened { remaining } => {
            (&[][..], None, qty(*remaining, rules), [Value::Null, Value::Null, Value::Null])
        }
        Effect::Closed { parents, money, reason, source, exit_type } => (
            &parents[..],
            *money,
            Value::Null,
            [word(reason.word()), word(source.word()), word(exit_type.word())],
        ),
    };
    let worth = closed.map(|money| money.worth);
    let name = row.name.as_deref();
    let ids: Vec<&str> = parents.iter().map(AsRef::as_ref).collect();
    let mut values = vec![
        word(&row.order_id),
        ids.first().map(|id| (*id).to_owned()).into(),
        serde_json::Value::from(ids).to_string().into(),
        rules.symbol.clone().into(),
        word(row.side.word()),
        word(row.position_side.word()),
        utc(row.at),
        row.at.0.into(),
        average(row.value, row.size, rules),
        qty(row.size, rules),
        maybe(worth.map(|worth| worth.net())),
        amount(row.fees),
        row.trigger.clone().into(),
        row.order_type.clone().into(),
        word(row.status),
        row.source.clone().into(),
        maybe(closed.map(|money| money.cost_basis)),
        maybe(closed.map(|money| money.proceeds)),
        maybe(closed.map(|money| money.net_proceeds)),
        left,
        row.via.clone().into(),
        Value::Null,
        Value::Null,
    ];
    values.extend(why);
    values.extend([
        matches!(row.effect, Effect::Closed { .. }).into(),
        row.account.0.into(),
        row.episode.map(text::episode_id).into(),
        name.and_then(|name| name.id.clone()).into(),
        name.and_then(|name| name.strategy.clone()).into(),
        name.and_then(|name| name.snapshot_id.clone()).into(),
        row.fills.into(),
        maybe(worth.map(|worth| worth.funding)),
    ]);
    values.extend(integers(worth.map(|worth| worth.net())));
    values.extend(integers(worth.map(|worth| worth.gross)));
    values.extend(integers(worth.map(|worth| worth.fees)));
    values.extend(integers(worth.map(|worth| worth.funding)));
    values.push(Value::Null);
    values
}

fn allocations(
    tables: &Connection,
    sell: &str,
    market: &Market,
    rows: &[Allocation],
) -> Result<(), ProjectionError> {
    let sql = "DELETE FROM fifo_allocations WHERE sell_order_id = ?1 AND allocation_version = ?2";
    tables.prepare_cached(sql)?.execute(params![sell, ALLOCATION_VERSION])?;
    for (part, row) in (1_i64..).zip(rows) {
        upsert(tables, &columns::ALLOCATIONS, allocation(sell, part, row, market))?;
    }
    Ok(())
}

fn allocation(sell: &str, part: i64, row: &Allocation, market: &Market) -> Vec<Value> {
    let rules = &market.rules;
    let each = |total: Money| maybe(money::per_unit(total, row.qty.0, rules.qty_decimals));
    let of_buy = |value: Value| if row.buy.is_some() { value } else { Value::Null };
    vec![
        word(sell),
        part.into(),
        row.buy.as_deref().map(str::to_owned).into(),
        rules.symbol.clone().into(),
        qty(row.qty, rules),
        of_buy(each(row.cost)),
        each(row.proceeds),
        of_buy(each(row.buy_fees)),
        each(row.sell_fees),
        of_buy(amount(row.cost + row.buy_fees)),
        amount(row.proceeds),
        amount(row.proceeds - row.sell_fees),
        maybe(row.pnl()),
        nanos(row.buy_at),
        row.sell_at.0.into(),
        ALLOCATION_VERSION.into(),
        i64::try_from(row.batch).unwrap_or(i64::MAX).into(),
        if row.buy.is_some() {
            Value::Null
        } else {
            word("no buy before this sale is known; its cost and profit are unknown")
        },
    ]
}
