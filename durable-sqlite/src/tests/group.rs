//! Group commit: who waits is committed together, and answered after that.

use std::time::Duration;

use durable_core::store::StoreErrorKind;
use futures::FutureExt;
use tokio::sync::{mpsc, watch};

use super::world::{Count, Gate, Panic, Put, Refuse, RefuseLate, Run, World, begin, execute, seen};
use crate::SqliteStore;

#[tokio::test]
async fn writes_that_wait_share_a_commit_and_all_that_is_acknowledged_is_there() {
    let world = World::new();
    let store = world.open().await;
    let mut lock = world.lock().await;
    let before = world.pages_in_log();
    let mut calls = Vec::new();
    for n in 0..200 {
        calls.push(begin(&store, Put(format!("q{n}"))).await);
    }
    execute(&mut lock, "rollback").await;
    for call in calls {
        call.await.unwrap().unwrap();
    }
    // A commit of its own is a page at least; how many share one depends on how busy the machine is.
    let pages = world.pages_in_log() - before;
    assert!(pages < 200, "200 writes took {pages} pages");
    assert_eq!(store.read(Count).await.unwrap(), 200);
    assert_eq!(seen(&mut lock).await, 200);
}

#[tokio::test]
async fn those_who_have_waited_for_the_lock_share_its_commit() {
    let world = World::new();
    let store = world.open().await;
    // On a busy machine one step may take as long as a transaction takes in others.
    for attempt in 0..20 {
        if is_shared_after_a_wait(&world, &store, attempt).await {
            return;
        }
    }
    panic!("each of those who have waited commits alone");
}

async fn is_shared_after_a_wait(world: &World, store: &SqliteStore, attempt: i64) -> bool {
    let mut other = world.lock().await;
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let (open, gate) = watch::channel(false);
    let first = begin(store, Put(format!("first {attempt}"))).await;
    let put = Put(format!("last {attempt}"));
    let last = begin(store, Gate { put, arrived, open: gate }).await;
    // Real time: longer than a transaction takes in further steps.
    tokio::time::sleep(Duration::from_millis(20)).await;
    execute(&mut other, "rollback").await;
    arrivals.recv().await.unwrap();
    let is_shared = seen(&mut other).await == 2 * attempt;
    open.send(true).unwrap();
    first.await.unwrap().unwrap();
    last.await.unwrap().unwrap();
    is_shared
}

#[tokio::test]
async fn no_answer_comes_before_its_commit() {
    let world = World::new();
    let store = world.open().await;
    // On a busy machine the first may have been committed by itself before the second came.
    for attempt in 0..100 {
        if shares_a_commit(&world, &store, attempt).await {
            return;
        }
    }
    panic!("two that wait never share a commit");
}

/// Looks for an answer of a step whose transaction is held open by the next; `false` when they are in two.
async fn shares_a_commit(world: &World, store: &SqliteStore, attempt: i64) -> bool {
    let mut other = world.lock().await;
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let (open, gate) = watch::channel(false);
    let mut first = begin(store, Put(format!("first {attempt}"))).await;
    let put = Put(format!("last {attempt}"));
    let last = begin(store, Gate { put, arrived, open: gate }).await;
    execute(&mut other, "rollback").await;
    arrivals.recv().await.unwrap();
    // The first has run long ago, and the transaction is open.
    let is_committed = seen(&mut other).await != 2 * attempt;
    if !is_committed {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert!((&mut first).now_or_never().is_none());
        assert_eq!((seen(&mut other).await, store.read(Count).await.unwrap()), (2 * attempt, 2 * attempt));
    }
    open.send(true).unwrap();
    first.await.unwrap().unwrap();
    if !is_committed {
        assert_eq!(seen(&mut other).await, 2 * attempt + 2);
    }
    last.await.unwrap().unwrap();
    !is_committed
}

#[tokio::test]
async fn a_step_that_fails_or_panics_or_refuses_does_not_harm_the_others_of_its_group() {
    let world = World::new();
    let store = world.open().await;
    let mut lock = world.lock().await;
    let good = [begin(&store, Put::named("a")).await, begin(&store, Put::named("b")).await];
    let failed = begin(&store, Run("insert into durable_queues values ('x', 0); select nothing")).await;
    let refused = begin(&store, Refuse).await;
    let twice = begin(&store, Put::named("a")).await;
    let more = begin(&store, Put::named("c")).await;
    let panicked = begin(&store, Panic).await;
    let last = begin(&store, Put::named("d")).await;
    execute(&mut lock, "rollback").await;
    for call in good.into_iter().chain([more, last]) {
        call.await.unwrap().unwrap();
    }
    for (call, kind) in [
        (failed, StoreErrorKind::Corrupt),
        (refused, StoreErrorKind::NotFound),
        (twice, StoreErrorKind::Conflict),
        (panicked, StoreErrorKind::Corrupt),
    ] {
        let fault = call.await.unwrap().unwrap_err();
        assert_eq!((fault.kind, fault.may_have_happened), (kind, false), "{fault}");
    }
    assert_eq!(seen(&mut lock).await, 4);
}

#[tokio::test]
async fn sq10_a_caller_who_goes_away_changes_nothing_for_the_others() {
    let world = World::new();
    let store = world.open().await;
    let mut lock = world.lock().await;
    for n in 0..20 {
        let call = begin(&store, Put(format!("left{n}"))).await;
        call.abort();
    }
    let stays = begin(&store, Put::named("stays")).await;
    execute(&mut lock, "rollback").await;
    stays.await.unwrap().unwrap();
    // They run to their end, and leave no transaction open.
    assert_eq!(seen(&mut lock).await, 21);
    execute(&mut lock, "begin immediate; rollback").await;
}

#[tokio::test]
async fn sq4_memory_is_one_private_database_for_all_clones() {
    let store = SqliteStore::open("sqlite::memory:").await.unwrap();
    store.write(Put::named("a")).await.unwrap();
    assert_eq!(store.clone().read(Count).await.unwrap(), 1);
    let other = SqliteStore::open("sqlite::memory:").await.unwrap();
    assert_eq!(other.read(Count).await.unwrap(), 0);
}

#[tokio::test]
async fn sq7_a_long_read_does_not_hold_up_a_writer() {
    let world = World::new();
    let store = world.open().await;
    let mut reader = world.connect().await;
    execute(&mut reader, "begin; select * from durable_queues").await;
    store.write(Put::named("a")).await.unwrap();
    assert_eq!(seen(&mut reader).await, 0);
}

#[tokio::test]
async fn a_step_that_refuses_after_it_has_written_is_found() {
    let store = SqliteStore::open("sqlite::memory:").await.unwrap();
    assert_eq!(store.write(RefuseLate).await.unwrap_err().kind, StoreErrorKind::Corrupt);
    assert_eq!(store.read(Count).await.unwrap(), 0);
}
