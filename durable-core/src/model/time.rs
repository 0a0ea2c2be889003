//! Times and durations, in whole milliseconds. The only file that asks the system for the time.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Invalid;

/// A moment of the store's clock, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The last moment there is: the end of the year 9999. What lies beyond is this.
    pub const MAX: Self = Self(253_402_300_799_999);

    /// A moment by its milliseconds since the Unix epoch, at most [`Timestamp::MAX`].
    pub const fn from_millis(millis: i64) -> Self {
        if millis > Self::MAX.0 { Self::MAX } else { Self(millis) }
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The moment a duration later, at most [`Timestamp::MAX`].
    pub const fn after(self, wait: Millis) -> Self {
        Self::from_millis(self.0.saturating_add(wait.0))
    }

    /// The moment a duration earlier.
    pub const fn before(self, age: Millis) -> Self {
        Self(self.0.saturating_sub(age.0))
    }

    /// How long after `earlier` this moment is; zero if it is not.
    pub const fn since(self, earlier: Self) -> Millis {
        let millis = self.0.saturating_sub(earlier.0);
        Millis(if millis < 0 { 0 } else { millis })
    }

    /// The moment as a date and time in UTC.
    pub fn to_utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.0).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// The first whole millisecond that is not before an instant.
    pub fn at_or_after(instant: DateTime<Utc>) -> Self {
        let fraction = instant.timestamp_subsec_nanos() % 1_000_000;
        Self::from_millis(instant.timestamp_millis().saturating_add(i64::from(fraction > 0)))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_utc().to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
    }
}

/// A duration in whole milliseconds, never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(i64);

impl Millis {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// All the time there is.
    pub const LONGEST: Self = Self(Self::MAX);
    const MAX: i64 = Timestamp::MAX.0;

    /// A count of milliseconds, at most the time there is.
    pub const fn new(millis: u32) -> Self {
        Self(millis as i64)
    }

    /// The shortest whole milliseconds that are not shorter: for what must not happen early (rule K2).
    ///
    /// # Errors
    ///
    /// `Invalid` when the duration is longer than the time there is (10,000 years).
    pub fn at_least(duration: Duration) -> Result<Self, Invalid> {
        Self::whole(duration.as_nanos().div_ceil(1_000_000))
    }

    /// The longest whole milliseconds that are not longer: for leases (rule K2).
    ///
    /// # Errors
    ///
    /// `Invalid` when the duration is longer than the time there is (10,000 years).
    pub fn at_most(duration: Duration) -> Result<Self, Invalid> {
        Self::whole(duration.as_millis())
    }

    fn whole(millis: u128) -> Result<Self, Invalid> {
        match i64::try_from(millis) {
            Ok(millis) if millis <= Self::MAX => Ok(Self(millis)),
            _ => Err(Invalid::new("duration", "it is longer than 10,000 years")),
        }
    }

    /// A stored count of milliseconds; `None` for one that no value gave.
    pub const fn stored(millis: i64) -> Option<Self> {
        if 0 <= millis && millis <= Self::MAX { Some(Self(millis)) } else { None }
    }

    /// The count of milliseconds.
    pub const fn as_i64(self) -> i64 {
        self.0
    }

    /// The duration.
    pub const fn to_duration(self) -> Duration {
        Duration::from_millis(self.0.unsigned_abs())
    }
}

/// How long a claim holds its task: one millisecond at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Lease(Millis);

impl Lease {
    /// A lease that is not longer than asked.
    ///
    /// # Errors
    ///
    /// `Invalid` when it is shorter than a millisecond or longer than the time there is: a lease of zero has no
    /// meaning, and it is not "for ever".
    pub fn new(duration: Duration) -> Result<Self, Invalid> {
        match Millis::at_most(duration) {
            Ok(Millis::ZERO) => Err(Invalid::new("lease", "it is shorter than a millisecond")),
            Ok(millis) => Ok(Self(millis)),
            Err(_) => Err(Invalid::new("lease", "it is longer than 10,000 years")),
        }
    }

    /// A stored lease; `None` for one that no value gave.
    pub const fn stored(millis: i64) -> Option<Self> {
        match Millis::stored(millis) {
            Some(Millis::ZERO) | None => None,
            Some(millis) => Some(Self(millis)),
        }
    }

    /// The lease in milliseconds.
    pub const fn millis(self) -> Millis {
        self.0
    }
}

impl TryFrom<i64> for Lease {
    type Error = Invalid;

    fn try_from(millis: i64) -> Result<Self, Invalid> {
        Self::stored(millis).ok_or_else(|| Invalid::new("lease", "no value gave it"))
    }
}

impl From<Lease> for i64 {
    fn from(lease: Lease) -> Self {
        lease.0.as_i64()
    }
}

/// When a wait ends by itself: fixed by the store's clock when the wait is first registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// So long after the registration.
    After(Millis),
    /// At this moment.
    At(Timestamp),
}

impl Deadline {
    /// The moment, for a wait that is registered at `now`.
    pub const fn fix(self, now: Timestamp) -> Timestamp {
        match self {
            Self::After(wait) => now.after(wait),
            Self::At(moment) => moment,
        }
    }
}

/// A clock that stands still until it is moved: one for all handles on the same data.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// A clock that shows `start`.
    pub fn starting_at(start: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(start.0)))
    }

    /// What the clock shows.
    pub fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.0.fetch_add(millis, Ordering::SeqCst);
    }

    /// Sets the clock, also back.
    pub fn set(&self, to: Timestamp) {
        self.0.store(to.0, Ordering::SeqCst);
    }
}

/// The one reading of the clock that a verb makes (rule K1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// What is compared, and where leases start: rounded down.
    pub at: Timestamp,
    /// Where waits start: rounded up, so that none ends early (rule K2).
    pub up: Timestamp,
}

impl Now {
    /// Reads the clock, once, for a store inside this process.
    pub fn read(clock: &Clock) -> Self {
        match clock.injected() {
            Some(at) => Self { at, up: at },
            None => Self::rounded_down(clock.now()),
        }
    }

    /// A reading that was rounded down to its millisecond.
    pub const fn rounded_down(at: Timestamp) -> Self {
        Self { at, up: at.after(Millis::new(1)) }
    }
}

/// Where a store takes the time from (rule K1).
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The store's own: the server's, or the system's for a store inside this process.
    #[default]
    Own,
    /// One that tests move.
    Manual(ManualClock),
    /// One that follows tokio's, which tests can pause: it showed `start` at `origin`.
    Tokio {
        /// What the clock showed at `origin`.
        start: Timestamp,
        /// When that was.
        origin: tokio::time::Instant,
    },
}

impl Clock {
    /// A clock that shows `start` now and follows tokio's from here on.
    pub fn following_tokio(start: Timestamp) -> Self {
        Self::Tokio { start, origin: tokio::time::Instant::now() }
    }

    /// The time to hand to a server in place of its own; `None` when its own decides.
    pub fn injected(&self) -> Option<Timestamp> {
        match self {
            Self::Own => None,
            Self::Manual(clock) => Some(clock.now()),
            Self::Tokio { start, origin } => {
                Some(Millis::at_most(origin.elapsed()).map_or(Timestamp::MAX, |passed| start.after(passed)))
            }
        }
    }

    /// The time, for a store inside this process. A time that is compared: rounded down.
    pub fn now(&self) -> Timestamp {
        self.injected().unwrap_or_else(|| Timestamp(system_millis()))
    }
}

fn system_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k2_waits_round_up_and_leases_round_down() {
        let odd = Duration::from_nanos(1_000_001);
        assert_eq!(Millis::at_least(odd), Ok(Millis(2)));
        assert_eq!(Lease::new(odd).map(Lease::millis), Ok(Millis(1)));
    }

    #[test]
    fn k2_a_lease_of_zero_or_of_for_ever_is_invalid() {
        assert!(Lease::new(Duration::ZERO).is_err());
        assert!(Lease::new(Duration::from_nanos(999_999)).is_err());
        assert!(Lease::new(Duration::MAX).is_err());
        assert!(Millis::at_least(Duration::MAX).is_err());
    }

    #[test]
    fn k2_an_instant_between_two_milliseconds_is_the_later_one() {
        let instant = DateTime::from_timestamp(1, 1_500_000).unwrap();
        assert_eq!(Timestamp::at_or_after(instant), Timestamp(1_002));
    }

    #[test]
    fn k2_sums_stop_at_the_end_of_time() {
        assert_eq!(Timestamp(5).after(Millis(Millis::MAX)), Timestamp::MAX);
        assert_eq!(Timestamp::from_millis(i64::MAX), Timestamp::MAX);
    }
}
