//! How a position is covered, now: by a stop at the venue, by a rule of ours, or not at all; and what it
//! costs at worst.
//!
//! Computed when asked for, from the state alone. When something was covered and since when is told by the
//! records: see [`crate::coverage`].

use std::collections::BTreeMap;

use serde::Serialize;

use super::View;
use crate::coordinator::{Coordinator, FRESH_FOR};
use crate::id::{AccountId, EpisodeId, OrderId, PlanId};
use crate::instrument::Side;
use crate::listing::Listings;
use crate::num::{Money, Price, Qty, Round};
use crate::order::{OrderState, Trigger, TriggerSource};
use crate::orders::{Order, Orders};
use crate::plan::Rule;
use crate::position::{Phase, Position, Terms, at_loss, tighter};
use crate::reason::Reason;
use crate::time::Timestamp;

/// How one held position is covered.
///
/// `covered + armed_only + naked` is what is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Protection {
    /// Its life.
    pub episode: EpisodeId,
    /// Its plan.
    pub plan: PlanId,
    /// Long or short.
    pub side: Side,
    /// Quantity held; positive.
    pub held: Qty,
    /// What of it the venue can close: whole lots, not less than the smallest order. The rest is dust.
    pub closable: Qty,
    /// Quantity that a confirmed stop at the venue closes without us.
    pub covered: Qty,
    /// Quantity that only we would close: an armed rule, or a close that was decided.
    pub armed_only: Qty,
    /// Quantity that neither covers. Where nothing may be sent ([`crate::kill::KillLevel::Silent`]), no rule does.
    pub naked: Qty,
    /// Whether its plan wants a stop at the venue.
    pub wants_stop: bool,
    /// The stop at the venue that covers, if any does.
    pub stop: Option<VenueStop>,
    /// The nearest armed rule that bounds the loss.
    pub rule: Option<ArmedRule>,
    /// Why it is closing, if a close of everything was decided.
    pub closing: Option<Reason>,
    /// Orders of it of which nothing is known.
    pub unknown_orders: u32,
    /// The outcome at worst if everything but the venue died now.
    pub worst_without_us: WorstCase,
    /// The outcome at worst while we live; of a close on its way at the market it is the market that says.
    pub worst_with_us: WorstCase,
    /// The last price of the side of the book that it would trade against, or its entry before the first.
    pub price: Price,
    /// What is held, at that price.
    pub value: Money,
    /// What of it a stop at the venue covers, at that price.
    pub value_covered: Money,
    /// What it all comes to.
    pub cover: Cover,
}

/// A stop that rests at the venue and that the venue has confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct VenueStop {
    /// The order.
    pub order: OrderId,
    /// Where it triggers.
    pub trigger: Price,
    /// Whose price triggers it.
    pub on: TriggerSource,
    /// What it may still close.
    pub qty: Qty,
    /// The reason that its fill will have.
    pub reason: Reason,
    /// Its trigger has traded and its fill is waited for.
    pub is_triggered: bool,
    /// When it was last seen among the orders at the venue; `None` where nobody lists them.
    pub seen_at: Option<Timestamp>,
}

/// A rule that watches, and where it fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ArmedRule {
    /// The rule, by the reason it gives.
    pub reason: Reason,
    /// The price from which on it holds.
    pub level: Price,
    /// It leaves its exit to the stop at the venue.
    pub leaves_to_stop: bool,
}

/// A net outcome: profit less entry fees and one taker fee for the exit; a loss is negative. Slippage and
/// gaps come on top, and an unsold rest below a lot is counted as sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WorstCase {
    /// Not worse than this, at the level's own price.
    At(Money),
    /// Nothing bounds it.
    Unbounded,
}

/// What the cover of a position comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cover {
    /// Covered as its plan wants.
    AsPlanned,
    /// Less is held than the venue can close: nothing can cover it.
    Dust,
    /// A close of everything is on its way.
    Closing,
    /// A stop at the venue covers everything, and open orders were not listed for too long to say that it is there.
    StopUnseen,
    /// Its plan wants a stop at the venue, and no confirmed one covers everything.
    StopMissing,
    /// Something that could be closed is covered by nothing.
    Naked,
}

impl Cover {
    /// Whether somebody must look: money that could be covered, and is not as it should be.
    #[must_use]
    pub const fn is_short(self) -> bool {
        match self {
            Self::AsPlanned | Self::Dust | Self::Closing => false,
            Self::StopUnseen | Self::StopMissing | Self::Naked => true,
        }
    }

    /// The word used in tables and texts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::AsPlanned => "as_planned",
            Self::Dust => "dust",
            Self::Closing => "closing",
            Self::StopUnseen => "stop_unseen",
            Self::StopMissing => "stop_missing",
            Self::Naked => "naked",
        }
    }
}

impl WorstCase {
    /// The outcome, where it is bounded.
    #[must_use]
    pub const fn bounded(self) -> Option<Money> {
        match self {
            Self::At(money) => Some(money),
            Self::Unbounded => None,
        }
    }
}

/// Sums over positions. They are of one currency when the instruments' quote currencies are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Positions held.
    pub positions: u32,
    /// Those of which somebody must look: see [`Cover::is_short`].
    pub short: u32,
    /// Those that are closing.
    pub closing: u32,
    /// Orders of which nothing is known.
    pub unknown_orders: u32,
    /// What is held, at the last prices.
    pub value: Money,
    /// What of it stops at the venue cover.
    pub value_covered: Money,
    /// Sum of the outcomes at worst without us, of the positions where it is bounded.
    pub worst_without_us: Money,
    /// Positions where nothing bounds it without us.
    pub unbounded_without_us: u32,
    /// Sum of the outcomes at worst while we live, of the positions where it is bounded.
    pub worst_with_us: Money,
    /// Positions where nothing bounds it even while we live.
    pub unbounded_with_us: u32,
}

impl Totals {
    /// Counts a position in.
    pub fn add(&mut self, of: &Protection) {
        self.positions += 1;
        self.short += u32::from(of.cover.is_short());
        self.closing += u32::from(of.closing.is_some());
        self.unknown_orders += of.unknown_orders;
        self.value += of.value;
        self.value_covered += of.value_covered;
        match of.worst_without_us {
            WorstCase::At(money) => self.worst_without_us += money,
            WorstCase::Unbounded => self.unbounded_without_us += 1,
        }
        match of.worst_with_us {
            WorstCase::At(money) => self.worst_with_us += money,
            WorstCase::Unbounded => self.unbounded_with_us += 1,
        }
    }

    /// The sums over all of `positions`.
    #[must_use]
    pub fn of<'a>(positions: impl IntoIterator<Item = &'a Protection>) -> Self {
        let mut totals = Self::default();
        positions.into_iter().for_each(|of| totals.add(of));
        totals
    }

    /// The sums of each account.
    #[must_use]
    pub fn by_account<'a>(positions: impl IntoIterator<Item = &'a Protection>) -> BTreeMap<AccountId, Self> {
        let mut accounts: BTreeMap<AccountId, Self> = BTreeMap::new();
        for of in positions {
            accounts.entry(of.episode.key.account).or_default().add(of);
        }
        accounts
    }
}

impl Protection {
    /// The same at `now`: a stop that was last seen too long ago is not known to be there.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        let seen_at = self.stop.and_then(|stop| stop.seen_at);
        let is_unseen = seen_at.is_some_and(|seen_at| now.since(seen_at) > FRESH_FOR);
        match self.cover {
            Cover::AsPlanned if is_unseen => Self { cover: Cover::StopUnseen, ..self },
            _ => self,
        }
    }
}

impl<'a> View<'a> {
    /// How every held position is covered, in order of their episodes.
    pub fn protections(self) -> impl Iterator<Item = Protection> + 'a {
        let coordinator = self.coordinator;
        let engine = &coordinator.engine;
        let slots = engine.buckets.iter().filter_map(|(_, lives)| lives.slot());
        slots.filter_map(move |slot| {
            let position = &engine.positions[slot as usize];
            position.is_held().then(|| protection(coordinator, position))
        })
    }
}

fn protection(coordinator: &Coordinator, position: &Position) -> Protection {
    let (engine, orders) = (&coordinator.engine, &coordinator.orders);
    let terms = Terms { at_venue: orders.at_venue(position), ..engine.terms_of(position) };
    let (held, closable) = (position.open, terms.instrument.closable(position.open));
    let listings = coordinator.accounts.get(position.episode.key.account).map(|account| &account.listings);
    let stop = venue_stop(orders, listings, position, &terms);
    let covered = stop.map_or(Qty(0), |stop| stop.qty.min(held));
    let is_whole = covered >= closable && closable.0 > 0;
    let whole = stop.filter(|_| is_whole);
    let is_stopped = coordinator.is_silenced(position.episode);
    let armed = if is_stopped { Vec::new() } else { armed(position, &terms, whole) };
    let sign = position.side().sign();
    // The nearest to the market; of equal ones the highest-ranked.
    let rule = first_max(armed.iter().copied(), |rule| sign * rule.level.0);
    let is_closing = position.closing.is_some() && !is_stopped;
    let is_watched = rule.is_some() || is_closing;
    let rest = Qty(held.0 - covered.0);
    let (armed_only, naked) = if is_watched { (rest, Qty(0)) } else { (Qty(0), rest) };
    let quote = engine.last_price(terms.cells.quote(position.side()));
    let price = quote.unwrap_or_else(|| position.entry().rounded());
    let without_us = whole.map(|stop| stop.trigger);
    let acting = armed.iter().filter(|rule| !rule.leaves_to_stop).map(|rule| rule.level);
    let with_us = acting.chain(without_us).reduce(|a, b| tighter(position.side(), a, b));
    let outcome = |level: Option<Price>| match level {
        // What was passed already is out at the market.
        Some(level) if at_loss(position.side(), price, level) => {
            WorstCase::At(outcome_at(position, &terms, price))
        }
        Some(level) => WorstCase::At(outcome_at(position, &terms, level)),
        None => WorstCase::Unbounded,
    };
    let living = || orders.list(position.first_order).map(|(_, order)| order);
    let unknown = living().filter(|order| order.life().state == OrderState::Unknown).count();
    let is_leaving = living().any(|order| order.closes_all() && may_fill(order));
    let wants_stop = terms.plan.bracket.is_some();
    let cover = if closable.0 == 0 {
        Cover::Dust
    } else if is_whole {
        Cover::AsPlanned
    } else if is_closing && (is_leaving || !wants_stop) {
        Cover::Closing
    } else if naked.0 > 0 {
        Cover::Naked
    } else if wants_stop {
        Cover::StopMissing
    } else {
        Cover::AsPlanned
    };
    Protection {
        episode: position.episode,
        plan: position.plan,
        side: position.side(),
        held,
        closable,
        covered,
        armed_only,
        naked,
        wants_stop,
        stop,
        rule,
        closing: position.closing,
        unknown_orders: u32::try_from(unknown).unwrap_or(u32::MAX),
        worst_without_us: outcome(without_us),
        worst_with_us: outcome(with_us),
        price,
        value: terms.instrument.notional(price, held),
        value_covered: terms.instrument.notional(price, covered),
        cover,
    }
}

/// Whether the venue has the order, or is just getting it; of an unknown one it is not known.
const fn may_fill(order: &Order) -> bool {
    match order.life().state {
        OrderState::Sent | OrderState::Working | OrderState::PartFilled => true,
        OrderState::Filled
        | OrderState::Refused
        | OrderState::Expired
        | OrderState::Cancelled
        | OrderState::Unknown => false,
    }
}

/// The confirmed stop that covers most. One that was triggered and failed to close covers nothing.
fn venue_stop(
    orders: &Orders,
    listings: Option<&Listings>,
    position: &Position,
    terms: &Terms<'_>,
) -> Option<VenueStop> {
    if position.closing == Some(Reason::ProtectionFailed) && position.phase == Phase::Closing {
        return None;
    }
    let confirmed = orders.list(position.first_order).map(|(_, order)| order);
    let id = |order: &Order| order.named(position.episode).id;
    let is_missing = |order: &Order| listings.is_some_and(|listings| listings.missing.contains(&id(order)));
    // One that is being taken away rests until the venue says that it went.
    let confirmed = confirmed.filter(|order| order.protects() && order.is_at_venue() && !is_missing(order));
    // Of equal ones the newest, which comes first.
    let most = first_max(confirmed, |order| order.life().open())?;
    Some(VenueStop {
        order: id(most),
        trigger: most.trigger,
        on: most.triggers_on(),
        qty: most.life().open(),
        reason: most.reason,
        is_triggered: terms.is_triggered,
        seen_at: listings.and_then(|listings| listings.seen_at(&id(most))),
    })
}

/// The first of the greatest.
fn first_max<T, K: Ord>(of: impl Iterator<Item = T>, key: impl Fn(&T) -> K) -> Option<T> {
    of.reduce(|best, next| if key(&next) > key(&best) { next } else { best })
}

/// The armed rules, each with its level. While a close is on its way only those are armed that may outrun it.
fn armed(position: &Position, terms: &Terms<'_>, whole: Option<VenueStop>) -> Vec<ArmedRule> {
    let is_open = position.phase == Phase::Open;
    let rules: &'static [Rule] = if is_open { &Rule::STOPS } else { position.outrunners(terms) };
    let armed = rules.iter().filter_map(|&rule| {
        let level = position.loss_level(rule, terms)?;
        let leaves = |stop: VenueStop| {
            let trigger = Trigger { at: stop.trigger, on: stop.on };
            is_open && position.leaves_to_stop(rule, level, trigger, terms)
        };
        let leaves_to_stop = whole.is_some_and(leaves);
        is_reachable(position.side(), level).then_some(ArmedRule {
            reason: rule.reason(),
            level,
            leaves_to_stop,
        })
    });
    armed.collect()
}

/// Whether any price gets there on the losing side.
const fn is_reachable(side: Side, level: Price) -> bool {
    match side {
        Side::Long => level.0 > 0,
        Side::Short => level.0 <= Price::MAX.0,
    }
}

/// Net outcome of everything held, sold at `level` as a taker.
fn outcome_at(position: &Position, terms: &Terms<'_>, level: Price) -> Money {
    let gross = Money(position.gross_at(level) * terms.instrument.money_per_unit());
    let fee = terms.instrument.notional(level, position.open).times(terms.plan.taker_fee, Round::Up);
    gross - position.entry_fees - fee
}
