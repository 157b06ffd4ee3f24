//! What others do: bots that enter, people, and the venue itself.

use ripcord_core::account::{ClosedBy, OutsideClose};
use ripcord_core::event::VenueEvent;
use ripcord_core::id::{AccountId, InstrumentId, PositionKey};
use ripcord_core::instrument::Side;
use ripcord_core::listing::ForeignId;
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::order::{OrderKind, OrderState, Trigger};
use ripcord_core::time::Timestamp;

use super::{End, Exchange, Fact};
use crate::config::VenueKind;

impl Exchange {
    /// Somebody enters; the price paid, or nothing where the market or the other side is in the way.
    pub(crate) fn enter(&mut self, now: Timestamp, key: PositionKey, qty: i64) -> Option<i64> {
        let price = self.price(key.instrument)?;
        if self.kind == VenueKind::Futures && self.held(opposite(key)) > 0 {
            return None;
        }
        let held = self.held(key) + qty;
        self.hold(now, key, held);
        let book = &mut self.books[key];
        book.cost += i128::from(price) * i128::from(qty);
        self.facts.push(Fact::Entered { key, qty, held });
        Some(price)
    }

    /// Somebody, or the venue, closes up to `qty`; told or not. Returns how much it was.
    pub(crate) fn close(&mut self, now: Timestamp, key: PositionKey, qty: i64, by: Option<ClosedBy>) -> i64 {
        let qty = qty.min(self.held(key));
        if qty <= 0 {
            return 0;
        }
        if self.kind == VenueKind::Spot {
            // Coins that orders lock cannot be sold: whoever sells by hand takes the orders away first.
            for place in self.resting[key].clone() {
                self.end(place, OrderState::Cancelled, End::TakenAway);
                self.says.push(VenueEvent::Expired(self.rows[place].order.id));
            }
        }
        let held = self.held(key) - qty;
        self.hold(now, key, held);
        self.facts.push(Fact::Outside { key, qty, held });
        let price = self.price(key.instrument).map(Price);
        let book = &mut self.books[key];
        book.trade += 1;
        if let Some(by) = by {
            let closed = OutsideClose { key, trade: book.trade, qty: Qty(qty), price, fee: Money::ZERO, by };
            self.says.push(VenueEvent::ClosedOutside(Box::new(closed)));
        }
        self.sweep(key);
        qty
    }

    /// Somebody turns a net position around.
    pub(crate) fn flip(&mut self, now: Timestamp, key: PositionKey) -> bool {
        let qty = self.held(key);
        self.close(now, key, qty, Some(ClosedBy::Hand));
        qty > 0 && self.enter(now, opposite(key), qty).is_some()
    }

    /// Funding is settled: longs pay.
    pub(crate) fn settle_funding(&mut self, instrument: InstrumentId, bps: i64) {
        let Some(price) = self.price(instrument) else { return };
        let per_unit = self.markets[instrument.0 as usize].money_per_unit;
        let such = |(key, book): &(PositionKey, &super::Book)| key.instrument == instrument && book.held > 0;
        for (key, book) in self.books.iter().filter(such) {
            let sign = if key.side == Side::Long { 1 } else { -1 };
            let value = i128::from(price) * i128::from(book.held) * per_unit;
            let amount = Money(sign * value * i128::from(bps) / 10_000);
            self.says.push(VenueEvent::FundingPaid(key, Box::new(amount)));
        }
    }

    /// The newest stop of ours that rests for a bucket.
    fn stop(&self, key: PositionKey) -> Option<usize> {
        self.resting[key].iter().copied().rfind(|&place| self.rows[place].kind.trigger().is_some())
    }

    /// Somebody takes our stop away; told or not.
    pub(crate) fn take_stop_away(&mut self, key: PositionKey, is_told: bool) -> bool {
        let Some(place) = self.stop(key) else { return false };
        self.end(place, OrderState::Cancelled, End::TakenAway);
        if is_told {
            self.says.push(VenueEvent::Cancelled(self.rows[place].order.id));
        }
        true
    }

    /// Somebody moves our stop by some basis points of its trigger.
    pub(crate) fn edit_stop(&mut self, key: PositionKey, bps: i64) -> bool {
        let Some(place) = self.stop(key) else { return false };
        let tick = self.markets[key.instrument.0 as usize].tick;
        let row = &mut self.rows[place];
        let Some(trigger) = row.kind.trigger().filter(|_| !row.is_triggered) else { return false };
        let to = ((trigger.at.0 + trigger.at.0 * bps / 10_000) / tick * tick).max(tick);
        row.kind = OrderKind::stop(Trigger { at: Price(to), on: trigger.on });
        self.facts.push(Fact::Edited { id: row.order.id, trigger: to });
        true
    }

    /// Everything of ours that rests for a bucket is lost.
    pub(crate) fn drop_resting(&mut self, key: PositionKey, is_told: bool) -> bool {
        let places = self.resting[key].clone();
        for &place in &places {
            self.end(place, OrderState::Expired, End::TakenAway);
            if is_told {
                self.says.push(VenueEvent::Expired(self.rows[place].order.id));
            }
        }
        !places.is_empty()
    }

    /// Somebody else's order rests, or goes.
    pub(crate) fn foreign(&mut self, key: PositionKey, number: u64) {
        let id = ForeignId { instrument: key.instrument, side: key.side, number };
        if self.foreign.remove(&(key.account, id)).is_some() {
            return;
        }
        let free = self.held(key) - if self.kind == VenueKind::Spot { self.locked(key) } else { 0 };
        if free > 0 {
            self.foreign.insert((key.account, id), (free / 3).max(1));
        }
    }

    /// Somebody else's order is taken away on our word.
    pub(crate) fn cancel_foreign(&mut self, account: AccountId, id: ForeignId) {
        self.foreign.remove(&(account, id));
    }

    /// All orders of others go.
    pub(crate) fn end_foreign(&mut self) {
        self.foreign.clear();
    }

    /// Prices must lie on a tick this many times as coarse; 1 is as it was.
    pub(crate) fn coarsen(&mut self, instrument: InstrumentId, by: i64) {
        let market = &mut self.markets[instrument.0 as usize];
        market.tick = market.finest * by;
    }
}

/// The other side of the same instrument.
pub(crate) const fn opposite(key: PositionKey) -> PositionKey {
    let side = match key.side {
        Side::Long => Side::Short,
        Side::Short => Side::Long,
    };
    PositionKey { side, ..key }
}
