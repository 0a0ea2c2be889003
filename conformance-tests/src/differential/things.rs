//! What calls can refer to, and what they are made of.

use durable_core::model::{
    CallId, EmitId, EventName, IdempotencyKey, Lease, Millis, Payload, StepKey, TaskId, TaskName, Token,
};
use durable_core::store::{ClaimRequest, EventWrite, Idempotency, NewTask};
use uuid::Uuid;

use super::pair::Pair;
use crate::ctx::steps::{json, key, lease, millis};
use crate::expect::Violation;

/// A child that was asked for.
#[derive(Debug, Clone)]
pub(super) struct Child {
    pub(super) id: TaskId,
    pub(super) parent: TaskId,
    pub(super) join_key: StepKey,
}

/// What the calls so far have left. What was refused is in it, too: some calls refer to what is not there.
#[derive(Debug, Default)]
pub(super) struct Things {
    pub(super) tasks: Vec<TaskId>,
    pub(super) children: Vec<Child>,
    pub(super) tokens: Vec<Token>,
    pub(super) calls: Vec<CallId>,
    pub(super) claims: Vec<ClaimRequest>,
    pub(super) emits: Vec<EmitId>,
    /// How many crowds there were: they are slow.
    pub(super) crowds: usize,
}

impl Things {
    /// No core puts a task and its child into one batch (`C8`), so no batch here has them.
    fn are_related(&self, one: TaskId, other: TaskId) -> bool {
        let is = |child: &Child| {
            (child.id, child.parent) == (one, other) || (child.id, child.parent) == (other, one)
        };
        self.children.iter().any(is)
    }
}

impl Pair {
    /// An id, the same whenever the same calls are made. Their order is not that of their making.
    fn id(&mut self, made: usize) -> Uuid {
        let group = u128::from(self.tape.small(4));
        let number = u128::try_from(made + 1).unwrap_or_default();
        Uuid::from_u128((group << 96) | (0x7000_8000 << 48) | number)
    }

    /// A new task, mostly a plain one.
    pub(super) fn new_task(&mut self) -> Result<NewTask, Violation> {
        let id = TaskId::from_uuid(self.id(self.things.tasks.len()));
        self.things.tasks.push(id);
        let mut task = NewTask::new(id, self.task_name()?, json("null"));
        let tape = &mut self.tape;
        task.priority = tape.of_them(0, [0, -5, 7]);
        task.max_attempts = tape.of_them(None, [Some(1), Some(2)]);
        task.delay = millis(u64::from(tape.of_them(0_u8, [0, 30])));
        task.max_pending = tape.of_them(None, [None, Some(60)]).map(millis);
        task.max_running = tape.of_them(None, [None, Some(90)]).map(millis);
        Ok(task)
    }

    /// A new task that may have an idempotency key.
    pub(super) fn new_root(&mut self) -> Result<NewTask, Violation> {
        let mut task = self.new_task()?;
        if self.tape.one_in(4) {
            let key = IdempotencyKey::new(self.tape.of_them("i", ["j"]))?;
            let fingerprint = self.tape.of_them("x", ["x", "x", "y"]).to_owned();
            task.idempotency = Some(Idempotency { key, fingerprint });
        }
        Ok(task)
    }

    pub(super) fn task_name(&mut self) -> Result<TaskName, Violation> {
        Ok(TaskName::new(self.tape.of_them("a", ["b"]))?)
    }

    pub(super) fn event_name(&mut self) -> Result<EventName, Violation> {
        Ok(EventName::new(self.tape.of_them("e", ["f", "g"]))?)
    }

    /// Steps and waits share so few keys that they meet.
    pub(super) fn step_key(&mut self) -> Result<StepKey, Violation> {
        key(&format!("step{}", self.tape.below(8)))
    }

    pub(super) fn millis(&mut self, bound: u16) -> Millis {
        Millis::new(self.tape.small(bound))
    }

    pub(super) fn lease(&mut self, least: u64, bound: u16) -> Result<Lease, Violation> {
        lease(least + u64::from(self.tape.small(bound)))
    }

    pub(super) fn new_call(&mut self) -> CallId {
        let call = CallId::from_uuid(self.id(self.things.calls.len()));
        self.things.calls.push(call);
        call
    }

    /// A write of an event, with a new id.
    pub(super) fn new_write(&mut self) -> Result<EventWrite, Violation> {
        let id = EmitId::from_uuid(self.id(self.things.emits.len()));
        self.things.emits.push(id);
        let payload: Payload = json(self.tape.of_them("null", ["10", "20"]));
        Ok(EventWrite { name: self.event_name()?, payload, metadata: json("{}"), id })
    }

    /// Some task.
    pub(super) fn a_task(&mut self) -> Option<TaskId> {
        self.tape.of_these(&self.things.tasks)
    }

    /// Mostly one of the last four claims: of the older ones most are lost.
    pub(super) fn a_token(&mut self) -> Option<Token> {
        let tokens = &self.things.tokens;
        let old = if self.tape.one_in(5) { 0 } else { tokens.len().saturating_sub(4) };
        self.tape.of_these(tokens.get(old..)?)
    }

    /// Up to three claims; the same one may be in it twice.
    pub(super) fn some_tokens(&mut self) -> Vec<Token> {
        let mut batch: Vec<Token> = Vec::new();
        for _ in 0..self.tape.of_them(1, [1, 1, 2, 3]) {
            let Some(token) = self.a_token() else { break };
            if batch.iter().all(|other| !self.things.are_related(token.task, other.task)) {
                batch.push(token);
            }
        }
        batch
    }
}
