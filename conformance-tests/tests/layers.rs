//! The layers do to calls what they say, and nothing else.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use durable_conformance::faults::{Dead, Fault, FaultStore, Faults, Plan};
use durable_conformance::layer::{AlwaysYield, Call, Layer, Layered, NeverYield};
use durable_core::model::{Payload, QueueName, TaskId, TaskName};
use durable_core::store::{
    CountsRequest, Inspect, NewTask, PutQueueRequest, QueueState, Queues, SpawnRequest, Store, StoreError,
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

/// A store that yields before and after each call, so that a call takes three polls.
async fn slow() -> (Arc<dyn Store>, Arc<dyn Store>) {
    let store = memory().await;
    (store.clone(), Arc::new(Layered::new(store, AlwaysYield)))
}

fn polls_of<T>(call: impl Future<Output = T>) -> usize {
    let mut call = pin!(call);
    let mut context = Context::from_waker(Waker::noop());
    std::iter::repeat_with(|| call.as_mut().poll(&mut context)).take_while(Poll::is_pending).count()
}

#[tokio::test]
async fn a_late_request_and_a_late_reply_take_others_turns_and_nothing_else() {
    for (fault, before) in [(Fault::Delay(5), 0), (Fault::DelayReply(5), 1)] {
        let store = memory().await;
        let faulty = FaultStore::planned(store.clone(), Plan::new().at(Verb::Spawn, 1, fault));
        let mut call = Box::pin(faulty.spawn(spawn()));
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..5 {
            assert!(call.as_mut().poll(&mut context).is_pending());
            assert_eq!(pending(&store).await, before, "{fault:?}");
        }
        assert!(call.await.is_ok());
        assert_eq!(pending(&store).await, 1);
        assert_eq!(polls_of(faulty.spawn(spawn())), 0, "the next call is in time");
    }
}

#[tokio::test]
async fn a_held_request_arrives_when_it_is_released() {
    let store = memory().await;
    let layer = Faults::new(Plan::new().at(Verb::Spawn, 1, Fault::Hold));
    let faulty = FaultStore::new(store.clone(), layer.clone());
    let mut call = Box::pin(faulty.spawn(spawn()));
    assert!(call.as_mut().now_or_never().is_none());
    assert!(faulty.spawn(spawn()).await.is_ok(), "others pass it");
    assert_eq!((layer.held(), pending(&store).await), (1, 1));
    layer.release();
    assert!(call.await.is_ok());
    assert_eq!((layer.held(), pending(&store).await), (0, 2));
}

#[tokio::test]
async fn a_held_request_is_held_no_longer_when_its_caller_goes() {
    let layer = Faults::new(Plan::new().always(Fault::Hold));
    let faulty = FaultStore::new(memory().await, layer.clone());
    assert!(faulty.spawn(spawn()).now_or_never().is_none());
    assert_eq!(layer.held(), 0);
}

#[tokio::test]
async fn a_held_request_of_a_process_that_dies_never_arrives() {
    let store = memory().await;
    let layer = Faults::new(Plan::new().always(Fault::Hold));
    let faulty = FaultStore::new(store.clone(), layer.clone());
    let mut call = Box::pin(faulty.spawn(spawn()));
    assert!(call.as_mut().now_or_never().is_none());
    layer.kill();
    layer.release();
    assert!(call.now_or_never().is_none());
    assert_eq!(pending(&store).await, 0);
}

/// Counts what reaches the store.
#[derive(Debug, Clone, Default)]
struct Counts(Arc<AtomicUsize>);

impl Layer for Counts {
    type Ticket = ();

    async fn before(&self, _: Call) -> Result<(), StoreError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        Ok(())
    }

    async fn after(&self, (): ()) -> Result<(), StoreError> {
        Ok(())
    }
}

#[tokio::test]
async fn a_duplicate_reaches_the_store_twice_at_once_with_one_request() {
    let (store, counts) = (memory().await, Counts::default());
    let counted = Arc::new(Layered::new(store.clone(), counts.clone()));
    let faulty = FaultStore::planned(counted, Plan::new().at(Verb::Spawn, 1, Fault::DuplicateNow));
    let mut call = Box::pin(faulty.spawn(spawn()));
    assert!(call.as_mut().now_or_never().is_none());
    assert_eq!((counts.0.load(Ordering::Relaxed), pending(&store).await), (2, 0), "both are on their way");
    assert!(call.await.is_ok());
    assert_eq!(pending(&store).await, 1, "one request has one id");
    faulty.spawn(spawn()).await.unwrap();
    assert_eq!(counts.0.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_late_duplicate_arrives_after_so_many_further_calls() {
    let counts = Counts::default();
    let counted = Arc::new(Layered::new(memory().await, counts.clone()));
    for (further, arrives_with) in [(0, 1), (1, 2), (3, 4)] {
        let layer = Faults::new(Plan::new().at_call(1, Fault::DuplicateLate(further)));
        let faulty = FaultStore::new(counted.clone(), layer.clone());
        counts.0.store(0, Ordering::Relaxed);
        for call in 1..=5 {
            faulty.spawn(spawn()).await.unwrap();
            let copies = usize::from(call >= arrives_with);
            assert_eq!(counts.0.load(Ordering::Relaxed), call + copies, "{further} further calls");
            assert_eq!(layer.late(), 1 - copies);
        }
    }
}

#[tokio::test]
async fn a_late_duplicate_waits_for_a_call_that_reaches_the_store() {
    let store = memory().await;
    let plan = Plan::new().at_call(1, Fault::DuplicateLate(1)).at_call(2, Fault::DropRequest);
    let layer = Faults::new(plan);
    let faulty = FaultStore::new(store, layer.clone());
    faulty.spawn(spawn()).await.unwrap();
    assert!(faulty.spawn(spawn()).await.is_err());
    assert_eq!(layer.late(), 1);
    faulty.spawn(spawn()).await.unwrap();
    assert_eq!(layer.late(), 0);
}

#[tokio::test]
async fn a_call_is_dropped_after_so_many_polls_and_may_have_happened() {
    // Of three polls the second makes the call.
    for (polls, spawned, passes) in [(0, 0, false), (1, 0, false), (2, 1, false), (3, 1, true), (9, 1, true)]
    {
        let (store, slow) = slow().await;
        let faulty = FaultStore::planned(slow, Plan::new().at(Verb::Spawn, 1, Fault::CancelAt(polls)));
        match faulty.spawn(spawn()).await {
            Ok(_) => assert!(passes, "{polls} polls"),
            Err(error) => {
                assert!(!passes, "{polls} polls");
                assert_eq!((error.kind, error.may_have_happened), (StoreErrorKind::Unavailable, true));
            }
        }
        assert_eq!(pending(&store).await, spawned, "{polls} polls");
    }
}

#[tokio::test]
async fn chance_deals_every_kind_of_fault_and_what_was_acknowledged_is_there() {
    let kinds = vec![
        Fault::DropRequest,
        Fault::LoseRequest,
        Fault::DropReply,
        Fault::Delay(2),
        Fault::DelayReply(2),
        Fault::DuplicateNow,
        Fault::DuplicateLate(3),
        Fault::CancelAt(1),
        Fault::CancelAt(2),
        Fault::Error(StoreErrorKind::Unavailable),
    ];
    for seed in 0..20 {
        let (store, slow) = slow().await;
        let layer = Faults::new(Plan::new().random(seed, 800, kinds.clone()));
        let faulty = FaultStore::new(slow, layer.clone());
        let (mut surely, mut perhaps) = (0, 0);
        for _ in 0..60 {
            match faulty.spawn(spawn()).await {
                Ok(_) => surely += 1,
                Err(error) => perhaps += u64::from(error.may_have_happened),
            }
        }
        let there = pending(&store).await;
        assert!((surely..=surely + perhaps).contains(&there), "{surely} {there} {perhaps}");
        assert!(surely > 10 && perhaps > 5, "{surely} {perhaps}");
    }
}

#[tokio::test]
async fn one_pace_yields_twice_and_the_other_never() {
    let always: Arc<dyn Store> = Arc::new(Layered::new(memory().await, AlwaysYield));
    assert_eq!(polls_of(always.spawn(spawn())), 2);
    let never = Layered::new(always.clone(), NeverYield);
    assert!(never.spawn(spawn()).now_or_never().is_some());
}
