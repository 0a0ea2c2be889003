//! The client: spawns tasks, emits events, looks at results, and starts workers.

mod builder;
mod cancel;
mod ends;
mod purge;
mod queues;
mod result;
mod spawn;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Serialize;
use tokio::time::timeout;

pub use self::builder::DurableBuilder;
use self::ends::Ends;
pub use self::purge::TaskFilter;
pub use self::result::TaskResultView;
use crate::context::user_event;
use crate::error::{DurableError, DurableResult};
use crate::model::{EmitId, EndState, Invalid, Payload, QueueName, StepKey, TaskId};
use crate::options::SpawnRules;
use crate::registry::Registry;
use crate::run::backoff::repeat;
use crate::store::{
    EmitRequest, EventWrite, RetryAnswer, RetryRequest, Store, StoreError, StoreErrorKind, TickRequest, Verb,
};
use crate::worker::{Worker, WorkerOptions};

/// How long a worker's start waits for the store.
const FIRST_LOOK: Duration = Duration::from_secs(5);

/// A client of one queue of one store; cheap to clone.
///
/// A call that the store does not answer is repeated a few times, unchanged, before it fails.
pub struct Durable<State = ()>(pub(crate) Arc<Inner<State>>);

pub(crate) struct Inner<State> {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) queue: QueueName,
    pub(crate) rules: SpawnRules,
    pub(crate) registry: Arc<Registry<State>>,
    pub(crate) state: State,
    pub(crate) ends: Arc<Ends>,
}

impl<State> Clone for Durable<State> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<State> fmt::Debug for Durable<State> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Durable")
            .field("queue", &self.0.queue)
            .field("tasks", &self.0.registry)
            .finish_non_exhaustive()
    }
}

impl Durable<()> {
    /// Starts to set a client up.
    pub fn builder<State: Clone + Send + Sync + 'static>() -> DurableBuilder<State> {
        DurableBuilder::default()
    }
}

impl<State: Clone + Send + Sync + 'static> Durable<State> {
    /// The queue of this client.
    pub fn queue_name(&self) -> &str {
        self.0.queue.as_str()
    }

    /// The application's state.
    pub fn state(&self) -> &State {
        &self.0.state
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    /// Emits an event to the queue: the last write wins for waits that come later.
    ///
    /// # Errors
    ///
    /// `Invalid` for a name that is reserved or breaks a rule; `Payload`; `Store`.
    pub async fn emit_event<T: Serialize + ?Sized>(&self, name: &str, payload: &T) -> DurableResult<()> {
        let request = self.prepare_event(name, payload)?;
        repeat(|| self.0.store.emit(request.clone())).await?;
        Ok(())
    }

    /// Emits an event unless it exists; true when it was written.
    ///
    /// # Errors
    ///
    /// As [`emit_event`](Self::emit_event).
    pub async fn emit_event_if_absent<T: Serialize + ?Sized>(
        &self,
        name: &str,
        payload: &T,
    ) -> DurableResult<bool> {
        let request = self.prepare_event(name, payload)?.only_if_absent();
        let answer = repeat(|| self.0.store.emit(request.clone())).await?;
        Ok(answer != crate::store::EmitAnswer::Kept)
    }

    /// Makes the request of an emit without sending it: for stores that emit in the caller's own transaction.
    ///
    /// # Errors
    ///
    /// `Invalid` for a name that is reserved or breaks a rule; `Payload`.
    pub fn prepare_event<T: Serialize + ?Sized>(
        &self,
        name: &str,
        payload: &T,
    ) -> DurableResult<EmitRequest> {
        let name = user_event(name).map_err(|error| Invalid::new("event name", error.to_string()))?;
        let payload = self.0.rules.payload("event payload", payload)?;
        let event = EventWrite { name, payload, metadata: Payload::from_text("{}"), id: EmitId::new() };
        Ok(EmitRequest::new(self.0.queue.clone(), event))
    }

    /// Reopens a failed task with all that it has stored, and with `attempts` more attempts. With `from`, the
    /// whole key of a checkpoint as [`task`](Self::task) shows it, what its own runs stored from there on is set aside and done again.
    ///
    /// # Errors
    ///
    /// `WrongState` unless the task has failed and its end has been spread to its children; `TaskNotFound`; `Invalid`
    /// for a key that is not among its checkpoints; `Store`, among it that a reply was lost and it cannot be told whether
    /// this call reopened the task.
    pub async fn retry_task(&self, task: TaskId, attempts: u32, from: Option<&str>) -> DurableResult<()> {
        let attempts = match i32::try_from(attempts) {
            Ok(attempts) if attempts > 0 => attempts,
            _ => return Err(Invalid::new("attempts", "they are 0 or more than fit").into()),
        };
        let from = from.map(StepKey::new).transpose()?;
        let request = RetryRequest::new(self.0.queue.clone(), task, attempts, from);
        let unsure = AtomicBool::new(false);
        let retry = || async {
            let answer = self.0.store.retry(request.clone()).await;
            unsure.fetch_or(answer.as_ref().is_err_and(|error| error.may_have_happened), Ordering::Relaxed);
            answer
        };
        match repeat(retry).await? {
            RetryAnswer::Reopened => Ok(()),
            // Either the call whose reply was lost reopened it, or it had not failed in the first place.
            RetryAnswer::Live | RetryAnswer::Ended(_) if unsure.load(Ordering::Relaxed) => {
                let context = "the reply was lost, and now the task is not failed";
                Err(StoreError::unavailable(Verb::Retry, context, true).into())
            }
            RetryAnswer::Closing => {
                Err(wrong_state(task, "is closing: its children are still being cancelled"))
            }
            RetryAnswer::Live => Err(wrong_state(task, "has not ended")),
            RetryAnswer::Ended(EndState::Cancelled) => {
                Err(wrong_state(task, "was cancelled, and has not failed"))
            }
            RetryAnswer::Ended(_) => Err(wrong_state(task, "completed, and has not failed")),
            RetryAnswer::NotFound => Err(DurableError::TaskNotFound { task }),
        }
    }

    /// Starts a worker on the queue, for the tasks that are registered here.
    ///
    /// # Errors
    ///
    /// `Invalid` for options that break a rule; `Setup` when no task is registered or the queue does not exist. A store
    /// that is not there yet is no error: the worker comes back to it.
    pub async fn start_worker(&self, options: WorkerOptions) -> DurableResult<Worker> {
        let inner = &self.0;
        if inner.registry.names().is_empty() {
            return Err(DurableError::Setup("no task is registered, so a worker has nothing to do".into()));
        }
        let look = inner.store.tick(TickRequest::new(inner.queue.clone(), 1));
        match timeout(FIRST_LOOK, look).await {
            Ok(Err(error)) if error.kind == StoreErrorKind::NotFound => {
                let message = format!("there is no queue `{}`: create it first", inner.queue);
                return Err(DurableError::Setup(message));
            }
            Ok(Err(error)) => tracing::warn!(%error, "the store is not there yet"),
            Err(_) => tracing::warn!("the store does not answer yet"),
            Ok(Ok(_)) => {}
        }
        Worker::start(
            inner.store.clone(),
            inner.queue.clone(),
            inner.registry.clone(),
            inner.state.clone(),
            inner.rules.clone(),
            options,
        )
    }

    /// Gives this handle up. Workers go on until they are shut down; the store is closed with its last handle, and a store in
    /// a file then waits until everything is in the file.
    #[allow(clippy::unused_async, reason = "stores that talk to a server will wait for it here")]
    pub async fn close(self) {
        drop(self);
    }
}

fn wrong_state(task: TaskId, state: &'static str) -> DurableError {
    DurableError::WrongState { task, state }
}
