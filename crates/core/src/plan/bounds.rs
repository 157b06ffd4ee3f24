//! Where an exit that is no emergency stops trying: a worst price, and an expiry.

use crate::instrument::Side;
use crate::num::{Price, Ratio, Round};
use crate::time::Span;

/// The bounds of an exit of rules 7 to 9. Past either the exit is concluded, and the rules are
/// looked at again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExitBounds {
    /// How far through the price that fired, as a share of it; above 0, below 1.
    pub worst: Option<Ratio>,
    /// How long after the decision.
    pub expires_after: Option<Span>,
}

impl ExitBounds {
    /// The worst price that may be accepted for a closing order of `side` that `fired` set off; never
    /// beyond the share.
    #[must_use]
    pub fn worst_price(&self, side: Side, fired: Price) -> Option<Price> {
        // Rounded down the distance is never more than the share.
        self.worst.map(|worst| Price(fired.0 - side.sign() * worst.of(fired.0, Round::Down)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_price_lies_on_the_losing_side_within_the_share() {
        let bounds = ExitBounds { worst: Some(Ratio::from_bps(50)), expires_after: None };
        assert_eq!(bounds.worst_price(Side::Long, Price(100_01)), Some(Price(99_51)));
        assert_eq!(bounds.worst_price(Side::Short, Price(100_01)), Some(Price(100_51)));
        assert_eq!(ExitBounds::default().worst_price(Side::Long, Price(100_01)), None);
    }
}
