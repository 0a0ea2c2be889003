//! Events: what anybody emits.

use async_trait::async_trait;
use durable_core::store::{EmitAnswer, EmitRequest, Events, MAX_SPREAD, StoreError, Verb};

use crate::engine::{Step, Tx};
use crate::error::Fault;
use crate::queues::require_queue;
use crate::records::Work;
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

    async fn run(&self, tx: &mut Tx<'_, '_>) -> Result<EmitAnswer, Fault> {
        let queue = &self.0.queue;
        require_queue(tx, queue, Verb::Emit).await?;
        let mut work = Work::new(Verb::Emit, queue, tx.now());
        work.read_waited(tx, std::slice::from_ref(&self.0.event.name), MAX_SPREAD).await?;
        let answer = work.records.emit(&self.0.event, self.0.only_if_absent);
        work.finish(tx).await?;
        Ok(answer)
    }
}
