//! Tolerance: when a rule may leave its exit to the bracket at the venue.

use super::level::Average;
use crate::num::{Price, Ratio};

/// Half a percentage point of the entry.
pub const TOLERANCE_DEFAULT: Ratio = Ratio::from_bps(50);

/// Whether a bracket's level is near enough to a rule's: nearer than `tolerance` of the entry, and not
/// farther than half the gap between rule and hard stop. Compared as prices, without rounding.
#[must_use]
pub fn within_tolerance(
    tolerance: Ratio,
    rule_level: Price,
    bracket_level: Price,
    entry: Average,
    hard_level: Option<Price>,
) -> bool {
    let apart = (i128::from(bracket_level.0) - i128::from(rule_level.0)).abs();
    // apart / entry < tolerance, both sides times quantity and 10^9.
    let near =
        apart * i128::from(entry.qty) * i128::from(Ratio::ONE.0) < entry.cost * i128::from(tolerance.0);
    let before_hard =
        hard_level.is_none_or(|hard| 2 * apart <= (i128::from(hard.0) - i128::from(rule_level.0)).abs());
    near && before_hard
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_point_of_the_entry_is_too_far_and_one_tick_less_is_not() {
        let entry = Average { cost: 100_00 * 3, qty: 3 };
        let within = |bracket, hard: Option<i64>| {
            within_tolerance(TOLERANCE_DEFAULT, Price(95_50), Price(bracket), entry, hard.map(Price))
        };
        // Soft stop 4.5 %: 95.50. A bracket at 5.0 % or 4.0 % is half a point away.
        assert!(!within(95_00, None) && !within(96_00, None));
        assert!(within(95_01, None) && within(95_99, None));
        // A hard stop at 94.90 leaves a gap of 0.60: at most 0.30 may be left to the bracket.
        assert!(within(95_20, Some(94_90)) && !within(95_19, Some(94_90)));
    }
}
