//! Checkpoints: what a task context does.

mod load;
mod save;

use async_trait::async_trait;
use durable_core::store::{
    CheckpointPage, Checkpoints, FencedError, LoadRequest, SaveAnswer, SaveRequest, StoreError,
};

use crate::store::PostgresStore;

#[async_trait]
impl Checkpoints for PostgresStore {
    async fn load(&self, request: LoadRequest) -> Result<CheckpointPage, FencedError> {
        self.transact(load::Load { request, injected: self.injected() }).await?
    }

    async fn save(&self, request: SaveRequest) -> Result<Vec<Result<SaveAnswer, FencedError>>, StoreError> {
        request.check()?;
        self.transact(save::Save { request, injected: self.injected() }).await
    }
}
