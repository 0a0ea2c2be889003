//! Queues: create, drop, list, pause, resume, count.

use std::time::Duration;

use super::Durable;
use crate::error::{DurableError, DurableResult};
use crate::run::backoff::repeat;
use crate::store::{
    Counts, CountsRequest, DropQueueAnswer, DropQueueRequest, ListQueuesRequest, MAX_RECORDS,
    PutQueueRequest, QueueState, QueueView,
};

impl<State: Clone + Send + Sync + 'static> Durable<State> {
    /// Creates the queue, open; an existing one is opened again.
    ///
    /// # Errors
    ///
    /// `Store`.
    pub async fn create_queue(&self) -> DurableResult<()> {
        self.put_queue(QueueState::Open).await
    }

    /// Stops claims. Running tasks go on, and tasks and events still come in.
    ///
    /// # Errors
    ///
    /// `Store`.
    pub async fn pause_queue(&self) -> DurableResult<()> {
        self.put_queue(QueueState::Paused).await
    }

    /// Lets claims through again.
    ///
    /// # Errors
    ///
    /// `Store`.
    pub async fn resume_queue(&self) -> DurableResult<()> {
        self.put_queue(QueueState::Open).await
    }

    async fn put_queue(&self, state: QueueState) -> DurableResult<()> {
        let request = PutQueueRequest::new(self.0.queue.clone(), state);
        repeat(|| self.0.store.put_queue(request.clone())).await?;
        Ok(())
    }

    /// Seals the queue, removes what has ended and all events, and drops it.
    ///
    /// # Errors
    ///
    /// `Setup` when the queue does not exist or has live tasks: then it is as it was, unless a task came in meanwhile;
    /// `Store`.
    pub async fn drop_queue(&self) -> DurableResult<()> {
        let name = &self.0.queue;
        if !self.list_queues().await?.iter().any(|queue| queue.name == *name) {
            return Err(DurableError::Setup(format!("there is no queue `{name}`")));
        }
        let live = || DurableError::Setup(format!("queue `{name}` has live tasks: cancel them first"));
        let counts = self.counts().await?;
        if counts.sleeping + counts.pending + counts.running > 0 {
            return Err(live());
        }
        self.put_queue(QueueState::Sealed).await?;
        self.purge(Duration::ZERO).await?;
        let request = DropQueueRequest::new(name.clone());
        match repeat(|| self.0.store.drop_queue(request.clone())).await? {
            // It was there a moment ago: a call whose reply was lost has dropped it, or somebody else.
            DropQueueAnswer::Dropped | DropQueueAnswer::NotFound => Ok(()),
            DropQueueAnswer::NotEmpty => Err(live()),
        }
    }

    /// All queues of the store, by name.
    ///
    /// # Errors
    ///
    /// `Store`.
    pub async fn list_queues(&self) -> DurableResult<Vec<QueueView>> {
        let mut queues = Vec::new();
        let mut cursor = None;
        loop {
            let limit = u32::try_from(MAX_RECORDS).unwrap_or(u32::MAX);
            let request = ListQueuesRequest::new(cursor, limit);
            let page = repeat(|| self.0.store.list_queues(request.clone())).await?;
            queues.extend(page.items);
            match page.next {
                Some(next) => cursor = Some(next),
                None => return Ok(queues),
            }
        }
    }

    /// How many tasks of the queue are in which state.
    ///
    /// # Errors
    ///
    /// `Store`.
    pub async fn counts(&self) -> DurableResult<Counts> {
        let request = CountsRequest::new(self.0.queue.clone());
        Ok(repeat(|| self.0.store.counts(request.clone())).await?)
    }

    /// How many tasks a worker could take now: what autoscalers look at.
    ///
    /// # Errors
    ///
    /// `Store`.
    pub async fn count_unclaimed_ready_tasks(&self) -> DurableResult<u64> {
        Ok(self.counts().await?.ready)
    }
}
