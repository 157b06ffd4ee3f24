//! Answers that were given, by the key of the request: asked again, it is answered again and not done again.
//!
//! Kept in memory for a day. They end with the process: after a restart the journal says what was done.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ripcord_core::time::{Span, Timestamp};

/// An answer is kept at least this long, unless so many are given that it would not fit.
pub const KEPT_FOR: Span = Span::from_secs(24 * 60 * 60);
/// So many answers are kept at most. A refused exit would be worse than a forgotten answer, so the
/// oldest goes.
const KEPT_MAX: usize = 100_000;
/// Bodies of so many bytes are kept at most, for the same reason.
const BYTES_MAX: usize = 64 << 20;

/// A status code and a body of JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// The status code.
    pub code: u16,
    /// The body.
    pub body: Arc<str>,
}

/// What is known of a key.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// Nothing: it is ours to answer, by [`Answers::keep`] or [`Answers::forget`].
    New,
    /// It was answered.
    Before(Answered),
    /// It was asked for something else.
    Otherwise,
    /// It is being answered.
    UnderWay,
}

/// The answers of a run.
#[derive(Debug, Default)]
pub struct Answers(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    by_key: HashMap<String, (blake3::Hash, Option<Answered>)>,
    /// Answered keys, the oldest first.
    oldest: VecDeque<(Timestamp, String)>,
    bytes: usize,
}

impl Answers {
    /// Looks a key up that comes with this request, and takes it if it is new.
    pub fn look(&self, key: &str, request: blake3::Hash, now: Timestamp) -> Asked {
        let mut kept = self.kept();
        kept.drop_old(now);
        match kept.by_key.get(key) {
            None => {
                kept.by_key.insert(key.to_owned(), (request, None));
                Asked::New
            }
            Some((before, _)) if *before != request => Asked::Otherwise,
            Some((_, None)) => Asked::UnderWay,
            Some((_, Some(answer))) => Asked::Before(answer.clone()),
        }
    }

    /// Keeps the answer to a key that was new.
    pub fn keep(&self, key: &str, answer: Answered, now: Timestamp) {
        let mut kept = self.kept();
        let bytes = answer.body.len();
        let Some((_, place)) = kept.by_key.get_mut(key) else { return };
        *place = Some(answer);
        kept.bytes += bytes;
        kept.oldest.push_back((now, key.to_owned()));
    }

    /// Nothing was done for a key that was new: it may be used again.
    pub fn forget(&self, key: &str) {
        self.kept().by_key.remove(key);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing in here panics half way through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn drop_old(&mut self, now: Timestamp) {
        while let Some((at, _)) = self.oldest.front() {
            let is_old = now.since(*at) > KEPT_FOR;
            if !is_old && self.oldest.len() < KEPT_MAX && self.bytes < BYTES_MAX {
                return;
            }
            let Some((_, key)) = self.oldest.pop_front() else { return };
            if let Some((_, Some(answer))) = self.by_key.remove(&key) {
                self.bytes -= answer.body.len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str) -> Answered {
        Answered { code: 200, body: text.into() }
    }

    #[test]
    fn a_key_is_answered_once_and_then_the_same_for_a_day() {
        let (answers, one, other) = (Answers::default(), blake3::hash(b"1"), blake3::hash(b"2"));
        let at = |seconds| Timestamp(0).after(Span::from_secs(seconds));
        assert_eq!(answers.look("a", one, at(0)), Asked::New);
        assert_eq!(answers.look("a", one, at(0)), Asked::UnderWay);
        assert_eq!(answers.look("a", other, at(0)), Asked::Otherwise);
        answers.keep("a", answer("done"), at(1));
        let day = 24 * 60 * 60;
        assert_eq!(answers.look("a", one, at(day)), Asked::Before(answer("done")));
        assert_eq!(answers.look("a", other, at(day)), Asked::Otherwise);
        assert_eq!(answers.look("b", one, at(day)), Asked::New);
        assert_eq!(answers.look("a", one, at(day + 2)), Asked::New);
    }

    #[test]
    fn what_was_not_done_may_be_asked_again() {
        let (answers, one) = (Answers::default(), blake3::hash(b"1"));
        assert_eq!(answers.look("a", one, Timestamp(0)), Asked::New);
        answers.forget("a");
        assert_eq!(answers.look("a", one, Timestamp(0)), Asked::New);
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_goes_first() {
        let (answers, one) = (Answers::default(), blake3::hash(b"1"));
        let body = "x".repeat(BYTES_MAX / 4);
        for key in ["a", "b", "c", "d"] {
            assert_eq!(answers.look(key, one, Timestamp(0)), Asked::New);
            answers.keep(key, answer(&body), Timestamp(0));
        }
        assert_eq!(answers.look("e", one, Timestamp(0)), Asked::New);
        assert_eq!(answers.look("b", one, Timestamp(0)), Asked::Before(answer(&body)));
        assert_eq!(answers.look("a", one, Timestamp(0)), Asked::New, "the oldest went");
    }
}
