//! Cancelling a task with all that is below it.

use std::time::Duration;

use super::Durable;
use crate::error::{DurableError, DurableResult};
use crate::model::{CancelCause, EndState, TaskId};
use crate::run::backoff::repeat;
use crate::store::{CancelAnswer, CancelRequest, MAX_SPREAD, TickRequest};

/// How long to wait for what another process holds.
const PAUSE: Duration = Duration::from_millis(20);

impl<State: Clone + Send + Sync + 'static> Durable<State> {
    /// Cancels a task, and goes on until nothing below it is live. If this process dies meanwhile, any worker of the
    /// queue finishes it. A running body is stopped at its next stored operation or heartbeat, and not before. A
    /// task that has ended stays as it is, and how it ended is the answer.
    ///
    /// # Errors
    ///
    /// `TaskNotFound`; `Store`.
    pub async fn cancel_task(&self, task: TaskId, reason: Option<&str>) -> DurableResult<EndState> {
        let cause = CancelCause::Requested { reason: reason.map(str::to_owned) };
        let request = CancelRequest::new(self.0.queue.clone(), task, cause);
        let (state, closing) = match repeat(|| self.0.store.cancel(request.clone())).await? {
            CancelAnswer::Cancelled { closing } => (EndState::Cancelled, closing),
            CancelAnswer::Ended { state, closing } => (state, closing),
            CancelAnswer::NotFound => return Err(DurableError::TaskNotFound { task }),
        };
        if closing {
            self.close_all().await?;
        }
        Ok(state)
    }

    /// Ticks until no task of the queue is closing.
    async fn close_all(&self) -> DurableResult<()> {
        let limit = u32::try_from(MAX_SPREAD).unwrap_or(u32::MAX);
        let request = TickRequest::new(self.0.queue.clone(), limit);
        loop {
            let tick = repeat(|| self.0.store.tick(request.clone())).await?;
            if tick.closing_left == 0 {
                return Ok(());
            }
            if tick.closed == 0 {
                // Somebody else holds what is left, and cancels it.
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
