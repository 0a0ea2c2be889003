//! Moments by chance, the same for the same seed.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

/// About as many bytes as a line of the ledger has.
const LINE: u64 = 60;

/// When to kill a process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    /// So long after its start,
    pub(crate) latest: Duration,
    /// or as soon as it has written so many bytes to the ledger.
    pub(crate) growth: u64,
}

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
    /// Half of the moments are close to an effect; a quarter falls where a new desk is busiest; the last quarter comes when
    /// the leases that the kill before left behind have ended, or finds the process gone.
    pub(crate) fn moment(&mut self) -> Moment {
        let (millis, growth) = match self.next() % 4 {
            0 => (800 + self.next() % 2_000, u64::MAX),
            1 => (30 + self.next() % 770, u64::MAX),
            _ => (2_800, 1 + self.next() % (12 * LINE)),
        };
        Moment { latest: Duration::from_millis(millis), growth }
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
