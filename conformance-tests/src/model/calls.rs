//! Makes the calls of clients and operators, and moves the clock.

use std::time::Duration;

use durable_core::model::{CancelCause, EndState, StepKey, TaskId, TaskState, Timestamp};
use durable_core::store::{
    CancelRequest, DropQueueRequest, EmitRequest, HistoryEntry, OutcomeRequest, PurgeRequest,
    PutQueueRequest, QueueState, RetryRequest, SpawnRequest, TaskRequest, TickRequest,
};

use super::op::{Call, Emit, Ended, Job, Op, Queue, Task};
use super::pair::{Pair, both};
use super::picks::{Request, step_key};
use super::shown::Answer;
use crate::ctx::steps::millis;
use crate::expect::Violation;

const OVER: [EndState; 3] = [EndState::Completed, EndState::Failed, EndState::Cancelled];

impl Pair {
    /// Makes a call on both sides; one that refers to nothing is left out.
    pub(super) async fn call(&mut self, call: &Call) -> Result<(), Violation> {
        self.begins(call.on).await?;
        match &call.op {
            Op::Later(by) => self.clock_shows(self.clock.now().after(millis((*by).into()))),
            Op::Earlier(by) => self.clock_shows(self.clock.now().before(millis((*by).into()))),
            Op::Due { which, beside } => {
                if let Some(due) = self.things.due(*which) {
                    self.clock_shows(Timestamp::from_millis(due.as_millis() + i64::from(*beside)));
                }
            }
            Op::Spawn(jobs) => self.spawn(jobs).await?,
            Op::Claim(claim) => self.claim(claim).await?,
            Op::Save(items) => self.save(items).await?,
            Op::Wait(items) => self.wait(items).await?,
            Op::Extend(items) => self.extend(items).await?,
            Op::Load { claim, after, limit } => self.load(*claim, *after, *limit).await?,
            Op::Emit { event, only_if_absent } => self.emit(*event, *only_if_absent).await?,
            Op::Again(which) => self.again(*which).await?,
            Op::Tick { limit } => {
                self.tick((*limit).into()).await?;
            }
            Op::Cancel { task, says_why } => self.cancel_some(*task, *says_why).await?,
            Op::Outcome(task) => self.outcome(*task).await?,
            Op::Retry { task, attempts, from } => self.retry(*task, *attempts, *from).await?,
            Op::Purge { states, age, limit, events } => {
                self.purge(*states, (*age).into(), (*limit).into(), *events).await?;
            }
            Op::Put(state) => self.put(*state).await?,
            Op::Drop { emptied } => self.drop_queue(*emptied).await?,
            Op::ManyChildren { claim, more } => self.many_children(*claim, *more).await?,
            Op::ManyWaits { claim, more } => self.many_waits(*claim, *more).await?,
            Op::Look => self.compare_all().await?,
        }
        Ok(())
    }

    fn clock_shows(&mut self, time: Timestamp) {
        self.clock.set(time);
        self.note(|| format!("the clock shows {}", time.as_millis()));
    }

    async fn spawn(&mut self, jobs: &[Job]) -> Result<(), Violation> {
        let tasks = jobs.iter().map(|job| self.things.new_root(*job)).collect::<Result<Vec<_>, _>>()?;
        self.ask(Request::Spawn(SpawnRequest::new(self.queue.clone(), tasks))).await
    }

    pub(super) async fn emit(&mut self, event: Emit, only_if_absent: bool) -> Result<(), Violation> {
        let mut request = EmitRequest::new(self.queue.clone(), self.things.new_write(event)?);
        request.only_if_absent = only_if_absent;
        self.ask(Request::Emit(request)).await
    }

    async fn again(&mut self, which: u8) -> Result<(), Violation> {
        match self.things.again(which) {
            Some(Request::Claim(request)) => self.ask(Request::Claim(request.repeated())).await,
            Some(request) => self.ask(request).await,
            None => Ok(()),
        }
    }

    /// Makes exactly this call.
    pub(super) async fn ask(&mut self, request: Request) -> Result<(), Violation> {
        self.things.requests.push(request.clone());
        match request {
            Request::Spawn(request) => drop(both!(self, spawn, request)),
            Request::Cancel(request) => drop(both!(self, cancel, request)),
            Request::Retry(request) => drop(both!(self, retry, request)),
            Request::Outcome(request) => drop(both!(self, outcome, request)),
            Request::Extend(request) => drop(both!(self, extend, request)),
            Request::Wait(request) => drop(both!(self, wait, request)),
            Request::Save(request) => drop(both!(self, save, request)),
            Request::Emit(request) => drop(both!(self, emit, request)),
            Request::Claim(request) => {
                if let Ok(claimed) = both!(self, claim, request) {
                    self.things.tokens.extend(claimed.claims.iter().map(|claim| claim.token));
                }
            }
        }
        Ok(())
    }

    pub(super) async fn tick(&mut self, limit: u32) -> Result<bool, Violation> {
        let ticked = both!(self, tick, TickRequest::new(self.queue.clone(), limit));
        Ok(ticked.is_ok_and(|ticked| ticked.more))
    }

    async fn cancel_some(&mut self, task: Task, says_why: bool) -> Result<(), Violation> {
        let Some(task) = self.things.task(task) else { return Ok(()) };
        self.meets("cancel", task);
        self.cancel(task, says_why.then(|| "why".to_owned())).await
    }

    pub(super) async fn cancel(&mut self, task: TaskId, reason: Option<String>) -> Result<(), Violation> {
        let cause = CancelCause::Requested { reason };
        self.ask(Request::Cancel(CancelRequest::new(self.queue.clone(), task, cause))).await
    }

    async fn outcome(&mut self, task: Task) -> Result<(), Violation> {
        let Some(task) = self.things.task(task) else { return Ok(()) };
        self.meets("outcome", task);
        self.ask(Request::Outcome(OutcomeRequest::new(self.queue.clone(), task))).await
    }

    async fn retry(&mut self, task: Task, attempts: u8, from: Option<u8>) -> Result<(), Violation> {
        let Some(task) = self.things.task(task) else { return Ok(()) };
        self.meets("retry", task);
        let from = match from {
            Some(which) => Some(self.stored_step(task, which).await?),
            None => None,
        };
        self.ask(Request::Retry(RetryRequest::new(self.queue.clone(), task, attempts.into(), from))).await
    }

    /// A step that the task has stored, or any other.
    async fn stored_step(&self, task: TaskId, which: u8) -> Result<StepKey, Violation> {
        let detail = self.oracle().task(TaskRequest::new(self.queue.clone(), task)).await;
        let history = detail.ok().flatten().map_or_else(Vec::new, |detail| detail.history.items);
        let steps = history.into_iter().filter_map(|entry| match entry {
            HistoryEntry::Checkpoint { checkpoint, .. } => Some(checkpoint.key),
            HistoryEntry::Run(_) => None,
        });
        let mut steps: Vec<StepKey> = steps.collect();
        steps.push(step_key(which)?);
        let which = usize::from(which).checked_rem(steps.len()).unwrap_or_default();
        Ok(steps.swap_remove(which))
    }

    /// Not after a crowd, and not by a limit that cuts a history short: what such a purge leaves is the store's to say.
    async fn purge(&mut self, states: Ended, age: u64, limit: u32, events: bool) -> Result<(), Violation> {
        if self.is_crowded() {
            return Ok(());
        }
        let states = match states {
            Ended::All => OVER.to_vec(),
            Ended::Completed => vec![EndState::Completed],
            Ended::Others => vec![EndState::Failed, EndState::Cancelled],
        };
        let limit = if self.has_old_history().await { 1_000 } else { limit };
        let mut request = PurgeRequest::new(self.queue.clone(), states, millis(age), limit);
        request.events = events;
        let _ = both!(self, purge, request);
        Ok(())
    }

    async fn has_old_history(&self) -> bool {
        let ended = self.things.views.iter().filter(|view| matches!(view.state, TaskState::Ended(_)));
        for view in ended {
            let detail = self.oracle().task(TaskRequest::new(self.queue.clone(), view.id)).await;
            if detail.is_ok_and(|detail| detail.is_some_and(|detail| !detail.history.items.is_empty())) {
                return true;
            }
        }
        false
    }

    pub(super) async fn put(&mut self, state: Queue) -> Result<(), Violation> {
        let state = match state {
            Queue::Open => QueueState::Open,
            Queue::Paused => QueueState::Paused,
            Queue::Sealed => QueueState::Sealed,
        };
        let _ = both!(self, put_queue, PutQueueRequest::new(self.queue.clone(), state));
        Ok(())
    }

    async fn drop_queue(&mut self, emptied: bool) -> Result<(), Violation> {
        if emptied && !self.is_crowded() {
            for view in self.things.views.clone() {
                self.cancel(view.id, None).await?;
            }
            self.purge(Ended::All, 0, 1_000, true).await?;
        }
        let _ = both!(self, drop_queue, DropQueueRequest::new(self.queue.clone()));
        Ok(())
    }

    /// The clock shows a moment long after everything.
    pub(super) fn much_later(&mut self) {
        self.clock.advance(Duration::from_secs(3_600));
        let now = self.clock.now();
        self.note(|| format!("the clock shows {}", now.as_millis()));
    }
}
