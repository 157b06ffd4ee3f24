//! A fast hash of 64 bits that is the same everywhere and in every run.

use std::hash::Hasher;

/// Folds words by multiplication: what one bit changes, all bits feel.
#[derive(Debug, Clone, Default)]
pub struct Digest(u64);

const SEED: u64 = 0x9E37_79B9_7F4A_7C15;
const FACTOR: u64 = 0xD6E8_FEB8_6659_FD93;

impl Digest {
    #[inline(always)]
    fn add(&mut self, word: u64) {
        let product = u128::from(self.0.rotate_left(23) ^ word ^ SEED) * u128::from(FACTOR);
        self.0 = ((product >> 64) as u64 ^ product as u64).wrapping_add(word);
    }
}

impl Hasher for Digest {
    fn finish(&self) -> u64 {
        let mut last = self.clone();
        last.add(0x51);
        last.add(0x7A);
        last.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.add(u64::from_le_bytes(word) ^ (chunk.len() as u64) << 56);
        }
    }

    fn write_u8(&mut self, n: u8) {
        self.add(u64::from(n));
    }

    fn write_u16(&mut self, n: u16) {
        self.add(u64::from(n));
    }

    fn write_u32(&mut self, n: u32) {
        self.add(u64::from(n));
    }

    fn write_u64(&mut self, n: u64) {
        self.add(n);
    }

    fn write_i64(&mut self, n: i64) {
        self.add(n.cast_unsigned());
    }

    fn write_isize(&mut self, n: isize) {
        self.add(n as u64);
    }

    fn write_usize(&mut self, n: usize) {
        self.add(n as u64);
    }

    fn write_u128(&mut self, n: u128) {
        self.add(n as u64);
        self.add((n >> 64) as u64);
    }

    fn write_i128(&mut self, n: i128) {
        self.write_u128(n.cast_unsigned());
    }
}
