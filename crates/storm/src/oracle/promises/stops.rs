//! A stop that was lost sight of has another in its place at once.

use ripcord_core::id::OrderId;
use ripcord_core::time::Timestamp;

use super::super::{Intent, Oracle};

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
}
