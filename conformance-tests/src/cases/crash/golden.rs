//! The scenario that is swept: steps, children, an event that comes and one that does not, a retry, a sleep, a heartbeat and a join.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::prelude::*;

/// What a body does, one after another.
#[derive(Debug, Clone, Copy)]
pub(super) enum Op {
    /// Does something and stores that.
    Step(&'static str),
    /// Spawns both children.
    Spawn,
    /// Emits an event.
    Emit(&'static str),
    /// Fails the first attempt.
    FailOnce,
    Sleep(&'static str, u64),
    Await(&'static str, Option<u64>),
    /// Rests on the ends of both children.
    Join,
    /// Extends the lease.
    Heartbeat,
}

const PARENT: &[Op] = &[
    Op::Step("first"),
    Op::Spawn,
    Op::Emit("ready"),
    Op::Heartbeat,
    Op::FailOnce,
    Op::Sleep("nap", 100),
    Op::Await("never", Some(60)),
    Op::Await("go", None),
    Op::Join,
    Op::Step("last"),
];

/// Answers its parent's event.
const LEFT: &[Op] = &[Op::Await("ready", None), Op::Step("left"), Op::Emit("go")];

const RIGHT: &[Op] = &[Op::Step("right"), Op::Sleep("rest", 40)];

/// How long a failed attempt backs off.
pub(super) const BACKOFF: u64 = 50;

/// One of the three tasks, which its parameters name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Parent,
    Left,
    Right,
}

impl Role {
    pub(super) const ALL: [Self; 3] = [Self::Parent, Self::Left, Self::Right];
    pub(super) const CHILDREN: [Self; 2] = [Self::Left, Self::Right];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Parent => "parent",
            Self::Left => "left",
            Self::Right => "right",
        }
    }

    /// What it is given, and what it gives back.
    pub(super) fn payload(self) -> Payload {
        json(&format!("{:?}", self.name()))
    }

    pub(super) const fn body(self) -> &'static [Op] {
        match self {
            Self::Parent => PARENT,
            Self::Left => LEFT,
            Self::Right => RIGHT,
        }
    }

    /// The role of a claimed task.
    pub(super) fn of(claim: &Claim) -> Result<Self, Violation> {
        let role = Self::ALL.into_iter().find(|role| role.payload() == claim.params);
        some("a role with these parameters", role)
    }

    /// The id of this task, the same for every process that spawns it.
    pub(super) fn task(self, parent: TaskId) -> TaskId {
        match self {
            Self::Parent => parent,
            child => {
                TaskId::from_uuid(uuid::Uuid::from_u128(parent.as_uuid().as_u128() ^ ((child as u128) << 64)))
            }
        }
    }

    /// The child to spawn.
    pub(super) fn child(self, parent: TaskId) -> Result<NewTask, Violation> {
        let mut task = child(self.name(), ParentClosePolicy::Cancel)?;
        (task.id, task.params) = (self.task(parent), self.payload());
        Ok(task)
    }
}

/// What was done outside of the store: a step that was stored is never done again.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger(Arc<Mutex<Done>>);

#[derive(Debug, Default)]
struct Done {
    begun: BTreeSet<&'static str>,
    stored: BTreeSet<&'static str>,
}

impl Ledger {
    fn done(&self) -> MutexGuard<'_, Done> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does a step.
    pub(super) fn does(&self, step: &'static str) -> Verdict {
        let mut done = self.done();
        done.begun.insert(step);
        holds("a step that is done again", !done.stored.contains(step), step, "one whose end was not stored")
    }

    /// The store has said that the step is stored.
    pub(super) fn stores(&self, step: &'static str) {
        self.done().stored.insert(step);
    }

    fn begun(&self) -> BTreeSet<&'static str> {
        self.done().begun.clone()
    }
}

/// What the scenario leaves, without ids and times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Left {
    outcomes: Vec<Outcome>,
    /// The checkpoints of one task after the other, each with its key.
    checkpoints: Vec<(String, End)>,
    events: Vec<(String, Payload)>,
    steps: BTreeSet<&'static str>,
}

/// How often each task was attempted.
pub(super) type Attempts = [i32; 3];

impl Left {
    pub(super) async fn read(
        ctx: &Ctx,
        parent: TaskId,
        ledger: &Ledger,
    ) -> Result<(Self, Attempts), Violation> {
        let (mut outcomes, mut checkpoints, mut attempts) = (Vec::new(), Vec::new(), [0; 3]);
        for (role, attempt) in Role::ALL.into_iter().zip(&mut attempts) {
            let task = role.task(parent);
            let detail = ctx.detail(task).await?;
            *attempt = detail.task.attempt;
            outcomes.push(ctx.outcome(task).await?);
            let mut stored: Vec<_> = detail.history.items.into_iter().filter_map(stored).collect();
            stored.sort_by(|left, right| left.0.cmp(&right.0));
            checkpoints.extend(stored);
        }
        let events = ctx.store().events(EventsRequest::new(ctx.queue.clone(), None)).await?.items;
        let events = events.into_iter().map(|event| (event.name.to_string(), event.payload)).collect();
        Ok((Self { outcomes, checkpoints, events, steps: ledger.begun() }, attempts))
    }

    /// Wants this to be what the bodies say.
    pub(super) fn is_right(&self) -> Verdict {
        same(
            "the outcomes",
            &self.outcomes,
            &Role::ALL.map(|role| Outcome::Completed(role.payload())).to_vec(),
        )?;
        let wanted = [
            ("$child:left", value(r#""left""#)),
            ("$child:right", value(r#""right""#)),
            ("$emit:ready", value("null")),
            ("$spawn", value("[]")),
            ("first", value(r#""first""#)),
            ("go", value(r#""go""#)),
            ("last", value(r#""last""#)),
            ("nap", End::Timeout),
            ("never", End::Timeout),
            ("$emit:go", value("null")),
            ("left", value(r#""left""#)),
            ("ready", value(r#""ready""#)),
            ("rest", End::Timeout),
            ("right", value(r#""right""#)),
        ];
        same("the checkpoints", &self.checkpoints, &wanted.map(|(key, end)| (key.to_owned(), end)).to_vec())
    }
}

fn stored(entry: HistoryEntry) -> Option<(String, End)> {
    match entry {
        HistoryEntry::Checkpoint { checkpoint, .. } => Some((checkpoint.key.to_string(), checkpoint.end)),
        HistoryEntry::Run(_) => None,
    }
}
