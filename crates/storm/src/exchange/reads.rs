//! What the exchange says that is held, and what rests.

use ripcord_core::account::{Holding, Reading};
use ripcord_core::event::VenueEvent;
use ripcord_core::id::AccountId;
use ripcord_core::listing::{Listed, Listing, OpenOrder, Whose};
use ripcord_core::num::{Price, Qty};
use ripcord_core::order::OrderKind;
use ripcord_core::time::{Span, Timestamp};

use super::{Book, Exchange};
use crate::fault::FaultKind;
use crate::weather::Weather;

impl Exchange {
    /// It is asked what an account holds.
    pub(crate) fn read(&mut self, now: Timestamp, account: AccountId, weather: &Weather) {
        let fails = weather.is(now, FaultKind::FailReads) || weather.is(now, FaultKind::RateLimit);
        let lag = weather.amount(now, FaultKind::LagReads).map_or(0, |amount| amount * 8);
        let until = Timestamp(now.0 - Span::from_millis(lag).0);
        let held = (!fails).then(|| self.holdings(account, until));
        let reading = Reading { account, taken_at: until, fills_until: until, held };
        self.says.push(VenueEvent::Read(Box::new(reading)));
    }

    fn holdings(&self, account: AccountId, until: Timestamp) -> Vec<Holding> {
        let held_at = |book: &Book| {
            let was = book.history.iter().rfind(|(at, _)| *at <= until);
            was.map_or(0, |(_, held)| *held)
        };
        let such = self.books.iter().filter(|(key, _)| key.account == account);
        let held = such.map(|(key, book)| (key, held_at(book), book)).filter(|(_, held, _)| *held > 0);
        let holding = |(key, held, book): (ripcord_core::id::PositionKey, i64, &Book)| {
            let entry = book.cost.checked_div(i128::from(book.held)).and_then(|it| i64::try_from(it).ok());
            Holding {
                instrument: key.instrument,
                side: key.side,
                qty: Qty(held),
                entry: entry.filter(|entry| *entry > 0).map(Price),
                leverage: None,
                liquidation: None,
                mark: Some(self.mark(key.instrument)).filter(|mark| *mark > 0).map(Price),
            }
        };
        held.map(holding).collect()
    }

    /// It is asked what rests.
    pub(crate) fn list(&mut self, now: Timestamp, account: AccountId, weather: &Weather) {
        let fails = weather.is(now, FaultKind::FailReads) || weather.is(now, FaultKind::RateLimit);
        let orders = if fails { Listed::Failed } else { Listed::All(self.open_orders(account)) };
        self.says.push(VenueEvent::Listed(Box::new(Listing { account, taken_at: now, orders })));
    }

    fn open_orders(&self, account: AccountId) -> Vec<OpenOrder> {
        let ours = self.resting.iter().filter(|(key, _)| key.account == account);
        let ours = ours.flat_map(|(_, places)| places).map(|&place| &self.rows[place]).map(|row| OpenOrder {
            whose: Whose::Ours(row.order.id),
            qty: row.order.qty,
            filled: Qty(row.filled),
            kind: row.kind,
        });
        let theirs = self.foreign.iter().filter(|((of, _), _)| *of == account).map(|((_, id), qty)| {
            let kind = OrderKind::RestingLimit(Price(1));
            OpenOrder { whose: Whose::Foreign(*id), qty: Qty(*qty), filled: Qty(0), kind }
        });
        ours.chain(theirs).collect()
    }
}
