//! Parts of a position: ladder legs, at the market or at rest, and what a person closes by hand.

use super::{Coordinator, Record, Step, TimerFor};
use crate::event::{ExitDecided, Held, ProbeFill};
use crate::id::OrderId;
use crate::instrument::MarketKind;
use crate::num::{Price, Qty};
use crate::order::{ExitOrder, OrderKind};
use crate::orders::{Extent, next_try};
use crate::plan::ExitStyle;
use crate::planted::planted;
use crate::position::Phase;
use crate::reason::{ExitType, Reason};
use crate::watch::Slot;

impl Coordinator {
    /// Legs `from..to` of the ladder were reached: one order closes them together.
    pub(super) fn fire_legs(
        &mut self,
        step: &mut Step<'_>,
        slot: Slot,
        from: usize,
        to: usize,
        held: Vec<Held>,
        fill: ProbeFill,
    ) {
        let terms = self.terms(slot);
        let position = &self.engine.positions[slot as usize];
        let (qty, best) = (position.legs_qty(from, to, &terms), terms.best);
        let Some(last) = held.iter().rfind(|held| held.reason == Reason::TakeProfit).copied() else { return };
        // A soft leg that does not rest waits at its target; it is the market that came to it.
        let soft = position.leg_rests(to - 1, &terms);
        let bounds = terms.plan.exit_bounds(Reason::TakeProfit);
        let worst = bounds.worst_price(position.side(), last.price);
        // Coins that a stop should cover do not wait at a target: it takes what is there, now.
        let is_covered = terms.plan.bracket.is_some() && terms.instrument.kind == MarketKind::Spot;
        let kind = if soft && is_covered {
            OrderKind::ImmediateLimit(last.level)
        } else if soft {
            OrderKind::RestingLimit(last.level)
        } else {
            self.kind(slot, ExitStyle::Market, last.price, worst)
        };
        let (episode, instrument) = (position.episode, position.episode.key.instrument);
        let apart = self.apart(slot, from, &held, (last, qty), fill == ProbeFill::Level && !soft);
        let position = &mut self.engine.positions[slot as usize];
        position.exits = position.exits.saturating_add(1);
        for leg in from..to {
            position.legs_out |= if planted(34) { 0 } else { 1 << leg };
        }
        let decided = ExitDecided {
            episode,
            exit: position.exits,
            reason: Reason::TakeProfit,
            source: Reason::TakeProfit.source(),
            exit_type: if kind == OrderKind::Market { ExitType::Market } else { ExitType::Limit },
            leg: last.leg,
            origin: None,
            qty,
            trigger: last.level,
            price: last.price,
            best,
            held,
        };
        let exit = position.exits;
        if let Some(after) = bounds.expires_after {
            self.timers.insert((step.now.after(after), TimerFor::Expire(episode, exit)));
        }
        self.note(step, instrument, Record::ExitDecided(Box::new(decided)));
        let mut taken = (1_u8 << from) - 1;
        for (leg, qty, trigger) in apart {
            let through = (1_u8 << leg) - 1;
            let legs = through & !taken;
            taken = through;
            let id = self.new_part(slot, exit, leg);
            let order = ExitOrder { id, qty, kind, trigger, reason: Reason::TakeProfit };
            self.submit(step, slot, order, Extent::Legs(legs));
        }
    }

    /// The id of an order for a part. Of an exit whose number is used up the tries go on counting.
    fn new_part(&self, slot: Slot, exit: u16, leg: u8) -> OrderId {
        let position = &self.engine.positions[slot as usize];
        let same = self
            .orders
            .list(position.first_order)
            .filter(|(_, order)| (order.exit, order.leg) == (exit, leg));
        let (slice, attempt) = next_try(same.map(|(_, order)| (order.slice, order.attempt)).max());
        OrderId { episode: position.episode, exit, leg, slice, attempt }
    }

    /// Somebody closes a part of a position by hand, now, at the market.
    pub(super) fn close_part(&mut self, step: &mut Step<'_>, slot: Slot, qty: Qty) {
        let best = self.engine.terms(slot).best;
        let position = &mut self.engine.positions[slot as usize];
        let (episode, instrument) = (position.episode, position.episode.key.instrument);
        position.exits = position.exits.saturating_add(1);
        let (exit, side, entry) = (position.exits, position.side(), position.entry().rounded());
        let cell = self.engine.market(instrument).cells.quote(side);
        let price = self.engine.last_price(cell).unwrap_or(entry);
        let reason = Reason::Manual;
        let decided = ExitDecided {
            episode,
            exit,
            reason,
            source: reason.source(),
            exit_type: ExitType::Market,
            leg: 0,
            origin: None,
            qty,
            trigger: price,
            price,
            best,
            held: Vec::new(),
        };
        self.note(step, instrument, Record::ExitDecided(Box::new(decided)));
        let id = self.new_part(slot, exit, 0);
        let order = ExitOrder { id, qty, kind: OrderKind::Market, trigger: price, reason };
        self.submit(step, slot, order, Extent::Legs(0));
    }

    /// Soft legs that are not out rest at the venue from now on.
    pub(super) fn place_soft_legs(&mut self, step: &mut Step<'_>, slot: Slot) {
        let terms = self.engine.terms(slot);
        let position = &self.engine.positions[slot as usize];
        if position.phase != Phase::Open
            || !position.soft_legs_missing(&terms)
            || !position.may_choose(&terms)
        {
            return;
        }
        // Coins that a stop at the venue locks cannot be offered besides.
        if terms.plan.bracket.is_some() && terms.instrument.kind == MarketKind::Spot && !planted(66) {
            return;
        }
        // What waits for coins goes first.
        if self.orders.waiting.of(position.episode).next().is_some() {
            return;
        }
        let Some(ladder) = position.ladder(&terms) else { return };
        let (episode, mut left, mut from) = (position.episode, self.to_offer(slot), 0);
        let mut orders: [Option<(u8, ExitOrder)>; crate::plan::ladder::LEGS_MAX] = Default::default();
        for (index, order) in orders.iter_mut().enumerate().take(ladder.legs.len()) {
            let bit = 1_u8 << index;
            if position.legs_done & bit != 0 {
                from = index + 1;
                continue;
            }
            // A leg that rounds to nothing is closed with the next.
            let qty = ladder.qty(from, index + 1, left, position.initial, terms.instrument);
            if qty.0 == 0 {
                continue;
            }
            let legs = (1_u8 << (index + 1)) - (1 << from);
            left = Qty(left.0 - qty.0);
            from = index + 1;
            if position.legs_out & bit != 0 {
                continue;
            }
            let (Some(target), true) = (position.leg_level(index, &terms), position.leg_rests(index, &terms))
            else {
                continue;
            };
            let leg = u8::try_from(index + 1).expect("a ladder has at most four legs");
            let earlier = self.orders.list(position.first_order);
            let same = earlier.filter(|(_, order)| (order.exit, order.leg) == (0, leg));
            let newest = same.map(|(_, order)| (order.slice, order.attempt)).max();
            let (slice, attempt) = next_try(newest);
            let id = OrderId { episode, exit: 0, leg, slice, attempt };
            let target = if planted(142) { Price(target.0 + target.0 / 500) } else { target };
            let kind = OrderKind::RestingLimit(target);
            *order = Some((legs, ExitOrder { id, qty, kind, trigger: target, reason: Reason::TakeProfit }));
        }
        for (legs, order) in orders.into_iter().flatten() {
            if self.waits_until(step, slot).is_some() {
                return;
            }
            self.engine.positions[slot as usize].legs_out |= legs;
            self.submit(step, slot, order, Extent::Legs(legs));
        }
    }

    /// Leg, quantity and level of each order that closes the legs which were reached: one for all, or,
    /// when the price moved through their targets one after the other, one for each.
    fn apart(
        &self,
        slot: Slot,
        from: usize,
        held: &[Held],
        (last, qty): (Held, Qty),
        one_by_one: bool,
    ) -> Vec<(u8, Qty, Price)> {
        if !one_by_one {
            return vec![(last.leg, qty, last.level)];
        }
        let position = &self.engine.positions[slot as usize];
        let terms = self.terms(slot);
        let mut before = Qty(0);
        let legs = held.iter().filter(|held| held.reason == Reason::TakeProfit);
        legs.filter_map(|leg| {
            let through = position.legs_qty(from, usize::from(leg.leg), &terms);
            let part = Qty(through.0 - before.0);
            before = before.max(through);
            (part.0 > 0).then_some((leg.leg, part, leg.level))
        })
        .collect()
    }
}
