//! [`Layered`] is a store: every verb passes through its layer. The only place that spells them all.

use async_trait::async_trait;
use durable_core::model::{QueueName, Timestamp};
use durable_core::store::{
    CancelAnswer, CancelRequest, Capabilities, CheckpointPage, Checkpoints, ClaimAnswer, ClaimRequest,
    Counts, CountsRequest, DropQueueAnswer, DropQueueRequest, EmitAnswer, EmitRequest, EventView, Events,
    EventsRequest, ExtendRequest, FencedError, Hints, Inspect, ListQueuesRequest, LoadRequest, Outcome,
    OutcomeRequest, Page, PurgeAnswer, PurgeRequest, PutQueueAnswer, PutQueueRequest, QueueView, Queues,
    RetryAnswer, RetryRequest, Runs, SaveAnswer, SaveRequest, Signals, SpawnAnswer, SpawnRequest, StoreError,
    TaskDetail, TaskRequest, TaskView, Tasks, TasksRequest, TickAnswer, TickRequest, Upkeep, Verb,
    WaitAnswer, WaitRequest,
};

use super::{Call, Layer, Layered};

macro_rules! delegate {
    ($role:ident { $($verb:ident ($name:ident, $request:ty) -> $answer:ty;)* }) => {
        #[async_trait]
        impl<L: Layer> $role for Layered<L> {
            $(async fn $verb(&self, request: $request) -> $answer {
                let call = Call { verb: Verb::$name, queue: request.on_queue() };
                self.pass(call, self.inner.$verb(request)).await
            })*
        }
    };
}

type PerItem<T> = Result<Vec<Result<T, FencedError>>, StoreError>;

delegate!(Queues {
    put_queue(PutQueue, PutQueueRequest) -> Result<PutQueueAnswer, StoreError>;
    drop_queue(DropQueue, DropQueueRequest) -> Result<DropQueueAnswer, StoreError>;
    list_queues(ListQueues, ListQueuesRequest) -> Result<Page<QueueView>, StoreError>;
});

delegate!(Tasks {
    spawn(Spawn, SpawnRequest) -> Result<SpawnAnswer, StoreError>;
    cancel(Cancel, CancelRequest) -> Result<CancelAnswer, StoreError>;
    retry(Retry, RetryRequest) -> Result<RetryAnswer, StoreError>;
    outcome(Outcome, OutcomeRequest) -> Result<Outcome, StoreError>;
});

delegate!(Runs {
    claim(Claim, ClaimRequest) -> Result<ClaimAnswer, StoreError>;
    extend(Extend, ExtendRequest) -> PerItem<Timestamp>;
    wait(Wait, WaitRequest) -> PerItem<WaitAnswer>;
});

delegate!(Checkpoints {
    load(Load, LoadRequest) -> Result<CheckpointPage, FencedError>;
    save(Save, SaveRequest) -> PerItem<SaveAnswer>;
});

delegate!(Events {
    emit(Emit, EmitRequest) -> Result<EmitAnswer, StoreError>;
});

delegate!(Upkeep {
    tick(Tick, TickRequest) -> Result<TickAnswer, StoreError>;
    purge(Purge, PurgeRequest) -> Result<PurgeAnswer, StoreError>;
});

delegate!(Inspect {
    task(Task, TaskRequest) -> Result<Option<TaskDetail>, StoreError>;
    tasks(Tasks, TasksRequest) -> Result<Page<TaskView>, StoreError>;
    events(Events, EventsRequest) -> Result<Page<EventView>, StoreError>;
    counts(Counts, CountsRequest) -> Result<Counts, StoreError>;
});

impl<L: Layer> Signals for Layered<L> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn hints(&self, queue: &QueueName) -> Hints {
        self.layer.hints(self.inner.hints(queue))
    }
}

/// The queue that a request is about.
trait OnQueue {
    fn on_queue(&self) -> Option<QueueName>;
}

macro_rules! on_queue {
    ($($request:ty)*) => {
        $(impl OnQueue for $request {
            fn on_queue(&self) -> Option<QueueName> {
                Some(self.queue.clone())
            }
        })*
    };
}

on_queue! {
    PutQueueRequest DropQueueRequest SpawnRequest CancelRequest RetryRequest OutcomeRequest ClaimRequest
    ExtendRequest WaitRequest LoadRequest SaveRequest EmitRequest TickRequest PurgeRequest TaskRequest
    TasksRequest EventsRequest CountsRequest
}

impl OnQueue for ListQueuesRequest {
    fn on_queue(&self) -> Option<QueueName> {
        None
    }
}
