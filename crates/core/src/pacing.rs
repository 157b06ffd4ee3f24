//! Order budgets: how many orders an account may send, and what waits so that there is room for the rest.
//!
//! What protects and what gets out of a risk is never held back by a budget. It waits for nothing: exits
//! of choice, and stops that would only follow, leave it the room that the reserve names.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::id::AccountId;
use crate::num::{Ratio, Round};
use crate::planted::planted;
use crate::time::{Span, Timestamp};

/// More orders in a window no budget counts.
const ORDERS_MAX: u32 = 10_000;
/// No window, and no pause, is longer.
const WINDOW_MAX: Span = Span::from_secs(86_400);

/// How many orders an account may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OrderBudget {
    /// So many in any window, at least 1; the slices of one exit count as one.
    pub orders: u32,
    /// The window.
    pub window: Span,
    /// The share of them that exits of choice leave to protection and to exits of risk; below 1.
    pub reserve: Ratio,
    /// How long exits of choice wait after the venue said that it is busy.
    pub pause: Span,
}

impl OrderBudget {
    /// Whether it leaves anything to an exit of choice, and can be counted.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let is_span = |span: Span, least: i64| (least..=WINDOW_MAX.0).contains(&span.0);
        let is_share = (0..Ratio::ONE.0).contains(&self.reserve.0);
        let is_counted = (1..=ORDERS_MAX).contains(&self.orders);
        is_counted && is_share && is_span(self.window, 1) && is_span(self.pause, 0) && self.of_choice() > 0
    }

    /// How many orders of a window are left to exits of choice.
    fn of_choice(&self) -> usize {
        let orders = i64::from(self.orders);
        let left = orders - self.reserve.of(orders, Round::Up);
        usize::try_from(left).unwrap_or(0)
    }
}

/// How an account's orders go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// As they are decided.
    Free,
    /// Exits of choice wait.
    ChoiceWaits,
    /// The whole budget is used, the reserve too; what must go goes, and the venue decides.
    Spent,
}

/// The orders of an account with a budget.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Paced {
    budget: OrderBudget,
    /// When the newest were sent; not more of them than the budget counts.
    sent: VecDeque<Timestamp>,
    /// The venue said that it is busy.
    busy_until: Timestamp,
    /// What was told last.
    pub(crate) pace: Pace,
}

impl Paced {
    /// When there is room for an order of choice; `None` is now.
    pub(crate) fn room_at(&self, now: Timestamp) -> Option<Timestamp> {
        if planted(140) {
            return None;
        }
        let (window, most) = (self.budget.window, self.budget.of_choice());
        let used = self.sent.iter().rev().take_while(|at| at.after(window) > now).count();
        let full = (used >= most).then(|| self.sent[self.sent.len() - most].after(window));
        let busy = (self.busy_until > now).then_some(self.busy_until);
        full.max(busy)
    }

    /// An order is sent; whether the budget was used up before it.
    fn spend(&mut self, now: Timestamp) -> bool {
        let window = self.budget.window;
        let used = self.sent.iter().rev().take_while(|at| at.after(window) > now).count();
        let most = self.budget.orders as usize;
        // Time told twice or backwards counts as it was.
        let at = self.sent.back().map_or(now, |&last| last.max(now));
        self.sent.push_back(at);
        while self.sent.len() > most {
            self.sent.pop_front();
        }
        used >= most
    }
}

/// The accounts that have a budget.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Pacing {
    #[serde(with = "crate::pairs")]
    by_account: BTreeMap<AccountId, Paced>,
}

impl Pacing {
    pub(crate) fn get(&self, account: AccountId) -> Option<&Paced> {
        self.by_account.get(&account)
    }

    pub(crate) fn get_mut(&mut self, account: AccountId) -> Option<&mut Paced> {
        self.by_account.get_mut(&account)
    }

    /// An account has this budget from now on; what it sent counts.
    pub(crate) fn give(&mut self, account: AccountId, budget: OrderBudget) {
        let new = Paced { budget, sent: VecDeque::new(), busy_until: Timestamp::MIN, pace: Pace::Free };
        let paced = self.by_account.entry(account).or_insert(new);
        paced.budget = budget;
        while paced.sent.len() > budget.orders as usize {
            paced.sent.pop_front();
        }
    }

    /// An account has none any more; what was told last.
    pub(crate) fn take(&mut self, account: AccountId) -> Option<Pace> {
        self.by_account.remove(&account).map(|paced| paced.pace)
    }

    /// When there is room for an order of choice; `None` is now.
    pub(crate) fn room_at(&self, account: AccountId, now: Timestamp) -> Option<Timestamp> {
        self.get(account)?.room_at(now)
    }

    /// Whether it was told that exits of choice wait.
    pub(crate) fn waits(&self, account: AccountId) -> bool {
        self.get(account).is_some_and(|paced| paced.pace != Pace::Free)
    }

    /// An order is sent; whether the budget was used up before it.
    pub(crate) fn spend(&mut self, account: AccountId, now: Timestamp) -> bool {
        self.get_mut(account).is_some_and(|paced| paced.spend(now))
    }

    /// The venue said that it is busy.
    pub(crate) fn busy(&mut self, account: AccountId, now: Timestamp) {
        if let Some(paced) = self.get_mut(account) {
            paced.busy_until = paced.busy_until.max(now.after(paced.budget.pause));
        }
    }

    /// How the orders of each account with a budget go.
    pub(crate) fn paces(&self) -> impl Iterator<Item = (AccountId, OrderBudget, Pace)> + '_ {
        self.by_account.iter().map(|(&account, paced)| (account, paced.budget, paced.pace))
    }
}
