//! Orders that were lost sight of: the venue is asked until it answers, and only its answer counts.

use super::{Coordinator, Record, Step, TimerFor};
use crate::event::{Absence, Action, AlarmKind, Edited, OrderEnd, OrderFound, OrdersListed};
use crate::id::OrderId;
use crate::num::Qty;
use crate::order::{CancelState, OrderAnswer, OrderKind, OrderState};
use crate::orders::Order;
use crate::planted::planted;
use crate::time::Span;
use crate::watch::Slot;

/// An order of which nobody said anything for so long is asked about. Whoever sends it knows its own
/// time limits and says so earlier; this is for when that was lost as well.
const ANSWER_WITHIN: Span = Span::from_secs(600);
/// A question is asked again after this long ..
const ASK_AGAIN_AFTER: Span = Span::from_secs(1);
/// .. and, once it was asked this often, ..
const ASKED_OFTEN: u32 = 30;
/// .. after this long.
pub(super) const ASK_AGAIN_LATER: Span = Span::from_secs(5);
/// So many orders for the same may be lost sight of before nobody sends another.
pub(super) const LOST_MAX: usize = 2;
/// Clocks of a venue and ours may be this far apart.
const CLOCK_SKEW: Span = Span::from_secs(5);

impl Coordinator {
    /// Sees to it that an order is not waited for without end.
    pub(super) fn await_answer(&mut self, step: &Step<'_>, id: OrderId) {
        let due = step.now.after(ANSWER_WITHIN);
        self.orders.awaited.add(id, due);
        self.timers.insert((due, TimerFor::Answers));
    }

    /// Orders had their time to be answered.
    pub(super) fn on_answers_due(&mut self, step: &mut Step<'_>) {
        for id in self.orders.awaited.take_due(step.now) {
            self.on_silence(step, &id);
        }
    }

    /// How many orders of a kind were lost sight of, and not found again.
    pub(super) fn lost(&self, slot: Slot, is_such: impl Fn(&Order) -> bool) -> usize {
        let first = self.engine.positions[slot as usize].first_order;
        let lost = |order: &Order| is_such(order) && order.life().state == OrderState::Unknown;
        self.orders.list(first).filter(|(_, order)| lost(order)).count()
    }

    /// The venue is asked what became of an order.
    pub(super) fn inquire(&mut self, step: &mut Step<'_>, id: OrderId) {
        if !self.orders.inquiries.begin(id, step.now) {
            return;
        }
        self.begin(step, id.episode.key.instrument);
        self.ask(step, id);
    }

    /// A question that was not answered is asked again.
    pub(super) fn on_inquire(&mut self, step: &mut Step<'_>, id: OrderId) {
        if self.orders.inquiries.is_open(&id) {
            self.begin(step, id.episode.key.instrument);
            self.ask(step, id);
        }
    }

    fn ask(&mut self, step: &mut Step<'_>, id: OrderId) {
        let asked = self.orders.inquiries.ask(&id);
        step.out.actions.push(Action::Query(id));
        if planted(27) && asked > 3 {
            return;
        }
        let wait = if asked < ASKED_OFTEN { ASK_AGAIN_AFTER } else { ASK_AGAIN_LATER };
        self.timers.insert((step.now.after(wait), TimerFor::Inquire(id)));
    }

    /// The venue tells what became of an order.
    pub(super) fn on_found(&mut self, step: &mut Step<'_>, found: &OrderFound) {
        let id = &found.id;
        let Some((slot, index)) = self.find_order(id) else { return };
        if found.fill.as_ref().is_some_and(|fill| !self.can_be(fill, index)) {
            self.inquire(step, *id);
            return;
        }
        let order = *self.orders.get(index);
        let opened_at = self.engine.positions[slot as usize].opened_at;
        let is_older = found.placed_at.after(CLOCK_SKEW) < opened_at;
        let life = order.life();
        // What the venue had confirmed is ours: of another size, somebody changed it before a list told. And one
        // that reduces only it cuts to what is held there.
        let is_ours = order.is_at_venue() || (found.qty < life.qty && !self.locks(slot));
        let is_resized = found.qty != life.qty && is_ours && found.qty >= life.filled;
        if (found.qty != life.qty && !is_resized) || is_older {
            let episode = id.episode;
            self.note(
                step,
                episode.key.instrument,
                Record::Alarm { episode, what: AlarmKind::OrderCollision },
            );
            return;
        }
        // One that lives, and cannot be cancelled, is asked about again, and cancelled then.
        let lives = matches!(found.state, OrderState::Working | OrderState::PartFilled);
        // One that is filled, and nobody says with what, is not known: it is asked about until somebody does.
        let is_untold = found.state == OrderState::Filled && found.fill.is_none() && !life.state.is_final();
        let is_kept = (lives && life.cancel != CancelState::None) || is_untold;
        if self.orders.inquiries.is_open(id) {
            self.begin(step, id.episode.key.instrument);
            if is_kept {
                self.orders.inquiries.seen(id, step.now);
            } else {
                self.orders.inquiries.end(id);
            }
        }
        if is_resized {
            self.tell_resized(step, id, Qty(found.qty.0 - life.filled.0), order.kind());
            self.orders.get_mut(index).edit(found.qty, order.kind());
        }
        if let Some(all) = &found.fill {
            let rest = self.orders.told.without(index, all);
            self.on_fill(step, if self.can_be(&rest, index) && !planted(129) { &rest } else { all });
        }
        match found.state {
            OrderState::Working | OrderState::PartFilled => {
                if is_resized {
                    self.judge_edit(step, id, &order, order.kind());
                }
                self.on_accepted(step, id);
                self.found_again(step, id);
                self.cancel_once_more(step, id);
            }
            OrderState::Cancelled => {
                self.on_end(step, id, OrderAnswer::Cancelled, OrderEnd::Cancelled);
            }
            OrderState::Refused => self.on_end(step, id, OrderAnswer::Refused, OrderEnd::Refused),
            OrderState::Expired => self.on_end(step, id, OrderAnswer::Expired, OrderEnd::Expired),
            OrderState::Filled if is_untold => self.inquire(step, *id),
            OrderState::Filled => {
                let is_open = |(_, index)| !self.orders.get(index).life().state.is_final();
                // Filled with less than it asked for: the rest will not trade any more.
                if self.find_order(id).is_some_and(is_open) {
                    self.on_end(step, id, OrderAnswer::Expired, OrderEnd::Expired);
                }
            }
            OrderState::Sent | OrderState::Unknown => {}
        }
    }

    /// What the venue tells of one order is told like a list of that one.
    fn tell_resized(&mut self, step: &mut Step<'_>, id: &OrderId, left: Qty, kind: OrderKind) {
        let listed = OrdersListed {
            account: id.episode.key.account,
            taken_at: step.now,
            missing: Vec::new(),
            back: Vec::new(),
            edited: vec![Edited { id: *id, left, kind }],
            strays: Vec::new(),
            foreign: None,
        };
        self.note(step, id.episode.key.instrument, Record::OrdersListed(Box::new(listed)));
    }

    /// An order lives whose cancel was refused: it is cancelled again.
    fn cancel_once_more(&mut self, step: &mut Step<'_>, id: &OrderId) {
        let Some((slot, index)) = self.find_order(id) else { return };
        let is_silent = self.is_silenced(id.episode);
        let life = self.orders.get(index).life();
        if life.cancel != CancelState::Refused || life.state.is_final() || is_silent {
            return;
        }
        // A stop stays while none that the venue confirmed stands in its place.
        if self.is_last_stop(slot, index) {
            return;
        }
        let order = self.orders.get_mut(index);
        order.cancel_sent();
        self.begin(step, id.episode.key.instrument);
        step.out.actions.push(Action::Cancel(*id));
        self.await_cancel(step, id.episode);
    }

    /// The venue does not know an order. That is no answer while a request may still be on its way, or a
    /// copy that answers may lag behind.
    pub(super) fn on_absent(&mut self, step: &mut Step<'_>, absence: &Absence) {
        let id = &absence.id;
        if self.find_order(id).is_none() || !self.orders.inquiries.is_open(id) {
            return;
        }
        self.begin(step, id.episode.key.instrument);
        if self.orders.inquiries.absent(absence) {
            self.on_end(step, id, OrderAnswer::Expired, OrderEnd::NotFound);
        } else {
            // It answers: it is asked again soon.
            if let Some(later) = self.rings_at(step.now, ASK_AGAIN_LATER, TimerFor::Inquire(*id)) {
                self.timers.remove((later, TimerFor::Inquire(*id)));
            }
            self.timers.insert((step.now.after(ASK_AGAIN_AFTER), TimerFor::Inquire(*id)));
        }
    }
}
