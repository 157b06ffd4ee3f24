//! What the exit benchmarks share: seeded inputs, the anchors, and a table.
//!
//! Anchors are measured in the same run, because a figure alone says little on a busy machine:
//! `ceiling` is one call per price that cannot be inlined, `guard band` the simplest good
//! algorithm, which does nothing but find the exits.

use std::hint::black_box;
use std::time::Instant;

use ripcord_core::Coordinator;
use ripcord_core::bars::BarOrigin;
use ripcord_core::event::Opening;
use ripcord_core::id::{AccountId, InstrumentId, PositionKey};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Decimal, Money, Price, Qty};
use ripcord_core::plan::Rounding;
use ripcord_core::plan::spec::{
    BracketSpec, DistanceSpec, LadderSpec, LegSpec, PlanSpec, StopLossSpec, TrailingSpec,
};
use ripcord_sim::desk::Desk;
use ripcord_sim::replay::{EntryAt, Outcome, Pace, PlannedOpening, Rank, Replay, Stream};
use ripcord_sim::tape::{Columns, Tape, TapeMeta};
use ripcord_sim::venue::{FillModel, SimVenue};

/// One position of a job: levels in basis points of the entry, 0 is none.
#[derive(Clone, Copy, Debug)]
pub struct JobPosition {
    pub id: u64,
    pub side: i64,
    pub entry_index: usize,
    pub entry: i64,
    pub sl: i64,
    pub tp: i64,
    pub arm: i64,
    pub trail: i64,
}

/// One exit: position, row, reason, price.
pub type Exit = (u64, u64, &'static str, i64);

pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }
    /// SplitMix64.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
    pub fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
    }
    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// Prices like those of the reference generator: 0.5 bp a trade, one 15 bp gap in 10,000, no drift.
pub fn prices(rows: usize, seed: u64) -> (Vec<i64>, Vec<i64>) {
    let mut random = Random::new(seed);
    let mut returns: Vec<f64> = (0..rows)
        .map(|_| {
            let mut r = random.normal() * 0.5e-4;
            if random.unit() < 1e-4 {
                r += random.normal() * 15e-4;
            }
            r
        })
        .collect();
    let mean = returns.iter().sum::<f64>() / rows as f64;
    let mut sum = 0.0;
    for r in &mut returns {
        sum += *r - mean * 0.8;
        *r = sum;
    }
    let price = returns.iter().map(|s| (6_000_000.0 * s.exp()).round().max(1.0) as i64).collect();
    let mut at = 1_735_689_600_000_000_000_i64;
    let ts = (0..rows)
        .map(|_| {
            at += (1 + random.below(29) as i64) * 1_000_000;
            at
        })
        .collect();
    (ts, price)
}

pub fn tape(ts: Vec<i64>, price: Vec<i64>) -> Tape {
    let rows = price.len();
    let columns = Columns { ts, price, qty: vec![0; rows], source: vec![0; rows] };
    let meta = TapeMeta { symbol: "BTCUSDT".into(), price_decimals: 2, qty_decimals: 3 };
    Tape::from_columns(meta, columns).expect("the generated rows are a tape")
}

fn bps(value: i64) -> Decimal {
    Decimal::new(value, 4).expect("basis points fit")
}

/// Where the stops of a job's positions are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Layers {
    /// Here only.
    Monitor,
    /// Here, and at the venue, following the effective stop.
    Bracket,
}

/// The plan of a job's position, as a positions file would give it.
pub fn plan(p: &JobPosition, layers: Layers) -> PlanSpec {
    let share = |value| DistanceSpec { fraction: Some(bps(value)), ..DistanceSpec::default() };
    let mut spec = PlanSpec::empty("job");
    spec.rounding = Rounding::HalfUp;
    if p.sl > 0 {
        spec.stop_loss = Some(StopLossSpec { distance: share(p.sl), ..StopLossSpec::default() });
    }
    spec.bracket = (layers == Layers::Bracket).then(BracketSpec::default);
    if p.tp > 0 {
        let leg = LegSpec { close: bps(10_000), at: Some(bps(p.tp)), at_r: None, at_price: None, soft: true };
        spec.ladder = Some(LadderSpec { legs: vec![leg], ..LadderSpec::default() });
    }
    if p.trail > 0 {
        spec.trailing = Some(TrailingSpec {
            activation: Some(bps(p.arm)),
            distance: share(p.trail),
            ..TrailingSpec::default()
        });
    }
    spec
}

/// A desk with one instrument and the openings of a job, plans interned.
pub fn desk(positions: &[JobPosition], layers: Layers) -> (Desk, Vec<PlannedOpening>, Stream0) {
    let mut coordinator = Coordinator::new();
    let instrument = Instrument::from_decimals("BTCUSDT", 2, 3);
    let id = coordinator
        .add_instrument(instrument.clone(), &[PriceSource::Last], BarOrigin::Ticks)
        .expect("a sound instrument");
    let mut plans = std::collections::BTreeMap::new();
    let mut openings = Vec::with_capacity(positions.len());
    for p in positions {
        let key = (p.sl, p.tp, p.arm, p.trail);
        let plan = *plans.entry(key).or_insert_with(|| {
            let resolved = plan(p, layers).resolve(id, &instrument).expect("a sound plan");
            coordinator.add_plan(resolved).expect("a known instrument")
        });
        let side = if p.side > 0 { Side::Long } else { Side::Short };
        let account = AccountId(u32::try_from(p.id).expect("ids are small"));
        let opening = Opening {
            key: PositionKey { account, instrument: id, side },
            plan,
            qty: Qty(10),
            entry: Price(p.entry),
            entry_fees: Money::ZERO,
        };
        openings.push(PlannedOpening { at: EntryAt::Index(p.entry_index as u64), opening });
    }
    coordinator.reserve(positions.len());
    let cell = coordinator.cell(id, PriceSource::Last);
    let mut venue = SimVenue::new(FillModel::TAPE);
    venue.add_instrument(id, instrument, &[(PriceSource::Last, cell)]);
    (Desk::new(coordinator, venue), openings, Stream0 { id, cell })
}

pub struct Stream0 {
    pub id: InstrumentId,
    pub cell: ripcord_core::cell::CellId,
}

pub fn replay(tape: Tape, positions: &[JobPosition], layers: Layers) -> Replay {
    let (desk, openings, at) = desk(positions, layers);
    let stream = Stream { tape, cells: [at.cell; 5], rank: Rank::Trade, probes: &[] };
    Replay::new(desk, vec![stream], Vec::new(), openings)
}

pub fn exits_of(outcome: &Outcome) -> Vec<Exit> {
    let mut exits: Vec<Exit> = outcome
        .exits
        .iter()
        .map(|exit| {
            let why = match exit.filled.reason.word() {
                "STOP_LOSS" => "SL",
                "TAKE_PROFIT" => "TP",
                "TRAILING_STOP" => "TRAIL",
                other => other,
            };
            (u64::from(exit.filled.id.episode.key.account.0), exit.index, why, exit.filled.price.0)
        })
        .collect();
    exits.sort_unstable();
    exits
}

pub fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

pub fn timed<T>(f: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let value = black_box(f());
    (start.elapsed().as_secs_f64(), value)
}

fn share(price: i64, bps: i64) -> i64 {
    (price * bps + 5_000) / 10_000
}

/// The simplest reference: each position walks the prices from its entry on.
pub fn reference(price: &[i64], positions: &[JobPosition]) -> Vec<Exit> {
    let mut exits = Vec::new();
    for p in positions {
        let level = |bps: i64, direction: i64| {
            if bps > 0 { p.entry + direction * p.side * share(p.entry, bps) } else { 0 }
        };
        let (sl, tp, arm) = (level(p.sl, -1), level(p.tp, 1), p.entry + p.side * share(p.entry, p.arm));
        let mut peak = 0;
        for (row, &now) in price.iter().enumerate().skip(p.entry_index + 1) {
            let trail = if p.trail > 0 && peak > 0 { peak - p.side * share(peak, p.trail) } else { 0 };
            let trails = trail > 0 && (sl == 0 || p.side * (trail - sl) >= 0);
            let stop = if trails { trail } else { sl };
            if stop > 0 && p.side * (now - stop) <= 0 {
                exits.push((p.id, row as u64, if trails { "TRAIL" } else { "SL" }, now));
                break;
            }
            if tp > 0 && p.side * (now - tp) >= 0 {
                exits.push((p.id, row as u64, "TP", tp));
                break;
            }
            if p.trail > 0 {
                if peak == 0 {
                    if p.side * (now - arm) >= 0 {
                        peak = now;
                    }
                } else if p.side * (now - peak) > 0 {
                    peak = now;
                }
            }
        }
    }
    exits.sort_unstable();
    exits
}

#[inline(never)]
fn one_price(price: i64, state: &mut (i64, i64, u64)) {
    if price <= state.0 || price >= state.1 {
        state.2 += 1;
    }
}

/// Seconds for one opaque call per price.
pub fn ceiling(price: &[i64]) -> f64 {
    let mut state = (black_box(i64::MIN), black_box(i64::MAX), 0);
    timed(|| {
        for &p in price {
            one_price(p, &mut state);
        }
    })
    .0
}

/// Seconds for one band around the nearest level of all open positions, and a rescan outside it.
pub fn guard_band(price: &[i64], positions: &[JobPosition]) -> (f64, Vec<Exit>) {
    timed(|| {
        let mut exits = Vec::new();
        let mut live: Vec<(JobPosition, i64)> = Vec::new();
        let (mut lo, mut hi, mut next, mut row) = (i64::MIN, i64::MAX, 0, 0);
        while row < price.len() {
            let end = positions.get(next).map_or(price.len(), |p| p.entry_index + 1).min(price.len());
            while row < end {
                let now = price[row];
                if now <= lo || now >= hi {
                    (lo, hi) = (i64::MIN, i64::MAX);
                    live.retain_mut(|(p, peak)| guard_visit(p, peak, now, row, &mut exits, &mut lo, &mut hi));
                }
                row += 1;
            }
            while next < positions.len() && positions[next].entry_index + 1 == row {
                let mut entry = (positions[next], 0);
                guard_narrow(&entry.0, entry.1, &mut lo, &mut hi);
                entry.1 = 0;
                live.push(entry);
                next += 1;
            }
        }
        exits.sort_unstable();
        exits
    })
}

fn guard_levels(p: &JobPosition, peak: i64) -> (i64, i64, bool) {
    let level = |bps: i64, direction: i64| {
        if bps > 0 { p.entry + direction * p.side * share(p.entry, bps) } else { 0 }
    };
    let (sl, tp) = (level(p.sl, -1), level(p.tp, 1));
    let trail = if p.trail > 0 && peak > 0 { peak - p.side * share(peak, p.trail) } else { 0 };
    let trails = trail > 0 && (sl == 0 || p.side * (trail - sl) >= 0);
    (if trails { trail } else { sl }, tp, trails)
}

fn guard_narrow(p: &JobPosition, peak: i64, lo: &mut i64, hi: &mut i64) {
    let (stop, tp, _) = guard_levels(p, peak);
    let mut far = tp;
    if p.trail > 0 {
        let next = if peak > 0 { peak + p.side } else { p.entry + p.side * share(p.entry, p.arm) };
        if far == 0 || p.side * (next - far) < 0 {
            far = next;
        }
    }
    let (below, above) = if p.side > 0 { (stop, far) } else { (far, stop) };
    if below > 0 {
        *lo = (*lo).max(below);
    }
    if above > 0 {
        *hi = (*hi).min(above);
    }
}

fn guard_visit(
    p: &mut JobPosition,
    peak: &mut i64,
    now: i64,
    row: usize,
    exits: &mut Vec<Exit>,
    lo: &mut i64,
    hi: &mut i64,
) -> bool {
    let (stop, tp, trails) = guard_levels(p, *peak);
    if stop > 0 && p.side * (now - stop) <= 0 {
        exits.push((p.id, row as u64, if trails { "TRAIL" } else { "SL" }, now));
        return false;
    }
    if tp > 0 && p.side * (now - tp) >= 0 {
        exits.push((p.id, row as u64, "TP", tp));
        return false;
    }
    if p.trail > 0 {
        let arm = p.entry + p.side * share(p.entry, p.arm);
        if (*peak == 0 && p.side * (now - arm) >= 0) || (*peak > 0 && p.side * (now - *peak) > 0) {
            *peak = now;
        }
    }
    guard_narrow(p, *peak, lo, hi);
    true
}

/// The prices and positions of an inputs folder made by the reference generator.
pub fn read_inputs(dir: &str, ticks: &str, positions: &str) -> (Vec<i64>, Vec<i64>, Vec<JobPosition>) {
    let cents = |text: &str| -> i64 {
        let (whole, part) = text.split_once('.').expect("two decimals");
        whole.parse::<i64>().expect("a number") * 100 + part.parse::<i64>().expect("a number")
    };
    let text = std::fs::read_to_string(format!("{dir}/{ticks}")).expect("the inputs folder has the ticks");
    let (mut ts, mut price) = (Vec::new(), Vec::new());
    for line in text.lines().skip(1) {
        let mut cells = line.split(',');
        ts.push(cells.next().expect("ts_ns").parse().expect("a number"));
        price.push(cents(cells.next().expect("price")));
    }
    (ts, price, read_positions(&format!("{dir}/{positions}")))
}

pub fn read_positions(path: &str) -> Vec<JobPosition> {
    let cents = |text: &str| -> i64 {
        let (whole, part) = text.split_once('.').expect("two decimals");
        whole.parse::<i64>().expect("a number") * 100 + part.parse::<i64>().expect("a number")
    };
    let text = std::fs::read_to_string(path).expect("the inputs folder has the positions");
    text.lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            let number = |n: usize| cells[n].parse::<i64>().expect("a number");
            JobPosition {
                id: number(0) as u64,
                side: if cells[1] == "long" { 1 } else { -1 },
                entry_index: number(2) as usize,
                entry: cents(cells[3]),
                sl: number(5),
                tp: number(6),
                arm: number(7),
                trail: number(8),
            }
        })
        .collect()
}

/// The value of `--name VALUE` on the command line.
pub fn option(name: &str) -> Option<String> {
    let mut args = std::env::args();
    args.find(|arg| arg == name)?;
    args.next()
}

pub fn run(replay: &mut Replay, pace: Pace) -> (f64, Outcome) {
    let mut outcome = Outcome::default();
    let (seconds, done) = timed(|| replay.run(pace, &mut outcome, &mut ()));
    done.expect("a tape in memory has no damaged rows");
    (seconds, outcome)
}
