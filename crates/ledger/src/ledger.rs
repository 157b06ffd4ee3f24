//! The fold: facts in, rows out.

use std::collections::BTreeMap;
use std::sync::Arc;

use ripcord_core::coverage::{Coverage, Uncovered, Wants};
use ripcord_core::event::{Added, Filled, LeftOutside, Opened, Record};
use ripcord_core::id::{AccountId, EpisodeId, InstrumentId, OrderId, PlanId};
use ripcord_core::num::Money;
use ripcord_core::order::ExitOrder;
use ripcord_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::episode::Life;
use crate::fact::{Body, Fact, Imported, Method, PositionName};
use crate::fifo::{Entry, Touched, Trade};
use crate::rows::{Change, Market, Worth};
use crate::spot::{Owner, Spot};
use crate::trigger::TriggerError;
use crate::{imports, text};

/// How many facts may wait for one that comes before them.
pub const WAITING_MAX: usize = 65_536;

/// What a fact is wrong about. Such a fact changes no row, and stops nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerFault {
    /// A fact is missing and too many wait for it.
    #[error("fact {missing} never came and {WAITING_MAX} wait behind it; refold from the journal")]
    Gap {
        /// Its place.
        missing: u64,
    },
    /// A position of an instrument that nobody registered.
    #[error("instrument {} is not registered; register it before its first position", .0.0)]
    UnknownInstrument(InstrumentId),
    /// Something about an episode that was never opened, or is over.
    #[error("episode {} is not open", text::episode_id(*.0))]
    UnknownEpisode(EpisodeId),
    /// An episode that is opened twice.
    #[error("episode {} is open already", text::episode_id(*.0))]
    OpenedTwice(EpisodeId),
    /// Something about an order that was never intended.
    #[error("order {} was never intended", text::order_id(.0))]
    UnknownOrder(Box<OrderId>),
    /// An instrument whose spot book is counted in another scale.
    #[error(
        "instrument {symbol}: its FIFO book is counted in other decimals; register the finer scale as another instrument"
    )]
    ScaleChanged {
        /// The instrument.
        symbol: String,
    },
    /// An imported order that cannot be.
    #[error("imported order {order_id}: {field} is {value}; it must be greater than 0")]
    NotPositive {
        /// The order.
        order_id: String,
        /// The field.
        field: &'static str,
        /// Its value, in scaled units.
        value: i64,
    },
    /// An imported order whose fee leaves nothing of it, or that is worth more than can be counted.
    #[error(
        "imported order {order_id}: fee is {fee}, qty {qty}, price {price}; something must be left behind the fee, \
         and their products must be less than 10^20 of the quote currency"
    )]
    Fee {
        /// The order.
        order_id: String,
        /// The fee, as it came.
        fee: String,
        /// The quantity, in scaled units.
        qty: i64,
        /// The price, in scaled units.
        price: i64,
    },
    /// An imported order that says of itself that its row is another program's.
    #[error(
        "imported order {order_id}: via is {ADOPTED}; that is the word of rows that were adopted from another program, \
         which no journal has. Give the way it came, such as import"
    )]
    Adopted {
        /// The order.
        order_id: String,
    },
    /// An imported order's trigger.
    #[error("imported order {order_id}: {why}")]
    Trigger {
        /// The order.
        order_id: String,
        /// What is wrong.
        why: TriggerError,
    },
}

/// How a trade record came that was adopted from another program's table. Such rows are not the fold's: it
/// neither writes them nor derives them again.
pub const ADOPTED: &str = "adopted";

/// The version of a ledger as bytes: what it was folded to, without the journal before. Raised with
/// every change of its fields, or of what they mean.
pub const LEDGER_VERSION: u16 = 4;

/// The ledger. It holds what open episodes need; futures leave when they are over, spot books stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// The place of the fact that comes next.
    next: u64,
    /// Facts that came before their time. Whoever goes on from bytes hands them in again.
    #[serde(skip)]
    waiting: BTreeMap<u64, Fact<'static>>,
    markets: BTreeMap<InstrumentId, Arc<Market>>,
    lives: BTreeMap<EpisodeId, Life>,
    spot: Spot,
    imports: BTreeMap<Arc<str>, Imported>,
    /// Since when each position is covered.
    coverage: Coverage,
    wants: BTreeMap<PlanId, Wants>,
}

impl Ledger {
    /// An empty ledger whose first fact stands at `first` in the journal.
    #[must_use]
    pub const fn new(first: u64) -> Self {
        Self {
            next: first,
            waiting: BTreeMap::new(),
            markets: BTreeMap::new(),
            lives: BTreeMap::new(),
            spot: Spot::new(),
            imports: BTreeMap::new(),
            coverage: Coverage::new(),
            wants: BTreeMap::new(),
        }
    }

    /// The place of the fact that comes next.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// Facts before `seq` that were not handed in are of no concern to a ledger: it goes on there.
    pub fn pass_to(&mut self, seq: u64) {
        self.next = self.next.max(seq);
        if !self.waiting.is_empty() {
            self.waiting = self.waiting.split_off(&self.next);
        }
    }

    /// How many episodes are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.lives.len()
    }

    /// Takes a fact and adds the rows that are new or different to `changes`, and what is wrong to
    /// `faults`, with the place of the fact. A fact that was taken before changes nothing; one that
    /// comes ahead of its time waits for those before it.
    pub fn apply(&mut self, fact: Fact<'_>, changes: &mut Vec<Change>, faults: &mut Vec<(u64, LedgerFault)>) {
        if fact.seq < self.next {
            return;
        }
        if fact.seq > self.next {
            if self.waiting.len() < WAITING_MAX {
                self.waiting.entry(fact.seq).or_insert_with(|| fact.into_owned());
            } else {
                faults.push((fact.seq, LedgerFault::Gap { missing: self.next }));
            }
            return;
        }
        self.take(fact, changes, faults);
        while let Some(fact) = self.waiting.remove(&self.next) {
            self.take(fact, changes, faults);
        }
    }

    fn take(&mut self, fact: Fact<'_>, changes: &mut Vec<Change>, faults: &mut Vec<(u64, LedgerFault)>) {
        let seq = fact.seq;
        self.next = seq + 1;
        let taken = match fact.body {
            Body::Record(record) => self.on_record(seq, fact.at, &record, changes),
            Body::Instrument { id, rules, method } => {
                self.on_instrument(id, Market { rules: *rules, method }, changes)
            }
            Body::Account { id, name } => {
                changes.push(Change::Account { id, name });
                Ok(())
            }
            Body::Plan { id, name, wants } => {
                self.wants.insert(id, wants);
                changes.push(Change::Plan { id, name });
                Ok(())
            }
            Body::Position { episode, name } => self.on_named(episode, name, changes),
            Body::Imported(trade) => self.on_imported(seq, fact.at, *trade, changes),
            Body::Other => Ok(()),
        };
        faults.extend(taken.err().map(|fault| (seq, fault)));
    }

    fn on_instrument(
        &mut self,
        id: InstrumentId,
        market: Market,
        changes: &mut Vec<Change>,
    ) -> Result<(), LedgerFault> {
        if let Some(known) = self.markets.get(&id) {
            let scales = |market: &Market| (market.rules.price_decimals, market.rules.qty_decimals);
            if known.method == Method::Fifo && scales(known) != scales(&market) {
                return Err(LedgerFault::ScaleChanged { symbol: market.rules.symbol });
            }
        }
        let market = Arc::new(market);
        self.markets.insert(id, market.clone());
        changes.push(Change::Instrument { id, market });
        Ok(())
    }

    fn on_record(
        &mut self,
        seq: u64,
        at: Timestamp,
        record: &Record,
        changes: &mut Vec<Change>,
    ) -> Result<(), LedgerFault> {
        let over = self.cover(at, record);
        match record {
            Record::Opened(opened) => self.on_opened(seq, at, opened, changes),
            Record::Added(added) => self.on_added(seq, at, added, changes),
            Record::PlanChanged { episode, to, from: _ } => self.on_plan(*episode, *to, changes),
            Record::OrderIntended(order) => self.on_intended(at, order, changes),
            Record::GateBlocked { id, why: _ } => self.on_order(id, changes, |sent| sent.block(at)),
            Record::OrderAccepted(id) => self.on_order(id, changes, |sent| sent.accept(at)),
            Record::OrderEnded { id, how } => self.on_order(id, changes, |sent| sent.end(*how, at)),
            Record::Filled(filled) => self.on_filled(seq, at, filled, changes),
            Record::Closed { episode } | Record::Released { episode, .. } => {
                self.on_closed(at, *episode, over, changes)
            }
            Record::LeftOutside(left) => self.on_left_outside(left, changes),
            // The trade that follows tells what it was worth.
            Record::Returned(returned) => {
                self.life(returned.episode)?.take_back(returned);
                Ok(())
            }
            Record::Observed(_)
            | Record::Input(_)
            | Record::StopMoved { .. }
            | Record::TrailingActivated { .. }
            | Record::ExitDecided(_)
            // Its share stands in the fills that close it.
            | Record::FundingPaid { .. }
            | Record::Signalled { .. }
            | Record::Deferred { .. }
            | Record::BracketTriggered { .. }
            | Record::KillLevel { .. }
            | Record::Suspected { .. }
            | Record::Confirmed { .. }
            | Record::Contradicted { .. }
            | Record::PriceDoubted(_)
            | Record::PricesStale { .. }
            | Record::PricesBack { .. }
            | Record::Jump(_)
            | Record::Diverged { .. }
            | Record::Converged { .. }
            | Record::ExitConcluded { .. }
            | Record::BarClosed(_)
            | Record::CommandRefused(_)
            | Record::Managed(_)
            | Record::ReadFailed { .. }
            | Record::Reconciled(_)
            | Record::Adopted(_)
            | Record::HandedOver(_)
            | Record::OrdersListed(_)
            | Record::OrdersStale { .. }
            | Record::OrdersPaced { .. }
            | Record::Alarm { .. } => Ok(()),
        }
    }

    fn life(&mut self, id: EpisodeId) -> Result<&mut Life, LedgerFault> {
        self.lives.get_mut(&id).ok_or(LedgerFault::UnknownEpisode(id))
    }

    fn on_added(
        &mut self,
        seq: u64,
        at: Timestamp,
        added: &Added,
        changes: &mut Vec<Change>,
    ) -> Result<(), LedgerFault> {
        self.life(added.episode)?.add(added, at);
        self.entered(seq, added.episode, changes);
        self.tell_bracket(added.episode, None, changes);
        Ok(())
    }

    fn on_plan(
        &mut self,
        episode: EpisodeId,
        to: PlanId,
        changes: &mut Vec<Change>,
    ) -> Result<(), LedgerFault> {
        self.life(episode)?.plan = to;
        self.tell_episode(episode, changes);
        Ok(())
    }

    fn on_intended(
        &mut self,
        at: Timestamp,
        order: &ExitOrder,
        changes: &mut Vec<Change>,
    ) -> Result<(), LedgerFault> {
        let life = self.life(order.id.episode)?;
        let market = life.market.clone();
        let row = life.intend(order, at).row(&market);
        changes.push(Change::Order(Box::new(row)));
        self.tell_bracket(order.id.episode, Some(&order.id), changes);
        Ok(())
    }

    fn on_left_outside(&mut self, left: &LeftOutside, changes: &mut Vec<Change>) -> Result<(), LedgerFault> {
        self.life(left.episode)?.leave(left);
        self.tell_life(left.episode, changes);
        Ok(())
    }

    fn on_opened(
        &mut self,
        seq: u64,
        at: Timestamp,
        opened: &Opened,
        changes: &mut Vec<Change>,
    ) -> Result<(), LedgerFault> {
        let id = opened.episode;
        let market = self.markets.get(&id.key.instrument).cloned();
        let market = market.ok_or(LedgerFault::UnknownInstrument(id.key.instrument))?;
        if self.lives.contains_key(&id) {
            return Err(LedgerFault::OpenedTwice(id));
        }
        self.lives.insert(id, Life::new(opened, at, market));
        self.entered(seq, id, changes);
        Ok(())
    }

    fn on_named(
        &mut self,
        id: EpisodeId,
        name: PositionName,
        changes: &mut Vec<Change>,
    ) -> Result<(), LedgerFault> {
        self.life(id)?.name = Arc::new(name);
        self.tell_life(id, changes);
        Ok(())
    }

    /// The last opening of an episode is new.
    fn entered(&mut self, seq: u64, id: EpisodeId, changes: &mut Vec<Change>) {
        let Some(life) = self.lives.get(&id) else { return };
        let place = life.openings.len() - 1;
        let opening = &life.openings[place];
        if life.is_fifo() {
            let trade = Trade {
                seq,
                order: opening.order_id.clone(),
                number: 0,
                at: opening.at,
                qty: opening.qty,
                value: Money(opening.value * life.market.rules.money_per_unit()),
                fee: opening.fees,
                episode: Some(id),
            };
            let key = (id.key.account, id.key.instrument);
            let touched = self.spot.add(key, Entry::Buy(trade), Some(Owner::Opening(id, place)));
            self.tell_touched(&touched, changes);
        } else {
            self.tell_opening(id, place, changes);
        }
        self.tell_episode(id, changes);
    }

    fn on_order(
        &mut self,
        id: &OrderId,
        changes: &mut Vec<Change>,
        happen: impl FnOnce(&mut crate::episode::Sent),
    ) -> Result<(), LedgerFault> {
        let life = self.life(id.episode)?;
        let market = life.market.clone();
        let sent = life.order(id).ok_or_else(|| LedgerFault::UnknownOrder(Box::new(*id)))?;
        happen(sent);
        changes.push(Change::Order(Box::new(sent.row(&market))));
        if sent.fills > 0 {
            // Its trade record says where the order stands.
            self.tell_exit(id, changes);
        }
        self.tell_bracket(id.episode, Some(id), changes);
        self.let_go(id.episode);
        Ok(())
    }

    fn on_filled(
        &mut self,
        seq: u64,
        at: Timestamp,
        filled: &Filled,
        changes: &mut Vec<Change>,
    ) -> Result<(), LedgerFault> {
        let id = filled.id;
        let life = self.life(id.episode)?;
        let row = life.fill(filled, at).ok_or_else(|| LedgerFault::UnknownOrder(Box::new(id)))?;
        let (is_fifo, number) = (life.is_fifo(), row.number);
        let sent = &life.orders[&id];
        changes.push(Change::Order(Box::new(sent.row(&life.market))));
        changes.push(Change::Fill(Box::new(row)));
        if is_fifo {
            let trade = Trade {
                seq,
                order: sent.order_id.clone(),
                number,
                at,
                qty: filled.qty,
                value: life.market.rules.notional(filled.price, filled.qty),
                fee: filled.fee,
                episode: Some(id.episode),
            };
            let key = (id.episode.key.account, id.episode.key.instrument);
            let touched = self.spot.add(key, Entry::Sell(trade), Some(Owner::Exit(id)));
            self.tell_touched(&touched, changes);
        } else {
            for place in sent.parents.clone() {
                self.tell_opening(id.episode, place, changes);
            }
            self.tell_exit(&id, changes);
        }
        self.tell_episode(id.episode, changes);
        self.tell_bracket(id.episode, Some(&id), changes);
        self.let_go(id.episode);
        Ok(())
    }

    fn on_closed(
        &mut self,
        at: Timestamp,
        id: EpisodeId,
        uncovered: Option<Uncovered>,
        changes: &mut Vec<Change>,
    ) -> Result<(), LedgerFault> {
        let life = self.life(id)?;
        let qty = life.close(at, uncovered);
        if life.is_fifo() && qty.0 > 0 {
            let key = (id.key.account, id.key.instrument);
            let touched = self.spot.add(key, Entry::Dust { at, episode: id, qty }, None);
            self.tell_touched(&touched, changes);
        }
        self.tell_episode(id, changes);
        self.tell_bracket(id, None, changes);
        self.let_go(id);
        Ok(())
    }

    fn on_imported(
        &mut self,
        seq: u64,
        at: Timestamp,
        trade: Imported,
        changes: &mut Vec<Change>,
    ) -> Result<(), LedgerFault> {
        if trade.via == ADOPTED {
            return Err(LedgerFault::Adopted { order_id: trade.order_id });
        }
        let reconciled = Change::Reconciled { order_id: trade.order_id.clone(), at, via: trade.via.clone() };
        if text::is_ours(&trade.order_id) {
            // Our own journal knows our orders better than any later look.
            changes.push(reconciled);
            return Ok(());
        }
        if let Some(known) = self.imports.get_mut(trade.order_id.as_str()) {
            imports::merge(known, &trade);
            let id: Arc<str> = trade.order_id.as_str().into();
            self.tell_import(&id, changes)?;
            changes.push(reconciled);
            return Ok(());
        }
        let market = self.markets.get(&trade.instrument).cloned();
        let market = market.ok_or(LedgerFault::UnknownInstrument(trade.instrument))?;
        for (field, value) in [("qty", trade.qty.0), ("price", trade.price.0)] {
            if value <= 0 {
                return Err(LedgerFault::NotPositive { order_id: trade.order_id, field, value });
            }
        }
        let id: Arc<str> = trade.order_id.as_str().into();
        // Asked first, so that a fault leaves nothing behind.
        imports::row(&trade, &market, &[], None)?;
        let moved = imports::moved(&trade, &market)?;
        let entry = Trade {
            seq,
            order: id.clone(),
            number: 0,
            at: trade.at,
            qty: moved.qty,
            value: moved.value,
            fee: moved.fee,
            episode: None,
        };
        let (key, closes) = ((trade.account, trade.instrument), trade.closes);
        self.imports.insert(id.clone(), trade);
        if market.method == Method::Fifo {
            let entry = if closes { Entry::Sell(entry) } else { Entry::Buy(entry) };
            let touched = self.spot.add(key, entry, Some(Owner::Import));
            self.tell_touched(&touched, changes);
            Ok(())
        } else {
            self.tell_import(&id, changes)
        }
    }
}

mod cover;
mod tell;
