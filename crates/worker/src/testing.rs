//! What random tests need: a seed that is printed and can be given, and numbers from it.

/// The seed that a variable of the environment has, or a new one; a test that fails shows it.
pub fn seed(variable: &str) -> u64 {
    let given = std::env::var(variable)
        .ok()
        .and_then(|seed| seed.parse().ok());
    let seed = given.unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.map_or(1, |time| u64::from(time.subsec_nanos()) ^ time.as_secs())
    });
    println!("{variable}={seed}");
    seed
}

/// How often to repeat a random test: what a variable of the environment says, or `otherwise`.
pub fn rounds(variable: &str, otherwise: u32) -> u32 {
    let given = std::env::var(variable)
        .ok()
        .and_then(|rounds| rounds.parse().ok());
    given.unwrap_or(otherwise)
}

/// xorshift64*: the same numbers for the same seed everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % limit.max(1)
    }

    pub fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[7]
    }
}
