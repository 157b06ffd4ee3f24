//! One life of a position, folded from records; and what each record must be.

use std::ops::RangeInclusive;

use ripcord_core::event::{AlarmKind, Entry, Filled, OrderEnd, Record};
use ripcord_core::id::{AccountId, EpisodeId, OrderId, PlanId};
use ripcord_core::instrument::Side;
use ripcord_core::kill::KillLevel;
use ripcord_core::order::{Fill, OrderKind};
use ripcord_core::reason::Reason;
use ripcord_core::time::Timestamp;

use super::{Intent, Oracle, Told};
use crate::exchange::Exchange;

/// One life.
#[derive(Debug, Clone)]
pub(super) struct Life {
    pub(super) plan: PlanId,
    pub(super) side: Side,
    pub(super) qty: i64,
    /// Price times quantity of what is held.
    pub(super) cost: i128,
    pub(super) stop: Option<i64>,
    /// The tightest stop that was sent to the venue.
    pub(super) sent_stop: Option<i64>,
    pub(super) opened_at: Timestamp,
    /// It was found at the venue: its levels are measured from elsewhere, and rules may wait.
    pub(super) is_adopted: bool,
    /// Somebody touched its stop.
    pub(super) is_touched: bool,
    /// Its coins were being freed when everything was stopped: that is ended first.
    pub(super) is_finishing: bool,
    /// How often somebody took its stop away, or changed it.
    pub(super) stops_lost: u8,
    /// The full close that is under way.
    pub(super) closing: Option<(u16, Reason, Timestamp)>,
    /// When somebody was last alarmed about it.
    pub(super) alarmed_at: Timestamp,
    /// Its stop was triggered then, and did nothing since.
    pub(super) triggered_at: Option<Timestamp>,
    /// When something was last heard of its exit that is under way.
    pub(super) heard_at: Option<Timestamp>,
    /// When it was last filled.
    pub(super) filled_at: Timestamp,
    /// The best price that may have been seen since it began.
    pub(super) best: Option<i64>,
    /// Another plan held before, or its entry changed: levels are not one formula.
    pub(super) is_changed: bool,
}

impl Life {
    /// The average entry.
    pub(super) fn entry(&self) -> i64 {
        if self.qty == 0 { 0 } else { i64::try_from(self.cost / i128::from(self.qty)).unwrap_or(0) }
    }

    /// Whether its stop is left to whoever takes it away again and again.
    pub(super) const fn is_left(&self) -> bool {
        self.stops_lost >= 2
    }

    fn take(&mut self, qty: i64) {
        if self.qty > 0 {
            self.cost -= self.cost * i128::from(qty) / i128::from(self.qty);
        }
        self.qty -= qty;
    }
}

impl Oracle<'_> {
    /// A record is durable.
    pub(super) fn on_record(&mut self, now: Timestamp, entry: &Entry, exchange: &Exchange) {
        self.on_promise(now, entry.at, &entry.record);
        self.on_clock(now, entry.at, &entry.record);
        match &entry.record {
            Record::Opened(opened) => {
                let life = Life {
                    plan: opened.plan,
                    side: opened.episode.key.side,
                    qty: opened.qty.0,
                    cost: i128::from(opened.entry.0) * i128::from(opened.qty.0),
                    stop: opened.stop.map(|stop| stop.0),
                    sent_stop: None,
                    opened_at: entry.at,
                    is_adopted: false,
                    is_touched: false,
                    is_finishing: false,
                    stops_lost: 0,
                    closing: None,
                    alarmed_at: Timestamp::MIN,
                    triggered_at: None,
                    heard_at: None,
                    filled_at: Timestamp::MIN,
                    best: self.best_told(opened.episode.key, entry.at),
                    is_changed: false,
                };
                self.count("opened");
                self.begin_life(now, opened.episode, life);
            }
            Record::Added(added) => {
                self.count("added");
                let cost = i128::from(added.price.0) * i128::from(added.qty.0);
                self.change(now, added.episode, |life| {
                    life.qty += added.qty.0;
                    life.cost += cost;
                    life.is_changed = true;
                });
            }
            Record::Filled(filled) => self.on_filled(now, filled, exchange),
            Record::LeftOutside(left) => {
                self.count(left_word(left.reason));
                self.change(now, left.episode, |life| life.take(left.qty.0));
                self.check_qty(now, left.episode, left.remaining.0);
            }
            Record::Returned(back) => {
                self.count("returned");
                if let Some(life) = self.lives.get_mut(back.episode) {
                    life.cost += i128::from(life.entry()) * i128::from(back.qty.0);
                    life.qty += back.qty.0;
                }
            }
            Record::Closed { episode } => {
                self.count("closed");
                self.end_life(now, *episode, true);
            }
            Record::Released { episode, .. } => {
                self.count("released");
                self.give_back(*episode);
                self.end_life(now, *episode, false);
            }
            record => self.on_word(now, entry.at, record, exchange),
        }
    }

    /// Records that move no quantity.
    fn on_word(&mut self, now: Timestamp, at: Timestamp, record: &Record, exchange: &Exchange) {
        match record {
            Record::PlanChanged { episode, to, .. } => {
                self.count("plan_changed");
                self.change(now, *episode, |life| (life.plan, life.is_changed) = (*to, true));
            }
            Record::StopMoved { episode, to, .. } => self.on_stop(now, *episode, to.0),
            Record::ExitDecided(decided) => {
                self.on_exit(now, at, decided);
                self.remember_room(at, decided);
            }
            Record::OrderIntended(order) => {
                if self.intents.contains_key(&order.id) {
                    let what = format!("{:?} is intended twice", order.id);
                    self.fail(now, Some(order.id.episode.key), "S7", &what);
                }
                let intent = Intent {
                    order: **order,
                    at: now,
                    held: self.believed(order.id.episode.key),
                    is_accepted: false,
                    is_ended: false,
                    is_lost: false,
                    is_cancelled_by_us: false,
                    cancelled_at: None,
                    filled: 0,
                    told: 0,
                    fees: 0,
                };
                self.check_pace((now, at), order);
                self.intents.insert(order.id, intent);
                self.open[order.id.episode.key].insert(order.id);
            }
            Record::OrderAccepted(id) => self.on_order_accepted(id),
            Record::OrderEnded { id, how } => self.on_order_end(now, id, *how, exchange),
            Record::ExitConcluded { episode, .. } => {
                self.count("concluded");
                self.change(now, *episode, |life| life.closing = None);
            }
            Record::Alarm { episode, what } => {
                self.count(alarm_word(*what));
                if let Some(life) = self.lives.get_mut(*episode) {
                    life.alarmed_at = now;
                }
            }
            Record::KillLevel { account, level } => {
                self.level_at = now;
                self.begin_to_finish(*account, *level);
                match level {
                    Some(level) => self.levels.insert(*account, *level),
                    None => self.levels.remove(account),
                };
                self.count(level.map_or("kill_released", |level| level.word()));
            }
            Record::OrdersPaced { account, pace, .. } => {
                self.count("orders_paced");
                self.on_pace(now, *account, *pace);
            }
            Record::Adopted(adopted) => {
                self.count("adopted");
                self.check_grant(now, adopted.episode);
                self.change(now, adopted.episode, |life| life.is_adopted = true);
            }
            record => {
                if let Some(word) = other_word(record) {
                    self.count(word);
                }
            }
        }
    }

    fn on_order_accepted(&mut self, id: &OrderId) {
        self.mark(id, |intent| intent.is_accepted = true);
        // One that was lost sight of may have been to go: its cancel died with a process, and is said again.
        let stands = |it: &Intent| it.order.kind.trigger().is_some() && !it.is_cancelled_by_us && !it.is_lost;
        let is_protected = self.intents.get(id).is_some_and(stands);
        let covers = self.intents.get(id).map_or(0, |it| it.order.qty.0 - it.filled);
        // What sells the rest may end unsold, and is covered then.
        let has_ended = |it: &&mut Life| is_protected && it.closing.is_none() && covers >= it.qty;
        if let Some(life) = self.lives.get_mut(id.episode).filter(has_ended) {
            life.is_finishing = false;
        }
    }

    /// On spot an exit, or a stop that is to stand, that was begun when everything was stopped ends first: at the
    /// latest when a stop is confirmed.
    fn begin_to_finish(&mut self, account: AccountId, level: Option<KillLevel>) {
        let is_new = self.levels.get(&account) != Some(&KillLevel::Silent);
        let is_spot = self.is_spot();
        for key in self.living.keys().filter(|key| key.account == account) {
            let life = self.living[key].and_then(|episode| self.lives.get_mut(episode));
            let Some(life) = life else { continue };
            if level != Some(KillLevel::Silent) {
                life.is_finishing = false;
            } else if is_new {
                life.is_finishing = is_spot;
            }
        }
    }

    fn begin_life(&mut self, now: Timestamp, episode: EpisodeId, life: Life) {
        if let Some(before) = self.living[episode.key].replace(episode) {
            let what = format!("life {} begins while {} lives", episode.generation, before.generation);
            self.fail(now, Some(episode.key), "S6", &what);
        }
        self.lives.begin(episode, life);
        // Of lives that are long over nothing more is asked.
        let old = EpisodeId { key: episode.key, generation: episode.generation.saturating_sub(40) };
        self.lives.forget(old);
        self.intents.extract_if(orders_of(old), |_, _| true).for_each(drop);
    }

    fn end_life(&mut self, now: Timestamp, episode: EpisodeId, is_closed: bool) {
        if self.lives(episode) {
            self.living[episode.key] = None;
        }
        let rest = self.lives.get(episode).map_or(0, |life| life.qty);
        let least = self.least(episode.key);
        if is_closed && rest >= least {
            self.fail(now, Some(episode.key), "S3", &format!("it is over and still holds {rest}"));
        }
        if let Some(life) = self.lives.get_mut(episode) {
            life.closing = None;
        }
        self.bare_since[episode.key] = None;
        self.past_since[episode.key] = None;
        self.passed_since[episode.key] = None;
    }

    fn change(&mut self, now: Timestamp, episode: EpisodeId, with: impl FnOnce(&mut Life)) {
        match self.lives.get_mut(episode) {
            Some(life) => with(life),
            None => self.fail(now, Some(episode.key), "S3", "a record is about a life that nobody began"),
        }
    }

    fn check_qty(&mut self, now: Timestamp, episode: EpisodeId, said: i64) {
        let qty = self.lives.get(episode).map_or(0, |life| life.qty);
        if qty != said || qty < 0 {
            let what = format!("it says that {said} is left; its records add up to {qty}");
            self.fail(now, Some(episode.key), "S3", &what);
        }
    }

    pub(super) fn mark(&mut self, id: &OrderId, with: impl FnOnce(&mut Intent)) {
        if let Some(intent) = self.intents.get_mut(id) {
            with(intent);
        }
    }

    fn on_filled(&mut self, now: Timestamp, filled: &Filled, exchange: &Exchange) {
        let (id, qty) = (filled.id, filled.qty.0);
        let key = Some(id.episode.key);
        self.count(filled.reason.word());
        if qty <= 0 || filled.price.0 <= 0 {
            self.fail(now, key, "S13", &format!("a fill of {qty} at {}", filled.price.0));
        }
        let lives = self.lives(id.episode);
        if lives {
            self.change(now, id.episode, |life| {
                life.take(qty);
                life.filled_at = now;
            });
            self.check_qty(now, id.episode, filled.remaining.0);
        } else {
            self.count("late_fill");
            if let Some(life) = self.lives.get_mut(id.episode) {
                life.qty = (life.qty - qty).max(0);
            }
        }
        self.mark(&id, |intent| {
            intent.filled += qty;
            intent.fees += filled.fee.0;
        });
        // What trades a little each time is sent as often as it takes.
        self.sends[id.episode.key].clear();
        let said = self.intents.get(&id).map_or(qty, |intent| intent.filled);
        let truth = exchange.filled(&id);
        if said > truth {
            let what = format!("it counts {said} of an order of which the exchange filled {truth}");
            self.fail(now, key, "S4", &what);
        }
        let (fees, paid) = (self.intents.get(&id).map_or(0, |intent| intent.fees), exchange.fees(&id));
        if fees > paid {
            let what = format!("it counts fees of {fees} for an order that paid {paid}");
            self.fail(now, key, "S4", &what);
        }
        self.forget_done(&id);
    }

    fn on_order_end(&mut self, now: Timestamp, id: &OrderId, how: OrderEnd, exchange: &Exchange) {
        self.count(end_word(how));
        if how == OrderEnd::Unknown {
            self.mark(id, |intent| intent.is_lost = true);
            return;
        }
        self.mark(id, |intent| intent.is_ended = true);
        let key = id.episode.key;
        let rests = exchange.resting(key).any(|(other, ..)| other == *id);
        if rests && how == OrderEnd::NotFound {
            let what = format!("{id:?} is given up for lost and rests at the exchange");
            self.fail(now, Some(key), "S9", &what);
        }
        self.forget_done(id);
    }

    /// The exchange told what it filled of an order in all.
    pub(super) fn on_fill_told(&mut self, now: Timestamp, fill: &Fill) {
        self.mark(&fill.id, |intent| intent.told = intent.told.max(fill.filled_total.0));
        self.forget_done(&fill.id);
        // Of several trades it tells the average.
        let told = Told { at: now, price: fill.price.0, by_feed: false };
        self.on_told(fill.id.episode.key.instrument, told);
    }

    fn forget_done(&mut self, id: &OrderId) {
        let is_over =
            self.intents.get(id).is_none_or(|it| it.is_ended || it.filled.max(it.told) >= it.order.qty.0);
        if is_over {
            self.open[id.episode.key].remove(id);
        }
    }

    fn on_stop(&mut self, now: Timestamp, episode: EpisodeId, to: i64) {
        self.count("stop_moved");
        let Some(life) = self.lives.get_mut(episode) else { return };
        let loosens = life.stop.is_some_and(|from| is_looser(life.side, to, from));
        let from = life.stop.replace(to);
        if loosens {
            self.fail(now, Some(episode.key), "S11", &format!("its stop goes from {from:?} to {to}"));
        }
    }

    /// A stop is sent to the venue: it may not be looser than one before it.
    pub(super) fn check_sent_stop(&mut self, now: Timestamp, id: &OrderId, kind: OrderKind) {
        let Some(trigger) = kind.trigger().map(|trigger| trigger.at) else { return };
        let Some(life) = self.lives.get_mut(id.episode) else { return };
        let before = life.sent_stop;
        if before.is_none_or(|before| !is_looser(life.side, trigger.0, before)) {
            life.sent_stop = Some(trigger.0);
        } else {
            let what = format!("a stop at {} is sent after one at {before:?}", trigger.0);
            self.fail(now, Some(id.episode.key), "S11", &what);
        }
    }
}

/// The orders of an episode, as a range of maps.
pub(super) const fn orders_of(episode: EpisodeId) -> RangeInclusive<OrderId> {
    let first = OrderId { episode, exit: 0, leg: 0, slice: 0, attempt: 0 };
    let last = OrderId { exit: u16::MAX, leg: u8::MAX, slice: u8::MAX, attempt: u16::MAX, ..first };
    first..=last
}

/// Whether a stop is looser than another.
pub(super) const fn is_looser(side: Side, stop: i64, than: i64) -> bool {
    match side {
        Side::Long => stop < than,
        Side::Short => stop > than,
    }
}

const fn left_word(reason: Reason) -> &'static str {
    match reason {
        Reason::Unknown => "left_unseen",
        Reason::Liquidation => "liquidated",
        Reason::Adl => "adl",
        Reason::Settlement => "settled",
        _ => "left_by_hand",
    }
}

const fn end_word(how: OrderEnd) -> &'static str {
    match how {
        OrderEnd::Refused => "order_refused",
        OrderEnd::Expired => "order_expired",
        OrderEnd::Cancelled => "order_cancelled",
        OrderEnd::Unknown => "order_unknown",
        OrderEnd::NotFound => "order_not_found",
    }
}

const fn alarm_word(what: AlarmKind) -> &'static str {
    match what {
        AlarmKind::ExitRefused => "alarm_exit_refused",
        AlarmKind::ExitUnknown => "alarm_exit_unknown",
        AlarmKind::Dust => "alarm_dust",
        AlarmKind::FillNotExpected => "alarm_fill_not_expected",
        AlarmKind::ProtectionRefused => "alarm_protection_refused",
        AlarmKind::ProtectionLost => "alarm_protection_lost",
        AlarmKind::ProtectionEdited => "alarm_protection_edited",
        AlarmKind::CoinsLocked => "alarm_coins_locked",
        AlarmKind::PricesStale => "alarm_prices_stale",
        AlarmKind::PriceDoubted => "alarm_price_doubted",
        AlarmKind::StopTightened => "alarm_stop_tightened",
        AlarmKind::ClosedByVenue => "alarm_closed_by_venue",
        AlarmKind::ClosedUnseen => "alarm_closed_unseen",
        AlarmKind::ExitHangs => "alarm_exit_hangs",
        _ => "alarm_other",
    }
}

const fn other_word(record: &Record) -> Option<&'static str> {
    Some(match record {
        Record::Deferred { .. } => "deferred",
        Record::BracketTriggered { .. } => "bracket_triggered",
        Record::TrailingActivated { .. } => "trailing_activated",
        Record::Signalled { .. } => "signalled",
        Record::Suspected { .. } => "suspected",
        Record::Confirmed { .. } => "confirmed",
        Record::Contradicted { .. } => "contradicted",
        Record::PriceDoubted(_) => "price_doubted",
        Record::PricesStale { .. } => "prices_stale",
        Record::PricesBack { .. } => "prices_back",
        Record::Jump(_) => "jump",
        Record::Diverged { .. } => "diverged",
        Record::Converged { .. } => "converged",
        Record::ReadFailed { .. } => "read_failed",
        Record::Reconciled(_) => "reconciled",
        Record::OrdersListed(_) => "orders_listed",
        Record::OrdersStale { .. } => "orders_stale",
        Record::FundingPaid { .. } => "funding_paid",
        Record::GateBlocked { .. } => "gate_blocked",
        Record::CommandRefused(_) => "command_refused",
        Record::HandedOver(_) => "handed_over",
        _ => return None,
    })
}
