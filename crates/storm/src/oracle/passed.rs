//! Levels that the market has passed, while the world is fair: each rule of a plan acts in its time.

use ripcord_core::id::{OrderId, PositionKey};
use ripcord_core::kill::KillLevel;
use ripcord_core::order::OrderKind;
use ripcord_core::time::{Span, Timestamp};

use super::Oracle;
use super::duties::shown;
use super::life::{Life, is_looser};
use crate::exchange::Exchange;

/// A rule whose level the market has passed has acted within this.
const PASSED_MAX: Span = Span::from_secs(60);
/// A position that was held for too long is closed within this.
const OVERDUE_MAX: Span = Span::from_secs(180);
/// Prices are told late, and rounded: so many ten-thousandths beyond a level it is passed for certain.
const BEYOND_BPS: i64 = 30;

impl Oracle<'_> {
    /// The market traded, and the bucket has a life.
    pub(super) fn check_passed(
        &mut self,
        now: Timestamp,
        key: PositionKey,
        price: i64,
        fair_since: Timestamp,
        exchange: &Exchange,
    ) {
        let Some(life) = self.living(key) else { return };
        let passed = self.passed(now, life, key, price, exchange);
        let Some((word, limit)) = passed else {
            self.passed_since[key] = None;
            return;
        };
        let (since, of) = *self.passed_since[key].get_or_insert((now, word));
        if of != word {
            self.passed_since[key] = Some((now, word));
            return;
        }
        if now.since(since.max(fair_since).max(self.level_at)) > limit {
            let what = format!("{word} since {}, and nothing came of it", shown(since));
            self.fail(now, Some(key), "L3", &what);
        }
    }

    /// What ought to have acted, and within which time.
    fn passed(
        &self,
        now: Timestamp,
        life: &Life,
        key: PositionKey,
        price: i64,
        exchange: &Exchange,
    ) -> Option<(&'static str, Span)> {
        let least = self.least(key);
        let is_ours = !life.is_adopted && !life.is_changed && !life.is_touched && life.closing.is_none();
        let free = exchange.held(key).min(life.qty) - self.locked_by_others(key, exchange);
        if !is_ours || free < least {
            return None;
        }
        let (means, entry, side) = (self.means(life), life.entry(), life.side);
        let at = |bps: i64| entry + side.sign() * entry * bps / 10_000;
        let is_below = |level: i64| is_looser(side, price, level);
        let soft_stop = means.soft_stop.filter(|_| !self.is_left_to_stop(key, exchange));
        for (word, bps) in [
            ("the market is past the emergency stop", means.hard_stop),
            ("the market is past the loss guard", means.loss_guard),
            ("the market is past the soft stop", soft_stop),
        ] {
            if bps.is_some_and(|bps| is_below(at(-bps - BEYOND_BPS))) {
                return Some((word, PASSED_MAX));
            }
        }
        // A stop that would only follow waits for room, as exits of choice do.
        if self.has_waited_for_room(now, key.account) {
            return None;
        }
        if let Some(stop) = life.stop {
            let stops: Vec<i64> = exchange.resting(key).filter_map(|(_, kind, _)| stop_at(kind)).collect();
            let far = stop - side.sign() * entry * BEYOND_BPS * 2 / 10_000;
            if !stops.is_empty() && stops.iter().all(|at| is_looser(side, *at, far)) {
                return Some(("the stop at the venue is looser than the position's", PASSED_MAX));
            }
        }
        let level = self.levels.get(&key.account);
        if matches!(level, Some(KillLevel::NoChoice | KillLevel::ProtectOnly | KillLevel::Silent)) {
            return None;
        }
        let is_long_ago = |limit: i64| (now.0 - life.opened_at.0) / 1_000_000_000 > limit;
        if means.time_limit.is_some_and(is_long_ago) {
            return Some(("it is held for too long", OVERDUE_MAX));
        }
        let next = means.legs.iter().zip(1_u8..).find(|(_, leg)| !self.was_offered(key, *leg));
        if let Some(((bps, _), _)) = next
            && !is_looser(side, price, at(bps + BEYOND_BPS))
            && life.qty >= 20 * least
        {
            return Some(("the market is past the next target", PASSED_MAX));
        }
        None
    }

    /// Whether a leg was sold, or a later one with it; or an order rests at the target of one.
    fn was_offered(&self, key: PositionKey, leg: u8) -> bool {
        let of = |episode| self.promises.sold.range((episode, leg)..=(episode, 8)).next().is_some();
        let rests = |id: &OrderId| {
            id.leg >= leg && self.intents.get(id).is_some_and(|it| it.is_accepted && !it.is_ended)
        };
        self.living[key].is_some_and(of) || self.open[key].iter().any(rests)
    }
}

const fn stop_at(kind: OrderKind) -> Option<i64> {
    match kind {
        OrderKind::Stop(at) | OrderKind::MarkStop(at) => Some(at.0),
        OrderKind::Market
        | OrderKind::MarketableLimit(_)
        | OrderKind::RestingLimit(_)
        | OrderKind::ImmediateLimit(_) => None,
    }
}
