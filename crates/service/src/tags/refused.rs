//! Why a command was refused, in words.

use ripcord_core::event::CommandRefused;
use ripcord_core::id::PositionKey;

use crate::names::{Names, side_text};

/// The word for programs, and the text for people.
pub(crate) fn refusal(names: &Names, refused: CommandRefused) -> (&'static str, String) {
    let key = |key: PositionKey| {
        let symbol = names.instruments.get(key.instrument.0 as usize).map_or("?", |i| &i.symbol);
        format!("{symbol} {} of account {}", side_text(key.side), key.account.0)
    };
    match refused {
        CommandRefused::AlreadyOpen(of) => ("already_open", format!("{} is open already", key(of))),
        CommandRefused::NotOpen(of) => ("not_open", format!("{} is not open", key(of))),
        CommandRefused::UnknownInstrument(id) => {
            ("unknown_instrument", format!("instrument {} is not registered", id.0))
        }
        CommandRefused::UnknownPlan(id) => {
            ("unknown_plan", format!("plan {} is not registered for this instrument", id.0))
        }
        CommandRefused::NotPositive(of) => {
            ("not_positive", format!("{}: quantity and price must be above 0", key(of)))
        }
        CommandRefused::LoosensStop(of) => {
            ("loosens_stop", format!("{}: the stop is tighter than that already", key(of)))
        }
        CommandRefused::StopThroughMarket(of) => (
            "stop_through_market",
            format!("{}: the price is beyond that stop already; close it instead", key(of)),
        ),
        CommandRefused::TooLarge(of) => {
            ("too_large", format!("{}: its value is beyond what can be computed with", key(of)))
        }
        CommandRefused::NoSignalRule(of) => {
            ("no_signal_rule", format!("{}: its plan has no signal exit", key(of)))
        }
        CommandRefused::StaleSignal(of) => {
            ("stale_signal", format!("{}: the signal is older than the plan lets it stand", key(of)))
        }
        CommandRefused::Killed(of) => ("killed", format!("{}: the account's kill level forbids it", key(of))),
        CommandRefused::NotConfirmed(account) => (
            "not_confirmed",
            format!("account {}: K3 sends nothing, not even stops; ask for it twice", account.0),
        ),
        CommandRefused::Unmanageable(account) => {
            let text = "what is to be managed of account {} cannot be meant: an instrument twice, a grant missing or too \
                        much, reads too often, or another position mode while something is held";
            ("unmanageable", text.replacen("{}", &account.0.to_string(), 1))
        }
        CommandRefused::StrongerLevel(account) => {
            ("stronger_level", format!("account {}: a stronger level holds; release it first", account.0))
        }
        CommandRefused::Released(of) => (
            "released",
            format!("{}: it was let go; `ripcord hand-over` has the engine act on it again", key(of)),
        ),
        CommandRefused::BelowMinimum(of) => {
            ("below_minimum", format!("{}: less than the venue can close", key(of)))
        }
    }
}
