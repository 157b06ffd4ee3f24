//! A seeded run of trades, as the core would record it: for tests, benches and trying queries.
//!
//! The same seed gives the same facts everywhere; nothing else is drawn. Positions of several
//! accounts and instruments are held at the same time, are added to, closed in parts, by orders
//! that fill in pieces, are refused or cancelled; some break even exactly, some leave dust.

use std::borrow::Cow;
use std::collections::VecDeque;

use ripcord_core::event::{Added, Entry, Filled, Opened, OrderEnd, Record};
use ripcord_core::id::{AccountId, EpisodeId, InstrumentId, OrderId, PlanId, PositionKey};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::num::{Money, Price, Qty, Ratio, Round};
use ripcord_core::order::{ExitOrder, OrderKind};
use ripcord_core::reason::{ExitType, Reason};
use ripcord_core::time::Timestamp;

use crate::fact::{Body, Fact, Method, PositionName};

/// Positions that are held at the same time.
const LANES: usize = 12;

/// 2025-11-01 00:00 UTC.
pub const START: Timestamp = Timestamp(1_761_955_200_000_000_000);

/// The fee of every order, in parts of its value.
const FEE: Ratio = Ratio(450_000);

/// Why positions are closed, and how often of a hundred.
const REASONS: [(Reason, u64); 8] = [
    (Reason::TakeProfit, 32),
    (Reason::SoftStop, 24),
    (Reason::TrailingStop, 16),
    (Reason::SignalExit, 12),
    (Reason::StopLoss, 8),
    (Reason::TimeLimit, 4),
    (Reason::HardStop, 3),
    (Reason::PanicClose, 1),
];

/// An endless run of records. The names of its positions come from [`Sample::name`].
#[derive(Debug, Clone)]
pub struct Sample {
    chance: u64,
    now: Timestamp,
    /// The longest time between two records, in nanoseconds.
    pause: u64,
    lanes: Vec<Lane>,
    /// Closing orders that traded so far.
    closings: u64,
}

#[derive(Debug, Clone)]
struct Lane {
    key: PositionKey,
    generation: u32,
    ahead: VecDeque<Record>,
}

/// A position while its records are drawn.
struct Held {
    episode: EpisodeId,
    open: i64,
    cost: i128,
    fees: Money,
}

/// The instruments of a sample, by their ids.
#[must_use]
pub fn instruments() -> [Instrument; 3] {
    let mut instruments = [("BTCUSDT", 2, 3), ("ETHUSDT", 2, 3), ("DOGEUSDT", 5, 0)]
        .map(|(symbol, price, qty)| Instrument::from_decimals(symbol, price, qty));
    instruments[0].lot_size = Qty(10);
    instruments
}

impl Sample {
    /// A run in which about `closings_per_day` orders close something each day.
    ///
    /// # Panics
    /// With less than one closing a day, or more than a thousand million.
    #[must_use]
    pub fn new(seed: u64, closings_per_day: u64) -> Self {
        assert!((1..=1_000_000_000).contains(&closings_per_day), "closings_per_day is {closings_per_day}");
        let lane = |number: usize| {
            let account = AccountId(u32::try_from(number / 3).expect("few lanes"));
            let instrument = InstrumentId(u32::try_from(number % 3).expect("few instruments"));
            let side = [Side::Long, Side::Short][number % 2];
            Lane { key: PositionKey { account, instrument, side }, generation: 0, ahead: VecDeque::new() }
        };
        // A closing order takes about five and a half records, and a pause is half its longest on average.
        let pause = 86_400_000_000_000 / (closings_per_day * 11 / 4).max(1);
        let lanes = (0..LANES).map(lane).collect();
        Self { chance: seed, now: START, pause: pause.max(1), lanes, closings: 0 }
    }

    /// Closing orders that traded, of the records that were drawn so far.
    #[must_use]
    pub const fn closings(&self) -> u64 {
        self.closings
    }

    /// What an episode's owner calls it.
    #[must_use]
    pub fn name(episode: EpisodeId) -> PositionName {
        let strategy = ["momentum", "reversal", "breakout"][episode.generation as usize % 3];
        PositionName {
            id: Some(crate::text::episode_id(episode)),
            strategy: Some(strategy.to_owned()),
            snapshot_id: Some(format!("snap-{}", episode.generation % 17)),
        }
    }

    /// Facts of the first `records` records, with instruments and names, from place 1 on.
    #[must_use]
    pub fn facts(self, records: usize, method: Method) -> Vec<Fact<'static>> {
        let mut bodies: Vec<(Timestamp, Body<'static>)> = Vec::new();
        for (number, rules) in (0..).zip(instruments()) {
            let body = Body::Instrument { id: InstrumentId(number), rules: Box::new(rules), method };
            bodies.push((START, body));
        }
        for Entry { at, record } in self.take(records) {
            let opened = if let Record::Opened(opened) = &record { Some(opened.episode) } else { None };
            bodies.push((at, Body::Record(Cow::Owned(record))));
            if let Some(episode) = opened {
                bodies.push((at, Body::Position { episode, name: Self::name(episode) }));
            }
        }
        (1..).zip(bodies).map(|(seq, (at, body))| Fact { seq, at, body }).collect()
    }

    /// SplitMix64: one number for each state, and states that are a fixed step apart.
    fn draw(&mut self, below: u64) -> u64 {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.chance;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % below
    }

    fn drawn(&mut self, below: i64) -> i64 {
        i64::try_from(self.draw(below.unsigned_abs())).expect("below an i64")
    }

    /// All records of the next episode of a lane.
    fn episode(&mut self, lane: usize) -> VecDeque<Record> {
        let lane = &mut self.lanes[lane];
        lane.generation += 1;
        let episode = EpisodeId { key: lane.key, generation: lane.generation };
        let rules = &instruments()[episode.key.instrument.0 as usize];
        let lot = rules.lot_size.0;
        let base = [6_000_000, 300_000, 18_000][episode.key.instrument.0 as usize];
        let entry = base + self.drawn(base / 10);
        let qty = lot * (10 + self.drawn(200));
        let fees = rules.notional(Price(entry), Qty(qty)).times(FEE, Round::Up);
        // One in fifty trades free of charge, so that some break even exactly.
        let is_free = self.draw(50) == 0;
        let fees = if is_free { Money::ZERO } else { fees };
        let mut held = Held { episode, open: qty, cost: i128::from(entry) * i128::from(qty), fees };
        let opened = Opened {
            episode,
            plan: PlanId(episode.key.instrument.0),
            qty: Qty(qty),
            entry: Price(entry),
            entry_fees: fees,
            stop: None,
        };
        let mut out = VecDeque::from([Record::Opened(Box::new(opened))]);
        if self.draw(6) == 0 {
            out.push_back(self.addition(&mut held, rules, entry, is_free));
        }
        let mut exit = 0;
        while held.open >= lot {
            exit += 1;
            self.exit(&mut held, rules, exit, (entry, is_free), &mut out);
        }
        out.push_back(Record::Closed { episode });
        out
    }

    fn addition(&mut self, held: &mut Held, rules: &Instrument, entry: i64, is_free: bool) -> Record {
        let price = entry - entry / 200 + self.drawn(entry / 100);
        // Not whole lots: what is left of them is dust.
        let qty = 1 + self.drawn(rules.lot_size.0 * 40);
        let fees = rules.notional(Price(price), Qty(qty)).times(FEE, Round::Up);
        let fees = if is_free { Money::ZERO } else { fees };
        held.open += qty;
        held.cost += i128::from(price) * i128::from(qty);
        held.fees += fees;
        let average = Round::HalfUp.divide(held.cost, i128::from(held.open));
        Record::Added(Box::new(Added {
            episode: held.episode,
            qty: Qty(qty),
            price: Price(price),
            fees,
            open: Qty(held.open),
            entry: Price(i64::try_from(average).expect("between two prices")),
        }))
    }

    /// One exit: perhaps refused at first, then filled in one to three pieces, perhaps cancelled.
    fn exit(
        &mut self,
        held: &mut Held,
        rules: &Instrument,
        exit: u16,
        (entry, is_free): (i64, bool),
        out: &mut VecDeque<Record>,
    ) {
        let reason = self.reason();
        let leg = if reason == Reason::TakeProfit { u8::try_from(exit.min(4)).expect("few legs") } else { 0 };
        let lots = held.open / rules.lot_size.0;
        let ordered = if leg > 0 && lots > 3 { lots / 2 } else { lots } * rules.lot_size.0;
        let price = self.price(reason, held.episode.key.side, entry, is_free);
        let kind = if leg > 0 { OrderKind::RestingLimit(Price(price)) } else { OrderKind::Market };
        let id = OrderId { episode: held.episode, exit, leg, slice: 0, attempt: 0 };
        let mut order = ExitOrder { id, qty: Qty(ordered), kind, trigger: Price(price), reason };
        if self.draw(20) == 0 {
            out.push_back(Record::OrderIntended(Box::new(order)));
            out.push_back(Record::OrderEnded { id, how: OrderEnd::Refused });
            order.id.attempt = 1;
        }
        out.push_back(Record::OrderIntended(Box::new(order)));
        out.push_back(Record::OrderAccepted(order.id));
        let mut rest = ordered;
        for piece in (0..=self.draw(3)).rev() {
            let lots = rest / rules.lot_size.0;
            if lots == 0 {
                break;
            }
            let qty = if piece == 0 { rest } else { (1 + self.drawn(lots)) * rules.lot_size.0 };
            rest -= qty;
            out.push_back(self.fill(held, rules, &order, qty, is_free));
        }
        if rest > 0 {
            out.push_back(Record::OrderEnded { id: order.id, how: OrderEnd::Cancelled });
        }
    }

    fn fill(
        &mut self,
        held: &mut Held,
        rules: &Instrument,
        order: &ExitOrder,
        qty: i64,
        is_free: bool,
    ) -> Record {
        let price = if is_free { order.trigger } else { Price(order.trigger.0 - 3 + self.drawn(7)) };
        let fee = rules.notional(price, Qty(qty)).times(FEE, Round::Up);
        let (part, of) = (i128::from(qty), i128::from(held.open));
        let share =
            |whole: i128| whole.div_euclid(of) * part + Round::HalfUp.divide(whole.rem_euclid(of) * part, of);
        let (cost, entry_fees) = (share(held.cost), Money(share(held.fees.0)));
        held.cost -= cost;
        held.fees = held.fees - entry_fees;
        held.open -= qty;
        Record::Filled(Box::new(Filled {
            id: order.id,
            reason: order.reason,
            source: order.reason.source(),
            exit_type: if order.id.leg > 0 { ExitType::Limit } else { ExitType::Market },
            trigger: order.trigger,
            qty: Qty(qty),
            price,
            fee: if is_free { Money::ZERO } else { fee },
            cost,
            entry_fees,
            funding: if self.draw(9) == 0 && !is_free {
                Money(i128::from(self.drawn(2_000)) * 10_i128.pow(14))
            } else {
                Money::ZERO
            },
            remaining: Qty(held.open),
        }))
    }

    fn reason(&mut self) -> Reason {
        let mut drawn = self.draw(100);
        for (reason, weight) in REASONS {
            if drawn < weight {
                return reason;
            }
            drawn -= weight;
        }
        Reason::Unknown
    }

    /// The price that a reason closes at: stops lose, targets win, and a free trade breaks even.
    fn price(&mut self, reason: Reason, side: Side, entry: i64, is_free: bool) -> i64 {
        if is_free {
            return entry;
        }
        let permille = match reason {
            Reason::TakeProfit => 20 + self.drawn(40),
            Reason::SoftStop | Reason::StopLoss => -(25 + self.drawn(15)),
            Reason::HardStop => -(50 + self.drawn(20)),
            Reason::TrailingStop => self.drawn(60) - 10,
            Reason::SignalExit | Reason::TimeLimit | Reason::PanicClose => self.drawn(40) - 20,
            Reason::Manual
            | Reason::LossGuard
            | Reason::ProtectionFailed
            | Reason::Liquidation
            | Reason::Adl
            | Reason::Settlement
            | Reason::Unknown => 0,
        };
        entry + side.sign() * permille * (entry / 1_000)
    }
}

impl Iterator for Sample {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let lane = usize::try_from(self.draw(LANES as u64)).expect("few lanes");
        if self.lanes[lane].ahead.is_empty() {
            self.lanes[lane].ahead = self.episode(lane);
        }
        self.now = Timestamp(self.now.0 + 1 + self.drawn(i64::try_from(self.pause).expect("at most a day")));
        let record = self.lanes[lane].ahead.pop_front()?;
        // The first fill of an order makes it a closing one.
        if let Record::OrderAccepted(_) = &record {
            self.closings += 1;
        }
        Some(Entry { at: self.now, record })
    }
}
