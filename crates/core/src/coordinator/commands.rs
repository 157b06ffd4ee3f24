//! What somebody asks for: taking over a position, closing it, closing everything.

use super::{Coordinator, Kinds, Record, Step};
use crate::account::Management;
use crate::event::{Addition, AlarmKind, Command, CommandRefused, Opened, Opening};
use crate::id::{AccountId, EpisodeId, PlanId, PositionKey};
use crate::kill::KillLevel;
use crate::num::{Price, Qty};
use crate::orders::NO_ORDER;
use crate::pacing::OrderBudget;
use crate::plan::Rule;
use crate::planted::planted;
use crate::position::{Phase, Position, level, price};
use crate::reason::{Reason, StopOrigin};
use crate::time::Timestamp;
use crate::watch::{Moment, Slot};

/// A command by value: the step keeps the command itself for the record.
pub(super) enum Wanted {
    Open(Opening),
    Close(PositionKey, Option<Qty>),
    Panic(AccountId),
    Add(Addition),
    ChangePlan(PositionKey, PlanId),
    MoveStop(PositionKey, Price),
    Signal(PositionKey, Timestamp),
    Kill(AccountId, Option<KillLevel>, bool),
    Manage(Box<Management>),
    HandOver(PositionKey),
    Release(PositionKey, bool),
    Budget(AccountId, Option<OrderBudget>),
}

impl Wanted {
    pub(super) fn of(command: &Command) -> Self {
        match command {
            Command::Open(opening) => Self::Open(**opening),
            Command::Close { key, qty } => Self::Close(*key, *qty),
            Command::Panic(account) => Self::Panic(*account),
            Command::Add(addition) => Self::Add(**addition),
            Command::ChangePlan { key, plan } => Self::ChangePlan(*key, *plan),
            Command::MoveStop { key, to } => Self::MoveStop(*key, *to),
            Command::Signal { key, at } => Self::Signal(*key, *at),
            Command::Kill { account, level, confirmed } => Self::Kill(*account, *level, *confirmed),
            Command::Manage(given) => Self::Manage(given.clone()),
            Command::HandOver { key } => Self::HandOver(*key),
            Command::Release { key, keeps_stop } => Self::Release(*key, *keeps_stop),
            Command::Budget { account, budget } => Self::Budget(*account, *budget),
        }
    }
}

impl Coordinator {
    pub(super) fn on_command(&mut self, step: &mut Step<'_>, wanted: &Wanted) {
        match wanted {
            Wanted::Open(opening) => self.on_open(step, opening),
            Wanted::Close(key, qty) => self.on_close(step, *key, *qty),
            Wanted::Panic(account) => self.on_panic(step, *account),
            Wanted::Add(addition) => self.on_add(step, addition),
            Wanted::ChangePlan(key, plan) => self.on_change_plan(step, *key, *plan),
            Wanted::MoveStop(key, to) => self.on_move_stop(step, *key, *to),
            Wanted::Signal(key, at) => self.on_signal(step, *key, *at),
            Wanted::Kill(account, level, confirmed) => self.on_kill(step, *account, *level, *confirmed),
            Wanted::Manage(given) => self.on_manage(step, given),
            Wanted::HandOver(key) => self.on_hand_over(step, *key),
            Wanted::Release(key, keeps_stop) => self.on_release(step, *key, *keeps_stop),
            Wanted::Budget(account, budget) => self.on_budget(step, *account, *budget),
        }
    }

    pub(super) fn on_open(&mut self, step: &mut Step<'_>, opening: &Opening) {
        let instrument = opening.key.instrument;
        if let Some(refused) = self.refuses(opening) {
            self.note_refused(step, refused);
            return;
        }
        let Some(generation) = self.engine.next_generation(opening.key) else {
            self.note_refused(step, CommandRefused::AlreadyOpen(opening.key));
            return;
        };
        let episode = EpisodeId { key: opening.key, generation };
        let mut position = new_position(episode, opening, step.now);
        let terms = self.engine.terms_of(&position);
        let atr = terms.atr;
        let stop = terms.plan.stop_loss.map(|rule| {
            let leverage = terms.plan.leverage;
            let mut from = position.entry();
            if planted(87) {
                from.cost += from.cost / 100;
            }
            let stop = rule.initial(position.side(), from, terms.level_rule(), atr, leverage);
            (stop, rule.misses_atr(atr))
        });
        let misses_atr = stop.is_some_and(|(_, misses)| misses);
        let forced = stop.filter(|(stop, _)| stop.forces_exit).map(|(stop, _)| stop.price);
        // A stop below zero is none.
        let reachable = stop.filter(|(stop, _)| stop.price.is_sound());
        let unreachable = stop.is_some() && reachable.is_none();
        position.stop = reachable.and_then(|(stop, _)| level(stop.price));
        position.stop_origin = stop.map_or(StopOrigin::Initial, |(stop, _)| stop.origin);
        position.first_stop = position.stop;
        position.trailing =
            terms.plan.trailing.as_ref().is_some_and(|rule| rule.activation.is_none() || planted(86));
        let bare = [Rule::HardStop, Rule::LossGuard, Rule::StopLoss, Rule::SoftStop]
            .iter()
            .all(|&rule| position.loss_level(rule, &terms).is_none())
            && terms.plan.trailing.is_none();
        let feed = self.engine.plans[opening.plan.0 as usize].feed;
        let record = Opened {
            episode,
            plan: opening.plan,
            qty: opening.qty,
            entry: if planted(133) { Price(opening.entry.0 + 1) } else { opening.entry },
            entry_fees: opening.entry_fees,
            stop: price(position.stop),
        };
        self.note(step, instrument, Record::Opened(Box::new(record)));
        if bare || unreachable {
            self.note(step, instrument, Record::Alarm { episode, what: AlarmKind::NoProtection });
        }
        if misses_atr {
            self.note(step, instrument, Record::Alarm { episode, what: AlarmKind::AtrMissing });
        }
        self.accounts.taken_over(opening.key, step.now);
        let slot = self.engine.insert(position);
        if let Some(feed) = feed {
            self.engine.feeds[feed as usize].users.push(slot);
        }
        if self.engine.positions[slot as usize].trailing {
            self.begin_trailing(step, slot, opening.entry);
        }
        self.begin_life(step, slot, opening.entry, forced);
    }

    /// What begins with a position's life: its clocks, its orders at the venue, or its end at once.
    fn begin_life(&mut self, step: &mut Step<'_>, slot: Slot, entry: Price, forced: Option<Price>) {
        let account = self.engine.positions[slot as usize].episode.key.account;
        self.start_time_limit(step, slot);
        self.watch_silence(slot, step.now);
        if let Some(safe) = self.safe_stop(slot, None) {
            self.keep_safe(step, slot, safe);
        }
        if self.engine.standing.kill_level(account) == Some(KillLevel::Flatten) {
            self.close_by_command(step, slot, Reason::PanicClose);
            return;
        }
        match forced {
            // The leverage allows no stop that the plan thinks reasonable.
            Some(stop) => self.close(step, slot, Reason::StopLoss, stop, entry, Vec::new()),
            None => {
                self.place_soft_legs(step, slot);
                self.protect(step, slot);
            }
        }
        self.rearm(slot, None, Kinds::ALL);
    }

    pub(super) fn on_close(&mut self, step: &mut Step<'_>, key: PositionKey, qty: Option<Qty>) {
        let Some(slot) = self.engine.living(key) else {
            self.note_refused(step, CommandRefused::NotOpen(key));
            return;
        };
        let position = &self.engine.positions[slot as usize];
        let instrument = &self.engine.market(key.instrument).instrument;
        match qty {
            Some(qty) if qty.0 <= 0 => self.note_refused(step, CommandRefused::NotPositive(key)),
            _ if planted(131) => {}
            Some(_) if planted(132) => self.close_by_command(step, slot, Reason::Manual),
            Some(qty) if qty < position.open && position.phase == Phase::Open => {
                let part = instrument.closable(qty);
                if part.0 == 0 {
                    self.note_refused(step, CommandRefused::BelowMinimum(key));
                    return;
                }
                let rest = Qty(position.open.0 - part.0);
                if instrument.closable(rest).0 == 0 {
                    // Nothing is left behind that could not be sold.
                    self.close_by_command(step, slot, Reason::Manual);
                } else {
                    self.close_part(step, slot, part);
                }
            }
            Some(qty) if qty < position.open => {
                // All of it is being sold, for a reason of its own: a part of it cannot be sold besides.
                let episode = position.episode;
                self.begin(step, key.instrument);
                self.push_to_market(step, slot, episode);
            }
            Some(_) | None => self.close_by_command(step, slot, Reason::Manual),
        }
    }

    /// Closes every position of an account; one that cannot be sent never stops the others.
    pub(super) fn on_panic(&mut self, step: &mut Step<'_>, account: AccountId) {
        let newest = self.engine.buckets.iter().filter(|(key, _)| key.account == account);
        let all: Vec<Slot> = newest
            .filter_map(|(_, lives)| lives.slot())
            .filter(|&slot| self.engine.positions[slot as usize].is_held())
            .collect();
        // The step reads prices of all these instruments: they are written down before it.
        for &slot in &all {
            self.report_quiet(step, self.engine.positions[slot as usize].episode.key.instrument);
        }
        if let Some(&slot) = all.first() {
            self.begin(step, self.engine.positions[slot as usize].episode.key.instrument);
        }
        for slot in all.into_iter().take(if planted(90) { 1 } else { usize::MAX }) {
            self.close_by_command(step, slot, Reason::PanicClose);
        }
    }

    pub(super) fn close_by_command(&mut self, step: &mut Step<'_>, slot: Slot, reason: Reason) {
        let position = &self.engine.positions[slot as usize];
        let (instrument, side) = (position.episode.key.instrument, position.side());
        // What somebody asks for stands in the record, also where it is under way already.
        self.begin(step, instrument);
        let position = &self.engine.positions[slot as usize];
        let cell = self.engine.market(instrument).cells.quote(side);
        let seen = self.engine.last_price(cell).unwrap_or_else(|| position.entry().rounded());
        if reason == Reason::PanicClose {
            self.cancel_foreign(step, position.episode.key);
        }
        self.close(step, slot, reason, seen, seen, Vec::new());
        self.rearm(slot, None, Kinds::ALL);
        self.engine.restate_bands(instrument);
    }

    /// The trailing stop of a new position is active from its entry on.
    pub(super) fn begin_trailing(&mut self, step: &mut Step<'_>, slot: Slot, best: Price) {
        let position = &self.engine.positions[slot as usize];
        let instrument = position.episode.key.instrument;
        let plan = &self.engine.plans[position.plan.0 as usize].plan;
        let cell = self.engine.market(instrument).cells.of_rule(Rule::TrailingStop, position.side(), plan);
        let moment = self.engine.mark(cell);
        let position = &mut self.engine.positions[slot as usize];
        position.trailing = true;
        position.best = level(best);
        position.best_since = moment;
        let episode = position.episode;
        let terms = self.engine.terms(slot);
        let position = &self.engine.positions[slot as usize];
        let Some(trailing) = &terms.plan.trailing else { return };
        let stop = trailing.stop(best, &position.trail(&terms));
        if trailing.is_stepped() {
            self.engine.positions[slot as usize].trail_floor = level(stop);
        }
        self.note(step, instrument, Record::TrailingActivated { episode, extreme: best, stop });
    }

    fn refuses(&self, opening: &Opening) -> Option<CommandRefused> {
        let key = opening.key;
        let instruments = self.engine.markets.len();
        if key.instrument.0 as usize >= instruments {
            return Some(CommandRefused::UnknownInstrument(key.instrument));
        }
        let plan = self.engine.plans.get(opening.plan.0 as usize);
        if plan.is_none_or(|entry| entry.plan.instrument != key.instrument) {
            return Some(CommandRefused::UnknownPlan(opening.plan));
        }
        let account = self.accounts.get(key.account);
        if account.is_some_and(|account| account.released.contains(&key)) {
            return Some(CommandRefused::Released(key));
        }
        if opening.qty.0 <= 0 || opening.entry.0 <= 0 {
            return Some(CommandRefused::NotPositive(key));
        }
        let rules = &self.engine.market(key.instrument).instrument;
        if rules.is_too_large(opening.entry, opening.qty) || !is_payable(opening.entry_fees.0) {
            return Some(CommandRefused::TooLarge(key));
        }
        None
    }

    /// A refused command is told, with the command, and changes nothing.
    pub(super) fn note_refused(&mut self, step: &mut Step<'_>, refused: CommandRefused) {
        step.begin_anywhere();
        step.write(Record::CommandRefused(refused));
    }
}

/// 10^10 of the quote currency, in its smallest units.
const FEES_MAX: u128 = 10_u128.pow(28);

pub(super) fn new_position(episode: EpisodeId, opening: &Opening, now: crate::time::Timestamp) -> Position {
    Position {
        episode,
        plan: opening.plan,
        first_order: NO_ORDER,
        exits: 0,
        phase: Phase::Open,
        closing: None,
        stop_origin: StopOrigin::Initial,
        trailing: false,
        legs_out: 0,
        legs_done: 0,
        opened_at: now,
        open: opening.qty,
        initial: opening.qty,
        stop: None,
        first_stop: None,
        best: None,
        best_since: Moment::default(),
        trail_floor: None,
        cost: i128::from(opening.entry.0) * i128::from(opening.qty.0),
        entry_fees: opening.entry_fees,
        funding: crate::num::Money::ZERO,
    }
}

/// Whether fees or funding of one position can be computed with.
pub(super) const fn is_payable(amount: i128) -> bool {
    amount.unsigned_abs() <= FEES_MAX
}
