//! Plain data that every layer shares: ids, names, payloads, states and times.

mod ids;
mod key;
mod names;
mod payload;
mod state;
mod time;

pub use ids::{CallId, EmitId, RunId, TaskId, Token};
pub use key::{canonical_hash, checkpoint_key};
pub use names::{
    EventName, IdempotencyKey, MAX_KEY_BYTES, MAX_NAME_BYTES, QueueName, StepKey, TaskName, WorkerName,
};
pub use payload::{MAX_DEPTH, Payload, PayloadError};
pub use state::{
    CancelCause, Checkpoint, CheckpointKind, End, EndState, Failure, ParentClosePolicy, TaskState,
};
pub use time::{Clock, Deadline, Lease, ManualClock, Millis, Now, Timestamp};

/// Input that breaks a rule of the contract; nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {problem}")]
pub struct Invalid {
    /// What was given, for example `task name`.
    pub what: &'static str,
    /// Why it is refused.
    pub problem: String,
}

impl Invalid {
    /// Says what is refused and why.
    pub fn new(what: &'static str, problem: impl Into<String>) -> Self {
        Self { what, problem: problem.into() }
    }
}
