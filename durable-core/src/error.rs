//! The errors that a task's body and a client's caller see.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value as JsonValue;

use crate::model::{CancelCause, Invalid, PayloadError, TaskId};
use crate::store::{FencedError, StoreError};
use crate::worker::TaskFailure;

/// What a task's body returns.
pub type TaskResult<T> = Result<T, TaskError>;
/// What a client's call returns.
pub type DurableResult<T> = Result<T, DurableError>;

/// Why a body does not go on; never a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Control {
    /// The run rests. Only code that outlives its body sees this.
    Suspend,
    /// The task was cancelled.
    Cancelled,
    /// The claim is over: the lease ran out, or another run has the task.
    ClaimLost,
}

/// Why a task's body, or an operation of its context, failed.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// The run is over; the context gives this, a body only passes it on.
    #[error("the run is over: {0:?}")]
    Control(Control),
    /// The wait's time was up. Permanent.
    #[error("`{step_name}` timed out")]
    Timeout {
        /// The name of the event or the child that was waited for.
        step_name: String,
    },
    /// The store cannot do it, and repeating did not help. Retried.
    #[error("the store failed")]
    Store(#[source] StoreError),
    /// A value cannot be written as JSON or read from it. Permanent.
    #[error("serialization: {0}")]
    Serialization(String),
    /// A step failed. Retried, unless the step said otherwise ([`permanent`], [`retry_after`]).
    #[error("step `{base_name}` failed: {error}")]
    Step {
        /// The step's name.
        base_name: String,
        /// What the step returned.
        error: anyhow::Error,
    },
    /// A child could not be spawned. Permanent.
    #[error("spawning `{name}` failed: {error}")]
    SubtaskSpawnFailed {
        /// The spawn's name.
        name: String,
        /// Why.
        error: anyhow::Error,
    },
    /// An event could not be emitted. Permanent.
    #[error("emitting `{event_name}` failed: {error}")]
    EmitEventFailed {
        /// The event.
        event_name: String,
        /// Why.
        error: anyhow::Error,
    },
    /// A child failed for good. Permanent.
    #[error("child `{step_name}` failed: {message}")]
    ChildFailed {
        /// The child's name, as it was spawned.
        step_name: String,
        /// The child's own message.
        message: String,
    },
    /// A child was cancelled. Permanent.
    #[error("child `{step_name}` was cancelled")]
    ChildCancelled {
        /// The child's name, as it was spawned.
        step_name: String,
    },
    /// The input breaks a rule; nothing was written. Permanent.
    #[error("{message}")]
    Validation {
        /// Which one.
        message: String,
    },
    /// The user's own error. Permanent, unless it is marked retryable.
    #[error("{message}")]
    User {
        /// What happened.
        message: String,
        /// The user's own data, kept with the failure.
        error_data: JsonValue,
        /// Another attempt may help.
        retryable: bool,
    },
    /// The body panicked. Retried.
    #[error("the task panicked: {message}")]
    Panicked {
        /// The panic's message.
        message: String,
    },
}

impl TaskError {
    /// The user's own error with data; its `message` field, if it has one, is the message.
    pub fn user(error_data: impl Serialize) -> Self {
        let error_data = serde_json::to_value(error_data).unwrap_or(JsonValue::Null);
        let message = match error_data.get("message").and_then(JsonValue::as_str) {
            Some(message) => message.to_owned(),
            None => error_data.to_string(),
        };
        Self::User { message, error_data, retryable: false }
    }

    /// The user's own error without data.
    pub fn user_message(message: impl Into<String>) -> Self {
        Self::User { message: message.into(), error_data: JsonValue::Null, retryable: false }
    }

    /// Marks the user's own error as one that another attempt may mend.
    pub fn retryable(mut self) -> Self {
        if let Self::User { retryable, .. } = &mut self {
            *retryable = true;
        }
        self
    }

    /// The error's kind, as it is stored.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Control(_) => "Control",
            Self::Timeout { .. } => "Timeout",
            Self::Store(_) => "Store",
            Self::Serialization(_) => "Serialization",
            Self::Step { .. } => "Step",
            Self::SubtaskSpawnFailed { .. } => "SubtaskSpawnFailed",
            Self::EmitEventFailed { .. } => "EmitEventFailed",
            Self::ChildFailed { .. } => "ChildFailed",
            Self::ChildCancelled { .. } => "ChildCancelled",
            Self::Validation { .. } => "Validation",
            Self::User { .. } => "User",
            Self::Panicked { .. } => "Panicked",
        }
    }

    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::Validation { message: message.into() }
    }
}

impl From<Invalid> for TaskError {
    fn from(invalid: Invalid) -> Self {
        Self::validation(invalid.to_string())
    }
}

impl From<PayloadError> for TaskError {
    fn from(error: PayloadError) -> Self {
        match error {
            PayloadError::Unwritable(_) | PayloadError::Unreadable(_) => {
                Self::Serialization(error.to_string())
            }
            PayloadError::TooDeep { .. } | PayloadError::TooLarge { .. } => {
                Self::validation(error.to_string())
            }
        }
    }
}

impl From<FencedError> for TaskError {
    fn from(error: FencedError) -> Self {
        match error {
            FencedError::ClaimLost => Self::Control(Control::ClaimLost),
            FencedError::Cancelled => Self::Control(Control::Cancelled),
            FencedError::Fault(fault) => Self::Store(fault),
        }
    }
}

/// What a step says about another attempt; it travels inside the step's `anyhow::Error`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryAdvice {
    Never,
    After(Duration),
}

#[derive(Debug)]
struct Advised {
    advice: RetryAdvice,
    error: anyhow::Error,
}

impl fmt::Display for Advised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl std::error::Error for Advised {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

/// Marks a step's error as one that no other attempt mends: the task fails for good.
///
/// ```
/// fn charge(cents: u32) -> anyhow::Result<()> {
///     if cents == 0 {
///         return Err(durable_core::permanent(anyhow::anyhow!("nothing to charge")));
///     }
///     Ok(())
/// }
/// # assert!(charge(0).is_err());
/// ```
pub fn permanent(error: impl Into<anyhow::Error>) -> anyhow::Error {
    anyhow::Error::new(Advised { advice: RetryAdvice::Never, error: error.into() })
}

/// Marks a step's error with the time after which another attempt may help, in place of the task's own backoff.
pub fn retry_after(delay: Duration, error: impl Into<anyhow::Error>) -> anyhow::Error {
    anyhow::Error::new(Advised { advice: RetryAdvice::After(delay), error: error.into() })
}

pub(crate) fn advice(error: &anyhow::Error) -> Option<RetryAdvice> {
    error.chain().find_map(|cause| cause.downcast_ref::<Advised>()).map(|advised| advised.advice)
}

/// Why a client's call failed. Nothing was written, unless a store error says that it may have been.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DurableError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A name, a duration or an option breaks a rule.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// A value is no payload.
    #[error("{what}: {error}")]
    Payload {
        /// Which value.
        what: &'static str,
        /// Why.
        error: PayloadError,
    },
    /// The params are not what the task takes.
    #[error("params of task `{task}`: {message}")]
    Params {
        /// The task's name.
        task: String,
        /// What is wrong with them.
        message: String,
    },
    /// Header keys starting with `durable::` are reserved.
    #[error("header `{key}`: keys starting with `durable::` are reserved")]
    ReservedHeaderPrefix {
        /// The key.
        key: String,
    },
    /// No task of this name is registered here.
    #[error("no task `{name}` is registered here")]
    NotRegistered {
        /// The name.
        name: String,
    },
    /// A task of this name is registered already.
    #[error("a task `{name}` is registered already")]
    AlreadyRegistered {
        /// The name.
        name: String,
    },
    /// The idempotency key belongs to a task with another name or other params.
    #[error("idempotency key `{key}` belongs to task {existing}, which has another name or other params")]
    IdempotencyConflict {
        /// The key.
        key: String,
        /// That task.
        existing: TaskId,
    },
    /// The queue is sealed.
    #[error("the queue is sealed: it takes no new tasks")]
    QueueClosed,
    /// There is no such task.
    #[error("there is no task {task}")]
    TaskNotFound {
        /// The id asked for.
        task: TaskId,
    },
    /// The task is in a state that does not allow this.
    #[error("task {task} {state}")]
    WrongState {
        /// The task.
        task: TaskId,
        /// Its state, in words.
        state: &'static str,
    },
    /// A part of the client or the worker is not set up as needed.
    #[error("{0}")]
    Setup(String),
    /// The task failed for good, so it has no result.
    #[error("the task failed: {0}")]
    TaskFailed(Box<TaskFailure>),
    /// The task was cancelled, so it has no result.
    #[error("the task was cancelled: {0}")]
    TaskCancelled(CancelCause),
    /// The task has not ended, so it has no result yet.
    #[error("the task has not ended")]
    TaskLive,
    /// The result did not come in time.
    #[error("task {task} has not ended in time")]
    WaitTimeout {
        /// The task.
        task: TaskId,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn advice_is_found_under_added_context() {
        let error = Err::<(), _>(permanent(anyhow::anyhow!("declined"))).context("charging").unwrap_err();
        assert_eq!(advice(&error), Some(RetryAdvice::Never));
        assert_eq!(format!("{error:#}"), "charging: declined");
    }

    #[test]
    fn a_plain_error_gives_no_advice() {
        assert_eq!(advice(&anyhow::anyhow!("timeout")), None);
    }

    #[test]
    fn a_user_errors_message_field_is_its_message() {
        let error = TaskError::user(serde_json::json!({"message": "not found", "code": 404}));
        assert_eq!(error.to_string(), "not found");
    }
}
