//! Prices on their way to the engine.

use std::collections::BTreeMap;

use ripcord_core::event::{Event, Probe, Tick};
use ripcord_core::id::InstrumentId;
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Price, Qty};
use ripcord_core::time::Span;

use super::World;
use crate::fault::{Fault, FaultKind};
use crate::wire::Message;

/// What was told of prices.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    /// The last price that each instrument's feed told.
    told: BTreeMap<InstrumentId, i64>,
}

impl World<'_> {
    /// The market trades.
    pub(super) fn on_trade(&mut self, instrument: InstrumentId, price: i64) {
        self.exchange.trade(self.now, instrument, price, &self.weather);
        self.carry();
        let fair_since = self.fair_since();
        self.oracle.on_market(self.now, instrument, price, fair_since, &self.exchange);
        let is = |kind| self.weather.is(self.now, kind);
        if is(FaultKind::SilentFeed) || is(FaultKind::Outage) || is(FaultKind::Halt) {
            return;
        }
        let is_frozen = is(FaultKind::FrozenFeed);
        let price = match self.feed.told.get(&instrument) {
            Some(told) if is_frozen => *told,
            _ => price,
        };
        self.feed.told.insert(instrument, price);
        let mark = self.exchange.mark(instrument);
        self.tell(instrument, PriceSource::Last, price);
        if mark > 0 && self.config.markets[instrument.0 as usize].sources.contains(&PriceSource::Mark) {
            self.tell(instrument, PriceSource::Mark, if is_frozen { price } else { mark });
        }
    }

    /// The feed tells a price.
    fn tell(&mut self, instrument: InstrumentId, source: PriceSource, price: i64) {
        let Some(cell) = self.host.cell(instrument, source) else { return };
        let tick = Tick { at: self.now, price: Price(price), qty: Qty(1), cell, probe: Probe::TICK };
        if let Some(amount) = self.weather.amount(self.now, FaultKind::LateFeed) {
            self.wire.put(self.now.after(Span::from_millis(amount * 4)), Message::Price(instrument, tick));
        } else if self.now < self.host.busy_until {
            self.wire.put(self.host.busy_until, Message::Price(instrument, tick));
        } else {
            self.hear_price(instrument, &tick);
        }
    }

    /// The engine hears a price.
    pub(super) fn hear_price(&mut self, instrument: InstrumentId, tick: &Tick) {
        let now = self.host.now(self.now);
        let Some(core) = &mut self.host.core else { return };
        self.oracle.on_price(self.now, instrument, tick.price.0);
        if core.is_quiet(now, tick) {
            core.take_quiet(tick);
        } else {
            self.step(Event::Tick(*tick));
        }
    }

    /// A price that is none, or that moves everything.
    pub(super) fn on_strange_price(&mut self, fault: &Fault) -> bool {
        let instrument = fault.key.instrument;
        let Some(price) = self.exchange.price(instrument) else { return false };
        let bps = (fault.amount - 500) * 2;
        let strange = price + price * bps / 10_000;
        match fault.kind {
            FaultKind::Spike => self.tell(instrument, PriceSource::Last, strange),
            FaultKind::BadPrice => {
                let bad = [0, -1, i64::MIN, i64::MAX, 1][usize::try_from(fault.amount).unwrap_or(0) % 5];
                self.tell(instrument, PriceSource::Last, bad);
            }
            _ => {
                let tick = self.config.markets[instrument.0 as usize].rules.tick_size.0;
                let to = (strange / tick * tick).max(tick);
                self.on_trade(instrument, to);
                self.on_trade(instrument, to);
            }
        }
        true
    }
}
