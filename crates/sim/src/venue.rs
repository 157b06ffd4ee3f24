//! The simulated venue: its own books of account, its own resting orders, its own quiet band.
//!
//! Sans-IO, like the core: prices and orders go in with the time, answers come out. Every order
//! it gets is reduce-only and is capped by what its books say is held. It never fills better
//! than the market it met: a stop that the market jumped over is filled where the market landed.
//!
//! It knows nothing of rules, plans or reasons.

use std::collections::BTreeMap;

use ripcord_core::buckets::Buckets;
use ripcord_core::cell::{Band, CellId};
use ripcord_core::event::{Observed, ProbeFill, Tick, VenueEvent};
use ripcord_core::gate::Approved;
use ripcord_core::id::{AccountId, InstrumentId, OrderId, PositionKey};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Money, Price, Qty, Ratio, Round};
use ripcord_core::order::ExitOrder;
use ripcord_core::time::Timestamp;
use ripcord_core::watch::Levels;

mod matching;
mod model;
mod reads;

pub use model::{FillModel, RestingFill};
pub use reads::ReadModel;

/// An answer and the moment it reaches us.
pub type Answer = (Timestamp, VenueEvent);

/// The end of a list of resting orders.
const NONE: u32 = u32::MAX;

/// The virtual exchange.
#[derive(Debug, Default)]
pub struct SimVenue {
    model: FillModel,
    cells: Vec<HotCell>,
    books: Vec<RestingBook>,
    markets: Vec<VenueMarket>,
    accounts: Buckets<Account>,
    resting: Vec<Resting>,
    free: Vec<u32>,
    /// Orders and cancels on their way to us, answers on their way back, by arrival.
    in_flight: BTreeMap<(Timestamp, u64), Message>,
    sequence: u64,
    reads: reads::Reads,
    /// The first arrival, so that a price need not look into the map.
    next_arrival: Timestamp,
}

#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct HotCell {
    lo: i64,
    hi: i64,
    last: i64,
    at: i64,
}

/// Resting orders that wait for prices of one cell.
#[derive(Debug, Default)]
struct RestingBook {
    below: Levels,
    above: Levels,
}

#[derive(Debug)]
struct VenueMarket {
    instrument: Instrument,
    cells: [Option<CellId>; 5],
}

/// One side of one account's position.
#[derive(Debug, Clone, Copy)]
struct Account {
    qty: Qty,
    first: u32,
}

#[derive(Debug, Clone, Copy)]
struct Resting {
    order: ExitOrder,
    filled: Qty,
    next: u32,
    alive: bool,
}

#[derive(Debug, Clone)]
enum Message {
    Submit(ExitOrder, ProbeFill),
    Cancel(OrderId),
    Query(OrderId),
    Read(AccountId),
    List(AccountId),
    Answer(VenueEvent),
}

impl SimVenue {
    /// A venue that fills by `model`.
    #[must_use]
    pub fn new(model: FillModel) -> Self {
        Self { model, next_arrival: Timestamp::NEVER, ..Self::default() }
    }

    /// The model it fills by.
    #[must_use]
    pub const fn model(&self) -> &FillModel {
        &self.model
    }

    /// Adds an instrument under the id and cells that the engine gave it.
    pub fn add_instrument(
        &mut self,
        id: InstrumentId,
        instrument: Instrument,
        fed: &[(PriceSource, CellId)],
    ) {
        assert_eq!(id.0 as usize, self.markets.len(), "instruments are added in the engine's order");
        let mut cells = [None; 5];
        for &(source, cell) in fed {
            cells[source as usize] = Some(cell);
            let needed = cell.0 as usize + 1;
            while self.cells.len() < needed {
                self.cells.push(HotCell { lo: i64::MIN, hi: i64::MAX, last: 0, at: i64::MIN });
                self.books.push(RestingBook::default());
            }
        }
        self.markets.push(VenueMarket { instrument, cells });
    }

    /// Books a position that exists already.
    pub fn hold(&mut self, key: PositionKey, qty: Qty) {
        let account = self.accounts.get_or_insert(key, Account::EMPTY);
        account.qty = Qty(account.qty.0 + qty.0);
    }

    /// What the books hold.
    #[must_use]
    pub fn held(&self, key: PositionKey) -> Qty {
        self.accounts.get(key).map_or(Qty(0), |account| account.qty)
    }

    /// Takes a price. Inside the quiet band this is a few comparisons and stores.
    #[inline(always)]
    pub fn tick(&mut self, now: Timestamp, tick: &Tick, out: &mut Vec<Answer>) {
        if self.is_quiet(now, tick) {
            self.take_quiet(tick);
        } else {
            self.wake(now, tick, out);
        }
    }

    /// Whether a price concerns no resting order, and nothing arrives before it.
    #[inline(always)]
    #[must_use]
    pub fn is_quiet(&self, now: Timestamp, tick: &Tick) -> bool {
        let cell = &self.cells[tick.cell.0 as usize];
        (now < self.next_arrival) & (cell.lo < tick.price.0) & (tick.price.0 < cell.hi)
    }

    /// Takes a price of which [`SimVenue::is_quiet`] said that it concerns nobody.
    #[inline(always)]
    pub fn take_quiet(&mut self, tick: &Tick) {
        let cell = &mut self.cells[tick.cell.0 as usize];
        cell.last = tick.price.0;
        cell.at = tick.at.0;
    }

    /// Takes a stretch of prices that concern no resting order.
    pub fn observe(&mut self, observed: &Observed) {
        let cell = &mut self.cells[observed.cell.0 as usize];
        debug_assert!(
            observed.last.0 > cell.lo && observed.last.0 < cell.hi,
            "a resting order was leapt over"
        );
        cell.last = observed.last.0;
        cell.at = observed.at.0;
    }

    /// The prices of a cell that concern no resting order.
    #[must_use]
    pub fn quiet(&self, cell: CellId) -> Band {
        let cell = &self.cells[cell.0 as usize];
        Band { lo: cell.lo, hi: cell.hi }
    }

    /// When the next order or answer arrives.
    #[must_use]
    pub const fn next_deadline(&self) -> Timestamp {
        self.next_arrival
    }

    /// Takes an order; it arrives after the model's latency. `fill` is that of the price that
    /// caused it: inside a candle the market was at the level that fired.
    pub fn submit(&mut self, now: Timestamp, order: &Approved, fill: ProbeFill, out: &mut Vec<Answer>) {
        self.send(now, Message::Submit(*order.order(), fill), out);
    }

    /// Takes an order that it had before its process ended, as if it came now.
    pub(crate) fn take_again(&mut self, now: Timestamp, order: ExitOrder, out: &mut Vec<Answer>) {
        self.send(now, Message::Submit(order, ProbeFill::Market), out);
    }

    /// Knows a price from before its process ended.
    pub(crate) fn recall(&mut self, cell: CellId, price: Price, at: Timestamp) {
        if let Some(cell) = self.cells.get_mut(cell.0 as usize) {
            (cell.last, cell.at) = (price.0, at.0);
        }
    }

    /// Takes a cancel; it arrives after the model's latency.
    pub fn cancel(&mut self, now: Timestamp, id: OrderId, out: &mut Vec<Answer>) {
        self.send(now, Message::Cancel(id), out);
    }

    /// Is asked about an order; the question arrives after the model's latency.
    pub fn query(&mut self, now: Timestamp, id: OrderId, out: &mut Vec<Answer>) {
        self.send(now, Message::Query(id), out);
    }

    /// Lets everything arrive that is due at `now`.
    pub fn advance(&mut self, now: Timestamp, out: &mut Vec<Answer>) {
        while let Some(entry) = self.in_flight.first_entry()
            && entry.key().0 <= now
        {
            let ((at, _), message) = entry.remove_entry();
            self.next_arrival = self.in_flight.first_key_value().map_or(Timestamp::NEVER, |(key, _)| key.0);
            self.deliver(at, message, out);
        }
    }

    /// Settles funding: longs pay `rate` of their notional at the mark (or last) price to shorts.
    pub fn settle_funding(
        &mut self,
        now: Timestamp,
        instrument: InstrumentId,
        rate: Ratio,
        out: &mut Vec<Answer>,
    ) {
        let market = &self.markets[instrument.0 as usize];
        let cell = market.cells[PriceSource::Mark as usize].or(market.cells[PriceSource::Last as usize]);
        let Some(price) = cell.and_then(|cell| self.last(cell)) else { return };
        for (key, account) in self.accounts.iter() {
            if key.instrument != instrument || account.qty.0 == 0 {
                continue;
            }
            let notional = market.instrument.notional(price, account.qty);
            let paid = Money(notional.0 * i128::from(key.side.sign())).times(rate, Round::Up);
            out.push((now, VenueEvent::FundingPaid(key, Box::new(paid))));
        }
    }

    fn last(&self, cell: CellId) -> Option<Price> {
        let cell = &self.cells[cell.0 as usize];
        (cell.at != i64::MIN).then_some(Price(cell.last))
    }

    fn send(&mut self, now: Timestamp, message: Message, out: &mut Vec<Answer>) {
        if self.model.latency.0 == 0 {
            self.deliver(now, message, out);
            return;
        }
        self.post(now.after(self.model.latency), message);
    }

    fn post(&mut self, at: Timestamp, message: Message) {
        self.sequence += 1;
        self.in_flight.insert((at, self.sequence), message);
        self.next_arrival = self.next_arrival.min(at);
    }

    fn answer(&mut self, now: Timestamp, event: VenueEvent, out: &mut Vec<Answer>) {
        if self.model.latency.0 == 0 {
            out.push((now, event));
            return;
        }
        self.post(now.after(self.model.latency), Message::Answer(event));
    }

    fn deliver(&mut self, at: Timestamp, message: Message, out: &mut Vec<Answer>) {
        match message {
            Message::Submit(order, fill) => self.on_submit(at, order, fill, out),
            Message::Cancel(id) => self.on_cancel(at, id, out),
            Message::Query(id) => self.on_query(at, id, out),
            Message::Read(account) => self.on_read(at, account, out),
            Message::List(account) => self.on_list(at, account, out),
            Message::Answer(event) => out.push((at, event)),
        }
    }

    #[cold]
    #[inline(never)]
    fn wake(&mut self, now: Timestamp, tick: &Tick, out: &mut Vec<Answer>) {
        // What arrived before this price met the market before it.
        self.advance(now, out);
        let cell = &mut self.cells[tick.cell.0 as usize];
        cell.last = tick.price.0;
        cell.at = tick.at.0;
        self.match_resting(now, tick, out);
    }

    /// The side of the book that an exit of `side` trades against; the last price stands in.
    fn market_cell(&self, instrument: InstrumentId, side: Side) -> Option<CellId> {
        let cells = &self.markets[instrument.0 as usize].cells;
        let quote = match side {
            Side::Long => PriceSource::Bid,
            Side::Short => PriceSource::Ask,
        };
        cells[quote as usize].or(cells[PriceSource::Last as usize]).or(cells[PriceSource::Mark as usize])
    }

    /// The cell whose prices fill or trigger a resting order; the last price stands in.
    fn resting_cell(&self, order: &ExitOrder) -> Option<CellId> {
        let instrument = order.id.episode.key.instrument;
        let cells = &self.markets[instrument.0 as usize].cells;
        let on = order.kind.trigger().map_or(PriceSource::Last, |trigger| trigger.on.source());
        let own = cells[on as usize].or(cells[PriceSource::Last as usize]);
        own.or_else(|| self.market_cell(instrument, order.position_side()))
    }
}
