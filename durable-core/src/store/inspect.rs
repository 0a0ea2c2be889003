//! Inspect: what people and tests look at. Reading changes nothing.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Cursor, Page, StoreError, WaitSource};
use crate::model::{
    CancelCause, Checkpoint, EmitId, EventName, Failure, IdempotencyKey, Payload, QueueName, StepKey, TaskId,
    TaskName, TaskState, Timestamp, WorkerName,
};

/// Reads without a claim. A page examines at most [`MAX_RECORDS`](super::MAX_RECORDS) records.
///
/// One answer is one moment: a task, its waits and the page of its history belong together. Two pages are two moments, and
/// what comes or goes meanwhile may be in none.
#[async_trait]
pub trait Inspect: Send + Sync {
    /// One task with its waits and a page of its history; `None` when there is no such task.
    ///
    /// # Errors
    ///
    /// Faults of the store; `NotFound` without the queue; `Invalid` for a cursor that it did not give.
    async fn task(&self, request: TaskRequest) -> Result<Option<TaskDetail>, StoreError>;

    /// Tasks of a queue by id, that is, by the time they were spawned.
    ///
    /// # Errors
    ///
    /// As [`Inspect::task`].
    async fn tasks(&self, request: TasksRequest) -> Result<Page<TaskView>, StoreError>;

    /// Events of a queue by the bytes of their names.
    ///
    /// # Errors
    ///
    /// As [`Inspect::task`].
    async fn events(&self, request: EventsRequest) -> Result<Page<EventView>, StoreError>;

    /// How many tasks are in which state.
    ///
    /// # Errors
    ///
    /// Faults of the store; `NotFound` without the queue.
    async fn counts(&self, request: CountsRequest) -> Result<Counts, StoreError>;
}

/// Asks for one task.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskRequest {
    /// The queue.
    pub queue: QueueName,
    /// The task.
    pub task: TaskId,
    /// Where its history goes on; `None` from the start.
    pub cursor: Option<Cursor>,
    /// The most entries of history, from 1 to [`MAX_RECORDS`](super::MAX_RECORDS).
    pub limit: u32,
}

impl TaskRequest {
    /// Asks for `task` with the first thousand entries of its history.
    pub fn new(queue: QueueName, task: TaskId) -> Self {
        Self { queue, task, cursor: None, limit: 1_000 }
    }

    /// Goes on with the history from `cursor`.
    pub fn after(mut self, cursor: Cursor) -> Self {
        self.cursor = Some(cursor);
        self
    }
}

/// Asks for tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TasksRequest {
    /// The queue.
    pub queue: QueueName,
    /// Only tasks in this state.
    pub state: Option<TaskState>,
    /// Only tasks with this name.
    pub name: Option<TaskName>,
    /// Only children of this task.
    pub parent: Option<TaskId>,
    /// Where to go on; `None` from the start.
    pub cursor: Option<Cursor>,
    /// The most entries of the page, from 1 to [`MAX_RECORDS`](super::MAX_RECORDS).
    pub limit: u32,
}

impl TasksRequest {
    /// Asks for all tasks of `queue`, from `cursor` on, at most a thousand.
    pub fn new(queue: QueueName, cursor: Option<Cursor>) -> Self {
        Self { queue, state: None, name: None, parent: None, cursor, limit: 1_000 }
    }
}

/// Asks for events.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventsRequest {
    /// The queue.
    pub queue: QueueName,
    /// Where to go on; `None` from the start.
    pub cursor: Option<Cursor>,
    /// The most entries of the page, from 1 to [`MAX_RECORDS`](super::MAX_RECORDS).
    pub limit: u32,
}

impl EventsRequest {
    /// Asks for all events of `queue`, from `cursor` on, at most a thousand.
    pub fn new(queue: QueueName, cursor: Option<Cursor>) -> Self {
        Self { queue, cursor, limit: 1_000 }
    }
}

/// Asks for figures.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CountsRequest {
    /// The queue.
    pub queue: QueueName,
}

impl CountsRequest {
    /// Asks for the figures of `queue`.
    pub fn new(queue: QueueName) -> Self {
        Self { queue }
    }
}

/// One task as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskView {
    /// Its id.
    pub id: TaskId,
    /// Its name.
    pub name: TaskName,
    /// Its state as it is stored: what is due and has not been done yet does not show.
    pub state: TaskState,
    /// Its parameters.
    pub params: Payload,
    /// Its headers.
    pub headers: Payload,
    /// Core's policy.
    pub policy: Payload,
    /// Higher runs first.
    pub priority: i16,
    /// The attempt that runs or comes next, from 1; of an ended task the last.
    pub attempt: i32,
    /// After how many attempts it fails for good.
    pub max_attempts: Option<i32>,
    /// How often it was claimed.
    pub claims: u64,
    /// Its idempotency key.
    pub idempotency_key: Option<IdempotencyKey>,
    /// Its parent.
    pub parent: Option<TaskId>,
    /// When it was spawned.
    pub spawned_at: Timestamp,
    /// When it was first claimed; `None` also after a retry that restarted its limits.
    pub first_started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Since when it is ready, while it is pending.
    pub available_at: Option<Timestamp>,
    /// When something is due for it, while it is live.
    pub due: Option<Timestamp>,
    /// Who holds it, and until when, while it is running.
    pub lease: Option<(WorkerName, Timestamp)>,
    /// What it rests on, while it is suspended.
    pub rest: Option<RestView>,
    /// It has ended, and live children are left that its end cancels.
    pub closing: bool,
    /// Its result, when completed.
    pub result: Option<Payload>,
    /// Its failure, when failed.
    pub failure: Option<Failure>,
    /// Why it was cancelled.
    pub cancelled: Option<CancelCause>,
}

impl TaskView {
    /// How many bytes of payload it has: pages are bounded by them.
    pub fn bytes(&self) -> usize {
        let own = self.params.bytes() + self.headers.bytes() + self.policy.bytes();
        let end = self.result.as_ref().map(Payload::bytes).or(self.failure.as_ref().map(Failure::bytes));
        own + end.unwrap_or(0)
    }
}

/// What a suspended task rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestView {
    /// The waits that still stand, by key.
    pub keys: Vec<StepKey>,
    /// How many of them must still end, at least 1.
    pub need: u32,
}

/// One task in detail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskDetail {
    /// The task.
    pub task: TaskView,
    /// Its waits that stand, by key, at most [`MAX_RECORDS`](super::MAX_RECORDS).
    pub waits: Vec<WaitView>,
    /// What happened, in order.
    pub history: Page<HistoryEntry>,
}

/// A wait that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitView {
    /// Its key.
    pub key: StepKey,
    /// What ends it.
    pub source: WaitSource,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// When it times out.
    pub deadline: Option<Timestamp>,
}

/// One thing that happened to a task. Checkpoints and ended runs share one count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum HistoryEntry {
    /// Something was stored.
    Checkpoint {
        /// What.
        checkpoint: Checkpoint,
        /// A retry has set it aside: it is no longer loaded.
        aside: bool,
    },
    /// An attempt failed.
    Run(RunView),
}

impl HistoryEntry {
    /// Its place among all that was stored for the task, from 1.
    pub fn order(&self) -> u64 {
        match self {
            Self::Checkpoint { checkpoint, .. } => checkpoint.order,
            Self::Run(run) => run.order,
        }
    }

    /// How many bytes of payload it has: pages are bounded by them.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Checkpoint { checkpoint, .. } => checkpoint.end.bytes(),
            Self::Run(run) => run.failure.bytes(),
        }
    }
}

/// An attempt that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunView {
    /// Its place among all that was stored for the task, from 1.
    pub order: u64,
    /// The attempt, from 1.
    pub attempt: i32,
    /// Who ran it.
    pub worker: WorkerName,
    /// When it ended.
    pub ended_at: Timestamp,
    /// Why.
    pub failure: Failure,
}

/// One event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventView {
    /// Its name.
    pub name: EventName,
    /// What waits get.
    pub payload: Payload,
    /// What is kept beside it.
    pub metadata: Payload,
    /// The id of its last write.
    pub id: EmitId,
    /// When that was.
    pub written_at: Timestamp,
    /// Waits still stand that its last write must end.
    pub waking: bool,
}

/// How many tasks of a queue are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Delayed, backing off, asleep or suspended.
    pub sleeping: u64,
    /// Ready to be claimed.
    pub pending: u64,
    /// Claimed.
    pub running: u64,
    /// Done.
    pub completed: u64,
    /// Failed for good.
    pub failed: u64,
    /// Cancelled.
    pub cancelled: u64,
    /// What a claim for every name could take now: pending, and sleeping or running with its time come. It may be rough
    /// while more than [`MAX_RECORDS`](super::MAX_RECORDS) are due.
    pub ready: u64,
}
