//! What the desk trades at when its venue is behind a wire.
//!
//! Every answer becomes an event of the core at the moment it is heard. A request that nobody answers in
//! time becomes silence, or a read that failed; one that never left is refused, so that it is tried again.

use std::collections::{BTreeMap, VecDeque};
use std::io::Write;
use std::net::TcpStream;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use ripcord_core::account::{Holding, Reading};
use ripcord_core::cell::CellId;
use ripcord_core::event::{Absence, Action, OrderFound, ProbeFill, RefusedWhy, VenueEvent};
use ripcord_core::id::{AccountId, InstrumentId, OrderId};
use ripcord_core::instrument::Instrument;
use ripcord_core::listing::{ForeignId, Listed, Listing, OpenOrder, Whose};
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Money, Price, Qty, Ratio};
use ripcord_core::order::{ExitOrder, Fill, OrderKind, OrderState};
use ripcord_core::time::{Span, Timestamp};
use ripcord_core::view::LivingOrder;
use ripcord_sim::desk::Venue;
use ripcord_sim::venue::Answer as Heard;
use ripcord_venue::line::{
    self, Answer, Asked, Ended, Found, Kind, Named, Order, Request, State, Subscribe, Why,
};

use super::clock::VenueClock;
use super::connection::Word;
use super::ids::{ClientIds, foreign_number};
use super::ties::Ties;
use super::totals::Totals;
use crate::crash::{self, Point};

/// What was asked about an account, and is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Question {
    is_list: bool,
    account: AccountId,
    asked_at: Timestamp,
}

/// A venue behind a wire.
#[derive(Debug)]
pub struct LineVenue {
    ids: ClientIds,
    symbols: Vec<String>,
    words: Receiver<Word>,
    clock: VenueClock,
    to: Option<TcpStream>,
    answer_within: Span,
    /// Events that were heard, and when.
    heard: VecDeque<Heard>,
    /// Orders that were sent and not answered, and when that was.
    awaited: BTreeMap<OrderId, Timestamp>,
    questions: BTreeMap<u64, Question>,
    /// When orders were asked about, the earliest first: each question is answered once, in its turn, or never.
    asked: BTreeMap<OrderId, VecDeque<Timestamp>>,
    /// What orders were said to have traded in all.
    totals: Totals,
    /// What stops became when they were triggered.
    ties: Ties,
    /// The venue's own ids of orders of others, from the last list of each account.
    foreign: BTreeMap<(AccountId, ForeignId), String>,
    number: u64,
}

/// Of so many questions about an order it is remembered when they left; of later ones it is taken to be earlier.
const ASKED_MAX: usize = 64;

impl LineVenue {
    /// A venue that is heard through `words`. Its orders are named by `ids`, its times are corrected by `clock`.
    #[must_use]
    pub fn new(ids: ClientIds, words: Receiver<Word>, answer_within: Span, clock: VenueClock) -> Self {
        Self {
            ids,
            symbols: Vec::new(),
            words,
            clock,
            to: None,
            answer_within,
            heard: VecDeque::new(),
            awaited: BTreeMap::new(),
            questions: BTreeMap::new(),
            asked: BTreeMap::new(),
            totals: Totals::default(),
            ties: Ties::default(),
            foreign: BTreeMap::new(),
            number: 0,
        }
    }

    /// Says a line; whether it left whole. Of one that left in part nobody knows.
    fn say(&mut self, request: &Request) -> bool {
        let Some(to) = &mut self.to else { return false };
        let is_said = to.write_all(line::text(request).as_bytes()).is_ok();
        if !is_said {
            // The thread that listens finds the connection broken, and begins another one.
            let _closed = to.shutdown(std::net::Shutdown::Both);
            self.to = None;
        }
        is_said
    }

    fn submit(&mut self, now: Timestamp, order: &ExitOrder, out: &mut Vec<Heard>) {
        if self.to.is_none() {
            // It never left: that is known, and not unknown.
            out.push((now, VenueEvent::Refused(order.id, RefusedWhy::Busy)));
            return;
        }
        let key = order.id.episode.key;
        let request = Request::Submit(Order {
            id: self.ids.text(&order.id),
            account: key.account.0,
            instrument: self.symbols[key.instrument.0 as usize].clone(),
            side: key.side,
            qty: order.qty.0,
            kind: wire_kind(order.kind),
        });
        self.awaited.insert(order.id, now);
        self.say(&request);
        crash::here(Point::AfterSend);
    }

    fn query(&mut self, now: Timestamp, order: &OrderId) {
        let id = self.ids.text(order);
        if self.say(&Request::Query(Named { id })) {
            let asked = self.asked.entry(*order).or_default();
            if asked.len() < ASKED_MAX {
                asked.push_back(now);
            }
        }
    }

    /// When the question left that is answered now; none when nobody asked.
    fn answered_question(&mut self, order: &OrderId) -> Option<Timestamp> {
        let asked = self.asked.get_mut(order)?;
        let asked_at = asked.pop_front();
        if asked.is_empty() {
            self.asked.remove(order);
        }
        asked_at
    }

    fn ask(&mut self, now: Timestamp, account: AccountId, is_list: bool, out: &mut Vec<Heard>) {
        let is_asked = |question: &Question| question.account == account && question.is_list == is_list;
        if self.questions.values().any(is_asked) {
            return;
        }
        self.number += 1;
        let (question, n) = (Question { is_list, account, asked_at: now }, self.number);
        let asked = Asked { n, account: account.0 };
        if self.say(&if is_list { Request::List(asked) } else { Request::Read(asked) }) {
            self.questions.insert(n, question);
        } else {
            out.push((now, failed(question)));
        }
    }

    fn hear(&mut self, now: Timestamp, word: Word) {
        match word {
            Word::Up { stream, theirs, between: (asked, heard) } => {
                let ago = |then: Instant| {
                    let passed = i64::try_from(then.elapsed().as_nanos()).unwrap_or(i64::MAX);
                    now.after(Span(-passed))
                };
                self.clock.begin(ago(asked), theirs, ago(heard));
                self.to = Some(stream);
            }
            Word::Answer(answer) => {
                if let Some(event) = self.event(now, *answer) {
                    self.heard.push_back((now, event));
                }
            }
            Word::Down => {
                // Answers that were on their way are lost: nobody says them again.
                self.to = None;
                self.asked.clear();
                let lost = std::mem::take(&mut self.awaited);
                self.heard.extend(lost.into_keys().map(|id| (now, VenueEvent::Silence(id))));
                let unread = std::mem::take(&mut self.questions);
                self.heard.extend(unread.into_values().map(|question| (now, failed(question))));
            }
        }
    }

    /// What an answer is to the core. One of an order that is not ours, or that cannot be, is none.
    fn event(&mut self, now: Timestamp, answer: Answer) -> Option<VenueEvent> {
        let ids = self.ids.clone();
        let order = |named: &str| ids.order(named);
        self.note_strange(&answer);
        let event = match answer {
            Answer::Accepted(Named { id }) => VenueEvent::Accepted(order(&id)?),
            Answer::Refused(refused) => {
                let id = order(&refused.id)?;
                match refused.why {
                    // Something is there under its id: it is asked about.
                    Why::Duplicate => VenueEvent::Silence(id),
                    Why::NothingToReduce => VenueEvent::Refused(id, RefusedWhy::NothingToReduce),
                    Why::Busy => VenueEvent::Refused(id, RefusedWhy::Busy),
                    Why::MarketRefused => VenueEvent::Refused(id, RefusedWhy::MarketRefused),
                    Why::CoinsMissing => VenueEvent::Refused(id, RefusedWhy::CoinsMissing),
                    Why::Other => VenueEvent::Refused(id, RefusedWhy::Other),
                }
            }
            Answer::Triggered(triggered) => {
                let id = order(&triggered.id)?;
                self.tie(now, triggered.became, id);
                VenueEvent::Triggered(id)
            }
            Answer::Filled(filled) => {
                let fill = fill(self.order(&filled.id)?, filled.total, filled.price, filled.fee)?;
                let before = fill.filled_total.0.saturating_sub(filled.qty.unwrap_or(i64::MAX));
                if before > self.totals.known(&fill.id) {
                    // The price and the fee of this trade are not those of the one before it.
                    self.ask_what_traded(now, fill.id);
                    return None;
                }
                // What was told before is no other trade.
                VenueEvent::Filled(Box::new(self.totals.hear(fill.id, filled.total).then_some(fill)?))
            }
            Answer::Cancelled(ended) => VenueEvent::Cancelled(self.ended(now, &ended)?),
            Answer::Expired(ended) => VenueEvent::Expired(self.ended(now, &ended)?),
            Answer::CancelRefused(Named { id }) => VenueEvent::CancelRefused(order(&id)?),
            Answer::NotFound(Named { id }) => {
                let id = order(&id)?;
                let asked_at = self.answered_question(&id)?;
                VenueEvent::Absent(Box::new(Absence { id, asked_at }))
            }
            Answer::Found(found) => VenueEvent::Found(Box::new(self.found(now, &found)?)),
            Answer::Read(reading) => {
                // A question is answered once; its copy comes too late.
                let question = self.questions.remove(&reading.n)?;
                // What the venue knew when it was asked is in it, whatever its clock says.
                let (account, until) = (question.account, question.asked_at);
                self.clock.answered(until, Timestamp(reading.taken_at));
                let taken_at = self.clock.ours(Timestamp(reading.taken_at)).min(now);
                let held = reading.held.and_then(|held| held.iter().map(|of| self.holding(of)).collect());
                VenueEvent::Read(Box::new(Reading { account, taken_at, fills_until: until, held }))
            }
            Answer::Listed(listing) => {
                let Question { account, asked_at, .. } = self.questions.remove(&listing.n)?;
                self.note_foreign(account, listing.orders.as_deref().unwrap_or_default());
                let orders: Option<Vec<OpenOrder>> =
                    listing.orders.and_then(|of| of.iter().map(|one| self.open_order(one)).collect());
                let orders = orders.map_or(Listed::Failed, Listed::All);
                VenueEvent::Listed(Box::new(Listing { account, taken_at: asked_at, orders }))
            }
            Answer::Hello(_) | Answer::Price(_) | Answer::Opened(_) | Answer::Error(_) => return None,
        };
        if let Some(id) = answered(&event) {
            self.awaited.remove(&id);
        }
        Some(event)
    }

    /// What the venue knows of an order.
    fn found(&mut self, now: Timestamp, found: &Found) -> Option<OrderFound> {
        let id = self.ids.order(&found.id)?;
        self.answered_question(&id);
        let told = match found.traded {
            Some(of) => Some(fill(id, of.total, of.price, of.fee)?),
            None => None,
        };
        let placed_at = self.clock.ours(Timestamp(found.placed_at)).min(now);
        let (qty, state) = (Qty(found.qty), core_state(found.state));
        // What it traded is in this answer: nothing is left to ask.
        if let Some(became) = found.became.clone().filter(|_| !state.is_final()) {
            self.ties.tie(became, id);
        }
        if state.is_final() {
            self.ties.forget(&id);
        }
        if let Some(fill) = &told {
            self.totals.hear(id, fill.filled_total.0);
        }
        Some(OrderFound { id, qty, placed_at, state, fill: told })
    }

    /// An order ended. Where it traded more than was heard, it is asked what: an end without its trades would have
    /// what is sold already sold once more.
    fn ended(&mut self, now: Timestamp, ended: &Ended) -> Option<OrderId> {
        let id = self.order(&ended.id)?;
        if ended.total.is_none_or(|total| total > self.totals.known(&id)) {
            self.ask_what_traded(now, id);
            return None;
        }
        self.ties.forget(&id);
        Some(id)
    }

    /// The order of ours that an id of the venue's means: its own, or what it became.
    fn order(&self, named: &str) -> Option<OrderId> {
        self.ids.order(named).or_else(|| self.ties.parent(named))
    }

    /// A trade or an end of an order that is not ours may be of what a stop of ours became, told before that was.
    fn note_strange(&mut self, answer: &Answer) {
        let (Answer::Filled(line::Filled { id, .. })
        | Answer::Cancelled(Ended { id, .. })
        | Answer::Expired(Ended { id, .. })) = answer
        else {
            return;
        };
        if self.order(id).is_none() {
            self.ties.note_strange(id);
        }
    }

    fn tie(&mut self, now: Timestamp, became: Option<String>, id: OrderId) {
        if became.is_some_and(|became| self.ties.tie(became, id)) {
            self.ask_what_traded(now, id);
        }
    }

    fn ask_what_traded(&mut self, now: Timestamp, id: OrderId) {
        self.awaited.insert(id, now);
        self.query(now, &id);
    }

    /// Orders of others are cancelled by the ids that the venue has for them.
    fn note_foreign(&mut self, account: AccountId, resting: &[line::Resting]) {
        self.foreign.retain(|(of, _), _| *of != account);
        for of in resting {
            if let Some(OpenOrder { whose: Whose::Foreign(number), .. }) = self.open_order(of) {
                self.foreign.insert((account, number), of.id.clone());
            }
        }
    }

    fn instrument(&self, symbol: &str) -> Option<InstrumentId> {
        let at = self.symbols.iter().position(|known| known == symbol)?;
        u32::try_from(at).ok().map(InstrumentId)
    }

    fn holding(&self, of: &line::Holding) -> Option<Holding> {
        Some(Holding {
            instrument: self.instrument(&of.instrument)?,
            side: of.side,
            qty: Qty(of.qty),
            entry: Some(Price(of.entry)),
            leverage: of.leverage.and_then(hundredths),
            liquidation: of.liquidation.map(Price),
            mark: None,
        })
    }

    fn open_order(&self, of: &line::Resting) -> Option<OpenOrder> {
        let whose = match self.order(&of.id) {
            Some(id) => Whose::Ours(id),
            None => Whose::Foreign(ForeignId {
                instrument: self.instrument(&of.instrument)?,
                side: of.side,
                number: foreign_number(&of.id),
            }),
        };
        Some(OpenOrder { whose, qty: Qty(of.qty), filled: Qty(of.filled), kind: core_kind(of.kind) })
    }

    /// The first moment at which something was waited for long enough.
    fn first_due(&self) -> Timestamp {
        let orders = self.awaited.values();
        let asked = orders.chain(self.questions.values().map(|question| &question.asked_at)).min();
        asked.map_or(Timestamp::NEVER, |asked| asked.after(self.answer_within))
    }
}

impl Venue for LineVenue {
    fn add_instrument(&mut self, id: InstrumentId, instrument: Instrument, _fed: &[(PriceSource, CellId)]) {
        assert_eq!(id.0 as usize, self.symbols.len(), "instruments are added in the engine's order");
        self.symbols.push(instrument.symbol);
    }

    fn act(&mut self, now: Timestamp, actions: &[Action], _fill: ProbeFill, out: &mut Vec<Heard>) {
        if actions.iter().any(|action| matches!(action, Action::Submit(_))) {
            crash::here(Point::BeforeSend);
        }
        for (at, action) in actions.iter().enumerate() {
            if at > 0 {
                crash::here(Point::BetweenActions);
            }
            match action {
                Action::Submit(approved) => self.submit(now, approved.order(), out),
                // A cancel or question that is not answered is said again by the core.
                Action::Cancel(id) => {
                    let id = self.ids.text(id);
                    self.say(&Request::Cancel(Named { id }));
                }
                Action::Query(id) => self.query(now, id),
                Action::ReadPositions(account) => self.ask(now, *account, false, out),
                Action::ListOrders(account) => self.ask(now, *account, true, out),
                Action::CancelForeign(account, id) => {
                    if let Some(id) = self.foreign.get(&(*account, *id)).cloned() {
                        self.say(&Request::Cancel(Named { id }));
                    }
                }
            }
        }
    }

    fn next_deadline(&self) -> Timestamp {
        let heard = self.heard.front().map_or(Timestamp::NEVER, |(at, _)| *at);
        heard.min(self.first_due())
    }

    fn advance(&mut self, now: Timestamp, out: &mut Vec<Heard>) {
        while let Some(heard) = self.heard.pop_front_if(|(at, _)| *at <= now) {
            out.push(heard);
        }
        let is_due = |asked: &Timestamp| asked.after(self.answer_within) <= now;
        let silent: Vec<OrderId> =
            self.awaited.iter().filter(|(_, asked)| is_due(asked)).map(|(&id, _)| id).collect();
        let unread: Vec<u64> =
            self.questions.iter().filter(|(_, of)| is_due(&of.asked_at)).map(|(&n, _)| n).collect();
        for id in silent {
            self.awaited.remove(&id);
            out.push((now, VenueEvent::Silence(id)));
        }
        for n in unread {
            out.extend(self.questions.remove(&n).map(|question| (now, failed(question))));
        }
    }

    fn listen(&mut self, now: Timestamp) {
        while let Ok(word) = self.words.try_recv() {
            self.hear(now, word);
        }
    }

    /// It may have the order or not, and nobody heard: the core asks.
    fn meet_again(&mut self, now: Timestamp, living: &LivingOrder, out: &mut Vec<Heard>) {
        if living.life.state == OrderState::Sent {
            out.push((now, VenueEvent::Silence(living.order.id)));
        }
    }
}

fn failed(question: Question) -> VenueEvent {
    let Question { is_list, account, asked_at } = question;
    if is_list {
        let listing = Listing { account, taken_at: asked_at, orders: Listed::Failed };
        VenueEvent::Listed(Box::new(listing))
    } else {
        let reading = Reading { account, taken_at: asked_at, fills_until: asked_at, held: None };
        VenueEvent::Read(Box::new(reading))
    }
}

/// The order that an event answers for.
fn answered(event: &VenueEvent) -> Option<OrderId> {
    match event {
        VenueEvent::Accepted(id)
        | VenueEvent::Refused(id, _)
        | VenueEvent::Cancelled(id)
        | VenueEvent::Expired(id)
        | VenueEvent::Silence(id) => Some(*id),
        VenueEvent::Filled(fill) => Some(fill.id),
        VenueEvent::Found(found) => Some(found.id),
        // What it trades is still to come, and may have been asked for.
        VenueEvent::Triggered(_)
        | VenueEvent::CancelRefused(_)
        | VenueEvent::NotFound(_)
        | VenueEvent::Absent(_)
        | VenueEvent::FundingPaid(..)
        | VenueEvent::LiquidationAt(..)
        | VenueEvent::Read(_)
        | VenueEvent::ClosedOutside(_)
        | VenueEvent::Listed(_) => None,
    }
}

/// A trade, unless it cannot be one: what is not told here is asked for, and read.
fn fill(id: OrderId, total: i64, price: i64, fee: i128) -> Option<Fill> {
    let price = Price(price);
    (total > 0 && price.is_sound()).then_some(Fill { id, filled_total: Qty(total), price, fee: Money(fee) })
}

/// A leverage of so many hundredths.
fn hundredths(leverage: i64) -> Option<Ratio> {
    leverage.checked_mul(Ratio::ONE.0 / 100).map(Ratio)
}

const fn wire_kind(kind: OrderKind) -> Kind {
    match kind {
        OrderKind::Market => Kind::Market(Subscribe {}),
        OrderKind::MarketableLimit(at) => Kind::MarketableLimit(at.0),
        OrderKind::RestingLimit(at) => Kind::RestingLimit(at.0),
        OrderKind::Stop(at) => Kind::Stop(at.0),
        OrderKind::MarkStop(at) => Kind::MarkStop(at.0),
        OrderKind::ImmediateLimit(at) => Kind::ImmediateLimit(at.0),
    }
}

const fn core_kind(kind: Kind) -> OrderKind {
    match kind {
        Kind::Market(_) => OrderKind::Market,
        Kind::MarketableLimit(at) => OrderKind::MarketableLimit(Price(at)),
        Kind::RestingLimit(at) => OrderKind::RestingLimit(Price(at)),
        Kind::Stop(at) => OrderKind::Stop(Price(at)),
        Kind::MarkStop(at) => OrderKind::MarkStop(Price(at)),
        Kind::ImmediateLimit(at) => OrderKind::ImmediateLimit(Price(at)),
    }
}

const fn core_state(state: State) -> OrderState {
    match state {
        State::Working => OrderState::Working,
        State::PartFilled => OrderState::PartFilled,
        State::Filled => OrderState::Filled,
        State::Refused => OrderState::Refused,
        State::Expired => OrderState::Expired,
        State::Cancelled => OrderState::Cancelled,
    }
}
