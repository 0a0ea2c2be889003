//! Events: what anybody emits.

use async_trait::async_trait;
use durable_core::model::TaskId;
use durable_core::store::{EmitAnswer, EmitRequest, Events, MAX_SPREAD, StoreError, Verb};

use crate::error::Fault;
use crate::store::PostgresStore;
use crate::transaction::{Step, Tx};
use crate::work::{EventWaits, Parents, Time, Work, lock_events, lock_tasks};

#[async_trait]
impl Events for PostgresStore {
    async fn emit(&self, request: EmitRequest) -> Result<EmitAnswer, StoreError> {
        self.transact(Emit { request, injected: self.injected() }).await
    }
}

/// The verb, with the time if it is injected.
pub(crate) struct Emit {
    pub(crate) request: EmitRequest,
    pub(crate) injected: Option<i64>,
}

impl Step for Emit {
    const VERB: Verb = Verb::Emit;
    type Answer = EmitAnswer;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<EmitAnswer, Fault> {
        let queue = self.request.queue.as_str();
        let names = [self.request.event.name.clone()];
        crate::queues::require(tx, queue, Verb::Emit).await?;
        let events = lock_events(tx, queue, &names).await?;
        let known = EventWaits::read(tx, queue, &names, MAX_SPREAD, MAX_SPREAD).await?;
        let ids: Vec<TaskId> = known.tasks().into_iter().collect();
        let locked = lock_tasks(tx, queue, &ids, Parents::Not).await?;
        let time = Time { injected: self.injected, read: None };
        let mut work = Work::read(tx, Verb::Emit, queue, time, &locked).await?;
        work.add_events(events);
        if !ids.is_empty() {
            let waits = EventWaits::read(tx, queue, &names, MAX_SPREAD, MAX_SPREAD).await?;
            work.add_standing(&names, waits);
        }
        let answer = work.records.emit(&self.request.event, self.request.only_if_absent);
        work.flush(tx).await?;
        Ok(answer)
    }
}
