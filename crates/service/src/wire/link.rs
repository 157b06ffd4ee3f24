//! How the conversation with a venue goes.

use std::collections::VecDeque;

use ripcord_core::time::{Span, Timestamp};

/// So many breaks ..
pub const BREAKS_MANY: usize = 5;
/// .. within this are a conversation that does not hold.
pub const BREAKS_WITHIN: Span = Span::from_secs(60);

/// Whether the venue can be spoken to, and how often the conversation broke off lately.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Link {
    away: Option<(Timestamp, String)>,
    /// When it broke off, the last times.
    breaks: VecDeque<Timestamp>,
}

impl Link {
    /// It began, or began again.
    pub fn up(&mut self) {
        self.away = None;
    }

    /// It broke off, or could not be begun; whether this makes it one that does not hold.
    pub fn down(&mut self, at: Timestamp, why: &str) -> bool {
        if let Some((_, known)) = &mut self.away {
            why.clone_into(known);
            return false;
        }
        self.away = Some((at, why.to_owned()));
        let was_loose = self.breaks.back().is_some_and(|&last| self.is_loose(last));
        if self.breaks.len() == BREAKS_MANY {
            self.breaks.pop_front();
        }
        self.breaks.push_back(at);
        self.is_loose(at) && !was_loose
    }

    /// Since when the venue cannot be spoken to, and why; none while it can.
    #[must_use]
    pub const fn away(&self) -> Option<&(Timestamp, String)> {
        self.away.as_ref()
    }

    /// Whether it broke off [`BREAKS_MANY`] times within [`BREAKS_WITHIN`] before `now`.
    #[must_use]
    pub fn is_loose(&self, now: Timestamp) -> bool {
        let first = self.breaks.front().filter(|_| self.breaks.len() == BREAKS_MANY);
        first.is_some_and(|&first| now.since(first) <= BREAKS_WITHIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000_000_000)
    }

    #[test]
    fn a_conversation_that_breaks_off_five_times_in_a_minute_does_not_hold() {
        let mut link = Link::default();
        for n in 0..4 {
            assert!(!link.down(at(n * 10), "closed"), "{n}");
            link.up();
        }
        assert!(!link.is_loose(at(40)));
        assert!(link.down(at(40), "closed"), "told once");
        link.up();
        assert!(!link.down(at(41), "closed"), "and not again");
        assert!(link.is_loose(at(41)));
        assert!(!link.is_loose(at(71)), "the first of five is more than a minute old");
        assert_eq!(link.away(), Some(&(at(41), "closed".to_owned())));
    }

    #[test]
    fn a_venue_that_is_tried_in_vain_broke_off_once() {
        let mut link = Link::default();
        for n in 0..50 {
            assert!(!link.down(at(n), if n % 2 == 0 { "refused" } else { "timed out" }));
        }
        assert_eq!(link.away(), Some(&(at(0), "timed out".to_owned())));
        assert!(!link.is_loose(at(50)));
    }
}
