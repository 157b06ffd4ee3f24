//! How everything that is held is covered: for `/v1/protection`, and for `ripcord status` on a store at rest.
//!
//! The state says what covers; the records say since when. Both are put together here, once.

use ripcord_core::coordinator::Coordinator;
use ripcord_core::coverage::{Coverage, Covered, Known, Wants};
use ripcord_core::event::{AlarmKind, Entry};
use ripcord_core::id::{EpisodeId, InstrumentId, PlanId};
use ripcord_core::instrument::Instrument;
use ripcord_core::num::{Money, Qty, fixed};
use ripcord_core::reason::Reason;
use ripcord_core::time::Timestamp;
use ripcord_core::view::{AccountView, Cover, Protection, Totals, WorstCase};
use ripcord_report::alarm;
use serde::Serialize;

mod at_rest;
mod standing;

pub use at_rest::{AtRest, at_rest};
pub use standing::{AccountBody, Standing};

use crate::health::ms;
use crate::names::{Names, money_exact, rfc3339};

/// Follows the records of a desk: since when each position is covered.
#[derive(Debug, Clone, Default)]
pub struct Guard {
    coverage: Coverage,
    known: Registered,
}

#[derive(Debug, Clone, Default)]
struct Registered {
    instruments: Vec<Instrument>,
    wants: Vec<Wants>,
}

impl Known for Registered {
    fn closable(&self, instrument: InstrumentId, qty: Qty) -> Qty {
        self.instruments.get(instrument.0 as usize).map_or(qty, |rules| rules.closable(qty))
    }

    fn wants(&self, plan: PlanId) -> Wants {
        self.wants.get(plan.0 as usize).copied().unwrap_or_default()
    }
}

/// A position, how it is covered, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guarded {
    /// What covers it now.
    pub now: Protection,
    /// What its records say.
    pub covered: Option<Covered>,
}

impl Guard {
    /// Of these instruments and of what each plan wants, both by their ids.
    #[must_use]
    pub const fn new(instruments: Vec<Instrument>, wants: Vec<Wants>) -> Self {
        Self { coverage: Coverage::new(), known: Registered { instruments, wants } }
    }

    /// The same, going on from what was known.
    #[must_use]
    pub const fn going_on(coverage: Coverage, instruments: Vec<Instrument>, wants: Vec<Wants>) -> Self {
        Self { coverage, known: Registered { instruments, wants } }
    }

    /// What is known of every position.
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        self.coverage.clone()
    }

    /// Takes a record.
    pub fn take(&mut self, entry: &Entry) {
        let _over = self.coverage.take(entry, &self.known);
    }

    /// Every position that `coordinator` holds.
    #[must_use]
    pub fn look(&self, coordinator: &Coordinator) -> Vec<Guarded> {
        let of = |now: Protection| Guarded { now, covered: self.coverage.of(now.episode).cloned() };
        coordinator.view().protections().map(of).collect()
    }
}

/// Whether somebody must look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Everything held is covered as its plan wants.
    Covered,
    /// Something is held that only rules of ours cover, and they may not act: nobody runs, prices or the venue are
    /// away, or the account could not be read again and again.
    Unwatched,
    /// An alarm stands: something that should be done is not, or may not be.
    Alarmed,
    /// Something held is not covered as its plan wants.
    Short,
}

/// So many reads in a row that failed leave it open what is held.
const UNREAD_FROM: u32 = 3;

/// What is said of everything that is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// The worst of what is so now.
    pub state: State,
    /// The moment that ages are counted to, by the clock of the records.
    pub as_of: String,
    /// All positions together.
    pub totals: TotalsBody,
    /// Each account that is managed, holds something, or is stopped.
    pub accounts: Vec<AccountBody>,
    /// Each position.
    pub positions: Vec<PositionBody>,
    /// Alarms of positions that are held, whose cause has not ended.
    pub alarms: Vec<AlarmBody>,
}

/// Sums over positions; money as exact decimals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TotalsBody {
    positions: u32,
    /// Positions that are not covered as their plans want.
    short: u32,
    closing: u32,
    unknown_orders: u32,
    value: String,
    value_covered: String,
    /// Share of the value that stops at the venue cover, in percent with one decimal, rounded down.
    covered_percent: String,
    /// The outcome at worst if everything but the venue died, of the positions where it is bounded.
    worst_without_us: String,
    unbounded_without_us: u32,
    worst_with_us: String,
    unbounded_with_us: u32,
}

/// An alarm that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AlarmBody {
    position: String,
    symbol: String,
    what: &'static str,
    text: &'static str,
    since: String,
}

/// One position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PositionBody {
    id: String,
    account: u32,
    symbol: String,
    side: &'static str,
    plan: String,
    cover: &'static str,
    is_short: bool,
    wants_stop: bool,
    held: String,
    covered: String,
    armed_only: String,
    naked: String,
    dust: String,
    price: String,
    value: String,
    stop: Option<StopBody>,
    rule: Option<RuleBody>,
    closing: Option<ClosingBody>,
    unknown_orders: u32,
    /// None where nothing bounds it.
    worst_without_us: Option<String>,
    worst_with_us: Option<String>,
    /// Since when no confirmed stop covers everything although the plan wants one.
    naked_since: Option<String>,
    naked_ms: i64,
    unprotected_ms: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct StopBody {
    trigger: String,
    qty: String,
    reason: &'static str,
    is_triggered: bool,
    confirmed_at: Option<String>,
    /// When a list of open orders, or the venue's word, last had it.
    seen_at: Option<String>,
    seen_ms_ago: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct RuleBody {
    reason: &'static str,
    level: String,
    leaves_to_stop: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct ClosingBody {
    reason: &'static str,
    since: Option<String>,
    for_ms: Option<i64>,
}

impl Told {
    /// Of these positions at `now`, the time of their records' clock.
    #[must_use]
    pub fn of(guarded: &[Guarded], standing: &Standing, names: &Names, now: Timestamp) -> Self {
        let at_now = |of: &Guarded| Guarded { now: of.now.at(now), covered: of.covered.clone() };
        let guarded: Vec<Guarded> = guarded.iter().map(at_now).collect();
        let all: Vec<Protection> = guarded.iter().map(|of| of.now).collect();
        let totals = Totals::of(&all);
        let is_alarmed = guarded.iter().any(|of| standing_alarms(of).any(|(what, _)| what.is_urgent()));
        let is_unread = |account: &AccountView| account.failed_reads >= UNREAD_FROM;
        let state = if totals.short > 0 {
            State::Short
        } else if is_alarmed {
            State::Alarmed
        } else if !all.is_empty() && standing.accounts.iter().any(is_unread) {
            State::Unwatched
        } else {
            State::Covered
        };
        Self {
            state,
            as_of: rfc3339(now),
            totals: totals_body(&totals),
            accounts: standing::account_bodies(standing, &Totals::by_account(&all), names),
            positions: guarded.iter().map(|of| position_body(of, names, now)).collect(),
            alarms: guarded.iter().flat_map(|of| alarm_bodies(of, names)).collect(),
        }
    }
}

impl Told {
    /// The same, where rules of ours may not act.
    #[must_use]
    pub fn unwatched(mut self) -> Self {
        if self.state == State::Covered && !self.positions.is_empty() {
            self.state = State::Unwatched;
        }
        self
    }
}

/// The alarms that stand of a position. Nobody is alarmed about dust.
fn standing_alarms(of: &Guarded) -> impl Iterator<Item = &(AlarmKind, Timestamp)> {
    let stand = of.covered.iter().flat_map(|covered| &covered.alarms);
    stand.filter(|_| of.now.cover != Cover::Dust)
}

fn totals_body(of: &Totals) -> TotalsBody {
    // Of nothing everything is covered.
    let permille = if of.value.0 > 0 { of.value_covered.0 / (of.value.0 / 1_000).max(1) } else { 1_000 };
    TotalsBody {
        positions: of.positions,
        short: of.short,
        closing: of.closing,
        unknown_orders: of.unknown_orders,
        value: money_exact(of.value),
        value_covered: money_exact(of.value_covered),
        covered_percent: fixed(permille, 1).to_string(),
        worst_without_us: money_exact(of.worst_without_us),
        unbounded_without_us: of.unbounded_without_us,
        worst_with_us: money_exact(of.worst_with_us),
        unbounded_with_us: of.unbounded_with_us,
    }
}

fn alarm_bodies(of: &Guarded, names: &Names) -> Vec<AlarmBody> {
    let episode = of.now.episode;
    let body = |&(what, since): &_| AlarmBody {
        position: names.episode(episode),
        symbol: names.symbol(episode).to_owned(),
        what: alarm::code(what),
        text: alarm::words(what),
        since: rfc3339(since),
    };
    standing_alarms(of).map(body).collect()
}

fn position_body(of: &Guarded, names: &Names, now: Timestamp) -> PositionBody {
    let Guarded { now: at, covered } = of;
    let episode: EpisodeId = at.episode;
    let qty = |qty| names.qty(episode, qty);
    let worst = |of: WorstCase| of.bounded().map(|money: Money| money_exact(money));
    let covered = covered.as_ref();
    let spent = |of: Option<&ripcord_core::coverage::Spent>| of.map_or(0, |spent| ms(spent.in_all(now)));
    let (naked, unprotected) =
        (covered.map(|covered| &covered.naked), covered.map(|covered| &covered.unprotected));
    PositionBody {
        id: names.episode(episode),
        account: episode.key.account.0,
        symbol: names.symbol(episode).to_owned(),
        side: at.side.word(),
        plan: names.plan(at.plan).to_owned(),
        cover: at.cover.word(),
        is_short: at.cover.is_short(),
        wants_stop: at.wants_stop,
        held: qty(at.held),
        covered: qty(at.covered),
        armed_only: qty(at.armed_only),
        naked: qty(at.naked),
        dust: qty(Qty(at.held.0 - at.closable.0)),
        price: names.price(episode, at.price),
        value: money_exact(at.value),
        stop: at.stop.map(|stop| StopBody {
            trigger: names.price(episode, stop.trigger),
            qty: qty(stop.qty),
            reason: stop.reason.word(),
            is_triggered: stop.is_triggered,
            confirmed_at: covered.and_then(|covered| covered.confirmed_at).map(rfc3339),
            seen_at: stop.seen_at.map(rfc3339),
            seen_ms_ago: stop.seen_at.map(|seen| ms(now.since(seen))),
        }),
        rule: at.rule.map(|rule| RuleBody {
            reason: rule.reason.word(),
            level: names.price(episode, rule.level),
            leaves_to_stop: rule.leaves_to_stop,
        }),
        closing: at.closing.map(|reason| closing_body(reason, covered, now)),
        unknown_orders: at.unknown_orders,
        worst_without_us: worst(at.worst_without_us),
        worst_with_us: worst(at.worst_with_us),
        naked_since: naked.and_then(ripcord_core::coverage::Spent::since).map(rfc3339),
        naked_ms: spent(naked),
        unprotected_ms: spent(unprotected),
    }
}

fn closing_body(reason: Reason, covered: Option<&Covered>, now: Timestamp) -> ClosingBody {
    let decided = covered.and_then(|covered| covered.decided);
    let since = decided.filter(|(_, of)| *of == reason).map(|(at, _)| at);
    ClosingBody {
        reason: reason.word(),
        since: since.map(rfc3339),
        for_ms: since.map(|since| ms(now.since(since))),
    }
}
