//! [`Layered`] is a store: every verb passes through its layer. The only place that spells them all.

use async_trait::async_trait;
use durable_core::model::{QueueName, TaskId, Timestamp};
use durable_core::store::{
    CancelAnswer, CancelRequest, Capabilities, CheckpointPage, Checkpoints, ClaimAnswer, ClaimRequest,
    Counts, CountsRequest, DropQueueAnswer, DropQueueRequest, EmitAnswer, EmitRequest, EventView, Events,
    EventsRequest, ExtendRequest, FencedError, Hints, Inspect, ListQueuesRequest, LoadRequest, Outcome,
    OutcomeRequest, Page, PurgeAnswer, PurgeRequest, PutQueueAnswer, PutQueueRequest, QueueView, Queues,
    RetryAnswer, RetryRequest, Runs, SaveAnswer, SaveRequest, Signals, SpawnAnswer, SpawnRequest, StoreError,
    TaskDetail, TaskRequest, TaskView, Tasks, TasksRequest, TickAnswer, TickRequest, Upkeep, Verb,
    WaitAnswer, WaitRequest,
};

use super::said::Said;
use super::{Call, Layer, Layered};

/// Passes a call through the layer, which may make it more than once.
macro_rules! pass {
    ($layered:ident.$verb:ident($name:ident, $request:ident)) => {{
        let (about, inner) = (call(Verb::$name, &$request), $layered.inner.clone());
        let make = move || {
            let (inner, request) = (inner.clone(), $request.clone());
            async move { inner.$verb(request).await }
        };
        $layered.pass(about, make).await
    }};
}

macro_rules! delegate {
    ($role:ident { $($verb:ident ($name:ident, $request:ty) -> $answer:ty;)* }) => {
        #[async_trait]
        impl<L: Layer> $role for Layered<L> {
            $(async fn $verb(&self, request: $request) -> $answer {
                pass!(self.$verb($name, request))
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

#[async_trait]
impl<L: Layer> Checkpoints for Layered<L> {
    async fn load(&self, request: LoadRequest) -> Result<CheckpointPage, FencedError> {
        let page = pass!(self.load(Load, request))?;
        Ok(self.layer.loaded(page))
    }

    async fn save(&self, request: SaveRequest) -> PerItem<SaveAnswer> {
        pass!(self.save(Save, request))
    }
}

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

fn call(verb: Verb, request: &(impl About + Said)) -> Call {
    Call { verb, queue: request.on_queue(), claims: request.claims(), said: request.said() }
}

/// What a request is about.
trait About {
    fn on_queue(&self) -> Option<QueueName>;
    /// The tasks under whose claims it writes or reads.
    fn claims(&self) -> Vec<TaskId>;
}

macro_rules! about {
    ($($request:ty: $self:ident => $claims:expr;)*) => {
        $(impl About for $request {
            fn on_queue(&self) -> Option<QueueName> {
                Some(self.queue.clone())
            }

            fn claims(&$self) -> Vec<TaskId> {
                $claims
            }
        })*
    };
}

about! {
    PutQueueRequest: self => Vec::new();
    DropQueueRequest: self => Vec::new();
    SpawnRequest: self => Vec::new();
    CancelRequest: self => Vec::new();
    RetryRequest: self => Vec::new();
    OutcomeRequest: self => Vec::new();
    ClaimRequest: self => self.ends.iter().map(|end| end.token.task).collect();
    ExtendRequest: self => self.items.iter().map(|item| item.token.task).collect();
    WaitRequest: self => self.items.iter().map(|item| item.token.task).collect();
    LoadRequest: self => vec![self.token.task];
    SaveRequest: self => self.items.iter().map(|item| item.token.task).collect();
    EmitRequest: self => Vec::new();
    TickRequest: self => Vec::new();
    PurgeRequest: self => Vec::new();
    TaskRequest: self => Vec::new();
    TasksRequest: self => Vec::new();
    EventsRequest: self => Vec::new();
    CountsRequest: self => Vec::new();
}

impl About for ListQueuesRequest {
    fn on_queue(&self) -> Option<QueueName> {
        None
    }

    fn claims(&self) -> Vec<TaskId> {
        Vec::new()
    }
}
