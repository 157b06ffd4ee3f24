//! The values of a plan as they are written, and which of them are prices.

use super::{Look, shown};
use crate::num::{Price, Ratio, shortest};
use crate::plan::ladder::LegTarget;
use crate::plan::stack::StackLevel;
use crate::plan::{Distance, Plan, Rule};

/// Whether a level lies at a price, or at a distance in price, that the plan itself gives: where it lies
/// beside the others depends on the entry.
pub(super) fn is_price(plan: &Plan, level: StackLevel) -> bool {
    let stop_is = plan.stop_loss.is_some_and(|stop| matches!(stop.distance, Distance::Price(_)));
    let trailing = plan.trailing.as_ref();
    match level {
        StackLevel::Loss(Rule::StopLoss) => stop_is,
        StackLevel::Loss(Rule::TrailingStop) | StackLevel::TrailingStop => {
            trailing.is_some_and(|trailing| matches!(trailing.distance, Distance::Price(_)))
        }
        StackLevel::Leg(number) => {
            let legs = plan.ladder.as_ref().map_or(&[][..], |ladder| &ladder.legs);
            legs.get(usize::from(number) - 1).is_some_and(|leg| match leg.target {
                LegTarget::Price(_) => true,
                LegTarget::R(_) => stop_is,
                LegTarget::Share(_) => false,
            })
        }
        StackLevel::Loss(_)
        | StackLevel::Liquidation
        | StackLevel::TrailingActivation
        | StackLevel::SignalProfit
        | StackLevel::TimeLimit => false,
    }
}

/// Whether any level of a plan does.
pub(super) fn has_prices(plan: &Plan) -> bool {
    let legs =
        (1..=plan.ladder.as_ref().map_or(0, |ladder| ladder.legs.len())).filter_map(|n| u8::try_from(n).ok());
    let mut levels = [StackLevel::Loss(Rule::StopLoss), StackLevel::TrailingStop]
        .into_iter()
        .chain(legs.map(StackLevel::Leg));
    levels.any(|level| is_price(plan, level))
}

impl Look<'_> {
    /// `stop_loss.distance`.
    pub(super) fn stop_written(&self) -> String {
        self.plan.stop_loss.map_or_else(String::new, |stop| self.distance(stop.distance))
    }

    /// `trailing.distance`.
    pub(super) fn trailing_written(&self) -> String {
        self.plan.trailing.as_ref().map_or_else(String::new, |trailing| self.distance(trailing.distance))
    }

    /// The target of a leg, with the field that gives it.
    pub(super) fn leg_written(&self, index: usize) -> String {
        let leg = self.plan.ladder.as_ref().and_then(|ladder| ladder.legs.get(index));
        leg.map_or_else(String::new, |leg| match leg.target {
            LegTarget::Share(share) => format!("at {}", shown(share)),
            LegTarget::R(multiple) => format!("at_r {}", shown(multiple)),
            LegTarget::Price(price) => format!("at_price {}", self.shown(price)),
        })
    }

    fn distance(&self, distance: Distance) -> String {
        match distance {
            Distance::Share(share) => shown(share),
            Distance::Price(distance) => self.shown(Price(distance)),
            Distance::Atr { multiple, .. } => {
                format!("{} ATR", shortest(i128::from(multiple.0), Ratio::DECIMALS))
            }
        }
    }
}
