//! Queues: what an operator does.

use async_trait::async_trait;
use durable_core::model::QueueName;
use durable_core::store::{
    DropQueueAnswer, DropQueueRequest, ListQueuesRequest, Page, PutQueueAnswer, PutQueueRequest, QueueView,
    Queues, StoreError, Verb,
};

use crate::RedisStore;
use crate::cursor::Listing;
use crate::decode::{queue_state, queue_word};
use crate::keys::register;
use crate::reply::Reply;
use crate::script::{Script, script};

static PUT_QUEUE: Script = script!("queues/put_queue");
static SHOW: Script = script!("queues/show");
static DROP_QUEUE: Script = script!("queues/drop_queue");

#[async_trait]
impl Queues for RedisStore {
    async fn put_queue(&self, request: PutQueueRequest) -> Result<PutQueueAnswer, StoreError> {
        // Before the queue, so that no end of this process leaves one that the list lacks.
        self.register(&request.queue).await?;
        let args = self.args().text(queue_word(request.state)).text(request.queue.as_str());
        let (status, reply) = self.run(Verb::PutQueue, &PUT_QUEUE, &request.queue, &args).await?;
        match status.as_str() {
            "created" => Ok(PutQueueAnswer::Created),
            "changed" => Ok(PutQueueAnswer::Changed),
            "unchanged" => Ok(PutQueueAnswer::Unchanged),
            _ => Err(reply.unreadable("a known status")),
        }
    }

    async fn drop_queue(&self, request: DropQueueRequest) -> Result<DropQueueAnswer, StoreError> {
        let (status, reply) = self.run(Verb::DropQueue, &DROP_QUEUE, &request.queue, &self.args()).await?;
        match status.as_str() {
            "dropped" => Ok(DropQueueAnswer::Dropped),
            "not_empty" => Ok(DropQueueAnswer::NotEmpty),
            "not_found" => Ok(DropQueueAnswer::NotFound),
            _ => Err(reply.unreadable("a known status")),
        }
    }

    async fn list_queues(&self, request: ListQueuesRequest) -> Result<Page<QueueView>, StoreError> {
        let limit = request.limit.clamp(1, 1_000) as usize;
        let after = Listing::Queues.read(request.cursor.as_ref(), |name| QueueName::new(name))?;
        let mut names = self.registered(after.as_ref(), limit + 1).await?;
        let is_last = names.len() <= limit;
        names.truncate(limit);
        let shown = names.iter().map(|name| self.show(name));
        // A name whose queue was dropped stays in the register.
        let items = futures::future::try_join_all(shown).await?.into_iter().flatten().collect();
        let next = names.pop().filter(|_| !is_last).map(|name| Listing::Queues.after(name.as_str()));
        Ok(Page { items, next })
    }
}

/// The register of queue names is one key in a slot of its own. No script reads it: it only says which queues to
/// ask.
impl RedisStore {
    async fn register(&self, queue: &QueueName) -> Result<(), StoreError> {
        let mut command = redis::cmd("ZADD");
        command.arg(register(self.prefix())).arg(0).arg(queue.as_str());
        self.plain(Verb::PutQueue, &command).await.map(drop)
    }

    async fn registered(
        &self,
        after: Option<&QueueName>,
        limit: usize,
    ) -> Result<Vec<QueueName>, StoreError> {
        let start = after.map_or_else(|| "-".to_owned(), |name| format!("({name}"));
        let mut command = redis::cmd("ZRANGEBYLEX");
        command.arg(register(self.prefix())).arg(start).arg("+").arg("LIMIT").arg(0).arg(limit);
        let mut reply = Reply::new(Verb::ListQueues, self.plain(Verb::ListQueues, &command).await?)?;
        let mut names = Vec::new();
        while let Some(name) = reply.parse_option("a queue name", QueueName::new)? {
            names.push(name);
        }
        Ok(names)
    }

    async fn show(&self, queue: &QueueName) -> Result<Option<QueueView>, StoreError> {
        let (status, mut reply) = self.run(Verb::ListQueues, &SHOW, queue, &self.args()).await?;
        match status.as_str() {
            "not_found" => Ok(None),
            "ok" => {
                let state = reply.parse("a queue's state", |word| queue_state(&word))?;
                Ok(Some(QueueView { name: queue.clone(), state }))
            }
            _ => Err(reply.unreadable("a known status")),
        }
    }
}
