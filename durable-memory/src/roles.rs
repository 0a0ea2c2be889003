//! The roles of the Store trait: each verb is the function of its name, run under the lock.

use async_trait::async_trait;
use durable_core::model::{QueueName, Timestamp};
use durable_core::store::{
    CancelAnswer, CancelRequest, Capabilities, CheckpointPage, Checkpoints, ClaimAnswer, ClaimRequest,
    Counts, CountsRequest, DropQueueAnswer, DropQueueRequest, Durability, EmitAnswer, EmitRequest, EventView,
    Events, EventsRequest, ExtendRequest, FencedError, HintScope, Hints, Inspect, ListQueuesRequest,
    LoadRequest, Outcome, OutcomeRequest, Page, PurgeAnswer, PurgeRequest, PutQueueAnswer, PutQueueRequest,
    QueueView, Queues, RetryAnswer, RetryRequest, Runs, SaveAnswer, SaveRequest, Signals, SpawnAnswer,
    SpawnRequest, StoreError, TaskDetail, TaskRequest, TaskView, Tasks, TasksRequest, TickAnswer,
    TickRequest, Upkeep, Verb, WaitAnswer, WaitRequest,
};

use crate::{MemoryStore, checkpoints, events, inspect, queues, runs, tasks, upkeep};

#[async_trait]
impl Queues for MemoryStore {
    async fn put_queue(&self, request: PutQueueRequest) -> Result<PutQueueAnswer, StoreError> {
        let queue = request.queue.clone();
        self.run(Verb::PutQueue, &queue, |state, _| Ok(queues::put_queue(state, request)))
    }

    async fn drop_queue(&self, request: DropQueueRequest) -> Result<DropQueueAnswer, StoreError> {
        self.run(Verb::DropQueue, &request.queue, |state, _| Ok(queues::drop_queue(state, &request)))
    }

    async fn list_queues(&self, request: ListQueuesRequest) -> Result<Page<QueueView>, StoreError> {
        queues::list_queues(&self.lock(), &request)
    }
}

#[async_trait]
impl Tasks for MemoryStore {
    async fn spawn(&self, request: SpawnRequest) -> Result<SpawnAnswer, StoreError> {
        let queue = request.queue.clone();
        self.run(Verb::Spawn, &queue, |state, now| tasks::spawn(state, now, request))
    }

    async fn cancel(&self, request: CancelRequest) -> Result<CancelAnswer, StoreError> {
        let queue = request.queue.clone();
        self.run(Verb::Cancel, &queue, |state, now| tasks::cancel(state, now, request))
    }

    async fn retry(&self, request: RetryRequest) -> Result<RetryAnswer, StoreError> {
        self.run(Verb::Retry, &request.queue, |state, now| tasks::retry(state, now, &request))
    }

    async fn outcome(&self, request: OutcomeRequest) -> Result<Outcome, StoreError> {
        self.run(Verb::Outcome, &request.queue, |state, _| tasks::outcome(state, &request))
    }
}

#[async_trait]
impl Runs for MemoryStore {
    async fn claim(&self, request: ClaimRequest) -> Result<ClaimAnswer, StoreError> {
        let queue = request.queue.clone();
        self.run(Verb::Claim, &queue, |state, now| runs::claim(state, now, request))
    }

    async fn extend(
        &self,
        request: ExtendRequest,
    ) -> Result<Vec<Result<Timestamp, FencedError>>, StoreError> {
        self.run(Verb::Extend, &request.queue, |state, now| runs::extend(state, now, &request))
    }

    async fn wait(&self, request: WaitRequest) -> Result<Vec<Result<WaitAnswer, FencedError>>, StoreError> {
        self.run(Verb::Wait, &request.queue, |state, now| runs::wait(state, now, &request))
    }
}

#[async_trait]
impl Checkpoints for MemoryStore {
    async fn load(&self, request: LoadRequest) -> Result<CheckpointPage, FencedError> {
        self.run(Verb::Load, &request.queue, |state, now| checkpoints::load(state, now, &request))
    }

    async fn save(&self, request: SaveRequest) -> Result<Vec<Result<SaveAnswer, FencedError>>, StoreError> {
        let queue = request.queue.clone();
        self.run(Verb::Save, &queue, |state, now| checkpoints::save(state, now, request))
    }
}

#[async_trait]
impl Events for MemoryStore {
    async fn emit(&self, request: EmitRequest) -> Result<EmitAnswer, StoreError> {
        let queue = request.queue.clone();
        self.run(Verb::Emit, &queue, |state, now| events::emit(state, now, request))
    }
}

#[async_trait]
impl Upkeep for MemoryStore {
    async fn tick(&self, request: TickRequest) -> Result<TickAnswer, StoreError> {
        self.run(Verb::Tick, &request.queue, |state, now| upkeep::tick(state, now, &request))
    }

    async fn purge(&self, request: PurgeRequest) -> Result<PurgeAnswer, StoreError> {
        self.run(Verb::Purge, &request.queue, |state, now| upkeep::purge(state, now, &request))
    }
}

impl Signals for MemoryStore {
    fn capabilities(&self) -> Capabilities {
        Capabilities { durability: Durability::Process, hints: HintScope::Process }
    }

    fn hints(&self, queue: &QueueName) -> Hints {
        self.hub.listen(queue.clone())
    }
}

#[async_trait]
impl Inspect for MemoryStore {
    async fn task(&self, request: TaskRequest) -> Result<Option<TaskDetail>, StoreError> {
        self.run(Verb::Task, &request.queue, |state, _| inspect::task(state, &request))
    }

    async fn tasks(&self, request: TasksRequest) -> Result<Page<TaskView>, StoreError> {
        self.run(Verb::Tasks, &request.queue, |state, _| inspect::tasks(state, &request))
    }

    async fn events(&self, request: EventsRequest) -> Result<Page<EventView>, StoreError> {
        self.run(Verb::Events, &request.queue, |state, _| inspect::events(state, &request))
    }

    async fn counts(&self, request: CountsRequest) -> Result<Counts, StoreError> {
        self.run(Verb::Counts, &request.queue, |state, now| inspect::counts(state, now, &request))
    }
}
