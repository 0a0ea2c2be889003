//! Moments by chance, the same for the same seed.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

/// Draws moments.
pub(crate) struct Chance(u64);

/// A seed that nobody chose, short enough to be typed.
pub(crate) fn seed() -> u64 {
    RandomState::new().build_hasher().finish() >> 32
}

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// When to kill a process that has just been started.
    ///
    /// Three of four fall where a new desk has most of its effects; the fourth comes after the leases that the kill before
    /// left behind have ended, or finds the process gone.
    pub(crate) fn moment(&mut self) -> Duration {
        let millis = match self.next() % 4 {
            0 => 800 + self.next() % 2_000,
            _ => 30 + self.next() % 770,
        };
        Duration::from_millis(millis)
    }

    /// `splitmix64`.
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}
