//! One world: what happens from outside meets exchange, wire, process and oracle, in the order of time.

use std::collections::{BTreeMap, BTreeSet};

use ripcord_core::account::{Management, Reading};
use ripcord_core::event::{Action, Command, Event, VenueEvent};
use ripcord_core::id::{AccountId, OrderId};
use ripcord_core::listing::{Listed, Listing};
use ripcord_core::order::OrderState;
use ripcord_core::time::{Span, Timestamp};

use crate::config::{CONFIRM_AFTER, Config, READ_EVERY};
use crate::exchange::Exchange;
use crate::fault::{Fault, FaultKind};
use crate::host::Host;
use crate::oracle::{Oracle, fill_in};
use crate::script::{Move, START, What};
use crate::tale::Tale;
use crate::trace::Trace;
use crate::weather::Weather;
use crate::wire::{Message, Wire};

mod ask;
mod exam;
mod feed;
mod trouble;
mod twin;

/// Nobody waits longer for an answer to an order.
const ANSWER_WITHIN: Span = Span::from_secs(3);
/// .. nor to a read or a list.
const READ_WITHIN: Span = Span::from_secs(5);
/// Records without an action are durable within this.
const COMMIT_WITHIN: Span = Span::from_millis(50);
/// Quiet prices are written down this often.
const CHECKPOINT_EVERY: Span = Span::from_secs(20);
/// A process whose disk refuses is started again after a quarter of this.
const AFTER_A_BAD_DISK: Span = Span::from_secs(40);
/// More steps than this within a second are an endless loop.
const STILL_MAX: u32 = 50_000;
/// After a bad moment the world has this long before it counts as fair.
const GRACE: Span = Span::from_millis(500);

/// An answer that is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Wait {
    Order(OrderId),
    Read(AccountId),
    List(AccountId),
    Checkpoint,
}

/// A world.
#[derive(Debug)]
pub(crate) struct World<'a> {
    config: &'a Config,
    now: Timestamp,
    pub(crate) exchange: Exchange,
    wire: Wire,
    pub(crate) host: Host,
    weather: Weather,
    pub(crate) oracle: Oracle<'a>,
    pub(crate) trace: Trace,
    waits: BTreeSet<(Timestamp, Wait)>,
    /// Answers that are still to come, and when their time is over.
    awaited: BTreeMap<Wait, Timestamp>,
    /// How the process dies next, where it has something to lose.
    armed: Option<Fault>,
    feed: feed::Feed,
    pub(crate) tale: Tale,
    /// Steps within this second.
    stands_still: u32,
    /// Steps of anything.
    pub(crate) steps: u64,
    /// How often each fault happened.
    pub(crate) fired: BTreeMap<FaultKind, u64>,
}

impl<'a> World<'a> {
    pub(crate) fn new(config: &'a Config) -> Self {
        let mut waits = BTreeSet::new();
        waits.insert((START, Wait::Checkpoint));
        Self {
            config,
            now: START,
            exchange: Exchange::new(config),
            wire: Wire::new(config),
            host: Host::new(config, START),
            weather: Weather::default(),
            oracle: Oracle::new(config),
            trace: Trace::default(),
            waits,
            awaited: BTreeMap::new(),
            armed: None,
            feed: feed::Feed::default(),
            tale: Tale::default(),
            stands_still: 0,
            steps: 0,
            fired: BTreeMap::new(),
        }
    }

    /// Lets everything happen; ends at the first violation.
    pub(crate) fn play(&mut self, script: &[Move]) {
        self.start();
        for step in script {
            self.run_until(step.at);
            self.now = self.now.max(step.at);
            self.steps += 1;
            self.happen(&step.what);
            if self.oracle.is_done() {
                return;
            }
        }
    }

    fn happen(&mut self, what: &What) {
        self.tale.line(self.now, "world", what);
        match *what {
            What::Price(instrument, price) => self.on_trade(instrument, price.0),
            What::Enter { key, plan, qty, is_told } => self.on_entry(key, plan, qty.0, is_told),
            What::Ask(ask) => self.on_ask(ask),
            What::Fault(fault) => self.on_fault(&fault),
            What::Heal => self.on_heal(),
            What::Settle => self.on_settle(),
            What::Examine => self.examine(),
        }
        self.carry();
    }

    /// Everything that is due before a moment, or at it.
    pub(crate) fn run_until(&mut self, until: Timestamp) {
        while !self.oracle.is_done() {
            let (arrives, timer) = (self.wire.next_at(), self.host.next_deadline());
            let wait = self.waits.first().map_or(Timestamp::NEVER, |(at, _)| *at);
            let start = if self.host.core.is_none() { self.host.starts_at } else { Timestamp::NEVER };
            let next = arrives.min(timer).min(wait).min(start).min(self.host.commit_at);
            if next > until {
                return;
            }
            let goes_on = next.0.div_euclid(1_000_000_000) > self.now.0.div_euclid(1_000_000_000);
            self.stands_still = if goes_on { 0 } else { self.stands_still + 1 };
            if self.stands_still > STILL_MAX {
                self.oracle.fail(self.now, None, "L10", "it works without end and time stands still");
            }
            self.now = self.now.max(next);
            self.steps += 1;
            if arrives <= next {
                self.on_arrival();
            } else if start <= next {
                self.start();
            } else if self.host.commit_at <= next {
                self.commit();
            } else if timer <= next {
                self.step(Event::Timer);
            } else {
                self.on_wait();
            }
            self.carry();
        }
    }

    fn on_arrival(&mut self) {
        let Some(message) = self.wire.arrived(self.now) else { return };
        match message {
            Message::Request(action, signed) => self.on_request(action, signed),
            answer if self.host.core.is_some() && self.now < self.host.busy_until => {
                self.wire.put(self.host.busy_until, answer);
            }
            Message::Answer(event) => self.on_answer(event),
            Message::Price(instrument, tick) => self.hear_price(instrument, &tick),
        }
    }

    fn on_request(&mut self, action: Action, signed: Timestamp) {
        match action {
            Action::Submit(approved) => self.exchange.submit(self.now, *approved.order(), &self.weather),
            Action::Cancel(id) => self.exchange.cancel(self.now, id, &self.weather),
            Action::Query(id) => {
                let asked = (id, self.host.now(signed));
                self.exchange.query(self.now, asked, &self.weather);
            }
            Action::ReadPositions(account) => self.exchange.read(self.now, account, &self.weather),
            Action::ListOrders(account) => self.exchange.list(self.now, account, &self.weather),
            Action::CancelForeign(account, id) => self.exchange.cancel_foreign(account, id),
        }
    }

    fn on_answer(&mut self, event: VenueEvent) {
        if self.host.core.is_none() {
            return;
        }
        if self.dies_by(FaultKind::CrashBeforeRecord) {
            return;
        }
        match &event {
            VenueEvent::Accepted(id) | VenueEvent::Refused(id, _) => self.heard(Wait::Order(*id)),
            VenueEvent::Filled(fill) => self.heard(Wait::Order(fill.id)),
            VenueEvent::Found(found) => self.heard(Wait::Order(found.id)),
            VenueEvent::Read(reading) => self.heard(Wait::Read(reading.account)),
            VenueEvent::Listed(listing) => self.heard(Wait::List(listing.account)),
            VenueEvent::Expired(id) | VenueEvent::Cancelled(id) => self.heard(Wait::Order(*id)),
            _ => {}
        }
        self.step(Event::Venue(event));
    }

    fn heard(&mut self, wait: Wait) {
        if let Some(at) = self.awaited.remove(&wait) {
            self.waits.remove(&(at, wait));
        }
    }

    fn wait_for(&mut self, wait: Wait, within: Span) {
        self.heard(wait);
        let at = self.now.after(within);
        self.awaited.insert(wait, at);
        self.waits.insert((at, wait));
    }

    fn on_wait(&mut self) {
        let Some((_, wait)) = self.waits.pop_first() else { return };
        self.awaited.remove(&wait);
        let taken_at = self.now;
        match wait {
            Wait::Checkpoint => {
                self.waits.insert((self.now.after(CHECKPOINT_EVERY), Wait::Checkpoint));
                self.checkpoint();
            }
            Wait::Order(id) => self.step(Event::Venue(VenueEvent::Silence(id))),
            Wait::Read(account) => {
                let reading = Reading { account, taken_at, fills_until: taken_at, held: None };
                self.step(Event::Venue(VenueEvent::Read(Box::new(reading))));
            }
            Wait::List(account) => {
                let listing = Listing { account, taken_at, orders: Listed::Failed };
                self.step(Event::Venue(VenueEvent::Listed(Box::new(listing))));
            }
        }
    }

    fn checkpoint(&mut self) {
        // What stands still writes nothing down: timers that are due come first.
        if self.now < self.host.busy_until {
            return;
        }
        let now = self.host.now(self.now);
        if self.host.core.as_ref().is_some_and(|core| core.next_deadline() <= now) {
            self.step(Event::Timer);
        }
        if let Some(core) = &mut self.host.core {
            core.checkpoint(now, &mut self.host.out);
            self.after_step();
        }
    }

    /// The engine hears something.
    pub(crate) fn step(&mut self, event: Event) {
        let now = self.host.now(self.now);
        if let Some(core) = &mut self.host.core {
            let fill = fill_in(&event);
            core.handle(now, event, &mut self.host.out);
            if let Some((fill, by_itself)) = fill {
                self.oracle.on_heard(self.now, (&fill, by_itself), &self.host.out.records);
            }
            self.after_step();
        }
    }

    /// What it said is written down, then done.
    fn after_step(&mut self) {
        if self.host.out.is_empty() {
            return;
        }
        let mut out = std::mem::take(&mut self.host.out);
        for entry in &out.records {
            self.tale.line(self.now, "engine", &entry.record);
        }
        self.host.log.append(&out.records);
        self.oracle.on_decided(out.records.drain(..));
        if out.actions.is_empty() {
            self.host.commit_at = self.host.commit_at.min(self.now.after(COMMIT_WITHIN));
        } else if self.dies_by(FaultKind::CrashBeforeCommit) || !self.commit() {
            out.actions.clear();
        }
        let sent = self.sent_before_death(out.actions.len());
        for action in out.actions.drain(..sent) {
            self.send(action);
        }
        if !out.actions.is_empty() {
            self.dies_by(FaultKind::CrashBeforeSend);
        }
        out.clear();
        if self.host.out.is_empty() {
            self.host.out = out;
        }
    }

    fn send(&mut self, action: Action) {
        self.tale.line(self.now, "sends", &action);
        self.oracle.on_send(self.now, &action, &self.exchange);
        match &action {
            Action::Submit(approved) => self.wait_for(Wait::Order(approved.order().id), ANSWER_WITHIN),
            Action::ReadPositions(account) => self.wait_for(Wait::Read(*account), READ_WITHIN),
            Action::ListOrders(account) => self.wait_for(Wait::List(*account), READ_WITHIN),
            Action::Cancel(_) | Action::Query(_) | Action::CancelForeign(..) => {}
        }
        let at = self.now.max(self.host.busy_until);
        self.wire.request(self.now, at, action, &self.weather);
    }

    /// What was decided is durable from here on; `false` when the disk refused, and the process is gone.
    fn commit(&mut self) -> bool {
        self.host.commit_at = Timestamp::NEVER;
        if !self.host.log.is_behind() {
            return true;
        }
        if self.weather.is(self.now, FaultKind::FailDisk) {
            self.die(AFTER_A_BAD_DISK);
            return false;
        }
        if let Some(amount) = self.weather.amount(self.now, FaultKind::SlowDisk) {
            self.host.busy_until = self.now.after(Span::from_millis(amount));
        }
        self.host.log.commit();
        self.trace.mix(self.host.log.digest());
        self.oracle.on_durable(self.now, &self.exchange);
        if self.host.log.wants_snapshot() {
            return self.snapshot();
        }
        true
    }

    /// How long it has lasted.
    pub(crate) const fn lasted(&self) -> Span {
        self.now.since(START)
    }

    /// Since when nothing is wrong.
    pub(crate) fn fair_since(&self) -> Timestamp {
        self.weather.fair_since().max(self.host.up_since).max(self.host.busy_until).after(GRACE)
    }

    /// What the exchange did and said goes its ways.
    pub(crate) fn carry(&mut self) {
        for event in self.exchange.says.drain(..) {
            self.wire.answer(self.now, event, &self.weather);
        }
        for fact in self.exchange.facts.drain(..) {
            self.trace.fact(self.now, &fact);
            self.tale.line(self.now, "exchange", &fact);
            self.oracle.on_fact(self.now, &fact);
        }
    }

    /// The process starts: from its journal, then by asking.
    pub(crate) fn start(&mut self) {
        self.host.up_since = self.now;
        self.tale.line(self.now, "process", &"starts");
        self.host.clock_off = match self.weather.amount(self.now, FaultKind::Clock) {
            Some(amount) => (amount - 500) * 800_000,
            None => 0,
        };
        let core = match self.host.log.rebuild() {
            Ok(core) => core,
            Err(why) => {
                self.oracle.fail(self.now, None, "R8", &format!("it does not start again: {why}"));
                return;
            }
        };
        let now = self.host.now(self.now);
        self.host.log.take_over(now);
        self.oracle.on_start(self.now, &core);
        let sent = core.view().living_orders().filter(|living| living.life.state == OrderState::Sent);
        let sent: Vec<OrderId> = sent.map(|living| living.order.id).collect();
        let is_behind = core.next_deadline() < now;
        self.host.core = Some(core);
        if is_behind {
            self.step(Event::Resumed);
        }
        for id in sent {
            self.step(Event::Venue(VenueEvent::Silence(id)));
        }
        for account in (0..self.config.accounts).map(AccountId) {
            if self.dies_by(FaultKind::CrashInRecovery) {
                return;
            }
            if let Some(budget) = self.config.budget {
                self.step(Event::Command(Command::Budget { account, budget: Some(budget) }));
            }
            let given = Management {
                account,
                mode: self.config.venue.mode(),
                instruments: self.config.managed(),
                read_every: Some(READ_EVERY),
                confirm_after: CONFIRM_AFTER,
            };
            self.step(Event::Command(Command::Manage(Box::new(given))));
        }
    }
}
