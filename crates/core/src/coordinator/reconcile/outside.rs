//! What leaves a position past us: a person, another program, the venue itself.

use crate::planted::planted;
use std::collections::BTreeSet;

use super::{Compared, Coordinator, Record, Step};
use crate::account::{ClosedBy, Holding, OutsideClose, Share};
use crate::coordinator::commands::is_payable;
use crate::event::{Addition, AlarmKind, LeftOutside, Returned};
use crate::id::OrderId;
use crate::num::{Money, Price, Qty, Round};
use crate::watch::Slot;

/// A quantity that leaves.
pub(super) struct Outside {
    qty: Qty,
    price: Option<Price>,
    fee: Money,
    by: ClosedBy,
    /// No trade told it: that may come still.
    is_untold: bool,
}

impl Outside {
    /// One whose price nobody told.
    pub(super) const fn unpriced(qty: Qty, by: ClosedBy) -> Self {
        Self { qty, price: None, fee: Money::ZERO, by, is_untold: true }
    }
}

impl Coordinator {
    /// The venue tells of a trade that closed (part of) a position and was not ours.
    pub(in crate::coordinator) fn on_closed_outside(&mut self, step: &mut Step<'_>, closed: &OutsideClose) {
        let OutsideClose { key, trade, qty, price, fee, by } = *closed;
        let account = self.accounts.get(key.account);
        let is_told_before =
            account.is_none_or(|account| account.bucket(key).trade >= trade && !planted(102));
        let is_sound = qty.0 > 0 && price.is_none_or(Price::is_sound) && is_payable(fee.0);
        let slot = self.engine.living(key).filter(|_| is_sound && !is_told_before);
        let Some(slot) = slot else {
            self.ignored += 1;
            return;
        };
        if let Some(account) = self.accounts.get_mut(key.account) {
            account.bucket_mut(key).trade = trade;
        }
        let qty = self.not_left_yet(step, slot, qty);
        let held = self.engine.positions[slot as usize].open;
        if qty > held {
            self.alarm(step, slot, AlarmKind::FillNotExpected);
        }
        if qty.0 > 0 {
            self.take_outside(step, slot, &Outside { qty: qty.min(held), price, fee, by, is_untold: false });
        }
    }

    /// What of a trade past us two reads have not taken out already.
    fn not_left_yet(&mut self, step: &mut Step<'_>, slot: Slot, qty: Qty) -> Qty {
        let episode = self.engine.positions[slot as usize].episode;
        let key = episode.key;
        self.begin(step, key.instrument);
        let Some(account) = self.accounts.get_mut(key.account) else { return qty };
        let was_ours = account.is_unseen(episode);
        let Some(share) = account.take_unseen(episode, qty) else { return qty };
        self.accounts.touch(key, step.now);
        if was_ours {
            // It was put down to orders of ours, and was somebody else's.
            self.put_back(step, slot, &share);
            return qty;
        }
        Qty(qty.0 - share.qty.0)
    }

    /// Takes a quantity out of a position that no order of ours sold.
    pub(super) fn take_outside(&mut self, step: &mut Step<'_>, slot: Slot, outside: &Outside) {
        let position = &mut self.engine.positions[slot as usize];
        let (episode, key) = (position.episode, position.episode.key);
        let (cost, entry_fees, funding) = position.reduce(outside.qty);
        let share = Share { qty: outside.qty, cost, entry_fees, funding };
        let left = LeftOutside {
            episode,
            reason: outside.by.reason(),
            source: outside.by.source(),
            qty: outside.qty,
            price: outside.price,
            fee: outside.fee,
            cost,
            entry_fees,
            funding,
            remaining: position.open,
        };
        self.accounts.touch(key, step.now);
        self.note(step, key.instrument, Record::LeftOutside(Box::new(left)));
        match outside.by {
            ClosedBy::Hand if outside.is_untold => self.remember_unseen(slot, &share, BTreeSet::new()),
            ClosedBy::Hand => {}
            ClosedBy::Liquidation | ClosedBy::Adl | ClosedBy::Settlement => {
                self.alarm(step, slot, AlarmKind::ClosedByVenue);
            }
            ClosedBy::Unseen => {
                // Any order of ours that lived may have sold it.
                let living = self.living_orders(slot).into_iter().collect();
                self.remember_unseen(slot, &share, living);
                self.alarm(step, slot, AlarmKind::ClosedUnseen);
            }
        }
        if self.engine.positions[slot as usize].open.0 == 0 {
            self.end_flat(step, slot);
            return;
        }
        if self.ends_as_dust(step, slot) {
            return;
        }
        // What is left is less: resting legs and the stop follow.
        self.reprice_legs(step, slot);
        self.protect(step, slot);
        self.rearm_all(slot);
        self.engine.restate_bands(key.instrument);
    }

    /// The orders of a position that may still trade, the newest first.
    pub(super) fn living_orders(&self, slot: Slot) -> Vec<OrderId> {
        let position = &self.engine.positions[slot as usize];
        let orders = self.orders.list(position.first_order).map(|(_, order)| order);
        let living = orders.filter(|order| !order.life().state.is_final());
        living.map(|order| order.named(position.episode).id).collect()
    }

    /// What left untold is remembered: whoever tells of it later tells nothing new.
    fn remember_unseen(&mut self, slot: Slot, share: &Share, by: BTreeSet<OrderId>) {
        let episode = self.engine.positions[slot as usize].episode;
        if let Some(account) = self.accounts.get_mut(episode.key.account) {
            account.left_unseen(episode, share, by);
        }
    }

    /// An order of ours sold what had left unseen: it is back, so that its trade takes it out.
    pub(in crate::coordinator) fn put_back_unseen(
        &mut self,
        step: &mut Step<'_>,
        slot: Slot,
        id: &OrderId,
        qty: Qty,
    ) {
        let account = self.accounts.get_mut(id.episode.key.account);
        let Some(share) = account.and_then(|account| account.explain(id, qty)) else { return };
        self.put_back(step, slot, &share);
    }

    fn put_back(&mut self, step: &mut Step<'_>, slot: Slot, share: &Share) {
        let position = &mut self.engine.positions[slot as usize];
        position.put_back(share);
        let (episode, open) = (position.episode, position.open);
        let returned = Returned { episode, qty: share.qty, open };
        self.note(step, episode.key.instrument, Record::Returned(Box::new(returned)));
    }

    /// A second read agrees that a position of ours is larger: it is added to, at the price that the
    /// venue's average entry implies.
    pub(super) fn believe_more(&mut self, step: &mut Step<'_>, one: &Compared) {
        let (Some(slot), Some(holding)) = (one.slot, &one.holding) else { return };
        let Some(price) = self.implied_price(slot, holding) else { return };
        let qty = Qty(one.found.theirs.0 - one.found.ours.0);
        let episode = self.engine.positions[slot as usize].episode;
        if let Some(account) = self.accounts.get_mut(one.found.key.account) {
            // What had left untold is there: a trade that is told later is another one.
            account.take_unseen(episode, qty);
        }
        self.on_add(step, &Addition { key: one.found.key, qty, price, fees: Money::ZERO });
    }

    /// What more of a position cost, so that its average becomes that of the venue. Where the venue tells
    /// none, or one that cannot be, the average stays.
    fn implied_price(&self, slot: Slot, holding: &Holding) -> Option<Price> {
        let position = &self.engine.positions[slot as usize];
        let rules = &self.engine.market(holding.instrument).instrument;
        let more = i128::from(holding.qty.0 - position.open.0);
        let implied = holding.entry.and_then(|entry| {
            let cost = i128::from(entry.0) * i128::from(holding.qty.0) - position.cost;
            i64::try_from(Round::HalfUp.divide(cost, more)).ok().map(Price)
        });
        let average = position.entry().rounded();
        let can_be = |price: &Price| price.is_sound() && !rules.is_too_large(*price, holding.qty);
        implied.filter(can_be).or(Some(average)).filter(can_be)
    }
}
