//! An independent reference: per position, per price, plain loops. Written from the definitions of
//! the rules (design, section 5.1); it reads plans as data and calls nothing of the core's rules.
//! Every order is filled at once: at the last trade, or at its own level when it rests.

use std::collections::BTreeMap;

use ripcord_core::event::{Command, Event};
use ripcord_core::id::{EpisodeId, InstrumentId, PositionKey};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Price, Ratio};
use ripcord_core::plan::ladder::LegTarget;
use ripcord_core::plan::{
    AtrSpec, Basis, Distance, GapPolicy, LegKind, LegOf, LossLimit, OnlyWhen, Plan, Pnl, Rounding, SingleLot,
    Trailing,
};
use ripcord_core::reason::Reason;

use crate::cases::{Case, Exit, Move};

const ONE: i128 = 1_000_000_000;

pub(crate) struct Oracle<'a> {
    case: &'a Case,
    prices: BTreeMap<(InstrumentId, PriceSource), i128>,
    feeds: Vec<Feed>,
    positions: Vec<Position>,
    told_at: BTreeMap<(InstrumentId, PriceSource), i64>,
    generations: BTreeMap<PositionKey, u32>,
    pub(crate) exits: Vec<Exit>,
}

struct Feed {
    instrument: InstrumentId,
    spec: AtrSpec,
    /// End of the running bar, once a price came.
    border: Option<i64>,
    bar: Option<(i128, i128)>,
    previous_close: Option<i128>,
    ranges: Vec<i128>,
    /// In units of 2^-32.
    atr: Option<i128>,
}

struct Position {
    episode: EpisodeId,
    plan: usize,
    initial: i128,
    open: i128,
    entry: i128,
    fees: i128,
    first_stop: Option<i128>,
    stop: Option<i128>,
    trailing: bool,
    best: i128,
    trail: Option<i128>,
    /// Legs that were sent, and what rests of them: (leg number, level, quantity).
    legs_out: [bool; 4],
    resting: Vec<(usize, i128, i128)>,
    closed: bool,
    opened_at: i64,
    signalled_until: Option<i64>,
}

/// Everything the rules of one position read.
struct Eye<'a> {
    plan: &'a Plan,
    rules: &'a Instrument,
    sources: &'a [PriceSource],
    prices: &'a BTreeMap<(InstrumentId, PriceSource), i128>,
    atr: Option<i128>,
}

impl<'a> Oracle<'a> {
    pub(crate) fn new(case: &'a Case) -> Self {
        let mut feeds: Vec<Feed> = Vec::new();
        for plan in &case.plans {
            let Some(spec) = plan.atr else { continue };
            if !feeds.iter().any(|feed| feed.instrument == plan.instrument && feed.spec == spec) {
                let instrument = plan.instrument;
                feeds.push(Feed {
                    instrument,
                    spec,
                    border: None,
                    bar: None,
                    previous_close: None,
                    ranges: Vec::new(),
                    atr: None,
                });
            }
        }
        let (prices, told_at, generations) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { case, prices, told_at, feeds, positions: Vec::new(), generations, exits: Vec::new() }
    }

    pub(crate) fn run(&mut self) {
        for at in 0..self.case.script.len() {
            let (now, what) = &self.case.script[at];
            self.bars_until(now.0);
            match what {
                Move::Open(opening) => self.open(at, now.0, opening),
                Move::Event(Event::Command(Command::Signal { key, at: given })) => {
                    self.signal(at, now.0, *key, given.0);
                }
                Move::Event(Event::Command(Command::Close { key, qty: None })) => self.close(at, *key),
                Move::Add(_) | Move::Event(_) | Move::Mood(..) | Move::ByHand(..) | Move::Outside(..) => {
                    panic!("the oracle knows a well-behaved venue only")
                }
                Move::Price(instrument, source, price) => {
                    self.price(at, now.0, *instrument, *source, i128::from(price.0))
                }
            }
        }
        self.exits.sort_unstable();
    }

    /// Stop and trailing stop of everything still held.
    pub(crate) fn stops(&self) -> BTreeMap<EpisodeId, (Option<Price>, Option<Price>)> {
        let price = |level: Option<i128>| level.map(|level| Price(i64::try_from(level).expect("a price")));
        let held = self.positions.iter().filter(|position| !position.closed);
        held.map(|position| (position.episode, (price(position.stop), price(position.trail)))).collect()
    }

    fn living(&self, key: PositionKey) -> Option<usize> {
        self.positions.iter().position(|position| position.episode.key == key && !position.closed)
    }

    /// A signal stands for its time to live; whatever holds then acts at once.
    fn signal(&mut self, at: usize, now: i64, key: PositionKey, given: i64) {
        let Some(n) = self.living(key) else { return };
        let Some(rule) = self.case.plans[self.positions[n].plan].signal_exit else { return };
        let until = given + rule.ttl.0;
        if until >= now {
            let stands = self.positions[n].signalled_until.filter(|earlier| *earlier >= now);
            self.positions[n].signalled_until = Some(stands.map_or(until, |earlier| earlier.max(until)));
            self.look(at, now, n, None);
        }
    }

    /// Somebody closes everything by hand.
    fn close(&mut self, at: usize, key: PositionKey) {
        let Some(n) = self.living(key) else { return };
        let market = self.prices[&(key.instrument, PriceSource::Last)];
        let lots = self.eye(self.positions[n].plan).closable(self.positions[n].open);
        let position = &mut self.positions[n];
        position.closed = true;
        if lots > 0 {
            self.exits.push(exit(at, position.episode, 0, Reason::Manual, lots, market));
        }
    }

    fn open(&mut self, at: usize, now: i64, opening: &ripcord_core::event::Opening) {
        let key = opening.key;
        if self.positions.iter().any(|position| position.episode.key == key && !position.closed) {
            return;
        }
        let generation = self.generations.entry(key).or_insert(0);
        *generation += 1;
        let entry = i128::from(opening.entry.0);
        let mut position = Position {
            episode: EpisodeId { key, generation: *generation },
            plan: opening.plan.0 as usize,
            initial: i128::from(opening.qty.0),
            open: i128::from(opening.qty.0),
            entry,
            fees: opening.entry_fees.0,
            first_stop: None,
            stop: None,
            trailing: false,
            best: entry,
            trail: None,
            legs_out: [false; 4],
            resting: Vec::new(),
            closed: false,
            opened_at: now,
            signalled_until: None,
        };
        let eye = self.eye(position.plan);
        if let Some(rule) = eye.plan.stop_loss {
            let side = key.side;
            position.stop = Some(match rule.distance {
                Distance::Share(share) => eye.stop_share(side, entry, share),
                Distance::Price(distance) => eye.later(side, entry - sign(side) * i128::from(distance)),
                Distance::Atr { multiple, fallback } => match eye.atr {
                    Some(atr) => {
                        eye.later(side, entry - sign(side) * (atr * units(multiple)).div_euclid(ONE << 32))
                    }
                    None => eye.stop_share(side, entry, fallback),
                },
            });
            position.first_stop = position.stop;
        }
        if eye.plan.trailing.as_ref().is_some_and(|rule| rule.activation.is_none()) {
            position.trailing = true;
            eye.follow(&mut position);
        }
        eye.rest_soft_legs(&mut position);
        self.positions.push(position);
        // A target that the market has passed already is filled at its level at once.
        let market = self.prices[&(key.instrument, PriceSource::Last)];
        self.trade(at, self.positions.len() - 1, key.instrument, market);
    }

    fn price(&mut self, at: usize, now: i64, instrument: InstrumentId, source: PriceSource, price: i128) {
        for feed in self.feeds.iter_mut().filter(|feed| feed.instrument == instrument) {
            let span = feed.spec.bar.0;
            feed.border.get_or_insert((now.div_euclid(span) + 1) * span);
        }
        if source == PriceSource::Last {
            for n in 0..self.positions.len() {
                self.trade(at, n, instrument, price);
            }
            for feed in self.feeds.iter_mut().filter(|feed| feed.instrument == instrument) {
                let (high, low) = feed.bar.unwrap_or((price, price));
                feed.bar = Some((high.max(price), low.min(price)));
            }
        }
        self.prices.insert((instrument, source), price);
        self.told_at.insert((instrument, source), now);
        for n in 0..self.positions.len() {
            if !self.positions[n].closed && self.positions[n].episode.key.instrument == instrument {
                self.look(at, now, n, Some((source, price)));
            }
        }
    }

    /// A trade fills the resting legs that it reaches, at their levels.
    fn trade(&mut self, at: usize, n: usize, instrument: InstrumentId, price: i128) {
        let side = self.positions[n].episode.key.side;
        while !self.positions[n].closed && self.positions[n].episode.key.instrument == instrument {
            let resting = &mut self.positions[n].resting;
            let Some(first) =
                resting.iter().position(|(_, level, _)| sign(side) * price >= sign(side) * level)
            else {
                return;
            };
            let (leg, level, qty) = resting.remove(first);
            self.fill_leg(at, n, leg, qty, level);
        }
    }

    /// Whether a price was told since a position was opened: without one of their own, levels are not held
    /// against what was told before.
    fn is_since(&self, position: &Position, source: PriceSource) -> bool {
        let at = self.told_at.get(&(position.episode.key.instrument, source));
        at.is_some_and(|at| *at >= position.opened_at)
    }

    /// Looks at every rule: at a price, or, without one, at the prices as they stand.
    fn look(&mut self, at: usize, now: i64, n: usize, told: Option<(PriceSource, i128)>) {
        let mut position = std::mem::replace(&mut self.positions[n], nobody());
        let eye = self.eye(position.plan);
        let side = position.episode.key.side;
        let quote = eye.source(if side == Side::Long { PriceSource::Bid } else { PriceSource::Ask });
        // Without a price the last one of the quote stands in, if there is any.
        let seen = told.or_else(|| Some((quote, eye.price_of(quote)?)));
        let quoted = seen.filter(|(source, _)| *source == quote).map(|(_, price)| price);
        let is_overdue = eye.plan.time_limit.is_some_and(|rule| position.opened_at + rule.after.0 <= now);
        let is_signalled = position.signalled_until.is_some_and(|until| until >= now);
        let was_trailing = position.trailing;
        if let Some(price) = quoted.filter(|price| sign(side) * price > sign(side) * position.best)
            && was_trailing
            && told.is_some()
        {
            position.best = price;
        }
        let is_stepped = eye.plan.trailing.as_ref().is_some_and(|rule| rule.step.is_some());
        if was_trailing && !is_stepped {
            eye.follow(&mut position);
        }
        let is_known = |source: PriceSource| told.is_some() || self.is_since(&position, source);
        let (quoted, quote_is_known) = (quoted.filter(|_| is_known(quote)), is_known(quote));
        let mut holding = eye.full_closes(&position, quote);
        holding.retain(|(_, source)| is_known(*source));
        holding.extend(eye.late_closes(&position, quote, is_signalled, is_overdue));
        let (from, to) = eye.legs_reached(&position, quote);
        // A leg that closes nothing yet waits for the next one.
        // What earlier legs that rest will take is not there to be sold twice.
        let earlier = position.resting.iter().filter(|(leg, ..)| *leg <= from);
        let free = position.open - earlier.map(|(_, _, qty)| qty).sum::<i128>();
        let legs = if quote_is_known { eye.legs_qty(&position, from, to, free) } else { 0 };
        let own = told.is_none_or(|(source, _)| {
            holding.iter().any(|(_, its)| *its == source) || (legs > 0 && quote == source)
        });
        let market = self.prices[&(position.episode.key.instrument, PriceSource::Last)];
        let close = holding.first().map(|(reason, _)| *reason).filter(|_| own);
        let legs = if own && close.is_none() { legs } else { 0 };
        if let Some(price) = quoted.filter(|_| close.is_none()) {
            if !was_trailing {
                eye.activate(&mut position, price);
            } else if is_stepped && price == position.best {
                eye.step(&mut position);
            }
        }
        let soft_level = (legs > 0
            && eye.plan.ladder.as_ref().expect("legs").legs[to - 1].kind == LegKind::Soft)
            .then(|| eye.leg_level(&position, to - 1).expect("it was reached"));
        let lots = eye.closable(position.open);
        self.positions[n] = position;
        if let Some(reason) = close {
            let position = &mut self.positions[n];
            position.closed = true;
            position.open -= lots;
            if lots > 0 {
                self.exits.push(exit(at, position.episode, 0, reason, lots, market));
            }
        } else if legs > 0 {
            self.positions[n].legs_out[from..to].fill(true);
            match soft_level {
                // A soft leg that did not rest does so now.
                Some(level) => {
                    self.positions[n].resting.push((to, level, legs));
                    self.trade(at, n, self.positions[n].episode.key.instrument, market);
                }
                None => self.fill_leg(at, n, to, legs, market),
            }
        }
    }

    /// Leg `leg` (from 1) sold `qty`: the ratchet, and the end of dust.
    fn fill_leg(&mut self, at: usize, n: usize, leg: usize, qty: i128, price: i128) {
        let mut position = std::mem::replace(&mut self.positions[n], nobody());
        let eye = self.eye(position.plan);
        let lot = i128::from(eye.rules.lot_size.0);
        let qty = qty.min(position.open / lot * lot);
        let left = position.open - qty;
        position.fees -= half_up(position.fees * qty, position.open);
        position.open = left;
        let side = position.episode.key.side;
        if let Some(ratchet) = eye.plan.ratchet {
            let step = leg.min(ratchet.legs_max as usize);
            let target = match step {
                0 => None,
                1 => Some(match ratchet.offset {
                    ripcord_core::plan::RatchetOffset::Share(share) => {
                        eye.target_share(side, position.entry, share)
                    }
                    ripcord_core::plan::RatchetOffset::Fees => unreachable!("the cases give shares"),
                }),
                _ => eye.leg_level(&position, step - 2),
            };
            if let Some(target) = target {
                position.stop = Some(position.stop.map_or(target, |stop| tighter(side, stop, target)));
            }
        }
        position.closed = eye.closable(left) == 0;
        self.positions[n] = position;
        self.exits.push(exit(at, self.positions[n].episode, leg, Reason::TakeProfit, qty, price));
    }

    fn bars_until(&mut self, now: i64) {
        for n in 0..self.feeds.len() {
            while let Some(border) = self.feeds[n].border.filter(|border| *border <= now) {
                self.feeds[n].border = Some(border + self.feeds[n].spec.bar.0);
                let close = self.prices[&(self.feeds[n].instrument, PriceSource::Last)];
                self.feeds[n].close(close);
                // A trailing stop keeps what it had reached, and takes what the new distance gives.
                for at in 0..self.positions.len() {
                    let mut position = std::mem::replace(&mut self.positions[at], nobody());
                    let eye = self.eye(position.plan);
                    let is_stepped = eye.plan.trailing.as_ref().is_some_and(|rule| rule.step.is_some());
                    if position.trailing && !position.closed && !is_stepped {
                        eye.follow(&mut position);
                    }
                    self.positions[at] = position;
                }
            }
        }
    }

    fn eye(&self, plan: usize) -> Eye<'_> {
        let plan = &self.case.plans[plan];
        let (rules, sources) = &self.case.markets[plan.instrument.0 as usize];
        let feed =
            self.feeds.iter().find(|feed| Some(feed.spec) == plan.atr && feed.instrument == plan.instrument);
        Eye { plan, rules, sources, prices: &self.prices, atr: feed.and_then(|feed| feed.atr) }
    }
}

impl Feed {
    /// Wilder: the first `period` true ranges averaged, then each moves the average by its part.
    fn close(&mut self, close: i128) {
        let Some((high, low)) = self.bar.take() else { return };
        let period = i128::from(self.spec.period);
        if let Some(previous) = self.previous_close {
            let range = (high - low).max((high - previous).abs()).max((low - previous).abs());
            self.ranges.push(range);
            if let Some(atr) = self.atr {
                self.atr = Some(half_up(atr * (period - 1) + (range << 32), period));
            } else if self.ranges.len() as i128 == period {
                self.atr = Some(half_up(self.ranges.iter().sum::<i128>() << 32, period));
            }
        }
        self.previous_close = Some(close);
    }
}

impl Eye<'_> {
    /// The source itself, or the last price in its place.
    fn source(&self, wanted: PriceSource) -> PriceSource {
        if self.sources.contains(&wanted) { wanted } else { PriceSource::Last }
    }

    fn price_of(&self, source: PriceSource) -> Option<i128> {
        self.prices.get(&(self.plan.instrument, source)).copied()
    }

    /// On the grid, to the earlier exit of a stop: up for longs, down for shorts.
    fn later(&self, side: Side, price: i128) -> i128 {
        let tick = i128::from(self.rules.tick_size.0);
        match side {
            Side::Long => ceil(price, tick) * tick,
            Side::Short => price.div_euclid(tick) * tick,
        }
    }

    /// `base x (ONE + signed share)` on the grid.
    fn moved(&self, side: Side, base: i128, signed: i128) -> i128 {
        let tick = i128::from(self.rules.tick_size.0);
        match (self.plan.rounding, side) {
            (Rounding::Directed, Side::Long) => ceil(base * (ONE + signed), ONE * tick) * tick,
            (Rounding::Directed, Side::Short) => (base * (ONE + signed)).div_euclid(ONE * tick) * tick,
            (Rounding::HalfUp, _) => base + signed.signum() * half_up(base * signed.abs(), ONE * tick) * tick,
            (Rounding::Double, _) => panic!("not in these cases"),
        }
    }

    fn stop_share(&self, side: Side, base: i128, share: Ratio) -> i128 {
        self.moved(side, base, -sign(side) * units(share))
    }

    fn target_share(&self, side: Side, base: i128, share: Ratio) -> i128 {
        self.moved(side, base, sign(side) * units(share))
    }

    fn risk(&self, position: &Position) -> Option<i128> {
        let risk = sign(position.episode.key.side) * (position.entry - position.first_stop?);
        (risk > 0).then_some(risk)
    }

    fn at_r(&self, position: &Position, multiple: Ratio) -> Option<i128> {
        let side = position.episode.key.side;
        let distance = half_up(self.risk(position)? * units(multiple), ONE);
        Some(self.later(side, position.entry + sign(side) * distance))
    }

    /// Whether the quantity held has lost the share at `price`. Levels are ticks: a price between two
    /// ticks counts as the better one.
    fn has_lost(&self, position: &Position, rule: &LossLimit, price: i128) -> bool {
        let side = position.episode.key.side;
        let price = self.later(side, price);
        let share = match rule.basis {
            Basis::Price => units(rule.share),
            // A share of the price in units of 10^-9, rounded to the earlier exit.
            Basis::Margin => (units(rule.share) * ONE).div_euclid(units(self.plan.leverage)),
        };
        let money = 10_i128.pow(u32::from(18 - self.rules.price_decimals - self.rules.qty_decimals));
        let (worth, cost) = (price * position.open, position.entry * position.open);
        let gross = sign(side) * (worth - cost) * money * ONE;
        let result = match rule.pnl {
            Pnl::Gross => gross,
            Pnl::Net => gross - position.fees * ONE - units(self.plan.taker_fee) * worth * money,
        };
        result <= -share * cost * money
    }

    /// The full closes that hold, in rank order, with their sources.
    fn full_closes(&self, position: &Position, quote: PriceSource) -> Vec<(Reason, PriceSource)> {
        let side = position.episode.key.side;
        let mut holding = Vec::new();
        let mut loss = |rule: Option<LossLimit>, reason, default: PriceSource| {
            let Some(rule) = rule else { return };
            let source = self.source(rule.source.unwrap_or(default));
            if self.price_of(source).is_some_and(|price| self.has_lost(position, &rule, price)) {
                holding.push((reason, source));
            }
        };
        loss(self.plan.hard_stop, Reason::HardStop, PriceSource::Mark);
        loss(self.plan.loss_guard, Reason::LossGuard, PriceSource::Mark);
        let at_stop = |stop: Option<i128>, reason, source: PriceSource| {
            let reached = |price| sign(side) * price <= sign(side) * stop.expect("checked");
            if stop.is_some() && self.price_of(source).is_some_and(reached) {
                Some((reason, source))
            } else {
                None
            }
        };
        let wanted = self.plan.stop_loss.and_then(|rule| rule.source).unwrap_or(PriceSource::Last);
        let stop = at_stop(position.stop, Reason::StopLoss, self.source(wanted));
        let trail = at_stop(position.trail.filter(|_| position.trailing), Reason::TrailingStop, quote);
        let mut soft = Vec::new();
        if let Some(rule) = self.plan.soft_stop {
            let source = rule.source.map_or(quote, |source| self.source(source));
            if self.price_of(source).is_some_and(|price| self.has_lost(position, &rule, price)) {
                soft.push((Reason::SoftStop, source));
            }
        }
        holding.into_iter().chain(stop).chain(soft).chain(trail).collect()
    }

    /// Net result at `price`, in 10^-27 of money per unit, and the cost in the same unit times 10^-9.
    fn net(&self, position: &Position, price: i128) -> (i128, i128) {
        let side = position.episode.key.side;
        let money = 10_i128.pow(u32::from(18 - self.rules.price_decimals - self.rules.qty_decimals));
        let (worth, cost) = (price * position.open, position.entry * position.open);
        let gross = sign(side) * (worth - cost) * money * ONE;
        (gross - position.fees * ONE - units(self.plan.taker_fee) * worth * money, cost * money)
    }

    /// Signal exit and time limit, if they hold.
    fn late_closes(
        &self,
        position: &Position,
        quote: PriceSource,
        is_signalled: bool,
        is_overdue: bool,
    ) -> Vec<(Reason, PriceSource)> {
        let Some(price) = self.price_of(quote) else { return Vec::new() };
        let (net, cost) = self.net(position, price);
        let mut holding = Vec::new();
        if let Some(rule) = self.plan.signal_exit
            && is_signalled
            && (rule.while_trailing || !position.trailing)
            && net >= units(rule.profit_min) * cost
        {
            holding.push((Reason::SignalExit, quote));
        }
        if let Some(rule) = self.plan.time_limit
            && is_overdue
        {
            let holds = match rule.only {
                None => true,
                Some(OnlyWhen::Below(share)) => net <= units(share) * cost,
                Some(OnlyWhen::Above(share)) => net >= units(share) * cost,
            };
            if holds {
                holding.push((Reason::TimeLimit, quote));
            }
        }
        holding
    }

    fn leg_level(&self, position: &Position, index: usize) -> Option<i128> {
        let side = position.episode.key.side;
        match self.plan.ladder.as_ref()?.legs[index].target {
            LegTarget::Share(share) => Some(self.target_share(side, position.entry, share)),
            LegTarget::R(multiple) => self.at_r(position, multiple),
            LegTarget::Price(price) => Some(self.later(side, i128::from(price.0))),
        }
    }

    /// The unfired legs `from..to` that the price has reached.
    fn legs_reached(&self, position: &Position, quote: PriceSource) -> (usize, usize) {
        let (Some(ladder), Some(price)) = (&self.plan.ladder, self.price_of(quote)) else { return (0, 0) };
        let side = position.episode.key.side;
        let from = (0..ladder.legs.len()).find(|leg| !position.legs_out[*leg]).unwrap_or(ladder.legs.len());
        let reached = |leg: &usize| {
            let level = self.leg_level(position, *leg);
            !position.legs_out[*leg] && level.is_some_and(|level| sign(side) * price >= sign(side) * level)
        };
        let to = from + (from..ladder.legs.len()).take_while(reached).count();
        if ladder.gap_policy == GapPolicy::All {
            return (from, to);
        }
        // The nearest legs that close something; the next wait for another price.
        let earlier = position.resting.iter().filter(|(leg, ..)| *leg <= from);
        let free = position.open - earlier.map(|(_, _, qty)| qty).sum::<i128>();
        let something = |to: &usize| self.legs_qty(position, from, *to, free) > 0;
        (from, (from + 1..=to).find(something).unwrap_or(to))
    }

    fn legs_qty(&self, position: &Position, from: usize, to: usize, open: i128) -> i128 {
        let Some(ladder) = &self.plan.ladder else { return 0 };
        let fractions = ladder.legs[from..to].iter().map(|leg| units(leg.fraction));
        let exact = match ladder.of {
            LegOf::Initial => (position.initial * fractions.sum::<i128>()).div_euclid(ONE).min(open),
            LegOf::Remaining => {
                // What is left of the left, in basis points.
                let bps = 10_000_i128;
                let left: i128 = fractions.clone().map(|fraction| bps - fraction / 100_000).product();
                open - ceil(open * left, bps.pow(u32::try_from(fractions.count()).expect("few legs")))
            }
        };
        let qty = self.closable(exact);
        if qty == 0 && from < to && to == ladder.legs.len() && ladder.single_lot == SingleLot::Close {
            return self.closable(open);
        }
        let rest = open - qty;
        let lot = i128::from(self.rules.lot_size.0);
        if ladder.sweep && qty > 0 && rest >= lot && self.closable(rest) == 0 {
            return self.closable(open);
        }
        if rest >= lot && self.closable(rest) == 0 {
            return self.closable(open - i128::from(self.rules.qty_min.0));
        }
        qty
    }

    fn closable(&self, qty: i128) -> i128 {
        let lot = i128::from(self.rules.lot_size.0);
        let lots = qty.div_euclid(lot) * lot;
        if lots < i128::from(self.rules.qty_min.0) { 0 } else { lots }
    }

    /// Soft legs rest from the opening on; one that rounds to nothing goes with the next.
    fn rest_soft_legs(&self, position: &mut Position) {
        let Some(ladder) = &self.plan.ladder else { return };
        let (mut left, mut from) = (position.open, 0);
        if ladder.legs.iter().all(|leg| leg.kind == LegKind::Hard) {
            return;
        }
        for to in 1..=ladder.legs.len() {
            let qty = self.legs_qty(position, from, to, left);
            if qty == 0 {
                continue;
            }
            left -= qty;
            if ladder.legs[to - 1].kind == LegKind::Soft
                && let Some(level) = self.leg_level(position, to - 1)
            {
                position.resting.push((to, level, qty));
                position.legs_out[from..to].fill(true);
            }
            from = to;
        }
    }

    fn trail_share(&self, side: Side, best: i128, share: Ratio) -> i128 {
        let tick = i128::from(self.rules.tick_size.0);
        let stop = match self.plan.rounding {
            Rounding::Directed => self.later(side, best - sign(side) * (best * units(share)).div_euclid(ONE)),
            // The best whole tick, and the distance rounded half up.
            Rounding::HalfUp => {
                self.stop_share(side, sign(side) * (sign(side) * best).div_euclid(tick) * tick, share)
            }
            Rounding::Double => panic!("not in these cases"),
        };
        // Never at its own extreme.
        looser(side, stop, best - sign(side) * tick)
    }

    fn trail_distance(&self, side: Side, best: i128, distance: i128) -> i128 {
        let tick = i128::from(self.rules.tick_size.0);
        looser(side, self.later(side, best - sign(side) * distance), best - sign(side) * tick)
    }

    /// The stop that the best price gives under the distance of the moment.
    fn trail_stop(&self, position: &Position, rule: &Trailing) -> i128 {
        let (side, best) = (position.episode.key.side, position.best);
        let distance = match rule.distance {
            Distance::Share(share) => {
                return self.trail_share(side, best, self.curved(position, rule, share));
            }
            Distance::Price(distance) => i128::from(distance),
            Distance::Atr { multiple, fallback } => match self.atr {
                Some(atr) => (atr * units(multiple)).div_euclid(ONE << 32),
                None => return self.trail_share(side, best, self.curved(position, rule, fallback)),
            },
        };
        let share_of_best = |share: Ratio| (best * units(share)).div_euclid(ONE);
        match (rule.distance_min, rule.distance_max) {
            (Some(min), _) if share_of_best(min) >= distance => self.trail_share(side, best, min),
            (_, Some(max)) if share_of_best(max) <= distance => self.trail_share(side, best, max),
            _ => self.trail_distance(side, best, distance),
        }
    }

    fn curved(&self, position: &Position, rule: &Trailing, widest: Ratio) -> Ratio {
        let side = position.episode.key.side;
        let mut share = widest;
        for point in &rule.curve {
            match self.at_r(position, point.r) {
                Some(level) if sign(side) * position.best >= sign(side) * level => share = point.share,
                _ => break,
            }
        }
        share
    }

    /// The trailing stop takes what the best price gives, if that is tighter.
    fn follow(&self, position: &mut Position) {
        let Some(rule) = &self.plan.trailing else { return };
        let stop = self.trail_stop(position, rule);
        let side = position.episode.key.side;
        position.trail = Some(position.trail.map_or(stop, |trail| tighter(side, trail, stop)));
    }

    fn activate(&self, position: &mut Position, price: i128) {
        let side = position.episode.key.side;
        let Some(activation) = self.plan.trailing.as_ref().and_then(|rule| rule.activation) else { return };
        let level = self.target_share(side, position.entry, activation);
        if sign(side) * price >= sign(side) * level {
            position.trailing = true;
            position.best = price;
            self.follow(position);
        }
    }

    fn step(&self, position: &mut Position) {
        let Some(rule) = &self.plan.trailing else { return };
        let (Some(step), Some(trail)) = (rule.step, position.trail) else { return };
        let least = match step {
            Distance::Share(share) => ceil(trail * units(share), ONE),
            Distance::Price(distance) => i128::from(distance),
            Distance::Atr { multiple, fallback } => match self.atr {
                Some(atr) => ceil(atr * units(multiple), ONE << 32),
                None => ceil(trail * units(fallback), ONE),
            },
        };
        let stop = self.trail_stop(position, rule);
        if sign(position.episode.key.side) * (stop - trail) >= least.max(1) {
            position.trail = Some(stop);
        }
    }
}

fn exit(at: usize, episode: EpisodeId, leg: usize, reason: Reason, qty: i128, price: i128) -> Exit {
    let narrow = |value: i128| i64::try_from(value).expect("a price or a quantity");
    let leg = u8::try_from(leg).expect("few legs");
    Exit { at, episode, leg, reason, qty: narrow(qty), price: narrow(price) }
}

fn sign(side: Side) -> i128 {
    match side {
        Side::Long => 1,
        Side::Short => -1,
    }
}

fn tighter(side: Side, a: i128, b: i128) -> i128 {
    if side == Side::Long { a.max(b) } else { a.min(b) }
}

fn looser(side: Side, a: i128, b: i128) -> i128 {
    if side == Side::Long { a.min(b) } else { a.max(b) }
}

fn units(ratio: Ratio) -> i128 {
    i128::from(ratio.0)
}

fn ceil(numerator: i128, denominator: i128) -> i128 {
    -(-numerator).div_euclid(denominator)
}

fn half_up(numerator: i128, denominator: i128) -> i128 {
    (2 * numerator + denominator).div_euclid(2 * denominator)
}

/// Stands in while a position is looked at.
fn nobody() -> Position {
    let key = PositionKey {
        account: ripcord_core::id::AccountId(u32::MAX),
        instrument: InstrumentId(u32::MAX),
        side: Side::Long,
    };
    Position {
        episode: EpisodeId { key, generation: 0 },
        plan: 0,
        initial: 0,
        open: 0,
        entry: 1,
        fees: 0,
        first_stop: None,
        stop: None,
        trailing: false,
        best: 0,
        trail: None,
        legs_out: [false; 4],
        resting: Vec::new(),
        closed: true,
        opened_at: 0,
        signalled_until: None,
    }
}
