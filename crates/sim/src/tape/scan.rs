//! Where does a price leave its band? The answer from the columns.
//!
//! The loops are written so that the compiler turns them into vector code on every 64-bit x86:
//! SSE2 has no 64-bit compare, but it can subtract, and the sign of a difference is a compare.

use ripcord_core::market::PriceSource;

use super::Tape;

/// An open band per price source: a price is inside while `lo < price < hi`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bands {
    /// Lower edges, by code of the source; a price at or below its edge is outside.
    pub lo: [i64; 5],
    /// Upper edges, by code of the source; a price at or above its edge is outside.
    pub hi: [i64; 5],
}

impl Bands {
    /// Bands that no price leaves.
    pub const OPEN: Self = Self { lo: [i64::MIN; 5], hi: [i64::MAX; 5] };

    /// These bands with another one for one source.
    #[must_use]
    pub const fn with(mut self, source: PriceSource, lo: i64, hi: i64) -> Self {
        self.lo[source as usize] = lo;
        self.hi[source as usize] = hi;
        self
    }

    /// The lowest and the highest price inside, such that for every price from 1 to `i64::MAX`
    /// the sign of `(price - lowest) | (highest - price)`, wrapping, says "outside".
    #[inline]
    pub(super) const fn inside(&self, code: usize) -> Inside {
        // Prices are positive: lower edges below -1 say no more than -1, and the subtraction
        // cannot leave 64 bits. Both `+ 1` at i64::MAX and `- 1` wrap to the right sign.
        let lo = if self.lo[code] < -1 { -1 } else { self.lo[code] };
        let hi = if self.hi[code] < 0 { 0 } else { self.hi[code] };
        Inside { lowest: lo.wrapping_add(1), highest: hi.wrapping_sub(1) }
    }
}

/// The closed form of an open band.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inside {
    lowest: i64,
    highest: i64,
}

impl Inside {
    /// A band that no price leaves.
    const ANY: Self = Self { lowest: 0, highest: i64::MAX };

    /// Negative when the price is outside.
    #[inline(always)]
    const fn sign(self, price: i64) -> i64 {
        price.wrapping_sub(self.lowest) | self.highest.wrapping_sub(price)
    }
}

/// Rows that are looked at before a branch asks whether one was outside: eight cache lines.
const STRIDE: usize = 64;
/// Rows of the finer look after a stride had one outside.
const FINE: usize = 8;

impl Tape {
    /// The first row in `[from, to)` whose price is outside its source's open band (at or below
    /// `lo`, at or above `hi`); `to` when there is none. Reads the columns: the time grows with
    /// the distance. `to` beyond the last row stands for the end.
    #[inline]
    #[must_use]
    pub fn scan(&self, from: usize, to: usize, bands: &Bands) -> usize {
        let end = to.min(self.rows);
        if from >= end {
            return to;
        }
        let found = match self.single {
            Some(source) => first_outside(&self.price()[from..end], bands.inside(source as usize)),
            None => first_outside_of_its_own(&self.price()[from..end], &self.source()[from..end], bands),
        };
        found.map_or(to, |at| from + at)
    }
}

#[inline]
pub(super) fn first_outside(price: &[i64], inside: Inside) -> Option<usize> {
    let (strides, rest) = price.as_chunks::<STRIDE>();
    for (n, stride) in strides.iter().enumerate() {
        let sign = stride.iter().fold(0, |sign, &price| sign | inside.sign(price));
        if sign < 0 {
            return first_in_stride(stride, inside).map(|at| n * STRIDE + at);
        }
    }
    first_in_stride(rest, inside).map(|at| strides.len() * STRIDE + at)
}

#[inline]
fn first_in_stride(price: &[i64], inside: Inside) -> Option<usize> {
    let (groups, rest) = price.as_chunks::<FINE>();
    for (n, group) in groups.iter().enumerate() {
        let sign = group.iter().fold(0, |sign, &price| sign | inside.sign(price));
        if sign < 0 {
            return group.iter().position(|&price| inside.sign(price) < 0).map(|at| n * FINE + at);
        }
    }
    rest.iter().position(|&price| inside.sign(price) < 0).map(|at| groups.len() * FINE + at)
}

/// Codes are taken modulo eight, so that a code that is none cannot reach beyond the table.
const CODES: usize = 8;

pub(super) fn first_outside_of_its_own(price: &[i64], source: &[u8], bands: &Bands) -> Option<usize> {
    let mut inside = [Inside::ANY; CODES];
    for source in PriceSource::ALL {
        inside[source as usize] = bands.inside(source as usize);
    }
    let sign = |price: i64, code: u8| inside[usize::from(code) % CODES].sign(price);
    let (price_groups, price_rest) = price.as_chunks::<FINE>();
    let (source_groups, source_rest) = source.as_chunks::<FINE>();
    for (n, (prices, sources)) in price_groups.iter().zip(source_groups).enumerate() {
        let mut outside = 0;
        for at in 0..FINE {
            outside |= sign(prices[at], sources[at]);
        }
        if outside < 0 {
            let at = (0..FINE).position(|at| sign(prices[at], sources[at]) < 0);
            return at.map(|at| n * FINE + at);
        }
    }
    let mut rest = price_rest.iter().zip(source_rest);
    rest.position(|(&price, &code)| sign(price, code) < 0).map(|at| price_groups.len() * FINE + at)
}
