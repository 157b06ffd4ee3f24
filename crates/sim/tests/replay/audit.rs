//! Looks at a run from outside: what was sold, at what price, and whether it was there to be sold.
//!
//! It knows the rows and the fill model, and shares no line with the venue.

use std::collections::{BTreeMap, BTreeSet};

use ripcord_core::event::{AlarmKind, Filled, Record};
use ripcord_core::id::{EpisodeId, OrderId, PositionKey};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Money, Price, Qty, Ratio};
use ripcord_core::order::{ExitOrder, OrderKind};
use ripcord_core::time::Timestamp;
use ripcord_sim::replay::Rank;
use ripcord_sim::venue::RestingFill;

use crate::world::{Case, Ran};

/// What was held is what was closed plus what is still held: by our books and by the venue's.
pub(crate) fn holdings(case: &Case, ran: &Ran, what: &str) {
    let mut held: BTreeMap<EpisodeId, Qty> = BTreeMap::new();
    let mut dust: BTreeMap<PositionKey, i64> = BTreeMap::new();
    for record in ran.records() {
        match record {
            Record::Opened(opened) => {
                held.insert(opened.episode, opened.qty);
            }
            Record::Filled(filled) => {
                let left = held.get_mut(&filled.id.episode).expect("only what lives is filled");
                assert!(
                    filled.qty.0 > 0 && filled.qty <= *left,
                    "{what}: {filled:?} closes more than {left:?}"
                );
                left.0 -= filled.qty.0;
                assert_eq!(filled.remaining, *left, "{what}: {filled:?}");
            }
            _ => {}
        }
    }
    let inherited = inherited(ran, what);
    held.retain(|episode, _| !inherited.contains(&episode.key));
    let living: BTreeMap<EpisodeId, Qty> =
        ran.positions.iter().map(|view| (view.episode, view.qty)).collect();
    for (episode, left) in &held {
        match living.get(episode) {
            Some(qty) => assert_eq!(qty, left, "{what}: {episode:?}"),
            None => *dust.entry(episode.key).or_default() += left.0,
        }
    }
    for (episode, left) in held.iter().filter(|(episode, _)| !living.contains_key(episode)) {
        let instrument = &case.markets[episode.key.instrument.0 as usize].instrument;
        assert_eq!(
            instrument.closable(*left),
            Qty(0),
            "{what}: {episode:?} ended with {left:?} that could be sold"
        );
    }
    for &(key, booked) in ran.booked.iter().filter(|(key, _)| !inherited.contains(key)) {
        let ours = ran.positions.iter().find(|view| view.episode.key == key).map_or(0, |view| view.qty.0);
        let dust = dust.get(&key).copied().unwrap_or(0);
        assert_eq!(booked.0, ours + dust, "{what}: the venue's books and ours differ in {key:?}");
    }
}

/// Buckets that were opened again, in which what an earlier life left behind met the next one: an
/// order that was on its way to the venue, or dust. An alarm says that the books differ from there on.
fn inherited(ran: &Ran, what: &str) -> BTreeSet<PositionKey> {
    let mut lives: BTreeMap<PositionKey, u32> = BTreeMap::new();
    let mut keys = BTreeSet::new();
    for record in ran.records() {
        match record {
            Record::Opened(opened) => {
                lives.insert(opened.episode.key, opened.episode.generation);
            }
            Record::Alarm { what: AlarmKind::FillNotExpected, episode } => {
                assert!(lives[&episode.key] > 1, "{what}: a fill of {episode:?} was not expected");
                keys.insert(episode.key);
            }
            _ => {}
        }
    }
    keys
}

/// A row of the merged stream.
#[derive(Debug, Clone, Copy)]
struct Row {
    ts: i64,
    market: usize,
    source: PriceSource,
    price: i64,
}

/// The prices of a case of ticks, in their merged order.
pub(crate) struct Tape<'a> {
    case: &'a Case,
    rows: Vec<Row>,
}

/// How much an audit has seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) at_market: usize,
    pub(crate) at_limit: usize,
    pub(crate) rested: usize,
    pub(crate) waits: usize,
}

/// What the venue ought to do with an order.
#[derive(Debug, PartialEq, Eq)]
enum Due {
    /// Filled at this price, by an order that arrives at this time.
    Taken(Price, Timestamp),
    /// Filled at its own price by a row of this time.
    Rested(Price, Timestamp),
    /// Not filled by these rows.
    Waits,
    /// There was no price to trade against.
    NoMarket,
}

impl<'a> Tape<'a> {
    pub(crate) fn of(case: &'a Case) -> Self {
        let mut rows: Vec<(i64, Rank, usize, usize)> = Vec::new();
        for (n, file) in case.prices.iter().enumerate() {
            assert!(file.policy.is_none(), "only ticks have an order that is known");
            rows.extend((0..file.columns.ts.len()).map(|row| (file.columns.ts[row], file.rank, n, row)));
        }
        rows.sort_unstable();
        let row = |(ts, _, n, row): (i64, Rank, usize, usize)| {
            let file = &case.prices[n];
            let source = PriceSource::from_code(file.columns.source[row]).expect("a source");
            Row { ts, market: file.market, source, price: file.columns.price[row] }
        };
        Self { case, rows: rows.into_iter().map(row).collect() }
    }

    /// Every fill is the one that the rows and the model give, and none is missing.
    pub(crate) fn audit(&self, ran: &Ran, what: &str, seen: &mut Seen) {
        let inherited = inherited(ran, what);
        let mut due: BTreeMap<OrderId, (ExitOrder, Due)> = BTreeMap::new();
        for (index, _, entry) in &ran.told {
            match &entry.record {
                Record::OrderIntended(order) if inherited.contains(&order.id.episode.key) => {}
                Record::OrderIntended(order) => {
                    due.insert(order.id, (**order, self.due(order, *index, entry.at)));
                }
                Record::Filled(filled) if !inherited.contains(&filled.id.episode.key) => {
                    let (order, due) =
                        due.remove(&filled.id).expect("an order is intended once and filled once");
                    self.check(&order, &due, filled, entry.at, what, seen);
                }
                Record::OrderEnded { id, .. } => {
                    due.remove(id);
                }
                _ => {}
            }
        }
        for (order, due) in due.values() {
            assert!(
                matches!(due, Due::Waits | Due::NoMarket),
                "{what}: {order:?} ought to be filled: {due:?}"
            );
            seen.waits += 1;
        }
    }

    fn check(
        &self,
        order: &ExitOrder,
        due: &Due,
        filled: &Filled,
        at: Timestamp,
        what: &str,
        seen: &mut Seen,
    ) {
        let model = self.case.fills;
        let (price, when, rate) = match *due {
            Due::Taken(price, when) => (price, when, model.taker_fee),
            Due::Rested(price, when) => (price, when, model.maker_fee),
            Due::NoMarket => return,
            Due::Waits => panic!("{what}: {order:?} was filled by no row: {filled:?}"),
        };
        let arrives = when.after(model.latency);
        assert_eq!((filled.price, at), (price, arrives), "{what}: {order:?}: {due:?}: {filled:?}");
        assert_eq!(filled.fee, fee(self.instrument(order), filled, rate), "{what}: {order:?}");
        match (due, order.kind) {
            (Due::Rested(..), _) => seen.rested += 1,
            (_, OrderKind::Market) => seen.at_market += 1,
            _ => seen.at_limit += 1,
        }
    }

    fn instrument(&self, order: &ExitOrder) -> &Instrument {
        &self.case.markets[order.id.episode.key.instrument.0 as usize].instrument
    }

    fn due(&self, order: &ExitOrder, index: u64, sent: Timestamp) -> Due {
        let arrives = sent.after(self.case.fills.latency);
        let next = self.next_row(index, sent);
        let Some(market) = self.market(order, next) else { return Due::NoMarket };
        let taken = self.taken(order, market);
        let side = order.position_side();
        match order.kind {
            OrderKind::Market => Due::Taken(taken, arrives),
            OrderKind::ImmediateLimit(_) => panic!("this venue always has a market"),
            OrderKind::MarketableLimit(limit) | OrderKind::RestingLimit(limit) => {
                if no_worse(side, market, limit) {
                    let price = if no_worse(side, taken, limit) { taken } else { limit };
                    return Due::Taken(price, arrives);
                }
                match self.first_reaching(order, limit, next) {
                    Some(row) => Due::Rested(limit, Timestamp(row.ts)),
                    None => Due::Waits,
                }
            }
            OrderKind::Stop(trigger) => match self.first_triggering(order, trigger, (next, false)) {
                Some((_, row)) => Due::Taken(self.taken(order, Price(row.price)), Timestamp(row.ts)),
                None => Due::Waits,
            },
            // The mark triggers it, the market fills it.
            OrderKind::MarkStop(trigger) => match self.first_triggering(order, trigger, (next, true)) {
                Some((at, row)) => {
                    let is_mark = row.source == PriceSource::Mark;
                    let market = self.market(order, at + 1).filter(|_| is_mark);
                    let market = market.unwrap_or(Price(row.price));
                    Due::Taken(self.taken(order, market), Timestamp(row.ts))
                }
                None => Due::Waits,
            },
        }
    }

    /// The first row that the order meets after its arrival.
    fn next_row(&self, index: u64, sent: Timestamp) -> usize {
        let latency = self.case.fills.latency;
        if latency.0 > 0 {
            return self.rows.partition_point(|row| row.ts < sent.after(latency).0);
        }
        let before_all = self.rows.first().is_none_or(|row| sent.0 < row.ts);
        if before_all { 0 } else { index as usize + 1 }
    }

    fn sources(&self, order: &ExitOrder) -> &[PriceSource] {
        &self.case.markets[order.id.episode.key.instrument.0 as usize].sources
    }

    /// The price that the order trades against when `next` is still to come.
    fn market(&self, order: &ExitOrder, next: usize) -> Option<Price> {
        let quote = if order.position_side() == Side::Long { PriceSource::Bid } else { PriceSource::Ask };
        let fed = self.sources(order);
        let wanted =
            [quote, PriceSource::Last, PriceSource::Mark].into_iter().find(|source| fed.contains(source));
        self.rows[..next].iter().rev().find(|row| self.is_of(row, order, wanted)).map(|row| Price(row.price))
    }

    fn first_reaching(&self, order: &ExitOrder, limit: Price, next: usize) -> Option<Row> {
        let quote = if order.position_side() == Side::Long { PriceSource::Bid } else { PriceSource::Ask };
        let fed = self.sources(order);
        let wanted =
            [PriceSource::Last, quote, PriceSource::Mark].into_iter().find(|source| fed.contains(source));
        let beyond = |row: &Row| order.position_side().sign() * (row.price - limit.0);
        let least = i64::from(self.case.fills.resting == RestingFill::TradedThrough);
        let mut rows = self.rows[next..].iter();
        rows.find(|row| self.is_of(row, order, wanted) && beyond(row) >= least).copied()
    }

    /// The first row from `next` on that triggers a stop, and its place.
    fn first_triggering(
        &self,
        order: &ExitOrder,
        trigger: Price,
        (next, on_mark): (usize, bool),
    ) -> Option<(usize, Row)> {
        let quote = if order.position_side() == Side::Long { PriceSource::Bid } else { PriceSource::Ask };
        let fed = self.sources(order);
        let mark = [PriceSource::Mark].into_iter().filter(|_| on_mark);
        let mut sources = mark.chain([PriceSource::Last, quote, PriceSource::Mark]);
        let wanted = sources.find(|source| fed.contains(source));
        let past = |row: &Row| order.position_side().sign() * (row.price - trigger.0) <= 0;
        let mut rows = self.rows.iter().enumerate().skip(next);
        rows.find(|(_, row)| self.is_of(row, order, wanted) && past(row)).map(|(at, row)| (at, *row))
    }

    fn is_of(&self, row: &Row, order: &ExitOrder, source: Option<PriceSource>) -> bool {
        row.market == order.id.episode.key.instrument.0 as usize && Some(row.source) == source
    }

    /// The market, worse by the slippage and by what the tick grid takes.
    fn taken(&self, order: &ExitOrder, market: Price) -> Price {
        let slippage = self.case.fills.slippage;
        if slippage == Ratio::ZERO {
            return market;
        }
        let tick = self.instrument(order).tick_size.0;
        let exact = i128::from(market.0) * i128::from(slippage.0);
        let worse = i64::try_from(exact.unsigned_abs().div_ceil(1_000_000_000)).expect("a price");
        let price = match order.position_side() {
            Side::Long => (market.0 - worse).div_euclid(tick) * tick,
            Side::Short => -(-(market.0 + worse)).div_euclid(tick) * tick,
        };
        Price(price.max(tick))
    }
}

/// Whether an exit of `side` at `price` is at least as good as at `limit`.
fn no_worse(side: Side, price: Price, limit: Price) -> bool {
    side.sign() * price.0 >= side.sign() * limit.0
}

/// Quantity times price times rate, up to the next unit of money.
pub(crate) fn fee(instrument: &Instrument, filled: &Filled, rate: Ratio) -> Money {
    let units = 18 - u32::from(instrument.price_decimals) - u32::from(instrument.qty_decimals);
    let notional = i128::from(filled.price.0) * i128::from(filled.qty.0) * 10_i128.pow(units);
    let exact = notional * i128::from(rate.0);
    let one = 1_000_000_000;
    Money(exact.div_euclid(one) + i128::from(exact.rem_euclid(one) > 0))
}
