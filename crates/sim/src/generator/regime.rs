//! Regimes of a market, and the script that strings them together.

use super::Chance;

/// What a market is going through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Regime {
    /// Little moves around the same price.
    Calm,
    /// It rises.
    TrendUp,
    /// It falls.
    TrendDown,
    /// It falls fast, with gaps.
    Crash,
    /// It wins back a part of what a crash took.
    Recovery,
}

impl Regime {
    /// The word used in texts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::TrendUp => "trend up",
            Self::TrendDown => "trend down",
            Self::Crash => "crash",
            Self::Recovery => "recovery",
        }
    }

    /// How prices move in it.
    pub(super) const fn motion(self) -> Motion {
        match self {
            Self::Calm => Motion { drift: 0, deviation: 13_000, gap_permille: 0, half_spread: 5_000 },
            Self::TrendUp => Motion { drift: 2_600, deviation: 18_000, gap_permille: 0, half_spread: 6_000 },
            Self::TrendDown => {
                Motion { drift: -2_600, deviation: 18_000, gap_permille: 0, half_spread: 6_000 }
            }
            Self::Crash => {
                Motion { drift: -26_000, deviation: 40_000, gap_permille: 25, half_spread: 40_000 }
            }
            Self::Recovery => {
                Motion { drift: 11_000, deviation: 35_000, gap_permille: 0, half_spread: 20_000 }
            }
        }
    }

    /// How long it lasts, in milliseconds.
    pub(super) fn lasts_ms(self, chance: &mut Chance) -> i64 {
        let (least, most) = match self {
            Self::Calm => (4_000, 12_000),
            Self::TrendUp | Self::TrendDown => (6_000, 20_000),
            Self::Crash => (1_500, 3_000),
            Self::Recovery => (3_000, 8_000),
        };
        chance.between(least, most)
    }
}

/// One step of a price, in parts per 10^8 of it: 10,000 is one basis point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Motion {
    /// Mean of a step.
    pub(super) drift: i64,
    /// Standard deviation of a step.
    pub(super) deviation: i64,
    /// Steps of a thousand that are gaps.
    pub(super) gap_permille: u64,
    /// From the middle to the bid, and to the ask.
    pub(super) half_spread: i64,
}

/// Which regimes follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Script {
    /// All of them, by chance; a crash now and then.
    #[default]
    Mixed,
    /// Calm only.
    Calm,
    /// Trends only, up or down by chance.
    Trend,
    /// Crash after crash, each with its recovery and a calm after it.
    Crash,
}

impl Script {
    /// The first regime of a market.
    pub(super) fn first(self, chance: &mut Chance) -> Regime {
        match self {
            Self::Mixed | Self::Trend => trend(chance, Height::Middle),
            Self::Calm | Self::Crash => Regime::Calm,
        }
    }

    /// What follows `regime`. A market that is far from its start is pulled back.
    pub(super) fn after(self, regime: Regime, height: Height, chance: &mut Chance) -> Regime {
        match (self, regime) {
            (Self::Calm, _) => Regime::Calm,
            (Self::Trend, _) => trend(chance, height),
            (Self::Crash | Self::Mixed, Regime::Crash) => Regime::Recovery,
            (Self::Crash, Regime::Recovery) => Regime::Calm,
            (Self::Crash, Regime::Calm | Regime::TrendUp | Regime::TrendDown) => match height {
                Height::Low => Regime::TrendUp,
                Height::Middle | Height::High => Regime::Crash,
            },
            (Self::Mixed, Regime::Calm | Regime::TrendUp | Regime::TrendDown | Regime::Recovery) => {
                match chance.below(100) {
                    0..15 if height != Height::Low => Regime::Crash,
                    0..40 => Regime::Calm,
                    _ => trend(chance, height),
                }
            }
        }
    }
}

/// Where a price is, beside where it started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Height {
    Low,
    Middle,
    High,
}

fn trend(chance: &mut Chance, height: Height) -> Regime {
    let up_permille = match height {
        Height::Low => 850,
        Height::Middle => 550,
        Height::High => 150,
    };
    if chance.permille(up_permille) { Regime::TrendUp } else { Regime::TrendDown }
}
