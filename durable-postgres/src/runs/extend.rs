//! Extends leases.

use durable_core::model::{TaskId, Timestamp};
use durable_core::store::{ExtendRequest, FencedError, Verb};

use crate::error::Fault;
use crate::transaction::{Step, Tx};
use crate::work::{Parents, Time, Work, lock_tasks};

/// The verb, with the time if it is injected.
pub(super) struct Extend {
    pub(super) request: ExtendRequest,
    pub(super) injected: Option<i64>,
}

impl Step for Extend {
    const VERB: Verb = Verb::Extend;
    type Answer = Vec<Result<Timestamp, FencedError>>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Self::Answer, Fault> {
        let queue = self.request.queue.as_str();
        let time = Time { injected: self.injected, read: None };
        let ids: Vec<TaskId> = self.request.items.iter().map(|item| item.token.task).collect();
        let locked = lock_tasks(tx, queue, &ids, Parents::Not).await?;
        let mut work = Work::read(tx, Verb::Extend, queue, time, &locked).await?;
        let answers = self.request.items.iter().map(|item| work.records.extend(item)).collect();
        work.flush(tx).await?;
        Ok(answers)
    }
}
