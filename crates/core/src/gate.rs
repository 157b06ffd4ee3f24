//! The gate: the only way to a trading endpoint.
//!
//! A sender takes an [`Approved`] order, and only this module can make one. The gate looks again,
//! from the position's own state, whether the order reduces, belongs to the living episode and is
//! within what is held; it never refuses a risk exit for any other cause.

use crate::planted::planted;
use serde::{Deserialize, Serialize};

use crate::id::EpisodeId;
use crate::num::Qty;
use crate::order::ExitOrder;

/// An exit order that passed the gate. It can be written down, and not be read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Approved(ExitOrder);

impl Approved {
    /// The order inside.
    #[must_use]
    pub const fn order(&self) -> &ExitOrder {
        &self.0
    }
}

/// What the gate knows of the position an order is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exposure {
    /// The episode that lives in the order's bucket.
    pub episode: EpisodeId,
    /// The quantity held.
    pub open: Qty,
    /// Claims on it that the venue does not cap by itself.
    pub uncapped_claims: Qty,
    /// Somebody stopped everything that is sent.
    pub is_silent: bool,
}

/// Why the gate let an order not pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Blocked {
    /// Nothing to sell.
    #[error("the order's quantity is not positive")]
    NotPositive,
    /// The order belongs to an earlier life of the bucket.
    #[error("the order belongs to an episode that has ended")]
    DeadEpisode,
    /// More than is held and not claimed otherwise.
    #[error("the order would close more than is held")]
    MoreThanHeld,
    /// Somebody stopped everything that is sent.
    #[error("the account's kill level lets nothing be sent")]
    Killed,
}

/// Lets `order` pass, or says why not.
pub fn approve(order: ExitOrder, exposure: &Exposure) -> Result<Approved, Blocked> {
    if exposure.is_silent && !planted(10) {
        return Err(Blocked::Killed);
    }
    if order.qty.0 <= 0 {
        return Err(Blocked::NotPositive);
    }
    if order.id.episode != exposure.episode {
        return Err(Blocked::DeadEpisode);
    }
    if order.qty.0 > exposure.open.0 - exposure.uncapped_claims.0 {
        return Err(Blocked::MoreThanHeld);
    }
    Ok(Approved(order))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{AccountId, InstrumentId, OrderId, PositionKey};
    use crate::instrument::Side;
    use crate::num::Price;
    use crate::order::OrderKind;
    use crate::reason::Reason;

    #[test]
    fn only_what_is_held_by_the_living_episode_passes() {
        let key = PositionKey { account: AccountId(1), instrument: InstrumentId(0), side: Side::Long };
        let episode = EpisodeId { key, generation: 2 };
        let held = Exposure { episode, open: Qty(5), uncapped_claims: Qty(1), is_silent: false };
        let order = |generation, qty| ExitOrder {
            id: OrderId { episode: EpisodeId { key, generation }, exit: 1, leg: 0, slice: 0, attempt: 0 },
            qty: Qty(qty),
            kind: OrderKind::Market,
            trigger: Price(1),
            reason: Reason::HardStop,
        };
        assert!(approve(order(2, 4), &held).is_ok());
        assert_eq!(approve(order(2, 5), &held), Err(Blocked::MoreThanHeld));
        assert_eq!(approve(order(2, 0), &held), Err(Blocked::NotPositive));
        assert_eq!(approve(order(2, -1), &held), Err(Blocked::NotPositive));
        assert_eq!(approve(order(1, 1), &held), Err(Blocked::DeadEpisode));
        let silent = Exposure { is_silent: true, ..held };
        assert_eq!(approve(order(2, 4), &silent), Err(Blocked::Killed));
    }
}
