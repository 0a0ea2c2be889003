//! Runs one claimed task, from its claim to its end.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::failure;
use super::{RunEnding, RunReport, TaskFailure, WorkerOptions};
use crate::context::TaskContext;
use crate::error::{Control, TaskError, TaskResult};
use crate::model::{Checkpoint, Lease, Millis, Payload, QueueName, RunId, TaskId, TaskName};
use crate::options::SpawnRules;
use crate::registry::Registry;
use crate::run::backoff::Backoff;
use crate::run::drive::{Drive, Driven, until};
use crate::run::lease::Owner;
use crate::run::{Run, Writes};
use crate::store::{
    Claim, Ending, FencedError, LoadRequest, MAX_RECORDS, RetryAfter, RunEnd, Store, StoreErrorKind,
};

/// How long one call may take before it is repeated, at most; a quarter of what is left of the lease if that is less.
const PATIENCE: Duration = Duration::from_secs(5);

/// What all runs of a worker share.
#[derive(Debug)]
pub(crate) struct Shop<State> {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) queue: QueueName,
    pub(crate) registry: Arc<Registry<State>>,
    pub(crate) state: State,
    pub(crate) rules: SpawnRules,
    pub(crate) writes: Writes,
    pub(crate) lease: Lease,
    pub(crate) options: WorkerOptions,
    /// Turns true when running bodies shall hand their claims back.
    pub(crate) hand_back: watch::Receiver<bool>,
}

/// A run that is over; with the end that is still to be stored, unless it rests or has lost its claim.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) end: Option<Ended>,
}

/// The end of a run, under the claim that it belongs to.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) owner: Arc<Owner>,
    pub(crate) end: RunEnd,
}

/// Runs a claimed task whose claim was sent at `sent`.
pub(crate) async fn execute<State>(shop: Arc<Shop<State>>, claim: Claim, sent: Instant) -> Finished
where
    State: Clone + Send + Sync + 'static,
{
    let owner = Arc::new(Owner::new(claim.token, claim.parent, shop.lease, sent));
    let _fatal = shop.options.fatal_on_lease_timeout.then(|| AbortOnLeaseEnd::watch(owner.clone()));
    let (ending, steps) = match load(&shop, &owner, &claim).await {
        Err(FencedError::Fault(fault)) => {
            (end_of(&shop, &claim, &owner, Err(TaskError::Store(fault))), (0, 0))
        }
        Err(lost) => {
            owner.stop(if matches!(lost, FencedError::Cancelled) {
                Control::Cancelled
            } else {
                Control::ClaimLost
            });
            (None, (0, 0))
        }
        Ok(checkpoints) => {
            let run = start(&shop, &claim, owner.clone(), sent, checkpoints);
            let driven = drive(&shop, &claim, &run).await;
            (ended(&shop, &claim, &run, driven), run.steps())
        }
    };
    // Code that outlived its body learns that the run is over.
    owner.stop(Control::Suspend);
    report(&shop, &claim, sent, steps, ending.as_ref(), &owner);
    let end = ending.map(|ending| Ended {
        end: RunEnd { token: claim.token, ending },
        owner: Arc::new(owner.successor()),
    });
    Finished { end }
}

fn start<State: Clone + Send + Sync + 'static>(
    shop: &Shop<State>,
    claim: &Claim,
    owner: Arc<Owner>,
    sent: Instant,
    checkpoints: Vec<Checkpoint>,
) -> Arc<Run> {
    let strict = shop.registry.get(&claim.name).is_some_and(|task| task.strict());
    let (writes, rules) = (shop.writes.clone(), shop.rules.clone());
    Run::new(owner, writes, rules, strict, (claim.claimed_at, sent), checkpoints)
}

/// Reads what is stored for the task, repeating what is not answered while the lease holds.
async fn load<State>(
    shop: &Shop<State>,
    owner: &Owner,
    claim: &Claim,
) -> Result<Vec<Checkpoint>, FencedError> {
    let mut loaded: Vec<Checkpoint> = Vec::new();
    let mut backoff = Backoff::default();
    if claim.checkpoints == 0 {
        return Ok(loaded);
    }
    loop {
        let left = owner.until().saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(FencedError::ClaimLost);
        }
        let after = loaded.last().map_or(0, |checkpoint| checkpoint.order);
        let limit = u32::try_from(MAX_RECORDS).unwrap_or(u32::MAX);
        let request = LoadRequest::new(shop.queue.clone(), claim.token, after, limit);
        match timeout((left / 4).min(PATIENCE), shop.store.load(request)).await {
            Ok(Ok(page)) => {
                loaded.extend(page.checkpoints);
                if !page.more {
                    return Ok(loaded);
                }
                continue;
            }
            Ok(Err(FencedError::Fault(fault))) if fault.kind == StoreErrorKind::Unavailable => {}
            Ok(Err(error)) => return Err(error),
            Err(_) => {}
        }
        tokio::time::sleep(backoff.next()).await;
    }
}

/// Drives the body; `None` when the worker takes the claim back from it.
async fn drive<State>(shop: &Arc<Shop<State>>, claim: &Claim, run: &Arc<Run>) -> Option<Driven>
where
    State: Clone + Send + Sync + 'static,
{
    let Some(task) = shop.registry.get(&claim.name) else {
        let message = format!("no task `{}` is registered here", claim.name);
        return Some(Driven::Done(Err(TaskError::Validation { message })));
    };
    let headers = match claim.headers.read() {
        Ok(headers) => headers,
        Err(error) => return Some(Driven::Done(Err(TaskError::Serialization(format!("headers: {error}"))))),
    };
    let id = (claim.token.task, RunId::of(claim.token.task, claim.attempt), claim.attempt);
    let ctx = TaskContext::new(id, headers, run.clone(), shop.registry.clone(), shop.state.clone());
    let body = task.run(claim.params.clone(), ctx, shop.state.clone(), shop.rules.payload_limit);
    let _renewal = shop.options.renew_leases.then(|| Renewal::start(run.clone(), shop.lease));
    let drive = Drive::new(run.clone(), body, shop.options.poll_interval);
    until(drive, interrupted(shop, run)).await
}

/// Waits until the lease is nearly over or claims are handed back.
async fn interrupted<State>(shop: &Shop<State>, run: &Arc<Run>) {
    let mut hand_back = shop.hand_back.clone();
    let handed_back = async { hand_back.wait_for(|hand_back| *hand_back).await.map(|_| ()) };
    let over = async {
        if shop.options.fatal_on_lease_timeout {
            std::future::pending::<()>().await;
        }
        run.owner.nearly_over(margin(shop.lease)).await;
    };
    tokio::select! {
        _ = handed_back => {}
        () = over => {}
    }
}

/// Renews a lease whenever half of it is over, in a task of its own: a body that is busy for long is renewed as well.
struct Renewal(tokio::task::JoinHandle<()>);

impl Renewal {
    fn start(run: Arc<Run>, lease: Lease) -> Self {
        Self(tokio::spawn(async move {
            loop {
                run.owner.nearly_over(lease.millis().to_duration() / 2).await;
                if run.extend(lease).await.is_err() {
                    return;
                }
            }
        }))
    }
}

impl Drop for Renewal {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// How long before its end a lease counts as over: enough to store that.
fn margin(lease: Lease) -> Duration {
    (lease.millis().to_duration() / 10).min(Duration::from_secs(1))
}

/// What to store of a run that was driven; `None` when there is nothing to store.
fn ended<State>(shop: &Shop<State>, claim: &Claim, run: &Run, driven: Option<Driven>) -> Option<Ending> {
    match driven {
        Some(Driven::Over) => None,
        Some(Driven::Done(Ok(result))) => {
            let left_over = run.check_left_over();
            let strictly = if run.strict && run.departed() {
                left_over.and(Err(TaskError::validation("the task's body is not deterministic")))
            } else {
                left_over
            };
            end_of(shop, claim, &run.owner, strictly.map(|()| result))
        }
        Some(Driven::Done(Err(error))) => end_of(shop, claim, &run.owner, Err(error)),
        None if *shop.hand_back.borrow() => Some(Ending::Release { after: Millis::ZERO }),
        None => Some(failure::lease_over(claim, shop.rules.payload_limit)),
    }
}

fn end_of<State>(
    shop: &Shop<State>,
    claim: &Claim,
    owner: &Owner,
    result: TaskResult<Payload>,
) -> Option<Ending> {
    let limit = shop.rules.payload_limit;
    match result {
        Ok(result) => Some(Ending::Complete { result }),
        Err(TaskError::Control(control)) if owner.stopped() == Some(control) => None,
        Err(TaskError::Control(control)) => {
            let message = format!("the body returned `{control:?}`, which its context did not give");
            Some(failure::ending(claim, &TaskError::Validation { message }, limit))
        }
        Err(error) => Some(failure::ending(claim, &error, limit)),
    }
}

fn report<State>(
    shop: &Shop<State>,
    claim: &Claim,
    sent: Instant,
    (steps_run, steps_replayed): (u32, u32),
    ending: Option<&Ending>,
    owner: &Owner,
) {
    let failure = match ending {
        Some(Ending::Fail { failure, .. }) => failure.read::<TaskFailure>().ok(),
        _ => None,
    };
    let ending = match ending {
        Some(Ending::Complete { .. }) => RunEnding::Completed,
        Some(Ending::Fail { retry: RetryAfter::After(_), .. }) => RunEnding::Retrying,
        Some(Ending::Fail { retry: RetryAfter::Never, .. }) => RunEnding::Failed,
        Some(Ending::Release { .. }) => RunEnding::Released,
        None => match owner.stopped() {
            Some(Control::Cancelled) => RunEnding::Cancelled,
            Some(Control::ClaimLost) => RunEnding::ClaimLost,
            Some(Control::Suspend) | None => RunEnding::Suspended,
        },
    };
    let (task, name, attempt) = (claim.token.task, claim.name.clone(), claim.attempt);
    log(task, &name, attempt, ending, failure.as_ref());
    let took = sent.elapsed();
    let report = RunReport { task, name, attempt, ending, steps_run, steps_replayed, took, failure };
    if let Some(observer) = &shop.options.on_run {
        observer.call(&report);
    }
}

/// Logs the end of a run: what failed and in which step, never what a message or a payload says.
fn log(task: TaskId, name: &TaskName, attempt: i32, ending: RunEnding, failure: Option<&TaskFailure>) {
    let Some(failure) = failure else {
        tracing::debug!(%task, %name, attempt, ?ending, "a run is over");
        return;
    };
    let (error, step) = (&failure.name, failure.step.as_deref().unwrap_or("-"));
    tracing::warn!(%task, %name, attempt, ?ending, %error, %step, "an attempt failed");
}

/// Ends the process when the lease is over and the run is not: a body that blocks cannot be stopped otherwise.
///
/// A thread of its own watches, since a body that blocks may hold the last thread of the runtime. It ends when this is
/// dropped.
struct AbortOnLeaseEnd {
    _running: mpsc::Sender<()>,
}

impl AbortOnLeaseEnd {
    fn watch(owner: Arc<Owner>) -> Self {
        let (running, over) = mpsc::channel();
        let watch = move || {
            loop {
                let left = owner.until().saturating_duration_since(Instant::now());
                match over.recv_timeout(left) {
                    Err(RecvTimeoutError::Timeout) if Instant::now() >= owner.until() => break,
                    Err(RecvTimeoutError::Disconnected) => return,
                    Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                }
            }
            tracing::error!(task = %owner.token.task, "the lease is over and the task still runs: the process ends");
            std::process::abort();
        };
        if let Err(error) = std::thread::Builder::new().name("durable-lease".into()).spawn(watch) {
            tracing::error!(%error, "no thread can watch the lease");
        }
        Self { _running: running }
    }
}
