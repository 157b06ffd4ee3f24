//! The demo strategy: it opens positions, long and short, under different plans. How they end is
//! not its business.

use std::collections::VecDeque;

use ripcord_core::event::Opening;
use ripcord_core::id::{AccountId, InstrumentId, PlanId, PositionKey};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Price, Qty};
use ripcord_core::time::{Span, Timestamp};
use ripcord_sim::generator::Chance;
use ripcord_sim::plan_file::{PlanFileError, WrittenPlan, parse_written_plan};
use ripcord_sim::venue::FillModel;

/// The plans of the demo, as they are written.
const PLANS: [(&str, &str); 4] = [
    ("demo/ladder.toml", include_str!("demo/ladder.toml")),
    ("demo/trail.toml", include_str!("demo/trail.toml")),
    ("demo/guard.toml", include_str!("demo/guard.toml")),
    ("demo/soft.toml", include_str!("demo/soft.toml")),
];

/// The first position is opened this long after the market began.
const FIRST_AFTER: Span = Span::from_millis(150);
/// From one opening to the next, in milliseconds, least and most: a person can follow two a second.
const APART_MS: (i64, i64) = (350, 1_600);
/// A slot rests this long before its next position: late answers to old orders are in by then.
const SLOT_RESTS: Span = Span::from_secs(1);
/// Value of a position in the quote currency, least and most.
const NOTIONAL: (i64, i64) = (1_000, 5_000);
/// Fewer lots than this do not split into the legs of a ladder.
const LOTS_MIN: i64 = 8;

/// The plans that the demo opens positions under.
///
/// # Errors
/// Never, unless a plan in this crate is broken; a test reads them all.
pub fn plans() -> Result<Vec<WrittenPlan>, PlanFileError> {
    PLANS.iter().map(|(file, text)| parse_written_plan(text, file)).collect()
}

/// Best prices of an instrument, as far as they are known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Book {
    /// Best bid.
    pub bid: Option<Price>,
    /// Best ask.
    pub ask: Option<Price>,
    /// Last trade.
    pub last: Option<Price>,
}

impl Book {
    /// Notes an older price, unless a newer one is known.
    pub fn recall(&mut self, source: PriceSource, price: Price) {
        if let Some(known) = self.place(source) {
            known.get_or_insert(price);
        }
    }

    /// Whether a price of each of `sources` that it keeps is known.
    #[must_use]
    pub fn is_complete(mut self, sources: &[PriceSource]) -> bool {
        sources.iter().all(|&source| self.place(source).is_none_or(|known| known.is_some()))
    }

    fn place(&mut self, source: PriceSource) -> Option<&mut Option<Price>> {
        match source {
            PriceSource::Bid => Some(&mut self.bid),
            PriceSource::Ask => Some(&mut self.ask),
            PriceSource::Last => Some(&mut self.last),
            PriceSource::Mark | PriceSource::Index => None,
        }
    }

    /// What somebody pays who opens a position of `side` now.
    #[must_use]
    pub fn entry(&self, side: Side) -> Option<Price> {
        match side {
            Side::Long => self.ask.or(self.last),
            Side::Short => self.bid.or(self.last),
        }
    }
}

/// Opens positions at intervals of market time, at most so many at once.
#[derive(Debug)]
pub struct Demo {
    chance: Chance,
    /// Instruments that have plans.
    traded: Vec<usize>,
    /// Plans of each instrument.
    plans: Vec<Vec<PlanId>>,
    next_at: Timestamp,
    /// Accounts that hold nothing, and since when. Each slot is an account of its own, so that two
    /// positions on the same side of an instrument do not meet in one bucket.
    free: VecDeque<(AccountId, Timestamp)>,
    opened: usize,
    is_stopped: bool,
}

impl Demo {
    /// A strategy for a market that begins at `start`.
    #[must_use]
    pub fn new(seed: u64, start: Timestamp, plans: Vec<Vec<PlanId>>, positions_max: u32) -> Self {
        let free = (0..positions_max).map(|slot| (AccountId(slot), Timestamp::MIN)).collect();
        let chance = Chance::new(!seed);
        let traded = (0..plans.len()).filter(|&index| !plans[index].is_empty()).collect();
        Self { chance, traded, plans, next_at: start.after(FIRST_AFTER), free, opened: 0, is_stopped: false }
    }

    /// Goes on at `now` after `opened` openings in all, with the positions of `held` accounts still open.
    pub fn resume(&mut self, now: Timestamp, seed: u64, opened: usize, held: &[AccountId]) {
        // Chance is not written down: the rest of the strategy is another, as seeded as the first.
        self.chance = Chance::new(!seed ^ u64::try_from(opened).unwrap_or(u64::MAX));
        self.opened = opened;
        self.next_at = now.after(FIRST_AFTER);
        self.free.retain(|(account, _)| !held.contains(account));
    }

    /// Nothing is opened from now on.
    pub fn stop(&mut self) {
        self.is_stopped = true;
    }

    /// Whether it is time to ask for an opening.
    #[inline]
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        now >= self.next_at && !self.is_stopped
    }

    /// A position to open now, unless all slots are taken or the market has no price yet.
    pub fn open(&mut self, now: Timestamp, instruments: &[Instrument], books: &[Book]) -> Option<Opening> {
        self.next_at = now.after(Span::from_millis(self.chance.between(APART_MS.0, APART_MS.1)));
        let &(account, since) = self.free.front()?;
        if now < since.after(SLOT_RESTS) {
            return None;
        }
        let index = *self.traded.get(self.opened.checked_rem(self.traded.len())?)?;
        let plans = &self.plans[index];
        // The plan changes with each opening, and the pairing of plan and instrument with each round.
        let plan = plans[(self.opened + self.opened / (self.traded.len() * plans.len())) % plans.len()];
        let side = if self.chance.permille(600) { Side::Long } else { Side::Short };
        let entry = books[index].entry(side)?;
        let instrument = &instruments[index];
        let qty = self.size(instrument, entry);
        self.free.pop_front();
        self.opened += 1;
        let instrument_id = InstrumentId(u32::try_from(index).expect("few instruments"));
        let key = PositionKey { account, instrument: instrument_id, side };
        let entry_fees = FillModel::fee(instrument.notional(entry, qty), FillModel::HONEST.taker_fee);
        Some(Opening { key, plan, qty, entry, entry_fees })
    }

    /// The position of `account` is closed.
    pub fn on_closed(&mut self, now: Timestamp, account: AccountId) {
        self.free.push_back((account, now));
    }

    fn size(&mut self, instrument: &Instrument, entry: Price) -> Qty {
        let money = i128::from(self.chance.between(NOTIONAL.0, NOTIONAL.1));
        let one = instrument.notional(entry, instrument.lot_size).0.max(1);
        let unit = instrument.notional(Price(10_i64.pow(u32::from(instrument.price_decimals))), Qty(1)).0
            * 10_i128.pow(u32::from(instrument.qty_decimals));
        let lots = i64::try_from(money * unit / one).unwrap_or(i64::MAX / instrument.lot_size.0);
        let least = LOTS_MIN.max(instrument.qty_min.0.div_euclid(instrument.lot_size.0) + 1);
        Qty(lots.clamp(least, i64::MAX / instrument.lot_size.0 / 1_000) * instrument.lot_size.0)
    }
}

#[cfg(test)]
mod tests {
    use ripcord_sim::generator::demo_markets;

    use super::*;

    fn demo(positions_max: u32) -> Demo {
        let plans = vec![vec![PlanId(0), PlanId(1)], vec![PlanId(2), PlanId(3)]];
        Demo::new(1, Timestamp(0), plans, positions_max)
    }

    fn market() -> (Vec<Instrument>, Vec<Book>) {
        let markets = demo_markets();
        let books = markets.iter().take(2).map(|market| Book { last: Some(market.start), ..Book::default() });
        (markets.iter().take(2).map(|market| market.instrument.clone()).collect(), books.collect())
    }

    #[test]
    fn its_plans_fit_every_market_of_the_demo() {
        let plans = plans().unwrap_or_default();
        assert_eq!(plans.len(), PLANS.len());
        for market in demo_markets() {
            for plan in &plans {
                let resolved = plan.plan.resolve(InstrumentId(0), &market.instrument);
                assert_eq!(resolved.err(), None, "{}", plan.plan.name);
            }
        }
    }

    #[test]
    fn a_slot_holds_one_position_and_rests_before_the_next() {
        let ((instruments, books), mut demo) = (market(), demo(1));
        let second = |n: i64| Timestamp(n * 1_000_000_000);
        assert!(!demo.is_due(Timestamp(0)) && demo.is_due(second(1)));
        let first = demo.open(second(1), &instruments, &books);
        assert!(first.is_some());
        assert_eq!(demo.open(second(5), &instruments, &books), None);
        demo.on_closed(second(6), AccountId(0));
        assert_eq!(demo.open(second(6), &instruments, &books), None);
        assert!(demo.open(second(7), &instruments, &books).is_some());
        demo.stop();
        assert!(!demo.is_due(second(60)));
    }

    #[test]
    fn sizes_are_between_a_thousand_and_five_thousand() {
        let ((instruments, books), mut demo) = (market(), demo(100));
        for n in 1..100 {
            let Some(opening) = demo.open(Timestamp(n), &instruments, &books) else { continue };
            let instrument = &instruments[opening.key.instrument.0 as usize];
            let notional = instrument.notional(opening.entry, opening.qty).0 / 10_i128.pow(18);
            assert!((900..=5_000).contains(&notional), "{notional}");
            assert_eq!(opening.qty.0 % instrument.lot_size.0, 0);
        }
    }

    #[test]
    fn without_a_price_nothing_is_opened() {
        let ((instruments, _), mut demo) = (market(), demo(3));
        assert_eq!(demo.open(Timestamp(1), &instruments, &[Book::default(); 2]), None);
    }
}
