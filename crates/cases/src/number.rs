//! Exact numbers of cases: what texts hold, how far apart two of them may be.

use ripcord_core::num::{Decimal, Price, Qty, Ratio, Round, shortest};

/// A number in units of `10^-15`: wide enough to expect with, exact for what the core computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Number(i128);

const PLACES: u8 = 15;
const ONE: i128 = 1_000_000_000_000_000;

impl Number {
    pub(crate) const ONE: Self = Self(ONE);
    pub(crate) const ZERO: Self = Self(0);

    /// Reads `-12.5` or `1e-9`; decimals beyond the fifteenth are cut off.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.contains(['e', 'E']) {
            let decimal: Decimal = text.parse().ok()?;
            let power = 10_i128.checked_pow(u32::from(PLACES.checked_sub(decimal.decimals())?))?;
            return Some(Self(i128::from(decimal.mantissa()) * power));
        }
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(part) {
            return None;
        }
        let cut = part.get(..usize::from(PLACES)).unwrap_or(part);
        let power = 10_i128.pow(u32::from(PLACES) - u32::try_from(cut.len()).ok()?);
        let part = if cut.is_empty() { 0 } else { cut.parse::<i128>().ok()? };
        let value = whole.parse::<i128>().ok()?.checked_mul(ONE)?.checked_add(part * power)?;
        Some(Self(if negative { -value } else { value }))
    }

    /// A scaled integer of the core.
    pub(crate) fn scaled(value: i128, decimals: u8) -> Self {
        Self(if decimals <= PLACES {
            value * 10_i128.pow(u32::from(PLACES - decimals))
        } else {
            Round::HalfUp.divide(value, 10_i128.pow(u32::from(decimals - PLACES)))
        })
    }

    pub(crate) fn whole(value: i64) -> Self {
        Self(i128::from(value) * ONE)
    }

    pub(crate) fn ratio(ratio: Ratio) -> Self {
        Self::scaled(i128::from(ratio.0), Ratio::DECIMALS)
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }

    pub(crate) fn times(self, other: Self) -> Self {
        Self(Round::HalfUp.divide(self.0 * other.0, ONE))
    }

    /// The quotient; `other` is not zero.
    pub(crate) fn over(self, other: Self) -> Self {
        let sign = if other.0 < 0 { -1 } else { 1 };
        Self(Round::HalfUp.divide(self.0 * ONE * sign, other.0 * sign))
    }

    /// What is left of it after whole steps; `step` is positive.
    pub(crate) fn rest_of(self, step: Self, round: Round) -> Self {
        Self(self.0 - round.divide(self.0, step.0) * step.0)
    }

    pub(crate) fn magnitude(self) -> Self {
        Self(self.0.abs())
    }

    /// A percent number as a fraction.
    pub(crate) fn percent(self) -> Self {
        self.over(Self::whole(100))
    }

    /// In units of `10^-decimals`, half up.
    pub(crate) fn units(self, decimals: u8) -> Result<i64, String> {
        let units = Round::HalfUp.divide(self.0, 10_i128.pow(u32::from(PLACES - decimals.min(PLACES))));
        i64::try_from(units).map_err(|_| format!("{self} is beyond the numbers of an instrument"))
    }

    pub(crate) fn price(self, decimals: u8) -> Result<Price, String> {
        self.units(decimals).map(Price)
    }

    pub(crate) fn qty(self, decimals: u8) -> Result<Qty, String> {
        self.units(decimals).map(Qty)
    }

    /// As a plan is written: at most nine decimals.
    pub(crate) fn decimal(self) -> Result<Decimal, String> {
        Decimal::new(self.units(Ratio::DECIMALS)?, Ratio::DECIMALS).map_err(|error| error.to_string())
    }

    /// Decimal places that it needs.
    pub(crate) fn places(self) -> u8 {
        let mut places = PLACES;
        let mut value = self.0;
        while places > 0 && value % 10 == 0 {
            value /= 10;
            places -= 1;
        }
        places
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        shortest(self.0, PLACES).fmt(f)
    }
}

/// How far an answer may be from what is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tolerance {
    /// Not at all.
    Exact,
    /// By this much.
    Absolute(Number),
    /// By this share of what is expected.
    Relative(Number),
}

impl Tolerance {
    /// Reads `rel 0.01` or `abs 1e-9`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let fault = || format!("`{text}` is no tolerance; write `rel 0.01`, `abs 1e-9` or `exact`");
        let mut words = text.split_whitespace();
        let tolerance = match (words.next(), words.next()) {
            (Some("exact"), None) => Self::Exact,
            (Some("rel"), Some(number)) => Self::Relative(Number::parse(number).ok_or_else(fault)?),
            (Some("abs"), Some(number)) => Self::Absolute(Number::parse(number).ok_or_else(fault)?),
            _ => return Err(fault()),
        };
        let has_more = words.next().is_some();
        let is_negative = matches!(tolerance, Self::Absolute(by) | Self::Relative(by) if by < Number::ZERO);
        if has_more || is_negative { Err(fault()) } else { Ok(tolerance) }
    }

    /// Whether `got` will do.
    pub(crate) fn allows(self, expected: Number, got: Number) -> bool {
        let apart = got.minus(expected).magnitude();
        match self {
            Self::Exact => apart == Number::ZERO,
            Self::Absolute(by) => apart <= by,
            Self::Relative(by) => apart <= expected.magnitude().times(by),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).expect("a number")
    }

    #[test]
    fn numbers_are_read_exactly_and_shown_again() {
        for text in ["0", "-12.6", "50000", "0.000000001", "95234.567891"] {
            assert_eq!(number(text).to_string(), text);
        }
        assert_eq!(number("1e-9"), number("0.000000001"));
        assert_eq!(number("0.001990049751243781094527363184").to_string(), "0.001990049751243");
        for text in ["", "-", "LONG", "1.2.3", ".5", "1,5"] {
            assert_eq!(Number::parse(text), None, "{text}");
        }
    }

    #[test]
    fn arithmetic_is_decimal() {
        assert_eq!(number("100").times(number("1.015")), number("101.5"));
        assert_eq!(number("-1").over(number("-4")), number("0.25"));
        assert_eq!(number("12.5").percent(), number("0.125"));
        assert_eq!(number("2.50").places(), 1);
    }

    #[test]
    fn tolerances_are_read_or_refused() {
        assert_eq!(Tolerance::parse("rel 0.01"), Ok(Tolerance::Relative(number("0.01"))));
        assert_eq!(Tolerance::parse("abs 1e-9"), Ok(Tolerance::Absolute(number("1e-9"))));
        assert_eq!(Tolerance::parse("exact"), Ok(Tolerance::Exact));
        for text in ["", "rel", "about 3", "abs x", "rel 0.1 0.2", "rel -1"] {
            assert!(Tolerance::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_tolerance_includes_its_bound() {
        let allows = |text: &str, expected: &str, got: &str| {
            Tolerance::parse(text).expect("a tolerance").allows(number(expected), number(got))
        };
        assert!(allows("exact", "5", "5.0") && !allows("exact", "5", "5.000000001"));
        assert!(allows("abs 0.1", "5", "4.9") && !allows("abs 0.1", "5", "4.89"));
        assert!(allows("rel 0.01", "-200", "-202") && !allows("rel 0.01", "-200", "-202.1"));
    }
}
