//! Liquidation: where the venue would close a position by itself, and how far a stop keeps from it.

use serde::{Deserialize, Serialize};

use super::level::{Average, LevelRule};
use crate::instrument::Side;
use crate::num::{Price, Ratio, Round};

/// What the estimate of a liquidation price needs, and the distance kept from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Liquidation {
    /// The venue's maintenance margin, as a share of the position's value; below 1.
    pub maintenance: Ratio,
    /// Least distance of a stop from liquidation, as a share of the entry; below 1.
    pub buffer: Ratio,
}

/// The estimated price at which a position with its own (isolated) margin is liquidated: margin and loss
/// are down to the maintenance margin. Rounded towards the entry. `None` if no positive price does it.
#[must_use]
pub fn liquidation_price(side: Side, entry: Average, leverage: Ratio, maintenance: Ratio) -> Option<Price> {
    let one = i128::from(Ratio::ONE.0);
    let (leverage, maintenance) = (i128::from(leverage.0), i128::from(maintenance.0));
    let sign = i128::from(side.sign());
    // cost / leverage + sign (p q - cost) = maintenance p q, solved for p.
    let numerator = entry.cost * (leverage - sign * one) * one;
    let denominator = leverage * (one - sign * maintenance) * i128::from(entry.qty);
    let price = i64::try_from(side.toward_earlier_stop().divide(numerator, denominator)).ok()?;
    (price > 0).then_some(Price(price))
}

impl Liquidation {
    /// The estimated liquidation price.
    #[must_use]
    pub fn price(&self, side: Side, entry: Average, leverage: Ratio) -> Option<Price> {
        liquidation_price(side, entry, leverage, self.maintenance)
    }

    /// The farthest stop that is still safe: liquidation moved by the buffer towards the entry, on the
    /// tick grid.
    #[must_use]
    pub fn safe_stop(&self, side: Side, entry: Average, liquidation: Price, rule: LevelRule) -> Price {
        let away = Round::Up
            .divide(entry.cost * i128::from(self.buffer.0), i128::from(Ratio::ONE.0) * i128::from(entry.qty));
        let away = i64::try_from(away).expect("a share of an average price is in the range of prices");
        rule.offset(side, Average { cost: i128::from(liquidation.0), qty: 1 }, away)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Rounding;

    fn at(price: i64) -> Average {
        Average { cost: i128::from(price) * 7, qty: 7 }
    }

    #[test]
    fn liquidation_is_where_the_margin_is_down_to_maintenance() {
        let half_percent = Ratio::from_bps(50);
        for (side, leverage, price) in [
            // 100 x 0.95 / 0.995 = 95.477, rounded towards the entry.
            (Side::Long, 20, Some(95_48)),
            // 100 x 1.05 / 1.005 = 104.477.
            (Side::Short, 20, Some(104_47)),
            (Side::Long, 1, None),
            (Side::Short, 1, Some(199_00)),
        ] {
            let leverage = Ratio(leverage * Ratio::ONE.0);
            let found = liquidation_price(side, at(100_00), leverage, half_percent);
            assert_eq!(found, price.map(Price), "{side:?} {leverage:?}");
        }
    }

    #[test]
    fn the_safe_stop_lies_the_buffer_before_liquidation() {
        let rule = LevelRule { rounding: Rounding::Directed, tick: 5, decimals: 2 };
        let table = Liquidation { maintenance: Ratio::from_bps(50), buffer: Ratio::from_bps(100) };
        assert_eq!(table.safe_stop(Side::Long, at(100_00), Price(95_48), rule), Price(96_50));
        assert_eq!(table.safe_stop(Side::Short, at(100_00), Price(104_47), rule), Price(103_45));
    }
}
