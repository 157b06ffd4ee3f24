//! Orders on their way: through the gate, in slices that the venue takes, and taken back.

use super::HANGS_AFTER;
use crate::coordinator::{Coordinator, Record, Step, TimerFor};
use crate::event::{Action, AlarmKind};
use crate::gate::{Exposure, approve};
use crate::id::{EpisodeId, OrderId};
use crate::num::Qty;
use crate::order::{CancelState, ExitOrder, OrderKind};
use crate::orders::{Extent, Order};
use crate::planted::planted;
use crate::time::Span;
use crate::watch::Slot;
/// A cancel without an answer is asked for again after this long.
const CANCEL_AGAIN_AFTER: Span = Span::from_secs(5);

impl Coordinator {
    /// Sends an order, once the coins that it sells are free, in slices where the venue limits its size.
    pub(in crate::coordinator) fn submit(
        &mut self,
        step: &mut Step<'_>,
        slot: Slot,
        order: ExitOrder,
        extent: Extent,
    ) {
        let is_silenced = self.is_silenced(order.id.episode);
        if !is_silenced && self.holds_back(step, slot, &order, extent) {
            return;
        }
        if !is_silenced {
            self.count_order(step, slot);
        }
        // What others lock the venue refuses. What is free goes before it, and not beside it: of two orders
        // for the same coins the venue takes the one that comes first.
        let free = self.free_of_others(slot, &order, extent);
        let qty = if free.0 > 0 { free } else { order.qty };
        self.send_slices(step, slot, ExitOrder { qty, ..order }, extent);
    }

    /// Sends an order in slices.
    fn send_slices(&mut self, step: &mut Step<'_>, slot: Slot, order: ExitOrder, extent: Extent) {
        let instrument = &self.engine.market(order.id.episode.key.instrument).instrument;
        let most = if order.kind == OrderKind::Market { instrument.at_market(order.qty) } else { order.qty };
        let lot = instrument.lot_size.0;
        let (mut left, mut slice) = (order.qty.0, order.id.slice);
        while left > 0 {
            // Slices of the same size: none of them is below the smallest order.
            let slices = (left - 1) / most.0 + 1;
            let qty = if slices == 1 { left } else { (left / slices + lot - 1) / lot * lot };
            self.send(
                step,
                slot,
                ExitOrder { id: OrderId { slice, ..order.id }, qty: Qty(qty), ..order },
                extent,
            );
            left -= qty;
            // What no slice is left for is asked for when these have ended.
            let Some(next) = slice.checked_add(1) else { return };
            slice = next;
        }
    }

    /// Passes an order through the gate, writes it down and hands it out.
    fn send(&mut self, step: &mut Step<'_>, slot: Slot, order: ExitOrder, extent: Extent) {
        let position = &self.engine.positions[slot as usize];
        let (episode, instrument) = (position.episode, position.episode.key.instrument);
        // What a venue caps together is not deducted here.
        let uncapped_claims = self.locked(slot);
        let is_silent = self.is_silenced(episode);
        let exposure = Exposure { episode, open: position.open, uncapped_claims, is_silent };
        match approve(order, &exposure) {
            Ok(approved) => {
                let first = position.first_order;
                if !planted(119) {
                    self.note(step, instrument, Record::OrderIntended(Box::new(order)));
                }
                let first = self.orders.add(first, &order, extent);
                self.engine.positions[slot as usize].first_order = first;
                step.out.actions.push(Action::Submit(approved));
                self.await_answer(step, order.id);
                if matches!(extent, Extent::Legs(_)) && !order.kind.rests() {
                    self.set_anew(step.now, HANGS_AFTER, TimerFor::Hangs(episode));
                }
            }
            Err(why) => {
                self.note(step, instrument, Record::GateBlocked { id: order.id, why });
                self.note(step, instrument, Record::Alarm { episode, what: AlarmKind::ExitRefused });
            }
        }
    }

    /// Asks the venue to take away every living order that `keeps` does not keep.
    pub(in crate::coordinator) fn cancel_all_but(
        &mut self,
        step: &mut Step<'_>,
        slot: Slot,
        keeps: impl Fn(&Order) -> bool,
    ) {
        let position = &self.engine.positions[slot as usize];
        if self.is_silenced(position.episode) && !planted(88) {
            return;
        }
        let living: Vec<u32> = self
            .orders
            .list(position.first_order)
            .filter(|(_, order)| {
                !keeps(order) && !order.life().state.is_final() && order.life().cancel != CancelState::Sent
            })
            .map(|(index, _)| index)
            .collect();
        let episode = position.episode;
        if !living.is_empty() {
            self.await_cancel(step, episode);
        }
        for index in living {
            let order = self.orders.get_mut(index);
            order.cancel_sent();
            if planted(6) {
                order.hear(crate::order::OrderAnswer::Cancelled);
            }
            let id = OrderId {
                episode,
                exit: order.exit,
                leg: order.leg,
                slice: order.slice,
                attempt: order.attempt,
            };
            step.out.actions.push(Action::Cancel(id));
        }
    }

    /// Sees to it that a cancel is not waited for without end.
    pub(in crate::coordinator) fn await_cancel(&mut self, step: &Step<'_>, episode: EpisodeId) {
        self.set_anew(step.now, CANCEL_AGAIN_AFTER, TimerFor::Cancel(episode));
    }

    /// Cancels without an answer are asked for again, and what became of their orders.
    pub(in crate::coordinator) fn on_cancel_unanswered(&mut self, step: &mut Step<'_>, episode: EpisodeId) {
        let Some(slot) = self.engine.slot(episode) else { return };
        let first = self.engine.positions[slot as usize].first_order;
        let waits = |order: &Order| {
            let life = order.life();
            !life.state.is_final() && life.cancel == CancelState::Sent
        };
        let unanswered: Vec<(OrderId, bool)> = self
            .orders
            .list(first)
            .filter(|(_, order)| waits(order))
            .map(|(index, order)| (order.named(episode).id, self.is_last_stop(slot, index)))
            .collect();
        if unanswered.is_empty() || planted(30) {
            return;
        }
        self.begin(step, episode.key.instrument);
        if self.is_silenced(episode) {
            self.await_cancel(step, episode);
            return;
        }
        // The one in whose place it was to go may be gone by now: then it stays until another stands.
        let again = unanswered.iter().filter(|(_, is_last)| !is_last);
        step.out.actions.extend(again.map(|(id, _)| Action::Cancel(*id)));
        self.await_cancel(step, episode);
        for (id, _) in unanswered {
            self.inquire(step, id);
        }
    }
}
