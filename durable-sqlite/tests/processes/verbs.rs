//! Every verb, sent to the other process and answered there: the one list of them for both ends.

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
use durable_sqlite::SqliteStore;
use futures::StreamExt;

use super::remote::Remote;
use super::wire::{received, sent};

type PerItem<T> = Result<Vec<Result<T, FencedError>>, StoreError>;

macro_rules! verbs {
    ($($role:ident { $($verb:ident ($name:ident, $request:ty) -> $answer:ty;)* })*) => {
        $(#[async_trait]
        impl $role for Remote {
            $(async fn $verb(&self, request: $request) -> $answer {
                received(&self.call(Verb::$name, sent(&request)).await)
            })*
        })*

        /// Runs what the other process asks for.
        pub(crate) async fn answer(store: &SqliteStore, verb: Verb, request: &[u8]) -> Vec<u8> {
            match verb {
                $($(Verb::$name => sent(&store.$verb(received(request)).await),)*)*
                Verb::Hints => Vec::new(),
            }
        }
    };
}

verbs! {
    Queues {
        put_queue(PutQueue, PutQueueRequest) -> Result<PutQueueAnswer, StoreError>;
        drop_queue(DropQueue, DropQueueRequest) -> Result<DropQueueAnswer, StoreError>;
        list_queues(ListQueues, ListQueuesRequest) -> Result<Page<QueueView>, StoreError>;
    }
    Tasks {
        spawn(Spawn, SpawnRequest) -> Result<SpawnAnswer, StoreError>;
        cancel(Cancel, CancelRequest) -> Result<CancelAnswer, StoreError>;
        retry(Retry, RetryRequest) -> Result<RetryAnswer, StoreError>;
        outcome(Outcome, OutcomeRequest) -> Result<Outcome, StoreError>;
    }
    Runs {
        claim(Claim, ClaimRequest) -> Result<ClaimAnswer, StoreError>;
        extend(Extend, ExtendRequest) -> PerItem<Timestamp>;
        wait(Wait, WaitRequest) -> PerItem<WaitAnswer>;
    }
    Checkpoints {
        load(Load, LoadRequest) -> Result<CheckpointPage, FencedError>;
        save(Save, SaveRequest) -> PerItem<SaveAnswer>;
    }
    Events {
        emit(Emit, EmitRequest) -> Result<EmitAnswer, StoreError>;
    }
    Upkeep {
        tick(Tick, TickRequest) -> Result<TickAnswer, StoreError>;
        purge(Purge, PurgeRequest) -> Result<PurgeAnswer, StoreError>;
    }
    Inspect {
        task(Task, TaskRequest) -> Result<Option<TaskDetail>, StoreError>;
        tasks(Tasks, TasksRequest) -> Result<Page<TaskView>, StoreError>;
        events(Events, EventsRequest) -> Result<Page<EventView>, StoreError>;
        counts(Counts, CountsRequest) -> Result<Counts, StoreError>;
    }
}

/// Hints stay in their process, and so this end hears none of the other's.
impl Signals for Remote {
    fn capabilities(&self) -> Capabilities {
        Capabilities { durability: Durability::Synced, hints: HintScope::Process }
    }

    fn hints(&self, _: &QueueName) -> Hints {
        futures::stream::pending().boxed()
    }
}
