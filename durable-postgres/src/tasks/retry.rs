//! Reopens a failed task with its checkpoints.

use durable_core::model::EndState;
use durable_core::store::{Hint, RetryAnswer, RetryRequest, Verb};
use durable_core::transition::{State, TaskRecord};
use sqlx::Row;

use crate::error::{Fault, invalid};
use crate::transaction::{Step, Tx};
use crate::work::{Parents, Time, Work, lock_tasks};

/// The verb, with the time if it is injected.
pub(super) struct Retry {
    pub(super) request: RetryRequest,
    pub(super) injected: Option<i64>,
}

impl Step for Retry {
    const VERB: Verb = Verb::Retry;
    type Answer = RetryAnswer;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<RetryAnswer, Fault> {
        let queue = self.request.queue.as_str();
        let id = self.request.task;
        let time = Time { injected: self.injected, read: None };
        crate::queues::require(tx, queue, Verb::Retry).await?;
        let locked = lock_tasks(tx, queue, &[id], Parents::Too).await?;
        let work = Work::read(tx, Verb::Retry, queue, time, &locked).await?;
        let Some(task) = work.records.task(id) else { return Ok(RetryAnswer::NotFound) };
        match task.state {
            State::Ended(EndState::Failed) if task.has_children => return Ok(RetryAnswer::Closing),
            State::Ended(EndState::Failed) => {}
            State::Ended(state) => return Ok(RetryAnswer::Ended(state)),
            State::Sleeping(_) | State::Pending | State::Running => return Ok(RetryAnswer::Live),
        }
        let from = self.find_from(tx).await?;
        let parent = task.parent.as_ref().and_then(|parent| work.records.task(parent.id));
        tx.query(include_str!("../sql/tasks/retry.sql"))
            .bind(queue)
            .bind(id.as_uuid())
            .bind(work.records.now().at.as_millis())
            .bind(self.request.attempts)
            .bind(from)
            .bind(parent.is_some_and(TaskRecord::is_live))
            .execute(&mut **tx)
            .await?;
        tx.tell(queue, Hint::Work { next_due: None });
        Ok(RetryAnswer::Reopened)
    }
}

impl Retry {
    /// The order of the first checkpoint to set aside.
    async fn find_from(&self, tx: &mut Tx<'_>) -> Result<Option<i64>, Fault> {
        let Some(key) = &self.request.from else { return Ok(None) };
        let row = tx
            .query(include_str!("../sql/tasks/retry_from.sql"))
            .bind(self.request.queue.as_str())
            .bind(self.request.task.as_uuid())
            .bind(key.as_str())
            .fetch_optional(&mut **tx)
            .await?;
        let row = row.ok_or_else(|| invalid(Verb::Retry, "from", "the task has no such checkpoint"))?;
        Ok(Some(row.try_get("ord")?))
    }
}
