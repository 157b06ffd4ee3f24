//! Shadow: what we would have done beside somebody who trades an account by themselves.
//!
//! Orders go to books of our own making, which follow the real account, less what was closed there virtually.
//! A position that was closed virtually stays closed until its real size has been zero. Shadow protects
//! nothing: of everything that is wanted only reads reach the account. Going live takes nothing over from it:
//! a coordinator of its own reads the account, and finds what is really held.

use std::collections::BTreeMap;

use ripcord_core::account::{Holding, Reading};
use ripcord_core::cell::{Band, CellId};
use ripcord_core::event::{Action, Observed, ProbeFill, Tick, VenueEvent};
use ripcord_core::id::{InstrumentId, PositionKey};
use ripcord_core::instrument::Instrument;
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Price, Qty};
use ripcord_core::time::Timestamp;
use ripcord_core::view::LivingOrder;

use crate::desk::Venue;
use crate::venue::{Answer, FillModel, ReadModel, SimVenue};

/// Books on paper in front of the venue of a real account, of which they ask nothing but what it holds.
#[derive(Debug)]
pub struct Shadow<A> {
    account: A,
    books: SimVenue,
    buckets: BTreeMap<PositionKey, Mirror>,
    /// What the account said, to be followed.
    said: Vec<Answer>,
}

/// One bucket of the real account beside that of the books.
#[derive(Debug, Clone, Copy, Default)]
struct Mirror {
    /// What the books were set to when the real account was last read.
    shown: Qty,
    /// What was closed virtually since the real size was zero.
    closed: Qty,
}

impl<A: Venue> Shadow<A> {
    /// Beside an account that was never read.
    #[must_use]
    pub fn beside(account: A) -> Self {
        let mut books = SimVenue::new(FillModel::HONEST);
        books.answer_reads(ReadModel::default());
        Self { account, books, buckets: BTreeMap::new(), said: Vec::new() }
    }

    /// What the account said: a read is followed, and then drawn up anew from the books; one that failed is
    /// passed on as it is. Of orders it can say nothing: it has none of ours.
    fn hear(&mut self, out: &mut Vec<Answer>) {
        for (at, event) in std::mem::take(&mut self.said) {
            let VenueEvent::Read(real) = &event else { continue };
            let Some(held) = &real.held else {
                out.push((at, event));
                continue;
            };
            self.books.advance(at, out);
            self.follow(at, real, held, out);
            self.books.read(at, real.account, out);
        }
    }

    /// Brings the books up to what the real account holds.
    fn follow(&mut self, now: Timestamp, real: &Reading, held: &[Holding], out: &mut Vec<Answer>) {
        let key = |holding: &Holding| PositionKey {
            account: real.account,
            instrument: holding.instrument,
            side: holding.side,
        };
        let held: BTreeMap<PositionKey, &Holding> = held.iter().map(|one| (key(one), one)).collect();
        for &key in held.keys() {
            self.buckets.entry(key).or_default();
        }
        for (&key, mirror) in self.buckets.iter_mut().filter(|(key, _)| key.account == real.account) {
            let holding = held.get(&key).copied();
            let books = self.books.held(key);
            let to = mirror.turn_to(holding.map_or(Qty(0), |holding| holding.qty), books);
            let trade = to.0 - books.0;
            if trade != 0 {
                // The price of a trade that nobody told is not known: reads find it, and say so.
                let entry = holding.and_then(|holding| holding.entry).unwrap_or(Price(0));
                self.books.trade_by_hand(now, key, (trade, entry), false, out);
            }
        }
    }
}

impl Mirror {
    /// The real size is known anew, and what the books hold: what they should hold. Where everything was
    /// closed virtually, what is bought more is not ours.
    fn turn_to(&mut self, real: Qty, books: Qty) -> Qty {
        self.closed.0 += (self.shown.0 - books.0).max(0);
        let is_done = self.closed.0 > 0 && books.0 == 0;
        if real.0 == 0 {
            *self = Self::default();
        }
        self.shown = if is_done { Qty(0) } else { Qty((real.0 - self.closed.0).max(0)) };
        self.shown
    }
}

impl<A: Venue> Venue for Shadow<A> {
    fn add_instrument(&mut self, id: InstrumentId, instrument: Instrument, fed: &[(PriceSource, CellId)]) {
        self.account.add_instrument(id, instrument.clone(), fed);
        self.books.add_instrument(id, instrument, fed);
    }

    fn act(&mut self, now: Timestamp, actions: &[Action], fill: ProbeFill, out: &mut Vec<Answer>) {
        for action in actions {
            let one = std::slice::from_ref(action);
            match action {
                Action::ReadPositions(_) => self.account.act(now, one, fill, &mut self.said),
                Action::Submit(_)
                | Action::Cancel(_)
                | Action::Query(_)
                | Action::ListOrders(_)
                | Action::CancelForeign(..) => self.books.act(now, one, fill, out),
            }
        }
        self.hear(out);
    }

    fn next_deadline(&self) -> Timestamp {
        self.account.next_deadline().min(self.books.next_deadline())
    }

    fn advance(&mut self, now: Timestamp, out: &mut Vec<Answer>) {
        self.account.advance(now, &mut self.said);
        self.hear(out);
        self.books.advance(now, out);
    }

    fn listen(&mut self, now: Timestamp) {
        self.account.listen(now);
    }

    fn meet_again(&mut self, now: Timestamp, living: &LivingOrder, out: &mut Vec<Answer>) {
        self.books.meet_again(now, living, out);
    }

    fn recall_held(&mut self, key: PositionKey, qty: Qty) {
        self.books.recall_held(key, qty);
        self.buckets.entry(key).or_default().shown = self.books.held(key);
    }

    fn recall_closed(&mut self, key: PositionKey, qty: Qty) {
        self.buckets.entry(key).or_default().closed = qty;
    }

    fn recall_price(&mut self, cell: CellId, price: Price, at: Timestamp) {
        self.books.recall_price(cell, price, at);
    }

    fn is_quiet(&self, now: Timestamp, tick: &Tick) -> bool {
        now < self.account.next_deadline() && self.books.is_quiet(now, tick)
    }

    fn take_quiet(&mut self, tick: &Tick) {
        self.books.take_quiet(tick);
    }

    fn tick(&mut self, now: Timestamp, tick: &Tick, out: &mut Vec<Answer>) {
        self.account.advance(now, &mut self.said);
        self.hear(out);
        self.books.tick(now, tick, out);
    }

    fn observe(&mut self, observed: &Observed) {
        self.books.observe(observed);
    }

    fn quiet(&self, cell: CellId) -> Band {
        self.books.quiet(cell)
    }

    fn books(&self) -> Option<&SimVenue> {
        Some(&self.books)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_closed_virtually_stays_closed_until_the_real_size_was_zero() {
        let mut mirror = Mirror::default();
        let steps = [
            // real, books before, books after
            (10, 0, 10),
            (10, 10, 10),
            // Four are sold virtually; then the real account sells three.
            (10, 6, 6),
            (7, 6, 3),
            // The rest is sold virtually: more that is bought is not ours.
            (7, 0, 0),
            (12, 0, 0),
            (0, 0, 0),
            (5, 0, 5),
        ];
        for (at, (real, books, after)) in steps.into_iter().enumerate() {
            assert_eq!(mirror.turn_to(Qty(real), Qty(books)), Qty(after), "step {at}");
        }
    }
}
