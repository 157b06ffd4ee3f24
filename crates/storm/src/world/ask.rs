//! Entries and commands.

use ripcord_core::event::{Addition, Command, Opening};
use ripcord_core::id::{AccountId, InstrumentId, PlanId, PositionKey};
use ripcord_core::instrument::Side;
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::time::Timestamp;

use super::World;
use crate::script::Ask;

impl World<'_> {
    /// Somebody enters, and tells the engine or does not.
    pub(super) fn on_entry(&mut self, key: PositionKey, plan: PlanId, qty: i64, is_told: bool) {
        let Some(price) = self.exchange.enter(self.now, key, qty) else { return };
        self.carry();
        let Some(core) = self.host.core.as_ref().filter(|_| is_told) else { return };
        let (qty, price) = (Qty(qty), Price(price));
        let command = if core.view().position(key).is_some() {
            Command::Add(Box::new(Addition { key, qty, price, fees: Money::ZERO }))
        } else {
            Command::Open(Box::new(Opening { key, plan, qty, entry: price, entry_fees: Money::ZERO }))
        };
        self.command(command);
    }

    /// Somebody asks.
    pub(super) fn on_ask(&mut self, ask: Ask) {
        let command = match ask {
            Ask::Close(key, 0) => Command::Close { key, qty: None },
            Ask::Close(key, bps) => {
                let lot = self.config.markets[key.instrument.0 as usize].rules.lot_size.0;
                Command::Close { key, qty: Some(Qty(self.held(key) * bps / 10_000 / lot * lot)) }
            }
            Ask::Signal(key, age) => {
                Command::Signal { key, at: Timestamp(self.host.now(self.now).0 - age.0) }
            }
            Ask::MoveStop(key, bps) => {
                let Some(price) = self.exchange.price(key.instrument) else { return };
                let away = price * bps / 10_000;
                let to = if key.side == Side::Long { price - away } else { price + away };
                Command::MoveStop { key, to: Price(to) }
            }
            Ask::ChangePlan(key, plan) => Command::ChangePlan { key, plan },
            Ask::Release(key, keeps_stop) => Command::Release { key, keeps_stop },
            Ask::HandOver(key) => Command::HandOver { key },
        };
        self.command(command);
    }

    /// Levels are released and positions handed over: everything is the engine's again.
    pub(super) fn on_settle(&mut self) {
        for account in (0..self.config.accounts).map(AccountId) {
            self.command(Command::Kill { account, level: None, confirmed: false });
        }
        for key in self.config.keys() {
            self.command(Command::HandOver { key });
        }
    }
}

/// An instrument by its place.
pub(super) fn instrument(place: usize) -> InstrumentId {
    InstrumentId(u32::try_from(place).expect("few instruments"))
}
