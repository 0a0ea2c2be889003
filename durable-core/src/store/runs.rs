//! Runs: what a worker does with claims.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{FencedError, StoreError};
use crate::model::{
    CallId, Deadline, End, EventName, Lease, Millis, Payload, QueueName, StepKey, TaskId, TaskName,
    Timestamp, Token, WorkerName,
};

/// Claims tasks, keeps claims alive, lets tasks wait, and ends runs.
///
/// Each of the three is a batch that answers per item: a refused item undoes no other, and the effect is as if
/// the items came one after another (`C8`). Core never puts a task and its child into one batch.
#[async_trait]
pub trait Runs: Send + Sync {
    /// Ends runs, does what is due, and takes pending tasks, in this order.
    ///
    /// # Contract
    ///
    /// - Ends first, one by one, each fenced by its token (`C3`); ends with one answer each. An end writes to the
    ///   parent (`T1`) and marks *closing* when the task has live children that its end cancels.
    ///   What an end cancels at once, here or among what is due, is cancelled before the next is looked at (`C8`).
    /// - `C7` A repeated end, same token and same verb (complete, fail or release), gives the same answer until the
    ///   task is claimed again or purged. With `repeat` the call gives the tasks still held under its id and claims
    ///   nothing new.
    /// - What is due next, earliest first and bounded, as in [`Upkeep::tick`](super::Upkeep::tick).
    /// - `C2` Then at most `max` pending tasks with one of `names`: priority down, then the time they became
    ///   available, then id. Nothing from a paused or sealed queue; a record that another holds is passed over;
    ///   a task past its pending limit is cancelled and not handed out.
    /// - Each claim has a fresh token: `call` with the task's claim count, raised by one. The first claim of a
    ///   task sets its first start, from which `max_running` counts.
    /// - What is taken ends before it has more than [`MAX_BYTES`](super::MAX_BYTES) of payload, but is one task at least.
    /// - `C6` A record that cannot be decoded fails that task alone.
    ///
    /// # Errors
    ///
    /// Faults of the store; `NotFound` without the queue, unless there are ends: these are `ClaimLost` then.
    async fn claim(&self, request: ClaimRequest) -> Result<ClaimAnswer, StoreError>;

    /// Extends leases: each ends at the later of its present end and now plus the lease asked for (`C4`).
    ///
    /// # Errors
    ///
    /// Faults of the store; fenced per item. The answer is the new end of the lease.
    async fn extend(&self, request: ExtendRequest)
    -> Result<Vec<Result<Timestamp, FencedError>>, StoreError>;

    /// Registers waits, and lets a run rest on some of its waits.
    ///
    /// # Contract
    ///
    /// For each item, in one step:
    ///
    /// - `W1` A wait that is new is registered with its deadline; one that stands keeps its first deadline; one
    ///   that has ended has a checkpoint.
    /// - A new wait ends at once if its event exists (whatever the deadline), its child has ended, or its deadline
    ///   has come. A wait for a child that is not this task's under this key, and whose end is not stored, is a
    ///   fault `NotFound` of that item.
    /// - Without `rest`: [`WaitAnswer::Met`] if one of `waits` has ended, else [`WaitAnswer::Registered`].
    /// - With `rest`: [`WaitAnswer::Met`] if `need` of its keys have ended; the claim stays. Else the task sleeps
    ///   until so many have, and the claim ends as [`WaitAnswer::Suspended`] (`W3`, `W4`). A key to rest on that is
    ///   neither a wait nor a checkpoint, and a `need` of none or of more than there are keys, is a fault `Invalid`.
    /// - `Met` lists every named wait that has ended, named in `waits` or in `rest`.
    /// - `C7` A repeat of the call that suspended is `Suspended` again until the task is claimed again or purged,
    ///   whatever has become of the task since.
    ///
    /// # Errors
    ///
    /// Faults of the store; fenced per item.
    async fn wait(&self, request: WaitRequest) -> Result<Vec<Result<WaitAnswer, FencedError>>, StoreError>;
}

/// Asks to end runs and to claim tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClaimRequest {
    /// The queue.
    pub queue: QueueName,
    /// The id of this call; a repeat carries the same.
    pub call: CallId,
    /// This is a repeat: claim nothing new.
    pub repeat: bool,
    /// Who asks.
    pub worker: WorkerName,
    /// The task names to take.
    pub names: Vec<TaskName>,
    /// The most tasks to take; 0 to end runs only.
    pub max: u32,
    /// How long the new claims hold.
    pub lease: Lease,
    /// The runs to end first, at most [`MAX_RECORDS`](super::MAX_RECORDS) with the tasks to take.
    pub ends: Vec<RunEnd>,
}

impl ClaimRequest {
    /// Asks for at most `max` tasks with one of `names`, ending nothing.
    pub fn new(
        queue: QueueName,
        call: CallId,
        worker: WorkerName,
        names: Vec<TaskName>,
        max: u32,
        lease: Lease,
    ) -> Self {
        Self { queue, call, repeat: false, worker, names, max, lease, ends: Vec::new() }
    }

    /// Ends these runs first.
    pub fn ending(mut self, ends: Vec<RunEnd>) -> Self {
        self.ends = ends;
        self
    }

    /// The same call once more.
    pub fn repeated(mut self) -> Self {
        self.repeat = true;
        self
    }
}

/// The end of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEnd {
    /// The claim.
    pub token: Token,
    /// How it ends.
    pub ending: Ending,
}

/// How a run ends; the decisions are core's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The task is done.
    Complete {
        /// Its result.
        result: Payload,
    },
    /// The attempt failed.
    Fail {
        /// Why.
        failure: Payload,
        /// When to try again.
        retry: RetryAfter,
    },
    /// The claim is handed back: no attempt is used.
    Release {
        /// How long before the task is ready again.
        after: Millis,
    },
}

/// When a failed attempt is followed by the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryAfter {
    /// So long after now.
    After(Millis),
    /// Never: the task has failed for good.
    Never,
}

/// What became of one run's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndAnswer {
    /// The task is completed.
    Completed,
    /// The task has failed for good.
    Failed,
    /// The task backs off until then, or is ready already.
    Retrying {
        /// When it is ready.
        due: Timestamp,
    },
    /// The task is handed back.
    Released {
        /// When it is ready.
        due: Timestamp,
    },
}

/// What [`Runs::claim`] did.
#[derive(Debug)]
pub struct ClaimAnswer {
    /// One entry for each end, in order.
    pub ends: Vec<Result<EndAnswer, FencedError>>,
    /// The claimed tasks, first to run first.
    pub claims: Vec<Claim>,
    /// More tasks with one of the names are ready now.
    pub more: bool,
    /// The store's time at the call, to measure `next_due` against.
    pub now: Timestamp,
    /// When `claim` or `tick` has something to do next, apart from ready tasks: the earliest due time of the
    /// queue, or now if marks are left that only `tick` works off. Never later than the truth.
    pub next_due: Option<Timestamp>,
}

/// One claimed task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The proof of the claim.
    pub token: Token,
    /// The task's name.
    pub name: TaskName,
    /// Its parameters.
    pub params: Payload,
    /// Its headers.
    pub headers: Payload,
    /// Core's policy, as it was spawned.
    pub policy: Payload,
    /// Its parent.
    pub parent: Option<TaskId>,
    /// The attempt, from 1.
    pub attempt: i32,
    /// After how many attempts it fails for good.
    pub max_attempts: Option<i32>,
    /// The store's time at the claim.
    pub claimed_at: Timestamp,
    /// When the lease ends.
    pub expires_at: Timestamp,
    /// How many checkpoints there are to load.
    pub checkpoints: u64,
}

/// Asks to extend leases.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExtendRequest {
    /// The queue.
    pub queue: QueueName,
    /// The claims, at most [`MAX_RECORDS`](super::MAX_RECORDS).
    pub items: Vec<ExtendItem>,
}

impl ExtendRequest {
    /// Asks to extend `items`.
    pub fn new(queue: QueueName, items: Vec<ExtendItem>) -> Self {
        Self { queue, items }
    }
}

/// One lease to extend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExtendItem {
    /// The claim.
    pub token: Token,
    /// How long it shall hold from now, at least.
    pub lease: Lease,
}

/// Asks to register waits and to rest.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WaitRequest {
    /// The queue.
    pub queue: QueueName,
    /// One item for each run; at most [`MAX_RECORDS`](super::MAX_RECORDS) waits and keys in all.
    pub items: Vec<WaitItem>,
}

impl WaitRequest {
    /// Asks for `items`.
    pub fn new(queue: QueueName, items: Vec<WaitItem>) -> Self {
        Self { queue, items }
    }
}

/// The waits of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitItem {
    /// The claim.
    pub token: Token,
    /// The waits to register.
    pub waits: Vec<NewWait>,
    /// What to rest on; `None` to go on.
    pub rest: Option<Rest>,
}

/// A wait to register.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWait {
    /// Its key; the checkpoint of its end has the same.
    pub key: StepKey,
    /// What ends it with a value.
    pub source: WaitSource,
    /// When it ends as a timeout.
    pub deadline: Option<Deadline>,
}

/// What ends a wait with a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum WaitSource {
    /// An event of the queue.
    Event(EventName),
    /// The end of a child.
    Child(TaskId),
    /// Nothing: it ends at its deadline, as [`End::Timeout`]. Without a deadline it is a fault `Invalid`.
    Time,
}

/// What a task rests on: `need` of these waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rest {
    /// The waits.
    pub keys: Vec<StepKey>,
    /// How many of them must end, from 1 to their number.
    pub need: u32,
}

/// What [`Runs::wait`] did for one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WaitAnswer {
    /// These have ended; the claim stays.
    Met(Vec<MetWait>),
    /// All are registered and none has ended; the claim stays.
    Registered,
    /// The task rests, and the claim is over.
    Suspended,
}

/// A wait that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetWait {
    /// Its key.
    pub key: StepKey,
    /// How it ended.
    pub end: End,
    /// When: a timer and a timeout at their deadline, an event when it was emitted, a child when it ended.
    pub at: Timestamp,
}
