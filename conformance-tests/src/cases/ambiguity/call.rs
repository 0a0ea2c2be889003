//! Calls that are written down, to be made in two places or more than once.

use std::fmt::Debug;
use std::sync::Arc;

use durable_core::store::{FencedError, StoreError};

use crate::prelude::*;

/// A call with its request.
#[derive(Debug, Clone)]
pub(super) enum Call {
    PutQueue(PutQueueRequest),
    DropQueue(DropQueueRequest),
    Spawn(SpawnRequest),
    Cancel(CancelRequest),
    Retry(RetryRequest),
    Claim(ClaimRequest),
    Extend(ExtendRequest),
    Wait(WaitRequest),
    Save(SaveRequest),
    Emit(EmitRequest),
    Tick(TickRequest),
    Purge(PurgeRequest),
    ListQueues(ListQueuesRequest),
    Outcome(OutcomeRequest),
    Load(LoadRequest),
    Task(TaskRequest),
    Tasks(TasksRequest),
    Events(EventsRequest),
    Counts(CountsRequest),
}

impl Call {
    pub(super) const fn verb(&self) -> Verb {
        match self {
            Self::PutQueue(_) => Verb::PutQueue,
            Self::DropQueue(_) => Verb::DropQueue,
            Self::Spawn(_) => Verb::Spawn,
            Self::Cancel(_) => Verb::Cancel,
            Self::Retry(_) => Verb::Retry,
            Self::Claim(_) => Verb::Claim,
            Self::Extend(_) => Verb::Extend,
            Self::Wait(_) => Verb::Wait,
            Self::Save(_) => Verb::Save,
            Self::Emit(_) => Verb::Emit,
            Self::Tick(_) => Verb::Tick,
            Self::Purge(_) => Verb::Purge,
            Self::ListQueues(_) => Verb::ListQueues,
            Self::Outcome(_) => Verb::Outcome,
            Self::Load(_) => Verb::Load,
            Self::Task(_) => Verb::Task,
            Self::Tasks(_) => Verb::Tasks,
            Self::Events(_) => Verb::Events,
            Self::Counts(_) => Verb::Counts,
        }
    }

    /// Makes the call; an answer is compared as text, without what depends on when it was given.
    pub(super) async fn on(&self, store: &Arc<dyn Store>) -> Result<String, StoreError> {
        Ok(match self.clone() {
            Self::PutQueue(request) => shown(store.put_queue(request).await?),
            Self::DropQueue(request) => shown(store.drop_queue(request).await?),
            Self::Spawn(request) => shown(store.spawn(request).await?),
            Self::Cancel(request) => shown(store.cancel(request).await?),
            Self::Retry(request) => shown(store.retry(request).await?),
            Self::Claim(request) => {
                let answer = store.claim(request).await?;
                shown((items(answer.ends), answer.claims))
            }
            Self::Extend(request) => shown(items(store.extend(request).await?)),
            Self::Wait(request) => shown(items(store.wait(request).await?)),
            Self::Save(request) => shown(items(store.save(request).await?)),
            Self::Emit(request) => shown(store.emit(request).await?),
            Self::Tick(request) => shown(TickAnswer { next_due: None, ..store.tick(request).await? }),
            Self::Purge(request) => shown(store.purge(request).await?),
            Self::ListQueues(request) => shown(store.list_queues(request).await?),
            Self::Outcome(request) => shown(store.outcome(request).await?),
            Self::Load(request) => match store.load(request).await {
                Err(FencedError::Fault(error)) => return Err(error),
                answer => shown(answer.map_err(Refusal::from)),
            },
            Self::Task(request) => shown(store.task(request).await?),
            Self::Tasks(request) => shown(store.tasks(request).await?),
            Self::Events(request) => shown(store.events(request).await?),
            Self::Counts(request) => shown(store.counts(request).await?),
        })
    }

    /// The call as its caller makes it again when it cannot know whether it happened.
    pub(super) fn again(&self) -> Self {
        match self.clone() {
            Self::Claim(request) => Self::Claim(request.repeated()),
            call => call,
        }
    }

    /// Each time that it is made, it leaves the claim its full lease (`C4`).
    pub(super) const fn moves_a_lease(&self) -> bool {
        matches!(self, Self::Save(_) | Self::Extend(_))
    }

    /// It takes tasks. Its repeat is for what it took, and takes nothing (`C7`).
    pub(super) const fn takes(&self) -> bool {
        matches!(self, Self::Claim(request) if request.max > 0)
    }
}

fn items<T>(answers: Vec<Result<T, FencedError>>) -> Vec<Fenced<T>> {
    answers.into_iter().map(|answer| answer.map_err(Refusal::from)).collect()
}

pub(super) fn shown(answer: impl Debug) -> String {
    format!("{answer:?}")
}
