//! Decimals, against a reader that works on digits and never computes.

use ripcord_core::num::{Decimal, Round, fixed, shortest};

pub(crate) fn run(data: &[u8]) {
    let read = Decimal::parse(data).ok();
    if let Ok(text) = std::str::from_utf8(data) {
        assert_eq!(text.parse::<Decimal>().ok(), read, "{text}");
    }
    let wanted = by_digits(data);
    assert_eq!(read.map(|it| (it.mantissa(), it.decimals())), wanted, "{:?}", String::from_utf8_lossy(data));
    let Some(decimal) = read else { return };
    assert_eq!(Decimal::new(decimal.mantissa(), decimal.decimals()), Ok(decimal));
    for text in
        [decimal.to_string(), shortest(i128::from(decimal.mantissa()), decimal.decimals()).to_string()]
    {
        assert_eq!(text.parse::<Decimal>(), Ok(decimal), "{text}");
    }
    for decimals in [0, decimal.decimals(), 9, 18] {
        let exact = decimal.to_scale(decimals).ok();
        for round in [Round::Down, Round::Up, Round::HalfUp] {
            let Ok(rounded) = decimal.to_scale_rounded(decimals, round) else { continue };
            assert!(exact.is_none_or(|exact| exact == rounded), "{decimal} {decimals} {round:?}");
        }
        if let Some(exact) = exact {
            assert_eq!(fixed(i128::from(exact), decimals).to_string().parse(), Ok(decimal));
        }
    }
}

/// Mantissa and decimals of a text; digits are moved about as text.
fn by_digits(text: &[u8]) -> Option<(i64, u8)> {
    let text = std::str::from_utf8(text).ok()?;
    let is_negative = text.starts_with('-');
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent)),
        None => (text, None),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let (whole, part) = (grouped(whole)?, grouped(part)?);
    if whole.is_empty() && part.is_empty() {
        return None;
    }
    let exponent = match exponent {
        None => 0,
        Some(text) => {
            let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
            if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
                return None;
            }
            let size = digits.trim_start_matches('0').parse::<i64>();
            let size =
                if digits.bytes().all(|digit| digit == b'0') { 0 } else { size.unwrap_or(i64::MAX / 4) };
            if text.starts_with('-') { -size.min(i64::MAX / 4) } else { size.min(i64::MAX / 4) }
        }
    };
    let digits = whole + &part;
    let mut digits = digits.trim_start_matches('0').to_owned();
    if digits.is_empty() {
        return Some((0, 0));
    }
    let mut point = exponent - i64::try_from(part.len()).ok()?;
    while point < 0 && digits.ends_with('0') {
        digits.pop();
        point += 1;
    }
    let significant = digits.trim_end_matches('0').len();
    let zeros = digits.len() - significant;
    if significant > 18 || point < -18 || point + zeros as i64 > 40 {
        return None;
    }
    digits.extend(std::iter::repeat_n('0', usize::try_from(point.max(0)).ok()?));
    let size: i64 = format!("{}{digits}", if is_negative { "-" } else { "" }).parse().ok()?;
    Some((size, u8::try_from((-point).max(0)).ok()?))
}

/// Digits without the underscores that stand singly between two of them.
fn grouped(text: &str) -> Option<String> {
    let is_grouped = !text.starts_with('_') && !text.ends_with('_') && !text.contains("__");
    (is_grouped && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_'))
        .then(|| text.replace('_', ""))
}
