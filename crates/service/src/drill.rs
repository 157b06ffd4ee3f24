//! Drills: one exit forced on paper, and the proof that it was what it should be.
//!
//! A seeded market is built for the plan that is asked about, so that the rule asked for provably acts. The
//! exit runs through the same desk and into a store like any other; everything that is claimed afterwards
//! is read from there. Start at [`drill`].

use std::path::{Path, PathBuf};
use std::time::Duration;

use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::num::{Price, Qty};
use ripcord_core::plan::{Plan, PlanSpec, Rule};
use ripcord_core::reason::{Reason, Source};
use ripcord_core::time::Span;
use ripcord_sim::plan_file::WrittenPlan;
use ripcord_sim::sensible::sensible;
use ripcord_store::StoreError;
use serde::Serialize;

use crate::keeper::KeeperError;
use crate::session::SessionError;

mod act;
mod proof;
mod scene;

pub use proof::Proof;

/// What is forced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Forced {
    /// A rule that closes everything.
    Rule(Rule),
    /// A leg of the ladder, from 1.
    Leg(u8),
    /// Everything is closed on command.
    Panic,
    /// The stop at the venue.
    Bracket,
    /// The stop at the venue triggers and does not close.
    ProtectionFailed,
}

/// Every word that names what can be forced.
const RULES: [&str; 11] = [
    "hard_stop",
    "loss_guard",
    "stop_loss",
    "soft_stop",
    "trailing_stop",
    "take_profit:N",
    "signal_exit",
    "time_limit",
    "bracket",
    "protection_failed",
    "panic",
];

impl Forced {
    /// The word on the command line and in tables.
    #[must_use]
    pub fn word(self) -> String {
        match self {
            Self::Rule(Rule::HardStop) => "hard_stop".to_owned(),
            Self::Rule(Rule::LossGuard) => "loss_guard".to_owned(),
            Self::Rule(Rule::StopLoss) => "stop_loss".to_owned(),
            Self::Rule(Rule::SoftStop) => "soft_stop".to_owned(),
            Self::Rule(Rule::TrailingStop) => "trailing_stop".to_owned(),
            Self::Rule(Rule::TakeProfit) => "take_profit".to_owned(),
            Self::Rule(Rule::SignalExit) => "signal_exit".to_owned(),
            Self::Rule(Rule::TimeLimit) => "time_limit".to_owned(),
            Self::Leg(leg) => format!("take_profit:{leg}"),
            Self::Panic => "panic".to_owned(),
            Self::Bracket => "bracket".to_owned(),
            Self::ProtectionFailed => "protection_failed".to_owned(),
        }
    }

    /// What can be forced of a plan.
    #[must_use]
    pub fn of(plan: &Plan) -> Vec<Self> {
        let mut all = Vec::new();
        let rules = [
            (Rule::HardStop, plan.hard_stop.is_some()),
            (Rule::LossGuard, plan.loss_guard.is_some()),
            (Rule::StopLoss, plan.stop_loss.is_some()),
            (Rule::SoftStop, plan.soft_stop.is_some()),
            (Rule::TrailingStop, plan.trailing.is_some()),
        ];
        all.extend(rules.into_iter().filter(|(_, has)| *has).map(|(rule, _)| Self::Rule(rule)));
        let legs = plan.ladder.as_ref().map_or(0, |ladder| ladder.legs.len());
        all.extend((1_u8..).take(legs).map(Self::Leg));
        all.extend(plan.signal_exit.map(|_| Self::Rule(Rule::SignalExit)));
        all.extend(plan.time_limit.map(|_| Self::Rule(Rule::TimeLimit)));
        if plan.bracket.is_some() {
            all.extend([Self::Bracket, Self::ProtectionFailed]);
        }
        all.push(Self::Panic);
        all
    }

    /// The reason that what it closes must have; that of the stop at the venue is the reason of the rule which
    /// set its level.
    #[must_use]
    pub const fn reason(self) -> Option<Reason> {
        match self {
            Self::Rule(rule) => Some(rule.reason()),
            Self::Leg(_) => Some(Reason::TakeProfit),
            Self::Panic => Some(Reason::PanicClose),
            Self::ProtectionFailed => Some(Reason::ProtectionFailed),
            Self::Bracket => None,
        }
    }

    /// Who must have closed it.
    #[must_use]
    pub const fn source(self) -> Source {
        match self.reason() {
            Some(reason) => reason.source(),
            None => Source::ExchangeBracket,
        }
    }
}

/// Why a drill cannot be held.
#[derive(Debug, thiserror::Error)]
pub enum DrillError {
    /// The plan does not fit the drill's instrument.
    #[error("plan {plan}: {}", .faults.join("; "))]
    Plan {
        /// The plan.
        plan: String,
        /// What does not fit.
        faults: Vec<String>,
    },
    /// No plan has such a rule.
    #[error("{asked:?} is no rule; rules are {}", RULES.join(", "))]
    Unknown {
        /// What was asked for.
        asked: String,
    },
    /// The plan has no such rule.
    #[error("plan {plan} has no {asked}; it has {has}")]
    NoRule {
        /// The plan.
        plan: String,
        /// What was asked for.
        asked: String,
        /// What it has.
        has: String,
    },
    /// Another rule always comes first.
    #[error("{asked} cannot act alone: {why}")]
    Outranked {
        /// What was asked for.
        asked: String,
        /// Why.
        why: String,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store, again.
    #[error(transparent)]
    Keeper(#[from] KeeperError),
    /// The desk.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// A file.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
}

impl DrillError {
    /// Whether the request was at fault, not the work.
    #[must_use]
    pub const fn is_request(&self) -> bool {
        matches!(self, Self::Plan { .. } | Self::Unknown { .. } | Self::NoRule { .. })
    }
}

/// What is drilled: a position under a plan.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The plan as written.
    pub spec: PlanSpec,
    /// The plan for the drill's instrument.
    pub plan: Plan,
    /// The side of the position.
    pub side: Side,
    /// Chance of the market before the exit.
    pub seed: u64,
}

/// The drill's instrument: prices with two decimals in tenths, lots of a thousandth.
#[must_use]
pub fn instrument() -> Instrument {
    Instrument { tick_size: Price(10), qty_min: Qty(1), ..Instrument::from_decimals("DRILLUSDT", 2, 3) }
}

/// Entry of the drilled position: 60,000.00 for 1.000.
const ENTRY: (Price, Qty) = (Price(60_000_00), Qty(1_000));

impl Subject {
    /// A position of `side` under a plan.
    ///
    /// # Errors
    /// A plan that does not fit the drill's instrument, or makes such a position senseless.
    pub fn new(written: &WrittenPlan, side: Side, seed: u64) -> Result<Self, DrillError> {
        let spec = &written.plan;
        let refuse = |faults| DrillError::Plan { plan: spec.name.clone(), faults };
        let rules = instrument();
        let plan = spec.resolve(ripcord_core::id::InstrumentId(0), &rules).map_err(|faults| {
            refuse(
                faults.iter().map(|fault| format!("{}: {fault}", written.places.of(&fault.field))).collect(),
            )
        })?;
        sensible(&plan, &rules, side, ENTRY).map_err(|found| refuse(vec![found.must]))?;
        Ok(Self { spec: spec.clone(), plan, side, seed })
    }

    /// What can be forced, by the word on the command line; `take_profit` alone is its first leg.
    ///
    /// # Errors
    /// A word that is no rule, or a rule that the plan does not have, with those that it has.
    pub fn find(&self, word: &str) -> Result<Forced, DrillError> {
        let all = Forced::of(&self.plan);
        let asked = if word == "take_profit" { "take_profit:1" } else { word };
        let is_leg = asked.strip_prefix("take_profit:").is_some_and(|leg| leg.parse::<u8>().is_ok());
        if !is_leg && !RULES.contains(&asked) {
            return Err(DrillError::Unknown { asked: word.to_owned() });
        }
        all.iter().copied().find(|forced| forced.word() == asked).ok_or_else(|| DrillError::NoRule {
            plan: self.spec.name.clone(),
            asked: word.to_owned(),
            has: all.iter().map(|forced| forced.word()).collect::<Vec<_>>().join(", "),
        })
    }
}

/// A drill that was held.
#[derive(Debug, Clone, Serialize)]
pub struct Drill {
    /// What was forced.
    pub rule: String,
    /// The plan.
    pub plan: String,
    /// The side of the position.
    pub side: &'static str,
    /// Whether every proof holds.
    pub passed: bool,
    /// How it was set off, in words.
    pub set_off: String,
    /// The level of the rule, as decimal text.
    pub level: Option<String>,
    /// What was proven, each with what was found.
    pub proofs: Vec<Proof>,
    /// From the price, command or timer that set it off until its intent was on the disk, in microseconds of
    /// this machine's clock; none where the venue acted by itself.
    pub trigger_to_durable_us: Option<u64>,
    /// From the intent to the last fill, in milliseconds of the simulated venue's clock.
    pub intent_to_fill_ms: Option<i64>,
    /// Where records, ledger rows and the store were saved.
    pub saved: Option<PathBuf>,
}

/// Holds one drill in `folder`, which it fills with the store, the records and the ledger's rows.
///
/// # Errors
/// When the rule cannot be set off alone, or a file cannot be written.
pub fn drill(subject: &Subject, forced: Forced, folder: &Path) -> Result<Drill, DrillError> {
    let mut scene = scene::Scene::new(subject, forced, &folder.join("drill.db"))?;
    let set_off = act::set_off(&mut scene, subject, forced)?;
    scene.let_it_end();
    let held = scene.finish();
    proof::prove(subject, forced, set_off, held, folder)
}

/// How an exit was set off.
#[derive(Debug, Clone)]
struct SetOff {
    text: String,
    level: Option<Price>,
}

/// Time until the stop at the venue is confirmed, and the market calm.
const CALM: Span = Span::from_secs(2);
/// An exit that takes longer than this has not come off.
const PATIENCE: Span = Span::from_secs(120);

/// Wall time between two moments of this machine.
type Took = Duration;
