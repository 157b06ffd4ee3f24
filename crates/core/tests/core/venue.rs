//! A deliberately naive venue for tests. It shares no code with the engine: it holds quantities,
//! it fills, and it can be told to misbehave. Every order is reduce-only.

use std::collections::{BTreeMap, VecDeque};

use ripcord_core::account::{ClosedBy, Holding, OutsideClose, Reading};
use ripcord_core::event::{Absence, Action, OrderFound, RefusedWhy, VenueEvent};
use ripcord_core::id::{AccountId, EpisodeId, InstrumentId, OrderId, PositionKey};
use ripcord_core::instrument::{Instrument, MarketKind, Side};
use ripcord_core::listing::ForeignId;
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::order::{ExitOrder, Fill, OrderKind, OrderState};
use ripcord_core::time::Timestamp;

mod by_hand;

#[derive(Debug, Clone)]
struct Working {
    order: ExitOrder,
    filled: i64,
}

/// How the venue misbehaves; the default is not at all.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mood {
    /// Refuses this many orders.
    pub(crate) refuse: u32,
    /// Gives each answer only after this many further events.
    pub(crate) delay: u32,
    /// Gives the answer to a cancel only after this many further events.
    pub(crate) cancel_delay: u32,
    /// Fills at most this much of an order per price; 0 is everything.
    pub(crate) part: i64,
    /// Never tells this many answers.
    pub(crate) drop: u32,
    /// Tells every answer twice.
    pub(crate) double: bool,
    /// Marketable limits fill even when the last trade is beyond them.
    pub(crate) generous: bool,
    /// Stops are not triggered.
    pub(crate) stuck: bool,
    /// Marketable limits find nobody, and rest until a later price touches them.
    pub(crate) thin: bool,
    /// This many orders never arrive.
    pub(crate) lose: u32,
    /// Knows none of the orders that it is asked about.
    pub(crate) blind: bool,
    /// Answers no question.
    pub(crate) mute: bool,
    /// Refuses this many orders at the market.
    pub(crate) ban: u32,
    /// Refuses this many cancels.
    pub(crate) keep: u32,
    /// What is held cannot be read.
    pub(crate) unread: bool,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Venue {
    pub(crate) mood: Mood,
    held: BTreeMap<PositionKey, i64>,
    prices: BTreeMap<InstrumentId, i64>,
    /// Mark prices, of those that have any.
    marks: BTreeMap<InstrumentId, i64>,
    lots: BTreeMap<InstrumentId, i64>,
    /// Markets where orders lock coins.
    spot: Vec<InstrumentId>,
    /// Largest orders at the market.
    most: BTreeMap<InstrumentId, i64>,
    /// Positions of which an order was refused because its coins were locked.
    pub(crate) overdrawn: Vec<PositionKey>,
    working: Vec<Working>,
    /// The order that was taken away last.
    gone: Option<Working>,
    /// Orders of others, and what they would sell.
    foreign: BTreeMap<(AccountId, ForeignId), i64>,
    /// Every order it ever had.
    known: BTreeMap<OrderId, OrderFound>,
    /// Its clock.
    pub(crate) now: Timestamp,
    answers: VecDeque<(u32, VenueEvent)>,
    /// Average entries of what is known to have been bought at one.
    entries: BTreeMap<PositionKey, i64>,
    /// Answers when it is asked what is held.
    pub(crate) is_read: bool,
    trades: u64,
}

impl Venue {
    /// A position of a new life; the dust of the one before lies elsewhere.
    pub(crate) fn hold(&mut self, key: PositionKey, qty: Qty) {
        self.held.insert(key, qty.0);
    }

    /// More of it was bought.
    pub(crate) fn hold_more(&mut self, key: PositionKey, qty: Qty) {
        *self.held.entry(key).or_default() += qty.0;
    }

    /// It trades whole lots only.
    pub(crate) fn list(&mut self, instrument: InstrumentId, rules: &Instrument) {
        self.lots.insert(instrument, rules.lot_size.0);
        if rules.kind == MarketKind::Spot {
            self.spot.push(instrument);
        }
        if rules.market_qty_max.0 > 0 {
            self.most.insert(instrument, rules.market_qty_max.0);
        }
    }

    pub(crate) fn held(&self, key: PositionKey) -> Qty {
        Qty(self.held.get(&key).copied().unwrap_or(0))
    }

    /// A trade: resting limits that it touches are filled at their limit, the rest of market
    /// orders at the price.
    pub(crate) fn trade(&mut self, instrument: InstrumentId, price: Price) {
        self.prices.insert(instrument, price.0);
        for at in 0..self.working.len() {
            let order = self.working[at].order;
            if order.id.episode.key.instrument == instrument {
                self.match_one(at, price.0, false);
            }
        }
        self.sweep();
    }

    /// A mark price: it triggers the stops that look at it.
    pub(crate) fn mark(&mut self, instrument: InstrumentId, price: Price) {
        self.marks.insert(instrument, price.0);
        let Some(&last) = self.prices.get(&instrument) else { return };
        for at in 0..self.working.len() {
            let order = self.working[at].order;
            if order.id.episode.key.instrument == instrument && matches!(order.kind, OrderKind::MarkStop(_)) {
                self.match_one(at, last, false);
            }
        }
        self.sweep();
    }

    /// Takes an action of the core.
    pub(crate) fn take(&mut self, action: &Action, now: Timestamp) {
        match action {
            Action::Submit(approved) => self.submit(*approved.order()),
            Action::Cancel(id) => self.cancel(*id),
            Action::Query(id) => self.query(*id),
            Action::ReadPositions(account) if self.is_read => {
                let reading = self.reading(*account, now);
                self.tell(VenueEvent::Read(Box::new(reading)));
            }
            Action::ListOrders(account) if self.is_read => self.list_orders(*account, now),
            Action::CancelForeign(account, id) => self.cancel_foreign(*account, *id),
            Action::ReadPositions(_) | Action::ListOrders(_) => {}
        }
        self.sweep();
    }

    /// What it says that an account holds, if it says anything.
    pub(crate) fn reading(&self, account: AccountId, now: Timestamp) -> Reading {
        let held = self.held.iter().filter(|(key, qty)| key.account == account && **qty > 0);
        let held = held.map(|(key, qty)| Holding {
            instrument: key.instrument,
            side: key.side,
            qty: Qty(*qty),
            entry: self.entries.get(key).map(|entry| Price(*entry)),
            leverage: None,
            liquidation: None,
            mark: self.prices.get(&key.instrument).map(|price| Price(*price)),
        });
        let held = (!self.mood.unread).then(|| held.collect());
        Reading { account, taken_at: now, fills_until: now, held }
    }

    /// An account holds this, and nothing else.
    pub(crate) fn has(&mut self, account: AccountId, held: &[Holding]) {
        self.held.retain(|key, _| key.account != account);
        for Holding { instrument, side, qty, .. } in held {
            self.held.insert(PositionKey { account, instrument: *instrument, side: *side }, qty.0);
        }
        self.sweep();
    }

    /// Somebody trades by hand: the position becomes this large. Nobody is told.
    pub(crate) fn by_hand(&mut self, key: PositionKey, qty: Qty, entry: Option<Price>) {
        self.held.insert(key, qty.0);
        match entry {
            Some(entry) => self.entries.insert(key, entry.0),
            None => self.entries.remove(&key),
        };
        self.sweep();
    }

    /// The venue itself, or somebody, closes part of a position and tells of it.
    pub(crate) fn close_outside(&mut self, key: PositionKey, qty: Qty, by: ClosedBy) {
        let qty = qty.0.min(self.held(key).0);
        if qty <= 0 {
            return;
        }
        *self.held.get_mut(&key).expect("held") -= qty;
        self.trades += 1;
        let price = self.prices.get(&key.instrument).map(|price| Price(*price));
        let closed = OutsideClose { key, trade: self.trades, qty: Qty(qty), price, fee: Money::ZERO, by };
        self.tell(VenueEvent::ClosedOutside(Box::new(closed)));
        self.sweep();
    }

    /// The next answer that has waited long enough.
    pub(crate) fn answer(&mut self) -> Option<VenueEvent> {
        let at = self.answers.iter().position(|(wait, _)| *wait == 0)?;
        self.answers.remove(at).map(|(_, event)| event)
    }

    /// Nobody hears what it was about to say.
    pub(crate) fn lose_answers(&mut self) {
        self.answers.clear();
    }

    /// An event passed: every answer comes nearer.
    pub(crate) fn pass(&mut self) {
        for (wait, _) in &mut self.answers {
            *wait = wait.saturating_sub(1);
        }
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.answers.is_empty()
    }

    /// The orders it works on.
    pub(crate) fn working(&self) -> impl Iterator<Item = &ExitOrder> {
        self.working.iter().map(|working| &working.order)
    }

    fn query(&mut self, id: OrderId) {
        if self.mood.mute {
            return;
        }
        let found = self.known.get(&id).filter(|_| !self.mood.blind);
        let answer = found.map_or_else(
            || VenueEvent::Absent(Box::new(Absence { id, asked_at: self.now })),
            |found| VenueEvent::Found(Box::new(*found)),
        );
        self.tell(answer);
    }

    fn know(&mut self, id: OrderId, state: OrderState) {
        if let Some(known) = self.known.get_mut(&id) {
            known.state = state;
        }
    }

    /// What the stops that rest for a position may still close.
    pub(crate) fn stops(&self, episode: EpisodeId) -> impl Iterator<Item = i64> {
        let working = self.working.iter().filter(move |working| working.order.id.episode == episode);
        let stops = working.filter(|working| working.order.kind.trigger().is_some());
        stops.map(|working| working.order.qty.0 - working.filled)
    }

    fn submit(&mut self, order: ExitOrder) {
        let key = order.id.episode.key;
        if self.mood.lose > 0 {
            self.mood.lose -= 1;
            return;
        }
        let (id, qty, placed_at) = (order.id, order.qty, self.now);
        let again =
            self.known.insert(id, OrderFound { id, qty, placed_at, state: OrderState::Refused, fill: None });
        assert!(again.is_none(), "an order id was used twice: {id:?}");
        if self.mood.refuse > 0 {
            self.mood.refuse -= 1;
            self.tell(VenueEvent::Refused(order.id, RefusedWhy::Busy));
        } else if order.kind == OrderKind::Market && self.mood.ban > 0 {
            self.mood.ban -= 1;
            self.tell(VenueEvent::Refused(order.id, RefusedWhy::MarketRefused));
        } else if self.is_too_large(&order) {
            self.tell(VenueEvent::Refused(order.id, RefusedWhy::Other));
        } else if self.is_overdrawn(&order) {
            // Of coins that are not there, or of what is still to be told, nobody can know.
            if order.qty <= self.held(key) && self.answers.is_empty() {
                self.overdrawn.push(key);
            }
            self.tell(VenueEvent::Refused(order.id, RefusedWhy::CoinsMissing));
        } else if self.sellable(key) == 0 {
            self.tell(VenueEvent::Refused(order.id, RefusedWhy::NothingToReduce));
        } else {
            self.tell(VenueEvent::Accepted(order.id));
            self.know(order.id, OrderState::Working);
            self.working.push(Working { order, filled: 0 });
            if let Some(&price) = self.prices.get(&key.instrument) {
                self.match_one(self.working.len() - 1, price, true);
            }
            if matches!(order.kind, OrderKind::ImmediateLimit(_)) {
                self.sweep();
                let at = self.working.iter().position(|working| working.order.id == order.id);
                if let Some(at) = at {
                    self.working.remove(at);
                    self.know(order.id, OrderState::Expired);
                    self.tell(VenueEvent::Expired(order.id));
                }
            }
        }
    }

    fn is_too_large(&self, order: &ExitOrder) -> bool {
        let most = self.most.get(&order.id.episode.key.instrument);
        order.kind == OrderKind::Market && most.is_some_and(|most| order.qty.0 > *most)
    }

    /// Whether other orders lock coins that this one would sell.
    fn is_overdrawn(&self, order: &ExitOrder) -> bool {
        let key = order.id.episode.key;
        let same = self.working.iter().filter(|working| working.order.id.episode.key == key);
        let locked: i64 = same.map(|working| working.order.qty.0 - working.filled).sum();
        let locked = locked + self.foreign_of(key);
        self.spot.contains(&key.instrument) && order.qty.0 > self.held(key).0 - locked
    }

    fn cancel(&mut self, id: OrderId) {
        let found = self.working.iter().position(|working| working.order.id == id);
        let event = match found {
            Some(_) if self.mood.keep > 0 => {
                self.mood.keep -= 1;
                VenueEvent::CancelRefused(id)
            }
            Some(at) => {
                self.gone = Some(self.working.remove(at));
                self.know(id, OrderState::Cancelled);
                VenueEvent::Cancelled(id)
            }
            None => VenueEvent::CancelRefused(id),
        };
        self.push(event, self.mood.delay.max(self.mood.cancel_delay));
    }

    fn match_one(&mut self, at: usize, price: i64, is_new: bool) {
        let Working { order, filled } = self.working[at].clone();
        let key = order.id.episode.key;
        let crosses = |limit: i64| match key.side {
            Side::Long => price >= limit,
            Side::Short => price <= limit,
        };
        let fill_price = match order.kind {
            OrderKind::Market => price,
            OrderKind::MarketableLimit(limit) | OrderKind::ImmediateLimit(limit) if is_new => {
                if self.mood.thin || !(self.mood.generous || crosses(limit.0)) {
                    return;
                }
                price
            }
            OrderKind::MarketableLimit(limit)
            | OrderKind::RestingLimit(limit)
            | OrderKind::ImmediateLimit(limit) => {
                if !crosses(limit.0) {
                    return;
                }
                limit.0
            }
            OrderKind::Stop(trigger) | OrderKind::MarkStop(trigger) => {
                let is_last = matches!(order.kind, OrderKind::Stop(_));
                let mark = self.marks.get(&key.instrument).filter(|_| !is_last);
                let seen = mark.copied().unwrap_or(price);
                let triggered = match key.side {
                    Side::Long => seen <= trigger.0,
                    Side::Short => seen >= trigger.0,
                };
                if !triggered || self.mood.stuck {
                    return;
                }
                price
            }
        };
        let mut qty = (order.qty.0 - filled).min(self.sellable(key));
        if self.mood.part > 0 {
            qty = qty.min(self.mood.part);
        }
        if qty == 0 {
            return;
        }
        *self.held.get_mut(&key).expect("held") -= qty;
        self.working[at].filled += qty;
        let fill = Fill {
            id: order.id,
            filled_total: Qty(filled + qty),
            price: Price(fill_price),
            fee: Money::ZERO,
        };
        let state = if fill.filled_total == order.qty { OrderState::Filled } else { OrderState::PartFilled };
        self.know(order.id, state);
        if let Some(known) = self.known.get_mut(&order.id) {
            known.fill = Some(fill);
        }
        self.tell(VenueEvent::Filled(Box::new(fill)));
    }

    fn sellable(&self, key: PositionKey) -> i64 {
        let lot = self.lots.get(&key.instrument).copied().unwrap_or(1);
        self.held(key).0 / lot * lot
    }

    /// Filled orders leave; an order with nothing left to reduce expires.
    fn sweep(&mut self) {
        let mut expired = Vec::new();
        let gone = |key: &PositionKey| self.sellable(*key) == 0;
        let gone: Vec<PositionKey> = self.held.keys().filter(|key| gone(key)).copied().collect();
        self.working.retain(|working| {
            let is_open = working.filled < working.order.qty.0;
            let key = working.order.id.episode.key;
            let expires = is_open && gone.contains(&key);
            if expires {
                expired.push(working.order.id);
            }
            is_open && !expires
        });
        for id in expired {
            self.know(id, OrderState::Expired);
            self.tell(VenueEvent::Expired(id));
        }
    }

    fn tell(&mut self, event: VenueEvent) {
        self.push(event, self.mood.delay);
    }

    fn push(&mut self, event: VenueEvent, wait: u32) {
        if self.mood.drop > 0 {
            self.mood.drop -= 1;
            return;
        }
        if self.mood.double {
            self.answers.push_back((wait, event.clone()));
        }
        self.answers.push_back((wait, event));
    }
}
