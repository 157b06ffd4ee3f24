//! One exit order: what it may be, and the states it lives through.
//!
//! An [`ExitOrder`] can only reduce a position: there is no flag that could be forgotten. Its
//! state changes on the venue's word only; a state is a small value that can be compared, hashed
//! and explored.

use crate::planted::planted;
use serde::{Deserialize, Serialize};

use crate::id::OrderId;
use crate::instrument::Side;
use crate::market::PriceSource;
use crate::num::{Money, Price, Qty};
use crate::reason::Reason;

/// Whose price triggers a stop at the venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerSource {
    /// The last trade.
    #[default]
    Last,
    /// The venue's mark price.
    Mark,
}

impl TriggerSource {
    /// The price source that it looks at.
    #[must_use]
    pub const fn source(self) -> PriceSource {
        match self {
            Self::Last => PriceSource::Last,
            Self::Mark => PriceSource::Mark,
        }
    }
}

/// Where a stop at the venue triggers, and on which price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Trigger {
    /// The price.
    pub at: Price,
    /// Whose price.
    pub on: TriggerSource,
}

/// How an exit order meets the market.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderKind {
    /// At the market, now.
    Market,
    /// At the limit or better, now; what does not fill at once stays as a limit.
    MarketableLimit(Price),
    /// Waits in the book at its limit.
    RestingLimit(Price),
    /// Waits at the venue until its trigger trades, then goes to the market.
    Stop(Price),
    /// At the limit or better, now; what does not fill at once is taken away.
    ImmediateLimit(Price),
    /// Waits at the venue until its mark price is at the trigger, then goes to the market.
    MarkStop(Price),
}

impl OrderKind {
    /// Whether the order waits at the venue for a price.
    #[must_use]
    pub const fn rests(self) -> bool {
        match self {
            Self::Market | Self::MarketableLimit(_) | Self::ImmediateLimit(_) => false,
            Self::RestingLimit(_) | Self::Stop(_) | Self::MarkStop(_) => true,
        }
    }

    /// A stop that triggers there.
    #[must_use]
    pub const fn stop(trigger: Trigger) -> Self {
        match trigger.on {
            TriggerSource::Last => Self::Stop(trigger.at),
            TriggerSource::Mark => Self::MarkStop(trigger.at),
        }
    }

    /// Where it triggers, when it is a stop.
    #[must_use]
    pub const fn trigger(self) -> Option<Trigger> {
        match self {
            Self::Stop(at) => Some(Trigger { at, on: TriggerSource::Last }),
            Self::MarkStop(at) => Some(Trigger { at, on: TriggerSource::Mark }),
            Self::Market | Self::MarketableLimit(_) | Self::RestingLimit(_) | Self::ImmediateLimit(_) => None,
        }
    }

    /// Its own price: the limit or the trigger.
    #[must_use]
    pub const fn price(self) -> Option<Price> {
        match self {
            Self::Market => None,
            Self::MarketableLimit(at)
            | Self::RestingLimit(at)
            | Self::Stop(at)
            | Self::ImmediateLimit(at)
            | Self::MarkStop(at) => Some(at),
        }
    }
}

/// An order that reduces the position of its episode, and cannot do anything else: the venue
/// adapter turns it into reduce-only, close-position or a plain sell of held coins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ExitOrder {
    /// Its computed identity.
    pub id: OrderId,
    /// How much it may close at most.
    pub qty: Qty,
    /// How it meets the market.
    pub kind: OrderKind,
    /// The level of the rule that sent it; for a resting order its own price.
    pub trigger: Price,
    /// Why it exists.
    pub reason: Reason,
}

impl ExitOrder {
    /// The side of the position it reduces.
    #[must_use]
    pub const fn position_side(&self) -> Side {
        self.id.episode.key.side
    }
}

/// Where an order stands with the venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// Intended and handed out; the venue has not answered.
    Sent,
    /// The venue has it.
    Working,
    /// The venue has it and filled part of it.
    PartFilled,
    /// Filled to its quantity.
    Filled,
    /// The venue refused it.
    Refused,
    /// The venue dropped it by its own rules.
    Expired,
    /// Cancelled on our word.
    Cancelled,
    /// No answer, or answers that contradict: left only by evidence, never by a time-out.
    Unknown,
}

impl OrderState {
    /// Whether nothing more can come of the order.
    #[must_use]
    pub const fn is_final(self) -> bool {
        match self {
            Self::Filled | Self::Refused | Self::Expired | Self::Cancelled => true,
            Self::Sent | Self::Working | Self::PartFilled | Self::Unknown => false,
        }
    }
}

/// Whether we asked for an order's end. Submitting and cancelling are two separate conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelState {
    /// Not asked.
    None,
    /// Asked; no answer yet.
    Sent,
    /// The venue said that it cannot: usually the order had ended.
    Refused,
}

/// What the venue can say of one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderAnswer {
    /// It has the order.
    Accepted,
    /// It will not have the order.
    Refused,
    /// It filled this much in all, so far.
    Filled(Qty),
    /// It took the order away on our word.
    Cancelled,
    /// It took the order away by its own rules.
    Expired,
    /// It cannot cancel.
    CancelRefused,
    /// No answer came.
    Silence,
}

/// An order as we follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OrderLife {
    /// The quantity ordered.
    pub qty: Qty,
    /// The quantity filled so far; never falls.
    pub filled: Qty,
    /// The submit conversation.
    pub state: OrderState,
    /// The cancel conversation.
    pub cancel: CancelState,
}

impl OrderLife {
    /// A new order, handed out.
    #[must_use]
    pub const fn sent(qty: Qty) -> Self {
        Self { qty, filled: Qty(0), state: OrderState::Sent, cancel: CancelState::None }
    }

    /// What may still be filled.
    #[must_use]
    pub const fn open(&self) -> Qty {
        if self.state.is_final() { Qty(0) } else { Qty(self.qty.0 - self.filled.0) }
    }

    /// Takes one answer; fills never go back, and an ended order stays ended except that a late
    /// fill is still counted. Returns the newly filled quantity.
    pub fn hear(&mut self, answer: OrderAnswer) -> Qty {
        match answer {
            OrderAnswer::Filled(total) => return self.fill_to(total),
            OrderAnswer::Accepted => {
                if matches!(self.state, OrderState::Sent | OrderState::Unknown) || planted(2) {
                    self.state = if self.filled.0 > 0 { OrderState::PartFilled } else { OrderState::Working };
                }
            }
            OrderAnswer::Refused => self.end(OrderState::Refused),
            OrderAnswer::Cancelled => self.end(OrderState::Cancelled),
            OrderAnswer::Expired => self.end(OrderState::Expired),
            OrderAnswer::CancelRefused => {
                if self.cancel == CancelState::Sent {
                    self.cancel = CancelState::Refused;
                    if planted(7) {
                        self.end(OrderState::Cancelled);
                    }
                }
            }
            OrderAnswer::Silence => {
                if self.state == OrderState::Sent {
                    self.state = if planted(5) { OrderState::Refused } else { OrderState::Unknown };
                }
            }
        }
        Qty(0)
    }

    fn fill_to(&mut self, total: Qty) -> Qty {
        let total = if planted(1) { Qty(self.filled.0 + total.0) } else { total };
        let total = total.min(self.qty);
        if total <= self.filled || (planted(3) && self.state.is_final()) {
            return Qty(0);
        }
        let new = total.0 - self.filled.0;
        self.filled = total;
        if self.filled == self.qty || planted(4) {
            self.state = OrderState::Filled;
        } else if !self.state.is_final() {
            self.state = OrderState::PartFilled;
        }
        assert!(self.filled <= self.qty, "an order was filled beyond its quantity");
        Qty(new)
    }

    fn end(&mut self, state: OrderState) {
        if !self.state.is_final() {
            self.state = state;
        }
    }
}

/// A trade of one of our orders, as the venue reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fill {
    /// The order.
    pub id: OrderId,
    /// Quantity filled by this order in all, this trade included.
    pub filled_total: Qty,
    /// Price of this trade.
    pub price: Price,
    /// Fee of this trade in quote currency; positive is paid.
    pub fee: Money,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_fill_after_the_cancel_counts_and_the_end_stands() {
        let mut life = OrderLife::sent(Qty(10));
        assert_eq!(life.hear(OrderAnswer::Accepted), Qty(0));
        assert_eq!(life.hear(OrderAnswer::Cancelled), Qty(0));
        assert_eq!(life.hear(OrderAnswer::Filled(Qty(4))), Qty(4));
        assert_eq!((life.state, life.filled, life.open()), (OrderState::Cancelled, Qty(4), Qty(0)));
        assert_eq!(life.hear(OrderAnswer::Filled(Qty(10))), Qty(6));
        assert_eq!(life.state, OrderState::Filled);
    }

    #[test]
    fn fills_that_come_twice_or_out_of_order_count_once() {
        let mut life = OrderLife::sent(Qty(10));
        assert_eq!(life.hear(OrderAnswer::Filled(Qty(7))), Qty(7));
        assert_eq!(life.hear(OrderAnswer::Filled(Qty(3))), Qty(0));
        assert_eq!(life.hear(OrderAnswer::Filled(Qty(7))), Qty(0));
        assert_eq!(life.hear(OrderAnswer::Accepted), Qty(0));
        assert_eq!((life.state, life.filled), (OrderState::PartFilled, Qty(7)));
    }

    #[test]
    fn silence_is_unknown_and_only_evidence_ends_it() {
        let mut life = OrderLife::sent(Qty(1));
        life.hear(OrderAnswer::Silence);
        assert_eq!(life.state, OrderState::Unknown);
        life.hear(OrderAnswer::Silence);
        assert_eq!(life.state, OrderState::Unknown);
        life.hear(OrderAnswer::Accepted);
        assert_eq!(life.state, OrderState::Working);
    }
    /// What each answer makes of an order of 10 that stands as told, with 4 of it filled where it has to be.
    #[test]
    fn every_answer_in_every_state() {
        use OrderAnswer as A;
        use OrderState as S;
        let answers = [A::Accepted, A::Refused, A::Cancelled, A::Expired, A::CancelRefused, A::Silence];
        for (state, filled, becomes) in [
            (S::Sent, 0, [S::Working, S::Refused, S::Cancelled, S::Expired, S::Sent, S::Unknown]),
            (S::Working, 0, [S::Working, S::Refused, S::Cancelled, S::Expired, S::Working, S::Working]),
            (
                S::PartFilled,
                4,
                [S::PartFilled, S::Refused, S::Cancelled, S::Expired, S::PartFilled, S::PartFilled],
            ),
            (S::Unknown, 0, [S::Working, S::Refused, S::Cancelled, S::Expired, S::Unknown, S::Unknown]),
            (S::Unknown, 4, [S::PartFilled, S::Refused, S::Cancelled, S::Expired, S::Unknown, S::Unknown]),
            (S::Filled, 10, [S::Filled; 6]),
            (S::Refused, 0, [S::Refused; 6]),
            (S::Cancelled, 4, [S::Cancelled; 6]),
            (S::Expired, 4, [S::Expired; 6]),
        ] {
            for (answer, becomes) in answers.into_iter().zip(becomes) {
                let mut life = OrderLife { state, filled: Qty(filled), ..OrderLife::sent(Qty(10)) };
                assert_eq!(life.hear(answer), Qty(0), "{state:?} {answer:?}");
                assert_eq!((life.state, life.filled), (becomes, Qty(filled)), "{state:?} {answer:?}");
                let open = if becomes.is_final() { 0 } else { 10 - filled };
                assert_eq!(life.open(), Qty(open), "{state:?} {answer:?}");
            }
        }
    }

    #[test]
    fn a_cancel_is_refused_only_where_one_was_sent() {
        for (before, after) in [
            (CancelState::None, CancelState::None),
            (CancelState::Sent, CancelState::Refused),
            (CancelState::Refused, CancelState::Refused),
        ] {
            let mut life = OrderLife { cancel: before, ..OrderLife::sent(Qty(1)) };
            life.hear(OrderAnswer::CancelRefused);
            assert_eq!(life.cancel, after);
        }
    }
}
