//! Chance from a seed: `SplitMix64`.

/// `SplitMix64` (Steele, Lea and Flood 2014): a counter, scrambled. Its 2^64 numbers come each
/// exactly once, it passes `BigCrush`, and it is ten lines, so that it never changes under us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chance {
    state: u64,
}

impl Chance {
    /// The numbers of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next 64 bits.
    pub const fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// A number below `end`, which is above 0. Multiply and shift: each is within 2^-32 of equally
    /// likely as long as `end` is below 2^32.
    pub const fn below(&mut self, end: u64) -> u64 {
        ((self.draw() as u128 * end as u128) >> 64) as u64
    }

    /// A number from `first` to `last`, both included.
    pub fn between(&mut self, first: i64, last: i64) -> i64 {
        assert!(first <= last, "there is no number from {first} to {last}");
        let steps = self.below(last.abs_diff(first) + 1);
        first + i64::try_from(steps).expect("the distance of two small numbers")
    }

    /// True this many times of a thousand.
    pub const fn permille(&mut self, times: u64) -> bool {
        self.below(1_000) < times
    }

    /// Around 0 with a standard deviation of `deviation`, at most 3.5 times that: the sum of four
    /// equally distributed numbers, which is near enough to a bell.
    pub fn bell(&mut self, deviation: i64) -> i64 {
        // Four numbers from -1000 to 1000 have a deviation of 1155 together.
        let sum: i64 = (0..4).map(|_| self.between(-1_000, 1_000)).sum();
        sum * deviation / 1_155
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_answers_of_splitmix64() {
        // From the reference implementation (prng.di.unimi.it/splitmix64.c), seed 1234567.
        let mut chance = Chance::new(1_234_567);
        let drawn: Vec<u64> = (0..5).map(|_| chance.draw()).collect();
        assert_eq!(
            drawn,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423,
                4_593_380_528_125_082_431,
                16_408_922_859_458_223_821,
            ]
        );
    }

    #[test]
    fn ranges_are_kept_and_reached() {
        let mut chance = Chance::new(1);
        let drawn: Vec<i64> = (0..2_000).map(|_| chance.between(-2, 3)).collect();
        for wanted in -2..=3 {
            let times = drawn.iter().filter(|&&number| number == wanted).count();
            assert!((250..420).contains(&times), "{wanted} came {times} times of 2000");
        }
        assert!(drawn.iter().all(|number| (-2..=3).contains(number)));
    }

    #[test]
    fn the_bell_has_the_deviation_it_is_given() {
        let mut chance = Chance::new(2);
        let drawn: Vec<i64> = (0..10_000).map(|_| chance.bell(1_000)).collect();
        let mean = drawn.iter().sum::<i64>() / 10_000;
        let variance = drawn.iter().map(|number| number * number).sum::<i64>() / 10_000;
        assert!(mean.abs() < 40, "mean {mean}");
        assert!((950_000..1_050_000).contains(&variance), "variance {variance}");
    }
}
