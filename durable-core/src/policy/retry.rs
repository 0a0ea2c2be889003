//! How long to wait before the next attempt.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The cap of [`RetryStrategy::exponential`].
pub const MAX_BACKOFF: Duration = Duration::from_secs(300);

/// When a failed attempt is followed by the next.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum RetryStrategy {
    /// Never: one attempt.
    None,
    /// After the same time, each time.
    Fixed {
        /// The time.
        base_delay: Duration,
    },
    /// After `base_delay * factor^(attempt - 1)`, at most `max_backoff`.
    Exponential {
        /// The time after the first attempt.
        base_delay: Duration,
        /// By what it grows with each attempt.
        factor: f64,
        /// What it never exceeds.
        max_backoff: Duration,
        /// The share of the time that is random, from 0 (none) to 1 (all of it). It only shortens.
        jitter: f64,
    },
}

impl Default for RetryStrategy {
    fn default() -> Self {
        Self::Fixed { base_delay: Duration::from_secs(5) }
    }
}

impl RetryStrategy {
    /// 5 s, doubling, at most 300 s, without jitter.
    pub const fn exponential() -> Self {
        Self::Exponential {
            base_delay: Duration::from_secs(5),
            factor: 2.0,
            max_backoff: MAX_BACKOFF,
            jitter: 0.0,
        }
    }

    /// How long to wait after the `attempt`th attempt (from 1); `None` for never.
    ///
    /// `random` in [0, 1) picks the jitter. What overflows is `max_backoff`.
    pub fn delay(&self, attempt: i32, random: f64) -> Option<Duration> {
        match self {
            Self::None => None,
            Self::Fixed { base_delay } => Some(*base_delay),
            Self::Exponential { base_delay, factor, max_backoff, jitter } => {
                let grown = base_delay.as_secs_f64() * factor.powi(attempt.saturating_sub(1).max(0));
                let capped =
                    if grown.is_finite() { grown.min(max_backoff.as_secs_f64()) } else { f64::INFINITY };
                let jittered = capped * (1.0 - jitter.clamp(0.0, 1.0) * random.clamp(0.0, 1.0));
                Some(Duration::try_from_secs_f64(jittered).unwrap_or(*max_backoff).min(*max_backoff))
            }
        }
    }

    /// What makes the strategy unusable.
    pub(crate) fn problem(&self) -> Option<&'static str> {
        match self {
            Self::Exponential { factor, .. } if !factor.is_finite() || *factor < 0.0 => {
                Some("its factor is negative or not a number")
            }
            Self::Exponential { jitter, .. } if !(0.0..=1.0).contains(jitter) => {
                Some("its jitter is not between 0 and 1")
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn none_is_one_attempt() {
        assert_eq!(RetryStrategy::None.delay(1, 0.0), None);
    }

    #[test]
    fn fixed_waits_the_same_each_time() {
        let strategy = RetryStrategy::default();
        assert_eq!((strategy.delay(1, 0.5), strategy.delay(100, 0.5)), (Some(secs(5)), Some(secs(5))));
    }

    #[test]
    fn exponential_doubles_from_the_base_up_to_the_cap() {
        let delays: Vec<_> =
            (1..=8).map(|attempt| RetryStrategy::exponential().delay(attempt, 0.0).unwrap()).collect();
        assert_eq!(delays, [5, 10, 20, 40, 80, 160, 300, 300].map(secs));
    }

    #[test]
    fn growth_saturates_at_the_cap() {
        for attempt in [1_000, 100_000, i32::MAX] {
            assert_eq!(RetryStrategy::exponential().delay(attempt, 0.0), Some(MAX_BACKOFF));
        }
        let huge = RetryStrategy::Exponential {
            base_delay: Duration::MAX,
            factor: f64::MAX,
            max_backoff: Duration::MAX,
            jitter: 0.0,
        };
        assert_eq!(huge.delay(i32::MAX, 0.0), Some(Duration::MAX));
    }

    #[test]
    fn jitter_only_shortens_and_by_its_share_at_most() {
        let strategy = RetryStrategy::Exponential {
            base_delay: secs(10),
            factor: 2.0,
            max_backoff: secs(300),
            jitter: 0.5,
        };
        assert_eq!(strategy.delay(1, 0.0), Some(secs(10)));
        assert_eq!(strategy.delay(1, 1.0), Some(secs(5)));
    }
}
