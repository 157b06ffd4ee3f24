//! Orders of others: what is known of each, field by field, the first good word kept.

use std::sync::Arc;

use ripcord_core::num::{Money, Qty};
use ripcord_core::reason::{Reason, Source};

use crate::fact::{Fee, Imported, OrderSide};
use crate::fifo::Allocation;
use crate::ledger::LedgerFault;
use crate::rows::{Effect, Market, TradeRow};
use crate::{money, provenance, spot, trades, trigger};

/// Takes what a later look says where the first said nothing. Numbers are facts and stay.
pub(crate) fn merge(known: &mut Imported, late: &Imported) {
    known.source = provenance::source(&known.source, &late.source).to_owned();
    known.trigger = provenance::first(&known.trigger, &late.trigger).to_owned();
    known.order_type = provenance::first(&known.order_type, &late.order_type).to_owned();
    if known.reason.as_deref().is_none_or(|reason| reason.trim().is_empty()) {
        known.reason.clone_from(&late.reason);
    }
}

/// Why it closed: what was said, else what its trigger says.
pub(crate) fn reason(trade: &Imported) -> Reason {
    let said = trade.reason.as_deref().filter(|reason| !reason.trim().is_empty());
    Reason::from_text(said.unwrap_or(&trade.trigger))
}

/// What an imported order moved.
pub(crate) struct Moved {
    /// Coins that came or went.
    pub(crate) qty: Qty,
    /// What they were worth, without the fee.
    pub(crate) value: Money,
    /// The fee as money.
    pub(crate) fee: Money,
}

/// What an imported order moved. A fee in the coin itself is counted at the trade's own price, so that
/// value and fee together are what was paid, and nothing twice.
///
/// # Errors
/// A fee that leaves nothing of the trade, or what is beyond what can be counted.
pub(crate) fn moved(trade: &Imported, market: &Market) -> Result<Moved, LedgerFault> {
    let worth = |qty: Qty| {
        let value = i128::from(trade.price.0) * i128::from(qty.0);
        value.checked_mul(market.rules.money_per_unit()).map(Money)
    };
    let (qty, fee) = match &trade.fee {
        Fee::Quote(fee) => (Some(trade.qty.0), Some(*fee)),
        Fee::Base(fee) if trade.closes => (trade.qty.0.checked_add(fee.0), worth(*fee)),
        Fee::Base(fee) => (trade.qty.0.checked_sub(fee.0), worth(*fee)),
        Fee::Other { amount, price, .. } => (Some(trade.qty.0), money::convert(*amount, *price)),
    };
    let qty = qty.filter(|&coins| coins > 0).map(Qty);
    if let (Some(qty), Some(value), Some(fee)) = (qty, qty.and_then(worth), fee) {
        return Ok(Moved { qty, value, fee });
    }
    let (order_id, fee) = (trade.order_id.clone(), format!("{:?}", trade.fee));
    Err(LedgerFault::Fee { order_id, fee, qty: trade.qty.0, price: trade.price.0 })
}

/// The row of an imported order.
///
/// # Errors
/// A trigger that is too long, or a fee that cannot be.
pub(crate) fn row(
    trade: &Imported,
    market: &Arc<Market>,
    allocations: &[Allocation],
    left: Option<Qty>,
) -> Result<TradeRow, LedgerFault> {
    let moved = moved(trade, market)?;
    let effect = if trade.closes {
        Effect::Closed {
            parents: spot::parents(allocations),
            money: trades::by_fifo(allocations, Money::ZERO),
            reason: reason(trade),
            source: if provenance::is_vague(&trade.source) { Source::Unknown } else { Source::External },
            exit_type: trades::exit_type_of(&trade.order_type),
        }
    } else {
        // Without a book nobody knows what of it is closed.
        Effect::Opened { remaining: left.unwrap_or(moved.qty) }
    };
    Ok(TradeRow {
        market: market.clone(),
        order_id: trade.order_id.as_str().into(),
        episode: None,
        name: None,
        account: trade.account,
        side: if trade.closes { OrderSide::closing(trade.side) } else { OrderSide::opening(trade.side) },
        position_side: trade.side,
        at: trade.at,
        size: trade.qty,
        value: i128::from(trade.price.0) * i128::from(trade.qty.0),
        fees: moved.fee,
        fills: 1,
        trigger: trigger::from_foreign(&trade.trigger)
            .map_err(|why| LedgerFault::Trigger { order_id: trade.order_id.clone(), why })?,
        order_type: trade.order_type.clone(),
        status: "filled",
        source: trade.source.clone(),
        via: trade.via.clone(),
        effect,
    })
}
