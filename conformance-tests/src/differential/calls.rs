//! Random calls: which one, and those of clients and operators.

use std::time::Duration;

use durable_core::model::{CancelCause, EndState, StepKey, TaskId, TaskState, Timestamp};
use durable_core::store::{
    CancelRequest, DropQueueAnswer, DropQueueRequest, EmitRequest, HistoryEntry, OutcomeRequest,
    PurgeRequest, PutQueueRequest, QueueState, RetryRequest, SpawnRequest, StoreError, TaskRequest, TaskView,
    TasksRequest, TickRequest,
};

use super::pair::{Pair, both};
use super::shown::Answer;
use crate::ctx::steps::millis;
use crate::expect::Violation;

const OVER: [EndState; 3] = [EndState::Completed, EndState::Failed, EndState::Cancelled];

impl Pair {
    /// Makes the call that the tape says.
    pub(super) async fn call(&mut self, crowded: bool) -> Result<(), Violation> {
        match self.tape.below(24) {
            3 | 4 => self.spawn().await,
            5..8 => self.claim().await,
            8..11 => self.save().await,
            11..15 => self.wait().await,
            15 | 16 => self.emit().await,
            17 => self.tick().await,
            18 => self.cancel_or_outcome().await,
            19 => self.retry().await,
            20 => self.extend().await,
            21 => self.load().await,
            22 if crowded => self.crowd().await,
            22 if self.tape.one_in(6) => self.purge().await,
            23 if self.tape.one_in(2) => self.queue().await,
            // And the numbers that are left, 0 among them.
            _ => self.clock().await,
        }
    }

    /// Moves the clock: a little, to a moment at which something is due or just beside it, and rarely back.
    async fn clock(&mut self) -> Result<(), Violation> {
        let by = u64::from(self.tape.small(25));
        match self.tape.below(12) {
            0..6 => self.clock.advance(Duration::from_millis(by)),
            11 => self.clock.set(self.clock.now().before(millis(by))),
            _ => {
                let dues: Vec<Timestamp> =
                    self.views().await?.into_iter().filter_map(|task| task.due).collect();
                if let Some(due) = self.tape.of_these(&dues) {
                    let beside = self.tape.of_them(0, [-1, 1]);
                    self.clock.set(Timestamp::from_millis(due.as_millis() + beside));
                }
            }
        }
        let now = self.clock.now();
        self.note(|| format!("the clock shows {now:?}"));
        Ok(())
    }

    /// The tasks that there are; none without the queue.
    async fn views(&self) -> Result<Vec<TaskView>, Violation> {
        let request = TasksRequest::new(self.queue.clone(), None);
        let answer = self.oracle().tasks(request).await;
        Ok(answer.map_or_else(|_: StoreError| Vec::new(), |page| page.items))
    }

    async fn spawn(&mut self) -> Result<(), Violation> {
        let count = self.tape.of_them(1, [2, 3]);
        let tasks = (0..count).map(|_| self.new_root()).collect::<Result<Vec<_>, _>>()?;
        let _ = both!(self, spawn, SpawnRequest::new(self.queue.clone(), tasks));
        Ok(())
    }

    async fn emit(&mut self) -> Result<(), Violation> {
        let mut request = EmitRequest::new(self.queue.clone(), self.new_write()?);
        request.only_if_absent = self.tape.one_in(4);
        let _ = both!(self, emit, request);
        Ok(())
    }

    async fn tick(&mut self) -> Result<(), Violation> {
        let limit = self.tape.of_them(1_000, [1, 2, 3]);
        let _ = both!(self, tick, TickRequest::new(self.queue.clone(), limit));
        Ok(())
    }

    async fn cancel_or_outcome(&mut self) -> Result<(), Violation> {
        let Some(task) = self.a_task() else { return Ok(()) };
        if self.tape.below(3) < 2 {
            let _ = both!(self, outcome, OutcomeRequest::new(self.queue.clone(), task));
        } else {
            let reason = self.tape.of_them(None, [Some(String::new)]).map(|reason| reason());
            let cause = CancelCause::Requested { reason };
            let _ = both!(self, cancel, CancelRequest::new(self.queue.clone(), task, cause));
        }
        Ok(())
    }

    /// Mostly of a task that has failed.
    async fn retry(&mut self) -> Result<(), Violation> {
        let failed = |view: &TaskView| view.state == TaskState::Ended(EndState::Failed);
        let failed: Vec<TaskId> =
            self.views().await?.into_iter().filter(failed).map(|view| view.id).collect();
        let task = if self.tape.one_in(4) { None } else { self.tape.of_these(&failed) };
        let Some(task) = task.or_else(|| self.a_task()) else { return Ok(()) };
        let (from, attempts) = (self.from(task).await?, self.tape.of_them(1, [2, 0]));
        let _ = both!(self, retry, RetryRequest::new(self.queue.clone(), task, attempts, from));
        Ok(())
    }

    /// A step that the task has stored, or any other, or none.
    async fn from(&mut self, task: TaskId) -> Result<Option<StepKey>, Violation> {
        let detail = self.oracle().task(TaskRequest::new(self.queue.clone(), task)).await;
        let history = detail.ok().flatten().map_or_else(Vec::new, |detail| detail.history.items);
        let steps = history.into_iter().filter_map(|entry| match entry {
            HistoryEntry::Checkpoint { checkpoint, .. } => Some(checkpoint.key),
            HistoryEntry::Run(_) => None,
        });
        let mut steps: Vec<StepKey> = steps.collect();
        steps.push(self.step_key()?);
        Ok(if self.tape.below(4) == 0 { None } else { self.tape.of_these(&steps) })
    }

    /// Not after a crowd: what a purge leaves that its limit cuts short is the store's to say.
    async fn purge(&mut self) -> Result<(), Violation> {
        if self.things.crowds > 0 {
            return Ok(());
        }
        let states = self.tape.of_them(&OVER[..], [&OVER[..1], &OVER[1..]]).to_vec();
        let limit = self.tape.of_them(1_000, [1, 2]);
        let mut request = PurgeRequest::new(self.queue.clone(), states, self.millis(300), limit);
        request.events = self.tape.one_in(2);
        let _ = both!(self, purge, request);
        Ok(())
    }

    /// Sets the queue's state, or drops it, purged or not.
    async fn queue(&mut self) -> Result<(), Violation> {
        let state = match self.tape.below(12) {
            10.. => return self.drop_queue().await,
            9 => return self.seal().await,
            8 => QueueState::Paused,
            _ => QueueState::Open,
        };
        let _ = both!(self, put_queue, PutQueueRequest::new(self.queue.clone(), state));
        Ok(())
    }

    /// Seals the queue, and meets that.
    async fn seal(&mut self) -> Result<(), Violation> {
        let token = self.held_token().await?;
        let _ = both!(self, put_queue, PutQueueRequest::new(self.queue.clone(), QueueState::Sealed));
        self.spawn().await?;
        if let Some(token) = token {
            self.spawn_children(token).await?;
        }
        Ok(())
    }

    async fn drop_queue(&mut self) -> Result<(), Violation> {
        if self.tape.one_in(2) && self.things.crowds == 0 {
            for view in self.views().await? {
                let cause = CancelCause::Requested { reason: None };
                let _ = both!(self, cancel, CancelRequest::new(self.queue.clone(), view.id, cause));
            }
            let request =
                PurgeRequest::new(self.queue.clone(), OVER.to_vec(), millis(0), 1_000).with_events();
            let _ = both!(self, purge, request);
        }
        let dropped = both!(self, drop_queue, DropQueueRequest::new(self.queue.clone()));
        if dropped == Ok(DropQueueAnswer::NotEmpty) {
            return Ok(());
        }
        self.without_a_queue().await?;
        let _ = both!(self, put_queue, PutQueueRequest::new(self.queue.clone(), QueueState::Open));
        Ok(())
    }

    async fn without_a_queue(&mut self) -> Result<(), Violation> {
        let task = self.new_task()?.id;
        let cause = CancelCause::Requested { reason: None };
        let _ = both!(self, drop_queue, DropQueueRequest::new(self.queue.clone()));
        let _ = both!(self, cancel, CancelRequest::new(self.queue.clone(), task, cause));
        let _ = both!(self, retry, RetryRequest::new(self.queue.clone(), task, 1, None));
        let _ = both!(self, outcome, OutcomeRequest::new(self.queue.clone(), task));
        let without_ends = self.new_claim()?.ending(Vec::new());
        let _ = both!(self, claim, without_ends);
        self.spawn().await?;
        self.claim().await?;
        self.save().await?;
        self.emit().await?;
        self.tick().await?;
        self.purge().await
    }
}
