//! The stage: one instrument, one position, a desk, and a store that keeps what happens.

use std::path::{Path, PathBuf};
use std::time::Instant;

use ripcord_core::bars::BarOrigin;
use ripcord_core::coordinator::Coordinator;
use ripcord_core::event::{Command, Entry, Opening, Probe, Record, Tick};
use ripcord_core::id::{AccountId, PositionKey};
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Price, Qty, Round};
use ripcord_core::plan::Rule;
use ripcord_core::position::SourceCells;
use ripcord_core::time::{Span, Timestamp};
use ripcord_core::view::{PositionView, Protection};
use ripcord_journal::entry::{InstrumentEntry, PlanEntry};
use ripcord_sim::desk::{Desk, Reader};
use ripcord_sim::generator::Chance;
use ripcord_sim::venue::{FillModel, SimVenue};

use super::{CALM, DrillError, ENTRY, Forced, PATIENCE, Subject, Took, instrument};
use crate::keeper::{Keeper, KeptAt};
use crate::names::Names;
use crate::session::SessionError;

/// The sources that the drill's market has.
const SOURCES: [PriceSource; 4] = [PriceSource::Last, PriceSource::Bid, PriceSource::Ask, PriceSource::Mark];
/// When a drill begins: the first of January 2026. It has no clock of its own.
const START: Timestamp = Timestamp(1_767_225_600_000_000_000);
/// Between two prices.
const PACE: Span = Span::from_millis(100);

/// Keeps records, and remembers when they were durable.
struct Log {
    keeper: Keeper,
    names: Names,
    entries: Vec<Entry>,
    /// When what is on its way was set off, by this machine.
    began: Instant,
    /// From there to the first intent of an exit on the disk.
    durable: Option<Took>,
    is_watched: bool,
    has_intent: bool,
}

impl Reader for Log {
    fn read(&mut self, entry: &Entry) {
        self.has_intent |= self.is_watched && matches!(entry.record, Record::OrderIntended(_));
        self.keeper.take(entry, &self.names);
        self.entries.push(entry.clone());
    }

    fn keep(&mut self) -> bool {
        let is_kept = self.keeper.keep();
        if self.has_intent && self.durable.is_none() {
            self.durable = Some(self.began.elapsed());
        }
        is_kept
    }
}

/// Everything on the stage.
pub(super) struct Scene {
    desk: Desk,
    log: Log,
    chance: Chance,
    pub(super) key: PositionKey,
    pub(super) cells: SourceCells,
    now: Timestamp,
    prices: [Price; 5],
    store: PathBuf,
}

/// What is left when the curtain has fallen.
pub(super) struct Ended {
    pub(super) entries: Vec<Entry>,
    pub(super) durable: Option<Took>,
    pub(super) living: usize,
    pub(super) is_flat: bool,
    pub(super) venue_holds: Qty,
    pub(super) store: PathBuf,
}

impl Scene {
    /// With the position open, and, unless the exit must come before it, the stop at the venue confirmed.
    pub(super) fn new(subject: &Subject, forced: Forced, store: &Path) -> Result<Self, DrillError> {
        let rules = instrument();
        let mut coordinator = Coordinator::new();
        let id = coordinator
            .add_instrument(rules.clone(), &SOURCES, BarOrigin::Ticks)
            .map_err(SessionError::from)?;
        let cells = SourceCells(PriceSource::ALL.map(|source| coordinator.cell(id, source)));
        let plan = coordinator.add_plan(subject.plan.clone()).map_err(SessionError::from)?;
        let mut venue = SimVenue::new(FillModel::HONEST);
        // A venue that is blind to the prices that trigger its stop is one whose stop does not act.
        let is_blind = forced == Forced::ProtectionFailed;
        let sees = |source: &&PriceSource| !(is_blind && **source == PriceSource::Last);
        let fed: Vec<_> =
            SOURCES.iter().filter(sees).map(|&source| (source, cells.0[source as usize])).collect();
        venue.add_instrument(id, rules.clone(), &fed);
        let (mut keeper, _) = Keeper::open(&KeptAt::file(store.to_owned()), START)?;
        keeper.call_strategy("drill");
        let settings = serde_json::json!({"drill": forced.word(), "seed": subject.seed});
        let listed =
            InstrumentEntry { rules: rules.clone(), sources: SOURCES.to_vec(), bars: BarOrigin::Ticks };
        let written = PlanEntry { instrument: id, spec: subject.spec.clone() };
        keeper.found(START, settings, vec![listed], vec![written])?;
        let names = Names { instruments: vec![rules.clone()], plans: vec![subject.spec.name.clone()] };
        let (durable, is_watched, has_intent) = (None, false, false);
        let (entries, began) = (Vec::new(), Instant::now());
        let log = Log { keeper, names, entries, began, durable, is_watched, has_intent };
        let key = PositionKey { account: AccountId(0), instrument: id, side: subject.side };
        let mut scene = Self {
            desk: Desk::new(coordinator, venue),
            log,
            chance: Chance::new(subject.seed),
            key,
            cells,
            now: START,
            prices: [ENTRY.0; 5],
            store: store.to_owned(),
        };
        scene.warm_up(subject);
        let (entry, qty) = ENTRY;
        let entry_fees = rules.notional(entry, qty).times(subject.plan.taker_fee, Round::Up);
        let opening = Opening { key, plan, qty, entry, entry_fees };
        scene.desk.open(scene.now, opening, &mut scene.log);
        Ok(scene)
    }

    /// Bars before the opening, so that no rule has to do without its ATR.
    fn warm_up(&mut self, subject: &Subject) {
        const PRICES_A_BAR: i64 = 8;
        let Some(spec) = subject.plan.atr.filter(|_| subject.plan.uses_atr()) else {
            self.all(ENTRY.0);
            return;
        };
        let bars = i64::from(spec.period) + 3;
        for _ in 0..bars * PRICES_A_BAR {
            let price = self.near(ENTRY.0, 60);
            self.all(price);
            self.wait(Span(spec.bar.0 / PRICES_A_BAR));
        }
        self.all(ENTRY.0);
    }

    /// Quiet prices around the entry while answers of the venue arrive.
    pub(super) fn calm_down(&mut self) {
        let until = self.now.after(CALM);
        while self.now < until {
            let price = self.near(ENTRY.0, 1);
            self.all(price);
            self.wait(PACE);
        }
        self.all(ENTRY.0);
    }

    /// A price within so many hundredths of a percent.
    fn near(&mut self, price: Price, most: i64) -> Price {
        let tick = instrument().tick_size.0;
        let off = price.0 / 10_000 * self.chance.between(-most, most) / tick * tick;
        Price(price.0 + off)
    }

    /// All sources at one price.
    pub(super) fn all(&mut self, price: Price) {
        for source in SOURCES {
            self.price(source, price);
        }
    }

    /// One source at a price.
    pub(super) fn price(&mut self, source: PriceSource, price: Price) {
        self.prices[source as usize] = price;
        let cell = self.cells.0[source as usize];
        let tick = Tick { at: self.now, price, qty: Qty(1), cell, probe: Probe::TICK };
        self.desk.tick(&tick, &mut self.log);
    }

    /// The source that a rule looks at.
    pub(super) fn source_of(&self, rule: Rule, subject: &Subject) -> PriceSource {
        let cell = self.cells.of_rule(rule, subject.side, &subject.plan);
        *SOURCES.iter().find(|source| self.cells.0[**source as usize] == cell).expect("every source is fed")
    }

    /// The last price of a source.
    pub(super) const fn last(&self, source: PriceSource) -> Price {
        self.prices[source as usize]
    }

    /// From here on the time to the first durable intent is measured.
    pub(super) fn watch(&mut self) {
        (self.log.is_watched, self.log.has_intent, self.log.durable) = (true, false, None);
        self.log.began = Instant::now();
    }

    /// Lets time pass.
    pub(super) fn wait(&mut self, span: Span) {
        self.now = self.now.after(span);
        self.desk.advance_to(self.now, &mut self.log);
    }

    /// A command.
    pub(super) fn command(&mut self, command: Command) {
        self.desk.command(self.now, command, &mut self.log);
    }

    pub(super) const fn now(&self) -> Timestamp {
        self.now
    }

    /// The position, while it is held.
    pub(super) fn position(&self) -> Option<PositionView> {
        self.desk.coordinator.view().position(self.key)
    }

    /// How it is covered, while it is held.
    pub(super) fn protection(&self) -> Option<Protection> {
        self.desk.coordinator.view().protections().next()
    }

    /// The records so far.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.log.entries
    }

    /// Waits until the position is flat and no order is alive.
    pub(super) fn let_it_end(&mut self) {
        let until = self.now.after(PATIENCE);
        while self.now < until && (self.position().is_some() || self.living() > 0) {
            self.wait(PACE);
        }
    }

    fn living(&self) -> usize {
        self.desk.coordinator.view().living_orders().count()
    }

    /// Everything is written down; the store is closed.
    pub(super) fn finish(mut self) -> Ended {
        self.desk.checkpoint(&mut self.log);
        let _is_kept = self.log.keep();
        Ended {
            living: self.living(),
            is_flat: self.position().is_none(),
            venue_holds: self.desk.venue.held(self.key),
            entries: self.log.entries,
            durable: self.log.durable,
            store: self.store,
        }
    }
}
