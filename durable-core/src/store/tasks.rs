//! Tasks: what a client does.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::StoreError;
use crate::model::{
    CancelCause, EndState, Failure, IdempotencyKey, Millis, ParentClosePolicy, Payload, QueueName, StepKey,
    TaskId, TaskName,
};

/// Spawns tasks, ends them from outside, and tells what became of them.
#[async_trait]
pub trait Tasks: Send + Sync {
    /// Spawns tasks, all or none.
    ///
    /// # Contract
    ///
    /// - `S1` A task id that exists already is that task, and nothing new (`created: false`). An idempotency key
    ///   that exists in the queue is its first task, also when that has ended, until it is purged; with another
    ///   fingerprint the whole batch is a [`SpawnAnswer::Conflict`]. Within a batch the first item counts.
    /// - `S3` All or nothing, in order.
    /// - A task with a delay is *sleeping* until it is due, every other one is *pending* from now on.
    ///
    /// # Errors
    ///
    /// Faults of the store; `NotFound` without the queue; `Invalid` for more than
    /// [`MAX_RECORDS`](super::MAX_RECORDS) tasks.
    async fn spawn(&self, request: SpawnRequest) -> Result<SpawnAnswer, StoreError>;

    /// Cancels a task that has not ended.
    ///
    /// # Contract
    ///
    /// - `T2` One step for the task itself, whatever its state; it marks the task *closing* when it has live
    ///   children under [`ParentClosePolicy::Cancel`], cancels up to [`MAX_SPREAD`](super::MAX_SPREAD) of its
    ///   descendants at once, and leaves the rest to `tick`.
    /// - `T1` Its end is written to its parent's checkpoint in the same step.
    /// - Its waits go, its checkpoints stay; the holder of its claim learns it as `Cancelled`.
    ///
    /// # Errors
    ///
    /// Faults of the store; `NotFound` without the queue.
    async fn cancel(&self, request: CancelRequest) -> Result<CancelAnswer, StoreError>;

    /// Reopens a failed task with its checkpoints.
    ///
    /// # Contract
    ///
    /// - `T5` The task is pending at once with its next attempt, `max_attempts` grows by `attempts`, both limits
    ///   start anew. With `from`, what its own runs stored from that key on is set aside: it is in the history and
    ///   no longer loaded; ends of children stay. An unknown `from` is `Invalid`.
    /// - If its parent has ended, nothing closes it any more: it goes on alone.
    ///
    /// # Errors
    ///
    /// Faults of the store; `NotFound` without the queue; `Invalid` for an unknown `from`.
    async fn retry(&self, request: RetryRequest) -> Result<RetryAnswer, StoreError>;

    /// Tells how a task ended.
    ///
    /// # Errors
    ///
    /// Faults of the store; `NotFound` without the queue.
    async fn outcome(&self, request: OutcomeRequest) -> Result<Outcome, StoreError>;
}

/// A task to spawn, with everything that core decided about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NewTask {
    /// Its id.
    pub id: TaskId,
    /// The name its function is registered under.
    pub name: TaskName,
    /// Its parameters.
    pub params: Payload,
    /// Its headers, a JSON object.
    pub headers: Payload,
    /// How core decides about retries; a store keeps it and gives it back with each claim.
    pub policy: Payload,
    /// Higher runs first.
    pub priority: i16,
    /// After how many attempts it fails for good; `None` for never. At least 1.
    pub max_attempts: Option<i32>,
    /// How long after now it is ready; zero for at once.
    pub delay: Millis,
    /// It is cancelled when it has not started so long after its spawn.
    pub max_pending: Option<Millis>,
    /// It is cancelled when it has not ended so long after its first start.
    pub max_running: Option<Millis>,
    /// Its idempotency key.
    pub idempotency: Option<Idempotency>,
    /// Its parent; only in a batch that `save` spawns.
    pub parent: Option<ParentLink>,
}

impl NewTask {
    /// A task with default options: ready at once, priority 0, five attempts, no limits, no key and no parent.
    pub fn new(id: TaskId, name: TaskName, params: Payload) -> Self {
        Self {
            id,
            name,
            params,
            headers: Payload::from_text("{}"),
            policy: Payload::from_text("null"),
            priority: 0,
            max_attempts: Some(5),
            delay: Millis::ZERO,
            max_pending: None,
            max_running: None,
            idempotency: None,
            parent: None,
        }
    }
}

impl NewTask {
    /// How many bytes of payload it has: what is taken is bounded by them.
    pub fn bytes(&self) -> usize {
        self.params.bytes() + self.headers.bytes() + self.policy.bytes()
    }
}

/// The user's own key of a task, with what must agree when it comes again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Idempotency {
    /// The key.
    pub key: IdempotencyKey,
    /// Core's hash of the task's name and canonical params; a store compares it.
    pub fingerprint: String,
}

/// What ties a child to its parent. The parent is the task whose token spawns it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ParentLink {
    /// The parent's checkpoint that the child's end is written to.
    pub join_key: StepKey,
    /// What becomes of the child when the parent ends.
    pub on_close: ParentClosePolicy,
}

/// Asks to spawn tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpawnRequest {
    /// The queue.
    pub queue: QueueName,
    /// The tasks, at most [`MAX_RECORDS`](super::MAX_RECORDS).
    pub tasks: Vec<NewTask>,
}

impl SpawnRequest {
    /// Asks to spawn `tasks` into `queue`.
    pub fn new(queue: QueueName, tasks: Vec<NewTask>) -> Self {
        Self { queue, tasks }
    }
}

/// What [`Tasks::spawn`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpawnAnswer {
    /// One entry for each task, in order.
    Spawned(Vec<Spawned>),
    /// An idempotency key belongs to a task with another name or other params. Nothing was spawned.
    Conflict {
        /// Which item.
        index: usize,
        /// The task that has the key.
        existing: TaskId,
    },
    /// The queue is sealed, and at least one of the tasks would be new. Nothing was spawned.
    QueueClosed,
}

/// One spawned task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spawned {
    /// The task.
    pub task: TaskId,
    /// `false` when it was there before.
    pub created: bool,
}

/// Asks to cancel a task.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CancelRequest {
    /// The queue.
    pub queue: QueueName,
    /// The task.
    pub task: TaskId,
    /// Why.
    pub cause: CancelCause,
}

impl CancelRequest {
    /// Asks to cancel `task` because of `cause`.
    pub fn new(queue: QueueName, task: TaskId, cause: CancelCause) -> Self {
        Self { queue, task, cause }
    }
}

/// What [`Tasks::cancel`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelAnswer {
    /// The task is cancelled now.
    Cancelled {
        /// Descendants are left that only `tick` cancels.
        closing: bool,
    },
    /// It had ended before; nothing was changed.
    Ended {
        /// How.
        state: EndState,
        /// It still has live descendants that its end cancels.
        closing: bool,
    },
    /// There is no such task.
    NotFound,
}

/// Asks to reopen a failed task.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryRequest {
    /// The queue.
    pub queue: QueueName,
    /// The task.
    pub task: TaskId,
    /// How many attempts to add, at least 1.
    pub attempts: i32,
    /// The first checkpoint to set aside; `None` keeps all.
    pub from: Option<StepKey>,
}

impl RetryRequest {
    /// Asks to reopen `task` with `attempts` more attempts, from its checkpoint `from` on.
    pub fn new(queue: QueueName, task: TaskId, attempts: i32, from: Option<StepKey>) -> Self {
        Self { queue, task, attempts, from }
    }
}

/// What [`Tasks::retry`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAnswer {
    /// The task is pending again.
    Reopened,
    /// Its last end is still being spread to its children; try again when that is done.
    Closing,
    /// It has not ended.
    Live,
    /// It completed or was cancelled.
    Ended(EndState),
    /// There is no such task.
    NotFound,
}

/// Asks how a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutcomeRequest {
    /// The queue.
    pub queue: QueueName,
    /// The task.
    pub task: TaskId,
}

impl OutcomeRequest {
    /// Asks how `task` ended.
    pub fn new(queue: QueueName, task: TaskId) -> Self {
        Self { queue, task }
    }
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It has not.
    Live,
    /// With this result.
    Completed(Payload),
    /// For good, with this failure.
    Failed(Failure),
    /// By a cancellation.
    Cancelled(CancelCause),
    /// There is no such task.
    NotFound,
}
