//! Queues: what an operator does.

use async_trait::async_trait;
use durable_core::store::{
    DropQueueAnswer, DropQueueRequest, ListQueuesRequest, Page, PutQueueAnswer, PutQueueRequest, QueueState,
    QueueView, Queues, StoreError, Verb,
};

use crate::RedisStore;
use crate::script::{Script, script};

static PUT_QUEUE: Script = script!("queues/put_queue");

#[async_trait]
impl Queues for RedisStore {
    async fn put_queue(&self, request: PutQueueRequest) -> Result<PutQueueAnswer, StoreError> {
        let state = match request.state {
            QueueState::Open => "open",
            QueueState::Paused => "paused",
            QueueState::Sealed => "sealed",
        };
        let args = self.args().text(state).text(request.queue.as_str());
        let (status, reply) = self.run(Verb::PutQueue, &PUT_QUEUE, &request.queue, &args).await?;
        match status.as_str() {
            "created" => Ok(PutQueueAnswer::Created),
            "changed" => Ok(PutQueueAnswer::Changed),
            "unchanged" => Ok(PutQueueAnswer::Unchanged),
            _ => Err(reply.unreadable("a known status")),
        }
    }

    async fn drop_queue(&self, _request: DropQueueRequest) -> Result<DropQueueAnswer, StoreError> {
        Err(StoreError::unsupported(Verb::DropQueue))
    }

    async fn list_queues(&self, _request: ListQueuesRequest) -> Result<Page<QueueView>, StoreError> {
        Err(StoreError::unsupported(Verb::ListQueues))
    }
}
