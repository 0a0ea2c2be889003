//! Cancels a task that has not ended.

use durable_core::store::{CancelAnswer, CancelRequest, MAX_SPREAD, Verb};
use durable_core::transition::State;
use sqlx::Row;

use crate::error::Fault;
use crate::transaction::{Step, Tx};
use crate::work::{Parents, Time, Work, cascade, lock_tasks};

/// The verb, with the time if it is injected.
pub(super) struct Cancel {
    pub(super) request: CancelRequest,
    pub(super) injected: Option<i64>,
}

impl Step for Cancel {
    const VERB: Verb = Verb::Cancel;
    type Answer = CancelAnswer;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<CancelAnswer, Fault> {
        let queue = self.request.queue.as_str();
        let id = self.request.task;
        let time = Time { injected: self.injected, read: None };
        crate::queues::require(tx, queue, Verb::Cancel).await?;
        let locked = lock_tasks(tx, queue, &[id], Parents::Too).await?;
        let mut work = Work::read(tx, Verb::Cancel, queue, time, &locked).await?;
        let Some(task) = work.records.task(id) else { return Ok(CancelAnswer::NotFound) };
        if let State::Ended(state) = task.state {
            let closing = closing_below(tx, &self.request).await?;
            return Ok(CancelAnswer::Ended { state, closing });
        }
        let keys = work.records.join_keys([id]);
        work.read_slots(tx, keys).await?;
        work.records.cancel(id, self.request.cause.clone());
        let closing = work.flush(tx).await?;
        let mut budget = MAX_SPREAD;
        let spread = cascade(tx, Verb::Cancel, queue, work.time, closing, &mut budget).await?;
        let closing = spread.left > 0 || closing_below(tx, &self.request).await?;
        Ok(CancelAnswer::Cancelled { closing })
    }
}

async fn closing_below(tx: &mut Tx<'_>, request: &CancelRequest) -> Result<bool, Fault> {
    let row = tx
        .query(include_str!("../sql/tasks/cancel_below.sql"))
        .bind(request.queue.as_str())
        .bind(request.task.as_uuid())
        .fetch_one(&mut **tx)
        .await?;
    Ok(row.try_get("closing")?)
}
