//! Connections that die while idle or in mid-transaction, that are refused, or that swallow everything.

use std::time::Duration;

use durable_core::store::StoreErrorKind;
use durable_postgres::PostgresOptions;
use sqlx::AssertSqlSafe;

use crate::commits::behind_a_proxy;
use crate::support::Server;
use crate::support::bench::{Bench, job};
use crate::support::proxy::Plan;
use crate::{assert_undone, bench_at, database, fault, fill, on_its_own};

/// A pool that is larger than a verb has attempts.
const MANY: u32 = 12;

#[tokio::test]
async fn f2_a_restart_costs_no_verb_though_every_idle_connection_is_dead() -> anyhow::Result<()> {
    let (server, bench) = on_its_own(PostgresOptions::default().connections(MANY)).await?;
    for order in ["stop", "kill"] {
        fill(&bench).await?;
        server.tell(order).await?;
        server.tell("start").await?;
        bench.spawn(vec![job()?]).await?;
    }
    fill(&bench).await?;
    server.tell("kill").await?;
    server.tell("start").await?;
    assert_eq!(bench.claim(10).await?.claims.len(), 2);
    Ok(())
}

#[tokio::test]
async fn f2_a_read_is_repeated_when_its_connection_is_dead() -> anyhow::Result<()> {
    let (server, bench) = on_its_own(PostgresOptions::default().connections(MANY)).await?;
    let task = bench.running().await?.token.task;
    fill(&bench).await?;
    server.tell("kill").await?;
    server.tell("start").await?;
    assert_eq!(bench.view(task).await?.id, task);
    Ok(())
}

#[tokio::test]
async fn am_5_a_server_that_is_down_is_unavailable_and_surely_did_nothing() -> anyhow::Result<()> {
    let options = PostgresOptions::default().acquire_timeout(Duration::from_millis(300));
    let (server, bench) = on_its_own(options).await?;
    server.tell("stop").await?;
    assert_undone(&fault(bench.spawn(vec![job()?]).await));
    server.tell("start").await?;
    bench.spawn(vec![job()?]).await?;
    assert_eq!(bench.claim(10).await?.claims.len(), 1);
    Ok(())
}

/// Ends the session of the call that waits for a lock, so many times.
async fn end_sessions(bench: &Bench, times: usize) -> anyhow::Result<()> {
    for _ in 0..times {
        bench.blocked(1).await?;
        let end = "select pg_terminate_backend(pid) from pg_stat_activity \
                   where datname = current_database() and wait_event_type = 'Lock'";
        sqlx::query(end).execute(bench.store.pool()).await?;
        // The next attempt is another session's.
        while !is_quiet(bench).await? {
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}

/// Whether no session waits that was told to end.
async fn is_quiet(bench: &Bench) -> anyhow::Result<bool> {
    let waiting = "select not exists (select 1 from pg_locks where not granted and database = \
                   (select oid from pg_database where datname = current_database()))";
    Ok(sqlx::query_scalar(waiting).fetch_one(bench.store.pool()).await?)
}

/// Holds the tasks, so that every call that writes one waits.
async fn held(bench: &Bench) -> anyhow::Result<sqlx::Transaction<'static, sqlx::Postgres>> {
    let mut held = bench.store.pool().begin().await?;
    sqlx::query("lock table durable.tasks in access exclusive mode").execute(&mut *held).await?;
    Ok(held)
}

#[tokio::test]
async fn pg_1_a_session_that_is_ended_in_mid_transaction_is_begun_again() -> anyhow::Result<()> {
    let bench = Bench::open(4).await?;
    let held = held(&bench).await?;
    let spawning = tokio::spawn({
        let bench = bench.clone();
        async move { bench.spawn(vec![job()?]).await }
    });
    end_sessions(&bench, 1).await?;
    held.rollback().await?;
    spawning.await??;
    assert_eq!(bench.claim(10).await?.claims.len(), 1);
    bench.close().await
}

#[tokio::test]
async fn pg_1_a_session_that_is_ended_time_and_again_is_unavailable() -> anyhow::Result<()> {
    let bench = Bench::open(4).await?;
    let held = held(&bench).await?;
    let spawning = tokio::spawn({
        let bench = bench.clone();
        async move { bench.spawn(vec![job()?, job()?]).await }
    });
    end_sessions(&bench, 5).await?;
    assert_undone(&fault(spawning.await?));
    held.rollback().await?;
    assert_eq!(bench.claim(10).await?.claims.len(), 0);
    bench.close().await
}

#[tokio::test]
async fn pg_1_a_server_that_takes_no_more_connections_is_unavailable_until_it_does() -> anyhow::Result<()> {
    let (server, port) = crate::commits::shared();
    let database = database(server).await?;
    let admin = bench_at(&server.url_of(&database), PostgresOptions::default()).await?;
    let role = format!("r{database}");
    let rights = format!(
        "create role {role} login; grant usage on schema durable to {role}; \
         grant select, insert, update, delete on all tables in schema durable to {role}"
    );
    // A role's name cannot be a parameter; this one is made here.
    sqlx::raw_sql(AssertSqlSafe(rights)).execute(admin.store.pool()).await?;
    let url = format!("postgres://{role}@127.0.0.1:{port}/{database}?sslmode=disable");
    let options = PostgresOptions::default().connections(2).acquire_timeout(Duration::from_millis(300));
    let bench = bench_at(&url, options).await?;
    fill(&bench).await?;
    let limit = format!("alter role {role} connection limit 1");
    sqlx::raw_sql(AssertSqlSafe(limit)).execute(admin.store.pool()).await?;
    bench.store.pool().acquire().await?.close().await?;
    let only = bench.store.pool().acquire().await?;
    let refused = fault(bench.spawn(vec![job()?]).await);
    assert_undone(&refused);
    assert!(refused.context.contains("takes no more"), "{refused}");
    drop(only);
    one_is_idle(&bench).await;
    bench.spawn(vec![job()?]).await
}

/// Waits until a connection that was given back is in the pool again.
async fn one_is_idle(bench: &Bench) {
    while bench.store.pool().num_idle() == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn am_11_a_connection_that_swallows_everything_is_an_error_in_time() -> anyhow::Result<()> {
    let limit = Duration::from_millis(300);
    let options = PostgresOptions::default().connections(3).answer_within(limit).acquire_timeout(limit);
    let (bench, proxy) = behind_a_proxy("", options).await?;
    fill(&bench).await?;
    proxy.set(Plan::Swallow);
    let begun = std::time::Instant::now();
    assert_undone(&fault(bench.spawn(vec![job()?, job()?]).await));
    assert!(begun.elapsed() < Duration::from_secs(10));
    // All that were idle are gone with it: the next call makes a connection that works.
    proxy.set(Plan::Pass);
    bench.spawn(vec![job()?]).await?;
    assert_eq!(bench.claim(10).await?.claims.len(), 1);
    Ok(())
}

#[tokio::test]
async fn am_11_a_commit_that_is_not_answered_in_time_may_have_happened() -> anyhow::Result<()> {
    let options = PostgresOptions::default().answer_within(Duration::from_millis(300));
    let (bench, proxy) = behind_a_proxy("", options).await?;
    proxy.set(Plan::HoldCommit);
    let late = fault(bench.spawn(vec![job()?, job()?]).await);
    assert_eq!((late.kind, late.may_have_happened), (StoreErrorKind::Unavailable, true), "{late:?}");
    bench.spawn(vec![job()?]).await
}

#[tokio::test]
async fn a_closed_store_is_unavailable() -> anyhow::Result<()> {
    let bench = Bench::open(1).await?;
    bench.store.close().await;
    assert_undone(&fault(bench.spawn(vec![job()?]).await));
    Server::get().drop_database(&bench.database).await
}
