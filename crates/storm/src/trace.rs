//! What a world did, in one number.

use ripcord_core::time::Timestamp;

use crate::exchange::Fact;

/// A hash over everything that happened, in its order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trace(u64);

impl Default for Trace {
    fn default() -> Self {
        Self(0xCBF2_9CE4_8422_2325)
    }
}

impl Trace {
    /// One number more.
    pub(crate) const fn mix(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x0000_0100_0000_01B3).rotate_left(23);
    }

    /// Something that the exchange did.
    pub(crate) fn fact(&mut self, now: Timestamp, fact: &Fact) {
        self.mix(now.0.cast_unsigned());
        match fact {
            Fact::Traded { id, qty, price, held } => {
                for number in [i64::from(id.exit), i64::from(id.attempt), *qty, *price, *held] {
                    self.mix(number.cast_unsigned());
                }
            }
            Fact::Entered { qty, held, .. } | Fact::Outside { qty, held, .. } => {
                self.mix(qty.cast_unsigned());
                self.mix(held.cast_unsigned());
            }
            Fact::Arrived(order) => self.mix(order.qty.0.cast_unsigned()),
            Fact::Reused(_) | Fact::Took(_) | Fact::Ended { .. } | Fact::Edited { .. } => self.mix(1),
        }
    }

    pub(crate) const fn digest(self) -> u64 {
        self.0
    }
}
