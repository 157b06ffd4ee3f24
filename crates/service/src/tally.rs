//! What the exits were worth, folded from records: by reason, and for the whole run.
//!
//! A trade is one closed episode; it counts under the reason that closed the largest part of it.
//! The net of a reason is that of its own fills, so that the reasons sum to the whole. What left at a price
//! that nobody told has no net: a trade with such a part is neither win nor loss.
//!
//! Prices, quantities and fees are what a venue says. Sums that no account could hold stay at their limit:
//! nothing that a venue says ends the process.

use std::collections::BTreeMap;

use ripcord_core::event::{Entry, Filled, LeftOutside, Opened, Record, Returned};
use ripcord_core::id::EpisodeId;
use ripcord_core::instrument::Side;
use ripcord_core::num::{Money, Price, Qty};
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
    /// Net not known: nobody told the price of a part.
    pub unknown: u64,
}

/// What one reason did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByReason {
    /// Exits that got at least one fill.
    pub exits: u64,
    /// Trades of which this reason closed the largest part.
    pub trades: Outcomes,
    /// Net of all its fills, as far as it is known.
    pub net: Money,
    /// Exits among them at a price that nobody told: their net is missing above.
    pub unpriced: u64,
}

/// A trade, closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClosedTrade {
    /// Its episode.
    pub episode: EpisodeId,
    /// Net of all its fills; none when nobody told the price of a part.
    pub net: Option<Money>,
    /// Net of the parts whose price is known.
    pub net_known: Money,
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
    /// Left at a price that nobody told, and in how many parts.
    unpriced: (Qty, u64),
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
    fn count(&mut self, net: Option<Money>) {
        match net.map(|net| net.0.signum()) {
            None => self.unknown += 1,
            Some(1) => self.wins += 1,
            Some(-1) => self.losses += 1,
            Some(_) => self.break_even += 1,
        }
    }

    /// All of them.
    #[must_use]
    pub const fn all(&self) -> u64 {
        self.wins + self.losses + self.break_even + self.unknown
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
        let trade = Trade {
            opened_at: at,
            net: Money::ZERO,
            unpriced: (Qty(0), 0),
            closed: BTreeMap::new(),
            exits: Vec::new(),
        };
        self.open.insert(opened.episode, trade);
    }

    fn fill(&mut self, filled: &Filled, money_per_unit: i128) {
        let net = net_of(filled, money_per_unit);
        let Some(trade) = self.open.get_mut(&filled.id.episode) else { return };
        trade.net = plus(trade.net, net);
        trade.close(filled.reason, filled.qty);
        let by_reason = self.reasons.entry(filled.reason).or_default();
        by_reason.net = plus(by_reason.net, net);
        let exit = (filled.id.exit, filled.id.leg);
        if !trade.exits.contains(&exit) {
            trade.exits.push(exit);
            by_reason.exits += 1;
        }
    }

    /// What left past us counts under its reason; what nobody told the price of, without a net.
    fn leave(&mut self, left: &LeftOutside, money_per_unit: i128) {
        let Some(trade) = self.open.get_mut(&left.episode) else { return };
        trade.close(left.reason, left.qty);
        let by_reason = self.reasons.entry(left.reason).or_default();
        by_reason.exits += 1;
        let Some(net) = outside_net_of(left, money_per_unit) else {
            let (qty, parts) = trade.unpriced;
            trade.unpriced = (Qty(qty.0.saturating_add(left.qty.0)), parts + 1);
            by_reason.unpriced += 1;
            return;
        };
        trade.net = plus(trade.net, net);
        by_reason.net = plus(by_reason.net, net);
    }

    /// What had left unseen is told after all, and counts under its reason.
    fn take_back(&mut self, returned: &Returned) {
        let Some(trade) = self.open.get_mut(&returned.episode) else { return };
        if let Some(unknown) = trade.closed.get_mut(&Reason::Unknown) {
            unknown.0 = unknown.0.saturating_sub(returned.qty.0);
        }
        trade.closed.retain(|_, qty| qty.0 > 0);
        let (qty, parts) = trade.unpriced;
        trade.unpriced = (Qty(qty.0.saturating_sub(returned.qty.0).max(0)), parts);
        if trade.unpriced.0.0 == 0 {
            trade.unpriced.1 = 0;
            let by_reason = self.reasons.entry(Reason::Unknown).or_default();
            by_reason.exits = by_reason.exits.saturating_sub(parts);
            by_reason.unpriced = by_reason.unpriced.saturating_sub(parts);
        }
    }

    fn close(&mut self, at: Timestamp, episode: EpisodeId) -> Option<ClosedTrade> {
        let trade = self.open.remove(&episode)?;
        self.closed += 1;
        // Of equal parts the reason of higher rank, which is the smaller one, names the trade.
        let largest = trade.closed.iter().rev().max_by_key(|(_, qty)| **qty);
        let reason = largest.map(|(&reason, _)| reason);
        let net = (trade.unpriced.0.0 == 0).then_some(trade.net);
        if let Some(reason) = reason {
            self.reasons.entry(reason).or_default().trades.count(net);
        }
        let lasted = at.since(trade.opened_at);
        Some(ClosedTrade { episode, net, net_known: trade.net, reason, lasted })
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
            total.trades.unknown += by_reason.trades.unknown;
            total.net = plus(total.net, by_reason.net);
            total.unpriced += by_reason.unpriced;
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

impl Trade {
    fn close(&mut self, reason: Reason, qty: Qty) {
        let closed = self.closed.entry(reason).or_default();
        closed.0 = closed.0.saturating_add(qty.0);
    }
}

/// Net of one fill: gross, minus its fee and its share of entry fees and funding.
#[must_use]
pub fn net_of(filled: &Filled, money_per_unit: i128) -> Money {
    let paid = [filled.fee, filled.entry_fees, filled.funding];
    net(filled.id.episode.key.side, (filled.price, filled.qty), filled.cost, money_per_unit, paid)
}

/// Net of what left past us; none when its price is not known.
#[must_use]
pub fn outside_net_of(left: &LeftOutside, money_per_unit: i128) -> Option<Money> {
    let paid = [left.fee, left.entry_fees, left.funding];
    Some(net(left.episode.key.side, (left.price?, left.qty), left.cost, money_per_unit, paid))
}

fn net(side: Side, (price, qty): (Price, Qty), cost: i128, money_per_unit: i128, paid: [Money; 3]) -> Money {
    let proceeds = i128::from(price.0) * i128::from(qty.0);
    let gross = match side {
        Side::Long => proceeds.saturating_sub(cost),
        Side::Short => cost.saturating_sub(proceeds),
    };
    let gross = gross.saturating_mul(money_per_unit);
    Money(paid.into_iter().fold(gross, |net, paid| net.saturating_sub(paid.0)))
}

/// The sum, or the limit of what is counted.
pub(crate) const fn plus(sum: Money, money: Money) -> Money {
    Money(sum.0.saturating_add(money.0))
}

#[cfg(test)]
mod tests {
    use ripcord_core::id::{AccountId, InstrumentId, OrderId, PlanId, PositionKey};
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
            net: Some(Money(40 - 3 - 3 - 1 - 3)),
            net_known: Money(40 - 3 - 3 - 1 - 3),
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
            outcomes.count(Some(Money(net)));
        }
        outcomes.count(None);
        assert_eq!((outcomes.wins, outcomes.losses, outcomes.break_even, outcomes.unknown), (1, 1, 1, 1));
        assert_eq!(outcomes.all(), 4);
    }

    fn left(qty: i64, price: Option<i64>) -> Entry {
        let left = LeftOutside {
            episode: EPISODE,
            reason: Reason::Unknown,
            source: Reason::Unknown.source(),
            qty: Qty(qty),
            price: price.map(Price),
            fee: Money(0),
            cost: i128::from(qty) * 100,
            entry_fees: Money(0),
            funding: Money(0),
            remaining: Qty(0),
        };
        at(61, Record::LeftOutside(Box::new(left)))
    }

    #[test]
    fn a_trade_of_which_a_part_left_at_an_unknown_price_is_neither_won_nor_lost() {
        let mut tally = Tally::default();
        tally.take(&opened(50), 1);
        tally.take(&filled(Reason::TakeProfit, 1, 4, 90), 1);
        tally.take(&left(6, None), 1);
        let closed = tally.take(&at(62, Record::Closed { episode: EPISODE }), 1).expect("it is closed");
        assert_eq!((closed.net, closed.net_known, closed.reason), (None, Money(37), Some(Reason::Unknown)));
        let unknown = tally.reason(Reason::Unknown);
        assert_eq!((unknown.exits, unknown.unpriced, unknown.net), (1, 1, Money(0)));
        let all = tally.total().trades;
        assert_eq!((all.wins, all.losses, all.break_even, all.unknown), (0, 0, 0, 1));
        assert_eq!((tally.total().unpriced, tally.total().net), (1, Money(37)));
    }

    #[test]
    fn a_part_that_is_told_after_all_is_known() {
        let mut tally = Tally::default();
        tally.take(&opened(50), 1);
        tally.take(&left(4, None), 1);
        tally.take(&left(6, None), 1);
        let returned = Returned { episode: EPISODE, qty: Qty(10), open: Qty(10) };
        tally.take(&at(61, Record::Returned(Box::new(returned))), 1);
        tally.take(&filled(Reason::StopLoss, 1, 10, 101), 1);
        let closed = tally.take(&at(62, Record::Closed { episode: EPISODE }), 1).expect("it is closed");
        assert_eq!((closed.net, closed.reason), (Some(Money(-13)), Some(Reason::StopLoss)));
        let unknown = tally.reason(Reason::Unknown);
        assert_eq!((unknown.exits, unknown.unpriced, tally.total().trades.losses), (0, 0, 1));
    }

    #[test]
    fn sums_that_no_account_could_hold_stay_at_their_limit() {
        let mut tally = Tally::default();
        let unit = 10_i128.pow(18);
        tally.take(&opened(50), unit);
        let dear = |exit: u16| {
            let mut entry = filled(Reason::TakeProfit, exit, 1_000_000_000, 1 << 53);
            if let Record::Filled(filled) = &mut entry.record {
                // Beyond half of what fits: two of them are more than everything.
                filled.fee = Money(8 * 10_i128.pow(37));
                filled.cost = i128::MAX;
            }
            entry
        };
        for exit in 1..5 {
            tally.take(&dear(exit), unit);
        }
        tally.take(&left(i64::MAX, Some(i64::MAX)), unit);
        let closed = tally.take(&at(62, Record::Closed { episode: EPISODE }), unit).expect("it is closed");
        assert_eq!(closed.reason, Some(Reason::Unknown));
        assert_eq!(tally.total().trades.all(), 1);
    }
}
