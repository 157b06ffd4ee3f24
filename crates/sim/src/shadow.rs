//! Shadow: what we would have done beside somebody who trades an account by themselves.
//!
//! Orders go to a venue of our own making; its books follow the real account, less what was closed there
//! virtually. A position that was closed virtually stays closed until its real size has been zero. Shadow
//! protects nothing: no order of it reaches anybody. Going live takes nothing over from it: a coordinator of
//! its own reads the account, and finds what is really held.

use std::collections::BTreeMap;

use ripcord_core::account::{Holding, Reading};
use ripcord_core::id::PositionKey;
use ripcord_core::num::{Price, Qty};
use ripcord_core::time::Timestamp;

use crate::desk::{Desk, Reader};

/// What is known of a real account, and what of it was closed virtually.
#[derive(Debug, Clone, Default)]
pub struct Shadow {
    buckets: BTreeMap<PositionKey, Mirror>,
}

/// One bucket of the real account beside that of the virtual venue.
#[derive(Debug, Clone, Copy, Default)]
struct Mirror {
    /// What the real account held when it was last read.
    real: Qty,
    /// What the virtual books were set to then.
    shown: Qty,
    /// What was closed virtually since the real size was zero.
    closed: Qty,
    /// Everything was closed virtually: what is bought more is not ours before it was zero.
    is_done: bool,
}

impl Shadow {
    /// Of an account that was never read.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the real account held of a bucket when it was last read.
    #[must_use]
    pub fn real(&self, key: PositionKey) -> Qty {
        self.buckets.get(&key).map_or(Qty(0), |mirror| mirror.real)
    }

    /// Brings the virtual books up to a read of the real account. A read that failed says nothing.
    pub fn follow(&mut self, desk: &mut Desk, now: Timestamp, real: &Reading, reader: &mut impl Reader) {
        let Some(held) = &real.held else { return };
        desk.advance_to(now, reader);
        let key = |holding: &Holding| PositionKey {
            account: real.account,
            instrument: holding.instrument,
            side: holding.side,
        };
        let held: BTreeMap<PositionKey, &Holding> = held.iter().map(|one| (key(one), one)).collect();
        for &key in held.keys() {
            self.buckets.entry(key).or_default();
        }
        for (&key, mirror) in self.buckets.iter_mut().filter(|(key, _)| key.account == real.account) {
            let holding = held.get(&key).copied();
            let books = desk.venue.held(key);
            let to = mirror.turn_to(holding.map_or(Qty(0), |holding| holding.qty), books);
            let trade = to.0 - books.0;
            if trade != 0 {
                // The price of a trade that nobody told is not known: reads find it, and say so.
                let entry = holding.and_then(|holding| holding.entry).unwrap_or(Price(0));
                desk.trade_by_hand(now, key, (trade, entry), false, reader);
            }
        }
    }
}

impl Mirror {
    /// The real size is known anew, and what the virtual books hold: what they should hold.
    fn turn_to(&mut self, real: Qty, books: Qty) -> Qty {
        self.closed.0 += (self.shown.0 - books.0).max(0);
        self.is_done |= self.closed.0 > 0 && books.0 == 0;
        if real.0 == 0 {
            *self = Self::default();
        }
        self.real = real;
        self.shown = if self.is_done { Qty(0) } else { Qty((real.0 - self.closed.0).max(0)) };
        self.shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_closed_virtually_stays_closed_until_the_real_size_was_zero() {
        let mut mirror = Mirror::default();
        let steps = [
            // real, books before, books after
            (10, 0, 10),
            (10, 10, 10),
            // Four are sold virtually; then the real account sells three.
            (10, 6, 6),
            (7, 6, 3),
            // The rest is sold virtually: more that is bought is not ours.
            (7, 0, 0),
            (12, 0, 0),
            (0, 0, 0),
            (5, 0, 5),
        ];
        for (at, (real, books, after)) in steps.into_iter().enumerate() {
            assert_eq!(mirror.turn_to(Qty(real), Qty(books)), Qty(after), "step {at}");
        }
    }
}
