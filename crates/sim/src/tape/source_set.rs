//! Which price sources occur.

use ripcord_core::market::PriceSource;

/// A set of price sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SourceSet(u8);

/// Stands for "no slot" in [`SourceSet::slots`].
const NO_SLOT: u8 = u8::MAX;

impl SourceSet {
    /// No source.
    pub const EMPTY: Self = Self(0);

    /// This set and one more source.
    #[must_use]
    pub const fn with(self, source: PriceSource) -> Self {
        Self(self.0 | 1 << source as u8)
    }

    /// Whether the source is in the set.
    #[inline]
    #[must_use]
    pub const fn contains(self, source: PriceSource) -> bool {
        self.0 & (1 << source as u8) != 0
    }

    /// How many sources are in the set.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Whether no source is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The source of a set of one.
    #[must_use]
    pub fn single(self) -> Option<PriceSource> {
        if self.len() == 1 { self.iter().next() } else { None }
    }

    /// The sources, in the order of their codes.
    pub fn iter(self) -> impl Iterator<Item = PriceSource> {
        PriceSource::ALL.into_iter().filter(move |source| self.contains(*source))
    }

    /// The sources with these codes; none when a code is not one of a source.
    pub(crate) fn of_codes(codes: &[u8]) -> Option<Self> {
        // Most tapes have one source: compare whole runs with the first code, ask singly after.
        let mut set = Self::EMPTY;
        for run in codes.chunks(4096) {
            let first = run[0];
            if run.iter().fold(0, |odd, &code| odd | (code ^ first)) == 0 {
                set = set.with(PriceSource::from_code(first)?);
                continue;
            }
            let seen = run.iter().fold(0_u32, |seen, &code| seen | 1 << code.min(31));
            set.0 |= u8::try_from(seen).ok()?;
        }
        Self::from_bits(set.0)
    }

    /// Bit n stands for the source with code n.
    pub(super) const fn bits(self) -> u8 {
        self.0
    }

    pub(super) fn from_bits(bits: u8) -> Option<Self> {
        (bits >> PriceSource::ALL.len() == 0).then_some(Self(bits))
    }

    /// Place of a source's share within a pyramid node.
    #[inline]
    pub(super) const fn slot(self, source: PriceSource) -> Option<usize> {
        if !self.contains(source) {
            return None;
        }
        Some((self.0 & ((1 << source as u8) - 1)).count_ones() as usize)
    }

    /// Place of each code's share within a pyramid node; out of range for codes that do not occur.
    pub(super) fn slots(self) -> [u8; 256] {
        let mut slots = [NO_SLOT; 256];
        for (slot, source) in self.iter().enumerate() {
            slots[source as usize] = slot as u8;
        }
        slots
    }
}
