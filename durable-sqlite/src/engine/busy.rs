//! Waiting for the lock of the database.
//!
//! SQLite's own way to wait sleeps longer and longer, up to 100 ms, while a process under load leaves the lock alone
//! for some microseconds only: who waits like that may never see it free.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, Instant};

use crate::error::is_busy;

/// For so long the lock is looked for at short intervals: a writer of another process that is under load gives it up
/// for a millisecond every few.
const EAGER: Duration = Duration::from_millis(100);

/// Attempts until it is answered otherwise than with "busy", or the deadline is past; at least once.
///
/// It blocks the thread while it waits, and so belongs on a lane's.
pub(crate) async fn patiently<T>(
    deadline: Instant,
    mut attempt: impl AsyncFnMut() -> Result<T, sqlx::Error>,
) -> Result<T, sqlx::Error> {
    let begun = Instant::now();
    loop {
        match attempt().await {
            Err(error) if is_busy(&error) && Instant::now() < deadline => pause(begun, deadline),
            answer => return answer,
        }
    }
}

/// Sleeps until the next attempt, for a random time so that two who wait do not keep step.
pub(crate) fn pause(begun: Instant, deadline: Instant) {
    let now = Instant::now();
    let interval = if now - begun < EAGER { Duration::from_micros(300) } else { Duration::from_millis(1) };
    std::thread::sleep(jittered(interval).min(deadline.saturating_duration_since(now)));
}

/// A random duration between half of one and one and a half of it.
pub(crate) fn jittered(duration: Duration) -> Duration {
    let random = RandomState::new().hash_one(0) % 1_000;
    duration / 2 + duration * u32::try_from(random).unwrap_or(0) / 1_000
}
