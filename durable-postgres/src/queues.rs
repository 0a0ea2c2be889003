//! Queues: what an operator does.

use async_trait::async_trait;
use durable_core::store::{
    DropQueueAnswer, DropQueueRequest, ListQueuesRequest, Page, PutQueueAnswer, PutQueueRequest, QueueState,
    QueueView, Queues, StoreError, Verb,
};
use sqlx::{PgConnection, Row};

use crate::error::Fault;
use crate::rows::{queue_state, queue_state_number};
use crate::store::PostgresStore;

#[async_trait]
impl Queues for PostgresStore {
    async fn put_queue(&self, request: PutQueueRequest) -> Result<PutQueueAnswer, StoreError> {
        let row = sqlx::query(include_str!("sql/queues/put_queue.sql"))
            .bind(request.queue.as_str())
            .bind(queue_state_number(request.state))
            .fetch_optional(&self.pool)
            .await
            .map_err(|error| Fault::Sql(error).into_store(Verb::PutQueue, true))?;
        match row.map(|row| row.try_get("created")).transpose() {
            Ok(Some(true)) => Ok(PutQueueAnswer::Created),
            Ok(Some(false)) => Ok(PutQueueAnswer::Changed),
            Ok(None) => Ok(PutQueueAnswer::Unchanged),
            Err(error) => Err(Fault::Sql(error).into_store(Verb::PutQueue, true)),
        }
    }

    async fn drop_queue(&self, _request: DropQueueRequest) -> Result<DropQueueAnswer, StoreError> {
        Err(StoreError::unsupported(Verb::DropQueue))
    }

    async fn list_queues(&self, _request: ListQueuesRequest) -> Result<Page<QueueView>, StoreError> {
        Err(StoreError::unsupported(Verb::ListQueues))
    }
}

/// Reads a queue's state and keeps the queue from being dropped; `None` when there is none.
pub(crate) async fn share(tx: &mut PgConnection, queue: &str) -> Result<Option<QueueState>, Fault> {
    let row =
        sqlx::query(include_str!("sql/shared/queue_share.sql")).bind(queue).fetch_optional(&mut *tx).await?;
    Ok(row.map(|row| row.try_get::<i16, _>("state")).transpose()?.map(queue_state))
}

/// Refuses a verb on a queue that does not exist.
pub(crate) async fn require(tx: &mut PgConnection, queue: &str, verb: Verb) -> Result<QueueState, Fault> {
    let state = share(tx, queue).await?;
    state.ok_or_else(|| StoreError::queue_not_found(verb).into())
}
