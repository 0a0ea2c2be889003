//! Tasks: what a client does.

mod cancel;
mod outcome;
mod retry;
mod spawn;

use async_trait::async_trait;
use durable_core::store::{
    CancelAnswer, CancelRequest, Outcome, OutcomeRequest, RetryAnswer, RetryRequest, SpawnAnswer,
    SpawnRequest, StoreError, Tasks, Verb,
};

pub(crate) use spawn::{NewRow, insert_tasks};

use crate::error::invalid;
use crate::runs::check_batch;
use crate::store::PostgresStore;

#[async_trait]
impl Tasks for PostgresStore {
    async fn spawn(&self, request: SpawnRequest) -> Result<SpawnAnswer, StoreError> {
        check_batch(Verb::Spawn, request.tasks.len())?;
        if request.tasks.iter().any(|task| task.parent.is_some()) {
            return Err(invalid(Verb::Spawn, "task", "only a run spawns children"));
        }
        self.transact(spawn::Spawn { request, injected: self.injected() }).await
    }

    async fn cancel(&self, request: CancelRequest) -> Result<CancelAnswer, StoreError> {
        self.transact(cancel::Cancel { request, injected: self.injected() }).await
    }

    async fn retry(&self, request: RetryRequest) -> Result<RetryAnswer, StoreError> {
        if request.attempts < 1 {
            return Err(invalid(Verb::Retry, "attempts", "at least one has to be added"));
        }
        self.transact(retry::Retry { request, injected: self.injected() }).await
    }

    async fn outcome(&self, request: OutcomeRequest) -> Result<Outcome, StoreError> {
        outcome::outcome(self, &request).await
    }
}
