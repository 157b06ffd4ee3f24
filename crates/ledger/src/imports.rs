//! Orders of others: what is known of each, field by field, the first good word kept.

use std::sync::Arc;

use ripcord_core::num::Qty;
use ripcord_core::reason::{Reason, Source};

use crate::fact::{Imported, OrderSide};
use crate::fifo::Allocation;
use crate::rows::{Effect, Market, TradeRow};
use crate::trigger::{self, TriggerError};
use crate::{provenance, spot, trades};

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

/// The row of an imported order.
///
/// # Errors
/// A trigger that is too long.
pub(crate) fn row(
    trade: &Imported,
    market: &Arc<Market>,
    allocations: &[Allocation],
    left: Option<Qty>,
) -> Result<TradeRow, TriggerError> {
    let effect = if trade.closes {
        Effect::Closed {
            parents: spot::parents(allocations),
            money: trades::by_fifo(allocations, ripcord_core::num::Money::ZERO),
            reason: reason(trade),
            source: if provenance::is_vague(&trade.source) { Source::Unknown } else { Source::External },
            exit_type: trades::exit_type_of(&trade.order_type),
        }
    } else {
        // Without a book nobody knows what of it is closed.
        Effect::Opened { remaining: left.unwrap_or(trade.qty) }
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
        fees: trade.fee,
        fills: 1,
        trigger: trigger::from_foreign(&trade.trigger)?,
        order_type: trade.order_type.clone(),
        status: "filled",
        source: trade.source.clone(),
        via: trade.via.clone(),
        effect,
    })
}
