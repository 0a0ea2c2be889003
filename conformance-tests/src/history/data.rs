//! What a history is made of: plain data, written as JSON and read again.

use durable_core::model::{CallId, EmitId, Millis, ParentClosePolicy, TaskId, Timestamp};
use serde::{Deserialize, Serialize};

/// The newest form of a written history.
pub const FORM: u32 = 1;

/// What several clients did to one store, in the order in which calls were made and answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// The form it was written in.
    pub form: u32,
    /// The store.
    pub store: String,
    /// What was run.
    pub case: String,
    /// What all of its chances were drawn from.
    pub seed: u64,
    /// The calls by the order of their invocation.
    pub operations: Vec<Operation>,
    /// What the store showed when all clients were done.
    pub last: Vec<LastTask>,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Who called; a client has one call at a time.
    pub client: String,
    /// The handle on the store.
    pub handle: String,
    /// The queue.
    pub queue: String,
    /// Its place among all invocations and answers.
    pub invoked: u64,
    /// The place of its answer; `None` if there was none.
    pub returned: Option<u64>,
    /// The store's time during the call, if somebody held it still.
    pub at: Option<Timestamp>,
    /// What was asked, and what came.
    pub action: Action,
}

/// What was asked, and what came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each is a request of the store's, and its answer")]
pub enum Action {
    Spawn { tasks: Vec<Task>, answer: Reply<Spawned> },
    Claim { request: ClaimOf, answer: Reply<ClaimedOf> },
    Extend { token: Token, lease: Millis, answer: Reply<Fenced<Timestamp>> },
    Wait { item: Rests, answer: Reply<Fenced<Waited>> },
    Load { token: Token, after: u64, answer: Reply<Fenced<Page>> },
    Save { item: Saving, answer: Reply<Fenced<Saved>> },
    Emit { event: Event, only_if_absent: bool, answer: Reply<Emitted> },
    Cancel { task: TaskId, answer: Reply<Cancelled> },
    Outcome { task: TaskId, answer: Reply<State> },
    Tick { limit: u32, answer: Reply<Ticked> },
}

/// An answer, if there was one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply<T> {
    /// None came, or it says that the call may have happened: it may happen at any time after its invocation.
    Unknown,
    /// It surely did not happen.
    Failed,
    /// It happened between its invocation and its answer.
    Is(T),
}

/// The answer to a write under a claim.
pub type Fenced<T> = Result<T, Refused>;

/// Why a write under a claim was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refused {
    /// The claim is lost.
    ClaimLost,
    /// The task is cancelled.
    Cancelled,
    /// A fault on this item alone.
    Fault,
}

/// The proof of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Token {
    /// The task.
    pub task: TaskId,
    /// The call that claimed it.
    pub call: CallId,
    /// How often the task had been claimed then.
    pub claim: u64,
}

/// A task to spawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// Its name.
    pub name: String,
    /// Higher runs first.
    pub priority: i16,
    /// How long after its spawn it is ready.
    pub delay: Millis,
    /// Its attempts; `None` for as many as it takes.
    pub max_attempts: Option<i32>,
    /// Its limits: until its start, and from its start on.
    pub limits: (Option<Millis>, Option<Millis>),
    /// Its idempotency key and fingerprint.
    pub idempotency: Option<(String, String)>,
    /// For a child: the key of its join, and what its parent's end does to it.
    pub parent: Option<(String, ParentClosePolicy)>,
}

/// What became of a spawn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spawned {
    /// For each task its id, and whether it is new.
    Tasks(Vec<(TaskId, bool)>),
    /// A key belongs to another task.
    Conflict(TaskId),
    /// The queue is sealed.
    QueueClosed,
}

/// A call of claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimOf {
    /// The call's id.
    pub call: CallId,
    /// It repeats an earlier one.
    pub repeat: bool,
    /// The names asked for.
    pub names: Vec<String>,
    /// The most tasks to take.
    pub max: u32,
    /// How long the claims hold.
    pub lease: Millis,
    /// The runs to end first.
    pub ends: Vec<(Token, Ending)>,
}

/// How a run ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// With this result.
    Complete(String),
    /// With this failure, and another attempt so long after it.
    Fail(String, Option<Millis>),
    /// Handed back, for so long.
    Release(Millis),
}

/// What a claim gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimedOf {
    /// An answer for each end.
    pub ends: Vec<Fenced<Ended>>,
    /// The claimed tasks.
    pub claims: Vec<Handed>,
    /// More are ready.
    pub more: bool,
    /// The store's time.
    pub now: Timestamp,
    /// When something is due next.
    pub next_due: Option<Timestamp>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// The task is completed.
    Completed,
    /// It failed for good.
    Failed,
    /// It is ready again then.
    Retrying(Timestamp),
    /// It is ready again then.
    Released(Timestamp),
}

/// One claimed task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handed {
    /// The proof.
    pub token: Token,
    /// The attempt.
    pub attempt: i32,
    /// When it was claimed.
    pub claimed_at: Timestamp,
    /// When its lease ends.
    pub expires_at: Timestamp,
}

/// Waits to register, and to rest on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rests {
    /// The claim.
    pub token: Token,
    /// The waits: key, source, and the deadline after their registration.
    pub waits: Vec<(String, Source, Option<Deadline>)>,
    /// The keys to rest on, and how many of them must end.
    pub rest: Option<(Vec<String>, u32)>,
}

/// What ends a wait with a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// An event.
    Event(String),
    /// A child.
    Child(TaskId),
    /// Nothing.
    Time,
}

/// When a wait ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deadline {
    /// So long after its registration.
    After(Millis),
    /// Then.
    At(Timestamp),
}

/// What a wait gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Waited {
    /// These have ended: key, end and when.
    Met(Vec<(String, End, Timestamp)>),
    /// All stand.
    Registered,
    /// The task rests.
    Suspended,
}

/// How a checkpoint or a task ended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// With this value.
    Value(String),
    /// Its deadline came first.
    Timeout,
    /// As a failure: the one that was reported, or the store's own.
    Failed(Option<String>),
    /// By a cancellation.
    Cancelled,
}

/// A stored checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Its key.
    pub key: String,
    /// Its end.
    pub end: End,
    /// Its place in its task.
    pub order: u64,
}

/// A page of checkpoints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The checkpoints, in order.
    pub checkpoints: Vec<Stored>,
    /// There are more after the last.
    pub more: bool,
}

/// A checkpoint to store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saving {
    /// The claim.
    pub token: Token,
    /// Its key.
    pub key: String,
    /// Its value.
    pub payload: String,
    /// The children it spawns.
    pub children: Vec<Task>,
    /// The event it emits.
    pub event: Option<Event>,
}

/// What a save did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Saved {
    /// It is stored, and the lease ends then.
    Stored(Timestamp),
    /// The key has another end.
    Conflict(End),
    /// The queue takes no children.
    QueueClosed,
}

/// One write of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The write's id.
    pub id: EmitId,
    /// The event.
    pub name: String,
    /// What waits get.
    pub payload: String,
}

/// What an emit did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "as the store's answer")]
pub enum Emitted {
    Written,
    Kept,
    Repeated,
}

/// What a cancellation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "as the store's answer")]
pub enum Cancelled {
    Cancelled,
    Ended,
    NotFound,
}

/// What became of a task, as a reader sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is live: its state in one word.
    Live(String),
    /// It has ended.
    Ended(End),
    /// There is no such task.
    NotFound,
}

/// What a tick did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticked {
    /// The runs whose lease ran out: task and attempt.
    pub expired: Vec<(TaskId, i32)>,
    /// When something is due next.
    pub next_due: Option<Timestamp>,
    /// There is more to do now.
    pub more: bool,
}

/// A task when all clients were done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastTask {
    /// Its id.
    pub id: TaskId,
    /// Its state.
    pub state: State,
    /// Its attempt.
    pub attempt: i32,
    /// How often it was claimed.
    pub claims: u64,
    /// Its checkpoints, in order.
    pub checkpoints: Vec<Stored>,
    /// The keys of its waits that stand.
    pub waits: Vec<String>,
}
