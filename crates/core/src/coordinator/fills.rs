//! What the venue says: a position changes on fills, never on sends or acknowledgements.

use super::commands::is_payable;
use super::inquiry::LOST_MAX;
use super::{Coordinator, Kinds, Record, Step};
use crate::account::{OutsideClose, Reading};
use crate::event::{Absence, AlarmKind, Filled, OrderEnd, OrderFound, RefusedWhy, VenueEvent};
use crate::id::{EpisodeId, OrderId, PositionKey};
use crate::listing::Listing;
use crate::num::{Money, Price, Qty};
use crate::order::{CancelState, Fill, OrderAnswer, OrderState};
use crate::orders::{NO_ORDER, Order};
use crate::planted::planted;
use crate::position::{Phase, at_gain, level, price};
use crate::reason::{Reason, Source, StopOrigin};
use crate::time::Timestamp;
use crate::watch::Slot;

/// A venue's word by value: the step keeps the event itself for the record.
pub(super) enum Heard {
    Accepted(OrderId),
    Filled(Fill),
    Ended(OrderId, OrderAnswer, OrderEnd),
    CancelRefused(OrderId),
    Silence(OrderId),
    FundingPaid(PositionKey, Money),
    LiquidationAt(PositionKey, Price),
    Found(OrderFound),
    Absent(Absence),
    MarketRefused(OrderId),
    /// The venue disagrees with us about what is held, or free.
    Disagrees(OrderId),
    Busy(OrderId),
    Triggered(OrderId),
    Read(Box<Reading>),
    ClosedOutside(OutsideClose),
    Listed(Box<Listing>),
}

impl Heard {
    pub(super) fn of(now: Timestamp, event: &VenueEvent) -> Self {
        match event {
            VenueEvent::Accepted(id) => Self::Accepted(*id),
            VenueEvent::Filled(fill) => Self::Filled(**fill),
            VenueEvent::Refused(id, RefusedWhy::MarketRefused) => Self::MarketRefused(*id),
            VenueEvent::Refused(id, RefusedWhy::NothingToReduce | RefusedWhy::CoinsMissing) => {
                Self::Disagrees(*id)
            }
            VenueEvent::Refused(id, RefusedWhy::Busy) => Self::Busy(*id),
            VenueEvent::Refused(id, RefusedWhy::Other) => {
                Self::Ended(*id, OrderAnswer::Refused, OrderEnd::Refused)
            }
            VenueEvent::Cancelled(id) => Self::Ended(*id, OrderAnswer::Cancelled, OrderEnd::Cancelled),
            VenueEvent::Expired(id) => Self::Ended(*id, OrderAnswer::Expired, OrderEnd::Expired),
            VenueEvent::CancelRefused(id) => Self::CancelRefused(*id),
            VenueEvent::Silence(id) => Self::Silence(*id),
            VenueEvent::FundingPaid(key, amount) => Self::FundingPaid(*key, **amount),
            VenueEvent::LiquidationAt(key, price) => Self::LiquidationAt(*key, *price),
            VenueEvent::Found(found) => Self::Found(**found),
            VenueEvent::NotFound(id) => Self::Absent(Absence { id: *id, asked_at: now }),
            VenueEvent::Absent(absence) => {
                Self::Absent(Absence { asked_at: absence.asked_at.min(now), ..**absence })
            }
            VenueEvent::Read(reading) => Self::Read(reading.clone()),
            VenueEvent::ClosedOutside(closed) => Self::ClosedOutside(**closed),
            VenueEvent::Listed(listing) => Self::Listed(listing.clone()),
            VenueEvent::Triggered(id) => Self::Triggered(*id),
        }
    }
}

impl Coordinator {
    pub(super) fn on_venue(&mut self, step: &mut Step<'_>, heard: &Heard) {
        match heard {
            Heard::Accepted(id) => self.on_accepted(step, id),
            Heard::Filled(fill) => self.on_fill(step, fill),
            Heard::Ended(id, answer, how) => self.on_end(step, id, *answer, *how),
            Heard::CancelRefused(id) => {
                self.on_cancel_refused(step, id);
                self.refresh(id.episode);
            }
            Heard::Silence(id) => self.on_silence(step, id),
            Heard::FundingPaid(key, amount) => self.on_funding(step, *key, *amount),
            Heard::LiquidationAt(key, price) => self.on_liquidation_at(step, *key, *price),
            Heard::Found(found) => {
                self.on_found(step, found);
                self.refresh(found.id.episode);
            }
            Heard::Absent(absence) => self.on_absent(step, absence),
            Heard::MarketRefused(id) => self.on_market_refused(step, id),
            Heard::Disagrees(id) => {
                self.on_end(step, id, OrderAnswer::Refused, OrderEnd::Refused);
                self.ask_about(step, id.episode.key);
            }
            Heard::Busy(id) => {
                self.on_busy(step, id);
                self.on_end(step, id, OrderAnswer::Refused, OrderEnd::Refused);
            }
            Heard::Read(reading) => self.on_read(step, reading),
            Heard::ClosedOutside(closed) => self.on_closed_outside(step, closed),
            Heard::Listed(listing) => self.on_listed(step, listing),
            Heard::Triggered(id) => self.on_triggered(step, id),
        }
    }

    pub(super) fn find_order(&self, id: &OrderId) -> Option<(Slot, u32)> {
        let slot = self.engine.slot(id.episode)?;
        let first = self.engine.positions[slot as usize].first_order;
        self.orders.find(first, id).map(|order| (slot, order))
    }

    pub(super) fn on_accepted(&mut self, step: &mut Step<'_>, id: &OrderId) {
        let Some((slot, index)) = self.find_order(id) else { return };
        let order = self.orders.get_mut(index);
        let before = order.life().state;
        order.hear(OrderAnswer::Accepted);
        self.orders.awaited.answered(id);
        let order = self.orders.get(index);
        if order.life().state == before {
            return;
        }
        let (protects, was_lost) = (order.protects(), before == OrderState::Unknown);
        let is_flat = planted(8) && order.closes_all() && self.engine.positions[slot as usize].is_held();
        self.note(step, id.episode.key.instrument, Record::OrderAccepted(*id));
        if is_flat {
            self.end_flat(step, slot);
            return;
        }
        self.end_inquiry(id);
        if was_lost {
            self.refresh(id.episode);
        }
        if protects {
            self.remember_fresh(step, id);
            // What protects now was all that was still to be done.
            self.end_what_was_begun();
        }
        if protects && self.engine.positions[slot as usize].is_held() {
            self.on_bracket_accepted(step, slot, index);
            self.rearm_all(slot);
            self.engine.restate_bands(id.episode.key.instrument);
        }
    }

    /// Whether the numbers of a fill can be computed with.
    pub(super) fn can_be(&self, fill: &Fill, index: u32) -> bool {
        let rules = &self.engine.market(fill.id.episode.key.instrument).instrument;
        let qty = fill.filled_total.min(self.orders.get(index).life().qty);
        fill.price.is_sound() && !rules.is_too_large(fill.price, qty) && is_payable(fill.fee.0)
    }

    pub(super) fn on_fill(&mut self, step: &mut Step<'_>, fill: &Fill) {
        let instrument = fill.id.episode.key.instrument;
        let not_expected = Record::Alarm { episode: fill.id.episode, what: AlarmKind::FillNotExpected };
        let Some((slot, index)) = self.find_order(&fill.id) else {
            if self.engine.markets.get(instrument.0 as usize).is_some() {
                self.note(step, instrument, not_expected);
            }
            return;
        };
        if !self.can_be(fill, index) {
            // What really traded is asked for.
            self.note(step, instrument, not_expected);
            self.inquire(step, fill.id);
            return;
        }
        let new = self.orders.get_mut(index).hear(OrderAnswer::Filled(fill.filled_total));
        if new.0 == 0 {
            return;
        }
        self.note_told(index, new, fill);
        if !planted(101) {
            self.accounts.touch(fill.id.episode.key, step.now);
        }
        if !planted(100) {
            self.put_back_unseen(step, slot, &fill.id, new);
        }
        let qty = new.min(self.engine.positions[slot as usize].open);
        if qty < new {
            self.note(step, instrument, not_expected);
        }
        if qty.0 == 0 {
            if self.engine.positions[slot as usize].phase == Phase::Flat {
                self.vacate_when_quiet(slot);
                self.coins_came_free(step, fill.id.episode.key);
            }
            return;
        }
        let order = *self.orders.get(index);
        let position = &mut self.engine.positions[slot as usize];
        let (cost, entry_fees, funding) = position.reduce(qty);
        let filled = Filled {
            id: fill.id,
            reason: if planted(135) { Reason::StopLoss } else { order.reason },
            source: order.source(),
            exit_type: order.exit_type(),
            trigger: order.trigger,
            qty,
            price: if planted(124) { Price(0) } else { fill.price },
            fee: fill.fee,
            cost,
            entry_fees,
            funding,
            remaining: if planted(120) { Qty(position.open.0 + qty.0) } else { position.open },
        };
        self.note(step, instrument, Record::Filled(Box::new(filled)));
        let position = &self.engine.positions[slot as usize];
        if position.phase == Phase::Flat {
            // Dust of an ended episode: the order was alive still.
            self.accounts.sold_late(fill.id.episode.key, qty);
            self.vacate_when_quiet(slot);
            self.coins_came_free(step, fill.id.episode.key);
            return;
        }
        if position.open.0 == 0 {
            self.end_flat(step, slot);
            return;
        }
        self.after_fill(step, slot, &order, fill.price);
    }

    /// `new` of an order was told.
    fn note_told(&mut self, index: u32, new: Qty, fill: &Fill) {
        let life = self.orders.get(index).life();
        self.orders.told.add(index, new, fill, life.filled == life.qty);
        self.orders.awaited.answered(&fill.id);
        self.end_inquiry(&fill.id);
    }

    /// What a fill that left something open leads to.
    fn after_fill(&mut self, step: &mut Step<'_>, slot: Slot, order: &Order, at: Price) {
        if planted(112) {
            let position = &mut self.engine.positions[slot as usize];
            (position.phase, position.closing) = (Phase::Open, None);
        }
        if order.life().state.is_final() && order.leg > 0 {
            self.conclude_leg(step, slot, order);
        }
        if order.life().state == OrderState::Filled {
            // A list lacked it because it sold.
            let episode = self.engine.positions[slot as usize].episode;
            self.was_not_taken(&order.named(episode).id);
        }
        if self.ends_as_dust(step, slot) {
            return;
        }
        if order.leg == 0 && order.is_part() && order.life().state.is_final() {
            // What is left is less: resting legs follow.
            self.reprice_legs(step, slot);
        }
        if order.life().state.is_final() {
            self.send_waiting(step, slot);
        }
        if order.protects() {
            self.after_bracket_fill(step, slot, order, at);
        } else if !planted(69) {
            self.protect(step, slot);
        }
        if self.engine.positions[slot as usize].phase == Phase::Closing
            && order.life().state.is_final()
            && !planted(42)
        {
            // More came while the close was on its way.
            self.close_what_is_left(step, slot);
        }
        self.rearm_all(slot);
    }

    pub(super) fn on_end(&mut self, step: &mut Step<'_>, id: &OrderId, answer: OrderAnswer, how: OrderEnd) {
        let Some((slot, index)) = self.find_order(id) else { return };
        let order = self.orders.get_mut(index);
        if order.life().state.is_final() {
            return;
        }
        order.hear(answer);
        self.orders.awaited.answered(id);
        self.orders.inquiries.end(id);
        self.note(step, id.episode.key.instrument, Record::OrderEnded { id: *id, how });
        if self.engine.positions[slot as usize].phase == Phase::Flat {
            self.vacate_when_quiet(slot);
            self.coins_came_free(step, id.episode.key);
            return;
        }
        self.send_waiting(step, slot);
        let order = *self.orders.get(index);
        if order.leg > 0 && order.life().filled.0 > 0 {
            self.conclude_leg(step, slot, &order);
        }
        if self.ends_as_dust(step, slot) {
            return;
        }
        if how == OrderEnd::Cancelled && order.life().cancel == CancelState::Sent {
            self.was_there(step, id);
        }
        let is_repriced = how == OrderEnd::Cancelled
            && (order.exit, order.leg > 0) == (0, true)
            && order.life().filled.0 == 0
            && order.life().cancel == CancelState::Sent
            && self.engine.positions[slot as usize].phase == Phase::Open;
        if order.protects() {
            self.after_bracket_end(step, slot, &order, how);
        } else if is_repriced {
            self.release_dead_legs(slot);
            self.place_soft_legs(step, slot);
        } else {
            self.after_end(step, slot, index);
        }
        // Coins that it locked may be protected now, and a leg that sold some may have moved the stop; a stop that
        // ended has its own pace.
        if !order.protects() && (self.locks(slot) || order.leg > 0) {
            self.protect(step, slot);
        }
        if self.engine.positions[slot as usize].is_held() {
            self.forget_ended(slot);
            self.rearm_all(slot);
        }
    }

    /// The venue takes no market orders now: a close walks as a limit from here on.
    fn on_market_refused(&mut self, step: &mut Step<'_>, id: &OrderId) {
        let Some((_, index)) = self.find_order(id) else { return };
        let order = self.orders.get(index);
        if order.closes_all() && order.is_urgent() && !order.life().state.is_final() {
            self.begin(step, id.episode.key.instrument);
            self.engine.standing.walk_anew(id.episode);
        }
        self.on_end(step, id, OrderAnswer::Refused, OrderEnd::Refused);
    }

    fn on_cancel_refused(&mut self, step: &mut Step<'_>, id: &OrderId) {
        let Some((_, index)) = self.find_order(id) else { return };
        let order = self.orders.get_mut(index);
        let before = order.life().cancel;
        order.hear(OrderAnswer::CancelRefused);
        let life = order.life();
        if life.cancel != before {
            self.begin(step, id.episode.key.instrument);
            // It ended, or the venue does not see it yet.
            if !life.state.is_final() && !planted(29) {
                self.inquire(step, *id);
            }
        }
    }

    /// An order that was heard of needs no more asking, unless it is to be cancelled and cannot.
    fn end_inquiry(&mut self, id: &OrderId) {
        let Some((_, index)) = self.find_order(id) else { return };
        let life = self.orders.get(index).life();
        let is_lost = life.state == OrderState::Unknown || life.cancel != CancelState::None;
        if life.state.is_final() || !is_lost {
            self.orders.inquiries.end(id);
        }
    }

    pub(super) fn on_silence(&mut self, step: &mut Step<'_>, id: &OrderId) {
        let Some((slot, index)) = self.find_order(id) else { return };
        let order = self.orders.get_mut(index);
        let before = order.life().state;
        order.hear(OrderAnswer::Silence);
        self.orders.awaited.answered(id);
        let order = self.orders.get(index);
        let (protects, state) = (order.protects(), order.life().state);
        if state != before {
            let (episode, instrument) = (id.episode, id.episode.key.instrument);
            self.note(step, instrument, Record::OrderEnded { id: *id, how: OrderEnd::Unknown });
            self.note(step, instrument, Record::Alarm { episode, what: AlarmKind::ExitUnknown });
            if !planted(28) {
                self.inquire(step, *id);
            }
            if protects && !planted(77) {
                self.protect(step, slot);
            } else {
                self.insist(step, slot);
            }
            // Of a close that nobody has heard of again the emergency rules may send another.
            if self.engine.positions[slot as usize].is_held() {
                self.rearm_all(slot);
                self.engine.restate_bands(instrument);
            }
        }
    }

    /// An emergency does not wait for what became of one order: one more is sent, which the venue caps.
    fn insist(&mut self, step: &mut Step<'_>, slot: Slot) {
        let position = &self.engine.positions[slot as usize];
        let reason = position.closing.filter(|_| position.phase == Phase::Closing);
        let is_emergency = reason
            .is_some_and(|reason| reason == Reason::PanicClose || reason.source() == Source::EmergencyStop);
        if (is_emergency || planted(21)) && (planted(22) || self.lost(slot, Order::closes_all) < LOST_MAX) {
            self.close_what_is_left(step, slot);
        }
    }

    fn on_funding(&mut self, step: &mut Step<'_>, key: PositionKey, amount: Money) {
        let Some(slot) = self.engine.living(key) else { return };
        let position = &mut self.engine.positions[slot as usize];
        if !position.funding.0.checked_add(amount.0).is_some_and(is_payable) {
            self.ignored += 1;
            return;
        }
        position.funding += amount;
        let episode = position.episode;
        self.note(step, key.instrument, Record::FundingPaid { episode, amount: Box::new(amount) });
        // Funding counts for the net profit that signal exit and time limit ask for.
        if self.engine.standing.is_signalled(episode) || self.engine.standing.is_overdue(episode) {
            self.rearm_all(slot);
            self.engine.restate_bands(key.instrument);
        }
    }

    /// A ladder leg is over, and something of it was filled: the ratchet pulls the stop behind it.
    fn conclude_leg(&mut self, step: &mut Step<'_>, slot: Slot, order: &Order) {
        let (leg, bits) = (order.leg, order.legs());
        let terms = self.engine.terms(slot);
        let position = &self.engine.positions[slot as usize];
        let (episode, side) = (position.episode, position.side());
        let target = terms.plan.ratchet.and_then(|ratchet| {
            let step_to = leg.min(ratchet.legs_max).saturating_sub(u8::from(planted(36)));
            match step_to {
                0 => None,
                1 => Some(break_even(position, ratchet, &terms)),
                // Where the leg before it was sold; its target may have moved since.
                _ => {
                    let mut parts = self.orders.list(position.first_order).map(|(_, order)| order);
                    let sold = parts.find(|part| part.leg == step_to - 1 && part.life().filled.0 > 0);
                    let present = || position.leg_level(usize::from(step_to) - 2, &terms);
                    sold.map(|part| part.trigger).or_else(present)
                }
            }
        });
        let from = price(position.stop);
        let position = &mut self.engine.positions[slot as usize];
        position.legs_done |= if planted(33) { 0 } else { bits };
        // It may have been free for another try, had its fill been told in time.
        position.legs_out |= position.legs_done & bits;
        let done = position.legs_done;
        let dropped = self.orders.waiting.drop_legs(episode, done & bits);
        self.engine.positions[slot as usize].legs_out &= !(dropped & !done);
        // A leg that was filled late must not be sold again by the order that took its place.
        self.cancel_all_but(step, slot, |other| {
            let is_sibling = (other.exit, other.leg, other.attempt) == (order.exit, order.leg, order.attempt);
            is_sibling || !other.is_part() || other.legs() & bits == 0
        });
        let position = &mut self.engine.positions[slot as usize];
        let Some(to) = target else { return };
        // A stop only tightens.
        if from.is_some_and(|from| at_gain(side, from, to)) && !planted(38) {
            return;
        }
        position.stop = level(to);
        position.stop_origin = StopOrigin::Ratchet;
        let record = Record::StopMoved { episode, from, to, origin: StopOrigin::Ratchet };
        self.note(step, episode.key.instrument, record);
    }

    /// Whether what fills have left is less than the venue can close: the episode ends once none of
    /// its orders is alive.
    pub(super) fn ends_as_dust(&mut self, step: &mut Step<'_>, slot: Slot) -> bool {
        let position = &self.engine.positions[slot as usize];
        let market = self.engine.market(position.episode.key.instrument);
        if planted(16) || position.open == position.initial || market.instrument.closable(position.open).0 > 0
        {
            return false;
        }
        let covers = |order: &Order| {
            // A stop at the venue only waits.
            !order.protects()
                && order.life().cancel == CancelState::None
                && order.life().open() >= position.open
        };
        if self.orders.list(position.first_order).any(|(_, order)| covers(order)) {
            // An order that is at the venue already may get out what no new order could.
            return false;
        }
        if self.orders.list(position.first_order).all(|(_, order)| order.life().state.is_final()) {
            self.end_as_dust(step, slot);
        } else {
            self.cancel_all_but(step, slot, |_| false);
            // Its levels may have moved, and it is held until the last order is gone.
            self.rearm_all(slot);
        }
        true
    }

    /// What is left is less than the venue can close.
    pub(super) fn end_as_dust(&mut self, step: &mut Step<'_>, slot: Slot) {
        let episode = self.engine.positions[slot as usize].episode;
        self.note(step, episode.key.instrument, Record::Alarm { episode, what: AlarmKind::Dust });
        self.end_flat(step, slot);
    }

    pub(super) fn end_flat(&mut self, step: &mut Step<'_>, slot: Slot) {
        let position = &mut self.engine.positions[slot as usize];
        position.phase = Phase::Flat;
        let episode: EpisodeId = position.episode;
        self.orders.waiting.take(episode);
        self.note(step, episode.key.instrument, Record::Closed { episode });
        self.cancel_all_but(step, slot, |order| planted(114) && order.protects());
        self.vacate_when_quiet(slot);
    }

    /// A flat position leaves when nothing of it is alive at the venue.
    pub(super) fn vacate_when_quiet(&mut self, slot: Slot) {
        let first = self.engine.positions[slot as usize].first_order;
        if self.orders.list(first).all(|(_, order)| order.life().state.is_final()) {
            self.orders.forget(first);
            self.forget_listed(self.engine.positions[slot as usize].episode);
            self.engine.positions[slot as usize].first_order = NO_ORDER;
            self.engine.vacate(slot);
        }
    }

    pub(super) fn rearm_all(&mut self, slot: Slot) {
        let instrument = self.engine.positions[slot as usize].episode.key.instrument;
        self.rearm(slot, None, Kinds::ALL);
        self.engine.tidy(instrument, &self.orders);
    }
}

/// Where the first leg pulls the stop to.
fn break_even(
    position: &crate::position::Position,
    ratchet: crate::plan::Ratchet,
    terms: &crate::position::Terms<'_>,
) -> Price {
    let basis = crate::plan::NetBasis {
        side: if planted(37) { crate::instrument::Side::Short } else { position.side() },
        entry: position.entry(),
        costs: position.entry_fees,
        taker_fee: terms.plan.taker_fee,
        instrument: terms.instrument,
    };
    ratchet.break_even(&basis, terms.level_rule())
}
