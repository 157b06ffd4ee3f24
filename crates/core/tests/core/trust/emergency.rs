//! A hard stop on bid, ask or last: when it acts, by a plain loop over the prices.

use super::*;
use ripcord_core::bars::BarOrigin;
use ripcord_core::event::Opening;
use ripcord_core::instrument::Instrument;
use ripcord_core::num::{Money, Qty};
use ripcord_core::plan::{Basis, LossLimit, Plan, Pnl};

use crate::world::World;

const WAIT: i64 = 300 * MS;

struct Lone {
    side: Side,
    own: PriceSource,
    /// Time, source and price of each.
    prices: Vec<(i64, PriceSource, i64)>,
}

fn lone(seed: u64) -> Lone {
    let random = &mut Random::new(seed);
    let own = random.pick(&[PriceSource::Last, PriceSource::Bid, PriceSource::Ask]);
    let mut now = 1_760_000_000_000 * MS;
    let prices = (0..120).map(|_| {
        now += random.pick(&[0, 1, 40, 120, 299, 300, 301, 900, 11_000]) * MS;
        let source = random.pick(&[
            own,
            own,
            PriceSource::Last,
            PriceSource::Bid,
            PriceSource::Ask,
            PriceSource::Mark,
        ]);
        (
            now,
            source,
            random.pick(&[9_300, 9_399, 9_400, 9_401, 9_900, 10_000, 10_100, 10_599, 10_600, 10_700]),
        )
    });
    Lone { own, prices: prices.collect(), side: random.pick(&[Side::Long, Side::Short]) }
}

/// The moment at which it acts: a second price of its own source or any price of another beyond the
/// level, or 300 ms without a price on the safe side.
fn expected(lone: &Lone) -> Option<i64> {
    let lost = |price: i64| match lone.side {
        Side::Long => price <= 9_400,
        Side::Short => price >= 10_600,
    };
    let far_side = if lone.side == Side::Long { PriceSource::Ask } else { PriceSource::Bid };
    let mut last: BTreeMap<PriceSource, (i64, i64)> = BTreeMap::new();
    let mut since: Option<i64> = None;
    for &(now, source, price) in &lone.prices {
        if let Some(since) = since.filter(|since| since + WAIT <= now) {
            return Some(since + WAIT);
        }
        last.insert(source, (now, price));
        let agrees = |(of, (at, price)): (&PriceSource, &(i64, i64))| {
            *of != lone.own && now - at <= 10_000 * MS && lost(*price)
        };
        match (since.is_some(), source == lone.own) {
            (true, _) if lost(price) => return Some(now),
            (false, true) if lost(price) && last.iter().any(agrees) => return Some(now),
            (false, true) if lost(price) => since = Some(now),
            (true, own) if own || source != far_side => since = None,
            _ => {}
        }
    }
    since.map(|since| since + WAIT)
}

#[test]
fn a_hard_stop_acts_when_its_price_is_confirmed_or_nobody_contradicts_for_300_ms() {
    let (mut acted, mut by_silence) = (0, 0);
    for seed in 0..6_000 {
        let lone = lone(seed);
        let mut world = World::new();
        let rules = Instrument::from_decimals("X", 2, 3);
        let sources = [PriceSource::Last, PriceSource::Bid, PriceSource::Ask, PriceSource::Mark];
        let id = world.core.add_instrument(rules.clone(), &sources, BarOrigin::Ticks).expect("sound");
        world.venue.list(id, &rules);
        let hard = LossLimit {
            share: Ratio::from_bps(600),
            basis: Basis::Price,
            pnl: Pnl::Gross,
            source: Some(lone.own),
            exit: ExitStyle::Market,
        };
        let prices = PriceRules { confirm: Some(Span::from_millis(300)), ..PriceRules::DEFAULT };
        let plan = Plan { hard_stop: Some(hard), prices, ..Plan::empty("p", id) };
        let plan = world.core.add_plan(plan).expect("its instrument is there");
        let key = PositionKey { account: AccountId(0), instrument: id, side: lone.side };
        world.now = Timestamp(lone.prices[0].0 - 1);
        world.open(Opening { key, plan, qty: Qty(1_000), entry: Price(10_000), entry_fees: Money::ZERO });
        let end = lone.prices.last().expect("prices").0 + 1_000 * MS;
        for &(now, source, price) in lone.prices.iter().chain(&[(end, PriceSource::Mark, 10_000)]) {
            while world.core.next_deadline().0 <= now {
                world.now = world.core.next_deadline();
                world.handle(Event::Timer);
            }
            world.now = Timestamp(now);
            world.price(id, source, Price(price), Probe::TICK);
            if seed % 7 == 0 {
                world.core = through_text(&world.core);
            }
        }
        let got = world.records.iter().find_map(|entry| match &entry.record {
            Record::ExitDecided(decided) if decided.reason == Reason::HardStop => Some(entry.at.0),
            _ => None,
        });
        assert_eq!(got, expected(&lone), "seed {seed}: {:?} on {:?}", lone.side, lone.own);
        acted += usize::from(got.is_some());
        let silent = |record: &Record| {
            matches!(record, Record::Confirmed { by: ripcord_core::event::ConfirmedBy::Silence, .. })
        };
        by_silence += usize::from(world.records.iter().any(|entry| silent(&entry.record)));
    }
    assert!(acted > 3_000 && by_silence > 300, "{acted} acted, {by_silence} by silence");
}
