//! Planted bugs: random calls find each, and show it in a handful of calls.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use durable_core::model::{Clock, QueueName, TaskId, Timestamp};
use durable_core::store::{
    CancelAnswer, CancelRequest, Capabilities, CheckpointPage, Checkpoints, ClaimAnswer, ClaimRequest,
    Counts, CountsRequest, DropQueueAnswer, DropQueueRequest, EmitAnswer, EmitRequest, EventView, Events,
    EventsRequest, ExtendRequest, FencedError, Hints, Inspect, ListQueuesRequest, LoadRequest, Outcome,
    OutcomeRequest, Page, PurgeAnswer, PurgeRequest, PutQueueAnswer, PutQueueRequest, QueueView, Queues,
    RetryAnswer, RetryRequest, Runs, SaveAnswer, SaveRequest, Signals, SpawnAnswer, SpawnRequest, Store,
    StoreError, TaskDetail, TaskRequest, TaskView, Tasks, TasksRequest, TickAnswer, TickRequest, Upkeep,
    WaitAnswer, WaitRequest,
};
use durable_memory::MemoryStore;

use super::report::Difference;
use super::sequence::run_seed;
use crate::checked::World;
use crate::expect::Violation;
use crate::harness::{Harness, Namespace};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bug {
    None,
    /// Each handle has data of its own.
    HandlesAreAlone,
    /// An event is written although it should have been kept.
    AbsentOrNot,
    /// Of several claims one is not told.
    OneClaimLess,
    /// What is due is due for ever.
    NoTick,
    /// Another value under the same key is said to be stored.
    NoConflict,
    /// A suspended run is told that it goes on.
    NeverSuspended,
    /// A failed task has failed, retried or not.
    FailedForEver,
}

/// The memory store with a bug.
#[derive(Debug, Clone)]
struct Liar {
    inner: MemoryStore,
    bug: Bug,
    failed: Arc<Mutex<BTreeMap<TaskId, Outcome>>>,
}

impl Liar {
    fn is(&self, bug: Bug) -> bool {
        self.bug == bug
    }

    fn outcome_again(&self, task: TaskId, answer: Outcome) -> Outcome {
        let mut failed = self.failed.lock().unwrap();
        match answer {
            Outcome::Failed(_) => failed.entry(task).or_insert(answer).clone(),
            Outcome::Live => failed.get(&task).cloned().unwrap_or(answer),
            answer => answer,
        }
    }
}

type Answer<T> = Result<T, StoreError>;
type PerItem<T> = Answer<Vec<Result<T, FencedError>>>;

/// Verbs of one role: those that pass as they are, and then those that a bug changes.
macro_rules! role {
    ($role:ident { $($verb:ident($request:ty) -> $answer:ty;)* } $($changed:tt)*) => {
        #[async_trait]
        impl $role for Liar {
            $(async fn $verb(&self, request: $request) -> $answer {
                self.inner.$verb(request).await
            })*
            $($changed)*
        }
    };
}

role!(Queues {
    put_queue(PutQueueRequest) -> Answer<PutQueueAnswer>;
    drop_queue(DropQueueRequest) -> Answer<DropQueueAnswer>;
    list_queues(ListQueuesRequest) -> Answer<Page<QueueView>>;
});

role!(Tasks {
    spawn(SpawnRequest) -> Answer<SpawnAnswer>;
    cancel(CancelRequest) -> Answer<CancelAnswer>;
    retry(RetryRequest) -> Answer<RetryAnswer>;
}
async fn outcome(&self, request: OutcomeRequest) -> Answer<Outcome> {
    let (task, answer) = (request.task, self.inner.outcome(request).await?);
    Ok(if self.is(Bug::FailedForEver) { self.outcome_again(task, answer) } else { answer })
});

role!(Runs {
    extend(ExtendRequest) -> PerItem<Timestamp>;
}
async fn claim(&self, request: ClaimRequest) -> Answer<ClaimAnswer> {
    let mut answer = self.inner.claim(request).await?;
    if self.is(Bug::OneClaimLess) && answer.claims.len() > 1 {
        answer.claims.pop();
    }
    Ok(answer)
}
async fn wait(&self, request: WaitRequest) -> PerItem<WaitAnswer> {
    let answers = self.inner.wait(request).await?.into_iter();
    let told = |answer| match answer {
        Ok(WaitAnswer::Suspended) if self.is(Bug::NeverSuspended) => Ok(WaitAnswer::Registered),
        answer => answer,
    };
    Ok(answers.map(told).collect())
});

role!(Checkpoints {
    load(LoadRequest) -> Result<CheckpointPage, FencedError>;
}
async fn save(&self, request: SaveRequest) -> PerItem<SaveAnswer> {
    let answers = self.inner.save(request).await?.into_iter();
    let told = |answer| match answer {
        Ok(SaveAnswer::Conflict { .. }) if self.is(Bug::NoConflict) => {
            Ok(SaveAnswer::Stored { expires_at: Timestamp::MAX })
        }
        answer => answer,
    };
    Ok(answers.map(told).collect())
});

role!(Events {}
async fn emit(&self, mut request: EmitRequest) -> Answer<EmitAnswer> {
    request.only_if_absent &= !self.is(Bug::AbsentOrNot);
    self.inner.emit(request).await
});

role!(Upkeep {
    purge(PurgeRequest) -> Answer<PurgeAnswer>;
}
async fn tick(&self, request: TickRequest) -> Answer<TickAnswer> {
    if self.is(Bug::NoTick) { Ok(TickAnswer::default()) } else { self.inner.tick(request).await }
});

role!(Inspect {
    task(TaskRequest) -> Answer<Option<TaskDetail>>;
    tasks(TasksRequest) -> Answer<Page<TaskView>>;
    events(EventsRequest) -> Answer<Page<EventView>>;
    counts(CountsRequest) -> Answer<Counts>;
});

impl Signals for Liar {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn hints(&self, queue: &QueueName) -> Hints {
        self.inner.hints(queue)
    }
}

/// Opens stores with one bug.
struct Lying {
    bug: Bug,
    stores: Mutex<BTreeMap<Namespace, Liar>>,
}

#[async_trait]
impl Harness for Lying {
    fn name(&self) -> &'static str {
        "a store with a planted bug"
    }

    async fn open(&self, namespace: &Namespace, clock: Clock) -> anyhow::Result<Arc<dyn Store>> {
        let new = || Liar { inner: MemoryStore::with_clock(clock), bug: self.bug, failed: Arc::default() };
        if self.bug == Bug::HandlesAreAlone {
            return Ok(Arc::new(new()));
        }
        Ok(Arc::new(self.stores.lock().unwrap().entry(namespace.clone()).or_insert_with(new).clone()))
    }

    async fn destroy(&self, namespace: &Namespace) -> anyhow::Result<()> {
        self.stores.lock().unwrap().remove(namespace);
        Ok(())
    }
}

/// The first difference that some seeds find.
async fn difference(bug: Bug) -> Option<Box<Difference>> {
    let world = Arc::new(World::alone(Arc::new(Lying { bug, stores: Mutex::default() })));
    for seed in 0..super::MOST_SEEDS {
        if let Err(difference) = run_seed(&world, seed).await {
            return Some(difference);
        }
    }
    None
}

#[tokio::test]
async fn calls_that_have_met_too_little_are_told_what_they_have_not_met() {
    let world = Arc::new(World::alone(Arc::new(Lying { bug: Bug::None, stores: Mutex::default() })));
    let coverage = run_seed(&world, 0).await.expect("no difference");
    let told = coverage.is_whole().expect_err("one sequence is not enough").got;
    assert!(told.contains("snapshot: waking; ") && !told.contains("emit: written"), "{told}");
}

/// Random calls find the bug, and no more than so many of them show it.
async fn shows(bug: Bug, calls: usize) {
    let difference = difference(bug).await.expect("random calls find the bug");
    let Violation { got, wanted, .. } = &difference.violation;
    let shown = format!("{bug:?}: {difference}\n  got    {got}\n  wanted {wanted}\n");
    println!("{shown}");
    assert!(difference.least.len() <= calls, "more than {calls} calls show {shown}");
}

#[tokio::test]
async fn a_store_without_a_bug_shows_no_difference() {
    assert!(difference(Bug::None).await.is_none());
}

#[tokio::test]
async fn data_that_one_handle_alone_has_show_before_any_call() {
    shows(Bug::HandlesAreAlone, 0).await;
}

#[tokio::test]
async fn what_no_tick_does_shows_at_the_end_of_one_call() {
    shows(Bug::NoTick, 1).await;
}

#[tokio::test]
async fn a_claim_that_is_not_told_shows_in_two_calls() {
    shows(Bug::OneClaimLess, 2).await;
}

#[tokio::test]
async fn an_event_that_is_written_again_shows_in_two_calls() {
    shows(Bug::AbsentOrNot, 2).await;
}

#[tokio::test]
async fn a_run_that_is_not_suspended_shows_in_three_calls() {
    shows(Bug::NeverSuspended, 3).await;
}

#[tokio::test]
async fn a_value_that_is_replaced_shows_in_five_calls() {
    shows(Bug::NoConflict, 5).await;
}

#[tokio::test]
async fn an_outcome_that_a_retry_does_not_change_shows_in_six_calls() {
    shows(Bug::FailedForEver, 6).await;
}
