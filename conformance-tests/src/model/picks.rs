//! What calls refer to: the things that the calls so far have left.

use std::collections::BTreeSet;

use durable_core::model::{
    CallId, EmitId, EndState, EventName, IdempotencyKey, Payload, StepKey, TaskId, TaskName, TaskState,
    Timestamp, Token,
};
use durable_core::store::{
    CancelRequest, ClaimRequest, EmitRequest, EventWrite, ExtendRequest, Idempotency, NewTask,
    OutcomeRequest, RetryRequest, SaveRequest, SpawnRequest, TaskView, WaitRequest,
};
use uuid::Uuid;

use super::op::{Emit, Event, Held, Job, Name, Task};
use crate::ctx::steps::{json, key, millis};
use crate::expect::Violation;

/// A child that was asked for.
#[derive(Debug, Clone)]
pub(super) struct Child {
    pub(super) id: TaskId,
    pub(super) parent: TaskId,
    pub(super) join_key: StepKey,
}

/// A call that may be made again.
#[derive(Debug, Clone)]
pub(super) enum Request {
    Spawn(SpawnRequest),
    Cancel(CancelRequest),
    Retry(RetryRequest),
    Outcome(OutcomeRequest),
    Claim(ClaimRequest),
    Extend(ExtendRequest),
    Wait(WaitRequest),
    Save(SaveRequest),
    Emit(EmitRequest),
}

/// What the calls so far have left. What was refused is in it, too: some calls refer to what is not there.
#[derive(Debug, Default)]
pub(super) struct Things {
    pub(super) tasks: Vec<TaskId>,
    pub(super) children: Vec<Child>,
    pub(super) tokens: Vec<Token>,
    pub(super) calls: Vec<CallId>,
    pub(super) emits: Vec<EmitId>,
    pub(super) requests: Vec<Request>,
    /// The tasks as the oracle shows them before the call that is made.
    pub(super) views: Vec<TaskView>,
    /// There is a crowd: some answers are the store's to choose.
    pub(super) many_children: bool,
    pub(super) many_waits: bool,
}

/// The thing of this number, modulo how many there are.
fn numbered<T: Clone>(things: &[T], number: u8) -> Option<T> {
    let which = usize::from(number).checked_rem(things.len())?;
    things.get(which).cloned()
}

fn is_live(view: &TaskView) -> bool {
    !matches!(view.state, TaskState::Ended(_))
}

/// The same, counted from the end.
fn newest<T: Clone>(things: &[T], number: u8) -> Option<T> {
    let back = usize::from(number).checked_rem(things.len())?;
    things.iter().rev().nth(back).cloned()
}

/// An id, the same whenever the same calls are made.
fn id(group: u8, made: usize) -> Uuid {
    let number = u128::try_from(made + 1).unwrap_or_default();
    Uuid::from_u128((u128::from(group) << 96) | (0x7000_8000 << 48) | number)
}

impl Things {
    /// The tasks and the moments at which something is due.
    pub(super) fn due(&self, which: u8) -> Option<Timestamp> {
        let dues: BTreeSet<Timestamp> = self.views.iter().filter_map(|view| view.due).collect();
        numbered(&dues.into_iter().collect::<Vec<_>>(), which)
    }

    /// What the oracle shows of a task; `None` when it is not there.
    pub(super) fn state(&self, task: TaskId) -> Option<TaskState> {
        self.views.iter().find(|view| view.id == task).map(|view| view.state)
    }

    /// Of those that are so the newest comes first.
    pub(super) fn task(&self, task: Task) -> Option<TaskId> {
        let of_those = |number: u8, are: &dyn Fn(&TaskView) -> bool| {
            let those: BTreeSet<TaskId> =
                self.views.iter().filter(|view| are(view)).map(|view| view.id).collect();
            let newest: Vec<TaskId> =
                self.tasks.iter().rev().filter(|id| those.contains(id)).copied().collect();
            numbered(&newest, number)
        };
        match task {
            Task::Any(number) => newest(&self.tasks, number),
            Task::Ended(number) => of_those(number, &|view| !is_live(view)),
            Task::Failed(number) => {
                of_those(number, &|view| view.state == TaskState::Ended(EndState::Failed))
            }
            Task::Parent(number) => {
                let parents: BTreeSet<_> =
                    self.views.iter().filter(|view| is_live(view)).filter_map(|view| view.parent).collect();
                of_those(number, &|view| parents.contains(&view.id))
            }
        }
    }

    /// Of those that are so the newest comes first.
    pub(super) fn token(&self, held: Held) -> Option<Token> {
        let (number, runs) = match held {
            Held::Any(number) => return newest(&self.tokens, number),
            Held::Live(number) => (number, true),
            Held::Last(number) => (number, false),
        };
        let claimed =
            |view: &TaskView| ((view.state == TaskState::Running) == runs).then_some((view.id, view.claims));
        let claimed: BTreeSet<(TaskId, u64)> = self.views.iter().filter_map(claimed).collect();
        let mut those: Vec<Token> = Vec::new();
        for token in self.tokens.iter().rev() {
            if claimed.contains(&(token.task, token.claim)) && !those.contains(token) {
                those.push(*token);
            }
        }
        numbered(&those, number)
    }

    /// The tokens of one batch. No core puts a task and its child into one (`C8`), so no batch here has them.
    pub(super) fn batch<T>(&self, items: &[T], held: impl Fn(&T) -> Held) -> Vec<(Token, T)>
    where
        T: Clone,
    {
        let mut batch: Vec<(Token, T)> = Vec::new();
        for item in items {
            let Some(token) = self.token(held(item)) else { continue };
            if batch.iter().all(|(other, _)| !self.are_related(token.task, other.task)) {
                batch.push((token, item.clone()));
            }
        }
        batch
    }

    fn are_related(&self, one: TaskId, other: TaskId) -> bool {
        let is = |child: &Child| {
            (child.id, child.parent) == (one, other) || (child.id, child.parent) == (other, one)
        };
        self.children.iter().any(is)
    }

    /// A child of this task.
    pub(super) fn child(&self, parent: TaskId, which: u8) -> Option<Child> {
        let own: Vec<&Child> = self.children.iter().filter(|child| child.parent == parent).collect();
        numbered(&own, which).cloned()
    }

    /// An earlier call; 0 is the last one.
    pub(super) fn again(&self, which: u8) -> Option<Request> {
        newest(&self.requests, which)
    }

    pub(super) fn new_call(&mut self) -> CallId {
        let call = CallId::from_uuid(id(0, self.calls.len()));
        self.calls.push(call);
        call
    }

    /// A new task; without its idempotency key.
    pub(super) fn new_task(&mut self, job: Job) -> Result<NewTask, Violation> {
        let id = TaskId::from_uuid(id(job.group, self.tasks.len()));
        self.tasks.push(id);
        let mut task = NewTask::new(id, task_name(job.name)?, json("null"));
        task.priority = job.priority;
        task.max_attempts = job.attempts.map(i32::from);
        task.delay = millis(job.delay.into());
        task.max_pending = job.max_pending.map(|limit| millis(limit.into()));
        task.max_running = job.max_running.map(|limit| millis(limit.into()));
        Ok(task)
    }

    /// A new task that may have an idempotency key.
    pub(super) fn new_root(&mut self, job: Job) -> Result<NewTask, Violation> {
        let mut task = self.new_task(job)?;
        if let Some(asked) = job.key {
            let key = IdempotencyKey::new(task_name(asked.name)?.as_str())?;
            let fingerprint = if asked.other_params { "other" } else { "params" }.to_owned();
            task.idempotency = Some(Idempotency { key, fingerprint });
        }
        Ok(task)
    }

    /// A write of an event, with a new id.
    pub(super) fn new_write(&mut self, emit: Emit) -> Result<EventWrite, Violation> {
        let id = EmitId::from_uuid(id(0, self.emits.len()));
        self.emits.push(id);
        let (name, payload) = (event_name(emit.event)?, payload(emit.payload));
        Ok(EventWrite { name, payload, metadata: json("{}"), id })
    }
}

/// Null, 1, 22, 333…: reports show the length of a payload alone.
pub(super) fn payload(number: u8) -> Payload {
    let text = number.to_string().repeat(number.into());
    json(if text.is_empty() { "null" } else { &text })
}

pub(super) fn task_name(name: Name) -> Result<TaskName, Violation> {
    Ok(TaskName::new(match name {
        Name::A => "a",
        Name::B => "b",
    })?)
}

pub(super) fn event_name(event: Event) -> Result<EventName, Violation> {
    Ok(EventName::new(match event {
        Event::E => "e",
        Event::F => "f",
        Event::G => "g",
        Event::Crowd => "crowd",
    })?)
}

/// Steps and waits share so few keys that they meet.
pub(super) fn step_key(number: u8) -> Result<StepKey, Violation> {
    key(&format!("step{number}"))
}
