//! The words that earlier systems used, as views over reason and source.
//!
//! Reason (why) and source (who) are two facts; the old vocabularies mixed them into one word.

use ripcord_core::reason::{Reason, Source};

/// The six exit reasons of trade records in their first form: a reason they did not know is
/// `MANUAL`.
#[must_use]
pub const fn exit_code(reason: Reason) -> &'static str {
    match reason {
        Reason::HardStop => "HARD_STOP",
        Reason::SoftStop => "SOFT_STOP",
        Reason::SignalExit => "SIGNAL_EXIT",
        Reason::TrailingStop => "TRAILING_STOP",
        Reason::TakeProfit => "TAKE_PROFIT",
        Reason::PanicClose
        | Reason::Manual
        | Reason::LossGuard
        | Reason::StopLoss
        | Reason::TimeLimit
        | Reason::ProtectionFailed
        | Reason::Liquidation
        | Reason::Adl
        | Reason::Settlement
        | Reason::Unknown => "MANUAL",
    }
}

/// Which mechanism got the position out, in the words of the daily report; `UNKNOWN` for what it
/// had no word for.
#[must_use]
pub const fn exit_source_code(reason: Reason, source: Source) -> &'static str {
    match (source, reason) {
        (Source::ExchangeBracket, Reason::TakeProfit) => "EXCHANGE_BRACKET_TP",
        (Source::ExchangeBracket, _) => "EXCHANGE_BRACKET_STOP",
        (Source::EmergencyStop, _) => "POSITION_MONITOR_HARD",
        (Source::PositionMonitor, Reason::SoftStop | Reason::StopLoss) => "POSITION_MONITOR_SOFT",
        (Source::PositionMonitor, Reason::TrailingStop) => "POSITION_MONITOR_TRAILING",
        (Source::PositionMonitor, Reason::SignalExit) => "POSITION_MONITOR_SIGNAL",
        (Source::PositionMonitor, Reason::TakeProfit) => "POSITION_MONITOR_TP",
        (Source::PositionMonitor | Source::Operator | Source::External | Source::Unknown, _) => "UNKNOWN",
    }
}

/// The words of the log lines: what the bracket did is said by its leg.
#[must_use]
pub const fn log_reason(reason: Reason, source: Source) -> &'static str {
    match (source, reason) {
        (Source::ExchangeBracket, Reason::TakeProfit) => "BRACKET_TP",
        (Source::ExchangeBracket, _) => "BRACKET_STOP",
        (
            Source::EmergencyStop
            | Source::PositionMonitor
            | Source::Operator
            | Source::External
            | Source::Unknown,
            _,
        ) => reason.word(),
    }
}

/// Every reason, in rank order.
pub const REASONS: [Reason; 15] = [
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
];

/// Every source.
pub const SOURCES: [Source; 6] = [
    Source::ExchangeBracket,
    Source::EmergencyStop,
    Source::PositionMonitor,
    Source::Operator,
    Source::External,
    Source::Unknown,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_bracket_did_is_told_by_its_leg() {
        let bracket = Source::ExchangeBracket;
        assert_eq!(log_reason(Reason::StopLoss, bracket), "BRACKET_STOP");
        assert_eq!(log_reason(Reason::TrailingStop, bracket), "BRACKET_STOP");
        assert_eq!(log_reason(Reason::TakeProfit, bracket), "BRACKET_TP");
        assert_eq!(log_reason(Reason::SoftStop, Source::PositionMonitor), "SOFT_STOP");
        assert_eq!(exit_source_code(Reason::SoftStop, Source::PositionMonitor), "POSITION_MONITOR_SOFT");
        assert_eq!(exit_source_code(Reason::HardStop, Source::EmergencyStop), "POSITION_MONITOR_HARD");
    }

    #[test]
    fn the_six_words_keep_their_meaning_and_others_are_manual() {
        let kept: Vec<&str> = REASONS
            .into_iter()
            .filter(|reason| exit_code(*reason) == reason.word())
            .map(Reason::word)
            .collect();
        assert_eq!(kept, ["MANUAL", "HARD_STOP", "SOFT_STOP", "TRAILING_STOP", "TAKE_PROFIT", "SIGNAL_EXIT"]);
        assert!(REASONS.is_sorted(), "rank order");
    }
}
