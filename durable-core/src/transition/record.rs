//! The records that verbs change, without their payloads.

use serde::{Deserialize, Serialize};

use crate::model::{
    CallId, CancelCause, CheckpointKind, EmitId, End, EndState, EventName, Lease, Millis, Payload, StepKey,
    TaskId, Timestamp, Token, WorkerName,
};
use crate::store::WaitSource;

/// What part of a record cannot be decoded.
pub type Flaw = &'static str;

/// A key of a task.
pub type SlotKey = (TaskId, StepKey);

/// Where a task is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// It has a time to wait for, or ends of waits.
    Sleeping(Why),
    /// It is ready.
    Pending,
    /// It is claimed; the lease may have run out.
    Running,
    /// It has ended for good.
    Ended(EndState),
}

/// Why a task sleeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Why {
    /// It was spawned with a delay.
    Start,
    /// It backs off, or was handed back with a delay.
    Retry,
    /// It is suspended.
    Rest,
}

/// How the holder of the newest claim closed it (rule C7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Closed {
    /// The task was completed.
    Complete,
    /// The attempt failed; the due time of the next that was answered, if there is one.
    Fail(Option<Timestamp>),
    /// The claim was handed back; the due time that was answered.
    Release(Timestamp),
    /// The task rests.
    Wait,
}

/// What ties a task to its parent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// The parent.
    pub id: TaskId,
    /// The key of the checkpoint that this task's end is, in the parent.
    pub join_key: StepKey,
}

/// A task, without what no transition looks at: its name, its payloads and its place among the pending.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TaskRecord {
    /// Its id.
    pub id: TaskId,
    /// How many ancestors it has.
    pub depth: i32,
    /// Its parent.
    pub parent: Option<Parent>,
    /// How long it may wait for its first start.
    pub max_pending: Option<Millis>,
    /// How long it may take from its first start.
    pub max_running: Option<Millis>,
    /// When it was spawned.
    pub spawned_at: Timestamp,
    /// Where it is in its life.
    pub state: State,
    /// Pending: since when. Sleeping for a start or a retry: until when. Running: since when it had been ready.
    pub available_at: Option<Timestamp>,
    /// After how many attempts it fails for good.
    pub max_attempts: Option<i32>,
    /// The attempt that runs or comes next, from 1.
    pub attempt: i32,
    /// What `max_pending` counts from: the spawn, or the last retry.
    pub limit_from: Timestamp,
    /// What `max_running` counts from.
    pub first_started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub end: Option<End>,
    /// Since when it is *closing*: ended, with live children that its end cancels.
    pub closing_since: Option<Timestamp>,
    /// How often it was claimed.
    pub claims: u64,
    /// The call of the newest claim.
    pub call: Option<CallId>,
    /// Who made it.
    pub worker: Option<WorkerName>,
    /// What that asked for: what a checkpoint leaves at least.
    pub lease: Option<Lease>,
    /// When the lease runs out, while it runs.
    pub expires_at: Option<Timestamp>,
    /// How the newest claim was closed.
    pub closed: Option<Closed>,
    /// Of the waits that it rests on, how many must still end.
    pub need: Option<u32>,
    /// The earliest deadline among them.
    pub rest_due: Option<Timestamp>,
    /// The order of what was stored last.
    pub last_order: u64,
    /// How many checkpoints there are to load.
    pub checkpoints: u64,
    /// It has live children that its end cancels. It is no part of the record, but what the store finds beside it.
    #[serde(skip)]
    pub has_children: bool,
    /// What of it cannot be decoded; then only its ids, its token and its parent count.
    #[serde(skip)]
    pub flaw: Option<Flaw>,
}

impl TaskRecord {
    /// Whether it has not ended.
    pub fn is_live(&self) -> bool {
        !matches!(self.state, State::Ended(_))
    }

    /// Whether it is suspended.
    pub fn is_resting(&self) -> bool {
        self.state == State::Sleeping(Why::Rest)
    }

    /// Whether this is the token of its newest claim.
    pub fn is_newest(&self, token: Token) -> bool {
        self.call == Some(token.call) && self.claims == token.claim
    }

    /// Who holds it, while it runs.
    pub fn holder(&self) -> Option<&WorkerName> {
        self.worker.as_ref().filter(|_| self.state == State::Running)
    }

    /// Whether another attempt may follow the present one.
    pub fn has_attempts_left(&self) -> bool {
        self.max_attempts.is_none_or(|max| self.attempt < max)
    }

    /// When it is cancelled by its own limit, and why (rule T4).
    pub fn limit(&self) -> Option<(Timestamp, CancelCause)> {
        match self.first_started_at {
            None => self.max_pending.map(|max| (self.limit_from.after(max), CancelCause::MaxPendingTime)),
            Some(first) => self.max_running.map(|max| (first.after(max), CancelCause::MaxRunningTime)),
        }
    }

    /// The earliest thing to do, for the index by time.
    pub fn due(&self) -> Option<Timestamp> {
        let own = match self.state {
            State::Sleeping(Why::Start | Why::Retry) => self.available_at,
            State::Sleeping(Why::Rest) => self.rest_due,
            State::Running => self.expires_at,
            State::Pending => None,
            State::Ended(_) => return None,
        };
        earliest(own, self.limit().map(|(at, _)| at))
    }
}

/// The earlier of two moments that may not come.
pub fn earliest(a: Option<Timestamp>, b: Option<Timestamp>) -> Option<Timestamp> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// What is under one key of a task.
#[derive(Debug, Clone)]
pub enum Slot {
    /// Nothing.
    Free,
    /// A wait that stands.
    Standing(Wait),
    /// A checkpoint.
    Ended(StoredEnd),
}

/// How a checkpoint ended.
#[derive(Debug, Clone)]
pub struct StoredEnd {
    /// Its end, or what of it cannot be decoded.
    pub end: Result<End, Flaw>,
    /// When.
    pub at: Timestamp,
}

/// A wait that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// What ends it with a value.
    pub source: WaitSource,
    /// When it was registered.
    pub registered_at: Timestamp,
    /// When it times out.
    pub deadline: Option<Timestamp>,
    /// The claim count of the run that rests on it: it counts while that is the task's newest.
    pub rests: Option<u64>,
}

impl Wait {
    /// The kind of the checkpoint that its end is.
    pub fn kind(&self) -> CheckpointKind {
        kind_of(&self.source)
    }

    /// The event that it waits for.
    pub fn event(&self) -> Option<&EventName> {
        match &self.source {
            WaitSource::Event(name) => Some(name),
            WaitSource::Child(_) | WaitSource::Time => None,
        }
    }
}

/// The kind of the checkpoint that the end of a wait for this is.
pub(super) fn kind_of(source: &WaitSource) -> CheckpointKind {
    match source {
        WaitSource::Event(_) => CheckpointKind::Event,
        WaitSource::Child(_) => CheckpointKind::Child,
        WaitSource::Time => CheckpointKind::Timer,
    }
}

/// An event, written or not: that it was looked for and is not there is a record, too.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EventRecord {
    /// Its name.
    pub name: EventName,
    /// Its last write.
    pub written: Option<Written>,
    /// While it is *waking*: when it was first written without reaching every wait.
    pub first_unreached: Option<Timestamp>,
}

/// The last write of an event.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Written {
    /// When.
    pub at: Timestamp,
    /// By which emit.
    pub id: EmitId,
    /// What waits get.
    pub payload: Payload,
    /// What is kept beside it.
    pub metadata: Payload,
}

impl EventRecord {
    /// An event that was never written.
    pub fn unwritten(name: EventName) -> Self {
        Self { name, written: None, first_unreached: None }
    }
}

/// A task that a wait names as a child.
#[derive(Debug, Clone)]
pub struct ChildRecord {
    /// Its parent.
    pub parent: Option<Parent>,
    /// When it was spawned.
    pub spawned_at: Timestamp,
    /// How it ended, and when.
    pub end: Option<(End, Timestamp)>,
}
