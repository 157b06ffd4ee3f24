//! The words of alarms: one that programs keep, and one that people read.

use ripcord_core::event::AlarmKind;

/// The word for programs. It never changes.
#[must_use]
pub const fn code(what: AlarmKind) -> &'static str {
    match what {
        AlarmKind::ExitRefused => "exit_refused",
        AlarmKind::ExitUnknown => "exit_unknown",
        AlarmKind::AtrMissing => "atr_missing",
        AlarmKind::NoProtection => "no_protection",
        AlarmKind::ProtectionRefused => "protection_refused",
        AlarmKind::ProtectionLost => "protection_lost",
        AlarmKind::OrderCollision => "order_collision",
        AlarmKind::CoinsLocked => "coins_locked",
        AlarmKind::Dust => "dust",
        AlarmKind::FillNotExpected => "fill_not_expected",
        AlarmKind::PricesStale => "prices_stale",
        AlarmKind::PriceDoubted => "price_doubted",
        AlarmKind::StopTightened => "stop_tightened",
        AlarmKind::ClosedByVenue => "closed_by_venue",
        AlarmKind::ClosedUnseen => "closed_unseen",
        AlarmKind::ProtectionEdited => "protection_edited",
        AlarmKind::ExitHangs => "exit_hangs",
        AlarmKind::OtherLeverage => "other_leverage",
    }
}

/// What is wrong, for people.
#[must_use]
pub const fn words(what: AlarmKind) -> &'static str {
    match what {
        AlarmKind::ExitRefused => "exit refused again and again: it is still being tried",
        AlarmKind::ExitUnknown => "exit unanswered: whether the order trades is not known",
        AlarmKind::AtrMissing => "ATR missing: the fallback stop acts",
        AlarmKind::NoProtection => "no protection: the position has no stop of any kind",
        AlarmKind::ProtectionRefused => {
            "protection refused: the venue will not have the stop; it is tried again"
        }
        AlarmKind::ProtectionLost => "protection lost: somebody took the stop away from the venue",
        AlarmKind::OrderCollision => "order collision: the venue has another order under one of our ids",
        AlarmKind::CoinsLocked => "coins locked: an exit waits for what another order would sell",
        AlarmKind::Dust => "dust: what is left is less than the venue can close",
        AlarmKind::FillNotExpected => "unexpected fill: not of an order of ours, or of more than was held",
        AlarmKind::PricesStale => "prices stale: a source that its rules look at is silent",
        AlarmKind::PriceDoubted => {
            "price doubted: it would have closed the position, and is not to be trusted"
        }
        AlarmKind::StopTightened => {
            "stop tightened: that of the plan was out of reach when this was taken over"
        }
        AlarmKind::ClosedByVenue => "closed by the venue: liquidation, auto-deleveraging or settlement",
        AlarmKind::ClosedUnseen => "closed unseen: it is gone, and no trade says how",
        AlarmKind::ProtectionEdited => {
            "protection edited: somebody changed the stop at the venue for the worse; put right once"
        }
        AlarmKind::ExitHangs => "exit hangs: it is decided and not done yet; it is still being tried",
        AlarmKind::OtherLeverage => {
            "other leverage: the venue says another than the plan counts with; levels are those of the plan"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_records() {
        for what in [
            AlarmKind::ExitRefused,
            AlarmKind::ExitUnknown,
            AlarmKind::AtrMissing,
            AlarmKind::NoProtection,
            AlarmKind::ProtectionRefused,
            AlarmKind::ProtectionLost,
            AlarmKind::OrderCollision,
            AlarmKind::CoinsLocked,
            AlarmKind::Dust,
            AlarmKind::FillNotExpected,
            AlarmKind::PricesStale,
            AlarmKind::PriceDoubted,
            AlarmKind::StopTightened,
            AlarmKind::ClosedByVenue,
            AlarmKind::ClosedUnseen,
            AlarmKind::ProtectionEdited,
            AlarmKind::ExitHangs,
            AlarmKind::OtherLeverage,
        ] {
            assert_eq!(serde_json::to_value(what).expect("a word"), code(what));
            assert!(!words(what).contains('_') && words(what).contains(": "), "{}", words(what));
        }
    }
}
