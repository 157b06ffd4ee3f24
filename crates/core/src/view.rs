//! Read-only questions: what is held, where its levels are, what it is worth now.

use serde::Serialize;

use crate::account::Management;
use crate::cell::CellId;
use crate::coordinator::Coordinator;
use crate::engine::Engine;
use crate::id::{AccountId, EpisodeId, InstrumentId, PlanId, PositionKey};
use crate::instrument::{Instrument, Side};
use crate::kill::KillLevel;
use crate::num::{Money, Price, Qty};
use crate::order::{ExitOrder, OrderLife};
use crate::orders::Order;
use crate::pacing::{OrderBudget, Pace};
use crate::plan::{Plan, Rule};
use crate::position::{Phase, Position, price};
use crate::reason::{Reason, StopOrigin};
use crate::time::Timestamp;

mod protection;

pub use protection::{ArmedRule, Cover, Protection, Totals, VenueStop, WorstCase};

/// A look at a coordinator. Nothing is computed before it is asked for.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    coordinator: &'a Coordinator,
}

/// One position as a person or a program wants to see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PositionView {
    /// Its life.
    pub episode: EpisodeId,
    /// Its plan.
    pub plan: PlanId,
    /// Open, or closing and why.
    pub phase: Phase,
    /// Why it is closing.
    pub closing: Option<Reason>,
    /// Long or short.
    pub side: Side,
    /// Quantity held.
    pub qty: Qty,
    /// Largest quantity held.
    pub initial: Qty,
    /// Average entry, rounded to a price unit.
    pub entry: Price,
    /// When it was taken over.
    pub opened_at: Timestamp,
    /// The stop of rule 4 and what set it.
    pub stop: Option<(Price, StopOrigin)>,
    /// The trailing stop, when active.
    pub trailing_stop: Option<Price>,
    /// The tightest of the two.
    pub effective_stop: Option<Price>,
    /// The emergency stop.
    pub hard_stop: Option<Price>,
    /// Ladder targets with their state.
    pub legs: Vec<LegView>,
    /// Last price of the side of the book it would trade against.
    pub price: Option<Price>,
    /// Gross profit of what is held, at that price.
    pub unrealised: Option<Money>,
}

/// A managed account as a person or a program wants to see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountView {
    /// What is managed.
    pub given: Management,
    /// No read has come since the start: what the venue holds is not known yet.
    pub is_recovering: bool,
    /// Reads in a row that failed.
    pub failed_reads: u32,
    /// Buckets that were let go.
    pub released: Vec<PositionKey>,
    /// What may still be taken over of each granted instrument.
    pub grants_left: Vec<(InstrumentId, Qty)>,
}

/// One ladder leg of a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LegView {
    /// Its target.
    pub target: Price,
    /// Whether it was concluded with a fill.
    pub done: bool,
}

/// An order that the venue may still work on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LivingOrder {
    /// The order as it was sent.
    pub order: ExitOrder,
    /// What became of it so far.
    pub life: OrderLife,
    /// Whether its episode still holds something.
    pub is_held: bool,
    /// What was let go and is left to this stop, which stays at the venue; none of any other order.
    pub let_go: Option<Qty>,
}

impl Coordinator {
    /// A look at the present state.
    #[must_use]
    pub const fn view(&self) -> View<'_> {
        View { coordinator: self }
    }
}

impl<'a> View<'a> {
    /// All positions held, in order of their episodes.
    pub fn positions(self) -> impl Iterator<Item = PositionView> + 'a {
        let engine = &self.coordinator.engine;
        let slots = engine.buckets.iter().filter_map(|(_, lives)| lives.slot());
        slots.filter_map(move |slot| {
            let position = &engine.positions[slot as usize];
            position.is_held().then(|| position_view(engine, position))
        })
    }

    /// The position that lives in a bucket.
    #[must_use]
    pub fn position(self, key: PositionKey) -> Option<PositionView> {
        let engine = &self.coordinator.engine;
        let slot = engine.living(key)?;
        Some(position_view(engine, &engine.positions[slot as usize]))
    }

    /// How much a bucket holds, and whether it is closing; without the levels that [`View::position`] computes.
    #[must_use]
    pub fn holding(self, key: PositionKey) -> Option<(Qty, Phase)> {
        let engine = &self.coordinator.engine;
        let position = &engine.positions[engine.living(key)? as usize];
        Some((position.open, position.phase))
    }

    /// Prices, bars and levels that were told and cannot be; they changed nothing. Counted since the
    /// coordinator was made.
    #[must_use]
    pub const fn ignored(self) -> u64 {
        self.coordinator.ignored
    }

    /// The accounts that somebody stopped, and how far.
    pub fn kill_levels(self) -> impl Iterator<Item = (AccountId, KillLevel)> + 'a {
        self.coordinator.engine.standing.kill_levels()
    }

    /// The accounts whose orders are counted, their budgets, and how their orders go.
    pub fn budgets(self) -> impl Iterator<Item = (AccountId, OrderBudget, Pace)> + 'a {
        self.coordinator.pacing.paces()
    }

    /// Orders that are decided and wait for coins that other orders lock.
    #[must_use]
    pub fn waiting(self, episode: EpisodeId) -> usize {
        self.coordinator.orders.waiting.of(episode).count()
    }

    /// How many positions are held.
    #[must_use]
    pub fn held(self) -> usize {
        self.coordinator.engine.positions.iter().filter(|position| position.is_held()).count()
    }

    /// The living and ended orders of a bucket's position, newest first.
    #[must_use]
    pub fn orders(self, key: PositionKey) -> Vec<Order> {
        let Some(slot) = self.coordinator.engine.living(key) else { return Vec::new() };
        let first = self.coordinator.engine.positions[slot as usize].first_order;
        self.coordinator.orders.list(first).map(|(_, order)| *order).collect()
    }

    /// The last price of each cell that had one, and its time.
    pub fn last_prices(self) -> impl Iterator<Item = (CellId, Price, Timestamp)> + 'a {
        let cells = self.coordinator.engine.cells.iter().zip(0..);
        cells.filter_map(|(cell, index)| Some((CellId(index), cell.price()?, Timestamp(cell.at))))
    }

    /// How often the clock would step up to `at` if nothing else happened: bars that end, reads of the venue,
    /// and what else is timed again and again. Each step leaves a record.
    #[must_use]
    pub fn clock_steps_until(self, at: Timestamp) -> u64 {
        self.coordinator.clock_steps_until(at)
    }

    /// Every order that the venue may still work on, by position.
    pub fn living_orders(self) -> impl Iterator<Item = LivingOrder> + 'a {
        let Coordinator { engine, orders, .. } = self.coordinator;
        let positions = engine.positions.iter().zip(0..);
        let positions = positions.filter(|(position, _)| position.phase != Phase::Vacant);
        positions.flat_map(move |(position, slot)| {
            let living =
                orders.list(position.first_order).filter(|(_, order)| !order.life().state.is_final());
            let let_go = self.coordinator.keeps_stop(slot).then_some(position.open);
            living.map(move |(_, order)| LivingOrder {
                order: order.named(position.episode),
                life: order.life(),
                is_held: position.is_held(),
                let_go: let_go.filter(|_| order.is_left()),
            })
        })
    }

    /// The accounts that are managed, in their order.
    pub fn accounts(self) -> impl Iterator<Item = AccountView> + 'a {
        self.coordinator.accounts.iter().map(|account| AccountView {
            given: account.given.clone(),
            is_recovering: account.is_recovering,
            failed_reads: account.failed,
            released: account.released.iter().copied().collect(),
            grants_left: account
                .given
                .instruments
                .iter()
                .filter(|managed| managed.grant.is_some())
                .map(|managed| (managed.instrument, account.grant_left(managed.instrument)))
                .collect(),
        })
    }

    /// Rules of a position that do not act before it is handed over, in rank order.
    #[must_use]
    pub fn held_back(self, episode: EpisodeId) -> Vec<Rule> {
        let held_back = self.coordinator.engine.standing.held_back(episode);
        Rule::ALL.into_iter().filter(|&rule| held_back.has(rule)).collect()
    }

    /// A registered plan.
    #[must_use]
    pub fn plan(self, plan: PlanId) -> &'a Plan {
        &self.coordinator.engine.plans[plan.0 as usize].plan
    }

    /// A registered instrument.
    #[must_use]
    pub fn instrument(self, key: PositionKey) -> &'a Instrument {
        &self.coordinator.engine.market(key.instrument).instrument
    }
}

fn position_view(engine: &Engine, position: &Position) -> PositionView {
    let terms = engine.terms_of(position);
    let last = engine.last_price(terms.cells.quote(position.side()));
    let legs = (0..crate::plan::ladder::LEGS_MAX)
        .map_while(|index| {
            let target = position.leg_level(index, &terms)?;
            Some(LegView { target, done: position.legs_done & (1 << index) != 0 })
        })
        .collect();
    PositionView {
        episode: position.episode,
        plan: position.plan,
        phase: position.phase,
        closing: position.closing,
        side: position.side(),
        qty: position.open,
        initial: position.initial,
        entry: position.entry().rounded(),
        opened_at: position.opened_at,
        stop: price(position.stop).map(|stop| (stop, position.stop_origin)),
        trailing_stop: position.trailing_stop(&terms),
        effective_stop: position.effective_stop(&terms),
        hard_stop: position.loss_level(Rule::HardStop, &terms),
        legs,
        price: last,
        unrealised: last.map(|last| Money(position.gross_at(last) * terms.instrument.money_per_unit())),
    }
}
