//! Numbers that are the same for the same seed, and how much a test does of what it could.

use std::fmt::Debug;
use std::str::FromStr;

/// A number that a variable of the environment has, or another one; a test that fails shows it.
pub fn setting<T: FromStr + Debug + Copy>(variable: &str, otherwise: T) -> T {
    let given = std::env::var(variable).ok();
    let value = given
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise);
    println!("{variable}={value:?}");
    value
}

/// xorshift64*
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        let mut random = Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        for _ in 0..8 {
            random.next();
        }
        random
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from((self.next() >> 11) % (end.max(1) as u64)).unwrap_or(0)
    }

    pub fn pick<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}
