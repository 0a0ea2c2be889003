//! A store that hides its checkpoints, so that the torture test can show that it would notice.

use std::sync::Arc;

use durable::store::{CheckpointPage, Store, StoreError};
use durable_conformance::layer::{Call, Layer, Layered};

/// Puts the fault over a store.
pub(crate) fn over(store: Arc<dyn Store>) -> Arc<dyn Store> {
    Arc::new(Layered::new(store, Forgetful))
}

#[derive(Debug)]
struct Forgetful;

impl Layer for Forgetful {
    type Ticket = ();

    async fn before(&self, _: Call) -> Result<(), StoreError> {
        Ok(())
    }

    async fn after(&self, (): ()) -> Result<(), StoreError> {
        Ok(())
    }

    fn loaded(&self, _: CheckpointPage) -> CheckpointPage {
        CheckpointPage { checkpoints: Vec::new(), more: false }
    }
}
