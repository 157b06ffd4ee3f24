//! Samples of what orders say since they name the price that triggers them, of commands refused since, and of order budgets.

use ripcord_core::event::{Command, CommandRefused, Event, Record};
use ripcord_core::id::{AccountId, EpisodeId, OrderId};
use ripcord_core::num::{Price, Qty, Ratio};
use ripcord_core::order::{ExitOrder, OrderKind};
use ripcord_core::pacing::{OrderBudget, Pace};
use ripcord_core::reason::Reason;
use ripcord_core::time::{Span, Timestamp};

pub(super) fn records(episode: EpisodeId) -> Vec<Record> {
    let id = OrderId { episode, exit: 0, leg: 0, slice: 0, attempt: 6 };
    let (qty, at, reason) = (Qty(500), Price(5_900_000), Reason::StopLoss);
    let order = ExitOrder { id, qty, kind: OrderKind::MarkStop(at), trigger: at, reason };
    vec![
        Record::OrderIntended(Box::new(order)),
        Record::CommandRefused(CommandRefused::StrongerLevel(AccountId(7))),
        budget(None),
        budget(Some(OrderBudget {
            orders: 300,
            window: Span::from_secs(10),
            reserve: Ratio::from_bps(3_000),
            pause: Span::from_secs(5),
        })),
        paced(Pace::Free, None),
        paced(Pace::ChoiceWaits, Some(Timestamp(9))),
        paced(Pace::Spent, Some(Timestamp(9))),
    ]
}

const fn paced(pace: Pace, until: Option<Timestamp>) -> Record {
    Record::OrdersPaced { account: AccountId(7), pace, until }
}

const fn budget(budget: Option<OrderBudget>) -> Record {
    Record::Input(Event::Command(Command::Budget { account: AccountId(7), budget }))
}
