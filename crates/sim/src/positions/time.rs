//! Times of entry: counted since 1970 in a unit that their size tells, or RFC 3339 text.

/// Nanoseconds since 1970 UTC, or what to do.
///
/// A whole number is seconds below 10^11, milliseconds below 10^14, microseconds below 10^17 and
/// nanoseconds above: each unit covers 1973 to 5138, as in the import of market records.
pub fn parse(text: &str) -> Result<i64, &'static str> {
    const BEYOND: &str = "lies beyond 2262, the last year that nanoseconds can count";
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let count: i64 = text.parse().map_err(|_| BEYOND)?;
        let unit = match count {
            i64::MIN..100_000_000_000 => 1_000_000_000,
            100_000_000_000..100_000_000_000_000 => 1_000_000,
            100_000_000_000_000..100_000_000_000_000_000 => 1_000,
            100_000_000_000_000_000.. => 1,
        };
        return count.checked_mul(unit).ok_or(BEYOND);
    }
    let (seconds, nanos) = rfc3339(text.as_bytes()).ok_or(
        "must be a whole number since 1970 (s, ms, us or ns) or a time such as 2025-01-31T09:30:00Z",
    )?;
    seconds.checked_mul(1_000_000_000).and_then(|time| time.checked_add(nanos)).ok_or(BEYOND)
}

/// `2025-01-31T09:30:00.25+01:00` as seconds and nanoseconds since 1970 UTC.
fn rfc3339(text: &[u8]) -> Option<(i64, i64)> {
    let (date_time, mut rest) = text.split_at_checked(19)?;
    let [
        y1,
        y2,
        y3,
        y4,
        b'-',
        mo1,
        mo2,
        b'-',
        d1,
        d2,
        b'T' | b't' | b' ',
        h1,
        h2,
        b':',
        mi1,
        mi2,
        b':',
        s1,
        s2,
    ] = *date_time
    else {
        return None;
    };
    let (year, month, day) = (number(&[y1, y2, y3, y4])?, number(&[mo1, mo2])?, number(&[d1, d2])?);
    let (hour, minute, second) = (number(&[h1, h2])?, number(&[mi1, mi2])?, number(&[s1, s2])?);
    if day < 1 || day > days_of_month(year, month)? || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut nanos = 0;
    if let [b'.', behind @ ..] = rest {
        let digits = behind.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 || digits > 9 {
            return None;
        }
        nanos = number(&behind[..digits])? * 10_i64.pow(9 - digits as u32);
        rest = &behind[digits..];
    }
    let offset = match *rest {
        [b'Z' | b'z'] => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (number(&[h1, h2])?, number(&[m1, m2])?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            (hours * 3_600 + minutes * 60) * if sign == b'-' { -1 } else { 1 }
        }
        _ => return None,
    };
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
    Some((seconds - offset, nanos))
}

fn number(digits: &[u8]) -> Option<i64> {
    digits
        .iter()
        .try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0')))
}

const fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

const fn days_of_month(year: i64, month: i64) -> Option<i64> {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 if is_leap(year) => Some(29),
        2 => Some(28),
        _ => None,
    }
}

/// Days of the Gregorian calendar, counted in years that begin in March: then the leap day is last.
const fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let days = year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year;
    // Days from March of the year 0 to 1970-01-01.
    days - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_of_a_number_tells_its_unit() {
        for text in ["1735689600", "1735689600000", "1735689600000000", "1735689600000000000"] {
            assert_eq!(parse(text), Ok(1_735_689_600_000_000_000), "{text}");
        }
        assert!(parse("99999999999999999999").is_err());
        assert!(parse("9300000000").is_err(), "a second in 2264");
    }

    #[test]
    fn rfc_3339_with_fractions_and_offsets() {
        for (text, nanos) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2025-01-01T00:00:00Z", 1_735_689_600_000_000_000),
            ("2025-01-01 01:30:00+01:30", 1_735_689_600_000_000_000),
            ("2024-12-31T19:00:00.250-05:00", 1_735_689_600_250_000_000),
            ("2024-02-29T23:59:59.999999999Z", 1_709_251_199_999_999_999),
            ("2000-03-01T00:00:00Z", 951_868_800_000_000_000),
            ("1969-12-31T23:59:59Z", -1_000_000_000),
        ] {
            assert_eq!(parse(text), Ok(nanos), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "2025-01-01",
            "2025-01-01T00:00:00",
            "2025-02-29T00:00:00Z",
            "2025-13-01T00:00:00Z",
            "2025-01-01T24:00:00Z",
            "2025-01-01T00:00:60Z",
            "2025-01-01T00:00:00.Z",
            "2025-01-01T00:00:00.1234567890Z",
            "2025-01-01T00:00:00+1:00",
            "-5",
            "1.5",
            "1735689600.0",
            "now",
            "9999-01-01T00:00:00Z",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
