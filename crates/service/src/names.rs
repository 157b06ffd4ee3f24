//! How things are written for people: ids, prices with their instrument's decimals, money, times.

use ripcord_core::id::{EpisodeId, InstrumentId, OrderId, PlanId, PositionKey};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::num::{MONEY_DECIMALS, Money, Price, Qty, fixed, shortest};
use ripcord_core::time::Timestamp;

/// Instruments and plans, by the ids that records speak of.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// Instruments in the order of registration.
    pub instruments: Vec<Instrument>,
    /// Names of plans in the order of registration.
    pub plans: Vec<String>,
}

impl Names {
    /// An instrument.
    #[must_use]
    pub fn instrument(&self, id: InstrumentId) -> &Instrument {
        &self.instruments[id.0 as usize]
    }

    /// The symbol of an episode.
    #[must_use]
    pub fn symbol(&self, episode: EpisodeId) -> &str {
        &self.instrument(episode.key.instrument).symbol
    }

    /// A plan's name.
    #[must_use]
    pub fn plan(&self, id: PlanId) -> &str {
        &self.plans[id.0 as usize]
    }

    /// A price, with all decimals of its instrument.
    #[must_use]
    pub fn price(&self, episode: EpisodeId, price: Price) -> String {
        price_text(self.instrument(episode.key.instrument), price)
    }

    /// A quantity, with all decimals of its instrument.
    #[must_use]
    pub fn qty(&self, episode: EpisodeId, qty: Qty) -> String {
        let decimals = self.instrument(episode.key.instrument).qty_decimals;
        fixed(i128::from(qty.0), decimals).to_string()
    }

    /// A bucket: symbol, side, account.
    #[must_use]
    pub fn bucket(&self, key: PositionKey) -> String {
        let side = match key.side {
            Side::Long => 'L',
            Side::Short => 'S',
        };
        format!("{}-{side}-{}", self.instrument(key.instrument).symbol, key.account.0)
    }

    /// An episode: symbol, side, account, generation.
    #[must_use]
    pub fn episode(&self, episode: EpisodeId) -> String {
        format!("{}-{}", self.bucket(episode.key), episode.generation)
    }

    /// An order: its episode, then exit, leg, slice and attempt.
    #[must_use]
    pub fn order(&self, id: OrderId) -> String {
        format!("{}-x{}l{}s{}a{}", self.episode(id.episode), id.exit, id.leg, id.slice, id.attempt)
    }
}

/// A price, with all decimals of its instrument.
#[must_use]
pub fn price_text(instrument: &Instrument, price: Price) -> String {
    fixed(i128::from(price.0), instrument.price_decimals).to_string()
}

/// Money for eyes: two decimals and a sign; small amounts keep enough decimals not to be 0.00.
#[must_use]
pub fn money_text(money: Money) -> String {
    const UNIT: u128 = 10_u128.pow(MONEY_DECIMALS as u32);
    let size = money.0.unsigned_abs();
    let decimals = if size == 0 || size >= UNIT / 10 { 2 } else { 6 };
    let power = 10_i128.pow(u32::from(MONEY_DECIMALS - decimals));
    let sign = if money.0 > 0 { "+" } else { "" };
    // Half up, without doubling the amount: one that a venue made up need not leave room for that.
    let (whole, rest) = (money.0.div_euclid(power), money.0.rem_euclid(power));
    let rounded = whole + i128::from(rest >= power - rest);
    format!("{sign}{}", fixed(rounded, decimals))
}

/// Money for programs: every digit.
#[must_use]
pub fn money_exact(money: Money) -> String {
    shortest(money.0, MONEY_DECIMALS).to_string()
}

/// The word for a position's side in log lines.
#[must_use]
pub const fn side_text(side: Side) -> &'static str {
    match side {
        Side::Long => "LONG",
        Side::Short => "SHORT",
    }
}

/// The order side that closes a position of `side`.
#[must_use]
pub const fn close_side(side: Side) -> &'static str {
    match side {
        Side::Long => "SELL",
        Side::Short => "BUY",
    }
}

/// RFC 3339 in UTC, to the millisecond.
#[must_use]
pub fn rfc3339(at: Timestamp) -> String {
    let days = at.0.div_euclid(86_400_000_000_000);
    let (year, month, day) = civil(days);
    format!("{year:04}-{month:02}-{day:02}T{}Z", time_of_day(at))
}

/// The time of the day in UTC, to the millisecond.
#[must_use]
pub fn time_of_day(at: Timestamp) -> String {
    let ms = at.0.rem_euclid(86_400_000_000_000) / 1_000_000;
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}.{:03}", ms % 1_000)
}

/// Days since 1970-01-01 as year, month, day. The year begins in March, so that the leap day is its
/// last (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199, "2024-02-29T23:59:59.000Z"),
            (1_767_225_599, "2025-12-31T23:59:59.000Z"),
            (1_769_043_443, "2026-01-22T00:57:23.000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.000Z"),
        ] {
            assert_eq!(rfc3339(Timestamp(seconds * 1_000_000_000)), text);
        }
        assert_eq!(time_of_day(Timestamp(1_234_567_890)), "00:00:01.234");
    }

    #[test]
    fn money_keeps_a_sign_and_never_hides_behind_zeros() {
        let money = |text_e18: i128| money_text(Money(text_e18));
        assert_eq!(money(12_345_000_000_000_000_000), "+12.35");
        assert_eq!(money(-12_345_000_000_000_000_000), "-12.34");
        assert_eq!(money(0), "0.00");
        assert_eq!(money(4_200_000_000_000_000), "+0.004200");
        assert_eq!(money(-50_000_000_000_000), "-0.000050");
        // The middle goes up; the largest amounts have no room to be doubled.
        assert_eq!(
            (money(12_345 * 10_i128.pow(15)), money(-12_345 * 10_i128.pow(15))),
            ("+12.35".into(), "-12.34".into())
        );
        assert_eq!(money(i128::MAX), "+170141183460469231731.69");
        assert_eq!(money(i128::MIN), "-170141183460469231731.69");
    }

    #[test]
    fn prices_below_a_cent_are_shown() {
        let pepe = Instrument::from_decimals("PEPEUSDT", 8, 0);
        assert_eq!(price_text(&pepe, Price(1_234)), "0.00001234");
    }
}
