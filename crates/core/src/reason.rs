//! Why a quantity was closed, and who closed it: two separate facts.

use serde::{Deserialize, Serialize};

/// Why a quantity was closed. Fixed when the exit is intended and kept through retries, restarts and partial fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Reason {
    /// Everything was closed on command.
    PanicClose,
    /// Closed by hand: here, or at the exchange.
    Manual,
    /// The emergency stop.
    HardStop,
    /// The once-per-episode guard against an extreme loss.
    LossGuard,
    /// The effective stop: initial, or moved by the ratchet.
    StopLoss,
    /// The loss limit of the position monitor.
    SoftStop,
    /// A retrace from the best price since the trailing stop was activated.
    TrailingStop,
    /// A leg of the take-profit ladder.
    TakeProfit,
    /// An exit signal of the strategy.
    SignalExit,
    /// Held longer than the plan allows.
    TimeLimit,
    /// The venue's stop triggered and did not get the position out.
    ProtectionFailed,
    /// The venue liquidated the position.
    Liquidation,
    /// The venue reduced the position to cover another account's loss.
    Adl,
    /// The contract was settled.
    Settlement,
    /// Closed, and the trades that did it are not yet seen.
    Unknown,
}

impl Reason {
    /// Whether an exit of everything for this reason is a choice: it may wait, and gives way to every stop.
    #[must_use]
    pub const fn is_choice(self) -> bool {
        matches!(self, Self::SignalExit | Self::TimeLimit)
    }

    /// The word used in files, tables and texts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::PanicClose => "PANIC_CLOSE",
            Self::Manual => "MANUAL",
            Self::HardStop => "HARD_STOP",
            Self::LossGuard => "LOSS_GUARD",
            Self::StopLoss => "STOP_LOSS",
            Self::SoftStop => "SOFT_STOP",
            Self::TrailingStop => "TRAILING_STOP",
            Self::TakeProfit => "TAKE_PROFIT",
            Self::SignalExit => "SIGNAL_EXIT",
            Self::TimeLimit => "TIME_LIMIT",
            Self::ProtectionFailed => "PROTECTION_FAILED",
            Self::Liquidation => "LIQUIDATION",
            Self::Adl => "ADL",
            Self::Settlement => "SETTLEMENT",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// The reason that a foreign text means: the first of our words in it, in any case of letters; a text
    /// without one is [`Reason::Manual`]. More telling words come first (a `TRAILING_STOP_LOSS` trails).
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        const WITHIN: [Reason; 11] = [
            Reason::HardStop,
            Reason::SoftStop,
            Reason::SignalExit,
            Reason::TrailingStop,
            Reason::TakeProfit,
            Reason::LossGuard,
            Reason::PanicClose,
            Reason::ProtectionFailed,
            Reason::StopLoss,
            Reason::TimeLimit,
            Reason::Liquidation,
        ];
        const ALONE: [Reason; 3] = [Reason::Adl, Reason::Settlement, Reason::Unknown];
        let upper = text.to_ascii_uppercase();
        let within = WITHIN.into_iter().find(|reason| upper.contains(reason.word()));
        // Short and common words mean themselves only when nothing else is said.
        let alone = || ALONE.into_iter().find(|reason| upper.trim() == reason.word());
        within.or_else(alone).unwrap_or(Self::Manual)
    }

    /// Who acts when this reason is ours.
    #[must_use]
    pub const fn source(self) -> Source {
        match self {
            Self::HardStop | Self::LossGuard | Self::ProtectionFailed => Source::EmergencyStop,
            Self::PanicClose | Self::Manual => Source::Operator,
            Self::StopLoss
            | Self::SoftStop
            | Self::TrailingStop
            | Self::TakeProfit
            | Self::SignalExit
            | Self::TimeLimit => Source::PositionMonitor,
            Self::Liquidation | Self::Adl | Self::Settlement => Source::External,
            Self::Unknown => Source::Unknown,
        }
    }

    /// Risk exits are never refused by anything of ours.
    #[must_use]
    pub const fn is_risk_exit(self) -> bool {
        match self {
            Self::PanicClose
            | Self::Manual
            | Self::HardStop
            | Self::LossGuard
            | Self::StopLoss
            | Self::SoftStop
            | Self::TrailingStop
            | Self::ProtectionFailed => true,
            Self::TakeProfit
            | Self::SignalExit
            | Self::TimeLimit
            | Self::Liquidation
            | Self::Adl
            | Self::Settlement
            | Self::Unknown => false,
        }
    }
}

/// Who closed a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Source {
    /// A protective order that rested at the venue.
    ExchangeBracket,
    /// Hard stop, loss guard, failed protection.
    EmergencyStop,
    /// The other rules, acting on ticks.
    PositionMonitor,
    /// A person, through us.
    Operator,
    /// A person or the venue, not through us.
    External,
    /// Imported without a source.
    Unknown,
}

impl Source {
    /// The word used in files, tables and texts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::ExchangeBracket => "EXCHANGE_BRACKET",
            Self::EmergencyStop => "EMERGENCY_STOP",
            Self::PositionMonitor => "POSITION_MONITOR",
            Self::Operator => "OPERATOR",
            Self::External => "EXTERNAL",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// What moved a stop to where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopOrigin {
    /// The plan's first stop.
    Initial,
    /// The ratchet after a take-profit leg.
    Ratchet,
    /// The risk floor.
    RiskFloor,
    /// Kept on the safe side of liquidation.
    Liquidation,
    /// A step of a trailing stop that moves in steps.
    TrailingStep,
    /// Moved by an operator or a strategy.
    Moved,
}

/// How the exit that got the fill was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExitType {
    /// At the market.
    Market,
    /// With a limit price.
    Limit,
}

impl ExitType {
    /// The word used in files, tables and texts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Market => "MARKET",
            Self::Limit => "LIMIT",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_texts_mean_the_first_of_our_words_in_them() {
        for (text, reason) in [
            ("HARD_STOP (P&L: -5.10%)", Reason::HardStop),
            ("exit by soft_stop, no bracket", Reason::SoftStop),
            ("SIGNAL_EXIT while HARD_STOP was near", Reason::HardStop),
            ("trailing_stop_loss", Reason::TrailingStop),
            ("stop_loss", Reason::StopLoss),
            ("TAKE_PROFIT leg 2", Reason::TakeProfit),
            (" adl ", Reason::Adl),
            ("UNKNOWN", Reason::Unknown),
            ("unknown shape of a saddle", Reason::Manual),
            ("peak_track_24hr_limit_1.20%", Reason::Manual),
            ("", Reason::Manual),
        ] {
            assert_eq!(Reason::from_text(text), reason, "{text}");
        }
    }

    #[test]
    fn every_reason_reads_its_own_word() {
        for reason in [
            Reason::PanicClose,
            Reason::Manual,
            Reason::HardStop,
            Reason::LossGuard,
            Reason::StopLoss,
            Reason::SoftStop,
            Reason::TrailingStop,
            Reason::TakeProfit,
            Reason::SignalExit,
            Reason::TimeLimit,
            Reason::ProtectionFailed,
            Reason::Liquidation,
            Reason::Adl,
            Reason::Settlement,
            Reason::Unknown,
        ] {
            assert_eq!(Reason::from_text(reason.word()), reason);
        }
    }
}
