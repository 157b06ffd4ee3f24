//! Exit plans: the rules that hold for an episode, resolved for one instrument. Pure data.
//!
//! A plan is written as a [`spec::PlanSpec`] (TOML, CSV cells, API) and resolved into a [`Plan`]
//! whose numbers are in the instrument's units. Rules are ranked by [`Rule`]; each has a file.

use serde::{Deserialize, Serialize};

use crate::id::InstrumentId;
use crate::num::{Price, Ratio};
use crate::reason::Reason;
use crate::time::Span;

pub mod bounds;
pub mod bracket;
pub mod check;
pub mod dynamic;
pub mod ladder;
pub mod level;
pub mod liquidation;
pub mod loss_limit;
pub mod net;
pub mod prices;
pub mod ratchet;
pub mod signal_exit;
pub mod spec;
pub mod stack;
pub mod stop_loss;
pub mod time_limit;
pub mod tolerance;
pub mod trailing;

pub use bounds::ExitBounds;
pub use bracket::Bracket;
pub use check::{Finding, Severity, check};
pub use dynamic::{Dynamic, DynamicTargets, Known, Regime};
pub use ladder::{GapPolicy, Ladder, Leg, LegKind, LegOf, SingleLot};
pub use level::{Average, LevelRule, Rounding};
pub use liquidation::{Liquidation, liquidation_price};
pub use loss_limit::{Basis, LossLimit, Pnl};
pub use net::{NetBasis, Reach};
pub use prices::PriceRules;
pub use ratchet::{Ratchet, RatchetOffset};
pub use signal_exit::SignalExit;
pub use spec::{PlanFault, PlanSpec, PlanWarning, Resolved};
pub use stack::{Sample, StackLevel, StackRow, stack};
pub use stop_loss::{InitialStop, StopLoss};
pub use time_limit::{OnlyWhen, TimeLimit};
pub use tolerance::{TOLERANCE_DEFAULT, within_tolerance};
pub use trailing::Trailing;

/// The exit rules of one episode, in the units of one instrument version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The name it was given.
    pub name: String,
    /// The instrument whose units it uses.
    pub instrument: InstrumentId,
    /// How levels are put on the tick grid.
    pub rounding: Rounding,
    /// Leverage for thresholds on margin; 1 is none.
    pub leverage: Ratio,
    /// The taker fee that a net threshold charges for the exit.
    pub taker_fee: Ratio,
    /// The bars whose ATR the plan's distances use.
    pub atr: Option<AtrSpec>,
    /// Rule 2.
    pub hard_stop: Option<LossLimit>,
    /// Rule 3.
    pub loss_guard: Option<LossLimit>,
    /// Rule 4.
    pub stop_loss: Option<StopLoss>,
    /// Rule 5.
    pub soft_stop: Option<LossLimit>,
    /// Rule 6.
    pub trailing: Option<Trailing>,
    /// Rule 7.
    pub ladder: Option<Ladder>,
    /// Moves the stop of rule 4 after ladder legs.
    pub ratchet: Option<Ratchet>,
    /// Rule 8.
    #[serde(default)]
    pub signal_exit: Option<SignalExit>,
    /// Rule 9.
    #[serde(default)]
    pub time_limit: Option<TimeLimit>,
    /// Keeps the stop on the safe side of liquidation.
    #[serde(default)]
    pub liquidation: Option<Liquidation>,
    /// The stop that rests at the venue.
    #[serde(default)]
    pub bracket: Option<Bracket>,
    /// Whether more of the position may loosen its stop.
    #[serde(default)]
    pub rebase: bool,
    /// How near a bracket's level must be for a rule to leave its exit to it, as a share of the entry.
    #[serde(default = "tolerance_default")]
    pub tolerance: Ratio,
    /// Which prices it trusts.
    #[serde(default)]
    pub prices: PriceRules,
}

const fn tolerance_default() -> Ratio {
    TOLERANCE_DEFAULT
}

impl Plan {
    /// A plan without rules.
    #[must_use]
    pub fn empty(name: &str, instrument: InstrumentId) -> Self {
        Self {
            name: name.to_owned(),
            instrument,
            rounding: Rounding::default(),
            leverage: Ratio::ONE,
            taker_fee: Ratio::ZERO,
            atr: None,
            hard_stop: None,
            loss_guard: None,
            stop_loss: None,
            soft_stop: None,
            trailing: None,
            ladder: None,
            ratchet: None,
            signal_exit: None,
            time_limit: None,
            liquidation: None,
            bracket: None,
            rebase: false,
            tolerance: TOLERANCE_DEFAULT,
            prices: PriceRules::DEFAULT,
        }
    }

    /// Whether any of its levels depends on the leverage, liquidation aside.
    #[must_use]
    pub fn counts_with_leverage(&self) -> bool {
        let limits = [self.hard_stop, self.loss_guard, self.soft_stop];
        limits.iter().flatten().any(|limit| limit.basis == Basis::Margin)
            || self.stop_loss.is_some_and(|stop| stop.risk_floor.is_some())
            || self.ladder.as_ref().is_some_and(|ladder| ladder.dynamic.is_some())
    }

    /// Where the exit of a reason stops trying; risk exits never do.
    #[must_use]
    pub fn exit_bounds(&self, reason: Reason) -> ExitBounds {
        let bounds = match reason {
            Reason::TakeProfit => self.ladder.as_ref().map(|rule| (rule.worst, rule.expires_after)),
            Reason::SignalExit => self.signal_exit.map(|rule| (rule.worst, rule.expires_after)),
            Reason::TimeLimit => self.time_limit.map(|rule| (rule.worst, rule.expires_after)),
            Reason::PanicClose
            | Reason::Manual
            | Reason::HardStop
            | Reason::LossGuard
            | Reason::StopLoss
            | Reason::SoftStop
            | Reason::TrailingStop
            | Reason::ProtectionFailed
            | Reason::Liquidation
            | Reason::Adl
            | Reason::Settlement
            | Reason::Unknown => None,
        };
        let (worst, expires_after) = bounds.unwrap_or_default();
        ExitBounds { worst, expires_after }
    }

    /// Whether a rule with its level at `rule_level` may leave its exit to a bracket at `bracket_level`.
    #[must_use]
    pub fn within_tolerance(
        &self,
        rule_level: Price,
        bracket_level: Price,
        entry: Average,
        hard_level: Option<Price>,
    ) -> bool {
        within_tolerance(self.tolerance, rule_level, bracket_level, entry, hard_level)
    }

    /// How the exit of a reason is sent; what no rule of the plan decides goes to the market.
    #[must_use]
    pub fn exit_style(&self, reason: Reason) -> ExitStyle {
        let style = match reason {
            Reason::HardStop => self.hard_stop.map(|rule| rule.exit),
            Reason::LossGuard => self.loss_guard.map(|rule| rule.exit),
            Reason::StopLoss => self.stop_loss.map(|rule| rule.exit),
            Reason::SoftStop => self.soft_stop.map(|rule| rule.exit),
            Reason::TrailingStop => self.trailing.as_ref().map(|rule| rule.exit),
            Reason::SignalExit => self.signal_exit.map(|rule| rule.exit),
            Reason::TimeLimit => self.time_limit.map(|rule| rule.exit),
            Reason::PanicClose
            | Reason::Manual
            | Reason::TakeProfit
            | Reason::ProtectionFailed
            | Reason::Liquidation
            | Reason::Adl
            | Reason::Settlement
            | Reason::Unknown => None,
        };
        style.unwrap_or(ExitStyle::Market)
    }

    /// Whether anything in the plan depends on the plan's ATR.
    #[must_use]
    pub fn uses_atr(&self) -> bool {
        let stop = matches!(self.stop_loss, Some(StopLoss { distance: Distance::Atr { .. }, .. }));
        let targets = self.ladder.as_ref().is_some_and(Ladder::follows);
        stop || targets || self.trailing.as_ref().is_some_and(Trailing::uses_atr)
    }
}

/// Bars and period of an average true range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AtrSpec {
    /// Length of the bars.
    pub bar: Span,
    /// Wilder's period.
    pub period: u16,
}

/// A distance from a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distance {
    /// A share of the price.
    Share(Ratio),
    /// Price units.
    Price(i64),
    /// A multiple of the plan's ATR; while there is none, a share of the price.
    Atr {
        /// The multiple.
        multiple: Ratio,
        /// The share that stands in.
        fallback: Ratio,
    },
}

/// How an exit order is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExitStyle {
    /// At the market.
    Market,
    /// As a limit that crosses the market by `offset`; at the market after `market_after`.
    MarketableLimit {
        /// How far beyond the price that fired, as a share of it.
        offset: Ratio,
        /// How long it may stay unfilled.
        market_after: Span,
    },
}

impl ExitStyle {
    /// The default of soft stop and trailing stop: 0.1 % through the market, at the market after 2 s.
    pub const MARKETABLE: Self =
        Self::MarketableLimit { offset: Ratio::from_bps(10), market_after: Span::from_secs(2) };
    /// The default of signal exit and time limit: a limit at the price that fired, at the market after 10 s.
    pub const PATIENT: Self =
        Self::MarketableLimit { offset: Ratio::ZERO, market_after: Span::from_secs(10) };
}

/// The rules in rank order: the highest-ranked full close that holds acts, a partial close only
/// if no full close holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Emergency stop.
    HardStop,
    /// Extreme loss, once per episode.
    LossGuard,
    /// The effective stop.
    StopLoss,
    /// Loss limit of the monitor.
    SoftStop,
    /// Retrace from the best price.
    TrailingStop,
    /// Take-profit leg.
    TakeProfit,
    /// An exit signal of the strategy.
    SignalExit,
    /// Held longer than allowed.
    TimeLimit,
}

impl Rule {
    /// All rules, in rank order.
    pub const ALL: [Self; 8] = [
        Self::HardStop,
        Self::LossGuard,
        Self::StopLoss,
        Self::SoftStop,
        Self::TrailingStop,
        Self::TakeProfit,
        Self::SignalExit,
        Self::TimeLimit,
    ];

    /// The rules that bound a loss, or what is given back of a gain; in rank order.
    pub const STOPS: [Self; 5] =
        [Self::HardStop, Self::LossGuard, Self::StopLoss, Self::SoftStop, Self::TrailingStop];

    /// The reason that this rule gives.
    #[must_use]
    pub const fn reason(self) -> Reason {
        match self {
            Self::HardStop => Reason::HardStop,
            Self::LossGuard => Reason::LossGuard,
            Self::StopLoss => Reason::StopLoss,
            Self::SoftStop => Reason::SoftStop,
            Self::TrailingStop => Reason::TrailingStop,
            Self::TakeProfit => Reason::TakeProfit,
            Self::SignalExit => Reason::SignalExit,
            Self::TimeLimit => Reason::TimeLimit,
        }
    }
}
