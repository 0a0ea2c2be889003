//! Runs: what a worker does with claims.

mod claim;
mod extend;
mod take;
mod wait;

use async_trait::async_trait;
use durable_core::model::Timestamp;
use durable_core::store::{
    ClaimAnswer, ClaimRequest, ExtendRequest, FencedError, Runs, StoreError, WaitAnswer, WaitRequest,
};

use crate::store::SqliteStore;

#[async_trait]
impl Runs for SqliteStore {
    async fn claim(&self, request: ClaimRequest) -> Result<ClaimAnswer, StoreError> {
        request.check()?;
        self.write(claim::ClaimTasks(request)).await
    }

    async fn extend(
        &self,
        request: ExtendRequest,
    ) -> Result<Vec<Result<Timestamp, FencedError>>, StoreError> {
        request.check()?;
        self.write(extend::Extend(request)).await
    }

    async fn wait(&self, request: WaitRequest) -> Result<Vec<Result<WaitAnswer, FencedError>>, StoreError> {
        request.check()?;
        self.write(wait::WaitFor(request)).await
    }
}
