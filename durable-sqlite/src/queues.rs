//! Queues: what an operator does.

use async_trait::async_trait;
use durable_core::model::QueueName;
use durable_core::store::{
    Cursor, DropQueueAnswer, DropQueueRequest, Hint, ListQueuesRequest, Page, Paging, PutQueueAnswer,
    PutQueueRequest, QueueState, QueueView, Queues, StoreError, Verb,
};
use durable_core::transition::{Flaw, queue_state_number, queue_state_of_number};
use sqlx::sqlite::SqliteRow;

use crate::engine::{Statement, Step, Tx, statement};
use crate::error::Fault;
use crate::records::{decoded, limit};
use crate::rows::{get, text};
use crate::store::SqliteStore;

const PUT: Statement = statement!("queues/put_queue.sql");
const LOOK: Statement = statement!("queues/look_queue.sql");
const DROP: Statement = statement!("queues/drop_queue.sql");
const LIST: Statement = statement!("queues/list_queues.sql");
const FIND: Statement = statement!("queues/find_queue.sql");

#[async_trait]
impl Queues for SqliteStore {
    async fn put_queue(&self, request: PutQueueRequest) -> Result<PutQueueAnswer, StoreError> {
        self.write(PutQueue(request)).await
    }

    async fn drop_queue(&self, request: DropQueueRequest) -> Result<DropQueueAnswer, StoreError> {
        self.write(DropQueue(request)).await
    }

    async fn list_queues(&self, request: ListQueuesRequest) -> Result<Page<QueueView>, StoreError> {
        self.read(ListQueues(request)).await
    }
}

struct PutQueue(PutQueueRequest);

impl Step for PutQueue {
    const VERB: Verb = Verb::PutQueue;
    type Answer = PutQueueAnswer;

    async fn run(&self, tx: &mut Tx<'_, '_>) -> Result<PutQueueAnswer, Fault> {
        let answer = match find_queue(tx, &self.0.queue).await? {
            Some(state) if state == self.0.state => return Ok(PutQueueAnswer::Unchanged),
            Some(_) => PutQueueAnswer::Changed,
            None => PutQueueAnswer::Created,
        };
        tx.last(PUT.bind(self.0.queue.as_str()).bind(queue_state_number(self.0.state))).await?;
        if self.0.state == QueueState::Open {
            tx.tell(&self.0.queue, Hint::Work { next_due: None });
        }
        Ok(answer)
    }
}

struct DropQueue(DropQueueRequest);

impl Step for DropQueue {
    const VERB: Verb = Verb::DropQueue;
    type Answer = DropQueueAnswer;

    async fn run(&self, tx: &mut Tx<'_, '_>) -> Result<DropQueueAnswer, Fault> {
        let row = tx.row(LOOK.bind(self.0.queue.as_str())).await?;
        let Some(row) = row else { return Ok(DropQueueAnswer::NotFound) };
        if decoded(get(&row, "filled"))? {
            return Ok(DropQueueAnswer::NotEmpty);
        }
        tx.last(DROP.bind(self.0.queue.as_str())).await?;
        Ok(DropQueueAnswer::Dropped)
    }
}

struct ListQueues(ListQueuesRequest);

impl Step for ListQueues {
    const VERB: Verb = Verb::ListQueues;
    type Answer = Page<QueueView>;

    async fn run(&self, tx: &mut Tx<'_, '_>) -> Result<Page<QueueView>, Fault> {
        let mut page = Paging::new(self.0.limit);
        let from = Cursor::after(self.0.cursor.as_ref(), "queue:", Verb::ListQueues)?;
        let rows = tx.rows(LIST.bind(from).bind(limit(page.limit() + 1))).await?;
        for row in &rows {
            let queue = decoded(view(row))?;
            if !page.take(format!("queue:{}", queue.name), Some(queue), 0) {
                break;
            }
        }
        Ok(page.end())
    }
}

fn view(row: &SqliteRow) -> Result<QueueView, Flaw> {
    let name = text(row, "name")?.ok_or("name")?;
    Ok(QueueView { name, state: queue_state_of_number(get(row, "state")?) })
}

/// Reads a queue's state.
pub(crate) async fn find_queue(tx: &mut Tx<'_, '_>, queue: &QueueName) -> Result<Option<QueueState>, Fault> {
    let row = tx.row(FIND.bind(queue.as_str())).await?;
    let state = decoded(row.map(|row| get(&row, "state")).transpose())?;
    Ok(state.map(queue_state_of_number))
}

/// Refuses a verb on a queue that does not exist.
pub(crate) async fn require_queue(
    tx: &mut Tx<'_, '_>,
    queue: &QueueName,
    verb: Verb,
) -> Result<QueueState, Fault> {
    find_queue(tx, queue).await?.ok_or_else(|| StoreError::queue_not_found(verb).into())
}
