//! Which outcomes a run has seen: one that never saw what it should have seen has shown less than it says.

use std::collections::BTreeMap;

use durable_core::model::{CheckpointKind, End, EndState, Failure, TaskState, Timestamp};
use durable_core::store::{
    CancelAnswer, CheckpointPage, DropQueueAnswer, EmitAnswer, EndAnswer, HistoryEntry, Outcome, PurgeAnswer,
    PutQueueAnswer, RetryAnswer, SaveAnswer, SpawnAnswer, Spawned, StoreErrorKind, TickAnswer, WaitAnswer,
};

use super::shown::{Claimed, Fault};
use crate::expect::{Refusal, Violation};
use crate::snapshot::Snapshot;

/// The outcomes that were seen and the states of tasks that were met, each as a verb and a name.
#[derive(Debug, Default)]
pub(super) struct Coverage(BTreeMap<(&'static str, &'static str), u32>);

impl Coverage {
    /// Takes note of an answer.
    pub(super) fn see(&mut self, verb: &'static str, answer: &dyn Outcomes) {
        answer.tell(&mut |name| {
            *self.0.entry((verb, name)).or_default() += 1;
        });
    }

    /// Takes note of the state of a task that a call meets.
    pub(super) fn meet(&mut self, verb: &'static str, state: Option<TaskState>) {
        let state = match state {
            None => "of no task",
            Some(TaskState::Sleeping) => "of a sleeping task",
            Some(TaskState::Pending) => "of a pending task",
            Some(TaskState::Running) => "of a running task",
            Some(TaskState::Ended(EndState::Completed)) => "of a completed task",
            Some(TaskState::Ended(EndState::Failed)) => "of a failed task",
            Some(TaskState::Ended(EndState::Cancelled)) => "of a cancelled task",
        };
        *self.0.entry((verb, state)).or_default() += 1;
    }

    /// Adds what another run has seen.
    pub(super) fn add(&mut self, other: &Self) {
        for (cell, count) in &other.0 {
            *self.0.entry(*cell).or_default() += count;
        }
    }

    /// Wants everything to have been seen that should have been seen.
    pub(super) fn is_whole(&self) -> Result<(), Violation> {
        let missed = self.missed();
        if missed.is_empty() {
            return Ok(());
        }
        Err(Violation::new(
            "what the random calls have met",
            format!("never {}", missed.join("; ")),
            "all of it",
        ))
    }

    /// What should have been seen and was not.
    pub(super) fn missed(&self) -> Vec<String> {
        let of_states = OF_TASKS.iter().map(|verb| (*verb, STATES));
        let wanted = WANTED.iter().copied().chain(of_states);
        let wanted = wanted.flat_map(|(verb, names)| names.iter().map(move |name| (verb, *name)));
        wanted
            .filter(|cell| !self.0.contains_key(cell))
            .map(|(verb, name)| format!("{verb}: {name}"))
            .collect()
    }
}

/// An answer whose outcomes have names.
pub(super) trait Outcomes {
    /// Names each of its outcomes.
    fn tell(&self, see: &mut dyn FnMut(&'static str));
}

/// Names the variants of an answer: a new variant does not compile until it has a name, and then has to be seen.
macro_rules! outcomes {
    ($($list:ident of $answer:ty { $($outcome:pat => $name:literal),+ $(,)? })+) => { $(
        const $list: &[&str] = &[$($name),+];

        impl Outcomes for $answer {
            fn tell(&self, see: &mut dyn FnMut(&'static str)) {
                see(match self { $($outcome => $name),+ });
            }
        }
    )+ };
}

outcomes! {
    PUT_QUEUE of PutQueueAnswer {
        Self::Created => "created",
        Self::Changed => "changed",
        Self::Unchanged => "unchanged",
    }
    DROP_QUEUE of DropQueueAnswer {
        Self::Dropped => "dropped",
        Self::NotEmpty => "not empty",
        Self::NotFound => "not found",
    }
    SPAWNED of Spawned {
        Self { created: true, .. } => "created",
        Self { created: false, .. } => "there already",
    }
    CANCEL of CancelAnswer {
        Self::Cancelled { closing: false } => "cancelled",
        Self::Cancelled { closing: true } => "cancelled, closing",
        Self::Ended { closing: false, .. } => "ended",
        Self::Ended { closing: true, .. } => "ended, closing",
        Self::NotFound => "not found",
    }
    RETRY of RetryAnswer {
        Self::Reopened => "reopened",
        Self::Closing => "closing",
        Self::Live => "live",
        Self::Ended(_) => "ended",
        Self::NotFound => "not found",
    }
    OUTCOME of Outcome {
        Self::Live => "live",
        Self::Completed(_) => "completed",
        Self::Failed(_) => "failed",
        Self::Cancelled(_) => "cancelled",
        Self::NotFound => "not found",
    }
    END of EndAnswer {
        Self::Completed => "completed",
        Self::Failed => "failed",
        Self::Retrying { .. } => "retrying",
        Self::Released { .. } => "released",
    }
    WAIT of WaitAnswer {
        Self::Met(_) => "met",
        Self::Registered => "registered",
        Self::Suspended => "suspended",
    }
    SAVE of SaveAnswer {
        Self::Stored { .. } => "stored",
        Self::Conflict { .. } => "conflict",
        Self::QueueClosed => "queue closed",
    }
    EMIT of EmitAnswer {
        Self::Written => "written",
        Self::Kept => "kept",
        Self::Repeated => "repeated",
    }
}

/// The verbs that are about tasks, each of which has to meet a task in every state.
const OF_TASKS: &[&str] = &["cancel", "outcome", "retry", "claim", "extend", "wait", "load", "save"];
const STATES: &[&str] = &[
    "of no task",
    "of a sleeping task",
    "of a pending task",
    "of a running task",
    "of a completed task",
    "of a failed task",
    "of a cancelled task",
];

const WANTED: &[(&str, &[&str])] = &[
    ("put_queue", PUT_QUEUE),
    ("drop_queue", DROP_QUEUE),
    ("spawn", SPAWNED),
    ("spawn", &["conflict", "queue closed", "no queue"]),
    ("cancel", CANCEL),
    ("cancel", &["no queue"]),
    ("outcome", &["no queue"]),
    ("tick", &["no queue"]),
    ("purge", &["no queue"]),
    ("retry", RETRY),
    ("retry", &["invalid", "no queue"]),
    ("outcome", OUTCOME),
    ("claim", END),
    ("claim", &["claim lost", "task cancelled", "claimed", "several claimed", "more", "no queue"]),
    ("extend", &["extended", "claim lost", "task cancelled"]),
    ("wait", WAIT),
    ("wait", &["claim lost", "task cancelled", "item invalid", "item not found"]),
    ("load", &["page", "more", "claim lost", "task cancelled"]),
    ("save", SAVE),
    ("save", &["claim lost", "task cancelled"]),
    ("emit", EMIT),
    ("emit", &["no queue"]),
    ("tick", &["started", "woken", "expired", "limited", "closed", "closing left", "more"]),
    ("purge", &["purged", "more"]),
    (
        "snapshot",
        &[
            "set aside",
            "timer",
            "event timed out",
            "event",
            "child completed",
            "child failed",
            "child cancelled",
            "child timed out",
            "step",
            "run failed",
            "run expired",
            "closing",
            "waking",
            "at rest",
        ],
    ),
];

impl<T: Outcomes, E: Outcomes> Outcomes for Result<T, E> {
    fn tell(&self, see: &mut dyn FnMut(&'static str)) {
        match self {
            Ok(answer) => answer.tell(see),
            Err(refusal) => refusal.tell(see),
        }
    }
}

impl<T: Outcomes> Outcomes for Vec<T> {
    fn tell(&self, see: &mut dyn FnMut(&'static str)) {
        for item in self {
            item.tell(see);
        }
    }
}

impl Outcomes for Fault {
    fn tell(&self, see: &mut dyn FnMut(&'static str)) {
        see(match self.kind {
            StoreErrorKind::NotFound => "no queue",
            StoreErrorKind::Invalid => "invalid",
            _ => "another fault",
        });
    }
}

impl Outcomes for Refusal {
    fn tell(&self, see: &mut dyn FnMut(&'static str)) {
        see(match self {
            Self::ClaimLost => "claim lost",
            Self::Cancelled => "task cancelled",
            Self::Fault(StoreErrorKind::Invalid) => "item invalid",
            Self::Fault(StoreErrorKind::NotFound) => "item not found",
            Self::Fault(_) => "another fault of an item",
        });
    }
}

impl Outcomes for SpawnAnswer {
    fn tell(&self, see: &mut dyn FnMut(&'static str)) {
        match self {
            Self::Spawned(spawned) => spawned.tell(see),
            Self::Conflict { .. } => see("conflict"),
            Self::QueueClosed => see("queue closed"),
        }
    }
}

impl Outcomes for Claimed {
    fn tell(&self, see: &mut dyn FnMut(&'static str)) {
        self.ends.tell(see);
        let counted = [("claimed", !self.claims.is_empty()), ("several claimed", self.claims.len() > 1)];
        tell_those(see, &counted);
        tell_those(see, &[("more", self.more)]);
    }
}

impl Outcomes for Timestamp {
    fn tell(&self, see: &mut dyn FnMut(&'static str)) {
        see("extended");
    }
}

impl Outcomes for CheckpointPage {
    fn tell(&self, see: &mut dyn FnMut(&'static str)) {
        tell_those(see, &[("page", true), ("more", self.more)]);
    }
}

impl Outcomes for PurgeAnswer {
    fn tell(&self, see: &mut dyn FnMut(&'static str)) {
        tell_those(see, &[("purged", self.purged > 0), ("more", self.more)]);
    }
}

impl Outcomes for TickAnswer {
    fn tell(&self, see: &mut dyn FnMut(&'static str)) {
        tell_those(
            see,
            &[
                ("started", self.started > 0),
                ("woken", self.woken > 0),
                ("expired", !self.expired.is_empty()),
                ("limited", self.limited > 0),
                ("closed", self.closed > 0),
                ("closing left", self.closing_left > 0),
                ("more", self.more),
            ],
        );
    }
}

impl Outcomes for Snapshot {
    fn tell(&self, see: &mut dyn FnMut(&'static str)) {
        for (task, _, history) in &self.tasks {
            history.tell(see);
            tell_those(see, &[("closing", task.closing), ("at rest", task.rest.is_some())]);
        }
        tell_those(see, &[("waking", self.events.iter().any(|event| event.waking))]);
    }
}

impl Outcomes for HistoryEntry {
    fn tell(&self, see: &mut dyn FnMut(&'static str)) {
        see(match self {
            Self::Run(run) => match run.failure {
                Failure::ClaimTimeout { .. } => "run expired",
                Failure::Reported(_) | Failure::Corrupt { .. } => "run failed",
            },
            Self::Checkpoint { aside: true, .. } => "set aside",
            Self::Checkpoint { checkpoint, .. } => match (checkpoint.kind, &checkpoint.end) {
                (CheckpointKind::Timer, _) => "timer",
                (CheckpointKind::Event, End::Timeout) => "event timed out",
                (CheckpointKind::Event, _) => "event",
                (CheckpointKind::Child, End::Value(_)) => "child completed",
                (CheckpointKind::Child, End::Failed(_)) => "child failed",
                (CheckpointKind::Child, End::Cancelled(_)) => "child cancelled",
                (CheckpointKind::Child, End::Timeout) => "child timed out",
                _ => "step",
            },
        });
    }
}

/// Names those that are so.
fn tell_those(see: &mut dyn FnMut(&'static str), names: &[(&'static str, bool)]) {
    names.iter().filter(|(_, is_so)| *is_so).for_each(|(name, _)| see(name));
}
