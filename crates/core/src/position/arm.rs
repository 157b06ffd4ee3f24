//! What a position asks to be woken for, in its present state.

use super::{CellId, LegKind, Phase, Position, Price, Rule, Terms, TrailDistance, Trailing, price, tighter};
use crate::num::Ratio;
use crate::plan::net::{NetBasis, Reach};
use crate::plan::time_limit::OnlyWhen;
use crate::plan::{ExitStyle, Rounding};
use crate::planted::planted;

/// One thing to be woken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watch {
    /// The price comes to `level` from the winning side: a stop.
    Loss(CellId, Price),
    /// The price comes to `level` from the losing side: a target, an activation, a crossover.
    Gain(CellId, Price),
    /// The price retraces by a distance from the best price, which is at `best` now.
    Retrace(CellId, Price, TrailDistance, Rounding),
}

impl Watch {
    /// The cell it waits on.
    #[must_use]
    pub const fn cell(&self) -> CellId {
        match *self {
            Self::Loss(cell, _) | Self::Gain(cell, _) | Self::Retrace(cell, ..) => cell,
        }
    }
}

/// The watches of one position: at most one level per direction and cell, and one retrace.
#[derive(Debug, Default)]
pub struct ArmList {
    watches: [Option<Watch>; WATCHES_MAX],
    len: usize,
}

/// Three cells, two directions, one retrace.
const WATCHES_MAX: usize = 7;

impl ArmList {
    /// The watches.
    pub fn iter(&self) -> impl Iterator<Item = Watch> + '_ {
        self.watches[..self.len].iter().flatten().copied()
    }

    fn add(&mut self, side: crate::instrument::Side, watch: Watch) {
        // Only the nearest level of a direction matters: on a wake all rules are looked at.
        for slot in self.watches[..self.len].iter_mut().flatten() {
            match (slot, watch) {
                (Watch::Loss(cell, level), Watch::Loss(same, new)) if *cell == same => {
                    *level = tighter(side, *level, new);
                    return;
                }
                (Watch::Gain(cell, level), Watch::Gain(same, new)) if *cell == same => {
                    *level = nearer_gain(side, *level, new);
                    return;
                }
                (Watch::Loss(..) | Watch::Gain(..) | Watch::Retrace(..), _) => {}
            }
        }
        self.watches[self.len] = Some(watch);
        self.len += 1;
    }
}

/// A loss level that every price has reached.
const fn any_price(side: crate::instrument::Side) -> Price {
    match side {
        crate::instrument::Side::Long => Price(i64::MAX),
        crate::instrument::Side::Short => Price(1),
    }
}

fn nearer_gain(side: crate::instrument::Side, a: Price, b: Price) -> Price {
    match side {
        crate::instrument::Side::Long => a.min(b),
        crate::instrument::Side::Short => a.max(b),
    }
}

impl Position {
    /// The watches that the present state needs.
    #[must_use]
    pub fn arm(&self, terms: &Terms<'_>) -> ArmList {
        let mut list = ArmList::default();
        match self.phase {
            Phase::Open => {
                self.arm_stops(terms, &mut list);
                self.arm_bracket(terms, &mut list);
                self.arm_trailing(terms, &mut list);
                if self.may_choose(terms) {
                    self.arm_ladder(terms, &mut list);
                    self.arm_standing(terms, &mut list);
                }
            }
            // A close that rests as a limit gives way to the emergency rules; one at the market has no stronger.
            Phase::Closing => self.arm_emergency(terms, &mut list),
            Phase::Flat | Phase::Vacant => {}
        }
        list
    }

    /// The level of a rule that closes on loss, if the plan has the rule.
    #[must_use]
    pub fn loss_level(&self, rule: Rule, terms: &Terms<'_>) -> Option<Price> {
        if terms.held_back.has(rule) {
            return None;
        }
        let plan = terms.plan;
        let limit = match rule {
            Rule::HardStop => plan.hard_stop?,
            Rule::LossGuard => plan.loss_guard?,
            Rule::SoftStop => plan.soft_stop?,
            Rule::StopLoss => return price(self.stop),
            Rule::TrailingStop => return self.trailing_stop(terms),
            Rule::TakeProfit | Rule::SignalExit | Rule::TimeLimit => return None,
        };
        let side = if planted(82) { crate::instrument::Side::Long } else { self.side() };
        Some(limit.level(side, self.entry(), self.entry_fees, plan, terms.instrument))
    }

    fn arm_loss(&self, rule: Rule, terms: &Terms<'_>, list: &mut ArmList) {
        if let Some(level) = self.loss_level(rule, terms) {
            let cell = terms.cells.of_rule(rule, self.side(), terms.plan);
            list.add(self.side(), Watch::Loss(cell, level));
        }
    }

    fn arm_stops(&self, terms: &Terms<'_>, list: &mut ArmList) {
        for rule in [Rule::HardStop, Rule::LossGuard, Rule::StopLoss, Rule::SoftStop] {
            self.arm_loss(rule, terms, list);
        }
    }

    fn arm_emergency(&self, terms: &Terms<'_>, list: &mut ArmList) {
        for &rule in self.outrunners(terms) {
            match rule {
                Rule::TrailingStop if self.trailing => self.arm_trailing(terms, list),
                Rule::TrailingStop => {}
                _ => self.arm_loss(rule, terms, list),
            }
        }
        if let Some(beyond) = self.beyond_worst(terms) {
            list.add(self.side(), Watch::Loss(terms.cells.quote(self.side()), beyond));
        }
    }

    /// The first price at which the close under way is past the worst that its rule accepts.
    pub(super) fn beyond_worst(&self, terms: &Terms<'_>) -> Option<Price> {
        let reason = self.closing.filter(|_| self.phase == Phase::Closing)?;
        terms.plan.exit_bounds(reason).worst?;
        let beyond = terms.at_venue.close_limit?.0 - self.side().sign();
        Some(Price(beyond))
    }

    /// The rules that may outrun the close under way: it waits as a limit, and they go to the market.
    pub(crate) fn outrunners(&self, terms: &Terms<'_>) -> &'static [Rule] {
        match self.closing {
            // It waits for room among the orders, or for its next try: no stop waits with it.
            Some(reason) if reason.is_choice() && !terms.at_venue.close_lives => &Rule::STOPS,
            Some(_) if !self.closes_by_limit(terms) && !terms.at_venue.close_is_unknown => &[],
            // What was not urgent gives way to every stop.
            Some(reason) if reason.is_choice() => &Rule::STOPS,
            Some(_) => &[Rule::HardStop, Rule::LossGuard],
            None => &[],
        }
    }

    /// Whether its full close was decided as a limit, which the emergency rules may outrun.
    pub(super) fn closes_by_limit(&self, terms: &Terms<'_>) -> bool {
        self.closing.is_some_and(|reason| {
            terms.plan.exit_style(reason) != ExitStyle::Market
                || terms.plan.exit_bounds(reason).worst.is_some()
        })
    }

    /// The first price at which net profit, funding included, is at least (or at most) a share of the
    /// entry's cost.
    #[must_use]
    pub(super) fn net_level(&self, share: Ratio, reach: Reach, terms: &Terms<'_>) -> Price {
        let basis = NetBasis {
            side: self.side(),
            entry: self.entry(),
            costs: self.entry_fees + self.funding,
            taker_fee: terms.plan.taker_fee,
            instrument: terms.instrument,
        };
        basis.level(share, reach, terms.level_rule())
    }

    /// The level that lets a standing signal act, if one stands and may.
    pub(super) fn signal_level(&self, terms: &Terms<'_>) -> Option<Price> {
        let rule = terms.plan.signal_exit.filter(|_| terms.is_signalled)?;
        let may = rule.while_trailing || !self.trailing;
        may.then(|| self.net_level(rule.profit_min, Reach::AtLeast, terms))
    }

    fn arm_standing(&self, terms: &Terms<'_>, list: &mut ArmList) {
        let side = self.side();
        let cell = terms.cells.quote(side);
        if let Some(level) = self.signal_level(terms) {
            list.add(side, Watch::Gain(cell, level));
        }
        let Some(rule) = terms.plan.time_limit.filter(|_| terms.is_overdue) else { return };
        list.add(
            side,
            match rule.only {
                None => Watch::Loss(cell, any_price(side)),
                Some(OnlyWhen::Below(share)) => {
                    Watch::Loss(cell, self.net_level(share, Reach::AtMost, terms))
                }
                Some(OnlyWhen::Above(share)) => {
                    Watch::Gain(cell, self.net_level(share, Reach::AtLeast, terms))
                }
            },
        );
    }

    /// The nearest leg that is not out and would close at least one lot.
    fn arm_ladder(&self, terms: &Terms<'_>, list: &mut ArmList) {
        let Some(ladder) = terms.acting_ladder() else { return };
        let first = (0..ladder.legs.len()).find(|leg| self.legs_out & (1 << leg) == 0);
        let Some(first) = first else { return };
        // A leg that rounds to nothing waits for the next one and is closed with it.
        let next = (first..ladder.legs.len()).find(|&leg| self.legs_qty(first, leg + 1, terms).0 > 0);
        if let Some(level) = next.and_then(|leg| self.leg_level(leg, terms)) {
            let cell = terms.cells.of_rule(Rule::TakeProfit, self.side(), terms.plan);
            list.add(self.side(), Watch::Gain(cell, level));
        }
    }

    fn arm_trailing(&self, terms: &Terms<'_>, list: &mut ArmList) {
        let Some(trailing) = &terms.plan.trailing else { return };
        let cell = terms.cells.of_rule(Rule::TrailingStop, self.side(), terms.plan);
        let side = self.side();
        if !self.trailing {
            if let Some(level) = trailing.activation_level(&self.trail(terms)) {
                list.add(side, Watch::Gain(cell, level));
            }
            return;
        }
        if let Some(floor) = price(self.trail_floor) {
            list.add(side, Watch::Loss(cell, floor));
        }
        let Some(best) = terms.best else { return };
        if trailing.is_stepped() {
            if let Some(next) = self.next_step(trailing, best, terms) {
                list.add(side, Watch::Gain(cell, next));
            }
            return;
        }
        let regime = trailing.regime(best, &self.trail(terms));
        if let Some(until) = regime.until {
            list.add(side, Watch::Gain(cell, until));
        }
        list.add(side, Watch::Retrace(cell, best, regime.distance, terms.plan.rounding));
        let follows = self
            .bracket_next(terms)
            .and_then(|wanted| trailing.best_for_stop(wanted, best, &self.trail(terms)));
        if let Some(level) = follows {
            list.add(side, Watch::Gain(cell, level));
        }
    }

    /// The stop from which on the one at the venue is moved.
    pub(super) fn bracket_next(&self, terms: &Terms<'_>) -> Option<Price> {
        if terms.is_silent {
            return None;
        }
        let (rule, at) = (terms.plan.bracket?, terms.at_venue.follows_from?);
        Some(Price(at.0 + self.side().sign() * rule.band_at(at)))
    }

    /// The trigger of the stop at the venue, until it has traded.
    fn arm_bracket(&self, terms: &Terms<'_>, list: &mut ArmList) {
        if let Some(trigger) = terms.at_venue.trigger.filter(|_| !terms.is_triggered) {
            list.add(self.side(), Watch::Loss(terms.cells.of_trigger(trigger.on), trigger.at));
        }
    }

    /// The best price at which a stepped trailing stop moves next.
    fn next_step(&self, trailing: &Trailing, best: Price, terms: &Terms<'_>) -> Option<Price> {
        let floor = price(self.trail_floor)?;
        let step = trailing.step_size(floor, terms.atr)?;
        let wanted = Price(floor.0 + self.side().sign() * step.max(1));
        trailing.best_for_stop(wanted, best, &self.trail(terms))
    }

    /// Whether leg `index` rests at the venue by itself.
    #[must_use]
    pub fn leg_rests(&self, index: usize, terms: &Terms<'_>) -> bool {
        let leg = terms.plan.ladder.as_ref().and_then(|ladder| ladder.legs.get(index));
        leg.is_some_and(|leg| leg.kind == LegKind::Soft)
    }
}
