//! How long to wait before a call without an answer is repeated.

use std::future::Future;
use std::time::Duration;

use crate::store::{StoreError, StoreErrorKind};

const FIRST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_secs(1);

/// Doubles from 20 ms to 1 s; a random half of it, so that many callers do not come back together.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    attempt: u32,
}

impl Backoff {
    pub(crate) fn next(&mut self) -> Duration {
        let whole = FIRST.saturating_mul(1 << self.attempt.min(10)).min(LONGEST);
        self.attempt += 1;
        whole.mul_f64(0.5 + random_unit() / 2.0)
    }
}

/// How often a client's call is made before it fails: for about three seconds.
const CLIENT_CALLS: u32 = 8;

/// Makes a client's call, and repeats it unchanged while the store is unavailable.
pub(crate) async fn repeat<A, F>(call: impl Fn() -> F) -> Result<A, StoreError>
where
    F: Future<Output = Result<A, StoreError>>,
{
    let mut backoff = Backoff::default();
    loop {
        match call().await {
            Err(error) if error.kind == StoreErrorKind::Unavailable && backoff.attempt + 1 < CLIENT_CALLS => {
                tokio::time::sleep(backoff.next()).await;
            }
            answer => return answer,
        }
    }
}

/// A random number in [0, 1).
pub(crate) fn random_unit() -> f64 {
    let hash = blake3::hash(uuid::Uuid::now_v7().as_bytes());
    let bits = hash.as_bytes().iter().take(7).fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    // 53 bits: each of them fits an f64 exactly.
    #[allow(clippy::cast_precision_loss, reason = "53 bits fit")]
    let unit = (bits >> 3) as f64 / (1_u64 << 53) as f64;
    unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_grows_to_a_second_at_most() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..20).map(|_| backoff.next()).collect();
        assert!(waits.iter().all(|wait| *wait >= FIRST / 2 && *wait <= LONGEST));
        assert!(waits.last() >= Some(&(LONGEST / 2)));
    }

    #[test]
    fn random_numbers_lie_between_zero_and_one() {
        let numbers: Vec<_> = (0..1_000).map(|_| random_unit()).collect();
        assert!(numbers.iter().all(|number| (0.0..1.0).contains(number)));
        assert!(numbers.iter().any(|number| *number < 0.1) && numbers.iter().any(|number| *number > 0.9));
    }
}
