//! Divisions with a name, against schoolbook division of magnitudes; fractions, multiples and steps from them.

use ripcord_core::num::{Money, Ratio, Round, round_to_multiple};

use crate::bytes::Bytes;

const ROUNDS: [Round; 3] = [Round::Down, Round::Up, Round::HalfUp];

pub(crate) fn run(data: &[u8]) {
    let mut bytes = Bytes(data);
    let round = bytes.pick(&ROUNDS);
    let (a, b) = (bytes.number(), bytes.number());
    let wide = (i128::from(a) << (bytes.byte() % 62)) + i128::from(bytes.byte());
    if b > 0 {
        assert_eq!(
            round.divide(wide, i128::from(b)),
            divided(wide, i128::from(b), round),
            "{wide}/{b} {round:?}"
        );
        let rounded = divided(i128::from(a), i128::from(b), round) * i128::from(b);
        if let Ok(rounded) = i64::try_from(rounded) {
            assert_eq!(round_to_multiple(a, b, round), rounded, "{a} to {b} {round:?}");
        }
    }
    let one = i128::from(Ratio::ONE.0);
    let share = divided(i128::from(a) * i128::from(b), one, round);
    if let Ok(share) = i64::try_from(share) {
        assert_eq!(Ratio(b).of(a, round), share, "{b} of {a} {round:?}");
    }
    // Fees are of sums that are computed with: at most 10^16 of the quote currency, a thousandfold.
    let sum = wide % 10_i128.pow(37);
    let ratio = b % (Ratio::ONE.0 * 2);
    if let Some(product) = sum.checked_mul(i128::from(ratio)) {
        assert_eq!(Money(sum).times(Ratio(ratio), round).0, divided(product, one, round), "{ratio} of {sum}");
    }
}

/// `numerator / denominator` by its magnitude and its rest.
fn divided(numerator: i128, denominator: i128, round: Round) -> i128 {
    let (size, by) = (numerator.unsigned_abs(), denominator.unsigned_abs());
    let (quotient, rest) = ((size / by) as i128, size % by);
    let (below, above) = match (numerator < 0, rest == 0) {
        (false, true) => (quotient, quotient),
        (true, true) => (-quotient, -quotient),
        (false, false) => (quotient, quotient + 1),
        (true, false) => (-quotient - 1, -quotient),
    };
    // How far above `below` it lies.
    let over = if numerator < 0 && rest > 0 { by - rest } else { rest };
    match round {
        Round::Down => below,
        Round::Up => above,
        Round::HalfUp => {
            if over >= by - over {
                above
            } else {
                below
            }
        }
    }
}
