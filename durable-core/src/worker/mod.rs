//! The worker: claims tasks, runs them, and keeps its queue going.

mod claims;
mod execute;
mod failure;
mod upkeep;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use self::claims::Claims;
use self::execute::Shop;
pub use self::failure::TaskFailure;
use self::upkeep::Upkeep;
use crate::error::DurableResult;
use crate::model::{Invalid, Lease, QueueName, TaskId, TaskName, WorkerName};
use crate::options::SpawnRules;
use crate::registry::Registry;
use crate::run::Writes;
use crate::store::Store;

/// What a longer time than this comes to: an instant so far away can still be told.
const FOR_EVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// How a worker works. `WorkerOptions::default()` suits most.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// The worker's name in the history; a random one unless set.
    pub worker_id: Option<String>,
    /// How long a claim holds, at least 1 s: 120 s. Each stored result extends it to this anew.
    pub lease: Duration,
    /// How many tasks run at once: 1.
    pub concurrency: usize,
    /// How many tasks one claim takes at most: as many as run at once.
    pub batch_size: Option<usize>,
    /// How often to look for work when no hint comes: 1 s, give or take a quarter.
    pub poll_interval: Duration,
    /// How often to do upkeep when nothing is due: 30 s.
    pub upkeep_interval: Duration,
    /// Keep leases alive while bodies run, whether they store anything or not: off.
    pub renew_leases: bool,
    /// End the process when a lease ends while its task still runs: off.
    pub fatal_on_lease_timeout: bool,
    /// How long a shutdown waits for running bodies before it hands their claims back: 30 s.
    pub shutdown_timeout: Duration,
    /// Called at the end of each run.
    pub on_run: Option<RunObserver>,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        Self {
            worker_id: None,
            lease: Duration::from_secs(120),
            concurrency: 1,
            batch_size: None,
            poll_interval: Duration::from_secs(1),
            upkeep_interval: Duration::from_secs(30),
            renew_leases: false,
            fatal_on_lease_timeout: false,
            shutdown_timeout: Duration::from_secs(30),
            on_run: None,
        }
    }
}

/// A function that is told of the end of each run, for metrics and progress. It must not block; its panics are
/// logged and change nothing.
#[derive(Clone)]
pub struct RunObserver(Arc<dyn Fn(&RunReport) + Send + Sync>);

impl RunObserver {
    /// Takes the function.
    pub fn new(observe: impl Fn(&RunReport) + Send + Sync + 'static) -> Self {
        Self(Arc::new(observe))
    }

    /// Tells the function; its panic is its own affair, and the run's end is stored all the same.
    pub(crate) fn call(&self, report: &RunReport) {
        if catch_unwind(AssertUnwindSafe(|| (self.0)(report))).is_err() {
            tracing::error!(task = %report.task, "the run observer panicked");
        }
    }
}

impl fmt::Debug for RunObserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RunObserver")
    }
}

/// What one run did.
#[derive(Debug, Clone, PartialEq)]
pub struct RunReport {
    /// The task.
    pub task: TaskId,
    /// Its name.
    pub name: TaskName,
    /// The attempt, from 1. A task that rests goes on in another run of the same attempt.
    pub attempt: i32,
    /// How the run ended.
    pub ending: RunEnding,
    /// Steps whose functions ran.
    pub steps_run: u32,
    /// Steps whose results came from the store.
    pub steps_replayed: u32,
    /// How long it took, from its claim.
    pub took: Duration,
    /// Why the attempt failed, if it did.
    pub failure: Option<TaskFailure>,
}

/// How a run ended, as far as the worker knows: its end is not stored yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunEnding {
    /// The body returned a result.
    Completed,
    /// The attempt failed, and another one follows.
    Retrying,
    /// The task failed for good.
    Failed,
    /// The task rests.
    Suspended,
    /// The claim was handed back.
    Released,
    /// The task was cancelled.
    Cancelled,
    /// The claim was lost.
    ClaimLost,
}

/// A running worker. Dropping it stops it at once, as a crash would; [`Worker::shutdown`] ends it in order.
#[derive(Debug)]
pub struct Worker {
    shutdown: watch::Sender<bool>,
    claims: JoinHandle<()>,
    upkeep: JoinHandle<()>,
}

impl Worker {
    /// Starts a worker on one queue.
    pub(crate) fn start<State>(
        store: Arc<dyn Store>,
        queue: QueueName,
        registry: Arc<Registry<State>>,
        state: State,
        rules: SpawnRules,
        mut options: WorkerOptions,
    ) -> DurableResult<Self>
    where
        State: Clone + Send + Sync + 'static,
    {
        let lease = checked_lease(&options)?;
        for time in [&mut options.poll_interval, &mut options.upkeep_interval, &mut options.shutdown_timeout]
        {
            *time = (*time).min(FOR_EVER);
        }
        let worker = WorkerName::new(options.worker_id.clone().unwrap_or_else(random_name))?;
        let writes = Writes::start(&store, &queue, &worker, lease);
        let (shutdown, shutting_down) = watch::channel(false);
        let (hand_back, handed_back) = watch::channel(false);
        let due = Arc::new(Notify::new());
        let upkeep = Upkeep::new(store.clone(), queue.clone(), options.upkeep_interval, due.clone());
        let shop =
            Shop { store, queue, registry, state, rules, writes, lease, options, hand_back: handed_back };
        let claims = Claims::new(Arc::new(shop), worker, hand_back, shutting_down, due);
        Ok(Self { shutdown, claims: tokio::spawn(claims.run()), upkeep: tokio::spawn(upkeep.run()) })
    }

    /// Stops claiming, waits for running bodies up to the shutdown timeout, hands the claims of the others back
    /// without using an attempt, and stores all ends.
    pub async fn shutdown(mut self) {
        self.shutdown.send_replace(true);
        // A panic of the worker itself is logged by tokio; there is nothing left to wait for then.
        let _ = (&mut self.claims).await;
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.claims.abort();
        self.upkeep.abort();
    }
}

fn checked_lease(options: &WorkerOptions) -> DurableResult<Lease> {
    if options.concurrency == 0 {
        return Err(Invalid::new("concurrency", "it is 0").into());
    }
    if options.batch_size == Some(0) {
        return Err(Invalid::new("batch_size", "it is 0").into());
    }
    if options.poll_interval.is_zero() || options.upkeep_interval.is_zero() {
        return Err(Invalid::new("poll or upkeep interval", "it is zero").into());
    }
    if options.lease < Duration::from_secs(1) {
        return Err(Invalid::new("lease", "it is shorter than a second").into());
    }
    Ok(Lease::new(options.lease)?)
}

fn random_name() -> String {
    format!("worker-{}", uuid::Uuid::now_v7().simple())
}
