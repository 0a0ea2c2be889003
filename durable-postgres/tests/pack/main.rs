//! What only Postgres can get wrong: lost connections, restarts, time limits, poolers, odd settings.
//!
//! A test is named by its code in the catalogue where it has one (`pg_5_…`).

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "../harness/mod.rs"]
mod harness;
#[path = "../support/mod.rs"]
mod support;

mod commits;
mod connections;
mod limits;
mod load;
mod roles;
mod secrets;
mod snapshots;
mod standby;
mod statements;
mod suites;
mod tls;

use std::sync::Arc;

use durable_core::model::QueueName;
use durable_core::store::{PutQueueRequest, QueueState, Queues, StoreError, StoreErrorKind};
use durable_postgres::{PostgresOptions, PostgresStore};
use support::Server;
use support::bench::Bench;
use uuid::Uuid;

/// A database of its own.
async fn database(server: &Server) -> anyhow::Result<String> {
    let database = format!("t{}", Uuid::now_v7().simple());
    server.create_database(&database).await?;
    Ok(database)
}

/// A store with one open queue, opened as a test wants it.
async fn bench_at(url: &str, options: PostgresOptions) -> anyhow::Result<Bench> {
    let store = PostgresStore::open_with(url, options).await?;
    let queue = QueueName::new("q")?;
    store.put_queue(PutQueueRequest::new(queue.clone(), QueueState::Open)).await?;
    Ok(Bench { store, queue, database: String::new() })
}

/// A server of the test's own on the loopback, and a store in it.
async fn on_its_own(options: PostgresOptions) -> anyhow::Result<(Arc<Server>, Bench)> {
    let (server, _) = Server::on_a_port("-c fsync=off")?;
    let bench = bench_at(&server.url_of(&database(&server).await?), options).await?;
    Ok((Arc::new(server), bench))
}

/// Makes every connection of the pool, so that all of them are idle.
async fn fill(bench: &Bench) -> anyhow::Result<()> {
    let pool = bench.store.pool();
    let mut all = Vec::new();
    for _ in 0..pool.options().get_max_connections() {
        all.push(pool.acquire().await?);
    }
    let wanted = all.len();
    drop(all);
    while pool.num_idle() < wanted {
        tokio::task::yield_now().await;
    }
    Ok(())
}

/// The fault that a verb ended in.
fn fault<T: std::fmt::Debug>(answer: anyhow::Result<T>) -> StoreError {
    answer.unwrap_err().downcast().unwrap()
}

/// It is unavailable, and surely nothing happened.
fn assert_undone(fault: &StoreError) {
    assert_eq!((fault.kind, fault.may_have_happened), (StoreErrorKind::Unavailable, false), "{fault:?}");
}
