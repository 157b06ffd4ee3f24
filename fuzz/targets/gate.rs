//! The gate, against one that counts in wider numbers and asks every question.

use ripcord_core::gate::{Blocked, Exposure, approve};
use ripcord_core::id::{AccountId, EpisodeId, InstrumentId, OrderId, PositionKey};
use ripcord_core::instrument::Side;
use ripcord_core::num::{Price, Qty};
use ripcord_core::order::{ExitOrder, OrderKind};
use ripcord_core::reason::Reason;

use crate::bytes::Bytes;

pub(crate) fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let mut episode = || EpisodeId {
        key: PositionKey {
            account: AccountId(u32::from(bytes.byte() % 2)),
            instrument: InstrumentId(u32::from(bytes.byte() % 2)),
            side: bytes.pick(&[Side::Long, Side::Short]),
        },
        generation: u32::from(bytes.byte() % 3),
    };
    let (living, meant) = (episode(), episode());
    let meant = if bytes.flag() { living } else { meant };
    // What is held is what was taken over: never negative. Claims are sums that end at the largest number.
    let open = Qty(bytes.number().max(0));
    let claims = Qty(bytes.number().max(0));
    let held = Exposure { episode: living, open, uncapped_claims: claims, is_silent: bytes.byte() % 8 == 7 };
    let order = ExitOrder {
        id: OrderId { episode: meant, exit: bytes.u16(), leg: bytes.byte(), slice: 0, attempt: bytes.u16() },
        qty: Qty(bytes.number()),
        kind: bytes.pick(&[
            OrderKind::Market,
            OrderKind::Stop(Price(1)),
            OrderKind::MarketableLimit(Price(0)),
        ]),
        trigger: Price(bytes.i64()),
        reason: bytes.pick(&[Reason::HardStop, Reason::TakeProfit, Reason::Manual]),
    };
    let free = i128::from(held.open.0) - i128::from(held.uncapped_claims.0);
    let mut against = Vec::new();
    against.extend(held.is_silent.then_some(Blocked::Killed));
    against.extend((order.qty.0 <= 0).then_some(Blocked::NotPositive));
    against.extend((meant != living).then_some(Blocked::DeadEpisode));
    against.extend((i128::from(order.qty.0) > free).then_some(Blocked::MoreThanHeld));
    match approve(order, &held) {
        Ok(approved) => {
            assert!(against.is_empty() && *approved.order() == order, "{order:?} {held:?} {against:?}")
        }
        Err(why) => assert_eq!(Some(&why), against.first(), "{order:?} {held:?}"),
    }
}
