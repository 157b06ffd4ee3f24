//! Positions found at the venue are taken over; positions are let go and handed over again.
//!
//! Nobody asked for a position that is found, so nothing that held before is acted upon: stop, clock
//! and extremes begin at the price of the moment, and rules that hold already wait for a person.

use super::{Coordinator, Record, Step};
use crate::account::Holding;
use crate::coordinator::Kinds;
use crate::coordinator::commands::new_position;
use crate::event::{Action, Adopted, AlarmKind, CommandRefused, Found, Held, Opened, Opening, Probe};
use crate::id::{EpisodeId, PositionKey};
use crate::instrument::Side;
use crate::kill::KillLevel;
use crate::num::{Money, Price, Round};
use crate::order::CancelState;
use crate::orders::Order;
use crate::plan::{Average, LevelRule, Rule};
use crate::planted::planted;
use crate::position::{Phase, Position, at_gain, at_loss, level, price, tighter};
use crate::reason::{Reason, StopOrigin};
use crate::time::{Span, Timestamp};
use crate::watch::Slot;

/// A price of our own that is this much older than the read gives way to the read's mark price.
const PRICE_AGE_MAX: Span = Span::from_secs(10);

/// A price of our own that is off the venue's mark by more than this part of it is a mistake of somebody.
const OFF_MARK_PART: i128 = 10;

/// The first stop of a position that is taken over.
struct FirstStop {
    stop: Option<(Price, StopOrigin)>,
    /// The plan's own was out of reach.
    is_tightened: bool,
    misses_atr: bool,
}

impl Coordinator {
    /// Takes over a position that the venue holds and we do not know.
    pub(super) fn adopt(&mut self, step: &mut Step<'_>, holding: &Holding, found: Found) {
        let key = found.key;
        let plan = self.accounts.get(key.account).and_then(|account| account.managed(key.instrument));
        let Some(plan) = plan.map(|managed| managed.plan) else { return };
        let Some(seen) = self.price_now(key, holding, step.now) else { return };
        let Some(generation) = self.engine.next_generation(key) else { return };
        let episode = EpisodeId { key, generation };
        let entry = holding.entry.unwrap_or(seen);
        let opening = Opening { key, plan, qty: found.theirs, entry, entry_fees: Money::ZERO };
        let mut position = new_position(episode, &opening, step.now);
        let terms = &self.engine.plans[plan.0 as usize].plan;
        let is_other_leverage =
            terms.counts_with_leverage() && holding.leverage.is_some_and(|told| told != terms.leverage);
        let told = holding.liquidation_told(terms, position.entry());
        let first = self.first_stop(&position, seen, told);
        position.stop = first.stop.and_then(|(stop, _)| level(stop));
        position.stop_origin = first.stop.map_or(StopOrigin::Initial, |(_, origin)| origin);
        position.first_stop = position.stop;
        let stop = price(position.stop);
        let opened = Opened { episode, plan, qty: opening.qty, entry, entry_fees: Money::ZERO, stop };
        self.note(step, key.instrument, Record::Opened(Box::new(opened)));
        let held = self.hold_back(&position, seen);
        let adopted = Adopted {
            episode,
            seen,
            entry_known: holding.entry.is_some(),
            liquidation: holding.liquidation,
            held,
        };
        self.note(step, key.instrument, Record::Adopted(Box::new(adopted)));
        if let Some(account) = self.accounts.get_mut(key.account) {
            account.take_grant(key, opening.qty);
        }
        self.accounts.touch(key, step.now);
        if is_other_leverage {
            self.note(step, key.instrument, Record::Alarm { episode, what: AlarmKind::OtherLeverage });
        }
        self.begin_adopted(step, position, seen, &first);
    }

    /// Puts a position that is taken over in its place, and its protection at the venue.
    fn begin_adopted(&mut self, step: &mut Step<'_>, position: Position, seen: Price, first: &FirstStop) {
        let (key, plan) = (position.episode.key, position.plan);
        let entry = &self.engine.plans[plan.0 as usize];
        let (feed, trails) = (entry.feed, entry.plan.trailing.as_ref());
        let trails_at_once = trails.is_some_and(|rule| rule.activation.is_none());
        let is_bare = position.stop.is_none() && !trails_at_once;
        let slot = self.engine.insert(position);
        self.watch_silence(slot, step.now);
        if let Some(feed) = feed {
            self.engine.feeds[feed as usize].users.push(slot);
        }
        for (is_so, what) in [
            (is_bare, AlarmKind::NoProtection),
            (first.is_tightened, AlarmKind::StopTightened),
            (first.misses_atr, AlarmKind::AtrMissing),
        ] {
            if is_so {
                self.alarm(step, slot, what);
            }
        }
        if trails_at_once {
            self.begin_trailing(step, slot, seen);
        }
        self.start_time_limit(step, slot);
        self.place_soft_legs(step, slot);
        if !planted(67) {
            self.protect(step, slot);
        }
        if self.engine.standing.kill_level(key.account) == Some(KillLevel::Flatten) {
            self.close_by_command(step, slot, Reason::PanicClose);
        }
        // What a life before left at the venue goes.
        for earlier in self.engine.earlier_lives(key) {
            self.cancel_all_but(step, earlier, |_| false);
        }
        self.rearm_all(slot);
        self.engine.restate_bands(key.instrument);
    }

    /// The price of the moment: our own, or the venue's where that is newer, or what is known at all.
    pub(super) fn price_now(&self, key: PositionKey, holding: &Holding, until: Timestamp) -> Option<Price> {
        let managed = self.accounts.get(key.account)?.managed(key.instrument)?;
        let plan = &self.engine.plans[managed.plan.0 as usize].plan;
        let cell = self.engine.market(key.instrument).cells.of_rule(Rule::StopLoss, key.side, plan);
        let own = self.engine.last_price(cell);
        let at = Timestamp(self.engine.cells[cell.0 as usize].at);
        let can_be = |own: &Price| holding.mark.is_none_or(|mark| is_near(*own, mark));
        let fresh = own.filter(|own| at.after(PRICE_AGE_MAX) >= until && can_be(own));
        fresh.or(holding.mark).or(own).or(holding.entry)
    }

    /// The stop of the plan measured from the price of the moment, brought to where it can act: on the
    /// near side of liquidation, and not through the market.
    fn first_stop(&self, position: &Position, seen: Price, told: Option<Price>) -> FirstStop {
        let terms = self.engine.terms_of(position);
        let (side, rule, plan) = (position.side(), terms.level_rule(), terms.plan);
        let from = Average { cost: i128::from(seen.0), qty: 1 };
        let own = plan.stop_loss.map(|stop| stop.initial(side, from, rule, terms.atr, plan.leverage));
        let misses_atr = plan.stop_loss.is_some_and(|stop| stop.misses_atr(terms.atr));
        let origin = own.map_or(StopOrigin::Initial, |stop| stop.origin);
        // A limit of loss that has passed already cannot protect: its distance does, from here.
        let passed = |rule: Rule| position.loss_level(rule, &terms).filter(|&at| at_loss(side, seen, at));
        let limits = [
            (Rule::SoftStop, plan.soft_stop),
            (Rule::LossGuard, plan.loss_guard),
            (Rule::HardStop, plan.hard_stop),
        ];
        let all_passed = limits.iter().all(|(rule, limit)| limit.is_none() || passed(*rule).is_some());
        let moved = limits.iter().find_map(|(_, limit)| *limit).filter(|_| own.is_none() && all_passed);
        let moved = moved.map(|limit| limit.level(side, from, Money::ZERO, plan, terms.instrument));
        let wanted = own.map(|stop| stop.price).or(moved);
        let at = told.or_else(|| plan.liquidation?.price(side, position.entry(), plan.leverage));
        let liquidation = at.filter(|&at| at_loss(side, at, seen));
        let safe = liquidation.map(|at| match plan.liquidation {
            Some(table) => table.safe_stop(side, position.entry(), at, rule),
            None => Price(at.0 + side.sign() * rule.tick),
        });
        let nearest = match (wanted, safe) {
            (Some(wanted), Some(safe)) => Some(tighter(side, wanted, safe)),
            // Only a plan that keeps off liquidation makes a stop of it.
            (None, Some(safe)) => plan.liquidation.map(|_| safe),
            (wanted, None) => wanted,
        };
        let valid = nearest.and_then(|stop| nearest_valid(side, stop, seen, liquidation, rule));
        let is_tightened = valid.is_some() && wanted.is_some() && (valid != wanted || own.is_none());
        let origin = if valid == wanted { origin } else { StopOrigin::Liquidation };
        FirstStop { stop: valid.map(|stop| (stop, origin)), is_tightened, misses_atr }
    }

    /// The rules that hold already: they do not act before somebody hands the position over.
    fn hold_back(&mut self, position: &Position, seen: Price) -> Vec<Held> {
        let terms = self.engine.terms_of(position);
        let side = position.side();
        let of_cell = |rule| {
            let cell = terms.cells.of_rule(rule, side, terms.plan);
            self.engine.last_price(cell).filter(|&own| is_near(own, seen)).unwrap_or(seen)
        };
        let mut held = Vec::new();
        for rule in [Rule::HardStop, Rule::LossGuard, Rule::SoftStop] {
            let Some(level) = position.loss_level(rule, &terms) else { continue };
            // The price of the moment counts besides that of the rule's own source, which may be old.
            let price = tighter_of(side, seen, of_cell(rule));
            if at_loss(side, price, level) {
                held.push((rule, Held { reason: rule.reason(), leg: 0, level, price }));
            }
        }
        for index in 0..crate::plan::ladder::LEGS_MAX {
            let Some(level) = position.leg_level(index, &terms) else { break };
            let at = of_cell(Rule::TakeProfit);
            let price = if at_gain(side, seen, at) { seen } else { at };
            if at_gain(side, price, level) {
                let leg = u8::try_from(index + 1).expect("a ladder has at most four legs");
                let rule = Rule::TakeProfit;
                held.push((rule, Held { reason: rule.reason(), leg, level, price }));
            }
        }
        for (rule, _) in &held {
            self.engine.standing.hold_back(position.episode, *rule);
        }
        held.into_iter().map(|(_, held)| held).collect()
    }

    /// All rules of a position act from now on; one that was let go may be found and taken over again.
    pub(in crate::coordinator) fn on_hand_over(&mut self, step: &mut Step<'_>, key: PositionKey) {
        let Some(slot) = self.engine.living(key) else {
            self.hand_over_released(step, key);
            return;
        };
        self.note(step, key.instrument, Record::HandedOver(key));
        let episode = self.engine.positions[slot as usize].episode;
        self.put_right_again(episode);
        let any_waited = self.engine.standing.hand_over(episode);
        if self.engine.positions[slot as usize].phase == Phase::Open && !any_waited {
            self.protect(step, slot);
        }
        if any_waited && self.engine.positions[slot as usize].phase == Phase::Open {
            self.serve(step, slot, Probe::TICK, None);
            self.place_soft_legs(step, slot);
            self.protect(step, slot);
        }
        self.rearm(slot, None, Kinds::ALL);
        self.engine.restate_bands(key.instrument);
    }

    fn hand_over_released(&mut self, step: &mut Step<'_>, key: PositionKey) {
        let account = self.accounts.get_mut(key.account);
        if !account.is_some_and(|account| account.released.remove(&key)) {
            self.note_refused(step, CommandRefused::NotOpen(key));
            return;
        }
        step.begin_anywhere();
        step.write(Record::HandedOver(key));
        step.out.actions.push(Action::ReadPositions(key.account));
    }

    /// Lets a position go: nothing of ours acts on it any more.
    pub(in crate::coordinator) fn on_release(
        &mut self,
        step: &mut Step<'_>,
        key: PositionKey,
        keeps_stop: bool,
    ) {
        let Some(slot) = self.engine.living(key) else {
            self.note_refused(step, CommandRefused::NotOpen(key));
            return;
        };
        let stop = self.standing_stop(slot).filter(|_| keeps_stop);
        let position = &mut self.engine.positions[slot as usize];
        let (episode, qty) = (position.episode, position.open);
        (position.phase, position.closing) = (Phase::Flat, None);
        let released = Record::Released { episode, qty, keeps_stop: stop.is_some() };
        self.note(step, key.instrument, released);
        self.engine.standing.hand_over(episode);
        if let Some(account) = self.accounts.get_mut(key.account) {
            account.released.insert(key);
            account.give_back(key, qty);
        }
        self.accounts.touch(key, step.now);
        // Nobody waits for coins any more.
        self.orders.waiting.take(episode);
        self.leave_one(slot, stop);
        self.cancel_all_but(step, slot, Order::is_left);
        self.vacate_when_quiet(slot);
    }

    /// Of all stops one is left to whoever has the position now, or none.
    fn leave_one(&mut self, slot: Slot, stop: Option<(u8, u16)>) {
        let first = self.engine.positions[slot as usize].first_order;
        let orders: Vec<u32> = self.orders.list(first).map(|(at, _)| at).collect();
        for at in orders {
            let order = self.orders.get_mut(at);
            order.leave(stop == Some((order.slice, order.attempt)));
        }
    }

    /// Whether a stop stays where a position was let go: until it is taken over again.
    pub(crate) fn keeps_stop(&self, slot: Slot) -> bool {
        let position = &self.engine.positions[slot as usize];
        let is_let_go = position.phase == Phase::Flat && position.open.0 > 0;
        is_let_go && self.engine.living(position.episode.key).is_none()
    }

    /// The stop that protects at the venue: the one that it confirmed, else the newest that is alive. One
    /// that is being taken away cannot be kept.
    fn standing_stop(&self, slot: Slot) -> Option<(u8, u16)> {
        let first = self.engine.positions[slot as usize].first_order;
        let alive = || {
            let orders = self.orders.list(first).map(|(_, order)| order);
            let lives =
                |order: &Order| !order.life().state.is_final() && order.life().cancel == CancelState::None;
            orders.filter(move |order| order.protects() && lives(order))
        };
        let stop = alive().find(|order| order.is_confirmed()).or_else(|| alive().next())?;
        Some((stop.slice, stop.attempt))
    }
}

/// Whether a price can be one of the moment, when another is.
fn is_near(price: Price, other: Price) -> bool {
    (i128::from(price.0) - i128::from(other.0)).abs() * OFF_MARK_PART <= i128::from(other.0)
}

/// The worse of two prices for a position of `side`.
fn tighter_of(side: Side, a: Price, b: Price) -> Price {
    if at_loss(side, a, b) { a } else { b }
}

/// The stop nearest to `stop` that does not fire at the price of the moment: half way to liquidation, or
/// one tick away. `None` when there is no price below.
fn nearest_valid(
    side: Side,
    stop: Price,
    seen: Price,
    liquidation: Option<Price>,
    rule: LevelRule,
) -> Option<Price> {
    if !at_loss(side, seen, stop) {
        return Some(stop).filter(|stop| stop.is_sound());
    }
    let half_way = liquidation.map(|at| {
        let sum = i128::from(at.0) + i128::from(seen.0);
        rule.first_tick(side.toward_earlier_stop(), sum, 2)
    });
    let round = match side {
        Side::Long => Round::Down,
        Side::Short => Round::Up,
    };
    let one_tick = rule.first_tick(round, i128::from(seen.0 - side.sign() * rule.tick), 1);
    let half_way = half_way.filter(|&stop| !at_loss(side, seen, stop));
    Some(half_way.unwrap_or(one_tick)).filter(|stop| stop.is_sound())
}
