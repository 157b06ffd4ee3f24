//! What the exits were worth, folded from records: by reason, and for the whole run.
//!
//! A trade is one closed episode; it counts under the reason that closed the largest part of it.
//! The net of a reason is that of its own fills, so that the reasons sum to the whole.

use std::collections::BTreeMap;

use ripcord_core::event::{Entry, Filled, LeftOutside, Opened, Record, Returned};
use ripcord_core::id::EpisodeId;
use ripcord_core::instrument::Side;
use ripcord_core::num::{Money, Qty};
use ripcord_core::reason::Reason;
use ripcord_core::time::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// Wins, losses and break-evens of closed trades.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcomes {
    /// Net above zero.
    pub wins: u64,
    /// Net below zero.
    pub losses: u64,
    /// Net exactly zero.
    pub break_even: u64,
}

/// What one reason did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByReason {
    /// Exits that got at least one fill.
    pub exits: u64,
    /// Trades of which this reason closed the largest part.
    pub trades: Outcomes,
    /// Net of all its fills.
    pub net: Money,
}

/// A trade, closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClosedTrade {
    /// Its episode.
    pub episode: EpisodeId,
    /// Net of all its fills.
    pub net: Money,
    /// What closed the largest part; none if nothing of it could be closed.
    pub reason: Option<Reason>,
    /// From opening to close.
    pub lasted: Span,
}

/// A trade that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Trade {
    opened_at: Timestamp,
    net: Money,
    closed: BTreeMap<Reason, Qty>,
    /// Exits that got a fill: exit number and leg.
    exits: Vec<(u16, u8)>,
}

/// The fold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    open: BTreeMap<EpisodeId, Trade>,
    reasons: BTreeMap<Reason, ByReason>,
    opened: u64,
    closed: u64,
    alarms: u64,
}

impl Outcomes {
    fn count(&mut self, net: Money) {
        match net.0.signum() {
            1 => self.wins += 1,
            -1 => self.losses += 1,
            _ => self.break_even += 1,
        }
    }

    /// All of them.
    #[must_use]
    pub const fn all(&self) -> u64 {
        self.wins + self.losses + self.break_even
    }
}

impl Tally {
    /// Takes a record; a trade that it closes is handed out. `money_per_unit` is that of the
    /// record's instrument.
    pub fn take(&mut self, entry: &Entry, money_per_unit: i128) -> Option<ClosedTrade> {
        match &entry.record {
            Record::Opened(opened) => self.open(entry.at, opened),
            Record::Filled(filled) => self.fill(filled, money_per_unit),
            Record::Closed { episode } => return self.close(entry.at, *episode),
            Record::Alarm { .. } => self.alarms += 1,
            Record::LeftOutside(left) => self.leave(left, money_per_unit),
            Record::Returned(returned) => self.take_back(returned),
            Record::Released { episode, .. } => {
                self.open.remove(episode);
            }
            Record::Managed(_)
            | Record::ReadFailed { .. }
            | Record::Reconciled(_)
            | Record::Adopted(_)
            | Record::HandedOver(_)
            | Record::OrdersListed(_)
            | Record::OrdersStale { .. }
            | Record::OrdersPaced { .. }
            | Record::Observed(_)
            | Record::Input(_)
            | Record::Added(_)
            | Record::PlanChanged { .. }
            | Record::Signalled { .. }
            | Record::Deferred { .. }
            | Record::BracketTriggered { .. }
            | Record::KillLevel { .. }
            | Record::Suspected { .. }
            | Record::Confirmed { .. }
            | Record::Contradicted { .. }
            | Record::PriceDoubted(_)
            | Record::PricesStale { .. }
            | Record::PricesBack { .. }
            | Record::Jump(_)
            | Record::Diverged { .. }
            | Record::Converged { .. }
            | Record::ExitConcluded { .. }
            | Record::StopMoved { .. }
            | Record::TrailingActivated { .. }
            | Record::ExitDecided(_)
            | Record::OrderIntended(_)
            | Record::GateBlocked { .. }
            | Record::OrderAccepted(_)
            | Record::OrderEnded { .. }
            | Record::FundingPaid { .. }
            | Record::BarClosed(_)
            | Record::CommandRefused(_) => {}
        }
        None
    }

    fn open(&mut self, at: Timestamp, opened: &Opened) {
        self.opened += 1;
        let trade = Trade { opened_at: at, net: Money::ZERO, closed: BTreeMap::new(), exits: Vec::new() };
        self.open.insert(opened.episode, trade);
    }

    fn fill(&mut self, filled: &Filled, money_per_unit: i128) {
        let net = net_of(filled, money_per_unit);
        let Some(trade) = self.open.get_mut(&filled.id.episode) else { return };
        trade.net += net;
        trade.closed.entry(filled.reason).or_default().0 += filled.qty.0;
        let by_reason = self.reasons.entry(filled.reason).or_default();
        by_reason.net += net;
        let exit = (filled.id.exit, filled.id.leg);
        if !trade.exits.contains(&exit) {
            trade.exits.push(exit);
            by_reason.exits += 1;
        }
    }

    /// What left past us counts under its reason; what nobody told the price of, with a net of nothing.
    fn leave(&mut self, left: &LeftOutside, money_per_unit: i128) {
        let Some(trade) = self.open.get_mut(&left.episode) else { return };
        let net = outside_net_of(left, money_per_unit).unwrap_or(Money::ZERO);
        trade.net += net;
        trade.closed.entry(left.reason).or_default().0 += left.qty.0;
        let by_reason = self.reasons.entry(left.reason).or_default();
        by_reason.net += net;
        by_reason.exits += 1;
    }

    /// What had left unseen is told after all, and counts under its reason.
    fn take_back(&mut self, returned: &Returned) {
        let Some(trade) = self.open.get_mut(&returned.episode) else { return };
        if let Some(unknown) = trade.closed.get_mut(&Reason::Unknown) {
            unknown.0 -= returned.qty.0;
        }
        trade.closed.retain(|_, qty| qty.0 > 0);
        if !trade.closed.contains_key(&Reason::Unknown) {
            let by_reason = self.reasons.entry(Reason::Unknown).or_default();
            by_reason.exits = by_reason.exits.saturating_sub(1);
        }
    }

    fn close(&mut self, at: Timestamp, episode: EpisodeId) -> Option<ClosedTrade> {
        let trade = self.open.remove(&episode)?;
        self.closed += 1;
        // Of equal parts the reason of higher rank, which is the smaller one, names the trade.
        let largest = trade.closed.iter().rev().max_by_key(|(_, qty)| **qty);
        let reason = largest.map(|(&reason, _)| reason);
        if let Some(reason) = reason {
            self.reasons.entry(reason).or_default().trades.count(trade.net);
        }
        Some(ClosedTrade { episode, net: trade.net, reason, lasted: at.since(trade.opened_at) })
    }

    /// What each reason did, by rank.
    pub fn reasons(&self) -> impl Iterator<Item = (Reason, &ByReason)> {
        self.reasons.iter().map(|(&reason, by_reason)| (reason, by_reason))
    }

    /// What one reason did.
    #[must_use]
    pub fn reason(&self, reason: Reason) -> ByReason {
        self.reasons.get(&reason).copied().unwrap_or_default()
    }

    /// All reasons together.
    #[must_use]
    pub fn total(&self) -> ByReason {
        let mut total = ByReason::default();
        for by_reason in self.reasons.values() {
            total.exits += by_reason.exits;
            total.trades.wins += by_reason.trades.wins;
            total.trades.losses += by_reason.trades.losses;
            total.trades.break_even += by_reason.trades.break_even;
            total.net += by_reason.net;
        }
        total
    }

    /// Positions taken over so far.
    #[must_use]
    pub const fn opened(&self) -> u64 {
        self.opened
    }

    /// Positions open now.
    #[must_use]
    pub fn open_now(&self) -> usize {
        self.open.len()
    }

    /// Alarms so far.
    #[must_use]
    pub const fn alarms(&self) -> u64 {
        self.alarms
    }
}

/// Net of one fill: gross, minus its fee and its share of entry fees and funding.
#[must_use]
pub fn net_of(filled: &Filled, money_per_unit: i128) -> Money {
    let proceeds = i128::from(filled.price.0) * i128::from(filled.qty.0);
    let gross = match filled.id.episode.key.side {
        Side::Long => proceeds - filled.cost,
        Side::Short => filled.cost - proceeds,
    };
    Money(gross * money_per_unit) - filled.fee - filled.entry_fees - filled.funding
}

/// Net of what left past us; none when its price is not known.
#[must_use]
pub fn outside_net_of(left: &LeftOutside, money_per_unit: i128) -> Option<Money> {
    let proceeds = i128::from(left.price?.0) * i128::from(left.qty.0);
    let gross = match left.episode.key.side {
        Side::Long => proceeds - left.cost,
        Side::Short => left.cost - proceeds,
    };
    Some(Money(gross * money_per_unit) - left.fee - left.entry_fees - left.funding)
}

#[cfg(test)]
mod tests {
    use ripcord_core::id::{AccountId, InstrumentId, OrderId, PlanId, PositionKey};
    use ripcord_core::num::Price;
    use ripcord_core::reason::ExitType;

    use super::*;

    const KEY: PositionKey =
        PositionKey { account: AccountId(0), instrument: InstrumentId(0), side: Side::Short };
    const EPISODE: EpisodeId = EpisodeId { key: KEY, generation: 1 };

    fn at(seconds: i64, record: Record) -> Entry {
        Entry { at: Timestamp(seconds * 1_000_000_000), record }
    }

    fn opened(seconds: i64) -> Entry {
        let opened = Opened {
            episode: EPISODE,
            plan: PlanId(0),
            qty: Qty(10),
            entry: Price(100),
            entry_fees: Money(0),
            stop: None,
        };
        at(seconds, Record::Opened(Box::new(opened)))
    }

    fn filled(reason: Reason, exit: u16, qty: i64, price: i64) -> Entry {
        let filled = Filled {
            id: OrderId { episode: EPISODE, exit, leg: 0, slice: 0, attempt: 0 },
            reason,
            source: reason.source(),
            exit_type: ExitType::Market,
            trigger: Price(price),
            qty: Qty(qty),
            price: Price(price),
            fee: Money(1),
            cost: i128::from(qty) * 100,
            entry_fees: Money(2),
            funding: Money(0),
            remaining: Qty(0),
        };
        at(60, Record::Filled(Box::new(filled)))
    }

    #[test]
    fn a_short_that_took_a_leg_and_was_stopped_at_break_even_is_a_win_of_its_larger_part() {
        let mut tally = Tally::default();
        assert_eq!(tally.take(&opened(50), 1), None);
        assert_eq!(tally.take(&filled(Reason::TakeProfit, 1, 4, 90), 1), None);
        assert_eq!(tally.take(&filled(Reason::StopLoss, 2, 5, 100), 1), None);
        assert_eq!(tally.take(&filled(Reason::StopLoss, 2, 1, 101), 1), None);
        let closed = tally.take(&at(62, Record::Closed { episode: EPISODE }), 1);
        let expected = ClosedTrade {
            episode: EPISODE,
            net: Money(40 - 3 - 3 - 1 - 3),
            reason: Some(Reason::StopLoss),
            lasted: Span::from_secs(12),
        };
        assert_eq!(closed, Some(expected));
        let stop = tally.reason(Reason::StopLoss);
        assert_eq!((stop.exits, stop.trades.wins, stop.net), (1, 1, Money(-7)));
        let target = tally.reason(Reason::TakeProfit);
        assert_eq!((target.exits, target.trades.all(), target.net), (1, 0, Money(37)));
        assert_eq!((tally.total().net, tally.total().exits, tally.open_now()), (Money(30), 2, 0));
    }

    #[test]
    fn exactly_nothing_is_break_even() {
        let mut outcomes = Outcomes::default();
        for net in [5, -5, 0] {
            outcomes.count(Money(net));
        }
        assert_eq!((outcomes.wins, outcomes.losses, outcomes.break_even), (1, 1, 1));
    }
}
