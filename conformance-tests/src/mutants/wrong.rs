//! A store that is wrong in one way: each verb passes on to a correct store unless the mutant overrides it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use durable_core::model::{Clock, QueueName, TaskId, Timestamp};
use durable_core::store::{
    CancelAnswer, CancelRequest, Capabilities, CheckpointPage, Checkpoints, ClaimAnswer, ClaimRequest,
    Counts, CountsRequest, DropQueueAnswer, DropQueueRequest, EmitAnswer, EmitRequest, EventView, Events,
    EventsRequest, ExtendRequest, FencedError, Hints, Inspect, ListQueuesRequest, LoadRequest, Outcome,
    OutcomeRequest, Page, PurgeAnswer, PurgeRequest, PutQueueAnswer, PutQueueRequest, QueueView, Queues,
    RetryAnswer, RetryRequest, Runs, SaveAnswer, SaveRequest, Signals, SpawnAnswer, SpawnRequest, Store,
    StoreError, TaskDetail, TaskRequest, TaskView, Tasks, TasksRequest, TickAnswer, TickRequest, Upkeep,
    Verb, WaitAnswer, WaitRequest,
};

use crate::harness::{Harness, Namespace};
use crate::level::Level;

pub(super) type PerItem<T> = Result<Vec<Result<T, FencedError>>, StoreError>;

/// Spells every verb once: the trait of the mutants with what is right by default, and the store that follows it.
macro_rules! verbs {
    ($($role:ident { $($verb:ident ($request:ty) -> $answer:ty;)* })*) => {
        /// What a mutant does instead of what is right; by default nothing.
        #[async_trait]
        pub(super) trait Wrong: Send + Sync + 'static {
            $($(async fn $verb(&self, right: &dyn Store, request: $request) -> $answer {
                right.$verb(request).await
            })*)*

            fn hints(&self, right: &dyn Store, queue: &QueueName) -> Hints {
                right.hints(queue)
            }
        }

        $(#[async_trait]
        impl $role for Mutated {
            $(async fn $verb(&self, request: $request) -> $answer {
                self.wrong.$verb(&*self.right, request).await
            })*
        })*
    };
}

verbs! {
    Queues {
        put_queue(PutQueueRequest) -> Result<PutQueueAnswer, StoreError>;
        drop_queue(DropQueueRequest) -> Result<DropQueueAnswer, StoreError>;
        list_queues(ListQueuesRequest) -> Result<Page<QueueView>, StoreError>;
    }
    Tasks {
        spawn(SpawnRequest) -> Result<SpawnAnswer, StoreError>;
        cancel(CancelRequest) -> Result<CancelAnswer, StoreError>;
        retry(RetryRequest) -> Result<RetryAnswer, StoreError>;
        outcome(OutcomeRequest) -> Result<Outcome, StoreError>;
    }
    Runs {
        claim(ClaimRequest) -> Result<ClaimAnswer, StoreError>;
        extend(ExtendRequest) -> PerItem<Timestamp>;
        wait(WaitRequest) -> PerItem<WaitAnswer>;
    }
    Checkpoints {
        load(LoadRequest) -> Result<CheckpointPage, FencedError>;
        save(SaveRequest) -> PerItem<SaveAnswer>;
    }
    Events {
        emit(EmitRequest) -> Result<EmitAnswer, StoreError>;
    }
    Upkeep {
        tick(TickRequest) -> Result<TickAnswer, StoreError>;
        purge(PurgeRequest) -> Result<PurgeAnswer, StoreError>;
    }
    Inspect {
        task(TaskRequest) -> Result<Option<TaskDetail>, StoreError>;
        tasks(TasksRequest) -> Result<Page<TaskView>, StoreError>;
        events(EventsRequest) -> Result<Page<EventView>, StoreError>;
        counts(CountsRequest) -> Result<Counts, StoreError>;
    }
}

impl Signals for Mutated {
    fn capabilities(&self) -> Capabilities {
        self.right.capabilities()
    }

    fn hints(&self, queue: &QueueName) -> Hints {
        self.wrong.hints(&*self.right, queue)
    }
}

/// One handle on a store that a mutant stands before.
struct Mutated {
    right: Arc<dyn Store>,
    wrong: Box<dyn Wrong>,
}

impl fmt::Debug for Mutated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutated").field("right", &self.right).finish_non_exhaustive()
    }
}

/// Makes the mutant of a handle, of which it is told the number: every handle is a process of its own.
pub(super) type Make = fn(usize) -> Box<dyn Wrong>;

/// The harness of a correct store, whose handles a mutant wraps.
pub(super) struct MutatedHarness {
    right: Arc<dyn Harness>,
    make: Make,
    /// The verb that the store does not declare.
    lacks: Option<Verb>,
    opened: AtomicUsize,
}

impl MutatedHarness {
    pub(super) fn new(right: Arc<dyn Harness>, make: Make, lacks: Option<Verb>) -> Self {
        Self { right, make, lacks, opened: AtomicUsize::new(0) }
    }
}

#[async_trait]
impl Harness for MutatedHarness {
    fn name(&self) -> &'static str {
        self.right.name()
    }

    fn version(&self) -> &'static str {
        self.right.version()
    }

    fn level(&self) -> Level {
        self.right.level()
    }

    fn verbs(&self) -> Vec<Verb> {
        self.right.verbs().into_iter().filter(|verb| Some(*verb) != self.lacks).collect()
    }

    async fn open(&self, namespace: &Namespace, clock: Clock) -> anyhow::Result<Arc<dyn Store>> {
        let right = self.right.open(namespace, clock).await?;
        let wrong = (self.make)(self.opened.fetch_add(1, Ordering::Relaxed));
        Ok(Arc::new(Mutated { right, wrong }))
    }

    async fn destroy(&self, namespace: &Namespace) -> anyhow::Result<()> {
        self.right.destroy(namespace).await
    }

    async fn corrupt(
        &self,
        namespace: &Namespace,
        queue: &QueueName,
        task: TaskId,
    ) -> Option<anyhow::Result<()>> {
        self.right.corrupt(namespace, queue, task).await
    }

    fn filler(&self) -> usize {
        self.right.filler()
    }
}
