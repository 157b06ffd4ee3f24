//! The simulated exchange: books of its own, orders and what became of them, and its tempers.
//!
//! It shares no arithmetic with the engine. Every order that it gets can only reduce, and it sees to that
//! by its own books. What it did stands in its facts, and they are what the oracle believes.

use std::collections::{BTreeMap, VecDeque};

use ripcord_core::event::{Absence, OrderFound, RefusedWhy, VenueEvent};
use ripcord_core::id::{AccountId, InstrumentId, OrderId, PositionKey};
use ripcord_core::instrument::Side;
use ripcord_core::listing::ForeignId;
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::order::{ExitOrder, Fill, OrderKind, OrderState, TriggerSource};
use ripcord_core::time::{Span, Timestamp};

use crate::config::{Config, VenueKind};
use crate::fault::FaultKind;
use crate::table::Table;
use crate::weather::Weather;

mod matching;
mod outside;
mod reads;

/// Fees are this many in ten thousand.
const FEE_BPS: i128 = 5;
/// What was held is remembered for reads that lag.
const REMEMBERED: Span = Span::from_secs(60);

/// What the exchange did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fact {
    /// An order arrived.
    Arrived(ExitOrder),
    /// An order arrived under an id that was used.
    Reused(OrderId),
    /// It was taken.
    Took(OrderId),
    /// An order of ours traded; `held` is left.
    Traded { id: OrderId, qty: i64, price: i64, held: i64 },
    /// Something was bought: `held` from now on.
    Entered { key: PositionKey, qty: i64, held: i64 },
    /// Somebody else sold of it: `held` is left.
    Outside { key: PositionKey, qty: i64, held: i64 },
    /// An order rests no more.
    Ended { id: OrderId, why: End },
    /// Somebody changed a stop.
    Edited { id: OrderId, trigger: i64 },
}

/// Why an order rests no more without having filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// We asked for it.
    Cancelled,
    /// By the venue's own rules.
    Expired,
    /// Somebody else, or a fault of the venue.
    TakenAway,
}

#[derive(Debug, Clone)]
struct Market {
    lot: i64,
    most: i64,
    money_per_unit: i128,
    /// The last trade; 0 before the first.
    price: i64,
    /// The mark, where it goes its own way.
    mark: i64,
    /// Prices must lie on it.
    tick: i64,
    finest: i64,
}

#[derive(Debug, Clone, Default)]
struct Book {
    held: i64,
    /// What it cost: price times quantity.
    cost: i128,
    /// What was held since when.
    history: VecDeque<(Timestamp, i64)>,
    /// Numbers of trades that were not ours.
    trade: u64,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    order: ExitOrder,
    kind: OrderKind,
    filled: i64,
    /// Price times quantity of what traded.
    cost: i128,
    fee: i128,
    state: OrderState,
    placed_at: Timestamp,
    /// A stop that goes to the market, and was said to.
    is_triggered: bool,
}

impl Row {
    const fn left(&self) -> i64 {
        self.order.qty.0 - self.filled
    }

    fn found(&self) -> OrderFound {
        let average = self.cost.checked_div(i128::from(self.filled)).and_then(|it| i64::try_from(it).ok());
        let fill = average.filter(|_| self.filled > 0).map(|price| Fill {
            id: self.order.id,
            filled_total: Qty(self.filled),
            price: Price(price),
            fee: Money(self.fee),
        });
        OrderFound {
            id: self.order.id,
            qty: self.order.qty,
            placed_at: self.placed_at,
            state: self.state,
            fill,
        }
    }
}

/// The exchange.
#[derive(Debug)]
pub(crate) struct Exchange {
    kind: VenueKind,
    refuses_passed_stops: bool,
    tells_triggers: bool,
    markets: Vec<Market>,
    books: Table<Book>,
    /// Every order that it ever got, ..
    rows: Vec<Row>,
    /// .. and where it stands there.
    places: BTreeMap<OrderId, usize>,
    /// Orders that rest, by their places, the oldest first.
    resting: Table<Vec<usize>>,
    foreign: BTreeMap<(AccountId, ForeignId), i64>,
    /// What it says, to be carried.
    pub(crate) says: Vec<VenueEvent>,
    /// What it did since it was last asked.
    pub(crate) facts: Vec<Fact>,
}

impl Exchange {
    pub(crate) fn new(config: &Config) -> Self {
        let market = |market: &crate::config::Market| Market {
            lot: market.rules.lot_size.0,
            most: market.rules.market_qty_max.0,
            money_per_unit: 10_i128
                .pow(18 - u32::from(market.rules.price_decimals) - u32::from(market.rules.qty_decimals)),
            price: 0,
            mark: 0,
            tick: market.rules.tick_size.0,
            finest: market.rules.tick_size.0,
        };
        Self {
            kind: config.venue,
            refuses_passed_stops: config.refuses_passed_stops,
            tells_triggers: config.tells_triggers,
            markets: config.markets.iter().map(market).collect(),
            books: Table::of(config),
            rows: Vec::new(),
            places: BTreeMap::new(),
            resting: Table::of(config),
            foreign: BTreeMap::new(),
            says: Vec::new(),
            facts: Vec::new(),
        }
    }

    /// What is held.
    pub(crate) fn held(&self, key: PositionKey) -> i64 {
        self.books[key].held
    }

    /// The last trade, if there was one.
    pub(crate) fn price(&self, instrument: InstrumentId) -> Option<i64> {
        Some(self.markets[instrument.0 as usize].price).filter(|price| *price > 0)
    }

    /// The mark price.
    pub(crate) fn mark(&self, instrument: InstrumentId) -> i64 {
        self.markets[instrument.0 as usize].mark
    }

    /// What of it whole lots are.
    pub(crate) fn closable(&self, key: PositionKey) -> i64 {
        let lot = self.markets[key.instrument.0 as usize].lot;
        self.held(key) / lot * lot
    }

    /// Orders of ours that rest for a bucket, and what of each may still trade.
    pub(crate) fn resting(&self, key: PositionKey) -> impl Iterator<Item = (OrderId, OrderKind, i64)> + '_ {
        let rows = self.resting[key].iter().map(|&place| &self.rows[place]);
        rows.map(|row| (row.order.id, row.kind, row.left()))
    }

    /// What an order traded, by the exchange's own account.
    pub(crate) fn filled(&self, id: &OrderId) -> i64 {
        self.places.get(id).map_or(0, |&place| self.rows[place].filled)
    }

    /// The fees of what it traded.
    pub(crate) fn fees(&self, id: &OrderId) -> i128 {
        self.places.get(id).map_or(0, |&place| self.rows[place].fee)
    }

    /// An order arrives.
    pub(crate) fn submit(&mut self, now: Timestamp, order: ExitOrder, weather: &Weather) {
        self.facts.push(Fact::Arrived(order));
        let id = order.id;
        if self.places.contains_key(&id) {
            self.facts.push(Fact::Reused(id));
            return;
        }
        let (kind, state) = (order.kind, OrderState::Refused);
        let place = self.rows.len();
        self.places.insert(id, place);
        self.rows.push(Row {
            order,
            kind,
            filled: 0,
            cost: 0,
            fee: 0,
            state,
            placed_at: now,
            is_triggered: false,
        });
        if let Some(why) = self.refuses(now, &order, weather) {
            self.says.push(VenueEvent::Refused(id, why));
            return;
        }
        self.facts.push(Fact::Took(id));
        self.says.push(VenueEvent::Accepted(id));
        self.rows[place].state = OrderState::Working;
        self.resting[id.episode.key].push(place);
        self.meet(now, place, weather);
    }

    fn refuses(&self, now: Timestamp, order: &ExitOrder, weather: &Weather) -> Option<RefusedWhy> {
        let is = |kind| weather.is(now, kind);
        let key = order.id.episode.key;
        let market = &self.markets[key.instrument.0 as usize];
        let is_stop = order.kind.trigger().is_some();
        if is(FaultKind::RefuseBusy) || is(FaultKind::RateLimit) {
            return Some(RefusedWhy::Busy);
        }
        if is(FaultKind::RefuseOther) || is(FaultKind::Halt) || (is_stop && is(FaultKind::RefuseStops)) {
            return Some(RefusedWhy::Other);
        }
        if order.kind == OrderKind::Market && is(FaultKind::RefuseMarket) {
            return Some(RefusedWhy::MarketRefused);
        }
        if self.closable(key) == 0 {
            return Some(RefusedWhy::NothingToReduce);
        }
        let off_tick = order.kind.price().is_some_and(|at| is(FaultKind::Tick) && at.0 % market.tick != 0);
        // A stop goes to the market as well.
        let is_market = is_stop || order.kind == OrderKind::Market;
        if off_tick || (is_market && market.most > 0 && order.qty.0 > market.most) {
            return Some(RefusedWhy::Other);
        }
        if self.kind == VenueKind::Spot && order.qty.0 > self.held(key) - self.locked(key) {
            return Some(RefusedWhy::CoinsMissing);
        }
        let trigger = order.kind.trigger()?;
        let seen = self.seen_by(key, trigger.on);
        let is_passed = seen > 0 && passes(key.side, seen, trigger.at.0);
        (self.refuses_passed_stops && is_passed).then_some(RefusedWhy::Other)
    }

    /// What orders lock of a bucket's coins.
    fn locked(&self, key: PositionKey) -> i64 {
        let ours: i64 = self.resting(key).map(|(_, _, left)| left).sum();
        ours + self.foreign_of(key)
    }

    /// The price that a trigger looks at.
    fn seen_by(&self, key: PositionKey, on: TriggerSource) -> i64 {
        let market = &self.markets[key.instrument.0 as usize];
        match on {
            TriggerSource::Last => market.price,
            TriggerSource::Mark => market.mark,
        }
    }

    /// What orders of others would sell of a bucket.
    pub(crate) fn foreign_of(&self, key: PositionKey) -> i64 {
        let theirs = self.foreign.iter().filter(|((account, id), _)| id.key(*account) == key);
        theirs.map(|(_, qty)| *qty).sum()
    }

    /// A cancel arrives.
    pub(crate) fn cancel(&mut self, now: Timestamp, id: OrderId, weather: &Weather) {
        let rests =
            self.places.get(&id).copied().filter(|place| self.resting[id.episode.key].contains(place));
        let is = |kind| weather.is(now, kind);
        let is_kept = is(FaultKind::KeepOrders) || is(FaultKind::Halt) || is(FaultKind::RateLimit);
        let Some(place) = rests.filter(|_| !is_kept) else {
            self.says.push(VenueEvent::CancelRefused(id));
            return;
        };
        self.end(place, OrderState::Cancelled, End::Cancelled);
        self.says.push(VenueEvent::Cancelled(id));
    }

    /// A question about an order arrives.
    pub(crate) fn query(&mut self, now: Timestamp, (id, asked_at): (OrderId, Timestamp), weather: &Weather) {
        let is = |kind| weather.is(now, kind);
        if is(FaultKind::Mute) || is(FaultKind::RateLimit) {
            return;
        }
        let place = self.places.get(&id).filter(|_| !is(FaultKind::Blind));
        let found = place.map(|&place| self.rows[place].found());
        let answer = found.map_or_else(
            || VenueEvent::Absent(Box::new(Absence { id, asked_at })),
            |found| VenueEvent::Found(Box::new(found)),
        );
        self.says.push(answer);
    }

    fn take_off(&mut self, place: usize) {
        let key = self.rows[place].order.id.episode.key;
        self.resting[key].retain(|other| *other != place);
    }

    /// A size changes.
    fn hold(&mut self, now: Timestamp, key: PositionKey, held: i64) {
        let book = &mut self.books[key];
        if book.history.is_empty() {
            book.history.push_back((Timestamp::MIN, book.held));
        }
        while book.history.len() > 1 && book.history[1].0.after(REMEMBERED) < now {
            book.history.pop_front();
        }
        book.history.push_back((now, held));
        if held < book.held && book.held > 0 {
            book.cost -= book.cost * i128::from(book.held - held) / i128::from(book.held);
        }
        book.held = held;
    }
}

/// Whether a price is at or past a stop of a side.
const fn passes(side: Side, price: i64, trigger: i64) -> bool {
    match side {
        Side::Long => price <= trigger,
        Side::Short => price >= trigger,
    }
}
