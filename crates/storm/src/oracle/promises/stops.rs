//! Stops: where a plan wants them, covered by what rests, and never lost without another in their place.

use ripcord_core::event::Opened;
use ripcord_core::id::{EpisodeId, OrderId, PositionKey};
use ripcord_core::reason::Reason;
use ripcord_core::time::Timestamp;

use super::super::life::is_looser;
use super::super::{Intent, Oracle};
use super::{COVERED_WITHIN, TICKS};
use crate::exchange::Exchange;

impl Oracle<'_> {
    /// An order was lost sight of. Where it was the only stop of futures another one is sent: the venue caps both.
    pub(super) fn on_lost(&mut self, id: &OrderId) {
        let is_stop = |it: &Intent| it.order.kind.trigger().is_some();
        let Some(life) = self.lives.get(id.episode).filter(|_| self.lives(id.episode)) else { return };
        let other_stops = self.open[id.episode.key].iter().filter(|other| {
            *other != id && other.episode == id.episode && self.intents.get(other).is_some_and(is_stop)
        });
        let is_alone = self.intents.get(id).is_some_and(is_stop) && other_stops.count() == 0;
        let is_wanted =
            self.means(life).bracket && life.closing.is_none() && life.qty >= self.least(id.episode.key);
        if is_alone && is_wanted && !self.is_spot() && !self.is_silent(id.episode.key.account) {
            self.promises.bare = Some(id.episode);
        }
    }

    pub(super) fn check_replaced(&mut self, now: Timestamp) {
        let Some(episode) = self.promises.bare.take() else { return };
        if self.living(episode.key).is_some_and(|life| life.closing.is_none()) {
            self.break_promise(
                now,
                episode.key,
                "L1",
                "its only stop is lost sight of, and no other is sent",
            );
        }
    }

    /// The stop of a life that was opened, and not found, lies where its plan wants it.
    pub(super) fn check_first_stop(&mut self, now: Timestamp, opened: &Opened) {
        let key = opened.episode.key;
        self.promises.released[key] = false;
        let means = &self.config.plans[opened.plan.0 as usize].means;
        let (entry, sign) = (opened.entry.0, key.side.sign());
        let tick = self.config.markets[key.instrument.0 as usize].rules.tick_size.0;
        let wanted = entry - sign * entry * means.stop / 10_000;
        let off = opened.stop.map_or(i64::MAX, |stop| (stop.0 - wanted).abs());
        if off > tick * TICKS {
            let what = format!("its stop is {:?}, and its plan wants {wanted}", opened.stop);
            self.break_promise(now, key, "S10", &what);
        }
    }

    /// Where a plan has a ratchet, the stop stands at the entry when the first leg is sold.
    pub(super) fn check_followed(&mut self, now: Timestamp) {
        let Some(episode) = self.promises.follows.take() else { return };
        let Some(life) = self.lives.get(episode) else { return };
        let has_ratchet = self.config.plans[life.plan.0 as usize].spec.ratchet.is_some();
        let is_plain = !life.is_adopted && !life.is_changed && self.lives(episode);
        let slack = self.config.markets[episode.key.instrument.0 as usize].rules.tick_size.0 * TICKS;
        let at_least = life.entry() - life.side.sign() * slack;
        if has_ratchet && is_plain && life.stop.is_some_and(|stop| is_looser(life.side, stop, at_least)) {
            self.break_promise(now, episode.key, "S11", "the first leg is sold, and the stop did not follow");
        }
    }

    /// On futures a stop is what is left should the exit fail: it goes when nothing is held.
    pub(super) fn check_last_stop(&mut self, now: Timestamp, id: &OrderId, exchange: &Exchange) {
        let key = id.episode.key;
        let Some(life) = self.lives.get(id.episode).filter(|life| life.closing.is_some()) else { return };
        let is_stop = |id: &OrderId| {
            self.intents.get(id).is_some_and(|it| it.order.kind.trigger().is_some() && !it.is_ended)
        };
        let lives = self.lives(id.episode);
        // A cancel that is said again was right, or not, when it was said first.
        let is_again = self.intents.get(id).is_some_and(|it| it.is_cancelled_by_us);
        let is_theirs = self.is_spot() || life.is_left() || !lives || is_again || !is_stop(id);
        let least = self.least(key);
        if is_theirs || exchange.held(key).min(life.qty) < least {
            return;
        }
        let mut others = self.open[key].iter().filter(|other| *other != id);
        if !others.any(is_stop) {
            self.break_promise(now, key, "FU1", "the last stop goes while an exit is under way");
        }
    }

    /// Whether the soft stop of a life was left to a stop at the venue that covers all of it still.
    pub(in crate::oracle) fn is_left_to_stop(&self, key: PositionKey, exchange: &Exchange) -> bool {
        let stops = exchange.resting(key).filter(|(_, kind, _)| kind.trigger().is_some());
        let covered: i64 = stops.map(|(_, _, left)| left).sum();
        let is_deferred = self.living[key].is_some_and(|episode| self.promises.deferred.contains(&episode));
        is_deferred && covered > exchange.held(key).min(self.believed(key)) - self.lot(key)
    }

    /// A stop that the venue confirmed may cover all of a life.
    pub(super) fn remember_stop(&mut self, now: Timestamp, id: &OrderId, held: i64) {
        let Some(intent) = self.intents.get(id) else { return };
        let open = intent.order.qty.0 - intent.filled.max(intent.told);
        if intent.order.kind.trigger().is_some() && held - open < self.lot(id.episode.key) {
            self.promises.covered_at[id.episode.key] = Some(now);
            // The market may not have traded between the cover and the trade that used it up.
            self.bare_since[id.episode.key] = None;
        }
    }

    /// The market traded: where the stops of a bucket cover it is remembered.
    pub(in crate::oracle) fn remember_cover(
        &mut self,
        now: Timestamp,
        key: PositionKey,
        exchange: &Exchange,
    ) {
        let need = self.believed(key).min(exchange.held(key)) / self.lot(key) * self.lot(key);
        let stops = exchange.resting(key).filter(|(_, kind, _)| kind.trigger().is_some());
        let covered: i64 = stops.map(|(_, _, left)| left).sum();
        if covered >= need {
            self.promises.covered_at[key] = Some(now);
        }
    }

    /// A rule left its exit to the stop at the venue.
    pub(super) fn on_deferred(&mut self, now: Timestamp, episode: EpisodeId, reason: Reason) {
        let key = episode.key;
        if reason == Reason::SoftStop {
            self.promises.deferred.insert(episode);
        }
        if !matches!(reason, Reason::StopLoss | Reason::SoftStop) {
            self.break_promise(now, key, "L3", "an emergency is left to the stop at the venue");
        }
        let covered = self.promises.covered_at[key];
        let opened = self.lives.get(episode).map_or(now, |life| life.opened_at);
        let since = covered.map_or(opened, |covered| covered.max(opened));
        if now.since(since) > COVERED_WITHIN {
            self.break_promise(now, key, "A22", "an exit is left to a stop that is not there");
        }
    }
}
