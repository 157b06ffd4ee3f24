//! One position: what it asks to be woken for, and what it answers when it is.
//!
//! `arm` lists the watches that the present state needs; `evaluate` looks at every rule
//! independently and says which hold. Neither changes anything: the coordinator does, on the
//! decision and on fills.

use crate::planted::planted;
use std::borrow::Cow;
use std::num::NonZeroI64;

use serde::{Deserialize, Serialize};

use crate::account::Share;
use crate::cell::CellId;
use crate::event::{Held, Probe};
use crate::id::{EpisodeId, PlanId};
use crate::indicator::AtrValue;
use crate::instrument::{Instrument, Side};
use crate::num::{Money, Price, Qty, share_of};
use crate::order::{Trigger, TriggerSource};
use crate::plan::dynamic::Measured;
use crate::plan::ladder::{Ladder, LegKind};
use crate::plan::trailing::{Trail, Trailing};
use crate::plan::{Average, LevelRule, Plan, Rule};
use crate::reason::{Reason, StopOrigin};
use crate::time::Timestamp;
use crate::watch::TrailDistance;

mod arm;
mod evaluate;
mod leave;

pub use arm::{ArmList, Watch};
pub use evaluate::Decision;

/// Exits of one episode after which legs, signals and time limits decide no more: the numbers that are
/// left are for stops and people.
pub const EXITS_FOR_PATIENT: u16 = u16::MAX / 2;

/// A price level that may be absent; prices are positive, so absence costs no space.
pub type Level = Option<NonZeroI64>;

/// A level at `price`, which is positive.
#[must_use]
pub fn level(price: Price) -> Level {
    NonZeroI64::new(price.0)
}

/// The price of a level.
#[must_use]
pub fn price(level: Level) -> Option<Price> {
    level.map(|level| Price(level.get()))
}

/// Where a position is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Held; its rules watch.
    Open,
    /// A full close was decided: a standing obligation until flat.
    Closing,
    /// Flat; orders of it may still be alive at the venue.
    Flat,
    /// The slot is free.
    Vacant,
}

/// One position's state. Small, because a million of them are held in memory.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Position {
    /// The life it is.
    pub episode: EpisodeId,
    /// Its plan.
    pub plan: PlanId,
    /// First of its orders in [`crate::orders::Orders`].
    pub(crate) first_order: u32,
    /// Exits decided so far; numbers the next one.
    pub exits: u16,
    /// Where it is in its life.
    pub phase: Phase,
    /// Why it is closing.
    pub closing: Option<Reason>,
    /// What set the present stop.
    pub stop_origin: StopOrigin,
    /// Whether the trailing stop is active.
    pub trailing: bool,
    /// Ladder legs that are out: resting, in flight or filled; bit n is leg n + 1.
    pub legs_out: u8,
    /// Ladder legs that were concluded with a fill.
    pub legs_done: u8,
    /// When it was taken over.
    pub opened_at: Timestamp,
    /// Quantity held now.
    pub open: Qty,
    /// Largest quantity held.
    pub initial: Qty,
    /// The stop of rule 4 now.
    pub stop: Level,
    /// The stop of rule 4 at the entry; its distance from the entry is R.
    pub first_stop: Level,
    /// Best price when the trailing stop became active.
    pub(crate) best: Level,
    /// The moment it became active, in its cell's extremes.
    #[serde(skip)]
    pub(crate) best_since: crate::watch::Moment,
    /// A trailing stop already reached, that a changed distance may not loosen.
    pub(crate) trail_floor: Level,
    /// Cost of the quantity held: price units times quantity units.
    pub cost: i128,
    /// Entry fees of the quantity held.
    pub entry_fees: Money,
    /// Funding paid on the quantity held.
    pub funding: Money,
}

/// What a position needs to know besides its own state.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// Its plan.
    pub plan: &'a Plan,
    /// Its instrument.
    pub instrument: &'a Instrument,
    /// The plan's ATR now.
    pub atr: Option<AtrValue>,
    /// Price and end of the last closed bar of the plan's ATR.
    pub closed: Option<(Price, Timestamp)>,
    /// The instrument's cells, one per price source, stand-ins included.
    pub cells: &'a SourceCells,
    /// Best price since the trailing stop became active, if it is.
    pub best: Option<Price>,
    /// What the venue has of its orders.
    pub at_venue: AtVenue,
    /// Whether that trigger has traded.
    pub is_triggered: bool,
    /// Whether an exit signal stands.
    pub is_signalled: bool,
    /// Whether it was held as long as its plan allows.
    pub is_overdue: bool,
    /// Whether somebody stopped exits of choice.
    pub is_stopped: bool,
    /// Whether nothing is sent.
    pub is_silent: bool,
    /// Rules that do not act before the position is handed over.
    pub held_back: RuleSet,
}

/// Some of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RuleSet(u16);

impl RuleSet {
    /// No rule.
    pub const NONE: Self = Self(0);

    /// The same and `rule`.
    #[must_use]
    pub const fn with(self, rule: Rule) -> Self {
        Self(self.0 | 1 << rule as u16)
    }

    /// Whether `rule` is among them.
    #[must_use]
    pub const fn has(self, rule: Rule) -> bool {
        self.0 & (1 << rule as u16) != 0
    }
}

/// What the venue has of a position's orders, as far as its watches depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AtVenue {
    /// What partial closes on their way will take before the next leg does: earlier legs, and what a
    /// person closes by hand.
    pub claimed: Qty,
    /// The trigger of the stop that the venue has confirmed.
    pub trigger: Option<Trigger>,
    /// The trigger that a tighter stop is held against; none while an answer is waited for.
    pub follows_from: Option<Price>,
    /// The limit of the full close under way.
    pub close_limit: Option<Price>,
    /// Nothing is known of the full close under way.
    pub close_is_unknown: bool,
    /// An order of the full close lives, or waits for its coins.
    pub close_lives: bool,
}

/// The cell that gives each price source of an instrument; a source that is not fed is stood in
/// for by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceCells(pub [CellId; 5]);

impl SourceCells {
    /// The cell of rules that look at the side of the book they would trade against.
    #[must_use]
    pub const fn quote(&self, side: Side) -> CellId {
        match side {
            Side::Long => self.0[crate::market::PriceSource::Bid as usize],
            Side::Short => self.0[crate::market::PriceSource::Ask as usize],
        }
    }

    /// The cell that triggers a stop at the venue.
    #[must_use]
    pub const fn of_trigger(&self, on: TriggerSource) -> CellId {
        self.0[on.source() as usize]
    }

    /// Whether two cells tell of the same price: trades and quotes do, a mark or index price is another.
    #[must_use]
    pub fn are_alike(&self, a: CellId, b: CellId) -> bool {
        use crate::market::PriceSource::{Ask, Bid, Last};
        let is_traded = |cell| [Last, Bid, Ask].iter().any(|&source| self.0[source as usize] == cell);
        a == b || (is_traded(a) && is_traded(b))
    }

    /// The cell a rule of `side` looks at, by its own choice or its default.
    #[must_use]
    pub fn of_rule(&self, rule: Rule, side: Side, plan: &Plan) -> CellId {
        use crate::market::PriceSource::Mark;
        let (chosen, default) = match rule {
            Rule::HardStop => (plan.hard_stop.and_then(|rule| rule.source), Some(Mark)),
            Rule::LossGuard => (plan.loss_guard.and_then(|rule| rule.source), Some(Mark)),
            Rule::StopLoss => {
                let trigger = plan.bracket.map(|bracket| bracket.trigger).unwrap_or_default();
                (plan.stop_loss.and_then(|rule| rule.source), Some(trigger.source()))
            }
            Rule::SoftStop => (plan.soft_stop.and_then(|rule| rule.source), None),
            Rule::TrailingStop | Rule::TakeProfit | Rule::SignalExit | Rule::TimeLimit => (None, None),
        };
        chosen.or(default).map_or_else(|| self.quote(side), |source| self.0[source as usize])
    }
}

impl Position {
    /// Long or short.
    #[must_use]
    pub const fn side(&self) -> Side {
        self.episode.key.side
    }

    /// The average entry.
    #[must_use]
    pub const fn entry(&self) -> Average {
        Average { cost: self.cost, qty: self.open.0 }
    }

    /// R in price units: how far the initial stop was from the entry.
    #[must_use]
    pub fn risk(&self) -> Option<i64> {
        let stop = self.first_stop?.get();
        let risk = self.side().sign() * (self.entry().rounded().0 - stop);
        (risk > 0).then_some(risk)
    }

    /// Whether legs, signals and time limits may still decide exits.
    #[must_use]
    pub const fn may_choose(&self, terms: &Terms<'_>) -> bool {
        self.exits <= EXITS_FOR_PATIENT && !terms.is_stopped
    }

    /// Whether it holds something.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        matches!(self.phase, Phase::Open | Phase::Closing)
    }

    /// The ladder as it stands: targets may follow the market, leg n stays leg n.
    #[must_use]
    pub fn ladder<'a>(&self, terms: &Terms<'a>) -> Option<Cow<'a, Ladder>> {
        let ladder = terms.plan.ladder.as_ref()?;
        if !ladder.follows() {
            return Some(Cow::Borrowed(ladder));
        }
        let measured = Measured {
            side: self.side(),
            entry: self.entry(),
            initial: self.initial,
            opened_at: self.opened_at,
            atr: terms.atr,
            closed: terms.closed,
        };
        Some(Cow::Owned(ladder.retargeted(measured.known(terms.instrument))))
    }

    /// The target of ladder leg `index`.
    #[must_use]
    pub fn leg_level(&self, index: usize, terms: &Terms<'_>) -> Option<Price> {
        let ladder = self.ladder(terms)?;
        let level = ladder.legs.get(index)?.level(self.side(), self.entry(), self.risk(), terms.level_rule());
        // A short's target may lie below zero: no price gets there.
        level.filter(|level| level.is_sound())
    }

    /// The quantity that legs `from..to` close now, of what no order on its way will take.
    #[must_use]
    pub fn legs_qty(&self, from: usize, to: usize, terms: &Terms<'_>) -> Qty {
        let Some(ladder) = self.ladder(terms) else { return Qty(0) };
        let free = Qty((self.open.0 - terms.at_venue.claimed.0).max(0));
        ladder.qty(from, to, free, self.initial, terms.instrument)
    }

    /// The trailing stop at present, if it is active.
    #[must_use]
    pub fn trailing_stop(&self, terms: &Terms<'_>) -> Option<Price> {
        let trailing = terms.plan.trailing.as_ref()?;
        let best = terms.best?;
        if !self.trailing {
            return None;
        }
        if trailing.is_stepped() {
            return price(self.trail_floor).filter(|stop| stop.is_sound());
        }
        let stop = trailing.stop(best, &self.trail(terms));
        let stop = price(self.trail_floor).map_or(stop, |floor| tighter(self.side(), floor, stop));
        Some(stop).filter(|stop| stop.is_sound())
    }

    /// The tightest of stop and trailing stop: the one effective stop.
    #[must_use]
    pub fn effective_stop(&self, terms: &Terms<'_>) -> Option<Price> {
        match (price(self.stop), self.trailing_stop(terms)) {
            (Some(stop), Some(trail)) => Some(tighter(self.side(), stop, trail)),
            (stop, trail) => stop.or(trail),
        }
    }

    /// Gross profit of the quantity held at `price`, in price units times quantity units.
    #[must_use]
    pub fn gross_at(&self, price: Price) -> i128 {
        i128::from(self.side().sign()) * (i128::from(price.0) * i128::from(self.open.0) - self.cost)
    }

    /// Takes `qty` out of the position; returns its share of cost, entry fees and funding.
    pub(crate) fn reduce(&mut self, qty: Qty) -> (i128, Money, Money) {
        assert!(qty.0 > 0 && qty <= self.open, "a fill closes more than is held");
        let share = |whole| share_of(whole, qty, self.open);
        let (cost, fees, funding) =
            (share(self.cost), Money(share(self.entry_fees.0)), Money(share(self.funding.0)));
        self.open = Qty(self.open.0 - qty.0);
        self.cost -= cost;
        self.entry_fees = self.entry_fees - fees;
        self.funding = self.funding - funding;
        (cost, fees, funding)
    }

    /// Puts back what had been taken out.
    pub(crate) fn put_back(&mut self, share: &Share) {
        self.open = Qty(self.open.0 + share.qty.0);
        self.cost += share.cost;
        self.entry_fees += share.entry_fees;
        self.funding += share.funding;
    }

    /// What the position brings to a trailing stop.
    #[must_use]
    pub fn trail(&self, terms: &Terms<'_>) -> Trail {
        Trail {
            side: self.side(),
            entry: self.entry(),
            // Only a curve is measured in R.
            risk: terms
                .plan
                .trailing
                .as_ref()
                .filter(|trailing| !trailing.curve.is_empty())
                .and_then(|_| self.risk()),
            atr: terms.atr,
            rule: terms.level_rule(),
        }
    }
}

impl<'a> Terms<'a> {
    /// The ladder of the plan, unless it is held back.
    #[must_use]
    pub fn acting_ladder(&self) -> Option<&'a Ladder> {
        self.plan.ladder.as_ref().filter(|_| !self.held_back.has(Rule::TakeProfit))
    }

    /// How the instrument's levels are rounded under the plan.
    #[must_use]
    pub const fn level_rule(&self) -> LevelRule {
        LevelRule::new(self.plan.rounding, self.instrument)
    }
}

/// The tighter of two stops of `side`.
#[must_use]
pub fn tighter(side: Side, a: Price, b: Price) -> Price {
    match side {
        Side::Long => a.max(b),
        Side::Short => a.min(b),
    }
}

/// Whether `price` is at or beyond `level` on the losing side.
#[must_use]
pub fn at_loss(side: Side, price: Price, level: Price) -> bool {
    match side {
        Side::Short if planted(117) => price.0 >= level.0 - level.0 / 200,
        Side::Long => price <= level,
        Side::Short => price >= level,
    }
}

/// Whether `price` is at or beyond `level` on the winning side.
#[must_use]
pub fn at_gain(side: Side, price: Price, level: Price) -> bool {
    match side {
        Side::Long => price >= level,
        Side::Short => price <= level,
    }
}

const _: () = assert!(
    size_of::<Position>() <= 144,
    "a quiet position costs at most 256 bytes with its orders and watches"
);
