//! What must be so after a calm, and at the end.

use ripcord_core::coordinator::Coordinator;
use ripcord_core::id::PositionKey;
use ripcord_core::order::OrderState;
use ripcord_core::position::Phase;
use ripcord_core::time::{Span, Timestamp};

use super::Oracle;
use super::reasons::is_choice;
use crate::exchange::Exchange;

/// What is begun is done within this: a stop in the place of another, an exit.
const DONE_WITHIN: Span = Span::from_secs(3);

impl Oracle<'_> {
    /// After a calm.
    pub(crate) fn examine(&mut self, now: Timestamp, core: &Coordinator, exchange: &Exchange) {
        self.count("examined");
        self.on_durable(now, exchange);
        self.compare(now, core, "S3");
        for key in self.config.keys() {
            self.examine_key(now, key, core, exchange);
        }
    }

    fn examine_key(&mut self, now: Timestamp, key: PositionKey, core: &Coordinator, exchange: &Exchange) {
        let view = core.view();
        let position = view.position(key);
        let lot = self.lot(key);
        let least = self.least(key);
        let (ours, truth) = (position.as_ref().map_or(0, |it| it.qty.0), exchange.held(key));
        // Coins that came without a trade of ours are somebody's, not the engine's.
        let is_theirs = self.is_spot() && truth > ours;
        let moved_at = self.promises.traded_at(key).max(self.promises.moved_at(key));
        let has_just = moved_at.is_some_and(|at| now.since(at) < DONE_WITHIN);
        if (ours - truth).abs() >= least && !is_theirs && !has_just {
            let what = format!("it holds {ours}, and the exchange says {truth}");
            self.fail(now, Some(key), "S3", &what);
        }
        for order in view.orders(key) {
            if order.life().state == OrderState::Unknown {
                self.fail(now, Some(key), "L9", "an order is still lost sight of");
            }
        }
        let Some(position) = position else {
            if exchange.resting(key).next().is_some() {
                self.fail(now, Some(key), "S8", "an order rests, and no position is held");
            }
            return;
        };
        let closing = self.lives.get(position.episode).and_then(|life| life.closing);
        let is_begun = closing.is_some_and(|(_, _, at)| now.since(at) < DONE_WITHIN);
        let has_waited = self.has_waited_for_room(now, key.account);
        let may_wait = has_waited && closing.is_some_and(|(_, reason, _)| is_choice(reason));
        if position.phase == Phase::Closing && !is_begun && !may_wait {
            self.fail(now, Some(key), "L10", "an exit has not ended after a calm");
        }
        let Some(life) = self.lives.get(position.episode) else { return };
        let need = self.one_order_of(key, ours.min(truth) / lot * lot);
        let stops = exchange.resting(key).filter(|(_, kind, _)| kind.trigger().is_some());
        let covered: Vec<i64> = stops.map(|(_, _, left)| left).collect();
        let sum: i64 = covered.iter().sum();
        // A stop that would only follow waits for room; what covers too much is capped.
        let waits = sum >= need && has_waited;
        if !self.means(life).bracket || need < least || life.is_left() || has_just || waits {
            return;
        }
        // One that follows the price takes the place of another now and then.
        let of_it = self.intents.values().filter(|intent| intent.order.id.episode == position.episode);
        let mut stops = of_it.filter(|intent| intent.order.kind.trigger().is_some());
        let is_replaced =
            stops.any(|it| now.since(it.cancelled_at.unwrap_or(it.at).max(it.at)) < DONE_WITHIN);
        if !is_replaced && (sum != need || covered.len() != 1) {
            let what = format!("{need} is held, and stops rest for {covered:?}");
            self.fail(now, Some(key), "L1", &what);
        }
    }

    /// Prices went far both ways: whatever has a stop is flat.
    pub(crate) fn examine_flat(&mut self, now: Timestamp, core: &Coordinator, exchange: &Exchange) {
        for key in self.config.keys() {
            let least = self.least(key);
            let (ours, truth) = (core.view().position(key).is_some(), exchange.held(key));
            if ours || (truth >= least && !self.is_spot()) {
                let what = format!("the market went far past its stop, and {truth} is held");
                self.fail(now, Some(key), "L3", &what);
            }
        }
    }
}
