//! Levels as a vectorised backtester computes them, decided in integers.
//!
//! vectorbt keeps prices as IEEE-754 doubles: a price is `ticks / 10^decimals`, a stop level is
//! `price * (1 - ratio)` or `price * (1 + ratio)`, and each of these steps rounds to the nearest
//! double. A level can so end a hair above or below the tick it was meant to be, and that hair
//! decides whether the tick touches. To match such a run trade for trade, [`double_threshold`]
//! follows the same roundings with integers and says which tick is the last (or first) to touch.
//!
//! Nothing else in the core may use this: it reproduces an error on purpose.

use super::{Price, Ratio};

/// Where a level lies from its base, computed in doubles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Offset {
    /// `base x (1 - ratio)`.
    Below,
    /// `base x (1 + ratio)`.
    Above,
}

/// Which ticks touch a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Touch {
    /// Those whose double is the level's or less.
    AtOrBelow,
    /// Those whose double is the level's or more.
    AtOrAbove,
}

/// The outermost tick that touches the level `base x (1 -/+ ratio)` when all of it is computed in
/// doubles: with [`Touch::AtOrBelow`] the greatest price whose double is at most the level, with
/// [`Touch::AtOrAbove`] the least price whose double is at least the level.
///
/// Prices are in units of `10^-decimals`; the double of a price is the one nearest to its decimal
/// value, which is what Python's `ticks / 10**decimals` and a decimal text both give.
///
/// # Panics
/// When `decimals` is more than 18, or the answer leaves the range of prices: a level that far
/// away was refused at the boundary.
#[must_use]
pub fn double_threshold(base: Price, decimals: u8, ratio: Ratio, offset: Offset, touch: Touch) -> Price {
    assert!(decimals <= DECIMALS_MAX, "{decimals} price decimals are more than {DECIMALS_MAX}");
    let units = 10_u64.pow(u32::from(decimals));
    let ratio = match offset {
        Offset::Below => -i128::from(ratio.0),
        Offset::Above => i128::from(ratio.0),
    };
    let Some(factor) = one_plus(ratio) else { return Price(0) };
    if base.0 == 0 {
        return Price(0);
    }
    let level = Double::quotient(base.0.unsigned_abs(), units).times(factor.size);
    let is_negative = (base.0 < 0) != factor.is_negative;
    // Doubles are symmetric around zero, so a level below zero is the mirrored question.
    let threshold = match (touch, is_negative) {
        (Touch::AtOrBelow, false) => level.last_at_or_below(units),
        (Touch::AtOrAbove, false) => level.first_at_or_above(units),
        (Touch::AtOrBelow, true) => -level.first_at_or_above(units),
        (Touch::AtOrAbove, true) => -level.last_at_or_below(units),
    };
    Price(threshold)
}

/// The most price decimals: as many as money has. A significand times `10^18` fits 128 bits.
const DECIMALS_MAX: u8 = 18;

/// Bits of a double's significand, the leading one included.
const SIGNIFICAND_BITS: u32 = 53;

/// The smallest significand: the leading bit alone.
const SIGNIFICAND_MIN: u64 = 1 << (SIGNIFICAND_BITS - 1);

/// A positive normal double, `significand x 2^exponent` with exactly 53 bits of significand.
/// The values here stay between `10^-27` and `10^30`, far from subnormals and infinities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Double {
    significand: u64,
    exponent: i32,
}

/// A double other than zero.
struct Signed {
    is_negative: bool,
    size: Double,
}

/// `1 + ratio / 10^9` in doubles: the division and the sum each round. `None` is zero.
fn one_plus(ratio: i128) -> Option<Signed> {
    let size = u64::try_from(ratio.unsigned_abs()).expect("a ratio is an i64");
    if size == 0 {
        let one = Double { significand: SIGNIFICAND_MIN, exponent: 1 - SIGNIFICAND_BITS as i32 };
        return Some(Signed { is_negative: false, size: one });
    }
    let fraction = Double::quotient(size, Ratio::ONE.0.unsigned_abs());
    // A ratio is from 10^-9 to 10^10, so its last bit is from 2^-82 to 2^-19: in that unit both
    // the one and the fraction are integers and their sum is exact.
    let one = 1_i128 << -fraction.exponent;
    let sum = one + ratio.signum() * i128::from(fraction.significand);
    if sum == 0 {
        return None;
    }
    Some(Signed {
        is_negative: sum < 0,
        size: Double::nearest(sum.unsigned_abs(), Remainder::Zero, fraction.exponent),
    })
}

/// What is left below the last bit of an integer part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remainder {
    Zero,
    Some,
}

impl Remainder {
    const fn of(is_zero: bool) -> Self {
        if is_zero { Self::Zero } else { Self::Some }
    }
}

impl Double {
    /// The double nearest to `(value + remainder) x 2^exponent`, ties to the even significand.
    /// `value` is positive; with a remainder it has at least two bits more than a significand.
    fn nearest(value: u128, remainder: Remainder, exponent: i32) -> Self {
        let bits = u128::BITS - value.leading_zeros();
        if bits <= SIGNIFICAND_BITS {
            assert!(remainder == Remainder::Zero, "a quotient with a remainder was cut too short");
            let shift = SIGNIFICAND_BITS - bits;
            let significand = u64::try_from(value << shift).expect("53 bits");
            return Self { significand, exponent: exponent - shift as i32 };
        }
        let cut = bits - SIGNIFICAND_BITS;
        let kept = u64::try_from(value >> cut).expect("53 bits");
        let rest = value & ((1 << cut) - 1);
        let half = 1 << (cut - 1);
        let is_tie = rest == half && remainder == Remainder::Zero;
        let up = if is_tie { kept % 2 == 1 } else { rest >= half };
        let exponent = exponent + cut as i32;
        match kept + u64::from(up) {
            // All 53 bits were ones: the next double is the next power of two.
            carried if carried == 2 * SIGNIFICAND_MIN => {
                Self { significand: SIGNIFICAND_MIN, exponent: exponent + 1 }
            }
            significand => Self { significand, exponent },
        }
    }

    /// The double nearest to `numerator / denominator`, both positive, `denominator` at most 10^18.
    fn quotient(numerator: u64, denominator: u64) -> Self {
        // A quotient of 55 bits or more has the rounding bit and one below it; the rest is in the
        // remainder. At most 55 + 60 bits are divided.
        let wanted_bits = SIGNIFICAND_BITS + 2 + (u64::BITS - denominator.leading_zeros());
        let shift = wanted_bits.saturating_sub(u64::BITS - numerator.leading_zeros());
        let dividend = u128::from(numerator) << shift;
        let denominator = u128::from(denominator);
        let quotient = dividend / denominator;
        let remainder = Remainder::of(quotient * denominator == dividend);
        Self::nearest(quotient, remainder, -(shift as i32))
    }

    /// The double nearest to the product.
    fn times(self, other: Self) -> Self {
        let product = u128::from(self.significand) * u128::from(other.significand);
        Self::nearest(product, Remainder::Zero, self.exponent + other.exponent)
    }

    /// The greatest `n` such that the double nearest to `n / units` is at most this one.
    ///
    /// Everything up to the midpoint to the next double rounds to this one or less; the midpoint
    /// itself goes to the even of the two.
    fn last_at_or_below(self, units: u64) -> i64 {
        let (whole, remainder) = scaled(2 * self.significand + 1, self.exponent - 1, units);
        let is_lost_tie = remainder == Remainder::Zero && self.significand % 2 == 1;
        if is_lost_tie { whole - 1 } else { whole }
    }

    /// The least `n` such that the double nearest to `n / units` is at least this one.
    fn first_at_or_above(self, units: u64) -> i64 {
        // Below a power of two the doubles are twice as dense, so that midpoint is nearer.
        let (whole, remainder) = if self.significand == SIGNIFICAND_MIN {
            scaled(4 * self.significand - 1, self.exponent - 2, units)
        } else {
            scaled(2 * self.significand - 1, self.exponent - 1, units)
        };
        let is_won_tie = remainder == Remainder::Zero && self.significand.is_multiple_of(2);
        if is_won_tie { whole } else { whole + 1 }
    }
}

/// `significand x 2^exponent x units`, cut to an integer.
fn scaled(significand: u64, exponent: i32, units: u64) -> (i64, Remainder) {
    const TOO_FAR: &str = "a level in doubles leaves the range of prices";
    let product = u128::from(significand) * u128::from(units);
    let shift = exponent.unsigned_abs();
    if exponent >= 0 {
        assert!(shift <= product.leading_zeros(), "{TOO_FAR}");
        return (i64::try_from(product << shift).expect(TOO_FAR), Remainder::Zero);
    }
    if shift >= u128::BITS {
        return (0, Remainder::Some);
    }
    let whole = product >> shift;
    (i64::try_from(whole).expect(TOO_FAR), Remainder::of(whole << shift == product))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OFFSETS: [Offset; 2] = [Offset::Below, Offset::Above];

    /// The double nearest to `ticks / 10^decimals`, by the standard library's correct parser.
    fn double(ticks: i64, decimals: u8) -> f64 {
        format!("{ticks}e-{decimals}").parse().expect("a number")
    }

    fn level(base: i64, decimals: u8, ratio: i64, offset: Offset) -> f64 {
        let ratio = double(ratio, Ratio::DECIMALS);
        let factor = match offset {
            Offset::Below => 1.0 - ratio,
            Offset::Above => 1.0 + ratio,
        };
        double(base, decimals) * factor
    }

    /// Holds both thresholds of a level to their definition, on the ticks at and next to them.
    fn check(base: i64, decimals: u8, ratio: i64, offset: Offset) {
        let level = level(base, decimals, ratio, offset);
        let threshold = |touch| double_threshold(Price(base), decimals, Ratio(ratio), offset, touch).0;
        let case = format!("{base}e-{decimals} {offset:?} {ratio}e-9: level {level:?}");
        let last = threshold(Touch::AtOrBelow);
        assert!(double(last, decimals) <= level, "{case}: {last} is above");
        assert!(double(last + 1, decimals) > level, "{case}: {last} is not the last");
        let first = threshold(Touch::AtOrAbove);
        assert!(double(first, decimals) >= level, "{case}: {first} is below");
        assert!(double(first - 1, decimals) < level, "{case}: {first} is not the first");
    }

    #[test]
    fn a_level_a_hair_off_its_tick_is_decided_like_the_double() {
        // 10.0 x (1 - 0.1) is 9.0 in decimals and in doubles. But in doubles 3.0 x (1 + 0.1) is
        // 3.3000000000000003 and 3.0 x (1 - 0.05) is 2.8499999999999996.
        let above = |touch| double_threshold(Price(30), 1, Ratio::from_bps(1_000), Offset::Above, touch);
        assert_eq!(above(Touch::AtOrBelow), Price(33));
        assert_eq!(above(Touch::AtOrAbove), Price(34), "3.3 does not reach 3.3000000000000003");
        let below = |touch| double_threshold(Price(300), 2, Ratio::from_bps(500), Offset::Below, touch);
        assert_eq!(below(Touch::AtOrBelow), Price(284), "2.85 does not fall to 2.8499999999999996");
        assert_eq!(below(Touch::AtOrAbove), Price(285));
        let exact = |touch| double_threshold(Price(100), 1, Ratio::from_bps(1_000), Offset::Below, touch);
        assert_eq!((exact(Touch::AtOrBelow), exact(Touch::AtOrAbove)), (Price(90), Price(90)));
    }

    #[test]
    fn levels_at_zero_and_beyond_are_the_mirrored_question() {
        for touch in [Touch::AtOrBelow, Touch::AtOrAbove] {
            assert_eq!(double_threshold(Price(12_345), 2, Ratio::ONE, Offset::Below, touch), Price(0));
            assert_eq!(double_threshold(Price(0), 2, Ratio(5), Offset::Above, touch), Price(0));
            assert_eq!(double_threshold(Price(777), 2, Ratio::ZERO, Offset::Above, touch), Price(777));
        }
        for ratio in [1_100_000_000, 2_000_000_000, 3_333_333_333, -50_000_000, i64::MAX / 1_000_000] {
            for base in [1, 7, 12_345, -1, -12_345] {
                for offset in OFFSETS {
                    check(base, 2, ratio, offset);
                }
            }
        }
    }

    #[test]
    fn round_percentages_of_round_prices_agree_with_doubles() {
        // Levels meant to lie exactly on a tick, where the hair decides.
        for decimals in 0..=8 {
            for step in 1..=40 {
                for bps in [1, 5, 10, 25, 50, 70, 100, 150, 250, 300, 700, 1_000, 1_500, 3_333, 5_000, 9_999]
                {
                    for base in [step * 10_000, step * 100, step * 10_i64.pow(u32::from(decimals)), step] {
                        for offset in OFFSETS {
                            check(base, decimals, Ratio::from_bps(bps).0, offset);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn levels_at_powers_of_two_agree_with_doubles() {
        // Above 2^53 ticks are closer than doubles and every other tick is a tie.
        for power in 0..62 {
            for nudge in -3..=3 {
                for decimals in 0..=18 {
                    for ratio in [0, 1, 250_000_000, 500_000_000, 999_999_999] {
                        check((1 << power) + nudge, decimals, ratio, Offset::Below);
                    }
                }
            }
        }
    }

    #[test]
    fn levels_that_round_up_to_a_power_of_two_agree_with_doubles() {
        // With 18 decimals a tick is a hundredth of a double's last bit, so some of these bases
        // give a product of all ones that carries over to 1.
        for bps in 1..400 {
            let ratio = Ratio::from_bps(bps);
            let whole = 1_000_000_000_000_000_000_i128 * 1_000_000_000;
            for (offset, factor) in
                OFFSETS.into_iter().zip([1_000_000_000 - ratio.0, 1_000_000_000 + ratio.0])
            {
                let base = i64::try_from(whole / i128::from(factor)).expect("about 1");
                for nudge in -150..150 {
                    check(base + nudge, 18, ratio.0, offset);
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "leaves the range of prices")]
    fn a_level_outside_the_range_of_prices_panics() {
        let base = Price(i64::MAX - 1);
        assert_eq!(double_threshold(base, 2, Ratio::ONE, Offset::Above, Touch::AtOrBelow), base);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn the_parts_round_like_doubles(n in 1_u64..=i64::MAX as u64, digits in 0_u32..63, decimals in 0_u32..=18, other in 1_i64..=i64::MAX) {
            let n = (n >> digits).max(1);
            let real = |it: Double| it.significand as f64 * 2.0_f64.powi(it.exponent);
            let quotient = Double::quotient(n, 10_u64.pow(decimals));
            let expected: f64 = format!("{n}e-{decimals}").parse().expect("a number");
            prop_assert_eq!(real(quotient), expected);
            let factor = Double::quotient(other.unsigned_abs(), 1_000_000_000);
            prop_assert_eq!(real(quotient.times(factor)), expected * real(factor));
            if let Some(sum) = one_plus(-i128::from(other)) {
                let expected = 1.0 - real(factor);
                prop_assert_eq!(real(sum.size), expected.abs());
                prop_assert_eq!(sum.is_negative, expected < 0.0);
            }
        }

        #[test]
        fn any_level_agrees_with_doubles(base in 1_i64..=i64::MAX / 4, digits in 0_u32..60, decimals in 0_u8..=8, ratio in 0_i64..=1_200_000_000) {
            for offset in OFFSETS {
                check((base >> digits).max(1), decimals, ratio, offset);
            }
        }

        #[test]
        fn market_like_levels_agree_with_doubles(base in 1_i64..=20_000_000, decimals in 0_u8..=8, bps in 1_i64..=10_000) {
            for offset in OFFSETS {
                check(base, decimals, Ratio::from_bps(bps).0, offset);
                // A hundredth of the base in whole units: the level is on a tick in decimals.
                check(base * 10_000, decimals, Ratio::from_bps(bps).0, offset);
            }
        }
    }
}
