//! The protection of a position at the exchange, as one row: derived from its orders.

use ripcord_core::id::OrderId;
use ripcord_core::order::{OrderKind, OrderState};
use ripcord_core::reason::Source;

use crate::episode::{Life, Sent};
use crate::rows::BracketRow;

impl Life {
    /// The row of its bracket; none when it never had a stop or a resting target at the exchange.
    pub(crate) fn bracket(&self) -> Option<BracketRow> {
        let (stop, target) = (self.newest(0), self.newest_target());
        let stop = stop.filter(|sent| sent.order.kind.trigger().is_some())?;
        let entry = self.openings.first()?;
        Some(BracketRow {
            market: self.market.clone(),
            episode: self.id,
            entry_order_id: entry.order_id.to_string(),
            stop_order_id: Some(stop.order_id.to_string()),
            tp_order_id: target.map(|sent| sent.order_id.to_string()),
            stop_price: Some(stop.order.trigger),
            tp_price: target.map(|sent| sent.order.trigger),
            entry: self.entered_for(),
            entry_time: entry.at,
            status: self.bracket_status(stop),
            source: Source::ExchangeBracket.word(),
            verified_at: stop.accepted(),
        })
    }

    /// The stop that rests, else the newest one; of `leg`, 0 is the stop.
    fn newest(&self, leg: u8) -> Option<&Sent> {
        let of = |slice, attempt| OrderId { episode: self.id, exit: 0, leg, slice, attempt };
        let newest_first = || self.orders.range(of(0, 0)..=of(u8::MAX, u16::MAX)).rev().map(|(_, sent)| sent);
        // What was replaced rests for a moment longer: no need to look far.
        let rests = newest_first().take(3).find(|sent| is_there(sent.state()));
        rests.or_else(|| newest_first().next())
    }

    /// The nearest target that rests.
    fn newest_target(&self) -> Option<&Sent> {
        let rests =
            |sent: &&Sent| matches!(sent.order.kind, OrderKind::RestingLimit(_)) && is_there(sent.state());
        let first = OrderId { episode: self.id, exit: 0, leg: 1, slice: 0, attempt: 0 };
        let last = OrderId { leg: u8::MAX, slice: u8::MAX, attempt: u16::MAX, ..first };
        self.orders.range(first..=last).map(|(_, sent)| sent).find(rests)
    }

    fn bracket_status(&self, stop: &Sent) -> &'static str {
        match stop.state() {
            OrderState::Filled => "filled",
            _ if self.is_closed() => "closed",
            OrderState::Sent => "pending",
            OrderState::Working | OrderState::PartFilled => "active",
            OrderState::Unknown => "unknown",
            OrderState::Refused => "refused",
            OrderState::Expired | OrderState::Cancelled => "gone",
        }
    }
}

const fn is_there(state: OrderState) -> bool {
    matches!(state, OrderState::Working | OrderState::PartFilled)
}
