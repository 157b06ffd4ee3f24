//! Numbers that money depends on: scaled integers, named rounding, decimal text at the edges.
//!
//! A [`Price`] and a [`Qty`] are counted in the smallest decimal unit of their instrument
//! version (see [`crate::instrument::Instrument`]); a bare integer never means money.
//! Nothing here rounds without being told the direction, and nothing wraps: what does not fit
//! is an error at the boundary and a panic inside.

use serde::{Deserialize, Serialize};

mod decimal;
mod double;

pub use decimal::{Decimal, DecimalError, fixed, shortest};
pub use double::{Offset, Touch, double_threshold};

/// A price in units of `10^-price_decimals` of its instrument's quote currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Price(pub i64);

/// A quantity in units of `10^-qty_decimals` of its instrument's base currency. Never negative
/// where it describes an order or an open position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Qty(pub i64);

impl Qty {
    /// The sum, or all that there can be: what others say that they sell may be anything.
    #[must_use]
    pub const fn plus_at_most(self, more: Self) -> Self {
        Self(self.0.saturating_add(more.0))
    }
}

/// An amount of the quote currency in units of `10^-MONEY_DECIMALS`. Signed: gains are positive,
/// fees paid are positive costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Money(pub i128);

/// Decimal places of [`Money`], the same for every currency: price and quantity decimals of an
/// instrument may sum to at most this, so that a product of the two is exact.
pub const MONEY_DECIMALS: u8 = 18;

/// A fraction in units of 10^-9 (0.025 is 2.5 % and is stored as 25,000,000).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ratio(pub i64);

/// Which way a division is rounded. Every rounding in the core names one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Round {
    /// Toward minus infinity.
    Down,
    /// Toward plus infinity.
    Up,
    /// To the nearest; exactly half goes toward plus infinity.
    HalfUp,
}

/// Numbers below this may be doubled and added without leaving `i64`.
const SMALL: u128 = 1 << 61;

impl Round {
    /// `numerator / denominator` rounded this way. `denominator` is positive.
    #[must_use]
    #[inline]
    pub const fn divide(self, numerator: i128, denominator: i128) -> i128 {
        // A 128-bit division costs ten times a 64-bit one, and most products are small.
        if numerator.unsigned_abs() < SMALL && denominator.unsigned_abs() < SMALL {
            #[allow(clippy::cast_possible_truncation, reason = "both were just compared with 2^61")]
            let (numerator, denominator) = (numerator as i64, denominator as i64);
            return match self {
                Self::Down => numerator.div_euclid(denominator),
                Self::Up => -(-numerator).div_euclid(denominator),
                Self::HalfUp => (2 * numerator + denominator).div_euclid(2 * denominator),
            } as i128;
        }
        match self {
            Self::Down => numerator.div_euclid(denominator),
            Self::Up => -(-numerator).div_euclid(denominator),
            Self::HalfUp => (2 * numerator + denominator).div_euclid(2 * denominator),
        }
    }
}

impl Price {
    /// The highest price that is computed with: levels a hundredfold away still fit.
    pub const MAX: Self = Self(1 << 56);

    /// Whether it can be a price at all: positive, and not beyond [`Price::MAX`].
    #[must_use]
    pub const fn is_sound(self) -> bool {
        0 < self.0 && self.0 <= Self::MAX.0
    }
}

impl Ratio {
    /// The whole: a fraction of 1.
    pub const ONE: Self = Self(1_000_000_000);
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// Decimal places of a stored ratio.
    pub const DECIMALS: u8 = 9;

    /// A fraction given in basis points (250 is 0.025).
    #[must_use]
    pub const fn from_bps(bps: i64) -> Self {
        Self(bps * 100_000)
    }

    /// `value x self`, rounded as told. Panics when the result leaves `i64`: a level that far
    /// away was refused at the boundary.
    #[must_use]
    pub fn of(self, value: i64, round: Round) -> i64 {
        // Prices of real instruments times a fraction fit i64; a 128-bit division costs ten times more.
        if let Some(product) = value.checked_mul(self.0)
            && (i64::MIN / 4..=i64::MAX / 4).contains(&product)
        {
            return match round {
                Round::Down => product.div_euclid(Self::ONE.0),
                Round::Up => -(-product).div_euclid(Self::ONE.0),
                Round::HalfUp => (2 * product + Self::ONE.0).div_euclid(2 * Self::ONE.0),
            };
        }
        let wide = round.divide(i128::from(value) * i128::from(self.0), i128::from(Self::ONE.0));
        i64::try_from(wide).expect("a fraction of a price leaves the range of prices")
    }
}

/// The share that `part` of `all` has in a sum, half up. `all` is positive.
pub(crate) fn share_of(sum: i128, part: Qty, all: Qty) -> i128 {
    let (part, all) = (i128::from(part.0), i128::from(all.0));
    // Wholes and rest apart: their product with a quantity does not leave the range of 128 bits.
    sum.div_euclid(all) * part + Round::HalfUp.divide(sum.rem_euclid(all) * part, all)
}

/// `value` rounded to a multiple of `step`. `step` is positive.
#[must_use]
pub fn round_to_multiple(value: i64, step: i64, round: Round) -> i64 {
    if step == 1 {
        return value;
    }
    let multiples = round.divide(i128::from(value), i128::from(step));
    i64::try_from(multiples * i128::from(step)).expect("rounding to a tick leaves the range of prices")
}

impl Money {
    /// One of the quote currency.
    pub const UNIT: Self = Self(10_i128.pow(MONEY_DECIMALS as u32));

    /// No money.
    pub const ZERO: Self = Self(0);

    /// `self x ratio`, rounded as told (fees round up: against us).
    #[must_use]
    pub fn times(self, ratio: Ratio, round: Round) -> Self {
        // Wholes and rest apart: their product does not leave the range where the whole of it would.
        let one = i128::from(Ratio::ONE.0);
        let (wholes, rest) = (self.0.div_euclid(one), self.0.rem_euclid(one));
        Self(wholes * i128::from(ratio.0) + round.divide(rest * i128::from(ratio.0), one))
    }
}

impl std::ops::Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl std::ops::Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl std::ops::Neg for Money {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl std::ops::AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_and_large_numbers_are_divided_the_same_way() {
        for round in [Round::Down, Round::Up, Round::HalfUp] {
            for n in [-7_i128, -1, 0, 1, 7, (1 << 61) - 1, 1 - (1 << 61)] {
                for d in [1_i128, 2, 3, 10, (1 << 61) - 1] {
                    // A common factor takes both out of the reach of 64 bits and leaves the quotient.
                    assert_eq!(round.divide(n, d), round.divide(n << 40, d << 40), "{n}/{d} {round:?}");
                }
            }
        }
    }

    #[test]
    fn a_share_of_the_largest_sums_is_computed() {
        assert_eq!(share_of(100, Qty(1), Qty(3)), 33);
        assert_eq!(share_of(-100, Qty(2), Qty(3)), -67);
        let largest = i128::from(i64::MAX) * i128::from(i64::MAX);
        assert_eq!(share_of(largest, Qty(i64::MAX), Qty(i64::MAX)), largest);
    }

    #[test]
    fn rounding_is_named_and_symmetric_where_it_should_be() {
        for (n, d, down, up, half) in [
            (7, 2, 3, 4, 4),
            (-7, 2, -4, -3, -3),
            (6, 2, 3, 3, 3),
            (1, 3, 0, 1, 0),
            (2, 3, 0, 1, 1),
            (-1, 3, -1, 0, 0),
        ] {
            assert_eq!(Round::Down.divide(n, d), down, "{n}/{d} down");
            assert_eq!(Round::Up.divide(n, d), up, "{n}/{d} up");
            assert_eq!(Round::HalfUp.divide(n, d), half, "{n}/{d} half up");
        }
    }

    #[test]
    fn a_fraction_of_a_price_is_the_same_on_both_widths() {
        for value in [1_i64, 5_999_999, 1 << 40, i64::MAX / 2] {
            for ratio in [Ratio::from_bps(250), Ratio(1), Ratio(999_999_999)] {
                for round in [Round::Down, Round::Up, Round::HalfUp] {
                    let wide = round.divide(i128::from(value) * i128::from(ratio.0), 1_000_000_000);
                    assert_eq!(i128::from(ratio.of(value, round)), wide, "{value} {ratio:?} {round:?}");
                }
            }
        }
    }
}
