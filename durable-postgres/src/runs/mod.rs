//! Runs: what a worker does with claims.

mod claim;
mod extend;
mod take;
mod wait;

use async_trait::async_trait;
use durable_core::model::Timestamp;
use durable_core::store::{
    ClaimAnswer, ClaimRequest, ExtendRequest, FencedError, MAX_RECORDS, Runs, StoreError, Verb, WaitAnswer,
    WaitRequest,
};

use crate::error::invalid;
use crate::store::PostgresStore;

#[async_trait]
impl Runs for PostgresStore {
    async fn claim(&self, request: ClaimRequest) -> Result<ClaimAnswer, StoreError> {
        check_batch(Verb::Claim, request.ends.len())?;
        self.transact(claim::Claims { request, injected: self.injected() }).await
    }

    async fn extend(
        &self,
        request: ExtendRequest,
    ) -> Result<Vec<Result<Timestamp, FencedError>>, StoreError> {
        check_batch(Verb::Extend, request.items.len())?;
        self.transact(extend::Extend { request, injected: self.injected() }).await
    }

    async fn wait(&self, request: WaitRequest) -> Result<Vec<Result<WaitAnswer, FencedError>>, StoreError> {
        let named = |item: &durable_core::store::WaitItem| {
            item.waits.len() + item.rest.as_ref().map_or(0, |rest| rest.keys.len())
        };
        check_batch(Verb::Wait, request.items.len())?;
        check_batch(Verb::Wait, request.items.iter().map(named).sum())?;
        self.transact(wait::Waits { request, injected: self.injected() }).await
    }
}

/// Refuses what is larger than one step.
pub(crate) fn check_batch(verb: Verb, items: usize) -> Result<(), StoreError> {
    if items > MAX_RECORDS {
        return Err(invalid(verb, "batch", format!("{items} records, the limit is {MAX_RECORDS}")));
    }
    Ok(())
}
