//! Net profit and loss as prices: at which tick a position has earned, or lost, a share of its cost.

use super::level::{Average, LevelRule};
use crate::instrument::{Instrument, Side};
use crate::num::{Money, Price, Ratio, Round};

/// From which side a threshold is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Net profit is the share or more: prices from the level on to the winning side.
    AtLeast,
    /// Net profit is the share or less: prices from the level on to the losing side.
    AtMost,
}

/// What a net profit is counted from.
#[derive(Debug, Clone, Copy)]
pub struct NetBasis<'a> {
    /// The side of the position.
    pub side: Side,
    /// Its average entry.
    pub entry: Average,
    /// What was paid for the quantity held: entry fees, and funding where it counts.
    pub costs: Money,
    /// One taker fee for the exit, as a share of the exit's value; below 1.
    pub taker_fee: Ratio,
    /// Its instrument.
    pub instrument: &'a Instrument,
}

impl NetBasis<'_> {
    /// The first tick at which net profit is at least (or at most) `share` of the entry's cost. A loss
    /// is a negative share. Inclusive.
    #[must_use]
    pub fn level(&self, share: Ratio, reach: Reach, rule: LevelRule) -> Price {
        let one = i128::from(Ratio::ONE.0);
        let sign = i128::from(self.side.sign());
        let (costs_round, round) = match (reach, self.side) {
            (Reach::AtLeast, Side::Long) => (Round::Up, Round::Up),
            (Reach::AtLeast, Side::Short) => (Round::Up, Round::Down),
            (Reach::AtMost, Side::Long) => (Round::Down, Round::Down),
            (Reach::AtMost, Side::Short) => (Round::Down, Round::Up),
        };
        // sign (p q - cost) - costs - taker p q = share cost, solved for p. All else is whole, so
        // costs rounded to the threshold's side still give the first tick.
        let costs = costs_round.divide(self.costs.0 * one, self.instrument.money_per_unit());
        let numerator = self.entry.cost * (one + sign * i128::from(share.0)) + sign * costs;
        let denominator = (one - sign * i128::from(self.taker_fee.0)) * i128::from(self.entry.qty);
        rule.first_tick(round, numerator, denominator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::num::Qty;
    use crate::plan::Rounding;

    fn net(side: Side, price: i64, basis: &NetBasis<'_>) -> i128 {
        // In units of price x quantity x 10^-9.
        let one = i128::from(Ratio::ONE.0);
        let value = i128::from(price) * i128::from(basis.entry.qty);
        let gross = i128::from(side.sign()) * (value - basis.entry.cost) * one;
        gross
            - basis.costs.0 * one / basis.instrument.money_per_unit()
            - value * i128::from(basis.taker_fee.0)
    }

    #[test]
    fn a_level_is_the_first_tick_that_satisfies_its_threshold() {
        let instrument = Instrument::from_decimals("X", 2, 3);
        let entry = Average { cost: 10_003 * 700, qty: 700 };
        let costs = instrument.notional(Price(10_003), Qty(700)).times(Ratio::from_bps(4), Round::Up);
        let rule = LevelRule::new(Rounding::Directed, &instrument);
        for side in [Side::Long, Side::Short] {
            let basis =
                NetBasis { side, entry, costs, taker_fee: Ratio::from_bps(5), instrument: &instrument };
            for share in [Ratio::ZERO, Ratio::from_bps(100), Ratio(-23_456_789)] {
                let wanted = entry.cost * i128::from(share.0);
                let gain = basis.level(share, Reach::AtLeast, rule).0;
                assert!(net(side, gain, &basis) >= wanted, "{side:?} {share:?}");
                assert!(net(side, gain - side.sign(), &basis) < wanted, "{side:?} {share:?}");
                let loss = basis.level(share, Reach::AtMost, rule).0;
                assert!(net(side, loss, &basis) <= wanted, "{side:?} {share:?}");
                assert!(net(side, loss + side.sign(), &basis) > wanted, "{side:?} {share:?}");
            }
        }
    }
}
