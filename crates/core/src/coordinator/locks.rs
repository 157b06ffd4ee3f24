//! Coins that orders lock: where a venue has no reduce-only orders, coins must be free before they are sold.
//!
//! What locks them is cancelled, its end is waited for, and then the order that waits goes out: never on
//! the hope that a cancel worked.

use super::exits::LEG_WAIT_MAX;
use super::{Coordinator, Record, Step, TimerFor};
use crate::event::AlarmKind;
use crate::id::{EpisodeId, OrderId, PositionKey};
use crate::instrument::MarketKind;
use crate::num::Qty;
use crate::order::{CancelState, ExitOrder, OrderKind};
use crate::orders::{Extent, Order, Waiting};
use crate::planted::planted;
use crate::position::Phase;
use crate::time::Span;
use crate::watch::Slot;

/// An order that waits for coins longer than this is an alarm, and what is free is sold without it.
const WAIT_MAX: Span = Span::from_secs(3);

impl Coordinator {
    /// Whether orders lock what they would sell.
    pub(super) fn locks(&self, slot: Slot) -> bool {
        let instrument = self.engine.positions[slot as usize].episode.key.instrument;
        self.engine.market(instrument).instrument.kind == MarketKind::Spot
    }

    /// What living orders of a position lock; none where the venue caps them together.
    pub(super) fn locked(&self, slot: Slot) -> Qty {
        if !self.locks(slot) || planted(9) {
            return Qty(0);
        }
        // What is left at the venue of an earlier life locks the same coins.
        let episode = self.engine.positions[slot as usize].episode;
        let earlier = self.engine.earlier_lives(episode.key);
        let earlier = earlier.into_iter().map(|life| self.claimed(life, |_| true));
        earlier.fold(self.claimed(slot, |it| !(planted(61) && it.protects())), Qty::plus_at_most)
    }

    /// What living orders would sell.
    pub(super) fn claimed(&self, slot: Slot, counts: impl Fn(&Order) -> bool) -> Qty {
        let first = self.engine.positions[slot as usize].first_order;
        let living = self.orders.list(first).filter(|(_, order)| counts(order));
        living.map(|(_, order)| order.life().open()).fold(Qty(0), Qty::plus_at_most)
    }

    /// Whether coins must be freed before an order can be sent; then it waits, and what locks them is
    /// cancelled.
    pub(super) fn holds_back(
        &mut self,
        step: &mut Step<'_>,
        slot: Slot,
        order: &ExitOrder,
        extent: Extent,
    ) -> bool {
        let position = &self.engine.positions[slot as usize];
        let (episode, open) = (position.episode, position.open);
        // Of a close what others lock goes by itself, and is refused until it is free.
        let is_part = extent != Extent::All && self.locks(slot);
        let others = if is_part { self.locked_by_others(episode.key) } else { Qty(0) };
        let locked = self.locked(slot);
        let free = Qty(open.0 - locked.plus_at_most(others).0);
        if order.qty <= free || planted(60) {
            return false;
        }
        if matches!(extent, Extent::Legs(_)) && locked.0 == 0 {
            // Nothing of ours is in the way: nobody would say when it is free.
            return false;
        }
        for life in self.engine.earlier_lives(episode.key) {
            if self.claimed(life, |other| other.life().cancel == CancelState::None).0 > 0 {
                self.begin(step, episode.key.instrument);
                self.cancel_all_but(step, life, |_| false);
            }
        }
        match extent {
            Extent::All => {
                self.begin(step, episode.key.instrument);
                self.orders.waiting.drop_close(episode);
                self.cancel_all_but(step, slot, |other| {
                    planted(65) || other.closes_all() && other.is_urgent()
                });
            }
            Extent::Legs(_) => {
                self.begin(step, episode.key.instrument);
                let staying = self.claimed(slot, |other| other.life().cancel == CancelState::None);
                // Where what is on its way out leaves room enough, nothing else needs to go.
                if order.qty.plus_at_most(staying).plus_at_most(others) > open {
                    // A leg that rests does not push others away; what is sold now does.
                    let rests = order.kind.rests();
                    self.cancel_all_but(step, slot, |other| {
                        !other.kind().rests() || (rests && !other.protects())
                    });
                }
            }
            // A stop is placed again whenever an order of its position ends.
            Extent::Bracket | Extent::Left => {
                if self.claimed(slot, |other| other.protects() && other.life().cancel == CancelState::None).0
                    > 0
                {
                    self.begin(step, episode.key.instrument);
                    self.cancel_all_but(step, slot, |other| !other.protects());
                }
                return true;
            }
        }
        self.orders.waiting.add(*order, extent);
        self.await_coins(step, episode);
        true
    }

    /// An order of an earlier life ended: its coins are free.
    pub(super) fn coins_came_free(&mut self, step: &mut Step<'_>, key: PositionKey) {
        let Some(slot) = self.engine.living(key).filter(|&slot| self.locks(slot)) else { return };
        self.send_waiting(step, slot);
        self.protect(step, slot);
        self.rearm_all(slot);
        self.engine.restate_bands(key.instrument);
    }

    /// An order of a position ended or traded: what waits for its coins is sent.
    pub(super) fn send_waiting(&mut self, step: &mut Step<'_>, slot: Slot) {
        let episode = self.engine.positions[slot as usize].episode;
        if self.is_silenced(episode) {
            return;
        }
        let waited = self.orders.waiting.take(episode);
        let any = !waited.is_empty();
        for waiting in waited {
            let position = &self.engine.positions[slot as usize];
            if !position.is_held() {
                return;
            }
            if position.phase == Phase::Closing && waiting.extent != Extent::All {
                // Everything is being sold.
                continue;
            }
            let instrument = &self.engine.market(episode.key.instrument).instrument;
            let qty = match waiting.extent {
                Extent::All => {
                    let sold = self.claimed(slot, |order| order.closes_all() && order.is_urgent());
                    instrument.closable(Qty(position.open.0 - sold.0))
                }
                // What others lock would be waited for without end.
                Extent::Legs(_) | Extent::Bracket | Extent::Left => {
                    let others = self.locked_by_others(episode.key);
                    let free = Qty(position.open.0.saturating_sub(others.0).max(0));
                    instrument.closable(waiting.order.qty.min(free))
                }
            };
            if qty.0 > 0 && !planted(62) {
                let kind = self.kind_now(slot, &waiting);
                self.submit(step, slot, ExitOrder { qty, kind, ..waiting.order }, waiting.extent);
            } else if waiting.order.id.leg == 0 && waiting.extent != Extent::All {
                // A target is reached again; nobody asks a second time for what a person asked for.
                let alarm = Record::Alarm { episode, what: AlarmKind::ExitRefused };
                self.note(step, episode.key.instrument, alarm);
            }
        }
        // What was refused has its pause.
        let pauses = self.rings_at(step.now, LEG_WAIT_MAX, TimerFor::Retry(episode)).is_some();
        if any && !pauses && self.orders.waiting.of(episode).next().is_none() {
            self.release_dead_legs(slot);
            self.place_soft_legs(step, slot);
        }
    }

    /// How an order that waited meets the market as it is by now.
    fn kind_now(&self, slot: Slot, waiting: &Waiting) -> OrderKind {
        let position = &self.engine.positions[slot as usize];
        let plan = &self.engine.plans[position.plan.0 as usize].plan;
        let (kind, reason) = (waiting.order.kind, waiting.order.reason);
        let is_bounded = plan.exit_bounds(reason).worst.is_some();
        let quote = self.engine.market(position.episode.key.instrument).cells.quote(position.side());
        match (kind, waiting.extent, self.engine.last_price(quote)) {
            (OrderKind::MarketableLimit(_), Extent::All, Some(seen)) if !is_bounded => {
                self.kind(slot, plan.exit_style(reason), seen, None)
            }
            _ => kind,
        }
    }

    /// An order waited for its coins as long as may be: what is free is sold, the rest waits on.
    pub(super) fn on_coins_due(&mut self, step: &mut Step<'_>, episode: EpisodeId) {
        let Some(slot) = self.engine.slot(episode) else { return };
        let Some(close) = self.orders.waiting.close(episode).copied() else {
            if self.orders.waiting.of(episode).next().is_some() && !self.is_silenced(episode) {
                // Its stop is on its way out, for a part that waits.
                let alarm = Record::Alarm { episode, what: AlarmKind::CoinsLocked };
                self.note(step, episode.key.instrument, alarm);
                self.cut_to_free(step, slot);
                self.await_coins(step, episode);
            }
            return;
        };
        let position = &self.engine.positions[slot as usize];
        if position.phase != Phase::Closing {
            return;
        }
        // What others lock is tried for when nothing of ours is in the way.
        let free = self.free(slot);
        self.note(step, episode.key.instrument, Record::Alarm { episode, what: AlarmKind::CoinsLocked });
        if free.0 > 0 {
            self.orders.waiting.drop_close(episode);
            self.submit(step, slot, ExitOrder { qty: free, ..close }, Extent::All);
            let attempt = close.id.attempt.saturating_add(1);
            let id = OrderId { attempt, ..close.id };
            self.orders.waiting.add(ExitOrder { id, ..close }, Extent::All);
        }
        self.await_coins(step, episode);
    }

    /// Parts that wait for coins which other sales of ours will take get what is free: the stop that gave way
    /// to them would be gone as long as those do not trade. What is on its way out is waited for.
    fn cut_to_free(&mut self, step: &mut Step<'_>, slot: Slot) {
        let episode = self.engine.positions[slot as usize].episode;
        let ours = self.claimed(slot, |order| !order.protects() && order.life().cancel == CancelState::None);
        if self.locked(slot) != ours {
            return;
        }
        for Waiting { order, extent } in self.orders.waiting.take(episode) {
            let free = self.free(slot).min(order.qty);
            if free.0 > 0 {
                self.submit(step, slot, ExitOrder { qty: free, ..order }, extent);
            } else {
                self.orders.waiting.add(order, extent);
            }
        }
    }

    /// Sees to it that coins are not waited for without end.
    fn await_coins(&mut self, step: &Step<'_>, episode: EpisodeId) {
        if self.rings_at(step.now, WAIT_MAX, TimerFor::Coins(episode)).is_none() {
            self.timers.insert((step.now.after(WAIT_MAX), TimerFor::Coins(episode)));
        }
    }

    /// What of a close or a leg is not locked by others; everything of any other order.
    pub(super) fn free_of_others(&self, slot: Slot, order: &ExitOrder, extent: Extent) -> Qty {
        let position = &self.engine.positions[slot as usize];
        let others = self.locked_by_others(position.episode.key);
        let is_bracket = matches!(extent, Extent::Bracket | Extent::Left);
        if others.0 == 0 || is_bracket || !self.locks(slot) {
            return order.qty;
        }
        self.free(slot).min(order.qty)
    }

    /// What of a position nobody's orders lock, as far as it can be closed.
    fn free(&self, slot: Slot) -> Qty {
        let position = &self.engine.positions[slot as usize];
        let key = position.episode.key;
        let locked = self.locked(slot).plus_at_most(self.locked_by_others(key));
        let instrument = &self.engine.market(key.instrument).instrument;
        instrument.closable(Qty((position.open.0 - locked.0).max(0)))
    }

    /// What legs may offer: not what a person sells besides, where that locks coins.
    pub(super) fn to_offer(&self, slot: Slot) -> Qty {
        let open = self.engine.positions[slot as usize].open;
        if !self.locks(slot) {
            return open;
        }
        let by_hand = self.claimed(slot, |order| order.is_part() && order.leg == 0);
        let others = self.locked_by_others(self.engine.positions[slot as usize].episode.key);
        Qty((open.0 - by_hand.plus_at_most(others).0).max(0))
    }

    /// What a stop at the venue is to cover: what no other order sells already, and no more than one order at
    /// the market may have.
    pub(super) fn to_protect(&self, slot: Slot) -> Qty {
        let position = &self.engine.positions[slot as usize];
        let instrument = &self.engine.market(position.episode.key.instrument).instrument;
        if !self.locks(slot) {
            let open = if planted(68) { position.initial } else { position.open };
            return instrument.at_market(instrument.closable(open));
        }
        let sold = self
            .claimed(slot, |order| !order.protects())
            .plus_at_most(self.orders.waiting.parts(position.episode))
            .plus_at_most(self.locked_by_others(position.episode.key));
        let sold = if planted(63) { Qty(0) } else { sold };
        instrument.at_market(instrument.closable(Qty((position.open.0 - sold.0).max(0))))
    }
}
