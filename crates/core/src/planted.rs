//! Bugs planted on purpose, to learn whether the fault simulator would find them.
//!
//! A site reads `if planted(17)`; without the feature `planted` that is `if false` and nothing of it is
//! compiled. The catalogue of the numbers, and what each does wrong, is crates/storm/src/bugs. No program
//! that is installed turns the feature on; `cargo xtask tidy` proves it.

#[cfg(feature = "planted")]
mod chosen {
    use std::cell::Cell;

    /// Stands in every binary that can go wrong on purpose, and in no other.
    const MARK: &str = "ripcord: bugs are planted in this binary";
    /// No bug has a higher number.
    const MOST: u16 = 999;

    std::thread_local! {
        static CHOSEN: Cell<u16> = const { Cell::new(0) };
    }

    /// From here on the engine of this thread has the bug; 0 is none.
    pub fn choose(bug: u16) {
        CHOSEN.set(bug);
    }

    /// Whether the engine has this bug.
    #[must_use]
    #[inline(never)]
    pub fn planted(bug: u16) -> bool {
        let chosen = CHOSEN.get();
        assert!(chosen <= MOST, "{MARK}, and none has the number {chosen}");
        chosen == bug
    }
}

#[cfg(feature = "planted")]
pub use chosen::{choose, planted};

/// Whether the engine has this bug: it has none.
#[cfg(not(feature = "planted"))]
#[must_use]
#[inline(always)]
pub const fn planted(_bug: u16) -> bool {
    false
}
