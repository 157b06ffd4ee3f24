//! From records: since when each position is covered, and how long it was not.
//!
//! A pure fold beside the coordinator: the ledger, the service, the report and `explain` read it, nothing
//! decides by it. Time counts from the first evidence: a position is uncovered from its opening until the
//! venue has confirmed a stop for all of it that can be closed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::event::{AlarmKind, Entry, OrderEnd, OrdersListed, Record};
use crate::id::{AccountId, EpisodeId, InstrumentId, OrderId, PlanId};
use crate::kill::KillLevel;
use crate::num::Qty;
use crate::order::ExitOrder;
use crate::plan::spec::LossLimitSpec;
use crate::plan::{Plan, PlanSpec};
use crate::reason::Reason;
use crate::time::{Span, Timestamp};

/// What the fold must know besides records.
pub trait Known {
    /// What an order can close of a quantity: see [`crate::instrument::Instrument::closable`].
    fn closable(&self, instrument: InstrumentId, qty: Qty) -> Qty;

    /// What a plan wants; nothing of one that is not known.
    fn wants(&self, plan: PlanId) -> Wants;
}

/// What of a plan decides whether a position is covered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wants {
    /// It wants a stop at the venue.
    pub venue_stop: bool,
    /// It has a hard stop, which is armed from the opening on.
    pub hard_stop: bool,
    /// It has a loss guard, which is armed from the opening on.
    pub loss_guard: bool,
    /// It has a soft stop, which is armed from the opening on.
    pub soft_stop: bool,
    /// It has a trailing stop, which may still wait for its activation.
    pub trails: bool,
}

impl Wants {
    /// Of a plan in force.
    #[must_use]
    pub const fn of(plan: &Plan) -> Self {
        Self {
            venue_stop: plan.bracket.is_some(),
            hard_stop: plan.hard_stop.is_some(),
            loss_guard: plan.loss_guard.is_some(),
            soft_stop: plan.soft_stop.is_some(),
            trails: plan.trailing.is_some(),
        }
    }

    /// Of a plan as written: a rule that is switched off is as if it were absent.
    #[must_use]
    pub fn of_spec(plan: &PlanSpec) -> Self {
        let is_on = |limit: &Option<LossLimitSpec>| limit.as_ref().is_some_and(|rule| rule.enabled.0);
        Self {
            venue_stop: plan.bracket.as_ref().is_some_and(|rule| rule.enabled.0),
            hard_stop: is_on(&plan.hard_stop),
            loss_guard: is_on(&plan.loss_guard),
            soft_stop: is_on(&plan.soft_stop),
            trails: plan.trailing.as_ref().is_some_and(|rule| rule.enabled.0),
        }
    }
}

/// Time that was spent in a state: now, longest, and in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spent {
    since: Option<Timestamp>,
    ended: Span,
    longest: Span,
}

impl Spent {
    fn set(&mut self, at: Timestamp, is_so: bool) {
        match (self.since, is_so) {
            (None, true) => self.since = Some(at),
            (Some(since), false) => {
                // A record that tells of an earlier moment takes nothing back.
                let lasted = at.since(since).max(Span::ZERO);
                self.ended = Span(self.ended.0.saturating_add(lasted.0));
                self.longest = self.longest.max(lasted);
                self.since = None;
            }
            (None, false) | (Some(_), true) => {}
        }
    }

    /// Since when it is so now, if it is.
    #[must_use]
    pub const fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// In all, up to `now`.
    #[must_use]
    pub fn in_all(&self, now: Timestamp) -> Span {
        let running = self.since.map_or(0, |since| now.since(since).0.max(0));
        Span(self.ended.0.saturating_add(running))
    }

    /// The longest stretch, up to `now`.
    #[must_use]
    pub fn longest(&self, now: Timestamp) -> Span {
        let running = self.since.map_or(Span::ZERO, |since| now.since(since));
        self.longest.max(running)
    }
}

/// How one position was covered so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Covered {
    plan: PlanId,
    wants: Wants,
    held: Qty,
    stops: BTreeMap<OrderId, Stop>,
    has_stop: bool,
    trails: bool,
    /// Rules that do not act before the position is handed over.
    held_back: BTreeSet<Reason>,
    closing: BTreeSet<u16>,
    /// Without a confirmed stop at the venue for everything, although its plan wants one.
    pub naked: Spent,
    /// Without that, and without any rule that bounds the loss or a close on its way.
    pub unprotected: Spent,
    /// When the stop at the venue that covers everything was confirmed, if one does.
    pub confirmed_at: Option<Timestamp>,
    /// When a close of everything was last decided, and why.
    pub decided: Option<(Timestamp, Reason)>,
    /// Alarms whose cause has not ended, each with the time of the first.
    pub alarms: Vec<(AlarmKind, Timestamp)>,
    unknown: BTreeSet<OrderId>,
}

/// A stop that was sent to the venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Stop {
    left: Qty,
    confirmed: Option<Timestamp>,
    /// The last list of open orders did not have it.
    is_missing: bool,
}

/// What one position, or all of them together, was without, and for how long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uncovered {
    /// Without a confirmed stop at the venue for everything that could be closed, although its plan wants one.
    pub naked: Span,
    /// The longest stretch of that.
    pub naked_longest: Span,
    /// Without that, and without any rule that bounds the loss or a close on its way.
    pub unprotected: Span,
    /// The longest stretch of that.
    pub unprotected_longest: Span,
}

impl Uncovered {
    /// Counts another position in. A sum beyond what nanoseconds can count stays at that.
    pub fn add(&mut self, other: &Self) {
        self.naked = Span(self.naked.0.saturating_add(other.naked.0));
        self.unprotected = Span(self.unprotected.0.saturating_add(other.unprotected.0));
        self.naked_longest = self.naked_longest.max(other.naked_longest);
        self.unprotected_longest = self.unprotected_longest.max(other.unprotected_longest);
    }
}

/// The fold over all positions that are held.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    held: BTreeMap<EpisodeId, Covered>,
    /// Accounts of which nothing is sent: no rule of ours bounds anything there.
    silent: BTreeSet<AccountId>,
}

impl Coverage {
    /// Of no position yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { held: BTreeMap::new(), silent: BTreeSet::new() }
    }

    /// How a position that is held was covered so far.
    #[must_use]
    pub fn of(&self, episode: EpisodeId) -> Option<&Covered> {
        self.held.get(&episode)
    }

    /// All positions that are held.
    pub fn held(&self) -> impl Iterator<Item = (EpisodeId, &Covered)> {
        self.held.iter().map(|(&episode, covered)| (episode, covered))
    }

    /// Takes a record; a position that it ends is handed out.
    pub fn take(&mut self, entry: &Entry, known: &impl Known) -> Option<(EpisodeId, Covered)> {
        self.record(entry.at, &entry.record, known)
    }

    /// Takes a record that was written at `at`; a position that it ends is handed out.
    pub fn record(
        &mut self,
        at: Timestamp,
        record: &Record,
        known: &impl Known,
    ) -> Option<(EpisodeId, Covered)> {
        let episode = match record {
            Record::Opened(opened) => {
                let wants = known.wants(opened.plan);
                let covered = Covered::new(opened.plan, wants, opened.qty, opened.stop.is_some());
                self.held.insert(opened.episode, covered);
                opened.episode
            }
            Record::Closed { episode } | Record::Released { episode, .. } => {
                let mut covered = self.held.remove(episode)?;
                covered.naked.set(at, false);
                covered.unprotected.set(at, false);
                return Some((*episode, covered));
            }
            Record::OrdersListed(listed) => {
                self.list(at, listed, known);
                return None;
            }
            Record::PricesBack { instrument, .. } => {
                let here = self.held.iter_mut().filter(|(episode, _)| episode.key.instrument == *instrument);
                here.for_each(|(_, covered)| covered.hear_prices());
                return None;
            }
            Record::KillLevel { account, level } => {
                self.silence(at, *account, *level, known);
                return None;
            }
            _ => self.hear(at, record, known)?,
        };
        self.settle(at, episode, known);
        None
    }

    fn settle(&mut self, at: Timestamp, episode: EpisodeId, known: &impl Known) {
        if let Some(covered) = self.held.get_mut(&episode) {
            let closable = known.closable(episode.key.instrument, covered.held);
            covered.settle(at, closable, self.silent.contains(&episode.key.account));
        }
    }

    /// Rules of an account stop acting, or act again.
    fn silence(&mut self, at: Timestamp, account: AccountId, level: Option<KillLevel>, known: &impl Known) {
        if level == Some(KillLevel::Silent) {
            self.silent.insert(account);
        } else {
            self.silent.remove(&account);
        }
        let of = self.held.keys().filter(|episode| episode.key.account == account);
        for episode in of.copied().collect::<Vec<_>>() {
            self.settle(at, episode, known);
        }
    }

    /// A stop that is missing at the venue covers nothing, until it is found there; one that somebody
    /// changed covers what it says now.
    fn list(&mut self, at: Timestamp, listed: &OrdersListed, known: &impl Known) {
        let missing = listed.missing.iter().map(|id| (id, true));
        for (id, is_missing) in missing.chain(listed.back.iter().map(|id| (id, false))) {
            let stop = self.held.get_mut(&id.episode).and_then(|covered| covered.stops.get_mut(id));
            if let Some(stop) = stop {
                stop.is_missing = is_missing;
                self.settle(at, id.episode, known);
            }
        }
        for edited in &listed.edited {
            let episode = edited.id.episode;
            let covered = self.held.get_mut(&episode);
            if let Some(stop) = covered.and_then(|covered| covered.stops.get_mut(&edited.id)) {
                stop.left = edited.left;
                stop.is_missing |= edited.kind.trigger().is_none();
                self.settle(at, episode, known);
            }
        }
    }

    /// The position whose cover a record may change.
    fn concerned(&self, record: &Record) -> Option<EpisodeId> {
        let episode = match record {
            Record::Added(added) => added.episode,
            Record::LeftOutside(left) => left.episode,
            Record::Returned(returned) => returned.episode,
            Record::Adopted(adopted) => adopted.episode,
            Record::HandedOver(key) => *self.held.keys().find(|episode| episode.key == *key)?,
            Record::PlanChanged { episode, .. }
            | Record::StopMoved { episode, .. }
            | Record::TrailingActivated { episode, .. }
            | Record::ExitConcluded { episode, .. }
            | Record::Alarm { episode, .. } => *episode,
            Record::ExitDecided(decided) => decided.episode,
            Record::OrderIntended(order) => order.id.episode,
            Record::OrderAccepted(id) | Record::OrderEnded { id, .. } => id.episode,
            Record::Filled(filled) => filled.id.episode,
            Record::Observed(_)
            | Record::Input(_)
            | Record::Opened(_)
            | Record::Closed { .. }
            | Record::Released { .. }
            | Record::Managed(_)
            | Record::ReadFailed { .. }
            | Record::Reconciled(_)
            | Record::GateBlocked { .. }
            | Record::FundingPaid { .. }
            | Record::Signalled { .. }
            | Record::Deferred { .. }
            | Record::BracketTriggered { .. }
            | Record::BarClosed(_)
            | Record::KillLevel { .. }
            | Record::Suspected { .. }
            | Record::Confirmed { .. }
            | Record::Contradicted { .. }
            | Record::PriceDoubted(_)
            | Record::PricesStale { .. }
            | Record::PricesBack { .. }
            | Record::Jump(_)
            | Record::Diverged { .. }
            | Record::Converged { .. }
            | Record::OrdersListed(_)
            | Record::OrdersStale { .. }
            | Record::OrdersPaced { .. }
            | Record::CommandRefused(_) => return None,
        };
        Some(episode)
    }

    /// What a record says of a position that is held; which one.
    fn hear(&mut self, at: Timestamp, record: &Record, known: &impl Known) -> Option<EpisodeId> {
        let episode = self.concerned(record)?;
        let covered = self.held.get_mut(&episode)?;
        match record {
            Record::Added(added) => covered.held = added.open,
            Record::LeftOutside(left) => covered.held = left.remaining,
            Record::Returned(returned) => covered.held = returned.open,
            Record::Adopted(adopted) => {
                covered.held_back = adopted.held.iter().map(|held| held.reason).collect();
            }
            Record::HandedOver(_) => covered.held_back.clear(),
            Record::PlanChanged { to, .. } => covered.replan(*to, known.wants(*to)),
            Record::StopMoved { origin, .. } => {
                // A step moves the trailing stop, which may be left behind as the stop by a new plan.
                covered.has_stop |= *origin != crate::reason::StopOrigin::TrailingStep || !covered.trails;
            }
            // A stop that no price reaches protects nobody.
            Record::TrailingActivated { stop, .. } => covered.trails = stop.is_sound(),
            Record::ExitDecided(decided) if decided.leg == 0 && decided.qty == covered.held => {
                covered.closing.insert(decided.exit);
                covered.decided = Some((at, decided.reason));
            }
            Record::ExitConcluded { exit, .. } => {
                covered.closing.remove(exit);
            }
            Record::OrderIntended(order) => covered.intend(order),
            Record::OrderAccepted(id) => covered.accept(at, id),
            Record::OrderEnded { id, how } => covered.end(id, *how),
            Record::Filled(filled) => {
                covered.held = filled.remaining;
                covered.fill(at, &filled.id, filled.qty);
            }
            Record::Alarm { what, .. } => covered.alarm(at, *what),
            _ => {}
        }
        Some(episode)
    }
}

impl Covered {
    fn new(plan: PlanId, wants: Wants, held: Qty, has_stop: bool) -> Self {
        Self {
            plan,
            wants,
            held,
            stops: BTreeMap::new(),
            has_stop,
            trails: false,
            held_back: BTreeSet::new(),
            closing: BTreeSet::new(),
            naked: Spent::default(),
            unprotected: Spent::default(),
            confirmed_at: None,
            decided: None,
            alarms: Vec::new(),
            unknown: BTreeSet::new(),
        }
    }

    /// What it was without, up to `now`.
    #[must_use]
    pub fn uncovered(&self, now: Timestamp) -> Uncovered {
        Uncovered {
            naked: self.naked.in_all(now),
            naked_longest: self.naked.longest(now),
            unprotected: self.unprotected.in_all(now),
            unprotected_longest: self.unprotected.longest(now),
        }
    }

    /// The plan that holds.
    #[must_use]
    pub const fn plan(&self) -> PlanId {
        self.plan
    }

    fn replan(&mut self, to: PlanId, wants: Wants) {
        (self.plan, self.wants) = (to, wants);
        self.trails &= wants.trails;
    }

    fn alarm(&mut self, at: Timestamp, what: AlarmKind) {
        if self.alarms.iter().all(|(stands, _)| *stands != what) {
            self.alarms.push((what, at));
        }
    }

    fn hear_prices(&mut self) {
        self.alarms.retain(|(what, _)| *what != AlarmKind::PricesStale);
    }

    fn intend(&mut self, order: &ExitOrder) {
        if order.kind.trigger().is_some() {
            self.stops.insert(order.id, Stop { left: order.qty, confirmed: None, is_missing: false });
        }
    }

    fn accept(&mut self, at: Timestamp, id: &OrderId) {
        self.unknown.remove(id);
        match self.stops.get_mut(id) {
            Some(stop) => {
                stop.confirmed.get_or_insert(at);
                stop.is_missing = false;
            }
            None => self.alarms.retain(|(what, _)| *what != AlarmKind::ExitRefused),
        }
    }

    fn end(&mut self, id: &OrderId, how: OrderEnd) {
        match how {
            // It may still be heard of.
            OrderEnd::Unknown => {
                self.unknown.insert(*id);
                if let Some(stop) = self.stops.get_mut(id) {
                    stop.confirmed = None;
                }
            }
            OrderEnd::Refused | OrderEnd::Expired | OrderEnd::Cancelled | OrderEnd::NotFound => {
                self.unknown.remove(id);
                self.stops.remove(id);
            }
        }
    }

    fn fill(&mut self, at: Timestamp, id: &OrderId, qty: Qty) {
        self.unknown.remove(id);
        let Some(stop) = self.stops.get_mut(id) else { return };
        stop.left = Qty(stop.left.0 - qty.0);
        stop.confirmed.get_or_insert(at);
        if stop.left.0 <= 0 {
            self.stops.remove(id);
        }
    }

    /// Whether it was given up on: a stop that was triggered and did not close covers nothing.
    fn has_failed(&self) -> bool {
        let failed = self.decided.is_some_and(|(_, reason)| reason == Reason::ProtectionFailed);
        failed && !self.closing.is_empty()
    }

    fn settle(&mut self, at: Timestamp, closable: Qty, is_silent: bool) {
        let covering = self.stops.values().filter(|stop| stop.left >= closable && !stop.is_missing);
        let confirmed = covering.filter_map(|stop| stop.confirmed).min();
        self.confirmed_at = confirmed.filter(|_| closable.0 > 0 && !self.has_failed());
        let is_open = closable.0 > 0;
        let is_bare = is_open && self.confirmed_at.is_none();
        let rules = [
            (self.wants.hard_stop, Reason::HardStop),
            (self.wants.loss_guard, Reason::LossGuard),
            (self.wants.soft_stop, Reason::SoftStop),
            (self.has_stop, Reason::StopLoss),
            (self.trails, Reason::TrailingStop),
        ];
        let acts = rules.into_iter().any(|(is_there, reason)| is_there && !self.held_back.contains(&reason));
        let has_rule = (acts || !self.closing.is_empty()) && !is_silent;
        self.naked.set(at, is_bare && self.wants.venue_stop);
        self.unprotected.set(at, is_bare && !has_rule);
        let (is_confirmed, is_known) = (self.confirmed_at.is_some(), self.unknown.is_empty());
        self.alarms.retain(|(what, _)| match what {
            AlarmKind::ProtectionRefused | AlarmKind::ProtectionLost => !is_confirmed,
            AlarmKind::NoProtection => is_bare && !has_rule,
            AlarmKind::ExitUnknown => !is_known,
            AlarmKind::ExitHangs => !self.closing.is_empty(),
            AlarmKind::CoinsLocked => is_bare || !self.closing.is_empty(),
            // Any other stands until somebody looks, or the position is closed.
            _ => true,
        });
    }
}
