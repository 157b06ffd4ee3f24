//! What a seed makes of itself: the venue, its markets, the plans, and which faults there are.

use std::collections::BTreeSet;

use ripcord_core::account::{AccountMode, Managed};
use ripcord_core::id::{AccountId, InstrumentId, PlanId, PositionKey};
use ripcord_core::instrument::{Instrument, MarketKind, Side};
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Price, Qty, Ratio};
use ripcord_core::pacing::OrderBudget;
use ripcord_core::plan::PlanSpec;
use ripcord_core::time::Span;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::chance::Chance;
use crate::fault::FaultKind;

/// What kind of venue is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VenueKind {
    /// Coins, which orders lock.
    Spot,
    /// Futures, one position an instrument.
    Futures,
    /// Futures, long and short beside each other.
    Hedge,
}

impl VenueKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Spot, Self::Futures, Self::Hedge];

    /// The word on the command line.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Spot => "spot",
            Self::Futures => "futures",
            Self::Hedge => "hedge",
        }
    }

    pub(crate) const fn mode(self) -> AccountMode {
        match self {
            Self::Spot => AccountMode::Spot,
            Self::Futures => AccountMode::Net,
            Self::Hedge => AccountMode::Hedge,
        }
    }
}

/// One market of a world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Market {
    /// The venue's rules.
    pub rules: Instrument,
    /// The price sources that are fed.
    pub sources: Vec<PriceSource>,
    /// The first price.
    pub base: Price,
}

/// One plan of a world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanOf {
    /// Its instrument.
    pub instrument: InstrumentId,
    /// As written.
    pub spec: PlanSpec,
    /// What it means, for a judge who does not ask the engine.
    pub means: Means,
}

/// What a plan means, in ten-thousandths of the entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Means {
    /// The stop.
    pub stop: i64,
    /// The emergency stop.
    pub hard_stop: Option<i64>,
    /// The guard against an extreme loss.
    pub loss_guard: Option<i64>,
    /// The loss limit of the monitor.
    pub soft_stop: Option<i64>,
    /// From when on, and how far behind the best price, the stop trails.
    pub trailing: Option<(i64, i64)>,
    /// Where each leg takes profit, and how much of what is left then.
    pub legs: Vec<(i64, i64)>,
    /// Whether signals are acted upon.
    pub signals: bool,
    /// How long it may be held, in seconds.
    pub time_limit: Option<i64>,
    /// Whether a stop is to rest at the venue.
    pub bracket: bool,
}

/// A world before anything happens: a function of its seed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// The seed.
    pub seed: u64,
    /// What kind of venue.
    pub venue: VenueKind,
    /// How long the world lasts.
    pub lasts: Span,
    /// Accounts, numbered from 0.
    pub accounts: u32,
    /// Markets, by their ids.
    pub markets: Vec<Market>,
    /// Plans, by their ids.
    pub plans: Vec<PlanOf>,
    /// Least and greatest time that a message is under way, in milliseconds.
    pub latency_ms: (i64, i64),
    /// A stop whose trigger is passed already is refused; else it acts at once.
    pub refuses_passed_stops: bool,
    /// It says when it triggers a stop, which goes to the market from then on whatever the price does; else a stop
    /// that cannot trade where its trigger is waits there again.
    #[serde(default)]
    pub tells_triggers: bool,
    /// How many orders an account may send, if that is counted.
    #[serde(default)]
    pub budget: Option<OrderBudget>,
    /// How much of each market's coins may be taken over in an account; all of them where it names none.
    #[serde(default)]
    pub grants: Vec<Qty>,
    /// The faults that this world has.
    pub faults: BTreeSet<FaultKind>,
    /// A fault about this often while it storms.
    pub fault_every: Span,
}

/// How often the venue is read.
pub(crate) const READ_EVERY: Span = Span::from_secs(15);
/// How much later a second read must agree.
pub(crate) const CONFIRM_AFTER: Span = Span::from_secs(2);

impl Config {
    /// The world of a seed. With `swarm` a random half of the faults is left out: faults mask each other.
    #[must_use]
    pub fn of(seed: u64, venue: Option<VenueKind>, lasts: Span, swarm: bool) -> Self {
        let mut chance = Chance::new(seed, 1);
        let venue = venue.unwrap_or_else(|| chance.pick(&VenueKind::ALL));
        let accounts = chance.pick(&[1, 1, 2]);
        let count = match venue {
            VenueKind::Hedge => 4 / i64::from(accounts),
            VenueKind::Spot | VenueKind::Futures => 8 / i64::from(accounts),
        };
        let markets: Vec<Market> = (0..count).map(|n| market(&mut chance, n, venue)).collect();
        let mut plans = Vec::new();
        for (instrument, market) in (0_u32..).map(InstrumentId).zip(&markets) {
            for _ in 0..2 {
                plans.push(plan(&mut chance, instrument, market, plans.len()));
            }
        }
        let fast = chance.within(1, 40);
        let latency_ms = (fast, fast + chance.within(0, 210));
        let refuses_passed_stops = chance.one_in(2);
        let keeps = |chance: &mut Chance, kind: FaultKind| {
            let is_left_out = swarm && chance.one_in(2);
            !is_left_out && kind.has_meaning(venue)
        };
        let faults = FaultKind::ALL.iter().copied().filter(|&kind| keeps(&mut chance, kind)).collect();
        let fault_every = Span::from_secs(chance.within(25, 50));
        let tells_triggers = chance.one_in(2);
        let mut chance = Chance::new(seed, 3);
        let budget = chance.one_in(3).then(|| budget(&mut chance));
        let grants = if venue == VenueKind::Spot && chance.one_in(2) {
            markets.iter().map(|market| grant(&mut chance, market)).collect()
        } else {
            Vec::new()
        };
        Self {
            seed,
            venue,
            lasts,
            accounts,
            markets,
            plans,
            latency_ms,
            refuses_passed_stops,
            tells_triggers,
            budget,
            grants,
            faults,
            fault_every,
        }
    }

    /// Every bucket that may hold something.
    pub(crate) fn keys(&self) -> Vec<PositionKey> {
        let mut keys = Vec::new();
        for account in (0..self.accounts).map(AccountId) {
            for instrument in (0_u32..).map(InstrumentId).take(self.markets.len()) {
                keys.push(PositionKey { account, instrument, side: Side::Long });
                if self.venue != VenueKind::Spot {
                    keys.push(PositionKey { account, instrument, side: Side::Short });
                }
            }
        }
        keys
    }

    /// How much of an instrument's coins may be taken over in an account.
    pub(crate) fn grant(&self, instrument: InstrumentId) -> Qty {
        self.grants.get(instrument.0 as usize).copied().unwrap_or(Qty(i64::MAX / 1_000_000))
    }

    /// What is managed of each account.
    pub(crate) fn managed(&self) -> Vec<Managed> {
        let first = |of: InstrumentId| self.plans.iter().position(|plan| plan.instrument == of);
        let managed = (0_u32..).map(InstrumentId).take(self.markets.len()).filter_map(|instrument| {
            let plan = PlanId(u32::try_from(first(instrument)?).ok()?);
            let grant = (self.venue == VenueKind::Spot).then(|| self.grant(instrument));
            Some(Managed { instrument, plan, grant })
        });
        managed.collect()
    }
}

fn budget(chance: &mut Chance) -> OrderBudget {
    OrderBudget {
        orders: u32::try_from(chance.within(4, 40)).expect("few orders"),
        window: Span::from_secs(chance.within(5, 30)),
        reserve: Ratio::from_bps(chance.within(0, 6_000)),
        pause: Span::from_millis(chance.within(0, 5_000)),
    }
}

fn grant(chance: &mut Chance, market: &Market) -> Qty {
    let lots = chance.within(1, 200_000) * chance.pick(&[1, 10]) / market.rules.lot_size.0;
    Qty(lots.max(1) * market.rules.lot_size.0)
}

fn market(chance: &mut Chance, n: i64, venue: VenueKind) -> Market {
    let mut rules = Instrument::from_decimals(&format!("M{n}"), 2, 3);
    rules.tick_size = Price(chance.pick(&[1, 5, 10]));
    rules.lot_size = Qty(chance.pick(&[1, 10, 100]));
    rules.qty_min = Qty(chance.pick(&[0, 0, 3]) * rules.lot_size.0);
    if venue == VenueKind::Spot {
        rules.kind = MarketKind::Spot;
    }
    rules.market_qty_max = Qty(chance.pick(&[0, 0, 20_000]));
    let mut sources = vec![PriceSource::Last];
    if chance.one_in(2) {
        sources.push(PriceSource::Mark);
    }
    let base = Price(chance.within(2_000, 40_000) * 10 * chance.pick(&[1, 5]));
    Market { rules, sources, base }
}

/// A fraction of so many basis points, as people write it.
fn fraction(bps: i64) -> Value {
    json!(format!("0.{bps:04}"))
}

/// How an exit that does not go to the market is sent.
fn exit(chance: &mut Chance) -> Value {
    if chance.one_in(3) {
        json!({ "limit": { "through": "0.001", "market_after_ms": 2000 } })
    } else {
        json!("market")
    }
}

fn means(chance: &mut Chance) -> Means {
    let stop = chance.within(60, 250);
    let mut means = Means { stop, ..Means::default() };
    means.hard_stop = chance.one_in(2).then(|| stop + chance.within(100, 300));
    means.loss_guard = chance.one_in(4).then(|| stop + chance.within(60, 90));
    means.soft_stop = chance.one_in(4).then(|| stop - chance.within(10, 50));
    means.trailing = chance.one_in(2).then(|| (chance.within(20, 150), chance.within(30, 120)));
    if !chance.one_in(3) {
        let mut at = 0;
        for _ in 0..chance.within(1, 3) {
            at += chance.within(30, 120);
            means.legs.push((at, chance.within(2_000, 6_000)));
        }
    }
    means.signals = chance.one_in(3);
    means.time_limit = chance.one_in(4).then(|| chance.within(600, 3_000));
    means.bracket = !chance.one_in(5);
    means
}

fn plan(chance: &mut Chance, instrument: InstrumentId, market: &Market, n: usize) -> PlanOf {
    let means = means(chance);
    let mut plan = json!({ "version": 1, "name": format!("{}-{n}", market.rules.symbol) });
    plan["stop_loss"] = json!({ "distance": { "fraction": fraction(means.stop) }, "exit": exit(chance) });
    for (rule, bps) in [("hard_stop", means.hard_stop), ("loss_guard", means.loss_guard)] {
        let Some(bps) = bps else { continue };
        plan[rule] = json!({ "fraction": fraction(bps) });
        if chance.one_in(2) {
            plan[rule]["source"] = json!("last");
        }
    }
    if let Some(bps) = means.soft_stop {
        plan["soft_stop"] = json!({ "fraction": fraction(bps), "exit": exit(chance) });
    }
    if let Some((from, behind)) = means.trailing {
        plan["trailing"] = json!({
            "activation": fraction(from), "distance": { "fraction": fraction(behind) }, "exit": exit(chance),
        });
    }
    let leg = |(at, close): &(i64, i64), soft: bool| json!({ "close": fraction(*close), "at": fraction(*at), "soft": soft });
    if !means.legs.is_empty() {
        let legs: Vec<Value> = means.legs.iter().map(|it| leg(it, chance.one_in(2))).collect();
        plan["ladder"] = json!({ "legs": legs });
        if chance.one_in(2) {
            plan["ratchet"] = json!({ "offset": fraction(chance.within(0, 20)) });
        }
    }
    if means.signals {
        plan["signal_exit"] = json!({ "ttl_secs": chance.within(5, 60) });
    }
    if let Some(secs) = means.time_limit {
        plan["time_limit"] = json!({ "after_secs": secs });
    }
    if means.bracket {
        plan["bracket"] = json!({ "band": fraction(chance.within(2, 30)) });
    }
    if chance.one_in(2) {
        plan["prices"] = json!({ "silence_secs": 30, "confirm_ms": 300 });
        if chance.one_in(2) {
            plan["prices"]["spike"] = fraction(chance.within(150, 400));
        }
        if market.sources.len() > 1 && chance.one_in(2) {
            plan["prices"]["divergence"] = fraction(chance.within(30, 200));
        }
    }
    let spec = serde_json::from_value(plan).expect("a plan of this program is a plan");
    PlanOf { instrument, spec, means }
}
