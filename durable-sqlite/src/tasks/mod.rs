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

pub(crate) use spawn::{NewRow, insertion, tell_inserted};

use crate::store::SqliteStore;

#[async_trait]
impl Tasks for SqliteStore {
    async fn spawn(&self, request: SpawnRequest) -> Result<SpawnAnswer, StoreError> {
        request.check()?;
        self.write(spawn::Spawn(request)).await
    }

    async fn cancel(&self, request: CancelRequest) -> Result<CancelAnswer, StoreError> {
        self.write(cancel::Cancel(request)).await
    }

    async fn retry(&self, request: RetryRequest) -> Result<RetryAnswer, StoreError> {
        request.check()?;
        self.write(retry::Retry(request)).await
    }

    async fn outcome(&self, request: OutcomeRequest) -> Result<Outcome, StoreError> {
        self.read(outcome::ReadOutcome(request)).await
    }
}
