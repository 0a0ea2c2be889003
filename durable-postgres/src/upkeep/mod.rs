//! Upkeep: what keeps a queue going when nobody else does.

pub(crate) mod due;
mod purge;
mod tick;

use async_trait::async_trait;
use durable_core::store::{PurgeAnswer, PurgeRequest, StoreError, TickAnswer, TickRequest, Upkeep};

use crate::store::PostgresStore;

#[async_trait]
impl Upkeep for PostgresStore {
    async fn tick(&self, request: TickRequest) -> Result<TickAnswer, StoreError> {
        self.transact(tick::Tick { request, injected: self.injected() }).await
    }

    async fn purge(&self, request: PurgeRequest) -> Result<PurgeAnswer, StoreError> {
        self.transact(purge::Purge { request, injected: self.injected() }).await
    }
}
