//! When a task is cancelled by itself.

use std::time::Duration;

/// Limits of a task's life; `None` is no limit. Both at once: the earlier one counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CancellationPolicy {
    /// Cancelled when it has not started so long after its spawn.
    pub max_pending_time: Option<Duration>,
    /// Cancelled when it has not ended so long after its first start, over all attempts, asleep or not.
    pub max_running_time: Option<Duration>,
}
