//! Upkeep: what keeps a queue going when nobody else does.

use async_trait::async_trait;

use super::StoreError;
use crate::model::{EndState, Millis, QueueName, TaskId, Timestamp, WorkerName};

/// Does what is due and removes what is old.
#[async_trait]
pub trait Upkeep: Send + Sync {
    /// Does at most `limit` things that are due, earliest first, and then what marks are left.
    ///
    /// # Contract
    ///
    /// A task is due at the earliest of:
    ///
    /// - its start or its retry: it becomes *pending*, available from that moment;
    /// - a deadline it rests on: the wait ends, as a timeout or by an event that came before (`W2`), and the task
    ///   becomes pending when its rest is met;
    /// - the end of its lease (`C5`): the attempt ends as `ClaimTimeout`, and the task is pending with the next one
    ///   at once, or failed if there is none left;
    /// - `max_pending` after its spawn if it never started, `max_running` after its first start: it is cancelled
    ///   (`T4`). At the same moment a limit comes before everything else.
    ///
    /// Marks: children of *closing* tasks are cancelled, waits of *waking* events ended. May run in many processes
    /// at once; a record that another holds is left to it; one that cannot be decoded fails alone (`U1`).
    ///
    /// # Errors
    ///
    /// Faults of the store; `NotFound` without the queue.
    async fn tick(&self, request: TickRequest) -> Result<TickAnswer, StoreError>;

    /// Removes ended tasks, and events, that are older than `age`, oldest first.
    ///
    /// # Contract
    ///
    /// - `U3` A task goes with all that belongs to it (runs, checkpoints, idempotency key) and nothing else: its end
    ///   stays in its parent's checkpoint. Never a live task, nor one that is *closing*; never an event that is
    ///   *waking*.
    /// - A task ages from its end, an event from its last write. It goes if `now >= then + age`.
    /// - From the first call on it is not found, even if *garbage* of it is left for the next.
    ///
    /// # Errors
    ///
    /// Faults of the store; `NotFound` without the queue.
    async fn purge(&self, request: PurgeRequest) -> Result<PurgeAnswer, StoreError>;
}

/// Asks for upkeep.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TickRequest {
    /// The queue.
    pub queue: QueueName,
    /// The most things to do, from 1 to [`MAX_RECORDS`](super::MAX_RECORDS).
    pub limit: u32,
}

impl TickRequest {
    /// Asks for at most `limit` things in `queue`.
    pub fn new(queue: QueueName, limit: u32) -> Self {
        Self { queue, limit }
    }
}

/// What [`Upkeep::tick`] did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TickAnswer {
    /// Delayed and backed-off tasks that became pending.
    pub started: u32,
    /// Waits that ended, by their deadline or by a waking event.
    pub woken: u32,
    /// Runs whose lease ran out.
    pub expired: Vec<ExpiredRun>,
    /// Tasks cancelled by their own limits.
    pub limited: u32,
    /// Children cancelled because their parent ended.
    pub closed: u32,
    /// Ended tasks with live children left that their end cancels; a store may stop counting at 1,000.
    pub closing_left: u64,
    /// As in [`ClaimAnswer::next_due`](super::ClaimAnswer::next_due).
    pub next_due: Option<Timestamp>,
    /// There is more to do now.
    pub more: bool,
}

/// A run whose lease ran out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpiredRun {
    /// The task.
    pub task: TaskId,
    /// The attempt that ended.
    pub attempt: i32,
    /// Who held it.
    pub worker: WorkerName,
    /// When the lease ran out.
    pub at: Timestamp,
}

/// Asks to remove what is old.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PurgeRequest {
    /// The queue.
    pub queue: QueueName,
    /// The ended tasks to remove.
    pub states: Vec<EndState>,
    /// Remove events, too.
    pub events: bool,
    /// How long ago a task ended or an event was written, at least.
    pub age: Millis,
    /// The most records to remove, from 1 to [`MAX_RECORDS`](super::MAX_RECORDS).
    pub limit: u32,
}

impl PurgeRequest {
    /// Asks to remove tasks in `states` that ended `age` ago, at most `limit` records; no events.
    pub fn new(queue: QueueName, states: Vec<EndState>, age: Millis, limit: u32) -> Self {
        Self { queue, states, events: false, age, limit }
    }

    /// Removes events as well.
    pub fn with_events(mut self) -> Self {
        self.events = true;
        self
    }
}

/// What [`Upkeep::purge`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PurgeAnswer {
    /// Tasks and events that are gone since this call.
    pub purged: u64,
    /// There is more to remove now.
    pub more: bool,
}
