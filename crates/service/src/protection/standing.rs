//! What somebody decided about accounts: what of them is managed, how far they are stopped, what was let go.

use std::collections::{BTreeMap, BTreeSet};

use ripcord_core::account::{AccountMode, Managed};
use ripcord_core::coordinator::Coordinator;
use ripcord_core::id::AccountId;
use ripcord_core::kill::KillLevel;
use ripcord_core::num::fixed;
use ripcord_core::pacing::{OrderBudget, Pace};
use ripcord_core::view::{AccountView, Totals};
use serde::Serialize;

use super::{TotalsBody, totals_body};
use crate::health::ms;
use crate::names::Names;
use crate::tags::level_words;

/// What stands about every account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Those that are managed.
    pub accounts: Vec<AccountView>,
    /// Those that somebody stopped, and how far.
    pub kills: BTreeMap<AccountId, KillLevel>,
    /// Those that may send only so many orders, and how their orders go.
    pub budgets: BTreeMap<AccountId, (OrderBudget, Pace)>,
}

/// An account: its sums, and what was decided about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AccountBody {
    account: u32,
    #[serde(flatten)]
    totals: TotalsBody,
    /// K1 to K4; none when nobody stopped it.
    kill_level: Option<&'static str>,
    /// What the level leaves, in words.
    kill_level_means: Option<&'static str>,
    /// How many orders may be sent; none when they are not counted.
    budget: Option<BudgetBody>,
    /// Buckets that were let go: nothing here acts on them until they are handed over.
    released: Vec<String>,
    /// None when nothing of it is managed.
    managed: Option<ManagedBody>,
}

/// The orders that an account may send, and how they go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct BudgetBody {
    orders: u32,
    window_ms: i64,
    /// The share, in percent, that exits of choice leave to what protects.
    reserve_percent: String,
    /// `free`, `choice_waits` (exits of choice wait) or `spent` (the reserve is used up too).
    pace: &'static str,
}

/// What of an account is managed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct ManagedBody {
    mode: &'static str,
    /// No read of the venue has come since the start.
    is_recovering: bool,
    failed_reads: u32,
    instruments: Vec<ManagedInstrument>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct ManagedInstrument {
    symbol: String,
    /// The plan of what is found at the venue.
    plan: String,
    /// How much may be taken over and sold in all; none where no grant is needed.
    grant: Option<String>,
    grant_left: Option<String>,
}

impl Standing {
    /// As a coordinator has it.
    #[must_use]
    pub fn of(coordinator: &Coordinator) -> Self {
        let view = coordinator.view();
        let budgets = view.budgets().map(|(account, budget, pace)| (account, (budget, pace))).collect();
        Self { accounts: view.accounts().collect(), kills: view.kill_levels().collect(), budgets }
    }
}

/// Every account that is managed, holds something, or is stopped.
pub(super) fn account_bodies(
    standing: &Standing,
    totals: &BTreeMap<AccountId, Totals>,
    names: &Names,
) -> Vec<AccountBody> {
    let managed: BTreeMap<AccountId, &AccountView> =
        standing.accounts.iter().map(|view| (view.given.account, view)).collect();
    let all: BTreeSet<AccountId> =
        totals.keys().chain(standing.kills.keys()).chain(managed.keys()).copied().collect();
    let body = |account: AccountId| {
        let (view, level) = (managed.get(&account), standing.kills.get(&account).copied());
        let released = view.map(|view| view.released.iter().map(|&key| names.bucket(key)).collect());
        AccountBody {
            account: account.0,
            totals: totals.get(&account).map_or_else(|| totals_body(&Totals::default()), totals_body),
            kill_level: level.map(KillLevel::word),
            kill_level_means: level.map(|level| level_words(Some(level))),
            budget: standing.budgets.get(&account).map(|(budget, pace)| budget_body(budget, *pace)),
            released: released.unwrap_or_default(),
            managed: view.map(|view| managed_body(view, names)),
        }
    };
    all.into_iter().map(body).collect()
}

fn budget_body(budget: &OrderBudget, pace: Pace) -> BudgetBody {
    BudgetBody {
        orders: budget.orders,
        window_ms: ms(budget.window),
        // A share is in units of 10^-9.
        reserve_percent: fixed(i128::from(budget.reserve.0), 7).to_string(),
        pace: match pace {
            Pace::Free => "free",
            Pace::ChoiceWaits => "choice_waits",
            Pace::Spent => "spent",
        },
    }
}

fn managed_body(view: &AccountView, names: &Names) -> ManagedBody {
    ManagedBody {
        mode: match view.given.mode {
            AccountMode::Net => "net",
            AccountMode::Hedge => "hedge",
            AccountMode::Spot => "spot",
        },
        is_recovering: view.is_recovering,
        failed_reads: view.failed_reads,
        instruments: view.given.instruments.iter().map(|of| managed_instrument(view, of, names)).collect(),
    }
}

fn managed_instrument(view: &AccountView, of: &Managed, names: &Names) -> ManagedInstrument {
    let rules = names.instrument(of.instrument);
    let left = view.grants_left.iter().find(|(instrument, _)| *instrument == of.instrument);
    let text = |qty: ripcord_core::num::Qty| fixed(i128::from(qty.0), rules.qty_decimals).to_string();
    ManagedInstrument {
        symbol: rules.symbol.clone(),
        plan: names.plan(of.plan).to_owned(),
        grant: of.grant.map(text),
        grant_left: left.map(|(_, qty)| text(*qty)),
    }
}
