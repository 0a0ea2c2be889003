//! Runs: what a worker does with claims.

mod at_once;
mod claim;
mod extend;
mod take;
mod wait;

use async_trait::async_trait;
use durable_core::model::Timestamp;
use durable_core::store::{
    ClaimAnswer, ClaimRequest, ExtendRequest, FencedError, Runs, StoreError, WaitAnswer, WaitRequest,
};

use crate::store::PostgresStore;

#[async_trait]
impl Runs for PostgresStore {
    async fn claim(&self, request: ClaimRequest) -> Result<ClaimAnswer, StoreError> {
        request.check()?;
        self.transact(claim::Claims { request, injected: self.injected() }).await
    }

    async fn extend(
        &self,
        request: ExtendRequest,
    ) -> Result<Vec<Result<Timestamp, FencedError>>, StoreError> {
        request.check()?;
        self.transact(extend::Extend { request, injected: self.injected() }).await
    }

    async fn wait(&self, request: WaitRequest) -> Result<Vec<Result<WaitAnswer, FencedError>>, StoreError> {
        request.check()?;
        self.transact(wait::Waits { request, injected: self.injected() }).await
    }
}
