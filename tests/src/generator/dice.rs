//! Numbers from a seed.

/// `SplitMix64`, started from several numbers.
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn of(parts: [u64; 3]) -> Self {
        let mut dice = Self(0x6a09_e667_f3bc_c908);
        for part in parts {
            dice.0 ^= part;
            dice.next();
            dice.0 = dice.0.rotate_left(23);
        }
        dice
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// `low` to `high`, both included.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = u64::try_from(high - low).unwrap_or(0) + 1;
        low + i64::try_from(self.next() % span).unwrap_or(0)
    }

    /// Around 0, rarely beyond three times `spread`: the sum of three throws.
    pub(super) fn around(&mut self, spread: i64) -> i64 {
        self.between(-spread, spread)
            + self.between(-spread, spread)
            + self.between(-spread, spread)
    }

    /// True once in `times`.
    pub(super) fn once_in(&mut self, times: u64) -> bool {
        self.next().is_multiple_of(times)
    }
}
