//! Indicators that exit rules follow, in integers: the same bars give the same bits everywhere.
//!
//! An indicator is told closed bars and keeps what it needs; it never looks at a clock and knows
//! no instrument. Today there is one: [`Atr`], Wilder's average true range as TA-Lib computes it.

use std::num::NonZeroU16;

use serde::{Deserialize, Serialize};

use crate::num::{Price, Ratio, Round};

/// Wilder's average true range over closed bars.
///
/// The first bar only gives the previous close; the next `period` true ranges are averaged; from
/// then on each true range `tr` moves the average to `(average x (period - 1) + tr) / period`.
/// This is TA-Lib's `ATR`, except that each step is rounded half up to [`AtrValue`]'s fraction:
/// the two stay closer than `period x 2^-33` price units.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Atr {
    period: NonZeroU16,
    progress: Progress,
}

/// How far the average has come.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
enum Progress {
    /// No bar yet.
    Empty,
    /// Fewer true ranges than the period.
    Gathering { close: Price, ranges: u16, sum: i128 },
    /// The average stands.
    Ready { close: Price, value: AtrValue },
}

/// An average true range: a price distance in units of `2^-32` of a price unit, not negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AtrValue(i128);

impl Atr {
    /// An average over `period` bars that has seen none.
    ///
    /// # Panics
    /// When `period` is 0; the boundary refuses that.
    #[must_use]
    pub fn new(period: u16) -> Self {
        let period = NonZeroU16::new(period).expect("an ATR period of 0 was refused at the boundary");
        Self { period, progress: Progress::Empty }
    }

    /// Takes the next closed bar.
    ///
    /// # Panics
    /// When `low` is above `high`; such bars are refused at the boundary.
    pub fn update(&mut self, high: Price, low: Price, close: Price) {
        assert!(low <= high, "a bar's low {} is above its high {}", low.0, high.0);
        let period = i128::from(self.period.get());
        self.progress = match self.progress {
            Progress::Empty => Progress::Gathering { close, ranges: 0, sum: 0 },
            Progress::Gathering { close: previous, ranges, sum } => {
                let (ranges, sum) = (ranges + 1, sum + true_range(high, low, previous));
                if ranges < self.period.get() {
                    Progress::Gathering { close, ranges, sum }
                } else {
                    Progress::Ready {
                        close,
                        value: AtrValue(Round::HalfUp.divide(sum * AtrValue::ONE, period)),
                    }
                }
            }
            Progress::Ready { close: previous, value } => {
                // At most (2^97) x 2^16: a range of the widest prices, the longest period.
                let total = value.0 * (period - 1) + true_range(high, low, previous) * AtrValue::ONE;
                Progress::Ready { close, value: AtrValue(Round::HalfUp.divide(total, period)) }
            }
        };
    }

    /// The average, once `period + 1` bars are in.
    #[must_use]
    pub const fn value(&self) -> Option<AtrValue> {
        match self.progress {
            Progress::Empty | Progress::Gathering { .. } => None,
            Progress::Ready { value, .. } => Some(value),
        }
    }

    /// Bars that are averaged; at least 1.
    #[must_use]
    pub const fn period(&self) -> u16 {
        self.period.get()
    }
}

impl AtrValue {
    /// Bits of the fraction.
    pub const FRACTION_BITS: u32 = 32;

    /// [`AtrValue::bits`] of one price unit.
    pub const UNIT: i128 = 1 << Self::FRACTION_BITS;
    const ONE: i128 = Self::UNIT;

    /// The distance in units of `2^-32` of a price unit.
    #[must_use]
    pub const fn bits(self) -> i128 {
        self.0
    }

    /// `self x multiple` as a price distance in price units, rounded once, as told.
    ///
    /// # Panics
    /// When the distance leaves the range of prices.
    #[must_use]
    pub fn times(self, multiple: Ratio, round: Round) -> i64 {
        const TOO_FAR: &str = "a multiple of the ATR leaves the range of prices";
        // A distance that fits i64 has a product below 2^125; rounding needs one bit above that.
        let product = self.0.checked_mul(i128::from(multiple.0)).expect(TOO_FAR);
        assert!(product.unsigned_abs() < 1 << 126, "{TOO_FAR}");
        let distance = round.divide(product, Self::ONE * i128::from(Ratio::ONE.0));
        i64::try_from(distance).expect(TOO_FAR)
    }

    /// `self / price` as a fraction, rounded down.
    ///
    /// # Panics
    /// When `price` is not positive, or the fraction leaves the range of ratios.
    #[must_use]
    pub fn fraction_of(self, price: Price) -> Ratio {
        assert!(price.0 > 0, "an ATR is a fraction of a positive price, not of {}", price.0);
        let fraction = Round::Down.divide(self.0 * i128::from(Ratio::ONE.0), i128::from(price.0) * Self::ONE);
        Ratio(i64::try_from(fraction).expect("an ATR as a fraction of the price leaves the range of ratios"))
    }
}

/// The widest of the bar itself and its two reaches from the previous close, in price units.
fn true_range(high: Price, low: Price, previous_close: Price) -> i128 {
    let [high, low, previous] = [high, low, previous_close].map(|price| i128::from(price.0));
    (high - low).max((high - previous).abs()).max((low - previous).abs())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn after(period: u16, bars: &[(i64, i64, i64)]) -> Atr {
        let mut atr = Atr::new(period);
        for &(high, low, close) in bars {
            atr.update(Price(high), Price(low), Price(close));
        }
        atr
    }

    /// Sixteenths of a price unit, which small averages hit exactly.
    fn sixteenths(atr: &Atr) -> Option<i128> {
        atr.value().map(|value| {
            assert_eq!(value.bits() % (AtrValue::ONE / 16), 0, "{value:?} is no multiple of 1/16");
            value.bits() / (AtrValue::ONE / 16)
        })
    }

    #[test]
    fn the_average_stands_after_one_bar_more_than_its_period() {
        // True ranges: -, 12 (bar), 20 (gap up), 30 (gap down), 8.
        let bars = [(105, 95, 100), (107, 95, 101), (121, 116, 120), (95, 90, 92), (98, 90, 95)];
        assert_eq!(sixteenths(&after(2, &bars[..0])), None);
        assert_eq!(sixteenths(&after(2, &bars[..1])), None);
        assert_eq!(sixteenths(&after(2, &bars[..2])), None, "one true range is not two");
        assert_eq!(sixteenths(&after(2, &bars[..3])), Some(16 * 16), "(12 + 20) / 2");
        assert_eq!(sixteenths(&after(2, &bars[..4])), Some(23 * 16), "(16 x 1 + 30) / 2");
        assert_eq!(sixteenths(&after(2, &bars)), Some(15 * 16 + 8), "(23 x 1 + 8) / 2");
    }

    #[test]
    fn a_period_of_one_is_the_true_range_itself() {
        let bars = [(105, 95, 100), (107, 95, 101), (121, 116, 120)];
        assert_eq!(sixteenths(&after(1, &bars[..2])), Some(12 * 16));
        assert_eq!(sixteenths(&after(1, &bars)), Some(20 * 16));
    }

    #[test]
    fn a_distance_is_rounded_once_and_as_told() {
        let value = AtrValue(15 * AtrValue::ONE + AtrValue::ONE / 2);
        for (multiple, down, half, up) in [
            (Ratio(2_000_000_000), 31, 31, 31),
            (Ratio::ONE, 15, 16, 16),
            (Ratio(1_500_000_000), 23, 23, 24),
            (Ratio::ZERO, 0, 0, 0),
            (Ratio(-1_000_000_000), -16, -15, -15),
        ] {
            assert_eq!(value.times(multiple, Round::Down), down, "{multiple:?}");
            assert_eq!(value.times(multiple, Round::HalfUp), half, "{multiple:?}");
            assert_eq!(value.times(multiple, Round::Up), up, "{multiple:?}");
        }
        assert_eq!(value.fraction_of(Price(1_000)), Ratio(15_500_000));
        assert_eq!(value.fraction_of(Price(7)), Ratio(2_214_285_714));
    }

    #[test]
    fn the_widest_prices_fit() {
        let mut atr = Atr::new(u16::MAX);
        for _ in 0..=u32::from(u16::MAX) + 2 {
            atr.update(Price(i64::MAX), Price(i64::MIN), Price(i64::MIN));
        }
        let value = atr.value().expect("enough bars");
        assert_eq!(value.bits() >> AtrValue::FRACTION_BITS, i128::from(u64::MAX));
        assert_eq!(value.times(Ratio(499_999_999), Round::Down), 9_223_372_018_408_031_733);
    }

    #[test]
    #[should_panic(expected = "a multiple of the ATR leaves the range of prices")]
    fn a_distance_that_is_no_price_panics() {
        let value = AtrValue(i128::from(u64::MAX) * AtrValue::ONE);
        assert_eq!(value.times(Ratio(i64::MAX), Round::Down), 0);
    }

    #[test]
    #[should_panic(expected = "a bar's low 6 is above its high 5")]
    fn an_upside_down_bar_panics() {
        after(3, &[(5, 6, 5)]);
    }

    proptest! {
        #[test]
        fn the_average_stays_between_the_ranges_it_averages(period in 1_u16..30, bars in proptest::collection::vec((1_i64..1_000_000, 0_i64..10_000, 0_i64..=10_000), 40)) {
            let bars: Vec<_> = bars.iter().map(|&(low, width, at)| (low + width, low, low + width * at / 10_000)).collect();
            let ranges: Vec<_> = bars.windows(2).map(|pair| true_range(Price(pair[1].0), Price(pair[1].1), Price(pair[0].2))).collect();
            let value = after(period, &bars).value().expect("enough bars").bits();
            let bound = |it: Option<&i128>| it.copied().expect("ranges") * AtrValue::ONE;
            prop_assert!(value >= bound(ranges.iter().min()) && value <= bound(ranges.iter().max()));
        }
    }
}
