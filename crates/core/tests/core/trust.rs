//! Prices that are late, wrong, alone or missing, in random worlds: what may act on them, by plain
//! loops that share nothing with the engine; and that journal, restart and leap stay exact.

use std::collections::BTreeMap;

use ripcord_core::Coordinator;
use ripcord_core::cell::CellId;
use ripcord_core::event::{Command, Event, Observed, Outbox, Probe, Record};
use ripcord_core::id::{AccountId, InstrumentId, PositionKey};
use ripcord_core::instrument::Side;
use ripcord_core::market::PriceSource;
use ripcord_core::num::{Price, Ratio};
use ripcord_core::plan::{ExitStyle, LegKind, PriceRules};
use ripcord_core::reason::Reason;
use ripcord_core::time::{Span, Timestamp};

use crate::cases::{Case, Exit, Move};
use crate::oracle::Oracle;
use crate::properties::{Played, flush, tell, through_text};
use crate::random::Random;
use crate::venue::Mood;

mod emergency;

const MS: i64 = 1_000_000;

/// A wild world whose prices come faster, jump, and are late, early or out of order. A clock that varies
/// makes the age of a source vary with what was seen of it, so silence is watched where it does not.
fn doubtful(seed: u64) -> Case {
    let random = &mut Random::new(seed);
    let mut case = Case::wild(random, 150);
    let varies = random.one_in(2);
    for plan in &mut case.plans {
        plan.prices = price_rules(random, varies);
    }
    let faster = random.pick(&[1, 10, 50]);
    let start = case.script[0].0.0;
    for (at, _) in &mut case.script {
        *at = Timestamp(start + (at.0 - start) / faster);
    }
    for at in (1..case.script.len()).rev() {
        let (now, what) = &case.script[at];
        let now = *now;
        if let Move::Mood(mood, _) = what {
            let lags = if varies { [0, 0, 700, 4_000, 20_000, -900, -5_000] } else { [0; 7] };
            let lag = Span(random.pick(&lags) * MS);
            case.script[at].1 = Move::Mood(mood.clone(), lag);
        } else if let Move::Price(instrument, source, price) = *what {
            bad_prints(random, &mut case, at, now, (instrument, source, price));
        }
    }
    case
}

fn bad_prints(
    random: &mut Random,
    case: &mut Case,
    at: usize,
    now: Timestamp,
    (instrument, source, price): (InstrumentId, PriceSource, Price),
) {
    if random.one_in(12) {
        let bad = Price((price.0 * random.within(50, 150) / 100).max(1));
        for _ in 0..random.within(1, 3) {
            case.script.insert(at + 1, (now, Move::Price(instrument, source, bad)));
        }
    } else if random.one_in(20) {
        let lag = Move::Mood(Mood::default(), Span::ZERO);
        case.script.insert(at + 1, (now, lag));
    }
}

fn price_rules(random: &mut Random, varies: bool) -> PriceRules {
    let share = |random: &mut Random, from, to| Ratio::from_bps(random.within(from, to));
    PriceRules {
        stale_after: Span::from_millis(random.pick(&[1_000, 10_000])),
        silence: (!varies && random.one_in(2)).then(|| Span::from_secs(random.pick(&[10, 30]))),
        spike: random.one_in(2).then(|| share(random, 10, 400)),
        divergence: random.one_in(3).then(|| share(random, 5, 200)),
        confirm: random.one_in(2).then(|| Span::from_millis(random.pick(&[300, 2_000]))),
        act_on_stale: random.one_in(3),
    }
}

#[test]
fn the_journal_alone_brings_the_same_with_doubtful_prices() {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for seed in 0..1_500 {
        let played = Played::of(doubtful(seed));
        let mut core = through_text(&played.start);
        let mut out = Outbox::default();
        for entry in played.records() {
            core.replay(entry.clone(), &mut out);
            *seen.entry(kind(&entry.record)).or_default() += 1;
        }
        let written: Vec<_> = played.records().cloned().collect();
        let acted: Vec<_> = played.told.iter().flat_map(|(_, actions)| actions.clone()).collect();
        let first = out.records.iter().zip(&written).position(|(a, b)| a != b);
        assert!(
            out.records == written && out.actions == acted,
            "seed {seed}: record {first:?} of {} and {}\n journal {:?}\n replay  {:?}",
            written.len(),
            out.records.len(),
            first.map(|at| &written[at.saturating_sub(4)..=at]),
            first.map(|at| &out.records[at.saturating_sub(4)..=at])
        );
    }
    for told in [
        "suspected",
        "confirmed",
        "contradicted",
        "doubted",
        "stale",
        "back",
        "jump",
        "diverged",
        "converged",
    ] {
        assert!(seen.get(told) >= Some(&25), "too few records of {told}: {seen:?}");
    }
}

const fn kind(record: &Record) -> &'static str {
    match record {
        Record::Suspected { .. } => "suspected",
        Record::Confirmed { .. } => "confirmed",
        Record::Contradicted { .. } => "contradicted",
        Record::PriceDoubted(_) => "doubted",
        Record::PricesStale { .. } => "stale",
        Record::PricesBack { .. } => "back",
        Record::Jump(_) => "jump",
        Record::Diverged { .. } => "diverged",
        Record::Converged { .. } => "converged",
        _ => "other",
    }
}

#[test]
fn a_restart_changes_nothing_later_with_doubtful_prices() {
    for seed in 0..800 {
        let played = Played::of(doubtful(seed));
        let mut random = Random::new(seed);
        let mut core = played.start.clone();
        for (at, (now, event)) in played.log.iter().enumerate() {
            if random.one_in(15) {
                core = through_text(&core);
            }
            assert_eq!(tell(&mut core, *now, event), played.told[at], "seed {seed}: event {at} {event:?}");
        }
    }
}

#[test]
fn snapshot_and_journal_bring_back_doubt() {
    for seed in 0..400 {
        let played = Played::of(doubtful(seed));
        let mut random = Random::new(seed);
        let mut core = played.start.clone();
        let (mut saved, mut journal) = (core.snapshot(), Vec::new());
        for (now, event) in &played.log {
            journal.extend(tell(&mut core, *now, event).0);
            if random.one_in(40) {
                let mut out = Outbox::default();
                core.checkpoint(*now, &mut out);
                core.handle(*now, Event::Timer, &mut out);
                journal.extend(out.records);
                let mut restored = Coordinator::restore(saved, journal).expect("our own version");
                restored.handle(*now, Event::Timer, &mut Outbox::default());
                let value =
                    |core: &Coordinator| serde_json::to_value(core.snapshot()).expect("a snapshot is data");
                let (was, is) = (value(&core), value(&restored));
                for (field, was) in was.as_object().expect("fields") {
                    assert_eq!(*was, is[field], "seed {seed}: {field} after {event:?}");
                }
                (saved, journal) = (core.snapshot(), Vec::new());
            }
        }
    }
}

#[test]
fn leaping_over_quiet_prices_is_row_by_row_with_doubtful_prices() {
    let mut leapt = 0;
    for seed in 0..800 {
        let played = Played::of(doubtful(seed));
        let mut core = played.start.clone();
        let mut quiet: BTreeMap<CellId, Observed> = BTreeMap::new();
        let mut last = Timestamp::MIN;
        for (at, (now, event)) in played.log.iter().enumerate() {
            if let Event::Tick(tick) = event
                && core.quiet(tick.cell).is_quiet(tick.price.0)
                && *now < core.next_deadline()
            {
                let (cell, price) = (tick.cell, tick.price);
                let none = Observed { cell, count: 0, last: price, at: tick.at, min: price, max: price };
                let stretch = quiet.entry(cell).or_insert(none);
                *stretch = Observed {
                    cell,
                    count: stretch.count + 1,
                    last: price,
                    at: tick.at,
                    min: stretch.min.min(price),
                    max: stretch.max.max(price),
                };
                (last, leapt) = (*now, leapt + 1);
                assert_eq!(played.told[at], (Vec::new(), Vec::new()), "seed {seed}: a quiet price spoke");
                continue;
            }
            flush(&mut core, last, &mut quiet);
            assert_eq!(tell(&mut core, *now, event), played.told[at], "seed {seed}: event {at} {event:?}");
        }
    }
    assert!(leapt > 10_000, "only {leapt} prices were quiet");
}

/// Worlds for the oracle: prices jump, and only soft stop, trailing stop and targets act, at the market.
fn jumpy(seed: u64) -> (Case, Ratio) {
    let random = &mut Random::new(seed);
    let mut case = Case::random(random, 200);
    let spike = Ratio::from_bps(random.pick(&[30, 100, 300]));
    for plan in &mut case.plans {
        (plan.hard_stop, plan.loss_guard, plan.stop_loss, plan.ratchet) = (None, None, None, None);
        // What is measured in R needs a stop.
        if let Some(trailing) = &mut plan.trailing {
            trailing.curve.clear();
            trailing.exit = ExitStyle::Market;
        }
        if let Some(soft) = &mut plan.soft_stop {
            soft.exit = ExitStyle::Market;
        }
        let by_share = plan.ladder.as_ref().is_some_and(|ladder| {
            let in_r = |target| matches!(target, ripcord_core::plan::ladder::LegTarget::R(_));
            !ladder.legs.iter().any(|leg| in_r(leg.target))
        });
        plan.ladder = plan.ladder.take().filter(|_| by_share);
        for leg in plan.ladder.iter_mut().flat_map(|ladder| &mut ladder.legs) {
            leg.kind = LegKind::Hard;
        }
        plan.prices = PriceRules { spike: Some(spike), ..PriceRules::DEFAULT };
        if !plan.uses_atr() {
            plan.atr = None;
        }
    }
    let start = case.script[0].0.0;
    for (at, _) in &mut case.script {
        *at = Timestamp(start + (at.0 - start) / 20);
    }
    for at in (1..case.script.len()).rev() {
        let (now, what) = &case.script[at];
        if let (now, &Move::Price(instrument, source, price)) = (*now, what) {
            bad_prints(random, &mut case, at, now, (instrument, source, price));
        }
    }
    case.script.retain(|(_, what)| !matches!(what, Move::Mood(..)));
    (case, spike)
}

/// The prices of a script that are accepted, by the definition: a jump of more than the share waits for
/// another source that went at least half as far and is within the share of it, or for a second price
/// that went the same way, from 150 ms to 10 s after the first. Each with the move that it belongs to.
struct Acceptance<'a> {
    case: &'a Case,
    spike: i128,
    last: BTreeMap<(InstrumentId, PriceSource), (i64, i64)>,
    waits: BTreeMap<(InstrumentId, PriceSource), (i64, i64)>,
    accepted: Vec<(usize, Timestamp, Move)>,
    jumps: usize,
}

impl Acceptance<'_> {
    fn apart(&self, base: i64, price: i64) -> bool {
        i128::from((price - base).abs()) * 1_000_000_000 > self.spike * i128::from(base)
    }

    fn accept(&mut self, n: usize, now: i64, of: (InstrumentId, PriceSource), price: i64) {
        self.last.insert(of, (price, now));
        self.waits.remove(&of);
        self.accepted.push((n, Timestamp(now), Move::Price(of.0, of.1, Price(price))));
        for source in PriceSource::ALL {
            let other = (of.0, source);
            let Some(&(price, _)) = self.waits.get(&other) else { continue };
            if source != of.1 && self.agrees(now, other, price) {
                self.accept(n, now, other, price);
            }
        }
    }

    fn agrees(&self, now: i64, of: (InstrumentId, PriceSource), price: i64) -> bool {
        let (from, _) = self.last[&of];
        let near = |other: i64| !self.apart(price, other) && (other - price).abs() < (other - from).abs();
        PriceSource::ALL.into_iter().filter(|source| *source != of.1).any(|source| {
            let told = self.last.get(&(of.0, source));
            told.is_some_and(|&(other, at)| now - at <= 10_000 * MS && near(other))
                || self.waits.get(&(of.0, source)).is_some_and(|&(other, _)| near(other))
        })
    }

    fn price(&mut self, n: usize, now: i64, of: (InstrumentId, PriceSource), price: i64) {
        let Some(&(last, _)) = self.last.get(&of) else { return self.accept(n, now, of, price) };
        if !self.apart(last, price) {
            return self.accept(n, now, of, price);
        }
        let goes_on = |(other, since): &(i64, i64)| {
            let says_the_same = now - since <= 10_000 * MS || !self.apart(*other, price);
            (*other > last) == (price > last) && says_the_same
        };
        let before = self.waits.get(&of).copied().filter(goes_on);
        let nearer = match before {
            Some((other, _)) if (other - last).abs() < (price - last).abs() => other,
            _ => price,
        };
        if before.is_some_and(|(_, since)| now - since >= 150 * MS) || self.agrees(now, of, nearer) {
            self.jumps += 1;
            if self.apart(nearer, price) {
                self.accept(n, now, of, nearer);
                return self.price(n, now, of, price);
            }
            return self.accept(n, now, of, price);
        }
        self.waits.insert(of, (nearer, before.map_or(now, |(_, since)| since)));
    }

    fn run(&mut self) {
        for (n, (now, what)) in self.case.script.iter().enumerate() {
            match what {
                Move::Price(instrument, source, price) => {
                    self.price(n, now.0, (*instrument, *source), price.0);
                }
                other => self.accepted.push((n, *now, other.clone())),
            }
        }
    }
}

/// A move that changes nothing: bars end up to it all the same.
fn nothing_at(now: Timestamp) -> (Timestamp, Move) {
    let (account, instrument) = (AccountId(u32::MAX), InstrumentId(0));
    let key = PositionKey { account, instrument, side: Side::Long };
    (now, Move::Event(Event::Command(Command::Signal { key, at: now })))
}

#[test]
fn an_unconfirmed_jump_closes_nothing_and_moves_no_best_price_and_a_confirmed_one_does() {
    let (mut exits_seen, mut jumps, mut dropped) = (0, 0, 0);
    for seed in 0..2_500 {
        let (case, spike) = jumpy(seed);
        let mut acceptance = Acceptance {
            case: &case,
            spike: i128::from(spike.0),
            last: BTreeMap::new(),
            waits: BTreeMap::new(),
            accepted: Vec::new(),
            jumps: 0,
        };
        acceptance.run();
        (jumps, dropped) = (
            jumps + acceptance.jumps,
            dropped + case.script.len() - acceptance.accepted.len().min(case.script.len()),
        );
        let numbers: Vec<usize> = acceptance.accepted.iter().map(|(n, ..)| *n).collect();
        let mut script: Vec<_> = acceptance.accepted.into_iter().map(|(_, now, what)| (now, what)).collect();
        script.push(nothing_at(case.script.last().expect("moves").0));
        let good = Case { script, ..case.clone() };
        let mut oracle = Oracle::new(&good);
        oracle.run();
        // Where the market is, the venue knows; here only what was decided, and when.
        let decided = |exit: &Exit, at: usize| (at, exit.episode, exit.leg, exit.reason, exit.qty);
        let mut expected: Vec<_> = oracle.exits.iter().map(|exit| decided(exit, numbers[exit.at])).collect();
        let mut world = case.world();
        let mut got: Vec<_> = case.exits(&mut world).iter().map(|exit| decided(exit, exit.at)).collect();
        expected.sort_unstable();
        got.sort_unstable();
        let first = got.iter().zip(&expected).position(|(a, b)| a != b);
        assert!(
            got == expected,
            "seed {seed}: {first:?} engine {:?}\n oracle {:?}",
            first.map(|at| got[at]),
            first.map(|at| expected[at])
        );
        exits_seen += got.len();
        let stops: BTreeMap<_, _> =
            world.core.view().positions().map(|view| (view.episode, (None, view.trailing_stop))).collect();
        assert_eq!(stops, oracle.stops(), "seed {seed}: the trailing stops at the end differ");
    }
    assert!(exits_seen > 5_000 && jumps > 2_000 && dropped > 2_000, "{exits_seen} {jumps} {dropped}");
}

#[test]
fn each_gap_of_a_source_is_told_once_thirty_seconds_after_its_last_price() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let mut case = Case::random(&mut random, 120);
        for plan in &mut case.plans {
            plan.prices.silence = Some(Span::from_secs(30));
            // Held to the end: only the gaps decide.
            (plan.hard_stop, plan.loss_guard, plan.soft_stop) = (None, None, None);
            (plan.stop_loss, plan.ladder, plan.ratchet, plan.atr) = (None, None, None, None);
            plan.trailing = None;
            plan.signal_exit = Some(ripcord_core::plan::SignalExit {
                ttl: Span::from_secs(1),
                profit_min: Ratio::ZERO,
                while_trailing: true,
                exit: ExitStyle::Market,
                worst: None,
                expires_after: None,
            });
        }
        let (sources, start) = (case.markets.clone(), case.script[0].0);
        let mut world = case.world();
        let mut expected = Vec::new();
        let mut last: BTreeMap<(InstrumentId, PriceSource), i64> = BTreeMap::new();
        let mut held: BTreeMap<(InstrumentId, PriceSource), i64> = BTreeMap::new();
        let quote = |instrument: InstrumentId, long: bool| {
            let wanted = if long { PriceSource::Bid } else { PriceSource::Ask };
            let fed = sources[instrument.0 as usize].1.contains(&wanted);
            (instrument, if fed { wanted } else { PriceSource::Last })
        };
        let mut silent: BTreeMap<(InstrumentId, PriceSource), bool> = BTreeMap::new();
        let end = Timestamp(case.script.last().expect("moves").0.0 + 100_000 * MS);
        case.script.push((end, Move::Mood(Mood::default(), Span::ZERO)));
        for (at, (now, what)) in case.script.iter().enumerate() {
            for (of, &opened) in &held {
                let due = last.get(of).map_or(opened, |at| opened.max(*at)) + 30_000 * MS;
                if due <= now.0 && !silent.insert(*of, true).unwrap_or(false) {
                    expected.push((due, of.0, of.1));
                }
            }
            match what {
                Move::Price(instrument, source, _) => {
                    last.insert((*instrument, *source), now.0);
                    silent.insert((*instrument, *source), false);
                }
                Move::Open(opening) => {
                    let of = quote(opening.key.instrument, opening.key.side == Side::Long);
                    held.entry(of).or_insert(now.0);
                }
                _ => {}
            }
            case.play(&mut world, at);
        }
        let mut got: Vec<_> = world
            .records
            .iter()
            .filter_map(|entry| match entry.record {
                Record::PricesStale { instrument, source, .. } => Some((entry.at.0, instrument, source)),
                _ => None,
            })
            .collect();
        expected.sort_unstable();
        got.sort_unstable();
        assert_eq!(got, expected, "seed {seed}, from {start:?}");
    }
}
