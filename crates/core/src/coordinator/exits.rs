//! Exits: a decision becomes orders, and stays an obligation until the position is flat.

use super::inquiry::LOST_MAX;
use super::{Coordinator, Kinds, Record, Step, TimerFor};
use crate::event::{Action, AlarmKind, Concluded, ExitDecided, Held, Probe};
use crate::gate::{Exposure, approve};
use crate::id::{EpisodeId, OrderId};
use crate::num::{Price, Qty, Ratio, Round};
use crate::order::{CancelState, ExitOrder, OrderKind, OrderState};
use crate::orders::{Extent, Order};
use crate::plan::{ExitStyle, Rule};
use crate::planted::planted;
use crate::position::{EXITS_FOR_PATIENT, Phase, at_loss, level, price};
use crate::reason::{ExitType, Reason, StopOrigin};
use crate::time::Span;
use crate::watch::Slot;

/// A refused exit is tried again after this long, then after twice, three times as long, ..
const RETRY_AFTER: Span = Span::from_millis(250);
/// .. but never later than this.
const RETRY_AFTER_MAX: Span = Span::from_secs(5);
/// From this many refusals on somebody is alarmed; trying goes on.
const REFUSALS_ALARM: u16 = 3;
/// Times that an exit which the venue took away is sent again without a pause.
const TRIES_AT_ONCE: u16 = 3;
/// A ladder leg that was refused is looked at again after this long.
const LEG_RETRY_AFTER: Span = Span::from_secs(1);
/// .. each time twice as long, so often.
const LEG_RETRY_DOUBLES: u32 = 5;
/// .. which comes to this at most.
pub(super) const LEG_WAIT_MAX: Span = Span(LEG_RETRY_AFTER.0 << LEG_RETRY_DOUBLES);
/// An exit is done within this; if not, somebody must look.
const HANGS_AFTER: Span = Span::from_secs(10);
/// .. and is told again this often.
pub(super) const HANGS_AGAIN_AFTER: Span = Span::from_secs(60);
/// A cancel without an answer is asked for again after this long.
const CANCEL_AGAIN_AFTER: Span = Span::from_secs(5);
/// A ladder leg that took too long is looked at again after this long.
const LEG_AGAIN_AFTER: Span = Span::from_secs(10);
/// How far a close that walks is from the price at first, in basis points; each step doubles it.
const WALK_BPS: i64 = 10;
/// Its last step, 12.8 %.
const WALK_STEPS: u8 = 7;
/// Ended orders of a position that are remembered, for fills that come late.
const ENDED_KEPT: usize = 16;

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
    /// however many prices pass.
    pub(super) fn may_close(&self, slot: Slot) -> bool {
        let is_closing = self.engine.positions[slot as usize].phase == Phase::Closing;
        let goes_on = self.close_is_alive(slot) && !self.waits_to_retry(slot);
        !is_closing || self.worst_limit(slot).is_some() || goes_on
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
        if position.phase == Phase::Closing {
            if self.is_at_market(slot) {
                return;
            }
            // Only a person sends one more where so many are lost sight of already.
            let is_person = matches!(reason, Reason::PanicClose | Reason::Manual);
            if !is_person && !planted(22) && self.lost(slot, Order::closes_all) > LOST_MAX {
                return;
            }
            self.overtake(step, slot);
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

    /// An exit order ended and left something open: what now?
    pub(super) fn after_end(&mut self, step: &mut Step<'_>, slot: Slot, index: u32) {
        let order = *self.orders.get(index);
        let position = &self.engine.positions[slot as usize];
        let (episode, phase, exits) = (position.episode, position.phase, position.exits);
        if phase == Phase::Open && order.closes_all() {
            // A close that was given up; the rules hold again.
            return;
        }
        if phase == Phase::Open && order.leg == 0 && order.is_part() && order.life().filled.0 == 0 {
            let alarm = Record::Alarm { episode, what: AlarmKind::ExitRefused };
            self.note(step, episode.key.instrument, alarm);
            return;
        }
        if phase == Phase::Open && order.is_part() && order.life().filled.0 == 0 {
            if exits > EXITS_FOR_PATIENT {
                let alarm = Record::Alarm { episode, what: AlarmKind::ExitRefused };
                self.note(step, episode.key.instrument, alarm);
                return;
            }
            let took_too_long = order.life().cancel != CancelState::None;
            let wait = if took_too_long { LEG_AGAIN_AFTER } else { self.leg_wait(slot, &order) };
            // All legs are tried again together: the one that waits longest says when.
            let pending = self.rings_at(step.now, LEG_WAIT_MAX, TimerFor::Retry(episode));
            let is_later = pending.is_none_or(|at| at < step.now.after(wait));
            if is_later && !planted(32) {
                self.set_anew(step.now, wait, TimerFor::Retry(episode));
            }
        }
        if phase != Phase::Closing || !order.closes_all() || self.close_is_working(slot) {
            return;
        }
        if self.is_past_worst(slot) {
            self.conclude(step, slot, Concluded::PastWorst);
            return;
        }
        let refusals = self.refusals(slot, order.exit);
        if refusals == REFUSALS_ALARM {
            let alarm = Record::Alarm { episode, what: AlarmKind::ExitRefused };
            self.note(step, episode.key.instrument, alarm);
        }
        if planted(14) && refusals >= REFUSALS_ALARM {
            return;
        }
        let walks = self.engine.standing.walks(episode);
        if planted(18) && walks.is_some() {
            return;
        }
        let is_first = walks == Some(0) && order.kind() == OrderKind::Market;
        let was_taken_away = order.life().state != OrderState::Refused && walks.is_none();
        if is_first || (was_taken_away && order.attempt < TRIES_AT_ONCE) {
            self.push_to_market(step, slot, episode);
            return;
        }
        if walks.is_some_and(|walked| walked < WALK_STEPS) {
            self.set_anew(step.now, RETRY_AFTER, TimerFor::Retry(episode));
            return;
        }
        let wait = Span((RETRY_AFTER.0 * i64::from(refusals.max(1))).min(RETRY_AFTER_MAX.0));
        let wait = if planted(13) { Span::from_millis(20) } else { wait };
        self.set_anew(step.now, wait, TimerFor::Retry(episode));
    }

    /// How long a leg that was refused waits: on spot its next try takes the stop away first.
    fn leg_wait(&self, slot: Slot, order: &Order) -> Span {
        let first = self.engine.positions[slot as usize].first_order;
        let refused = self.orders.list(first).filter(|(_, other)| {
            let is_vain = matches!(other.life().state, OrderState::Refused | OrderState::Expired);
            other.legs() & order.legs() != 0 && is_vain && other.life().filled.0 == 0
        });
        let doubles = u32::try_from(refused.count()).unwrap_or(u32::MAX).saturating_sub(1);
        Span(LEG_RETRY_AFTER.0 << doubles.min(LEG_RETRY_DOUBLES))
    }

    /// An exit should be done by now: what the venue has of it is asked about, and somebody is told.
    pub(super) fn on_hangs(&mut self, step: &mut Step<'_>, episode: EpisodeId) {
        let Some(slot) = self.engine.slot(episode) else { return };
        if self.engine.positions[slot as usize].phase != Phase::Closing {
            return;
        }
        if !planted(110) {
            self.timers.insert((step.now.after(HANGS_AGAIN_AFTER), TimerFor::Hangs(episode)));
        }
        // Where nothing is sent that is told already; one with a worst price may wait at it.
        if self.is_silent(episode.key.account) || self.worst_limit(slot).is_some() {
            return;
        }
        let alarm = Record::Alarm { episode, what: AlarmKind::ExitHangs };
        self.note(step, episode.key.instrument, alarm);
        let is_there = |order: &Order| {
            let state = order.life().state;
            order.closes_all() && matches!(state, OrderState::Working | OrderState::PartFilled)
        };
        let first = self.engine.positions[slot as usize].first_order;
        let there = self.orders.list(first).filter(|(_, order)| is_there(order));
        let there: Vec<OrderId> = there.map(|(_, order)| order.named(episode).id).collect();
        for id in there {
            self.inquire(step, id);
        }
    }

    /// How often the venue refused the orders of an exit, or took them away without filling them.
    fn refusals(&self, slot: Slot, exit: u16) -> u16 {
        let first = self.engine.positions[slot as usize].first_order;
        let ended = self.orders.list(first).filter(|(_, order)| {
            let life = order.life();
            order.exit == exit && life.state.is_final() && life.filled.0 == 0
        });
        u16::try_from(ended.count()).unwrap_or(u16::MAX)
    }

    /// Tries again what was refused.
    pub(super) fn on_retry(&mut self, step: &mut Step<'_>, episode: EpisodeId) {
        let Some(slot) = self.engine.slot(episode) else { return };
        match self.engine.positions[slot as usize].phase {
            Phase::Closing if !self.close_is_working(slot) && !planted(31) => {
                self.push_to_market(step, slot, episode);
                // The new order has a worst price to be watched again.
                self.rearm(slot, None, Kinds::ALL);
                self.engine.restate_bands(episode.key.instrument);
            }
            Phase::Closing | Phase::Flat | Phase::Vacant => {}
            Phase::Open => {
                if !self.release_dead_legs(slot) {
                    return;
                }
                self.begin(step, episode.key.instrument);
                let changed = self.serve(step, slot, Probe::TICK, None);
                self.rearm(slot, None, changed.and(Kinds::ALL));
                self.engine.restate_bands(episode.key.instrument);
            }
        }
    }

    /// Legs whose order ended without any fill are looked at again. Whether there are any.
    pub(super) fn release_dead_legs(&mut self, slot: Slot) -> bool {
        let position = &self.engine.positions[slot as usize];
        let mut claimed = position.legs_done | self.orders.waiting.legs(position.episode);
        for (_, order) in self.orders.list(position.first_order) {
            if order.is_part()
                && (!order.life().state.is_final() || (order.life().filled.0 > 0 && !planted(33)))
            {
                claimed |= order.legs();
            }
        }
        let position = &mut self.engine.positions[slot as usize];
        let released = position.legs_out & !claimed != 0;
        position.legs_out &= claimed;
        released
    }

    fn close_is_working(&self, slot: Slot) -> bool {
        let position = &self.engine.positions[slot as usize];
        self.orders.waiting.close(position.episode).is_some()
            || self.orders.list(position.first_order).any(|(_, order)| {
                let life = order.life();
                // What we took back, or never heard of again, gets nobody out.
                let counts = life.cancel == CancelState::None && life.state != OrderState::Unknown;
                order.closes_all() && !life.state.is_final() && counts
            })
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

    /// Sends an order, once the coins that it sells are free, in slices where the venue limits its size.
    pub(super) fn submit(&mut self, step: &mut Step<'_>, slot: Slot, order: ExitOrder, extent: Extent) {
        let key = order.id.episode.key;
        if !self.is_silent(key.account) && self.holds_back(step, slot, &order, extent) {
            return;
        }
        if !self.is_silent(key.account) {
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
        let is_silent = self.is_silent(episode.key.account);
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
            }
            Err(why) => {
                self.note(step, instrument, Record::GateBlocked { id: order.id, why });
                self.note(step, instrument, Record::Alarm { episode, what: AlarmKind::ExitRefused });
            }
        }
    }

    /// Asks the venue to take away every living order that `keeps` does not keep.
    pub(super) fn cancel_all_but(&mut self, step: &mut Step<'_>, slot: Slot, keeps: impl Fn(&Order) -> bool) {
        let position = &self.engine.positions[slot as usize];
        if self.is_silent(position.episode.key.account) && !planted(88) {
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
    pub(super) fn await_cancel(&mut self, step: &Step<'_>, episode: EpisodeId) {
        self.set_anew(step.now, CANCEL_AGAIN_AFTER, TimerFor::Cancel(episode));
    }

    /// Cancels without an answer are asked for again, and what became of their orders.
    pub(super) fn on_cancel_unanswered(&mut self, step: &mut Step<'_>, episode: EpisodeId) {
        let Some(slot) = self.engine.slot(episode) else { return };
        let first = self.engine.positions[slot as usize].first_order;
        let waits = |order: &Order| {
            let life = order.life();
            !life.state.is_final() && life.cancel == CancelState::Sent
        };
        let unanswered: Vec<OrderId> = self
            .orders
            .list(first)
            .filter(|(_, order)| waits(order))
            .map(|(_, order)| order.named(episode).id)
            .collect();
        if unanswered.is_empty() || planted(30) {
            return;
        }
        self.begin(step, episode.key.instrument);
        if self.is_silent(episode.key.account) {
            self.await_cancel(step, episode);
            return;
        }
        step.out.actions.extend(unanswered.iter().copied().map(Action::Cancel));
        self.await_cancel(step, episode);
        for id in unanswered {
            self.inquire(step, id);
        }
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
