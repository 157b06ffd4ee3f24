//! Reads the lines of a run in order and keeps what concerns one position.

use std::collections::BTreeMap;

use ripcord_core::cell::CellId;
use ripcord_core::event::{
    Added, Entry, Event, ExitDecided, Filled, Observed, OrderEnd, Probe, Record, Tick,
};
use ripcord_core::id::{AccountId, EpisodeId, InstrumentId, OrderId};
use ripcord_core::indicator::Atr;
use ripcord_core::market::Bar;
use ripcord_core::num::{Price, Qty};
use ripcord_core::order::ExitOrder;
use ripcord_core::plan::AtrSpec;
use ripcord_core::reason::{Reason, StopOrigin};
use ripcord_core::time::Timestamp;

use super::approach::{Approach, Approaches, Seen, When};
use super::levels::{Levels, RuleNow, Watching, leg_bit};
use super::path::Stretch;
use super::{
    Change, End, Excursion, Move, MoveWhy, Opening, OrderEvent, OrderStory, Path, Story, Wake, wakes,
};
use crate::exits::ExitRow;
use crate::prices::{PriceChange, leaves_out_its_price};
use crate::records::{Header, Line, PositionEntry};
use crate::uncovered::{Uncovered, Uncovering};

mod reconcile;

/// Price and end of the last bar, if there was one.
type LastBar = Option<(Price, Timestamp)>;

/// What is known while the lines pass.
pub(super) struct Fold<'a> {
    header: &'a Header,
    account: AccountId,
    instrument: Option<InstrumentId>,
    position: PositionEntry,
    /// The last price of each cell, and its time.
    prices: BTreeMap<CellId, (Price, Timestamp)>,
    /// A price of which the next line may say that it was not accepted.
    waiting: Option<(Tick, u64)>,
    /// ATR of each kind that plans of the instrument use, with price and end of the last bar.
    atrs: Vec<(AtrSpec, Atr, LastBar)>,
    life: Option<Life>,
    uncovering: Uncovering,
}

/// The position, once it is opened.
struct Life {
    episode: EpisodeId,
    levels: Levels,
    story: Story,
    approaches: Approaches,
    /// Where each order stands in the story.
    orders: BTreeMap<OrderId, usize>,
    /// A full close was decided: its rules do not watch any more.
    closing: Option<Reason>,
    is_closed: bool,
}

impl<'a> Fold<'a> {
    pub(super) fn new(header: &'a Header, position: &PositionEntry) -> Self {
        let place = header.instruments.iter().position(|entry| entry.rules.symbol == position.symbol);
        let instrument = place.and_then(|place| u32::try_from(place).ok()).map(InstrumentId);
        let mut atrs: Vec<(AtrSpec, Atr, LastBar)> = Vec::new();
        for plan in header.plans.iter().filter(|plan| Some(plan.instrument) == instrument) {
            let Some(rules) = header.instrument(plan.instrument) else { continue };
            let spec = plan.spec.resolve(plan.instrument, &rules.rules).ok().and_then(|plan| plan.atr);
            if let Some(spec) = spec.filter(|spec| !atrs.iter().any(|(known, ..)| known == spec)) {
                atrs.push((spec, Atr::new(spec.period), None));
            }
        }
        let (account, position) = (position.account, position.clone());
        Self {
            header,
            account,
            instrument,
            position,
            prices: BTreeMap::new(),
            waiting: None,
            atrs,
            life: None,
            uncovering: Uncovering::default(),
        }
    }

    /// Takes a line; what cannot be made sense of is said in words.
    pub(super) fn take(&mut self, line: &Line) -> Result<(), String> {
        let Entry { at, record } = &line.entry;
        let (at, index) = (*at, line.index);
        self.uncovering.take(&line.entry, self.header);
        // A price that was not accepted moved nothing; what was made of it stands behind it.
        if let Some((tick, index)) = self.waiting.take().filter(|_| !leaves_out_its_price(record)) {
            self.on_tick(&tick, index);
        }
        match record {
            Record::Observed(observed) => self.on_observed(observed, index),
            Record::Input(Event::Tick(tick)) => self.waiting = Some((*tick, index)),
            Record::Input(
                Event::Bar(_)
                | Event::Observed(_)
                | Event::Timer
                | Event::Venue(_)
                | Event::Command(_)
                | Event::Silent(_)
                | Event::Resumed,
            )
            | Record::CommandRefused(_) => {}
            Record::BarClosed(bar) => self.on_bar(bar),
            Record::Opened(opened) if opened.episode.key.account == self.account => {
                return self.on_opened(opened, at, index);
            }
            record => {
                if let Some(life) = &mut self.life {
                    life.on_record(record, at, index, &self.prices);
                }
            }
        }
        Ok(())
    }

    fn on_opened(
        &mut self,
        opened: &ripcord_core::event::Opened,
        at: Timestamp,
        index: u64,
    ) -> Result<(), String> {
        let key = opened.episode.key;
        let entry = self
            .header
            .instrument(key.instrument)
            .ok_or_else(|| format!("instrument {} is not in the header", key.instrument.0))?;
        let plan = self.header.plan(opened.plan).map_err(|faults| {
            let all: Vec<String> = faults.iter().map(ToString::to_string).collect();
            format!("plan {} of the header: {}", opened.plan.0, all.join("; "))
        })?;
        let spec = self.header.plans[opened.plan.0 as usize].spec.clone();
        let feed = plan.atr.and_then(|spec| self.atrs.iter().find(|(known, ..)| *known == spec));
        let bars = feed.map(|(_, atr, closed)| (atr.value(), *closed));
        let mut levels = Levels::new(plan, (entry.rules.clone(), entry.cells), key.side, (at, opened));
        if let Some((atr, closed)) = bars {
            levels.close_bar(atr, closed);
        }
        let now = levels.now(|cell| self.prices.get(&cell).map(|&(price, _)| price));
        let story = Story {
            position: self.position.clone(),
            instrument: entry.rules.clone(),
            cells: entry.cells,
            plan: spec,
            candles: self.header.candles.clone(),
            opening: Opening { at, index, entry: opened.entry, qty: opened.qty, fees: opened.entry_fees },
            levels: now,
            moves: Vec::new(),
            wakes: Vec::new(),
            orders: Vec::new(),
            fills: Vec::new(),
            funding: Vec::new(),
            changes: Vec::new(),
            alarms: Vec::new(),
            uncovered: Uncovered::default(),
            excursion: Excursion::default(),
            approaches: Vec::new(),
            end: End {
                closed: None,
                remaining: opened.qty,
                headline: None,
                standing: Vec::new(),
                last: None,
                closing: None,
            },
            path: Path::default(),
        };
        self.life = Some(Life {
            episode: opened.episode,
            levels,
            story,
            approaches: Approaches::default(),
            orders: BTreeMap::new(),
            closing: None,
            is_closed: false,
        });
        Ok(())
    }

    fn on_observed(&mut self, observed: &Observed, index: u64) {
        let before = self.prices.insert(observed.cell, (observed.last, observed.at));
        let Some(life) = &mut self.life else { return };
        let from = before.map_or(observed.at, |(_, at)| at).max(life.story.opening.at).min(observed.at);
        let counts = observed.min <= observed.max;
        let (low, high) = if counts {
            (observed.min.min(observed.last), observed.max.max(observed.last))
        } else {
            (observed.last, observed.last)
        };
        // One price, or none that counts for extremes: its moment is known.
        let from = if observed.count == 1 || !counts { observed.at } else { from };
        let seen = Seen { low, high, when: When { from, to: observed.at } };
        life.see(observed.cell, seen, Probe::TICK, counts, index);
    }

    fn on_tick(&mut self, tick: &Tick, index: u64) {
        self.prices.insert(tick.cell, (tick.price, tick.at));
        if let Some(life) = &mut self.life {
            let seen = Seen { low: tick.price, high: tick.price, when: When::at(tick.at) };
            life.see(tick.cell, seen, tick.probe, tick.probe.classes & Probe::EXTREME != 0, index);
        }
    }

    fn on_bar(&mut self, bar: &Bar) {
        if Some(bar.instrument) != self.instrument {
            return;
        }
        for (spec, atr, last) in &mut self.atrs {
            // Feeds of one bar length and several periods each tell the same bar.
            let end = bar.start.after(bar.span);
            if spec.bar != bar.span || last.is_some_and(|(_, last)| end <= last) {
                continue;
            }
            *last = Some((bar.close, end));
            atr.update(bar.high, bar.low, bar.close);
            if let Some(life) = &mut self.life
                && life.levels.plan.atr == Some(*spec)
            {
                life.levels.close_bar(atr.value(), *last);
            }
        }
    }

    /// The story, if the position was opened.
    pub(super) fn finish(mut self) -> Option<Story> {
        if let Some((tick, index)) = self.waiting.take() {
            self.on_tick(&tick, index);
        }
        let (prices, life) = (self.prices, self.life?);
        let uncovered = self.uncovering.of(life.episode);
        Some(Story { uncovered, ..life.finish(&prices) })
    }
}

impl Life {
    /// Prices came that belong to the life of the position.
    fn see(&mut self, cell: CellId, seen: Seen, probe: Probe, counts: bool, index: u64) {
        if self.is_closed || !self.levels.cells.0.contains(&cell) {
            return;
        }
        let sign = self.levels.side.sign();
        let rules = if self.closing.is_none() { self.levels.now(|_| None) } else { Vec::new() };
        if counts && cell == self.levels.trail_cell() {
            let best = if sign > 0 { seen.high } else { seen.low };
            self.follow(best, seen.when, index);
        }
        for rule in rules.iter().filter(|rule| rule.cell == cell && rule.heeds(probe, self.levels.side)) {
            // A tick meets the stop as it stood before; a stretch may have met it anywhere on its way.
            let moves = rule.reason == Reason::TrailingStop
                && rule.watching == Watching::Loss
                && !seen.when.is_exact();
            let after = if moves { self.levels.trailing_stop() } else { rule.level };
            if let Some(after) = after {
                self.approaches.add(rule, after, seen, sign);
            }
        }
        if cell == self.levels.cells.quote(self.levels.side) {
            self.story.excursion.add(seen, sign);
            let stop = self.levels.effective_stop();
            self.story.path.add(Stretch { when: seen.when, low: seen.low, high: seen.high, stop });
        }
    }

    /// The trailing stop follows a better best price.
    fn follow(&mut self, best: Price, when: When, index: u64) {
        let Some(from) = self.levels.raise(best) else { return };
        let Some(to) = self.levels.trailing_stop() else { return };
        if let Some(Move {
            why: MoveWhy::Followed { best: known, times },
            to: known_to,
            when: known_when,
            index: known_index,
            ..
        }) = self.story.moves.last_mut()
        {
            (*known, *times, *known_to, *known_index) = (best, *times + 1, to, index);
            known_when.to = when.to;
            return;
        }
        let why = MoveWhy::Followed { best, times: 1 };
        self.story.moves.push(Move { when, index, from: Some(from), to, why });
    }

    fn on_record(
        &mut self,
        record: &Record,
        at: Timestamp,
        index: u64,
        prices: &BTreeMap<CellId, (Price, Timestamp)>,
    ) {
        if let Some((concerned, of)) = PriceChange::of(record) {
            if concerned.is(self.episode) && !self.is_closed {
                self.story.changes.push((at, Change::Prices(of)));
            }
            return;
        }
        if reconcile::is_about(record, self.episode) || record.episode() == Some(self.episode) {
            self.on_own(record, at, index, prices);
        }
    }

    fn moved(&mut self, at: Timestamp, index: u64, (from, to): (Option<Price>, Price), why: MoveWhy) {
        self.story.moves.push(Move { when: When::at(at), index, from, to, why });
    }

    fn changed(&mut self, at: Timestamp, change: Change) {
        self.story.changes.push((at, change));
    }

    fn on_own(
        &mut self,
        record: &Record,
        at: Timestamp,
        index: u64,
        prices: &BTreeMap<CellId, (Price, Timestamp)>,
    ) {
        match record {
            Record::StopMoved { from, to, origin, .. } => {
                self.levels.move_stop(*to, *origin);
                self.moved(at, index, (*from, *to), MoveWhy::Stop(*origin));
            }
            Record::TrailingActivated { extreme, stop, .. } => {
                self.levels.activate(*extreme, *stop);
                self.moved(at, index, (None, *stop), MoveWhy::Activated { best: *extreme });
            }
            Record::ExitDecided(decided) => self.on_decided(decided, at, index, prices),
            Record::OrderIntended(order) => self.on_intended(order, at),
            Record::GateBlocked { id, .. } => self.on_order(id, at, OrderEvent::Blocked),
            Record::OrderAccepted(id) => self.on_order(id, at, OrderEvent::Accepted),
            Record::OrderEnded { id, how } => self.on_ended(id, at, *how),
            Record::Filled(filled) => self.on_filled(filled, at, index),
            Record::FundingPaid { amount, .. } => self.story.funding.push((at, **amount)),
            Record::Added(added) => self.on_added(added, at),
            Record::PlanChanged { .. } => self.changed(at, Change::Plan),
            Record::Signalled { until, .. } => self.changed(at, Change::Signalled { until: *until }),
            Record::ExitConcluded { exit, why, .. } => {
                self.closing = None;
                self.changed(at, Change::Concluded { exit: *exit, why: *why });
            }
            &Record::Deferred { reason, bracket, .. } => {
                self.changed(at, Change::Deferred { reason, bracket });
            }
            &Record::BracketTriggered { trigger, price, .. } => {
                self.changed(at, Change::BracketTriggered { trigger, price });
            }
            Record::Closed { .. } => {
                self.is_closed = true;
                self.story.end.closed = Some((at, index));
            }
            Record::Alarm { what, .. } => self.story.alarms.push((at, *what)),
            Record::Adopted(_)
            | Record::LeftOutside(_)
            | Record::Released { .. }
            | Record::Reconciled(_)
            | Record::HandedOver(_)
            | Record::OrdersListed(_)
            | Record::Returned(_)
            | Record::OrdersStale { .. } => self.on_reconciled(record, at, index),
            Record::Observed(_)
            | Record::Input(_)
            | Record::Opened(_)
            | Record::BarClosed(_)
            | Record::KillLevel { .. }
            | Record::OrdersPaced { .. }
            | Record::Managed(_)
            | Record::ReadFailed { .. }
            | Record::CommandRefused(_)
            | Record::Suspected { .. }
            | Record::Confirmed { .. }
            | Record::Contradicted { .. }
            | Record::PriceDoubted(_)
            | Record::PricesStale { .. }
            | Record::PricesBack { .. }
            | Record::Jump(_)
            | Record::Diverged { .. }
            | Record::Converged { .. } => {}
        }
    }

    fn on_added(&mut self, added: &Added, at: Timestamp) {
        self.levels.add(added);
        let &Added { qty, price, open, entry, .. } = added;
        self.story.changes.push((at, Change::Added { qty, price, open, entry }));
    }

    fn on_decided(
        &mut self,
        decided: &ExitDecided,
        at: Timestamp,
        index: u64,
        prices: &BTreeMap<CellId, (Price, Timestamp)>,
    ) {
        let now = self.levels.now(|cell| prices.get(&cell).map(|&(price, _)| price));
        for held in decided.held.iter().filter(|held| held.reason != decided.reason) {
            self.approaches.outranked(held.reason, held.leg, decided.reason);
        }
        self.story.wakes.push(Wake {
            at,
            index,
            exit: decided.exit,
            reason: decided.reason,
            source: decided.source,
            exit_type: decided.exit_type,
            origin: decided.origin,
            qty: decided.qty,
            trigger: decided.trigger,
            price: decided.price,
            best: decided.best,
            rules: wakes::rules_at(decided, &self.levels, &now),
        });
        if decided.leg == 0 {
            self.closing = Some(decided.reason);
        }
    }

    fn on_intended(&mut self, order: &ExitOrder, at: Timestamp) {
        self.levels.legs_out |= leg_bit(&order.id);
        self.orders.insert(order.id, self.story.orders.len());
        self.story.orders.push(OrderStory {
            exit: order.id.exit,
            leg: order.id.leg,
            attempt: order.id.attempt,
            kind: order.kind,
            reason: order.reason,
            qty: order.qty,
            filled: Qty(0),
            events: vec![(at, OrderEvent::Intended)],
        });
    }

    fn on_ended(&mut self, id: &OrderId, at: Timestamp, how: OrderEnd) {
        let event = match how {
            OrderEnd::Refused => OrderEvent::Refused,
            OrderEnd::Expired => OrderEvent::Expired,
            OrderEnd::Cancelled => OrderEvent::Cancelled,
            OrderEnd::Unknown => OrderEvent::Unknown,
            OrderEnd::NotFound => OrderEvent::NotFound,
        };
        if how != OrderEnd::Unknown {
            self.levels.legs_out &= !leg_bit(id);
        }
        self.on_order(id, at, event);
    }

    fn on_order(&mut self, id: &OrderId, at: Timestamp, event: OrderEvent) {
        if let Some(order) = self.orders.get(id).and_then(|&place| self.story.orders.get_mut(place)) {
            if let OrderEvent::Filled(qty) = event {
                order.filled = Qty(order.filled.0 + qty.0);
            }
            order.events.push((at, event));
        }
    }

    fn on_filled(&mut self, filled: &Filled, at: Timestamp, index: u64) {
        self.on_order(&filled.id, at, OrderEvent::Filled(filled.qty));
        self.levels.reduce(filled);
        self.story.end.remaining = filled.remaining;
        let position = &self.story.position;
        let strategy = position.strategy.as_deref();
        self.story.fills.push(ExitRow::from_fill(
            filled,
            &self.story.instrument,
            &position.id,
            index,
            at,
            strategy,
        ));
    }

    fn finish(self, prices: &BTreeMap<CellId, (Price, Timestamp)>) -> Story {
        let Self { levels, mut story, approaches, closing, is_closed, .. } = self;
        story.end.headline = headline(&story);
        story.end.last = prices.get(&levels.cells.quote(levels.side)).copied();
        if !is_closed {
            story.end.closing = closing;
            story.end.standing = levels.now(|cell| prices.get(&cell).map(|&(price, _)| price));
            story.end.standing.retain(|rule| rule.leg == 0 || levels.legs_done & (1 << (rule.leg - 1)) == 0);
        }
        let fired = |approach: &Approach| match approach.watching {
            Watching::Activation => {
                story.moves.iter().any(|moved| matches!(moved.why, MoveWhy::Activated { .. }))
            }
            Watching::Loss | Watching::Gain => {
                let by = |reason: Reason, leg: u8| (reason, leg) == (approach.reason, approach.leg);
                story.fills.iter().any(|fill| by(fill.reason, fill.leg))
                    || story.wakes.iter().any(|wake| wake_fired(wake, approach))
            }
        };
        let approaches = approaches.finish(|approach| !fired(approach));
        Story { approaches, ..story }
    }
}

fn wake_fired(wake: &Wake, approach: &Approach) -> bool {
    let is_rule = |rule: &super::RuleAt| (rule.reason, rule.leg) == (approach.reason, approach.leg);
    wake.rules.iter().any(|rule| is_rule(rule) && rule.verdict == super::Verdict::Acted)
}

/// The reason of the largest closed quantity; of equal ones the first.
fn headline(story: &Story) -> Option<Reason> {
    let mut sums: Vec<(Reason, i64)> = Vec::new();
    let mut add = |reason: Reason, qty: i64| match sums.iter_mut().find(|(known, _)| *known == reason) {
        Some((_, sum)) => *sum = sum.saturating_add(qty).max(0),
        None => sums.push((reason, qty)),
    };
    for fill in &story.fills {
        add(fill.reason, fill.qty.0);
    }
    // What left past us was closed as well, unless its trade was told after all.
    for (_, change) in &story.changes {
        match *change {
            Change::LeftOutside { qty, reason, .. } => add(reason, qty.0),
            Change::Returned { qty } => add(Reason::Unknown, -qty.0),
            _ => {}
        }
    }
    let largest = sums.iter().map(|&(_, qty)| qty).max()?;
    sums.into_iter().find(|&(_, qty)| qty == largest).map(|(reason, _)| reason)
}

impl RuleNow {
    /// Whether it is the stop of rule 4 or the trailing stop.
    #[must_use]
    pub fn is_stop(&self) -> bool {
        self.watching == Watching::Loss && matches!(self.reason, Reason::StopLoss | Reason::TrailingStop)
    }
}

impl MoveWhy {
    /// What set the stop, in one word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stop(origin) => match origin {
                StopOrigin::Initial => "initial",
                StopOrigin::Ratchet => "ratchet",
                StopOrigin::RiskFloor => "risk_floor",
                StopOrigin::Liquidation => "liquidation",
                StopOrigin::TrailingStep => "trailing_step",
                StopOrigin::Moved => "moved",
            },
            Self::Activated { .. } => "trailing_activated",
            Self::Followed { .. } => "trailing_followed",
        }
    }
}
