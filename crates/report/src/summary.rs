//! Exits in groups: how often, what they earned, and what that says about the plan.
//!
//! The words and formulas are those of `docs/glossary.md`. Sums are exact; averages are rounded once,
//! against us, and ratios half up to nine decimals, when they are asked for. Amounts of money are added as they are, so
//! the rows of one summary are of one quote currency.

use std::collections::BTreeMap;

use ripcord_core::num::{Money, Ratio, Round};
use ripcord_core::reason::{Reason, Source};

use crate::exits::{Ended, ExitRow};

/// What exits are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum By {
    /// Why the quantity was closed.
    Reason,
    /// Who closed it.
    Source,
    /// The instrument.
    Symbol,
    /// The strategy that opened the position.
    Strategy,
}

/// Exits in groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// What they are grouped by.
    pub by: By,
    /// Reasons and sources in the order of their rank, symbols and strategies in that of the alphabet.
    pub groups: Vec<Group>,
    /// Everything together.
    pub total: Group,
}

/// Exits that have something in common.
///
/// A position counts when it is closed: then it is a trade. Its outcome within a group is the sum of its fills
/// in that group. A position that was closed in parts for several reasons counts once in each of their groups,
/// and once in the total. Amounts are of all fills, also of positions that are still open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// What they have in common.
    pub name: String,
    /// Closing fills.
    pub fills: u64,
    /// Closed positions that these fills closed, wholly or in part.
    pub positions: u64,
    /// Positions that these fills closed a part of, and that are still open: no trades yet.
    pub open: u64,
    /// Closed positions whose result nobody knows: neither wins nor losses.
    pub unknown: u64,
    /// Positions with a net gain.
    pub wins: u64,
    /// Positions with a net loss.
    pub losses: u64,
    /// Positions with neither.
    pub break_even: u64,
    /// Net of all wins.
    pub won: Money,
    /// Net of all losses, as a positive amount.
    pub lost: Money,
    /// Before fees and funding.
    pub gross: Money,
    /// Fees of exits and of the entries they closed.
    pub fees: Money,
    /// Funding; positive is paid.
    pub funding: Money,
    /// `gross - fees - funding`.
    pub net: Money,
}

/// A quotient in units of 10^-9, of any size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Multiple(pub i128);

impl By {
    /// The word for what the groups are.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Reason => "reason",
            Self::Source => "source",
            Self::Symbol => "symbol",
            Self::Strategy => "strategy",
        }
    }

    fn key(self, row: &ExitRow) -> Key<'_> {
        match self {
            Self::Reason => Key::Reason(row.reason),
            Self::Source => Key::Source(row.source),
            Self::Symbol => Key::Text(&row.symbol),
            Self::Strategy => row.strategy.as_deref().map_or(Key::None, Key::Text),
        }
    }
}

mod parts;

pub use parts::{Part, Parts};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key<'a> {
    Reason(Reason),
    Source(Source),
    Text(&'a str),
    None,
}

impl Key<'_> {
    fn name(self) -> String {
        match self {
            Self::Reason(reason) => reason.word().to_owned(),
            Self::Source(source) => source.word().to_owned(),
            Self::Text(text) => text.to_owned(),
            Self::None => "-".to_owned(),
        }
    }
}

impl Summary {
    /// Puts exits into groups.
    #[must_use]
    pub fn of(rows: &[ExitRow], by: By) -> Self {
        let mut keys: BTreeMap<Key<'_>, usize> = rows.iter().map(|row| (by.key(row), 0)).collect();
        for (number, place) in keys.values_mut().enumerate() {
            *place = number;
        }
        let mut groups: Vec<Group> =
            keys.keys().map(|key| Group { name: key.name(), ..Group::default() }).collect();
        let mut total = Group { name: "total".to_owned(), ..Group::default() };
        let mut fills: Vec<(&str, usize, Money, Ended)> = Vec::with_capacity(rows.len());
        for row in rows {
            let group = keys[&by.key(row)];
            fills.push((&row.position_id, group, row.net, row.ended));
            groups[group].add(row);
            total.add(row);
        }
        fills.sort_unstable();
        let net =
            |fills: &[(&str, usize, Money, Ended)]| fills.iter().fold(Money::ZERO, |net, fill| net + fill.2);
        for position in fills.chunk_by(|a, b| a.0 == b.0) {
            // The fill that closed it says so; those before it found something left.
            let ended = position.iter().map(|fill| fill.3).max().unwrap_or(Ended::Open);
            total.conclude(ended, net(position));
            for part in position.chunk_by(|a, b| a.1 == b.1) {
                groups[part[0].1].conclude(ended, net(part));
            }
        }
        Self { by, groups, total }
    }

    /// Whether some position counts in more than one group.
    #[must_use]
    pub fn has_shared_positions(&self) -> bool {
        self.groups.iter().map(|group| group.positions).sum::<u64>() > self.total.positions
    }

    /// What the table does not show, a sentence each: positions that are open still, results nobody knows.
    #[must_use]
    pub fn remarks(&self) -> Vec<String> {
        let Group { open, unknown, .. } = self.total;
        let positions =
            |count| if count == 1 { "1 position".to_owned() } else { format!("{count} positions") };
        let mut told = Vec::new();
        if open > 0 {
            let positions = positions(open);
            told.push(format!(
                "Still open, closed in part: {positions}; fills are summed, but it is no trade yet."
            ));
        }
        if unknown > 0 {
            let positions = positions(unknown);
            told.push(format!(
                "Result unknown, a part left at a price nobody told: {positions}; no win, no loss."
            ));
        }
        told
    }
}

impl Group {
    fn add(&mut self, row: &ExitRow) {
        self.fills += 1;
        self.gross += row.gross;
        self.fees += row.fees;
        self.funding += row.funding;
        self.net += row.net;
    }

    /// Counts a position by its outcome.
    fn conclude(&mut self, ended: Ended, net: Money) {
        match ended {
            Ended::Open => {
                self.open += 1;
                return;
            }
            Ended::Unknown => {
                self.positions += 1;
                self.unknown += 1;
                return;
            }
            Ended::Closed => self.positions += 1,
        }
        match net.0 {
            0 => self.break_even += 1,
            1.. => {
                self.wins += 1;
                self.won += net;
            }
            i128::MIN..0 => {
                self.losses += 1;
                self.lost += -net;
            }
        }
    }

    /// `wins / (wins + losses)`; none when every position broke even.
    #[must_use]
    pub fn win_rate(&self) -> Option<Ratio> {
        let decided = i128::from(self.wins + self.losses);
        let rate = (decided > 0)
            .then(|| Round::HalfUp.divide(i128::from(self.wins) * i128::from(Ratio::ONE.0), decided))?;
        Some(Ratio(i64::try_from(rate).expect("a rate is at most one")))
    }

    /// Net of an average win.
    #[must_use]
    pub fn average_win(&self) -> Option<Money> {
        share(self.won, self.wins, Round::Down)
    }

    /// Net of an average loss, as a positive amount.
    #[must_use]
    pub fn average_loss(&self) -> Option<Money> {
        share(self.lost, self.losses, Round::Up)
    }

    /// Average win over average loss (R:R); none without a win or without a loss.
    #[must_use]
    pub fn reward_risk(&self) -> Option<Multiple> {
        if self.wins == 0 || self.losses == 0 {
            return None;
        }
        quotient(self.won.0 * i128::from(self.losses), self.lost.0 * i128::from(self.wins))
    }

    /// Net of all wins over net of all losses; none without a loss.
    #[must_use]
    pub fn profit_factor(&self) -> Option<Multiple> {
        quotient(self.won.0, self.lost.0)
    }

    /// Net of an average trade of known result, break-even ones included.
    #[must_use]
    pub fn expectancy(&self) -> Option<Money> {
        share(self.won - self.lost, self.positions - self.unknown, Round::Down)
    }
}

fn share(sum: Money, count: u64, round: Round) -> Option<Money> {
    (count > 0).then(|| Money(round.divide(sum.0, i128::from(count))))
}

/// `numerator / denominator` rounded half up to 10^-9, digit by digit: a product with 10^9 might not fit.
/// Both are not negative.
fn quotient(numerator: i128, denominator: i128) -> Option<Multiple> {
    if denominator == 0 {
        return None;
    }
    let (mut value, mut rest) = (numerator / denominator, numerator % denominator);
    for _ in 0..Ratio::DECIMALS {
        rest *= 10;
        value = value * 10 + rest / denominator;
        rest %= denominator;
    }
    Some(Multiple(value + i128::from(rest >= denominator - rest)))
}

#[cfg(test)]
pub(crate) mod tests {
    use ripcord_core::instrument::Side;
    use ripcord_core::num::Qty;

    use super::*;
    use crate::exits::tests::{fill, row};

    pub(crate) const UNIT: i128 = 10_i128.pow(18);

    /// Two wins (+6 and +3), one loss (-4), one break-even; position `a` was closed in three parts.
    pub(crate) fn rows() -> Vec<ExitRow> {
        let fills = [
            ("a", Reason::TakeProfit, 10_200, 1_000),   // +2
            ("a", Reason::TakeProfit, 10_500, 1_000),   // +5
            ("a", Reason::StopLoss, 9_900, 1_000),      // -1
            ("b", Reason::StopLoss, 9_800, 2_000),      // -4
            ("c", Reason::TrailingStop, 10_300, 1_000), // +3
            ("d", Reason::StopLoss, 10_000, 5_000),     // 0
        ];
        fills.map(|(id, reason, price, qty)| row(id, &fill(Side::Long, reason, price, qty))).to_vec()
    }

    #[test]
    fn the_total_counts_each_position_once() {
        let Summary { total, .. } = Summary::of(&rows(), By::Reason);
        assert_eq!((total.fills, total.positions), (6, 4));
        assert_eq!((total.wins, total.losses, total.break_even), (2, 1, 1));
        assert_eq!((total.won, total.lost, total.net), (Money(9 * UNIT), Money(4 * UNIT), Money(5 * UNIT)));
        assert_eq!(total.win_rate(), Some(Ratio(666_666_667)), "2 of 3: break-even is not counted");
        assert_eq!(
            (total.average_win(), total.average_loss()),
            (Some(Money(45 * UNIT / 10)), Some(Money(4 * UNIT)))
        );
        assert_eq!(total.reward_risk(), Some(Multiple(1_125_000_000)), "4.5 / 4");
        assert_eq!(total.profit_factor(), Some(Multiple(2_250_000_000)), "9 / 4");
        assert_eq!(total.expectancy(), Some(Money(125 * UNIT / 100)), "5 / 4: break-even is counted");
    }

    #[test]
    fn a_trade_is_a_closed_position_and_an_unknown_part_makes_its_result_unknown() {
        let mut rows = rows();
        // `b` took a part and is open; of `c` a part left at a price that nobody told.
        rows[3].ended = Ended::Open;
        rows[4].ended = Ended::Unknown;
        let summary = Summary::of(&rows, By::Reason);
        let Group { positions, open, unknown, wins, losses, break_even, .. } = summary.total;
        assert_eq!((positions, open, unknown, wins, losses, break_even), (3, 1, 1, 1, 0, 1));
        assert_eq!(summary.total.net, Money(5 * UNIT), "of all fills");
        assert_eq!(summary.total.expectancy(), Some(Money(3 * UNIT)), "6 / 2: of what is known");
        assert_eq!(summary.total.win_rate(), Some(Ratio::ONE));
        assert_eq!(summary.groups[1].unknown, 1, "of its own reason too");
        assert_eq!(
            summary.remarks(),
            [
                "Still open, closed in part: 1 position; fills are summed, but it is no trade yet.",
                "Result unknown, a part left at a price nobody told: 1 position; no win, no loss.",
            ]
        );
    }

    #[test]
    fn a_fill_that_leaves_something_closes_nothing() {
        let mut part = fill(Side::Long, Reason::TakeProfit, 10_200, 1_000);
        part.remaining = Qty(500);
        let left = row("a", &part);
        assert_eq!(left.ended, Ended::Open);
        let summary = Summary::of(std::slice::from_ref(&left), By::Reason);
        assert_eq!((summary.total.positions, summary.total.wins, summary.total.open), (0, 0, 1));
        let rest = row("a", &fill(Side::Long, Reason::StopLoss, 9_900, 500));
        let summary = Summary::of(&[left, rest], By::Reason);
        assert_eq!((summary.total.positions, summary.total.wins, summary.total.open), (1, 1, 0));
    }

    #[test]
    fn a_group_counts_what_its_own_fills_made() {
        let summary = Summary::of(&rows(), By::Reason);
        let names: Vec<&str> = summary.groups.iter().map(|group| group.name.as_str()).collect();
        assert_eq!(names, ["STOP_LOSS", "TRAILING_STOP", "TAKE_PROFIT"], "in rank order");
        let [stop, trailing, target] = &summary.groups[..] else { panic!("three groups") };
        assert_eq!((stop.fills, stop.positions, stop.wins, stop.losses, stop.break_even), (3, 3, 0, 2, 1));
        assert_eq!((stop.net, stop.average_loss()), (Money(-5 * UNIT), Some(Money(25 * UNIT / 10))));
        assert_eq!((target.fills, target.positions, target.wins), (2, 1, 1));
        assert_eq!((target.net, trailing.net), (Money(7 * UNIT), Money(3 * UNIT)));
        assert!(summary.has_shared_positions());
        assert!(!Summary::of(&rows(), By::Symbol).has_shared_positions());
    }

    #[test]
    fn nothing_is_divided_by_zero() {
        let nothing = Summary::of(&[], By::Reason);
        assert!(nothing.groups.is_empty());
        let Summary { groups, .. } = Summary::of(&rows(), By::Reason);
        for (group, has_rate) in [(&nothing.total, false), (&groups[1], true)] {
            assert_eq!(group.win_rate().is_some(), has_rate);
            assert_eq!(
                (group.average_loss(), group.reward_risk(), group.profit_factor()),
                (None, None, None)
            );
            assert_eq!(group.expectancy().is_some(), has_rate);
        }
        assert_eq!((groups[0].average_win(), groups[0].reward_risk()), (None, None));
        assert_eq!(groups[0].profit_factor(), Some(Multiple(0)), "losses only");
    }

    #[test]
    fn other_groups_are_in_the_order_of_their_names() {
        let mut rows = rows();
        for (row, (symbol, strategy)) in
            rows.iter_mut().zip([("B", "y"), ("B", "y"), ("B", "y"), ("A", ""), ("A", "x"), ("C", "x")])
        {
            row.symbol = symbol.to_owned();
            row.strategy = Some(strategy.to_owned()).filter(|name| !name.is_empty());
        }
        let named = |by: By| -> Vec<(String, u64, i128)> {
            let groups = Summary::of(&rows, by).groups.into_iter();
            groups.map(|group| (group.name, group.positions, group.net.0 / UNIT)).collect()
        };
        let wanted = |list: &[(&str, u64, i128)]| -> Vec<(String, u64, i128)> {
            list.iter().map(|&(name, positions, net)| (name.to_owned(), positions, net)).collect()
        };
        assert_eq!(named(By::Symbol), wanted(&[("A", 2, -1), ("B", 1, 6), ("C", 1, 0)]));
        assert_eq!(named(By::Strategy), wanted(&[("x", 2, 3), ("y", 1, 6), ("-", 1, -4)]));
        assert_eq!(named(By::Source), wanted(&[("POSITION_MONITOR", 4, 5)]));
    }

    #[test]
    fn quotients_of_large_sums_do_not_overflow() {
        let trillion = 10_i128.pow(12) * UNIT;
        assert_eq!(quotient(trillion * 1_000_000, 3 * trillion), Some(Multiple(333_333_333_333_333)));
    }
}
