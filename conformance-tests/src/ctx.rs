//! What a case works with: two handles, the clock, a queue, and short words for the usual steps.

pub(crate) mod steps;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use durable_core::model::{Clock, ManualClock, QueueName, TaskId, TaskName, Timestamp};
use durable_core::store::{
    PutQueueAnswer, PutQueueRequest, QueueState, Store, TaskDetail, TaskRequest, TaskView, Verb,
};
use tokio::sync::Barrier;

use crate::checked::{Checked, World};
use crate::expect::{Violation, same, some};
use crate::faults::polled;
use crate::layer::Layered;
use crate::level::{Hook, Missing};
use crate::process::{self, Acknowledged};
use crate::registry::Verdict;
use crate::snapshot::{Snapshot, read_task};

/// The world of one case.
///
/// The short words take the two handles in turn, so that a store which keeps anything in a handle is found out.
#[derive(Clone)]
pub struct Ctx {
    /// One handle on the namespace.
    pub a: Arc<dyn Store>,
    /// Another one.
    pub b: Arc<dyn Store>,
    /// The clock of every handle.
    pub clock: ManualClock,
    /// A queue that exists and is open; the short words are about this one.
    pub queue: QueueName,
    world: Arc<World>,
    /// The first handle, as the store gave it: what the suite itself looks at is no step.
    plain: Arc<dyn Store>,
    turn: Arc<AtomicUsize>,
}

impl Ctx {
    pub(crate) async fn open(world: Arc<World>, clock: ManualClock) -> anyhow::Result<Self> {
        let open = || world.harness.open(&world.namespace, Clock::Manual(clock.clone()));
        let (plain, other) = (open().await?, open().await?);
        let ctx = Self {
            a: checked(&world, "a", plain.clone()),
            b: checked(&world, "b", other),
            clock,
            queue: QueueName::new("main")?,
            world,
            plain,
            turn: Arc::default(),
        };
        let put = ctx.a.put_queue(PutQueueRequest::new(ctx.queue.clone(), QueueState::Open)).await?;
        anyhow::ensure!(put == PutQueueAnswer::Created, "a new namespace already has a queue: {put:?}");
        Ok(ctx)
    }

    /// Opens one more handle.
    ///
    /// # Errors
    ///
    /// When the harness cannot open it.
    pub async fn handle(&self) -> Result<Arc<dyn Store>, Violation> {
        let number = self.turn.fetch_add(2, Ordering::Relaxed);
        let opened = self.world.harness.open(&self.world.namespace, Clock::Manual(self.clock.clone())).await;
        match opened {
            Ok(plain) => Ok(checked(&self.world, &format!("h{number}"), plain)),
            Err(error) => Err(Violation::new("one more handle", format!("{error:#}"), "a handle")),
        }
    }

    /// Opens so many handles on a new namespace, all at once.
    ///
    /// # Errors
    ///
    /// When one of them cannot be opened.
    pub(crate) async fn opened_at_once(&self, count: usize) -> Result<Vec<Arc<dyn Store>>, Violation> {
        let elsewhere = Self { world: Arc::new(self.world.elsewhere()), ..self.clone() };
        let start = Arc::new(Barrier::new(count));
        let opening = |_| {
            let (elsewhere, start) = (elsewhere.clone(), start.clone());
            tokio::spawn(async move {
                start.wait().await;
                elsewhere.handle().await
            })
        };
        let mut handles = Vec::new();
        for opened in (0..count).map(opening).collect::<Vec<_>>() {
            let opened = opened.await;
            handles.push(opened.map_err(|panic| Violation::new("open", panic.to_string(), "no panic"))??);
        }
        Ok(handles)
    }

    /// Opens a handle on a new namespace that follows the store's own clock.
    ///
    /// # Errors
    ///
    /// When it cannot be opened.
    pub(crate) async fn with_its_own_clock(&self) -> Result<Arc<dyn Store>, Violation> {
        let world = Arc::new(self.world.elsewhere());
        match world.harness.open(&world.namespace, Clock::Own).await {
            Ok(plain) => Ok(checked(&world, "own", plain)),
            Err(error) => {
                Err(Violation::new("a handle with its own clock", format!("{error:#}"), "a handle"))
            }
        }
    }

    /// What the handles share.
    pub(crate) fn world(&self) -> &Arc<World> {
        &self.world
    }

    /// The handle whose turn it is.
    pub fn store(&self) -> &Arc<dyn Store> {
        if self.turn.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) { &self.a } else { &self.b }
    }

    /// The store has this verb: for what a case looks at besides.
    pub fn has(&self, verb: Verb) -> bool {
        self.world.journal.permits(verb);
        self.world.has(&[verb])
    }

    /// The store's name.
    pub(crate) fn store_name(&self) -> &'static str {
        self.world.harness.name()
    }

    /// How many filler tasks a case of scale uses.
    pub fn filler(&self) -> usize {
        self.world.harness.filler()
    }

    /// Ends the case as not run, for want of a hook.
    ///
    /// # Errors
    ///
    /// Never; it is what a case returns.
    pub fn not_run(&self, hook: Hook) -> Verdict {
        self.world.journal.lacks(Missing::Hook(hook));
        Ok(())
    }

    /// The seed of the run: all that a case leaves to chance comes from it.
    pub fn seed(&self) -> u64 {
        self.world.seed
    }

    /// Makes the record of a task undecodable; `false` when the harness cannot.
    ///
    /// # Errors
    ///
    /// When the harness tried and failed.
    pub async fn corrupt(&self, task: TaskId) -> Result<bool, Violation> {
        match self.world.harness.corrupt(&self.world.namespace, &self.queue, task).await {
            None => Ok(false),
            Some(Ok(())) => Ok(true),
            Some(Err(error)) => Err(Violation::new("the hook corrupt", format!("{error:#}"), "success")),
        }
    }

    /// What is left in the namespace, where the harness can count it: kinds of records with how many there are.
    ///
    /// # Errors
    ///
    /// When the harness tried and failed.
    pub(crate) async fn residue(&self) -> Result<Option<BTreeMap<String, u64>>, Violation> {
        let counted = self.world.harness.residue(&self.world.namespace).await.transpose();
        let mut counted =
            counted.map_err(|error| Violation::new("the hook residue", format!("{error:#}"), "success"))?;
        if let Some(counts) = &mut counted {
            counts.retain(|_, count| *count > 0);
        }
        Ok(counted)
    }

    /// Another namespace into which another process has written, until it ended or was killed after so many writes; `None`
    /// when the harness cannot run one.
    ///
    /// # Errors
    ///
    /// When the process did not do its work, or the namespace cannot be opened.
    pub(crate) async fn written_by_another_process(
        &self,
        kill_after: Option<usize>,
    ) -> Result<Option<(Self, Acknowledged)>, Violation> {
        let Some(command) = self.world.harness.process() else { return Ok(None) };
        let world = Arc::new(self.world.elsewhere());
        let namespace = world.namespace.clone();
        let writing = tokio::task::spawn_blocking(move || process::write(command, &namespace, kill_after));
        let written = match writing.await {
            Ok(written) => written,
            Err(panic) => Err(panic.into()),
        };
        let acknowledged =
            written.map_err(|error| Violation::new("the other process", format!("{error:#}"), "its work"))?;
        let opened = Self::open(world, self.clock.clone()).await;
        let opened =
            opened.map_err(|error| Violation::new("what it wrote", format!("{error:#}"), "a handle"))?;
        Ok(Some((opened.on(&QueueName::new(process::QUEUE)?), acknowledged)))
    }

    /// The same world with the short words on another queue.
    pub fn on(&self, queue: &QueueName) -> Self {
        Self { queue: queue.clone(), ..self.clone() }
    }

    /// The same world with the short words over other handles.
    pub fn over(&self, a: &Arc<dyn Store>, b: &Arc<dyn Store>) -> Self {
        Self { a: a.clone(), b: b.clone(), ..self.clone() }
    }

    /// Creates another queue and gives the world on it.
    ///
    /// # Errors
    ///
    /// When it cannot be created.
    pub async fn another_queue(&self, name: &str) -> Result<Self, Violation> {
        let queue = QueueName::new(name)?;
        let put = self.store().put_queue(PutQueueRequest::new(queue.clone(), QueueState::Open)).await?;
        same("put_queue of a new queue", &put, &PutQueueAnswer::Created)?;
        Ok(self.on(&queue))
    }

    /// The world of another namespace, with the same clock.
    ///
    /// # Errors
    ///
    /// When it cannot be opened.
    pub async fn elsewhere(&self) -> Result<Self, Violation> {
        let world = Arc::new(self.world.elsewhere());
        let opened = Self::open(world, self.clock.clone()).await;
        opened.map_err(|error| Violation::new("another namespace", format!("{error:#}"), "two handles on it"))
    }

    /// The world of another namespace, of which a first handle was given up after so many polls of its opening.
    ///
    /// # Errors
    ///
    /// When it cannot be opened then.
    pub(crate) async fn elsewhere_after_a_dropped_open(&self, polls: u32) -> Result<Self, Violation> {
        let world = Arc::new(self.world.elsewhere());
        let opening = world.harness.open(&world.namespace, Clock::Manual(self.clock.clone()));
        drop(polled(polls, opening).await);
        let opened = Self::open(world.clone(), self.clock.clone()).await;
        opened
            .map_err(|error| Violation::new("open after a dropped open", format!("{error:#}"), "two handles"))
    }

    /// Drops all handles, as far as this is the last that holds them, and opens two new ones.
    ///
    /// # Errors
    ///
    /// When they cannot be opened.
    pub(crate) async fn reopened(self) -> Result<Self, Violation> {
        let Self { a, b, clock, queue, world, plain, turn } = self;
        drop((a, b, plain));
        let open = || world.harness.open(&world.namespace, Clock::Manual(clock.clone()));
        let opened = async { anyhow::Ok((open().await?, open().await?)) }.await;
        let (plain, other) = opened.map_err(|error| {
            Violation::new("the store, opened again", format!("{error:#}"), "two handles")
        })?;
        let (a, b) = (checked(&world, "a2", plain.clone()), checked(&world, "b2", other));
        Ok(Self { a, b, clock, queue, world, plain, turn })
    }

    /// Moves the clock of all handles forward.
    pub fn advance(&self, millis: u64) {
        self.world.journal.passes(millis);
        self.clock.advance(Duration::from_millis(millis));
    }

    /// What the clock shows.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Everything that the store shows of the queue.
    pub(crate) async fn snapshot(&self) -> Result<Snapshot, Violation> {
        Snapshot::read(&*self.plain, &self.world, &self.queue).await
    }

    /// Wants the invariants to hold that are checked after each step of a case that is not heavy.
    pub(crate) async fn is_whole(&self) -> Verdict {
        let watch = Checked::new(self.world.clone(), "a".to_owned(), self.plain.clone());
        watch.check(Some(&self.queue)).await
    }

    /// One task with its waits and all of its history; the case must need `Task`.
    ///
    /// # Errors
    ///
    /// When there is no such task.
    pub async fn detail(&self, task: TaskId) -> Result<TaskDetail, Violation> {
        let request = TaskRequest::new(self.queue.clone(), task);
        let (detail, history) = read_task(&**self.store(), request).await?;
        let mut detail = some("the task", detail)?;
        detail.history.items = history;
        Ok(detail)
    }

    /// One task as it is stored; the case must need `Task`.
    ///
    /// # Errors
    ///
    /// When there is no such task.
    pub async fn view(&self, task: TaskId) -> Result<TaskView, Violation> {
        Ok(self.detail(task).await?.task)
    }
}

fn checked(world: &Arc<World>, handle: &str, plain: Arc<dyn Store>) -> Arc<dyn Store> {
    let layer = Checked::new(world.clone(), handle.to_owned(), plain.clone());
    Arc::new(Layered::new(plain, layer))
}

impl fmt::Debug for Ctx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ctx").field("queue", &self.queue).finish_non_exhaustive()
    }
}

/// The name of the tasks that the short words spawn and claim.
pub(crate) fn job_name() -> Result<TaskName, Violation> {
    Ok(TaskName::new("job")?)
}
