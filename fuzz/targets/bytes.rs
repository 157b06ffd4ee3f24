//! Bytes as choices: each asks for as few of them as it needs, and behind the end everything is 0.

/// Numbers at which arithmetic ends.
pub(crate) const EDGES: [i64; 12] = [
    0,
    1,
    -1,
    2,
    1 << 31,
    (1 << 56) - 1,
    1 << 56,
    (1 << 56) + 1,
    i64::MAX - 1,
    i64::MAX,
    i64::MIN + 1,
    i64::MIN,
];

pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl Bytes<'_> {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.array())
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    pub(crate) fn i64(&mut self) -> i64 {
        i64::from_le_bytes(self.array())
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::from(self.byte()) % from.len()]
    }

    /// From 0 to `most`, in two bytes.
    pub(crate) fn up_to(&mut self, most: i64) -> i64 {
        i64::from(self.u16()) % (most + 1)
    }

    /// An edge, a small number or any.
    pub(crate) fn number(&mut self) -> i64 {
        match self.byte() % 4 {
            0 => self.pick(&EDGES),
            1 => i64::from(self.byte()),
            2 => i64::from(self.u32()),
            _ => self.i64(),
        }
    }
}
