//! Areas whose rules the core does not have yet: one function each, where the call goes.

use crate::area::Answer;
use crate::case::Case;

/// The stop of a risk floor, and the full exit of a position that cannot have one.
pub(crate) fn risk_floor(case: &Case) -> Result<Answer, String> {
    case.input.number("entry")?;
    Ok(Answer::Waits("the risk floor"))
}

/// Targets by leverage, volatility, regime, confidence and size.
pub(crate) fn dynamic_tp(case: &Case) -> Result<Answer, String> {
    case.input.number("leverage")?;
    Ok(Answer::Waits("dynamic targets"))
}

/// A position held too long.
pub(crate) fn time_exit(case: &Case) -> Result<Answer, String> {
    case.input.number("held_hours")?;
    Ok(Answer::Waits("the time limit"))
}

/// The stop and target at the entry.
pub(crate) fn entry_stop(case: &Case) -> Result<Answer, String> {
    case.input.number("entry")?;
    Ok(Answer::Waits("the formula of the initial stop"))
}

/// Warnings about a plan's numbers.
pub(crate) fn config_check(case: &Case) -> Result<Answer, String> {
    case.input.number("atr_mult")?;
    Ok(Answer::Waits("the check of a plan's numbers"))
}

/// A ladder with one leg per wake, where several were passed.
pub(crate) const fn one_leg_per_wake() -> Answer {
    Answer::Waits("a gap policy of one leg per wake")
}

/// Fractions of a sum above one.
pub(crate) const fn fractions_above_one() -> Answer {
    Answer::Waits("the division of fractions whose sum is above one")
}

/// A named profile of legs and trailing.
pub(crate) const fn named_profile() -> Answer {
    Answer::Waits("named profiles")
}

/// How specific a profile's choice is.
pub(crate) const fn specificity() -> Answer {
    Answer::Waits("the choice of profiles")
}

/// A position that is known and one that the exchange reports, merged.
pub(crate) const fn bootstrap() -> Answer {
    Answer::Waits("reconciliation with the venue")
}

/// A signal to exit.
pub(crate) const fn signal_exit() -> Answer {
    Answer::Waits("the signal exit")
}

/// A bracket that rests at the venue.
pub(crate) const fn bracket() -> Answer {
    Answer::Waits("brackets at the venue")
}
