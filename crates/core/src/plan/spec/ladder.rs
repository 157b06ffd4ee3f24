//! Ladder and ratchet as written.

use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::Enabled;
use crate::num::Decimal;
use crate::plan::dynamic::Regime;
use crate::plan::ladder::{GapPolicy, SingleLot};

/// The ladder as written.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LadderSpec {
    /// Whether it acts.
    #[serde(default)]
    pub enabled: Enabled,
    /// One to `levels_max` legs, nearest first.
    pub legs: Vec<LegSpec>,
    /// What fractions are of.
    #[serde(default)]
    pub of: LegOfSpec,
    /// Most legs, 1 to 4; absent is 4.
    #[serde(default)]
    pub levels_max: Option<u8>,
    /// What happens when the price passes several targets at once.
    #[serde(default)]
    pub gap_policy: GapPolicy,
    /// What happens when the last leg is less than can be closed.
    #[serde(default)]
    pub single_lot: SingleLot,
    /// Closes everything where a leg would leave what cannot be closed at its stop.
    #[serde(default)]
    pub sweep: bool,
    /// As if absent while the plan has a trailing stop.
    #[serde(default)]
    pub unless_trailing: bool,
    /// One fee on top of every target given as a fraction, so that the fraction is left after it.
    #[serde(default)]
    pub fee: Option<Decimal>,
    /// Targets that follow leverage, size, volatility and regime.
    #[serde(default)]
    pub dynamic: Option<DynamicSpec>,
    /// How far through its target a leg may be closed.
    #[serde(default)]
    pub worst: Option<Decimal>,
    /// Seconds that a leg which went out as an order may take.
    #[serde(default)]
    pub expires_secs: Option<u32>,
}

/// What the fractions of a ladder are of, as written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegOfSpec {
    /// What is left when the leg's turn comes.
    #[default]
    Remaining,
    /// What was held at the start.
    Initial,
}

/// A leg as written: a fraction of the position, and exactly one target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegSpec {
    /// How much it closes.
    pub close: Decimal,
    /// Target as a fraction of the entry.
    #[serde(default)]
    pub at: Option<Decimal>,
    /// Target as a multiple of R.
    #[serde(default)]
    pub at_r: Option<Decimal>,
    /// Target as a price.
    #[serde(default)]
    pub at_price: Option<Decimal>,
    /// Whether it rests at the venue as a limit.
    #[serde(default)]
    pub soft: bool,
}

/// Dynamic targets as written: bounds, and what the plan knows by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DynamicSpec {
    /// Whether targets move.
    #[serde(default)]
    pub enabled: Enabled,
    /// Nearest target; absent is 0.005.
    #[serde(default)]
    pub target_min: Option<Decimal>,
    /// Farthest target; absent is 0.1.
    #[serde(default)]
    pub target_max: Option<Decimal>,
    /// Value of the position in whole units of the quote currency.
    #[serde(default)]
    pub notional: Option<u32>,
    /// Volatility as a fraction of the price.
    #[serde(default)]
    pub volatility: Option<Decimal>,
    /// What the market is going through.
    #[serde(default)]
    pub regime: Option<Regime>,
    /// How sure the strategy was of the entry, 0 to 1.
    #[serde(default)]
    pub confidence: Option<Decimal>,
    /// Value traded in 24 hours in whole units of the quote currency.
    #[serde(default)]
    pub liquidity: Option<u32>,
    /// Measures volatility, profit and value when a bar of `atr` closes.
    #[serde(default)]
    pub follow: bool,
}

/// The ratchet as written.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RatchetSpec {
    /// Whether it moves the stop.
    #[serde(default)]
    pub enabled: Enabled,
    /// Offset of break-even.
    #[serde(default)]
    pub offset: Option<OffsetSpec>,
    /// Legs that move the stop; absent is all.
    #[serde(default)]
    pub legs_max: Option<u8>,
}

/// How far beyond the entry break-even lies: a fraction of the entry, or `"fees"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OffsetSpec {
    /// A fraction of the entry.
    Fraction(Decimal),
    /// What a round trip costs.
    Fees,
}

impl Serialize for OffsetSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Fraction(fraction) => fraction.serialize(serializer),
            Self::Fees => serializer.serialize_str("fees"),
        }
    }
}

impl<'de> Deserialize<'de> for OffsetSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OffsetVisitor)
    }
}

struct OffsetVisitor;

impl Visitor<'_> for OffsetVisitor {
    type Value = OffsetSpec;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a fraction such as 0.0015, or \"fees\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<OffsetSpec, E> {
        if text == "fees" {
            return Ok(OffsetSpec::Fees);
        }
        text.parse().map(OffsetSpec::Fraction).map_err(|error| E::custom(format!("{error}, nor \"fees\"")))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<OffsetSpec, E> {
        Decimal::new(value, 0).map(OffsetSpec::Fraction).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<OffsetSpec, E> {
        let value = i64::try_from(value).map_err(|_| E::custom("must be below 1"))?;
        self.visit_i64(value)
    }
}
