//! What is replayed, as plain data, and everything that came of it.

use ripcord_core::Coordinator;
use ripcord_core::bars::BarOrigin;
use ripcord_core::cell::CellId;
use ripcord_core::event::{Entry, Filled, Opening, Outbox, Probe, Record};
use ripcord_core::id::{AccountId, InstrumentId, PlanId, PositionKey};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Decimal, Money, Price, Qty};
use ripcord_core::plan::PlanSpec;
use ripcord_core::plan::spec::{DistanceSpec, LadderSpec, LegSpec, StopLossSpec, TrailingSpec};
use ripcord_core::time::Timestamp;
use ripcord_core::view::PositionView;
use ripcord_sim::candles::{CandleColumns, CandlePolicy};
use ripcord_sim::desk::{Desk, Reader};
use ripcord_sim::replay::{EntryAt, Happening, Pace, PlannedOpening, Rank, Replay, ReplayReader, Stream};
use ripcord_sim::tape::{Columns, Tape, TapeMeta};
use ripcord_sim::venue::{FillModel, SimVenue};

pub(crate) const PACES: [Pace; 3] = [Pace::RowByRow, Pace::Scan, Pace::Leap];

/// One instrument and the price sources that its files have.
#[derive(Debug, Clone)]
pub(crate) struct Market {
    pub(crate) instrument: Instrument,
    pub(crate) sources: Vec<PriceSource>,
    pub(crate) bars: BarOrigin,
}

/// One file of prices.
#[derive(Debug, Clone)]
pub(crate) struct Prices {
    pub(crate) market: usize,
    pub(crate) columns: Columns,
    pub(crate) rank: Rank,
    pub(crate) policy: Option<CandlePolicy>,
}

/// A replay as plain data: it can be run again and again.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) markets: Vec<Market>,
    pub(crate) prices: Vec<Prices>,
    pub(crate) happenings: Vec<(Timestamp, Happening)>,
    pub(crate) plans: Vec<(InstrumentId, PlanSpec)>,
    pub(crate) openings: Vec<PlannedOpening>,
    pub(crate) fills: FillModel,
}

/// A record, and where the replay said that it belongs.
pub(crate) type Told = (u64, Probe, Entry);

/// Everything that came of one run.
#[derive(Debug, PartialEq)]
pub(crate) struct Ran {
    pub(crate) told: Vec<Told>,
    /// What is held at the end.
    pub(crate) positions: Vec<PositionView>,
    /// What the cells saw since their last record.
    pub(crate) unreported: Vec<Entry>,
    /// What the venue's books hold at the end, for each opening's bucket.
    pub(crate) booked: Vec<(PositionKey, Qty)>,
}

/// One closing fill.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Exit {
    pub(crate) index: u64,
    pub(crate) at: Timestamp,
    pub(crate) filled: Filled,
}

impl Prices {
    /// Ticks of one source.
    pub(crate) fn ticks(ts: Vec<i64>, price: Vec<i64>) -> Self {
        let rows = ts.len();
        let columns = Columns { ts, price, qty: vec![0; rows], source: vec![PriceSource::Last as u8; rows] };
        Self { market: 0, columns, rank: Rank::Trade, policy: None }
    }

    /// Candles of the last price.
    pub(crate) fn candles(candles: &CandleColumns, policy: CandlePolicy, span_ns: i64) -> Self {
        let (ts, price) = candles.probe_rows(policy, span_ns);
        Self { policy: Some(policy), ..Self::ticks(ts, price) }
    }

    /// Rows per record of the file.
    pub(crate) fn per_record(&self) -> usize {
        self.policy.map_or(1, |policy| policy.probes().len())
    }

    fn stream(&self, case: &Case, coordinator: &Coordinator) -> Stream {
        let instrument = &case.markets[self.market].instrument;
        let meta = TapeMeta {
            symbol: instrument.symbol.clone(),
            price_decimals: instrument.price_decimals,
            qty_decimals: instrument.qty_decimals,
        };
        let id = InstrumentId(u32::try_from(self.market).expect("few instruments"));
        Stream {
            tape: Tape::from_columns(meta, self.columns.clone()).expect("the rows are a tape"),
            cells: PriceSource::ALL.map(|source| coordinator.cell(id, source)),
            rank: self.rank,
            probes: self.policy.map_or(&[], CandlePolicy::probes),
        }
    }
}

impl Case {
    /// One instrument with two price and three quantity decimals, and its last price.
    pub(crate) fn of_one(prices: Prices, fills: FillModel) -> Self {
        let instrument = Instrument::from_decimals("BTCUSDT", 2, 3);
        let market = Market { instrument, sources: vec![PriceSource::Last], bars: BarOrigin::Ticks };
        Self {
            markets: vec![market],
            prices: vec![prices],
            happenings: Vec::new(),
            plans: Vec::new(),
            openings: Vec::new(),
            fills,
        }
    }

    /// Adds a plan for the first instrument.
    pub(crate) fn plan(&mut self, spec: PlanSpec) -> PlanId {
        self.plans.push((InstrumentId(0), spec));
        PlanId(u32::try_from(self.plans.len() - 1).expect("few plans"))
    }

    /// Adds a position of 1.000 with an account of its own.
    pub(crate) fn open(&mut self, at: EntryAt, side: Side, entry: i64, plan: PlanId) {
        let account = AccountId(u32::try_from(self.openings.len()).expect("few positions"));
        let instrument = self.plans[plan.0 as usize].0;
        let key = PositionKey { account, instrument, side };
        let opening = Opening { key, plan, qty: Qty(1_000), entry: Price(entry), entry_fees: Money::ZERO };
        self.openings.push(PlannedOpening { at, opening });
    }

    pub(crate) fn replay(&self) -> Replay {
        let mut coordinator = Coordinator::new();
        let mut venue = SimVenue::new(self.fills);
        for market in &self.markets {
            let id = coordinator
                .add_instrument(market.instrument.clone(), &market.sources, market.bars)
                .expect("a sound instrument");
            let fed: Vec<(PriceSource, CellId)> =
                market.sources.iter().map(|&source| (source, coordinator.cell(id, source))).collect();
            venue.add_instrument(id, market.instrument.clone(), &fed);
        }
        for (id, spec) in &self.plans {
            let plan = spec.resolve(*id, &self.markets[id.0 as usize].instrument).expect("a sound plan");
            coordinator.add_plan(plan).expect("its instrument is there");
        }
        let streams = self.prices.iter().map(|prices| prices.stream(self, &coordinator)).collect();
        let desk = Desk::new(coordinator, venue);
        Replay::new(desk, streams, self.happenings.clone(), self.openings.clone())
    }

    pub(crate) fn run(&self, pace: Pace) -> Ran {
        let mut replay = self.replay();
        let mut witness = Witness::default();
        replay.run(pace, &mut witness, &mut ()).expect("a tape in memory has no damaged rows");
        let booked = self
            .openings
            .iter()
            .map(|planned| planned.opening.key)
            .map(|key| (key, replay.desk.venue.held(key)));
        let booked = booked.collect();
        let mut out = Outbox::default();
        replay.desk.coordinator.checkpoint(Timestamp::NEVER, &mut out);
        let positions = replay.desk.coordinator.view().positions().collect();
        Ran { told: witness.told, positions, unreported: out.records, booked }
    }

    /// The exits of all paces, which are the same to the byte.
    pub(crate) fn exits(&self) -> Vec<Exit> {
        self.run_all("").exits().collect()
    }

    /// Runs all paces and holds them equal.
    pub(crate) fn run_all(&self, what: &str) -> Ran {
        let rows = self.run(Pace::RowByRow);
        for pace in [Pace::Scan, Pace::Leap] {
            let other = self.run(pace);
            if rows == other {
                continue;
            }
            for (n, (one, two)) in rows.told.iter().zip(&other.told).enumerate() {
                assert_eq!(one, two, "{what}: record {n}: row by row (left) and {pace:?} (right) differ");
            }
            assert_eq!(rows.told.len(), other.told.len(), "{what}: {pace:?} tells more or less");
            assert_eq!(rows, other, "{what}: row by row (left) and {pace:?} (right) end differently");
        }
        rows
    }
}

impl Ran {
    pub(crate) fn exits(&self) -> impl Iterator<Item = Exit> + '_ {
        self.told.iter().filter_map(|(index, _, entry)| match &entry.record {
            Record::Filled(filled) => {
                Some(Exit { index: *index, at: entry.at, filled: filled.as_ref().clone() })
            }
            _ => None,
        })
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        self.told.iter().map(|(_, _, entry)| &entry.record)
    }
}

impl Exit {
    /// Position, record, reason, price.
    pub(crate) fn line(&self) -> (u32, u64, &'static str, i64) {
        let account = self.filled.id.episode.key.account.0;
        (account, self.index, self.filled.reason.word(), self.filled.price.0)
    }
}

/// Writes down every record with its place.
#[derive(Default)]
struct Witness {
    told: Vec<Told>,
    place: Option<(u64, Probe)>,
}

impl Reader for Witness {
    fn read(&mut self, entry: &Entry) {
        let (index, probe) = self.place.expect("the replay says where it is before it says what happened");
        self.told.push((index, probe, entry.clone()));
    }
}

impl ReplayReader for Witness {
    fn at(&mut self, index: u64, probe: Probe) {
        self.place = Some((index, probe));
    }
}

/// A number of basis points as a fraction.
pub(crate) fn bps(value: i64) -> Decimal {
    Decimal::new(value, 4).expect("basis points fit")
}

/// A distance that is a fraction.
pub(crate) fn share(value: i64) -> DistanceSpec {
    DistanceSpec { fraction: Some(bps(value)), ..DistanceSpec::default() }
}

/// A stop loss `value` basis points away.
pub(crate) fn stop(value: i64) -> Option<StopLossSpec> {
    Some(StopLossSpec { distance: share(value), ..StopLossSpec::default() })
}

/// A ladder of one leg that closes everything; soft legs rest at the venue.
pub(crate) fn target(value: i64, soft: bool) -> Option<LadderSpec> {
    let leg = LegSpec { close: bps(10_000), at: Some(bps(value)), at_r: None, at_price: None, soft };
    Some(LadderSpec { legs: vec![leg], ..LadderSpec::default() })
}

/// A trailing stop by a fraction; without an activation it is active from the opening.
pub(crate) fn trailing(activation: Option<i64>, value: i64) -> Option<TrailingSpec> {
    Some(TrailingSpec { activation: activation.map(bps), distance: share(value), ..TrailingSpec::default() })
}
