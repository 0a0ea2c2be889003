//! A desk for tests of core: the memory store in virtual time, tasks written as functions, and a log of what they did.
//!
//! Tokio's clock is paused, and the store's follows it: a week passes as soon as nobody has anything else to do.
#![allow(dead_code, unreachable_pub, missing_debug_implementations, reason = "each test file uses a part")]

use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use durable_conformance::faults::{FaultStore, Faults, Plan};
use durable_conformance::layer::Layered;
use durable_core::model::{Clock, QueueName, Timestamp};
use durable_core::store::{HistoryEntry, Inspect, RunView, Store, TaskDetail, TaskRequest};
use durable_core::{
    Durable, RunEnding, RunObserver, RunReport, SpawnOptions, Task, TaskContext, TaskError, TaskId,
    TaskResult, TaskResultView, Worker, WorkerOptions, async_trait,
};
use durable_memory::MemoryStore;
use futures::future::BoxFuture;
use serde_json::Value;

/// Longer than any test's tasks take, in virtual time.
pub const LONG: Duration = Duration::from_secs(365 * 24 * 3600);
pub const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

pub const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub const fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// What tasks did, in order.
#[derive(Debug, Clone, Default)]
pub struct World(Arc<Mutex<Vec<String>>>);

impl World {
    pub fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    pub fn notes(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub fn count(&self, what: &str) -> usize {
        self.notes().iter().filter(|note| *note == what).count()
    }
}

pub type Ctx = TaskContext<World>;
pub type Body = fn(Value, Ctx) -> BoxFuture<'static, TaskResult<Value>>;

/// Writes a task's body as a closure.
#[macro_export]
macro_rules! body {
    (|$params:pat_param, $ctx:pat_param| $body:block) => {{
        let body: $crate::support::Body = |$params, $ctx| ::std::boxed::Box::pin(async move $body);
        body
    }};
}

/// A task that is a function.
#[derive(Debug, Clone)]
pub struct Scripted {
    pub name: &'static str,
    pub body: Body,
    pub strict: bool,
}

#[async_trait]
impl Task<World> for Scripted {
    fn name(&self) -> Cow<'static, str> {
        self.name.into()
    }

    type Params = Value;
    type Output = Value;

    fn strict(&self) -> bool {
        self.strict
    }

    async fn run(&self, params: Value, ctx: Ctx, _: World) -> TaskResult<Value> {
        (self.body)(params, ctx).await
    }
}

pub struct Desk {
    pub memory: MemoryStore,
    pub store: Arc<dyn Store>,
    pub faults: Faults,
    pub world: World,
    pub client: Durable<World>,
    pub reports: Arc<Mutex<Vec<RunReport>>>,
    tasks: Vec<Scripted>,
}

impl Desk {
    /// A desk with these tasks, and no worker yet.
    pub async fn new(tasks: &[(&'static str, Body)]) -> Self {
        let scripted = |(name, body): &(&'static str, Body)| Scripted { name, body: *body, strict: false };
        Self::with(tasks.iter().map(scripted).collect()).await
    }

    pub async fn with(tasks: Vec<Scripted>) -> Self {
        let memory = MemoryStore::with_clock(Clock::following_tokio(START)).checked();
        Self::over(memory.clone(), Arc::new(memory), tasks).await
    }

    /// A desk over a store that stands on `memory`.
    pub async fn over(memory: MemoryStore, inner: Arc<dyn Store>, tasks: Vec<Scripted>) -> Self {
        let faults = Faults::new(Plan::new());
        let store: Arc<dyn Store> = Arc::new(FaultStore::new(inner, faults.clone()));
        let world = World::default();
        let client = client(&store, &tasks, &world);
        client.create_queue().await.unwrap();
        Self { memory, store, faults, world, client, reports: Arc::default(), tasks }
    }

    /// The same desk as another process sees it: other faults, the same data.
    pub fn other_process(&self) -> Self {
        let inner: Arc<dyn Store> = Arc::new(self.memory.clone());
        let faults = Faults::new(Plan::new());
        let store: Arc<dyn Store> = Arc::new(Layered::new(inner, faults.clone()));
        let client = client(&store, &self.tasks, &self.world);
        let (memory, world, reports) = (self.memory.clone(), self.world.clone(), self.reports.clone());
        Self { memory, store, faults, world, client, reports, tasks: self.tasks.clone() }
    }

    /// Options with names for what tests change most.
    pub fn options(&self, concurrency: usize) -> WorkerOptions {
        let reports = self.reports.clone();
        let observe = move |report: &RunReport| reports.lock().unwrap().push(report.clone());
        WorkerOptions { concurrency, on_run: Some(RunObserver::new(observe)), ..WorkerOptions::default() }
    }

    pub async fn worker(&self, concurrency: usize) -> Worker {
        self.client.start_worker(self.options(concurrency)).await.unwrap()
    }

    pub async fn spawn(&self, name: &str, params: Value) -> TaskId {
        self.spawn_with(name, params, SpawnOptions::default()).await
    }

    pub async fn spawn_with(&self, name: &str, params: Value, options: SpawnOptions) -> TaskId {
        self.client.spawn_by_name(name, params, options).await.unwrap().task
    }

    pub async fn result(&self, task: TaskId) -> TaskResultView {
        self.client.wait_for_result(task, LONG).await.unwrap()
    }

    /// The output of a task that completes.
    pub async fn output(&self, task: TaskId) -> Value {
        let result = self.result(task).await;
        result.output().unwrap_or_else(|error| panic!("{error}: {result:?}"))
    }

    /// Spawns a task, runs a worker of 4 slots until it has ended, and gives its output.
    pub async fn run(&self, name: &str, params: Value) -> Value {
        let worker = self.worker(4).await;
        let task = self.spawn(name, params).await;
        let output = self.output(task).await;
        drop(worker);
        output
    }

    /// As [`Desk::run`], for a task that fails for good.
    pub async fn run_to_failure(&self, name: &str, params: Value) -> durable_core::TaskFailure {
        let worker = self.worker(4).await;
        let task = self.spawn(name, params).await;
        let failure = self.failure(task).await;
        drop(worker);
        failure
    }

    pub async fn failure(&self, task: TaskId) -> durable_core::TaskFailure {
        match self.result(task).await {
            TaskResultView::Failed(failure) => failure,
            other => panic!("not failed: {other:?}"),
        }
    }

    pub async fn detail(&self, task: TaskId) -> TaskDetail {
        let queue = QueueName::new(self.client.queue_name()).unwrap();
        self.memory.task(TaskRequest::new(queue, task)).await.unwrap().unwrap()
    }

    /// The keys stored for a task, without their hashes, in order.
    pub async fn keys(&self, task: TaskId) -> Vec<String> {
        let entries = self.detail(task).await.history.items;
        let key = |entry: HistoryEntry| match entry {
            HistoryEntry::Checkpoint { checkpoint, aside: false } => {
                let text = checkpoint.key.as_str().to_owned();
                Some(text.rsplit_once('-').map_or(text.clone(), |(base, _)| base.to_owned()))
            }
            _ => None,
        };
        entries.into_iter().filter_map(key).collect()
    }

    /// The failed attempts of a task.
    pub async fn failed_runs(&self, task: TaskId) -> Vec<RunView> {
        let entries = self.detail(task).await.history.items;
        let run = |entry: HistoryEntry| match entry {
            HistoryEntry::Run(run) => Some(run),
            HistoryEntry::Checkpoint { .. } => None,
        };
        entries.into_iter().filter_map(run).collect()
    }

    /// How the runs of a task ended.
    pub fn endings(&self, task: TaskId) -> Vec<RunEnding> {
        let reports = self.reports.lock().unwrap();
        reports.iter().filter(|report| report.task == task).map(|report| report.ending).collect()
    }

    /// When a task ended, in milliseconds since the desk was set up.
    pub async fn ended_at(&self, task: TaskId) -> i64 {
        self.detail(task).await.task.ended_at.unwrap().as_millis() - START.as_millis()
    }
}

fn client(store: &Arc<dyn Store>, tasks: &[Scripted], world: &World) -> Durable<World> {
    let mut builder = Durable::builder::<World>().store(store.clone()).queue_name("desk");
    for task in tasks {
        builder = builder.register_instance(task.clone()).unwrap();
    }
    builder.build_with_state(world.clone()).unwrap()
}

/// Lets everything that is ready run, and `duration` of virtual time pass.
pub async fn pass(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// Fails the first attempt, so that what follows is a replay.
pub fn fail_once(ctx: &Ctx) -> Result<(), TaskError> {
    match ctx.attempt {
        1 => Err(TaskError::user_message("once more").retryable()),
        _ => Ok(()),
    }
}

/// A child that doubles a number.
pub const DOUBLE: Body = body!(|n, _| { Ok(serde_json::json!(n.as_i64().unwrap_or(0) * 2)) });
/// A child that fails for good.
pub const FAIL: Body = body!(|_, _| { Err(TaskError::user_message("broken")) });
