//! What people and other programs do with orders at the venue, and the list of what rests there.

use ripcord_core::event::VenueEvent;
use ripcord_core::id::{AccountId, OrderId, PositionKey};
use ripcord_core::listing::{ForeignId, Listed, Listing, OpenOrder, Whose};
use ripcord_core::num::{Price, Qty};
use ripcord_core::order::{OrderKind, OrderState, Trigger, TriggerSource};
use ripcord_core::time::Timestamp;

use super::{Venue, Working};

impl Venue {
    /// What rests in an account, if it says anything.
    pub(crate) fn listing(&self, account: AccountId, now: Timestamp) -> Listing {
        let ours = self.working.iter().filter(|working| working.order.id.episode.key.account == account);
        let ours = ours.map(|working| OpenOrder {
            whose: Whose::Ours(working.order.id),
            qty: working.order.qty,
            filled: Qty(working.filled),
            kind: working.order.kind,
        });
        let foreign = self.foreign.iter().filter(|((of, _), _)| *of == account);
        let foreign = foreign.map(|(&(_, id), &qty)| OpenOrder {
            whose: Whose::Foreign(id),
            qty: Qty(qty),
            filled: Qty(0),
            kind: OrderKind::RestingLimit(Price(1)),
        });
        let orders =
            if self.mood.unread { Listed::Failed } else { Listed::All(ours.chain(foreign).collect()) };
        Listing { account, taken_at: now, orders }
    }

    pub(super) fn list_orders(&mut self, account: AccountId, now: Timestamp) {
        let listing = self.listing(account, now);
        self.tell(VenueEvent::Listed(Box::new(listing)));
    }

    fn newest_stop(&mut self, key: PositionKey) -> Option<usize> {
        let is_stop =
            |working: &Working| working.order.id.episode.key == key && working.order.kind.trigger().is_some();
        self.working.iter().rposition(is_stop)
    }

    /// Somebody moves the stop of a position, or changes its size; nobody is told.
    pub(crate) fn edit_stop(&mut self, key: PositionKey, to: Option<Price>, qty: Option<Qty>) -> bool {
        let Some(at) = self.newest_stop(key) else { return false };
        let working = &mut self.working[at];
        if let Some(to) = to {
            let on = working.order.kind.trigger().expect("a stop").on;
            working.order.kind = OrderKind::stop(Trigger { at: to, on });
        }
        if let Some(qty) = qty.filter(|qty| qty.0 > working.filled) {
            working.order.qty = qty;
            if let Some(known) = self.known.get_mut(&working.order.id) {
                known.qty = qty;
            }
        }
        true
    }

    /// Somebody has another price trigger the stop of a position; nobody is told.
    pub(crate) fn retrigger(&mut self, key: PositionKey, on: TriggerSource) -> bool {
        let Some(at) = self.newest_stop(key) else { return false };
        let order = &mut self.working[at].order;
        let trigger = order.kind.trigger().expect("a stop");
        order.kind = OrderKind::stop(Trigger { on, ..trigger });
        true
    }

    /// Somebody makes the stop of a position a limit far from the market; nobody is told.
    pub(crate) fn unstop(&mut self, key: PositionKey) -> bool {
        let Some(at) = self.newest_stop(key) else { return false };
        self.working[at].order.kind = OrderKind::RestingLimit(Price(1 << 50));
        true
    }

    /// Somebody takes the stop of a position away; nobody is told.
    pub(crate) fn take_stop(&mut self, key: PositionKey) -> Option<OrderId> {
        let at = self.newest_stop(key)?;
        let working = self.working.remove(at);
        let id = working.order.id;
        self.gone = Some(working);
        self.know(id, OrderState::Cancelled);
        Some(id)
    }

    /// The order that was taken away last rests again.
    pub(crate) fn revive(&mut self) -> bool {
        let Some(working) = self.gone.take() else { return false };
        self.know(working.order.id, OrderState::Working);
        self.working.push(working);
        true
    }

    /// Somebody rests an order that would sell so much of a position.
    pub(crate) fn rest_foreign(&mut self, key: PositionKey, number: u64, qty: i64) {
        let id = ForeignId { instrument: key.instrument, side: key.side, number };
        if qty > 0 {
            self.foreign.insert((key.account, id), qty);
        } else {
            self.foreign.remove(&(key.account, id));
        }
    }

    pub(super) fn cancel_foreign(&mut self, account: AccountId, id: ForeignId) {
        self.foreign.remove(&(account, id));
    }

    /// What orders of others lock of a bucket.
    pub(super) fn foreign_of(&self, key: PositionKey) -> i64 {
        let of = self.foreign.iter().filter(|((account, id), _)| id.key(*account) == key);
        of.map(|(_, qty)| qty).sum()
    }
}
