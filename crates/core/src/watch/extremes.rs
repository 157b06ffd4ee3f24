//! The highest price since any moment that was marked: a monotone stack over segments of time.

/// A moment that was marked in one [`Extremes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(u64);

impl Moment {
    /// Later than every marked moment.
    pub const NEVER: Self = Self(u64::MAX);
}

/// Running maxima of oriented prices. Each entry covers the moments from its own to the next
/// entry's, and holds the highest price since any of them up to now, save what is still open in
/// the cell.
#[derive(Debug, Clone, Default)]
pub struct Extremes {
    stack: Vec<(Moment, i64)>,
    next: u64,
}

impl Extremes {
    /// Closes the segment since the last mark with its highest price (`None` when no price came)
    /// and marks this moment.
    pub fn mark(&mut self, highest: Option<i64>) -> Moment {
        self.close(highest);
        Moment(self.next)
    }

    /// The highest price since `moment` in closed segments and in `open`, the highest of the
    /// segment that is still running.
    #[must_use]
    pub fn since(&self, moment: Moment, open: Option<i64>) -> Option<i64> {
        let after = self.stack.partition_point(|entry| entry.0 <= moment);
        // The entry before `after` covers `moment` unless it ended earlier; its maximum stands at its end,
        // so it counts whenever the segment that holds it is not older than the moment.
        let closed = if after > 0 && self.covers(after - 1, moment) {
            Some(self.stack[after - 1].1)
        } else {
            self.stack.get(after).map(|entry| entry.1)
        };
        closed.max(open)
    }

    /// Drops entries that nobody older than `oldest` asks for.
    pub fn forget_before(&mut self, oldest: Moment) {
        let keep = self.stack.partition_point(|entry| entry.0 <= oldest).saturating_sub(1);
        self.stack.drain(..keep);
    }

    /// Entries held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.stack.len()
    }

    /// Whether no segment was closed yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.stack.is_empty()
    }

    fn covers(&self, index: usize, moment: Moment) -> bool {
        let end = self.stack.get(index + 1).map_or(self.next, |entry| entry.0.0);
        moment.0 < end
    }

    fn close(&mut self, highest: Option<i64>) {
        let Some(highest) = highest else { return };
        let mut start = Moment(self.next);
        while let Some(&(moment, max)) = self.stack.last()
            && max <= highest
        {
            start = moment;
            self.stack.pop();
        }
        self.stack.push((start, highest));
        self.next += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_highest_since_any_mark_is_the_highest_of_the_prices_after_it(
            segments in prop::collection::vec(prop::collection::vec(-50i64..50, 0..4), 1..40)
        ) {
            let mut extremes = Extremes::default();
            let mut marks = vec![(extremes.mark(None), 0)];
            let mut prices: Vec<i64> = Vec::new();
            for (n, segment) in segments.iter().enumerate() {
                prices.extend(segment);
                let open = segment.iter().copied().max();
                for &(moment, from) in &marks {
                    prop_assert_eq!(extremes.since(moment, open), prices[from..].iter().copied().max());
                }
                if n % 7 != 3 {
                    marks.push((extremes.mark(open), prices.len()));
                } else {
                    extremes.close(open);
                }
                for &(moment, from) in &marks {
                    prop_assert_eq!(extremes.since(moment, None), prices[from..].iter().copied().max());
                }
            }
        }
    }
}
