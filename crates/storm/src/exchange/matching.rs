//! Orders meet prices.

use ripcord_core::event::VenueEvent;
use ripcord_core::id::{InstrumentId, OrderId, PositionKey};
use ripcord_core::instrument::Side;
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::order::{Fill, OrderKind, OrderState, TriggerSource};
use ripcord_core::time::Timestamp;

use super::{End, Exchange, FEE_BPS, Fact, passes};
use crate::fault::FaultKind;
use crate::weather::Weather;

impl Exchange {
    /// The market trades at a price: what rests there is filled.
    pub(crate) fn trade(&mut self, now: Timestamp, instrument: InstrumentId, price: i64, weather: &Weather) {
        if weather.is(now, FaultKind::Halt) {
            return;
        }
        let market = &mut self.markets[instrument.0 as usize];
        market.price = price;
        market.mark = price;
        if let Some(amount) = weather.amount(now, FaultKind::Diverge) {
            market.mark = price + price * (amount - 500) / 20_000;
        }
        let such = |key: &&PositionKey| key.instrument == instrument;
        let keys: Vec<PositionKey> = self.resting.keys().filter(such).copied().collect();
        for key in keys {
            for id in self.resting.get(&key).cloned().unwrap_or_default() {
                self.match_one(now, id, false, weather);
            }
            self.sweep(key);
        }
    }

    /// A new order meets the market.
    pub(super) fn meet(&mut self, now: Timestamp, id: OrderId, weather: &Weather) {
        let key = id.episode.key;
        if self.markets[key.instrument.0 as usize].price > 0 {
            self.match_one(now, id, true, weather);
        }
        let row = self.orders.get(&id).copied();
        let rests = self.resting.get(&key).is_some_and(|ids| ids.contains(&id));
        if rests && row.is_some_and(|row| matches!(row.kind, OrderKind::ImmediateLimit(_))) {
            self.end(&id, OrderState::Expired, End::Expired);
            self.says.push(VenueEvent::Expired(id));
        }
        self.sweep(key);
    }

    fn match_one(&mut self, now: Timestamp, id: OrderId, is_new: bool, weather: &Weather) {
        let Some(row) = self.orders.get(&id).copied() else { return };
        let key = id.episode.key;
        let price = self.markets[key.instrument.0 as usize].price;
        let crosses = |limit: Price| match key.side {
            Side::Long => price >= limit.0,
            Side::Short => price <= limit.0,
        };
        let is_thin = weather.is(now, FaultKind::Thin);
        let at = match row.kind {
            OrderKind::Market if is_thin => return,
            OrderKind::Market => price,
            OrderKind::MarketableLimit(limit) | OrderKind::ImmediateLimit(limit)
                if is_new && !is_thin && crosses(limit) =>
            {
                price
            }
            OrderKind::MarketableLimit(limit)
            | OrderKind::ImmediateLimit(limit)
            | OrderKind::RestingLimit(limit) => {
                if is_thin || !crosses(limit) {
                    return;
                }
                if is_new { price } else { limit.0 }
            }
            OrderKind::Stop(trigger) | OrderKind::MarkStop(trigger) => {
                let is_stuck = weather.is(now, FaultKind::StuckStops) || is_thin;
                let on = row.kind.trigger().map_or(TriggerSource::Last, |trigger| trigger.on);
                if is_stuck || !passes(key.side, self.seen_by(key, on), trigger.0) {
                    return;
                }
                price
            }
        };
        let part = weather.amount(now, FaultKind::Partial).map_or(i64::MAX, |amount| {
            let lot = self.markets[key.instrument.0 as usize].lot;
            (amount * 3 / lot * lot).max(lot)
        });
        let qty = row.left().min(self.closable(key)).min(part);
        if qty > 0 {
            self.fill(now, id, qty, at);
        }
    }

    fn fill(&mut self, now: Timestamp, id: OrderId, qty: i64, price: i64) {
        let key = id.episode.key;
        let held = self.held(key) - qty;
        let cost = i128::from(price) * i128::from(qty);
        let fee = cost * self.markets[key.instrument.0 as usize].money_per_unit * FEE_BPS / 10_000;
        self.hold(now, key, held);
        let row = self.orders.get_mut(&id).expect("it rests");
        row.filled += qty;
        row.cost += cost;
        let is_done = row.left() == 0;
        row.state = if is_done { OrderState::Filled } else { OrderState::PartFilled };
        let fill = Fill { id, filled_total: Qty(row.filled), price: Price(price), fee: Money(fee) };
        if is_done {
            self.take_off(&id);
        }
        self.facts.push(Fact::Traded { id, qty, price, held });
        self.says.push(VenueEvent::Filled(Box::new(fill)));
    }

    /// An order rests no more.
    pub(super) fn end(&mut self, id: &OrderId, state: OrderState, why: End) {
        self.take_off(id);
        self.set_state(id, state);
        self.facts.push(Fact::Ended { id: *id, why });
    }

    /// Orders with nothing left to reduce go.
    pub(super) fn sweep(&mut self, key: PositionKey) {
        if self.closable(key) > 0 {
            return;
        }
        for id in self.resting.get(&key).cloned().unwrap_or_default() {
            self.end(&id, OrderState::Expired, End::Expired);
            self.says.push(VenueEvent::Expired(id));
        }
    }
}
