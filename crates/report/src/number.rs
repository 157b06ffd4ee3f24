//! Decimal text of scaled integers into a buffer; a file of exits holds ten million of them.
//!
//! The same text as [`ripcord_core::num::fixed`] and [`ripcord_core::num::shortest`]; a test
//! holds them together.

use ripcord_core::num::{MONEY_DECIMALS, Money};

/// Units of money in one of the currency.
const ONE: u128 = 10_u128.pow(MONEY_DECIMALS as u32);

/// Appends a whole number.
pub(crate) fn push_whole(out: &mut Vec<u8>, value: i64) {
    if value < 0 {
        out.push(b'-');
    }
    push_digits(out, value.unsigned_abs(), 1);
}

/// Appends `value x 10^-decimals` with all its decimals; at most 18.
pub(crate) fn push_fixed(out: &mut Vec<u8>, value: i64, decimals: u8) {
    let one = 10_u64.pow(u32::from(decimals));
    if value < 0 {
        out.push(b'-');
    }
    push_digits(out, value.unsigned_abs() / one, 1);
    if decimals > 0 {
        out.push(b'.');
        push_digits(out, value.unsigned_abs() % one, usize::from(decimals));
    }
}

/// Appends money exactly, without zeros at the end of its decimals.
pub(crate) fn push_money(out: &mut Vec<u8>, value: Money) {
    if value.0 < 0 {
        out.push(b'-');
    }
    let magnitude = value.0.unsigned_abs();
    match u64::try_from(magnitude / ONE) {
        Ok(whole) => push_digits(out, whole, 1),
        Err(_) => out.extend_from_slice((magnitude / ONE).to_string().as_bytes()),
    }
    let mut decimals = (magnitude % ONE) as u64;
    if decimals == 0 {
        return;
    }
    let mut places = usize::from(MONEY_DECIMALS);
    while decimals.is_multiple_of(10) {
        decimals /= 10;
        places -= 1;
    }
    out.push(b'.');
    push_digits(out, decimals, places);
}

/// Money as text, exactly.
pub(crate) fn money(value: Money) -> String {
    let mut out = Vec::with_capacity(24);
    push_money(&mut out, value);
    String::from_utf8(out).expect("digits are ASCII")
}

/// A scaled integer as text, with all its decimals.
pub(crate) fn fixed(value: i64, decimals: u8) -> String {
    let mut out = Vec::with_capacity(24);
    push_fixed(&mut out, value, decimals);
    String::from_utf8(out).expect("digits are ASCII")
}

/// Appends digits, with zeros in front up to `places`.
fn push_digits(out: &mut Vec<u8>, mut value: u64, places: usize) {
    // 20 digits of a u64.
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    while value > 0 {
        start -= 1;
        digits[start] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    out.extend_from_slice(&digits[start.min(digits.len() - places)..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_that_of_the_core() {
        for value in [0, 1, -1, 9, 10, 100, -1_050, 123_456_789, i64::MAX, i64::MIN, i64::MIN + 1] {
            for decimals in [0, 1, 2, 8, 18] {
                assert_eq!(
                    fixed(value, decimals),
                    ripcord_core::num::fixed(i128::from(value), decimals).to_string()
                );
            }
            let mut out = Vec::new();
            push_whole(&mut out, value);
            assert_eq!(out, value.to_string().into_bytes());
        }
        let one = 10_i128.pow(18);
        for value in [0, 1, -1, one, -one, one / 2, -one / 4, 1_234 * one + one / 1_000, i128::MAX, i128::MIN]
        {
            assert_eq!(money(Money(value)), ripcord_core::num::shortest(value, MONEY_DECIMALS).to_string());
        }
    }
}
