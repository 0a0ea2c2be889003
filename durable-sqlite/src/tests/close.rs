//! How a store ends.

use durable_core::store::StoreErrorKind;

use super::world::{Bomb, Count, Put, World, begin, seen};

#[tokio::test]
async fn closing_ends_what_was_asked_for_and_leaves_one_file() {
    let world = World::new();
    let store = world.open().await;
    let mut calls = Vec::new();
    for n in 0..100 {
        calls.push(begin(&store, Put(format!("q{n}"))).await);
    }
    store.close().await;
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert!(!world.path("store.db-wal").exists());
    assert_eq!(seen(&mut world.connect().await).await, 100);
}

#[tokio::test]
async fn a_closed_store_refuses_and_may_be_closed_again() {
    let world = World::new();
    let store = world.open().await;
    let clone = store.clone();
    tokio::join!(store.close(), clone.close());
    store.close().await;
    for fault in [clone.write(Put::named("a")).await.unwrap_err(), clone.read(Count).await.unwrap_err()] {
        assert_eq!((fault.kind, fault.may_have_happened), (StoreErrorKind::Unavailable, false));
    }
}

#[tokio::test]
async fn one_store_closes_and_another_on_the_same_file_goes_on() {
    let world = World::new();
    let (one, other) = (world.open().await, world.open().await);
    one.write(Put::named("a")).await.unwrap();
    one.close().await;
    other.write(Put::named("b")).await.unwrap();
    assert_eq!(other.read(Count).await.unwrap(), 2);
}

#[tokio::test]
async fn stores_on_one_file_that_are_closed_at_once_leave_one_file() {
    for _ in 0..30 {
        let world = World::new();
        let (one, other) = (world.open().await, world.open().await);
        tokio::join!(one.write(Put::named("a")), other.write(Put::named("b"))).0.unwrap();
        tokio::join!(one.close(), other.close());
        assert!(!world.path("store.db-wal").exists());
    }
}

#[tokio::test]
async fn the_drop_of_the_last_handle_leaves_one_file() {
    let world = World::new();
    let store = world.open().await;
    let clone = store.clone();
    store.write(Put::named("a")).await.unwrap();
    drop(store);
    assert!(world.path("store.db-wal").exists());
    drop(clone);
    assert!(!world.path("store.db-wal").exists());
}

#[tokio::test]
async fn the_threads_end_with_the_last_handle() {
    let world = World::new();
    let store = world.open().await;
    let clone = store.clone();
    let ended = store.engine.ended();
    drop(store);
    clone.write(Put::named("a")).await.unwrap();
    drop(clone);
    ended.await;
    assert!(!world.path("store.db-wal").exists());
}

#[tokio::test]
async fn a_thread_that_dies_leaves_its_callers_unavailable() {
    let world = World::new();
    let store = world.open().await;
    let first = begin(&store, Bomb).await;
    let waiting = begin(&store, Put::named("a")).await;
    let _ = first.await.unwrap();
    if let Err(fault) = waiting.await.unwrap() {
        assert_eq!((fault.kind, fault.may_have_happened), (StoreErrorKind::Unavailable, true));
    }
    store.engine.writer_ended().await;
    let fault = store.write(Put::named("b")).await.unwrap_err();
    assert_eq!((fault.kind, fault.may_have_happened), (StoreErrorKind::Unavailable, false));
    store.close().await;
}

#[tokio::test]
async fn the_caller_s_runtime_may_end_before_its_store() {
    let world = World::new();
    let url = world.url();
    let open = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(crate::SqliteStore::open(&url)).unwrap()
    });
    let store = open.join().unwrap();
    store.write(Put::named("a")).await.unwrap();
}
