//! Decisions that are pure functions: when to retry, when to give up.

mod cancellation;
mod retry;

pub use cancellation::CancellationPolicy;
pub use retry::{MAX_BACKOFF, RetryStrategy};
