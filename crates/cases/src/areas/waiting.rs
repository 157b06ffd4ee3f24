//! What the core does not have yet: one function each, where the call goes.

use crate::area::Answer;

/// A position that is known and one that the exchange reports, merged.
pub(crate) const fn bootstrap() -> Answer {
    Answer::Waits("reconciliation with the venue")
}

/// A bracket that rests at the venue.
pub(crate) const fn bracket() -> Answer {
    Answer::Waits("brackets at the venue")
}
