//! Hints: after the commit, and to everybody who has opened the file.

use durable_core::store::{Durability, Hint, HintScope, Signals};
use futures::{FutureExt, StreamExt};
use tokio::sync::{mpsc, watch};

use super::world::{Gate, Panic, Put, World, queue};
use crate::{SqliteOptions, SqliteStore, Synchronous};

const WORK: Hint = Hint::Work { next_due: None };

#[tokio::test]
async fn a_hint_goes_out_after_the_commit_and_only_then() {
    let world = World::new();
    let store = world.open().await;
    let mut hints = store.hints(&queue("a"));
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let (open, gate) = watch::channel(false);
    let step = Gate { put: Put::named("a"), arrived, open: gate };
    let call = tokio::spawn({
        let store = store.clone();
        async move { store.write(step).await }
    });
    arrivals.recv().await.unwrap();
    assert!(hints.next().now_or_never().is_none());
    open.send(true).unwrap();
    assert_eq!(hints.next().await, Some(WORK));
    call.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_is_rolled_back_is_not_told() {
    let world = World::new();
    let store = world.open().await;
    let mut hints = store.hints(&queue("of a step that panics"));
    store.write(Panic).await.unwrap_err();
    assert!(hints.next().now_or_never().is_none());
}

#[tokio::test]
async fn a_hint_reaches_every_store_on_the_file_however_it_is_named() {
    let world = World::new();
    std::fs::create_dir(world.path("sub")).unwrap();
    let store = world.open().await;
    let other =
        SqliteStore::open(&format!("sqlite:{}/../store.db", world.path("sub").display())).await.unwrap();
    let mut hints = other.hints(&queue("a"));
    let mut of_another = other.hints(&queue("b"));
    store.write(Put::named("a")).await.unwrap();
    assert_eq!(hints.next().await, Some(WORK));
    assert!(of_another.next().now_or_never().is_none());
}

#[tokio::test]
async fn databases_in_memory_hear_nothing_of_each_other() {
    let one = SqliteStore::open("sqlite::memory:").await.unwrap();
    let other = SqliteStore::open("sqlite::memory:").await.unwrap();
    let mut hints = other.hints(&queue("a"));
    one.write(Put::named("a")).await.unwrap();
    assert!(hints.next().now_or_never().is_none());
}

#[tokio::test]
async fn hints_end_when_the_store_is_closed() {
    let world = World::new();
    let store = world.open().await;
    let mut hints = store.hints(&queue("a"));
    store.close().await;
    assert_eq!(hints.next().await, None);
}

#[tokio::test]
async fn f3_what_an_acknowledged_write_survives_is_said() {
    let world = World::new();
    let normal = SqliteOptions::default().synchronous(Synchronous::Normal);
    for (store, durability) in [
        (world.open().await, Durability::Synced),
        (SqliteStore::open_with(&world.url(), normal).await.unwrap(), Durability::Buffered),
        (SqliteStore::open("sqlite::memory:").await.unwrap(), Durability::Process),
    ] {
        let said = store.capabilities();
        assert_eq!((said.durability, said.hints), (durability, HintScope::Process));
    }
}
