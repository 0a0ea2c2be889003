//! The record of one task: plain data, and what follows from it alone.

use std::collections::{BTreeMap, BTreeSet};

use durable_core::model::{
    CallId, CancelCause, Checkpoint, CheckpointKind, End, EndState, EventName, Failure, Lease, Millis, Now,
    ParentClosePolicy, Payload, StepKey, TaskId, TaskName, TaskState, Timestamp, Token, WorkerName,
};
use durable_core::store::{EndAnswer, Idempotency, NewTask, RunView, WaitSource};

use crate::history::History;

/// One task.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) id: TaskId,
    pub(crate) name: TaskName,
    pub(crate) params: Payload,
    pub(crate) headers: Payload,
    pub(crate) policy: Payload,
    pub(crate) priority: i16,
    pub(crate) max_attempts: Option<i32>,
    pub(crate) max_pending: Option<Millis>,
    pub(crate) max_running: Option<Millis>,
    pub(crate) idempotency: Option<Idempotency>,
    pub(crate) parent: Option<Parent>,
    pub(crate) spawned_at: Timestamp,
    /// Where `max_pending` starts: the spawn, or the last retry.
    pub(crate) limits_from: Timestamp,
    /// Where `max_running` starts; `None` also after a retry.
    pub(crate) first_started_at: Option<Timestamp>,
    /// The attempt that runs or comes next, from 1; of an ended task the last.
    pub(crate) attempt: i32,
    /// How often it was claimed.
    pub(crate) claims: u64,
    /// The call of the newest claim.
    pub(crate) newest: Option<CallId>,
    pub(crate) phase: Phase,
    /// It has ended and has live children that its end cancels.
    pub(crate) closing: bool,
    /// How the holder of the newest claim closed it (rule C7).
    pub(crate) closed: Option<Closed>,
    /// The waits that stand.
    pub(crate) waits: BTreeMap<StepKey, Wait>,
    pub(crate) history: History,
}

/// What ties a task to its parent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parent {
    pub(crate) id: TaskId,
    pub(crate) join_key: StepKey,
    pub(crate) on_close: ParentClosePolicy,
}

/// Where a task is in its life, with what only that phase has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It starts, or is tried again, at this moment.
    Delayed { until: Timestamp },
    /// It is suspended.
    Resting(Resting),
    /// It is ready.
    Pending { available_at: Timestamp },
    /// It is claimed; the lease may have run out.
    Running(Hold),
    /// It has ended for good.
    Ended { end: TaskEnd, at: Timestamp },
}

/// What a suspended task rests on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resting {
    /// The waits that still stand.
    pub(crate) keys: BTreeSet<StepKey>,
    /// Their deadlines, earliest first.
    pub(crate) deadlines: BTreeSet<(Timestamp, StepKey)>,
    /// How many of them must still end.
    pub(crate) need: usize,
}

/// The one lease on a running task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hold {
    pub(crate) worker: WorkerName,
    /// What the claim asked for: what a checkpoint leaves at least (rule C4).
    pub(crate) lease: Lease,
    pub(crate) claimed_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    /// Since when it had been ready; keeps the order among what one call took.
    pub(crate) available_at: Timestamp,
}

/// How a task ended for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TaskEnd {
    Completed(Payload),
    Failed(Failure),
    Cancelled(CancelCause),
}

/// How a claim was closed by its holder, which decides the answer to a repeat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    /// By the end of its run.
    Ended(EndAnswer),
    /// By resting.
    Rested,
}

/// A wait that stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wait {
    pub(crate) source: WaitSource,
    pub(crate) registered_at: Timestamp,
    pub(crate) deadline: Option<Timestamp>,
}

/// A checkpoint before it has its place in the history.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) key: StepKey,
    pub(crate) kind: CheckpointKind,
    pub(crate) end: End,
    pub(crate) started_at: Timestamp,
    pub(crate) ended_at: Timestamp,
}

impl Task {
    /// A new task: delayed, or ready at once.
    pub(crate) fn new(new: NewTask, parent: Option<TaskId>, now: Now) -> Self {
        let phase = match new.delay {
            Millis::ZERO => Phase::Pending { available_at: now.at },
            delay => Phase::Delayed { until: now.up.after(delay) },
        };
        let link =
            |id| new.parent.map(|link| Parent { id, join_key: link.join_key, on_close: link.on_close });
        Self {
            id: new.id,
            name: new.name,
            params: new.params,
            headers: new.headers,
            policy: new.policy,
            priority: new.priority,
            max_attempts: new.max_attempts,
            max_pending: new.max_pending,
            max_running: new.max_running,
            idempotency: new.idempotency,
            parent: parent.and_then(link),
            spawned_at: now.at,
            limits_from: now.at,
            first_started_at: None,
            attempt: 1,
            claims: 0,
            newest: None,
            phase,
            closing: false,
            closed: None,
            waits: BTreeMap::new(),
            history: History::default(),
        }
    }

    /// Its state, as everybody sees it.
    pub(crate) fn state(&self) -> TaskState {
        match &self.phase {
            Phase::Delayed { .. } | Phase::Resting(_) => TaskState::Sleeping,
            Phase::Pending { .. } => TaskState::Pending,
            Phase::Running(_) => TaskState::Running,
            Phase::Ended { end, .. } => TaskState::Ended(end.state()),
        }
    }

    /// It has not ended.
    pub(crate) fn is_live(&self) -> bool {
        !matches!(self.phase, Phase::Ended { .. })
    }

    /// Whether a token is that of the newest claim.
    pub(crate) fn is_newest(&self, token: &Token) -> bool {
        self.newest == Some(token.call) && self.claims == token.claim
    }

    /// When a limit cancels it, and as what (rule T4).
    pub(crate) fn limit(&self) -> Option<(Timestamp, CancelCause)> {
        match self.first_started_at {
            None => self.max_pending.map(|most| (self.limits_from.after(most), CancelCause::MaxPendingTime)),
            Some(start) => self.max_running.map(|most| (start.after(most), CancelCause::MaxRunningTime)),
        }
    }

    /// Whether its limit has come, and which.
    pub(crate) fn limit_passed(&self, now: Timestamp) -> Option<CancelCause> {
        self.limit().filter(|(at, _)| *at <= now).map(|(_, cause)| cause)
    }

    /// When its phase ends by itself: its start or retry, the first deadline it rests on, the end of its lease.
    pub(crate) fn own_time(&self) -> Option<Timestamp> {
        match &self.phase {
            Phase::Delayed { until } => Some(*until),
            Phase::Resting(rest) => rest.deadlines.first().map(|(at, _)| *at),
            Phase::Running(hold) => Some(hold.expires_at),
            Phase::Pending { .. } | Phase::Ended { .. } => None,
        }
    }

    /// Another attempt may follow this one.
    pub(crate) fn has_attempts_left(&self) -> bool {
        self.max_attempts.is_none_or(|max| self.attempt < max)
    }

    /// Adds a checkpoint to the history.
    pub(crate) fn store(&mut self, draft: Draft) {
        self.history.store(Checkpoint {
            key: draft.key,
            kind: draft.kind,
            end: draft.end,
            order: self.history.next_order(),
            attempt: self.attempt,
            worker: self.holder().cloned(),
            started_at: draft.started_at,
            ended_at: draft.ended_at,
        });
    }

    /// Adds the end of a failed attempt to the history.
    pub(crate) fn run_failed(&mut self, worker: WorkerName, ended_at: Timestamp, failure: Failure) {
        self.history.run_failed(RunView {
            order: self.history.next_order(),
            attempt: self.attempt,
            worker,
            ended_at,
            failure,
        });
    }

    /// How its end looks to its parent; `None` while it is live.
    pub(crate) fn end_for_parent(&self) -> Option<(End, Timestamp)> {
        let Phase::Ended { end, at } = &self.phase else { return None };
        let end = match end {
            TaskEnd::Completed(result) => End::Value(result.clone()),
            TaskEnd::Failed(failure) => End::Failed(failure.clone()),
            TaskEnd::Cancelled(cause) => End::Cancelled(cause.clone()),
        };
        Some((end, *at))
    }

    fn holder(&self) -> Option<&WorkerName> {
        match &self.phase {
            Phase::Running(hold) => Some(&hold.worker),
            _ => None,
        }
    }
}

impl Resting {
    /// Takes note that a wait has ended; `true` when the rest is met by it.
    pub(crate) fn ended(&mut self, key: &StepKey, deadline: Option<Timestamp>) -> bool {
        if !self.keys.remove(key) {
            return false;
        }
        if let Some(deadline) = deadline {
            self.deadlines.remove(&(deadline, key.clone()));
        }
        self.need = self.need.saturating_sub(1);
        self.need == 0
    }
}

impl TaskEnd {
    pub(crate) fn state(&self) -> EndState {
        match self {
            Self::Completed(_) => EndState::Completed,
            Self::Failed(_) => EndState::Failed,
            Self::Cancelled(_) => EndState::Cancelled,
        }
    }
}

impl Wait {
    /// The event that it is for.
    pub(crate) fn event(&self) -> Option<&EventName> {
        match &self.source {
            WaitSource::Event(name) => Some(name),
            WaitSource::Child(_) | WaitSource::Time => None,
        }
    }

    /// What its end is stored as.
    pub(crate) fn kind(&self) -> CheckpointKind {
        match self.source {
            WaitSource::Event(_) => CheckpointKind::Event,
            WaitSource::Child(_) => CheckpointKind::Child,
            WaitSource::Time => CheckpointKind::Timer,
        }
    }
}
