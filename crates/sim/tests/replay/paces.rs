//! Three paces, the same bytes.

use std::collections::BTreeMap;

use ripcord_core::event::{Command, Event, Opening, Record};
use ripcord_core::reason::Reason;
use ripcord_core::time::Timestamp;
use ripcord_sim::replay::{EntryAt, Rank};

use crate::audit;
use crate::cases::Records;
use crate::random::Random;
use crate::world::{Case, Ran};

const CASES: u64 = 3_000;

#[test]
fn every_pace_tells_the_same_story() {
    let mut seen = Seen::default();
    for seed in 0..CASES {
        let case = Case::random(&mut Random::new(seed), Records::TicksAndCandles);
        let ran = case.run_all(&format!("seed {seed}"));
        openings_come_in_their_place(&case, &ran, seed);
        audit::holdings(&case, &ran, &format!("seed {seed}"));
        seen.count(&ran);
    }
    seen.enough();
}

/// How much the cases have shown.
#[derive(Default)]
struct Seen {
    exits: BTreeMap<Reason, usize>,
    observed: usize,
    bars: usize,
    funding: usize,
    refused: usize,
    ratchets: usize,
}

impl Seen {
    fn count(&mut self, ran: &Ran) {
        for exit in ran.exits() {
            *self.exits.entry(exit.filled.reason).or_default() += 1;
        }
        for record in ran.records() {
            match record {
                Record::Observed(_) => self.observed += 1,
                Record::BarClosed(_) => self.bars += 1,
                Record::FundingPaid { .. } => self.funding += 1,
                Record::CommandRefused(_) => self.refused += 1,
                Record::StopMoved { .. } => self.ratchets += 1,
                _ => {}
            }
        }
    }

    fn enough(&self) {
        for reason in [
            Reason::HardStop,
            Reason::LossGuard,
            Reason::StopLoss,
            Reason::SoftStop,
            Reason::TrailingStop,
            Reason::TakeProfit,
        ] {
            let exits = self.exits.get(&reason).copied().unwrap_or(0);
            assert!(exits > CASES as usize / 30, "only {exits} exits by {reason:?}: the cases are too quiet");
        }
        for (what, count) in [
            ("quiet stretches", self.observed),
            ("bars", self.bars),
            ("fundings", self.funding),
            ("refused openings", self.refused),
            ("moved stops", self.ratchets),
        ] {
            assert!(count > CASES as usize / 10, "only {count} {what}: the cases are too quiet");
        }
    }
}

/// Openings come by place in the stream, then by time, then in their given order; each is told at
/// the last record before it.
fn openings_come_in_their_place(case: &Case, ran: &Ran, seed: u64) {
    let begins = begins(case);
    let last = case.records().saturating_sub(1) as u64;
    let mut wanted: Vec<(usize, Timestamp, u64, Opening)> = Vec::new();
    for planned in &case.openings {
        let (before, at) = match planned.at {
            EntryAt::Index(index) => ((index as usize).saturating_add(1).min(begins.len()), Timestamp::MIN),
            EntryAt::Time(at) => (begins.partition_point(|begin| begin.0 <= at.0), at),
        };
        let told_at = (before as u64).saturating_sub(1).min(last);
        wanted.push((before, at, told_at, planned.opening));
    }
    wanted.sort_by_key(|&(before, at, ..)| (before, at));
    let told = ran.told.iter().filter_map(|(index, _, entry)| match &entry.record {
        Record::Input(Event::Command(Command::Open(opening))) => Some((*index, **opening, entry.at)),
        _ => None,
    });
    let told: Vec<_> = told.collect();
    assert_eq!(told.len(), wanted.len(), "seed {seed}: every opening is told once");
    for ((index, opening, at), (_, wanted_at, told_at, wanted)) in told.into_iter().zip(wanted) {
        assert_eq!((index, opening), (told_at, wanted), "seed {seed}: openings out of place");
        assert!(at >= wanted_at, "seed {seed}: opened at {at:?}, before {wanted_at:?}");
    }
}

/// When each record of the merged stream begins.
fn begins(case: &Case) -> Vec<(i64, Rank, usize)> {
    let files = case.prices.iter().enumerate();
    let mut begins: Vec<(i64, Rank, usize)> = files
        .flat_map(|(n, prices)| {
            prices.columns.ts.iter().step_by(prices.per_record()).map(move |&ts| (ts, prices.rank, n))
        })
        .collect();
    begins.sort_unstable();
    begins
}
