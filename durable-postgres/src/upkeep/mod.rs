//! Upkeep: what keeps a queue going when nobody else does.

pub(crate) mod due;
mod purge;
mod tick;

use async_trait::async_trait;
use durable_core::store::{
    MAX_RECORDS, PurgeAnswer, PurgeRequest, StoreError, TickAnswer, TickRequest, Upkeep, Verb,
};

use crate::error::invalid;
use crate::store::PostgresStore;

#[async_trait]
impl Upkeep for PostgresStore {
    async fn tick(&self, request: TickRequest) -> Result<TickAnswer, StoreError> {
        check_limit(Verb::Tick, request.limit)?;
        self.transact(&tick::Tick { request: &request, injected: self.injected() }).await
    }

    async fn purge(&self, request: PurgeRequest) -> Result<PurgeAnswer, StoreError> {
        check_limit(Verb::Purge, request.limit)?;
        self.transact(&purge::Purge { request: &request, injected: self.injected() }).await
    }
}

/// Refuses a limit of none or of more than one step.
pub(crate) fn check_limit(verb: Verb, limit: u32) -> Result<(), StoreError> {
    match usize::try_from(limit) {
        Ok(1..=MAX_RECORDS) => Ok(()),
        _ => Err(invalid(verb, "limit", format!("{limit} is not from 1 to {MAX_RECORDS}"))),
    }
}
