//! Random replays: a few instruments and files, equal times everywhere, plans with every rule.

use ripcord_core::bars::BarOrigin;
use ripcord_core::event::Opening;
use ripcord_core::id::{AccountId, InstrumentId, PlanId, PositionKey};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::market::{Bar, PriceSource};
use ripcord_core::num::{Decimal, Money, Price, Qty, Ratio};
use ripcord_core::plan::spec::{
    AtrText, BasisSpec, BracketSpec, CurvePointSpec, DistanceSpec, Enabled, ExitSpec, LadderSpec, LegOfSpec,
    LegSpec, LossLimitSpec, OffsetSpec, RatchetSpec, StopLossSpec, TrailingSpec,
};
use ripcord_core::plan::{PlanSpec, Rounding};
use ripcord_core::time::{Span, Timestamp};
use ripcord_sim::candles::{CandleColumns, CandlePolicy};
use ripcord_sim::replay::{EntryAt, Happening, PlannedOpening, Rank};
use ripcord_sim::tape::Columns;
use ripcord_sim::venue::{FillModel, RestingFill};

use crate::random::Random;
use crate::world::{Case, Market, Prices, bps, share};

/// What a random case may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Records {
    /// Single prices only.
    Ticks,
    /// Single prices and candles.
    TicksAndCandles,
}

/// One path of prices that all files of an instrument are cut from.
struct Path {
    ts: Vec<i64>,
    price: Vec<i64>,
}

const SOURCES: [&[PriceSource]; 7] = [
    &[PriceSource::Last],
    &[PriceSource::Last],
    &[PriceSource::Bid, PriceSource::Ask],
    &[PriceSource::Mark],
    &[PriceSource::Last, PriceSource::Bid, PriceSource::Ask],
    &[PriceSource::Last, PriceSource::Mark, PriceSource::Index],
    &[PriceSource::Last, PriceSource::Bid, PriceSource::Ask, PriceSource::Mark, PriceSource::Index],
];
const POLICIES: [CandlePolicy; 4] =
    [CandlePolicy::Pessimistic, CandlePolicy::Ohlc, CandlePolicy::Olhc, CandlePolicy::Vectorbt];
const START: i64 = 1_700_000_000_000_000_000;

impl Case {
    pub(crate) fn random(random: &mut Random, records: Records) -> Self {
        let unit = random.pick(&[1, 1_000_000, 20_000_000, 1_000_000_000]);
        let steps = random.pick(&[1, 5, 40, 150, 150, 400, 1_500]);
        let wild = random.pick(&[3, 12, 60]);
        let instruments: Vec<Instrument> = (0..random.within(1, 2)).map(|n| instrument(random, n)).collect();
        let paths: Vec<Path> = instruments.iter().map(|i| path(random, i, steps, unit, wild)).collect();
        let files = random.within(instruments.len() as i64, 3) as usize;
        let mut prices = Vec::new();
        let mut happenings = Vec::new();
        for n in 0..files {
            let market = if n < instruments.len() { n } else { random.below(instruments.len()) };
            if records == Records::TicksAndCandles && random.one_in(3) {
                prices.push(candle_file(random, market, &paths[market], unit, &mut happenings));
            } else {
                prices.push(tick_file(random, market, &paths[market], instruments[market].tick_size.0));
            }
        }
        let markets: Vec<Market> =
            instruments.into_iter().enumerate().map(|(n, i)| market(n, i, &prices, &happenings)).collect();
        happenings.retain(|(_, what)| match what {
            Happening::Bar(bar) => markets[bar.instrument.0 as usize].bars == BarOrigin::Bars,
            Happening::Funding(..) => true,
        });
        for _ in 0..random.pick(&[0, 0, 1, 6]) {
            let n = random.below(markets.len());
            let rate = Ratio(random.within(-3_000_000, 3_000_000));
            let at = Timestamp(random.pick(&paths[n].ts) + random.within(0, 1));
            happenings.push((at, Happening::Funding(InstrumentId(n as u32), rate)));
        }
        let plans: Vec<(InstrumentId, PlanSpec)> = (0..random.within(1, 6))
            .map(|_| {
                let n = random.below(markets.len());
                (InstrumentId(n as u32), plan(random, &markets[n].instrument, paths[n].price[0], wild))
            })
            .collect();
        let openings = openings(random, &plans, &paths, &markets, &prices, unit);
        let fills = fills(random, unit);
        Self { markets, prices, happenings, plans, openings, fills }
    }

    /// Records of all files.
    pub(crate) fn records(&self) -> usize {
        self.prices.iter().map(|prices| prices.columns.ts.len() / prices.per_record()).sum()
    }
}

fn instrument(random: &mut Random, n: i64) -> Instrument {
    let qty_decimals = random.pick(&[0, 3]);
    let mut instrument =
        Instrument::from_decimals(&format!("COIN{n}"), random.pick(&[0, 2, 5]), qty_decimals);
    instrument.tick_size = Price(random.pick(&[1, 1, 5]));
    instrument.lot_size = Qty(random.pick(&[1, 1, 10]));
    instrument.qty_min = Qty(random.pick(&[0, 0, 1, 3]) * instrument.lot_size.0);
    instrument
}

/// Mostly a walk, sometimes a gap, often nothing; times often the same.
fn path(random: &mut Random, instrument: &Instrument, steps: usize, unit: i64, wild: i64) -> Path {
    let tick = instrument.tick_size.0;
    let mut price = random.within(300, 30_000) * tick;
    let mut at = START + random.within(0, 3) * unit;
    let calm = random.pick(&[1, 1, 4, 30]);
    let mut path = Path { ts: Vec::with_capacity(steps), price: Vec::with_capacity(steps) };
    for _ in 0..steps {
        path.ts.push(at);
        path.price.push(price);
        at += random.pick(&[0, 0, 0, 1, 1, 2, 7, 60]) * unit;
        let moved = match random.within(0, 30 * calm) {
            0 => random.within(-8 * wild, 8 * wild),
            1..16 => random.within(-wild, wild),
            _ => random.within(-1, 1),
        };
        price = ((price + price * moved / 10_000) / tick * tick + random.within(-1, 1) * tick).max(50 * tick);
    }
    path
}

fn tick_file(random: &mut Random, market: usize, path: &Path, tick: i64) -> Prices {
    let sources = random.pick(&SOURCES);
    let every = random.pick(&[1, 1, 2, 5]);
    let mut columns = Columns::default();
    for (&ts, &price) in path.ts.iter().zip(&path.price) {
        if !random.one_in(every) {
            continue;
        }
        let source = random.pick(sources);
        columns.ts.push(ts);
        columns.qty.push(random.within(0, 9));
        columns.source.push(source as u8);
        columns.price.push(match source {
            PriceSource::Last => price,
            PriceSource::Bid => price - tick * random.within(0, 2),
            PriceSource::Ask => price + tick * random.within(0, 2),
            // Mark and index prices are not on the tick grid.
            PriceSource::Mark | PriceSource::Index => price + random.within(-3, 3),
        });
    }
    Prices { market, columns, rank: random.pick(&[Rank::Mark, Rank::Quote, Rank::Trade]), policy: None }
}

fn candle_file(
    random: &mut Random,
    market: usize,
    path: &Path,
    unit: i64,
    happenings: &mut Vec<(Timestamp, Happening)>,
) -> Prices {
    let span = random.pick(&[1, 4, 25, 120]) * unit;
    let mut candles = CandleColumns::default();
    let mut first = 0;
    while first < path.ts.len() {
        let start = path.ts[first].div_euclid(span) * span;
        let len = path.ts[first..].iter().take_while(|&&ts| ts < start + span).count();
        let inside = &path.price[first..first + len];
        first += len;
        if random.one_in(20) {
            continue;
        }
        candles.ts.push(start);
        candles.open.push(inside[0]);
        candles.high.push(*inside.iter().max().expect("a candle has a price"));
        candles.low.push(*inside.iter().min().expect("a candle has a price"));
        candles.close.push(inside[len - 1]);
    }
    let source = random.pick(&[PriceSource::Last, PriceSource::Last, PriceSource::Mark]);
    if source == PriceSource::Last && random.one_in(2) {
        happenings.extend((0..candles.len()).map(|n| bar(market, &candles, n, span)));
    }
    let mut prices = Prices::candles(&candles, random.pick(&POLICIES), span);
    prices.market = market;
    prices.columns.source.fill(source as u8);
    prices.rank = random.pick(&[Rank::Mark, Rank::Trade]);
    prices
}

pub(crate) fn bar(market: usize, candles: &CandleColumns, n: usize, span: i64) -> (Timestamp, Happening) {
    let bar = Bar {
        instrument: InstrumentId(market as u32),
        span: Span(span),
        start: Timestamp(candles.ts[n]),
        high: Price(candles.high[n]),
        low: Price(candles.low[n]),
        close: Price(candles.close[n]),
    };
    (Timestamp(candles.ts[n] + span), Happening::Bar(bar))
}

fn market(
    n: usize,
    instrument: Instrument,
    prices: &[Prices],
    happenings: &[(Timestamp, Happening)],
) -> Market {
    let own = || prices.iter().filter(|prices| prices.market == n);
    let occurs = |source: &PriceSource| own().any(|p| p.columns.source.contains(&(*source as u8)));
    let mut sources: Vec<PriceSource> = PriceSource::ALL.into_iter().filter(occurs).collect();
    if sources.is_empty() {
        sources.push(PriceSource::Last);
    }
    let has_bars = happenings
        .iter()
        .any(|(_, what)| matches!(what, Happening::Bar(bar) if bar.instrument.0 as usize == n));
    Market { instrument, sources, bars: if has_bars { BarOrigin::Bars } else { BarOrigin::Ticks } }
}

fn openings(
    random: &mut Random,
    plans: &[(InstrumentId, PlanSpec)],
    paths: &[Path],
    markets: &[Market],
    prices: &[Prices],
    unit: i64,
) -> Vec<PlannedOpening> {
    let records: usize = prices.iter().map(|p| p.columns.ts.len() / p.per_record()).sum();
    let accounts = random.pick(&[2, 6, 40]);
    let crowded = random.within(0, records as i64 + 2) as u64;
    let count = random.pick(&[0, 1, 4, 12, 40]);
    let opening = |random: &mut Random| {
        let plan = random.below(plans.len());
        let instrument = plans[plan].0;
        let path = &paths[instrument.0 as usize];
        let step = random.below(path.ts.len());
        let at = match random.within(0, 4) {
            0 => EntryAt::Index(random.within(0, records as i64 + 2) as u64),
            1 => EntryAt::Index(crowded),
            2 => EntryAt::Time(Timestamp(path.ts[0] - unit * random.within(0, 2))),
            3 => EntryAt::Time(Timestamp(path.ts[step] + random.within(-1, 1))),
            _ => EntryAt::Time(Timestamp(path.ts[step] + unit * random.within(-2, 30))),
        };
        let side = random.pick(&[Side::Long, Side::Short]);
        let account = AccountId(random.within(1, accounts) as u32);
        let lot = markets[instrument.0 as usize].instrument.lot_size.0;
        let qty = if random.one_in(40) { 0 } else { random.within(1, 30) * lot + random.pick(&[0, 0, 0, 7]) };
        let entry = path.price[step] + random.within(-2, 2);
        let entry_fees = Money(i128::from(random.pick(&[0, 0, 1, 77])) * 1_000_000_000_000);
        let key = PositionKey { account, instrument, side };
        let plan = PlanId(plan as u32);
        PlannedOpening { at, opening: Opening { key, plan, qty: Qty(qty), entry: Price(entry), entry_fees } }
    };
    (0..count).map(|_| opening(random)).collect()
}

fn fills(random: &mut Random, unit: i64) -> FillModel {
    match random.within(0, 3) {
        0 => FillModel::TAPE,
        1 => FillModel::HONEST,
        _ => FillModel {
            latency: Span(random.pick(&[0, 0, 1, unit, 7 * unit, 60 * unit])),
            slippage: Ratio::from_bps(random.pick(&[0, 1, 1, 40])),
            taker_fee: Ratio(random.pick(&[0, 500_000, 1_234_567])),
            maker_fee: Ratio(random.pick(&[-100_000, 0, 200_000])),
            resting: random.pick(&[RestingFill::TradedThrough, RestingFill::Touched]),
        },
    }
}

/// A plan with some of all rules; distances are such that the walk reaches many of them.
fn plan(random: &mut Random, instrument: &Instrument, base: i64, wild: i64) -> PlanSpec {
    loop {
        let mut spec = PlanSpec::empty("random");
        spec.rounding = random.pick(&[Rounding::Directed, Rounding::HalfUp, Rounding::Double]);
        spec.leverage =
            random.one_in(4).then(|| Decimal::new(random.pick(&[10, 35, 200]), 1).expect("it fits"));
        spec.taker_fee = random.one_in(3).then(|| bps(random.within(0, 20)));
        spec.atr = random
            .one_in(2)
            .then(|| AtrText { bar_secs: random.pick(&[1, 5, 60]), period: random.pick(&[1, 2, 5]) });
        let has_atr = spec.atr.is_some();
        let mut away = Away { base, wild, decimals: instrument.price_decimals, has_atr };
        spec.hard_stop = random.one_in(4).then(|| away.loss_limit(random, 6));
        spec.loss_guard = random.one_in(4).then(|| away.loss_limit(random, 4));
        spec.stop_loss = (!random.one_in(3)).then(|| StopLossSpec {
            distance: away.distance(random, 4),
            source: source(random),
            exit: exit(random),
            ..StopLossSpec::default()
        });
        spec.soft_stop = random.one_in(4).then(|| away.loss_limit(random, 3));
        let has_stop = spec.stop_loss.is_some();
        spec.trailing = random.one_in(2).then(|| away.trailing(random, has_stop));
        spec.ladder = (!random.one_in(3)).then(|| away.ladder(random, has_stop));
        spec.bracket = random.one_in(3).then(BracketSpec::default);
        spec.ratchet = (spec.ladder.is_some() && random.one_in(2)).then(|| RatchetSpec {
            enabled: Enabled(true),
            offset: random.one_in(2).then(|| OffsetSpec::Fraction(bps(random.within(0, wild)))),
            legs_max: random.one_in(3).then(|| random.within(1, 3) as u8),
        });
        if spec.resolve(InstrumentId(0), instrument).is_ok() {
            return spec;
        }
    }
}

fn source(random: &mut Random) -> Option<PriceSource> {
    random.one_in(3).then(|| random.pick(&PriceSource::ALL))
}

fn exit(random: &mut Random) -> Option<ExitSpec> {
    match random.within(0, 3) {
        0 | 1 => None,
        2 => Some(ExitSpec::Market),
        _ => Some(ExitSpec::Limit {
            through: bps(random.within(0, 30)),
            market_after_ms: random.pick(&[0, 1, 20, 2_000]),
        }),
    }
}

/// How far away the levels of a plan are.
struct Away {
    base: i64,
    wild: i64,
    decimals: u8,
    has_atr: bool,
}

impl Away {
    /// Some multiple of the walk's step, in basis points.
    fn bps(&self, random: &mut Random, multiple: i64) -> i64 {
        random.within(1, multiple * self.wild * 4)
    }

    fn distance(&mut self, random: &mut Random, multiple: i64) -> DistanceSpec {
        let value = self.bps(random, multiple);
        match random.within(0, 4) {
            0 => {
                let units = (self.base * value / 10_000).max(1);
                let price = Decimal::new(units, self.decimals).expect("a price fits");
                DistanceSpec { price: Some(price), ..DistanceSpec::default() }
            }
            1 | 2 if self.has_atr => {
                let atr = Decimal::new(random.within(5, 40), 1).expect("it fits");
                DistanceSpec { atr: Some(atr), ..share(value) }
            }
            _ => share(value),
        }
    }

    fn loss_limit(&mut self, random: &mut Random, multiple: i64) -> LossLimitSpec {
        LossLimitSpec {
            enabled: Enabled(true),
            fraction: bps(self.bps(random, multiple)),
            basis: random.pick(&[BasisSpec::Price, BasisSpec::Price, BasisSpec::Margin]),
            net: random.one_in(3),
            source: source(random),
            exit: exit(random),
        }
    }

    fn trailing(&mut self, random: &mut Random, has_stop: bool) -> TrailingSpec {
        let distance = self.distance(random, 2);
        let clamps = distance.fraction.is_none() || distance.atr.is_some();
        let mut spec = TrailingSpec {
            activation: random.one_in(2).then(|| bps(random.within(0, 6 * self.wild))),
            distance,
            step: random.one_in(3).then(|| self.distance(random, 1)),
            exit: exit(random),
            ..TrailingSpec::default()
        };
        if clamps && random.one_in(2) {
            let least = self.bps(random, 1);
            spec.distance_min = Some(bps(least));
            spec.distance_max = random.one_in(2).then(|| bps(least + self.bps(random, 2)));
        }
        if has_stop && random.one_in(3) {
            let (r, wide) = (random.within(2, 20), self.bps(random, 2));
            let point = |r: i64, value: i64| CurvePointSpec {
                r: Decimal::new(r, 1).expect("it fits"),
                fraction: bps(value.max(1)),
            };
            spec.curve = vec![point(r, wide), point(r + random.within(1, 20), wide / 2)];
        }
        spec
    }

    fn ladder(&mut self, random: &mut Random, has_stop: bool) -> LadderSpec {
        let in_r = has_stop && random.one_in(3);
        let mut far = 0;
        let legs = (0..random.within(1, 4))
            .map(|_| {
                far += if in_r { random.within(2, 15) } else { self.bps(random, 2) };
                let mut leg = LegSpec {
                    close: bps(random.pick(&[2_500, 2_500, 5_000, 10_000, 100])),
                    at: None,
                    at_r: None,
                    at_price: None,
                    soft: random.one_in(2),
                };
                if in_r {
                    leg.at_r = Some(Decimal::new(far, 1).expect("it fits"));
                } else {
                    leg.at = Some(bps(far));
                }
                leg
            })
            .collect();
        LadderSpec {
            legs,
            of: random.pick(&[LegOfSpec::Remaining, LegOfSpec::Initial]),
            ..LadderSpec::default()
        }
    }
}
