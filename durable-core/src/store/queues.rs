//! Queues: what an operator does.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{Cursor, Page, StoreError};
use crate::model::QueueName;

/// Creates, changes, lists and drops queues.
#[async_trait]
pub trait Queues: Send + Sync {
    /// Creates a queue, or sets its state.
    ///
    /// # Errors
    ///
    /// Faults of the store.
    async fn put_queue(&self, request: PutQueueRequest) -> Result<PutQueueAnswer, StoreError>;

    /// Drops a queue that has nothing left in it: no task, no event, no garbage.
    ///
    /// # Errors
    ///
    /// Faults of the store. A missing queue is an answer.
    async fn drop_queue(&self, request: DropQueueRequest) -> Result<DropQueueAnswer, StoreError>;

    /// Lists queues by the bytes of their names.
    ///
    /// # Errors
    ///
    /// Faults of the store; `Invalid` for a cursor that it did not give.
    async fn list_queues(&self, request: ListQueuesRequest) -> Result<Page<QueueView>, StoreError>;
}

/// What a queue lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum QueueState {
    /// Everything.
    #[default]
    Open,
    /// No claims. Running claims go on, and tasks and events come in.
    Paused,
    /// No claims and no new tasks, children included.
    Sealed,
}

/// Asks for a queue in a state.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PutQueueRequest {
    /// The queue.
    pub queue: QueueName,
    /// The state it shall have.
    pub state: QueueState,
}

impl PutQueueRequest {
    /// Asks for `queue` in `state`.
    pub fn new(queue: QueueName, state: QueueState) -> Self {
        Self { queue, state }
    }
}

/// What [`Queues::put_queue`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutQueueAnswer {
    /// There was none.
    Created,
    /// It had another state.
    Changed,
    /// It was so already.
    Unchanged,
}

/// Asks to drop a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DropQueueRequest {
    /// The queue.
    pub queue: QueueName,
}

impl DropQueueRequest {
    /// Asks to drop `queue`.
    pub fn new(queue: QueueName) -> Self {
        Self { queue }
    }
}

/// What [`Queues::drop_queue`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropQueueAnswer {
    /// It is gone.
    Dropped,
    /// Something is left in it; nothing was changed.
    NotEmpty,
    /// There is none.
    NotFound,
}

/// Asks for a page of queues.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListQueuesRequest {
    /// Where to go on; `None` from the start.
    pub cursor: Option<Cursor>,
    /// The most entries of the page, from 1 to [`MAX_RECORDS`](super::MAX_RECORDS).
    pub limit: u32,
}

impl ListQueuesRequest {
    /// Asks for at most `limit` queues from `cursor` on.
    pub fn new(cursor: Option<Cursor>, limit: u32) -> Self {
        Self { cursor, limit }
    }
}

/// One queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueView {
    /// Its name.
    pub name: QueueName,
    /// Its state.
    pub state: QueueState,
}
