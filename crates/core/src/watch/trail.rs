//! Trailing stops by the thousand: only the tightest distance of each best price matters.
//!
//! Groups are sorted by their best price, the lowest last. A new extreme passes the last groups,
//! merges them and takes their place at the end; all other groups have a better best price and
//! are untouched. Each group costs the same on a quiet price, whether one position is in it or a
//! hundred thousand: nothing.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use serde::{Deserialize, Serialize};

use super::Slot;
use crate::instrument::Side;
use crate::num::Price;
use crate::plan::level::{LevelRule, Rounding};

/// How far a trailing stop stays behind the best price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrailDistance {
    /// A share of the best price, in units of 10^-9.
    Share(i64),
    /// A distance in price units.
    Price(i64),
}

impl TrailDistance {
    /// The stop that this distance gives behind `extreme` (a real, not an oriented price).
    #[must_use]
    pub fn stop(self, side: Side, extreme: Price, rule: LevelRule) -> Price {
        match self {
            Self::Share(share) => rule.trailing_share(side, extreme, crate::num::Ratio(share)),
            Self::Price(distance) => rule.trailing_distance(side, extreme, distance),
        }
    }

    const fn amount(self) -> i64 {
        match self {
            Self::Share(amount) | Self::Price(amount) => amount,
        }
    }
}

/// The members of a group whose distances can be compared: the same unit and the same rounding.
#[derive(Debug, Clone)]
struct Members {
    in_shares: bool,
    rounding: Rounding,
    tightest: BinaryHeap<(Reverse<i64>, Slot)>,
}

impl Members {
    fn distance(&self, amount: i64) -> TrailDistance {
        if self.in_shares { TrailDistance::Share(amount) } else { TrailDistance::Price(amount) }
    }
}

#[derive(Debug, Clone)]
struct Group {
    /// The best price of all members, oriented.
    best: i64,
    members: Vec<Members>,
}

/// All trailing stops of one side on one cell.
#[derive(Debug, Clone)]
pub struct TrailGroups {
    side: Side,
    rule: LevelRule,
    /// Sorted by `best`, highest first.
    groups: Vec<Group>,
    /// Stops of all groups but the last, oriented, with the group's best price; stale entries allowed.
    stops: BinaryHeap<(i64, i64)>,
    /// The last group's stop, oriented.
    last_stop: i64,
    len: usize,
}

/// No stop at all, oriented.
const NO_STOP: i64 = i64::MIN;

impl TrailGroups {
    /// No trailing stops yet. The rule's rounding is each member's own; its tick size is the instrument's.
    #[must_use]
    pub fn new(side: Side, rule: LevelRule) -> Self {
        Self { side, rule, groups: Vec::new(), stops: BinaryHeap::new(), last_stop: NO_STOP, len: 0 }
    }

    /// Adds a stop `distance` behind `best` (a real price).
    pub fn join(&mut self, best: Price, distance: TrailDistance, rounding: Rounding, slot: Slot) {
        let best = self.side.sign() * best.0;
        let at = self.groups.partition_point(|group| group.best > best);
        if self.groups.get(at).is_none_or(|group| group.best != best) {
            if at == self.groups.len() && at > 0 {
                self.stops.push((self.last_stop, self.groups[at - 1].best));
            }
            self.groups.insert(at, Group { best, members: Vec::new() });
        }
        let in_shares = matches!(distance, TrailDistance::Share(_));
        let members = &mut self.groups[at].members;
        let pool = match members.iter().position(|m| m.in_shares == in_shares && m.rounding == rounding) {
            Some(found) => found,
            None => {
                members.push(Members { in_shares, rounding, tightest: BinaryHeap::new() });
                members.len() - 1
            }
        };
        members[pool].tightest.push((Reverse(distance.amount()), slot));
        self.len += 1;
        self.restate(at);
        self.tidy();
    }

    /// The nearest stop, oriented: the price must stay above it.
    #[must_use]
    pub fn nearest_stop(&self) -> Option<i64> {
        let others = self.stops.peek().map_or(NO_STOP, |top| top.0);
        let nearest = others.max(self.last_stop);
        (nearest != NO_STOP).then_some(nearest)
    }

    /// The lowest best price, oriented: a price above it is a new extreme for somebody.
    #[must_use]
    pub fn lowest_best(&self) -> Option<i64> {
        self.groups.last().map(|group| group.best)
    }

    /// Takes out all members whose stop is at or above the oriented `price` and hands their slots to `wake`.
    pub fn pop_fired(&mut self, price: i64, mut wake: impl FnMut(Slot)) {
        while self.last_stop >= price && !self.groups.is_empty() {
            let last = self.groups.len() - 1;
            self.fire(last, price, &mut wake);
        }
        while let Some(&(stop, best)) = self.stops.peek() {
            if stop < price {
                return;
            }
            self.stops.pop();
            let at = self.groups.partition_point(|group| group.best > best);
            if self.groups.get(at).is_some_and(|group| group.best == best) {
                self.fire(at, price, &mut wake);
            }
        }
    }

    /// Lifts every group below the oriented `price` to it.
    pub fn raise(&mut self, price: i64) {
        let first = self.groups.partition_point(|group| group.best >= price);
        if first == self.groups.len() {
            // The price equals the last group's best or lies below it.
            return;
        }
        let mut merged = self.groups.pop().expect("a group lies below the price");
        while self.groups.len() > first {
            let group = self.groups.pop().expect("a group lies below the price");
            merge(&mut merged.members, group.members);
        }
        if let Some(top) = self.groups.last_mut()
            && top.best == price
        {
            merge(&mut top.members, merged.members);
        } else {
            merged.best = price;
            self.groups.push(merged);
        }
        self.restate(self.groups.len() - 1);
        self.tidy();
    }

    /// Positions held, stale entries included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nobody trails.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Forgets everybody.
    pub fn clear(&mut self) {
        self.groups.clear();
        self.stops.clear();
        self.last_stop = NO_STOP;
        self.len = 0;
    }

    fn fire(&mut self, at: usize, price: i64, wake: &mut impl FnMut(Slot)) {
        let (side, rule, sign) = (self.side, self.rule, self.side.sign());
        let group = &mut self.groups[at];
        let best = Price(sign * group.best);
        for members in &mut group.members {
            while let Some(&(Reverse(amount), slot)) = members.tightest.peek() {
                let stop = members.distance(amount).stop(side, best, rule.with(members.rounding));
                if sign * stop.0 < price {
                    break;
                }
                members.tightest.pop();
                self.len -= 1;
                wake(slot);
            }
        }
        group.members.retain(|members| !members.tightest.is_empty());
        if !group.members.is_empty() {
            self.restate(at);
            return;
        }
        self.groups.remove(at);
        if at == self.groups.len() {
            // The new last group's stop waits in the heap as well; a second sight of it is harmless.
            self.last_stop = self.groups.last().map_or(NO_STOP, |group| self.stop_of(group));
        }
    }

    /// Takes a group's stop into account after its members or its best price changed.
    fn restate(&mut self, at: usize) {
        let stop = self.stop_of(&self.groups[at]);
        if at + 1 == self.groups.len() {
            self.last_stop = stop;
        } else {
            self.stops.push((stop, self.groups[at].best));
        }
    }

    fn stop_of(&self, group: &Group) -> i64 {
        let sign = self.side.sign();
        let best = Price(sign * group.best);
        let stops = group.members.iter().filter_map(|members| {
            let &(Reverse(amount), _) = members.tightest.peek()?;
            Some(sign * members.distance(amount).stop(self.side, best, self.rule.with(members.rounding)).0)
        });
        stops.max().unwrap_or(NO_STOP)
    }

    /// Stale stops are dropped in bulk before they outnumber the groups by much.
    fn tidy(&mut self) {
        if self.stops.len() > 4 * self.groups.len() + 64 {
            self.rebuild_stops();
        }
    }

    fn rebuild_stops(&mut self) {
        self.last_stop = self.groups.last().map_or(NO_STOP, |group| self.stop_of(group));
        let others = self.groups.len().saturating_sub(1);
        self.stops = self.groups[..others].iter().map(|group| (self.stop_of(group), group.best)).collect();
    }
}

/// Adds `from` to `into`; the smaller heap moves into the larger.
fn merge(into: &mut Vec<Members>, from: Vec<Members>) {
    for mut members in from {
        match into.iter_mut().find(|m| m.in_shares == members.in_shares && m.rounding == members.rounding) {
            Some(same) => {
                if same.tightest.len() < members.tightest.len() {
                    std::mem::swap(&mut same.tightest, &mut members.tightest);
                }
                same.tightest.extend(members.tightest);
            }
            None => into.push(members),
        }
    }
}
