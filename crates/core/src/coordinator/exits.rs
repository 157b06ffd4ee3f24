//! Exits: a decision becomes orders, and stays an obligation until the position is flat.

mod again;
mod send;

pub(super) use again::{HANGS_AGAIN_AFTER, LEG_WAIT_MAX};

use super::inquiry::LOST_MAX;
use super::{Coordinator, Kinds, Record, Step, TimerFor};
use crate::event::{Concluded, ExitDecided, Held};
use crate::id::{EpisodeId, OrderId};
use crate::num::{Price, Ratio, Round};
use crate::order::{ExitOrder, OrderKind, OrderState};
use crate::orders::{Extent, Order};
use crate::plan::{ExitStyle, Rule};
use crate::planted::planted;
use crate::position::{Phase, at_loss, level, price};
use crate::reason::{ExitType, Reason, StopOrigin};
use crate::time::Span;
use crate::watch::Slot;

/// A refused exit is tried again after this long, then after twice, three times as long.
const RETRY_AFTER: Span = Span::from_millis(250);
/// An exit is done within this; if not, somebody must look.
pub(super) const HANGS_AFTER: Span = Span::from_secs(10);
/// How far a close that walks is from the price at first, in basis points; each step doubles it.
const WALK_BPS: i64 = 10;
/// Its last step, 12.8 %.
const WALK_STEPS: u8 = 7;
/// Ended orders of a position that are remembered, for fills that come late.
const ENDED_KEPT: usize = 16;

/// How strong the reason of an exit is, the strongest first: a person's word, a stop that failed, the rules by rank.
fn rank(reason: Reason) -> usize {
    match reason {
        Reason::PanicClose | Reason::Manual => 0,
        Reason::ProtectionFailed => 1,
        _ => 2 + Rule::ALL.iter().take_while(|rule| rule.reason() != reason).count(),
    }
}

impl Coordinator {
    /// A rule closes the whole position, or pushes a close that is under way.
    pub(super) fn close_by_rule(&mut self, step: &mut Step<'_>, slot: Slot, rule: Rule, held: Vec<Held>) {
        if !self.may_close(slot) {
            return;
        }
        let acts = held.iter().find(|held| held.reason == rule.reason());
        let acts = *acts.expect("the rule that acts is among those that held");
        let reason = if planted(126) { Reason::Manual } else { rule.reason() };
        self.close(step, slot, reason, acts.level, acts.price, held);
    }

    /// Whether a rule may close a position now. A close that was refused keeps to its growing delay,
    /// however many prices pass; one of choice that nothing is sent for gives way.
    pub(super) fn may_close(&self, slot: Slot) -> bool {
        let position = &self.engine.positions[slot as usize];
        let is_choice = position.closing.is_some_and(Reason::is_choice);
        let is_alive = self.close_is_alive(slot);
        let goes_on = if is_alive { !self.waits_to_retry(slot) } else { is_choice };
        position.phase != Phase::Closing || self.worst_limit(slot).is_some() || goes_on
    }

    /// Whether the last order of a close was refused at the market: its next try has its time, even where
    /// an earlier one is lost sight of.
    fn waits_to_retry(&self, slot: Slot) -> bool {
        let first = self.engine.positions[slot as usize].first_order;
        let newest = self.orders.list(first).find(|(_, order)| order.closes_all());
        newest.is_some_and(|(_, order)| order.is_urgent() && order.life().state == OrderState::Refused)
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
        let position = &self.engine.positions[slot as usize];
        let (episode, instrument) = (position.episode, position.episode.key.instrument);
        if position.phase == Phase::Closing && !self.takes_over(step, slot, reason) {
            return;
        }
        let position = &mut self.engine.positions[slot as usize];
        // Of an exit whose number is used up the tries go on counting.
        position.exits = position.exits.saturating_add(1);
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
            price: if planted(116) { trigger } else { seen },
            best,
            held,
        };
        self.note(step, instrument, Record::ExitDecided(Box::new(decided)));
        self.set_anew(step.now, HANGS_AFTER, TimerFor::Hangs(episode));
        let kind = self.kind(slot, style, seen, worst);
        self.send_close(step, slot, kind, trigger);
        match style {
            ExitStyle::MarketableLimit { .. } if planted(17) => {}
            ExitStyle::MarketableLimit { market_after, .. } if worst.is_none() => {
                self.timers.insert((step.now.after(market_after), TimerFor::Escalate(episode, exit)));
            }
            ExitStyle::MarketableLimit { .. } | ExitStyle::Market => {}
        }
        if let Some(after) = bounds.expires_after {
            self.timers.insert((step.now.after(after), TimerFor::Expire(episode, exit)));
        }
        // The bracket stays until the position is flat: should the close fail, it is what is left.
        self.cancel_all_but(step, slot, |order| {
            (order.protects() && !planted(23)) || (order.closes_all() && order.exit == exit)
        });
    }

    /// Whether an exit takes the place of the close under way, which is given up then, or made more urgent else.
    fn takes_over(&mut self, step: &mut Step<'_>, slot: Slot, reason: Reason) -> bool {
        let episode = self.engine.positions[slot as usize].episode;
        if self.is_at_market(slot) {
            return false;
        }
        // Only a person sends one more where so many are lost sight of already.
        let is_person = matches!(reason, Reason::PanicClose | Reason::Manual);
        if !is_person && !planted(22) && self.lost(slot, Order::closes_all) > LOST_MAX {
            return false;
        }
        if !is_person && !self.gives_way(slot, reason) {
            // It is sold for the stronger reason, only more urgently; what waits for its coins is asked for then.
            if self.orders.waiting.close(episode).is_none() {
                self.push_to_market(step, slot, episode);
            }
            return false;
        }
        self.overtake(step, slot);
        true
    }

    /// Whether the close under way gives way to another: to a stronger one, and always where it has a worst price.
    fn gives_way(&self, slot: Slot, to: Reason) -> bool {
        let closing = self.engine.positions[slot as usize].closing;
        let is_stronger = closing.is_none_or(|before| rank(to) < rank(before));
        is_stronger || self.worst_limit(slot).is_some() || planted(130)
    }

    /// A close that waits gives way to one that does not.
    fn overtake(&mut self, step: &mut Step<'_>, slot: Slot) {
        let position = &mut self.engine.positions[slot as usize];
        let (episode, exit) = (position.episode, position.exits);
        let reason = position.closing.take();
        position.phase = Phase::Open;
        self.orders.waiting.drop_close(episode);
        let why = Concluded::Overtaken;
        self.note(step, episode.key.instrument, Record::ExitConcluded { episode, exit, why });
        if reason == Some(Reason::SignalExit) {
            self.engine.standing.consume_signal(episode);
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

    /// A close that is under way goes on as a new plan would send it.
    pub(super) fn close_as_planned(&mut self, step: &mut Step<'_>, slot: Slot) {
        let position = &self.engine.positions[slot as usize];
        let Some(reason) = position.closing else { return };
        let episode = position.episode;
        let exit = position.exits;
        let plan = &self.engine.plans[position.plan.0 as usize].plan;
        let (style, bounds) = (plan.exit_style(reason), plan.exit_bounds(reason));
        if let Some(after) = bounds.expires_after {
            self.timers.insert((step.now.after(after), TimerFor::Expire(episode, exit)));
        }
        match style {
            _ if bounds.worst.is_some() => {}
            ExitStyle::Market => self.push_to_market(step, slot, episode),
            ExitStyle::MarketableLimit { market_after, .. } => {
                self.timers.insert((step.now.after(market_after), TimerFor::Escalate(episode, exit)));
            }
        }
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
    pub(super) fn on_escalate(&mut self, step: &mut Step<'_>, episode: EpisodeId, exit: u16) {
        let Some(slot) = self.engine.slot(episode) else { return };
        // The clock of an exit that was given up is not that of the next one.
        if self.engine.positions[slot as usize].exits == exit {
            self.push_to_market(step, slot, episode);
        }
    }

    /// Sends a closing position to the market, unless it is there already.
    pub(super) fn push_to_market(&mut self, step: &mut Step<'_>, slot: Slot, episode: EpisodeId) {
        let position = &self.engine.positions[slot as usize];
        if position.phase != Phase::Closing || position.episode != episode {
            return;
        }
        // Where so many are lost sight of another would be too: what became of them is being asked.
        if self.is_at_market(slot) || (!planted(22) && self.lost(slot, Order::closes_all) > LOST_MAX) {
            return;
        }
        if self.is_past_worst(slot) {
            self.conclude(step, slot, Concluded::PastWorst);
            return;
        }
        if let Some(until) = self.close_waits_until(step, slot) {
            let exit = self.engine.positions[slot as usize].exits;
            let is_working = self.close_is_working(slot);
            let again = if is_working { TimerFor::Escalate(episode, exit) } else { TimerFor::Retry(episode) };
            self.timers.insert((until, again));
            return;
        }
        let trigger = self.last_close_trigger(slot);
        if let Some(limit) = self.worst_limit(slot) {
            // It never goes past its worst price, where it may wait already.
            if self.close_is_working(slot) {
                return;
            }
            self.send_close(step, slot, OrderKind::MarketableLimit(limit), trigger);
            return;
        }
        if self.engine.positions[slot as usize].closing == Some(Reason::PanicClose) {
            // Orders of others that came, or could not be cancelled, since panic was called.
            self.cancel_foreign(step, episode.key);
        }
        self.send_close(step, slot, OrderKind::Market, trigger);
        self.cancel_all_but(step, slot, |order| order.is_urgent() || order.protects());
    }

    /// Forgets what ended long ago without a fill.
    pub(super) fn forget_ended(&mut self, slot: Slot) {
        let position = &mut self.engine.positions[slot as usize];
        position.first_order = self.orders.forget_ended(position.first_order, ENDED_KEPT);
    }

    /// Whether a close at the market is under way.
    pub(super) fn is_at_market(&self, slot: Slot) -> bool {
        let position = &self.engine.positions[slot as usize];
        let waits = self.orders.waiting.close(position.episode).map(|order| order.kind);
        waits == Some(OrderKind::Market)
            || self.orders.list(position.first_order).any(|(_, order)| {
                // Of one that nobody has heard of again it is not known.
                let life = order.life();
                let counts = !life.state.is_final() && life.state != OrderState::Unknown;
                order.closes_all() && order.is_urgent() && counts
            })
    }

    /// Whether an order for everything may still be filled.
    fn close_is_alive(&self, slot: Slot) -> bool {
        let position = &self.engine.positions[slot as usize];
        let living = |order: &Order| order.closes_all() && !order.life().state.is_final();
        self.orders.waiting.close(position.episode).is_some()
            || self.orders.list(position.first_order).any(|(_, order)| living(order))
    }

    /// Sends an order for everything that is open, under the exit that was decided.
    fn send_close(&mut self, step: &mut Step<'_>, slot: Slot, kind: OrderKind, trigger: Price) {
        let position = &self.engine.positions[slot as usize];
        let (episode, exit) = (position.episode, position.exits);
        let Some(reason) = position.closing else { return };
        let tries = self.orders.list(position.first_order).filter(|(_, order)| order.exit == exit);
        let attempt = tries.map(|(_, order)| order.attempt.saturating_add(1)).max().unwrap_or(0);
        let attempt = if planted(12) { 0 } else { attempt };
        // A number of tries that is used up begins another exit for the same reason.
        let (exit, attempt) = if attempt == u16::MAX { (exit.saturating_add(1), 0) } else { (exit, attempt) };
        self.engine.positions[slot as usize].exits = exit;
        let position = &self.engine.positions[slot as usize];
        let open = if planted(11) { position.initial } else { position.open };
        let qty = self.engine.market(episode.key.instrument).instrument.closable(open);
        if qty.0 == 0 && planted(16) {
            self.set_anew(step.now, RETRY_AFTER, TimerFor::Retry(episode));
            return;
        }
        if qty.0 == 0 {
            self.end_as_dust(step, slot);
            return;
        }
        let id = OrderId { episode, exit, leg: 0, slice: 0, attempt };
        let kind = if kind == OrderKind::Market { self.market_or_walk(slot) } else { kind };
        self.submit(step, slot, ExitOrder { id, qty, kind, trigger, reason }, Extent::All);
    }

    /// At the market; or, where the venue refuses that, as a limit that walks away from the price, a
    /// step further each time, and takes what it meets.
    fn market_or_walk(&mut self, slot: Slot) -> OrderKind {
        let position = &self.engine.positions[slot as usize];
        let (episode, side, entry) = (position.episode, position.side(), position.entry().rounded());
        if planted(19) {
            return OrderKind::Market;
        }
        let Some(walked) = self.engine.standing.walk_on(episode, WALK_STEPS) else {
            return OrderKind::Market;
        };
        let market = self.engine.market(episode.key.instrument);
        let last = self.engine.last_price(market.cells.quote(side)).unwrap_or(entry);
        let offset = Ratio::from_bps(WALK_BPS << walked).of(last.0, Round::Up);
        let outward = if side.sign() > 0 { Round::Down } else { Round::Up };
        let limit = market.instrument.round_to_tick(
            Price(if planted(20) { last.0 + side.sign() * offset } else { last.0 - side.sign() * offset }),
            outward,
        );
        OrderKind::ImmediateLimit(limit.max(market.instrument.tick_size))
    }

    /// How an exit meets the market. One with a worst price is a limit there from the start: it takes
    /// what the market gives, and waits at the worst it accepts.
    pub(super) fn kind(&self, slot: Slot, style: ExitStyle, seen: Price, worst: Option<Price>) -> OrderKind {
        match (style, worst) {
            (_, Some(worst)) => self.limit_within(slot, worst),
            (ExitStyle::Market, None) => OrderKind::Market,
            (ExitStyle::MarketableLimit { offset, .. }, None) => {
                let position = &self.engine.positions[slot as usize];
                let instrument = &self.engine.market(position.episode.key.instrument).instrument;
                let sign = position.side().sign();
                let limit = Price(seen.0 - sign * offset.of(seen.0, Round::Up));
                // The limit may be worse than asked by the tick's rounding, never so that it does not cross.
                let outward = if sign > 0 { Round::Down } else { Round::Up };
                // A price next to nothing has a limit all the same.
                OrderKind::MarketableLimit(instrument.round_to_tick(limit, outward).max(instrument.tick_size))
            }
        }
    }

    /// The limit of the last order of a close that has a worst price.
    fn worst_limit(&self, slot: Slot) -> Option<Price> {
        let position = &self.engine.positions[slot as usize];
        let reason = position.closing?;
        self.engine.plans[position.plan.0 as usize].plan.exit_bounds(reason).worst?;
        let close = self.orders.list(position.first_order).find(|(_, order)| order.closes_all());
        close.and_then(|(_, order)| match order.kind() {
            OrderKind::MarketableLimit(limit) => Some(limit),
            OrderKind::Market
            | OrderKind::RestingLimit(_)
            | OrderKind::Stop(_)
            | OrderKind::ImmediateLimit(_)
            | OrderKind::MarkStop(_) => None,
        })
    }

    /// Whether the market is past the worst price of the close under way.
    fn is_past_worst(&self, slot: Slot) -> bool {
        let position = &self.engine.positions[slot as usize];
        let (side, instrument) = (position.side(), position.episode.key.instrument);
        let quote = self.engine.market(instrument).cells.quote(side);
        let (limit, last) = (self.worst_limit(slot), self.engine.last_price(quote));
        limit.zip(last).is_some_and(|(limit, last)| at_loss(side, last, Price(limit.0 - side.sign())))
    }

    /// A limit at the worst price that is accepted, on the tick grid.
    fn limit_within(&self, slot: Slot, worst: Price) -> OrderKind {
        let position = &self.engine.positions[slot as usize];
        let instrument = &self.engine.market(position.episode.key.instrument).instrument;
        let inward = if position.side().sign() > 0 { Round::Up } else { Round::Down };
        OrderKind::MarketableLimit(instrument.round_to_tick(worst, inward))
    }
}
