//! Queues: what an operator does.

use async_trait::async_trait;
use durable_core::model::QueueName;
use durable_core::store::{
    Cursor, DropQueueAnswer, DropQueueRequest, Hint, ListQueuesRequest, Page, PutQueueAnswer,
    PutQueueRequest, QueueState, QueueView, Queues, StoreError, Verb, bounded,
};
use durable_core::transition::{queue_state_number, queue_state_of_number};
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::error::{Fault, corrupt};
use crate::rows::{Decoded, number};
use crate::store::PostgresStore;
use crate::transaction::{Mode, Step, Tx};

#[async_trait]
impl Queues for PostgresStore {
    async fn put_queue(&self, request: PutQueueRequest) -> Result<PutQueueAnswer, StoreError> {
        self.transact(Put { request }).await
    }

    async fn drop_queue(&self, request: DropQueueRequest) -> Result<DropQueueAnswer, StoreError> {
        self.transact(Drop { request }).await
    }

    async fn list_queues(&self, request: ListQueuesRequest) -> Result<Page<QueueView>, StoreError> {
        self.transact(List { request }).await
    }
}

struct Put {
    request: PutQueueRequest,
}

impl Step for Put {
    const VERB: Verb = Verb::PutQueue;
    type Answer = PutQueueAnswer;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<PutQueueAnswer, Fault> {
        let row = tx
            .query(include_str!("sql/queues/put_queue.sql"))
            .bind(self.request.queue.as_str())
            .bind(queue_state_number(self.request.state))
            .fetch_optional(&mut **tx)
            .await?;
        if row.is_some() && self.request.state == QueueState::Open {
            tx.tell(self.request.queue.as_str(), Hint::Work { next_due: None });
        }
        Ok(match row.map(|row| row.try_get("created")).transpose()? {
            Some(true) => PutQueueAnswer::Created,
            Some(false) => PutQueueAnswer::Changed,
            None => PutQueueAnswer::Unchanged,
        })
    }
}

struct List {
    request: ListQueuesRequest,
}

impl Step for List {
    const VERB: Verb = Verb::ListQueues;
    const MODE: Mode = Mode::Read;
    type Answer = Page<QueueView>;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<Page<QueueView>, Fault> {
        let limit = bounded(self.request.limit);
        let after = Cursor::after(self.request.cursor.as_ref(), "queue:", Verb::ListQueues)?;
        let rows = tx
            .query(include_str!("sql/queues/list_queues.sql"))
            .bind(after)
            .bind(number(limit + 1))
            .fetch_all(&mut **tx)
            .await?;
        let mut items = Vec::with_capacity(rows.len());
        for row in rows.iter().take(limit) {
            items.push(view(row)?.map_err(|what| corrupt(Verb::ListQueues, what))?);
        }
        let last = items.last().map(|queue| Cursor(format!("queue:{}", queue.name)));
        Ok(Page { items, next: last.filter(|_| rows.len() > limit) })
    }
}

fn view(row: &PgRow) -> Decoded<QueueView> {
    let name: String = row.try_get("name")?;
    let state = queue_state_of_number(row.try_get("state")?);
    Ok(QueueName::new(name).map(|name| QueueView { name, state }).map_err(|_| "name"))
}

struct Drop {
    request: DropQueueRequest,
}

impl Step for Drop {
    const VERB: Verb = Verb::DropQueue;
    type Answer = DropQueueAnswer;

    async fn run(&self, tx: &mut Tx<'_>) -> Result<DropQueueAnswer, Fault> {
        let queue = self.request.queue.as_str();
        let found = tx
            .query(include_str!("sql/queues/drop_queue_lock.sql"))
            .bind(queue)
            .fetch_optional(&mut **tx)
            .await?;
        if found.is_none() {
            return Ok(DropQueueAnswer::NotFound);
        }
        let row =
            tx.query(include_str!("sql/queues/drop_queue.sql")).bind(queue).fetch_one(&mut **tx).await?;
        Ok(if row.try_get("empty")? { DropQueueAnswer::Dropped } else { DropQueueAnswer::NotEmpty })
    }
}

/// Reads a queue's state and keeps the queue from being dropped; `None` when there is none.
pub(crate) async fn share(tx: &mut Tx<'_>, queue: &str) -> Result<Option<QueueState>, Fault> {
    let row =
        tx.query(include_str!("sql/shared/queue_share.sql")).bind(queue).fetch_optional(&mut **tx).await?;
    Ok(row.map(|row| row.try_get::<i16, _>("state")).transpose()?.map(queue_state_of_number))
}

/// Refuses a verb on a queue that does not exist.
pub(crate) async fn require(tx: &mut Tx<'_>, queue: &str, verb: Verb) -> Result<QueueState, Fault> {
    let state = share(tx, queue).await?;
    state.ok_or_else(|| StoreError::queue_not_found(verb).into())
}
