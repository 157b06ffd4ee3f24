//! What happens in a world from outside: prices, entries, commands and faults, each at its time.
//!
//! It is drawn before the world begins and knows nothing of what becomes of it: so that a part of it can
//! be left out and the rest stays what it was.

use ripcord_core::id::{AccountId, InstrumentId, PlanId, PositionKey};
use ripcord_core::instrument::Side;
use ripcord_core::num::{Price, Qty};
use ripcord_core::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::chance::Chance;
use crate::config::{Config, VenueKind};
use crate::fault::{Fault, FaultKind};

/// When every world begins.
pub(crate) const START: Timestamp = Timestamp(1_760_000_000_000_000_000);
/// It storms this long, ..
const STORM: Span = Span::from_secs(50 * 60);
/// .. and then it is calm this long.
const CALM: Span = Span::from_secs(10 * 60);
/// Levels are released and positions handed over so long after a calm began.
const SETTLE: Span = Span::from_secs(5);

/// One thing that happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The market trades.
    Price(InstrumentId, Price),
    /// Somebody enters a position; the engine is told, or finds it by itself.
    Enter {
        /// Where.
        key: PositionKey,
        /// Under which plan, if it is told.
        plan: PlanId,
        /// How much.
        qty: Qty,
        /// Whether the engine is told.
        is_told: bool,
    },
    /// A command of a person, about a bucket.
    Ask(Ask),
    /// Something goes wrong.
    Fault(Fault),
    /// It is calm from here on: every fault ends.
    Heal,
    /// Levels are released, positions handed over.
    Settle,
    /// What must be so after a calm is looked at.
    Examine,
}

/// What a person asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// Close it; a part in basis points, 0 is all.
    Close(PositionKey, i64),
    /// A strategy's signal, so old.
    Signal(PositionKey, Span),
    /// Move the stop to so many basis points from the price, on the losing side.
    MoveStop(PositionKey, i64),
    /// Another plan.
    ChangePlan(PositionKey, PlanId),
    /// Let go, perhaps with its stop.
    Release(PositionKey, bool),
    /// Hand over.
    HandOver(PositionKey),
}

impl What {
    /// The market, account and plan that it is about.
    #[must_use]
    pub const fn names(&self) -> (Option<InstrumentId>, Option<AccountId>, Option<PlanId>) {
        match *self {
            Self::Price(instrument, _) => (Some(instrument), None, None),
            Self::Enter { key, plan, .. } | Self::Ask(Ask::ChangePlan(key, plan)) => {
                (Some(key.instrument), Some(key.account), Some(plan))
            }
            Self::Ask(
                Ask::Close(key, _)
                | Ask::Signal(key, _)
                | Ask::MoveStop(key, _)
                | Ask::Release(key, _)
                | Ask::HandOver(key),
            ) => (Some(key.instrument), Some(key.account), None),
            Self::Fault(Fault { key, .. }) => (Some(key.instrument), Some(key.account), None),
            Self::Heal | Self::Settle | Self::Examine => (None, None, None),
        }
    }
}

/// Draws the script of a world.
pub(crate) fn draw(config: &Config) -> Vec<Move> {
    let mut script = prices(config);
    script.extend(entries(config));
    script.extend(faults(config));
    script.extend(calms(config));
    script.sort_by_key(|it| it.at);
    script
}

/// Whether it storms at a moment.
fn storms(at: Timestamp) -> bool {
    (at.0 - START.0) % (STORM.0 + CALM.0) < STORM.0
}

fn end(config: &Config) -> Timestamp {
    START.after(config.lasts)
}

fn prices(config: &Config) -> Vec<Move> {
    let mut script = Vec::new();
    for (instrument, market) in (0_u32..).map(InstrumentId).zip(&config.markets) {
        let mut chance = Chance::new(config.seed, 100 + u64::from(instrument.0));
        let (tick, base) = (market.rules.tick_size.0, market.base.0);
        let mut price = base / tick * tick;
        let mut at = START;
        let (mut wild, mut drift, mut until) = (0, 0, START);
        while at < end(config) {
            if at >= until {
                wild = chance.pick(&[4, 8, 15, 15, 30, 60]);
                drift = chance.within(-3, 3);
                until = at.after(Span::from_secs(chance.within(120, 1_800)));
            }
            script.push(Move { at, what: What::Price(instrument, Price(price)) });
            // Back towards where it began, when it went far.
            let pull = if price > base * 3 / 2 {
                -4
            } else if price < base * 2 / 3 {
                4
            } else {
                0
            };
            let bps = chance.within(-wild, wild) + drift + pull;
            price = ((price + price * bps / 10_000) / tick * tick).max(tick * 100);
            at = at.after(Span::from_millis(chance.within(1_500, 14_000)));
        }
    }
    script
}

fn entries(config: &Config) -> Vec<Move> {
    let mut script = Vec::new();
    for (n, key) in (0..).zip(config.keys()) {
        let mut chance = Chance::new(config.seed, 1_000 + n);
        // One side of a net position has its turn at a time, or nobody would know whose it is.
        let is_idle = config.venue == VenueKind::Futures && key.side == Side::Short;
        let mut at = START.after(Span::from_secs(chance.within(20, 400)));
        while at < end(config) {
            let lot = config.markets[key.instrument.0 as usize].rules.lot_size.0;
            let qty = match chance.below(8) {
                0 => chance.within(1, 4) * lot,
                1 => chance.within(10_000, 90_000) / lot * lot,
                _ => chance.within(500, 9_000) / lot * lot,
            };
            let plan = plan_of(config, &mut chance, key.instrument);
            let is_told = !chance.one_in(5);
            let turns = config.venue == VenueKind::Futures && chance.one_in(2);
            let key = if turns { PositionKey { side: other(key.side), ..key } } else { key };
            if storms(at) && !is_idle {
                let what = What::Enter { key, plan, qty: Qty(qty.max(lot)), is_told };
                script.push(Move { at, what });
            }
            at = at.after(Span::from_secs(chance.within(60, 1_100)));
        }
    }
    script
}

fn plan_of(config: &Config, chance: &mut Chance, instrument: InstrumentId) -> PlanId {
    let such = |n: &usize| config.plans[*n].instrument == instrument;
    let all: Vec<usize> = (0..config.plans.len()).filter(such).collect();
    PlanId(u32::try_from(chance.pick(&all)).expect("few plans"))
}

const fn other(side: Side) -> Side {
    match side {
        Side::Long => Side::Short,
        Side::Short => Side::Long,
    }
}

fn faults(config: &Config) -> Vec<Move> {
    let mut chance = Chance::new(config.seed, 2);
    let kinds: Vec<FaultKind> = config.faults.iter().copied().collect();
    let keys = config.keys();
    let mut script = Vec::new();
    let mut at = START.after(Span::from_secs(10));
    while at < end(config) && !kinds.is_empty() {
        let kind = chance.pick(&kinds);
        let key = chance.pick(&keys);
        let most = if chance.one_in(12) { 900 } else { 40 };
        let lasts = Span::from_millis(chance.within(200, most * 1_000));
        let fault = Fault { kind, lasts, amount: chance.within(1, 1_000), key };
        let ask = (kind == FaultKind::Orders).then(|| ask(config, &mut chance, key));
        if storms(at) {
            script.push(Move { at, what: What::Fault(fault) });
            if let Some(ask) = ask {
                script.push(Move { at, what: What::Ask(ask) });
                let again = at.after(Span::from_millis(chance.within(0, 3_000)));
                script.push(Move { at: again, what: What::Ask(ask) });
            }
        }
        at = at.after(Span(chance.within(config.fault_every.0 / 8, config.fault_every.0 * 15 / 8)));
    }
    script
}

fn ask(config: &Config, chance: &mut Chance, key: PositionKey) -> Ask {
    match chance.below(9) {
        0 => Ask::Close(key, 0),
        1 => Ask::Close(key, chance.within(1, 9_999)),
        2..5 => Ask::Signal(key, Span::from_secs(chance.within(0, 40))),
        5 => Ask::MoveStop(key, chance.within(-20, 100)),
        6 => Ask::ChangePlan(key, plan_of(config, chance, key.instrument)),
        7 => Ask::Release(key, chance.one_in(2)),
        _ => Ask::HandOver(key),
    }
}

fn calms(config: &Config) -> Vec<Move> {
    let mut script = Vec::new();
    let mut at = START.after(STORM);
    while at <= end(config) {
        script.push(Move { at, what: What::Heal });
        script.push(Move { at: at.after(SETTLE), what: What::Settle });
        let last = Timestamp(at.0 + CALM.0 - 1_000_000_000);
        script.push(Move { at: last, what: What::Examine });
        at = at.after(Span(STORM.0 + CALM.0));
    }
    script
}
