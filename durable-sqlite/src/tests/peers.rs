//! Several processes on one file. A peer is this test's own program, run again for one test with the URL set.

use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use super::world::{Count, Put, World, execute, figure, seen};
use crate::engine::{Step, Tx};
use crate::error::Fault;
use crate::migrate::{MIGRATIONS, migrate};
use crate::{OpenError, SqliteStore};
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

/// Opens, says so by a queue, and writes until it is told to stop by another.
async fn put_until_told(store: &SqliteStore) {
    store.write(Put::named("started")).await.unwrap();
    let mut written = 0;
    while store.read(Told).await.unwrap() == 0 {
        store.write(Put(format!("of the old one {written}"))).await.unwrap();
        written += 1;
    }
    store.write(Put(format!("written {written}"))).await.unwrap();
}

/// Whether the queue that says so is there.
struct Told;

impl Step for Told {
    const VERB: Verb = Verb::ListQueues;
    type Answer = i64;

    async fn run(&self, tx: &mut Tx<'_, '_>) -> Result<i64, Fault> {
        let told = "select count(*) from durable_queues where name = 'stop'";
        Ok(sqlx::query_scalar(told).fetch_one(tx.connection().await?).await?)
    }
}

#[tokio::test]
async fn sq12_a_process_that_has_the_file_open_goes_on_while_another_makes_the_tables_of_the_next_release() {
    if let Some(store) = of_peer().await {
        return put_until_told(&store).await;
    }
    let world = World::new();
    let mut new = world.connect().await;
    let peer = peer(
        "sq12_a_process_that_has_the_file_open_goes_on_while_another_makes_the_tables_of_the_next_release",
        &world,
    );
    while figure(&mut new, "select count(*) from sqlite_schema where name = 'durable_queues'").await == 0
        || seen(&mut new).await < 10
    {
        tokio::task::yield_now().await;
    }
    let mut next = MIGRATIONS.to_vec();
    next.push("create table durable_later (id integer) strict; create index durable_queues_later on durable_queues (state)");
    migrate(&mut new, &next, Instant::now() + Duration::from_secs(5)).await.unwrap();
    let before = seen(&mut new).await;
    while seen(&mut new).await < before + 10 {
        tokio::task::yield_now().await;
    }
    execute(&mut new, "insert into durable_queues values ('stop', 0)").await;
    assert!(ends(peer).await.success());
    // The index that the old process did not know of is whole: it was prepared anew.
    let whole: String = sqlx::query_scalar("pragma integrity_check").fetch_one(&mut new).await.unwrap();
    assert_eq!(whole, "ok");
    // Who starts the old release now is told.
    let known = i64::try_from(MIGRATIONS.len()).unwrap();
    assert!(matches!(world.refused().await, OpenError::Newer { found, .. } if found == known + 1));
}
