//! What is held and what rests. Every order only reduces, and is capped by what is held; the books know no
//! rule, no reason, and nothing of how an engine makes its ids.

use std::collections::BTreeMap;

use ripcord_core::instrument::Side;

use crate::account::{Bucket, Entry, Fact};
use crate::line::{
    Answer, Ended, Filled, Found, Holding, Kind, Named, Order, Refused, Resting, State, Total, Triggered, Why,
};
use crate::market::Quote;
use crate::trouble::{Mishap, Trouble};

/// A stop that is stuck is so for this long, in nanoseconds.
const STUCK_NS: i64 = 2_500_000_000;
/// Fee of a trade, in ten thousandths.
const FEE_BPS: i128 = 5;

#[derive(Debug)]
struct Position {
    life: u64,
    held: i64,
    entry: i64,
    opened_at: i64,
    flat_at: i64,
}

#[derive(Debug)]
struct Placed {
    order: Order,
    filled: i64,
    cost: i128,
    fee: i128,
    state: State,
    placed_at: i64,
    /// A stop that was triggered goes to the market then.
    triggered_at: Option<i64>,
    /// The order that trades in its place.
    became: Option<String>,
    /// It trades in parts.
    in_parts: bool,
}

impl Placed {
    /// The id that its trades have.
    fn told_as(&self) -> String {
        self.became.as_ref().unwrap_or(&self.order.id).clone()
    }
}

/// The venue's books.
#[derive(Debug, Default)]
pub struct Books {
    /// Symbols, with what one unit of price times quantity is in units of 10^-18 of the quote currency.
    traded: Vec<(String, i128)>,
    quotes: Vec<Option<Quote>>,
    positions: BTreeMap<Bucket, Position>,
    orders: BTreeMap<String, Placed>,
    /// Orders that live, oldest first.
    working: Vec<String>,
    /// A stop that is triggered becomes an order of another id.
    stops_become_orders: bool,
    became: u64,
    lives: u64,
    trades: u64,
    now: i64,
    facts: Vec<Entry>,
    told: Vec<Answer>,
}

impl Books {
    /// Empty books of these instruments.
    #[must_use]
    pub fn new(traded: impl IntoIterator<Item = (String, i128)>, stops_become_orders: bool) -> Self {
        let traded: Vec<(String, i128)> = traded.into_iter().collect();
        Self { quotes: vec![None; traded.len()], traded, stops_become_orders, ..Self::default() }
    }

    /// It is so late now.
    pub const fn set_now(&mut self, now: i64) {
        self.now = now;
    }

    /// What happened since the last time, and what engines are told of it.
    pub fn take(&mut self) -> (Vec<Entry>, Vec<Answer>) {
        (std::mem::take(&mut self.facts), std::mem::take(&mut self.told))
    }

    /// Writes down what is not of the books.
    pub fn note(&mut self, fact: Fact) {
        self.facts.push(Entry { at: self.now, fact });
    }

    /// Positions held.
    #[must_use]
    pub fn open_count(&self) -> usize {
        self.positions.values().filter(|position| position.held > 0).count()
    }

    /// What is held in a bucket.
    #[must_use]
    pub fn held(&self, bucket: &Bucket) -> i64 {
        self.positions.get(bucket).map_or(0, |position| position.held)
    }

    /// Since when nothing is held in a bucket.
    #[must_use]
    pub fn flat_since(&self, bucket: &Bucket) -> Option<i64> {
        self.positions.get(bucket).map_or(Some(0), |of| (of.held == 0).then_some(of.flat_at))
    }

    /// Somebody opens a position where nothing is held.
    pub fn open(&mut self, bucket: Bucket, qty: i64, price: i64) {
        assert!(self.held(&bucket) == 0 && qty > 0, "only what is flat is opened");
        self.lives += 1;
        let (life, now) = (self.lives, self.now);
        let position = Position { life, held: qty, entry: price, opened_at: now, flat_at: 0 };
        self.positions.insert(bucket.clone(), position);
        self.note(Fact::Opened { life, bucket, qty, price });
    }

    /// Takes an order, or does not.
    pub fn submit(&mut self, order: Order, trouble: &mut Trouble) {
        let bucket = bucket_of(&order);
        let why = if self.orders.contains_key(&order.id) {
            Some(Why::Duplicate)
        } else if !self.traded.iter().any(|(symbol, _)| *symbol == order.instrument) {
            Some(Why::Other)
        } else if trouble.happens(Mishap::Busy) {
            Some(Why::Busy)
        } else if self.held(&bucket) == 0 {
            Some(Why::NothingToReduce)
        } else {
            None
        };
        if let Some(why) = why {
            self.refuse(order, why);
            return;
        }
        let (id, kind, qty) = (order.id.clone(), order.kind, order.qty);
        let life = self.positions[&bucket].life;
        let placed = Placed {
            order,
            filled: 0,
            cost: 0,
            fee: 0,
            state: State::Working,
            placed_at: self.now,
            triggered_at: None,
            became: None,
            in_parts: trouble.happens(Mishap::Parts),
        };
        self.orders.insert(id.clone(), placed);
        self.working.push(id.clone());
        self.note(Fact::Placed { order: id.clone(), life, qty, kind });
        self.told.push(Answer::Accepted(Named { id: id.clone() }));
        self.meet(&id, true, trouble);
        if matches!(kind, Kind::ImmediateLimit(_)) {
            self.end(&id, State::Expired);
        }
        self.sweep();
    }

    fn refuse(&mut self, order: Order, why: Why) {
        let id = order.id.clone();
        self.note(Fact::Refused { order: id.clone(), why });
        if why != Why::Duplicate {
            let placed_at = self.now;
            let state = State::Refused;
            let placed = Placed {
                order,
                filled: 0,
                cost: 0,
                fee: 0,
                state,
                placed_at,
                triggered_at: None,
                became: None,
                in_parts: false,
            };
            self.orders.insert(id.clone(), placed);
        }
        self.told.push(Answer::Refused(Refused { id, why }));
    }

    /// Takes an order away, if it lives.
    pub fn cancel(&mut self, id: &str) {
        if self.working.iter().any(|of| of == id) {
            self.end(id, State::Cancelled);
        } else {
            self.told.push(Answer::CancelRefused(Named { id: id.to_owned() }));
        }
    }

    /// What became of an order.
    #[must_use]
    pub fn query(&self, id: &str) -> Answer {
        let Some(placed) = self.orders.get(id) else { return Answer::NotFound(Named { id: id.to_owned() }) };
        let traded = (placed.filled > 0).then(|| {
            let (filled, long) = (i128::from(placed.filled), placed.order.side == Side::Long);
            let average = if long { placed.cost / filled } else { (placed.cost + filled - 1) / filled };
            let price = i64::try_from(average).unwrap_or(i64::MAX);
            Total { total: placed.filled, price, fee: placed.fee }
        });
        let state = match placed.state {
            State::Working if placed.filled > 0 => State::PartFilled,
            state => state,
        };
        let Placed { placed_at, ref order, ref became, .. } = *placed;
        let (qty, became) = (order.qty, became.clone());
        Answer::Found(Found { id: id.to_owned(), qty, placed_at, state, traded, became })
    }

    /// What an account holds.
    #[must_use]
    pub fn holdings(&self, account: u32) -> Vec<Holding> {
        let of = self.positions.iter().filter(|(of, position)| of.account == account && position.held > 0);
        of.map(|(bucket, position)| Holding {
            instrument: bucket.instrument.clone(),
            side: bucket.side,
            qty: position.held,
            entry: position.entry,
            liquidation: None,
            leverage: None,
        })
        .collect()
    }

    /// What rests in an account.
    #[must_use]
    pub fn resting(&self, account: u32) -> Vec<Resting> {
        let living = self.working.iter().filter_map(|id| self.orders.get(id));
        let of = living.filter(|placed| placed.order.account == account);
        of.map(|placed @ Placed { order, filled, .. }| Resting {
            id: placed.told_as(),
            instrument: order.instrument.clone(),
            side: order.side,
            qty: order.qty,
            filled: *filled,
            kind: order.kind,
        })
        .collect()
    }

    /// New prices: what they reach trades.
    pub fn price(&mut self, instrument: usize, quote: Quote, trouble: &mut Trouble) {
        self.quotes[instrument] = Some(quote);
        let symbol = &self.traded[instrument].0;
        let concerned = self.working.iter().filter(|id| self.orders[id.as_str()].order.instrument == *symbol);
        let concerned: Vec<String> = concerned.cloned().collect();
        for id in concerned {
            self.meet(&id, false, trouble);
        }
        self.sweep();
    }

    fn quote(&self, symbol: &str) -> Option<(Quote, i128)> {
        let at = self.traded.iter().position(|(of, _)| of == symbol)?;
        Some((self.quotes[at]?, self.traded[at].1))
    }

    /// An order meets the market as it is.
    fn meet(&mut self, id: &str, is_new: bool, trouble: &mut Trouble) {
        let now = self.now;
        let Some(placed) = self.orders.get(id).filter(|placed| placed.state == State::Working) else {
            return;
        };
        let Some((quote, unit)) = self.quote(&placed.order.instrument) else { return };
        let is_long = placed.order.side == Side::Long;
        let market = if is_long { quote.bid } else { quote.ask };
        let crosses = |limit: i64| if is_long { market >= limit } else { market <= limit };
        let price = match placed.order.kind {
            Kind::Market(_) => Some(market),
            Kind::MarketableLimit(limit) | Kind::ImmediateLimit(limit) if is_new => {
                crosses(limit).then_some(market)
            }
            Kind::MarketableLimit(limit) | Kind::RestingLimit(limit) | Kind::ImmediateLimit(limit) => {
                crosses(limit).then_some(limit)
            }
            Kind::Stop(trigger) | Kind::MarkStop(trigger) => {
                let is_reached = if is_long { quote.last <= trigger } else { quote.last >= trigger };
                match placed.triggered_at {
                    Some(from) => (now >= from).then_some(market),
                    None if is_reached => {
                        let wait = if trouble.happens(Mishap::Stuck) { STUCK_NS } else { 0 };
                        self.trigger(id, now + wait);
                        (wait == 0).then_some(market)
                    }
                    None => None,
                }
            }
        };
        if let Some(price) = price {
            self.fill(id, price, unit);
        }
    }

    /// A stop goes to the market `at` that time.
    fn trigger(&mut self, id: &str, at: i64) {
        let Some(placed) = self.orders.get_mut(id) else { return };
        placed.triggered_at = Some(at);
        if self.stops_become_orders {
            self.became += 1;
            placed.became = Some(format!("triggered-{}", self.became));
        }
        let became = placed.became.clone();
        self.told.push(Answer::Triggered(Triggered { id: id.to_owned(), became }));
    }

    fn fill(&mut self, id: &str, price: i64, unit: i128) {
        let Some(placed) = self.orders.get_mut(id) else { return };
        let Some(position) = self.positions.get_mut(&bucket_of(&placed.order)) else { return };
        let left = (placed.order.qty - placed.filled).min(position.held);
        // Half of what is left each time: the rest meets the next prices.
        let qty = if placed.in_parts { (left / 2).max(left.min(1)) } else { left };
        if qty == 0 {
            return;
        }
        let fee = i128::from(price) * i128::from(qty) * unit * FEE_BPS / 10_000;
        placed.filled += qty;
        placed.cost += i128::from(price) * i128::from(qty);
        placed.fee += fee;
        let held = position.held;
        position.held -= qty;
        if position.held == 0 {
            position.flat_at = self.now;
        }
        if placed.filled == placed.order.qty {
            placed.state = State::Filled;
        }
        let (total, life, told_as) = (placed.filled, position.life, placed.told_as());
        self.trades += 1;
        let (trade, order) = (self.trades, id.to_owned());
        self.note(Fact::Filled { trade, order, life, qty, price, held });
        self.told.push(Answer::Filled(Filled { id: told_as, total, qty: Some(qty), price, fee }));
    }

    /// Orders that traded whole leave; those of what is flat have nothing left to reduce.
    fn sweep(&mut self) {
        let is_over = |id: &String| {
            let placed = &self.orders[id];
            placed.state == State::Working && self.held(&bucket_of(&placed.order)) == 0
        };
        let over: Vec<String> = self.working.iter().filter(|id| is_over(id)).cloned().collect();
        for id in over {
            self.end(&id, State::Expired);
        }
        let orders = &self.orders;
        self.working.retain(|id| orders[id].state == State::Working);
    }

    fn end(&mut self, id: &str, state: State) {
        let Some(placed) = self.orders.get_mut(id).filter(|placed| placed.state == State::Working) else {
            return;
        };
        placed.state = state;
        self.working.retain(|of| of != id);
        let ended = Ended { id: placed.told_as(), total: Some(placed.filled) };
        let by_engine = state == State::Cancelled;
        self.note(Fact::Ended { order: id.to_owned(), by_engine });
        self.told.push(if by_engine { Answer::Cancelled(ended) } else { Answer::Expired(ended) });
    }

    /// Positions that are held, with the time of their opening.
    pub fn open_positions(&self) -> impl Iterator<Item = (&Bucket, i64, i64)> {
        let held = self.positions.iter().filter(|(_, position)| position.held > 0);
        held.map(|(bucket, position)| (bucket, position.held, position.opened_at))
    }
}

fn bucket_of(order: &Order) -> Bucket {
    Bucket { account: order.account, instrument: order.instrument.clone(), side: order.side }
}
