//! What became of a task.

use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};

use super::Durable;
use crate::error::{DurableError, DurableResult};
use crate::model::{CancelCause, Failure, Payload, PayloadError, TaskId};
use crate::run::backoff::repeat;
use crate::store::{Outcome, OutcomeRequest, TaskDetail, TaskRequest};
use crate::worker::TaskFailure;

/// How often to look when no hint comes.
const POLL: Duration = Duration::from_secs(1);

/// What became of a task.
#[derive(Debug, Clone, PartialEq)]
pub enum TaskResultView {
    /// It has not ended.
    Live,
    /// It completed.
    Completed(Payload),
    /// It failed for good.
    Failed(TaskFailure),
    /// It was cancelled.
    Cancelled(CancelCause),
}

impl TaskResultView {
    /// The result of a task that completed.
    ///
    /// # Errors
    ///
    /// `TaskFailed`, `TaskCancelled` or `TaskLive` for a task that did not; `Payload` when the result is not a `T`.
    pub fn output<T: DeserializeOwned>(&self) -> DurableResult<T> {
        let payload = match self {
            Self::Completed(payload) => payload,
            Self::Failed(failure) => return Err(DurableError::TaskFailed(Box::new(failure.clone()))),
            Self::Cancelled(cause) => return Err(DurableError::TaskCancelled(cause.clone())),
            Self::Live => return Err(DurableError::TaskLive),
        };
        let unreadable = |error: serde_json::Error| DurableError::Payload {
            what: "result",
            error: PayloadError::Unreadable(error.to_string()),
        };
        payload.read().map_err(unreadable)
    }
}

impl<State: Clone + Send + Sync + 'static> Durable<State> {
    /// What became of a task.
    ///
    /// # Errors
    ///
    /// `TaskNotFound`; `Store`.
    pub async fn get_task_result(&self, task: TaskId) -> DurableResult<TaskResultView> {
        let request = OutcomeRequest::new(self.0.queue.clone(), task);
        match repeat(|| self.0.store.outcome(request.clone())).await? {
            Outcome::Live => Ok(TaskResultView::Live),
            Outcome::Completed(result) => Ok(TaskResultView::Completed(result)),
            Outcome::Failed(failure) => Ok(TaskResultView::Failed(failure_of(&failure))),
            Outcome::Cancelled(cause) => Ok(TaskResultView::Cancelled(cause)),
            Outcome::NotFound => Err(DurableError::TaskNotFound { task }),
        }
    }

    /// A task as it is stored, with its waits and the first thousand entries of its history.
    ///
    /// # Errors
    ///
    /// `TaskNotFound`; `Store`.
    pub async fn task(&self, task: TaskId) -> DurableResult<TaskDetail> {
        let request = TaskRequest::new(self.0.queue.clone(), task);
        let found = repeat(|| self.0.store.task(request.clone())).await?;
        found.ok_or(DurableError::TaskNotFound { task })
    }

    /// Waits until a task has ended; the store's hints make it prompt, polling makes it sure. It looks once at least,
    /// which may take a second.
    ///
    /// # Errors
    ///
    /// `WaitTimeout`; `TaskNotFound`; `Store`.
    pub async fn wait_for_result(&self, task: TaskId, timeout: Duration) -> DurableResult<TaskResultView> {
        let deadline = Instant::now().checked_add(timeout);
        let bell = self.0.ends.bell(task, || self.0.store.hints(&self.0.queue));
        loop {
            // Created before the store is asked, so that an end in between rings.
            let rung = bell.rung.notified();
            let patience = deadline.map(|deadline| deadline.max(Instant::now() + POLL));
            let look = self.get_task_result(task);
            let result = match patience {
                None => look.await?,
                Some(patience) => match timeout_at(patience, look).await {
                    Ok(result) => result?,
                    Err(_) => return Err(DurableError::WaitTimeout { task }),
                },
            };
            if result != TaskResultView::Live {
                return Ok(result);
            }
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(DurableError::WaitTimeout { task });
            }
            let look = Instant::now() + POLL;
            let look = deadline.map_or(look, |deadline| deadline.min(look));
            // Whether the hint or the time came, the store is asked again.
            let _ = timeout_at(look, rung).await;
        }
    }
}

fn failure_of(failure: &Failure) -> TaskFailure {
    match failure {
        Failure::Reported(payload) => payload
            .read()
            .unwrap_or_else(|error| TaskFailure::new("Unreadable", format!("the stored failure: {error}"))),
        Failure::ClaimTimeout { worker, at } => {
            TaskFailure::new("ClaimTimeout", format!("the lease of worker {worker} ran out at {at}"))
        }
        Failure::Corrupt { what } => {
            TaskFailure::new("Corrupt", format!("the stored {what} cannot be decoded"))
        }
    }
}
