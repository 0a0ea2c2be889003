//! The model, as the scripts spell it.

use durable_core::model::{
    CancelCause, Checkpoint, CheckpointKind, End, EndState, Failure, StepKey, TaskId, TaskState, WorkerName,
};
use durable_core::store::{QueueState, StoreError};

use crate::reply::Reply;

/// The word for what wrote a checkpoint.
pub(crate) fn kind_word(kind: CheckpointKind) -> &'static str {
    match kind {
        CheckpointKind::Step => "step",
        CheckpointKind::Value => "value",
        CheckpointKind::Spawn => "spawn",
        CheckpointKind::Emit => "emit",
        CheckpointKind::Select => "select",
        CheckpointKind::Timer => "timer",
        CheckpointKind::Event => "event",
        CheckpointKind::Child => "child",
    }
}

fn kind(word: &str) -> Result<CheckpointKind, ()> {
    Ok(match word {
        "step" => CheckpointKind::Step,
        "value" => CheckpointKind::Value,
        "spawn" => CheckpointKind::Spawn,
        "emit" => CheckpointKind::Emit,
        "select" => CheckpointKind::Select,
        "timer" => CheckpointKind::Timer,
        "event" => CheckpointKind::Event,
        "child" => CheckpointKind::Child,
        _ => return Err(()),
    })
}

/// The word for a queue's state.
pub(crate) fn queue_word(state: QueueState) -> &'static str {
    match state {
        QueueState::Open => "open",
        QueueState::Paused => "paused",
        QueueState::Sealed => "sealed",
    }
}

/// A queue's state by its word.
pub(crate) fn queue_state(word: &str) -> Result<QueueState, ()> {
    Ok(match word {
        "open" => QueueState::Open,
        "paused" => QueueState::Paused,
        "sealed" => QueueState::Sealed,
        _ => return Err(()),
    })
}

/// The word for a state.
pub(crate) fn state_word(state: TaskState) -> &'static str {
    match state {
        TaskState::Sleeping => "sleeping",
        TaskState::Pending => "pending",
        TaskState::Running => "running",
        TaskState::Ended(EndState::Completed) => "completed",
        TaskState::Ended(EndState::Failed) => "failed",
        TaskState::Ended(EndState::Cancelled) => "cancelled",
    }
}

/// A state by its word.
pub(crate) fn state(word: &str) -> Result<TaskState, ()> {
    Ok(match word {
        "sleeping" => TaskState::Sleeping,
        "pending" => TaskState::Pending,
        "running" => TaskState::Running,
        _ => TaskState::Ended(end_state(word)?),
    })
}

/// An end state by its word.
pub(crate) fn end_state(word: &str) -> Result<EndState, ()> {
    Ok(match word {
        "completed" => EndState::Completed,
        "failed" => EndState::Failed,
        "cancelled" => EndState::Cancelled,
        _ => return Err(()),
    })
}

/// The word for why a task was cancelled, and the reason somebody gave.
pub(crate) fn cause_words(cause: &CancelCause) -> (&'static str, Option<&str>) {
    match cause {
        CancelCause::Requested { reason } => ("requested", reason.as_deref()),
        CancelCause::ParentClosed => ("parent_closed", None),
        CancelCause::MaxPendingTime => ("max_pending", None),
        CancelCause::MaxRunningTime => ("max_running", None),
    }
}

/// An end: its word, and what belongs to it.
pub(crate) fn end(reply: &mut Reply) -> Result<End, StoreError> {
    Ok(match reply.text()?.as_str() {
        "value" => End::Value(reply.payload()?),
        "timeout" => End::Timeout,
        "reported" => End::Failed(Failure::Reported(reply.payload()?)),
        "claim_timeout" => End::Failed(Failure::ClaimTimeout { worker: reply.worker()?, at: reply.time()? }),
        "corrupt" => End::Failed(Failure::Corrupt { what: reply.text()? }),
        "requested" => End::Cancelled(CancelCause::Requested { reason: reply.option_text()? }),
        "parent_closed" => End::Cancelled(CancelCause::ParentClosed),
        "max_pending" => End::Cancelled(CancelCause::MaxPendingTime),
        "max_running" => End::Cancelled(CancelCause::MaxRunningTime),
        _ => return Err(reply.unreadable("an end")),
    })
}

/// A checkpoint, from the record that follows the word `checkpoint`.
pub(crate) fn checkpoint(order: u64, record: &mut Reply) -> Result<Checkpoint, StoreError> {
    Ok(Checkpoint {
        key: record.step_key()?,
        kind: record.parse("a kind of checkpoint", |word| kind(&word))?,
        end: end(&mut record.nested()?)?,
        order,
        attempt: record.int()?,
        worker: record.some_worker()?,
        started_at: record.time()?,
        ended_at: record.time()?,
    })
}

impl Reply {
    pub(crate) fn task_id(&mut self) -> Result<TaskId, StoreError> {
        self.parse("a task id", |id| id.parse())
    }

    pub(crate) fn option_task_id(&mut self) -> Result<Option<TaskId>, StoreError> {
        self.parse_option("a task id", |id| id.parse())
    }

    pub(crate) fn step_key(&mut self) -> Result<StepKey, StoreError> {
        self.parse("a checkpoint key", StepKey::new)
    }

    pub(crate) fn worker(&mut self) -> Result<WorkerName, StoreError> {
        self.parse("a worker name", WorkerName::new)
    }

    /// A worker's name, where the empty text is none.
    fn some_worker(&mut self) -> Result<Option<WorkerName>, StoreError> {
        let text = self.text()?;
        if text.is_empty() {
            return Ok(None);
        }
        WorkerName::new(text).map(Some).map_err(|_| self.unreadable("a worker name"))
    }
}
