//! Names and times as text, the same for everybody who writes a ledger row.

use ripcord_core::id::{EpisodeId, OrderId};
use ripcord_core::instrument::Side;
use ripcord_core::time::Timestamp;

/// What every order id of ours begins with: a foreign id is never taken for one.
const OURS: &str = "rc-";

/// `rc-ACCOUNT-INSTRUMENT-LGENERATION`; `S` for a short.
#[must_use]
pub fn episode_id(id: EpisodeId) -> String {
    let side = match id.key.side {
        Side::Long => 'L',
        Side::Short => 'S',
    };
    format!("{OURS}{}-{}-{side}{}", id.key.account.0, id.key.instrument.0, id.generation)
}

/// `EPISODE-EXIT-LEG-SLICE-ATTEMPT`.
#[must_use]
pub fn order_id(id: &OrderId) -> String {
    format!("{}-{}-{}-{}-{}", episode_id(id.episode), id.exit, id.leg, id.slice, id.attempt)
}

/// `EPISODE-open-N`: the opening is 0, then 1, 2, .. for each addition.
#[must_use]
pub fn opening_id(episode: EpisodeId, number: u32) -> String {
    format!("{}-open-{number}", episode_id(episode))
}

/// Whether an order id is one that the ledger derives, and not a foreign one.
#[must_use]
pub fn is_ours(id: &str) -> bool {
    id.starts_with(OURS)
}

/// `2026-01-31 09:30:00.250000000` (UTC): sorts as text and is read by SQLite's date functions.
#[must_use]
pub fn utc(at: Timestamp) -> String {
    const DAY: i64 = 86_400 * 1_000_000_000;
    let (days, rest) = (at.0.div_euclid(DAY), at.0.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    let (seconds, nanos) = (rest / 1_000_000_000, rest % 1_000_000_000);
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{nanos:09}")
}

/// Year, month and day of a count of days since 1970 (Gregorian). Years begin in March, so that
/// the odd day of a leap year is a year's last.
const fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_as_a_calendar_says() {
        for (seconds, wanted) in [
            (0, "1970-01-01 00:00:00.000000000"),
            (951_782_400, "2000-02-29 00:00:00.000000000"),
            (1_764_547_200, "2025-12-01 00:00:00.000000000"),
            (-1, "1969-12-31 23:59:59.000000000"),
            (4_107_542_399, "2100-02-28 23:59:59.000000000"),
            (4_107_542_400, "2100-03-01 00:00:00.000000000"),
        ] {
            assert_eq!(utc(Timestamp(seconds * 1_000_000_000)), wanted);
        }
        assert_eq!(utc(Timestamp(1)), "1970-01-01 00:00:00.000000001");
    }
}
