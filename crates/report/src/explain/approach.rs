//! How close a price came to the level of a rule that did not fire.

use ripcord_core::num::Price;
use ripcord_core::reason::Reason;
use ripcord_core::time::Timestamp;

use super::levels::{RuleNow, Watching};

/// A moment, or a stretch in which it lies: records hold stretches of quiet prices in one piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct When {
    /// Not before this.
    pub from: Timestamp,
    /// Not after this.
    pub to: Timestamp,
}

impl When {
    /// A moment.
    #[must_use]
    pub const fn at(at: Timestamp) -> Self {
        Self { from: at, to: at }
    }

    /// Whether the moment is known.
    #[must_use]
    pub fn is_exact(self) -> bool {
        self.from == self.to
    }
}

/// How close a rule came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Approach {
    /// The rule.
    pub reason: Reason,
    /// The ladder leg, from 1; 0 when it is none.
    pub leg: u8,
    /// Whether it watched a trailing stop's activation.
    pub watching: Watching,
    /// The level at that time.
    pub level: Price,
    /// The price that came closest.
    pub price: Price,
    /// The distance in price units; at or below 0 the level was reached.
    pub gap: i64,
    /// The least that the distance can have been, where the records only bound it.
    pub gap_min: i64,
    /// When.
    pub when: When,
    /// A rule of higher rank acted while this one held.
    pub outranked_by: Option<Reason>,
}

/// Prices of one cell that came in one piece, and the rule's level before and after them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) low: Price,
    pub(super) high: Price,
    pub(super) when: When,
}

/// The closest approaches of all rules.
#[derive(Debug, Default)]
pub(super) struct Approaches(Vec<Approach>);

impl Approaches {
    /// Prices came; the level stood at `rule.level` before them and at `after` behind them.
    pub(super) fn add(&mut self, rule: &RuleNow, after: Price, seen: Seen, sign: i64) {
        let Some(level) = rule.level else { return };
        // The price that is worst for a stop, best for a target.
        let toward = if rule.watching == Watching::Loss { -sign } else { sign };
        let price = if toward > 0 { seen.high } else { seen.low };
        let gap = toward * (level.0 - price.0);
        // A stop that moved towards the price may have been closer; it was not reached.
        let tightest = toward * (after.0 - price.0);
        let gap_min = if tightest < gap { tightest.max(1).min(gap) } else { gap };
        let new = Approach {
            reason: rule.reason,
            leg: rule.leg,
            watching: rule.watching,
            level,
            price,
            gap,
            gap_min,
            when: seen.when,
            outranked_by: None,
        };
        match self.find(rule.reason, rule.leg, rule.watching) {
            Some(known) if gap < known.gap => {
                *known =
                    Approach { gap_min: gap_min.min(known.gap_min), outranked_by: known.outranked_by, ..new };
            }
            Some(known) => known.gap_min = known.gap_min.min(gap_min),
            None => self.0.push(new),
        }
    }

    /// A rule held while another one acted.
    pub(super) fn outranked(&mut self, reason: Reason, leg: u8, by: Reason) {
        for approach in self.0.iter_mut().filter(|known| (known.reason, known.leg) == (reason, leg)) {
            approach.outranked_by = Some(by);
        }
    }

    /// Those of rules for which `keeps` says so, in rank order.
    pub(super) fn finish(mut self, keeps: impl Fn(&Approach) -> bool) -> Vec<Approach> {
        self.0.retain(|approach| keeps(approach));
        self.0.sort_by_key(|approach| (approach.reason, approach.leg));
        self.0
    }

    fn find(&mut self, reason: Reason, leg: u8, watching: Watching) -> Option<&mut Approach> {
        self.0.iter_mut().find(|known| (known.reason, known.leg, known.watching) == (reason, leg, watching))
    }
}

#[cfg(test)]
mod tests {
    use ripcord_core::cell::CellId;

    use super::*;

    fn rule(watching: Watching, level: i64) -> RuleNow {
        let reason = if watching == Watching::Loss { Reason::StopLoss } else { Reason::TakeProfit };
        RuleNow {
            reason,
            leg: 0,
            watching,
            level: Some(Price(level)),
            cell: CellId(0),
            price: None,
            side_sign: 1,
        }
    }

    fn seen(low: i64, high: i64, at: i64) -> Seen {
        Seen { low: Price(low), high: Price(high), when: When::at(Timestamp(at)) }
    }

    #[test]
    fn the_closest_price_counts_and_its_time() {
        // (watching, sign, level, stretches, gap, price, time)
        for (watching, sign, level, stretches, gap, price, at) in [
            (Watching::Loss, 1, 90, [(95, 99), (92, 97), (94, 99)], 2, 92, 1),
            (Watching::Gain, 1, 120, [(95, 110), (92, 97), (94, 111)], 9, 111, 2),
            (Watching::Loss, -1, 110, [(95, 109), (92, 97), (94, 99)], 1, 109, 0),
            (Watching::Gain, -1, 90, [(95, 99), (92, 97), (90, 99)], 0, 90, 2),
        ] {
            let mut all = Approaches::default();
            for (number, (low, high)) in stretches.into_iter().enumerate() {
                all.add(&rule(watching, level), Price(level), seen(low, high, number as i64), sign);
            }
            let closest = all.finish(|_| true)[0];
            assert_eq!(
                (closest.gap, closest.price.0, closest.when.to.0),
                (gap, price, at),
                "{watching:?} {sign}"
            );
            assert_eq!(closest.gap_min, gap, "a level that stands still is exact");
        }
    }

    #[test]
    fn a_stop_that_follows_the_price_is_only_bounded() {
        let mut all = Approaches::default();
        // The stop rose from 90 to 95 while the lowest price was 93: it was 3 away at most, and never reached.
        all.add(&rule(Watching::Loss, 90), Price(95), seen(93, 100, 0), 1);
        let closest = all.finish(|_| true)[0];
        assert_eq!((closest.gap, closest.gap_min), (3, 1));
    }
}
