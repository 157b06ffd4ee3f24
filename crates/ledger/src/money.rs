//! The few divisions that money needs, each rounded once, half to even, by a name.

use ripcord_core::num::{MONEY_DECIMALS, Money, shortest};

/// Nanos of one unit of currency, and attos of one nano.
const NANO: i128 = 1_000_000_000;

/// `numerator / denominator`, to the nearest; exactly half goes to the even one. `denominator` is
/// positive.
#[must_use]
pub const fn half_even(numerator: i128, denominator: i128) -> i128 {
    let (down, rest) = (numerator.div_euclid(denominator), numerator.rem_euclid(denominator));
    let other = denominator - rest;
    if rest > other || (rest == other && down % 2 != 0) { down + 1 } else { down }
}

/// What belongs to the first `part` of `of` units when all of them cost `whole`, half to even.
/// `0 <= part <= of`, `of > 0`.
#[must_use]
pub fn share(whole: Money, part: i64, of: i64) -> Money {
    let (part, of) = (i128::from(part), i128::from(of));
    // Wholes and rest apart: their product with a quantity does not leave 128 bits.
    Money(whole.0.div_euclid(of) * part + half_even(whole.0.rem_euclid(of) * part, of))
}

/// What belongs to the units `from..to` of `of`. Slices that meet sum to the whole exactly,
/// because each is the difference of two shares.
#[must_use]
pub fn slice(whole: Money, from: i64, to: i64, of: i64) -> Money {
    share(whole, to, of) - share(whole, from, of)
}

/// `total / qty` for one whole unit of the base currency, in units of 10^-18 of the quote
/// currency, half to even. `None` for a quantity of nothing, or beyond what can be counted.
#[must_use]
pub fn per_unit(total: Money, qty: i64, qty_decimals: u8) -> Option<Money> {
    if qty <= 0 {
        return None;
    }
    let (qty, one) = (i128::from(qty), 10_i128.checked_pow(u32::from(qty_decimals))?);
    let wholes = total.0.div_euclid(qty).checked_mul(one)?;
    let rest = half_even(total.0.rem_euclid(qty).checked_mul(one)?, qty);
    wholes.checked_add(rest).map(Money)
}

/// What `amount` of a coin is worth at `price` a coin, half to even. `None` beyond what can be counted.
#[must_use]
pub fn convert(amount: Money, price: Money) -> Option<Money> {
    let one = 10_i128.pow(u32::from(MONEY_DECIMALS));
    // Wholes and rests apart: the product of two rests stays within 128 bits.
    let (coins, part) = (amount.0.div_euclid(one), amount.0.rem_euclid(one));
    let (units, rest) = (price.0.div_euclid(one), price.0.rem_euclid(one));
    let whole = coins.checked_mul(units)?.checked_mul(one)?;
    let mixed = coins.checked_mul(rest)?.checked_add(part.checked_mul(units)?)?;
    whole.checked_add(mixed)?.checked_add(half_even(part * rest, one)).map(Money)
}

/// Decimal text without zeros at its end, exact.
#[must_use]
pub fn text(money: Money) -> String {
    shortest(money.0, MONEY_DECIMALS).to_string()
}

/// Nanos, rounded down, and the attos that are left (0 to 999,999,999): two columns that a
/// database sums as integers, and whose sums are exact together. `None` when the nanos do not fit
/// (beyond nine billion of the currency); the text is exact all the same.
#[must_use]
pub fn split(money: Money) -> Option<(i64, i64)> {
    let nanos = i64::try_from(money.0.div_euclid(NANO)).ok()?;
    Some((nanos, i64::try_from(money.0.rem_euclid(NANO)).ok()?))
}

/// The opposite of [`split`], for sums of its columns.
#[must_use]
pub fn join(nanos: i128, attos: i128) -> Money {
    Money(nanos * NANO + attos)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn half_goes_to_the_even_neighbour() {
        for (n, d, wanted) in [
            (5, 2, 2),
            (7, 2, 4),
            (-5, 2, -2),
            (-7, 2, -4),
            (1, 3, 0),
            (2, 3, 1),
            (-2, 3, -1),
            (6, 3, 2),
            (0, 9, 0),
        ] {
            assert_eq!(half_even(n, d), wanted, "{n}/{d}");
        }
    }

    #[test]
    fn per_unit_prices_know_the_scale_of_the_quantity() {
        // 0.42 for 0.001 coin is 420 a coin.
        let fee = Money(42 * 10_i128.pow(16));
        assert_eq!(per_unit(fee, 1_000, 6), Some(Money(420 * 10_i128.pow(18))));
        assert_eq!(per_unit(fee, 0, 6), None);
        assert_eq!(per_unit(Money(i128::MAX), 1, 18), None, "beyond what can be counted");
    }

    proptest! {
        #[test]
        fn slices_that_meet_sum_to_the_whole(
            whole in -10_i128.pow(30)..10_i128.pow(30),
            cuts in proptest::collection::vec(0_i64..=1_000_000_007, 0..8),
        ) {
            let of = 1_000_000_007;
            let mut cuts = cuts;
            cuts.extend([0, of]);
            cuts.sort_unstable();
            let sum = cuts.windows(2).fold(Money::ZERO, |sum, cut| sum + slice(Money(whole), cut[0], cut[1], of));
            prop_assert_eq!(sum, Money(whole));
        }

        #[test]
        fn two_columns_hold_money_exactly(nanos in any::<i64>(), attos in 0_i64..1_000_000_000) {
            let money = join(i128::from(nanos), i128::from(attos));
            prop_assert_eq!(split(money), Some((nanos, attos)));
        }
    }

    #[test]
    fn what_is_too_large_for_integer_columns_says_so() {
        assert_eq!(split(Money(i128::MAX)), None);
        assert_eq!(split(Money(-1)), Some((-1, 999_999_999)));
    }
}
