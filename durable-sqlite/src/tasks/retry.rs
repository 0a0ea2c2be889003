//! Reopens a failed task with its checkpoints.

use durable_core::model::{EndState, Invalid};
use durable_core::store::{Hint, RetryAnswer, RetryRequest, StoreError, Verb};
use durable_core::transition::{State, TaskRecord};

use crate::engine::{Statement, Step, Tx, statement};
use crate::error::Fault;
use crate::queues::require_queue;
use crate::records::{Work, decoded};
use crate::rows::get;

const FROM: Statement = statement!("tasks/retry_from.sql");
const REOPEN: Statement = statement!("tasks/retry.sql");

/// The verb.
pub(super) struct Retry(pub(super) RetryRequest);

impl Step for Retry {
    const VERB: Verb = Verb::Retry;
    type Answer = RetryAnswer;

    async fn run(&self, tx: &mut Tx<'_, '_>) -> Result<RetryAnswer, Fault> {
        let (queue, id) = (&self.0.queue, self.0.task);
        require_queue(tx, queue, Verb::Retry).await?;
        let work = Work::read_with_joins(tx, Verb::Retry, queue, [id]).await?;
        let Some(task) = work.records.task(id) else { return Ok(RetryAnswer::NotFound) };
        match task.state {
            State::Ended(EndState::Failed) if task.closing_since.is_some() => {
                return Ok(RetryAnswer::Closing);
            }
            State::Ended(EndState::Failed) => {}
            State::Ended(state) => return Ok(RetryAnswer::Ended(state)),
            State::Sleeping(_) | State::Pending | State::Running => return Ok(RetryAnswer::Live),
        }
        let parent = task.parent.as_ref().and_then(|parent| work.records.task(parent.id));
        let parent_lives = parent.is_some_and(TaskRecord::is_live);
        let from = self.find_from(tx).await?;
        let call = REOPEN.bind(queue.as_str()).bind(id.to_string()).bind(tx.now().at.as_millis());
        tx.last(call.bind(self.0.attempts).bind(from).bind(parent_lives)).await?;
        tx.tell(queue, Hint::Work { next_due: None });
        Ok(RetryAnswer::Reopened)
    }
}

impl Retry {
    /// The order of the first checkpoint to set aside.
    async fn find_from(&self, tx: &mut Tx<'_, '_>) -> Result<Option<i64>, Fault> {
        let Some(key) = &self.0.from else { return Ok(None) };
        let call = FROM.bind(self.0.queue.as_str()).bind(self.0.task.to_string()).bind(key.as_str());
        let row = tx.row(call).await?;
        let order = decoded(row.map(|row| get(&row, "ord")).transpose())?;
        let unknown = Invalid::new("from", "the task has no such checkpoint");
        order.map(Some).ok_or_else(|| StoreError::invalid(Verb::Retry, &unknown).into())
    }
}
