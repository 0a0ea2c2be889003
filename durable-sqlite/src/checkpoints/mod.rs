//! Checkpoints: what a task context does.

mod load;
mod save;

use async_trait::async_trait;
use durable_core::store::{
    CheckpointPage, Checkpoints, FencedError, LoadRequest, SaveAnswer, SaveRequest, StoreError,
};

use crate::store::SqliteStore;

#[async_trait]
impl Checkpoints for SqliteStore {
    async fn load(&self, request: LoadRequest) -> Result<CheckpointPage, FencedError> {
        self.read(load::Load(request)).await?
    }

    async fn save(&self, request: SaveRequest) -> Result<Vec<Result<SaveAnswer, FencedError>>, StoreError> {
        request.check()?;
        self.write(save::Save(request)).await
    }
}
