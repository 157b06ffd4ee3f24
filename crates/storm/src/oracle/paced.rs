//! What an account may do at all: so many orders of choice, and so many coins that nobody handed over.

use std::collections::{BTreeSet, VecDeque};

use ripcord_core::event::ExitDecided;
use ripcord_core::id::{AccountId, EpisodeId};
use ripcord_core::num::Round;
use ripcord_core::order::ExitOrder;
use ripcord_core::pacing::{OrderBudget, Pace};
use ripcord_core::time::{Span, Timestamp};

use super::Oracle;
use super::reasons::is_choice;

/// The orders of an account, as its budget counts them.
#[derive(Debug, Clone, Default)]
pub(super) struct Paced {
    /// When they were decided, by the clock of the process.
    decided: VecDeque<Timestamp>,
    /// Exits of choice that were decided while there was room: what frees their coins has begun.
    with_room: BTreeSet<(EpisodeId, u16)>,
    /// Whether exits of choice wait, ..
    waits: bool,
    /// .. and when that was last told otherwise.
    told_at: Option<Timestamp>,
}

/// A ladder has no more targets than this.
const LEGS_MAX: i64 = 4;
/// Who waits for room takes turns with others.
const TURNS: Span = Span::from_secs(180);

impl Paced {
    /// How many count at a moment.
    fn used(&mut self, at: Timestamp, window: Span) -> i64 {
        while self.decided.front().is_some_and(|sent| sent.after(window) <= at) {
            self.decided.pop_front();
        }
        self.decided.len() as i64
    }
}

impl Oracle<'_> {
    /// An exit is decided: one of choice needs room for it.
    pub(super) fn remember_room(&mut self, at: Timestamp, decided: &ExitDecided) {
        let Some(budget) = self.config.budget else { return };
        let paced = self.paced.entry(decided.episode.key.account).or_default();
        if paced.used(at, budget.window) < of_choice(&budget) {
            paced.with_room.insert((decided.episode, decided.exit));
        }
    }

    /// It is told how the orders of an account go.
    pub(super) fn on_pace(&mut self, now: Timestamp, account: AccountId, pace: Pace) {
        let paced = self.paced.entry(account).or_default();
        (paced.waits, paced.told_at) = (pace != Pace::Free, Some(now));
    }

    /// Whether exits of choice of an account waited for room lately.
    pub(super) fn has_waited_for_room(&self, now: Timestamp, account: AccountId) -> bool {
        let lately = |at: Timestamp| now.since(at) < TURNS;
        self.paced.get(&account).is_some_and(|paced| paced.waits || paced.told_at.is_some_and(lately))
    }

    /// An order is decided: one of choice leaves the reserve of the budget alone.
    pub(super) fn check_pace(&mut self, (now, at): (Timestamp, Timestamp), order: &ExitOrder) {
        let Some(budget) = self.config.budget else { return };
        if order.id.slice > 0 {
            // An exit's slices count as one.
            return;
        }
        let most = of_choice(&budget);
        let is_spot = self.is_spot();
        let paced = self.paced.entry(order.id.episode.key.account).or_default();
        let used = paced.used(at, budget.window);
        // A clock that was set back counts as it was.
        paced.decided.push_back(paced.decided.back().map_or(at, |last| at.max(*last)));
        let had_room = is_spot && paced.with_room.contains(&(order.id.episode, order.id.exit));
        // Targets that waited for the same coins were all decided while there was room.
        let most = if is_spot && order.kind.rests() { most + LEGS_MAX } else { most };
        if is_choice(order.reason) && used >= most && !had_room {
            let what = format!("an order of choice is decided behind {used} others; {most} may be");
            self.fail(now, Some(order.id.episode.key), "S15", &what);
        }
    }

    /// Coins are taken over: not more than are granted, ever.
    pub(super) fn check_grant(&mut self, now: Timestamp, episode: EpisodeId) {
        let (key, qty) = (episode.key, self.lives.get(episode).map_or(0, |life| life.qty));
        if !self.is_spot() {
            return;
        }
        self.of_grant.insert(episode, qty);
        let taken = self.taken.entry((key.account, key.instrument)).or_default();
        *taken += qty;
        let (taken, granted) = (*taken, self.config.grant(key.instrument).0);
        if taken > granted {
            let what = format!("{taken} is taken over in all, and {granted} is granted");
            self.fail(now, Some(key), "S12", &what);
        }
    }

    /// What is let go may be taken over once more.
    pub(super) fn give_back(&mut self, episode: EpisodeId) {
        let Some(granted) = self.of_grant.remove(&episode) else { return };
        let left = self.lives.get(episode).map_or(0, |life| life.qty);
        if let Some(taken) = self.taken.get_mut(&(episode.key.account, episode.key.instrument)) {
            *taken -= granted.min(left);
        }
    }
}

/// How many orders of a window are left to exits of choice.
fn of_choice(budget: &OrderBudget) -> i64 {
    let orders = i64::from(budget.orders);
    orders - budget.reserve.of(orders, Round::Up)
}
