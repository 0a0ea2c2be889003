//! Tasks: what a client does.

mod cancel;
mod outcome;
mod retry;
mod spawn;

use async_trait::async_trait;
use durable_core::store::{
    CancelAnswer, CancelRequest, Outcome, OutcomeRequest, RetryAnswer, RetryRequest, SpawnAnswer,
    SpawnRequest, StoreError, Tasks,
};

pub(crate) use spawn::{NewRow, Spawn, insert_tasks};

use crate::store::PostgresStore;

#[async_trait]
impl Tasks for PostgresStore {
    async fn spawn(&self, request: SpawnRequest) -> Result<SpawnAnswer, StoreError> {
        request.check()?;
        self.transact(Spawn { request, injected: self.injected() }).await
    }

    async fn cancel(&self, request: CancelRequest) -> Result<CancelAnswer, StoreError> {
        self.transact(cancel::Cancel { request, injected: self.injected() }).await
    }

    async fn retry(&self, request: RetryRequest) -> Result<RetryAnswer, StoreError> {
        request.check()?;
        self.transact(retry::Retry { request, injected: self.injected() }).await
    }

    async fn outcome(&self, request: OutcomeRequest) -> Result<Outcome, StoreError> {
        self.transact(outcome::Ask { request }).await
    }
}
