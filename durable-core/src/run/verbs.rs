//! The store's batched verbs, as writes that can be gathered.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::time::Instant;

use super::lease::Owner;
use super::writes::{Gather, Write};
use crate::model::{CallId, Lease, Payload, QueueName, Timestamp, WorkerName};
use crate::store::{
    ClaimRequest, Effect, EndAnswer, Ending, ExtendItem, ExtendRequest, FencedError, RunEnd, SaveAnswer,
    SaveItem, SaveRequest, Store, StoreError, Verb, WaitAnswer, WaitItem, WaitRequest,
};

type Answers<A> = Result<Vec<Result<A, FencedError>>, StoreError>;

/// Where runs of one worker hand in their writes, one gatherer for each verb.
#[derive(Debug, Clone)]
pub(crate) struct Writes {
    pub(crate) saves: Gather<Saves>,
    pub(crate) waits: Gather<Waits>,
    pub(crate) extends: Gather<Extends>,
    /// For ends that could not go with a claim.
    pub(crate) ends: Gather<Ends>,
}

impl Writes {
    /// Starts the gatherers.
    pub(crate) fn start(
        store: &Arc<dyn Store>,
        queue: &QueueName,
        worker: &WorkerName,
        lease: Lease,
    ) -> Self {
        let (store, queue) = (store.clone(), queue.clone());
        Self {
            saves: Gather::start(Saves { store: store.clone(), queue: queue.clone() }),
            waits: Gather::start(Waits { store: store.clone(), queue: queue.clone() }),
            extends: Gather::start(Extends { store: store.clone(), queue: queue.clone() }),
            ends: Gather::start(Ends { store, queue, worker: worker.clone(), lease }),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Saves {
    store: Arc<dyn Store>,
    queue: QueueName,
}

#[async_trait]
impl Write for Saves {
    type Item = SaveItem;
    type Answer = SaveAnswer;
    const VERB: Verb = Verb::Save;

    fn weight(item: &SaveItem) -> usize {
        match &item.effect {
            Effect::None => 1,
            Effect::Emit(_) => 2,
            Effect::Spawn(tasks) => 1 + tasks.len(),
        }
    }

    fn bytes(item: &SaveItem) -> usize {
        let effect = match &item.effect {
            Effect::None => 0,
            Effect::Emit(event) => size(&event.payload) + size(&event.metadata),
            Effect::Spawn(tasks) => tasks.iter().map(|task| size(&task.params) + size(&task.headers)).sum(),
        };
        size(&item.payload) + effect
    }

    async fn call(&self, items: Vec<SaveItem>) -> Answers<SaveAnswer> {
        self.store.save(SaveRequest::new(self.queue.clone(), items)).await
    }

    fn settled(&self, owner: &Owner, _: &SaveItem, answer: &SaveAnswer, sent: Instant) {
        if let SaveAnswer::Stored { .. } = answer {
            owner.extend(sent, owner.lease);
        }
    }
}

#[derive(Debug)]
pub(crate) struct Waits {
    store: Arc<dyn Store>,
    queue: QueueName,
}

#[async_trait]
impl Write for Waits {
    type Item = WaitItem;
    type Answer = WaitAnswer;
    const VERB: Verb = Verb::Wait;

    fn weight(item: &WaitItem) -> usize {
        item.waits.len() + item.rest.as_ref().map_or(0, |rest| rest.keys.len())
    }

    async fn call(&self, items: Vec<WaitItem>) -> Answers<WaitAnswer> {
        self.store.wait(WaitRequest::new(self.queue.clone(), items)).await
    }
}

#[derive(Debug)]
pub(crate) struct Extends {
    store: Arc<dyn Store>,
    queue: QueueName,
}

#[async_trait]
impl Write for Extends {
    type Item = ExtendItem;
    type Answer = Timestamp;
    const VERB: Verb = Verb::Extend;

    async fn call(&self, items: Vec<ExtendItem>) -> Answers<Timestamp> {
        self.store.extend(ExtendRequest::new(self.queue.clone(), items)).await
    }

    fn settled(&self, owner: &Owner, item: &ExtendItem, _: &Timestamp, sent: Instant) {
        owner.extend(sent, item.lease);
    }
}

#[derive(Debug)]
pub(crate) struct Ends {
    store: Arc<dyn Store>,
    queue: QueueName,
    worker: WorkerName,
    lease: Lease,
}

#[async_trait]
impl Write for Ends {
    type Item = RunEnd;
    type Answer = EndAnswer;
    const VERB: Verb = Verb::Claim;

    fn bytes(end: &RunEnd) -> usize {
        size_of_end(end)
    }

    async fn call(&self, ends: Vec<RunEnd>) -> Answers<EndAnswer> {
        let (queue, worker) = (self.queue.clone(), self.worker.clone());
        let request = ClaimRequest::new(queue, CallId::new(), worker, Vec::new(), 0, self.lease).ending(ends);
        Ok(self.store.claim(request).await?.ends)
    }
}

/// How many bytes of payload an end carries.
pub(crate) fn size_of_end(end: &RunEnd) -> usize {
    match &end.ending {
        Ending::Complete { result } => size(result),
        Ending::Fail { failure, .. } => size(failure),
        Ending::Release { .. } => 0,
    }
}

fn size(payload: &Payload) -> usize {
    payload.as_str().len()
}
