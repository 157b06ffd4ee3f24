//! Decimal text at the edges: exact numbers in and out, without floats and without rounding that
//! was not asked for.
//!
//! Text becomes a [`Decimal`] ([`Decimal::parse`]); a [`Decimal`] becomes the scaled integer of an
//! instrument ([`Decimal::to_scale`]), and a scaled integer becomes text again ([`fixed`],
//! [`shortest`]). Parsing and printing do not allocate; only the errors do.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use super::Round;

/// An exact decimal number, `mantissa x 10^-decimals`: at most 18 significant digits (zeros at
/// the end not counted) and at most 18 decimals, between -9223372036854775807 and
/// +9223372036854775807.
///
/// Always normalised (no zeros at the end of the decimals), so equal values are equal fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Decimal {
    mantissa: i64,
    decimals: u8,
}

/// Why a number is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// There is no text.
    #[error("empty text is not a decimal number")]
    Empty,
    /// The text is no decimal number: a word, `nan`, `inf`, a space, hexadecimal.
    #[error("`{text}` is not a decimal number like 58800.10 or 1e-05")]
    NotANumber {
        /// The text, cut when long.
        text: String,
    },
    /// More digits than a decimal keeps.
    #[error("`{text}` has more than {} significant digits", Decimal::DIGITS_MAX)]
    TooManyDigits {
        /// The text, cut when long.
        text: String,
    },
    /// More decimals than a decimal keeps.
    #[error("`{text}` has more than {} decimals", Decimal::DECIMALS_MAX)]
    TooManyDecimals {
        /// The text, cut when long.
        text: String,
    },
    /// Too large.
    #[error("`{text}` is beyond {}", i64::MAX)]
    OutOfRange {
        /// The text, cut when long.
        text: String,
    },
    /// The value has decimals that the scale does not have.
    #[error("{value} is finer than {decimals} decimals")]
    FinerThanScale {
        /// The value.
        value: Decimal,
        /// Decimal places of the scale.
        decimals: u8,
    },
    /// The value does not fit a scaled integer.
    #[error("{value} in units of 10^-{decimals} is beyond {}", i64::MAX)]
    BeyondScale {
        /// The value.
        value: Decimal,
        /// Decimal places of the scale.
        decimals: u8,
    },
}

impl Decimal {
    /// Nothing.
    pub const ZERO: Self = Self { mantissa: 0, decimals: 0 };
    /// The most significant digits of a decimal, zeros at the end not counted.
    pub const DIGITS_MAX: u8 = 18;
    /// The most decimal places of a decimal.
    pub const DECIMALS_MAX: u8 = 18;

    /// `mantissa x 10^-decimals`.
    ///
    /// # Errors
    /// When more than 18 significant digits or more than 18 decimals remain after the zeros at
    /// the end are dropped.
    pub fn new(mantissa: i64, decimals: u8) -> Result<Self, DecimalError> {
        let scan =
            Scan { negative: mantissa < 0, digits: mantissa.unsigned_abs(), exponent: -i64::from(decimals) };
        scan.normalised().map_err(|fault| fault.about(format!("{mantissa}e-{decimals}")))
    }

    /// Reads `58800.10`, `-0.5`, `.5`, `1_000_000`, `1e-05`. Digits may be grouped by single
    /// underscores between two digits; there is at most one point and one exponent.
    ///
    /// # Errors
    /// On everything else (also `nan`, `inf`, spaces, hexadecimal), on more than 18 significant
    /// digits or 18 decimals after the zeros at the end are dropped, and on values beyond `i64`.
    pub fn parse(text: &[u8]) -> Result<Self, DecimalError> {
        scan(text).and_then(Scan::normalised).map_err(|fault| fault.about(shown(text)))
    }

    /// The value in units of `10^-decimals()`.
    #[must_use]
    pub const fn mantissa(self) -> i64 {
        self.mantissa
    }

    /// Decimal places, 0 to 18; as few as the value needs.
    #[must_use]
    pub const fn decimals(self) -> u8 {
        self.decimals
    }

    /// The value in units of `10^-decimals`, exactly.
    ///
    /// # Errors
    /// When the value has more decimals than that, or the result leaves `i64`.
    pub fn to_scale(self, decimals: u8) -> Result<i64, DecimalError> {
        if self.decimals > decimals {
            return Err(DecimalError::FinerThanScale { value: self, decimals });
        }
        let places = usize::from(decimals - self.decimals);
        if self.mantissa == 0 {
            return Ok(0);
        }
        POWERS_OF_TEN
            .get(places)
            .and_then(|&power| self.mantissa.checked_mul(power))
            .ok_or(DecimalError::BeyondScale { value: self, decimals })
    }

    /// The value in units of `10^-decimals`, rounded as told where it is finer.
    ///
    /// # Errors
    /// When the result leaves `i64`.
    pub fn to_scale_rounded(self, decimals: u8, round: Round) -> Result<i64, DecimalError> {
        if self.decimals <= decimals {
            return self.to_scale(decimals);
        }
        let power = POWERS_OF_TEN[usize::from(self.decimals - decimals)];
        let rounded = round.divide(i128::from(self.mantissa), i128::from(power));
        Ok(i64::try_from(rounded).expect("a tenth or less of an i64 is an i64"))
    }
}

/// `value x 10^-decimals` with exactly `decimals` places: `fixed(-5, 2)` is `-0.05`. The money
/// and price columns of reports.
///
/// # Panics
/// When `decimals` is more than 38, the digits of an `i128`.
pub fn fixed(value: i128, decimals: u8) -> impl fmt::Display {
    assert!(decimals <= PLACES_MAX, "{decimals} decimals are more than {PLACES_MAX}");
    Scaled { value, decimals }
}

/// `value x 10^-decimals` without zeros at the end: `shortest(-50, 3)` is `-0.05`.
///
/// # Panics
/// When `decimals` is more than 38, the digits of an `i128`.
pub fn shortest(value: i128, decimals: u8) -> impl fmt::Display {
    assert!(decimals <= PLACES_MAX, "{decimals} decimals are more than {PLACES_MAX}");
    let mut scaled = Scaled { value, decimals };
    while scaled.decimals > 0 && scaled.value % 10 == 0 {
        scaled.value /= 10;
        scaled.decimals -= 1;
    }
    scaled
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        // Both at 18 decimals: at most 10^37, which an i128 holds.
        let at_most_decimals = |it: &Self| {
            let power = POWERS_OF_TEN[usize::from(Self::DECIMALS_MAX - it.decimals)];
            i128::from(it.mantissa) * i128::from(power)
        };
        at_most_decimals(self).cmp(&at_most_decimals(other))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Scaled { value: i128::from(self.mantissa), decimals: self.decimals }.fmt(f)
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;
    fn from_str(text: &str) -> Result<Self, DecimalError> {
        Self::parse(text.as_bytes())
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// From text or from an integer. A float has already lost digits, so it is refused.
impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DecimalVisitor)
    }
}

struct DecimalVisitor;

impl Visitor<'_> for DecimalVisitor {
    type Value = Decimal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal number in quotes, such as \"0.025\", or an integer")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Decimal, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Decimal, E> {
        Decimal::new(value, 0).map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Decimal, E> {
        let scan = Scan { negative: false, digits: value, exponent: 0 };
        scan.normalised().map_err(|fault| E::custom(fault.about(value.to_string())))
    }
}

/// Digits of the largest `i128`, and so the most decimal places that are printed.
const PLACES_MAX: u8 = 38;

/// The first value with more than [`Decimal::DIGITS_MAX`] digits.
const DIGITS_LIMIT: u64 = 1_000_000_000_000_000_000;

/// `POWERS_OF_TEN[n]` is `10^n`.
const POWERS_OF_TEN: [i64; 19] = {
    let mut powers = [1; 19];
    let mut n = 1;
    while n < powers.len() {
        powers[n] = powers[n - 1] * 10;
        n += 1;
    }
    powers
};

/// A number as written: `digits x 10^exponent`, not yet normalised.
struct Scan {
    negative: bool,
    digits: u64,
    exponent: i64,
}

/// What is wrong with a number; becomes a [`DecimalError`] once the text is attached.
#[derive(Clone, Copy)]
enum Fault {
    Empty,
    NotANumber,
    TooManyDigits,
    TooManyDecimals,
    OutOfRange,
}

impl Fault {
    #[cold]
    fn about(self, text: String) -> DecimalError {
        match self {
            Self::Empty => DecimalError::Empty,
            Self::NotANumber => DecimalError::NotANumber { text },
            Self::TooManyDigits => DecimalError::TooManyDigits { text },
            Self::TooManyDecimals => DecimalError::TooManyDecimals { text },
            Self::OutOfRange => DecimalError::OutOfRange { text },
        }
    }
}

impl Scan {
    fn normalised(self) -> Result<Decimal, Fault> {
        let Self { negative, mut digits, mut exponent } = self;
        if digits == 0 {
            return Ok(Decimal::ZERO);
        }
        while (exponent < 0 || digits >= DIGITS_LIMIT) && digits.is_multiple_of(10) {
            digits /= 10;
            exponent += 1;
        }
        if digits >= DIGITS_LIMIT {
            return Err(Fault::TooManyDigits);
        }
        let digits = i64::try_from(digits).map_err(|_| Fault::TooManyDigits)?;
        let magnitude = match usize::try_from(exponent) {
            Ok(zeros) => POWERS_OF_TEN
                .get(zeros)
                .and_then(|&power| digits.checked_mul(power))
                .ok_or(Fault::OutOfRange)?,
            Err(_) => digits,
        };
        let decimals = u8::try_from(-exponent.min(0)).map_err(|_| Fault::TooManyDecimals)?;
        if decimals > Decimal::DECIMALS_MAX {
            return Err(Fault::TooManyDecimals);
        }
        Ok(Decimal { mantissa: if negative { -magnitude } else { magnitude }, decimals })
    }

    /// Appends a digit. A `u64` holds 19 of them; after that only zeros may follow.
    #[inline]
    fn push(&mut self, digit: u8, in_decimals: bool) -> Result<(), Fault> {
        if self.digits <= (u64::MAX - 9) / 10 {
            self.digits = self.digits * 10 + u64::from(digit);
            self.exponent -= i64::from(in_decimals);
            return Ok(());
        }
        if digit != 0 {
            return Err(Fault::TooManyDigits);
        }
        self.exponent += i64::from(!in_decimals);
        Ok(())
    }
}

fn scan(text: &[u8]) -> Result<Scan, Fault> {
    let (negative, unsigned) = match text {
        [] => return Err(Fault::Empty),
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        [..] => (false, text),
    };
    let mut scan = Scan { negative, digits: 0, exponent: 0 };
    let (mut has_digit, mut in_decimals) = (false, false);
    for (at, &byte) in unsigned.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                has_digit = true;
                scan.push(byte - b'0', in_decimals)?;
            }
            b'.' if !in_decimals => in_decimals = true,
            b'_' if is_between_digits(unsigned, at) => {}
            b'e' | b'E' if has_digit => {
                scan.exponent += scan_exponent(&unsigned[at + 1..])?;
                return Ok(scan);
            }
            _ => return Err(Fault::NotANumber),
        }
    }
    if has_digit { Ok(scan) } else { Err(Fault::NotANumber) }
}

fn is_between_digits(text: &[u8], at: usize) -> bool {
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    is_digit(at.checked_sub(1).and_then(|before| text.get(before))) && is_digit(text.get(at + 1))
}

/// The number behind the `e`. Stops counting at a million, far beyond every value that fits.
fn scan_exponent(text: &[u8]) -> Result<i64, Fault> {
    let (sign, digits) = match text {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        [..] => (1, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Fault::NotANumber);
    }
    let size = digits.iter().fold(0, |size, &byte| (size * 10 + i64::from(byte - b'0')).min(1_000_000));
    Ok(sign * size)
}

/// The text as an error shows it: readable and short, whatever the bytes were.
#[cold]
fn shown(text: &[u8]) -> String {
    const BYTES_MAX: usize = 48;
    let cut = text.get(..BYTES_MAX).unwrap_or(text);
    let ellipsis = if cut.len() < text.len() { "..." } else { "" };
    format!("{}{ellipsis}", String::from_utf8_lossy(cut).escape_debug())
}

/// `value x 10^-decimals`, printed with all its decimals.
struct Scaled {
    value: i128,
    decimals: u8,
}

impl fmt::Display for Scaled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // 39 digits and a point; the sign is the formatter's.
        let mut buffer = [0_u8; PLACES_MAX as usize + 2];
        let mut start = buffer.len();
        let mut left = self.value.unsigned_abs();
        let mut place = 0;
        while left > 0 || place <= self.decimals {
            if place == self.decimals && place > 0 {
                start -= 1;
                buffer[start] = b'.';
            }
            start -= 1;
            buffer[start] = b'0' + take_digit(&mut left);
            place += 1;
        }
        let digits = std::str::from_utf8(&buffer[start..]).expect("digits and a point are ASCII");
        f.pad_integral(self.value >= 0, "", digits)
    }
}

/// Removes the last digit. Money usually fits 64 bits, where division is ten times cheaper.
fn take_digit(left: &mut u128) -> u8 {
    let digit = match u64::try_from(*left) {
        Ok(narrow) => {
            *left = u128::from(narrow / 10);
            narrow % 10
        }
        Err(_) => {
            let digit = *left % 10;
            *left /= 10;
            digit as u64
        }
    };
    digit as u8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IntoDeserializer;
    use serde::de::value::{
        Error as ValueError, F64Deserializer, I64Deserializer, StrDeserializer, U64Deserializer,
    };

    use super::*;

    fn parsed(text: &str) -> Decimal {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn refusal(text: &str) -> String {
        Decimal::parse(text.as_bytes()).expect_err(text).to_string()
    }

    #[test]
    fn text_is_read_exactly_and_printed_in_its_shortest_form() {
        for (text, mantissa, decimals, printed) in [
            ("0", 0, 0, "0"),
            ("-0.000", 0, 0, "0"),
            ("0e-999", 0, 0, "0"),
            ("58800", 58_800, 0, "58800"),
            ("58800.10", 588_001, 1, "58800.1"),
            ("+1.50", 15, 1, "1.5"),
            ("-0.05", -5, 2, "-0.05"),
            (".5", 5, 1, "0.5"),
            ("5.", 5, 0, "5"),
            ("007.50", 75, 1, "7.5"),
            ("1_000_000.000_1", 10_000_000_001, 4, "1000000.0001"),
            ("1e-05", 1, 5, "0.00001"),
            ("1E+3", 1_000, 0, "1000"),
            ("2.50e1", 25, 0, "25"),
            ("1.25e-08", 125, 10, "0.0000000125"),
            ("0.000000000000000001", 1, 18, "0.000000000000000001"),
            ("-0.999999999999999999", -999_999_999_999_999_999, 18, "-0.999999999999999999"),
            ("999999999999999999", 999_999_999_999_999_999, 0, "999999999999999999"),
            ("1000000000000000000", 1_000_000_000_000_000_000, 0, "1000000000000000000"),
            ("9.2e18", 9_200_000_000_000_000_000, 0, "9200000000000000000"),
            ("-9220000000000000000.00000000", -9_220_000_000_000_000_000, 0, "-9220000000000000000"),
            ("0.10000000000000000000000000000000", 1, 1, "0.1"),
            ("0.0000000000000000000000000000012e20", 12, 11, "0.00000000012"),
            ("100000000000000000000000e-23", 1, 0, "1"),
        ] {
            let decimal = parsed(text);
            assert_eq!((decimal.mantissa(), decimal.decimals()), (mantissa, decimals), "{text}");
            assert_eq!(decimal.to_string(), printed, "{text}");
        }
    }

    #[test]
    fn what_is_no_decimal_number_is_refused() {
        let words = "- + . -. e5 .e5 nan NaN inf -Infinity 0x10 1,5 1.2.3 --1 +-1 1e 1e+ 1e5.0 1e1_0 1e5e5 \
                     _1 1_ 1__0 1_.5 1._5 1_e5 -_1 １";
        for text in words.split(' ').chain([" 1", "1 ", "1 0", "1\n", "1\0"]) {
            let quoted = text.escape_debug();
            assert_eq!(refusal(text), format!("`{quoted}` is not a decimal number like 58800.10 or 1e-05"));
        }
        assert_eq!(refusal(""), "empty text is not a decimal number");
        assert_eq!(
            Decimal::parse(b"\xff1").expect_err("no text").to_string(),
            "`\u{fffd}1` is not a decimal number like 58800.10 or 1e-05"
        );
        assert!(refusal(&"x".repeat(500)).len() < 120, "an error stays readable");
    }

    #[test]
    fn what_would_lose_digits_is_refused_with_the_limit() {
        for (text, limit) in [
            ("1234567890123456789", "has more than 18 significant digits"),
            ("0.1234567890123456789", "has more than 18 significant digits"),
            ("9223372036854775807", "has more than 18 significant digits"),
            ("100000000000000000000000000000001", "has more than 18 significant digits"),
            ("1.0000000000000000001", "has more than 18 significant digits"),
            ("0.0000000000000000001", "has more than 18 decimals"),
            ("1e-19", "has more than 18 decimals"),
            ("1e-300", "has more than 18 decimals"),
            ("1e-99999999999999999999999", "has more than 18 decimals"),
            ("1e19", "is beyond 9223372036854775807"),
            ("9.3e18", "is beyond 9223372036854775807"),
            ("-10000000000000000000", "is beyond 9223372036854775807"),
            ("1e99999999999999999999999", "is beyond 9223372036854775807"),
        ] {
            assert_eq!(refusal(text), format!("`{text}` {limit}"));
        }
    }

    #[test]
    fn a_scaled_integer_is_exact_or_refused() {
        let price = parsed("12.3456");
        assert_eq!(price.to_scale(4), Ok(123_456));
        assert_eq!(price.to_scale(6), Ok(12_345_600));
        let finer = price.to_scale(2).expect_err("two decimals lose 0.0056");
        assert_eq!(finer.to_string(), "12.3456 is finer than 2 decimals");
        let beyond = parsed("123").to_scale(17).expect_err("1.23e19 is no i64");
        assert_eq!(beyond.to_string(), "123 in units of 10^-17 is beyond 9223372036854775807");
        assert!(parsed("1").to_scale(200).is_err());
        assert_eq!(Decimal::ZERO.to_scale(200), Ok(0));
        for (round, up, down) in
            [(Round::Down, 1_234, -1_235), (Round::Up, 1_235, -1_234), (Round::HalfUp, 1_235, -1_235)]
        {
            assert_eq!(price.to_scale_rounded(2, round), Ok(up), "{round:?}");
            assert_eq!(parsed("-12.3456").to_scale_rounded(2, round), Ok(down), "{round:?}");
        }
        assert_eq!(parsed("-0.5").to_scale_rounded(0, Round::HalfUp), Ok(0));
        assert!(parsed("123").to_scale_rounded(17, Round::Down).is_err());
    }

    #[test]
    fn a_constructed_decimal_is_normalised_or_refused() {
        assert_eq!(Decimal::new(1_500, 3), Ok(parsed("1.5")));
        assert_eq!(Decimal::new(-100, 20), Ok(parsed("-0.000000000000000001")));
        assert_eq!(Decimal::new(0, 255), Ok(Decimal::ZERO));
        let fine = Decimal::new(1, 19).expect_err("19 decimals");
        assert_eq!(fine.to_string(), "`1e-19` has more than 18 decimals");
        for mantissa in [i64::MAX, i64::MIN] {
            assert!(
                matches!(Decimal::new(mantissa, 3), Err(DecimalError::TooManyDigits { .. })),
                "{mantissa}"
            );
        }
    }

    #[test]
    fn fixed_keeps_the_decimals_and_shortest_drops_them() {
        for (value, decimals, all, few) in [
            (0_i128, 0, "0", "0"),
            (0, 2, "0.00", "0"),
            (-5, 2, "-0.05", "-0.05"),
            (-50, 3, "-0.050", "-0.05"),
            (5_880_010, 2, "58800.10", "58800.1"),
            (100, 0, "100", "100"),
            (-100, 2, "-1.00", "-1"),
            (1, 38, "0.00000000000000000000000000000000000001", "0.00000000000000000000000000000000000001"),
            (
                i128::MAX,
                38,
                "1.70141183460469231731687303715884105727",
                "1.70141183460469231731687303715884105727",
            ),
            (
                i128::MIN,
                0,
                "-170141183460469231731687303715884105728",
                "-170141183460469231731687303715884105728",
            ),
        ] {
            assert_eq!(fixed(value, decimals).to_string(), all);
            assert_eq!(shortest(value, decimals).to_string(), few);
        }
        assert_eq!(
            format!("[{:>8}|{:<8}|{:+}]", fixed(-5, 2), fixed(5, 2), fixed(5, 2)),
            "[   -0.05|0.05    |+0.05]"
        );
    }

    /// What `Serialize` writes; a formatter is serde's simplest serializer.
    struct Serialized(Decimal);

    impl fmt::Display for Serialized {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.serialize(f)
        }
    }

    #[test]
    fn serde_writes_text_and_reads_text_or_integers_but_no_floats() {
        assert_eq!(Serialized(parsed("-0.0250")).to_string(), "-0.025");
        let text: StrDeserializer<'_, ValueError> = "0.025".into_deserializer();
        assert_eq!(Decimal::deserialize(text), Ok(parsed("0.025")));
        let signed: I64Deserializer<ValueError> = (-7_i64).into_deserializer();
        assert_eq!(Decimal::deserialize(signed), Ok(parsed("-7")));
        let unsigned: U64Deserializer<ValueError> = 7_u64.into_deserializer();
        assert_eq!(Decimal::deserialize(unsigned), Ok(parsed("7")));
        let huge: U64Deserializer<ValueError> = u64::MAX.into_deserializer();
        assert!(Decimal::deserialize(huge).is_err());
        let float: F64Deserializer<ValueError> = 0.5_f64.into_deserializer();
        let error = Decimal::deserialize(float).expect_err("a float has lost digits");
        assert_eq!(
            error.to_string(),
            "invalid type: floating point `0.5`, expected a decimal number in quotes, such as \"0.025\", or an integer"
        );
    }

    proptest! {
        #[test]
        fn printed_text_reads_back_as_the_same_number(mantissa in -999_999_999_999_999_999_i64..=999_999_999_999_999_999, decimals in 0_u8..=18) {
            let decimal = Decimal::new(mantissa, decimals).expect("18 digits");
            prop_assert_eq!(decimal.to_string().parse(), Ok(decimal));
            prop_assert_eq!(fixed(i128::from(mantissa), decimals).to_string().parse(), Ok(decimal));
            prop_assert_eq!(shortest(i128::from(mantissa), decimals).to_string(), decimal.to_string());
            prop_assert_eq!(format!("{mantissa}e-{decimals:02}").parse(), Ok(decimal));
            prop_assert_eq!(decimal.to_scale(decimals), Ok(mantissa));
            prop_assert!(decimal.decimals() == 0 || decimal.mantissa() % 10 != 0);
        }

        #[test]
        fn rounding_stays_within_one_unit(mantissa in -999_999_999_999_999_999_i64..=999_999_999_999_999_999, decimals in 0_u8..=18, scale in 0_u8..=18) {
            let decimal = Decimal::new(mantissa, decimals).expect("18 digits");
            let scaled = |round| decimal.to_scale_rounded(scale, round);
            if let (Ok(down), Ok(half), Ok(up)) = (scaled(Round::Down), scaled(Round::HalfUp), scaled(Round::Up)) {
                prop_assert!(down <= half && half <= up && up - down <= 1);
                prop_assert_eq!(decimal.to_scale(scale).is_ok(), up == down);
            }
        }

        #[test]
        fn order_is_the_order_of_values(a in -2_000_i64..2_000, a_decimals in 0_u8..=4, b in -2_000_i64..2_000, b_decimals in 0_u8..=4) {
            let (left, right) = (Decimal::new(a, a_decimals).expect("small"), Decimal::new(b, b_decimals).expect("small"));
            let at_four = |mantissa: i64, decimals: u8| mantissa * 10_i64.pow(4 - u32::from(decimals));
            prop_assert_eq!(left.cmp(&right), at_four(a, a_decimals).cmp(&at_four(b, b_decimals)));
            prop_assert_eq!(left == right, left.cmp(&right) == Ordering::Equal);
        }

        #[test]
        fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40), text in "[-+0-9._eE]{0,30}") {
            for input in [bytes.as_slice(), text.as_bytes()] {
                if let Ok(decimal) = Decimal::parse(input) {
                    prop_assert_eq!(Decimal::parse(decimal.to_string().as_bytes()), Ok(decimal));
                }
            }
        }
    }
}
