//! Confirmation of hard stop and loss guard: on a single price of bid, ask or last they wait for a
//! second one, and not for long. What nothing contradicts in time is acted upon.

use super::{Coordinator, Kinds, Record, Step, TimerFor};
use crate::cell::CellId;
use crate::event::{ConfirmedBy, Held, Probe, Tick};
use crate::id::EpisodeId;
use crate::instrument::Side;
use crate::market::PriceSource;
use crate::num::Price;
use crate::plan::Rule;
use crate::position::{Decision, Phase, at_loss};
use crate::reason::Reason;
use crate::time::{Span, Timestamp};
use crate::trust::Suspicion;
use crate::watch::Slot;

/// An emergency rule whose price is not confirmed yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waiting {
    held: Held,
    cell: CellId,
    /// How long it waits.
    wait: Span,
    /// Another source that says the same already, with its price.
    agreed: Option<(PriceSource, Price)>,
}

/// At most hard stop and loss guard.
pub(super) type WaitingRules = [Option<Waiting>; 2];

const EMERGENCY: [Rule; 2] = [Rule::HardStop, Rule::LossGuard];

impl Coordinator {
    /// Takes the rules out of a decision that need a second price, and says which they are. Prices of a
    /// candle, and a source that stands in for one which is not fed, are acted upon at once.
    pub(super) fn await_second(
        &self,
        slot: Slot,
        probe: Probe,
        doubted: Option<&Tick>,
        decision: &mut Decision,
    ) -> WaitingRules {
        let mut waiting = [None, None];
        let position = &self.engine.positions[slot as usize];
        let plan = &self.engine.plans[position.plan.0 as usize].plan;
        if plan.prices.confirm.is_none() || probe != Probe::TICK || !self.can_act(slot) {
            return waiting;
        }
        let mut must_wait = [false, false];
        for (at, &rule) in EMERGENCY.iter().enumerate() {
            let Some((source, wait)) = plan.confirms(rule) else { continue };
            let Some(&held) = decision.held.iter().find(|held| held.reason == rule.reason()) else {
                continue;
            };
            let market = self.engine.market(position.episode.key.instrument);
            let Some(&(_, cell)) = market.fed.iter().find(|(fed, _)| *fed == source) else { continue };
            let agreed = self.agreeing_loss(slot, cell, held.level, doubted);
            waiting[at] = Some(Waiting { held, cell, wait, agreed });
            must_wait[at] = agreed.is_none();
        }
        decision.without(|rule| EMERGENCY.iter().zip(must_wait).any(|(&at, must)| must && at == rule));
        waiting
    }

    /// Whether an emergency rule can do anything for a position at all.
    fn can_act(&self, slot: Slot) -> bool {
        let phase = self.engine.positions[slot as usize].phase;
        phase == Phase::Open || (phase == Phase::Closing && !self.is_at_market(slot) && self.may_close(slot))
    }

    /// Another source whose price is at or beyond a level already. One that is too old says nothing: its
    /// time is held against the newest price that was told.
    fn agreeing_loss(
        &self,
        slot: Slot,
        cell: CellId,
        level: Price,
        doubted: Option<&Tick>,
    ) -> Option<(PriceSource, Price)> {
        let position = &self.engine.positions[slot as usize];
        let market = self.engine.market(position.episode.key.instrument);
        let hot = |cell: CellId| self.engine.cells[cell.0 as usize].at;
        let told = doubted.filter(|tick| tick.cell == cell).map_or(hot(cell), |tick| tick.at.0);
        market.fed.iter().filter(|&&(_, other)| other != cell).find_map(|&(source, other)| {
            let price = self.engine.trusted_price(other)?;
            let age = Timestamp(told).since(Timestamp(hot(other)));
            let is_fresh = age <= self.engine.books[other.0 as usize].asks.stale_after;
            (is_fresh && at_loss(position.side(), price, level)).then_some((source, price))
        })
    }

    /// Has the rules that need a second price wait, if a price of their own source set them off. Says
    /// what of the position's watches changed.
    pub(super) fn suspect(
        &mut self,
        step: &mut Step<'_>,
        slot: Slot,
        told: Option<CellId>,
        waiting: WaitingRules,
    ) -> Kinds {
        let mut changed = Kinds::NONE;
        for Waiting { held, cell, wait, agreed } in waiting.into_iter().flatten() {
            let episode = self.engine.positions[slot as usize].episode;
            let key = (episode, held.reason);
            if told != Some(cell) || self.engine.trust.suspects(episode, held.reason) {
                continue;
            }
            let (reason, instrument) = (held.reason, episode.key.instrument);
            if let Some((source, price)) = agreed {
                let by = ConfirmedBy::Source(source);
                self.note(step, instrument, Record::Confirmed { episode, reason, by, price });
                continue;
            }
            let until = step.now.after(wait);
            let (level, price) = (held.level, held.price);
            self.note(step, instrument, Record::Suspected { episode, reason, level, price, until });
            self.engine.trust.suspicions.insert(key, Suspicion { cell, price, until });
            self.timers.insert((until, TimerFor::Confirm(episode)));
            self.engine.restate_asks(instrument);
            changed = Kinds::ALL;
        }
        changed
    }

    /// Holds a price against everything that waits for one: at or beyond the level it confirms, on the
    /// safe side it contradicts.
    pub(super) fn judge_suspicions(&mut self, step: &mut Step<'_>, tick: &Tick, doubted: Option<&Tick>) {
        if self.engine.trust.suspicions.is_empty() {
            return;
        }
        let instrument = self.engine.owner(tick.cell);
        let waiting = self.engine.trust.suspicions.iter();
        let waiting: Vec<((EpisodeId, Reason), Suspicion)> = waiting
            .filter(|((episode, _), _)| episode.key.instrument == instrument)
            .map(|(&key, &suspicion)| (key, suspicion))
            .collect();
        for ((episode, reason), suspicion) in waiting {
            // Another rule of the position may have been confirmed just now.
            if !self.engine.trust.suspects(episode, reason) {
                continue;
            }
            let Some((slot, level)) = self.suspected_level(episode, reason) else {
                self.drop_suspicions(step, episode);
                continue;
            };
            let (source, price) = (self.engine.source_of(tick.cell), tick.price);
            if at_loss(episode.key.side, price, level) {
                let own = tick.cell == suspicion.cell;
                let by = if own { ConfirmedBy::SecondPrice } else { ConfirmedBy::Source(source) };
                self.confirm(step, slot, reason, by, price, doubted);
            } else if can_contradict(episode.key.side, source) || tick.cell == suspicion.cell {
                self.note(step, instrument, Record::Contradicted { episode, reason, source, price });
                self.engine.trust.suspicions.remove(&(episode, reason));
            }
        }
        self.engine.restate_asks(instrument);
    }

    /// The level that a suspected rule has now; none when nothing is left for it to close.
    fn suspected_level(&self, episode: EpisodeId, reason: Reason) -> Option<(Slot, Price)> {
        let slot = self.engine.slot(episode)?;
        let position = Some(&self.engine.positions[slot as usize]).filter(|position| position.is_held())?;
        let rule = EMERGENCY.into_iter().find(|rule| rule.reason() == reason)?;
        let level = position.loss_level(rule, &self.engine.terms(slot)).filter(|_| self.can_act(slot))?;
        Some((slot, level))
    }

    /// A rule has waited for a second price, and acts.
    fn confirm(
        &mut self,
        step: &mut Step<'_>,
        slot: Slot,
        reason: Reason,
        by: ConfirmedBy,
        price: Price,
        doubted: Option<&Tick>,
    ) {
        let episode = self.engine.positions[slot as usize].episode;
        let instrument = episode.key.instrument;
        self.note(step, instrument, Record::Confirmed { episode, reason, by, price });
        self.engine.trust.suspicions.remove(&(episode, reason));
        let terms = self.terms(slot);
        let position = &self.engine.positions[slot as usize];
        let engine = &self.engine;
        let rule = EMERGENCY.into_iter().find(|rule| rule.reason() == reason);
        let rule = rule.expect("only emergency rules wait");
        let own = terms.cells.of_rule(rule, position.side(), terms.plan);
        let seen = |cell| engine.seen(step.now, own, cell, doubted);
        let mut decision = position.evaluate(Probe::TICK, &terms, seen, seen);
        decision.without(|other| other < rule || other > Rule::TrailingStop);
        if !decision.held.iter().any(|held| held.reason == reason) {
            // The price that set it off was not taken into its cell, or the confirming one is of another.
            let level = position.loss_level(rule, &terms).expect("it was looked at before");
            decision.held.insert(0, Held { reason, leg: 0, level, price });
        }
        self.close_by_rule(step, slot, rule, decision.held);
        self.drop_suspicions(step, episode);
        self.rearm(slot, None, Kinds::ALL);
        self.engine.restate_bands(instrument);
    }

    /// Nothing contradicted in time.
    pub(super) fn on_confirm(&mut self, step: &mut Step<'_>, episode: EpisodeId) {
        for reason in EMERGENCY.map(Rule::reason) {
            let suspicion = self.engine.trust.suspicions.get(&(episode, reason)).copied();
            let Some(suspicion) = suspicion.filter(|suspicion| suspicion.until <= step.now) else { continue };
            let Some((slot, level)) = self.suspected_level(episode, reason) else {
                self.drop_suspicions(step, episode);
                continue;
            };
            let price = suspicion.price;
            if at_loss(episode.key.side, price, level) {
                self.confirm(step, slot, reason, ConfirmedBy::Silence, price, None);
                continue;
            }
            // The level went away from the price: more of the position came, or another plan.
            let source = self.engine.source_of(suspicion.cell);
            let record = Record::Contradicted { episode, reason, source, price };
            self.note(step, episode.key.instrument, record);
            self.engine.trust.suspicions.remove(&(episode, reason));
        }
        self.engine.restate_asks(episode.key.instrument);
    }

    fn drop_suspicions(&mut self, step: &mut Step<'_>, episode: EpisodeId) {
        let before = self.engine.trust.suspicions.len();
        self.engine.trust.suspicions.retain(|(waiting, _), _| *waiting != episode);
        if self.engine.trust.suspicions.len() < before {
            self.begin(step, episode.key.instrument);
        }
    }
}

/// Whether a source on the safe side of a level says anything against a price beyond it. The far side
/// of the book is always safer than the side that the position would trade against.
const fn can_contradict(side: Side, source: PriceSource) -> bool {
    !matches!((side, source), (Side::Long, PriceSource::Ask) | (Side::Short, PriceSource::Bid))
}
