//! What a database would hold: rows by their keys, replaced by changes.

use std::collections::BTreeMap;

use ripcord_core::event::{Added, Entry, Filled, Opened, Record};
use ripcord_core::id::{AccountId, EpisodeId, InstrumentId, OrderId, PlanId, PositionKey};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::order::{ExitOrder, OrderKind};
use ripcord_core::reason::{ExitType, Reason};
use ripcord_core::time::Timestamp;
use ripcord_ledger::fact::{Fee, Imported, Method};
use ripcord_ledger::fifo::Allocation;
use ripcord_ledger::rows::{BracketRow, Change, EpisodeRow, FillRow, OrderRow, TradeRow};
use ripcord_ledger::{Body, Fact, Ledger, LedgerFault};

pub(crate) const ONE: i128 = 10_i128.pow(18);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tables {
    pub(crate) orders: BTreeMap<String, OrderRow>,
    pub(crate) fills: BTreeMap<(String, u32), FillRow>,
    pub(crate) episodes: BTreeMap<EpisodeId, EpisodeRow>,
    pub(crate) trades: BTreeMap<String, TradeRow>,
    pub(crate) allocations: BTreeMap<String, Vec<Allocation>>,
    pub(crate) brackets: BTreeMap<String, BracketRow>,
    pub(crate) reconciled: BTreeMap<String, (Timestamp, String)>,
}

impl Tables {
    pub(crate) fn take(&mut self, changes: Vec<Change>) {
        for change in changes {
            match change {
                Change::Order(row) => {
                    self.orders.insert(ripcord_ledger::text::order_id(&row.order.id), *row);
                }
                Change::Fill(row) => {
                    let key = (row.order_id.to_string(), row.number);
                    let before = self.fills.insert(key, (*row).clone());
                    assert!(before.is_none_or(|before| before == *row), "a fill never changes");
                }
                Change::Episode(row) => {
                    self.episodes.insert(row.id, *row);
                }
                Change::Trade(row) => {
                    self.trades.insert(row.order_id.to_string(), *row);
                }
                Change::Allocations { sell, rows, .. } => {
                    self.allocations.insert(sell.to_string(), rows);
                }
                Change::Bracket(row) => {
                    self.brackets.insert(row.entry_order_id.clone(), *row);
                }
                Change::Reconciled { order_id, at, via } => {
                    self.reconciled.insert(order_id, (at, via));
                }
                Change::Instrument { .. } | Change::Account { .. } | Change::Plan { .. } => {}
            }
        }
    }
}

/// A ledger, its tables, and what it found wrong.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) ledger: Ledger,
    pub(crate) tables: Tables,
    pub(crate) faults: Vec<(u64, LedgerFault)>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { ledger: Ledger::new(1), tables: Tables::default(), faults: Vec::new() }
    }

    pub(crate) fn fold(facts: &[Fact<'static>]) -> Self {
        let mut world = Self::new();
        facts.iter().for_each(|fact| world.take(fact));
        world
    }

    /// A world with one instrument: prices in cents, quantities in thousandths.
    pub(crate) fn with(method: Method) -> Self {
        let rules = Box::new(Instrument::from_decimals("BTC-USD", 2, 3));
        let mut world = Self::new();
        world.say(0, Body::Instrument { id: InstrumentId(0), rules, method });
        world
    }

    pub(crate) fn take(&mut self, fact: &Fact<'static>) {
        let mut changes = Vec::new();
        self.ledger.apply(fact.clone(), &mut changes, &mut self.faults);
        self.tables.take(changes);
    }

    /// The next fact, at `second`.
    pub(crate) fn say(&mut self, second: i64, body: Body<'static>) {
        let seq = self.ledger.next();
        self.take(&Fact { seq, at: Timestamp(second * 1_000_000_000), body });
    }

    pub(crate) fn record(&mut self, second: i64, record: Record) {
        self.say(second, Body::Record(std::borrow::Cow::Owned(record)));
    }

    pub(crate) fn trade(&self, order: &str) -> &TradeRow {
        self.tables.trades.get(order).unwrap_or_else(|| panic!("no trade record {order}"))
    }
}

pub(crate) fn life(side: Side, generation: u32) -> EpisodeId {
    EpisodeId { key: PositionKey { account: AccountId(0), instrument: InstrumentId(0), side }, generation }
}

pub(crate) fn opened(episode: EpisodeId, qty: i64, entry: i64, fees: i128) -> Record {
    let entry_fees = Money(fees);
    Record::Opened(Box::new(Opened {
        episode,
        plan: PlanId(0),
        qty: Qty(qty),
        entry: Price(entry),
        entry_fees,
        stop: None,
    }))
}

pub(crate) fn added(episode: EpisodeId, qty: i64, price: i64, fees: i128) -> Record {
    let price = Price(price);
    let (open, entry) = (Qty(qty), price);
    Record::Added(Box::new(Added { episode, qty: Qty(qty), price, fees: Money(fees), open, entry }))
}

pub(crate) fn exit(episode: EpisodeId, exit: u16) -> OrderId {
    OrderId { episode, exit, leg: 0, slice: 0, attempt: 0 }
}

pub(crate) fn intended(id: OrderId, qty: i64, reason: Reason) -> Record {
    let order = ExitOrder { id, qty: Qty(qty), kind: OrderKind::Market, trigger: Price(9_750), reason };
    Record::OrderIntended(Box::new(order))
}

/// A fill whose entry cost was `entry` each.
pub(crate) fn filled(id: OrderId, reason: Reason, qty: i64, price: i64, entry: i64, fee: i128) -> Record {
    Record::Filled(Box::new(Filled {
        id,
        reason,
        source: reason.source(),
        exit_type: ExitType::Market,
        trigger: Price(9_750),
        qty: Qty(qty),
        price: Price(price),
        fee: Money(fee),
        cost: i128::from(entry) * i128::from(qty),
        entry_fees: Money::ZERO,
        funding: Money::ZERO,
        remaining: Qty(0),
    }))
}

pub(crate) fn imported(order_id: &str, closes: bool, second: i64, qty: i64, price: i64) -> Imported {
    Imported {
        order_id: order_id.to_owned(),
        account: AccountId(0),
        instrument: InstrumentId(0),
        side: Side::Long,
        closes,
        at: Timestamp(second * 1_000_000_000),
        qty: Qty(qty),
        price: Price(price),
        fee: Fee::Quote(Money::ZERO),
        trigger: "limit".to_owned(),
        order_type: "limit".to_owned(),
        source: "reconciled".to_owned(),
        reason: None,
        via: "import".to_owned(),
    }
}

/// The facts of a sample, as one record each.
pub(crate) fn records(facts: &[Fact<'static>]) -> Vec<Entry> {
    let record = |fact: &Fact<'static>| match &fact.body {
        Body::Record(record) => Some(Entry { at: fact.at, record: record.clone().into_owned() }),
        _ => None,
    };
    facts.iter().filter_map(record).collect()
}
