//! Trade records of our own orders: a row for each that opened, a row for each that closed.

use std::sync::Arc;

use ripcord_core::instrument::Side;
use ripcord_core::num::{Money, Qty, fixed};
use ripcord_core::order::OrderKind;
use ripcord_core::reason::ExitType;

use crate::episode::{Life, OpeningOrder, Sent};
use crate::fact::OrderSide;
use crate::fifo::Allocation;
use crate::rows::{ClosedMoney, Effect, TradeRow, Worth};
use crate::trigger;

/// Who traded, when it was us.
pub const SOURCE: &str = "ripcord";
/// By which way our own rows come.
pub const VIA: &str = "journal";

/// The row of an opening, of which `remaining` is not closed yet.
pub(crate) fn opening(life: &Life, opening: &OpeningOrder, remaining: Qty) -> TradeRow {
    let side = life.id.key.side;
    let is_first = life.openings.first().is_some_and(|first| first.order_id == opening.order_id);
    TradeRow {
        market: life.market.clone(),
        order_id: opening.order_id.clone(),
        episode: Some(life.id),
        name: Some(life.name.clone()),
        account: life.id.key.account,
        side: OrderSide::opening(side),
        position_side: side,
        at: opening.at,
        size: opening.qty,
        value: opening.value,
        fees: opening.fees,
        fills: 1,
        trigger: trigger::shape(if is_first { "OPENED" } else { "ADDED" }, None),
        // How the position was entered is not ours to know.
        order_type: String::new(),
        status: "filled",
        source: SOURCE.to_owned(),
        via: VIA.to_owned(),
        effect: Effect::Opened { remaining },
    }
}

/// The row of an order that closed something. `parents` are what it closed, `money` what that was worth.
pub(crate) fn closing(
    life: &Life,
    sent: &Sent,
    parents: Vec<Arc<str>>,
    money: Option<ClosedMoney>,
) -> TradeRow {
    let side = life.id.key.side;
    TradeRow {
        market: life.market.clone(),
        order_id: sent.order_id.clone(),
        episode: Some(life.id),
        name: Some(life.name.clone()),
        account: life.id.key.account,
        side: OrderSide::closing(side),
        position_side: side,
        at: sent.traded_at.unwrap_or_default(),
        size: sent.filled(),
        value: sent.value,
        fees: sent.fee,
        fills: sent.fills,
        trigger: trigger::shape(sent.order.reason.word(), Some(&note(life, sent))),
        order_type: kind_word(sent.order.kind).to_owned(),
        status: sent.state_word(),
        source: SOURCE.to_owned(),
        via: VIA.to_owned(),
        effect: Effect::Closed {
            parents,
            money,
            reason: sent.order.reason,
            source: sent.source,
            exit_type: sent.exit_type,
        },
    }
}

/// The level of the rule, and its leg.
fn note(life: &Life, sent: &Sent) -> String {
    let level = fixed(i128::from(sent.order.trigger.0), life.market.rules.price_decimals);
    match sent.order.id.leg {
        0 => format!("level {level}"),
        leg => format!("leg {leg}, level {level}"),
    }
}

/// The word of an order's kind in tables.
#[must_use]
pub const fn kind_word(kind: OrderKind) -> &'static str {
    match kind {
        OrderKind::Market => "market",
        OrderKind::MarketableLimit(_) => "marketable_limit",
        OrderKind::RestingLimit(_) => "limit",
        OrderKind::Stop(_) => "stop",
        OrderKind::ImmediateLimit(_) => "immediate_limit",
        OrderKind::MarkStop(_) => "mark_stop",
    }
}

/// The word of an imported order's type.
pub(crate) fn exit_type_of(order_type: &str) -> ExitType {
    if order_type.to_ascii_lowercase().contains("limit") { ExitType::Limit } else { ExitType::Market }
}

/// The money of an order that closed, by average cost.
pub(crate) fn by_average(life: &Life, sent: &Sent) -> ClosedMoney {
    let traded = Money(sent.value * life.market.rules.money_per_unit());
    // A long paid the entry and was paid the exit; a short the other way round.
    let (bought, bought_fees, sold, sold_fees) = match life.id.key.side {
        Side::Long => (sent.cost, sent.entry_fees, traded, sent.fee),
        Side::Short => (traded, sent.fee, sent.cost, sent.entry_fees),
    };
    ClosedMoney {
        cost_basis: bought + bought_fees,
        proceeds: sold,
        net_proceeds: sold - sold_fees,
        worth: Worth { gross: sold - bought, fees: bought_fees + sold_fees, funding: sent.funding },
    }
}

/// The money of a sell by its allocations; none while a part of it has no known cost.
pub(crate) fn by_fifo(allocations: &[Allocation], funding: Money) -> Option<ClosedMoney> {
    let mut money = ClosedMoney {
        cost_basis: Money::ZERO,
        proceeds: Money::ZERO,
        net_proceeds: Money::ZERO,
        worth: Worth::default(),
    };
    for part in allocations {
        part.buy.as_ref()?;
        money.cost_basis += part.cost + part.buy_fees;
        money.proceeds += part.proceeds;
        money.net_proceeds += part.proceeds - part.sell_fees;
        money.worth.gross += part.proceeds - part.cost;
        money.worth.fees += part.buy_fees + part.sell_fees;
    }
    money.worth.funding = funding;
    (!allocations.is_empty()).then_some(money)
}
