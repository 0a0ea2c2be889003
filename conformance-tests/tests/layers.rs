//! The layers do to calls what they say, and nothing else.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use durable_conformance::faults::{Dead, Fault, FaultStore, Faults, Plan};
use durable_conformance::layer::{AlwaysYield, Layered, NeverYield};
use durable_core::model::{Payload, QueueName, TaskId, TaskName};
use durable_core::store::{
    CountsRequest, Inspect, NewTask, PutQueueRequest, QueueState, Queues, SpawnRequest, Store,
    StoreErrorKind, Tasks, Verb,
};
use durable_memory::MemoryStore;
use futures::FutureExt;

fn queue() -> QueueName {
    QueueName::new("q").unwrap()
}

async fn memory() -> Arc<dyn Store> {
    let store = MemoryStore::new();
    store.put_queue(PutQueueRequest::new(queue(), QueueState::Open)).await.unwrap();
    Arc::new(store)
}

fn spawn() -> SpawnRequest {
    let name = TaskName::new("job").unwrap();
    SpawnRequest::new(queue(), vec![NewTask::new(TaskId::new(), name, Payload::from_text("1"))])
}

async fn pending(store: &Arc<dyn Store>) -> u64 {
    store.counts(CountsRequest::new(queue())).await.unwrap().pending
}

#[tokio::test]
async fn a_dropped_request_does_not_happen_and_says_so() {
    let store = memory().await;
    let faulty = FaultStore::planned(store.clone(), Plan::new().at(Verb::Spawn, 2, Fault::DropRequest));
    assert!(faulty.spawn(spawn()).await.is_ok());
    let error = faulty.spawn(spawn()).await.unwrap_err();
    assert_eq!((error.kind, error.may_have_happened), (StoreErrorKind::Unavailable, false));
    assert_eq!(pending(&store).await, 1);
    assert!(faulty.spawn(spawn()).await.is_ok());
    assert_eq!(faulty.layer().count(Verb::Spawn), 3);
}

#[tokio::test]
async fn a_lost_request_and_a_lost_reply_look_alike_and_differ_in_effect() {
    let store = memory().await;
    for (fault, count) in [(Fault::LoseRequest, 0), (Fault::DropReply, 1)] {
        let faulty = FaultStore::planned(store.clone(), Plan::new().at_call(1, fault));
        let error = faulty.spawn(spawn()).await.unwrap_err();
        assert_eq!((error.kind, error.may_have_happened), (StoreErrorKind::Unavailable, true));
        assert_eq!(pending(&store).await, count);
    }
}

#[tokio::test]
async fn an_error_is_of_the_planned_kind() {
    let plan = Plan::new().at(Verb::Counts, 1, Fault::Error(StoreErrorKind::Corrupt));
    let faulty = FaultStore::planned(memory().await, plan);
    let error = faulty.counts(CountsRequest::new(queue())).await.unwrap_err();
    assert_eq!((error.kind, error.verb), (StoreErrorKind::Corrupt, Verb::Counts));
}

#[tokio::test]
async fn a_call_that_hangs_never_returns_and_never_happens() {
    let store = memory().await;
    let faulty = FaultStore::planned(store.clone(), Plan::new().at(Verb::Spawn, 1, Fault::Hang));
    assert!(faulty.spawn(spawn()).now_or_never().is_none());
    assert_eq!(pending(&store).await, 0);
    assert!(faulty.spawn(spawn()).await.is_ok());
}

#[tokio::test]
async fn a_process_that_dies_before_or_after_a_call_does_nothing_more() {
    for (fault, count) in [(Fault::CrashBefore, 0), (Fault::CrashAfter, 1)] {
        let store = memory().await;
        let layer = Faults::new(Plan::new().at(Verb::Spawn, 1, fault));
        let faulty = FaultStore::new(store.clone(), layer.clone());
        assert!(faulty.spawn(spawn()).now_or_never().is_none());
        assert!(layer.is_dead());
        assert!(faulty.spawn(spawn()).now_or_never().is_none());
        assert!(faulty.counts(CountsRequest::new(queue())).now_or_never().is_none());
        assert_eq!(pending(&store).await, count);
        layer.revive();
        assert!(faulty.spawn(spawn()).await.is_ok());
    }
}

#[tokio::test]
async fn a_dead_server_refuses() {
    let store = memory().await;
    let plan = Plan::new().at(Verb::Spawn, 2, Fault::CrashAfter).when_dead(Dead::Refuses);
    let faulty = FaultStore::planned(store.clone(), plan);
    assert!(faulty.spawn(spawn()).await.is_ok());
    assert!(faulty.spawn(spawn()).await.unwrap_err().may_have_happened);
    assert!(!faulty.spawn(spawn()).await.unwrap_err().may_have_happened);
    assert_eq!(pending(&store).await, 2);
}

#[tokio::test]
async fn a_call_on_its_way_when_the_process_dies_does_not_return() {
    let layer = Faults::new(Plan::new());
    let slow: Arc<dyn Store> = Arc::new(Layered::new(memory().await, AlwaysYield));
    let faulty = FaultStore::new(slow, layer.clone());
    let mut call = Box::pin(faulty.spawn(spawn()));
    let mut context = Context::from_waker(Waker::noop());
    assert!(call.as_mut().poll(&mut context).is_pending());
    layer.kill();
    for _ in 0..10 {
        assert!(call.as_mut().poll(&mut context).is_pending());
    }
}

#[tokio::test]
async fn one_pace_yields_twice_and_the_other_never() {
    let always: Arc<dyn Store> = Arc::new(Layered::new(memory().await, AlwaysYield));
    let mut call = Box::pin(always.spawn(spawn()));
    let mut context = Context::from_waker(Waker::noop());
    let polls =
        std::iter::repeat_with(|| call.as_mut().poll(&mut context)).take_while(Poll::is_pending).count();
    assert_eq!(polls, 2);
    let never = Layered::new(always.clone(), NeverYield);
    assert!(never.spawn(spawn()).now_or_never().is_some());
}
