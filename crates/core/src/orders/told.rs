//! What was told of orders that traded a part, so that what is found later is told without it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::num::{Money, Price, Qty};
use crate::order::Fill;

/// What orders that may trade more were heard to have traded, by their place among the orders.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Told(BTreeMap<u32, Part>);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Part {
    qty: Qty,
    /// Price times quantity.
    cost: i128,
    fee: Money,
}

impl Told {
    /// `new` of an order was told; all of it has traded when it `is_whole`.
    pub(crate) fn add(&mut self, index: u32, new: Qty, fill: &Fill, is_whole: bool) {
        if is_whole {
            self.0.remove(&index);
            return;
        }
        let part = self.0.entry(index).or_default();
        part.qty = part.qty.plus_at_most(new);
        part.cost = part.cost.saturating_add(i128::from(fill.price.0) * i128::from(new.0));
        part.fee = Money(part.fee.0.saturating_add(fill.fee.0));
    }

    /// What an order traded in all (the average price, every fee), without the part that was told.
    pub(crate) fn without(&self, index: u32, all: &Fill) -> Fill {
        let Some(part) = self.0.get(&index) else { return *all };
        let new = i128::from(all.filled_total.0) - i128::from(part.qty.0);
        if new <= 0 {
            return *all;
        }
        let (average, total) = (i128::from(all.price.0), i128::from(all.filled_total.0));
        let left_by = |average: i128| (average * total).saturating_sub(part.cost).div_euclid(new);
        // The average is rounded, either way: of a small rest it may say nothing.
        let says_nothing = (left_by(average - 1)..=left_by(average + 1)).contains(&average);
        let price = if says_nothing { average } else { left_by(average) };
        let price = i64::try_from(price).map(Price).ok().filter(|price| price.is_sound());
        let fee = Money(all.fee.0.saturating_sub(part.fee.0));
        Fill { price: price.unwrap_or(all.price), fee, ..*all }
    }

    /// Another order takes the place.
    pub(crate) fn forget(&mut self, index: u32) {
        self.0.remove(&index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{AccountId, EpisodeId, InstrumentId, OrderId, PositionKey};
    use crate::instrument::Side;

    fn fill(total: i64, price: i64, fee: i128) -> Fill {
        let key = PositionKey { account: AccountId(0), instrument: InstrumentId(0), side: Side::Long };
        let id = OrderId { episode: EpisodeId { key, generation: 1 }, exit: 1, leg: 0, slice: 0, attempt: 0 };
        Fill { id, filled_total: Qty(total), price: Price(price), fee: Money(fee) }
    }

    #[test]
    fn what_is_found_is_told_without_the_part_that_was_heard() {
        let mut told = Told::default();
        told.add(7, Qty(4), &fill(4, 100, 40), false);
        // 4 at 100 and 6 at 110 are 10 at 106.
        let rest = told.without(7, &fill(10, 106, 106));
        assert_eq!((rest.filled_total, rest.price, rest.fee), (Qty(10), Price(110), Money(66)));
        assert_eq!(told.without(8, &fill(10, 106, 106)), fill(10, 106, 106));
    }

    #[test]
    fn a_rounded_average_does_not_blow_up_the_price_of_a_small_rest() {
        let mut told = Told::default();
        told.add(7, Qty(999), &fill(999, 100, 0), false);
        // 1 more at 120 is an average of 100.02, told as 100.
        assert_eq!(told.without(7, &fill(1_000, 100, 0)).price, Price(100));
        // 1 more at 5,100 is an average of 105.
        assert_eq!(told.without(7, &fill(1_000, 105, 0)).price, Price(5_100));
    }

    #[test]
    fn an_order_that_traded_whole_and_a_place_that_is_taken_anew_are_forgotten() {
        let mut told = Told::default();
        told.add(7, Qty(4), &fill(4, 100, 40), false);
        told.add(7, Qty(6), &fill(10, 110, 66), true);
        assert_eq!(told, Told::default());
        told.add(7, Qty(4), &fill(4, 100, 40), false);
        told.forget(7);
        assert_eq!(told, Told::default());
    }

    #[test]
    fn nonsense_of_a_venue_is_no_price() {
        let mut told = Told::default();
        told.add(7, Qty(4), &fill(4, 1_000, 0), false);
        // Ten at 100 cannot hold four at 1,000 and a rest that cost something.
        assert_eq!(told.without(7, &fill(10, 100, 0)).price, Price(100));
        told.add(7, Qty(1), &fill(i64::MAX, i64::MAX, i128::MAX), false);
        let all = fill(i64::MAX, i64::MAX, i128::MIN);
        assert_eq!(told.without(7, &all), all);
    }
}
