//! Transactions, begun again when the server asks for it.

use std::future::Future;

use durable_core::store::{StoreError, Verb};
use sqlx::PgConnection;

use crate::error::Fault;
use crate::store::PostgresStore;

/// How often a transaction is begun before the caller hears of it.
const ATTEMPTS: u32 = 5;

/// A verb, or a part of one, that runs in one transaction and may be run again from the start.
pub(crate) trait Step: Send + Sync {
    /// The verb, for errors.
    const VERB: Verb;
    /// What it answers.
    type Answer: Send + 'static;

    /// Runs it.
    fn run(&self, tx: &mut PgConnection) -> impl Future<Output = Result<Self::Answer, Fault>> + Send;

    /// Whether what was written for this answer is kept; else it is rolled back.
    fn is_kept(_answer: &Self::Answer) -> bool {
        true
    }
}

/// Runs a call to its end, even if its caller goes away.
///
/// A future that is dropped while `begin` is on its way would leave an open transaction in the pool: its locks would
/// stay, and the next statements on that connection would never be committed.
pub(crate) async fn to_its_end<T: Send + 'static>(
    verb: Verb,
    call: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> Result<T, StoreError> {
    let stopped = |error| StoreError::unavailable(verb, "the call was stopped", true).with_source(error);
    tokio::spawn(call).await.unwrap_or_else(|error| Err(stopped(error)))
}

impl PostgresStore {
    /// Runs a step in a transaction and commits it.
    pub(crate) async fn transact<S: Step + 'static>(&self, step: S) -> Result<S::Answer, StoreError> {
        let store = self.clone();
        to_its_end(S::VERB, async move { store.attempts(&step).await }).await
    }

    /// Begins again while the server asks for it.
    async fn attempts<S: Step>(&self, step: &S) -> Result<S::Answer, StoreError> {
        let mut attempt = 1;
        loop {
            match self.attempt(step).await {
                Err((fault, _)) if fault.is_transient() && attempt < ATTEMPTS => attempt += 1,
                Err((fault, may_have_happened)) => return Err(fault.into_store(S::VERB, may_have_happened)),
                Ok(answer) => return Ok(answer),
            }
            tokio::task::yield_now().await;
        }
    }

    /// One attempt; a fault says whether the write may have happened.
    async fn attempt<S: Step>(&self, step: &S) -> Result<S::Answer, (Fault, bool)> {
        let mut tx = self.pool.begin().await.map_err(|error| (Fault::Begin(error), false))?;
        match step.run(&mut tx).await {
            Ok(answer) if S::is_kept(&answer) => {
                // Only a commit that is not answered leaves it open.
                tx.commit().await.map_err(|error| (error.into(), true))?;
                Ok(answer)
            }
            Ok(answer) => {
                let _ = tx.rollback().await;
                Ok(answer)
            }
            Err(fault) => {
                // A failed rollback closes the connection, which rolls back.
                let _ = tx.rollback().await;
                Err((fault, false))
            }
        }
    }
}
