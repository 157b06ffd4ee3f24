//! One state of a model: the core, the venue, and everything that is on its way between them.
//!
//! Requests and answers lie in bags without an order: each may arrive before any other.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use ripcord_core::account::{ClosedBy, Holding, OutsideClose, Reading};
use ripcord_core::event::{
    Absence, Action, Entry, Event, OrderFound, Probe, Record, RefusedWhy, Tick, VenueEvent,
};
use ripcord_core::instrument::MarketKind;
use ripcord_core::listing::{Listed, Listing, OpenOrder, Whose};
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::order::{Fill, OrderState};
use ripcord_core::time::Timestamp;

use crate::faults::Fault;
use crate::owner::{ACCOUNT, BEGINNING, KEY, Owner, management, opening};
use crate::setup::{Budget, Flaw, Setup};
use crate::venue::{Place, Placed, TAKES_REQUESTS_FOR, Taken, Venue};

/// A request of ours on its way; orders by their place in [`Venue::orders`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Request {
    /// A new order, and until when the venue takes it.
    Submit(u8, Timestamp),
    /// Takes an order away.
    Cancel(u8),
    /// Asks what became of an order.
    Query(u8),
    /// Asks what is held.
    Read,
    /// Asks what rests.
    List,
}

/// A word of the venue on its way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Word {
    /// It has the order.
    Accepted(u8),
    /// It will not have it.
    Refused(u8, Why),
    /// The order traded so much in all.
    Filled(u8, i64, Price),
    /// It took the order away, which had traded so much.
    Cancelled(u8, i64),
    /// By its own rules.
    Expired(u8, i64),
    /// It cannot.
    CancelRefused(u8),
    /// The answer to a question.
    Found(u8, OrderState, i64),
    /// It looked then, and did not know the order.
    NotFound(u8, Timestamp),
    /// So much is held.
    Read(i64, Timestamp),
    /// These rest, and traded so much.
    Listed(Vec<(u8, i64)>, Timestamp),
    /// Somebody else's trade, with its number.
    ByHand(u8),
}

/// Why the venue refuses an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// It is busy.
    Busy,
    /// Nothing to reduce.
    NothingToReduce,
    /// Coins are locked.
    CoinsMissing,
}

/// What a step of a model is told with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// What the core wrote down.
    Record(Box<Entry>),
    /// What it wants done.
    Action(Box<Action>),
}

/// One state.
#[derive(Debug, Clone)]
pub struct World {
    /// The owner; of a dead one, what its journal says.
    pub owner: Arc<Owner>,
    /// What the journal said before the last step.
    before: Arc<Owner>,
    /// Whether the owner lives.
    pub is_alive: bool,
    /// A first owner that goes on after a second one was started.
    pub late: Option<Arc<Owner>>,
    /// The venue.
    pub venue: Venue,
    /// The clock.
    pub now: Timestamp,
    /// Prices that came.
    pub step: u8,
    /// Requests on their way.
    pub requests: Vec<Request>,
    /// Words of the venue on their way.
    pub answers: Vec<Word>,
    /// What the owner's last step asked for, while nothing else has happened.
    pub fresh: Vec<Request>,
    /// What may still go wrong.
    pub left: Budget,
    /// Lots that somebody sold by hand.
    pub by_hand: u8,
    /// A second owner was started while the first one lived.
    pub overlapped: bool,
    /// What must not be, and is.
    pub fault: Option<Fault>,
    /// Listens to the core, for stories.
    pub told: Option<Vec<Told>>,
}

impl World {
    /// The position is taken over, and its stop rests at the venue.
    #[must_use]
    pub fn new(setup: &Setup) -> Self {
        let owner = Arc::new(Owner::new(setup));
        let mut world = Self {
            before: Arc::clone(&owner),
            owner,
            is_alive: true,
            late: None,
            venue: Venue { held: setup.qty, price: Price(100_00), orders: Vec::new() },
            now: BEGINNING,
            step: 0,
            requests: Vec::new(),
            answers: Vec::new(),
            fresh: Vec::new(),
            left: Budget::default(),
            by_hand: 0,
            overlapped: false,
            fault: None,
            told: None,
        };
        world.hear(setup, management(setup));
        world.hear(setup, opening(setup));
        world.tick(setup);
        world.deliver_all(setup);
        world.left = setup.budget;
        world.end_action();
        world
    }

    /// The owner hears something; what it wants done is on its way.
    pub fn hear(&mut self, setup: &Setup, event: Event) {
        if setup.flaw == Flaw::JournalLosesLast {
            self.before = Arc::clone(&self.owner);
        }
        self.fresh.clear();
        let mut owner = Arc::clone(&self.owner);
        self.let_hear(setup, &mut owner, event, false);
        self.owner = owner;
    }

    /// The first owner hears something, after the second one was started.
    pub fn late_hears(&mut self, setup: &Setup, event: Event) {
        let Some(mut late) = self.late.take() else { return };
        self.let_hear(setup, &mut late, event, true);
        self.late = Some(late);
        // Only the last words of the second owner can be cut off by its death.
        self.fresh.clear();
    }

    fn let_hear(&mut self, setup: &Setup, owner: &mut Arc<Owner>, event: Event, is_late: bool) {
        let was_closing = owner.is_closing();
        // A unique owner is changed in its place.
        if Arc::ptr_eq(owner, &self.owner) {
            self.owner = Arc::clone(&self.before);
        }
        let now = self.now;
        Arc::make_mut(owner).hear(now, event, |records, actions| {
            self.judge_records(was_closing, records);
            if let Some(told) = &mut self.told {
                told.extend(records.iter().map(|entry| Told::Record(Box::new(entry.clone()))));
                told.extend(actions.iter().map(|action| Told::Action(Box::new(action.clone()))));
            }
            for action in actions {
                self.send(setup, action, is_late);
            }
        });
    }

    fn judge_records(&mut self, was_closing: bool, records: &[Entry]) {
        let mut is_closing = was_closing;
        for entry in records {
            match &entry.record {
                Record::ExitDecided(decided) if decided.leg == 0 => {
                    if is_closing {
                        self.fault = self.fault.or(Some(Fault::DecidedTwice));
                    }
                    is_closing = true;
                }
                Record::ExitConcluded { .. } | Record::Closed { .. } => is_closing = false,
                _ => {}
            }
        }
    }

    fn send(&mut self, setup: &Setup, action: &Action, is_late: bool) {
        let request = match action {
            Action::Submit(approved) => {
                let order = *approved.order();
                let same = |placed: &Placed| placed.order.id == order.id;
                let known = self.venue.orders.iter().position(same);
                if known.is_some_and(|at| self.venue.orders[at].order != order) && !self.overlapped {
                    self.fault = self.fault.or(Some(Fault::OtherOrderUnderSameId));
                }
                let exact = self.venue.orders.iter().position(|placed| placed.order == order);
                let at = exact.unwrap_or_else(|| {
                    self.venue.orders.push(Placed::new(order));
                    self.venue.orders.len() - 1
                });
                if is_late && setup.flaw == Flaw::LateOwnerUncapped {
                    self.venue.orders[at].is_capped = false;
                }
                self.judge_size(setup, at);
                let until = match setup.flaw {
                    Flaw::VenueTakesOldRequests => Timestamp::NEVER,
                    _ => self.now.after(TAKES_REQUESTS_FOR),
                };
                Request::Submit(number(at), until)
            }
            Action::Cancel(id) => Request::Cancel(self.place(id)),
            Action::Query(id) => Request::Query(self.place(id)),
            Action::ReadPositions(_) => Request::Read,
            Action::ListOrders(_) => Request::List,
            Action::CancelForeign(..) => return,
        };
        // A read or a list that is under way is not asked for twice.
        let is_one = matches!(request, Request::Read | Request::List);
        if is_one && self.requests.contains(&request) {
            return;
        }
        if self.left.crashes > 0 && self.is_alive {
            self.fresh.push(request);
        }
        if let (Request::Submit(at, _), Flaw::HostConfirmsUnseen) = (request, setup.flaw) {
            self.say(Word::Accepted(at));
        }
        let at = self.requests.partition_point(|other| *other <= request);
        self.requests.insert(at, request);
    }

    fn place(&self, id: &ripcord_core::id::OrderId) -> u8 {
        let found = self.venue.orders.iter().position(|placed| placed.order.id == *id);
        number(found.expect("only what was sent is asked about"))
    }

    /// No order is for more than is held; where coins are locked, not all of them together either.
    fn judge_size(&mut self, setup: &Setup, at: usize) {
        if self.overlapped {
            return;
        }
        let bound = self.venue.held + self.venue.untold() + i64::from(self.by_hand);
        let ours = self.venue.orders[at].order.qty.0;
        let others: i64 = match setup.market {
            MarketKind::Futures => 0,
            MarketKind::Spot => {
                let under_way = self.requests.iter().filter_map(|request| match request {
                    Request::Submit(other, _) if usize::from(*other) != at => {
                        let placed = &self.venue.orders[usize::from(*other)];
                        (placed.place == Place::OnTheWay).then_some(placed.order.qty.0)
                    }
                    _ => None,
                });
                under_way.sum::<i64>() + self.venue.locked()
            }
        };
        if ours + others > bound {
            self.fault = self.fault.or(Some(Fault::MoreThanHeld));
        }
    }

    /// The market is at its price, and the owner sees it.
    pub fn tick(&mut self, setup: &Setup) {
        let event = self.tick_now();
        if self.is_alive {
            self.hear(setup, event);
        }
    }

    /// The price of now, as an event.
    #[must_use]
    pub fn tick_now(&self) -> Event {
        let cell = self.owner.core().cell(KEY.instrument, PriceSource::Last);
        Event::Tick(Tick { at: self.now, price: self.venue.price, qty: Qty(0), cell, probe: Probe::TICK })
    }

    /// The venue says something to whoever lives.
    pub fn say(&mut self, word: Word) {
        if self.is_alive {
            let at = self.answers.partition_point(|other| *other <= word);
            self.answers.insert(at, word);
        }
    }

    /// The owner hears a word of the venue.
    pub fn hear_word(&mut self, setup: &Setup, word: &Word) {
        match word {
            Word::Filled(at, total, _) | Word::Found(at, _, total) => {
                let placed = &mut self.venue.orders[usize::from(*at)];
                placed.told = placed.told.max(*total);
            }
            _ => {}
        }
        if let Word::Cancelled(at, total @ 1..) | Word::Expired(at, total @ 1..) = word
            && setup.flaw != Flaw::EndsWithoutFills
        {
            // Whoever tells the end of an order has told what it traded.
            let filled = Word::Filled(*at, *total, self.venue.price);
            return self.hear_both(setup, &filled, word);
        }
        let event = Event::Venue(self.event(setup, word));
        self.hear(setup, event);
    }

    fn hear_both(&mut self, setup: &Setup, first: &Word, second: &Word) {
        self.hear_word(setup, first);
        let event = Event::Venue(self.event(setup, second));
        self.hear(setup, event);
    }

    fn event(&self, setup: &Setup, word: &Word) -> VenueEvent {
        let id = |at: &u8| self.venue.orders[usize::from(*at)].order.id;
        match word {
            Word::Accepted(at) => VenueEvent::Accepted(id(at)),
            Word::Refused(at, why) => VenueEvent::Refused(
                id(at),
                match why {
                    Why::Busy => RefusedWhy::Busy,
                    Why::NothingToReduce => RefusedWhy::NothingToReduce,
                    Why::CoinsMissing => RefusedWhy::CoinsMissing,
                },
            ),
            Word::Filled(at, total, price) => VenueEvent::Filled(Box::new(Fill {
                id: id(at),
                filled_total: Qty(*total),
                price: *price,
                fee: Money::ZERO,
            })),
            Word::Cancelled(at, _) => VenueEvent::Cancelled(id(at)),
            Word::Expired(at, _) => VenueEvent::Expired(id(at)),
            Word::CancelRefused(at) => VenueEvent::CancelRefused(id(at)),
            Word::NotFound(at, asked_at) => {
                VenueEvent::Absent(Box::new(Absence { id: id(at), asked_at: *asked_at }))
            }
            Word::Found(at, state, total) => {
                let placed = &self.venue.orders[usize::from(*at)];
                let fill = Fill {
                    id: placed.order.id,
                    filled_total: Qty(*total),
                    price: self.venue.price,
                    fee: Money::ZERO,
                };
                VenueEvent::Found(Box::new(OrderFound {
                    id: placed.order.id,
                    qty: placed.order.qty,
                    placed_at: placed.placed_at,
                    state: *state,
                    fill: (*total > 0).then_some(fill),
                }))
            }
            Word::Read(held, at) => VenueEvent::Read(Box::new(reading(*held, *at))),
            Word::Listed(orders, at) => {
                let open = orders.iter().map(|(order, filled)| {
                    let order = &self.venue.orders[usize::from(*order)].order;
                    OpenOrder {
                        whose: Whose::Ours(order.id),
                        qty: order.qty,
                        filled: Qty(*filled),
                        kind: order.kind,
                    }
                });
                let orders = Listed::All(open.collect());
                VenueEvent::Listed(Box::new(Listing { account: ACCOUNT, taken_at: *at, orders }))
            }
            Word::ByHand(trade) => VenueEvent::ClosedOutside(Box::new(OutsideClose {
                key: KEY,
                trade: u64::from(*trade),
                qty: Qty(1),
                price: Some(Price(setup.prices[0])),
                fee: Money::ZERO,
                by: ClosedBy::Hand,
            })),
        }
    }

    /// A request arrives at the venue.
    pub fn arrive(&mut self, setup: &Setup, request: Request) {
        match request {
            Request::Submit(at, _) => self.arrive_order(setup, at),
            Request::Cancel(at) => {
                if self.venue.orders[usize::from(at)].is_working() {
                    self.venue.orders[usize::from(at)].place = Place::Ended(OrderState::Cancelled);
                    self.judge_cancel(setup, usize::from(at));
                    let traded = self.venue.orders[usize::from(at)].filled;
                    self.say(Word::Cancelled(at, traded));
                } else {
                    self.say(Word::CancelRefused(at));
                }
            }
            Request::Query(at) => {
                let placed = &self.venue.orders[usize::from(at)];
                let word = match placed.place {
                    Place::OnTheWay => Word::NotFound(at, self.now),
                    Place::Working { .. } if placed.filled > 0 => {
                        Word::Found(at, OrderState::PartFilled, placed.filled)
                    }
                    Place::Working { .. } => Word::Found(at, OrderState::Working, 0),
                    Place::Ended(state) => Word::Found(at, state, placed.filled),
                };
                self.say(word);
            }
            Request::Read => {
                let word = Word::Read(self.venue.held + setup.spare, self.drawn_up());
                self.say(word);
            }
            Request::List => {
                let working = self.venue.orders.iter().enumerate().filter(|(_, placed)| placed.is_working());
                let working = working.map(|(at, placed)| (number(at), placed.filled)).collect();
                let word = Word::Listed(working, self.drawn_up());
                self.say(word);
            }
        }
    }

    /// The moment of something that is drawn up now: whatever is told later happens later.
    fn drawn_up(&mut self) -> Timestamp {
        let at = self.now;
        self.now = Timestamp(at.0 + 1);
        at
    }

    fn arrive_order(&mut self, setup: &Setup, at: u8) {
        match self.venue.take(setup, usize::from(at), self.now) {
            Taken::Works => self.say(Word::Accepted(at)),
            Taken::Known => {}
            Taken::NothingToReduce => self.say(Word::Refused(at, Why::NothingToReduce)),
            Taken::CoinsMissing => self.say(Word::Refused(at, Why::CoinsMissing)),
        }
    }

    /// An order trades.
    pub fn trade(&mut self, setup: &Setup, at: usize, most: i64) {
        self.venue.trade(setup, at, most);
        let placed = &self.venue.orders[at];
        let word = Word::Filled(number(at), placed.filled, self.venue.price);
        if placed.filled + placed.filled_before > placed.order.qty.0 && setup.budget.repeats == 0 {
            self.fault = self.fault.or(Some(Fault::TradedTwice));
        }
        self.say(word);
        self.sweep(setup);
    }

    /// Orders with nothing left to reduce are taken away.
    pub fn sweep(&mut self, setup: &Setup) {
        let mut swept = Vec::new();
        self.venue.sweep(setup, |at, traded| swept.push(Word::Expired(number(at), traded)));
        for word in swept {
            self.say(word);
        }
    }

    /// A stop is not taken away before another is in its place, or we are getting out.
    fn judge_cancel(&mut self, setup: &Setup, at: usize) {
        let was_stop = self.venue.orders[at].is_stop();
        let is_bare = self.venue.held > 0 && self.venue.covered() == 0;
        let excused = self.overlapped || setup.budget.hand_cancels > 0 || !self.is_alive;
        if setup.market == MarketKind::Futures && was_stop && is_bare && !excused && !self.owner.is_closing()
        {
            self.fault = self.fault.or(Some(Fault::StopTakenFirst));
        }
    }

    /// Time goes on; requests grow too old.
    pub fn advance(&mut self, to: Timestamp) {
        self.now = self.now.max(to);
        let now = self.now;
        self.requests.retain(|request| !matches!(request, Request::Submit(_, until) if *until < now));
    }

    /// The process dies when it has sent `sent` of what its last step asked for.
    pub fn crash(&mut self, sent: usize) {
        for request in self.fresh.split_off(sent) {
            if let Some(at) = self.requests.iter().rposition(|other| *other == request) {
                self.requests.remove(at);
            }
        }
        self.fresh.clear();
        self.is_alive = false;
        self.answers.clear();
        // Nobody hears the answers to its questions.
        self.requests.retain(|request| matches!(request, Request::Submit(..) | Request::Cancel(_)));
    }

    /// The process starts again from its journal, and does what every host does then.
    pub fn start(&mut self, setup: &Setup) {
        let journal = if setup.flaw == Flaw::JournalLosesLast { &self.before } else { &self.owner };
        self.owner = Arc::new(journal.started_again());
        self.is_alive = true;
        if setup.flaw != Flaw::StartForgetsSent {
            let unanswered: Vec<_> = self.owner.unanswered().collect();
            for id in unanswered {
                self.hear(setup, Event::Venue(VenueEvent::Silence(id)));
            }
        }
        self.hear(setup, management(setup));
        self.tick(setup);
    }

    /// After an action: what the owner is known by, and whether what holds of every state holds of this.
    pub fn end_action(&mut self) {
        Owner::restate(&mut self.owner);
        if let Some(late) = &mut self.late {
            Owner::restate(late);
        }
        self.judge_state();
    }

    fn judge_state(&mut self) {
        let Venue { held, .. } = self.venue;
        if held < 0 {
            self.fault = self.fault.or(Some(Fault::Flipped));
        }
        let open = self.owner.open();
        let untold = self.venue.untold() + i64::from(self.by_hand);
        let knows_more = held > open && self.is_alive;
        let knows_less = open > held + untold && !self.overlapped;
        if knows_more || knows_less {
            self.fault = self.fault.or(Some(Fault::BooksDiffer));
        }
    }
}

fn reading(held: i64, at: Timestamp) -> Reading {
    let holding = Holding {
        instrument: KEY.instrument,
        side: KEY.side,
        qty: Qty(held),
        entry: Some(Price(100_00)),
        leverage: None,
        liquidation: None,
        mark: None,
    };
    let held = if held > 0 { vec![holding] } else { Vec::new() };
    Reading { account: ACCOUNT, taken_at: at, fills_until: at, held: Some(held) }
}

pub(crate) fn number(at: usize) -> u8 {
    u8::try_from(at).expect("a model has few orders")
}

impl PartialEq for World {
    fn eq(&self, other: &Self) -> bool {
        let print = |world: &Self| {
            let mut digest = crate::digest::Digest::default();
            world.hash(&mut digest);
            digest.finish()
        };
        print(self) == print(other)
    }
}

impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.owner.print().hash(state);
        self.late.as_ref().map(|late| late.print()).hash(state);
        (self.is_alive, self.now, self.step, self.by_hand, self.overlapped, self.fault).hash(state);
        self.venue.hash(state);
        (&self.requests, &self.answers, &self.fresh).hash(state);
        self.left.hash(state);
    }
}
