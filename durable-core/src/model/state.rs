//! What a task, a checkpoint and an end look like to everybody.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Payload, StepKey, Timestamp, WorkerName};

/// Where a task is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskState {
    /// Delayed, backing off, asleep or suspended.
    Sleeping,
    /// Ready to be claimed.
    Pending,
    /// Claimed; its lease may have run out unnoticed.
    Running,
    /// Ended for good.
    Ended(EndState),
}

/// How a task ended for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EndState {
    /// With a result.
    Completed,
    /// With a failure and no attempt left.
    Failed,
    /// By a cancellation.
    Cancelled,
}

/// What becomes of a task when its parent ends for good: completes, fails or is cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum ParentClosePolicy {
    /// It is cancelled. The default.
    #[default]
    Cancel,
    /// It goes on alone.
    Abandon,
}

/// Why a task was cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CancelCause {
    /// Somebody asked for it.
    Requested {
        /// The reason they gave.
        reason: Option<String>,
    },
    /// Its parent ended for good.
    ParentClosed,
    /// It had not started within its `max_pending_time`.
    MaxPendingTime,
    /// It was not done within its `max_running_time`.
    MaxRunningTime,
}

impl fmt::Display for CancelCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requested { reason: Some(reason) } => f.write_str(reason),
            Self::Requested { reason: None } => f.write_str("somebody asked for it"),
            Self::ParentClosed => f.write_str("its parent ended"),
            Self::MaxPendingTime => f.write_str("it had not started within its max_pending_time"),
            Self::MaxRunningTime => f.write_str("it was not done within its max_running_time"),
        }
    }
}

/// Why a run or a task failed, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Failure {
    /// The run reported it; the payload is core's.
    Reported(Payload),
    /// The lease ran out.
    ClaimTimeout {
        /// Who held it.
        worker: WorkerName,
        /// When it ran out.
        at: Timestamp,
    },
    /// The stored record cannot be decoded.
    Corrupt {
        /// What part of it.
        what: String,
    },
}

impl Failure {
    /// How many bytes of payload it has: pages are bounded by them.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Reported(payload) => payload.bytes(),
            Self::ClaimTimeout { .. } | Self::Corrupt { .. } => 0,
        }
    }
}

/// How a checkpoint ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum End {
    /// With a value, which may be `null`.
    Value(Payload),
    /// The wait's deadline came first.
    Timeout,
    /// The child failed for good.
    Failed(Failure),
    /// The child was cancelled.
    Cancelled(CancelCause),
}

impl End {
    /// How many bytes of payload it has: pages are bounded by them.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Value(payload) => payload.bytes(),
            Self::Failed(failure) => failure.bytes(),
            Self::Timeout | Self::Cancelled(_) => 0,
        }
    }
}

/// What wrote a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CheckpointKind {
    /// A step of the user's.
    Step,
    /// `rand`, `now` or `uuid7`.
    Value,
    /// Children were spawned.
    Spawn,
    /// An event was emitted.
    Emit,
    /// A `select` was decided.
    Select,
    /// A wait for time ended.
    Timer,
    /// A wait for an event ended.
    Event,
    /// A child ended, joined or not.
    Child,
}

/// A named, stored result inside a task (rule P2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Its key.
    pub key: StepKey,
    /// What wrote it.
    pub kind: CheckpointKind,
    /// How it ended.
    pub end: End,
    /// Its place among all that was stored for the task, from 1.
    pub order: u64,
    /// The attempt during which it was stored, from 1; the next one's when no run was going on.
    pub attempt: i32,
    /// Whose run stored it; `None` for an end that came while nobody held the task.
    pub worker: Option<WorkerName>,
    /// When the step started or the wait was registered.
    pub started_at: Timestamp,
    /// When it ended: a timer and a timeout at their deadline, an event when it was emitted.
    pub ended_at: Timestamp,
}
