//! The judge. It believes the exchange's own books, and what the engine wrote down; it asks the engine
//! nothing and shares no rule with it.

use std::collections::{BTreeMap, BTreeSet};

use ripcord_core::coordinator::Coordinator;
use ripcord_core::event::Entry;
use ripcord_core::id::{AccountId, EpisodeId, InstrumentId, OrderId, PositionKey};
use ripcord_core::kill::KillLevel;
use ripcord_core::num::Price;
use ripcord_core::order::ExitOrder;
use ripcord_core::time::Timestamp;
use serde::Serialize;

use crate::config::{Config, Means, VenueKind};
use crate::exchange::Exchange;

mod claims;
mod clocks;
mod duties;
mod exam;
mod life;
mod passed;
mod promises;
mod reasons;

pub(crate) use duties::shown;

use life::Life;

/// So many prices of each instrument are remembered.
const TOLD_KEPT: usize = 400;

/// Something that must never be so, and was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// When.
    pub at: Timestamp,
    /// Of which bucket.
    pub key: Option<PositionKey>,
    /// The promise, by its name among the invariants.
    pub invariant: &'static str,
    /// What was so.
    pub what: String,
}

/// What is known of an order, from what was written down.
#[derive(Debug, Clone, Copy)]
struct Intent {
    order: ExitOrder,
    /// When it became durable, and what was held then.
    at: Timestamp,
    held: i64,
    is_accepted: bool,
    is_ended: bool,
    is_lost: bool,
    is_cancelled_by_us: bool,
    filled: i64,
    /// What the exchange told that it filled in all: more than was believed to be held counts no further.
    told: i64,
}

/// The judge of one world.
#[derive(Debug)]
pub(crate) struct Oracle<'a> {
    config: &'a Config,
    violation: Option<Violation>,
    /// Said, and not durable yet.
    decided: Vec<Entry>,
    lives: BTreeMap<EpisodeId, Life>,
    /// The episode that lives in each bucket.
    living: BTreeMap<PositionKey, EpisodeId>,
    intents: BTreeMap<OrderId, Intent>,
    /// Orders of a bucket that are not known to be over.
    open: BTreeMap<PositionKey, BTreeSet<OrderId>>,
    levels: BTreeMap<AccountId, KillLevel>,
    /// When the last of them changed.
    level_at: Timestamp,
    /// The last prices that were told of each instrument, the newest last.
    told: BTreeMap<InstrumentId, std::collections::VecDeque<i64>>,
    /// When others last locked what an exit of a bucket would sell.
    locked_at: BTreeMap<PositionKey, Timestamp>,
    /// Since when a bucket has no stop that should have one.
    bare_since: BTreeMap<PositionKey, Timestamp>,
    /// Since when the market is past the stop of a bucket.
    past_since: BTreeMap<PositionKey, Timestamp>,
    /// What of a bucket ought to have acted, and since when.
    passed_since: BTreeMap<PositionKey, (Timestamp, &'static str)>,
    promises: promises::Promises,
    clocks: clocks::Clocks,
    /// When orders were sent for a bucket, lately.
    sends: BTreeMap<PositionKey, std::collections::VecDeque<Timestamp>>,
    /// What happened at least once, and how often.
    pub(crate) seen: BTreeMap<&'static str, u64>,
}

impl<'a> Oracle<'a> {
    pub(crate) fn new(config: &'a Config) -> Self {
        Self {
            config,
            violation: None,
            decided: Vec::new(),
            lives: BTreeMap::new(),
            living: BTreeMap::new(),
            intents: BTreeMap::new(),
            open: BTreeMap::new(),
            levels: BTreeMap::new(),
            level_at: Timestamp::MIN,
            told: BTreeMap::new(),
            bare_since: BTreeMap::new(),
            past_since: BTreeMap::new(),
            passed_since: BTreeMap::new(),
            promises: promises::Promises::default(),
            clocks: clocks::Clocks::default(),
            locked_at: BTreeMap::new(),
            sends: BTreeMap::new(),
            seen: BTreeMap::new(),
        }
    }

    /// Whether it has seen enough.
    pub(crate) const fn is_done(&self) -> bool {
        self.violation.is_some()
    }

    /// What it has found.
    pub(crate) fn verdict(self) -> (Option<Violation>, BTreeMap<&'static str, u64>) {
        (self.violation, self.seen)
    }

    /// Something must not be so. The first of all is kept.
    pub(crate) fn fail(
        &mut self,
        at: Timestamp,
        key: Option<PositionKey>,
        invariant: &'static str,
        what: &str,
    ) {
        if self.violation.is_none() {
            self.violation = Some(Violation { at, key, invariant, what: what.to_owned() });
        }
    }

    fn count(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    /// The engine decided something; it counts when it is durable.
    pub(crate) fn on_decided(&mut self, entries: &[Entry]) {
        self.decided.extend_from_slice(entries);
    }

    /// What was decided is durable.
    pub(crate) fn on_durable(&mut self, now: Timestamp, exchange: &Exchange) {
        for entry in std::mem::take(&mut self.decided) {
            self.on_record(now, &entry, exchange);
        }
    }

    /// What was not durable never was.
    pub(crate) fn on_death(&mut self) {
        self.decided.clear();
        self.bare_since.clear();
        self.past_since.clear();
        self.passed_since.clear();
        self.promises.die(self.living.values().copied().collect());
        self.count("death");
    }

    /// A process begins with what was written down: it must know what the records say.
    pub(crate) fn on_start(&mut self, now: Timestamp, core: &Coordinator) {
        self.compare(now, core, "R1");
        self.count("start");
    }

    /// What the engine holds is what its records add up to.
    fn compare(&mut self, now: Timestamp, core: &Coordinator, invariant: &'static str) {
        for position in core.view().positions() {
            let life = self.lives.get(&position.episode);
            let (qty, stop) = life.map_or((0, None), |life| (life.qty, life.stop));
            let key = position.episode.key;
            if position.qty.0 != qty {
                let what = format!("it holds {} and its records say {qty}", position.qty.0);
                self.fail(now, Some(key), invariant, &what);
            }
            let has = position.stop.map(|(stop, _)| stop.0);
            if has != stop {
                let what = format!("its stop is {has:?} and its records say {stop:?}");
                self.fail(now, Some(key), invariant, &what);
            }
        }
        let held = core.view().positions().count();
        if held != self.living.len() {
            let what = format!("it has {held} positions and its records say {}", self.living.len());
            self.fail(now, None, invariant, &what);
        }
    }

    /// The feed told a price.
    pub(crate) fn on_told(&mut self, instrument: InstrumentId, price: i64) {
        let told = self.told.entry(instrument).or_default();
        if told.len() == TOLD_KEPT {
            told.pop_front();
        }
        told.push_back(price);
        if Price(price).is_sound() {
            self.lift_best(instrument, price);
        }
    }

    /// A person changed something by hand: what becomes of its stop is that person's.
    pub(crate) fn on_hand(&mut self, key: PositionKey) {
        if let Some(life) = self.living.get(&key).and_then(|episode| self.lives.get_mut(episode)) {
            life.is_touched = true;
        }
    }

    fn means(&self, life: &Life) -> &'a Means {
        &self.config.plans[life.plan.0 as usize].means
    }

    fn is_silent(&self, account: AccountId) -> bool {
        self.levels.get(&account) == Some(&KillLevel::Silent)
    }

    fn is_spot(&self) -> bool {
        self.config.venue == VenueKind::Spot
    }

    fn lot(&self, key: PositionKey) -> i64 {
        self.config.markets[key.instrument.0 as usize].rules.lot_size.0
    }

    /// What the venue takes at least, in whole lots.
    fn least(&self, key: PositionKey) -> i64 {
        self.config.markets[key.instrument.0 as usize].rules.qty_min.0.max(self.lot(key))
    }

    /// What a bucket holds, by the records.
    fn believed(&self, key: PositionKey) -> i64 {
        self.living.get(&key).and_then(|episode| self.lives.get(episode)).map_or(0, |life| life.qty)
    }
}
