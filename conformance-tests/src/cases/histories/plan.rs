//! What the tasks of a history do, drawn from one seed.

use std::collections::BTreeMap;

use crate::faults::plan::scramble;
use crate::prelude::*;

/// Numbers drawn from a seed: the same for the same seed and stream, whoever draws beside.
#[derive(Debug, Clone)]
pub(crate) struct Dice {
    state: u64,
}

impl Dice {
    /// One stream of numbers of a seed.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        Self { state: scramble(seed ^ scramble(stream)) }
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.state = scramble(self.state);
        self.state.checked_rem(bound).unwrap_or_default()
    }

    /// Yes once in `bound` times.
    pub(crate) fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    /// One of these; `None` only of nothing.
    pub(crate) fn of<'a, T>(&mut self, things: &'a [T]) -> Option<&'a T> {
        let which = self.below(u64::try_from(things.len()).unwrap_or_default());
        things.get(usize::try_from(which).unwrap_or_default())
    }

    /// A number from 1 to `most`.
    pub(crate) fn small(&mut self, most: u32) -> u32 {
        u32::try_from(self.below(u64::from(most))).unwrap_or_default() + 1
    }
}

/// One step of a task. Its key is its place, so that a later run of the task knows what is done.
#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Stores a checkpoint.
    Save,
    /// Extends the lease.
    Extend,
    /// Emits an event.
    Emit(EventName),
    /// Sleeps so long.
    Sleep(u64),
    /// Awaits an event, so long or for ever.
    Await(EventName, Option<u64>),
    /// Awaits so many of these events.
    Events(Vec<EventName>, u32),
    /// Spawns a child, which joins under its id.
    Child(TaskId),
    /// Joins a child.
    Join(TaskId),
    /// Fails once, and is retried after so long.
    Fail(u64),
    /// Hands the claim back once, for so long.
    Release(u64),
    /// Fails or hands the claim back, again and again, until the others are done.
    Forever,
}

/// One task.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// What it is spawned as.
    pub(super) task: NewTask,
    /// Its steps.
    pub(super) steps: Vec<Step>,
    /// It fails in the end.
    pub(super) fails: bool,
}

impl Plan {
    /// A task with these steps, which then completes.
    pub(super) fn new(steps: Vec<Step>) -> Result<Self, Violation> {
        Ok(Self { task: job()?, steps, fails: false })
    }

    /// The task's id.
    pub(super) fn id(&self) -> TaskId {
        self.task.id
    }
}

/// The tasks of a history, children included.
pub(super) type Script = BTreeMap<TaskId, Plan>;

/// The key that a child joins under.
pub(super) fn join_of(child: TaskId) -> Result<StepKey, Violation> {
    key(&format!("$child:{child}"))
}

/// What a mixed task may do.
pub(super) struct Mix<'a> {
    pub(super) events: &'a [EventName],
    pub(super) dice: Dice,
}

impl Mix<'_> {
    /// A task with up to five steps of every kind, and its children.
    pub(super) fn task(&mut self, depth: u32, script: &mut Script) -> Result<Plan, Violation> {
        let mut steps = Vec::new();
        for _ in 0..self.dice.small(5) {
            self.step(depth, &mut steps, script)?;
        }
        let mut plan = Plan::new(steps)?;
        plan.fails = self.dice.one_in(8);
        if self.dice.one_in(12) {
            plan.task.max_running = Some(millis(2_000));
        }
        if self.dice.one_in(6) {
            plan.task.delay = millis(self.dice.below(300));
        }
        Ok(plan)
    }

    fn step(&mut self, depth: u32, steps: &mut Vec<Step>, script: &mut Script) -> Verdict {
        let event = self.dice.of(self.events).cloned();
        let step = match (self.dice.below(10), event) {
            (0, Some(event)) => Step::Emit(event),
            (1, _) => Step::Sleep(self.dice.below(200)),
            (2, Some(event)) => Step::Await(event, None),
            (3, Some(event)) => Step::Await(event, Some(self.dice.below(400))),
            (4, Some(event)) => {
                let other = self.dice.of(self.events).cloned().unwrap_or_else(|| event.clone());
                Step::Events(vec![event, other], self.dice.small(2))
            }
            (5 | 6, _) if depth > 0 => return self.child(depth, steps, script),
            (7, _) => Step::Fail(self.dice.below(100)),
            (8, _) => Step::Release(self.dice.below(100)),
            (9, _) => Step::Extend,
            _ => Step::Save,
        };
        steps.push(step);
        Ok(())
    }

    fn child(&mut self, depth: u32, steps: &mut Vec<Step>, script: &mut Script) -> Verdict {
        let mut child = self.task(depth - 1, script)?;
        let policy = if self.dice.one_in(3) { ParentClosePolicy::Abandon } else { ParentClosePolicy::Cancel };
        let link = durable_core::store::ParentLink { join_key: join_of(child.id())?, on_close: policy };
        child.task.parent = Some(link);
        steps.push(Step::Child(child.id()));
        if !self.dice.one_in(4) {
            steps.push(Step::Join(child.id()));
        }
        script.insert(child.id(), child);
        Ok(())
    }
}
