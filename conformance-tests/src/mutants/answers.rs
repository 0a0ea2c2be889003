//! Answers, errors, hints and clocks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use durable_core::model::{CallId, Lease, Millis, QueueName, TaskId, TaskName, Timestamp};
use durable_core::store::{
    CheckpointPage, ClaimAnswer, ClaimRequest, DropQueueAnswer, DropQueueRequest, Ending, ExtendRequest,
    FencedError, Hints, LoadRequest, Outcome, OutcomeRequest, Page, RetryAnswer, RetryRequest, RunEnd,
    SpawnAnswer, SpawnRequest, Store, StoreError, StoreErrorKind, TaskDetail, TaskRequest, TaskView,
    TasksRequest, Verb,
};

use super::wrong::{PerItem, Wrong};
use super::{Wrapper, wrapper};

pub(super) const MUTANTS: &[Wrapper] = &[
    wrapper(
        "18",
        "A lease ends by the clock of the worker that asked for it.",
        &["CK-1", "CL-20"],
        |handle| Box::new(WorkersClock { ahead: handle % 2 == 1 }),
    ),
    wrapper("48", "A failure that is sent again fails the next attempt, too.", &["RT-9", "AM-2"], |_| {
        Box::new(FailsAgain::default())
    }),
    wrapper("70", "Every error is unavailable, and surely nothing was written.", &["MT-6"], |_| {
        Box::new(AllAlike)
    }),
    wrapper(
        "71",
        "A spawn is repeated by the store itself, which tells what the second one came to.",
        &["AM-6"],
        |_| Box::new(SpawnsBlindly),
    ),
    Wrapper {
        lacks: Some(Verb::Retry),
        ..wrapper("75", "A verb that the store does not have answers, and does nothing.", &["MT-7"], |_| {
            Box::new(SaysYes)
        })
    },
    wrapper("76", "Hints are promised, and none ever comes.", &["MT-11"], |_| Box::new(NeverHints)),
    wrapper("107", "A claim gives one task more than was asked for.", &["CL-2"], |_| Box::new(OneMore)),
    wrapper("108", "Only the first page of checkpoints is loaded.", &["CP-5"], |_| Box::new(FirstPage)),
    wrapper("109", "Only the first page of tasks is listed.", &["CO-6"], |_| Box::new(FirstList)),
    wrapper("161", "Dropping a queue that is missing says that it was dropped.", &["QU-5"], |_| {
        Box::new(Dropped)
    }),
    wrapper(
        "162",
        "A handle that has found nothing to claim looks again when it has spawned itself.",
        &["MT-1", "SP-18"],
        |_| Box::new(KnowsBetter::default()),
    ),
    wrapper("110", "An end that was told once is told again after the purge.", &["RE-8"], |_| {
        Box::new(Remembers::default())
    }),
];

/// The worker of every other handle is an hour ahead, and reckons the end of its leases itself.
struct WorkersClock {
    ahead: bool,
}

impl WorkersClock {
    fn reckon(&self, lease: &mut Lease) {
        let hour = i64::from(self.ahead) * 3_600_000;
        let reckoned = Millis::stored(lease.millis().as_i64().saturating_add(hour));
        *lease = reckoned.and_then(|millis| Lease::stored(millis.as_i64())).unwrap_or(*lease);
    }
}

#[async_trait]
impl Wrong for WorkersClock {
    async fn claim(&self, right: &dyn Store, mut request: ClaimRequest) -> Result<ClaimAnswer, StoreError> {
        self.reckon(&mut request.lease);
        right.claim(request).await
    }

    async fn extend(&self, right: &dyn Store, mut request: ExtendRequest) -> PerItem<Timestamp> {
        request.items.iter_mut().for_each(|item| self.reckon(&mut item.lease));
        right.extend(request).await
    }
}

/// Keeps the request and the name of each run it saw, to do everything again.
#[derive(Default)]
struct FailsAgain(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    names: BTreeMap<TaskId, TaskName>,
    failed: Vec<RunEnd>,
}

impl FailsAgain {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The failures of a request that came before, with the name of their task.
    fn repeated(&self, request: &ClaimRequest) -> Vec<(RunEnd, TaskName)> {
        let mut seen = self.seen();
        let fails = |end: &&RunEnd| matches!(end.ending, Ending::Fail { .. });
        let (old, new): (Vec<_>, Vec<_>) =
            request.ends.iter().filter(fails).cloned().partition(|end| seen.failed.contains(end));
        seen.failed.extend(new);
        old.into_iter()
            .filter_map(|end| Some((end.clone(), seen.names.get(&end.token.task)?.clone())))
            .collect()
    }
}

#[async_trait]
impl Wrong for FailsAgain {
    async fn claim(&self, right: &dyn Store, request: ClaimRequest) -> Result<ClaimAnswer, StoreError> {
        let again = self.repeated(&request);
        let mut another = request.clone();
        (another.max, another.ends) = (1, Vec::new());
        let answer = right.claim(request).await?;
        self.seen().names.extend(answer.claims.iter().map(|claim| (claim.token.task, claim.name.clone())));
        for (end, name) in again {
            (another.call, another.names) = (CallId::new(), vec![name]);
            for claim in right.claim(another.clone()).await?.claims {
                let ends = vec![RunEnd { token: claim.token, ending: end.ending.clone() }];
                right.claim(another.clone().ending(ends)).await?;
            }
        }
        Ok(answer)
    }
}

/// Tells all errors as one.
struct AllAlike;

fn alike<T>(verb: Verb, answer: Result<T, StoreError>) -> Result<T, StoreError> {
    answer.map_err(|_| StoreError::new(StoreErrorKind::Unavailable, verb, "something went wrong"))
}

#[async_trait]
impl Wrong for AllAlike {
    async fn spawn(&self, right: &dyn Store, request: SpawnRequest) -> Result<SpawnAnswer, StoreError> {
        alike(Verb::Spawn, right.spawn(request).await)
    }

    async fn claim(&self, right: &dyn Store, request: ClaimRequest) -> Result<ClaimAnswer, StoreError> {
        alike(Verb::Claim, right.claim(request).await)
    }

    async fn tasks(&self, right: &dyn Store, request: TasksRequest) -> Result<Page<TaskView>, StoreError> {
        alike(Verb::Tasks, right.tasks(request).await)
    }

    async fn task(&self, right: &dyn Store, request: TaskRequest) -> Result<Option<TaskDetail>, StoreError> {
        alike(Verb::Task, right.task(request).await)
    }
}

/// Retries what it does not know the answer of.
struct SpawnsBlindly;

#[async_trait]
impl Wrong for SpawnsBlindly {
    async fn spawn(&self, right: &dyn Store, request: SpawnRequest) -> Result<SpawnAnswer, StoreError> {
        right.spawn(request.clone()).await?;
        right.spawn(request).await
    }
}

/// Has no `retry`.
struct SaysYes;

#[async_trait]
impl Wrong for SaysYes {
    async fn retry(&self, _right: &dyn Store, _request: RetryRequest) -> Result<RetryAnswer, StoreError> {
        Ok(RetryAnswer::Reopened)
    }
}

/// Promises as much as the store does, and says nothing.
struct NeverHints;

impl Wrong for NeverHints {
    fn hints(&self, _right: &dyn Store, _queue: &QueueName) -> Hints {
        Box::pin(futures::stream::pending())
    }
}

/// Counts from 0 to the limit.
struct OneMore;

#[async_trait]
impl Wrong for OneMore {
    async fn claim(&self, right: &dyn Store, mut request: ClaimRequest) -> Result<ClaimAnswer, StoreError> {
        request.max += u32::from((1..1_000).contains(&request.max));
        right.claim(request).await
    }
}

/// Says of the first page of checkpoints that it is the last.
struct FirstPage;

#[async_trait]
impl Wrong for FirstPage {
    async fn load(&self, right: &dyn Store, request: LoadRequest) -> Result<CheckpointPage, FencedError> {
        let page = right.load(request).await?;
        Ok(CheckpointPage { more: false, ..page })
    }
}

/// Keeps no cursors.
struct FirstList;

#[async_trait]
impl Wrong for FirstList {
    async fn tasks(&self, right: &dyn Store, request: TasksRequest) -> Result<Page<TaskView>, StoreError> {
        let page = right.tasks(request).await?;
        Ok(Page { next: None, ..page })
    }
}

/// Does not tell a queue that is gone from one that never was.
struct Dropped;

#[async_trait]
impl Wrong for Dropped {
    async fn drop_queue(
        &self,
        right: &dyn Store,
        request: DropQueueRequest,
    ) -> Result<DropQueueAnswer, StoreError> {
        let answer = right.drop_queue(request).await?;
        Ok(if answer == DropQueueAnswer::NotFound { DropQueueAnswer::Dropped } else { answer })
    }
}

/// Remembers which queues are empty.
#[derive(Default)]
struct KnowsBetter(Mutex<BTreeSet<QueueName>>);

impl KnowsBetter {
    fn empty(&self) -> MutexGuard<'_, BTreeSet<QueueName>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Wrong for KnowsBetter {
    async fn spawn(&self, right: &dyn Store, request: SpawnRequest) -> Result<SpawnAnswer, StoreError> {
        self.empty().remove(&request.queue);
        right.spawn(request).await
    }

    async fn claim(&self, right: &dyn Store, mut request: ClaimRequest) -> Result<ClaimAnswer, StoreError> {
        let queue = request.queue.clone();
        if self.empty().contains(&queue) {
            request.max = 0;
        }
        let asked = request.max > 0;
        let answer = right.claim(request).await?;
        if asked && answer.claims.is_empty() {
            self.empty().insert(queue);
        }
        Ok(answer)
    }
}

/// Keeps the ends that it told.
#[derive(Default)]
struct Remembers(Mutex<BTreeMap<TaskId, Outcome>>);

#[async_trait]
impl Wrong for Remembers {
    async fn outcome(&self, right: &dyn Store, request: OutcomeRequest) -> Result<Outcome, StoreError> {
        let task = request.task;
        let told = right.outcome(request).await?;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told == Outcome::NotFound {
            return Ok(known.get(&task).cloned().unwrap_or(told));
        }
        known.insert(task, told.clone());
        Ok(told)
    }
}
