//! What is sent, and what the exchange makes of it: never for more than is held, never twice.

use ripcord_core::event::Action;
use ripcord_core::id::OrderId;
use ripcord_core::order::{ExitOrder, OrderKind};
use ripcord_core::reason::Reason;
use ripcord_core::time::{Span, Timestamp};

use super::{Intent, Oracle, Told};
use crate::exchange::{End, Exchange, Fact};

/// Nobody sends more orders for a bucket ..
const SENDS_MAX: usize = 60;
/// .. within this.
const SENDS_WITHIN: Span = Span::from_secs(60);

impl Oracle<'_> {
    /// An action leaves.
    pub(crate) fn on_send(&mut self, now: Timestamp, action: &Action, exchange: &Exchange) {
        self.on_promised_send(now, action, exchange);
        match action {
            Action::Submit(approved) => self.on_submit(now, approved.order()),
            Action::Cancel(id) => self.on_cancel(now, id, exchange),
            Action::Query(_) => self.count("asked"),
            Action::CancelForeign(..) => self.count("foreign_cancelled"),
            Action::ReadPositions(_) | Action::ListOrders(_) => {}
        }
    }

    fn on_submit(&mut self, now: Timestamp, order: &ExitOrder) {
        let (id, key) = (order.id, order.id.episode.key);
        if self.intents.get(&id).is_none_or(|intent| intent.order != *order) {
            self.fail(now, Some(key), "R2", &format!("{id:?} is sent, and its intent is not durable"));
        }
        if self.is_silenced(id.episode) {
            self.fail(now, Some(key), "S14", "an order is sent while nothing may be");
        }
        if !self.lives(id.episode) {
            // What one moment decides leaves together: a life may end in it behind an intent.
            if self.intents.get(&id).is_none_or(|intent| intent.at < now) {
                self.fail(now, Some(key), "S6", "an order is sent for a life that is over");
            }
            return;
        }
        // What one moment decides leaves together.
        let intent = self.intents.get(&id).filter(|intent| intent.at == now);
        let held = intent.map_or(0, |intent| intent.held).max(self.believed(key));
        if order.qty.0 > held || order.qty.0 <= 0 {
            let what = format!("an order for {} is sent while {held} is held", order.qty.0);
            self.fail(now, Some(key), "S1", &what);
        }
        self.check_sent_stop(now, &id, order.kind);
        self.check_claims(now, order, held);
        if id.slice > 0 {
            // An exit's slices count as one.
            return;
        }
        let sends = &mut self.sends[key];
        sends.push_back(now);
        while sends.front().is_some_and(|at| at.after(SENDS_WITHIN) < now) {
            sends.pop_front();
        }
        if sends.len() > SENDS_MAX {
            self.fail(now, Some(key), "S15", &format!("{SENDS_MAX} orders within a minute"));
        }
    }

    /// What lives of our full exits, and is neither lost nor being taken back, is within what is held.
    fn check_claims(&mut self, now: Timestamp, order: &ExitOrder, held: i64) {
        let key = order.id.episode.key;
        let is_such = |intent: &&Intent| {
            let is_stop = intent.order.kind.trigger().is_some();
            let is_known = !intent.is_lost && !intent.is_ended && !intent.is_cancelled_by_us;
            let is_hand = intent.order.reason == Reason::Manual;
            is_known
                && !is_stop
                && !is_hand
                && intent.order.id.leg == order.id.leg
                && intent.order.kind == OrderKind::Market
        };
        if order.kind != OrderKind::Market {
            return;
        }
        let open = self.open[key].iter();
        let such = open.filter_map(|id| self.intents.get(id)).filter(is_such);
        let claimed: i64 = such.map(|it| it.order.qty.0 - it.filled.max(it.told)).sum();
        if claimed > held {
            let what = format!("orders at the market for {claimed} in all, while {held} is held");
            self.fail(now, Some(key), "S2", &what);
        }
    }

    fn on_cancel(&mut self, now: Timestamp, id: &OrderId, exchange: &Exchange) {
        let key = id.episode.key;
        // On spot one that was begun before, to free coins for what still waits, may be said again.
        let is_again = self.is_spot() && self.intents.get(id).is_some_and(|it| it.is_cancelled_by_us);
        if self.is_silenced(id.episode) && !is_again {
            self.fail(now, Some(key), "S14", "a cancel is sent while nothing may be");
        }
        self.mark(id, |intent| intent.cancelled_at = Some(now));
        // What was asked for before may have happened any time since.
        if self.intents.get(id).is_some_and(|intent| intent.is_cancelled_by_us) {
            return;
        }
        self.mark(id, |intent| intent.is_cancelled_by_us = true);
        let is_stop = self.intents.get(id).is_some_and(|it| it.order.kind.trigger().is_some());
        let lives = self.lives(id.episode);
        if !is_stop || !lives || self.is_spot() {
            return;
        }
        let Some(life) = self.lives.get(id.episode) else { return };
        let lot = self.lot(key);
        let need = life.qty.min(exchange.held(key)) / lot * lot;
        let least = self.least(key);
        if life.closing.is_some() || need < least || !self.means(life).bracket || life.is_left() {
            return;
        }
        let of_it = self.intents.get(id).map_or(0, |intent| intent.order.qty.0 - intent.filled);
        let least_cover = need.min(of_it);
        let covers = |intent: &Intent| {
            let is_stop = intent.order.kind.trigger().is_some();
            let is_there = intent.is_accepted && !intent.is_ended && !intent.is_cancelled_by_us;
            is_stop && is_there && intent.order.qty.0 - intent.filled >= least_cover
        };
        let open = self.open[key].iter().filter(|other| *other != id);
        if !open.filter_map(|other| self.intents.get(other)).any(covers) {
            self.fail(now, Some(key), "S10", "a stop is taken away, and no other is in its place");
        }
    }

    /// The exchange did something.
    pub(crate) fn on_fact(&mut self, now: Timestamp, fact: &Fact) {
        self.on_held(now, fact);
        match fact {
            Fact::Reused(id) => {
                self.fail(now, Some(id.episode.key), "S7", &format!("{id:?} was used before"));
            }
            Fact::Traded { id, qty, price, .. } => {
                self.on_told(id.episode.key.instrument, Told { at: now, price: *price, by_feed: false });
                self.on_traded(now, id, *qty);
            }
            Fact::Ended { why: End::TakenAway | End::Expired, id } | Fact::Edited { id, .. } => {
                self.on_taken_away(id);
            }
            Fact::Arrived(_)
            | Fact::Took(_)
            | Fact::Entered { .. }
            | Fact::Outside { .. }
            | Fact::Ended { .. } => {}
        }
    }

    fn on_traded(&mut self, now: Timestamp, id: &OrderId, qty: i64) {
        self.count("traded");
        if qty <= 0 {
            self.fail(now, Some(id.episode.key), "S1", &format!("an order of ours traded {qty}"));
        }
    }

    /// Somebody took an order of ours away, or changed it.
    fn on_taken_away(&mut self, id: &OrderId) {
        self.count("stop_taken_away");
        self.bare_since[id.episode.key] = None;
        let is_stop = self.intents.get(id).is_some_and(|it| it.order.kind.trigger().is_some());
        if let Some(life) = self.lives.get_mut(id.episode).filter(|_| is_stop) {
            life.is_touched = true;
            life.stops_lost = life.stops_lost.saturating_add(1);
        }
    }
}
