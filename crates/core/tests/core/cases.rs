//! Random worlds: instruments, plans, and a script of prices and openings.

use ripcord_core::account::{AccountMode, ClosedBy, Managed, Management};
use ripcord_core::bars::BarOrigin;
use ripcord_core::event::{Addition, Command, Event, Filled, Opening, Probe, Record, VenueEvent};
use ripcord_core::id::{AccountId, EpisodeId, InstrumentId, PlanId, PositionKey};
use ripcord_core::instrument::{Instrument, MarketKind, Side};
use ripcord_core::kill::KillLevel;
use ripcord_core::market::{Bar, PriceSource};
use ripcord_core::num::{Money, Price, Qty, Ratio};
use ripcord_core::order::TriggerSource;
use ripcord_core::pacing::OrderBudget;
use ripcord_core::plan::ladder::LegTarget;
use ripcord_core::plan::trailing::CurvePoint;
use ripcord_core::plan::{
    AtrSpec, Basis, Bracket, Distance, Dynamic, ExitStyle, GapPolicy, Ladder, Leg, LegKind, LegOf,
    Liquidation, LossLimit, OnlyWhen, Plan, Pnl, Ratchet, Rounding, SignalExit, SingleLot, StopLoss,
    TimeLimit, Trailing,
};
use ripcord_core::time::{Span, Timestamp};

use crate::random::Random;
use crate::venue::Mood;
use crate::world::World;

#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub(crate) markets: Vec<(Instrument, Vec<PriceSource>)>,
    pub(crate) plans: Vec<Plan>,
    pub(crate) bars: BarOrigin,
    /// What happens, each at its time.
    pub(crate) script: Vec<(Timestamp, Move)>,
}

#[derive(Debug, Clone)]
pub(crate) enum Move {
    Price(InstrumentId, PriceSource, Price),
    Open(Opening),
    /// More of a position is bought, if it is held.
    Add(Addition),
    Event(Event),
    /// Somebody trades by hand: the position becomes this large, at this entry. Nobody is told.
    ByHand(PositionKey, Qty, Option<Price>),
    /// The venue, or somebody, closes part of a position and tells of it.
    Outside(PositionKey, Qty, ClosedBy),
    /// The venue's temper changes.
    Mood(Mood, Span),
}

/// A fill, by the number of the move that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Exit {
    pub(crate) at: usize,
    pub(crate) episode: EpisodeId,
    pub(crate) leg: u8,
    pub(crate) reason: ripcord_core::reason::Reason,
    pub(crate) qty: i64,
    pub(crate) price: i64,
}

impl Exit {
    pub(crate) fn of(at: usize, filled: &Filled) -> Self {
        let episode = filled.id.episode;
        Self {
            at,
            episode,
            leg: filled.id.leg,
            reason: filled.reason,
            qty: filled.qty.0,
            price: filled.price.0,
        }
    }
}

const START: i64 = 1_760_000_000_000_000_000;

impl Case {
    pub(crate) fn random(random: &mut Random, moves: i64) -> Self {
        let markets: Vec<_> = (0..random.within(1, 3)).map(|n| market(random, n)).collect();
        let mut bases: Vec<i64> = markets
            .iter()
            .map(|(instrument, _)| random.within(400, 20_000) * instrument.tick_size.0 * random.pick(&[1, 5]))
            .collect();
        let mut plans = Vec::new();
        for _ in 0..random.within(1, 6) {
            let n = random.within(0, markets.len() as i64 - 1) as usize;
            plans.push(plan(random, InstrumentId(n as u32), &markets[n].0, bases[n]));
        }
        let mut script = Vec::new();
        let mut now = START + random.within(0, 100) * 1_000_000_000;
        for (n, base) in bases.iter().enumerate() {
            let first = Move::Price(InstrumentId(n as u32), PriceSource::Last, Price(*base));
            script.push((Timestamp(now), first));
        }
        let openings = random.within(1, 30);
        let wild = random.pick(&[10, 40, 150]);
        while script.len() < moves as usize {
            now += random.pick(&[0, 1, 1, 2, 5, 8, 40]) * 1_000_000_000;
            let at = Timestamp(now);
            if random.within(0, moves) < openings {
                let n = random.within(0, plans.len() as i64 - 1) as usize;
                let instrument = plans[n].instrument;
                let opening = opening(
                    random,
                    PlanId(n as u32),
                    instrument,
                    bases[instrument.0 as usize],
                    &markets[instrument.0 as usize].0,
                );
                script.push((at, Move::Open(opening)));
                continue;
            }
            let n = random.within(0, markets.len() as i64 - 1) as usize;
            let tick = markets[n].0.tick_size.0;
            // Mostly a walk, sometimes a gap, often nothing.
            let bps = match random.within(0, 9) {
                0..3 => 0,
                3 => random.within(-wild * 5, wild * 5),
                _ => random.within(-wild, wild),
            };
            bases[n] = ((bases[n] + bases[n] * bps / 10_000) / tick * tick).max(tick * 100);
            let source = random.pick(&markets[n].1);
            let price = match source {
                PriceSource::Last => bases[n],
                PriceSource::Bid => bases[n] - tick,
                PriceSource::Ask => bases[n] + tick,
                PriceSource::Mark | PriceSource::Index => bases[n] + random.within(-7, 7),
            };
            script.push((at, Move::Price(InstrumentId(n as u32), source, Price(price))));
        }
        Self { markets, plans, bars: BarOrigin::Ticks, script }
    }

    /// The same, with signals, time limits, orders by hand and every choice of a ladder; all exits go to
    /// the market.
    pub(crate) fn standing(random: &mut Random, moves: i64) -> Self {
        let mut case = Self::random(random, moves);
        for plan in &mut case.plans {
            let leverage = plan.leverage;
            late_rules(random, plan);
            (plan.liquidation, plan.rebase, plan.leverage) = (None, false, leverage);
            plan.bracket = None;
            if let Some(rule) = &mut plan.signal_exit {
                (rule.exit, rule.worst, rule.expires_after) = (ExitStyle::Market, None, None);
            }
            if let Some(rule) = &mut plan.time_limit {
                (rule.exit, rule.worst, rule.expires_after) = (ExitStyle::Market, None, None);
            }
            if let Some(ladder) = &mut plan.ladder {
                (ladder.worst, ladder.expires_after, ladder.dynamic) = (None, None, None);
            }
        }
        for at in (0..case.script.len()).rev() {
            let command = case.change(random, at).or_else(|| {
                let key = case.script[..=at].iter().rev().find_map(|(_, what)| match what {
                    Move::Open(opening) => Some(opening.key),
                    _ => None,
                });
                let close = |key| Move::Event(Event::Command(Command::Close { key, qty: None }));
                key.filter(|_| random.one_in(80)).map(close)
            });
            if let Some(Move::Event(Event::Command(
                Command::Signal { .. } | Command::Close { qty: None, .. },
            ))) = &command
            {
                let now = case.script[at].0;
                case.script.insert(at + 1, (now, command.expect("just looked at")));
            }
        }
        case
    }

    /// The same, with a venue that misbehaves, late clocks, commands and funding.
    pub(crate) fn wild(random: &mut Random, moves: i64) -> Self {
        let mut case = Self::random(random, moves);
        case.bars = random.pick(&[BarOrigin::Ticks, BarOrigin::Bars]);
        for (rules, _) in &mut case.markets {
            rules.kind = random.pick(&[MarketKind::Futures, MarketKind::Futures, MarketKind::Spot]);
            let most = random.within(60, 400) * 100;
            rules.market_qty_max = Qty(random.pick(&[0, 0, most]));
        }
        for plan in &mut case.plans {
            late_rules(random, plan);
        }
        case.reads(random);
        for at in (0..case.script.len()).rev() {
            let (now, what) = &case.script[at];
            let (now, key) = match what {
                Move::Open(opening) => (*now, Some(opening.key)),
                _ => (*now, None),
            };
            let change = case.change(random, at);
            if let Some(change) = change {
                case.script.insert(at + 1, (now, change));
            }
            let extra = match random.within(0, 24) {
                0 | 1 => Some(mood(random)),
                2 => key.map(|key| Move::Event(Event::Command(Command::Close { key, qty: None }))),
                3 => key.map(|key| Move::Event(Event::Command(Command::Panic(key.account)))),
                8 => key.map(|key| {
                    let level = random.pick(&[None, None, Some(0), Some(1), Some(2), Some(3)]);
                    let level = level.map(|at: usize| KillLevel::ALL[at]);
                    let confirmed = random.one_in(2);
                    Move::Event(Event::Command(Command::Kill { account: key.account, level, confirmed }))
                }),
                9 => key.map(|key| {
                    let account = key.account;
                    Move::Event(Event::Command(Command::Budget { account, budget: budget(random) }))
                }),
                4 => key.map(|key| {
                    let amount = Money(i128::from(random.within(-1_000, 1_000)) * 1_000_000_000_000);
                    Move::Event(Event::Venue(VenueEvent::FundingPaid(key, Box::new(amount))))
                }),
                5..8 if case.bars == BarOrigin::Bars => {
                    let n = random.within(0, case.markets.len() as i64 - 1) as u32;
                    let span = Span::from_secs(10);
                    let start = Timestamp(now.0.div_euclid(span.0) * span.0 - span.0);
                    let low = random.within(1_000, 100_000);
                    let (high, close) = (low + random.within(0, low / 50), low);
                    let [high, low, close] = [high, low, close].map(Price);
                    Some(Move::Event(Event::Bar(Bar {
                        instrument: InstrumentId(n),
                        span,
                        start,
                        high,
                        low,
                        close,
                    })))
                }
                _ => None,
            };
            if let Some(extra) = extra {
                case.script.insert(at + 1, (now, extra));
            }
        }
        case
    }

    /// Accounts are managed, read, and traded past us.
    fn reads(&mut self, random: &mut Random) {
        if random.one_in(3) {
            return;
        }
        let keys: Vec<PositionKey> = self.script.iter().filter_map(|(_, what)| opened_key(what)).collect();
        for at in (0..self.script.len()).rev() {
            let (now, key) = (self.script[at].0, opened_key(&self.script[at].1));
            let what = match (key, random.within(0, 30)) {
                (Some(key), 0..20) => Some(self.manage(random, key.account)),
                (None, 0..2) if !keys.is_empty() => Some(past_us(random, &keys)),
                (None, 2) if !keys.is_empty() => {
                    let (key, keeps_stop) = (random.pick(&keys), random.one_in(2));
                    let command = if random.one_in(2) {
                        Command::Release { key, keeps_stop }
                    } else {
                        Command::HandOver { key }
                    };
                    Some(Move::Event(Event::Command(command)))
                }
                _ => None,
            };
            if let Some(what) = what {
                self.script.insert(at + 1, (now, what));
            }
        }
    }

    pub(crate) fn manage(&self, random: &mut Random, account: AccountId) -> Move {
        let mode =
            random.pick(&[AccountMode::Hedge, AccountMode::Hedge, AccountMode::Net, AccountMode::Spot]);
        let plan_of = |n: usize| {
            let of = |plan: &Plan| plan.instrument.0 as usize == n;
            self.plans.iter().position(of).map(|at| (InstrumentId(n as u32), PlanId(at as u32)))
        };
        let listed = (0..self.markets.len()).filter_map(plan_of);
        let grant = (mode == AccountMode::Spot).then(|| Qty(random.within(1, 100_000)));
        let instruments = listed.map(|(instrument, plan)| Managed { instrument, plan, grant }).collect();
        let given = Management {
            account,
            mode,
            instruments,
            read_every: Some(Span::from_secs(random.within(1, 30))),
            confirm_after: Span::from_secs(random.within(1, 5)),
        };
        Move::Event(Event::Command(Command::Manage(Box::new(given))))
    }

    /// Something that somebody asks for about a position that was opened before move `at`.
    fn change(&self, random: &mut Random, at: usize) -> Option<Move> {
        let opened = self.script[..=at].iter().filter_map(|(_, what)| match what {
            Move::Open(opening) => Some(*opening),
            _ => None,
        });
        let opened: Vec<Opening> = opened.collect();
        if opened.is_empty() {
            return None;
        }
        let of = random.pick(&opened);
        let key = of.key;
        let near = Price(of.entry.0 + of.entry.0 * random.within(-300, 300) / 10_000);
        let command = match random.within(0, 60) {
            0 | 1 => {
                let qty = Qty(random.within(0, of.qty.0 * 2));
                let fees = Money(i128::from(random.pick(&[0, 77])) * 1_000_000_000_000);
                return Some(Move::Add(Addition { key, qty, price: near, fees }));
            }
            2 => Command::Close { key, qty: Some(Qty(random.within(0, of.qty.0))) },
            3 | 4 => Command::MoveStop { key, to: near },
            5 | 6 => {
                let plan = random.within(0, self.plans.len() as i64) as u32;
                Command::ChangePlan { key, plan: PlanId(plan) }
            }
            7..10 => {
                let at = Timestamp(self.script[at].0.0 - random.within(0, 30) * 1_000_000_000);
                Command::Signal { key, at }
            }
            10 => return Some(Move::Event(Event::Venue(VenueEvent::LiquidationAt(key, near)))),
            _ => return None,
        };
        Some(Move::Event(Event::Command(command)))
    }

    /// The world before the first move.
    pub(crate) fn world(&self) -> World {
        let mut world = World::new();
        world.venue.is_read = true;
        for (instrument, sources) in &self.markets {
            let id = world.core.add_instrument(instrument.clone(), sources, self.bars);
            world.venue.list(id.expect("a sound instrument"), instrument);
        }
        for plan in &self.plans {
            world.core.add_plan(plan.clone()).expect("its instrument is there");
        }
        world
    }

    /// Plays one move.
    pub(crate) fn play(&self, world: &mut World, at: usize) {
        let (now, what) = &self.script[at];
        world.now = *now;
        while world.core.next_deadline() <= *now {
            world.now = world.core.next_deadline();
            world.handle(Event::Timer);
        }
        world.now = *now;
        match what {
            Move::Price(instrument, source, price) => world.price(*instrument, *source, *price, Probe::TICK),
            Move::Open(opening) => world.open(*opening),
            Move::Add(addition) => world.add(*addition),
            Move::Event(event) => world.handle(event.clone()),
            Move::Mood(mood, lag) => {
                world.venue.mood = mood.clone();
                world.lag = *lag;
            }
            Move::ByHand(key, qty, entry) => world.venue.by_hand(*key, *qty, *entry),
            Move::Outside(key, qty, by) => {
                world.venue.close_outside(*key, *qty, *by);
                world.deliver();
            }
        }
    }

    /// The exits of a world that plays the whole script.
    pub(crate) fn exits(&self, world: &mut World) -> Vec<Exit> {
        let mut exits = Vec::new();
        for at in 0..self.script.len() {
            let before = world.records.len();
            self.play(world, at);
            exits.extend(world.records[before..].iter().filter_map(|entry| match &entry.record {
                Record::Filled(filled) => Some(Exit::of(at, filled)),
                _ => None,
            }));
        }
        exits.sort_unstable();
        exits
    }
}

fn opened_key(what: &Move) -> Option<PositionKey> {
    match what {
        Move::Open(opening) => Some(opening.key),
        _ => None,
    }
}

fn past_us(random: &mut Random, keys: &[PositionKey]) -> Move {
    let (key, qty) = (random.pick(keys), Qty(random.pick(&[0, 0, 1, 1_000, 77_777])));
    if random.one_in(2) {
        let entry = random.one_in(2).then(|| Price(random.within(1_000, 100_000)));
        return Move::ByHand(key, qty, entry);
    }
    let by = [ClosedBy::Hand, ClosedBy::Liquidation, ClosedBy::Adl, ClosedBy::Settlement];
    Move::Outside(key, qty, random.pick(&by))
}

/// Rules that the oracle does not know: signals, time limits, liquidation, bounds of an exit.
fn late_rules(random: &mut Random, plan: &mut Plan) {
    let exit = |random: &mut Random| {
        let limit = ExitStyle::MarketableLimit { offset: Ratio::ZERO, market_after: Span::from_secs(10) };
        random.pick(&[ExitStyle::Market, limit])
    };
    let worst = |random: &mut Random| random.one_in(3).then(|| Ratio::from_bps(random.within(1, 50)));
    let expires = |random: &mut Random| random.one_in(3).then(|| Span::from_secs(random.within(1, 20)));
    plan.rebase = random.one_in(8);
    if random.one_in(2) {
        plan.signal_exit = Some(SignalExit {
            ttl: Span::from_secs(random.within(1, 60)),
            profit_min: Ratio::from_bps(random.within(-100, 100)),
            while_trailing: random.one_in(2),
            exit: exit(random),
            worst: worst(random),
            expires_after: expires(random),
        });
    }
    if random.one_in(3) {
        let share = Ratio::from_bps(random.within(-100, 100));
        plan.time_limit = Some(TimeLimit {
            after: Span::from_secs(random.within(1, 100)),
            only: random.pick(&[None, Some(OnlyWhen::Below(share)), Some(OnlyWhen::Above(share))]),
            exit: exit(random),
            worst: worst(random),
            expires_after: expires(random),
        });
    }
    if random.one_in(6) {
        let [maintenance, buffer] = [random.within(0, 100), random.within(0, 100)].map(Ratio::from_bps);
        plan.liquidation = Some(Liquidation { maintenance, buffer });
        plan.leverage = Ratio(random.pick(&[1, 10, 50]) * Ratio::ONE.0);
    }
    if random.one_in(2) {
        let patience = Span::from_millis(random.pick(&[500, 1_500, 30_000]));
        let trigger = random.pick(&[TriggerSource::Last, TriggerSource::Last, TriggerSource::Mark]);
        plan.bracket = Some(Bracket { band: Ratio::from_bps(random.within(0, 40)), patience, trigger });
    }
    if let Some(ladder) = &mut plan.ladder {
        ladder.gap_policy = random.pick(&[GapPolicy::All, GapPolicy::One]);
        ladder.single_lot = random.pick(&[SingleLot::Hold, SingleLot::Close]);
        ladder.sweep = random.one_in(4);
        let shares = |leg: &Leg| match leg.target {
            LegTarget::Share(share) => Some(share),
            LegTarget::R(_) | LegTarget::Price(_) => None,
        };
        let targets: Vec<Ratio> = ladder.legs.iter().filter_map(shares).collect();
        if let (Ok(targets), true) = (targets.try_into(), ladder.legs.len() == 3) {
            let fractions = [ladder.legs[0], ladder.legs[1], ladder.legs[2]].map(|leg| leg.fraction);
            let follows = random.one_in(2);
            ladder.dynamic = follows.then_some(Dynamic { targets, fractions, follows, ..Dynamic::DEFAULT });
            plan.atr = plan.atr.or(Some(AtrSpec { bar: Span::from_secs(10), period: 2 }));
        }
        ladder.worst = worst(random);
        ladder.expires_after = expires(random);
    }
}

fn mood(random: &mut Random) -> Move {
    let mut mood = Mood { unread: random.one_in(6), ..Mood::default() };
    match random.within(0, 12) {
        8 => mood.lose = random.within(1, 3) as u32,
        9 => mood.blind = true,
        10 => mood.mute = true,
        11 => mood.keep = random.within(1, 3) as u32,
        12 => mood.ban = random.within(1, 6) as u32,
        0 => mood.refuse = random.within(1, 6) as u32,
        1 => mood.delay = random.within(1, 8) as u32,
        2 => mood.cancel_delay = random.within(1, 8) as u32,
        3 => mood.part = random.within(1, 5_000),
        4 => mood.drop = random.within(1, 3) as u32,
        5 => mood.double = true,
        6 => mood.thin = true,
        7 if random.one_in(2) => mood.stuck = true,
        _ => {}
    }
    Move::Mood(mood, Span::from_millis(random.pick(&[0, 0, 700, 2_000])))
}

fn market(random: &mut Random, n: i64) -> (Instrument, Vec<PriceSource>) {
    let mut instrument = Instrument::from_decimals(&format!("M{n}"), 2, 3);
    instrument.tick_size = Price(random.pick(&[1, 5]));
    instrument.lot_size = Qty(random.pick(&[1, 10, 100]));
    instrument.qty_min = Qty(random.pick(&[0, 0, 3]) * instrument.lot_size.0);
    let mut sources = vec![PriceSource::Last];
    if random.one_in(2) {
        sources.extend([PriceSource::Bid, PriceSource::Ask]);
    }
    if random.one_in(2) {
        sources.push(PriceSource::Mark);
    }
    (instrument, sources)
}

fn opening(
    random: &mut Random,
    plan: PlanId,
    instrument: InstrumentId,
    base: i64,
    rules: &Instrument,
) -> Opening {
    let account = AccountId(random.within(0, 15) as u32);
    let side = random.pick(&[Side::Long, Side::Short]);
    let qty = if random.one_in(4) {
        random.within(1, 30) * rules.lot_size.0 / random.pick(&[1, 2])
    } else {
        random.within(1, 100_000)
    };
    let entry = base + base * random.within(-30, 30) / 10_000 + random.within(-3, 3);
    Opening {
        key: PositionKey { account, instrument, side },
        plan,
        qty: Qty(qty.max(1)),
        entry: Price(entry.max(1)),
        entry_fees: Money(i128::from(random.within(0, 1_000_000_000)) * 1_000_000_000),
    }
}

fn share(random: &mut Random, from_bps: i64, to_bps: i64) -> Ratio {
    if random.one_in(4) {
        Ratio(random.within(from_bps * 100_000, to_bps * 100_000))
    } else {
        Ratio::from_bps(random.within(from_bps, to_bps))
    }
}

fn exit(random: &mut Random) -> ExitStyle {
    random.pick(&[ExitStyle::Market, ExitStyle::MARKETABLE])
}

fn distance(random: &mut Random, base: i64) -> Distance {
    match random.within(0, 2) {
        0 => Distance::Share(share(random, 10, 300)),
        1 => Distance::Price(random.within(base / 1_000 + 1, base / 40 + 2)),
        _ => Distance::Atr {
            multiple: Ratio(random.within(500_000_000, 4_000_000_000)),
            fallback: share(random, 20, 300),
        },
    }
}

fn loss_limit(random: &mut Random, from: i64, to: i64) -> Option<LossLimit> {
    random.one_in(2).then(|| LossLimit {
        share: share(random, from, to),
        basis: random.pick(&[Basis::Price, Basis::Price, Basis::Margin]),
        pnl: random.pick(&[Pnl::Gross, Pnl::Net]),
        source: random.pick(&[
            None,
            None,
            Some(PriceSource::Last),
            Some(PriceSource::Mark),
            Some(PriceSource::Bid),
        ]),
        exit: exit(random),
    })
}

fn trailing(random: &mut Random, base: i64, has_stop: bool) -> Trailing {
    let distance = distance(random, base);
    let is_share = matches!(distance, Distance::Share(_));
    let bounded = !is_share && random.one_in(2);
    let min = (bounded && random.one_in(2)).then(|| share(random, 5, 80));
    let max = (bounded && random.one_in(2)).then(|| share(random, 80, 300));
    let mut curve = Vec::new();
    if let (Distance::Share(widest), true, true) = (distance, has_stop, random.one_in(2)) {
        let (mut r, mut share) = (Ratio(random.within(200_000_000, 1_500_000_000)), widest);
        for _ in 0..random.within(1, 3) {
            share = Ratio((share.0 * random.within(30, 95) / 100).max(1));
            curve.push(CurvePoint { r, share });
            r = Ratio(r.0 + random.within(100_000_000, 2_000_000_000));
        }
    }
    let step = random.one_in(3).then(|| match random.within(0, 2) {
        0 => Distance::Share(share(random, 1, 60)),
        1 => Distance::Price(random.within(1, base / 200 + 2)),
        _ => Distance::Atr { multiple: share(random, 500, 9_000), fallback: share(random, 1, 60) },
    });
    let later = share(random, 1, 150);
    Trailing {
        activation: random.pick(&[None, Some(Ratio::ZERO), Some(later)]),
        distance,
        distance_min: min,
        distance_max: max,
        step,
        curve,
        exit: exit(random),
    }
}

fn ladder(random: &mut Random, base: i64, has_stop: bool) -> Ladder {
    let by_r = has_stop && random.one_in(3);
    let mut at = Ratio::ZERO;
    let mut legs = Vec::new();
    for _ in 0..random.within(1, 4) {
        let step = if by_r { random.within(100_000_000, 1_000_000_000) } else { share(random, 5, 120).0 };
        at = Ratio(at.0 + step);
        legs.push(Leg {
            target: if by_r { LegTarget::R(at) } else { LegTarget::Share(at) },
            fraction: Ratio::from_bps(random.within(1, 100) * random.pick(&[1, 10, 100])),
            kind: random.pick(&[LegKind::Hard, LegKind::Soft]),
        });
    }
    if legs.len() == 1 && random.one_in(2) {
        legs[0].target = LegTarget::Price(Price((base + base * random.within(-100, 100) / 10_000).max(1)));
    }
    let of = random.pick(&[LegOf::Remaining, LegOf::Initial]);
    let sum: i64 = legs.iter().map(|leg| leg.fraction.0).sum();
    if of == LegOf::Initial && sum > Ratio::ONE.0 {
        // A plan may not promise more than the whole; here in whole basis points.
        for leg in &mut legs {
            let bps = leg.fraction.0 / 100_000 * 10_000 / (sum / 100_000);
            leg.fraction = Ratio::from_bps(bps.max(1));
        }
    }
    Ladder::new(legs, of)
}

fn plan(random: &mut Random, instrument: InstrumentId, rules: &Instrument, base: i64) -> Plan {
    let stop_loss = random.one_in(2).then(|| StopLoss {
        distance: distance(random, base),
        source: random.pick(&[None, None, Some(PriceSource::Mark)]),
        exit: exit(random),
        ..StopLoss::at(Distance::Price(1))
    });
    let has_stop = stop_loss.is_some();
    let ladder = (random.within(0, 2) > 0).then(|| ladder(random, base, has_stop));
    let offset = share(random, 0, 60);
    let ratchet = (ladder.is_some() && random.one_in(2)).then(|| Ratchet {
        offset: ripcord_core::plan::RatchetOffset::Share(random.pick(&[Ratio::ZERO, offset])),
        legs_max: random.within(0, 4) as u8,
    });
    let mut plan = Plan {
        name: rules.symbol.clone(),
        instrument,
        rounding: random.pick(&[Rounding::Directed, Rounding::HalfUp]),
        leverage: Ratio(random.pick(&[1_000_000_000, 2_000_000_000, 3_000_000_000, 12_500_000_000])),
        taker_fee: share(random, 0, 10),
        atr: Some(AtrSpec {
            bar: Span::from_secs(random.pick(&[20, 60])),
            period: random.within(1, 3) as u16,
        }),
        hard_stop: loss_limit(random, 150, 900),
        loss_guard: loss_limit(random, 100, 700),
        stop_loss,
        soft_stop: loss_limit(random, 50, 500),
        trailing: (random.within(0, 2) > 0).then(|| trailing(random, base, has_stop)),
        ladder,
        ratchet,
        ..Plan::empty("", instrument)
    };
    if !plan.uses_atr() {
        plan.atr = None;
    }
    plan
}

/// A budget that bites now and then, one that cannot be meant, or none.
fn budget(random: &mut Random) -> Option<OrderBudget> {
    if random.one_in(4) {
        return None;
    }
    Some(OrderBudget {
        orders: u32::try_from(random.within(0, 12)).expect("small"),
        window: Span::from_secs(random.pick(&[1, 10, 300])),
        reserve: Ratio::from_bps(random.pick(&[0, 3_000, 9_000])),
        pause: Span::from_secs(random.pick(&[0, 2, 30])),
    })
}
