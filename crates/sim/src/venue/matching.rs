//! Orders meet prices.

use ripcord_core::cell::CellId;
use ripcord_core::event::{Absence, OrderFound, Probe, ProbeFill, RefusedWhy, Tick, VenueEvent};
use ripcord_core::id::{OrderId, PositionKey};
use ripcord_core::instrument::{MarketKind, Side};
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Price, Qty, Ratio};
use ripcord_core::order::{ExitOrder, Fill, OrderKind, OrderState};
use ripcord_core::time::Timestamp;

use super::{Answer, FillModel, NONE, Resting, RestingFill, SimVenue};

impl SimVenue {
    pub(super) fn on_submit(
        &mut self,
        at: Timestamp,
        order: ExitOrder,
        fill: ProbeFill,
        out: &mut Vec<Answer>,
    ) {
        let key = order.id.episode.key;
        if self.held(key).0 == 0 {
            self.answer(at, VenueEvent::Refused(order.id, RefusedWhy::NothingToReduce), out);
            return;
        }
        if let Some(why) = self.refuses(&order) {
            self.answer(at, VenueEvent::Refused(order.id, why), out);
            return;
        }
        self.answer(at, VenueEvent::Accepted(order.id), out);
        match order.kind {
            OrderKind::Market => {
                let Some(price) = self.market_price(&order, fill) else {
                    // A market without a price cannot fill anything; the order waits for the first.
                    self.rest(order);
                    return;
                };
                self.fill(at, &order, Qty(0), price, self.model.taker_fee, out);
            }
            OrderKind::MarketableLimit(limit) => self.take_up_to(at, order, limit, fill, out),
            OrderKind::ImmediateLimit(limit) => {
                self.take_up_to(at, order, limit, fill, out);
                self.expire_resting(at, order.id, out);
            }
            OrderKind::RestingLimit(limit) => match self.market_price_at(key) {
                Some(market) if crosses(key.side, market, limit) => {
                    self.take_up_to(at, order, limit, fill, out)
                }
                Some(_) | None => self.rest(order),
            },
            OrderKind::Stop(_) | OrderKind::MarkStop(_) => self.rest(order),
        }
    }

    /// Why an order is not taken: too large for the market, or for coins that another order locks.
    fn refuses(&self, order: &ExitOrder) -> Option<RefusedWhy> {
        let key = order.id.episode.key;
        let rules = &self.markets[key.instrument.0 as usize].instrument;
        if order.kind == OrderKind::Market && rules.at_market(order.qty) < order.qty {
            return Some(RefusedWhy::Other);
        }
        if rules.kind == MarketKind::Futures {
            return None;
        }
        let rests = |slot: u32| {
            let resting = &self.resting[slot as usize];
            resting.order.qty.0 - resting.filled.0
        };
        let locked: i64 = self.list(key).into_iter().map(rests).sum();
        (order.qty.0 > self.held(key).0 - locked).then_some(RefusedWhy::CoinsMissing)
    }

    /// What did not fill at once is taken away.
    fn expire_resting(&mut self, at: Timestamp, id: OrderId, out: &mut Vec<Answer>) {
        let found =
            self.list(id.episode.key).into_iter().find(|&slot| self.resting[slot as usize].order.id == id);
        if let Some(slot) = found {
            self.remove(slot);
            self.answer(at, VenueEvent::Expired(id), out);
        }
    }

    /// What became of an order. This venue loses no answer: what it does not have any more has been told.
    pub(super) fn on_query(&mut self, at: Timestamp, id: OrderId, out: &mut Vec<Answer>) {
        let slots = self.list(id.episode.key);
        let resting = slots.into_iter().map(|slot| self.resting[slot as usize]).find(|it| it.order.id == id);
        let answer = resting.map_or_else(
            || VenueEvent::Absent(Box::new(Absence { id, asked_at: at })),
            |resting| {
                let (qty, placed_at, state) = (resting.order.qty, at, OrderState::Working);
                VenueEvent::Found(Box::new(OrderFound { id, qty, placed_at, state, fill: None }))
            },
        );
        self.answer(at, answer, out);
    }

    pub(super) fn on_cancel(&mut self, at: Timestamp, id: OrderId, out: &mut Vec<Answer>) {
        let found =
            self.list(id.episode.key).into_iter().find(|&slot| self.resting[slot as usize].order.id == id);
        match found {
            Some(slot) => {
                self.remove(slot);
                self.answer(at, VenueEvent::Cancelled(id), out);
            }
            None => self.answer(at, VenueEvent::CancelRefused(id), out),
        }
    }

    /// Fills and triggers the resting orders that a price reaches.
    pub(super) fn match_resting(&mut self, now: Timestamp, tick: &Tick, out: &mut Vec<Answer>) {
        let index = tick.cell.0 as usize;
        let price = tick.price.0;
        let mut reached: Vec<u32> = Vec::new();
        self.books[index].below.pop_reached(price, |slot| reached.push(slot));
        self.books[index].above.pop_reached(-price, |slot| reached.push(slot));
        reached.sort_unstable();
        reached.dedup();
        for slot in reached {
            self.meet(now, tick, slot, out);
        }
        self.restate(index);
    }

    fn meet(&mut self, now: Timestamp, tick: &Tick, slot: u32, out: &mut Vec<Answer>) {
        let resting = self.resting[slot as usize];
        let order = resting.order;
        let side = order.position_side();
        // The level may be that of an order that went, and the slot that of an order elsewhere.
        let waits_here = self.resting_cell(&order) == Some(tick.cell);
        if !resting.alive || !waits_here || !self.reaches(&order, tick.price) {
            return;
        }
        let class = if order.kind.trigger().is_some() { Probe::STOP } else { Probe::TARGET };
        // A price probed from a candle only reaches the orders that its policy names; a waiting market order takes any.
        if order.kind != OrderKind::Market && !tick.probe.fires(class, side) {
            self.arm(slot);
            return;
        }
        self.remove(slot);
        let instrument = &self.markets[order.id.episode.key.instrument.0 as usize].instrument;
        let (price, fee) = match (order.kind, tick.probe.fill) {
            (
                OrderKind::RestingLimit(limit)
                | OrderKind::MarketableLimit(limit)
                | OrderKind::ImmediateLimit(limit),
                fill,
            ) => {
                let price = if fill == ProbeFill::Price { tick.price } else { limit };
                (price, self.model.maker_fee)
            }
            (OrderKind::Stop(trigger), ProbeFill::Level) => {
                (self.model.taken_at(side, trigger, instrument), self.model.taker_fee)
            }
            (OrderKind::Stop(_) | OrderKind::Market, _) => {
                (self.model.taken_at(side, tick.price, instrument), self.model.taker_fee)
            }
            // The mark price triggers it; what it fills at is the market.
            (OrderKind::MarkStop(trigger), fill) => {
                let is_market = self.is_stand_in(&order, tick.cell);
                let market = match fill {
                    ProbeFill::Level if is_market => trigger,
                    _ if is_market => tick.price,
                    _ => self.market_price_at(order.id.episode.key).unwrap_or(tick.price),
                };
                (self.model.taken_at(side, market, instrument), self.model.taker_fee)
            }
        };
        self.fill(now, &order, resting.filled, price, fee, out);
    }

    /// Whether the prices of `cell` are no mark prices, but stand in for them.
    fn is_stand_in(&self, order: &ExitOrder, cell: CellId) -> bool {
        let cells = &self.markets[order.id.episode.key.instrument.0 as usize].cells;
        cells[PriceSource::Mark as usize] != Some(cell)
    }

    /// Takes what the market gives at the limit or better; the rest waits at the limit.
    fn take_up_to(
        &mut self,
        at: Timestamp,
        order: ExitOrder,
        limit: Price,
        fill: ProbeFill,
        out: &mut Vec<Answer>,
    ) {
        let side = order.position_side();
        match self.market_price(&order, fill) {
            Some(price) if crosses(side, price, limit) => {
                self.fill(at, &order, Qty(0), price, self.model.taker_fee, out);
            }
            // The market is at the limit, and slippage would carry the fill past it: it fills at the limit.
            Some(_)
                if self.market_price_at(order.id.episode.key).is_some_and(|m| crosses(side, m, limit)) =>
            {
                self.fill(at, &order, Qty(0), limit, self.model.taker_fee, out);
            }
            Some(_) | None => self.rest(order),
        }
    }

    /// The price at which a market order is filled now.
    fn market_price(&self, order: &ExitOrder, fill: ProbeFill) -> Option<Price> {
        let key = order.id.episode.key;
        let cell = self.market_cell(key.instrument, key.side)?;
        let instrument = &self.markets[key.instrument.0 as usize].instrument;
        let market = match fill {
            // Inside a candle the price moved through the level that fired; nothing was between.
            ProbeFill::Level => order.trigger,
            ProbeFill::Market | ProbeFill::Price => self.last(cell)?,
        };
        Some(self.model.taken_at(key.side, market, instrument))
    }

    fn market_price_at(&self, key: PositionKey) -> Option<Price> {
        self.market_cell(key.instrument, key.side).and_then(|cell| self.last(cell))
    }

    fn fill(
        &mut self,
        now: Timestamp,
        order: &ExitOrder,
        filled: Qty,
        price: Price,
        rate: Ratio,
        out: &mut Vec<Answer>,
    ) {
        let key = order.id.episode.key;
        let Some(account) = self.accounts.get_mut(key) else { return };
        // Reduce-only: never more than is held.
        let qty = Qty((order.qty.0 - filled.0).min(account.qty.0));
        if qty.0 == 0 {
            self.answer(now, VenueEvent::Expired(order.id), out);
            return;
        }
        let before = account.qty;
        account.qty = Qty(before.0 - qty.0);
        let flat = account.qty.0 == 0;
        self.remember(now, key, before);
        let instrument = &self.markets[key.instrument.0 as usize].instrument;
        let fee = FillModel::fee(instrument.notional(price, qty), rate);
        let filled_total = Qty(filled.0 + qty.0);
        let fill = Fill { id: order.id, filled_total, price, fee };
        self.answer(now, VenueEvent::Filled(Box::new(fill)), out);
        if filled_total < order.qty {
            self.answer(now, VenueEvent::Expired(order.id), out);
        }
        if flat {
            self.expire_all(now, key, out);
        }
    }

    /// A flat position has nothing to reduce: its resting orders go.
    pub(super) fn expire_all(&mut self, now: Timestamp, key: PositionKey, out: &mut Vec<Answer>) {
        for slot in self.list(key) {
            let id = self.resting[slot as usize].order.id;
            self.remove(slot);
            self.answer(now, VenueEvent::Expired(id), out);
        }
    }

    fn rest(&mut self, order: ExitOrder) {
        let key = order.id.episode.key;
        let Some(account) = self.accounts.get_mut(key) else { return };
        let resting = Resting { order, filled: Qty(0), next: account.first, alive: true };
        let slot = match self.free.pop() {
            Some(slot) => {
                self.resting[slot as usize] = resting;
                slot
            }
            None => {
                self.resting.push(resting);
                u32::try_from(self.resting.len() - 1).expect("fewer than 2^32 orders rest")
            }
        };
        account.first = slot;
        self.arm(slot);
    }

    /// Waits for the price that reaches the order.
    fn arm(&mut self, slot: u32) {
        let order = self.resting[slot as usize].order;
        let Some(cell) = self.resting_cell(&order) else { return };
        let index = cell.0 as usize;
        let (cell, book) = (&mut self.cells[index], &mut self.books[index]);
        let Some(level) = waits_for(&order, self.model.resting) else {
            // A market order without a market: the first price is the one.
            book.below.arm(i64::MAX, slot);
            cell.lo = i64::MAX;
            return;
        };
        if waits_above(&order) {
            book.above.arm(-level.0, slot);
            cell.hi = cell.hi.min(level.0);
        } else {
            book.below.arm(level.0, slot);
            cell.lo = cell.lo.max(level.0);
        }
    }

    fn reaches(&self, order: &ExitOrder, price: Price) -> bool {
        waits_for(order, self.model.resting)
            .is_none_or(|level| if waits_above(order) { price >= level } else { price <= level })
    }

    pub(super) fn list(&self, key: PositionKey) -> Vec<u32> {
        let mut slots = Vec::new();
        let mut at = self.accounts.get(key).map_or(NONE, |account| account.first);
        while at != NONE {
            slots.push(at);
            at = self.resting[at as usize].next;
        }
        slots
    }

    fn remove(&mut self, slot: u32) {
        let key = self.resting[slot as usize].order.id.episode.key;
        let next = self.resting[slot as usize].next;
        let Some(account) = self.accounts.get_mut(key) else { return };
        if account.first == slot {
            account.first = next;
        } else {
            let mut at = account.first;
            while self.resting[at as usize].next != slot {
                at = self.resting[at as usize].next;
            }
            self.resting[at as usize].next = next;
        }
        self.resting[slot as usize].alive = false;
        self.free.push(slot);
    }

    fn restate(&mut self, index: usize) {
        let (cell, book) = (&mut self.cells[index], &self.books[index]);
        cell.lo = book.below.nearest().unwrap_or(i64::MIN);
        cell.hi = book.above.nearest().map_or(i64::MAX, |level| -level);
    }
}

/// Whether a market at `price` fills an exit of `side` with limit `limit`.
fn crosses(side: Side, price: Price, limit: Price) -> bool {
    match side {
        Side::Long => price >= limit,
        Side::Short => price <= limit,
    }
}

/// The price that reaches a resting order; `None` is any.
fn waits_for(order: &ExitOrder, resting: RestingFill) -> Option<Price> {
    let beyond = match resting {
        RestingFill::TradedThrough => order.position_side().sign(),
        RestingFill::Touched => 0,
    };
    match order.kind {
        OrderKind::Market => None,
        OrderKind::MarketableLimit(limit)
        | OrderKind::RestingLimit(limit)
        | OrderKind::ImmediateLimit(limit) => Some(Price(limit.0 + beyond)),
        OrderKind::Stop(trigger) | OrderKind::MarkStop(trigger) => Some(trigger),
    }
}

/// A long's target and a short's stop wait above the market.
fn waits_above(order: &ExitOrder) -> bool {
    match order.kind {
        OrderKind::Market => false,
        OrderKind::MarketableLimit(_) | OrderKind::RestingLimit(_) | OrderKind::ImmediateLimit(_) => {
            order.position_side() == Side::Long
        }
        OrderKind::Stop(_) | OrderKind::MarkStop(_) => order.position_side() == Side::Short,
    }
}
