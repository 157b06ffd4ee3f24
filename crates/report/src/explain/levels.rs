//! Where the levels of one position stand: what the records said last, and what the functions of
//! the plan make of it.

use ripcord_core::cell::CellId;
use ripcord_core::event::Probe;
use ripcord_core::id::OrderId;
use ripcord_core::indicator::AtrValue;
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::plan::dynamic::Measured;
use ripcord_core::plan::trailing::Trail;
use ripcord_core::plan::{Average, Ladder, LevelRule, LossLimit, Plan, Rule};
use ripcord_core::position::{SourceCells, tighter};
use ripcord_core::reason::{Reason, StopOrigin};
use ripcord_core::time::Timestamp;

/// What a rule waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watching {
    /// A price at or beyond its level on the losing side.
    Loss,
    /// A price at or beyond its level on the winning side.
    Gain,
    /// The price that activates the trailing stop.
    Activation,
}

/// A rule as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleNow {
    /// The rule.
    pub reason: Reason,
    /// The ladder leg, from 1; 0 when it is none.
    pub leg: u8,
    /// What it waits for.
    pub watching: Watching,
    /// Its level, if it has one.
    pub level: Option<Price>,
    /// The cell it looks at.
    pub cell: CellId,
    /// The last price of that cell.
    pub price: Option<Price>,
    /// +1 for a long, -1 for a short.
    pub side_sign: i64,
}

impl RuleNow {
    /// How far its price is from its level, in price units; at or below 0 it is reached.
    #[must_use]
    pub fn gap(&self) -> Option<i64> {
        let toward = if self.watching == Watching::Loss { -self.side_sign } else { self.side_sign };
        Some(toward * (self.level?.0 - self.price?.0))
    }

    /// Whether a price that stands for `probe` may fire it.
    pub(super) fn heeds(&self, probe: Probe, side: Side) -> bool {
        let class = match self.watching {
            Watching::Loss => Probe::STOP,
            Watching::Gain => Probe::TARGET,
            Watching::Activation => Probe::EXTREME,
        };
        probe.fires(class, side)
    }
}

/// What the records have said of a position that its levels depend on.
#[derive(Debug)]
pub(super) struct Levels {
    pub(super) plan: Plan,
    pub(super) rules: Instrument,
    pub(super) cells: SourceCells,
    pub(super) side: Side,
    cost: i128,
    pub(super) open: Qty,
    fees: Money,
    pub(super) stop: Option<Price>,
    first_stop: Option<Price>,
    is_trailing: bool,
    best: Option<Price>,
    floor: Option<Price>,
    pub(super) atr: Option<AtrValue>,
    closed: Option<(Price, Timestamp)>,
    initial: Qty,
    opened_at: Timestamp,
    /// Legs whose order is at the venue; bit n is leg n + 1.
    pub(super) legs_out: u8,
    /// Legs that closed something.
    pub(super) legs_done: u8,
}

impl Levels {
    pub(super) fn new(
        plan: Plan,
        (rules, cells): (Instrument, SourceCells),
        side: Side,
        (opened_at, opened): (Timestamp, &ripcord_core::event::Opened),
    ) -> Self {
        Self {
            plan,
            rules,
            cells,
            side,
            cost: i128::from(opened.entry.0) * i128::from(opened.qty.0),
            open: opened.qty,
            fees: opened.entry_fees,
            stop: opened.stop,
            first_stop: opened.stop,
            is_trailing: false,
            best: None,
            floor: None,
            atr: None,
            closed: None,
            initial: opened.qty,
            opened_at,
            legs_out: 0,
            legs_done: 0,
        }
    }

    fn entry(&self) -> Average {
        // A made-up file may take out what was never there.
        let qty = self.open.0.max(1);
        let cost = self.cost.clamp(i128::from(qty), i128::from(qty) * i128::from(Price::MAX.0));
        Average { cost, qty }
    }

    fn level_rule(&self) -> LevelRule {
        LevelRule::new(self.plan.rounding, &self.rules)
    }

    fn risk(&self) -> Option<i64> {
        let risk = self.side.sign() * (self.entry().rounded().0 - self.first_stop?.0);
        (risk > 0).then_some(risk)
    }

    fn trail(&self) -> Trail {
        Trail {
            side: self.side,
            entry: self.entry(),
            risk: self.risk(),
            atr: self.atr,
            rule: self.level_rule(),
        }
    }

    /// The rules of the plan as they stand, in rank order; `price` gives a cell's last price.
    pub(super) fn now(&self, price: impl Fn(CellId) -> Option<Price>) -> Vec<RuleNow> {
        let mut all = Vec::new();
        let mut push = |rule: Rule, leg: u8, watching: Watching, level: Option<Price>| {
            let cell = self.cells.of_rule(rule, self.side, &self.plan);
            let side_sign = self.side.sign();
            all.push(RuleNow {
                reason: rule.reason(),
                leg,
                watching,
                level,
                cell,
                price: price(cell),
                side_sign,
            });
        };
        for (rule, limit) in [(Rule::HardStop, self.plan.hard_stop), (Rule::LossGuard, self.plan.loss_guard)]
        {
            if let Some(limit) = limit {
                push(rule, 0, Watching::Loss, Some(self.loss_level(&limit)));
            }
        }
        if self.plan.stop_loss.is_some() || self.stop.is_some() {
            push(Rule::StopLoss, 0, Watching::Loss, self.stop);
        }
        if let Some(limit) = self.plan.soft_stop {
            push(Rule::SoftStop, 0, Watching::Loss, Some(self.loss_level(&limit)));
        }
        if let Some(trailing) = &self.plan.trailing {
            if self.is_trailing {
                push(Rule::TrailingStop, 0, Watching::Loss, self.trailing_stop());
            } else {
                push(Rule::TrailingStop, 0, Watching::Activation, trailing.activation_level(&self.trail()));
            }
        }
        let ladder = self.ladder();
        let legs = ladder.iter().flat_map(|ladder| &ladder.legs);
        for (leg, number) in legs.zip(1..) {
            let level = leg.level(self.side, self.entry(), self.risk(), self.level_rule());
            push(Rule::TakeProfit, number, Watching::Gain, level);
        }
        all
    }

    fn ladder(&self) -> Option<Ladder> {
        let ladder = self.plan.ladder.as_ref()?;
        let measured = Measured {
            side: self.side,
            entry: self.entry(),
            initial: self.initial,
            opened_at: self.opened_at,
            atr: self.atr,
            closed: self.closed,
        };
        Some(if ladder.follows() { ladder.retargeted(measured.known(&self.rules)) } else { ladder.clone() })
    }

    fn loss_level(&self, limit: &LossLimit) -> Price {
        limit.level(self.side, self.entry(), self.fees, &self.plan, &self.rules)
    }

    /// The trailing stop, if it is active.
    pub(super) fn trailing_stop(&self) -> Option<Price> {
        let trailing = self.plan.trailing.as_ref().filter(|_| self.is_trailing)?;
        if trailing.is_stepped() {
            return self.floor;
        }
        let stop = trailing.stop(self.best?, &self.trail());
        Some(self.floor.map_or(stop, |floor| tighter(self.side, floor, stop)))
    }

    /// The tightest of stop and trailing stop.
    pub(super) fn effective_stop(&self) -> Option<Price> {
        match (self.stop, self.trailing_stop()) {
            (Some(stop), Some(trail)) => Some(tighter(self.side, stop, trail)),
            (stop, trail) => stop.or(trail),
        }
    }

    /// The cell whose prices lift the trailing stop.
    pub(super) fn trail_cell(&self) -> CellId {
        self.cells.of_rule(Rule::TrailingStop, self.side, &self.plan)
    }

    pub(super) fn activate(&mut self, best: Price, stop: Price) {
        self.is_trailing = true;
        self.best = Some(best);
        if self.plan.trailing.as_ref().is_some_and(|trailing| trailing.is_stepped()) {
            self.floor = Some(stop);
        }
    }

    /// A better best price; whether the stop that follows it moved, and from where.
    pub(super) fn raise(&mut self, price: Price) -> Option<Price> {
        let best = self.best.filter(|_| self.is_trailing)?;
        if self.side.sign() * (price.0 - best.0) <= 0 {
            return None;
        }
        let before = self.trailing_stop()?;
        self.best = Some(price);
        (self.trailing_stop() != Some(before)).then_some(before)
    }

    /// The records moved a stop.
    pub(super) fn move_stop(&mut self, to: Price, origin: StopOrigin) {
        if origin == StopOrigin::TrailingStep { self.floor = Some(to) } else { self.stop = Some(to) }
    }

    /// ATR changed: what the old distance had reached stays.
    pub(super) fn close_bar(&mut self, atr: Option<AtrValue>, closed: Option<(Price, Timestamp)>) {
        if let Some(stop) = self.trailing_stop() {
            self.floor = Some(self.floor.map_or(stop, |floor| tighter(self.side, floor, stop)));
        }
        (self.atr, self.closed) = (atr, closed);
    }

    /// More of the position came.
    pub(super) fn add(&mut self, added: &ripcord_core::event::Added) {
        let cost = i128::from(added.price.0) * i128::from(added.qty.0);
        self.cost = self.cost.saturating_add(cost);
        self.fees += added.fees;
        self.open = added.open;
        self.initial = self.initial.max(added.open);
    }

    /// A fill took its share out.
    pub(super) fn reduce(&mut self, filled: &ripcord_core::event::Filled) {
        self.legs_done |= leg_bit(&filled.id);
        // Of a flat position the levels stay what they were.
        if filled.remaining.0 > 0 {
            self.cost = self.cost.saturating_sub(filled.cost);
            self.fees = self.fees - filled.entry_fees;
            self.open = filled.remaining;
        }
    }
}

/// The bit of an order's ladder leg; none when it is no leg.
pub(super) fn leg_bit(id: &OrderId) -> u8 {
    1_u8.checked_shl(u32::from(id.leg)).unwrap_or(0) >> 1
}
