//! One run of one task: what its context, its driver and its writes share.

pub(crate) mod backoff;
pub(crate) mod drive;
pub(crate) mod lease;
mod stored;
mod verbs;
mod waits;
mod writes;

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use self::lease::{Owner, lock};
pub(crate) use self::stored::Departure;
use self::stored::Stored;
pub(crate) use self::verbs::{Writes, size_of_end};
use self::waits::MAX_WAITS;
pub(crate) use self::waits::Need;
use self::waits::Waits;
use crate::error::{TaskError, TaskResult};
use crate::model::{Checkpoint, CheckpointKind, End, Lease, Millis, Payload, StepKey, TaskId, Timestamp};
use crate::options::SpawnRules;
use crate::store::{Effect, ExtendItem, FencedError, NewWait, SaveAnswer, SaveItem};

/// The shared part of a run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) owner: Arc<Owner>,
    pub(crate) writes: Writes,
    pub(crate) rules: SpawnRules,
    /// A departing replay fails the task.
    pub(crate) strict: bool,
    claimed_at: Timestamp,
    /// When the claim was sent.
    sent: Instant,
    stored: Mutex<Stored>,
    waits: Mutex<Waits>,
    /// Operations of the body under way that are no waits.
    operations: AtomicUsize,
    departure: Mutex<Option<Departure>>,
    executed: AtomicU32,
    replayed: AtomicU32,
}

impl Run {
    pub(crate) fn new(
        owner: Arc<Owner>,
        writes: Writes,
        rules: SpawnRules,
        strict: bool,
        (claimed_at, sent): (Timestamp, Instant),
        checkpoints: Vec<Checkpoint>,
    ) -> Arc<Self> {
        let mut stored = Stored::default();
        for checkpoint in checkpoints {
            stored.load(checkpoint);
        }
        Arc::new(Self {
            owner,
            writes,
            rules,
            strict,
            claimed_at,
            sent,
            stored: Mutex::new(stored),
            waits: Mutex::default(),
            operations: AtomicUsize::new(0),
            departure: Mutex::new(None),
            executed: AtomicU32::new(0),
            replayed: AtomicU32::new(0),
        })
    }

    /// The store's time, as far as the run can tell: the claim's plus what has passed since.
    pub(crate) fn now(&self) -> Timestamp {
        self.claimed_at.after(Millis::at_most(self.sent.elapsed()).unwrap_or(Millis::ZERO))
    }

    /// Refuses an operation of a run that is over.
    pub(crate) fn check_live(&self) -> TaskResult<()> {
        self.owner.stopped().map_or(Ok(()), |control| Err(TaskError::Control(control)))
    }

    /// What is stored for the next operation; a replay out of order is noted, and refused where the task is strict.
    pub(crate) fn recall(&self, key: &StepKey, kind: CheckpointKind) -> TaskResult<Option<End>> {
        self.check_live()?;
        let (end, departure) = lock(&self.stored).recall(key, kind);
        if let Some(departure) = departure {
            self.depart(departure)?;
        }
        if end.is_some() && kind == CheckpointKind::Step {
            self.replayed.fetch_add(1, Ordering::Relaxed);
        }
        Ok(end)
    }

    /// How a wait ended, if it has.
    pub(crate) fn end(&self, key: &StepKey) -> Option<(End, Timestamp)> {
        lock(&self.stored).end(key)
    }

    /// What the body has not asked for by its end; an error where the task is strict.
    pub(crate) fn check_left_over(&self) -> TaskResult<()> {
        let left = lock(&self.stored).left_over();
        left.map_or(Ok(()), |departure| self.depart(departure))
    }

    fn depart(&self, departure: Departure) -> TaskResult<()> {
        tracing::warn!(task = %self.owner.token.task, %departure, "the task's body is not deterministic");
        let message = format!("the task's body is not deterministic: {departure}");
        *lock(&self.departure) = Some(departure);
        if self.strict { Err(TaskError::validation(message)) } else { Ok(()) }
    }

    /// Whether the replay departed from what was stored.
    pub(crate) fn departed(&self) -> bool {
        lock(&self.departure).is_some()
    }

    /// Counts an operation that holds the run until the guard is gone.
    pub(crate) fn operation(self: &Arc<Self>) -> Operation {
        self.operations.fetch_add(1, Ordering::SeqCst);
        Operation(self.clone())
    }

    fn idle(&self) -> bool {
        self.operations.load(Ordering::SeqCst) == 0
    }

    /// A step's function is about to run.
    pub(crate) fn count_step(&self) {
        self.executed.fetch_add(1, Ordering::Relaxed);
    }

    /// Steps run and steps answered from the store, by this run.
    pub(crate) fn steps(&self) -> (u32, u32) {
        (self.executed.load(Ordering::Relaxed), self.replayed.load(Ordering::Relaxed))
    }

    pub(crate) fn add_child(&self, child: TaskId) {
        lock(&self.stored).add_child(child);
    }

    pub(crate) fn is_child(&self, task: TaskId) -> bool {
        lock(&self.stored).is_child(task)
    }

    /// Stores a checkpoint with its effect, and gives what is stored then: the first write wins.
    pub(crate) async fn save(
        &self,
        key: StepKey,
        kind: CheckpointKind,
        payload: Payload,
        took: Duration,
        effect: Effect,
    ) -> Result<Saved, FencedError> {
        let item = SaveItem {
            token: self.owner.token,
            key: key.clone(),
            kind,
            payload: payload.clone(),
            took: Millis::at_most(took).unwrap_or(Millis::ZERO),
            effect,
        };
        let end = match self.answer(self.writes.saves.send(&self.owner, item)).await? {
            SaveAnswer::Stored { .. } => End::Value(payload),
            SaveAnswer::Conflict { stored } => stored,
            SaveAnswer::QueueClosed => return Ok(Saved::QueueClosed),
        };
        lock(&self.stored).insert(key, end.clone(), self.now());
        Ok(Saved::Stored(end))
    }

    /// Extends the lease.
    pub(crate) async fn extend(&self, lease: Lease) -> Result<Timestamp, FencedError> {
        let item = ExtendItem { token: self.owner.token, lease };
        self.answer(self.writes.extends.send(&self.owner, item)).await
    }

    /// A reply that never comes means that the worker is gone, and with it the claim.
    async fn answer<A>(&self, reply: oneshot::Receiver<Result<A, FencedError>>) -> Result<A, FencedError> {
        reply.await.unwrap_or(Err(FencedError::ClaimLost))
    }

    /// The error of a refused write: a run that is over says why.
    pub(crate) fn refused(&self, error: FencedError) -> TaskError {
        match (self.owner.stopped(), error) {
            (Some(control), FencedError::ClaimLost | FencedError::Cancelled) => TaskError::Control(control),
            (_, error) => error.into(),
        }
    }

    /// Waits until as many of these have ended as are needed; their ends are stored then.
    pub(crate) fn wait(self: &Arc<Self>, waits: Vec<NewWait>, need: Need) -> Waiting {
        Waiting { run: self.clone(), waits, need, id: None }
    }

    fn met(&self, waits: &[NewWait], need: Need) -> bool {
        let stored = lock(&self.stored);
        let mut ended = waits.iter().map(|wait| stored.has(&wait.key));
        match need {
            Need::Any | Need::Earliest => ended.any(|ended| ended),
            Need::All => ended.all(|ended| ended),
        }
    }
}

/// What a save left stored.
#[derive(Debug)]
pub(crate) enum Saved {
    Stored(End),
    QueueClosed,
}

/// An operation under way.
#[derive(Debug)]
pub(crate) struct Operation(Arc<Run>);

impl Drop for Operation {
    fn drop(&mut self) {
        self.0.operations.fetch_sub(1, Ordering::SeqCst);
        self.0.owner.driver.wake();
    }
}

/// A wait operation of the body.
#[derive(Debug)]
pub(crate) struct Waiting {
    run: Arc<Run>,
    waits: Vec<NewWait>,
    need: Need,
    id: Option<u64>,
}

impl Future for Waiting {
    type Output = TaskResult<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if let Err(over) = this.run.check_live() {
            return Poll::Ready(Err(over));
        }
        let asked =
            this.need != Need::Earliest || this.id.is_some_and(|id| lock(&this.run.waits).is_asked(id));
        if asked && this.run.met(&this.waits, this.need) {
            return Poll::Ready(Ok(()));
        }
        let mut waits = lock(&this.run.waits);
        let Some(id) = this.id.or_else(|| waits.begin(this.waits.clone(), this.need)) else {
            return Poll::Ready(Err(too_many_waits()));
        };
        this.id = Some(id);
        waits.park(id, cx.waker());
        drop(waits);
        // What ended between the look and the parking woke nobody.
        if asked && this.run.met(&this.waits, this.need) {
            return Poll::Ready(Ok(()));
        }
        // The body may have been handed to another task: the driver has to look for itself.
        this.run.owner.driver.wake();
        Poll::Pending
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            lock(&self.run.waits).finish(id);
        }
    }
}

/// The run fails with this whatever its body makes of it: a replay would find other waits ended, and fare better.
fn too_many_waits() -> TaskError {
    TaskError::validation(format!("the body waits for more than {MAX_WAITS} things at the same time"))
}
