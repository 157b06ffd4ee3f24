//! The bracket at the venue: placed behind a position, following its effective stop, replaced when its
//! size or place is wrong, and watched after its trigger.
//!
//! A stop is never taken away before the one that takes its place is accepted.

use super::inquiry::LOST_MAX;
use super::{Coordinator, Kinds, Record, Step, TimerFor};
use crate::event::{AlarmKind, Held, OrderEnd, RefusedWhy};
use crate::id::{EpisodeId, OrderId};
use crate::num::Price;
use crate::order::{CancelState, ExitOrder, OrderKind, OrderState, Trigger};
use crate::orders::{Extent, Order, next_try};
use crate::plan::{Bracket, Rule};
use crate::planted::planted;
use crate::position::{Decision, Phase, at_loss, tighter};
use crate::reason::Reason;
use crate::time::Span;
use crate::watch::Slot;

/// A refused bracket is placed again after this long, then after twice, three times as long, ..
const PLACE_AGAIN_AFTER: Span = Span::from_millis(250);
/// .. but never later than this.
const PLACE_AGAIN_AFTER_MAX: Span = Span::from_secs(5);
/// So many stops of a position rest at most: where a venue cancels none, another one follows nothing.
const STOPS_MAX: usize = 8;
/// From this many refusals in a row on somebody is alarmed; placing goes on.
const REFUSALS_ALARM: usize = 3;

impl Coordinator {
    /// Sees to it that a stop of the right size rests where the effective stop is.
    pub(super) fn protect(&mut self, step: &mut Step<'_>, slot: Slot) {
        let Some((rule, level, reason)) = self.wanted_bracket(slot) else { return };
        let position = &self.engine.positions[slot as usize];
        let (episode, side) = (position.episode, position.side());
        let qty = self.to_protect(slot);
        let is_killed = planted(92) && self.engine.standing.kill_level(episode.key.account).is_some();
        if qty.0 == 0 || self.is_silenced(episode) || is_killed {
            return;
        }
        // Where two were lost sight of, a third would be too: their answers are waited for.
        if self.lost(slot, |order| order.protects()) >= LOST_MAX || self.living_stops(slot) >= STOPS_MAX {
            return;
        }
        let newest = self.newest_bracket(slot).map(|(_, order)| *order);
        // What the venue refused has its time, whoever asks.
        let was_refused = newest.is_some_and(|order| order.life().state == OrderState::Refused);
        let again = |core: &Self| core.rings_at(step.now, PLACE_AGAIN_AFTER_MAX, TimerFor::Protect(episode));
        if was_refused && again(self).is_some() {
            return;
        }
        if newest.is_some_and(|order| is_theirs(&order)) {
            return;
        }
        let mut level = level;
        if let Some(order) = newest.filter(stands) {
            let is_missing = self.is_missing(&order.named(episode).id) && !self.locks(slot);
            let is_tighter = side.sign() * (level.0 - order.trigger.0) >= rule.band_at(order.trigger);
            // An answer that is still to come is waited for: it calls again.
            let is_same = order.triggers_on() == rule.trigger;
            let is_right = order.life().open() == qty && is_same && !is_tighter && !is_missing;
            if (order.life().state == OrderState::Sent || is_right) && !planted(70) {
                return;
            }
            // What covers everything already only follows, and may wait; where it locks coins it is gone first.
            let covers = order.is_confirmed() && order.life().open() >= qty && is_same && !is_missing;
            if covers && !self.locks(slot) && self.waits_until(step, slot).is_some() {
                return;
            }
            if !is_tighter && !self.engine.terms(slot).plan.rebase {
                level = tighter(side, level, order.trigger);
            }
        }
        if planted(24) {
            self.cancel_all_but(step, slot, |order| !order.protects());
        }
        if planted(137) && newest.is_some_and(|order| !stands(&order)) {
            level = Price(level.0 - side.sign() * level.0 / 100);
        }
        let (slice, attempt) = next_try(newest.map(|order| (order.slice, order.attempt)));
        let id = OrderId { episode, exit: 0, leg: 0, slice, attempt };
        let kind = OrderKind::stop(Trigger { at: level, on: rule.trigger });
        let order = ExitOrder { id, qty, kind, trigger: level, reason };
        self.submit(step, slot, order, Extent::Bracket);
    }

    /// Whether a stop is to rest at the venue.
    pub(super) fn wants_bracket(&self, slot: Slot) -> bool {
        self.has_bracket(slot) && self.to_protect(slot).0 > 0
    }

    /// Whether its plan says where a stop at the venue is to stand.
    pub(super) fn has_bracket(&self, slot: Slot) -> bool {
        self.wanted_bracket(slot).is_some()
    }

    /// The bracket of the plan, where it should stand, and the rule that says so.
    fn wanted_bracket(&self, slot: Slot) -> Option<(Bracket, Price, Reason)> {
        let position = &self.engine.positions[slot as usize];
        let terms = self.engine.terms(slot);
        let rule = terms.plan.bracket.filter(|_| position.phase == Phase::Open)?;
        let trailing = position.trailing_stop(&terms);
        if let Some(stop) = position.effective_stop(&terms) {
            let reason = if trailing == Some(stop) { Reason::TrailingStop } else { Reason::StopLoss };
            return Some((rule, stop, reason));
        }
        // Without a stop of its own the plan's limit of loss is what the venue can hold.
        let limits = [Rule::SoftStop, Rule::LossGuard, Rule::HardStop];
        let (limit, level) =
            limits.into_iter().find_map(|limit| Some((limit, position.loss_level(limit, &terms)?)))?;
        Some((rule, level, limit.reason()))
    }

    fn living_stops(&self, slot: Slot) -> usize {
        let first = self.engine.positions[slot as usize].first_order;
        let lives = |order: &Order| order.protects() && !order.life().state.is_final();
        self.orders.list(first).filter(|(_, order)| lives(order)).count()
    }

    fn newest_bracket(&self, slot: Slot) -> Option<(u32, &Order)> {
        let first = self.engine.positions[slot as usize].first_order;
        self.orders.list(first).find(|(_, order)| order.protects())
    }

    /// Whether an order is the newest stop of its position.
    pub(super) fn is_newest_bracket(&self, slot: Slot, index: u32) -> bool {
        self.newest_bracket(slot).is_some_and(|(newest, _)| newest == index)
    }

    /// Whether the newest stop of a position is not where it should rest.
    pub(super) fn is_newest_missing(&self, slot: Slot) -> bool {
        let episode = self.engine.positions[slot as usize].episode;
        self.newest_bracket(slot).is_some_and(|(_, order)| self.is_missing(&order.named(episode).id))
    }

    /// The trigger of the stop that the venue has confirmed.
    fn bracket_level(&self, slot: Slot) -> Option<Trigger> {
        self.orders.at_venue(&self.engine.positions[slot as usize]).trigger
    }

    /// The venue has a new bracket: the ones before it go.
    pub(super) fn on_bracket_accepted(&mut self, step: &mut Step<'_>, slot: Slot, index: u32) {
        if self.is_newest_bracket(slot, index) {
            self.drop_replaced(step, slot);
        }
        self.forget_ended(slot);
        self.protect(step, slot);
    }

    /// Whether an order is a stop without which an open position would have none at the venue.
    pub(super) fn is_last_stop(&self, slot: Slot, index: u32) -> bool {
        let is_open = self.engine.positions[slot as usize].phase == Phase::Open;
        let newest = self.newest_bracket(slot);
        let is_replaced = newest.is_some_and(|(other, order)| other != index && order.is_confirmed());
        self.orders.get(index).protects() && is_open && !self.locks(slot) && !is_replaced
    }

    /// Stops in whose place the venue has confirmed another go.
    pub(super) fn drop_replaced(&mut self, step: &mut Step<'_>, slot: Slot) {
        let newest = self.newest_bracket(slot).map(|(_, order)| *order);
        let Some(newest) = newest.filter(Order::is_confirmed) else { return };
        // Where more came meanwhile, one that covers more than the newest stays until a larger one stands.
        let (covered, all) = (newest.life().open(), self.to_protect(slot));
        self.cancel_all_but(step, slot, |other| {
            let is_newest = (other.slice, other.attempt) == (newest.slice, newest.attempt);
            !other.protects() || is_newest || (covered < all && other.life().open() > covered)
        });
    }

    /// A bracket ended that did not close the position.
    pub(super) fn after_bracket_end(
        &mut self,
        step: &mut Step<'_>,
        slot: Slot,
        order: &Order,
        how: OrderEnd,
    ) {
        let position = &self.engine.positions[slot as usize];
        let episode = position.episode;
        if position.phase != Phase::Open {
            return;
        }
        let is_newest = self
            .newest_bracket(slot)
            .is_some_and(|(_, newest)| (newest.slice, newest.attempt) == (order.slice, order.attempt));
        if !is_newest {
            // Its coins, or its place, are what the newest could not have.
            if self.locks(slot) || self.living_stops(slot) + 1 == STOPS_MAX {
                self.protect(step, slot);
            }
            return;
        }
        // Of one that was never confirmed it is the sending that failed.
        let was_there = self.is_missing(&order.named(episode).id);
        match how {
            OrderEnd::Refused => self.after_bracket_refused(step, slot, order),
            OrderEnd::Cancelled | OrderEnd::Expired | OrderEnd::NotFound
                if order.life().cancel == CancelState::None && (how != OrderEnd::NotFound || was_there) =>
            {
                // What was missing in a list is told already, where another took its place.
                if !was_there || self.locks(slot) {
                    self.count_loosened(episode);
                    let what = AlarmKind::ProtectionLost;
                    self.note(step, episode.key.instrument, Record::Alarm { episode, what });
                }
                // Somebody else took it away: it is put back once, then a person must say.
                let is_forgotten = planted(134) || (planted(107) && was_there);
                if !is_forgotten {
                    self.protect(step, slot);
                }
            }
            OrderEnd::Cancelled | OrderEnd::Expired | OrderEnd::Unknown | OrderEnd::NotFound => {
                self.protect(step, slot);
            }
        }
    }

    /// The venue will not have the stop: where the price is past it already we get out, else it is tried again.
    fn after_bracket_refused(&mut self, step: &mut Step<'_>, slot: Slot, order: &Order) {
        let position = &self.engine.positions[slot as usize];
        let (episode, side) = (position.episode, position.side());
        let terms = self.engine.terms(slot);
        let cell = terms.cells.of_trigger(order.triggers_on());
        // A venue that gives no other reason says that its market is past the stop; then our last price need not
        // be a new one. A busy venue, or one that holds nothing, says nothing of the market.
        let is_of_its_place = step.refused == Some(RefusedWhy::Other);
        let last =
            if is_of_its_place { self.engine.last_price(cell) } else { self.engine.fresh(step.now, cell) };
        if let Some(last) = last.filter(|&last| at_loss(side, last, order.trigger) || planted(71)) {
            self.close(step, slot, order.reason, order.trigger, last, Vec::new());
            return;
        }
        let first = position.first_order;
        let refused = self
            .orders
            .list(first)
            .filter(|(_, order)| order.protects())
            .take_while(|(_, order)| order.life().state == OrderState::Refused)
            .count();
        if refused == REFUSALS_ALARM {
            let what = AlarmKind::ProtectionRefused;
            self.note(step, episode.key.instrument, Record::Alarm { episode, what });
        }
        if planted(15) && refused >= REFUSALS_ALARM {
            return;
        }
        let times = i64::try_from(refused).unwrap_or(i64::MAX).min(PLACE_AGAIN_AFTER_MAX.0);
        let wait = Span(PLACE_AGAIN_AFTER.0.saturating_mul(times).min(PLACE_AGAIN_AFTER_MAX.0));
        if !planted(72) {
            self.timers.insert((step.now.after(wait), TimerFor::Protect(episode)));
        }
    }

    /// A bracket that was refused is placed again.
    pub(super) fn on_protect(&mut self, step: &mut Step<'_>, episode: EpisodeId) {
        if let Some(slot) = self.engine.slot(episode) {
            self.protect(step, slot);
        }
    }

    /// Whether a rule leaves its exit to the bracket: a confirmed stop of the same risk, which covers
    /// everything that is held.
    pub(super) fn defers(&self, slot: Slot, rule: Rule, held: &[Held]) -> bool {
        let position = &self.engine.positions[slot as usize];
        if position.phase != Phase::Open || !(matches!(rule, Rule::StopLoss | Rule::SoftStop) || planted(76))
        {
            return false;
        }
        let terms = self.engine.terms(slot);
        let qty = terms.instrument.closable(position.open);
        let first = position.first_order;
        let covering = |order: &Order| {
            order.protects() && order.is_confirmed() && (planted(74) || order.life().open() >= qty)
        };
        let Some((_, bracket)) = self.orders.list(first).find(|(_, order)| covering(order)) else {
            return false;
        };
        let Some(level) = held.iter().find(|held| held.reason == rule.reason()).map(|held| held.level) else {
            return false;
        };
        (planted(73) || self.is_relied_on(&bracket.named(position.episode).id))
            && position.leaves_to_stop(rule, level, bracket.stops_at(), &terms)
    }

    /// A rule closes everything, or leaves that to the bracket; whether anything closes.
    pub(super) fn close_or_defer(
        &mut self,
        step: &mut Step<'_>,
        slot: Slot,
        rule: Rule,
        decision: Decision,
    ) -> bool {
        let acts = if self.defers(slot, rule, &decision.held) {
            self.defer(step, slot, rule, decision.held.clone());
            self.acts_below(slot, rule, &decision)
        } else {
            Some(rule)
        };
        if let Some(rule) = acts {
            self.close_by_rule(step, slot, rule, decision.held);
        }
        acts.is_some()
    }

    /// The rule that closes although one above it left its exit to the bracket. A soft stop that waits for the
    /// market to come there gives nobody leave to stay; a stop whose trigger trades is on its way out.
    pub(super) fn acts_below(&self, slot: Slot, deferred: Rule, decision: &Decision) -> Option<Rule> {
        let episode = self.engine.positions[slot as usize].episode;
        if deferred != Rule::SoftStop || self.engine.standing.is_triggered(episode) {
            return None;
        }
        decision.closes_below(deferred)
    }

    /// A rule held and left its exit to the bracket; told once.
    pub(super) fn defer(&mut self, step: &mut Step<'_>, slot: Slot, rule: Rule, held: Vec<Held>) {
        let episode = self.engine.positions[slot as usize].episode;
        let Some(Trigger { at: bracket, .. }) = self.bracket_level(slot) else { return };
        if self.engine.standing.defer(episode, rule.reason()) {
            let record = Record::Deferred { episode, reason: rule.reason(), bracket, held };
            self.note(step, episode.key.instrument, record);
        }
    }

    /// The bracket's trigger traded: from here on its fill is waited for, and not for long.
    pub(super) fn on_bracket_triggered(&mut self, step: &mut Step<'_>, slot: Slot, seen: Price) {
        let position = &self.engine.positions[slot as usize];
        let episode = position.episode;
        let plan = &self.engine.plans[position.plan.0 as usize].plan;
        // A stop placed under an earlier plan is watched like one of this.
        let rule = plan.bracket.unwrap_or(Bracket::DEFAULT);
        let Some(Trigger { at: trigger, .. }) = self.bracket_level(slot) else { return };
        if self.engine.standing.trigger(episode) {
            let record = Record::BracketTriggered { episode, trigger, price: seen };
            self.note(step, episode.key.instrument, record);
            if !planted(75) {
                self.timers.insert((step.now.after(rule.patience), TimerFor::Triggered(episode)));
            }
        }
    }

    /// The venue says that it triggered a stop, whatever our prices say.
    pub(super) fn on_triggered(&mut self, step: &mut Step<'_>, id: &OrderId) {
        self.on_accepted(step, id);
        let Some((slot, index)) = self.find_order(id) else { return };
        let order = *self.orders.get(index);
        let is_open = self.engine.positions[slot as usize].phase == Phase::Open;
        if !order.protects() || order.life().state.is_final() || !is_open {
            return;
        }
        self.on_bracket_triggered(step, slot, order.trigger);
        self.rearm(slot, None, Kinds::ALL);
        self.engine.restate_bands(id.episode.key.instrument);
    }

    /// A bracket was trusted long enough.
    pub(super) fn on_triggered_too_long(&mut self, step: &mut Step<'_>, episode: EpisodeId) {
        let Some(slot) = self.engine.slot(episode) else { return };
        if !self.engine.standing.is_triggered(episode) {
            return;
        }
        self.begin(step, episode.key.instrument);
        self.engine.standing.end_trigger(episode);
        let position = &self.engine.positions[slot as usize];
        if position.phase != Phase::Open {
            // What closes it already is urgent enough.
            self.rearm(slot, None, Kinds::ALL);
            self.engine.restate_bands(episode.key.instrument);
            return;
        }
        let (entry, stop) = (position.entry().rounded(), self.newest_bracket(slot));
        let on = stop.map(|(_, order)| order.triggers_on()).unwrap_or_default();
        let cell = self.engine.market(episode.key.instrument).cells.of_trigger(on);
        let seen = self.engine.last_price(cell).unwrap_or(entry);
        let trigger = stop.map_or(seen, |(_, order)| order.trigger);
        self.close(step, slot, Reason::ProtectionFailed, trigger, seen, Vec::new());
    }

    /// A bracket was filled and something is left: more came since it was placed, or it is filling still.
    pub(super) fn after_bracket_fill(&mut self, step: &mut Step<'_>, slot: Slot, order: &Order, at: Price) {
        if self.engine.positions[slot as usize].phase != Phase::Open {
            return;
        }
        if order.life().state.is_final() {
            self.close(step, slot, order.reason, order.trigger, at, Vec::new());
        } else {
            self.on_bracket_triggered(step, slot, at);
        }
    }
}

/// Whether an order may still protect: it was not taken back, and is not lost sight of.
fn stands(order: &Order) -> bool {
    let life = order.life();
    !life.state.is_final() && life.state != OrderState::Unknown && life.cancel == CancelState::None
}

/// Whether a stop is left to whoever changed or took it. One that gave its coins to an exit of ours is not.
pub(super) const fn is_theirs(order: &Order) -> bool {
    order.is_left() && matches!(order.life().cancel, CancelState::None)
}
