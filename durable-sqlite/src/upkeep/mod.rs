//! Upkeep: tick and purge.

mod due;
mod purge;
mod tick;

use async_trait::async_trait;
use durable_core::store::{PurgeAnswer, PurgeRequest, StoreError, TickAnswer, TickRequest, Upkeep};

pub(crate) use due::do_due;

use crate::store::SqliteStore;

#[async_trait]
impl Upkeep for SqliteStore {
    async fn tick(&self, request: TickRequest) -> Result<TickAnswer, StoreError> {
        self.write(tick::Tick(request)).await
    }

    async fn purge(&self, request: PurgeRequest) -> Result<PurgeAnswer, StoreError> {
        self.write(purge::Purge(request)).await
    }
}
