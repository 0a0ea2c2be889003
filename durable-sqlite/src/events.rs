//! Events: what anybody emits.

use async_trait::async_trait;
use durable_core::store::{EmitAnswer, EmitRequest, Events, StoreError, Verb};

use crate::engine::{Step, Tx};
use crate::error::Fault;
use crate::queues::require_queue;
use crate::records::{Parents, SPREAD, Work};
use crate::store::SqliteStore;

#[async_trait]
impl Events for SqliteStore {
    async fn emit(&self, request: EmitRequest) -> Result<EmitAnswer, StoreError> {
        self.write(Emit(request)).await
    }
}

struct Emit(EmitRequest);

impl Step for Emit {
    const VERB: Verb = Verb::Emit;
    type Answer = EmitAnswer;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<EmitAnswer, Fault> {
        let queue = &self.0.queue;
        let names = [self.0.event.name.clone()];
        require_queue(tx, queue, Verb::Emit).await?;
        let mut work = Work::read(tx, Verb::Emit, queue, [], Parents::Not).await?;
        work.read_events(tx, names.clone()).await?;
        work.read_standing(tx, &names, SPREAD).await?;
        let answer = work.records.emit(&self.0.event, self.0.only_if_absent);
        work.flush(tx).await?;
        Ok(answer)
    }
}
