//! Checkpoints: what a task context does.

mod load;
mod save;

use async_trait::async_trait;
use durable_core::store::{
    CheckpointPage, Checkpoints, Effect, FencedError, LoadRequest, SaveAnswer, SaveItem, SaveRequest,
    StoreError, Verb,
};

use crate::runs::check_batch;
use crate::store::PostgresStore;

#[async_trait]
impl Checkpoints for PostgresStore {
    async fn load(&self, request: LoadRequest) -> Result<CheckpointPage, FencedError> {
        load::load(self, &request).await
    }

    async fn save(&self, request: SaveRequest) -> Result<Vec<Result<SaveAnswer, FencedError>>, StoreError> {
        let children = |item: &SaveItem| match &item.effect {
            Effect::Spawn(children) => children.len(),
            Effect::None | Effect::Emit(_) => 0,
        };
        check_batch(Verb::Save, request.items.iter().map(|item| 1 + children(item)).sum())?;
        self.transact(save::Save { request, injected: self.injected() }).await
    }
}
