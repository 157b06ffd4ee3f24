//! What a woken position answers: which rules hold, and which of them acts.

use crate::plan::GapPolicy;
use crate::plan::net::Reach;
use crate::plan::time_limit::OnlyWhen;
use crate::planted::planted;

use super::{
    CellId, Held, LegKind, Phase, Position, Price, Probe, Reason, Rule, Terms, at_gain, at_loss, price,
};

/// The answer to a wake.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decision {
    /// Every rule that held, in rank order.
    pub held: Vec<Held>,
    /// The full close that acts: the highest-ranked one that holds.
    pub close: Option<Rule>,
    /// Ladder legs `from..to` that close together, unless a full close acts.
    pub legs: Option<(usize, usize)>,
    /// The trailing stop becomes active, unless a full close acts.
    pub activates: bool,
    /// A stepped trailing stop moves to this price, unless a full close acts.
    pub steps_to: Option<Price>,
    /// The price that passed the trigger of the stop at the venue.
    pub triggered: Option<Price>,
    /// The market is past the worst price of the close under way.
    pub past_worst: bool,
    /// The stop at the venue is to follow the trailing stop, unless a full close acts.
    pub moves_bracket: bool,
}

impl Decision {
    /// A rule that closes everything holds; the first one acts.
    fn hold(&mut self, rule: Rule, level: Price, price: Price) {
        self.held.push(Held { reason: rule.reason(), leg: 0, level, price });
        self.close = self.close.or(Some(rule));
    }

    /// Takes rules out of what holds: the highest-ranked of the others acts.
    pub(crate) fn without(&mut self, rules: impl Fn(Rule) -> bool) {
        let out = |reason: Reason| Rule::ALL.into_iter().any(|rule| rule.reason() == reason && rules(rule));
        self.held.retain(|held| !out(held.reason));
        let closes = |rule: &Rule| {
            *rule != Rule::TakeProfit && self.held.iter().any(|held| held.reason == rule.reason())
        };
        self.close = Rule::ALL.into_iter().find(closes);
        if rules(Rule::TakeProfit) {
            self.legs = None;
        }
    }

    /// The highest-ranked full close that holds below `rule`.
    pub(crate) fn closes_below(&self, rule: Rule) -> Option<Rule> {
        let holds = |rule: &Rule| self.held.iter().any(|held| held.reason == rule.reason());
        Rule::ALL.into_iter().find(|below| *below > rule && *below != Rule::TakeProfit && holds(below))
    }

    /// Leaves only the rules that act on a price which jumped or is old: hard stop, loss guard, stop loss.
    pub(crate) fn keep_urgent(&mut self) {
        self.without(|rule| rule > Rule::StopLoss);
        (self.activates, self.steps_to, self.past_worst, self.moves_bracket) = (false, None, false, false);
    }

    /// Whether it closes anything without urgency.
    pub(crate) fn is_at_leisure(&self) -> bool {
        self.legs.is_some() || self.close.is_some_and(|rule| rule > Rule::TrailingStop)
    }

    /// Takes out what only closes at leisure: targets, signal exit, time limit.
    pub(crate) fn block_profit(&mut self) {
        self.without(|rule| rule > Rule::TrailingStop);
    }
}

impl Position {
    /// Looks at every rule that `probe` may fire; `prices` gives a cell's last price, and `standing` that for
    /// signals and clocks, which no price sets off. A closing position only looks whether an emergency rule
    /// must push it.
    #[must_use]
    pub fn evaluate(
        &self,
        probe: Probe,
        terms: &Terms<'_>,
        prices: impl Fn(CellId) -> Option<Price>,
        standing: impl Fn(CellId) -> Option<Price>,
    ) -> Decision {
        let mut decision = Decision::default();
        let rules: &[Rule] = match self.phase {
            Phase::Open => &Rule::STOPS,
            Phase::Closing => self.outrunners(terms),
            Phase::Flat | Phase::Vacant => return decision,
        };
        if probe.fires(Probe::STOP, self.side()) && !(planted(127) && self.legs_out != 0) {
            for &rule in rules {
                self.evaluate_loss(rule, terms, &prices, &mut decision);
            }
            decision.triggered = self.bracket_triggered(terms, &prices);
            let quote = prices(terms.cells.quote(self.side()));
            let beyond = self.beyond_worst(terms).zip(quote);
            decision.past_worst = beyond.is_some_and(|(level, price)| at_loss(self.side(), price, level));
        }
        if self.phase == Phase::Open {
            let is_left_out = planted(128) && self.side().sign() < 0;
            if probe.fires(Probe::TARGET, self.side()) && self.may_choose(terms) && !is_left_out {
                self.evaluate_ladder(terms, &prices, &mut decision);
            }
            if probe.fires(Probe::EXTREME, self.side()) {
                self.evaluate_trail(terms, &prices, &mut decision);
            }
            if probe.fires(Probe::SIGNAL, self.side()) && self.may_choose(terms) {
                self.evaluate_signal(terms, &standing, &mut decision);
            }
            if probe.fires(Probe::TIME, self.side()) && self.may_choose(terms) {
                self.evaluate_time(terms, &standing, &mut decision);
            }
        }
        decision
    }

    /// What of a decision a price of `cell` sets off. A rule fires on a price of its own source; once
    /// one does, all that hold count. So a needless wake by another source can never decide anything.
    #[must_use]
    pub fn set_off_by(&self, cell: CellId, decision: Decision, terms: &Terms<'_>) -> Decision {
        let own = |rule: &Rule| terms.cells.of_rule(*rule, self.side(), terms.plan) == cell;
        let fires = Rule::ALL.iter().filter(|rule| own(rule)).any(|rule| match rule {
            // A leg that closes nothing yet waits for the next one.
            Rule::TakeProfit => decision.legs.is_some(),
            Rule::HardStop
            | Rule::LossGuard
            | Rule::StopLoss
            | Rule::SoftStop
            | Rule::TrailingStop
            | Rule::SignalExit
            | Rule::TimeLimit => decision.held.iter().any(|held| held.reason == rule.reason()),
        });
        let moves = own(&Rule::TrailingStop);
        let triggers = terms.at_venue.trigger.is_some_and(|at| terms.cells.of_trigger(at.on) == cell);
        Decision {
            close: decision.close.filter(|_| fires),
            legs: decision.legs.filter(|_| fires),
            activates: decision.activates && moves,
            steps_to: decision.steps_to.filter(|_| moves),
            triggered: decision.triggered.filter(|_| triggers),
            past_worst: decision.past_worst && cell == terms.cells.quote(self.side()),
            moves_bracket: decision.moves_bracket && moves,
            held: decision.held,
        }
    }

    /// The full close that acts when the price moved through levels on its way to a probe: of the stops
    /// on `cell` the one it passed first, which is the tightest; of equal ones the highest-ranked.
    #[must_use]
    pub fn first_passed(&self, cell: CellId, decision: &Decision, terms: &Terms<'_>) -> Option<Rule> {
        let acts = decision.close?;
        let level_of = |rule: &Rule| {
            let own = terms.cells.of_rule(*rule, self.side(), terms.plan) == cell;
            let held = decision.held.iter().find(|held| own && held.reason == rule.reason());
            held.map(|held| self.side().sign() * held.level.0)
        };
        let passed = Rule::STOPS.into_iter().filter_map(|rule| Some((level_of(&rule)?, rule)));
        passed
            .max_by_key(|&(level, rule)| (level, std::cmp::Reverse(rule)))
            .map_or(Some(acts), |(_, rule)| Some(rule))
    }

    fn evaluate_loss(
        &self,
        rule: Rule,
        terms: &Terms<'_>,
        prices: &impl Fn(CellId) -> Option<Price>,
        decision: &mut Decision,
    ) {
        let cell = terms.cells.of_rule(rule, self.side(), terms.plan);
        let (Some(level), Some(price)) = (self.loss_level(rule, terms), prices(cell)) else { return };
        if !at_loss(self.side(), price, level) {
            return;
        }
        decision.hold(rule, level, price);
    }

    /// The price at or past the trigger of the stop at the venue, the first time.
    fn bracket_triggered(
        &self,
        terms: &Terms<'_>,
        prices: &impl Fn(CellId) -> Option<Price>,
    ) -> Option<Price> {
        let trigger = terms.at_venue.trigger.filter(|_| self.phase == Phase::Open && !terms.is_triggered)?;
        let price = prices(terms.cells.of_trigger(trigger.on))?;
        at_loss(self.side(), price, trigger.at).then_some(price)
    }

    fn evaluate_signal(
        &self,
        terms: &Terms<'_>,
        prices: &impl Fn(CellId) -> Option<Price>,
        decision: &mut Decision,
    ) {
        let cell = terms.cells.quote(self.side());
        let (Some(level), Some(price)) = (self.signal_level(terms), prices(cell)) else { return };
        if at_gain(self.side(), price, level) {
            decision.hold(Rule::SignalExit, level, price);
        }
    }

    fn evaluate_time(
        &self,
        terms: &Terms<'_>,
        prices: &impl Fn(CellId) -> Option<Price>,
        decision: &mut Decision,
    ) {
        let Some(rule) = terms.plan.time_limit.filter(|_| terms.is_overdue) else { return };
        let Some(price) = prices(terms.cells.quote(self.side())) else { return };
        let (level, holds) = match rule.only {
            None => (price, true),
            Some(OnlyWhen::Below(share)) => {
                let level = self.net_level(share, Reach::AtMost, terms);
                (level, at_loss(self.side(), price, level))
            }
            Some(OnlyWhen::Above(share)) => {
                let level = self.net_level(share, Reach::AtLeast, terms);
                (level, at_gain(self.side(), price, level))
            }
        };
        if holds {
            decision.hold(Rule::TimeLimit, level, price);
        }
    }

    /// All unfired legs that were reached close in one order.
    fn evaluate_ladder(
        &self,
        terms: &Terms<'_>,
        prices: &impl Fn(CellId) -> Option<Price>,
        decision: &mut Decision,
    ) {
        let Some(ladder) = terms.acting_ladder() else { return };
        let cell = terms.cells.of_rule(Rule::TakeProfit, self.side(), terms.plan);
        let Some(price) = prices(cell) else { return };
        let Some(from) = (0..ladder.legs.len()).find(|leg| self.legs_out & (1 << leg) == 0) else { return };
        let mut to = from;
        while to < ladder.legs.len()
            && self.legs_out & (1 << to) == 0
            && let Some(level) = self.leg_level(to, terms)
            && at_gain(self.side(), price, level)
        {
            to += 1;
            let leg = u8::try_from(to).expect("a ladder has at most four legs");
            decision.held.push(Held { reason: Reason::TakeProfit, leg, level, price });
            if ladder.gap_policy == GapPolicy::One && self.legs_qty(from, to, terms).0 > 0 {
                break;
            }
        }
        if self.legs_qty(from, to, terms).0 > 0 {
            decision.legs = Some((from, to));
        }
    }

    fn evaluate_trail(
        &self,
        terms: &Terms<'_>,
        prices: &impl Fn(CellId) -> Option<Price>,
        decision: &mut Decision,
    ) {
        let Some(trailing) = &terms.plan.trailing else { return };
        let trail = self.trail(terms);
        if !self.trailing {
            let cell = terms.cells.of_rule(Rule::TrailingStop, self.side(), terms.plan);
            let (Some(level), Some(price)) = (trailing.activation_level(&trail), prices(cell)) else {
                return;
            };
            decision.activates = at_gain(self.side(), price, level);
            return;
        }
        if let (Some(wanted), Some(stop)) = (self.bracket_next(terms), self.trailing_stop(terms)) {
            decision.moves_bracket = at_gain(self.side(), stop, wanted);
        }
        let (Some(floor), Some(best)) = (price(self.trail_floor), terms.best) else { return };
        let Some(step) = trailing.step_size(floor, terms.atr) else { return };
        // A step is made at the best price: that is where its watch waits.
        let cell = terms.cells.of_rule(Rule::TrailingStop, self.side(), terms.plan);
        if prices(cell).is_none_or(|price| !at_gain(self.side(), price, best)) {
            return;
        }
        let stop = trailing.stop(best, &trail);
        if self.side().sign() * (stop.0 - floor.0) >= step.max(1) {
            decision.steps_to = Some(stop);
        }
    }

    /// Whether any soft leg should rest at the venue and is not out.
    #[must_use]
    pub fn soft_legs_missing(&self, terms: &Terms<'_>) -> bool {
        let Some(ladder) = terms.acting_ladder() else { return false };
        ladder
            .legs
            .iter()
            .enumerate()
            .any(|(index, leg)| leg.kind == LegKind::Soft && self.legs_out & (1 << index) == 0)
    }
}
