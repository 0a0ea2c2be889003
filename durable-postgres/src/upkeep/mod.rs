//! Upkeep: what keeps a queue going when nobody else does.

pub(crate) mod due;
mod purge;
mod tick;

use async_trait::async_trait;
use durable_core::store::{
    MAX_RECORDS, PurgeAnswer, PurgeRequest, StoreError, TickAnswer, TickRequest, Upkeep,
};

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

/// A limit as it is obeyed: from 1 to the most that one verb touches.
pub(crate) fn bounded(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(MAX_RECORDS).clamp(1, MAX_RECORDS)
}
