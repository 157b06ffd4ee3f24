//! Samples of what lists of open orders bring.

use ripcord_core::event::{AlarmKind, Edited, Event, OrdersListed, Record, Returned, VenueEvent};
use ripcord_core::id::{AccountId, EpisodeId, InstrumentId, OrderId};
use ripcord_core::instrument::Side;
use ripcord_core::listing::{ForeignId, Listed, Listing, OpenOrder, Whose};
use ripcord_core::num::{Price, Qty};
use ripcord_core::order::OrderKind;
use ripcord_core::time::Timestamp;

pub(super) fn records(episode: EpisodeId) -> Vec<Record> {
    let id = |attempt| OrderId { episode, exit: 0, leg: 0, slice: 0, attempt };
    let foreign = ForeignId { instrument: InstrumentId(1), side: Side::Short, number: 77 };
    let order =
        |whose| OpenOrder { whose, qty: Qty(500), filled: Qty(100), kind: OrderKind::Stop(Price(5_900_000)) };
    let listing = |orders| {
        let listing = Listing { account: AccountId(7), taken_at: Timestamp(9), orders };
        Record::Input(Event::Venue(VenueEvent::Listed(Box::new(listing))))
    };
    vec![
        listing(Listed::Failed),
        listing(Listed::AsKnown),
        listing(Listed::All(vec![order(Whose::Ours(id(3))), order(Whose::Foreign(foreign))])),
        Record::OrdersListed(Box::new(OrdersListed {
            account: AccountId(7),
            taken_at: Timestamp(9),
            missing: vec![id(1)],
            back: vec![id(2)],
            edited: vec![Edited { id: id(3), left: Qty(400), kind: OrderKind::Stop(Price(5_900_000)) }],
            strays: vec![id(4)],
            foreign: Some(vec![(foreign, Qty(400))]),
        })),
        Record::OrdersStale { account: AccountId(7), since: Some(Timestamp(9)) },
        Record::Alarm { episode, what: AlarmKind::ProtectionEdited },
        Record::Returned(Box::new(Returned { episode, qty: Qty(5), open: Qty(12) })),
    ]
}
