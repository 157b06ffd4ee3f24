//! The judge. It believes the exchange's own books, and what the engine wrote down; it asks the engine
//! nothing and shares no rule with it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ripcord_core::coordinator::Coordinator;
use ripcord_core::event::{Entry, Record};
use ripcord_core::id::{AccountId, EpisodeId, InstrumentId, OrderId, PositionKey};
use ripcord_core::kill::KillLevel;
use ripcord_core::num::Price;
use ripcord_core::order::ExitOrder;
use ripcord_core::time::Timestamp;
use serde::Serialize;

use crate::config::{Config, Means, VenueKind};
use crate::exchange::Exchange;
use crate::table::Table;

mod claims;
mod clocks;
mod duties;
mod exam;
mod heard;
mod life;
mod lives;
mod paced;
mod passed;
mod promises;
mod reasons;

pub(crate) use duties::shown;
pub(crate) use heard::fill_in;

use life::Life;
use lives::Lives;

/// So many prices of each instrument are remembered.
const TOLD_KEPT: usize = 400;

/// A price that was told.
#[derive(Debug, Clone, Copy)]
struct Told {
    at: Timestamp,
    price: i64,
    /// A trade of ours tells one too, but no rule looks at it.
    by_feed: bool,
}

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
    /// When we last asked for its end.
    cancelled_at: Option<Timestamp>,
    filled: i64,
    /// What the exchange told that it filled in all: more than was believed to be held counts no further.
    told: i64,
    /// The fees that are counted for it.
    fees: i128,
}

/// The judge of one world.
#[derive(Debug)]
pub(crate) struct Oracle<'a> {
    config: &'a Config,
    violation: Option<Violation>,
    /// Said, and not durable yet.
    decided: Vec<Entry>,
    lives: Lives,
    /// The episode that lives in each bucket.
    living: Table<Option<EpisodeId>>,
    intents: BTreeMap<OrderId, Intent>,
    /// Orders of a bucket that are not known to be over.
    open: Table<BTreeSet<OrderId>>,
    levels: BTreeMap<AccountId, KillLevel>,
    /// When the last of them changed.
    level_at: Timestamp,
    /// The last prices that were told of each instrument, the newest last.
    told: Vec<VecDeque<Told>>,
    /// When the process began.
    began: Timestamp,
    /// When what was due while no process ran was done.
    resumed_at: Option<Timestamp>,
    /// What it was told that each order filled in all.
    heard: BTreeMap<OrderId, i64>,
    /// When others last locked what an exit of a bucket would sell.
    locked_at: Table<Option<Timestamp>>,
    /// Since when a bucket has no stop that should have one.
    bare_since: Table<Option<Timestamp>>,
    /// Since when the market is past the stop of a bucket.
    past_since: Table<Option<Timestamp>>,
    /// What of a bucket ought to have acted, and since when.
    passed_since: Table<Option<(Timestamp, &'static str)>>,
    promises: promises::Promises,
    /// When orders were sent for a bucket, lately.
    sends: Table<VecDeque<Timestamp>>,
    /// The orders of each account that has a budget.
    paced: BTreeMap<AccountId, paced::Paced>,
    /// What was taken over out of each grant, and of which lives.
    taken: BTreeMap<(AccountId, InstrumentId), i64>,
    of_grant: BTreeMap<EpisodeId, i64>,
    /// How many records were said in all.
    said: u64,
    /// What happened at least once, and how often.
    pub(crate) seen: BTreeMap<&'static str, u64>,
}

impl<'a> Oracle<'a> {
    pub(crate) fn new(config: &'a Config) -> Self {
        Self {
            config,
            violation: None,
            decided: Vec::new(),
            lives: Lives::of(config),
            living: Table::of(config),
            intents: BTreeMap::new(),
            open: Table::of(config),
            levels: BTreeMap::new(),
            level_at: Timestamp::MIN,
            told: vec![VecDeque::new(); config.markets.len()],
            heard: BTreeMap::new(),
            began: Timestamp::MIN,
            resumed_at: None,
            locked_at: Table::of(config),
            bare_since: Table::of(config),
            past_since: Table::of(config),
            passed_since: Table::of(config),
            promises: promises::Promises::of(config),
            sends: Table::of(config),
            paced: BTreeMap::new(),
            taken: BTreeMap::new(),
            of_grant: BTreeMap::new(),
            said: 0,
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
    pub(crate) fn on_decided(&mut self, entries: impl IntoIterator<Item = Entry>) {
        let before = self.decided.len();
        self.decided.extend(entries);
        self.said += (self.decided.len() - before) as u64;
    }

    /// How many records were said so far.
    pub(crate) const fn said(&self) -> u64 {
        self.said
    }

    /// Somebody asked for something of a position, and the engine said nothing.
    pub(crate) fn on_nothing_said(&mut self, now: Timestamp, key: PositionKey) {
        if self.living(key).is_some_and(|life| life.closing.is_none()) {
            self.fail(now, Some(key), "L3", "somebody asks, and there is no answer");
        }
    }

    /// What was decided is durable.
    pub(crate) fn on_durable(&mut self, now: Timestamp, exchange: &Exchange) {
        let mut decided = std::mem::take(&mut self.decided);
        for entry in decided.drain(..) {
            self.on_record(now, &entry, exchange);
            if let Record::Input(event) = entry.record {
                self.promises.came_from(event);
            }
        }
        self.decided = decided;
    }

    /// What was not durable never was.
    pub(crate) fn on_death(&mut self) {
        self.decided.clear();
        self.bare_since.clear();
        self.past_since.clear();
        self.passed_since.clear();
        let living = self.living.iter().filter_map(|(_, episode)| *episode);
        self.promises.die(living.collect());
        self.count("death");
    }

    /// A process begins with what was written down: it must know what the records say.
    pub(crate) fn on_start(&mut self, now: Timestamp, core: &Coordinator) {
        self.compare(now, core, "R1");
        self.began = now;
        // What another process heard and did not write down is news to it.
        self.heard.clear();
        self.count("start");
    }

    /// What the engine holds is what its records add up to.
    fn compare(&mut self, now: Timestamp, core: &Coordinator, invariant: &'static str) {
        for position in core.view().positions() {
            let life = self.lives.get(position.episode);
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
        let living = self.living.iter().filter(|(_, episode)| episode.is_some()).count();
        if held != living {
            let what = format!("it has {held} positions and its records say {living}");
            self.fail(now, None, invariant, &what);
        }
    }

    /// The feed told a price.
    pub(crate) fn on_price(&mut self, now: Timestamp, instrument: InstrumentId, price: i64) {
        self.on_told(instrument, Told { at: now, price, by_feed: true });
    }

    fn on_told(&mut self, instrument: InstrumentId, one: Told) {
        let price = one.price;
        let told = &mut self.told[instrument.0 as usize];
        if told.len() == TOLD_KEPT {
            told.pop_front();
        }
        told.push_back(one);
        if Price(price).is_sound() {
            self.lift_best(instrument, price);
        }
    }

    /// Orders of somebody else came or went: what can be covered is another quantity from now on.
    pub(crate) fn on_foreign(&mut self, key: PositionKey) {
        self.bare_since[key] = None;
    }

    fn means(&self, life: &Life) -> &'a Means {
        &self.config.plans[life.plan.0 as usize].means
    }

    fn is_silent(&self, account: AccountId) -> bool {
        self.levels.get(&account) == Some(&KillLevel::Silent)
    }

    /// Whether nothing may be sent for a life, but for what ends what was begun before.
    fn is_silenced(&self, episode: EpisodeId) -> bool {
        let ends = self.lives.get(episode).is_some_and(|life| life.is_finishing);
        self.is_silent(episode.key.account) && !ends
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
        self.living(key).map_or(0, |life| life.qty)
    }

    /// The life of a bucket.
    fn living(&self, key: PositionKey) -> Option<&Life> {
        self.living[key].and_then(|episode| self.lives.get(episode))
    }

    /// Whether an episode is the one that lives in its bucket.
    fn lives(&self, episode: EpisodeId) -> bool {
        self.living[episode.key] == Some(episode)
    }
}
