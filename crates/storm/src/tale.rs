//! What happened, line by line, for people who look into a seed.

use std::collections::VecDeque;
use std::fmt::Debug;

use ripcord_core::time::Timestamp;

use crate::oracle::shown;

/// Lines, of which the last are kept.
#[derive(Debug, Default)]
pub(crate) struct Tale {
    keeps: usize,
    lines: VecDeque<String>,
}

impl Tale {
    /// Keeps so many lines; 0 keeps none and costs nothing.
    pub(crate) const fn of(keeps: usize) -> Self {
        Self { keeps, lines: VecDeque::new() }
    }

    /// One line more.
    pub(crate) fn line(&mut self, at: Timestamp, who: &str, what: &impl Debug) {
        if self.keeps == 0 {
            return;
        }
        if self.lines.len() == self.keeps {
            self.lines.pop_front();
        }
        self.lines.push_back(format!("{:>12} {who:<8} {what:?}", shown(at)));
    }

    pub(crate) fn lines(self) -> Vec<String> {
        self.lines.into()
    }
}
