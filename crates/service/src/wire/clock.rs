//! How far the clock of a venue is from ours.
//!
//! Ages of prices decide whether they are acted upon, so a venue whose clock differs must not look like one
//! whose prices are late. Its times are taken over as ours: corrected by what its answers and prices prove. An
//! answer was drawn up between our question and our hearing it; no price is of the future.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use ripcord_core::time::{Span, Timestamp};

/// So many prices in a row that would be of the future prove that the clocks differ; one may be a mistake.
const PROOF: usize = 5;
/// Of so many prices it is remembered how long they took.
const REMEMBERED: usize = 16;
/// However wrong its time is, a price is this far ahead of us at most: it is doubted, and the next ones are not.
const AHEAD_MOST: Span = Span::from_secs(2);
/// A difference that changed by less than this is not worth a word.
const TOLD_FROM: Span = Span::from_millis(500);

/// The difference, known to whoever hears the venue.
#[derive(Debug, Clone, Default)]
pub struct VenueClock(Arc<Mutex<Difference>>);

#[derive(Debug, Default)]
struct Difference {
    /// Added to the venue's times they are ours; in nanoseconds.
    offset: i64,
    /// How long the newest prices took by the two clocks, the newest last; negative when the venue is ahead.
    took: VecDeque<i64>,
    told: i64,
}

impl VenueClock {
    /// The moment of ours at which the venue's clock showed `theirs`.
    #[must_use]
    pub fn ours(&self, theirs: Timestamp) -> Timestamp {
        Timestamp(theirs.0.saturating_add(self.difference().offset))
    }

    /// A conversation begins: the venue said what time it was, between two moments of ours.
    pub fn begin(&self, asked: Timestamp, theirs: Timestamp, heard: Timestamp) {
        let (least, most) = (asked.0.saturating_sub(theirs.0), heard.0.saturating_sub(theirs.0));
        let mut difference = self.difference();
        difference.took.clear();
        difference.offset = difference.offset.clamp(least, most.max(least));
    }

    /// An answer, asked for at `asked`, was drawn up at `theirs`: not before it was asked for. It may come from a
    /// copy that lags behind, so nothing is believed that would make the newest prices ones of the future.
    pub fn answered(&self, asked: Timestamp, theirs: Timestamp) {
        let mut difference = self.difference();
        let least = asked.0.saturating_sub(theirs.0);
        let most = difference.took.iter().copied().min().unwrap_or(i64::MAX);
        let offset = least.min(most);
        difference.offset = difference.offset.max(offset);
    }

    /// A price that the venue gave the time `theirs` is heard at `heard`: when it was, by our clock.
    #[must_use]
    pub fn price(&self, theirs: Timestamp, heard: Timestamp) -> Timestamp {
        let mut difference = self.difference();
        if difference.took.len() == REMEMBERED {
            difference.took.pop_front();
        }
        difference.took.push_back(heard.0.saturating_sub(theirs.0));
        let newest = difference.took.iter().rev().take(PROOF);
        let slowest = newest.copied().max().unwrap_or(0);
        if difference.took.len() >= PROOF && slowest < difference.offset {
            difference.offset = slowest;
        }
        Timestamp(theirs.0.saturating_add(difference.offset)).min(heard.after(AHEAD_MOST))
    }

    /// The difference, when it is another one than was told: positive when the venue's clock is behind ours.
    #[must_use]
    pub fn news(&self) -> Option<Span> {
        let mut difference = self.difference();
        let is_news = difference.offset.abs_diff(difference.told) >= TOLD_FROM.0.unsigned_abs();
        is_news.then(|| {
            difference.told = difference.offset;
            Span(difference.offset)
        })
    }

    fn difference(&self) -> std::sync::MutexGuard<'_, Difference> {
        // Nothing in here can be left half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn at(seconds: i64) -> Timestamp {
        Timestamp(1_000_000 * SECOND + seconds * SECOND)
    }

    #[test]
    fn clocks_that_agree_are_left_alone() {
        let clock = VenueClock::default();
        clock.begin(at(0), at(0), at(1));
        assert_eq!(clock.price(at(5), at(5)), at(5));
        assert_eq!(clock.price(at(5), at(20)), at(5), "a late price is late");
        clock.answered(at(20), at(20));
        assert_eq!((clock.ours(at(7)), clock.news()), (at(7), None));
    }

    #[test]
    fn a_venue_whose_clock_differs_at_the_beginning_is_understood() {
        for off in [-3_600, -12, -2, 2, 12, 3_600] {
            let clock = VenueClock::default();
            clock.begin(at(0), at(off), at(0));
            assert_eq!(clock.price(at(5 + off), at(5)), at(5), "{off}");
            assert_eq!(clock.news(), Some(Span::from_secs(-off)));
            assert_eq!(clock.news(), None, "told once");
        }
    }

    #[test]
    fn one_price_of_the_future_proves_nothing_and_five_do() {
        let clock = VenueClock::default();
        clock.begin(at(0), at(0), at(0));
        assert_eq!(clock.price(at(3_601), at(1)), at(1).after(AHEAD_MOST));
        assert_eq!(clock.price(Timestamp(i64::MAX), at(2)), at(2).after(AHEAD_MOST));
        assert_eq!(clock.price(at(3), at(3)), at(3));
        for second in 4..8 {
            assert_eq!(clock.price(at(second + 2), at(second)), at(second).after(AHEAD_MOST));
        }
        assert_eq!(clock.price(at(10), at(8)), at(8), "five in a row");
        assert_eq!(clock.price(at(11), at(9)), at(9));
    }

    #[test]
    fn a_clock_of_ours_that_leaps_ahead_is_found_by_the_next_answer() {
        let clock = VenueClock::default();
        clock.begin(at(0), at(0), at(0));
        for second in 1..=20 {
            // Ours is ten minutes ahead from here on.
            assert_eq!(clock.price(at(second), at(second + 600)), at(second));
        }
        clock.answered(at(621), at(21));
        assert_eq!(clock.price(at(22), at(622)), at(622));
    }

    #[test]
    fn an_answer_of_a_copy_that_lags_behind_changes_nothing() {
        let clock = VenueClock::default();
        clock.begin(at(0), at(0), at(0));
        assert_eq!(clock.price(at(9), at(9)), at(9));
        clock.answered(at(10), at(5));
        assert_eq!(clock.price(at(11), at(11)), at(11));
    }

    #[test]
    fn late_prices_of_a_venue_with_the_right_time_stay_late() {
        let clock = VenueClock::default();
        clock.begin(at(0), at(0), at(0));
        for second in 20..60 {
            assert_eq!(clock.price(at(second - 15), at(second)), at(second - 15));
            clock.answered(at(second), at(second));
        }
    }
}
