//! Orders meet prices.

use ripcord_core::event::VenueEvent;
use ripcord_core::id::{InstrumentId, PositionKey};
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
        for key in self.resting.keys_of(instrument) {
            for place in self.resting[key].clone() {
                self.match_one(now, place, false, weather);
            }
            self.sweep(key);
        }
    }

    /// A new order meets the market.
    pub(super) fn meet(&mut self, now: Timestamp, place: usize, weather: &Weather) {
        let id = self.rows[place].order.id;
        let key = id.episode.key;
        if self.markets[key.instrument.0 as usize].price > 0 {
            self.match_one(now, place, true, weather);
        }
        let is_immediate = matches!(self.rows[place].kind, OrderKind::ImmediateLimit(_));
        if is_immediate && self.resting[key].contains(&place) {
            self.end(place, OrderState::Expired, End::Expired);
            self.says.push(VenueEvent::Expired(id));
        }
        self.sweep(key);
    }

    fn match_one(&mut self, now: Timestamp, place: usize, is_new: bool, weather: &Weather) {
        let row = &self.rows[place];
        let key = row.order.id.episode.key;
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
                if !row.is_triggered && !passes(key.side, self.seen_by(key, on), trigger.0) {
                    return;
                }
                if self.tells_triggers && !row.is_triggered {
                    self.says.push(VenueEvent::Triggered(row.order.id));
                    self.rows[place].is_triggered = true;
                }
                if is_stuck {
                    return;
                }
                price
            }
        };
        let part = weather.amount(now, FaultKind::Partial).map_or(i64::MAX, |amount| {
            let lot = self.markets[key.instrument.0 as usize].lot;
            (amount * 3 / lot * lot).max(lot)
        });
        let qty = self.rows[place].left().min(self.closable(key)).min(part);
        if qty > 0 {
            self.fill(now, place, qty, at);
        }
    }

    fn fill(&mut self, now: Timestamp, place: usize, qty: i64, price: i64) {
        let id = self.rows[place].order.id;
        let key = id.episode.key;
        let held = self.held(key) - qty;
        let cost = i128::from(price) * i128::from(qty);
        let fee = cost * self.markets[key.instrument.0 as usize].money_per_unit * FEE_BPS / 10_000;
        self.hold(now, key, held);
        let row = &mut self.rows[place];
        row.filled += qty;
        row.cost += cost;
        row.fee += fee;
        let is_done = row.left() == 0;
        row.state = if is_done { OrderState::Filled } else { OrderState::PartFilled };
        let fill = Fill { id, filled_total: Qty(row.filled), price: Price(price), fee: Money(fee) };
        if is_done {
            self.take_off(place);
        }
        self.facts.push(Fact::Traded { id, qty, price, held });
        self.says.push(VenueEvent::Filled(Box::new(fill)));
    }

    /// An order rests no more.
    pub(super) fn end(&mut self, place: usize, state: OrderState, why: End) {
        self.take_off(place);
        let row = &mut self.rows[place];
        row.state = state;
        self.facts.push(Fact::Ended { id: row.order.id, why });
    }

    /// Orders with nothing left to reduce go.
    pub(super) fn sweep(&mut self, key: PositionKey) {
        if self.closable(key) > 0 {
            return;
        }
        for place in self.resting[key].clone() {
            self.end(place, OrderState::Expired, End::Expired);
            self.says.push(VenueEvent::Expired(self.rows[place].order.id));
        }
    }
}
