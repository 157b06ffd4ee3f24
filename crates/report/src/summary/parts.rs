//! Summaries of exits that somebody else has summed already, position by position: a ledger.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ripcord_core::num::Money;
use ripcord_core::reason::{Reason, Source};

use super::{By, Group, Summary};
use crate::exits::Ended;

/// What some closing fills of one position sum to that have reason, source, symbol and strategy in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part<'a> {
    /// The position; parts of one position follow each other.
    pub position: &'a str,
    /// Why.
    pub reason: Reason,
    /// Who.
    pub source: Source,
    /// The instrument.
    pub symbol: &'a str,
    /// The strategy that opened the position.
    pub strategy: Option<&'a str>,
    /// Closing fills.
    pub fills: u64,
    /// Before fees and funding.
    pub gross: Money,
    /// Of both ends.
    pub fees: Money,
    /// Positive is paid.
    pub funding: Money,
    /// `gross - fees - funding`.
    pub net: Money,
    /// What became of the position; the same in all its parts.
    pub ended: Ended,
}

/// Takes parts and makes the summaries that [`Summary::of`] would make of the fills.
#[derive(Debug)]
pub struct Parts {
    groupings: Vec<Grouping>,
    position: Option<String>,
    total: Group,
    net: Money,
    ended: Ended,
}

#[derive(Debug)]
struct Grouping {
    by: By,
    groups: BTreeMap<Name, Group>,
    /// What the position at hand made in each group.
    nets: Vec<(Name, Money)>,
}

/// The name of a group behind its rank: reasons and sources have one, what is missing is last.
type Name = (u8, Cow<'static, str>);

impl Parts {
    /// Nothing yet, to be grouped in each of these ways.
    #[must_use]
    pub fn new(by: &[By]) -> Self {
        let grouping = |&by: &By| Grouping { by, groups: BTreeMap::new(), nets: Vec::new() };
        let total = Group { name: "total".to_owned(), ..Group::default() };
        let groupings = by.iter().map(grouping).collect();
        Self { groupings, position: None, total, net: Money::ZERO, ended: Ended::Open }
    }

    /// Takes the next part.
    pub fn take(&mut self, part: &Part<'_>) {
        if self.position.as_deref() != Some(part.position) {
            self.conclude();
            self.position = Some(part.position.to_owned());
            self.ended = Ended::Open;
        }
        self.ended = self.ended.max(part.ended);
        add(&mut self.total, part);
        self.net += part.net;
        for grouping in &mut self.groupings {
            let name = grouping.by.group_name(part);
            let group = grouping.groups.entry(name.clone()).or_default();
            add(group, part);
            match grouping.nets.iter_mut().find(|(known, _)| *known == name) {
                Some((_, net)) => *net += part.net,
                None => grouping.nets.push((name, part.net)),
            }
        }
    }

    /// The summaries, in the order in which they were asked for.
    #[must_use]
    pub fn finish(mut self) -> Vec<Summary> {
        self.conclude();
        let named = |((_, name), group): (Name, Group)| Group { name: name.into_owned(), ..group };
        let total = self.total;
        let summary = |grouping: Grouping| Summary {
            by: grouping.by,
            groups: grouping.groups.into_iter().map(named).collect(),
            total: total.clone(),
        };
        self.groupings.into_iter().map(summary).collect()
    }

    /// Counts the position at hand by its outcome.
    fn conclude(&mut self) {
        if self.position.take().is_none() {
            return;
        }
        self.total.conclude(self.ended, std::mem::take(&mut self.net));
        for Grouping { groups, nets, .. } in &mut self.groupings {
            for (name, net) in nets.drain(..) {
                groups.entry(name).or_default().conclude(self.ended, net);
            }
        }
    }
}

fn add(group: &mut Group, part: &Part<'_>) {
    group.fills += part.fills;
    group.gross += part.gross;
    group.fees += part.fees;
    group.funding += part.funding;
    group.net += part.net;
}

impl By {
    fn group_name(self, part: &Part<'_>) -> Name {
        match self {
            Self::Reason => (part.reason as u8, part.reason.word().into()),
            Self::Source => (part.source as u8, part.source.word().into()),
            Self::Symbol => (0, part.symbol.to_owned().into()),
            Self::Strategy => part.strategy.map_or((1, "-".into()), |name| (0, name.to_owned().into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::tests::rows;

    #[test]
    fn parts_make_the_summaries_that_their_fills_make() {
        let mut rows = rows();
        for (row, (symbol, strategy)) in
            rows.iter_mut().zip([("B", "y"), ("B", "y"), ("B", "y"), ("A", ""), ("A", "x"), ("C", "x")])
        {
            row.symbol = symbol.to_owned();
            row.strategy = Some(strategy.to_owned()).filter(|name| !name.is_empty());
        }
        (rows[3].ended, rows[4].ended) = (Ended::Open, Ended::Unknown);
        let every = [By::Reason, By::Source, By::Symbol, By::Strategy];
        let mut parts = Parts::new(&every);
        for row in &rows {
            parts.take(&Part {
                position: &row.position_id,
                reason: row.reason,
                source: row.source,
                symbol: &row.symbol,
                strategy: row.strategy.as_deref(),
                fills: 1,
                gross: row.gross,
                fees: row.fees,
                funding: row.funding,
                net: row.net,
                ended: row.ended,
            });
        }
        assert_eq!(parts.finish(), every.map(|by| Summary::of(&rows, by)));
        assert_eq!(Parts::new(&[By::Reason]).finish(), [Summary::of(&[], By::Reason)]);
    }
}
