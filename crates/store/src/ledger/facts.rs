//! Journal entries as facts of the ledger.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ripcord_core::coverage::Wants;
use ripcord_core::id::{InstrumentId, PlanId};
use ripcord_core::time::Timestamp;
use ripcord_journal::entry::{FeePaid, ImportedTrade};
use ripcord_journal::{JournalEntry, Kind};
use ripcord_ledger::fact::{Fee, Imported, Method, PositionName};
use ripcord_ledger::{Body, Fact};

/// Whether the ledger reads a kind of records. What it does not read is as if it had not happened, so each
/// new kind is decided on here.
pub(super) const fn reads(kind: Kind) -> bool {
    match kind {
        Kind::Instrument
        | Kind::Plan
        | Kind::Account
        | Kind::Position
        | Kind::Imported
        | Kind::Opened
        | Kind::Added
        | Kind::PlanChanged
        | Kind::StopMoved
        | Kind::TrailingActivated
        | Kind::ExitDecided
        | Kind::ExitConcluded
        | Kind::OrderIntended
        | Kind::GateBlocked
        | Kind::OrderAccepted
        | Kind::Filled
        | Kind::OrderEnded
        | Kind::Closed
        | Kind::Alarm
        | Kind::Adopted
        | Kind::LeftOutside
        | Kind::Released
        | Kind::HandedOver
        | Kind::OrdersListed
        | Kind::Returned => true,
        Kind::Founded
        | Kind::Taken
        | Kind::Settings
        | Kind::Restored
        | Kind::Observed
        | Kind::Input
        | Kind::FundingPaid
        | Kind::Signalled
        | Kind::BarClosed
        | Kind::CommandRefused
        | Kind::Deferred
        | Kind::BracketTriggered
        | Kind::KillLevel
        | Kind::Suspected
        | Kind::Confirmed
        | Kind::Contradicted
        | Kind::PriceDoubted
        | Kind::PricesStale
        | Kind::PricesBack
        | Kind::Jump
        | Kind::Diverged
        | Kind::Converged
        | Kind::Managed
        | Kind::ReadFailed
        | Kind::Reconciled
        | Kind::OrdersStale
        | Kind::OrdersPaced => false,
    }
}

/// The numbers of the kinds that it reads, with commas.
pub(super) fn kinds() -> String {
    let read: Vec<Kind> = Kind::ALL.iter().copied().filter(|&kind| reads(kind)).collect();
    super::kind_numbers(&read)
}

/// Reads those behind a record in their order. Without the index: nearly every record is wanted, and sorted already.
pub(super) fn query() -> String {
    let kinds = kinds();
    format!(
        "SELECT seq, at_ns, kind, version, payload FROM journal NOT INDEXED \
         WHERE seq > ?1 AND kind IN ({kinds}) ORDER BY seq"
    )
}

/// Counts what has its id by its place in the journal.
#[derive(Debug)]
pub(super) struct Facts {
    instruments: u32,
    plans: u32,
    methods: BTreeMap<String, Method>,
}

impl Facts {
    pub(super) const fn new(methods: BTreeMap<String, Method>) -> Self {
        Self { instruments: 0, plans: 0, methods }
    }

    /// How many instruments and plans there were.
    pub(super) const fn counted(&self) -> (u32, u32) {
        (self.instruments, self.plans)
    }

    /// Goes on behind so many instruments and plans.
    pub(super) const fn go_on(&mut self, instruments: u32, plans: u32) {
        (self.instruments, self.plans) = (instruments, plans);
    }

    /// What an entry says to the ledger.
    pub(super) fn fact<'a>(&mut self, seq: u64, entry: &'a JournalEntry) -> Fact<'a> {
        let mut at = Timestamp::default();
        let body = match entry {
            JournalEntry::Instrument(instrument) => {
                let id = InstrumentId(self.instruments);
                self.instruments += 1;
                let rules = Box::new(instrument.rules.clone());
                let method = self.methods.get(&rules.symbol).copied().unwrap_or_default();
                Body::Instrument { id, rules, method }
            }
            JournalEntry::Plan(plan) => {
                let id = PlanId(self.plans);
                self.plans += 1;
                Body::Plan { id, name: plan.spec.name.clone(), wants: Wants::of_spec(&plan.spec) }
            }
            JournalEntry::Account(account) => Body::Account { id: account.id, name: account.name.clone() },
            JournalEntry::Position(position) => Body::Position {
                episode: position.episode,
                name: PositionName {
                    id: Some(position.id.clone()),
                    strategy: position.strategy.clone(),
                    snapshot_id: position.snapshot_id.clone(),
                },
            },
            JournalEntry::Fact(fact) => {
                at = fact.at;
                Body::Record(Cow::Borrowed(&fact.record))
            }
            JournalEntry::Imported(trade) => {
                at = trade.seen_at;
                Body::Imported(Box::new(imported(trade)))
            }
            JournalEntry::Founded(_)
            | JournalEntry::Taken(_)
            | JournalEntry::Settings(_)
            | JournalEntry::Restored(_) => Body::Other,
        };
        Fact { seq, at, body }
    }
}

fn imported(trade: &ImportedTrade) -> Imported {
    Imported {
        order_id: trade.order_id.clone(),
        account: trade.account,
        instrument: trade.instrument,
        side: trade.side,
        closes: trade.closes,
        at: trade.at,
        qty: trade.qty,
        price: trade.price,
        fee: match &trade.fee {
            FeePaid::Quote(fee) => Fee::Quote(*fee),
            FeePaid::Base(fee) => Fee::Base(*fee),
            FeePaid::Other { coin, amount, price } => {
                Fee::Other { coin: coin.clone(), amount: *amount, price: *price }
            }
        },
        trigger: trade.trigger.clone(),
        order_type: trade.order_type.clone(),
        source: trade.source.clone(),
        reason: trade.reason.clone(),
        via: trade.via.clone(),
    }
}
