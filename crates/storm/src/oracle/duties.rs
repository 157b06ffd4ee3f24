//! What must come about while the world is fair: stops stand, triggers act, exits end.

use ripcord_core::id::{InstrumentId, PositionKey};
use ripcord_core::num::Price;
use ripcord_core::order::OrderKind;
use ripcord_core::time::{Span, Timestamp};

use super::Oracle;
use super::life::is_looser;
use super::reasons::{better, is_choice};
use crate::exchange::Exchange;

/// A position that should have a stop has one within this.
const BARE_MAX: Span = Span::from_secs(25);
/// A stop that the market has passed has acted within this.
const PAST_MAX: Span = Span::from_secs(45);
/// An exit is over within this.
const EXIT_MAX: Span = Span::from_secs(60);
/// The clock of a process is off by less than this.
const CLOCKS_APART: Span = Span::from_secs(1);
/// Somebody is told of an exit that cannot be done within this.
const ALARM_WITHIN: Span = Span::from_secs(150);
/// .. and again this often.
const ALARM_EVERY: Span = Span::from_secs(75);
/// A market is past a stop when it is past by this many ten-thousandths: prices are told late.
const PAST_BPS: i64 = 30;

impl Oracle<'_> {
    /// The market traded.
    pub(crate) fn on_market(
        &mut self,
        now: Timestamp,
        instrument: InstrumentId,
        price: i64,
        fair_since: Timestamp,
        exchange: &Exchange,
    ) {
        self.lift_best(instrument, price);
        for key in self.living.keys_of(instrument) {
            if self.living[key].is_none() {
                continue;
            }
            self.remember_cover(now, key, exchange);
            if self.is_silent(key.account) {
                self.bare_since[key] = None;
                self.past_since[key] = None;
                self.passed_since[key] = None;
                continue;
            }
            self.check_bare(now, key, fair_since, exchange);
            self.check_past(now, key, price, fair_since);
            self.check_exit(now, key, fair_since, exchange);
            self.check_passed(now, key, price, fair_since, exchange);
        }
    }

    /// The best price that was told of a position since it began, while its records were not durable yet.
    pub(super) fn best_told(&self, key: PositionKey, since: Timestamp) -> Option<i64> {
        // Its clock may be ahead of the world's.
        let since = Timestamp(since.0 - CLOCKS_APART.0);
        let told = self.told[key.instrument.0 as usize].iter().filter(|told| told.at >= since);
        told.map(|told| told.price)
            .filter(|&price| Price(price).is_sound())
            .reduce(|one, other| better(key.side, one, other))
    }

    /// Prices that were told may have been the best of a life.
    pub(super) fn lift_best(&mut self, instrument: InstrumentId, price: i64) {
        for key in self.living.keys_of(instrument) {
            if let Some(life) = self.living[key].and_then(|episode| self.lives.get_mut(episode)) {
                life.best = Some(life.best.map_or(price, |best| better(life.side, best, price)));
            }
        }
    }

    fn check_bare(&mut self, now: Timestamp, key: PositionKey, fair_since: Timestamp, exchange: &Exchange) {
        let Some(life) = self.living(key) else { return };
        let lot = self.lot(key);
        let sold = if self.is_spot() { sold(exchange, key) } else { 0 };
        let need =
            (life.qty.min(exchange.held(key)) - self.locked_by_others(key, exchange) - sold) / lot * lot;
        let need = self.one_order_of(key, need);
        let least = self.least(key);
        let wants = self.means(life).bracket && life.closing.is_none() && !life.is_left();
        let stops = exchange.resting(key).filter(|(_, kind, _)| kind.trigger().is_some());
        let covered: i64 = stops.map(|(_, _, left)| left).sum();
        if !wants || need < least.max(lot) || covered >= need {
            self.bare_since[key] = None;
            return;
        }
        let since = *self.bare_since[key].get_or_insert(now);
        if now.since(since.max(fair_since)) > BARE_MAX {
            let what = format!("{need} is held and {covered} covered since {}", shown(since));
            self.fail(now, Some(key), "L1", &what);
        }
    }

    /// So much of a quantity one order at the market may have.
    pub(super) fn one_order_of(&self, key: PositionKey, qty: i64) -> i64 {
        let most = self.config.markets[key.instrument.0 as usize].rules.market_qty_max.0;
        if most > 0 { qty.min(most / self.lot(key) * self.lot(key)) } else { qty }
    }

    /// What others lock of coins cannot be covered.
    pub(super) fn locked_by_others(&self, key: PositionKey, exchange: &Exchange) -> i64 {
        if self.is_spot() { exchange.foreign_of(key) } else { 0 }
    }

    fn check_past(&mut self, now: Timestamp, key: PositionKey, price: i64, fair_since: Timestamp) {
        let Some(life) = self.living(key) else { return };
        let Some(stop) = life.stop.filter(|_| life.closing.is_none() && !life.is_adopted) else {
            self.past_since[key] = None;
            return;
        };
        let far = stop - life.side.sign() * stop * PAST_BPS / 10_000;
        if !is_looser(life.side, price, far) {
            self.past_since[key] = None;
            return;
        }
        let since = *self.past_since[key].get_or_insert(now);
        if now.since(since.max(fair_since)) > PAST_MAX {
            let what = format!("the market is past its stop {stop} since {}", shown(since));
            self.fail(now, Some(key), "L3", &what);
        }
    }

    fn check_exit(&mut self, now: Timestamp, key: PositionKey, fair_since: Timestamp, exchange: &Exchange) {
        let Some(life) = self.living(key) else { return };
        let Some((exit, reason, at)) = life.closing else { return };
        let least = self.least(key);
        // Whose coins the orders of others lock nobody can know: as far as it goes, ours.
        let free = life.qty.min(exchange.held(key)) - self.locked_by_others(key, exchange);
        let waits = is_choice(reason) && self.has_waited_for_room(now, key.account);
        if free < least || waits {
            self.locked_at[key] = Some(now);
            return;
        }
        let locked_at = self.locked_at[key].unwrap_or(at);
        let at = at.max(self.level_at).max(locked_at);
        if now.since(at.max(fair_since)) > EXIT_MAX {
            let what = format!("exit {exit} ({}) is under way since {}", reason.word(), shown(at));
            self.fail(now, Some(key), "R4", &what);
        } else if now.since(at) > ALARM_WITHIN
            && now.since(fair_since) > ALARM_EVERY
            && life.alarmed_at.max(life.filled_at) < Timestamp(now.0 - ALARM_WITHIN.0)
        {
            let what = format!("nobody was told that exit {exit} hangs since {}", shown(at));
            self.fail(now, Some(key), "L4", &what);
        }
    }
}

/// What our orders at the market are about to sell: where they lock it, no stop can.
fn sold(exchange: &Exchange, key: PositionKey) -> i64 {
    let at_market = exchange.resting(key).filter(|(_, kind, _)| *kind == OrderKind::Market);
    at_market.map(|(_, _, left)| left).sum()
}

/// A moment, as seconds since the world began.
pub(crate) fn shown(at: Timestamp) -> String {
    let millis = (at.0 - crate::script::START.0) / 1_000_000;
    format!("{}.{:03}", millis / 1_000, millis % 1_000)
}
