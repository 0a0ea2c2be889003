//! The lock, when it is another's.

use std::time::{Duration, Instant};

use durable_core::store::StoreErrorKind;

use tokio::sync::{mpsc, watch};

use super::world::{Count, Gate, Put, ReadFirst, World, begin, execute, seen};
use crate::error;

#[tokio::test]
async fn sq2_a_lock_that_is_held_beyond_the_deadline_is_unavailable_and_nothing_was_written() {
    let world = World::new();
    let store = world.open_impatient().await;
    let mut lock = world.lock().await;
    let fault = store.write(Put::named("late")).await.unwrap_err();
    assert_eq!((fault.kind, fault.may_have_happened), (StoreErrorKind::Unavailable, false), "{fault}");
    execute(&mut lock, "rollback").await;
    assert_eq!(seen(&mut lock).await, 0);
    store.write(Put::named("in time")).await.unwrap();
}

#[tokio::test]
async fn sq2_those_who_wait_together_are_given_up_together() {
    let world = World::new();
    let store = world.open_impatient().await;
    let _lock = world.lock().await;
    let asked = Instant::now();
    let mut calls = Vec::new();
    for n in 0..100 {
        calls.push(begin(&store, Put(format!("q{n}"))).await);
    }
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap_err().kind, StoreErrorKind::Unavailable);
    }
    // One after another it would be 5 s.
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn sq2_a_lock_that_is_given_up_in_time_is_waited_for() {
    let world = World::new();
    let store = world.open().await;
    let mut lock = world.lock().await;
    let call = begin(&store, Put::named("a")).await;
    // Real time: the lane is to find the lock taken, and tries again in real time.
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(!call.is_finished());
    execute(&mut lock, "commit").await;
    call.await.unwrap().unwrap();
}

#[tokio::test]
async fn reads_go_on_while_another_writes() {
    let world = World::new();
    let store = world.open_impatient().await;
    let mut lock = world.lock().await;
    execute(&mut lock, "insert into durable_queues values ('not committed', 0)").await;
    assert_eq!(store.read(Count).await.unwrap(), 0);
}

#[tokio::test]
async fn sq1_a_step_that_has_only_read_holds_the_lock_and_so_can_still_write() {
    let world = World::new();
    let store = world.open().await;
    let mut other = world.connect().await;
    execute(&mut other, "pragma busy_timeout = 0").await;
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let (open, gate) = watch::channel(false);
    let step = ReadFirst(Gate { put: Put::named("a"), arrived, open: gate });
    let call = begin(&store, step).await;
    arrivals.recv().await.unwrap();
    // Were it a reader until it writes, this would get in between, and the write would fail at once.
    let between = sqlx::query("insert into durable_queues values ('between', 0)").execute(&mut other).await;
    assert!(error::is_busy(&between.unwrap_err()));
    open.send(true).unwrap();
    call.await.unwrap().unwrap();
}
