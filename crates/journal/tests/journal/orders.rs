//! Samples of what orders say since they name the price that triggers them, and of commands refused since.

use ripcord_core::event::{CommandRefused, Record};
use ripcord_core::id::{AccountId, EpisodeId, OrderId};
use ripcord_core::num::{Price, Qty};
use ripcord_core::order::{ExitOrder, OrderKind};
use ripcord_core::reason::Reason;

pub(super) fn records(episode: EpisodeId) -> Vec<Record> {
    let id = OrderId { episode, exit: 0, leg: 0, slice: 0, attempt: 6 };
    let (qty, at, reason) = (Qty(500), Price(5_900_000), Reason::StopLoss);
    let order = ExitOrder { id, qty, kind: OrderKind::MarkStop(at), trigger: at, reason };
    vec![
        Record::OrderIntended(Box::new(order)),
        Record::CommandRefused(CommandRefused::StrongerLevel(AccountId(7))),
    ]
}
