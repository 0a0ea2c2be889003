//! Cancels a task that has not ended.

use durable_core::store::{CancelAnswer, CancelRequest, MAX_SPREAD, Verb};
use durable_core::transition::State;

use crate::cascade::cascade;
use crate::engine::{Statement, Step, Tx, statement};
use crate::error::Fault;
use crate::queues::require_queue;
use crate::records::{Work, decoded};
use crate::rows::get;

const BELOW: Statement = statement!("tasks/cancel_below.sql");

/// The verb.
pub(super) struct Cancel(pub(super) CancelRequest);

impl Step for Cancel {
    const VERB: Verb = Verb::Cancel;
    type Answer = CancelAnswer;

    async fn run(&self, tx: &mut Tx<'_, '_>) -> Result<CancelAnswer, Fault> {
        let (queue, id) = (&self.0.queue, self.0.task);
        require_queue(tx, queue, Verb::Cancel).await?;
        let mut work = Work::read_with_joins(tx, Verb::Cancel, queue, [id]).await?;
        let Some(task) = work.records.task(id) else { return Ok(CancelAnswer::NotFound) };
        if let State::Ended(state) = task.state {
            return Ok(CancelAnswer::Ended { state, closing: self.is_closing_below(tx).await? });
        }
        work.records.cancel(id, self.0.cause.clone());
        work.write(tx).await?;
        let closing = work.records.take_closing();
        cascade(tx, Verb::Cancel, queue, closing, &mut { MAX_SPREAD }).await?;
        Ok(CancelAnswer::Cancelled { closing: self.is_closing_below(tx).await? })
    }
}

impl Cancel {
    async fn is_closing_below(&self, tx: &mut Tx<'_, '_>) -> Result<bool, Fault> {
        let call = BELOW.bind(self.0.queue.as_str()).bind(self.0.task.to_string());
        let sets = tx.last(call).await?;
        let row = sets.into_iter().flatten().next().ok_or(Fault::Flaw("closing"))?;
        decoded(get(&row, "closing"))
    }
}
