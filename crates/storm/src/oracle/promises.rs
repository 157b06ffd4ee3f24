//! What the words of the journal promise each other: a stop lies where its plan wants it, an exit has what
//! it was asked for, what is left to a stop is covered by one, and what is somebody else's stays so.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ripcord_core::event::{
    Action, Added, Command, Event, ExitDecided, Filled, LeftOutside, Opened, OrderEnd, Record, RefusedWhy,
    VenueEvent,
};
use ripcord_core::id::{AccountId, EpisodeId, OrderId, PositionKey};
use ripcord_core::kill::KillLevel;
use ripcord_core::num::Price;
use ripcord_core::order::{ExitOrder, Fill, OrderKind};
use ripcord_core::reason::{Reason, StopOrigin};
use ripcord_core::time::{Span, Timestamp};

use super::life::{is_looser, orders_of};
use super::{Oracle, Told};
use crate::config::Config;
use crate::exchange::{Exchange, Fact};
use crate::table::Table;

mod asked;
mod reads;
mod stops;

/// A level may be off by so many ticks: what rounding is, is the plan's choice.
const TICKS: i64 = 2;
/// A list that is relied on is at most so old, and took its time.
const COVERED_WITHIN: Span = Span::from_secs(40);
/// No read says what was longer ago than this before the moment that it names.
const READ_LAG_MAX: Span = Span::from_secs(60);
/// More exits than this that nobody has heard of again are without bound.
const LOST_MAX: usize = 5;

/// What the words promised so far.
#[derive(Debug)]
pub(super) struct Promises {
    /// What the step that is written down now came from.
    input: Option<Event>,
    /// A life that has just begun: whether it was found at the venue is said next.
    begun: Option<Opened>,
    /// Until when signals are good.
    signals: BTreeMap<EpisodeId, Timestamp>,
    released: Table<bool>,
    /// Legs of which something was sold, and by which exit.
    pub(super) sold: BTreeMap<(EpisodeId, u8), u16>,
    /// What somebody asked for, and nobody has answered.
    unanswered: Option<(PositionKey, asked::Wish)>,
    /// Why each exit was decided.
    causes: BTreeMap<(EpisodeId, u16), Reason>,
    /// An exit gave way to another, which is decided next.
    overtaken: Option<(EpisodeId, Reason)>,
    /// An account of which everything is to be closed, or whose exits of choice are to end.
    owed: Option<(AccountId, bool)>,
    /// What a read has found different, and as of when: it is believed when another says the same.
    doubted: Table<Option<(i64, Timestamp)>>,
    /// When the quantity of a bucket last changed, by our clock.
    moved_at: Table<Option<Timestamp>>,
    /// Trades of others that were taken out.
    taken_out: BTreeSet<(PositionKey, u64)>,
    /// When the venue confirmed each order, by our clock.
    accepted_at: BTreeMap<OrderId, Timestamp>,
    /// What each order became by somebody else's hand.
    edited: BTreeMap<OrderId, (i64, OrderKind)>,
    /// What serves nobody is cancelled in the step that finds it.
    strays: BTreeSet<OrderId>,
    /// When they were found: what one moment decides leaves together.
    strays_at: Timestamp,
    /// Lives that outlived a process: which of their cancels were sent is not known.
    survivors: BTreeSet<EpisodeId>,
    /// The first leg of a life was sold, and its stop is to follow.
    follows: Option<EpisodeId>,
    /// The only stop of a life was lost sight of, and another is to take its place.
    bare: Option<EpisodeId>,
    /// What left while orders lived that may have sold it.
    unseen: BTreeMap<EpisodeId, (i64, BTreeSet<OrderId>)>,
    /// Lives whose soft stop was left to the stop at the venue.
    deferred: BTreeSet<EpisodeId>,
    /// Lives to which something came back, at what it cost then.
    repriced: BTreeSet<EpisodeId>,
    /// What each exit of a leg is for.
    decided: BTreeMap<(EpisodeId, u16), i64>,
    /// When panic last closed each bucket.
    panicked: BTreeMap<PositionKey, Timestamp>,
    /// What of it the last record put back, for the sale that follows.
    returned: i64,
    /// When the stops of a bucket last covered what it holds, at the exchange.
    covered_at: Table<Option<Timestamp>>,
    /// What a bucket held lately, at the exchange.
    held: Table<VecDeque<(Timestamp, i64)>>,
}

impl Promises {
    /// When what a bucket holds last changed, at the exchange.
    pub(super) fn traded_at(&self, key: PositionKey) -> Option<Timestamp> {
        self.held[key].back().map(|(at, _)| *at)
    }

    /// Whether something came back to a life, at what it cost then.
    pub(super) fn is_repriced(&self, episode: EpisodeId) -> bool {
        self.repriced.contains(&episode)
    }

    /// When the engine last heard of a trade.
    pub(super) fn moved_at(&self, key: PositionKey) -> Option<Timestamp> {
        self.moved_at[key]
    }

    pub(super) fn of(config: &Config) -> Self {
        Self {
            input: None,
            begun: None,
            signals: BTreeMap::new(),
            released: Table::of(config),
            sold: BTreeMap::new(),
            unanswered: None,
            causes: BTreeMap::new(),
            overtaken: None,
            owed: None,
            doubted: Table::of(config),
            moved_at: Table::of(config),
            taken_out: BTreeSet::new(),
            accepted_at: BTreeMap::new(),
            edited: BTreeMap::new(),
            strays: BTreeSet::new(),
            strays_at: Timestamp::MIN,
            survivors: BTreeSet::new(),
            follows: None,
            bare: None,
            unseen: BTreeMap::new(),
            deferred: BTreeSet::new(),
            repriced: BTreeSet::new(),
            decided: BTreeMap::new(),
            panicked: BTreeMap::new(),
            returned: 0,
            covered_at: Table::of(config),
            held: Table::of(config),
        }
    }

    /// What is written down from here on came from this.
    pub(super) fn came_from(&mut self, input: Event) {
        self.input = Some(input);
    }

    /// The least that a bucket held since a read may have looked.
    fn least_held(&self, named: Timestamp, key: PositionKey) -> i64 {
        let all = &self.held[key];
        let since = all.iter().rposition(|(at, _)| at.after(READ_LAG_MAX) < named).unwrap_or(0);
        all.iter().skip(since).map(|(_, held)| *held).min().unwrap_or(0)
    }

    /// The process died: what it had still to do, it does after its start.
    pub(super) fn die(&mut self, living: BTreeSet<EpisodeId>) {
        self.strays.clear();
        self.survivors = living;
    }

    /// A life is over.
    fn forget(&mut self, episode: EpisodeId) {
        self.covered_at[episode.key] = None;
        self.deferred.remove(&episode);
        self.repriced.remove(&episode);
        self.decided.retain(|(of, _), _| *of != episode);
        self.causes.retain(|(of, _), _| *of != episode);
        self.accepted_at.extract_if(orders_of(episode), |_, _| true).for_each(drop);
    }

    /// Whether a stop of a life was moved there by somebody else's hand.
    pub(super) fn was_edited_to(&self, episode: EpisodeId, at: Price) -> bool {
        let mut edited = self.edited.range(orders_of(episode));
        edited.any(|(_, (_, kind))| kind.trigger().is_some_and(|trigger| trigger.at == at))
    }

    /// So much of what had left is there after all.
    fn found_again(&mut self, episode: EpisodeId, qty: i64) {
        if let Some((unseen, _)) = self.unseen.get_mut(&episode) {
            *unseen = (*unseen - qty).max(0);
        }
    }

    /// The trade of an order that the step came of.
    pub(super) const fn heard_trade(&self) -> Option<&Fill> {
        match &self.input {
            Some(Event::Venue(VenueEvent::Filled(fill))) => Some(fill),
            Some(Event::Venue(VenueEvent::Found(found))) => found.fill.as_ref(),
            _ => None,
        }
    }

    /// Whether the step came of a refusal that may be for the place of the order.
    pub(super) const fn is_of_refused_place(&self) -> bool {
        matches!(&self.input, Some(Event::Venue(VenueEvent::Refused(_, RefusedWhy::Other))))
    }

    fn is_command(&self, such: impl Fn(&Command) -> bool) -> bool {
        matches!(&self.input, Some(Event::Command(command)) if such(command))
    }
}

impl Oracle<'_> {
    /// A record is durable, and is counted next.
    pub(super) fn on_promise(&mut self, now: Timestamp, at: Timestamp, record: &Record) {
        let begun = self.promises.begun.take();
        if let (Some(opened), false) = (begun, matches!(record, Record::Adopted(_))) {
            self.check_first_stop(now, &opened);
            self.check_opened(now, &opened);
        }
        self.hear_answer(now, record);
        match record {
            Record::Input(event) => {
                self.check_owed(now);
                self.check_answered(now);
                self.check_followed(now);
                self.check_replaced(now);
                match event {
                    Event::Venue(VenueEvent::Filled(fill)) => self.on_fill_told(now, fill),
                    Event::Venue(VenueEvent::Found(found)) => {
                        if let Some(fill) = &found.fill {
                            self.on_fill_told(now, fill);
                        }
                    }
                    _ => {}
                }
                if let Event::Command(command) = event {
                    self.on_command(command);
                }
            }
            Record::Opened(opened) => self.promises.begun = Some((**opened).clone()),
            Record::Adopted(adopted) => {
                if self.promises.released[adopted.episode.key] {
                    self.break_promise(now, adopted.episode.key, "S6", "what was let go is taken over again");
                }
            }
            Record::Released { episode, .. } => {
                self.promises.released[episode.key] = true;
            }
            Record::HandedOver(key) => {
                self.promises.released[*key] = false;
            }
            Record::Signalled { episode, until } => {
                if *until < at {
                    self.break_promise(now, episode.key, "S6", "a signal that came too late is taken");
                }
                self.promises.signals.insert(*episode, *until);
            }
            Record::KillLevel { account, level } => match level {
                Some(KillLevel::Flatten) => self.promises.owed = Some((*account, true)),
                Some(KillLevel::NoChoice | KillLevel::ProtectOnly) => {
                    self.promises.owed = Some((*account, false));
                }
                Some(KillLevel::Silent) | None => {}
            },
            record => self.on_deed(now, at, record),
        }
    }

    fn on_deed(&mut self, now: Timestamp, at: Timestamp, record: &Record) {
        match record {
            Record::Added(added) => self.check_added(now, added),
            Record::OrderAccepted(id) => {
                // What is found says since when it rests.
                let since = match &self.promises.input {
                    Some(Event::Venue(VenueEvent::Found(found))) if found.id == *id => {
                        found.placed_at.min(at)
                    }
                    _ => at,
                };
                self.promises.accepted_at.entry(*id).or_insert(since);
                if self.intents.get(id).is_some_and(|it| it.is_ended || it.filled >= it.order.qty.0) {
                    self.break_promise(now, id.episode.key, "S4", "an order that has ended lives again");
                }
                let held = self.lives.get(id.episode).map_or(0, |life| life.qty);
                self.remember_stop(now, id, held);
            }
            Record::OrdersListed(listed) => self.check_list(now, listed),
            Record::Reconciled(reconciled) => self.check_read(now, reconciled),
            Record::Returned(back) => {
                self.promises.found_again(back.episode, back.qty.0);
                self.promises.returned = back.qty.0;
                self.promises.repriced.insert(back.episode);
            }
            Record::ExitDecided(decided) => self.on_decided_exit(now, at, decided),
            Record::ExitConcluded { episode, why, .. } => self.check_concluded(now, *episode, *why),
            Record::OrderIntended(order) => self.check_intent(now, order),
            Record::OrderEnded { id, how: OrderEnd::Unknown } => self.on_lost(id),
            Record::Filled(filled) => self.on_sold(now, at, filled),
            Record::Deferred { episode, reason, .. } => self.on_deferred(now, *episode, *reason),
            Record::StopMoved { episode, to, origin: StopOrigin::Moved, .. } => {
                let told = &self.told[episode.key.instrument.0 as usize];
                // What a process before this one heard last it may have kept to itself.
                let told = told.iter().rev().take_while(|told| told.at >= self.began);
                let last: Vec<_> = told.filter(|told| told.by_feed).take(6).collect();
                let is_through = |told: &&Told| is_looser(episode.key.side, told.price, to.0);
                let is_asked = self.promises.is_command(|it| matches!(it, Command::MoveStop { .. }));
                if is_asked && last.len() == 6 && last.iter().all(is_through) {
                    self.break_promise(now, episode.key, "S10", "a stop is moved through the market");
                }
            }
            Record::LeftOutside(left) => self.check_left(now, at, left),
            Record::Closed { episode } => self.on_over(now, *episode),
            _ => {}
        }
    }

    fn on_decided_exit(&mut self, now: Timestamp, at: Timestamp, decided: &ExitDecided) {
        if decided.reason == Reason::PanicClose {
            self.promises.panicked.insert(decided.episode.key, now);
        }
        if decided.leg > 0 {
            self.check_part(now, decided.episode, decided.leg, decided.qty.0);
            self.promises.decided.insert((decided.episode, decided.exit), decided.qty.0);
        }
        self.check_asked(now, at, decided);
    }

    /// A life is over: what of it rests is cancelled in the same step.
    fn on_over(&mut self, now: Timestamp, episode: EpisodeId) {
        let closing = self.lives.get(episode).and_then(|life| life.closing);
        if closing.is_some_and(|(_, reason, _)| reason == Reason::PanicClose) {
            self.promises.panicked.insert(episode.key, now);
        }
        let open = self.open[episode.key].iter();
        let is_owed = |id: &&OrderId| {
            let rests = |it: &super::Intent| it.is_accepted && !it.is_ended && !it.is_cancelled_by_us;
            id.episode == episode && self.intents.get(id).is_some_and(rests)
        };
        if !self.is_silent(episode.key.account) && !self.promises.survivors.contains(&episode) {
            self.promises.strays.extend(open.filter(is_owed));
            self.promises.strays_at = now;
        }
        self.promises.forget(episode);
    }

    fn check_added(&mut self, now: Timestamp, added: &Added) {
        let is_asked = self.check_addition(now, added);
        if !is_asked {
            self.promises.found_again(added.episode, added.qty.0);
        }
        if self.is_spot() && !is_asked {
            self.break_promise(now, added.episode.key, "SP2", "coins are taken that nobody gave");
        }
        if let Some(life) = self.lives.get(added.episode) {
            let cost = life.cost + i128::from(added.price.0) * i128::from(added.qty.0);
            let entry = cost / i128::from((life.qty + added.qty.0).max(1));
            let is_known = !life.is_adopted && !self.promises.repriced.contains(&added.episode);
            if (entry - i128::from(added.entry.0)).abs() > 2 && is_known {
                let what = format!("its entry is {}, and what was paid is {entry}", added.entry.0);
                self.break_promise(now, added.episode.key, "S12", &what);
            }
        }
    }

    fn on_sold(&mut self, now: Timestamp, at: Timestamp, filled: &Filled) {
        let OrderId { episode, leg, exit, .. } = filled.id;
        self.promises.moved_at[episode.key] = Some(at);
        if leg > 0 {
            self.promises.sold.entry((episode, leg)).or_insert(exit);
        }
        if leg == 1
            && self.intents.get(&filled.id).is_some_and(|it| it.filled + filled.qty.0 == it.order.qty.0)
        {
            self.promises.follows = Some(episode);
        }
        // A stop may cover all of what is left now.
        let stops = self.open[episode.key].iter().filter(|id| id.episode == episode);
        let stops: Vec<OrderId> =
            stops.copied().filter(|id| self.intents.get(id).is_some_and(|it| it.is_accepted)).collect();
        for id in stops {
            self.remember_stop(now, &id, filled.remaining.0);
        }
        let (unseen, back) =
            (self.promises.unseen.get(&episode), std::mem::take(&mut self.promises.returned));
        // What a sale brought beyond what had left is a sale like any other.
        let is_owed = unseen.is_some_and(|(qty, by)| *qty > 0 && by.contains(&filled.id));
        if is_owed && back < filled.qty.0 {
            self.break_promise(now, episode.key, "S4", "what had left already is sold once more");
        }
    }

    fn check_left(&mut self, now: Timestamp, at: Timestamp, left: &LeftOutside) {
        self.check_left_cause(now, left);
        self.promises.moved_at[left.episode.key] = Some(at);
        if let Some(Event::Venue(VenueEvent::ClosedOutside(closed))) = &self.promises.input {
            let trade = (closed.key, closed.trade);
            if !self.promises.taken_out.insert(trade) {
                self.break_promise(now, left.episode.key, "S4", "a trade of others is taken out twice");
            }
        }
        if left.reason == Reason::Unknown {
            let open = self.open[left.episode.key].iter();
            let of_it: BTreeSet<OrderId> = open.filter(|id| id.episode == left.episode).copied().collect();
            let unseen = self.promises.unseen.entry(left.episode).or_default();
            if unseen.1.is_empty() && !of_it.is_empty() {
                // What no order explains is not put back as one of them.
                unseen.0 = 0;
            }
            unseen.0 += left.qty.0;
            unseen.1.extend(of_it);
        }
        let named = match &self.promises.input {
            Some(Event::Venue(VenueEvent::Read(read))) => Some(read.fills_until),
            _ => None,
        };
        let before = left.remaining.0 + left.qty.0;
        let least = named.map_or(0, |named| self.promises.least_held(named, left.episode.key));
        if named.is_some() && least >= before {
            let what = format!("{} is taken out by a read, and {least} was held all the time", left.qty.0);
            self.break_promise(now, left.episode.key, "S3", &what);
        }
    }

    fn break_promise(&mut self, now: Timestamp, key: PositionKey, invariant: &'static str, what: &str) {
        self.fail(now, Some(key), invariant, what);
    }

    /// What somebody asked for is under way when the next thing happens.
    fn check_owed(&mut self, now: Timestamp) {
        if self.promises.strays_at < now
            && let Some(id) = self.promises.strays.pop_first()
        {
            self.break_promise(now, id.episode.key, "S8", "what serves nobody is not cancelled");
        }
        let Some((account, is_everything)) = self.promises.owed.take() else { return };
        if self.is_silent(account) {
            return;
        }
        for key in self.living.keys().filter(|key| key.account == account) {
            let Some(life) = self.living(key) else { continue };
            let least = self.least(key);
            let is_choice = |(_, reason, _): &(u16, Reason, Timestamp)| {
                matches!(reason, Reason::SignalExit | Reason::TimeLimit)
            };
            if is_everything && life.closing.is_none() && life.qty >= least {
                self.break_promise(now, key, "L3", "everything was to be closed, and it is not");
            } else if !is_everything && life.closing.as_ref().is_some_and(is_choice) {
                self.break_promise(now, key, "S14", "an exit of choice goes on");
            }
        }
    }

    /// Silence is no reason to send again: the venue is asked first, but for emergencies.
    fn check_intent(&mut self, now: Timestamp, order: &ExitOrder) {
        self.check_cause(now, order);
        self.promises.bare.take_if(|bare| *bare == order.id.episode);
        if order.reason == Reason::TakeProfit {
            self.check_leg(now, order);
            self.check_target(now, order);
        }
        let is_emergency = matches!(
            order.reason,
            Reason::PanicClose | Reason::HardStop | Reason::LossGuard | Reason::ProtectionFailed
        );
        let by_silence = match &self.promises.input {
            Some(Event::Venue(VenueEvent::Silence(of))) => {
                (of.episode, of.exit) == (order.id.episode, order.id.exit)
            }
            _ => false,
        };
        if by_silence && order.id.exit > 0 && !is_emergency {
            let key = order.id.episode.key;
            self.break_promise(now, key, "S5", "an exit is sent again because nobody answered");
        }
    }

    /// A leg is sold once, and for no more than its part of what is left.
    fn check_leg(&mut self, now: Timestamp, order: &ExitOrder) {
        let OrderId { episode, leg, exit, .. } = order.id;
        let sold = self.promises.sold.get(&(episode, leg));
        if sold.is_some_and(|by| *by != exit || exit == 0) {
            self.break_promise(now, episode.key, "S5", &format!("leg {leg} is offered again"));
        }
        // What is decided is decided: part of the rest may leave by hand before the coins are free.
        match self.promises.decided.get(&(episode, exit)).filter(|_| exit > 0) {
            Some(decided) if order.qty.0 <= *decided => {}
            _ => self.check_part(now, episode, leg, order.qty.0),
        }
    }

    /// A leg is for no more than its part of what is left.
    fn check_part(&mut self, now: Timestamp, episode: EpisodeId, leg: u8, qty: i64) {
        let Some(life) = self.lives.get(episode).filter(|life| !life.is_changed) else { return };
        let legs = self.means(life).legs.iter().zip(1_u8..).take(usize::from(leg));
        let open = legs.filter(|(_, number)| !self.promises.sold.contains_key(&(episode, *number)));
        let kept = open.fold(1.0, |kept, ((_, close), _)| kept * (10_000 - close) as f64 / 10_000.0);
        let most = (life.qty as f64 * (1.0 - kept)) as i64 + self.lot(episode.key) + 1;
        if qty > most {
            let what = format!("leg {leg} sells {qty}, and its part is {most}");
            self.break_promise(now, episode.key, "S5", &what);
        }
    }

    /// An action leaves.
    pub(super) fn on_promised_send(&mut self, now: Timestamp, action: &Action, exchange: &Exchange) {
        match action {
            Action::Submit(approved) => self.check_again(now, approved.order()),
            Action::Cancel(id) => {
                self.promises.strays.remove(id);
                self.check_last_stop(now, id, exchange);
            }
            Action::CancelForeign(account, id) => {
                let key = id.key(*account);
                let reason = self.living(key).and_then(|life| life.closing).map(|(_, reason, _)| reason);
                let is_asked = self.promises.is_command(|it| match it {
                    Command::Panic(of) => of == account,
                    Command::Kill { account: of, level, .. } => {
                        of == account && *level == Some(KillLevel::Flatten)
                    }
                    _ => false,
                });
                // Or one that ended in this very moment.
                let has_just = self.promises.panicked.get(&key) == Some(&now);
                if reason != Some(Reason::PanicClose) && !is_asked && !has_just {
                    self.break_promise(now, key, "S11", "an order of somebody else is cancelled");
                }
            }
            Action::Query(_) | Action::ReadPositions(_) | Action::ListOrders(_) => {}
        }
    }

    /// Exits that nobody has heard of again are not followed by others without bound.
    fn check_again(&mut self, now: Timestamp, order: &ExitOrder) {
        let (key, reason) = (order.id.episode.key, order.reason);
        if order.id.leg > 0 || order.id.exit == 0 || order.id.slice > 0 {
            return;
        }
        let open = self.open[key].iter().filter_map(|id| self.intents.get(id));
        let is_such = |it: &&super::Intent| {
            let id = it.order.id;
            let is_close = id.leg == 0 && id.exit > 0 && id.slice == 0;
            is_close && id.episode == order.id.episode && it.is_lost && !it.is_ended
        };
        let is_person =
            self.promises.is_command(|it| matches!(it, Command::Panic(_) | Command::Close { .. }));
        if open.filter(is_such).count() > LOST_MAX && reason != Reason::Manual && !is_person {
            self.break_promise(now, key, "S5", "exit after exit is sent, and nobody has heard of them again");
        }
    }

    /// The exchange did something.
    pub(super) fn on_held(&mut self, now: Timestamp, fact: &Fact) {
        let (key, held) = match fact {
            Fact::Traded { id, held, .. } => (id.episode.key, *held),
            Fact::Entered { key, held, .. } | Fact::Outside { key, held, .. } => (*key, *held),
            _ => return,
        };
        if let Fact::Traded { id: OrderId { exit: 0, leg: 0, .. }, .. } = fact {
            self.promises.covered_at[key] = Some(now);
        }
        let all = &mut self.promises.held[key];
        all.push_back((now, held));
        if all.len() > 200 {
            all.pop_front();
        }
    }
}
