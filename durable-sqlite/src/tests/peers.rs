//! Several processes on one file. A peer is this test's own program, run again for one test with the URL set.

use std::process::{Child, Command, ExitStatus};

use super::world::{Count, Put, World};
use crate::SqliteStore;
use crate::engine::{Step, Tx};
use crate::error::Fault;
use durable_core::store::Verb;

const URL: &str = "DURABLE_SQLITE_PEER_URL";

fn peer(test: &str, world: &World) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("tests::peers::{test}"), "--nocapture"])
        .env(URL, world.url())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap()
}

async fn ends(mut peer: Child) -> ExitStatus {
    tokio::task::spawn_blocking(move || peer.wait().unwrap()).await.unwrap()
}

/// The store that a peer is to work on; nothing in the program that started it.
async fn of_peer() -> Option<SqliteStore> {
    let url = std::env::var(URL).ok()?;
    Some(SqliteStore::open(&url).await.unwrap())
}

async fn put_200(store: &SqliteStore, whose: u32) {
    let puts = (0..200).map(|n| store.write(Put(format!("{whose}-{n}"))));
    for put in futures::future::join_all(puts).await {
        put.unwrap();
    }
    for n in 200..220 {
        store.write(Put(format!("{whose}-{n}"))).await.unwrap();
    }
}

#[tokio::test]
async fn sq3_processes_that_start_and_write_at_once_lose_nothing() {
    if let Some(store) = of_peer().await {
        put_200(&store, std::process::id()).await;
        return store.close().await;
    }
    let world = World::new();
    let peers: Vec<_> =
        (0..3).map(|_| peer("sq3_processes_that_start_and_write_at_once_lose_nothing", &world)).collect();
    for peer in peers {
        assert!(ends(peer).await.success());
    }
    assert_eq!(world.open().await.read(Count).await.unwrap(), 3 * 220);
}

/// Writes, and ends the process before the commit.
struct Die;

impl Step for Die {
    const VERB: Verb = Verb::PutQueue;
    type Answer = ();

    async fn run(&self, tx: &mut Tx<'_, '_>) -> Result<(), Fault> {
        Put::named("of one who dies").run(tx).await?;
        std::process::abort();
    }
}

#[tokio::test]
async fn sq5_what_a_process_had_not_committed_when_it_died_is_gone_and_another_goes_on() {
    if let Some(store) = of_peer().await {
        store.write(Put::named("acknowledged")).await.unwrap();
        return store.write(Die).await.unwrap();
    }
    let world = World::new();
    let store = world.open().await;
    let peer = peer("sq5_what_a_process_had_not_committed_when_it_died_is_gone_and_another_goes_on", &world);
    assert!(!ends(peer).await.success());
    store.write(Put::named("a")).await.unwrap();
    assert_eq!(store.read(Count).await.unwrap(), 2);
    store.close().await;
    assert_eq!(world.open().await.read(Count).await.unwrap(), 2);
}
