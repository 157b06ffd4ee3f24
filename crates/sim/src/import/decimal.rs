//! Decimal text to integers: a column that finds its own scale.

use std::io::Write;

use ripcord_core::num::{Decimal, DecimalError, shortest};

use super::error::Fault;

/// Numbers of one column, in units of `10^-decimals`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Scaled {
    pub(super) values: Vec<i64>,
    pub(super) decimals: u8,
}

/// So many digits surely fit.
const DIGITS_MAX: usize = 18;

impl Scaled {
    /// Appends the number that the text says.
    #[inline]
    pub(super) fn push_text(&mut self, text: &[u8]) -> Result<(), Fault> {
        match plain(text) {
            Some((mantissa, decimals)) => self.push(mantissa, decimals),
            None => self.push_odd_text(text),
        }
    }

    /// Appends a float by its shortest exact decimal text.
    pub(super) fn push_float(&mut self, value: f64) -> Result<(), Fault> {
        if value.is_nan() {
            return Err(Fault::NotANumber);
        }
        // The longest text of a double has 1 sign, 309 digits before and 324 behind the point.
        let mut text = [0_u8; 640];
        let mut free = &mut text[..];
        write!(free, "{value}").map_err(|_| Fault::TooFine)?;
        let length = 640 - free.len();
        self.push_text(&text[..length])
    }

    /// Appends `mantissa x 10^-decimals`.
    #[inline]
    pub(super) fn push(&mut self, mantissa: i64, decimals: u8) -> Result<(), Fault> {
        if decimals == self.decimals {
            self.values.push(mantissa);
            return Ok(());
        }
        self.push_rescaled(mantissa, decimals)
    }

    /// Signs, exponents, many digits, and everything that is no number.
    #[cold]
    fn push_odd_text(&mut self, text: &[u8]) -> Result<(), Fault> {
        if text.is_empty() {
            return Err(Fault::Missing);
        }
        if std::str::from_utf8(text).is_err() {
            return Err(Fault::NotUtf8);
        }
        let number = Decimal::parse(text).map_err(|refused| match refused {
            DecimalError::Empty => Fault::Missing,
            DecimalError::NotANumber { .. } => Fault::NotANumber,
            DecimalError::TooManyDigits { .. }
            | DecimalError::TooManyDecimals { .. }
            | DecimalError::FinerThanScale { .. } => Fault::TooFine,
            DecimalError::OutOfRange { .. } | DecimalError::BeyondScale { .. } => Fault::Absurd,
        })?;
        self.push(number.mantissa(), number.decimals())
    }

    #[cold]
    fn push_rescaled(&mut self, mut mantissa: i64, mut decimals: u8) -> Result<(), Fault> {
        while decimals > self.decimals && mantissa % 10 == 0 {
            mantissa /= 10;
            decimals -= 1;
        }
        if decimals > self.decimals {
            self.rescale(decimals).map_err(|_| Fault::BeyondScale { decimals })?;
        }
        let fit = |column: &Self| mantissa.checked_mul(power_of_ten(column.decimals - decimals)?);
        if let Some(value) = fit(self) {
            self.values.push(value);
            return Ok(());
        }
        // Zeros at the end of what is here may have cost the digits that are missing now.
        self.shorten_to(decimals);
        let value = fit(self).ok_or(Fault::BeyondScale { decimals: self.decimals })?;
        self.values.push(value);
        Ok(())
    }

    /// The same numbers with more decimals; the first row that does not fit when one does not.
    pub(super) fn rescale(&mut self, decimals: u8) -> Result<(), usize> {
        if decimals == self.decimals {
            return Ok(());
        }
        let power = power_of_ten(decimals - self.decimals);
        let fits = |&value: &i64| value == 0 || power.is_some_and(|power| value.checked_mul(power).is_some());
        if let Some(row) = self.values.iter().position(|value| !fits(value)) {
            return Err(row);
        }
        let power = power.unwrap_or(0);
        self.values.iter_mut().for_each(|value| *value *= power);
        self.decimals = decimals;
        Ok(())
    }

    /// Drops decimals that no number uses.
    pub(super) fn shorten(&mut self) {
        self.shorten_to(0);
    }

    fn shorten_to(&mut self, decimals: u8) {
        while self.decimals > decimals && self.values.iter().all(|value| value % 10 == 0) {
            self.values.iter_mut().for_each(|value| *value /= 10);
            self.decimals -= 1;
        }
    }

    /// Appends another column's numbers, both in the finer scale of the two; the number that does
    /// not fit that scale, and its decimals, when one does not.
    pub(super) fn append(&mut self, mut more: Self) -> Result<(), (Misfit, u8)> {
        if more.decimals != self.decimals {
            self.agree_with(&mut more)?;
        }
        if self.values.is_empty() && self.values.capacity() < more.values.len() {
            *self = more;
        } else {
            self.values.extend_from_slice(&more.values);
        }
        Ok(())
    }

    #[cold]
    fn agree_with(&mut self, more: &mut Self) -> Result<(), (Misfit, u8)> {
        if self.values.is_empty() {
            self.decimals = more.decimals;
            return Ok(());
        }
        // Zeros at the end may make a scale look finer than it is.
        self.shorten_to(more.decimals);
        more.shorten_to(self.decimals);
        let decimals = self.decimals.max(more.decimals);
        let text =
            |column: &Self, row: usize| shortest(i128::from(column.values[row]), column.decimals).to_string();
        self.rescale(decimals).map_err(|row| (Misfit::Earlier { row, value: text(self, row) }, decimals))?;
        more.rescale(decimals).map_err(|row| (Misfit::New { row, value: text(more, row) }, decimals))
    }
}

/// A number that does not fit the scale of the others.
#[derive(Debug)]
pub(super) enum Misfit {
    /// Among those that were there first.
    Earlier {
        /// Its place among them.
        row: usize,
        /// The number.
        value: String,
    },
    /// Among those that were appended.
    New {
        /// Its place among them.
        row: usize,
        /// The number.
        value: String,
    },
}

/// `10^n` when it fits.
pub(super) fn power_of_ten(n: u8) -> Option<i64> {
    10_i64.checked_pow(u32::from(n))
}

/// Digits with at most one point between or around them, few enough to fit.
#[inline]
fn plain(text: &[u8]) -> Option<(i64, u8)> {
    let (mantissa, decimals, length) = plain_field(text)?;
    (length == text.len()).then_some((mantissa, decimals))
}

/// A plain number up to the next comma or the end, and its length; none when what stands there is
/// not as plain.
#[inline]
pub(super) fn plain_field(text: &[u8]) -> Option<(i64, u8, usize)> {
    let mut mantissa = 0_u64;
    let mut behind_point = None;
    let mut length = 0;
    for &byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit < 10 {
            // Wraps only when the text is too long, which is asked below.
            mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
        } else if byte == b'.' && behind_point.is_none() {
            behind_point = Some(length + 1);
        } else if byte == b',' {
            break;
        } else {
            return None;
        }
        length += 1;
    }
    let digits = length - usize::from(behind_point.is_some());
    if digits == 0 || digits > DIGITS_MAX {
        return None;
    }
    let decimals = behind_point.map_or(0, |at| length - at);
    Some((mantissa as i64, decimals as u8, length))
}

/// A whole number without a sign, as times are written.
#[inline]
pub(super) fn whole(text: &[u8]) -> Option<i64> {
    if text.is_empty() || text.len() > 19 {
        return None;
    }
    let mut value = 0_u64;
    let (eights, rest) = text.as_chunks::<8>();
    for eight in eights {
        value = value.wrapping_mul(100_000_000).wrapping_add(eight_digits(*eight)?);
    }
    for &byte in rest {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
    }
    i64::try_from(value).ok()
}

/// Eight digits at once: pairs, then fours, then all, each by one multiplication.
#[inline]
fn eight_digits(text: [u8; 8]) -> Option<u64> {
    let word = u64::from_le_bytes(text);
    let digits = word.wrapping_sub(0x3030_3030_3030_3030);
    // A byte below '0' borrows, one above '9' carries into its high bit after adding 0x76.
    if (word.wrapping_add(0x4646_4646_4646_4646) | digits) & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    let pairs = (digits.wrapping_mul(10).wrapping_add(digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100).wrapping_add(pairs >> 16)) & 0x0000_ffff_0000_ffff;
    Some((fours.wrapping_mul(10_000).wrapping_add(fours >> 32)) & 0xffff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(texts: &[&str]) -> Result<Scaled, Fault> {
        let mut column = Scaled::default();
        for text in texts {
            column.push_text(text.as_bytes())?;
        }
        column.shorten();
        Ok(column)
    }

    #[test]
    fn a_column_takes_the_finest_scale_that_is_used() {
        let prices = column(&["60000.00", "60000.5", "1e-3", "7"]).expect("numbers");
        assert_eq!((prices.values, prices.decimals), (vec![60_000_000, 60_000_500, 1, 7_000], 3));
        let whole = column(&["100.000000000000000000", "61800"]).expect("numbers");
        assert_eq!((whole.values, whole.decimals), (vec![100, 61_800], 0));
    }

    #[test]
    fn what_is_no_number_or_does_not_fit_is_refused() {
        for (text, fault) in [
            ("", Fault::Missing),
            ("nan", Fault::NotANumber),
            ("inf", Fault::NotANumber),
            ("1.2.3", Fault::NotANumber),
            (".", Fault::NotANumber),
            ("0.1234567890123456789", Fault::TooFine),
            ("123456789012345678901234567890", Fault::TooFine),
            ("1e40", Fault::Absurd),
        ] {
            assert_eq!(column(&[text]), Err(fault), "{text}");
        }
        let stray = column(&["900000000000000", "0.0000000001"]);
        assert_eq!(stray, Err(Fault::BeyondScale { decimals: 10 }));
    }

    #[test]
    fn whole_numbers_are_read_eight_digits_at_a_time() {
        for text in ["0", "7", "1735689600016000000", "12345678", "9223372036854775807"] {
            assert_eq!(whole(text.as_bytes()), text.parse().ok(), "{text}");
        }
        for text in ["", "-1", "9223372036854775808", "1735689600:16000000", "1735/89600016000000", "1e3"] {
            assert_eq!(whole(text.as_bytes()), None, "{text}");
        }
        for byte in 0..=255_u8 {
            let text = [b'1', b'2', b'3', byte, b'5', b'6', b'7', b'8'];
            assert_eq!(whole(&text).is_some(), byte.is_ascii_digit(), "byte {byte}");
        }
    }

    #[test]
    fn floats_are_taken_by_their_shortest_text() {
        let mut column = Scaled::default();
        for value in [0.1, 61_800.3, 2.436e-5, 5.0] {
            column.push_float(value).expect("a number");
        }
        assert_eq!(
            (column.values, column.decimals),
            (vec![10_000_000, 6_180_030_000_000, 2_436, 500_000_000], 8)
        );
        assert_eq!(Scaled::default().push_float(f64::INFINITY), Err(Fault::NotANumber));
        assert_eq!(Scaled::default().push_float(f64::MAX), Err(Fault::Absurd));
    }
}
