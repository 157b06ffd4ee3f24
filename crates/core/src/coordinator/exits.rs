//! Exits: a decision becomes orders, and stays an obligation until the position is flat.

use super::{Coordinator, Kinds, Record, Step, TimerFor};
use crate::event::{Action, AlarmKind, Concluded, ExitDecided, Held, Probe};
use crate::gate::{Exposure, approve};
use crate::id::{EpisodeId, OrderId};
use crate::num::{Price, Qty, Round};
use crate::order::{CancelState, ExitOrder, OrderKind, OrderState};
use crate::orders::Extent;
use crate::plan::{ExitStyle, Rule};
use crate::position::{Phase, level, price, tighter};
use crate::reason::{ExitType, Reason, StopOrigin};
use crate::time::Span;
use crate::watch::Slot;

/// A refused exit is tried again after this long, then after twice, three times as long, ..
const RETRY_AFTER: Span = Span::from_millis(250);
/// .. but never later than this.
const RETRY_AFTER_MAX: Span = Span::from_secs(5);
/// From this many refusals on somebody is alarmed; trying goes on.
const REFUSALS_ALARM: u16 = 3;
/// A ladder leg that was refused is looked at again after this long.
const LEG_RETRY_AFTER: Span = Span::from_secs(1);

impl Coordinator {
    /// A rule closes the whole position, or pushes a close that is under way.
    pub(super) fn close_by_rule(&mut self, step: &mut Step<'_>, slot: Slot, rule: Rule, held: Vec<Held>) {
        if self.engine.positions[slot as usize].phase == Phase::Closing {
            // One that was refused keeps to its growing delay, however many prices pass.
            if self.close_is_working(slot) {
                let episode = self.engine.positions[slot as usize].episode;
                self.push_to_market(step, slot, episode);
            }
            return;
        }
        let acts = held.iter().find(|held| held.reason == rule.reason());
        let acts = *acts.expect("the rule that acts is among those that held");
        self.close(step, slot, rule.reason(), acts.level, acts.price, held);
    }

    /// Decides a full close. Deciding it again only makes it more urgent.
    pub(super) fn close(
        &mut self,
        step: &mut Step<'_>,
        slot: Slot,
        reason: Reason,
        trigger: Price,
        seen: Price,
        held: Vec<Held>,
    ) {
        let best = self.engine.terms(slot).best;
        let position = &mut self.engine.positions[slot as usize];
        let (episode, instrument) = (position.episode, position.episode.key.instrument);
        if position.phase == Phase::Closing {
            self.push_to_market(step, slot, episode);
            return;
        }
        position.exits += 1;
        position.phase = Phase::Closing;
        position.closing = Some(reason);
        let (exit, open, origin) = (position.exits, position.open, position.stop_origin);
        let plan = &self.engine.plans[position.plan.0 as usize].plan;
        let (style, bounds) = (plan.exit_style(reason), plan.exit_bounds(reason));
        let worst = bounds.worst_price(position.side(), seen);
        let is_market = style == ExitStyle::Market && worst.is_none();
        let decided = ExitDecided {
            episode,
            exit,
            reason,
            source: reason.source(),
            exit_type: if is_market { ExitType::Market } else { ExitType::Limit },
            leg: 0,
            origin: (reason == Reason::StopLoss).then_some(origin),
            qty: open,
            trigger,
            price: seen,
            best,
            held,
        };
        self.note(step, instrument, Record::ExitDecided(Box::new(decided)));
        let kind = self.kind(slot, style, seen, worst);
        self.send_close(step, slot, kind, trigger);
        match style {
            ExitStyle::MarketableLimit { market_after, .. } if worst.is_none() => {
                self.timers.insert((step.now.after(market_after), TimerFor::Escalate(episode)));
            }
            ExitStyle::MarketableLimit { .. } | ExitStyle::Market => {}
        }
        if let Some(after) = bounds.expires_after {
            self.timers.insert((step.now.after(after), TimerFor::Expire(episode, exit)));
        }
        self.cancel_all_but(step, slot, |order| order.closes_all());
    }

    /// Legs `from..to` of the ladder were reached: one order closes them together.
    pub(super) fn fire_legs(
        &mut self,
        step: &mut Step<'_>,
        slot: Slot,
        from: usize,
        to: usize,
        held: Vec<Held>,
    ) {
        let terms = self.engine.terms(slot);
        let position = &self.engine.positions[slot as usize];
        let (qty, best) = (position.legs_qty(from, to, &terms), terms.best);
        let Some(last) = held.iter().rfind(|held| held.reason == Reason::TakeProfit).copied() else { return };
        // A soft leg that does not rest waits at its target; it is the market that came to it.
        let soft = position.leg_rests(to - 1, &terms);
        let bounds = terms.plan.exit_bounds(Reason::TakeProfit);
        let worst = bounds.worst_price(position.side(), last.price);
        let kind = if soft {
            OrderKind::RestingLimit(last.level)
        } else {
            self.kind(slot, ExitStyle::Market, last.price, worst)
        };
        let (episode, instrument) = (position.episode, position.episode.key.instrument);
        let position = &mut self.engine.positions[slot as usize];
        position.exits += 1;
        for leg in from..to {
            position.legs_out |= 1 << leg;
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
        let id = OrderId { episode, exit: position.exits, leg: last.leg, slice: 0, attempt: 0 };
        if let Some(after) = bounds.expires_after {
            self.timers.insert((step.now.after(after), TimerFor::Expire(episode, id.exit)));
        }
        self.note(step, instrument, Record::ExitDecided(Box::new(decided)));
        let order = ExitOrder { id, qty, kind, trigger: last.level, reason: Reason::TakeProfit };
        self.submit(step, slot, order, Extent::Part);
    }

    /// Somebody closes a part of a position by hand, now, at the market.
    pub(super) fn close_part(&mut self, step: &mut Step<'_>, slot: Slot, qty: Qty) {
        let best = self.engine.terms(slot).best;
        let position = &mut self.engine.positions[slot as usize];
        let (episode, instrument) = (position.episode, position.episode.key.instrument);
        position.exits += 1;
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
        let id = OrderId { episode, exit, leg: 0, slice: 0, attempt: 0 };
        let order = ExitOrder { id, qty, kind: OrderKind::Market, trigger: price, reason };
        self.submit(step, slot, order, Extent::Part);
    }

    /// Soft legs that are not out rest at the venue from now on.
    pub(super) fn place_soft_legs(&mut self, step: &mut Step<'_>, slot: Slot) {
        let terms = self.engine.terms(slot);
        let position = &self.engine.positions[slot as usize];
        if position.phase != Phase::Open || !position.soft_legs_missing(&terms) {
            return;
        }
        let Some(ladder) = &terms.plan.ladder else { return };
        let (episode, mut left, mut from) = (position.episode, position.open, 0);
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
            let attempt = same.map(|(_, order)| order.attempt + 1).max().unwrap_or(0);
            let id = OrderId { episode, exit: 0, leg, slice: 0, attempt };
            let kind = OrderKind::RestingLimit(target);
            *order = Some((legs, ExitOrder { id, qty, kind, trigger: target, reason: Reason::TakeProfit }));
        }
        for (legs, order) in orders.into_iter().flatten() {
            self.engine.positions[slot as usize].legs_out |= legs;
            self.submit(step, slot, order, Extent::Part);
        }
    }

    /// The price activated the trailing stop.
    pub(super) fn activate_trailing(&mut self, step: &mut Step<'_>, slot: Slot) -> Kinds {
        let position = &self.engine.positions[slot as usize];
        let instrument = position.episode.key.instrument;
        let plan = &self.engine.plans[position.plan.0 as usize].plan;
        let cell = self.engine.market(instrument).cells.of_rule(Rule::TrailingStop, position.side(), plan);
        let Some(best) = self.engine.last_price(cell) else { return Kinds::NONE };
        // The event is written down first: what follows marks a moment after it.
        self.begin(step, instrument);
        self.begin_trailing(step, slot, best);
        let position = &self.engine.positions[slot as usize];
        let follows = Kinds::TRAIL.and(Kinds::gain(position.side()));
        // A stop that moves in steps is a fixed level besides.
        if position.trail_floor.is_some() { follows.and(Kinds::loss(position.side())) } else { follows }
    }

    /// A trailing stop that moves in steps makes one.
    pub(super) fn step_trailing(&mut self, step: &mut Step<'_>, slot: Slot, stop: Price) -> Kinds {
        let position = &mut self.engine.positions[slot as usize];
        let (episode, from) = (position.episode, price(position.trail_floor));
        position.trail_floor = level(stop);
        let record = Record::StopMoved { episode, from, to: stop, origin: StopOrigin::TrailingStep };
        self.note(step, episode.key.instrument, record);
        Kinds::ALL
    }

    /// What is held while a close is under way, and no order of it asks for, is asked for.
    pub(super) fn close_what_is_left(&mut self, step: &mut Step<'_>, slot: Slot) {
        if self.close_is_working(slot) {
            return;
        }
        let episode = self.engine.positions[slot as usize].episode;
        self.push_to_market(step, slot, episode);
    }

    /// A close that waits as a limit waited long enough.
    pub(super) fn on_escalate(&mut self, step: &mut Step<'_>, episode: EpisodeId) {
        if let Some(slot) = self.engine.slot(episode) {
            self.push_to_market(step, slot, episode);
        }
    }

    /// Sends a closing position to the market, unless it is there already.
    fn push_to_market(&mut self, step: &mut Step<'_>, slot: Slot, episode: EpisodeId) {
        let position = &self.engine.positions[slot as usize];
        if position.phase != Phase::Closing || position.episode != episode {
            return;
        }
        if self.is_at_market(slot) {
            return;
        }
        let trigger = self.last_close_trigger(slot);
        self.send_close(step, slot, OrderKind::Market, trigger);
        self.cancel_all_but(step, slot, |order| order.kind() == OrderKind::Market);
    }

    /// Whether a close at the market is under way.
    pub(super) fn is_at_market(&self, slot: Slot) -> bool {
        let first = self.engine.positions[slot as usize].first_order;
        self.orders.list(first).any(|(_, order)| {
            order.closes_all() && order.kind() == OrderKind::Market && !order.life().state.is_final()
        })
    }

    /// An exit order ended and left something open: what now?
    pub(super) fn after_end(&mut self, step: &mut Step<'_>, slot: Slot, index: u32) {
        let order = *self.orders.get(index);
        let position = &self.engine.positions[slot as usize];
        let (episode, phase) = (position.episode, position.phase);
        if phase == Phase::Open && order.closes_all() {
            // A close that was given up; the rules hold again.
            return;
        }
        if phase == Phase::Open && order.leg == 0 && order.life().filled.0 == 0 {
            let alarm = Record::Alarm { episode, what: AlarmKind::ExitRefused };
            self.note(step, episode.key.instrument, alarm);
            return;
        }
        if phase == Phase::Open && !order.closes_all() && order.life().filled.0 == 0 {
            self.timers.insert((step.now.after(LEG_RETRY_AFTER), TimerFor::Retry(episode)));
        }
        if phase != Phase::Closing || !order.closes_all() || self.close_is_working(slot) {
            return;
        }
        if self.has_worst_price(slot) && order.kind() != OrderKind::Market {
            self.conclude(step, slot, Concluded::PastWorst);
            return;
        }
        if order.life().state != OrderState::Refused {
            self.push_to_market(step, slot, episode);
            return;
        }
        let refusals = order.attempt + 1;
        if refusals == REFUSALS_ALARM {
            let alarm = Record::Alarm { episode, what: AlarmKind::ExitRefused };
            self.note(step, episode.key.instrument, alarm);
        }
        let wait = Span((RETRY_AFTER.0 * i64::from(refusals)).min(RETRY_AFTER_MAX.0));
        self.timers.insert((step.now.after(wait), TimerFor::Retry(episode)));
    }

    /// Tries again what was refused.
    pub(super) fn on_retry(&mut self, step: &mut Step<'_>, episode: EpisodeId) {
        let Some(slot) = self.engine.slot(episode) else { return };
        match self.engine.positions[slot as usize].phase {
            Phase::Closing if !self.close_is_working(slot) => self.push_to_market(step, slot, episode),
            Phase::Closing | Phase::Flat | Phase::Vacant => {}
            Phase::Open => {
                if !self.release_dead_legs(slot) {
                    return;
                }
                self.begin(step, episode.key.instrument);
                let changed = self.serve(step, slot, Probe::TICK, None);
                self.engine.rearm(slot, None, changed.and(Kinds::ALL));
                self.engine.restate_bands(episode.key.instrument);
            }
        }
    }

    /// Legs whose order ended without any fill are looked at again. Whether there are any.
    pub(super) fn release_dead_legs(&mut self, slot: Slot) -> bool {
        let position = &self.engine.positions[slot as usize];
        let mut claimed = position.legs_done;
        for (_, order) in self.orders.list(position.first_order) {
            if !order.closes_all() && (!order.life().state.is_final() || order.life().filled.0 > 0) {
                claimed |= self.leg_bits(slot, order.leg);
            }
        }
        let position = &mut self.engine.positions[slot as usize];
        let released = position.legs_out & !claimed != 0;
        position.legs_out &= claimed;
        released
    }

    /// The legs that an order for leg `leg` stands for: it, and earlier ones that were merged into it.
    pub(super) fn leg_bits(&self, slot: Slot, leg: u8) -> u8 {
        let position = &self.engine.positions[slot as usize];
        let resting = self.orders.list(position.first_order).filter(|(_, order)| order.leg != leg);
        let others = resting.fold(0_u8, |bits, (_, order)| bits | (1_u8 << order.leg >> 1));
        let through = (1_u8 << leg) - 1;
        position.legs_out & through & !others
    }

    fn close_is_working(&self, slot: Slot) -> bool {
        let first = self.engine.positions[slot as usize].first_order;
        self.orders.list(first).any(|(_, order)| order.closes_all() && !order.life().state.is_final())
    }

    fn last_close_trigger(&self, slot: Slot) -> Price {
        let position = &self.engine.positions[slot as usize];
        let close = self.orders.list(position.first_order).find(|(_, order)| order.closes_all());
        close.map_or_else(|| position.entry().rounded(), |(_, order)| order.trigger)
    }

    /// Sends an order for everything that is open, under the exit that was decided.
    fn send_close(&mut self, step: &mut Step<'_>, slot: Slot, kind: OrderKind, trigger: Price) {
        let position = &self.engine.positions[slot as usize];
        let (episode, exit) = (position.episode, position.exits);
        let Some(reason) = position.closing else { return };
        let tries = self.orders.list(position.first_order).filter(|(_, order)| order.exit == exit);
        let attempt = tries.map(|(_, order)| order.attempt + 1).max().unwrap_or(0);
        let qty = self.engine.market(episode.key.instrument).instrument.closable(position.open);
        if qty.0 == 0 {
            self.end_as_dust(step, slot);
            return;
        }
        let id = OrderId { episode, exit, leg: 0, slice: 0, attempt };
        self.submit(step, slot, ExitOrder { id, qty, kind, trigger, reason }, Extent::All);
    }

    /// Passes an order through the gate, writes it down and hands it out.
    fn submit(&mut self, step: &mut Step<'_>, slot: Slot, order: ExitOrder, extent: Extent) {
        let position = &self.engine.positions[slot as usize];
        let (episode, instrument) = (position.episode, position.episode.key.instrument);
        // Every order of ours is reduce-only: the venue caps them together, so none of them is deducted here.
        let exposure = Exposure { episode, open: position.open, uncapped_claims: Qty(0) };
        match approve(order, &exposure) {
            Ok(approved) => {
                let first = position.first_order;
                self.note(step, instrument, Record::OrderIntended(Box::new(order)));
                let first = self.orders.add(first, &order, extent);
                self.engine.positions[slot as usize].first_order = first;
                step.out.actions.push(Action::Submit(approved));
            }
            Err(why) => {
                self.note(step, instrument, Record::GateBlocked { id: order.id, why });
                self.note(step, instrument, Record::Alarm { episode, what: AlarmKind::ExitRefused });
            }
        }
    }

    /// Asks the venue to take away every living order that `keeps` does not keep.
    pub(super) fn cancel_all_but(
        &mut self,
        step: &mut Step<'_>,
        slot: Slot,
        keeps: impl Fn(&crate::orders::Order) -> bool,
    ) {
        let position = &self.engine.positions[slot as usize];
        let living: Vec<u32> = self
            .orders
            .list(position.first_order)
            .filter(|(_, order)| {
                !keeps(order) && !order.life().state.is_final() && order.life().cancel == CancelState::None
            })
            .map(|(index, _)| index)
            .collect();
        let episode = position.episode;
        for index in living {
            let order = self.orders.get_mut(index);
            order.cancel_sent();
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

    /// How an exit meets the market; never beyond `worst`.
    fn kind(&self, slot: Slot, style: ExitStyle, seen: Price, worst: Option<Price>) -> OrderKind {
        let side = self.engine.positions[slot as usize].side();
        match style {
            ExitStyle::Market => worst.map_or(OrderKind::Market, |worst| self.limit_within(slot, worst)),
            ExitStyle::MarketableLimit { offset, .. } => {
                let position = &self.engine.positions[slot as usize];
                let instrument = &self.engine.market(position.episode.key.instrument).instrument;
                let sign = position.side().sign();
                let limit = Price(seen.0 - sign * offset.of(seen.0, Round::Up));
                // The limit may be worse than asked by the tick's rounding, never so that it does not cross.
                let outward = if sign > 0 { Round::Down } else { Round::Up };
                let limit = instrument.round_to_tick(limit, outward);
                match worst {
                    Some(worst) if tighter(side, worst, limit) != limit => self.limit_within(slot, worst),
                    Some(_) | None => OrderKind::MarketableLimit(limit),
                }
            }
        }
    }

    /// A limit at the worst price that is accepted, on the tick grid.
    fn limit_within(&self, slot: Slot, worst: Price) -> OrderKind {
        let position = &self.engine.positions[slot as usize];
        let instrument = &self.engine.market(position.episode.key.instrument).instrument;
        let inward = if position.side().sign() > 0 { Round::Up } else { Round::Down };
        OrderKind::MarketableLimit(instrument.round_to_tick(worst, inward))
    }
}
