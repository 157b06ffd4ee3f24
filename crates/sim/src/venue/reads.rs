//! What the venue says when it is asked what an account holds; and what happens to positions past us:
//! trades by hand, liquidations, auto-deleveraging.

use std::collections::{BTreeMap, BTreeSet};

use ripcord_core::account::{ClosedBy, Holding, OutsideClose, Reading};
use ripcord_core::event::VenueEvent;
use ripcord_core::id::{AccountId, PositionKey};
use ripcord_core::listing::{Listed, Listing, OpenOrder, Whose};
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Money, Price, Qty, Round};
use ripcord_core::time::{Span, Timestamp};

use super::{Account, Answer, Message, NONE, SimVenue};

/// How the venue answers reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadModel {
    /// How old an answer is when it is drawn up.
    pub lag: Span,
    /// Every n-th read fails; 0 is never.
    pub fails_every: u32,
}

/// What reads need to know.
#[derive(Debug, Default)]
pub(super) struct Reads {
    /// Entries and earlier sizes are kept only for those who read.
    model: Option<ReadModel>,
    asked: u32,
    under_way: BTreeSet<AccountId>,
    listing: BTreeSet<AccountId>,
    /// Cost and quantity of the last time that something was bought at a known price.
    entries: BTreeMap<PositionKey, (i128, i64)>,
    /// Sizes of each bucket from then on, oldest first.
    history: BTreeMap<PositionKey, Vec<(Timestamp, Qty)>>,
    trades: u64,
}

impl SimVenue {
    /// Answers reads by `model`, entries included, from now on.
    pub fn answer_reads(&mut self, model: ReadModel) {
        self.reads.model = Some(model);
    }

    /// Books a position (or more of one) that was bought at `price`.
    pub fn hold_at(&mut self, now: Timestamp, key: PositionKey, qty: Qty, price: Price) {
        let before = self.held(key);
        if self.reads.model.is_some() {
            let bought = i128::from(price.0) * i128::from(qty.0);
            let known = self.reads.entries.get(&key).filter(|_| before.0 > 0);
            let kept = known.map(|&(cost, of)| cost * i128::from(before.0) / i128::from(of));
            if kept.is_some() || before.0 == 0 {
                self.reads.entries.insert(key, (kept.unwrap_or(0) + bought, before.0 + qty.0));
            }
        }
        self.hold(key, qty);
        self.remember(now, key, before);
    }

    /// Asks what an account holds; what is under way already is not asked again.
    pub fn read(&mut self, now: Timestamp, account: AccountId, out: &mut Vec<Answer>) {
        if self.reads.under_way.insert(account) {
            self.send(now, Message::Read(account), out);
        }
    }

    /// Asks what rests in an account; what is under way already is not asked again.
    pub fn list_orders(&mut self, now: Timestamp, account: AccountId, out: &mut Vec<Answer>) {
        if self.reads.listing.insert(account) {
            self.send(now, Message::List(account), out);
        }
    }

    /// Draws up what rests in an account.
    pub(super) fn on_list(&mut self, at: Timestamp, account: AccountId, out: &mut Vec<Answer>) {
        self.reads.listing.remove(&account);
        self.reads.asked += 1;
        let fails_every = self.reads.model.unwrap_or_default().fails_every;
        let fails = fails_every > 0 && self.reads.asked.is_multiple_of(fails_every);
        let orders = if fails { Listed::Failed } else { Listed::All(self.resting_of(account)) };
        let listing = Listing { account, taken_at: at, orders };
        self.answer(at, VenueEvent::Listed(Box::new(listing)), out);
    }

    fn resting_of(&self, account: AccountId) -> Vec<OpenOrder> {
        let of = self.accounts.iter().filter(|(key, _)| key.account == account);
        let resting = of.flat_map(|(key, _)| self.list(key)).map(|at| &self.resting[at as usize]);
        let alive = resting.filter(|resting| resting.alive);
        alive
            .map(|resting| OpenOrder {
                whose: Whose::Ours(resting.order.id),
                qty: resting.order.qty,
                filled: resting.filled,
                kind: resting.order.kind,
            })
            .collect()
    }

    /// Somebody trades by hand: `qty` more of a position, or less of it. Its own orders that have nothing
    /// left to reduce expire. When `is_told`, a trade that closes is told like those of others.
    pub fn trade_by_hand(
        &mut self,
        now: Timestamp,
        key: PositionKey,
        (qty, price): (i64, Price),
        is_told: bool,
        out: &mut Vec<Answer>,
    ) {
        if qty >= 0 {
            self.hold_at(now, key, Qty(qty), price);
            return;
        }
        let closed = self.take_away(now, key, Qty(-qty), out);
        if is_told && closed.0 > 0 {
            self.tell_closed(now, key, (closed, Some(price)), ClosedBy::Hand, out);
        }
    }

    /// The venue closes (part of) a position by itself, at its mark, and says so.
    pub fn close_by_venue(
        &mut self,
        now: Timestamp,
        key: PositionKey,
        qty: Qty,
        by: ClosedBy,
        out: &mut Vec<Answer>,
    ) {
        let price = self.mark(key);
        let closed = self.take_away(now, key, qty, out);
        if closed.0 > 0 {
            self.tell_closed(now, key, (closed, price), by, out);
        }
    }

    fn tell_closed(
        &mut self,
        now: Timestamp,
        key: PositionKey,
        (qty, price): (Qty, Option<Price>),
        by: ClosedBy,
        out: &mut Vec<Answer>,
    ) {
        self.reads.trades += 1;
        let trade = self.reads.trades;
        let closed = OutsideClose { key, trade, qty, price, fee: Money::ZERO, by };
        self.answer(now, VenueEvent::ClosedOutside(Box::new(closed)), out);
    }

    /// Takes a quantity off the books; how much there was.
    fn take_away(&mut self, now: Timestamp, key: PositionKey, qty: Qty, out: &mut Vec<Answer>) -> Qty {
        let before = self.held(key);
        let Some(account) = self.accounts.get_mut(key) else { return Qty(0) };
        let qty = qty.min(account.qty);
        account.qty = Qty(account.qty.0 - qty.0);
        let is_flat = account.qty.0 == 0;
        self.remember(now, key, before);
        if is_flat {
            self.expire_all(now, key, out);
        }
        qty
    }

    /// A size changes from `before`: answers that lag still say what it was.
    pub(super) fn remember(&mut self, now: Timestamp, key: PositionKey, before: Qty) {
        let Some(ReadModel { lag, .. }) = self.reads.model else { return };
        if lag > Span::ZERO {
            let held = self.held(key);
            let sizes = self.reads.history.entry(key).or_insert_with(|| vec![(Timestamp::MIN, before)]);
            sizes.push((now, held));
        }
    }

    /// Draws up what an account holds.
    pub(super) fn on_read(&mut self, at: Timestamp, account: AccountId, out: &mut Vec<Answer>) {
        self.reads.under_way.remove(&account);
        self.reads.asked += 1;
        let ReadModel { lag, fails_every } = self.reads.model.unwrap_or_default();
        let until = Timestamp(at.0 - lag.0);
        let fails = fails_every > 0 && self.reads.asked.is_multiple_of(fails_every);
        let held = (!fails).then(|| self.held_at(account, until));
        let reading = Reading { account, taken_at: until, fills_until: until, held };
        self.answer(at, VenueEvent::Read(Box::new(reading)), out);
    }

    fn held_at(&self, account: AccountId, until: Timestamp) -> Vec<Holding> {
        let size = |key: PositionKey, now: &Account| match self.reads.history.get(&key) {
            Some(sizes) => sizes.iter().rfind(|(at, _)| *at <= until).map_or(Qty(0), |&(_, qty)| qty),
            None => now.qty,
        };
        let of = self.accounts.iter().filter(|(key, _)| key.account == account);
        let held = of.map(|(key, account)| (key, size(key, account))).filter(|(_, qty)| qty.0 > 0);
        held.map(|(key, qty)| Holding {
            instrument: key.instrument,
            side: key.side,
            qty,
            entry: self.reads.entries.get(&key).and_then(|&(cost, of)| average(cost, of)),
            leverage: None,
            liquidation: None,
            mark: self.mark(key),
        })
        .collect()
    }

    fn mark(&self, key: PositionKey) -> Option<Price> {
        let cells = &self.markets[key.instrument.0 as usize].cells;
        let own =
            [PriceSource::Mark, PriceSource::Last].into_iter().find_map(|source| cells[source as usize]);
        own.or_else(|| self.market_cell(key.instrument, key.side)).and_then(|cell| self.last(cell))
    }
}

fn average(cost: i128, qty: i64) -> Option<Price> {
    let price = i64::try_from(Round::HalfUp.divide(cost, i128::from(qty))).ok()?;
    Some(Price(price)).filter(|price| price.is_sound())
}

impl Account {
    /// Nothing, with nothing at rest.
    pub(super) const EMPTY: Self = Self { qty: Qty(0), first: NONE };
}
