//! Kill levels: how much of an account's exits somebody has stopped by hand.

use serde::{Deserialize, Serialize};

/// A kill level of an account; each stops more than the one before. It holds until it is released,
/// restarts included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KillLevel {
    /// K1: no exit of choice. Ladder, signals and time limits decide nothing; stops act.
    NoChoice,
    /// K2: protection and risk exits only. Plans cannot be changed either.
    ProtectOnly,
    /// K3: nothing is sent, not even a stop. What rests at the venue acts by itself.
    Silent,
    /// K4: everything that is managed is closed at the market, and whatever is opened.
    Flatten,
}

impl KillLevel {
    /// All levels, the mildest first.
    pub const ALL: [Self; 4] = [Self::NoChoice, Self::ProtectOnly, Self::Silent, Self::Flatten];

    /// K1 to K4.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NoChoice => "K1",
            Self::ProtectOnly => "K2",
            Self::Silent => "K3",
            Self::Flatten => "K4",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_said_as_k1_to_k4_and_each_stops_more_than_the_one_before() {
        assert_eq!(KillLevel::ALL.map(KillLevel::word), ["K1", "K2", "K3", "K4"]);
        assert!(KillLevel::ALL.is_sorted());
    }
}
