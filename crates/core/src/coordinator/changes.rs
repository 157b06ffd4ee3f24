//! What changes about a position that is held: more of it, another plan, a moved stop.

use super::commands::is_payable;
use super::{Coordinator, Kinds, Record, Step};
use crate::event::{Added, Addition, AlarmKind, CommandRefused};
use crate::id::{PlanId, PositionKey};
use crate::kill::KillLevel;
use crate::num::{Price, Qty};
use crate::order::OrderKind;
use crate::orders::Order;
use crate::plan::{Ladder, Rule};
use crate::planted::planted;
use crate::position::{Phase, at_loss, level, price, tighter};
use crate::reason::StopOrigin;
use crate::watch::Slot;

impl Coordinator {
    /// More of a position was bought (or sold short): averages, stop and unfired legs follow.
    pub(super) fn on_add(&mut self, step: &mut Step<'_>, addition: &Addition) {
        let Addition { key, qty, price: paid, fees } = *addition;
        let Some(slot) = self.engine.living(key) else {
            self.note_refused(step, CommandRefused::NotOpen(key));
            return;
        };
        if qty.0 <= 0 || paid.0 <= 0 {
            self.note_refused(step, CommandRefused::NotPositive(key));
            return;
        }
        let open = self.engine.positions[slot as usize].open.0.checked_add(qty.0);
        let instrument = &self.engine.market(key.instrument).instrument;
        let too_large = open.is_none_or(|open| instrument.is_too_large(paid, Qty(open)));
        let paid_in_all = self.engine.positions[slot as usize].entry_fees.0.checked_add(fees.0);
        if too_large || !paid_in_all.is_some_and(is_payable) {
            self.note_refused(step, CommandRefused::TooLarge(key));
            return;
        }
        self.begin(step, key.instrument);
        let reached = self.engine.positions[slot as usize].trailing_stop(&self.engine.terms(slot));
        let position = &mut self.engine.positions[slot as usize];
        // A curve is measured in R, which changes: what it had reached stays.
        if let Some(reached) = reached {
            position.trail_floor = level(reached);
        }
        position.open = Qty(position.open.0 + qty.0);
        position.initial = position.initial.max(position.open);
        position.cost += i128::from(paid.0) * i128::from(qty.0);
        if planted(41) {
            position.cost = i128::from(paid.0) * i128::from(position.open.0);
        }
        position.entry_fees += fees;
        let added = Added {
            episode: position.episode,
            qty,
            price: paid,
            fees,
            open: position.open,
            entry: position.entry().rounded(),
        };
        let phase = position.phase;
        self.accounts.touch(key, step.now);
        self.note(step, key.instrument, Record::Added(Box::new(added)));
        if phase == Phase::Closing {
            // What comes while a close is under way is closed under it.
            if !planted(42) {
                self.close_what_is_left(step, slot);
            }
        } else {
            let rebases = self.engine.terms(slot).plan.rebase;
            self.rederive_stop(step, slot, rebases);
            self.reprice_legs(step, slot);
            if !planted(40) {
                self.protect(step, slot);
            }
        }
        self.rearm_changed(slot);
    }

    /// Another plan holds from here on. Legs that fired stay fired, what trails goes on trailing.
    pub(super) fn on_change_plan(&mut self, step: &mut Step<'_>, key: PositionKey, plan: PlanId) {
        let Some(slot) = self.engine.living(key) else {
            self.note_refused(step, CommandRefused::NotOpen(key));
            return;
        };
        if self.engine.standing.kill_level(key.account) >= Some(KillLevel::ProtectOnly) {
            self.note_refused(step, CommandRefused::Killed(key));
            return;
        }
        let entry = self.engine.plans.get(plan.0 as usize);
        let Some(entry) = entry.filter(|entry| entry.plan.instrument == key.instrument) else {
            self.note_refused(step, CommandRefused::UnknownPlan(plan));
            return;
        };
        let feed = entry.feed;
        let (trails, at_once) = match &entry.plan.trailing {
            Some(trailing) => (true, trailing.activation.is_none()),
            None => (false, false),
        };
        self.begin(step, key.instrument);
        let reached = self.engine.positions[slot as usize].trailing_stop(&self.engine.terms(slot));
        let position = &mut self.engine.positions[slot as usize];
        let (episode, from, side) = (position.episode, position.plan, position.side());
        position.plan = plan;
        if planted(35) {
            (position.legs_out, position.legs_done) = (0, 0);
        }
        position.trailing &= trails;
        // What the old distance had reached stays: a stop only tightens.
        if let Some(reached) = reached {
            position.trail_floor = level(reached);
        }
        if let Some(feed) = feed {
            self.engine.feeds[feed as usize].users.push(slot);
        }
        self.note(step, key.instrument, Record::PlanChanged { episode, from, to: plan });
        self.start_time_limit(step, slot);
        self.watch_silence(slot, step.now);
        if at_once && !self.engine.positions[slot as usize].trailing {
            self.trail_from_here(step, slot);
        }
        let position = &self.engine.positions[slot as usize];
        let (phase, stop) = (position.phase, price(position.stop));
        let lost = reached
            .filter(|&reached| !trails && stop.is_none_or(|stop| tighter(side, stop, reached) != stop));
        if let Some(reached) = lost {
            self.move_stop(step, slot, reached, StopOrigin::TrailingStep);
        }
        self.rederive_stop(step, slot, planted(43));
        match phase {
            Phase::Open => {
                self.reprice_legs(step, slot);
                self.place_soft_legs(step, slot);
                self.protect(step, slot);
            }
            Phase::Closing => self.close_as_planned(step, slot),
            Phase::Flat | Phase::Vacant => {}
        }
        self.rearm_changed(slot);
    }

    /// A plan whose trailing stop needs no activation came to a position that is held already.
    fn trail_from_here(&mut self, step: &mut Step<'_>, slot: Slot) {
        let position = &self.engine.positions[slot as usize];
        let terms = self.engine.terms(slot);
        let cell = terms.cells.of_rule(Rule::TrailingStop, position.side(), terms.plan);
        let best = self.engine.last_price(cell).unwrap_or_else(|| position.entry().rounded());
        self.begin_trailing(step, slot, best);
    }

    /// Somebody moves the stop. It only tightens, and never through the market.
    pub(super) fn on_move_stop(&mut self, step: &mut Step<'_>, key: PositionKey, to: Price) {
        let Some(slot) = self.engine.living(key) else {
            self.note_refused(step, CommandRefused::NotOpen(key));
            return;
        };
        if to.0 <= 0 {
            self.note_refused(step, CommandRefused::NotPositive(key));
            return;
        }
        if !to.is_sound() {
            self.note_refused(step, CommandRefused::TooLarge(key));
            return;
        }
        // Whether it is through the market is read from prices that are written down before it.
        self.report_quiet(step, key.instrument);
        let position = &self.engine.positions[slot as usize];
        let (side, from) = (position.side(), price(position.stop));
        if from.is_some_and(|from| tighter(side, from, to) == from) && !planted(44) {
            self.note_refused(step, CommandRefused::LoosensStop(key));
            return;
        }
        if self.is_through_market(slot, to) && !planted(46) {
            self.note_refused(step, CommandRefused::StopThroughMarket(key));
            return;
        }
        self.move_stop(step, slot, to, StopOrigin::Moved);
        self.put_right_again(self.engine.positions[slot as usize].episode);
        self.protect(step, slot);
        self.rearm_changed(slot);
    }

    /// The stop after the entry changed: the tighter of the old and the newly derived one, and
    /// never moved through the market.
    fn rederive_stop(&mut self, step: &mut Step<'_>, slot: Slot, rebases: bool) {
        let position = &self.engine.positions[slot as usize];
        let terms = self.engine.terms(slot);
        let Some(rule) = terms.plan.stop_loss else { return };
        let leverage = terms.plan.leverage;
        let derived =
            rule.initial(position.side(), position.entry(), terms.level_rule(), terms.atr, leverage);
        let misses_atr = rule.misses_atr(terms.atr);
        let (side, episode, from) = (position.side(), position.episode, price(position.stop));
        if !derived.price.is_sound() {
            return;
        }
        self.engine.positions[slot as usize].first_stop = level(derived.price);
        if misses_atr {
            self.note(step, episode.key.instrument, Record::Alarm { episode, what: AlarmKind::AtrMissing });
        }
        let moves = planted(39)
            || from.is_none_or(|from| tighter(side, from, derived.price) != from)
            || (rebases && from != Some(derived.price));
        if moves && !self.is_through_market(slot, derived.price) {
            self.move_stop(step, slot, derived.price, derived.origin);
        }
        if let Some(safe) = self.safe_stop(slot, None) {
            self.keep_safe(step, slot, safe);
        }
    }

    /// Moves the stop of rule 4 and writes it down.
    pub(super) fn move_stop(&mut self, step: &mut Step<'_>, slot: Slot, to: Price, origin: StopOrigin) {
        let position = &mut self.engine.positions[slot as usize];
        let (episode, from) = (position.episode, price(position.stop));
        position.stop = level(to);
        position.stop_origin = origin;
        if !planted(45) || origin != StopOrigin::Moved {
            self.note(step, episode.key.instrument, Record::StopMoved { episode, from, to, origin });
        }
    }

    /// Whether a stop at `to` would fire at the present price.
    pub(super) fn is_through_market(&self, slot: Slot, to: Price) -> bool {
        let position = &self.engine.positions[slot as usize];
        let terms = self.engine.terms(slot);
        let cell = terms.cells.of_rule(Rule::StopLoss, position.side(), terms.plan);
        self.engine.last_price(cell).is_some_and(|last| at_loss(position.side(), last, to))
    }

    /// Resting legs that nobody traded with are taken away, those that a price decided too: they rest again, or are
    /// decided again, at what holds then, once they are gone.
    pub(super) fn reprice_legs(&mut self, step: &mut Step<'_>, slot: Slot) {
        self.cancel_all_but(step, slot, |order| {
            let rests = order.leg > 0 && matches!(order.kind(), OrderKind::RestingLimit(_));
            !rests || order.life().filled.0 > 0
        });
    }

    /// Resting legs whose targets moved with the market go where they are now.
    pub(super) fn follow_targets(&mut self, step: &mut Step<'_>, slot: Slot) {
        let position = &self.engine.positions[slot as usize];
        let terms = self.engine.terms(slot);
        if position.phase != Phase::Open || !terms.plan.ladder.as_ref().is_some_and(Ladder::follows) {
            return;
        }
        let is_elsewhere = |order: &Order| match order.kind() {
            OrderKind::RestingLimit(at) if order.leg > 0 && !order.life().state.is_final() => {
                position.leg_level(usize::from(order.leg) - 1, &terms) != Some(at)
            }
            _ => false,
        };
        if self.orders.list(position.first_order).any(|(_, order)| is_elsewhere(order)) {
            self.reprice_legs(step, slot);
        }
    }

    fn rearm_changed(&mut self, slot: Slot) {
        let instrument = self.engine.positions[slot as usize].episode.key.instrument;
        self.rearm(slot, None, Kinds::ALL);
        self.engine.restate_bands(instrument);
        self.engine.tidy(instrument, &self.orders);
    }
}
