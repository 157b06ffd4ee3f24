//! Exit plans: the rules that hold for an episode, resolved for one instrument. Pure data.
//!
//! A plan is written as a [`spec::PlanSpec`] (TOML, CSV cells, API) and resolved into a [`Plan`]
//! whose numbers are in the instrument's units. Rules are ranked by [`Rule`]; each has a file.

use serde::{Deserialize, Serialize};

use crate::id::InstrumentId;
use crate::num::Ratio;
use crate::reason::Reason;
use crate::time::Span;

pub mod ladder;
pub mod level;
pub mod loss_limit;
pub mod ratchet;
pub mod spec;
pub mod stop_loss;
pub mod trailing;

pub use ladder::{Ladder, Leg, LegKind, LegOf};
pub use level::{Average, LevelRule, Rounding};
pub use loss_limit::{Basis, LossLimit, Pnl};
pub use ratchet::Ratchet;
pub use spec::{PlanFault, PlanSpec};
pub use stop_loss::StopLoss;
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
}

impl Plan {
    /// How the exit of a reason is sent; what no rule of the plan decides goes to the market.
    #[must_use]
    pub fn exit_style(&self, reason: Reason) -> ExitStyle {
        let style = match reason {
            Reason::HardStop => self.hard_stop.map(|rule| rule.exit),
            Reason::LossGuard => self.loss_guard.map(|rule| rule.exit),
            Reason::StopLoss => self.stop_loss.map(|rule| rule.exit),
            Reason::SoftStop => self.soft_stop.map(|rule| rule.exit),
            Reason::TrailingStop => self.trailing.as_ref().map(|rule| rule.exit),
            Reason::PanicClose
            | Reason::Manual
            | Reason::TakeProfit
            | Reason::SignalExit
            | Reason::TimeLimit
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
        stop || self.trailing.as_ref().is_some_and(Trailing::uses_atr)
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
}

impl Rule {
    /// All rules, in rank order.
    pub const ALL: [Self; 6] = [
        Self::HardStop,
        Self::LossGuard,
        Self::StopLoss,
        Self::SoftStop,
        Self::TrailingStop,
        Self::TakeProfit,
    ];

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
        }
    }
}
